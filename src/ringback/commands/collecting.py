"""What the commands share that collect from sources."""

from __future__ import annotations

from collections.abc import Sequence

from ringback.clients.errors import UsageError
from ringback.commands.common import CommandError, utc_now
from ringback.settings import PortsipSourceSettings, Settings, SourceSettings, WebexSourceSettings, duration
from ringback.sources.collecting.collector import Collector, tools_for
from ringback.sources.collecting.plan import History, Outlook
from ringback.sources.collecting.secrets import CredentialsError
from ringback.sources.portsip.source import outlook_of as portsip_outlook
from ringback.sources.portsip.source import portsip_workers
from ringback.sources.webex.source import outlook_of as webex_outlook
from ringback.sources.webex.source import webex_workers
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
    tools = tools_for(store, utc_now, **options)
    webex = [source for source in sources if isinstance(source, WebexSourceSettings)]
    portsip = [source for source in sources if isinstance(source, PortsipSourceSettings)]
    try:
        workers = [*webex_workers(webex, tools), *portsip_workers(portsip, tools)]
    except (CredentialsError, UsageError) as error:
        raise CommandError(str(error)) from error
    return Collector(workers, min(duration(source.lease).total_seconds() for source in sources))


def kind_of(source: SourceSettings) -> str:
    """The kind of a source, such as `webex`."""
    return str(source.__struct_config__.tag)


def outlook_of(source: SourceSettings, history: History, now: int) -> Outlook:
    """What follows from the windows of a source, for those who do not collect it."""
    if isinstance(source, PortsipSourceSettings):
        return portsip_outlook(source, history, now)
    return webex_outlook(source, history, now)
