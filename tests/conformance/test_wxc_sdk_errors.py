"""The error classes of `wxc_sdk` understand our errors, and its retries work with our rate limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from wxc_sdk.as_rest import AsErrorDetail, AsRestError
from wxc_sdk.rest import ErrorDetail, RestError

from conformance.conftest import Cloud
from conformance.sdk import Read, read_async, read_sync
from factories import ORG, wire_record
from ringback.ledger import SqlLedger
from ringback.records.decode import decode
from ringback.server.app import create_app
from ringback.server.tokens import Tokens
from ringback.settings import Settings
from ringback.store import Store
from serving import listening


class Failure(NamedTuple):
    """What the library says of an error."""

    status: int
    message: str
    description: str
    tracking_id: str
    headers: Any


def fail_sync(address: str, token: str, start: Any, end: Any, **options: Any) -> Failure:
    """The error that the synchronous API raises; it has typed details."""
    with pytest.raises(RestError) as caught:
        read_sync(address, token, start, end, **options)
    detail, response = caught.value.detail, caught.value.response
    assert isinstance(detail, ErrorDetail), f"no typed detail: {detail!r}"
    return Failure(response.status_code, detail.message, caught.value.description, detail.tracking_id, response.headers)


def fail_async(address: str, token: str, start: Any, end: Any, **options: Any) -> Failure:
    """The error that the asynchronous API raises; it has typed details."""
    with pytest.raises(AsRestError) as caught:
        read_async(address, token, start, end, **options)
    detail = caught.value.detail
    assert isinstance(detail, AsErrorDetail), f"no typed detail: {detail!r}"
    return Failure(
        caught.value.status,
        str(detail.message),
        detail.description,
        str(detail.tracking_id),
        caught.value.headers,
    )


@pytest.fixture(params=[fail_sync, fail_async], ids=["sync", "async"])
def fail(request: pytest.FixtureRequest) -> Callable[..., Failure]:
    """Both of the library's ways to fail."""
    way: Callable[..., Failure] = request.param
    return way


@pytest.fixture(params=[read_sync, read_async], ids=["sync", "async"])
def read(request: pytest.FixtureRequest) -> Read:
    """Both of the library's ways to read."""
    way: Read = request.param
    return way


def check(failure: Failure, status: int, *words: str) -> None:
    """All parts of the error are there, and the message has these words."""
    assert failure.status == status
    assert [word for word in words if word not in failure.message] == []
    assert failure.description == failure.message
    assert failure.tracking_id.startswith("SIMPLE_"), "the tracking id that the library sent"
    assert failure.headers["trackingid"] == failure.tracking_id


def test_bad_request(cloud: Cloud, fail: Callable[..., Failure]) -> None:
    """A window that is no window is a 400 whose details the library reads."""
    history = cloud.history
    check(fail(cloud.server.address, cloud.free, history.end, history.begin), 400, "endTime", "startTime")
    check(fail(cloud.server.address, cloud.free, history.begin, history.end, max="many"), 400, "max", "'many'")


def test_documented_limits(cloud: Cloud, fail: Callable[..., Failure]) -> None:
    """A window beyond the documented limits is a 400 that says which limit it is."""
    now = datetime.now(UTC)
    too_long = (now - timedelta(hours=20), now - timedelta(hours=1))
    check(fail(cloud.server.address, cloud.strict, *too_long), 400, "12 hours")
    check(fail(cloud.server.address, cloud.strict, *too_long, stream=True), 400, "2 hours")


def test_unauthorized(cloud: Cloud, fail: Callable[..., Failure]) -> None:
    """An unknown token is a 401 whose details the library reads."""
    check(fail(cloud.server.address, "rb_0_unknown", cloud.history.begin, cloud.history.end), 401, "token")


def test_forbidden(cloud: Cloud, fail: Callable[..., Failure]) -> None:
    """A token without the scope is a 403 that names the scope."""
    failure = fail(cloud.server.address, cloud.weak, cloud.history.begin, cloud.history.end)
    check(failure, 403, "spark-admin:calling_cdr_read")


def test_other_region(cloud: Cloud, fail: Callable[..., Failure]) -> None:
    """The data of an organization in another region is a 451 that names the host to ask."""
    failure = fail(cloud.server.address, cloud.moved, cloud.history.begin, cloud.history.end)
    check(failure, 451, "analytics-calling-eu.webexapis.com")


class FastClock:
    """A clock that runs as clocks do, and can be set forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Limited(NamedTuple):
    """A server whose clock can be set forward, and a token with the documented limits."""

    address: str
    token: str
    clock: FastClock
    window: tuple[datetime, datetime]


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Limited]:
    """A server with a few records of an hour ago."""
    clock = FastClock()
    store = Store.open(tmp_path / "data")
    hour_ago = clock() - timedelta(hours=1)
    raws = [wire_record(f"r{n}", report_time=hour_ago + timedelta(seconds=n)) for n in range(30)]
    SqlLedger(store, clock).append([decode(raw).record for raw in raws])
    token = Tokens(store, clock).create(ORG)[0]
    with listening(create_app(store, Settings(), clock)) as address:
        yield Limited(address, token, clock, (hour_ago, hour_ago + timedelta(minutes=1)))
    store.close()


def test_too_many_requests(limited: Limited, fail: Callable[..., Failure]) -> None:
    """Past the rate, and told not to try again, the library raises a 429 with an integer Retry-After."""
    assert len(read_sync(limited.address, limited.token, *limited.window, max=10)) == 30
    failure = fail(limited.address, limited.token, *limited.window, retry_429=False)
    check(failure, 429)
    assert 50 <= int(failure.headers["Retry-After"]) <= 60


def test_waits_as_long_as_it_is_told(limited: Limited, read: Read) -> None:
    """Past the rate, the library waits for as long as Retry-After says, once, and then gets everything."""
    assert len(read_sync(limited.address, limited.token, *limited.window)) == 30
    limited.clock.ahead += timedelta(seconds=57)
    began = time.monotonic()
    assert len(read(limited.address, limited.token, *limited.window, max=10)) == 30
    assert 1 <= time.monotonic() - began < 10
