"""Curves over time as SVG. Pure; colours are the page's, by class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from msgspec import Struct

from .figures import size, thinned, ticks

WIDTH = 960
_LEFT, _RIGHT, _TOP = 70, 176, 30
_HEIGHT = 250
_RATE_HEIGHT = 44
_GAP = 34
_LABEL_PITCH = 17
_MAX_POINTS = 500
_MIB = 1024 * 1024

Point = tuple[float, float]


class Line(Struct, frozen=True):
    """A curve of bytes over seconds. `style` is a class of the page: its colour."""

    label: str
    style: str
    points: Sequence[Point]
    is_filled: bool = False


class Mark(Struct, frozen=True):
    """A moment worth a vertical line; `text` is shown when pointed at."""

    time_s: float
    text: str


class Plot(Struct, frozen=True, kw_only=True):
    """One picture. `rate`: scans per second, drawn below. `limit_bytes`: a dashed line, labelled."""

    name: str
    title: str
    description: str
    duration_s: float
    lines: Sequence[Line]
    marks: Sequence[Mark] = ()
    limit_bytes: float | None = None
    limit_label: str = ""
    rate: Sequence[Point] = ()


class _Scale(Struct, frozen=True):
    """From seconds and a quantity to a place in the picture."""

    duration_s: float
    top: float
    y_top: float
    y_bottom: float

    def x(self, time_s: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * time_s / self.duration_s

    def y(self, value: float) -> float:
        return self.y_bottom - (self.y_bottom - self.y_top) * value / self.top


def draw(plot: Plot) -> str:
    """The plot as one `<svg>` element with a title and a description for those who do not see it."""
    levels = ticks(_highest(plot) / _MIB, 4)
    bottom = _TOP + _HEIGHT
    scale = _Scale(max(plot.duration_s, 1e-3), levels[-1] * _MIB, _TOP, bottom)
    height = bottom + (_GAP + _RATE_HEIGHT if plot.rate else 0) + 26
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="{plot.name}-t {plot.name}-d">',
        f'<title id="{plot.name}-t">{escape(plot.title)}</title>',
        f'<desc id="{plot.name}-d">{escape(plot.description)}</desc>',
        *_grid(scale, levels),
        *_marks(plot.marks, scale),
    ]
    for line in plot.lines:
        parts += _curve(line, scale)
    if plot.limit_bytes is not None and plot.limit_bytes <= scale.top:
        y = scale.y(plot.limit_bytes)
        parts.append(
            f'<line class="limit" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="note" x="{_LEFT + 6}" y="{y - 6:.1f}">{escape(plot.limit_label)}</text>'
        )
    parts += _labels(plot.lines, scale)
    axis_y = bottom
    if plot.rate:
        axis_y = bottom + _GAP + _RATE_HEIGHT
        parts += _rate(plot.rate, scale.duration_s, bottom + _GAP, axis_y)
    parts += _time_axis(scale, axis_y)
    return "".join([*parts, "</svg>"])


def _highest(plot: Plot) -> float:
    values = [value for line in plot.lines for _, value in line.points]
    peak = max(values, default=0.0)
    # A limit far above the curve would press it flat: it is drawn only when it is near.
    if plot.limit_bytes is not None and plot.limit_bytes <= 4 * peak:
        peak = max(peak, plot.limit_bytes)
    return max(peak * 1.04, float(_MIB))


def _grid(scale: _Scale, levels: Iterable[float]) -> list[str]:
    parts = [f'<text class="unit" x="{_LEFT - 10}" y="{scale.y_top - 12}">MB</text>']
    for level in levels:
        y = scale.y(level * _MIB)
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="level" x="{_LEFT - 10}" y="{y + 4:.1f}">{level:,.0f}</text>'
        )
    return parts


def _time_axis(scale: _Scale, y: float) -> list[str]:
    unit, divisor = ("s", 1.0) if scale.duration_s < 300 else ("min", 60.0)
    if scale.duration_s >= 4 * 3600:
        unit, divisor = "h", 3600.0
    parts = []
    for moment in ticks(scale.duration_s / divisor, 8):
        time_s = moment * divisor
        if time_s > scale.duration_s * 1.001:
            break
        parts.append(
            f'<text class="moment" x="{scale.x(time_s):.1f}" y="{y + 20}">{moment:g}'
            f"{' ' + unit if moment == 0 else ''}</text>"
        )
    return parts


def _marks(marks: Sequence[Mark], scale: _Scale) -> list[str]:
    quiet = " many" if len(marks) > 40 else ""
    parts = []
    for mark in marks:
        x = scale.x(min(mark.time_s, scale.duration_s))
        parts.append(
            f'<g class="mark{quiet}"><title>{escape(mark.text)}</title>'
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{scale.y_top}" y2="{scale.y_bottom}"/>'
            f'<path d="M{x - 5:.1f} {scale.y_top - 8}h10l-5 8z"/></g>'
        )
    return parts


def _curve(line: Line, scale: _Scale) -> list[str]:
    points = thinned([(scale.x(x), scale.y(y)) for x, y in line.points], _MAX_POINTS)
    if not points:
        return []
    path = _path(points)
    parts = []
    if line.is_filled:
        parts.append(f'<path class="fill {line.style}" d="{path}V{scale.y_bottom}H{points[0][0]:.1f}Z" />')
    x, y = points[-1]
    parts.append(
        f'<path class="line {line.style}" d="{path}"/>'
        f'<circle class="end {line.style}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'
    )
    return parts


def _labels(lines: Sequence[Line], scale: _Scale) -> list[str]:
    """Each curve's name at its end, kept apart from its neighbours."""
    drawn = [(scale.y(line.points[-1][1]), line) for line in lines if line.points]
    wanted = sorted(drawn, key=lambda place: place[0])
    places = spread([y for y, _ in wanted], 2 * _LABEL_PITCH + 4, scale.y_top + 4, scale.y_bottom - 10)
    x = WIDTH - _RIGHT + 14
    return [
        f'<text class="label {line.style}" x="{x}" y="{y:.1f}">{escape(line.label)}'
        f'<tspan class="value" x="{x}" dy="{_LABEL_PITCH - 2}">{size(line.points[-1][1])}</tspan></text>'
        for y, (_, line) in zip(places, wanted, strict=True)
    ]


def spread(wanted: Sequence[float], pitch: float, low: float, high: float) -> list[float]:
    """Places as near as possible to the wanted ones (ascending), at least `pitch` apart, from low to high."""
    places: list[float] = []
    for value in wanted:
        places.append(max(value, places[-1] + pitch if places else low))
    ceiling = high
    for i in range(len(places) - 1, -1, -1):
        places[i] = max(min(places[i], ceiling), low)
        ceiling = places[i] - pitch
    return places


def _rate(points: Sequence[Point], duration_s: float, y_top: float, y_bottom: float) -> list[str]:
    top = max((value for _, value in points), default=0.0) or 1.0
    scale = _Scale(duration_s, top, y_top, y_bottom)
    curve = thinned([(scale.x(x), scale.y(y)) for x, y in points], _MAX_POINTS)
    x = WIDTH - _RIGHT + 14
    return [
        f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y_bottom}" y2="{y_bottom}"/>',
        f'<path class="fill rate" d="{_path(curve)}V{y_bottom}H{curve[0][0]:.1f}Z"/>',
        f'<path class="line rate" d="{_path(curve)}"/>',
        f'<text class="label rate" x="{x}" y="{y_top + 16}">scans/s'
        f'<tspan class="value" x="{x}" dy="{_LABEL_PITCH - 2}">up to {top:,.0f}</tspan></text>',
    ]


def _path(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
