"""Compressed files and archives, encodings, and files that cannot be read."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from ringback.sources.files import MAX_KEPT, BrokenItem, Item, RawItem, UnreadableFile, read_file, read_stream

DATA = Path(__file__).resolve().parents[2] / "data"
RECORDS = [json.dumps({"Report ID": f"r-{number}", "User": f"Zoë {number}"}).encode() for number in range(5)]
LINES = b"\n".join(RECORDS) + b"\n"
_random = random.Random(20260914)
DENSE = [b'{"Report ID":"%s"}' % _random.randbytes(30).hex().encode() for _ in range(2000)]
"""Records that hardly compress, so that each takes its share of a compressed file."""


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def read(data: bytes, name: str = "calls") -> list[Item]:
    """All items; there must be no error."""
    return list(read_stream(io.BytesIO(data), name))


def raws(data: bytes) -> list[bytes]:
    """The bytes of all items, none of which may be broken."""
    items = read(data)
    assert all(isinstance(item, RawItem) for item in items)
    return [item.raw for item in items]


def read_until_error(data: bytes) -> tuple[list[Item], str]:
    """The items before the error, which must come, and its message."""
    items: list[Item] = []
    try:
        for item in read_stream(io.BytesIO(data), "calls"):
            items.append(item)  # noqa: PERF402  what came before the error counts
    except UnreadableFile as error:
        return items, str(error)
    return pytest.fail(f"no error, but {len(items)} items")


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "gzip, many members": lambda data: b"".join(gzip.compress(data[at : at + 37]) for at in range(0, len(data), 37)),
    "gzip, padded": lambda data: gzip.compress(data) + b"\0" * 5000,
    "zstd": zstandard.compress,
    "zstd, many frames": lambda data: zstandard.compress(data[:50]) + zstandard.compress(data[50:]),
    "zip": lambda data: zipped({"calls.json": data}),
    "zip, stored": lambda data: zipped({"calls.json": data}, zipfile.ZIP_STORED),
    "zip, lzma": lambda data: zipped({"calls.json": data}, zipfile.ZIP_LZMA),
    "zip in zip in zip": lambda data: zipped({"b.zip": zipped({"c.zip": zipped({"calls.json": data})})}),
    "gzip in zip in gzip": lambda data: gzip.compress(zipped({"calls.json.gz": gzip.compress(data)})),
    "UTF-8 with mark": lambda data: b"\xef\xbb\xbf" + data,
    "UTF-8 with mark in gzip": lambda data: gzip.compress(b"\xef\xbb\xbf" + data),
    "UTF-16": lambda data: data.decode().encode("utf-16"),
    "UTF-16, big end first": lambda data: b"\xfe\xff" + data.decode().encode("utf-16-be"),
    "UTF-16 in zip": lambda data: zipped({"calls.json": data.decode().encode("utf-16")}),
}


@pytest.mark.parametrize("packing", PACKED)
def test_records_come_out_as_they_went_in(packing: str) -> None:
    """However a file is packed and encoded, its records are the same bytes in UTF-8."""
    assert raws(PACKED[packing](LINES)) == RECORDS


@settings(max_examples=40)
@given(
    names=st.lists(st.text(max_size=30), min_size=1, max_size=30),
    packing=st.sampled_from(["gzip", "gzip, many members", "zstd", "zip"]),
)
def test_any_records_come_out_of_any_packing(names: list[str], packing: str) -> None:
    """Any records, packed in any way, read back as the same bytes."""
    records = [json.dumps({"Report ID": name}).encode() for name in names]
    assert raws(PACKED[packing](b"\n".join(records))) == records


def test_members_of_an_archive_are_named() -> None:
    """Each record says which member it stands in, and directories and what macOS adds are skipped."""
    archive = zipped(
        {
            "2026/": b"",
            "2026/a.json": RECORDS[0],
            "__MACOSX/2026/._a.json": b"\0\5\x16\7",
            ".DS_Store": b"\0\0\0\1",
            "b.csv": b"Report ID\nr-9\n",
            "inner.zip": zipped({"c\x1b[31m.json": b"\n" + RECORDS[1]}),
        }
    )
    assert [item.where for item in read(archive, "export.zip")] == [
        "export.zip/2026/a.json, line 1",
        "export.zip/b.csv, line 2",
        "export.zip/inner.zip/c?[31m.json, line 2",
    ]


def test_a_bad_member_does_not_cost_the_others() -> None:
    """Every good member is read, and then one error names each that was not."""
    items, error = read_until_error(
        zipped({"a.json": RECORDS[0], "notes.txt": b"hello", "empty.json": b"", "b.json": RECORDS[1] + RECORDS[2][:9]})
    )
    assert [item.raw for item in items if isinstance(item, RawItem)] == RECORDS[:2]
    first, second, third = error.splitlines()
    assert first.startswith("calls/notes.txt is neither JSON nor CSV; it begins with b'hello'.")
    assert second == "calls/empty.json is empty. If it should not be, get it again."
    assert third.startswith("calls/b.json: it ends in the middle, so it was cut off. 1 record before that was read.")


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
@given(share=st.floats(0.05, 0.99))
@settings(max_examples=40)
def test_what_stands_before_a_cut_is_read(pack: Callable[[bytes], bytes], share: float) -> None:
    """Of a compressed file that is cut off, a beginning is read, and the error says how many records that were."""
    records = DENSE[:200]
    data = pack(b"\n".join(records))
    items, error = read_until_error(data[: int(len(data) * share)])
    whole = [item.raw for item in items if isinstance(item, RawItem)]
    assert whole == records[: len(whole)]
    assert "data ends too early, so it was cut off" in error
    assert f"{len(whole) or 'No'} record" in error


def test_most_records_before_a_cut_are_read() -> None:
    """Half of a gzip file gives about half of its records."""
    data = gzip.compress(b"\n".join(DENSE))
    items, _ = read_until_error(data[: len(data) // 2])
    assert 950 < len(items) < 1050


def test_damage_in_gzip_is_reported_after_what_stands_before_it() -> None:
    """Records before damaged gzip data are read; those behind it are not made up."""
    data = bytearray(gzip.compress(b"\n".join(DENSE)))
    data[len(data) // 2 : len(data) // 2 + 50] = b"\xff" * 50
    items, error = read_until_error(bytes(data))
    assert [item.raw for item in items[:950]] == DENSE[:950]
    assert "its gzip data is damaged" in error
    assert error.endswith("Get the file again and import it: records that are there already are not doubled.")


def test_wrong_check_sum_is_reported() -> None:
    """A gzip or zip file whose check sum is wrong gives its records and an error."""
    data = bytearray(gzip.compress(b"\n".join(DENSE[:99])))
    data[-6] ^= 1
    items, error = read_until_error(bytes(data))
    assert 96 <= len(items) <= 99
    assert "gzip data is damaged" in error
    data = bytearray(zipped({"a.json": LINES, "b.json": LINES}, zipfile.ZIP_STORED))
    data[data.index(b"r-0")] ^= 1
    items, error = read_until_error(bytes(data))
    assert [item.raw for item in items] == RECORDS
    assert "calls/a.json: its zip data is damaged" in error


def test_what_follows_a_compressed_file_is_reported() -> None:
    """Something else behind gzip data is an error, and not silently left out."""
    items, error = read_until_error(gzip.compress(LINES) + b"something else")
    assert [item.raw for item in items] == RECORDS
    assert "something that is not gzip follows its gzip data" in error


def test_archives_too_deep_are_refused() -> None:
    """What is packed more than three times is refused."""
    _, error = read_until_error(gzip.compress(PACKED["zip in zip in zip"](LINES)))
    assert error == "calls/b.zip/c.zip is packed more than 3 times. Unpack it and import the files in it."


def test_encrypted_archive_is_refused() -> None:
    """An encrypted member is named, and the others are read."""
    data = bytearray(zipped({"a.json": LINES, "b.json": RECORDS[0]}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    items, error = read_until_error(bytes(data))
    assert [item.raw for item in items] == [RECORDS[0]]
    assert error.startswith("calls/a.json: it is encrypted; unpack the archive with its password")


def test_cut_off_archive_is_refused() -> None:
    """A zip archive that was cut off says so."""
    _, error = read_until_error(zipped({"a.json": LINES})[:-30])
    assert error.startswith(
        "calls: this zip archive is cut off or damaged (File is not a zip file). Get the file again"
    )
    _, error = read_until_error(gzip.compress(zipped({"a.json": LINES}))[:-30])
    assert error.startswith("calls: its gzip data ends too early, so it was cut off. Get the file again")


def test_archive_without_files_is_refused() -> None:
    """A zip archive of nothing says so."""
    assert read_until_error(zipped({"a/": b""}))[1] == "calls: there is no file in this zip archive."
    assert read_until_error(zipped({}))[1] == "calls: there is no file in this zip archive."


def test_excel_workbook_is_refused_with_the_way_out() -> None:
    """A workbook of Excel, which is a zip archive, is told from an archive of records."""
    _, error = read_until_error(zipped({"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>"}))
    assert error == "calls is an Excel workbook. Save it as 'CSV UTF-8' and import that."


@pytest.mark.parametrize("data", [b"", b" \n\r\n", b"\xef\xbb\xbf", b"\xff\xfe", gzip.compress(b"")])
def test_empty_file_is_refused(data: bytes) -> None:
    """A file without anything in it is an error, since somebody meant it to have records."""
    assert read_until_error(data)[1] == "calls is empty. If it should not be, get it again."


@pytest.mark.parametrize(
    "data", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"%PDF-1.7\n", b"hello", b"BZh91AY&SY\0\0", b"42\n"]
)
def test_unknown_format_is_refused_with_its_first_bytes(data: bytes) -> None:
    """A file of another format is refused, showing how it begins and what is taken."""
    _, error = read_until_error(data)
    assert error.startswith(f"calls is neither JSON nor CSV; it begins with {data[:16]!r}. Give call records as")


def test_missing_file_and_directory(tmp_path: Path) -> None:
    """A file that is not there and a directory are told apart."""
    with pytest.raises(UnreadableFile, match=r"none.json: there is no such file. Check the name"):
        list(read_file(tmp_path / "none.json"))
    with pytest.raises(UnreadableFile, match=r"is a directory. Give the files in it, for instance .*/\*"):
        list(read_file(tmp_path))


def test_file_that_may_not_be_read(tmp_path: Path) -> None:
    """A file of somebody else says that the user lacks the right to read it."""
    path = tmp_path / "calls.json"
    path.write_bytes(LINES)
    path.chmod(0)
    tmp_path.chmod(0o755)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)  # the superuser may read everything
    try:
        with pytest.raises(UnreadableFile, match=r"this user may not read it|cannot be opened|no permission"):
            list(read_file(path))
    finally:
        os.seteuid(user)


def test_utf16_that_is_damaged_alters_no_record() -> None:
    """A character that is no UTF-16 makes its record unreadable instead of another one."""
    data = b"\xff\xfe" + '{"a":"x"}\n{"a":"y"}'.encode("utf-16-le").replace(b"x\0", b"\0\xdc")
    items = read(data)
    assert [item.raw for item in items if isinstance(item, RawItem)] == [b'{"a":"y"}']
    assert isinstance(items[0], BrokenItem)


@pytest.mark.parametrize("packing", ["plain", "gzip", "zstd"])
def test_progress_adds_up_to_the_size_of_the_file(tmp_path: Path, packing: str) -> None:
    """The bytes reported while reading are those of the file as it is stored."""
    path = tmp_path / "calls"
    path.write_bytes(PACKED[packing](LINES * 2000))
    steps: list[int] = []
    assert sum(1 for _ in read_file(path, steps.append)) == 10_000
    assert sum(steps) == path.stat().st_size


def test_stream_that_cannot_seek() -> None:
    """A pipe is read like a file, archives too."""
    for data in (LINES, gzip.compress(LINES), zipped({"a.json": LINES})):
        readable, writable = os.pipe()
        os.write(writable, data)
        os.close(writable)
        with open(readable, "rb") as pipe:
            assert [item.raw for item in read_stream(pipe, "standard input")] == RECORDS


def test_documented_sample_page() -> None:
    """The page of the API documents is one record, as the bytes that stand in the file."""
    path = DATA / "documented-page.json"
    [item] = read_file(path)
    assert item.where == "documented-page.json, line 3"
    assert item.raw in path.read_bytes()
    assert json.loads(item.raw) == json.loads(path.read_bytes())["items"][0]


@given(data=st.data(), packing=st.sampled_from(["plain", "gzip", "zstd", "zip", "UTF-16"]))
def test_any_damage_is_survived(data: st.DataObject, packing: str) -> None:
    """Whatever bytes of a file are altered, lost or added, reading ends, if with an error then with UnreadableFile."""
    damaged = bytearray(PACKED[packing](b"[" + b",".join(RECORDS) + b"]"))
    for _ in range(data.draw(st.integers(1, 4))):
        begin = data.draw(st.integers(0, len(damaged)))
        end = begin + data.draw(st.integers(0, 30))
        damaged[begin:end] = data.draw(
            st.binary(max_size=30) | st.sampled_from([b"{", b"}", b"[", b"]", b'"', b",", b"\n"])
        )
    items: list[Item] = []
    message = "calls"
    try:
        for item in read_stream(io.BytesIO(bytes(damaged)), "calls"):
            items.append(item)  # noqa: PERF402  what came before the error counts
    except UnreadableFile as error:
        message = str(error)
    assert message.startswith("calls")
    assert all(item.raw and len(item.raw) <= MAX_KEPT for item in items)
