"""Programs that know nothing but the documentation read everything with a plain HTTP library."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import zstandard

from conformance.conftest import STEADY, Cloud
from factories import NOON
from processes import ALL_TIME
from ringback.records.values import to_wire_time

either_path = pytest.mark.parametrize("path", ["/v1/cdr_feed", "/v1/cdr_stream"])


def follow_links(url: str, token: str, **query: str | int) -> Iterator[list[dict[str, Any]]]:
    """The items of each page: the documents say to follow the link with rel=next until there is none."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json;charset=UTF-8"}
    response = requests.get(url, params=query, headers=headers, timeout=30)
    while True:
        response.raise_for_status()
        yield response.json()["items"]
        if "next" not in response.links:
            return
        response = requests.get(response.links["next"]["url"], headers=headers, timeout=30)


def continue_from_the_last_item(url: str, token: str, start: str, end: str, size: int) -> Iterator[dict[str, Any]]:
    """All items, as a public sample program gets them: it asks again from the Report time of the last item.

    The start of a window is inclusive, so that item comes again as the first one, and is dropped.
    """
    headers = {"Authorization": f"Bearer {token}"}
    drop = 0
    while True:
        query: dict[str, str | int] = {"startTime": start, "endTime": end, "max": size}
        items = requests.get(url, params=query, headers=headers, timeout=30).json()["items"][drop:]
        if not items:
            return
        yield from items
        start, drop = items[-1]["Report time"], 1


@either_path
def test_following_links(cloud: Cloud, path: str) -> None:
    """Following the links reads every record once, and each is the very bytes that came in."""
    pages = list(follow_links(cloud.server.address + path, cloud.free, **ALL_TIME, max=100))
    items = [item for page in pages for item in page]
    assert [len(page) for page in pages[:-1]] == [100] * (len(pages) - 1)
    assert 0 < len(pages[-1]) <= 100
    assert Counter(item["Report ID"] for item in items) == Counter(cloud.history.newest.keys())
    encoded = {
        item["Report ID"]: json.dumps(item, separators=(",", ":"), ensure_ascii=False).encode() for item in items
    }
    assert encoded == cloud.history.newest


def test_feed_is_in_order_of_report_time(cloud: Cloud) -> None:
    """The feed goes from the oldest Report time to the newest, across pages."""
    pages = follow_links(f"{cloud.server.address}/v1/cdr_feed", cloud.free, **ALL_TIME, max=250)
    times = [item["Report time"] for page in pages for item in page]
    assert times == sorted(times)


def test_continuing_from_the_last_item(cloud: Cloud) -> None:
    """A program that continues from the last Report time, and drops the first item, reads every record once."""
    begin, end = to_wire_time(NOON), ALL_TIME["endTime"]
    items = continue_from_the_last_item(f"{cloud.server.address}/v1/cdr_feed", cloud.steady, begin, end, 40)
    assert [item["Report ID"] for item in items] == [json.loads(raw)["Report ID"] for raw in STEADY]


@either_path
def test_both_edges_of_a_window(cloud: Cloud, path: str) -> None:
    """The record at startTime is in the window, and the one at endTime is not."""
    if path.endswith("stream"):
        newest = cloud.server.ask("/v1/cdr_stream", cloud.steady, **ALL_TIME)
        assert len(newest.ids) == len(STEADY), "of one batch, so of one stored time"
        return
    first, last = json.loads(STEADY[10])["Report time"], json.loads(STEADY[20])["Report time"]
    page = cloud.server.ask(path, cloud.steady, startTime=first, endTime=last)
    assert page.ids == [json.loads(raw)["Report ID"] for raw in STEADY[10:20]]


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_compressed_pages(cloud: Cloud, encoding: str) -> None:
    """A client that asks for compressed pages gets the same bytes, compressed."""
    headers = {"Authorization": f"Bearer {cloud.free}", "Accept-Encoding": encoding}
    url = f"{cloud.server.address}/v1/cdr_feed"
    plain = cloud.server.ask("/v1/cdr_feed", cloud.free, **ALL_TIME, max=200)
    with requests.get(url, params=ALL_TIME | {"max": "200"}, headers=headers, stream=True, timeout=30) as response:
        assert response.headers["Content-Encoding"] == encoding
        packed = response.raw.read(decode_content=False)
    unpack = gzip.decompress if encoding == "gzip" else zstandard.ZstdDecompressor().decompress
    assert len(packed) < len(plain.body) / 2
    assert unpack(packed) == plain.body
