"""The store: one database with everything ringback keeps; its schema, migrations, connections and compression.

Rooms above own their tables' meaning; all tables are declared here, so that one set of migrations makes them all. The
schema keeps the rules that let it move to PostgreSQL and be distributed by organization there: the org is in every
primary and unique key of an org's own tables, sequences come from a counter row, and no statement touches two orgs.
"""

from ringback.store.errors import StoreError, TookTooLong
from ringback.store.store import Store

__all__ = ["Store", "StoreError", "TookTooLong"]
