"""Finding out what the lists of a PBX heed, by comparing what they answer.

PortSIP's documentation declares no options for `/calllogs` and `/cdrs`, and uses them in examples. An option that is
not known may be refused or passed over in silence, so nothing is believed that an answer does not show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from msgspec.structs import replace

from ringback.sources.collecting.intervals import SECOND
from ringback.sources.collecting.kind import SourceAway
from ringback.sources.portsip.abilities import Abilities, ListName
from ringback.sources.portsip.gateway import Gateway
from ringback.sources.portsip.lists import ORDERS, NotTaken, ask_list, before, descending, within
from ringback.sources.portsip.rows import Page, Row
from ringback.sources.portsip.rules import whole_second
from ringback.sources.portsip.session import Session

_SMALLEST_PAGE = 10
_TRIES = 4
"""A list that is not there is asked for so often before that is believed: what is collected hangs on it."""

_PAUSE = 5.0


class NoRows(Exception):
    """There are no rows to compare.

    Attributes:
        empty: whether there are none at all.
    """

    def __init__(self, *, empty: bool) -> None:
        super().__init__("no rows")
        self.empty = empty


class NotReadable(SourceAway):
    """The PBX has no list that can be read as a whole."""


class Probe:
    """Finds out.

    Args:
        top: the largest page to ask for.
    """

    def __init__(self, session: Session, gateway: Gateway, top: int) -> None:
        self._session = session
        self._gateway = gateway
        self._top = top

    def run(self, names: Sequence[ListName]) -> Abilities:
        """The abilities of the first of these lists that can be read well, or else that can be read at all.

        Raises:
            NoRows: nothing can be compared yet.
            NotReadable: the PBX has none of the lists, or they heed nothing.
            SourceAway, WindowFailed: see `Session.ask`.
        """
        problems = []
        usable = []
        for name in names:
            first = self._first(name)
            if first is None:
                problems.append(f"it has no /{name}")
                continue
            abilities = self._abilities(*first)
            if abilities.usable and abilities.newest_known:
                return abilities
            usable += [abilities] if abilities.usable else []
            problems.append(f"/{name} heeds neither skip nor a filter by time")
        if usable:
            return usable[0]
        raise NotReadable(f"the PBX cannot be read: {' and '.join(problems)}")

    def _first(self, name: ListName) -> tuple[Abilities, Page] | None:
        """What a list gives that is asked for nothing; None if there is no such list."""
        for tries in range(1, _TRIES + 1):
            for post in (False, True) if name == "cdrs" else (False,):
                abilities = Abilities(list=name, post=post)
                try:
                    return abilities, ask_list(self._session, abilities, {})
                except NotTaken as error:
                    if error.status not in (404, 405, 501):
                        raise SourceAway(str(error)) from error
            if tries < _TRIES:
                self._gateway.wait(_PAUSE)
        return None

    def _abilities(self, abilities: Abilities, first: Page) -> Abilities:
        if not first.rows:
            raise NoRows(empty=not first.items)
        abilities = self._spelling(abilities, first)
        ascending, rows = self._orders(abilities, first)
        abilities = replace(
            abilities,
            order=ascending,
            page=self._page(abilities, first),
            newest_first=_falls(first.rows),
        )
        if not any(row.ended is not None for row in rows):
            raise NoRows(empty=False)
        counts: list[bool] = []
        found = {field: self._filters(abilities, field, rows, counts) for field in ("ended", "started")}
        return replace(abilities, **found, count=abilities.count and all(counts))

    def _ask(self, abilities: Abilities, options: Mapping[str, str]) -> Page | None:
        """A page; None if the list refuses the options."""
        try:
            return ask_list(self._session, abilities, options)
        except NotTaken:
            return None

    def _spelling(self, abilities: Abilities, first: Page) -> Abilities:
        """How options are spelled, and which of those heeds that cut pages."""
        for dollar in (False, True):
            spelled = replace(abilities, dollar=dollar)
            one = self._ask(spelled, {"top": "1", "count": "true"})
            # Documents disagree whether `skip=2` leaves out one row or two. Most rows are gone either way; some may
            # stay, where rows of one moment change places.
            after = self._ask(spelled, {"skip": str(len(first.rows) + 1)})
            skip = after is not None and 2 * len(first.ids & after.ids) < len(first.rows)
            top = one is not None and len(one.rows) <= 1 < len(first.rows)
            if top or skip:
                counts = one is not None and one.count is not None and one.count >= len(first.rows) > 1
                return replace(spelled, top=top, skip=skip, count=counts)
        return abilities

    def _page(self, abilities: Abilities, first: Page) -> int:
        """How many rows to ask for: as many as we like to, or as the list gives."""
        if not abilities.top:
            return max(len(first.rows), 1)
        size = self._top
        while size > _SMALLEST_PAGE and self._ask(abilities, {"top": str(size)}) is None:
            size = max(size // 2, _SMALLEST_PAGE)
        return size

    def _orders(self, abilities: Abilities, first: Page) -> tuple[str, Sequence[Row]]:
        """The order that the list heeds, "" if none; and all rows that were seen on the way."""
        seen = list(first.rows)
        for order in ORDERS:
            up = self._ask(abilities, {"orderby": order})
            if up is None:
                continue
            down = self._ask(abilities, {"orderby": descending(order)})
            if down is None:
                continue
            seen += [*up.rows, *down.rows]
            if _rises(up.rows) and _falls(down.rows):
                return order, seen
            # Not heeded, or all calls of the list began at one moment: who asks in that order will see.
            starts = {row.started for row in seen if row.started is not None}
            return order if len(starts) < 2 else "", seen
        return "", seen

    def _filters(self, abilities: Abilities, field: str, rows: Sequence[Row], counts: list[bool]) -> bool:
        """Whether the list can be filtered by a time: a row is there among those of its second, and is gone among
        those before.

        Args:
            counts: gets whether the counts are those of the rows that the filter lets through.
        """
        known = [row for row in rows if getattr(row, field) is not None]
        if not known:
            return False
        # One in the middle: rows that come while we ask are at the ends.
        chosen = sorted(known, key=lambda row: (getattr(row, field), row.id))[len(known) // 2]
        at = whole_second(getattr(chosen, field))
        name = f"{field}_at"
        among = self._ask(abilities, {"filter": within(name, at, at + SECOND), "count": "true"})
        if among is None or chosen.id not in among.ids or not _all_within(among, field, at, at + SECOND):
            return False
        earlier = self._ask(abilities, {"filter": before(name, at), "count": "true"})
        if earlier is None or chosen.id in earlier.ids or not _all_within(earlier, field, None, at):
            return False
        if len(among.rows) < abilities.page:
            counts.append(among.count == len(among.rows))
        return True


def _all_within(page: Page, field: str, start: int | None, end: int) -> bool:
    times = [time for row in page.rows if (time := getattr(row, field)) is not None]
    return all((start is None or start <= time) and time < end for time in times)


def _rises(rows: Sequence[Row]) -> bool:
    """Whether rows are in order of their start, and not all of one moment."""
    starts = [row.started for row in rows if row.started is not None]
    return all(a <= b for a, b in pairwise(starts)) and len(set(starts)) > 1


def _falls(rows: Sequence[Row]) -> bool:
    return _rises(rows[::-1])
