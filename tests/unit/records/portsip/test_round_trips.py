"""What maps, maps back: for call logs and CDRs of any content."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import given

from factories import ORG
from ringback.records.cdr import CDR
from ringback.records.decode import decode
from ringback.records.leg import leg_of_cdr
from ringback.records.portsip.call_log import CallLog
from ringback.records.portsip.cdr import cdr_of_call_log
from ringback.records.portsip.leg import leg_of_call_log, legs_of_call_log
from unit.records.portsip.call_logs import (
    call_logs,
    cdr_of,
    cdrs,
    cut,
    log_of_cdr,
    plain_call_logs,
    there_and_back,
)
from unit.records.portsip.mapping_page import listed, table

SAME = {
    row["call log"]: listed(f"`{row['Webex CDR']}`")[0]
    for row in table("call log", "Webex CDR")
    if row["how"].startswith("as it is")
}
TIMES = ("start_time", "answer_time", "transfer_time", "release_time", "report_time")


@given(plain_call_logs())
def test_a_call_log_comes_back_from_its_cdr(log: CallLog) -> None:
    """A call log is equal to that of its CDR, but for the fraction of a second at which it began to ring."""
    back = there_and_back(log)
    assert (back.rang_at is None) == (log.rang_at is None)
    if log.rang_at is not None and back.rang_at is not None:
        assert timedelta() <= back.rang_at - log.rang_at < timedelta(seconds=1)
    assert msgspec.structs.replace(back, rang_at=log.rang_at) == log


@given(plain_call_logs())
def test_a_cdr_comes_back_from_its_call_log(log: CallLog) -> None:
    """The CDR of a call log is equal to the CDR of that CDR's call log, but for what has no place in call logs."""
    first = cdr_of(log)
    again = cdr_of(there_and_back(log))
    assert again == first


@given(cdrs)
def test_what_is_mapped_as_it_is_comes_back_from_any_cdr(values: dict[str, Any]) -> None:
    """Fields that the page says are mapped as they are, are the same in a CDR and in that of its call log."""
    log = log_of_cdr(values)
    again = cdr_of(log)
    for name, key in SAME.items():
        expected = values[key]
        if name == "ended_at":
            expected = expected or values["Call transfer time"]
        elif name == "did_cid" and log.did_cid is None:
            expected = ""
        assert again[key] == expected


@given(cdrs)
def test_the_call_log_of_any_cdr_is_settled(values: dict[str, Any]) -> None:
    """A call log that was made of a CDR changes no more, however often it becomes a CDR and a call log again."""
    log = log_of_cdr(values)
    assert there_and_back(log) == log


@given(call_logs)
def test_any_call_log_is_a_complete_cdr(log: CallLog) -> None:
    """Whatever a call log says, its CDR is a record with its id, all keys and nothing odd."""
    raw = msgspec.json.encode(cdr_of_call_log(log, ORG))
    decoded = decode(raw)
    assert decoded.odd == ()
    record = decoded.record
    assert (record.org, record.record_id, record.wire_keys) == (ORG, log.id, 87)


@given(call_logs)
def test_a_call_log_and_its_cdr_have_the_same_leg(log: CallLog) -> None:
    """Who reads the CDRs of call logs sees the legs that the call logs themselves have, to the millisecond."""
    leg = leg_of_call_log(log, str(ORG), log.id)
    of_cdr = leg_of_cdr(CDR.from_mapping(cdr_of_call_log(log, ORG)), str(ORG), log.id)
    assert of_cdr == msgspec.structs.replace(leg, **{name: cut(getattr(leg, name)) for name in TIMES})


@given(call_logs)
def test_only_calls_between_extensions_have_two_legs(log: CallLog) -> None:
    """A call log has one leg, and one more of the caller's, without a reroute, if both sides are extensions."""
    legs = legs_of_call_log(log, str(ORG), log.id)
    assert legs[0] == leg_of_call_log(log, str(ORG), log.id)
    sides = ["terminating", "originating"] if log.direction == "EXTENSION_CALL" else [legs[0].side]
    assert [leg.side for leg in legs] == sides
    assert {(leg.network_call_id, leg.record_id) for leg in legs} == {(log.id, log.id)}
    assert {leg.redirect_reason for leg in legs[1:]} <= {None}
