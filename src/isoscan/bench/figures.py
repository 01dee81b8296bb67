"""Figures as people read them, and curves made small. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import pairwise

from ..errors import ConfigError

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|min|h)?", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_MAX_DURATION_S = 30 * 86_400.0
_BARS = "▁▂▃▄▅▆▇█"
_STEPS = (1, 2, 2.5, 5, 10)


def parse_duration(text: str, option: str) -> float:
    """Seconds from `60`, `60s`, `1.5m` or `2h`."""
    match = _DURATION.fullmatch(text.strip())
    seconds = float(match[1]) * _SECONDS[(match[2] or "").lower()] if match else 0.0
    if not 0.1 <= seconds <= _MAX_DURATION_S:
        raise ConfigError(f"{option}: {text!r} is not a duration; write for example 30s, 5m or 1.5h")
    return seconds


def size(count: float | None) -> str:
    """Bytes in words, units as powers of 1024; a dash for None."""
    if count is None:
        return "-"
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if abs(value) < 999.5:
            break
        value, unit = value / 1024, larger
    digits = 0 if unit == "B" or abs(value) >= 99.5 else 1
    return f"{value:,.{digits}f} {unit}"


def milliseconds(value: float) -> str:
    """A duration with as many digits as it deserves; exactly nothing is 0."""
    if value == 0:
        return "0 ms"
    return f"{value:,.1f} ms" if value < 99.5 else f"{value:,.0f} ms"


def seconds(value: float) -> str:
    """A run's duration."""
    if value < 120:
        return f"{value:.1f} s"
    return f"{value / 60:.1f} min" if value < 7200 else f"{value / 3600:.1f} h"


def plural(count: int, noun: str) -> str:
    """`1 restart`, `2 restarts`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def sparkline(values: Sequence[float | None], width: int) -> str:
    """The last `width` buckets of a curve as block characters, from 0 to its largest value."""
    known = [0.0 if value is None else value for value in values]
    if not known or width < 1:
        return ""
    count = min(width, len(known))
    edges = [round(i * len(known) / count) for i in range(count + 1)]
    peaks = [max(known[a:b]) for a, b in pairwise(edges)]
    top = max(peaks) or 1.0
    return "".join(_BARS[min(len(_BARS) - 1, int(peak / top * len(_BARS)))] for peak in peaks)


def thinned(points: Sequence[tuple[float, float]], limit: int) -> list[tuple[float, float]]:
    """At most about `limit` points of a curve, the lowest and highest of every stretch among them.

    So a saw-tooth keeps its teeth, which an average or every n-th point would file off.
    """
    if len(points) <= limit:
        return list(points)
    stretches = max(1, limit // 2)
    kept: list[tuple[float, float]] = []
    for i in range(stretches):
        part = points[i * len(points) // stretches : (i + 1) * len(points) // stretches]
        ends = {min(part, key=lambda point: point[1]), max(part, key=lambda point: point[1])}
        kept += sorted(ends)
    if kept[0] != points[0]:
        kept.insert(0, points[0])
    if kept[-1] != points[-1]:
        kept.append(points[-1])
    return kept


def ticks(top: float, about: int) -> list[float]:
    """Round values from 0 to the first that is not below `top`, about so many."""
    if top <= 0 or not math.isfinite(top):
        return [0.0, 1.0]
    rough = top / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in _STEPS if factor * power >= rough * (1 - 1e-9))
    return [i * step for i in range(math.ceil(top / step - 1e-9) + 1)]
