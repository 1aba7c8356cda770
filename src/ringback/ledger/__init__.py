"""The ledger: the append-only log of records, and the quarantine beside it.

`Ledger` (in `contract`) is what every implementation promises; `SqlLedger` keeps it in a store, `MemoryLedger` is the
twin for tests of logic. Nothing here knows where records come from or in which dialect they are given back.
"""

from ringback.ledger.contract import (
    Appended,
    Ledger,
    OrgSummary,
    Page,
    Position,
    Quarantined,
    QuarantinedEntry,
    StoredRecord,
    TimeAxis,
    Window,
)
from ringback.ledger.memory import MemoryLedger
from ringback.ledger.sql import SqlLedger

__all__ = [
    "Appended",
    "Ledger",
    "MemoryLedger",
    "OrgSummary",
    "Page",
    "Position",
    "Quarantined",
    "QuarantinedEntry",
    "SqlLedger",
    "StoredRecord",
    "TimeAxis",
    "Window",
]
