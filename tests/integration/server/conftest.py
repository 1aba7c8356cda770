"""What the tests of the server share: a store of their own, and the app on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import UUID

import pytest

from factories import Clock
from ringback.settings import OrgSettings, PortsipSettings, ServerSettings
from ringback.store import Store
from serving import Site, SiteMaker


@pytest.fixture
def make_site(directory: Path, clock: Clock) -> Iterator[SiteMaker]:
    """Opens the store and makes its app; each call does it again, as one more web process does."""
    made: list[Site] = []

    def make(
        server: ServerSettings | None = None,
        orgs: Mapping[UUID, OrgSettings] | None = None,
        portsip: PortsipSettings | None = None,
    ) -> Site:
        site = Site(Store.open(directory), clock, server, orgs, portsip)
        made.append(site)
        return site

    yield make
    for site in made:
        site.close()
        site.store.close()


@pytest.fixture
def site(make_site: SiteMaker) -> Site:
    """The app with default settings on an empty store."""
    return make_site()
