"""From single items to the ledger, in batches, with a report of what came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from uuid import UUID

import msgspec

from ringback.ledger.contract import Appended, Ledger, Quarantined
from ringback.records.decode import Record
from ringback.records.errors import NotARecord
from ringback.records.kinds import decode_any
from ringback.sources.files.items import BrokenItem, Item, UnreadableFile

MAX_EXAMPLES = 5


class Example(msgspec.Struct, frozen=True):
    """Something that was quarantined: where it stands, and the reason."""

    where: str
    reason: str


class ImportReport(msgspec.Struct):
    """What became of the items so far.

    Attributes:
        appended: the counts of the ledger.
        odd: attribute of `CDR`, and in how many records its value was odd and so is unset.
        orgs: how many records of each organization came, new or not.
        first_reasons: the first `MAX_EXAMPLES` different reasons for quarantine, each with the first place it was met.
    """

    appended: Appended = msgspec.field(default_factory=Appended)
    odd: Counter[str] = msgspec.field(default_factory=Counter)
    orgs: Counter[UUID] = msgspec.field(default_factory=Counter)
    first_reasons: list[Example] = msgspec.field(default_factory=list)

    def __add__(self, other: ImportReport) -> ImportReport:
        """Both together, for several files."""
        return ImportReport(
            self.appended + other.appended,
            self.odd + other.odd,
            self.orgs + other.orgs,
            _different(self.first_reasons + other.first_reasons),
        )


class ImportStopped(UnreadableFile):
    """The rest of a file cannot be read; `report` is what became of the items before, which stay in the ledger."""

    def __init__(self, problem: UnreadableFile, report: ImportReport) -> None:
        super().__init__(str(problem))
        self.report = report


def import_items(
    items: Iterable[Item],
    ledger: Ledger,
    *,
    default_org: UUID | None = None,
    batch_size: int = 500,
    on_progress: Callable[[ImportReport], None] | None = None,
) -> ImportReport:
    """Append every item to the ledger: as a record, or to its quarantine if it cannot be one.

    Args:
        items: for instance from `ringback.sources.files.read_file`.
        default_org: the organization of records that name none, and of what is quarantined.
        batch_size: how many items are appended in one commit.
        on_progress: is called after each commit with the report so far.

    Raises:
        ImportStopped: the items ended with `UnreadableFile`. Everything before is in the ledger.
        StoreError: a batch could not be stored. The batches before are; the last report given to `on_progress` says
            what they were.
    """
    batches = _Batches(ledger, default_org, on_progress)
    try:
        for item in items:
            batches.add(item)
            if batches.size >= batch_size:
                batches.append()
    except UnreadableFile as problem:
        batches.append()
        raise ImportStopped(problem, batches.report) from problem
    batches.append()
    return batches.report


class _Batches:
    def __init__(
        self, ledger: Ledger, default_org: UUID | None, on_progress: Callable[[ImportReport], None] | None
    ) -> None:
        self.report = ImportReport()
        self._ledger = ledger
        self._default_org = default_org
        self._on_progress = on_progress
        self._odd: Counter[str] = Counter()
        self._records: list[Record] = []
        self._quarantined: list[Quarantined] = []

    @property
    def size(self) -> int:
        return len(self._records) + len(self._quarantined)

    def add(self, item: Item) -> None:
        if isinstance(item, BrokenItem):
            self._quarantine(item, item.reason)
            return
        try:
            decoded = decode_any(item.raw, self._default_org)
        except NotARecord as error:
            self._quarantine(item, str(error))
            return
        self._records.append(decoded.record)
        self._odd.update(decoded.odd)

    def _quarantine(self, item: Item, reason: str) -> None:
        self._quarantined.append(Quarantined(item.raw, reason, item.where, self._default_org))

    def append(self) -> None:
        """Store what came since the last time. The report counts only what is stored."""
        if not self.size:
            return
        self.report += ImportReport(
            self._ledger.append(self._records, self._quarantined),
            self._odd,
            Counter(record.org for record in self._records),
            _different([Example(item.source, item.reason) for item in self._quarantined]),
        )
        self._odd = Counter()
        self._records = []
        self._quarantined = []
        if self._on_progress:
            self._on_progress(self.report)


def _different(examples: list[Example]) -> list[Example]:
    first: dict[str, Example] = {}
    for example in examples:
        first.setdefault(example.reason, example)
    return list(first.values())[:MAX_EXAMPLES]
