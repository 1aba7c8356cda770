"""What a second arrival of a record is judged to be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from factories import NOON, wire_record
from ringback.ledger.revisions import Verdict, judge
from ringback.records.decode import decode

LATER, EARLIER = NOON + timedelta(seconds=1), NOON - timedelta(seconds=1)
FULL = wire_record(Duration=36, Answered="true", **{"International country": "NA", "Ring duration": "4"})


def verdict(arrived: bytes, current: bytes = FULL, *superseded: bytes) -> Verdict:
    """The verdict on an arrival beside what is there."""
    return judge(decode(arrived).record, current, superseded)


def changed(**values: object) -> bytes:
    """`FULL` with some values changed, in the same order."""
    return msgspec.json.encode(msgspec.json.decode(FULL) | values)


def test_the_same_bytes_are_a_duplicate() -> None:
    """The bytes of the current version again are a duplicate."""
    assert verdict(FULL) is Verdict.DUPLICATE


@pytest.mark.parametrize("report_time", [EARLIER, NOON, LATER], ids=["older", "equal", "newer"])
def test_the_bytes_of_an_old_version_are_a_duplicate(report_time: object) -> None:
    """The bytes of any version that is kept are a duplicate, whichever of them is the newest."""
    other = changed(**{"Report time": report_time, "Duration": 99})
    assert verdict(other, FULL, wire_record(Duration=1), other) is Verdict.DUPLICATE


def test_the_newest_report_time_wins() -> None:
    """A newer Report time replaces, even if nothing else is new; an older one does not, even if everything else is."""
    assert verdict(changed(**{"Report time": LATER})) is Verdict.REPLACES
    assert verdict(changed(**{"Report time": EARLIER, "Duration": 99, "News": 1})) is Verdict.KEPT_AS_OLDER


@pytest.mark.parametrize(
    "values",
    [{"Duration": 37}, {"Answered": "false"}, {"Something new": "x"}, {"International country": "DE"}, {"ELIN": "1"}],
    ids=str,
)
def test_at_equal_times_a_correction_replaces(values: dict[str, object]) -> None:
    """With the same Report time, a record that says something else or something more replaces."""
    assert verdict(changed(**values)) is Verdict.REPLACES


def reordered(values: dict[str, object]) -> dict[str, object]:
    """The keys in another order."""
    return dict(reversed(values.items()))


def as_texts(values: dict[str, object]) -> dict[str, object]:
    """Every value a text."""
    return {key: str(value) for key, value in values.items()}


def lower_case(values: dict[str, object]) -> dict[str, object]:
    """The keys in another spelling."""
    return {key.lower(): value for key, value in values.items()}


def older_time_format(values: dict[str, object]) -> dict[str, object]:
    """Times as another document writes them."""
    return values | {"Report time": str(values["Report time"]).replace("T", " ").rstrip("Z")}


def shouting(values: dict[str, object]) -> dict[str, object]:
    """Truth as spreadsheets write it."""
    return values | {"Answered": "TRUE"}


def unset_with_na(values: dict[str, object]) -> dict[str, object]:
    """What has no value says so."""
    return values | {key: "NA" for key, value in values.items() if value == "" and key != "WxCC consult merge status"}


def fewer(values: dict[str, object]) -> dict[str, object]:
    """Some keys are not there."""
    return {key: value for key, value in values.items() if key not in ("Answered", "Duration", "User type")}


@pytest.mark.parametrize(
    "form",
    [reordered, as_texts, lower_case, older_time_format, shouting, unset_with_na, fewer],
    ids=lambda f: f.__name__,
)
def test_at_equal_times_another_form_is_a_duplicate(form: Callable[[dict[str, object]], dict[str, object]]) -> None:
    """With the same Report time, a record that says the same or less in another form is a duplicate."""
    copy = msgspec.json.encode(form(msgspec.json.decode(FULL)))
    assert copy != FULL
    assert verdict(copy) is Verdict.DUPLICATE


def test_na_where_it_means_something_is_a_value() -> None:
    """Namibia is not the same as no country."""
    assert verdict(changed(**{"International country": "N/A"})) is Verdict.DUPLICATE
    assert verdict(FULL, changed(**{"International country": ""})) is Verdict.REPLACES


def test_odd_values_are_compared_as_they_are() -> None:
    """A value that does not fit its field counts as it is when records are compared."""
    odd = changed(Duration=["36"])
    assert verdict(odd) is Verdict.REPLACES
    assert verdict(msgspec.json.encode(reordered(msgspec.json.decode(odd))), odd) is Verdict.DUPLICATE


def test_a_record_without_times_replaces() -> None:
    """Without a time to compare by, the later arrival wins."""
    timeless = changed(**{"Report time": "", "Release time": "", "Start time": ""})
    assert verdict(timeless) is Verdict.REPLACES
    assert verdict(FULL, timeless) is Verdict.REPLACES
    assert verdict(fewer_bytes(timeless), timeless) is Verdict.DUPLICATE


def fewer_bytes(text: bytes) -> bytes:
    """The record with some keys less."""
    return msgspec.json.encode(fewer(msgspec.json.decode(text)))


def test_old_versions_are_read_only_if_needed() -> None:
    """The usual redelivery is recognised without reading old versions."""

    old = iter([wire_record(Duration=1)])
    assert judge(decode(FULL).record, FULL, old) is Verdict.DUPLICATE
    assert judge(decode(fewer_bytes(FULL)).record, FULL, old) is Verdict.DUPLICATE
    assert len(list(old)) == 1
