"""Everything is read in both ways."""

from __future__ import annotations

import pytest

from unit.clients.cloud import Way, World


@pytest.fixture
def world() -> World:
    """A clock that stands still until somebody waits."""
    return World()


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def way(request: pytest.FixtureRequest, world: World) -> Way:
    """The synchronous API, and the asynchronous one."""
    return Way(world, asynchronous=request.param)
