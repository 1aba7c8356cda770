"""Finding out what a file is, and reading it as that."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, BinaryIO
from zipfile import ZipFile

from ringback.sources.files import csv_text, json_text, unpack
from ringback.sources.files.items import Damaged, Item, RawItem, UnreadableFile
from ringback.sources.files.source import Source

MAX_DEPTH = 3
"""How many archives and compressions may be one inside the other."""

_HEAD = 64 * 1024
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_JSON_BEGINS = re.compile(rb"\s*[\[{]")
_JSON_LINE = re.compile(rb"^[ \t]*[\[{]", re.MULTILINE)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")

AGAIN = "Get the file again and import it: records that are there already are not doubled."


def read_file(path: Path, on_bytes: Callable[[int], None] | None = None) -> Iterator[Item]:
    """The records of a file, one by one, and what is broken in it.

    Args:
        path: the file.
        on_bytes: is told how many bytes of the file were read since it was last called, for showing progress. Of a zip
            archive, some are read twice.

    Raises:
        UnreadableFile: the file, or the rest of it, cannot be read. Of an archive, all other members were read before.
    """
    try:
        file = _CountedFile(path, on_bytes or _ignore)
    except FileNotFoundError as error:
        raise UnreadableFile(f"{path}: there is no such file. Check the name and the directory.") from error
    except IsADirectoryError as error:
        raise UnreadableFile(f"{path} is a directory. Give the files in it, for instance {path}/*") from error
    except PermissionError as error:
        raise UnreadableFile(
            f"{path}: this user may not read it. Give it the right to, or run as its owner."
        ) from error
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be opened: {error.strerror}.") from error
    with io.BufferedReader(file, unpack.PIECE) as stream:
        yield from read_stream(stream, path.name)


def read_stream(stream: BinaryIO, name: str) -> Iterator[Item]:
    """The same for a binary stream, such as standard input.

    Args:
        stream: read from where it stands. It need not be seekable, and stays open.
        name: what to call it in `where` and in errors.

    Raises:
        UnreadableFile: as `read_file`.
    """
    source = Source(_pieces(stream))
    if stream.seekable():
        begin = stream.tell()
        if source.peek(4).startswith(unpack.ZIP):
            stream.seek(begin)
            return _read_zip(stream, name, 1)
    return _read(source, name, 0)


class _CountedFile(io.FileIO):
    def __init__(self, path: Path, on_bytes: Callable[[int], None]) -> None:
        super().__init__(path)
        self._on_bytes = on_bytes

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # any buffer will do
        count = super().readinto(buffer)
        self._on_bytes(count)
        return count


def _ignore(count: int) -> None:
    pass


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    try:
        while piece := stream.read(unpack.PIECE):
            yield piece
    except OSError as error:
        raise Damaged(f"it cannot be read further ({error.strerror})") from error


def _read(source: Source, name: str, depth: int) -> Iterator[Item]:
    head = source.peek(4)
    packed = head.startswith((unpack.GZIP, unpack.ZSTD, *unpack.ZIP))
    if packed and depth == MAX_DEPTH:
        raise UnreadableFile(f"{name} is packed more than {MAX_DEPTH} times. Unpack it and import the files in it.")
    if head.startswith(unpack.GZIP):
        yield from _read(Source(unpack.gunzip(source)), name, depth + 1)
    elif head.startswith(unpack.ZSTD):
        yield from _read(Source(unpack.unzstd(source)), name, depth + 1)
    elif head.startswith(unpack.ZIP):
        try:
            with unpack.spooled(source) as file:
                yield from _read_zip(file, name, depth + 1)
        except Damaged as damage:
            raise UnreadableFile(f"{name}: {damage}. {AGAIN}") from damage
    else:
        yield from _read_text(source, name)


def _read_zip(file: IO[bytes], name: str, depth: int) -> Iterator[Item]:
    try:
        archive = ZipFile(file)
        members = unpack.zip_members(archive)
    except Exception as error:  # zipfile lets through whatever damage makes happen in it, such as IndexError
        raise UnreadableFile(f"{name}: this zip archive is cut off or damaged ({error}). {AGAIN}") from error
    if any(info.filename == "xl/workbook.xml" for info in members):
        raise UnreadableFile(f"{name} is an Excel workbook. Save it as 'CSV UTF-8' and import that.")
    if not members:
        raise UnreadableFile(f"{name}: there is no file in this zip archive.")
    problems = []
    for info in members:
        try:
            yield from _read(Source(unpack.unzip(archive, info)), f"{name}/{_printable(info.filename)}", depth)
        except UnreadableFile as problem:
            problems.append(str(problem))
    if problems:
        raise UnreadableFile("\n".join(problems))


def _printable(name: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in name)


def _read_text(source: Source, name: str) -> Iterator[Item]:
    if source.peek(3).startswith(_UTF16_MARKS):
        source = Source(unpack.utf16(source))
    elif source.peek(3).startswith(_UTF8_MARK):
        source.give_back(source.read()[len(_UTF8_MARK) :])
    count = 0
    try:
        for item in _reader(source, name)(source, name):
            count += isinstance(item, RawItem)
            yield item
        if source.damage:
            raise source.damage
    except Damaged as damage:
        before = "1 record before that was" if count == 1 else f"{count or 'No'} records before that were"
        # That the text ends in the middle says less than why it does.
        raise UnreadableFile(f"{name}: {source.damage or damage}. {before} read. {AGAIN}") from damage


def _reader(source: Source, name: str) -> Callable[[Source, str], Iterator[Item]]:
    head = source.peek(_HEAD)
    if not head.strip():
        if source.damage:
            raise source.damage
        raise UnreadableFile(f"{name} is empty. If it should not be, get it again.")
    if _JSON_BEGINS.match(head):
        return json_text.read
    columns = csv_text.columns(head)
    if csv_text.has_report_id(columns):
        return csv_text.read
    if _JSON_LINE.search(head):  # begins in the middle of a record
        return json_text.read
    if _CONTROL.search(head) or len(columns) < 2:
        raise UnreadableFile(
            f"{name} is neither JSON nor CSV; it begins with {head[:16]!r}. Give call records as API pages, JSON, "
            "NDJSON or the CSV report of Control Hub, if you like in .gz, .zip or .zst."
        )
    raise UnreadableFile(
        f"{name} is CSV without a column 'Report ID', which tells records from each other; its columns are "
        f"{', '.join(columns)[:200]}. Take the Detailed Call History report of Control Hub, with its header."
    )
