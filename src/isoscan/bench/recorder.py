"""Turns what happens during a mode into its record. No I/O; the clock comes from outside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..events import Event, EventKind
from ..growth import Growth, MemorySample, combine, estimate
from ..models import ExecutorStats, RestartReason, ScanResult, Verdict
from .modes import Mode
from .records import (
    GrowthRecord,
    MemorySpan,
    ModeRecord,
    Pauses,
    RestartMark,
    Series,
)

_COLLECTIONS = "collections"
_CURVE = "curve"


class Recorder:
    """Collects one mode's results, events and samples; `record` sums them up."""

    def __init__(self, mode: Mode, policy: str, restart_rss_bytes: int | None) -> None:
        self.mode = mode
        self.series = Series()
        self.marks: list[RestartMark] = []
        self.verdicts: Counter[Verdict] = Counter()
        self.asked = 0
        self.ended = 0
        self.standstill_s = 0.0
        self.explanation = ""
        self.stats: ExecutorStats | None = None
        self._policy = policy
        self._restart_rss_bytes = restart_rss_bytes
        self._failure = ""
        self._alert = ""
        self._kills = 0
        self._serving = 0
        self._serving_since_s = 0.0
        self._progress_s = 0.0
        self._growth: GrowthRecord | None = None

    def ask(self, time_s: float) -> None:
        """A scan is asked for."""
        if self.asked == self.ended:
            self._progress_s = time_s  # nobody waited until now: that was no standstill
        self.asked += 1

    def count(self, result: ScanResult, time_s: float) -> None:
        """A scan has ended."""
        self.standstill_s = max(self.standstill_s, time_s - self._progress_s)
        self._progress_s = time_s
        self.ended += 1
        self.verdicts[result.verdict] += 1
        if not result.verdict.is_complete and not self._failure:
            self._failure = str(result.error) if result.error else result.verdict.value

    def happened(self, event: Event, time_s: float) -> None:
        """Something happened to a generation."""
        if event.kind is EventKind.RESTART:
            self.marks.append(
                RestartMark(
                    time_s=self._serving_since_s if event.generation == self._serving else time_s,
                    generation=event.generation,
                    reason=RestartReason(event.reason),
                    text=event.text,
                    pause_ms=event.pause_ms or 0.0,
                    duration_ms=event.duration_ms or 0.0,
                    rss_before_bytes=event.rss_before_bytes,
                    rss_after_bytes=event.rss_after_bytes,
                )
            )
        elif event.kind is EventKind.READY:
            self._serving, self._serving_since_s = event.generation, time_s
        elif event.kind is EventKind.KILL:
            self._kills += 1
        elif event.kind in (EventKind.FUTILE, EventKind.QUARANTINE, EventKind.RESTART_FAILED):
            self._alert = event.text

    def sample(
        self,
        time_s: float,
        stats: ExecutorStats,
        growth: Growth | None,
        all_rss_bytes: int,
        owner_rss_bytes: int,
    ) -> None:
        """One moment for the series, with the growth measured so far."""
        self.stats = stats
        series = self.series
        series.time_s.append(round(time_s, 3))
        series.rss_bytes.append(stats.rss_bytes)
        series.heap_bytes.append(stats.heap_used_bytes)
        series.all_rss_bytes.append(all_rss_bytes)
        series.owner_rss_bytes.append(owner_rss_bytes)
        series.executions.append(self.ended)
        series.generation.append(stats.generation)
        series.waiting.append(stats.queued + stats.in_flight)
        if growth is not None:
            self._growth = _growth_record(growth, _COLLECTIONS)

    @property
    def is_restart_open(self) -> bool:
        """Whether a replacement serves whose restart is not complete: the old generation finishes."""
        return self._serving > (self.marks[-1].generation if self.marks else 1)

    @property
    def growth(self) -> GrowthRecord | None:
        """The growth last measured after collections."""
        return self._growth

    @property
    def last_reason(self) -> str:
        """The last restart's reason in the policy's words."""
        return _in_words(self.marks[-1]) if self.marks else ""

    def record(self, duration_s: float) -> ModeRecord:
        """All of it, when the last scan has ended."""
        series = self.series
        pauses = [mark.pause_ms for mark in self.marks]
        return ModeRecord(
            mode=self.mode.name,
            title=self.mode.title,
            about=self.mode.about,
            policy=self._policy,
            restart_rss_bytes=self._restart_rss_bytes,
            duration_s=round(duration_s, 3),
            asked=self.asked,
            scans=self.ended,
            lost=self.asked - self.ended,
            failed=sum(count for verdict, count in self.verdicts.items() if not verdict.is_complete),
            scans_per_s=round(self.ended / duration_s, 1) if duration_s > 0 else 0.0,
            verdicts=dict(self.verdicts),
            failure=self._failure,
            restarts=dict(Counter(mark.reason for mark in self.marks)),
            pauses=Pauses(max_ms=max(pauses, default=0.0), total_ms=sum(pauses)),
            longest_standstill_ms=self.standstill_s * 1000,
            kills=self._kills,
            rss=_span(series.rss_bytes),
            heap=_span(series.heap_bytes),
            all_rss=_span(series.all_rss_bytes),
            owner_rss=_span(series.owner_rss_bytes),
            growth=self._growth or growth_of_curve(series),
            explanation=self.explanation,
            alert=self._alert,
            marks=list(self.marks),
            series=series,
        )


def growth_of_curve(series: Series) -> GrowthRecord | None:
    """Growth from the sampled heap of every generation that was seen often enough; None if none was."""
    known: Growth | None = None
    for samples in _generations(series):
        growth = estimate(samples)
        if growth is not None:
            known = combine(known, growth)
    return None if known is None else _growth_record(known, _CURVE)


def _growth_record(growth: Growth, method: str) -> GrowthRecord:
    return GrowthRecord(
        bytes_per_scan=growth.bytes_per_execution,
        low=growth.low,
        high=growth.high,
        is_significant=growth.is_significant,
        method=method,
    )


def _generations(series: Series) -> list[list[MemorySample]]:
    """The heap's samples, cut where the generation changes; a value seen twice counts once."""
    parts: list[list[MemorySample]] = []
    generation, seen = -1, -1
    rows = zip(series.generation, series.executions, series.heap_bytes, strict=True)
    for number, executions, heap_bytes in rows:
        if number != generation:
            generation, seen = number, -1
            parts.append([])
        if heap_bytes is not None and heap_bytes != seen:
            seen = heap_bytes
            parts[-1].append(MemorySample(executions, heap_bytes))
    return parts


def _span(values: Sequence[int | None]) -> MemorySpan:
    known = [value for value in values if value is not None]
    if not known:
        return MemorySpan(start_bytes=None, end_bytes=None, peak_bytes=None)
    return MemorySpan(start_bytes=known[0], end_bytes=known[-1], peak_bytes=max(known))


def _in_words(mark: RestartMark) -> str:
    return f"{mark.reason.value}: {mark.text}" if mark.text else mark.reason.value
