"""How fast a plugin's live memory grows per execution, and whether that is more than noise. Pure.

A trend test alone cries wolf: Machida et al. (2013, doi:10.1109/ISSREW.2013.6688905) found the
Mann-Kendall test "highly vulnerable" to false positives on memory traces. So growth is significant
only when it also persists, is large enough to matter, and is no pattern of neighbouring samples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations, pairwise
from statistics import median

from msgspec import Struct

MIB = 1024 * 1024

#: Two of eight samples are warm-up; six in a row upwards have a chance of 1 in 720, five of 1 in 120.
MIN_SAMPLES = 8
#: Fewer executions than this are compilation and first-use caches, whatever they look like.
MIN_SPAN_EXECUTIONS = 20
#: Pairs grow with the square: 64 samples are about 1,300 slopes.
MAX_SAMPLES = 64
#: One slot (8 bytes) and the header of the smallest object (8) is the least a leaking call keeps. Below
#: that most calls keep nothing, and 64 MiB last four million executions: the memory limit is enough.
MIN_BYTES_PER_EXECUTION = 16.0
#: Growth over the whole span of the samples: at least this, and at least this share of the floor.
MIN_TOTAL_BYTES = MIB
MIN_TOTAL_SHARE = 0.02

_WARM_UP_SHARE = 0.2
_WARM_UP_SAMPLES = 2
_MIN_PART = 4
_Z_INTERVAL = 1.959964  # 95 %, two-sided
_Z_PART = 1.281552  # 10 %, one-sided, for each half
_Z_CHANCE = 1.644854  # 5 %, one-sided, for the likeness of neighbours
_MAX_AUTOCORRELATION = 0.95
_FORGETTING = 4 / 3
_PAST_SAMPLES = 4 * MAX_SAMPLES


class MemorySample(Struct, frozen=True):
    """Live memory of one generation after a garbage collection.

    `executions`: how many it had run then. `bytes`: V8 heap in use plus external memory.
    """

    executions: int
    bytes: int


class Growth(Struct, frozen=True):
    """Growth of live memory.

    `bytes_per_execution` lies within `low` to `high` with 95 % confidence, all three in bytes per
    execution. `floor_bytes`: memory of a warm generation before any growth. `samples`: how many the
    estimate rests on, warm-up not counted. `is_significant`: whether to act on it.
    """

    bytes_per_execution: float
    low: float
    high: float
    floor_bytes: int
    samples: int
    is_significant: bool


class _Line(Struct, frozen=True):
    """A Theil-Sen line: slope with its interval in bytes per execution, and z of Kendall's S."""

    slope: float
    low: float
    high: float
    z: float


def with_sample(
    samples: tuple[MemorySample, ...], sample: MemorySample, *, limit: int = 2 * MAX_SAMPLES
) -> tuple[MemorySample, ...]:
    """The samples of a generation and a new one, at most `limit`, evenly spread over its life.

    A sample that is not later than the last one replaces it. When there are too many, the one whose
    neighbours are closest is dropped; the first and the newest always stay.
    """
    if samples and sample.executions <= samples[-1].executions:
        samples = samples[:-1]
    kept = [*samples, sample]
    while len(kept) > max(limit, 2):
        gaps = [kept[i + 1].executions - kept[i - 1].executions for i in range(1, len(kept) - 1)]
        del kept[1 + gaps.index(min(gaps))]
    return tuple(kept)


def estimate(samples: Sequence[MemorySample]) -> Growth | None:
    """Growth of one generation from its samples, by ascending executions.

    None when there are fewer than `MIN_SAMPLES`, or when they span fewer than `MIN_SPAN_EXECUTIONS`.
    The first samples are warm-up and dropped. The slope is the median of all pairwise slopes (Theil
    1950), its interval distribution-free (Sen 1968, JASA 63:1379-1389). It is significant when

    - the interval lies above 0, and the first and the last half show the trend as well: a step lies
      in one half only, a cache that is full has no growth in the last; neighbours that are alike, as
      in a saw-tooth, count for less;
    - it reaches `MIN_BYTES_PER_EXECUTION` in the whole and the last half, and in total
      `MIN_TOTAL_BYTES` and `MIN_TOTAL_SHARE` of the floor.
    """
    ordered = _distinct(samples)
    if len(ordered) < MIN_SAMPLES:
        return None
    kept = _thinned(ordered[max(_WARM_UP_SAMPLES, int(len(ordered) * _WARM_UP_SHARE)) :])
    executions = [sample.executions for sample in kept]
    sizes = [sample.bytes for sample in kept]
    span = executions[-1] - executions[0]
    if span < MIN_SPAN_EXECUTIONS:
        return None
    whole = _line(executions, sizes)
    rise = max(whole.slope, 0.0)
    floor = max(0.0, median(y - rise * x for x, y in zip(executions, sizes, strict=True)))
    part = max(_MIN_PART, (len(kept) + 1) // 2)
    halves = [_line(executions[:part], sizes[:part]), _line(executions[-part:], sizes[-part:])]
    slowest = min(whole.slope, halves[1].slope)
    is_significant = (
        whole.low > 0
        and all(half.z >= _Z_PART for half in halves)
        and slowest >= MIN_BYTES_PER_EXECUTION
        and slowest * span >= max(MIN_TOTAL_BYTES, MIN_TOTAL_SHARE * floor)
    )
    return Growth(whole.slope, whole.low, whole.high, round(floor), len(kept), is_significant)


def combine(previous: Growth | None, current: Growth) -> Growth:
    """What is known of a plugin's growth after one more generation of the same code.

    A random-effects mean of two (DerSimonian and Laird 1986): the more certain estimate weighs more,
    but when they differ by more than their intervals explain, the difference itself becomes
    uncertainty and both weigh alike. The past is blurred by a third each time, so it never weighs
    more than three generations like the current one, and the result follows a change.
    """
    if previous is None:
        return current
    past, present = _variance(previous) * _FORGETTING, _variance(current)
    apart = previous.bytes_per_execution - current.bytes_per_execution
    between = max(0.0, (apart * apart - past - present) / 2)
    past, present = 1 / (past + between), 1 / (present + between)
    slope = (past * previous.bytes_per_execution + present * current.bytes_per_execution) / (past + present)
    margin = _Z_INTERVAL / math.sqrt(past + present)
    counted = min(previous.samples, 3 * current.samples)
    floor = (counted * previous.floor_bytes + current.samples * current.floor_bytes) / max(
        1, counted + current.samples
    )
    is_significant = (
        (previous.is_significant or current.is_significant)
        and slope - margin > 0
        and slope >= MIN_BYTES_PER_EXECUTION
    )
    total = min(previous.samples + current.samples, _PAST_SAMPLES)
    return Growth(slope, slope - margin, slope + margin, round(floor), total, is_significant)


def faded(previous: Growth) -> Growth:
    """What is known after a generation that ended without an estimate: the same, less certain.

    So a stale estimate that makes generations too short to be measured wears off by itself.
    """
    margin = _Z_INTERVAL * math.sqrt(_variance(previous) * _FORGETTING)
    slope = previous.bytes_per_execution
    is_significant = previous.is_significant and slope > margin
    return Growth(
        slope, slope - margin, slope + margin, previous.floor_bytes, previous.samples, is_significant
    )


def _variance(growth: Growth) -> float:
    """Of the slope, from its interval; never 0, so that no estimate is beyond doubt."""
    deviation = (growth.high - growth.low) / (2 * _Z_INTERVAL)
    return max(deviation, 0.01 * abs(growth.bytes_per_execution), 0.1) ** 2


def _distinct(samples: Sequence[MemorySample]) -> list[MemorySample]:
    """One sample per count of executions, the last one taken, by ascending executions."""
    by_executions = {sample.executions: sample for sample in samples}
    return [by_executions[executions] for executions in sorted(by_executions)]


def _thinned(samples: list[MemorySample]) -> list[MemorySample]:
    """At most `MAX_SAMPLES`, evenly, the first and the last among them."""
    if len(samples) <= MAX_SAMPLES:
        return samples
    step = (len(samples) - 1) / (MAX_SAMPLES - 1)
    return [samples[round(i * step)] for i in range(MAX_SAMPLES)]


def _line(xs: Sequence[int], ys: Sequence[int], z_interval: float = _Z_INTERVAL) -> _Line:
    """Theil-Sen slope, Sen's interval and z of Kendall's S; `xs` strictly ascending.

    The variance of S takes ties into account and, when neighbours are alike, that they count for
    less than independent ones (lag-1 form of Hamed and Rao 1998, J. Hydrology 204:182-196).
    """
    points = list(zip(xs, ys, strict=True))
    slopes = sorted((y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in combinations(points, 2))
    slope = median(slopes)
    score = sum((value > 0) - (value < 0) for value in slopes)
    count = len(points)
    ties = sum(t * (t - 1) * (2 * t + 5) for t in _tie_sizes(ys))
    variance = (count * (count - 1) * (2 * count + 5) - ties) / 18
    if variance <= 0:
        return _Line(slope, slope, slope, 0.0)
    alike = _autocorrelation([y - slope * x for x, y in points])
    deviation = math.sqrt(variance * (1 + alike) / (1 - alike))
    rank = math.floor((len(slopes) - z_interval * deviation) / 2)
    z = max(0, abs(score) - 1) / deviation * (1 if score > 0 else -1)
    if rank < 1:
        # Too few samples for a bound: as wide as the data, and never without zero.
        return _Line(slope, min(slopes[0], 0.0), max(slopes[-1], 0.0), z)
    return _Line(slope, slopes[rank - 1], slopes[-rank], z)


def _tie_sizes(values: Sequence[int]) -> list[int]:
    counts: dict[int, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return list(counts.values())


def _autocorrelation(residuals: list[float]) -> float:
    """Of neighbours, 0 to 0.95; 0 when it is not larger than chance makes it (5 %)."""
    mean = sum(residuals) / len(residuals)
    centred = [value - mean for value in residuals]
    power = sum(value * value for value in centred)
    if power <= 0:
        return 0.0
    lagged = sum(a * b for a, b in pairwise(centred)) / power
    return min(lagged, _MAX_AUTOCORRELATION) if lagged > _Z_CHANCE / math.sqrt(len(residuals)) else 0.0
