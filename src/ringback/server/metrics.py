"""What `/metrics` tells: requests, from all web processes together, and the ledger."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ringback.ledger import OrgSummary
from ringback.ledger.windows import SourceState
from ringback.records.values import to_milliseconds
from ringback.server.janus import SESSIONS

PATHS = (
    *("/v1/cdr_feed", "/v1/cdr_stream", "/schema", "/healthz", "/metrics"),
    *(SESSIONS, f"{SESSIONS}/setReadState", f"{SESSIONS}/markAsDeleted"),
    *("/v1/history/sessions", "/v1/history/unread", "/v1/history/readAll", "/v1/history/restore", "/v1/events"),
    *("/v1/calls", "/v1/changes"),
    *("/api/calllogs", "/api/cdrs", "/api/user/cdrs", "/api/user/cdrs/sync_tokens"),
    *("/api/login", "/api/login/oauth/token", "/api/login/oauth/revoke", "/api/logout"),
    *("/api/auth/sign_in", "/api/auth/refresh_token", "/api/auth/user", "/api/auth/sign_out"),
)
"""Paths that are counted by name; all others together, so that a stranger cannot make the metrics grow."""

_ENDLESS = ("/v1/events",)
"""Paths whose answers go on until the client goes: how long that is says nothing of the server."""

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Names the directory by which several web processes share their counts; set by `ringback serve`."""


def _now() -> datetime:
    return datetime.now(UTC)


class Metrics:
    """The metrics of one web process."""

    def __init__(
        self,
        summaries: Callable[[], Sequence[OrgSummary]],
        store_bytes: Callable[[], int],
        sources: Callable[[], Sequence[SourceState]] = tuple,
        behind: Callable[[], Mapping[str, int]] = dict,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        """
        Args:
            summaries: of the ledger, asked at each scrape.
            store_bytes: size of the store, asked at each scrape.
            sources: how far they are, asked at each scrape. Their names come from settings, so there are few.
            behind: records that each projection has still to read, asked at each scrape.
            clock: gives the current time, aware.
        """
        own = CollectorRegistry()
        self._requests = Counter(
            "ringback_http_requests", "Requests answered.", ("path", "method", "status"), registry=own
        )
        self._seconds = Histogram(
            "ringback_http_request_seconds", "Time to answer.", ("path",), registry=own, buckets=_BUCKETS
        )
        self._registry = own
        if MULTIPROCESS_VARIABLE in os.environ:
            self._registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(self._registry)  # type: ignore[no-untyped-call]  # has no types
        self._registry.register(_LedgerCollector(summaries, store_bytes))
        self._registry.register(_ProjectionCollector(behind))
        self._registry.register(_SourceCollector(sources, clock))

    def count_request(self, path: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        known = path if path in PATHS else "other"
        self._requests.labels(known, method if method in _METHODS else "other", str(status)).inc()
        if path not in _ENDLESS:
            self._seconds.labels(known).observe(seconds)

    def text(self) -> bytes:
        """All metrics in the Prometheus text format."""
        return generate_latest(self._registry)


class _LedgerCollector(Collector):
    def __init__(self, summaries: Callable[[], Sequence[OrgSummary]], store_bytes: Callable[[], int]) -> None:
        self._summaries = summaries
        self._store_bytes = store_bytes

    def collect(self) -> Iterator[Metric]:
        summaries = self._summaries()
        yield GaugeMetricFamily("ringback_orgs", "Organizations in the ledger.", value=len(summaries))
        for name, text in (
            ("records", "Current records in the ledger."),
            ("revisions", "Older versions kept beside them."),
            ("quarantined", "Items in quarantine."),
        ):
            total = sum(getattr(summary, name) for summary in summaries)
            yield GaugeMetricFamily(f"ringback_ledger_{name}", text, value=total)
        stored = max((summary.last_stored_at or 0 for summary in summaries), default=0)
        yield GaugeMetricFamily(
            "ringback_ledger_last_stored_seconds", "When the newest was stored.", value=stored / 1000
        )
        yield GaugeMetricFamily("ringback_store_bytes", "Size of the store on disk.", value=self._store_bytes())


class _ProjectionCollector(Collector):
    def __init__(self, behind: Callable[[], Mapping[str, int]]) -> None:
        self._behind = behind

    def collect(self) -> Iterator[Metric]:
        text = "Records in the ledger that a projection has still to read."
        metric = GaugeMetricFamily("ringback_projection_behind_records", text, labels=("projection",))
        for projection, records in self._behind().items():
            metric.add_metric((projection,), records)
        yield metric


_LABELS = ("source", "org")
_OUTCOMES = ("new", "revised", "duplicate", "quarantined", "odd")


class _SourceCollector(Collector):
    """Read from the store, so that it does not matter which process collects."""

    def __init__(self, sources: Callable[[], Sequence[SourceState]], clock: Callable[[], datetime]) -> None:
        self._sources = sources
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        now = to_milliseconds(self._clock())
        lag = GaugeMetricFamily("ringback_source_lag_seconds", "Age of the newest complete time.", labels=_LABELS)
        up_to = GaugeMetricFamily(
            "ringback_source_complete_up_to_seconds", "Everything up to then is in the ledger.", labels=_LABELS
        )
        gaps = GaugeMetricFamily("ringback_source_gaps", "Ranges that are missing and can be read.", labels=_LABELS)
        failing = GaugeMetricFamily("ringback_source_failing", "1 if it cannot be read now.", labels=_LABELS)
        requests = CounterMetricFamily("ringback_source_requests", "Requests made.", labels=_LABELS)
        waits = CounterMetricFamily("ringback_source_waits", "Waits for the rate or a retry.", labels=_LABELS)
        waited = CounterMetricFamily("ringback_source_wait_seconds", "Length of these waits.", labels=_LABELS)
        found = CounterMetricFamily("ringback_source_audit_found", "New records in audits.", labels=_LABELS)
        items = CounterMetricFamily(
            "ringback_source_items", "Items that came, by what became of them.", labels=(*_LABELS, "outcome")
        )
        for state in self._sources():
            labels = (state.source, str(state.org))
            if state.complete_up_to is not None:
                lag.add_metric(labels, (now - state.complete_up_to) / 1000)
                up_to.add_metric(labels, state.complete_up_to / 1000)
            gaps.add_metric(labels, state.gaps)
            failing.add_metric(labels, bool(state.problem))
            requests.add_metric(labels, state.counts.requests)
            waits.add_metric(labels, state.counts.waits)
            waited.add_metric(labels, state.counts.waited / 1000)
            found.add_metric(labels, state.audited)
            for outcome in _OUTCOMES:
                items.add_metric((*labels, outcome), getattr(state.counts, outcome))
        yield from (lag, up_to, gaps, failing, requests, waits, waited, found, items)
