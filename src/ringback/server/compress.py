"""Compressed answers, for clients that ask for them."""

from __future__ import annotations

from collections.abc import Callable

import zstandard
from isal import igzip

SMALLEST = 1024
"""Bytes; below this, compressing saves nothing."""


def _zstd(body: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(body)


def _gzip(body: bytes) -> bytes:
    return igzip.compress(body, 1)  # four times as fast as zlib for pages of records


_ENCODINGS: dict[str, Callable[[bytes], bytes]] = {"zstd": _zstd, "gzip": _gzip}
"""By preference: zstd is faster and smaller."""


def compressed(body: bytes, accept_encoding: str) -> tuple[bytes, str]:
    """The body in the encoding the client likes best, and the name of the encoding ("" for none).

    Takes about a millisecond for each megabyte; not to be called on an event loop.

    Args:
        accept_encoding: the header, as in RFC 9110 section 12.5.3.
    """
    if len(body) < SMALLEST:
        return body, ""
    weights = _weights(accept_encoding)
    best = max(_ENCODINGS, key=lambda name: weights.get(name, weights.get("*", 0.0)))  # the first of equals
    weight = weights.get(best, weights.get("*", 0.0))
    if weight <= 0 or weight < weights.get("identity", 0.0):
        return body, ""
    return _ENCODINGS[best](body), best


def _weights(header: str) -> dict[str, float]:
    weights = {}
    for item in header.lower().split(","):
        name, _, parameter = item.partition(";")
        text = parameter.strip().removeprefix("q=")
        try:
            weights[name.strip()] = float(text) if text else 1.0
        except ValueError:
            weights[name.strip()] = 0.0
    return weights
