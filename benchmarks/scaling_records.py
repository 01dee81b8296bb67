"""What a run of the scaling curves writes down; the JSON report is these structs as they are."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from .figures import paired, percentile, spread
from .records import Machine, Spread

#: Fewer calls than this in a round have no p99.9.
_LEAST_FOR_P999 = 1000


class Setting(Struct, kw_only=True):
    """One place of a line. `rates`: scans per second, one per round, None where a round broke off.

    `to_reference` divides by the rate of the line's reference setting in the same round. `per_scan` makes
    the curve's derived unit of a rate; None where it has none.
    """

    label: str
    per_scan: float | None = None
    rates: list[float | None] = []
    rate: Spread | None = None
    to_reference: Spread | None = None


class Line(Struct, kw_only=True):
    """One workload through all settings; `reference` is the label of the one the others are divided by."""

    title: str
    reference: str
    settings: list[Setting]
    failure: str = ""

    def sum_up(self) -> None:
        """From rounds to figures."""
        basis = next(setting for setting in self.settings if setting.label == self.reference)
        for setting in self.settings:
            setting.rate = spread(setting.rates)
            setting.to_reference = spread(paired(setting.rates, basis.rates))


class Curve(Struct, kw_only=True):
    """Throughput against one quantity. `has_rates`: rates are drawn, on a logarithmic scale, no quotients.

    `derived` names a second unit that rates are given in.
    """

    name: str
    title: str
    about: str
    axis: str
    has_rates: bool = False
    derived: str = ""
    lines: list[Line] = []


class LoadRound(Struct, frozen=True, kw_only=True):
    """One stretch of arrivals at one load.

    `throughput` is what ended while calls arrived, per second. Times count from when a call was due to
    its result, in milliseconds, of every call, also of those that ended after the last arrival.
    `executor_peak` is the most scans the executor held, `outstanding_peak` the most calls without a
    result, `late_ms` the p99 of how much later than due calls were made. `capacity_before` and
    `capacity_after` are calls per second, measured around the arrivals.
    """

    capacity_before: float
    capacity_after: float
    offered: float
    arrivals: int
    refused: int
    failed: int
    throughput: float
    p50_ms: float | None
    p99_ms: float | None
    p999_ms: float | None
    late_ms: float | None
    executor_peak: int
    outstanding_peak: int
    owner_growth_bytes: int
    generation_growth_bytes: int

    @property
    def capacity(self) -> float:
        """What others on the machine took in between is in neither measurement alone."""
        return (self.capacity_before + self.capacity_after) / 2

    @property
    def served(self) -> float:
        """Throughput as a share of the capacity."""
        return self.throughput / self.capacity


class LoadPoint(Struct, kw_only=True):
    """One load, a share of the capacity measured in the same round, in all rounds."""

    share: float
    rounds: list[LoadRound] = []

    def spread_of(self, figure: Callable[[LoadRound], float | None]) -> Spread | None:
        """Median and range of a figure over the rounds."""
        return spread([figure(entry) for entry in self.rounds])


class LoadCurve(Struct, kw_only=True):
    """Latency against load for one plugin. `most_outstanding`: a call beyond is refused by its caller."""

    name: str
    title: str
    about: str
    most_outstanding: int | None
    #: What an executor may hold at most: its queue and its frames.
    executor_bound: int
    points: list[LoadPoint] = []
    failure: str = ""


class Figure(Struct, kw_only=True):
    """One measured quantity of memory, in bytes. `detail` says why there is none, or how it came about."""

    title: str
    value_bytes: Spread | None = None
    detail: str = ""


class MemoryRecord(Struct, kw_only=True):
    """One question about memory. `series`: resident bytes over `axis`, by whose memory it is."""

    name: str
    title: str
    about: str
    figures: list[Figure] = []
    failure: str = ""
    axis: str = "scans"
    series: dict[str, list[tuple[float, float]]] = {}


class Sizes(Struct, frozen=True, kw_only=True):
    """How much each part of the memory figures measures, and where it may put files.

    `idle_s`: how long executors are left alone before they are weighed, and `idle_shutdown_s`.
    """

    executors: int
    plugins: int
    growth_scans: int
    restarts: int
    capture_bytes: int
    idle_s: float = 1.0
    folder: str = ""


class ScalingReport(Struct, kw_only=True):
    """One run. It is not complete when it was interrupted: what was measured until then is in it."""

    started_at: str
    duration_s: float
    is_quick: bool
    is_complete: bool
    machine: Machine
    curves: list[Curve] = []
    loads: list[LoadCurve] = []
    memory: list[MemoryRecord] = []


def times_ms(taken_s: list[float]) -> tuple[float | None, float | None, float | None]:
    """p50, p99 and p99.9 in milliseconds; None for what so few calls cannot tell."""
    if not taken_s:
        return None, None, None
    p50, p99 = (percentile(taken_s, share) * 1000 for share in (0.5, 0.99))
    p999 = percentile(taken_s, 0.999) * 1000 if len(taken_s) >= _LEAST_FOR_P999 else None
    return p50, p99, p999
