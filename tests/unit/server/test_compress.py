"""Which encoding an answer gets."""

from __future__ import annotations

import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from ringback.server.compress import SMALLEST, compressed

BODY = b'{"items":[' + b"0," * SMALLEST + b"0]}"


def restored(body: bytes, encoding: str) -> bytes:
    """What a client makes of a compressed body."""
    if encoding == "gzip":
        return zlib.decompress(body, 31)
    return zstandard.ZstdDecompressor().decompress(body) if encoding == "zstd" else body


@pytest.mark.parametrize(
    ("header", "encoding"),
    [
        ("", ""),
        ("identity", ""),
        ("br, deflate, compress", ""),
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("zstd", "zstd"),
        ("gzip, deflate", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("zstd;q=0.5, gzip;q=0.9", "gzip"),
        ("zstd; q=0.9 ,gzip ;q=0.5", "zstd"),
        ("gzip;q=0", ""),
        ("gzip;q=0.0, zstd;q=0.000", ""),
        ("gzip;q=0, *", "zstd"),
        ("zstd;q=0, *", "gzip"),
        ("*", "zstd"),
        ("*;q=0", ""),
        ("*;q=0.1, gzip;q=0.5", "gzip"),
        ("identity, gzip;q=0.5", ""),
        ("identity;q=0.5, gzip", "gzip"),
        ("gzip, identity", "gzip"),
        ("identity;q=0", ""),
        ("identity;q=0, gzip;q=0", ""),
        ("gzip;q=1.5", "gzip"),
        ("gzip;q=-1", ""),
        ("gzip;q=high", ""),
        ("gzip;level=9", ""),
        (",,;,q=1,;q=", ""),
        ("gzip;q=0.5;q=1", ""),
    ],
)
def test_the_client_chooses(header: str, encoding: str) -> None:
    """The encoding with the highest weight is taken, zstd among equals; what cannot be read counts as not wanted."""
    body, used = compressed(BODY, header)
    assert used == encoding
    assert restored(body, used) == BODY
    assert (len(body) < len(BODY)) == bool(encoding)


def test_small_bodies_stay_as_they_are() -> None:
    """A body that is smaller than 1 KiB is not compressed."""
    assert compressed(b"x" * (SMALLEST - 1), "gzip, zstd") == (b"x" * (SMALLEST - 1), "")
    assert compressed(b"x" * SMALLEST, "gzip")[1] == "gzip"


@given(st.text(st.sampled_from("gzipstdn=q0.1259;,*-+_aefiy \t\xff"), max_size=60))
def test_any_header_is_read(header: str) -> None:
    """Whatever a client sends as Accept-Encoding, the body can be restored."""
    body, used = compressed(BODY, header)
    assert restored(body, used) == BODY
