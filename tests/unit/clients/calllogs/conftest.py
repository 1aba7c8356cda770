"""Everything is read in both ways, from a server on a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from unit.clients.calllogs.service import TOKEN, Reader, Service, World, serving


@pytest.fixture
def world() -> World:
    """A clock that stands still until somebody waits."""
    return World()


@pytest.fixture
def service() -> Iterator[Service]:
    """A server."""
    with serving() as service:
        yield service


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def reader_with(request: pytest.FixtureRequest, service: Service, world: World) -> Iterator[Callable[..., Reader]]:
    """Makes a client of either kind with the arguments that are given; by default with a token."""
    with ExitStack() as stack:

        def make(**given: Any) -> Reader:
            arguments = given if "username" in given or "token" in given else {"token": TOKEN} | given
            reader = Reader(service.base_url, world, asynchronous=request.param, **arguments)
            return stack.enter_context(reader)

        yield make


@pytest.fixture
def reader(reader_with: Callable[..., Reader]) -> Reader:
    """A client of either kind with a token."""
    return reader_with()
