"""The table of costs: charges by the id of the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from ringback.projections.costs.tariff import Charge
from ringback.store.schema import call_costs


def load(connection: Connection, org: UUID, ids: Sequence[str]) -> dict[str, Charge]:
    """The charges of some records, of those that have one. As many ids as a page or a batch has."""
    statement = select(call_costs).where(call_costs.c.org == org, call_costs.c.id.in_(ids))
    return {
        row.id: Charge(Decimal(row.amount), row.currency, row.account, row.tariff)
        for row in connection.execute(statement)
    }


def put(
    connection: Connection, org: UUID, charges: Mapping[str, Charge], rated_at: int, *, replace: bool = True
) -> None:
    """Write charges.

    Args:
        rated_at: milliseconds since 1970.
        replace: False leaves those that are there as they are.
    """
    if not charges:
        return
    values = [
        {
            "org": org,
            "id": record_id,
            "amount": plain(charge.amount),
            "currency": charge.currency,
            "account": charge.account,
            "tariff": charge.tariff,
            "rated_at": rated_at,
        }
        for record_id, charge in charges.items()
    ]
    statement = insert(call_costs)
    if not replace:
        connection.execute(statement.on_conflict_do_nothing(), values)
        return
    key = (call_costs.c.org, call_costs.c.id)
    updated = {column.name: statement.excluded[column.name] for column in call_costs.c if column not in set(key)}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=updated), values)


def remove(connection: Connection, org: UUID, ids: Sequence[str]) -> None:
    """Delete the charges of these records, of those that have one."""
    if ids:
        connection.execute(delete(call_costs).where(call_costs.c.org == org, call_costs.c.id.in_(ids)))


def plain(amount: Decimal) -> str:
    """An amount in digits, without zeros behind the last place that says something: `0.05`, `120`."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
