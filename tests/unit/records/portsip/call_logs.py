"""Call logs for tests: one with everything set, and hypothesis strategies for any."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st

from factories import NOON, ORG
from ringback.records import enums
from ringback.records.cdr import CDR
from ringback.records.fields import FIELDS, UNSET, Field, Kind
from ringback.records.leg import leg_of_cdr
from ringback.records.portsip.call_log import CallLog, read_call_log
from ringback.records.portsip.cdr import cdr_of_call_log
from ringback.records.portsip.fields import CallLogDirection, EndReason, RerouteReason
from ringback.records.portsip.leg import call_log_of_leg
from ringback.records.values import to_wire_time
from unit.records.portsip.mapping_page import listed, paragraph

FULL: dict[str, Any] = {
    "id": "994512345678901248",
    "session_id": "994512345678901247",
    "caller": "101",
    "caller_domain": "pbx.example.com",
    "caller_display_name": "Ann Example",
    "callee": "102",
    "callee_domain": "PBX.example.com",
    "callee_display_name": "Bob Example",
    "started_at": "2026-03-02T12:00:00.000Z",
    "rang_at": "2026-03-02T12:00:01.000Z",
    "answered_at": "2026-03-02T12:00:06.000Z",
    "ended_at": "2026-03-02T12:01:06.000Z",
    "call_id": "c1@198.51.100.7",
    "direction": "INBOUND_CALL",
    "end_reason": "CALLER_DISCONNECTED",
    "reroute_reason": "TRANSFER",
    "status_code": 0,
    "destination": "sip:102@198.51.100.20",
    "outbound_caller_id": "+12025550100",
    "did_cid": "+12025550101",
    "trunk": "East",
    "duration": 60,
    "cost": 0.35,
    "billed_account": "Example tenant",
    "service_number": "8000",
    "user_data": "order=17",
}


def log_of(values: dict[str, Any]) -> CallLog:
    """The call log that these values are read as; with an id of its own, if they have none."""
    return read_call_log(msgspec.json.encode({"id": "1"} | values))


def full(**values: Any) -> CallLog:
    """A call log with everything set, but for these."""
    return log_of(FULL | values)


def cdr_of(log: CallLog) -> dict[str, Any]:
    """Its CDR, after a way through JSON."""
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(cdr_of_call_log(log, ORG)))
    return decoded


def log_of_cdr(values: dict[str, Any]) -> CallLog:
    """The call log of a CDR with these values."""
    cdr = CDR.from_mapping(values)
    return call_log_of_leg(leg_of_cdr(cdr, str(ORG), cdr.report_id or "1"))


def there_and_back(log: CallLog) -> CallLog:
    """The call log of its own CDR."""
    return log_of_cdr(cdr_of(log))


def cut(moment: datetime | None) -> datetime | None:
    """The time without what is below milliseconds."""
    return moment and moment.replace(microsecond=moment.microsecond // 1000 * 1000)


texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12).filter(lambda text: text not in UNSET)
"""Texts that are no blank in a call log, and are not unset in a CDR."""

ids = st.text("0123456789", min_size=1, max_size=19) | st.text("ABCxyz019+/=", min_size=4, max_size=28)
moments = st.integers(0, 10**15).map(lambda microseconds: NOON + timedelta(microseconds=microseconds))

call_logs = st.builds(
    CallLog,
    id=ids,
    session_id=st.none() | ids,
    **{
        name: st.none() | texts
        for name in (
            *("caller", "caller_domain", "caller_display_name", "callee", "callee_domain", "callee_display_name"),
            *("call_id", "destination", "outbound_caller_id", "did_cid", "trunk", "billed_account", "user_data"),
        )
    },
    started_at=st.none() | moments,
    rang_at=st.none() | moments,
    answered_at=st.none() | moments,
    ended_at=st.none() | moments,
    direction=st.none() | st.sampled_from([*CallLogDirection, CallLogDirection("SIDEWAYS_CALL")]),
    end_reason=st.none() | st.sampled_from([*EndReason, EndReason("BORED")]),
    reroute_reason=st.none() | st.sampled_from([*RerouteReason, RerouteReason("FULL_MOON")]),
    status_code=st.none() | st.integers(-1, 800),
    duration=st.none() | st.integers(-1, 2**31 - 1),
    cost=st.none() | st.decimals(0, 100, places=4),
    service_number=st.none() | st.sampled_from(["8000", "101"]) | texts,
    odd=st.just(()) | st.just(("answered_at",)),
)
"""Any call log, likely or not."""


@st.composite
def plain_call_logs(draw: st.DrawFn) -> CallLog:
    """Call logs of which all that has a counterpart in a CDR comes back from it, for their words map back."""
    direction = draw(st.sampled_from(CallLogDirection))
    started = NOON + timedelta(milliseconds=draw(st.integers(0, 10**9)))
    rang = started + timedelta(milliseconds=draw(st.integers(0, 5000)))
    answered = draw(st.booleans())
    answer = rang + timedelta(milliseconds=draw(st.integers(0, 30_000)))
    ended = answer + timedelta(milliseconds=draw(st.integers(0, 10**7)))
    ends, status = draw(
        st.sampled_from(
            [
                *((EndReason(word), 0) for word in ("CALLER_DISCONNECTED", "CALLEE_DISCONNECTED")),
                *((EndReason(f"{kind}_TRANSFER_COMPLETED"), 0) for kind in ("BLIND", "CONSULT")),
                (None, 0),
                (None, None),
            ]
            if answered
            else [
                (EndReason.cancelled, 487),
                (EndReason.redirected, 302),
                *((None, code) for code in (None, 0, 183, 403, 404, 408, 480, 486, 500, 503, 600, 603, 606)),
            ]
        )
    )
    reasons = ("TRANSFER", "FORWARDING_BUSY", "FORWARDING_NO_ANSWER", "FORWARDING_AWAY", "FORWARDING_NIGHT_MODE")
    reroute = draw(st.none() | st.sampled_from(reasons))
    outgoing = direction is CallLogDirection.outbound
    return CallLog(
        id=draw(ids),
        session_id=draw(st.none() | ids),
        caller=draw(st.none() | texts),
        caller_display_name=draw(st.none() | texts),
        callee=draw(st.none() | texts),
        callee_display_name=draw(st.none() | texts),
        started_at=started,
        rang_at=draw(st.none() | st.just(rang)),
        answered_at=answer if answered else None,
        ended_at=ended,
        call_id=draw(st.none() | texts),
        direction=direction,
        end_reason=ends,
        reroute_reason=RerouteReason(reroute) if reroute else None,
        status_code=status,
        outbound_caller_id=draw(st.none() | texts),
        did_cid=None if outgoing else draw(st.none() | texts),
        trunk=draw(st.none() | texts),
        duration=draw(st.none() | st.integers(0, 10**6)),
        service_number=None if outgoing or reroute else draw(st.none() | texts),
    )


def _values(field: Field) -> st.SearchStrategy[object]:
    if field.kind is Kind.ENUM:
        return st.sampled_from(["", *getattr(enums, field.enum), "Something new"])
    return {
        Kind.TEXT: st.sampled_from(["", "101", "8000"]) | texts,
        Kind.TIME: st.just("") | moments.map(to_wire_time),
        Kind.INTEGER: st.just("") | st.integers(-5, 10**6),
        Kind.BOOLEAN: st.sampled_from(["", "true", "false"]),
    }[field.kind]


_ALONE = listed(paragraph("These have no counterpart"))
_VARIED = [field for field in FIELDS if field.wire not in _ALONE or field.kind is Kind.ENUM]

cdrs = st.fixed_dictionaries({field.wire: _values(field) for field in _VARIED} | {"Report ID": ids})
"""Webex CDRs, likely or not, with anything in the fields that could matter to a call log."""
