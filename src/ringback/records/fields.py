"""The table of the 87 Webex CDR fields: the one place where a field is described.

Everything that depends on the fields is made from `FIELDS`: how keys are matched, the typed `CDR`, the order and
completion of records on the wire, CSV columns, the compression dictionary of a new store, and `docs/records.md`.

The order is the wire order: that of two published real records (August 2025 with 70 keys, September 2026 with the same
70 and 17 more appended). New fields are appended by the cloud; append them here too, never insert.

Spellings differ between the wire, the developer documentation (OpenAPI) and the CSV report of Control Hub. Only `wire`
is kept for each; the others are given where they differ. Keys are compared without regard to case, which makes all
three meet (see `field_of_key`).
"""

from __future__ import annotations

from enum import Enum

import msgspec


class Kind(Enum):
    """What a field's value is, once decoded."""

    TEXT = "text"
    TIME = "time"  # an aware UTC datetime
    INTEGER = "integer"
    BOOLEAN = "boolean"
    ENUM = "enum"  # an open enum from `ringback.records.enums`


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a Webex CDR.

    Attributes:
        wire: the key as the cloud writes it in JSON.
        attribute: the attribute of `CDR`, the same as in `wxc_sdk.cdr.CDR`.
        meaning: what the field says, in one or two sentences.
        since: the year of the oldest source that shows the field (public documents and records): "2023" for the first
            detailed call history documents, then "2025" and "2026".
        kind: what the decoded value is.
        enum: the name of the open enum in `ringback.records.enums`, for fields of kind ENUM.
        documented: the key in the developer documentation, where it differs from `wire`; None if it is not there.
        csv: the column in the CSV report of Control Hub, where it differs from `wire`; None if it has no column.
        number: True if the wire writes the value as a JSON number; all other values are JSON strings.
        means: values out of `UNSET` that do mean something in this field, and so are not read as unset.
    """

    wire: str
    attribute: str
    meaning: str
    since: str
    kind: Kind = Kind.TEXT
    enum: str = ""
    documented: str | None
    csv: str | None
    number: bool = False
    means: frozenset[str] = frozenset()


UNSET = frozenset({"", "NA", "na", "N/A"})
"""Texts that stand for "no value", except in a field that lists one of them in `Field.means`."""

_SAME = "(as on the wire)"


def _field(
    wire: str,
    since: str,
    meaning: str,
    kind: Kind = Kind.TEXT,
    *,
    attribute: str = "",
    enum: str = "",
    documented: str | None = _SAME,
    csv: str | None = _SAME,
    number: bool = False,
    means: tuple[str, ...] = (),
) -> Field:
    return Field(
        wire=wire,
        attribute=attribute or "_".join(wire.lower().split()),
        meaning=meaning,
        since=since,
        kind=Kind.ENUM if enum else kind,
        enum=enum,
        documented=wire if documented == _SAME else documented,
        csv=wire if csv == _SAME else csv,
        number=number,
        means=frozenset(means),
    )


FIELDS: tuple[Field, ...] = (
    _field("Answer time", "2023", "When the call was answered. Unset if it was not.", Kind.TIME),
    _field(
        "Answered",
        "2023",
        "Whether this leg was answered. A hunt group or queue that took the call counts as answering.",
        Kind.BOOLEAN,
    ),
    _field("Direction", "2023", "Whether the party of this record made the call or received it.", enum="CDRDirection"),
    _field(
        "Called line ID",
        "2023",
        "Name shown for the called side: on an incoming call the user's own, on an outgoing call the other party's.",
    ),
    _field("Call ID", "2023", "SIP Call-ID; the one to give to support when a single call is to be found."),
    _field(
        "Calling line ID",
        "2023",
        "Name shown for the calling side: on an incoming call the other party's, on an outgoing call the user's own.",
    ),
    _field("Start time", "2023", "When the call began; an answer can only follow it.", Kind.TIME),
    _field("Call type", "2023", "How the call was routed: inside, national, emergency and so on.", enum="CDRCallType"),
    _field("Client type", "2023", "The kind of client used by the party of this record.", enum="CDRClientType"),
    _field("Client version", "2023", "Version of that client."),
    _field(
        "Correlation ID",
        "2023",
        "Joins the legs of one call session. One real call may have several, for instance after a transfer.",
    ),
    _field(
        "International country",
        "2023",
        "Country of the dialled number, as an ISO 3166 code; international calls only. Here NA is Namibia.",
        csv="International Country",
        means=("NA",),
    ),
    _field("Device MAC", "2023", "Hardware address of the device, if known.", csv="Device Mac"),
    _field("Duration", "2023", "Length of the call in seconds; 0 if it was not answered.", Kind.INTEGER, number=True),
    _field("Inbound trunk", "2023", "Trunk the call came in by. May stand in records of both directions."),
    _field("Org UUID", "2023", "The organization the record belongs to."),
    _field(
        "Original reason",
        "2023",
        "Why the call left the number that was called first. ExplicitIdxxx carries digits in its value.",
        enum="CDROriginalReason",
    ),
    _field("OS type", "2023", "Operating system the app ran on."),
    _field("Outbound trunk", "2023", "Trunk the call went out by. May stand in records of both directions."),
    _field(
        "Redirect reason", "2023", "Why the call left the last number that redirected it.", enum="CDRRedirectReason"
    ),
    _field(
        "Related reason",
        "2023",
        "The service that made or changed this call, or the other call it is related to.",
        enum="CDRRelatedReason",
    ),
    _field("Report ID", "2023", "Identifies this record. The documented key for telling repeated records."),
    _field(
        "Report time",
        "2023",
        "When the record was made. In real records it is the end of the call, to the millisecond.",
        Kind.TIME,
    ),
    _field(
        "Route group",
        "2023",
        "Route group an outgoing call took to premises-based PSTN or an on-premises system. Originating records only.",
    ),
    _field("Site main number", "2023", "Main number of the site where the call was made or received."),
    _field("Site timezone", "2023", "Offset of the site's time zone from UTC, as signed minutes in a text."),
    _field(
        "Sub client type",
        "2023",
        "MOBILE_NETWORK for a mobile phone on Webex Go, whose client type is SIP.",
        enum="SubClientType",
    ),
    _field("User UUID", "2023", "The user, workspace or service of this record."),
    _field(
        "User type",
        "2023",
        "What the party of this record is: a person, a workspace, or a service.",
        enum="CDRUserType",
    ),
    _field("User", "2023", "Name of the party of this record."),
    _field(
        "Called number",
        "2023",
        "On an incoming call the number of the user, on an outgoing call the number of the called party.",
    ),
    _field(
        "Calling number",
        "2023",
        "On an incoming call the number of the calling party, on an outgoing call the number of the user.",
    ),
    _field("Location", "2023", "Name of the location of the record, as in Control Hub."),
    _field(
        "Dialed digits",
        "2023",
        "Keys as pressed, untranslated: feature codes, outside-line prefix, wrong digits. Originating records only.",
    ),
    _field("Releasing party", "2023", "Who ended the call first: Local, Remote or Unknown.", enum="ReleasingParty"),
    _field("Redirecting number", "2023", "The number that redirected the call last."),
    _field("Site UUID", "2023", "The site of the call."),
    _field("Department ID", "2023", "The user's department."),
    _field("Transfer related call ID", "2023", "Local call ID of the other call that took part in the transfer."),
    _field("Authorization code", "2023", "Code the user keyed in for this call (account or authorization codes)."),
    _field("Model", "2023", "Model of the device."),
    _field(
        "Local SessionID",
        "2023",
        "SIP session id (RFC 7989) of the near side at the start.",
        attribute="local_session_id",
    ),
    _field(
        "Remote SessionID",
        "2023",
        "SIP session id (RFC 7989) of the far side at the start.",
        attribute="remote_session_id",
    ),
    _field(
        "Call transfer time",
        "2023",
        "When a transfer was invoked during the call.",
        Kind.TIME,
        documented="Call transfer Time",
    ),
    _field(
        "Local call ID",
        "2023",
        "This record's end of the leg. An opaque counter that is used again in time; compare it exactly.",
    ),
    _field("Remote call ID", "2023", "The far end of the leg: the Local call ID of the other party's record."),
    _field("Network call ID", "2023", "Records with the same value describe the same leg."),
    _field("Related call ID", "2023", "Local call ID of another call that this one created through a service."),
    _field("User number", "2023", "E.164 number of the party of this record, or its extension if it has none."),
    _field(
        "Call outcome",
        "2023",
        "Success, Failure or Refusal. Success says that the call was routed well, not that anybody answered.",
        enum="CallOutcome",
    ),
    _field("Call outcome reason", "2023", "The reason that belongs to the call outcome.", enum="CallOutcomeReason"),
    _field(
        "Ring duration", "2023", "Seconds of ringing before the answer or the end. A text on the wire.", Kind.INTEGER
    ),
    _field(
        "Answer indicator",
        "2023",
        "Yes, No, or Yes-PostRedirection for a leg answered after a redirection.",
        csv="Answer Indicator",
        enum="AnswerIndicator",
    ),
    _field(
        "Release time",
        "2023",
        "When the call ended. One document writes it without a zone; it is UTC all the same.",
        Kind.TIME,
    ),
    _field(
        "Final local SessionID",
        "2023",
        "SIP session id (RFC 7989) of the near side at the end.",
        attribute="final_local_session_id",
        csv="Final local sessionID",
    ),
    _field(
        "Final remote SessionID",
        "2023",
        "SIP session id (RFC 7989) of the far side at the end.",
        attribute="final_remote_session_id",
        csv="Final remote sessionID",
    ),
    _field(
        "PSTN legal entity",
        "2023",
        "Regulated company that provided the PSTN service; Cisco Calling Plans only.",
        documented="PSTN Legal Entity",
    ),
    _field(
        "PSTN vendor org ID",
        "2023",
        "Organization of the Cisco Calling Plan, the same in all regions.",
        documented="PSTN Vendor Org ID",
        csv="PSTN vendor Org ID",
    ),
    _field(
        "PSTN vendor name",
        "2023",
        "Company the PSTN service was bought from.",
        documented="PSTN Vendor Name",
    ),
    _field(
        "PSTN provider ID",
        "2023",
        "Identifies the PSTN provider; never changes.",
        documented="PSTN Provider ID",
    ),
    _field("External customer ID", "2025", "Customer id of a partner's own systems.", documented=None, csv=None),
    _field("Redirecting party UUID", "2025", "The user or service that redirected the call last."),
    _field("Public Calling IP Address", "2025", "Public address of the calling device; locations in India only."),
    _field("Public Called IP Address", "2025", "Public address of the called device; locations in India only."),
    _field("Caller ID number", "2025", "The number shown to the other side, as set in Control Hub."),
    _field(
        "External caller ID number",
        "2025",
        "The number shown outside, if set to the location's or another number. Originating records only.",
    ),
    _field(
        "Device owner UUID", "2025", "Owner of the device, if it was used on somebody else's (shared or multi) line."
    ),
    _field("Call Recording Platform Name", "2025", "Who recorded the call.", enum="CallRecordingPlatform"),
    _field(
        "Call Recording Result", "2025", "Whether the recording succeeded and was kept.", enum="CallRecordingResult"
    ),
    _field("Call Recording Trigger", "2025", "What started the recording.", enum="CallRecordingTrigger"),
    _field(
        "Original called party UUID",
        "2026",
        "The user, workspace, virtual line or service that redirected the call first.",
        documented="Original Called Party UUID",
    ),
    _field(
        "Recall type",
        "2026",
        "'call park' if a parked call that nobody took came back.",
        documented="Recall Type",
        csv="Recall Type",
        enum="RecallType",
    ),
    _field("Auto Attendant Key Pressed", "2026", "The last key the caller pressed in an auto attendant."),
    _field(
        "Queue type",
        "2026",
        "Which kind of queue took the call: Call Queue or Customer Assist.",
        documented="Queue Type",
        csv="Queue Type",
        enum="QueueType",
    ),
    _field(
        "Answered elsewhere",
        "2026",
        "'Yes' if somebody else answered, such as another agent of a hunt group. Terminating records only.",
        documented="Answered Elsewhere",
        csv="Answered Elsewhere",
        enum="AnsweredElsewhere",
    ),
    _field(
        "Hold duration",
        "2026",
        "Whole seconds the call was on hold.",
        Kind.INTEGER,
        documented="Hold Duration",
        csv="Hold Duration",
        number=True,
    ),
    _field("Route list calls overage", "2026", "How many calls over the licensed number of route list calls were up."),
    _field("Caller Reputation Score", "2026", "0.0 to 5.0, as a text, from the reputation provider."),
    _field(
        "Caller Reputation Service Result",
        "2026",
        "allow, captcha-allow, captcha-block or block. Terminating records only.",
        enum="ReputationResult",
    ),
    _field("Caller Reputation Score Reason", "2026", "Why the caller got that score, or why none was had."),
    _field("Interaction ID", "2026", "Joins the calls of one interaction, such as hold, consultation and transfer."),
    _field(
        "WxCC consult merge status",
        "2026",
        "Whether a consultation by a contact-centre agent was merged into the customer's call. "
        "NA: the leg is no consultation.",
        means=("NA",),
        enum="ConsultMergeStatus",
    ),
    _field("ELIN", "2026", "Emergency location number used for the emergency call or the call back."),
    _field(
        "Emergency number source",
        "2026",
        "Where the number shown to the emergency service came from.",
        enum="EmergencyNumberSource",
    ),
    _field(
        "Transfer type",
        "2026",
        "How an AI receptionist passed the call on.",
        documented=None,
        csv=None,
        enum="TransferType",
    ),
    _field(
        "Transfer type context",
        "2026",
        "The intent that made the AI receptionist pass it on.",
        documented=None,
        csv=None,
    ),
    _field(
        "Answer reason",
        "2026",
        "Auto Answer, or N/A for an answer by hand.",
        documented=None,
        csv=None,
        means=("N/A",),
        enum="AnswerReason",
    ),
)

WIRE_KEYS: tuple[str, ...] = tuple(field.wire for field in FIELDS)
"""The 87 keys in wire order."""

CSV_COLUMNS: tuple[str, ...] = tuple(field.csv for field in FIELDS if field.csv is not None)
"""The 83 columns of the CSV report of Control Hub, in wire order."""


def _folded(key: str) -> str:
    return " ".join(key.casefold().split())


_BY_SPELLING = {
    spelling: field for field in FIELDS for spelling in (field.wire, field.documented, field.csv) if spelling
}
_BY_FOLDED_KEY = {_folded(field.wire): field for field in FIELDS}


def field_of_key(key: str) -> Field | None:
    """The field that a key names, in any of the three spellings; None for a key we do not know.

    Case and runs of white space do not count, so spellings that nobody has shown yet are most likely met too.
    """
    return _BY_SPELLING.get(key) or _BY_FOLDED_KEY.get(_folded(key))
