"""Lines over any quantity as one SVG. Pure; colours are the page's, by class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from msgspec import Struct

from isoscan.bench.figures import ticks
from isoscan.bench.plot import spread

WIDTH = 960
_LEFT, _RIGHT, _TOP, _HEIGHT, _BOTTOM = 84, 190, 30, 260, 52
_LABEL_PITCH = 18
STYLES = ("rss", "heap", "seed", "rate")


class Trace(Struct, frozen=True):
    """A line of a plot: places on the axis, and values; the range of the rounds where it is known."""

    label: str
    points: Sequence[tuple[float, float]]
    ranges: Sequence[tuple[float, float]] = ()


class Picture(Struct, frozen=True, kw_only=True):
    """One plot. `places`: where the axis is labelled, and how. `level`: a dashed line across."""

    name: str
    title: str
    axis: str
    unit: str
    places: Sequence[tuple[float, str]]
    traces: Sequence[Trace]
    is_log: bool = False
    level: float | None = None
    level_label: str = ""


class _Scale:
    """From places and values to points of the picture."""

    def __init__(self, picture: Picture) -> None:
        at = [place for place, _ in picture.places]
        self._low_x, self._span_x = min(at), max(max(at) - min(at), 1e-9)
        values = [value for trace in picture.traces for _, value in trace.points]
        values += [value for trace in picture.traces for pair in trace.ranges for value in pair]
        if picture.level is not None:
            values.append(picture.level)
        self._is_log = picture.is_log
        if self._is_log:
            values = [value for value in values if value > 0] or [1.0]
            low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
            self.levels = [10.0**power for power in range(low, max(high, low + 1) + 1)]
        else:
            self.levels = ticks(max(values, default=1.0) or 1.0, 5)
        self._low, self._high = self._of(self.levels[0]), self._of(self.levels[-1])

    def _of(self, value: float) -> float:
        return math.log10(max(value, 1e-12)) if self._is_log else value

    def x(self, place: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * (place - self._low_x) / self._span_x

    def y(self, value: float) -> float:
        share = (self._of(value) - self._low) / (self._high - self._low)
        return _TOP + _HEIGHT * (1 - min(max(share, 0.0), 1.0))


def draw(picture: Picture) -> str:
    """The picture as one `<svg>` element with a title and a description for those who do not see it."""
    scale = _Scale(picture)
    bottom = _TOP + _HEIGHT
    told = "; ".join(
        f"{trace.label}: " + ", ".join(f"{short(value)}" for _, value in trace.points)
        for trace in picture.traces
    )
    places = ", ".join(label for _, label in picture.places)
    name = picture.name
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {bottom + _BOTTOM}" role="img" aria-labelledby="{name}-t {name}-d">',
        f'<title id="{name}-t">{escape(picture.title)}</title>',
        f'<desc id="{name}-d">{escape(f"{picture.unit} at {picture.axis} {places}. {told}")}</desc>',
        f'<text x="8" y="{_TOP - 14}">{escape(picture.unit)}</text>',
        f'<text class="moment" x="{(_LEFT + WIDTH - _RIGHT) / 2}" y="{bottom + 42}">'
        f"{escape(picture.axis)}</text>",
    ]
    for level in scale.levels:
        y = scale.y(level)
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="level" x="{_LEFT - 10}" y="{y + 4:.1f}">{short(level)}</text>'
        )
    parts += [
        f'<text class="moment" x="{scale.x(place):.1f}" y="{bottom + 20}">{escape(label)}</text>'
        for place, label in picture.places
    ]
    if picture.level is not None:
        y = scale.y(picture.level)
        parts.append(
            f'<line class="limit" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="note" x="{_LEFT + 6}" y="{y + 15:.1f}">{escape(picture.level_label)}</text>'
        )
    for number, trace in enumerate(picture.traces):
        parts += _trace(trace, STYLES[number % len(STYLES)], scale)
    return "".join([*parts, *_labels(picture.traces, scale), "</svg>"])


def _trace(trace: Trace, style: str, scale: _Scale) -> list[str]:
    if not trace.points:
        return []
    spots = [(scale.x(place), scale.y(value)) for place, value in trace.points]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in spots)
    parts = [f'<path class="line {style}" d="{path}"/>']
    parts += [f'<circle class="end {style}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in spots]
    parts += [
        f'<path class="line {style}" opacity="0.45" d="M{x:.1f} {scale.y(low):.1f}V{scale.y(high):.1f}"/>'
        for (x, _), (low, high) in zip(spots, trace.ranges, strict=False)
    ]
    return parts


def _labels(traces: Sequence[Trace], scale: _Scale) -> list[str]:
    """Each line's name at its end, kept apart from its neighbours."""
    drawn = sorted(
        (scale.y(trace.points[-1][1]), trace.label, STYLES[number % len(STYLES)])
        for number, trace in enumerate(traces)
        if trace.points
    )
    places = spread([y for y, _, _ in drawn], _LABEL_PITCH, _TOP + 4, _TOP + _HEIGHT)
    return [
        f'<text class="label {style}" x="{WIDTH - _RIGHT + 14}" y="{y + 4:.1f}">{escape(label)}</text>'
        for y, (_, label, style) in zip(places, drawn, strict=True)
    ]


def short(value: float) -> str:
    """A figure with three digits at most, for axes."""
    for divisor, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= divisor:
            return f"{value / divisor:.3g}{letter}"
    return f"{value:.3g}"
