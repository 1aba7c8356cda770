"""Open enums: every value that is documented or was seen in practice, and room for the next one.

The cloud adds values without notice ("values in response items may be extended", says the feed's documentation). So a
value we do not know is no error: it is kept as itself, equal to its string, and marked by `is_known`. The class is not
extended by it, so what strangers send cannot make the process grow.

The names of the seven `CDR...` classes and their members are those of `wxc_sdk.cdr`. Where sources spell a value in two
ways (*Unrecognized* in the documents, *Unrecognised* in `wxc_sdk`; *CalllPark* and *VirtuaLline* as printed slips),
each spelling is a member, so that the value stays what the cloud sent.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class OpenEnum(StrEnum):
    """A text with known values that accepts any other text as well."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        unknown = str.__new__(cls, value)
        unknown._name_ = value
        unknown._value_ = value
        return unknown

    @property
    def is_known(self) -> bool:
        """True for a documented value or one seen in practice."""
        return self.value in type(self)._value2member_map_


class CDRDirection(OpenEnum):
    """Field "Direction"."""

    originating = "ORIGINATING"
    terminating = "TERMINATING"


class CDRCallType(OpenEnum):
    """Field "Call type". The last four are reported by users, not documented."""

    sip_meeting = "SIP_MEETING"
    sip_international = "SIP_INTERNATIONAL"
    sip_shortcode = "SIP_SHORTCODE"
    sip_inbound = "SIP_INBOUND"
    unknown = "UNKNOWN"
    sip_emergency = "SIP_EMERGENCY"
    sip_premium = "SIP_PREMIUM"
    sip_enterprise = "SIP_ENTERPRISE"
    sip_tollfree = "SIP_TOLLFREE"
    sip_national = "SIP_NATIONAL"
    sip_mobile = "SIP_MOBILE"
    sip_uri = "SIP_URI"
    sip_operator = "SIP_OPERATOR"
    sip_clicktocall = "SIP_CLICKTOCALL"
    ztn = "ZTN"


class CDRClientType(OpenEnum):
    """Field "Client type". The last four are reported by users; SIP_TOLLFREE stands in a documented example."""

    sip = "SIP"
    wxc_client = "WXC_CLIENT"
    wxc_third_party = "WXC_THIRD_PARTY"
    teams_wxc_client = "TEAMS_WXC_CLIENT"
    wxc_device = "WXC_DEVICE"
    wxc_sip_gw = "WXC_SIP_GW"
    sip_tollfree = "SIP_TOLLFREE"
    teams_client = "TEAMS_CLIENT"
    teams_device = "TEAMS_DEVICE"
    teams_share = "TEAMS_SHARE"
    cloud_aware_sip = "CLOUD_AWARE_SIP"


class CDRUserType(OpenEnum):
    """Field "User type". CallCenterPremium (a call queue) and RouteList are seen in practice, not documented."""

    automated_attendant_video = "AutomatedAttendantVideo"
    anchor = "Anchor"
    broadworks_anywhere = "BroadworksAnywhere"
    voice_mail_retrieval = "VoiceMailRetrieval"
    local_gateway = "LocalGateway"
    hunt_group = "HuntGroup"
    group_paging = "GroupPaging"
    user = "User"
    voice_mail_group = "VoiceMailGroup"
    call_center_standard = "CallCenterStandard"
    call_center_premium = "CallCenterPremium"
    voice_xml = "VoiceXML"
    route_point = "RoutePoint"
    route_list = "RouteList"
    virtual_line = "VirtualLine"
    virtua_lline = "VirtuaLline"
    place = "Place"


class CDROriginalReason(OpenEnum):
    """Field "Original reason". ExplicitIdxxx carries digits for the xxx, so its real values are unknown ones."""

    unconditional = "Unconditional"
    no_answer = "NoAnswer"
    call_queue = "CallQueue"
    hunt_group = "HuntGroup"
    time_of_day = "TimeOfDay"
    user_busy = "UserBusy"
    follow_me = "FollowMe"
    unrecognised = "Unrecognised"
    unrecognized = "Unrecognized"
    deflection = "Deflection"
    unavailable = "Unavailable"
    unknown = "Unknown"
    explicit_id = "ExplicitIdxxx"
    implicit_id = "ImplicitId"


class CDRRedirectReason(OpenEnum):
    """Field "Redirect reason". The same values as "Original reason"."""

    unconditional = "Unconditional"
    no_answer = "NoAnswer"
    call_queue = "CallQueue"
    time_of_day = "TimeOfDay"
    user_busy = "UserBusy"
    follow_me = "FollowMe"
    hunt_group = "HuntGroup"
    deflection = "Deflection"
    unknown = "Unknown"
    unavailable = "Unavailable"
    unrecognised = "Unrecognised"
    unrecognized = "Unrecognized"
    explicit_id = "ExplicitIdxxx"
    implicit_id = "ImplicitId"


class CDRRelatedReason(OpenEnum):
    """Field "Related reason"."""

    consultative_transfer = "ConsultativeTransfer"
    call_forward_selective = "CallForwardSelective"
    call_park = "CallPark"
    calll_park = "CalllPark"
    call_park_retrieve = "CallParkRetrieve"
    call_queue = "CallQueue"
    unrecognised = "Unrecognised"
    unrecognized = "Unrecognized"
    call_pickup = "CallPickup"
    call_forward_always = "CallForwardAlways"
    call_forward_busy = "CallForwardBusy"
    call_forward_not_reachable = "CallForwardNotReachable"
    fax_deposit = "FaxDeposit"
    hunt_group = "HuntGroup"
    push_notification_retrieval = "PushNotificationRetrieval"
    voice_xml_script_termination = "VoiceXMLScriptTermination"
    call_forward_no_answer = "CallForwardNoAnswer"
    anywhere_location = "AnywhereLocation"
    anywhere_portal = "AnywherePortal"
    call_retrieve = "CallRetrieve"
    call_recording = "CallRecording"
    deflection = "Deflection"
    directed_call_pickup = "DirectedCallPickup"
    call_forward_mode_based = "CallForwardModeBased"
    barge_in = "BargeIn"
    executive = "Executive"
    executive_assistant_initiate_call = "ExecutiveAssistantInitiateCall"
    executive_assistant_divert = "ExecutiveAssistantDivert"
    executive_assistant_call_push = "ExecutiveAssistantCallPush"
    executive_forward = "ExecutiveForward"
    remote_office = "Remote Office"
    route_point = "RoutePoint"
    sequential_ring = "SequentialRing"
    simultaneous_ring_personal = "SimultaneousRingPersonal"
    cc_monitoring_bi = "CCMonitoringBI"


class ReleasingParty(OpenEnum):
    """Field "Releasing party"."""

    local = "Local"
    remote = "Remote"
    unknown = "Unknown"


class AnswerIndicator(OpenEnum):
    """Field "Answer indicator"."""

    yes = "Yes"
    no = "No"
    yes_post_redirection = "Yes-PostRedirection"


class CallOutcome(OpenEnum):
    """Field "Call outcome"."""

    success = "Success"
    failure = "Failure"
    refusal = "Refusal"


class CallOutcomeReason(OpenEnum):
    """Field "Call outcome reason": three of Success, fifteen of Refusal, nine of Failure."""

    normal = "Normal"
    user_busy = "UserBusy"
    no_answer = "NoAnswer"
    call_rejected = "CallRejected"
    unassigned_number = "UnassignedNumber"
    sip408 = "SIP408"
    internal_request_timeout = "InternalRequestTimeout"
    q850102_server_timeout = "Q850102ServerTimeout"
    no_user_response = "NoUserResponse"
    no_answer_from_user = "NoAnswerFromUser"
    sip480 = "SIP480"
    sip487 = "SIP487"
    temporarily_unavailable = "TemporarilyUnavailable"
    admin_call_block = "AdminCallBlock"
    user_call_block = "UserCallBlock"
    unreachable = "Unreachable"
    local_gateway_loop = "LocalGatewayLoop"
    user_absent = "UserAbsent"
    destination_out_of_order = "DestinationOutOfOrder"
    sip501 = "SIP501"
    sip503 = "SIP503"
    protocol_error = "ProtocolError"
    sip606 = "SIP606"
    no_route_to_destination = "NoRouteToDestination"
    internal = "Internal"
    max_concurrent_terminating_alerting_requests_exceeded = "MaxConcurrentTerminatingAlertingRequestsExceeded"
    route_list_calls = "RouteListCalls"


class SubClientType(OpenEnum):
    """Field "Sub client type"."""

    mobile_network = "MOBILE_NETWORK"


class CallRecordingPlatform(OpenEnum):
    """Field "Call Recording Platform Name"."""

    dubber_recorder = "DubberRecorder"
    webex = "Webex"
    unknown = "Unknown"
    eleveo = "Eleveo"
    asc_tech = "ASCTech"
    mia_rec = "MiaRec"
    imagicle = "Imagicle"


class CallRecordingResult(OpenEnum):
    """Field "Call Recording Result"."""

    successful = "successful"
    failed = "failed"
    successful_but_not_kept = "successful but not kept"


class CallRecordingTrigger(OpenEnum):
    """Field "Call Recording Trigger"."""

    always = "always"
    always_pause_resume = "always-pause-resume"
    on_demand = "on-demand"
    on_demand_user_start = "on-demand-user-start"


class RecallType(OpenEnum):
    """Field "Recall type"."""

    call_park = "call park"


class QueueType(OpenEnum):
    """Field "Queue type"."""

    customer_assist = "Customer Assist"
    call_queue = "Call Queue"


class AnsweredElsewhere(OpenEnum):
    """Field "Answered elsewhere"."""

    yes = "Yes"


class ReputationResult(OpenEnum):
    """Field "Caller Reputation Service Result"; "allowed" stands in a documented example."""

    allow = "allow"
    captcha_allow = "captcha-allow"
    captcha_block = "captcha-block"
    block = "block"
    allowed = "allowed"


class ConsultMergeStatus(OpenEnum):
    """Field "WxCC consult merge status"; NA says that the leg is no consultation."""

    yes = "Yes"
    no = "No"
    not_applicable = "NA"


class EmergencyNumberSource(OpenEnum):
    """Field "Emergency number source"."""

    elin_pool = "ELIN Pool"
    workspace_elin = "Workspace ELIN"
    workspace_elin_fallback = "Workspace ELIN Fallback"
    ecbn_fallback = "ECBN Fallback"
    ecbn = "ECBN"


class TransferType(OpenEnum):
    """Field "Transfer type"."""

    deflection_by_intent = "AI Receptionist Deflection By Intent"
    deflection_by_default = "AI Receptionist Deflection By Default"


class AnswerReason(OpenEnum):
    """Field "Answer reason"; N/A is an answer by hand."""

    auto_answer = "Auto Answer"
    manual = "N/A"
