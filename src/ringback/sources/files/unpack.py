"""Taking off what a text is wrapped in: compression and encoding."""

from __future__ import annotations

import codecs
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Protocol
from zipfile import ZipFile, ZipInfo

import zstandard

from ringback.sources.files.items import Damaged
from ringback.sources.files.source import Source

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
ZIP = (b"PK\x03\x04", b"PK\x05\x06")

PIECE = 256 << 10
"""How much is read from a file at once."""

_SMALL = {GZIP: 64, ZSTD: 512}
"""Compressed bytes that are unpacked at once. A decompressor that meets damage gives nothing of what it was just fed,
so this is what damage can cost beside itself; it also bounds what a byte that unpacks to thousands can do to memory.
zstd gives whole blocks, so smaller pieces would only be slower."""

_ZIP_PIECE = 4096
_ENCRYPTED = 0x1
_SPOOL_IN_MEMORY = 8 << 20


class _Decompressor(Protocol):
    def decompress(self, data: bytes, /) -> bytes: ...

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...


def gunzip(source: Source) -> Iterator[bytes]:
    """What a gzip file holds, of all its members one after the other.

    Raises:
        Damaged: after everything that could be unpacked.
    """
    return _unpack(source, "gzip", GZIP, lambda: zlib.decompressobj(wbits=zlib.MAX_WBITS | 16))


def unzstd(source: Source) -> Iterator[bytes]:
    """What zstd frames hold, one after the other.

    Raises:
        Damaged: after everything that could be unpacked.
    """
    return _unpack(source, "zstd", ZSTD, lambda: zstandard.ZstdDecompressor().decompressobj())


def _unpack(source: Source, what: str, magic: bytes, new: Callable[[], _Decompressor]) -> Iterator[bytes]:
    while source.peek(len(magic)).startswith(magic):
        yield from _unpack_one(source, what, new(), _SMALL[magic])
        while (padding := source.read()) and not padding.strip(b"\0"):
            pass  # tapes and some tools fill up with zeros
        source.give_back(padding.lstrip(b"\0"))
    if source.damage:
        raise source.damage
    if source.peek(1):
        raise Damaged(f"something that is not {what} follows its {what} data")


def _unpack_one(source: Source, what: str, decompressor: _Decompressor, small: int) -> Iterator[bytes]:
    while packed := source.read():
        for at in range(0, len(packed), small):
            try:
                yield decompressor.decompress(packed[at : at + small])
            except (zlib.error, zstandard.ZstdError) as error:
                raise Damaged(f"its {what} data is damaged ({error})") from error
            if decompressor.eof:
                source.give_back(decompressor.unused_data + packed[at + small :])
                return
    if source.damage is None:
        raise Damaged(f"its {what} data ends too early, so it was cut off")


def utf16(source: Source) -> Iterator[bytes]:
    """UTF-16 text with a byte order mark, as UTF-8.

    What is no UTF-16 becomes a backslash and its bytes: never valid in JSON, so the record it stands in is quarantined
    instead of altered.

    Raises:
        Damaged: after everything that could be read.
    """
    decoder = codecs.getincrementaldecoder("utf-16")("backslashreplace")
    for piece in source.pieces():
        yield decoder.decode(piece).encode()
    yield decoder.decode(b"", final=True).encode()


def zip_members(archive: ZipFile) -> list[ZipInfo]:
    """The members that are files of somebody: no directories, and not what macOS adds to every archive."""
    return [info for info in archive.infolist() if not info.is_dir() and not _is_clutter(info.filename)]


def _is_clutter(path: str) -> bool:
    *folders, name = path.split("/")
    return "__MACOSX" in folders or name == ".DS_Store"


def unzip(archive: ZipFile, info: ZipInfo) -> Iterator[bytes]:
    """What a member holds.

    Raises:
        Damaged: after everything that could be unpacked, or at once if it is encrypted.
    """
    if info.flag_bits & _ENCRYPTED:
        raise Damaged("it is encrypted; unpack the archive with its password and import the files in it")
    try:
        with archive.open(info) as member:
            while piece := member.read(_ZIP_PIECE):
                yield piece
    except Exception as error:  # zipfile lets through whatever damage makes happen in it, such as IndexError
        raise Damaged(f"its zip data is damaged or of an unknown kind ({error})") from error


@contextmanager
def spooled(source: Source) -> Iterator[IO[bytes]]:
    """The bytes as a file that can be read in any order, on disk if they are many.

    Raises:
        Damaged: the source ended early.
    """
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL_IN_MEMORY) as file:
        for piece in source.pieces():
            file.write(piece)
        yield file
