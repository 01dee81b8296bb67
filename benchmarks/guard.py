"""The regression guard: isoscan against the limit of the same run, with margins noise cannot reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from .contenders import CONTENDERS
from .measure import Benchmark, Plan
from .records import Cell, Report

#: The least share of the isolate's own rate that `scan_many` with one executor must reach. Far below
#: what it does reach (docs/benchmarks.md), because a runner in the cloud may give it half a core.
MARGINS: Mapping[str, float] = {"url": 0.03, "regex": 0.08, "large": 0.08, "cpu": 0.2}
_ROUNDS = 3
_ROUND_S = 0.2
#: A machine that others use may spoil one measurement, hardly three.
_ATTEMPTS = 3


class Verdict(Struct, frozen=True):
    """One workload: the best median of the attempts made."""

    workload: str
    share: float | None
    margin: float
    attempts: int
    detail: str = ""

    @property
    def is_good(self) -> bool:
        """Whether isoscan is as fast as it must be."""
        return self.share is not None and self.share >= self.margin

    def __str__(self) -> str:
        share = "no figure" if self.share is None else f"{self.share:.2f} of the limit"
        word = "ok" if self.is_good else "TOO SLOW"
        again = f" after {self.attempts} attempts" if self.attempts > 1 else ""
        detail = f" ({self.detail})" if self.detail else ""
        return f"{self.workload}: {share}, at least {self.margin:.2f} wanted: {word}{again}{detail}"


def judge(
    new_report: Callable[[], Report],
    margins: Mapping[str, float] = MARGINS,
    attempts: int = _ATTEMPTS,
) -> list[Verdict]:
    """Measures each workload until it is good enough, at most so many times."""
    return [_judge(workload, margin, new_report, attempts) for workload, margin in margins.items()]


def _judge(workload: str, margin: float, new_report: Callable[[], Report], limit: int) -> Verdict:
    best: float | None = None
    detail = ""
    attempts = 0
    while attempts < limit and (best is None or best < margin):
        attempts += 1
        cell = _measure(workload, new_report())
        detail = cell.detail
        if cell.state == "measured" and cell.to_limit is not None:
            best = max(best or 0.0, cell.to_limit.median)
    return Verdict(workload, best, margin, attempts, detail)


def _measure(workload: str, report: Report) -> Cell:
    plan = Plan(
        workloads=[workload],
        contenders=[CONTENDERS["limit"], CONTENDERS["scan-many"]],
        rounds=_ROUNDS,
        round_s=_ROUND_S,
        has_latencies=False,
    )
    benchmark = Benchmark(plan, report, lambda line: None)
    try:
        benchmark.run()
    finally:
        benchmark.finish()
    return next(cell for cell in report.workloads[-1].cells if cell.contender == "scan-many")
