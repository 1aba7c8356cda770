"""The leg: the source-neutral view of one record, one party's part in a call.

Projections read legs and nothing else, so that a call history is built in one way whatever the calls came from.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from ringback.records.cdr import CDR
from ringback.records.values import user_key


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
    return Leg(
        org=org,
        record_id=record_id,
        side=_SIDES.get(cdr.direction or ""),
        correlation_id=cdr.correlation_id,
        interaction_id=cdr.interaction_id,
        call_id=cdr.call_id,
        network_call_id=cdr.network_call_id,
        local_call_id=cdr.local_call_id,
        remote_call_id=cdr.remote_call_id,
        related_call_id=cdr.related_call_id,
        transfer_related_call_id=cdr.transfer_related_call_id,
        local_session_id=cdr.local_session_id,
        remote_session_id=cdr.remote_session_id,
        final_local_session_id=cdr.final_local_session_id,
        final_remote_session_id=cdr.final_remote_session_id,
        user_id=_user(cdr.user_uuid),
        user_name=cdr.user,
        user_number=cdr.user_number,
        user_type=cdr.user_type,
        calling_number=cdr.calling_number,
        calling_name=cdr.calling_line_id,
        called_number=cdr.called_number,
        called_name=cdr.called_line_id,
        dialed_digits=cdr.dialed_digits,
        shown_number=cdr.caller_id_number,
        shown_number_outside=cdr.external_caller_id_number,
        redirecting_number=cdr.redirecting_number,
        redirecting_user_id=_user(cdr.redirecting_party_uuid),
        original_called_user_id=_user(cdr.original_called_party_uuid),
        device_owner_id=_user(cdr.device_owner_uuid),
        start_time=cdr.start_time,
        answer_time=cdr.answer_time,
        transfer_time=cdr.call_transfer_time,
        release_time=cdr.release_time,
        report_time=cdr.report_time,
        duration=cdr.duration,
        ring_duration=cdr.ring_duration,
        hold_duration=cdr.hold_duration,
        answered=cdr.answered,
        answer_indicator=cdr.answer_indicator,
        answer_reason=cdr.answer_reason,
        answered_elsewhere=cdr.answered_elsewhere == "Yes",
        outcome=cdr.call_outcome,
        outcome_reason=cdr.call_outcome_reason,
        released_by=cdr.releasing_party,
        original_reason=cdr.original_reason,
        redirect_reason=cdr.redirect_reason,
        related_reason=cdr.related_reason,
        recall_type=cdr.recall_type,
        queue_type=cdr.queue_type,
        attendant_key=cdr.auto_attendant_key_pressed,
        transfer_type=cdr.transfer_type,
        transfer_context=cdr.transfer_type_context,
        consult_merged=_MERGED.get(cdr.wxcc_consult_merge_status or ""),
        reputation_result=cdr.caller_reputation_service_result,
        reputation_score=cdr.caller_reputation_score,
        reputation_reason=cdr.caller_reputation_score_reason,
        recording_platform=cdr.call_recording_platform_name,
        recording_result=cdr.call_recording_result,
        recording_trigger=cdr.call_recording_trigger,
        location=cdr.location,
        site_id=cdr.site_uuid,
        site_number=cdr.site_main_number,
        site_utc_offset=_minutes(cdr.site_timezone),
        department_id=cdr.department_id,
        elin=cdr.elin,
        emergency_number_source=cdr.emergency_number_source,
        client_type=cdr.client_type,
        sub_client_type=cdr.sub_client_type,
        client_version=cdr.client_version,
        os_type=cdr.os_type,
        device_model=cdr.model,
        device_mac=cdr.device_mac,
        public_calling_address=cdr.public_calling_ip_address,
        public_called_address=cdr.public_called_ip_address,
        call_type=cdr.call_type,
        country=cdr.international_country,
        inbound_trunk=cdr.inbound_trunk,
        outbound_trunk=cdr.outbound_trunk,
        route_group=cdr.route_group,
        route_list_overage=cdr.route_list_calls_overage,
        pstn_vendor=cdr.pstn_vendor_name,
        pstn_vendor_org_id=cdr.pstn_vendor_org_id,
        pstn_legal_entity=cdr.pstn_legal_entity,
        pstn_provider_id=cdr.pstn_provider_id,
        authorization_code=cdr.authorization_code,
        external_customer_id=cdr.external_customer_id,
    )


_SIDES: dict[str, Literal["originating", "terminating"]] = {
    "ORIGINATING": "originating",
    "TERMINATING": "terminating",
}
_MERGED = {"Yes": True, "No": False}


def _user(text: str | None) -> str | None:
    return None if text is None else user_key(text)


def _minutes(text: str | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        return None
