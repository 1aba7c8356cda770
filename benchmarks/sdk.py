"""Reading all records of a server over the loopback interface with `ringback.cdr` and with `wxc_sdk`, in turn."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import re
import socket
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

import httpx2

from benchmarks.append import filled_store
from benchmarks.pages import make_token, serving
from benchmarks.records import raw_records
from benchmarks.table import Table
from ringback.cdr import AsWebexSimpleApi, Options, Pace, WebexSimpleApi
from ringback.records.values import to_wire_time

_START = datetime(2026, 9, 1, tzinfo=UTC)
_END = datetime(2026, 12, 1, tzinfo=UTC)
_RUNS = 7
_PAGE = 5000
_BASE = "wxc_sdk, synchronous"
_NOT_COUNTED = -1
"""What a reader returns that does not look at records."""

_LARGEST = 100_000
"""What `wxc_sdk` needs minutes for tells no more than what it needs seconds for."""


def measure(directory: Path, sizes: list[int]) -> Table:
    """Read so many records, at most 100,000, in pages of 5000, several times in turn.

    From a server that has its pages ready in memory, which shows what the libraries themselves cost, and from
    `ringback serve`, which shows what is left of that when a server has work to do as well. `httpx2` alone, which
    `ringback.cdr` reads with, shows what would be left if reading records took no time.
    """
    table = Table(
        "Reading over HTTP with Python",
        "server",
        "library",
        "records",
        f"records/s, median of {_RUNS}",
        "least to most",
        "of wxc_sdk, medians",
        "of wxc_sdk, best runs",
    )
    for size in sorted({min(size, _LARGEST) for size in sizes}):
        with _ready_pages(size) as address:
            _measure_one(table, size, "pages ready in memory", address, "none")
        path = filled_store(directory, size)
        token = make_token(path, size)
        with serving(path, 1, directory / f"sdk-{size}.log") as address:
            _measure_one(table, size, "ringback serve", address, token)
    return table


@contextmanager
def _ready_pages(size: int) -> Iterator[str]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve_ready_pages, args=(size, theirs), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()


def _serve_ready_pages(size: int, port: Connection) -> None:
    raws = list(raw_records(size))
    bodies = [b'{"items":[' + b",".join(raws[at : at + _PAGE]) + b"]}" for at in range(0, size, _PAGE)]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1]
        port.send(number)
        while True:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as requests:
                while line := requests.readline():
                    while requests.readline().strip():
                        pass
                    found = re.search(rb"page=(\d+)", line)
                    page = int(found[1]) if found else 0
                    link = f'Link: <http://127.0.0.1:{number}/v1/cdr_feed?page={page + 1}>;rel="next"\r\n'
                    head = (
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                        f"{link if page + 1 < len(bodies) else ''}Content-Length: {len(bodies[page])}\r\n\r\n"
                    )
                    connection.sendall(head.encode())
                    connection.sendall(bodies[page])


def _measure_one(table: Table, size: int, server: str, address: str, token: str) -> None:
    context = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        # A process for each, as a program has only one of the libraries in it; and in turn, as the machine may be busy.
        processes = {
            name: (stack.enter_context(ProcessPoolExecutor(1, context)), read) for name, read in _READERS.items()
        }
        seconds: dict[str, list[float]] = {name: [] for name in processes}
        for run in range(1 + _RUNS):
            for name, (process, read) in processes.items():
                taken = process.submit(_timed, read, size, address, token).result()
                if run:  # the first one warms up
                    seconds[name].append(taken)
    rates = {name: [size / taken for taken in measured] for name, measured in seconds.items()}
    for name, measured in rates.items():
        table.add(
            server,
            name,
            f"{size:,}",
            f"{median(measured):,.0f}",
            f"{min(measured):,.0f} to {max(measured):,.0f}",
            f"{median(measured) / median(rates[_BASE]):.1f}",
            f"{max(measured) / max(rates[_BASE]):.1f}",
        )


def _timed(read: Callable[[str, str], int], size: int, address: str, token: str) -> float:
    began = time.perf_counter()
    came = read(address, token)
    seconds = time.perf_counter() - began
    if came not in (size, _NOT_COUNTED):
        raise ValueError(f"{came} records came, not {size}")
    return seconds


def _read_wxc_sdk(address: str, token: str) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the package's own
        import wxc_sdk
        from wxc_sdk.cdr import CDR as TheirCDR
    logging.getLogger("wxc_sdk").setLevel(logging.ERROR)  # it warns of every value that its enums do not have
    query = {"startTime": to_wire_time(_START), "endTime": to_wire_time(_END)}
    with wxc_sdk.WebexSimpleApi(tokens=token) as api:
        url = f"{address}/v1/cdr_feed"
        return _count(api.session.follow_pagination(url=url, model=TheirCDR, params=query, item_key="items"))


def _settings(token: str) -> dict[str, Any]:
    return {"tokens": token, "pace": Pace.unlimited(), "options": Options(feed_span=None)}


def _read(address: str, token: str) -> int:
    with WebexSimpleApi(**_settings(token)) as api:
        return _count(api.cdr.get_cdr_history(_START, _END, host=address))


def _read_and_look(address: str, token: str) -> int:
    with WebexSimpleApi(**_settings(token)) as api:
        records = api.cdr.get_cdr_history(_START, _END, host=address)
        return _count((r.start_time, r.direction, r.user, r.duration, r.answered) for r in records)


def _read_async(address: str, token: str) -> int:
    async def run() -> int:
        async with AsWebexSimpleApi(**_settings(token)) as api:
            return len(await api.cdr.get_cdr_history(_START, _END, host=address))

    return asyncio.run(run())


def _drop(address: str, token: str) -> int:
    """Follow the links and drop the bodies: what the HTTP library takes, and the server."""
    query = {"startTime": to_wire_time(_START), "endTime": to_wire_time(_END), "max": str(_PAGE)}
    url = f"{address}/v1/cdr_feed?{urlencode(query)}"
    headers = {"authorization": f"Bearer {token}", "accept-encoding": "identity"}
    with httpx2.Client() as client:
        while url:
            with client.stream("GET", url, headers=headers) as response:
                response.raise_for_status()
                for _ in response.iter_bytes():
                    pass
                url = response.links.get("next", {}).get("url", "")
    return _NOT_COUNTED


def _count(records: Iterable[object]) -> int:
    return sum(1 for _ in records)


_READERS: dict[str, Callable[[str, str], int]] = {
    _BASE: _read_wxc_sdk,
    "ringback.cdr, synchronous": _read,
    "ringback.cdr, synchronous, five attributes of each read": _read_and_look,
    "ringback.cdr, asynchronous": _read_async,
    "httpx2, bodies dropped": _drop,
}
