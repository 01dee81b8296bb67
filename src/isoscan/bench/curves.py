"""From records to plots. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .figures import milliseconds, plural, size
from .plot import Line, Mark, Plot, Point
from .records import SEED, ModeRecord, Series

_RATE_STRETCHES = 60


def over_time(series: Series, values: Iterable[int | None]) -> list[Point]:
    """A series as points, the moments without a value left out."""
    return [
        (time_s, float(value))
        for time_s, value in zip(series.time_s, values, strict=True)
        if value is not None
    ]


def rate_of(series: Series) -> list[Point]:
    """Scans per second over stretches of the run."""
    step = max(1, len(series.time_s) // _RATE_STRETCHES)
    moments, counts = series.time_s[::step], series.executions[::step]
    points: list[Point] = []
    for i in range(1, len(moments)):
        elapsed_s = moments[i] - moments[i - 1]
        if elapsed_s > 0:
            points.append(((moments[i] + moments[i - 1]) / 2, (counts[i] - counts[i - 1]) / elapsed_s))
    return points


def mode_plot(record: ModeRecord) -> Plot:
    """Memory of the serving generation, its restarts, and the rate."""
    return Plot(
        name=f"plot-{record.mode}",
        title=f"{record.title}: memory over time",
        description=_description(record),
        duration_s=_end_s(record),
        lines=[
            Line("resident memory", "rss", over_time(record.series, record.series.rss_bytes), is_filled=True),
            Line("heap in use", "heap", over_time(record.series, record.series.heap_bytes)),
        ],
        marks=_marks(record),
        limit_bytes=record.restart_rss_bytes,
        limit_label=f"restart at {size(record.restart_rss_bytes)}",
        rate=rate_of(record.series),
    )


def seed_plot(leaking: ModeRecord, ours: ModeRecord | None) -> Plot:
    """The seed's published line, the same leak here, and the same work done right."""
    duration_s = max(_end_s(record) for record in (leaking, ours) if record is not None)
    seed_end_s = min(duration_s, SEED.duration_s)
    published = [(0.0, SEED.bytes_at(0)), (seed_end_s, SEED.bytes_at(seed_end_s))]
    at_our_rate = [SEED.bytes_after(count) for count in leaking.series.executions]
    lines = [
        Line("the seed, published", "seed", published),
        Line(
            "the seed, at our rate", "seed paced", list(zip(leaking.series.time_s, at_our_rate, strict=True))
        ),
        Line("its leak, isoscan", "rss", over_time(leaking.series, leaking.series.rss_bytes), is_filled=True),
    ]
    if ours is not None:
        lines.append(Line("data as data", "heap", over_time(ours.series, ours.series.rss_bytes)))
    return Plot(
        name="plot-seed",
        title="The seed's leak beside ours: resident memory over time",
        description=(
            f"The seed's memory rises evenly from {size(SEED.start_bytes)} to "
            f"{size(SEED.bytes_at(seed_end_s))} at {seed_end_s:.0f} s; after as many executions as here "
            f"it holds {size(SEED.bytes_after(leaking.scans))}. {_description(leaking)}"
            + (f" With the data passed as data: {_description(ours)}" if ours is not None else "")
        ),
        duration_s=duration_s,
        lines=lines,
        marks=_marks(leaking),
        limit_bytes=leaking.restart_rss_bytes,
        limit_label=f"restart at {size(leaking.restart_rss_bytes)}",
    )


def _end_s(record: ModeRecord) -> float:
    times: Sequence[float] = record.series.time_s
    return max(times[-1] if times else 0.0, record.duration_s)


def _marks(record: ModeRecord) -> list[Mark]:
    return [
        Mark(
            mark.time_s,
            f"{mark.time_s:.1f} s: restart ({mark.reason.value}), {size(mark.rss_before_bytes)} to "
            f"{size(mark.rss_after_bytes)}, pause {milliseconds(mark.pause_ms)}"
            + (f". {mark.text}" if mark.text else ""),
        )
        for mark in record.marks
    ]


def _description(record: ModeRecord) -> str:
    return (
        f"Resident memory begins at {size(record.rss.start_bytes)}, peaks at {size(record.rss.peak_bytes)} "
        f"and ends at {size(record.rss.end_bytes)}, with {plural(record.restart_count, 'restart')} "
        f"and {record.scans:,} scans."
    )
