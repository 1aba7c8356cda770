"""Records compressed one by one, with a zstd dictionary that knows their keys.

A record alone is too short for zstd to learn its 87 keys; with a dictionary that holds them it takes about 450 bytes
instead of 1,300 (`docs/performance.md`). The dictionary is trained on samples made from the field table, once, when a
store is created, and kept in the store: whatever becomes of the table or of the training, old records stay readable.
"""

from __future__ import annotations

import random
from uuid import UUID

import msgspec
import zstandard

from ringback.records import enums
from ringback.records.fields import FIELDS, Field, Kind

_LEVEL = 3
_DICTIONARY_BYTES = 16 * 1024
_SAMPLES = 400


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


def _sample(rng: random.Random) -> bytes:
    return msgspec.json.encode({field.wire: _value(field, rng) for field in FIELDS})


def _value(field: Field, rng: random.Random) -> str | int:
    """Something of the form that the field has on the wire; what matters is the form, not the sense."""
    if field.kind is Kind.TIME:
        month, day, hour, minute = rng.randint(1, 12), rng.randint(1, 28), rng.randint(0, 23), rng.randint(0, 59)
        return f"2026-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{rng.randint(0, 59):02d}.{rng.randint(0, 999):03d}Z"
    if field.kind is Kind.ENUM:
        return rng.choice([*(str(value) for value in getattr(enums, field.enum)), ""])
    if field.kind is Kind.BOOLEAN:
        return rng.choice(["true", "false"])
    if field.kind is Kind.INTEGER:
        seconds = rng.randint(0, 600)
        return seconds if field.number else str(seconds)
    if field.wire.endswith((" ID", "UUID")):
        return rng.choice(["", str(UUID(int=rng.getrandbits(128)))])
    return rng.choice(["", "", "NA"])
