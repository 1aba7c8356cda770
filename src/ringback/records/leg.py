"""The leg: the source-neutral view of one record, one party's part in a call.

Projections read legs and nothing else, so that a call history is built in one way whatever the calls came from.
"""

from __future__ import annotations

from datetime import datetime
from operator import attrgetter
from typing import Any, Literal

import msgspec

from ringback.records.cdr import CDR
from ringback.records.fields import FIELDS, UNSET
from ringback.records.lazy import read_fields
from ringback.records.values import OddValue, reader, user_key


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """One party's part in a call. Ids are opaque texts, times aware UTC, durations whole seconds; None is unknown.

    What the party *is* stands under `user_...`, who the call was between under `calling_...` and `called_...`. The
    words of outcome, reasons and types are those of the source (open enums there, plain texts here).
    """

    org: str
    record_id: str
    side: Literal["originating", "terminating"] | None

    # What joins legs into calls
    correlation_id: str | None = None
    interaction_id: str | None = None
    call_id: str | None = None
    network_call_id: str | None = None
    local_call_id: str | None = None
    remote_call_id: str | None = None
    related_call_id: str | None = None
    transfer_related_call_id: str | None = None
    local_session_id: str | None = None
    remote_session_id: str | None = None
    final_local_session_id: str | None = None
    final_remote_session_id: str | None = None

    # Parties
    user_id: str | None = None
    user_name: str | None = None
    user_number: str | None = None
    user_type: str | None = None
    calling_number: str | None = None
    calling_name: str | None = None
    called_number: str | None = None
    called_name: str | None = None
    dialed_digits: str | None = None
    shown_number: str | None = None
    shown_number_outside: str | None = None
    redirecting_number: str | None = None
    redirecting_user_id: str | None = None
    original_called_user_id: str | None = None
    device_owner_id: str | None = None

    # Times
    start_time: datetime | None = None
    answer_time: datetime | None = None
    transfer_time: datetime | None = None
    release_time: datetime | None = None
    report_time: datetime | None = None
    duration: int | None = None
    ring_duration: int | None = None
    hold_duration: int | None = None

    # Outcome
    answered: bool | None = None
    answer_indicator: str | None = None
    answer_reason: str | None = None
    answered_elsewhere: bool = False
    outcome: str | None = None
    outcome_reason: str | None = None
    released_by: str | None = None
    original_reason: str | None = None
    redirect_reason: str | None = None
    related_reason: str | None = None
    recall_type: str | None = None
    queue_type: str | None = None
    attendant_key: str | None = None
    transfer_type: str | None = None
    transfer_context: str | None = None
    consult_merged: bool | None = None
    reputation_result: str | None = None
    reputation_score: str | None = None
    reputation_reason: str | None = None
    recording_platform: str | None = None
    recording_result: str | None = None
    recording_trigger: str | None = None

    # Place
    location: str | None = None
    site_id: str | None = None
    site_number: str | None = None
    site_utc_offset: int | None = None
    """Minutes east of UTC."""
    department_id: str | None = None
    elin: str | None = None
    emergency_number_source: str | None = None

    # Device
    client_type: str | None = None
    sub_client_type: str | None = None
    client_version: str | None = None
    os_type: str | None = None
    device_model: str | None = None
    device_mac: str | None = None
    public_calling_address: str | None = None
    public_called_address: str | None = None

    # Trunk and cost
    call_type: str | None = None
    country: str | None = None
    inbound_trunk: str | None = None
    outbound_trunk: str | None = None
    route_group: str | None = None
    route_list_overage: str | None = None
    pstn_vendor: str | None = None
    pstn_vendor_org_id: str | None = None
    pstn_legal_entity: str | None = None
    pstn_provider_id: str | None = None
    authorization_code: str | None = None
    external_customer_id: str | None = None


def leg_of_cdr(cdr: CDR, org: str, record_id: str) -> Leg:
    """The leg of a Webex CDR. `org` and `record_id` are those the ledger keeps it under."""
    # Done for every record there is. Most fields are unset, and most of those that are set are texts.
    fields = read_fields(cdr.raw)
    leg: dict[str, Any] = {
        name: value
        for name, unset, value in zip(_TEXTS, _UNSET, _text_values(fields), strict=True)
        if type(value) is str and value not in unset
    }
    for (name, read), value in zip(_TYPED, _typed_values(fields), strict=True):
        if value is not None and value != "":
            try:
                leg[name] = read(value)
            except OddValue:
                continue
    for name in _USERS:
        if name in leg:
            leg[name] = user_key(leg[name])
    if "site_utc_offset" in leg:
        leg["site_utc_offset"] = _minutes(leg["site_utc_offset"])
    if "consult_merged" in leg:
        leg["consult_merged"] = _YES_OR_NO.get(leg["consult_merged"])
    leg["answered_elsewhere"] = leg.get("answered_elsewhere") == "Yes"
    return Leg(org=org, record_id=record_id, side=_SIDES.get(leg.pop("side", "")), **leg)


_TEXTS = {
    "side": "direction",
    "correlation_id": "correlation_id",
    "interaction_id": "interaction_id",
    "call_id": "call_id",
    "network_call_id": "network_call_id",
    "local_call_id": "local_call_id",
    "remote_call_id": "remote_call_id",
    "related_call_id": "related_call_id",
    "transfer_related_call_id": "transfer_related_call_id",
    "local_session_id": "local_session_id",
    "remote_session_id": "remote_session_id",
    "final_local_session_id": "final_local_session_id",
    "final_remote_session_id": "final_remote_session_id",
    "user_id": "user_uuid",
    "user_name": "user",
    "user_number": "user_number",
    "user_type": "user_type",
    "calling_number": "calling_number",
    "calling_name": "calling_line_id",
    "called_number": "called_number",
    "called_name": "called_line_id",
    "dialed_digits": "dialed_digits",
    "shown_number": "caller_id_number",
    "shown_number_outside": "external_caller_id_number",
    "redirecting_number": "redirecting_number",
    "redirecting_user_id": "redirecting_party_uuid",
    "original_called_user_id": "original_called_party_uuid",
    "device_owner_id": "device_owner_uuid",
    "answer_indicator": "answer_indicator",
    "answer_reason": "answer_reason",
    "answered_elsewhere": "answered_elsewhere",
    "outcome": "call_outcome",
    "outcome_reason": "call_outcome_reason",
    "released_by": "releasing_party",
    "original_reason": "original_reason",
    "redirect_reason": "redirect_reason",
    "related_reason": "related_reason",
    "recall_type": "recall_type",
    "queue_type": "queue_type",
    "attendant_key": "auto_attendant_key_pressed",
    "transfer_type": "transfer_type",
    "transfer_context": "transfer_type_context",
    "consult_merged": "wxcc_consult_merge_status",
    "reputation_result": "caller_reputation_service_result",
    "reputation_score": "caller_reputation_score",
    "reputation_reason": "caller_reputation_score_reason",
    "recording_platform": "call_recording_platform_name",
    "recording_result": "call_recording_result",
    "recording_trigger": "call_recording_trigger",
    "location": "location",
    "site_id": "site_uuid",
    "site_number": "site_main_number",
    "site_utc_offset": "site_timezone",
    "department_id": "department_id",
    "elin": "elin",
    "emergency_number_source": "emergency_number_source",
    "client_type": "client_type",
    "sub_client_type": "sub_client_type",
    "client_version": "client_version",
    "os_type": "os_type",
    "device_model": "model",
    "device_mac": "device_mac",
    "public_calling_address": "public_calling_ip_address",
    "public_called_address": "public_called_ip_address",
    "call_type": "call_type",
    "country": "international_country",
    "inbound_trunk": "inbound_trunk",
    "outbound_trunk": "outbound_trunk",
    "route_group": "route_group",
    "route_list_overage": "route_list_calls_overage",
    "pstn_vendor": "pstn_vendor_name",
    "pstn_vendor_org_id": "pstn_vendor_org_id",
    "pstn_legal_entity": "pstn_legal_entity",
    "pstn_provider_id": "pstn_provider_id",
    "authorization_code": "authorization_code",
    "external_customer_id": "external_customer_id",
}
"""Texts of a leg, each with the attribute of `CDR`."""

_FIELDS = {field.attribute: field for field in FIELDS}
_UNSET = [UNSET - _FIELDS[attribute].means for attribute in _TEXTS.values()]
_text_values = attrgetter(*_TEXTS.values())

_NOT_TEXTS = {
    "start_time": "start_time",
    "answer_time": "answer_time",
    "transfer_time": "call_transfer_time",
    "release_time": "release_time",
    "report_time": "report_time",
    "duration": "duration",
    "ring_duration": "ring_duration",
    "hold_duration": "hold_duration",
    "answered": "answered",
}
"""What else a leg has, each with the attribute of `CDR`."""

_TYPED = [(name, reader(_FIELDS[attribute])) for name, attribute in _NOT_TEXTS.items()]
_typed_values = attrgetter(*_NOT_TEXTS.values())

_USERS = ("user_id", "redirecting_user_id", "original_called_user_id", "device_owner_id")
_SIDES: dict[str, Literal["originating", "terminating"]] = {
    "ORIGINATING": "originating",
    "TERMINATING": "terminating",
}
_YES_OR_NO = {"Yes": True, "No": False}


def _minutes(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None
