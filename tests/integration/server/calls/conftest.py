"""What the tests of calls share."""

from __future__ import annotations

import pytest

from integration.server.calls.reception import Reception
from serving import Site


@pytest.fixture
def here(site: Site) -> Reception:
    """A site without calls."""
    return Reception(site)
