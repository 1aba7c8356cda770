"""What the tests of events share: who writes them, and a web process that brings them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from factories import Clock
from integration.events.site import Teller, WebProcess, web_process
from ringback.store import Store


@pytest.fixture
def teller(directory: Path, clock: Clock) -> Iterator[Teller]:
    """Writes events to the store of the test."""
    store = Store.open(directory)
    yield Teller(store, clock)
    store.close()


@pytest.fixture
def web(directory: Path, clock: Clock) -> Iterator[WebProcess]:
    """A web process of the store of the test."""
    with web_process(directory, clock) as process:
        yield process
