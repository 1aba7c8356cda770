"""Records compressed one by one, with a zstd dictionary that knows their keys.

A record alone is too short for zstd to learn its 87 keys; with a dictionary that holds them it takes 540 bytes instead
of 1,300 (`docs/performance.md`). The dictionary is trained on samples made from the field table, once, when a
store is created, and kept in the store: whatever becomes of the table or of the training, old records stay readable.
"""

from __future__ import annotations

import random
from uuid import UUID

import msgspec
import zstandard

from ringback.records import enums
from ringback.records.fields import FIELDS, Field, Kind
from ringback.records.values import from_milliseconds, to_wire_time

_LEVEL = 3
_DICTIONARY_BYTES = 16 * 1024
_SAMPLES = 600

# Of the samples that the dictionary is trained on, in milliseconds
_FIRST_MOMENT, _LAST_MOMENT = 1_767_225_600_000, 1_798_761_600_000
_LONGEST_CALL = 90_000
_COMMON_VALUES = 6


class RecordCodec:
    """Compresses with the newest of a store's dictionaries, and decompresses with whichever a text was made with.

    Not to be shared between threads: zstd contexts are not safe for that.
    """

    def __init__(self, dictionaries: dict[int, bytes]) -> None:
        """
        Args:
            dictionaries: every dictionary of the store, by id.
        """
        made = {number: zstandard.ZstdCompressionDict(content) for number, content in dictionaries.items()}
        newest = made[max(made)]
        newest.precompute_compress(level=_LEVEL)
        self.compress = zstandard.ZstdCompressor(level=_LEVEL, dict_data=newest).compress
        """Compress the bytes of a record."""
        self._decompressors = {
            number: zstandard.ZstdDecompressor(dict_data=dictionary).decompress for number, dictionary in made.items()
        }
        self.decompress = self._decompressors[max(made)] if len(made) == 1 else self._decompress_any
        """The bytes that were compressed."""

    def _decompress_any(self, compressed: bytes) -> bytes:
        return self._decompressors[zstandard.get_frame_parameters(compressed).dict_id](compressed)


def train_dictionary(number: int) -> bytes:
    """A new dictionary, made from the field table alone.

    Args:
        number: the id that compressed texts will name it by; from 1.
    """
    rng = random.Random(number)  # noqa: S311  samples, not secrets
    samples: list[bytes | bytearray | memoryview] = [_sample(rng) for _ in range(_SAMPLES)]
    return zstandard.train_dictionary(_DICTIONARY_BYTES, samples, dict_id=number, level=_LEVEL).as_bytes()


# fmt: off
_USUALLY_SET = frozenset({
    "Answered", "Direction", "Called line ID", "Call ID", "Calling line ID", "Start time", "Call type",
    "Client type", "Correlation ID", "Duration", "Org UUID", "Releasing party", "Report ID", "Report time",
    "Site main number", "Site timezone", "User UUID", "User type", "User", "Called number", "Calling number",
    "Location", "Site UUID", "Local SessionID", "Remote SessionID", "Local call ID", "Remote call ID",
    "Network call ID", "User number", "Call outcome", "Call outcome reason", "Ring duration", "Answer indicator",
    "Release time", "Final local SessionID", "Final remote SessionID", "Hold duration", "Interaction ID",
    "WxCC consult merge status",
})
# fmt: on
"""Fields that most records have. The others are mostly unset, and so make long stretches that are always the same."""

_SELDOM = 0.15


def _sample(rng: random.Random) -> bytes:
    start = rng.randrange(_FIRST_MOMENT, _LAST_MOMENT)
    return msgspec.json.encode({field.wire: _value(field, start, rng) for field in FIELDS})


def _value(field: Field, start: int, rng: random.Random) -> str | int:
    """Something of the form that the field has on the wire; what matters is the form, not the sense."""
    if field.wire not in _USUALLY_SET and rng.random() > _SELDOM:
        return ""
    if field.kind is Kind.TIME:  # the times of a record lie close together
        return to_wire_time(from_milliseconds(start + rng.randrange(_LONGEST_CALL)))
    if field.kind is Kind.ENUM:
        return "NA" if "NA" in field.means else str(rng.choice(list(getattr(enums, field.enum))[:_COMMON_VALUES]))
    if field.kind is Kind.BOOLEAN:
        return rng.choice(["true", "false"])
    if field.kind is Kind.INTEGER:
        seconds = rng.choice([0, rng.randrange(600)])
        return seconds if field.number else str(seconds)
    if field.wire.endswith("SessionID"):
        return f"{rng.getrandbits(128):032x}"
    if field.wire.endswith("call ID"):
        return f"{rng.randrange(10**7, 10**9)}:0"
    if field.wire.endswith((" ID", "UUID")):
        return str(UUID(int=rng.getrandbits(128)))
    if "number" in field.wire:
        return rng.choice([f"+1{rng.randrange(2 * 10**9, 10**10)}", str(rng.randrange(1000, 10000))])
    return ""
