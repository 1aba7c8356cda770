"""What kinds of parties have records: values of `User type`, which are open. What we do not know we take for a person.

Better one entry too many in a call history than a call that is missing.
"""

SERVICES = frozenset(
    (
        *("AutomatedAttendantVideo", "Anchor", "BroadworksAnywhere", "VoiceMailRetrieval", "LocalGateway", "HuntGroup"),
        *("GroupPaging", "VoiceMailGroup", "CallCenterStandard", "CallCenterPremium", "VoiceXML", "RoutePoint"),
        "RouteList",
    )
)
"""Those that are no person's."""

WAYS_OUT = frozenset(("LocalGateway", "BroadworksAnywhere"))
"""Services behind which a person answers on a phone that has no record."""

VIRTUAL = frozenset(("VirtualLine", "VirtuaLline"))
"""Lines without a phone of their own; the second is how the documentation spells it."""
