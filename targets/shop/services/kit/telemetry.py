"""Rate, errors and duration of what is served and of what is asked of others, as metrics and as spans."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from kit import trace
from kit.export import Exporter
from kit.settings import Settings
from kit.trace import Kind, Span
from kit.trouble import Trouble

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"})
SERVER_ERROR = 500
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Telemetry:
    """The figures of one instance."""

    def __init__(self, settings: Settings) -> None:
        self.exporter = Exporter(settings)
        self.registry = CollectorRegistry()
        """For figures of a service's own."""
        self._served = Counter(
            "http_server_requests", "Requests served", ["route", "method", "status"], registry=self.registry
        )
        self._serving_s = Histogram(
            "http_server_request_duration_seconds",
            "How long requests took",
            ["route", "method"],
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self._asked = Counter(
            "http_client_requests",
            "Attempts at a provider, by how they ended",
            ["provider", "outcome"],
            registry=self.registry,
        )
        self._asking_s = Histogram(
            "http_client_request_duration_seconds",
            "How long attempts took",
            ["provider"],
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        here = Gauge(
            "shop_instance",
            "Which instance this is",
            ["service", "instance", "zone", "version"],
            registry=self.registry,
        )
        here.labels(settings.service, settings.instance, settings.zone, settings.version).set(1)
        # `labels()` takes a lock and builds a key; there are few combinations, so their children are kept.
        self._server: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._client: dict[tuple[str, str], tuple[Counter, Histogram]] = {}

    def served(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request was answered; the route is a template, so that there are few."""
        key = (route, method if method in METHODS else "other", status // 100)
        known = self._server.get(key)
        if known is None:
            labels = (route, key[1])
            known = (self._served.labels(*labels, f"{key[2]}xx"), self._serving_s.labels(*labels))
            self._server[key] = known
        known[0].inc()
        known[1].observe(seconds)

    @contextmanager
    def asking(self, provider: str, instance: str, method: str) -> Iterator[Span]:
        """An attempt at a provider: its span is the work at hand, so that the provider's becomes its child."""
        span = trace.begin(f"{method} {provider}", Kind.CLIENT)
        span.attributes = {"http.request.method": method, "peer.service": provider, "peer.instance": instance}
        began = perf_counter()
        outcome = "cancelled"
        try:
            with trace.within(span, self.exporter.put):
                yield span
            outcome = "ok"
        except Trouble as error:
            outcome = type(error).__name__.lower()
            raise
        finally:
            self._attempted(provider, outcome, perf_counter() - began)

    def _attempted(self, provider: str, outcome: str, seconds: float) -> None:
        known = self._client.get((provider, outcome))
        if known is None:
            known = (self._asked.labels(provider, outcome), self._asking_s.labels(provider))
            self._client[provider, outcome] = known
        known[0].inc()
        known[1].observe(seconds)

    def text(self) -> bytes:
        """All figures as Prometheus reads them."""
        return generate_latest(self.registry)
