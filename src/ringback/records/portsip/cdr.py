"""A PortSIP call log as a Webex CDR; the tables are in `docs/mapping.md`.

It goes by way of the leg, so the rules are written once, and the CDRs that feed and stream give of call logs have the
same legs as the call logs.
"""

from __future__ import annotations

from uuid import UUID

from ringback.records.fields import FIELDS, Field, Kind
from ringback.records.leg import Leg
from ringback.records.portsip.call_log import CallLog
from ringback.records.portsip.leg import leg_of_call_log
from ringback.records.values import to_wire_time

_ATTRIBUTES = {
    "Answer time": "answer_time",
    "Answered": "answered",
    "Called line ID": "called_name",
    "Call ID": "call_id",
    "Calling line ID": "calling_name",
    "Start time": "start_time",
    "Call type": "call_type",
    "Correlation ID": "correlation_id",
    "Duration": "duration",
    "Inbound trunk": "inbound_trunk",
    "Outbound trunk": "outbound_trunk",
    "Redirect reason": "redirect_reason",
    "Related reason": "related_reason",
    "Report time": "report_time",
    "User UUID": "user_id",
    "User type": "user_type",
    "User": "user_name",
    "Called number": "called_number",
    "Calling number": "calling_number",
    "Dialed digits": "dialed_digits",
    "Releasing party": "released_by",
    "Redirecting number": "redirecting_number",
    "Call transfer time": "transfer_time",
    "Network call ID": "network_call_id",
    "User number": "user_number",
    "Call outcome": "outcome",
    "Call outcome reason": "outcome_reason",
    "Ring duration": "ring_duration",
    "Answer indicator": "answer_indicator",
    "Release time": "release_time",
    "External caller ID number": "shown_number_outside",
}
"""The attribute of the leg that a field of the CDR is, for all fields that a call log can fill as they are."""


def cdr_of_call_log(log: CallLog, org: UUID) -> dict[str, object]:
    """The Webex CDR of a call log as feed and stream give it: all 87 keys in wire order, unset ones as "".

    Its Report ID is the id of the call log, so it is as stable as that. Times are cut to milliseconds.
    """
    leg = leg_of_call_log(log, str(org), log.id)
    own = {
        "Report ID": log.id,
        "Org UUID": str(org),
        "Direction": (leg.side or "").upper(),
        "Answered elsewhere": "Yes" if leg.answered_elsewhere else "",
    }
    return {field.wire: own[field.wire] if field.wire in own else _written(field, leg) for field in FIELDS}


def _written(field: Field, leg: Leg) -> object:
    attribute = _ATTRIBUTES.get(field.wire)
    value = None if attribute is None else getattr(leg, attribute)
    if value is None:
        return ""
    if field.kind is Kind.TIME:
        return to_wire_time(value)
    if field.kind is Kind.BOOLEAN:
        return "true" if value else "false"
    if field.kind is Kind.INTEGER and not field.number:
        return str(value)
    return value
