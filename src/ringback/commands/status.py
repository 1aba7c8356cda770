"""`ringback status`."""

from __future__ import annotations

from ringback.commands.common import ConfigOption, DataOption, open_store, print_table, utc_now
from ringback.ledger import SqlLedger
from ringback.ledger.contract import NO_ORG
from ringback.records.values import from_milliseconds

EXAMPLE = "Example: **ringback status --data /var/lib/ringback**"


def status(data: DataOption = None, config: ConfigOption = None) -> None:
    """Show what the store has: records, organizations, time range, quarantine, size."""
    with open_store(config, data, create=False) as store:
        summaries = SqlLedger(store, utc_now).summaries()
        size = store.size
        directory = store.directory.resolve()
    records = sum(summary.records for summary in summaries)
    revisions = sum(summary.revisions for summary in summaries)
    quarantined = sum(summary.quarantined for summary in summaries)
    orgs = sum(1 for summary in summaries if summary.org != NO_ORG)
    print(f"store       {directory}")
    print(f"size        {size / 1e6:,.1f} MB" + (f", {size // records:,} bytes a record" if records else ""))
    print(f"orgs        {orgs:,}")
    print(f"records     {records:,} ({revisions:,} older versions kept beside them)")
    print(f"quarantine  {quarantined:,}" + (" (see 'ringback quarantine')" if quarantined else ""))
    rows = [
        (
            "(none)" if summary.org == NO_ORG else str(summary.org),
            f"{summary.records:,}",
            f"{summary.revisions:,}",
            f"{summary.quarantined:,}",
            _time(summary.first_report_at),
            _time(summary.last_report_at),
            _time(summary.last_stored_at),
        )
        for summary in summaries
    ]
    if rows:
        print()
        print_table(("org", "records", "revisions", "quarantine", "first report", "last report", "last stored"), rows)


def _time(milliseconds: int | None) -> str:
    return "" if milliseconds is None else f"{from_milliseconds(milliseconds):%Y-%m-%d %H:%M:%SZ}"
