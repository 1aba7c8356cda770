"""`CDR` as programs written for `wxc_sdk` use it: the record, and what a pydantic model offers besides."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Self

import msgspec

from ringback.records import cdr
from ringback.records.enums import OpenEnum
from ringback.records.fields import FIELDS, UNSET, Field
from ringback.records.lazy import decode_object


class CDR(cdr.CDR):
    """One call detail record: `raw`, the bytes as they came, and a typed attribute for each of the 87 fields.

    The attributes are those of `wxc_sdk.cdr.CDR`; see `docs/records.md` for their meaning. They are decoded when they
    are read. Fields newer than this version of ringback are attributes as well, by their key in snake case.
    """

    __slots__ = ()

    model_fields: ClassVar[Mapping[str, Field]] = {field.attribute: field for field in FIELDS}
    """The attributes, in wire order, with what is known of each."""

    @classmethod
    def model_validate(cls, obj: Mapping[str, object] | cdr.CDR) -> Self:
        """A CDR from a mapping, its keys in any spelling of the wire, or attribute names, or the aliases of dumps."""
        if isinstance(obj, cdr.CDR):
            return cls(obj.raw)
        return cls.from_mapping({_WIRE_KEYS.get(key, key): value for key, value in obj.items()})

    @classmethod
    def model_validate_json(cls, json_data: str | bytes) -> Self:
        """A CDR from one JSON object; `raw` is just these bytes if its keys are those of the wire.

        Raises:
            NotARecord: not JSON, or not an object.
        """
        raw = json_data.encode() if isinstance(json_data, str) else json_data
        values = decode_object(raw)
        return cls.model_validate(values) if values.keys() & _WIRE_KEYS.keys() else cls(raw)

    @property
    def model_extra(self) -> dict[str, Any]:
        """The values of fields that this version does not know, by their key in snake case."""
        return {
            "_".join(key.lower().split()): None if isinstance(value, str) and value in UNSET else value
            for key, value in self.extra.items()
        }

    def model_dump(
        self,
        *,
        mode: str = "python",
        by_alias: bool = False,
        exclude_none: bool = False,
        include: Collection[str] | None = None,
        exclude: Collection[str] | None = None,
    ) -> dict[str, Any]:
        """The attributes and their values, in wire order; enum values as plain texts.

        Args:
            mode: "json" to have times as texts, too.
            by_alias: whether to name them as `wxc_sdk` does in JSON, such as `startTime`.
            exclude_none: whether to leave out what is unset.
            include, exclude: attributes.
        """
        values: dict[str, Any] = {field.attribute: getattr(self, field.attribute) for field in FIELDS}
        dump = {
            ALIASES.get(name, name) if by_alias else name: str(value) if isinstance(value, OpenEnum) else value
            for name, value in (values | self.model_extra).items()
            if not (exclude_none and value is None)
            and (include is None or name in include)
            and (exclude is None or name not in exclude)
        }
        return msgspec.to_builtins(dump) if mode == "json" else dump

    def model_dump_json(
        self,
        *,
        indent: int | None = None,
        by_alias: bool = True,
        exclude_none: bool = True,
        include: Collection[str] | None = None,
        exclude: Collection[str] | None = None,
    ) -> str:
        """`model_dump` as JSON, with the defaults of `wxc_sdk`."""
        dump = self.model_dump(by_alias=by_alias, exclude_none=exclude_none, include=include, exclude=exclude)
        text = msgspec.json.encode(dump)
        return (text if indent is None else msgspec.json.format(text, indent=indent)).decode()

    def __getattr__(self, name: str) -> Any:
        # Only for names that are no attributes. Names that begin with an underscore are Python's own.
        if not name.startswith("_") and name in (extra := self.model_extra):
            return extra[name]
        raise AttributeError(f"a CDR has no field {name!r}", name=name, obj=self)


def _camel(attribute: str) -> str:
    first, *others = attribute.split("_")
    return first + "".join(word.capitalize() for word in others)


_ALIASES_OF_THEIR_OWN = {
    "local_session_id": "local_sessionid",
    "remote_session_id": "remote_sessionid",
    "final_local_session_id": "final_local_sessionid",
    "final_remote_session_id": "final_remote_sessionid",
    "route_list_calls_overage": "Route list calls overage",
    "original_called_party_uuid": "Original Called Party UUID",
    "recall_type": "Recall Type",
    "hold_duration": "Hold Duration",
    "auto_attendant_key_pressed": "Auto Attendant Key Pressed",
    "queue_type": "Queue Type",
    "answered_elsewhere": "Answered Elsewhere",
    "caller_reputation_score": "Caller Reputation Score",
    "caller_reputation_service_result": "Caller Reputation Service Result",
    "caller_reputation_score_reason": "Caller Reputation Score Reason",
    "interaction_id": "Interaction ID",
    "wxcc_consult_merge_status": "WxCC consult merge status",
    "elin": "ELIN",
    "emergency_number_source": "Emergency number source",
    "transfer_type": "Transfer type",
    "transfer_type_context": "Transfer type context",
    "answer_reason": "Answer reason",
}

ALIASES = {field.attribute: _camel(field.attribute) for field in FIELDS} | _ALIASES_OF_THEIR_OWN
"""What `wxc_sdk` names the attributes in dumps by alias: older ones in camel case, newer ones in words."""

_WIRE_KEYS = {
    name: field.wire
    for field in FIELDS
    for name in (field.attribute, ALIASES[field.attribute])
    if name.lower() != field.wire.lower()
}
"""Names that are not spellings of the wire."""
