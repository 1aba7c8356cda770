"""What `/metrics` tells: requests, from all web processes together, and the ledger."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ringback.ledger import OrgSummary

PATHS = ("/v1/cdr_feed", "/v1/cdr_stream", "/schema", "/healthz", "/metrics")
"""Paths that are counted by name; all others together, so that a stranger cannot make the metrics grow."""

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Names the directory by which several web processes share their counts; set by `ringback serve`."""


class Metrics:
    """The metrics of one web process."""

    def __init__(self, summaries: Callable[[], Sequence[OrgSummary]], store_bytes: Callable[[], int]) -> None:
        """
        Args:
            summaries: of the ledger, asked at each scrape.
            store_bytes: size of the store, asked at each scrape.
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

    def count_request(self, path: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        path = path if path in PATHS else "other"
        self._requests.labels(path, method if method in _METHODS else "other", str(status)).inc()
        self._seconds.labels(path).observe(seconds)

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
