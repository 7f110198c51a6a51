"""/metrics: figures for Prometheus, which watches over Octet from outside.

Each row of METRICS reads what Octet counts or stores anyway. docs/inside/metrics.md is made from the table."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from fastapi import APIRouter, Request, Response

from bot.web.guard import CALL_BUCKETS_S, By, CallTimes, Core
from core.coordinator import Coordinator
from core.deliveries.model import DeliveryMoved
from core.fleet.model import Figures

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric as Family
    from prometheus_client.registry import Collector

PATH = "/metrics"
router = APIRouter()
Values = Iterable[tuple[Sequence[str], Any]]  # the values of the labels, and the value


class LoopLag:
    """How late the event loop wakes what sleeps, measured once a second: what holds the loop up shows here."""

    def __init__(self) -> None:
        self._late_s = deque[float](maxlen=60)

    @property
    def worst_s(self) -> float:
        """The longest within the last minute."""
        return max(self._late_s, default=0.0)

    async def run(self) -> None:
        now_s = asyncio.get_running_loop().time
        while True:
            due_s = now_s() + 1
            await asyncio.sleep(1)
            self._late_s.append(max(0.0, now_s() - due_s))


def count_steps(octet: Coordinator) -> Counter[str]:
    """Count the steps of all deliveries from now on, by the state that they came to."""
    steps = Counter[str]()
    octet.journal.listen(DeliveryMoved, lambda entry: steps.update([entry.event.now]))
    return steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrape:
    """What one request for the metrics reads."""

    figures: Figures
    calls: Mapping[tuple[str, str, str], CallTimes]
    steps: Mapping[str, int]
    lag_s: float
    version: str

    def queue_age_s(self) -> float:
        since_ms = self.figures.oldest_ready_ms
        return 0.0 if since_ms is None else max(0.0, (self.figures.at_ms - since_ms) / 1000)

    def call_times(self) -> Values:
        """Return the times of each kind of request in Prometheus' form: each bucket counts those below it, too."""
        for kind, times in self.calls.items():
            edges, count, buckets = (*map(str, CALL_BUCKETS_S), "+Inf"), 0, list[tuple[str, float]]()
            for edge, more in zip(edges, times.within, strict=True):
                count += more
                buckets.append((edge, count))
            yield kind, (buckets, times.sum_s)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its name, its meaning, its value or values, and the names of their labels."""

    kind: Literal["gauge", "counter", "histogram"]
    name: str
    about: str
    read: Callable[[Scrape], Any]  # a number, Values, or None for no value
    labels: tuple[str, ...] = ()


def _of(name: str) -> Callable[[Scrape], Any]:
    """Read this figure, or one for each state."""

    def read(it: Scrape) -> Any:
        found = getattr(it.figures, name)
        if not isinstance(found, Mapping):
            return found
        return [((str(state),), count) for state, count in cast("Mapping[str, int]", found).items()]

    return read


def _steps(it: Scrape) -> Values:
    return [((state,), count) for state, count in it.steps.items()]


def _notices(it: Scrape) -> Values:
    return [((route, state.value), count) for (route, state), count in it.figures.notices.items()]


_STATE, _CALL = ("state",), ("method", "route", "status")
METRICS = (
    Metric("gauge", "octet_info", "Always 1, with the version of Octet", lambda it: [((it.version,), 1)], ("version",)),
    Metric("gauge", "octet_tasks", "Tasks", _of("tasks"), _STATE),
    Metric("gauge", "octet_queue_age_seconds", "Age of the oldest task that waits for an agent", Scrape.queue_age_s),
    Metric("gauge", "octet_needs", "Things that wait for your decision", _of("needs")),
    Metric("gauge", "octet_agents", "Agents", _of("agents"), _STATE),
    Metric("gauge", "octet_desks", "Desks", _of("desks"), _STATE),
    Metric("counter", "octet_deliveries_total", "Steps of deliveries; the last one is the outcome", _steps, _STATE),
    Metric("gauge", "octet_notices", "Notices that a route has still to post", _notices, ("route", "state")),
    Metric("gauge", "octet_discord_connected", "1 while Discord is connected", _of("is_discord_connected")),
    Metric("counter", "octet_journal_rows_total", "Rows of the journal", _of("journal_rows")),
    Metric("gauge", "octet_store_writable", "1 while the database takes writes", _of("is_store_writable")),
    Metric("gauge", "octet_store_bytes", "Size of the database with its write-ahead log", _of("store_bytes")),
    Metric("gauge", "octet_store_writes_waiting", "Writes that wait for the database", _of("writes_waiting")),
    Metric("gauge", "octet_left_out", "Rows that Octet leaves out after an error", _of("left_out")),
    Metric("gauge", "octet_loop_lag_seconds", "The longest stop of the event loop in a minute", lambda it: it.lag_s),
    Metric("histogram", "octet_http_seconds", "Requests, by the time until the answer", Scrape.call_times, _CALL),
)


@router.get(PATH, include_in_schema=False)
async def show(request: Request, core: Core, by: By) -> Response:
    """Return all metrics, and those of this process, in Prometheus' format."""
    state = request.app.state
    figures, calls, steps = await core.fleet.figures(by=by), dict(state.calls), dict(state.steps)
    scrape = Scrape(figures=figures, calls=calls, steps=steps, lag_s=state.lag.worst_s, version=state.version)
    text, kind = await asyncio.to_thread(_rendered, scrape)  # the first one imports the library
    return Response(text, media_type=kind)


def _rendered(scrape: Scrape) -> tuple[bytes, str]:
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest

    registry = CollectorRegistry()
    registry.register(cast("Collector", _Collected(scrape)))
    ProcessCollector(registry=registry)
    return generate_latest(registry), CONTENT_TYPE_LATEST


@dataclass(frozen=True, slots=True, eq=False)  # the library keeps it in a set
class _Collected:
    """The table's metrics for the library."""

    scrape: Scrape

    def collect(self) -> Iterator[Family]:
        from prometheus_client import metrics_core as core

        for one in METRICS:
            found: Any = one.read(self.scrape)
            values: Values = [] if found is None else found if one.labels else [((), found)]
            if one.kind == "histogram":
                family = core.HistogramMetricFamily(one.name, one.about, labels=one.labels)
                for labels, (buckets, sum_s) in values:
                    family.add_metric(labels, buckets, sum_s)
            else:
                make = core.CounterMetricFamily if one.kind == "counter" else core.GaugeMetricFamily
                family = make(one.name, one.about, labels=one.labels)
                for labels, value in values:
                    family.add_metric(labels, value)
            yield family
