"""The published client library `wxc_sdk`, unmodified, reads everything from a started server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from wxc_sdk.cdr import CDR as SdkCDR

from conformance.conftest import Cloud, location_of
from conformance.sdk import Read, read_async, read_async_generator, read_sync
from factories import wire_record
from processes import environment
from ringback.records import enums
from ringback.records.cdr import CDR
from ringback.records.fields import FIELDS, UNSET
from ringback.records.values import to_wire_time
from ringback.simulator import KINDS

EVER = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
DOCUMENTED = {(field.attribute, str(value)) for field in FIELDS if field.enum for value in getattr(enums, field.enum)}
"""Attributes and their documented values; this version of the library does not list all of them."""

STRICT_READER = Path(__file__).with_name("strict_reader.py")

either_endpoint = pytest.mark.parametrize("stream", [False, True], ids=["feed", "stream"])


@pytest.fixture(params=[read_sync, read_async, read_async_generator], ids=["sync", "async", "async generator"])
def read(request: pytest.FixtureRequest) -> Read:
    """Each of the library's ways to read a window."""
    way: Read = request.param
    return way


def differences(theirs: Iterable[SdkCDR], ours: Mapping[str, bytes]) -> list[str]:
    """Where records that the library read differ, in any of the 87 attributes, from what ringback reads in ours."""
    found = []
    for their in theirs:
        our = CDR(ours[str(their.report_id)])
        for field in FIELDS:
            expected, value = getattr(our, field.attribute), getattr(their, field.attribute)
            # The library keeps the texts "na" and "N/A" always, and "NA" never, where ringback does so in those fields
            # in which they mean something.
            if value != expected and {value or "", expected or ""} - UNSET:
                found.append(f"{our.report_id}: {field.attribute} is {value!r}, not {expected!r}")
        if their.model_extra:
            found.append(f"{our.report_id}: unknown attributes {their.model_extra}")
    return found


def test_history_has_what_is_to_be_proved(cloud: Cloud) -> None:
    """The history that the library reads has calls of every kind of the simulator, and many pages of records."""
    assert cloud.history.kinds == set(KINDS)
    assert len(cloud.history.newest) > 1000


@either_endpoint
def test_every_record_once_with_all_values(cloud: Cloud, read: Read, stream: bool) -> None:
    """Over many pages, each record comes once, its newest version, with all 87 attributes as ringback reads them."""
    history = cloud.history
    records = read(cloud.server.address, cloud.free, history.begin, history.end, stream=stream, max=100)
    assert Counter(record.report_id for record in records) == Counter(history.newest.keys())
    assert differences(records, history.newest) == []


@either_endpoint
def test_pages_of_one_record(cloud: Cloud, stream: bool) -> None:
    """The smallest page size reads everything, too, also where many records have the same stored time."""
    begin = cloud.history.begin + timedelta(hours=8)
    window = (begin, begin + timedelta(minutes=30))
    whole = read_sync(cloud.server.address, cloud.free, *window, stream=stream)
    single = read_sync(cloud.server.address, cloud.free, *window, stream=stream, max=1)
    assert len(whole) > 10
    assert single == whole


@either_endpoint
def test_adjoining_windows_neither_repeat_nor_drop(cloud: Cloud, stream: bool) -> None:
    """A reader who asks hour by hour gets every record once."""
    history = cloud.history
    seen: Counter[str | None] = Counter()
    begin = history.begin
    while begin < history.end:
        end = min(begin + timedelta(hours=6), history.end)
        seen.update(
            record.report_id for record in read_sync(cloud.server.address, cloud.free, begin, end, stream=stream)
        )
        begin = end
    assert seen == Counter(history.newest.keys())


@either_endpoint
def test_by_location(cloud: Cloud, read: Read, stream: bool) -> None:
    """Asked for some locations, over several pages, the library gets all records of these and no others."""
    history = cloud.history
    locations = sorted({location_of(raw) for raw in history.newest.values()} - {""})[:2]
    assert len(locations) == 2
    records = read(
        cloud.server.address, cloud.free, history.begin, history.end, locations=locations, stream=stream, max=100
    )
    expected = [report_id for report_id, raw in history.newest.items() if location_of(raw) in locations]
    assert len(expected) > 200
    assert sorted(str(record.report_id) for record in records) == sorted(expected)
    assert {record.location for record in records} == set(locations)


@pytest.mark.parametrize("location", ["Zürich HB", "Köln + Bonn, 50%", "東京/1?&=#"])
def test_names_of_locations(cloud: Cloud, read: Read, location: str) -> None:
    """Whatever letters and signs the name of a location has, the library finds its records."""
    sent = location.replace(",", "%2C")  # the library joins names with commas, so it has no other way to send one
    records = read(cloud.server.address, cloud.of_files, *EVER, locations=["Nowhere", sent])
    assert [record.location for record in records] == [location]


def test_an_empty_window(cloud: Cloud, read: Read) -> None:
    """A window without records is no error and no record."""
    assert read(cloud.server.address, cloud.free, cloud.history.end, EVER[1]) == []


def test_records_that_came_from_files(cloud: Cloud, read: Read) -> None:
    """Records from CSV reports and from an older cloud, which lack fields, are completed so that the library reads
    them."""
    records = read(cloud.server.address, cloud.of_files, *EVER, max=2)
    reports = [record for record in records if str(record.report_id).startswith("11111111-aaaa")]
    assert len(reports) >= 3
    assert all(record.location == "Raleigh" for record in reports)
    assert all(record.start_time and record.report_time and record.answered in (True, False) for record in reports)
    assert [record.model_extra for record in records if record.model_extra] == []


def refused_in_strictest_mode(items: Iterable[bytes]) -> tuple[int, set[tuple[str, str]]]:
    """How many items the library reads with API_MODEL_ALLOW_EXTRA=forbid, and each attribute and value it refuses."""
    done = subprocess.run(
        [sys.executable, STRICT_READER],
        input=b"\n".join(items),
        env=environment(API_MODEL_ALLOW_EXTRA="forbid"),
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    answer = json.loads(done.stdout)
    return answer["read"], {(attribute, value) for attribute, value in answer["refused"]}


@either_endpoint
def test_strictest_mode(cloud: Cloud, stream: bool) -> None:
    """Where unknown attributes and enum values are errors, there is none but documented values the library lacks."""
    query = {"startTime": to_wire_time(cloud.history.begin), "endTime": to_wire_time(cloud.history.end)}
    page = cloud.server.ask("/v1/cdr_stream" if stream else "/v1/cdr_feed", cloud.free, **query)
    items = page.json["items"]
    assert len(items) == len(cloud.history.newest)
    read, refused = refused_in_strictest_mode(json.dumps(item).encode() for item in items)
    assert refused <= DOCUMENTED
    assert read > 0.8 * len(items)


def test_strictest_mode_can_fail() -> None:
    """The strictest mode does refuse unknown attributes and values, so that it proves something."""
    good, telepathy, mood = wire_record(), {"Call type": "SIP_TELEPATHY"}, {"Mood of caller": "cheerful"}
    assert refused_in_strictest_mode([good, wire_record(**telepathy), wire_record(**mood)]) == (
        1,
        {("call_type", "SIP_TELEPATHY"), ("mood_of_caller", "cheerful")},
    )
