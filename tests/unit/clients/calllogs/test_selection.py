"""Keywords become filters, and what comes is held against them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from factories import NOON
from ringback.calllogs import CallLogDirection, EndReason, FilterIgnored, UsageError, quoted
from unit.clients.calllogs.service import Reader, Service, World, listed, numbers, row

BERLIN = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, None),
        ({"caller": "101"}, "caller eq '101'"),
        ({"caller": ["101", "102"]}, "(caller eq '101' or caller eq '102')"),
        ({"callee": ("103",)}, "callee eq '103'"),
        ({"number": "101"}, "(caller eq '101' or callee eq '101')"),
        ({"direction": CallLogDirection.inbound}, "direction eq 'INBOUND_CALL'"),
        ({"direction": "A_NEW_ONE"}, "direction eq 'A_NEW_ONE'"),
        ({"end_reason": EndReason.cancelled}, "end_reason eq 'CANCELLED'"),
        ({"status_code": 486}, "status_code eq '486'"),
        ({"status_code": [0, 486]}, "(status_code eq '0' or status_code eq '486')"),
        ({"trunk": "O'Brien's"}, "trunk eq 'O''Brien''s'"),
        ({"trunk": "' or caller ne '"}, "trunk eq ''' or caller ne '''"),
        ({"did_cid": "+49 30/1&2=3%20#"}, "did_cid eq '+49 30/1&2=3%20#'"),
        ({"session_id": "NzAwNTUxOTA5NzczMTQ4MTYw=="}, "session_id eq 'NzAwNTUxOTA5NzczMTQ4MTYw=='"),
        ({"caller": "Zoë 東京"}, "caller eq 'Zoë 東京'"),
        ({"caller": "101", "trunk": "A"}, "caller eq '101' and trunk eq 'A'"),
        ({"caller": None, "start": None, "limit": None}, None),
        ({"end": NOON}, "started_at lt '2026-03-02T12:00:00Z'"),
        (
            {"start": NOON - timedelta(hours=1), "end": NOON},
            "started_at ge '2026-03-02T11:00:00Z' and started_at lt '2026-03-02T12:00:00Z'",
        ),
        (
            {"start": datetime(2026, 3, 2, 12, 0, 0, 500, BERLIN), "end": "2026-03-02T12:00:00+00:00"},
            "started_at ge '2026-03-02T11:00:00.000500Z' and started_at lt '2026-03-02T12:00:00Z'",
        ),
        ({"filter": "contains(caller,'0')"}, "contains(caller,'0')"),
        (
            {"filter": "caller eq '1' or caller eq '2'", "callee": "3"},
            "callee eq '3' and (caller eq '1' or caller eq '2')",
        ),
    ],
)
def test_keywords_become_a_filter(
    reader: Reader, service: Service, wanted: Mapping[str, Any], expected: str | None
) -> None:
    """Keywords become a filter in PortSIP's words, whatever signs their values have; None is as if not given."""
    assert reader.list(**wanted) == []
    assert service.asked[0].query.get("filter") == expected


def test_search_is_sent(reader: Reader, service: Service) -> None:
    """Free text goes along with the filter."""
    reader.list(search="101 or 'Ann'", caller="101")
    query = service.asked[0].query
    assert (query["search"], query["filter"]) == ("101 or 'Ann'", "caller eq '101'")


def test_a_list_with_a_start_has_an_end(reader: Reader, service: Service, world: World) -> None:
    """A list from a time on ends a few minutes after the call, on the clock that is passed in; others have no end."""
    reader.list(start=NOON - timedelta(days=1))
    reader.list(start=NOON - timedelta(days=1), orderby="started_at desc")
    reader.list(start=NOON + timedelta(days=1))
    first, other_order, to_come = (asked.query["filter"] for asked in service.asked)
    assert first == "started_at ge '2026-03-01T12:00:00Z' and started_at lt '2026-03-02T12:05:00Z'"
    assert other_order == "started_at ge '2026-03-01T12:00:00Z'"
    assert to_come == "started_at ge '2026-03-03T12:00:00Z'"


def test_counting(reader: Reader, service: Service) -> None:
    """How many call logs there are is asked for with the same keywords and one row."""
    service.answer = lambda _: listed(row(1), count=4711)
    assert reader.call("count", caller="101", search="x") == 4711
    assert service.asked[0].query == {"filter": "caller eq '101'", "search": "x", "count": "true", "top": "1"}


@pytest.mark.parametrize(
    ("wanted", "match"),
    [
        ({"start": datetime(2026, 3, 2)}, "time zone"),  # noqa: DTZ001  # the mistake this is about
        ({"start": "yesterday"}, "ISO 8601"),
        ({"start": NOON, "end": NOON}, "must be later"),
        ({"caller": []}, "caller is empty"),
        ({"caller": 1.5}, "caller must be"),
        ({"status_code": True}, "status_code must be"),
    ],
)
def test_what_cannot_be_meant(reader: Reader, service: Service, wanted: Mapping[str, Any], match: str) -> None:
    """Keywords that would ask for something else than is meant are refused before anything is sent."""
    with pytest.raises(UsageError, match=match):
        reader.client.list(**wanted)
    with pytest.raises(UsageError, match=match):
        reader.call("count", **wanted)
    assert service.asked == []


def test_keywords_that_there_are_not(reader: Reader) -> None:
    """A misspelt keyword is an error and not a list of everything."""
    with pytest.raises(TypeError, match="'caler'"):
        reader.client.list(caler="101")
    with pytest.raises(TypeError, match="'limit'"):
        reader.call("count", limit=1)


@pytest.mark.parametrize(
    "wanted",
    [
        {"caller": "999"},
        {"number": ["998", "999"]},
        {"direction": CallLogDirection.inbound},
        {"status_code": 486},
        {"end": NOON - timedelta(hours=1)},
        {"start": NOON + timedelta(hours=1)},
    ],
)
def test_a_server_that_does_not_filter(reader: Reader, service: Service, wanted: Mapping[str, Any]) -> None:
    """When a call log comes that was not asked for, that is an error: the sum over such a list would be wrong."""
    service.answer = lambda _: listed(row(1))
    with pytest.raises(FilterIgnored, match="does not filter") as caught:
        reader.list(**wanted)
    assert "101" not in str(caught.value)


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ({"caller": "ANN"}, {"caller": "ann"}),
        ({"caller": "101"}, {"caller": None}),
        ({"number": "102"}, {}),
        ({"caller": "101"}, {"caller": ["odd"]}),
        ({"end_reason": "CALLER_DISCONNECT"}, {}),
        ({"end_reason": EndReason.caller_disconnected}, {"end_reason": "CALLER_DISCONNECT"}),
        ({"start": NOON + timedelta(seconds=1.5)}, {}),
        ({"start": NOON}, {"started_at": None}),
        ({"status_code": 0}, {"status_code": "0"}),
    ],
    ids=["case", "blank", "either side", "odd", "short reason", "reason", "seconds", "no time", "number as text"],
)
def test_what_a_filtering_server_may_give(
    reader: Reader, service: Service, wanted: Mapping[str, Any], given: Mapping[str, Any]
) -> None:
    """A server may compare without case, in whole seconds, and leave fields blank; that is no sign of not filtering."""
    service.answer = lambda _: listed(row(1, **given))
    assert numbers(reader.list(**wanted)) == [1]


def test_quoting_for_filters_of_ones_own() -> None:
    """The function for filters of one's own makes any text a value."""
    assert quoted("it's") == "'it''s'"
    assert quoted("") == "''"


def test_times_are_in_utc(reader_with: Callable[..., Reader], service: Service) -> None:
    """Times of any zone are asked for in UTC, and read as UTC."""
    service.answer = lambda _: listed(row(1, started_at="2026-03-02T13:00:01+01:00"))
    (log,) = reader_with().list(start="2026-03-02T13:00:00+01:00", end="2026-03-02T14:00:00+01:00")
    assert log.started_at == datetime(2026, 3, 2, 12, 0, 1, tzinfo=UTC)
    assert "'2026-03-02T12:00:00Z'" in service.asked[0].query["filter"]
