"""What the commands share that collect from sources."""

from __future__ import annotations

from collections.abc import Sequence

from ringback.clients.errors import UsageError
from ringback.commands.common import CommandError, utc_now
from ringback.settings import Settings, SourceSettings, duration
from ringback.sources.collecting.collector import Collector
from ringback.sources.webex.credentials import CredentialsError
from ringback.sources.webex.source import tools_for, webex_workers
from ringback.store import Store


def chosen(settings: Settings, names: Sequence[str] | None) -> list[SourceSettings]:
    """The sources with these names; all if none is named.

    Raises:
        CommandError: there is none, or none with such a name.
    """
    if not settings.sources:
        raise CommandError("The settings name no [[sources]] to collect from. docs/collecting.md says how.")
    known = {source.name: source for source in settings.sources}
    if unknown := [name for name in names or () if name not in known]:
        raise CommandError(f"There is no source {unknown[0]!r} in the settings. There are: {', '.join(known)}.")
    return [known[name] for name in names] if names else list(known.values())


def collector_for(sources: Sequence[SourceSettings], store: Store, **options: bool) -> Collector:
    """A collector of these sources, not started.

    Args:
        options: see `Tools`.

    Raises:
        CommandError: a secret is not where the settings say, or an address cannot be used.
    """
    try:
        workers = webex_workers(sources, tools_for(store, utc_now, **options))
    except (CredentialsError, UsageError) as error:
        raise CommandError(str(error)) from error
    return Collector(workers, min(duration(source.lease).total_seconds() for source in sources))
