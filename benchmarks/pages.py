"""Pages of 500 records over HTTP, from `ringback serve`; and nginx serving a file with the bytes of such a page."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from benchmarks.append import filled_store
from benchmarks.client import throughput, walk
from benchmarks.records import org, raw_records
from benchmarks.table import Table, percentiles
from ringback.server.run import utc_now
from ringback.server.tokens import Tokens
from ringback.store import Store

RINGBACK = str(Path(sys.executable).parent / "ringback")
"""The command, as it is installed beside this Python."""

_PATH = "/v1/cdr_feed"
_PAGE = 500
_LATENCY_REQUESTS = 400
_WARM_UP_REQUESTS = 50
_CONNECTIONS = 4
_SECONDS = 8.0


def measure(directory: Path, sizes: list[int]) -> Table:
    """Walk through the pages of a store of each size, with one and with two web processes."""
    table = Table(
        "Pages of 500 records over HTTP",
        "server",
        "records",
        "ms, p50 / p95 / p99, one connection",
        "in the server",
        f"pages/s, {_CONNECTIONS} connections",
        "of nginx",
    )
    nginx_rate = _measure_nginx(directory, table)
    firsts = [
        f"{_PATH}?startTime=2026-10-{day:02d}T00:00:00.000Z&endTime=2026-11-15T00:00:00.000Z&max={_PAGE}"
        for day in (1, 6, 11, 16)
    ]
    for size in sizes:
        path = filled_store(directory, size)
        token = make_token(path, size)
        for workers in (1, 2):
            log = directory / f"pages-{size}-{workers}.log"
            with serving(path, workers, log) as address:
                walk(address, token, firsts[0], _WARM_UP_REQUESTS)
                latencies = walk(address, token, firsts[0], _LATENCY_REQUESTS)
                rate = throughput(address, token, firsts[:_CONNECTIONS], _SECONDS)
            name = f"ringback, {workers} web process{'es' if workers > 1 else ''}"
            share = f"{rate / nginx_rate:.2f}" if nginx_rate else "no nginx here"
            inside = _seconds_of(log)[_WARM_UP_REQUESTS:][:_LATENCY_REQUESTS]
            table.add(name, f"{size:,}", percentiles(latencies), percentiles(inside), f"{rate:,.0f}", share)
    return table


def _measure_nginx(directory: Path, table: Table) -> float | None:
    if not shutil.which("nginx"):
        return None
    path = f"/{_PAGE}.json"
    with _nginx(directory) as address:
        walk(address, "", path, _WARM_UP_REQUESTS)
        latencies = walk(address, "", path, _LATENCY_REQUESTS)
        rate = throughput(address, "", [path] * _CONNECTIONS, _SECONDS)
    table.add("nginx, 2 workers, a file", "", percentiles(latencies), "", f"{rate:,.0f}", "1")
    return rate


@contextmanager
def _nginx(directory: Path) -> Iterator[str]:
    served = directory / "nginx"
    served.mkdir()
    page = b'{"items":[' + b",".join(raw_records(_PAGE)) + b"]}"
    (served / f"{_PAGE}.json").write_bytes(page)
    port = _free_port()
    (served / "nginx.conf").write_text(
        f"""daemon off; pid {served}/pid; error_log stderr crit; worker_processes 2;
        events {{}}
        http {{ access_log off; sendfile on; tcp_nopush on; types {{ application/json json; }}
          client_body_temp_path {served}/body; proxy_temp_path {served}/proxy; fastcgi_temp_path {served}/fastcgi;
          uwsgi_temp_path {served}/uwsgi; scgi_temp_path {served}/scgi;
          server {{ listen 127.0.0.1:{port}; root {served}; keepalive_requests 1000000; }} }}"""
    )
    # The directory is private to its owner, but nginx changes its user if it is started by root.
    command = ["nginx", "-c", str(served / "nginx.conf"), "-g", "user root;"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield _when_ready(f"http://127.0.0.1:{port}", f"/{_PAGE}.json")
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait()


@contextmanager
def serving(store: Path, workers: int, log: Path) -> Iterator[str]:
    """A `ringback serve` of a store, with its log in a file; gives its address."""
    port = _free_port()
    options = ["--data", str(store), "--port", str(port), "--workers", str(workers), "--log-level", "info"]
    with log.open("ab") as errors:
        process = subprocess.Popen([RINGBACK, "serve", *options], stdout=subprocess.DEVNULL, stderr=errors)
    try:
        yield _when_ready(f"http://127.0.0.1:{port}", "/healthz")
    finally:
        process.terminate()
        process.wait()


def _seconds_of(log: Path) -> list[float]:
    """How long the server took for each page by its own log, from the request to the last byte given to the socket.

    The log has tenths of milliseconds. Entries of two processes may stand on one line.
    """
    entries = map(json.loads, re.findall(r"\{[^{}]*\}", log.read_text("utf-8")))
    return [entry["milliseconds"] / 1000 for entry in entries if entry.get("path") == _PATH]


def make_token(path: Path, size: int) -> str:
    """A token without limits for a store that `filled_store` made."""
    store = Store.open(path)
    text, _ = Tokens(store, utc_now).create(org(size), limits="none", lifetime=timedelta(hours=2))
    store.close()
    return text


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _when_ready(address: str, path: str) -> str:
    for _ in range(200):
        try:
            with urllib.request.urlopen(address + path, timeout=5):  # noqa: S310  our own server, over http
                return address
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(f"{address} did not begin to answer")
