"""`metrics` for Prometheus, and `health/ready`, which fails when nobody works on the queue."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Literal

from fastapi import FastAPI, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from pydantic import BaseModel

from evalboard.queueing.vitals import Vitals, observe, why_silent
from evalboard.records.times import parse_time
from leaderboard_app.pages import Viewer


class Readiness(BaseModel):
    """Whether the queue is worked on."""

    status: Literal["ok", "silent"]
    seconds_since_poll: float | None
    """Null if no machine that shares the viewer's work folder has polled."""
    reason: str


class BoardCollector(Collector):
    """The state of a board, read whenever Prometheus asks.

    Args:
        look: Returns the state.
        built_at: Returns the UTC time of the build of the first board, None before it.
    """

    def __init__(self, look: Callable[[], Vitals], built_at: Callable[[], datetime | None]) -> None:
        self._look = look
        self._built_at = built_at

    def collect(self) -> Iterator[Metric]:
        """Yield every metric. Those whose value is unknown are left out."""
        vitals = self._look()
        requests = GaugeMetricFamily("evalboard_requests", "Requests by status.", labels=["status"])
        for status, number in vitals.requests.items():
            requests.add_metric([status], number)
        failures = GaugeMetricFamily(
            "evalboard_failed_requests", "Failed requests by class of failure.", labels=["code"]
        )
        for code, number in vitals.failures.items():
            failures.add_metric([code], number)
        yield from (requests, failures)
        for name, text, value in self._gauges(vitals):
            if value is not None:
                yield GaugeMetricFamily(f"evalboard_{name}", text, value)
        for name, text, value in (
            ("evaluations", "Evaluations that ended.", vitals.evaluations),
            ("questions", "Questions that they answered.", vitals.questions),
            ("gpu_seconds", "Seconds that they had GPUs, times GPUs.", vitals.gpu_seconds),
        ):
            yield CounterMetricFamily(f"evalboard_{name}", text, value)

    def _gauges(self, vitals: Vitals) -> Iterator[tuple[str, str, float | None]]:
        built = self._built_at()
        polled = vitals.since_poll
        yield (
            "oldest_waiting_seconds",
            "Since the submission of the first pending request.",
            vitals.oldest_waiting.total_seconds(),
        )
        yield (
            "questions_per_second",
            "Questions answered per second by all running benchmarks.",
            vitals.questions_per_second,
        )
        yield (
            "board_age_seconds",
            "Since the build of the first board.",
            (datetime.now(UTC) - built).total_seconds() if built else None,
        )
        yield (
            "poll_age_seconds",
            "Since the last poll of the queue.",
            polled.total_seconds() if polled is not None else None,
        )


def add_metrics(app: FastAPI, viewer: Viewer) -> None:
    """Add both addresses for the first board."""

    def look() -> Vitals:
        return observe(viewer.queue.current().entries, viewer.settings, now=datetime.now(UTC))

    def built_at() -> datetime | None:
        meta = viewer.board.current().meta
        return parse_time(meta.built_at) if meta else None

    registry = CollectorRegistry()

    @app.get("/metrics", tags=["operate"])
    def metrics() -> Response:
        """Return the state of the queue for Prometheus."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/health/ready", tags=["operate"])
    def ready(response: Response) -> Readiness:
        """Return whether the queue is worked on. The status is 503 if nobody has polled it for long."""
        since = look().since_poll
        why = why_silent(since, viewer.settings)
        response.status_code = 503 if why else 200
        return Readiness(
            status="silent" if why else "ok",
            seconds_since_poll=since.total_seconds() if since is not None else None,
            reason=why,
        )

    registry.register(BoardCollector(look, built_at))
