"""The scaling report as sections of text, tables and plots, the same in Markdown and HTML. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from isoscan.bench.figures import plural, seconds, size

from .records import Spread
from .scaling_plot import Picture, Trace, short
from .scaling_records import (
    Curve,
    Line,
    LoadCurve,
    LoadPoint,
    LoadRound,
    MemoryRecord,
    ScalingReport,
    Setting,
)
from .words import ratio

#: An overload that leaves less than this share of the capacity is a loss.
LEAST_UNDER_OVERLOAD = 0.9
#: And one that leaves no more than this is a collapse.
COLLAPSED = 0.5
_MIB = 1024 * 1024


class Section(Struct, frozen=True, kw_only=True):
    """One part of the report."""

    name: str
    title: str
    about: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    pictures: Sequence[Picture] = ()
    notes: Sequence[str] = ()


def facts(report: ScalingReport) -> str:
    """When, where and how long, in one line."""
    machine = report.machine
    load = f", load {machine.load_average:.1f} at the start" if machine.load_average is not None else ""
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    return (
        f"{report.started_at}, {plural(machine.cpus, 'CPU')} ({machine.cpu_model}), "
        f"{size(machine.memory_bytes)}, {machine.system}{load}. {versions}. "
        f"{'Quick: short rounds. ' if report.is_quick else ''}{seconds(report.duration_s)} in all."
    )


def sections(report: ScalingReport) -> list[Section]:
    """All that was measured or begun."""
    found = [_throughput(curve) for curve in report.curves]
    found += [_load(curve) for curve in report.loads]
    if report.memory:
        found.append(_memory(report.memory))
    return found


def _throughput(curve: Curve) -> Section:
    rows = [_setting_row(curve, line, setting) for line in curve.lines for setting in line.settings]
    labels = [setting.label for setting in curve.lines[0].settings] if curve.lines else []
    traces = [_trace(curve, line) for line in curve.lines]
    reference = curve.lines[0].reference if curve.lines else ""
    unit = "scans/s" if curve.has_rates else f"times the rate at {reference}"
    picture = Picture(
        name=f"plot-{curve.name}",
        title=curve.title,
        axis=f"{curve.axis} (one step, one place)",
        unit=unit,
        places=[(float(place), label) for place, label in enumerate(labels)],
        traces=traces,
        is_log=curve.has_rates,
    )
    return Section(
        name=curve.name,
        title=curve.title,
        about=curve.about,
        head=(
            *("plugin", curve.axis, "scans/s", f"of the rate at {reference}"),
            *((curve.derived,) if curve.derived else ()),
        ),
        rows=rows,
        pictures=[picture] if any(trace.points for trace in traces) else [],
        notes=[f"{line.title}: failed: {line.failure}" for line in curve.lines if line.failure],
    )


def _setting_row(curve: Curve, line: Line, setting: Setting) -> tuple[str, ...]:
    derived = ("",) if curve.derived else ()
    if setting.rate is None:
        return (line.title, setting.label, "failed" if line.failure else "not reached", "", *derived)
    if setting.per_scan is not None:
        derived = (f"{setting.rate.median * setting.per_scan:,.0f}",)
    return (
        line.title,
        setting.label,
        f"{setting.rate.median:,.0f}",
        ratio(setting.to_reference),
        *derived,
    )


def _trace(curve: Curve, line: Line) -> Trace:
    points, ranges = [], []
    for place, setting in enumerate(line.settings):
        value = setting.rate if curve.has_rates else setting.to_reference
        if value is not None:
            points.append((float(place), value.median))
            ranges.append((value.low, value.high))
    return Trace(line.title, points, ranges)


def overload(curve: LoadCurve) -> Spread | None:
    """Throughput at the highest load as a share of the capacity; None when it was not reached."""
    loaded = [point for point in curve.points if point.rounds and point.share > 1]
    return loaded[-1].spread_of(lambda entry: entry.served) if loaded else None


def verdicts(curve: LoadCurve) -> list[str]:
    """Whether overload is borne, and within which bounds, in words."""
    share = overload(curve)
    if curve.failure:
        return [f"failed: {curve.failure}"]
    if share is None:
        return ["no load beyond the capacity was reached"]
    point = next(point for point in reversed(curve.points) if point.rounds)
    holds = "COLLAPSES"
    if share.median >= LEAST_UNDER_OVERLOAD:
        holds = "holds"
    elif share.median > COLLAPSED:
        holds = "falls"
    peak = max(entry.executor_peak for each in curve.points for entry in each.rounds)
    bound = "within" if peak <= curve.executor_bound else "BEYOND"
    failed = sum(entry.failed for each in curve.points for entry in each.rounds)
    lines = [
        f"throughput {holds} at {point.share:.0%} of the capacity: {ratio(share)} of it",
        f"the executor never held more than {plural(peak, 'scan')}, {bound} its bound of "
        f"{curve.executor_bound:,} (queue and frames)",
        f"{plural(failed, 'call')} failed",
    ]
    outstanding = max(entry.outstanding_peak for entry in point.rounds)
    growth = max(entry.owner_growth_bytes for entry in point.rounds)
    generation = max(entry.generation_growth_bytes for entry in point.rounds)
    lines.append(
        f"at {point.share:.0%} the owner grew by {size(growth)} with {plural(outstanding, 'call')} "
        f"outstanding at most, the generation by {size(generation)}"
    )
    return lines


def _load(curve: LoadCurve) -> Section:
    traces = [
        Trace(title, points, ranges)
        for title, figure in (
            ("p50", lambda entry: entry.p50_ms),
            ("p99", lambda entry: entry.p99_ms),
            ("p99.9", lambda entry: entry.p999_ms),
        )
        for points, ranges in [_over_load(curve.points, figure)]
    ]
    served, ranges = _over_load(curve.points, lambda entry: entry.served)
    places = [(100 * point.share, f"{point.share:.0%}") for point in curve.points]
    axis = "calls offered, share of the capacity measured in the same round"
    pictures = [
        Picture(
            name=f"plot-{curve.name}-latency",
            title=f"Latency against load, {curve.title}",
            axis=axis,
            unit="ms from due to result",
            places=places,
            traces=traces,
            is_log=True,
        ),
        Picture(
            name=f"plot-{curve.name}-served",
            title=f"Served against offered load, {curve.title}",
            axis=axis,
            unit="served, share of the capacity",
            places=places,
            traces=[Trace("served", served, ranges)],
            level=1.0,
            level_label="capacity",
        ),
    ]
    return Section(
        name=f"load-{curve.name}",
        title=f"Latency against load: {curve.title}",
        about=curve.about,
        head=(
            *("load", "offered/s", "served", "p50 ms", "p99 ms", "p99.9 ms", "refused"),
            *("in executor", "outstanding", "owner grew", "late, p99 ms"),
        ),
        rows=[_load_row(point) for point in curve.points],
        pictures=pictures if served else [],
        notes=verdicts(curve),
    )


def _over_load(
    points: Sequence[LoadPoint], figure: Callable[[LoadRound], float | None]
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    places, ranges = [], []
    for point in points:
        value = point.spread_of(figure)
        if value is not None:
            places.append((100 * point.share, value.median))
            ranges.append((value.low, value.high))
    return places, ranges


def _load_row(point: LoadPoint) -> tuple[str, ...]:
    if not point.rounds:
        return (f"{point.share:.0%}", "not reached", *[""] * 9)

    def ms(figure: Callable[[LoadRound], float | None]) -> str:
        value = point.spread_of(figure)
        return f"{value.median:,.2f}" if value is not None else "-"

    offered = point.spread_of(lambda entry: entry.offered)
    assert offered is not None
    arrivals = sum(entry.arrivals for entry in point.rounds)
    refused = sum(entry.refused for entry in point.rounds)
    return (
        f"{point.share:.0%}",
        f"{offered.median:,.0f}",
        ratio(point.spread_of(lambda entry: entry.served)),
        ms(lambda entry: entry.p50_ms),
        ms(lambda entry: entry.p99_ms),
        ms(lambda entry: entry.p999_ms),
        f"{refused / arrivals:.0%}" if refused else "0",
        f"{max(entry.executor_peak for entry in point.rounds):,}",
        f"{max(entry.outstanding_peak for entry in point.rounds):,}",
        size(max(entry.owner_growth_bytes for entry in point.rounds)),
        ms(lambda entry: entry.late_ms),
    )


def _memory(records: Sequence[MemoryRecord]) -> Section:
    rows: list[tuple[str, ...]] = []
    for record in records:
        if record.failure:
            rows.append((record.title, "", "-", record.failure))
        for figure in record.figures:
            value = size(figure.value_bytes.median) if figure.value_bytes else "-"
            rows.append((record.title, figure.title, value, figure.detail))
    pictures = []
    for record in records:
        if not record.series:
            continue
        end = max(place for points in record.series.values() for place, _ in points)
        traces = [
            Trace(name, [(place, value / _MIB) for place, value in points])
            for name, points in record.series.items()
        ]
        places = [(end * share / 4, short(end * share / 4)) for share in range(5)]
        pictures.append(
            Picture(
                name=f"plot-{record.name}",
                title=record.title,
                axis=record.axis,
                unit="MB resident",
                places=places,
                traces=traces,
            )
        )
    return Section(
        name="memory",
        title="Memory",
        about="Each part in a process of its own. Private memory is what a process alone has written to; the "
        "program code of Deno is shared by all.",
        head=("part", "memory", "size", "note"),
        rows=rows,
        pictures=pictures,
        notes=[f"{record.title}: {record.about}" for record in records],
    )
