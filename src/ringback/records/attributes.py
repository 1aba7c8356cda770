"""The typed attributes of `CDR`. Made from the field table by script/generate; change the table instead."""

from __future__ import annotations

from datetime import datetime

from ringback.records.enums import (
    AnsweredElsewhere,
    AnswerIndicator,
    AnswerReason,
    CallOutcome,
    CallOutcomeReason,
    CallRecordingPlatform,
    CallRecordingResult,
    CallRecordingTrigger,
    CDRCallType,
    CDRClientType,
    CDRDirection,
    CDROriginalReason,
    CDRRedirectReason,
    CDRRelatedReason,
    CDRUserType,
    ConsultMergeStatus,
    EmergencyNumberSource,
    QueueType,
    RecallType,
    ReleasingParty,
    ReputationResult,
    SubClientType,
    TransferType,
)
from ringback.records.lazy import LazyRecord


class CDRAttributes(LazyRecord):
    """One attribute for each field of a CDR, in wire order."""

    __slots__ = ()

    @property
    def answer_time(self) -> datetime | None:
        """When the call was answered. Unset if it was not."""
        return self._time(0)

    @property
    def answered(self) -> bool | None:
        """Whether this leg was answered. A hunt group or queue that took the call counts as answering."""
        return self._boolean(1)

    @property
    def direction(self) -> CDRDirection | None:
        """Whether the party of this record made the call or received it."""
        return self._enum(2, CDRDirection)

    @property
    def called_line_id(self) -> str | None:
        """Name shown for the called side: on an incoming call the user's own, on an outgoing call the other party's."""
        return self._text(3)

    @property
    def call_id(self) -> str | None:
        """SIP Call-ID; the one to give to support when a single call is to be found."""
        return self._text(4)

    @property
    def calling_line_id(self) -> str | None:
        """Name shown for the calling side: on an incoming call the other party's, on an outgoing call the
        user's own.
        """
        return self._text(5)

    @property
    def start_time(self) -> datetime | None:
        """When the call began; an answer can only follow it."""
        return self._time(6)

    @property
    def call_type(self) -> CDRCallType | None:
        """How the call was routed: inside, national, emergency and so on."""
        return self._enum(7, CDRCallType)

    @property
    def client_type(self) -> CDRClientType | None:
        """The kind of client used by the party of this record."""
        return self._enum(8, CDRClientType)

    @property
    def client_version(self) -> str | None:
        """Version of that client."""
        return self._text(9)

    @property
    def correlation_id(self) -> str | None:
        """Joins the legs of one call session. One real call may have several, for instance after a transfer."""
        return self._text(10)

    @property
    def international_country(self) -> str | None:
        """Country of the dialled number, as an ISO 3166 code; international calls only. Here NA is Namibia."""
        return self._text(11)

    @property
    def device_mac(self) -> str | None:
        """Hardware address of the device, if known."""
        return self._text(12)

    @property
    def duration(self) -> int | None:
        """Length of the call in seconds; 0 if it was not answered."""
        return self._integer(13)

    @property
    def inbound_trunk(self) -> str | None:
        """Trunk the call came in by. May stand in records of both directions."""
        return self._text(14)

    @property
    def org_uuid(self) -> str | None:
        """The organization the record belongs to."""
        return self._text(15)

    @property
    def original_reason(self) -> CDROriginalReason | None:
        """Why the call left the number that was called first. ExplicitIdxxx carries digits in its value."""
        return self._enum(16, CDROriginalReason)

    @property
    def os_type(self) -> str | None:
        """Operating system the app ran on."""
        return self._text(17)

    @property
    def outbound_trunk(self) -> str | None:
        """Trunk the call went out by. May stand in records of both directions."""
        return self._text(18)

    @property
    def redirect_reason(self) -> CDRRedirectReason | None:
        """Why the call left the last number that redirected it."""
        return self._enum(19, CDRRedirectReason)

    @property
    def related_reason(self) -> CDRRelatedReason | None:
        """The service that made or changed this call, or the other call it is related to."""
        return self._enum(20, CDRRelatedReason)

    @property
    def report_id(self) -> str | None:
        """Identifies this record. The documented key for telling repeated records."""
        return self._text(21)

    @property
    def report_time(self) -> datetime | None:
        """When the record was made. In real records it is the end of the call, to the millisecond."""
        return self._time(22)

    @property
    def route_group(self) -> str | None:
        """Route group an outgoing call took to premises-based PSTN or an on-premises system. Originating
        records only.
        """
        return self._text(23)

    @property
    def site_main_number(self) -> str | None:
        """Main number of the site where the call was made or received."""
        return self._text(24)

    @property
    def site_timezone(self) -> str | None:
        """Offset of the site's time zone from UTC, as signed minutes in a text."""
        return self._text(25)

    @property
    def sub_client_type(self) -> SubClientType | None:
        """MOBILE_NETWORK for a mobile phone on Webex Go, whose client type is SIP."""
        return self._enum(26, SubClientType)

    @property
    def user_uuid(self) -> str | None:
        """The user, workspace or service of this record."""
        return self._text(27)

    @property
    def user_type(self) -> CDRUserType | None:
        """What the party of this record is: a person, a workspace, or a service."""
        return self._enum(28, CDRUserType)

    @property
    def user(self) -> str | None:
        """Name of the party of this record."""
        return self._text(29)

    @property
    def called_number(self) -> str | None:
        """On an incoming call the number of the user, on an outgoing call the number of the called party."""
        return self._text(30)

    @property
    def calling_number(self) -> str | None:
        """On an incoming call the number of the calling party, on an outgoing call the number of the user."""
        return self._text(31)

    @property
    def location(self) -> str | None:
        """Name of the location of the record, as in Control Hub."""
        return self._text(32)

    @property
    def dialed_digits(self) -> str | None:
        """Keys as pressed, untranslated: feature codes, outside-line prefix, wrong digits. Originating records only."""
        return self._text(33)

    @property
    def releasing_party(self) -> ReleasingParty | None:
        """Who ended the call first: Local, Remote or Unknown."""
        return self._enum(34, ReleasingParty)

    @property
    def redirecting_number(self) -> str | None:
        """The number that redirected the call last."""
        return self._text(35)

    @property
    def site_uuid(self) -> str | None:
        """The site of the call."""
        return self._text(36)

    @property
    def department_id(self) -> str | None:
        """The user's department."""
        return self._text(37)

    @property
    def transfer_related_call_id(self) -> str | None:
        """Local call ID of the other call that took part in the transfer."""
        return self._text(38)

    @property
    def authorization_code(self) -> str | None:
        """Code the user keyed in for this call (account or authorization codes)."""
        return self._text(39)

    @property
    def model(self) -> str | None:
        """Model of the device."""
        return self._text(40)

    @property
    def local_session_id(self) -> str | None:
        """SIP session id (RFC 7989) of the near side at the start."""
        return self._text(41)

    @property
    def remote_session_id(self) -> str | None:
        """SIP session id (RFC 7989) of the far side at the start."""
        return self._text(42)

    @property
    def call_transfer_time(self) -> datetime | None:
        """When a transfer was invoked during the call."""
        return self._time(43)

    @property
    def local_call_id(self) -> str | None:
        """This record's end of the leg. An opaque counter that is used again in time; compare it exactly."""
        return self._text(44)

    @property
    def remote_call_id(self) -> str | None:
        """The far end of the leg: the Local call ID of the other party's record."""
        return self._text(45)

    @property
    def network_call_id(self) -> str | None:
        """Records with the same value describe the same leg."""
        return self._text(46)

    @property
    def related_call_id(self) -> str | None:
        """Local call ID of another call that this one created through a service."""
        return self._text(47)

    @property
    def user_number(self) -> str | None:
        """E.164 number of the party of this record, or its extension if it has none."""
        return self._text(48)

    @property
    def call_outcome(self) -> CallOutcome | None:
        """Success, Failure or Refusal. Success says that the call was routed well, not that anybody answered."""
        return self._enum(49, CallOutcome)

    @property
    def call_outcome_reason(self) -> CallOutcomeReason | None:
        """The reason that belongs to the call outcome."""
        return self._enum(50, CallOutcomeReason)

    @property
    def ring_duration(self) -> int | None:
        """Seconds of ringing before the answer or the end. A text on the wire."""
        return self._integer(51)

    @property
    def answer_indicator(self) -> AnswerIndicator | None:
        """Yes, No, or Yes-PostRedirection for a leg answered after a redirection."""
        return self._enum(52, AnswerIndicator)

    @property
    def release_time(self) -> datetime | None:
        """When the call ended. One document writes it without a zone; it is UTC all the same."""
        return self._time(53)

    @property
    def final_local_session_id(self) -> str | None:
        """SIP session id (RFC 7989) of the near side at the end."""
        return self._text(54)

    @property
    def final_remote_session_id(self) -> str | None:
        """SIP session id (RFC 7989) of the far side at the end."""
        return self._text(55)

    @property
    def pstn_legal_entity(self) -> str | None:
        """Regulated company that provided the PSTN service; Cisco Calling Plans only."""
        return self._text(56)

    @property
    def pstn_vendor_org_id(self) -> str | None:
        """Organization of the Cisco Calling Plan, the same in all regions."""
        return self._text(57)

    @property
    def pstn_vendor_name(self) -> str | None:
        """Company the PSTN service was bought from."""
        return self._text(58)

    @property
    def pstn_provider_id(self) -> str | None:
        """Identifies the PSTN provider; never changes."""
        return self._text(59)

    @property
    def external_customer_id(self) -> str | None:
        """Customer id of a partner's own systems."""
        return self._text(60)

    @property
    def redirecting_party_uuid(self) -> str | None:
        """The user or service that redirected the call last."""
        return self._text(61)

    @property
    def public_calling_ip_address(self) -> str | None:
        """Public address of the calling device; locations in India only."""
        return self._text(62)

    @property
    def public_called_ip_address(self) -> str | None:
        """Public address of the called device; locations in India only."""
        return self._text(63)

    @property
    def caller_id_number(self) -> str | None:
        """The number shown to the other side, as set in Control Hub."""
        return self._text(64)

    @property
    def external_caller_id_number(self) -> str | None:
        """The number shown outside, if set to the location's or another number. Originating records only."""
        return self._text(65)

    @property
    def device_owner_uuid(self) -> str | None:
        """Owner of the device, if it was used on somebody else's (shared or multi) line."""
        return self._text(66)

    @property
    def call_recording_platform_name(self) -> CallRecordingPlatform | None:
        """Who recorded the call."""
        return self._enum(67, CallRecordingPlatform)

    @property
    def call_recording_result(self) -> CallRecordingResult | None:
        """Whether the recording succeeded and was kept."""
        return self._enum(68, CallRecordingResult)

    @property
    def call_recording_trigger(self) -> CallRecordingTrigger | None:
        """What started the recording."""
        return self._enum(69, CallRecordingTrigger)

    @property
    def original_called_party_uuid(self) -> str | None:
        """The user, workspace, virtual line or service that redirected the call first."""
        return self._text(70)

    @property
    def recall_type(self) -> RecallType | None:
        """'call park' if a parked call that nobody took came back."""
        return self._enum(71, RecallType)

    @property
    def auto_attendant_key_pressed(self) -> str | None:
        """The last key the caller pressed in an auto attendant."""
        return self._text(72)

    @property
    def queue_type(self) -> QueueType | None:
        """Which kind of queue took the call: Call Queue or Customer Assist."""
        return self._enum(73, QueueType)

    @property
    def answered_elsewhere(self) -> AnsweredElsewhere | None:
        """'Yes' if somebody else answered, such as another agent of a hunt group. Terminating records only."""
        return self._enum(74, AnsweredElsewhere)

    @property
    def hold_duration(self) -> int | None:
        """Whole seconds the call was on hold."""
        return self._integer(75)

    @property
    def route_list_calls_overage(self) -> str | None:
        """How many calls over the licensed number of route list calls were up."""
        return self._text(76)

    @property
    def caller_reputation_score(self) -> str | None:
        """0.0 to 5.0, as a text, from the reputation provider."""
        return self._text(77)

    @property
    def caller_reputation_service_result(self) -> ReputationResult | None:
        """allow, captcha-allow, captcha-block or block. Terminating records only."""
        return self._enum(78, ReputationResult)

    @property
    def caller_reputation_score_reason(self) -> str | None:
        """Why the caller got that score, or why none was had."""
        return self._text(79)

    @property
    def interaction_id(self) -> str | None:
        """Joins the calls of one interaction, such as hold, consultation and transfer."""
        return self._text(80)

    @property
    def wxcc_consult_merge_status(self) -> ConsultMergeStatus | None:
        """Whether a consultation by a contact-centre agent was merged into the customer's call. NA: the leg is
        no consultation.
        """
        return self._enum(81, ConsultMergeStatus)

    @property
    def elin(self) -> str | None:
        """Emergency location number used for the emergency call or the call back."""
        return self._text(82)

    @property
    def emergency_number_source(self) -> EmergencyNumberSource | None:
        """Where the number shown to the emergency service came from."""
        return self._enum(83, EmergencyNumberSource)

    @property
    def transfer_type(self) -> TransferType | None:
        """How an AI receptionist passed the call on."""
        return self._enum(84, TransferType)

    @property
    def transfer_type_context(self) -> str | None:
        """The intent that made the AI receptionist pass it on."""
        return self._text(85)

    @property
    def answer_reason(self) -> AnswerReason | None:
        """Auto Answer, or N/A for an answer by hand."""
        return self._enum(86, AnswerReason)
