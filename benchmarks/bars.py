"""Rates as horizontal bars in one SVG. Pure; colours are the page's, by class."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from msgspec import Struct

from isoscan.bench.figures import ticks

WIDTH = 960
_LEFT, _RIGHT, _TOP = 300, 110, 12
_PITCH, _THICK = 27, 15
_BOTTOM = 30


class Bar(Struct, frozen=True):
    """A median with its range. `style` is a class of the page: its colour."""

    label: str
    style: str
    value: float
    low: float
    high: float


def draw(name: str, title: str, unit: str, bars: Sequence[Bar]) -> str:
    """The bars as one `<svg>` element; the scale begins at 0, a thin line shows the range of the rounds."""
    levels = ticks(max((bar.high for bar in bars), default=1.0), 5)
    top = levels[-1]
    bottom = _TOP + _PITCH * len(bars)

    def x(value: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * value / top

    told = "; ".join(f"{bar.label} {bar.value:,.0f}" for bar in bars)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {bottom + _BOTTOM}" role="img" aria-labelledby="{name}-t {name}-d">',
        f'<title id="{name}-t">{escape(title)}</title>',
        f'<desc id="{name}-d">{escape(told)} ({escape(unit)})</desc>',
    ]
    parts += [
        f'<line class="grid" x1="{x(level):.1f}" x2="{x(level):.1f}" y1="{_TOP}" y2="{bottom}"/>'
        f'<text class="moment" x="{x(level):.1f}" y="{bottom + 18}">{_short(level)}</text>'
        for level in levels
    ]
    parts.append(f'<text x="{WIDTH - _RIGHT + 34}" y="{bottom + 18}">{escape(unit)}</text>')
    for number, bar in enumerate(bars):
        y = _TOP + _PITCH * number + (_PITCH - _THICK) / 2
        middle = y + _THICK / 2
        parts.append(
            f'<g class="{bar.style}"><text class="level label" x="{_LEFT - 10}" y="{middle + 4.5:.1f}">'
            f"{escape(bar.label)}</text>"
            f'<rect class="bar" x="{_LEFT}" y="{y:.1f}" width="{max(x(bar.value) - _LEFT, 1):.1f}" '
            f'height="{_THICK}" rx="2"/>'
            f'<path class="range" d="M{x(bar.low):.1f} {middle:.1f}H{x(bar.high):.1f}"/>'
            f'<text class="value" x="{max(x(bar.high), x(bar.value)) + 8:.1f}" y="{middle + 4.5:.1f}">'
            f"{bar.value:,.0f}</text></g>"
        )
    return "".join([*parts, "</svg>"])


def _short(value: float) -> str:
    for divisor, letter in ((1e6, "M"), (1e3, "k")):
        if value >= divisor:
            return f"{value / divisor:g}{letter}"
    return f"{value:g}"
