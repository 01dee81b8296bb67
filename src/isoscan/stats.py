"""Counters and latencies of one executor. Pure: cheap to record, cheap to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from .models import Percentiles, RestartReason, RestartReport, Verdict
from .permissions import Denials

_SUB_BUCKETS = 8
_MAX_BUCKETS = 64 * _SUB_BUCKETS
_UNSORTED = 512


class Histogram:
    """Durations in logarithmic buckets: each at most 12.5 % wide, fixed memory."""

    __slots__ = ("_buckets", "_count", "_max_us", "_unsorted")

    def __init__(self) -> None:
        self._buckets = [0] * _MAX_BUCKETS
        self._count = 0
        self._max_us = 0
        #: Durations that no bucket counts yet: most are alike, so each that differs is looked up once.
        self._unsorted: list[int] = []

    @classmethod
    def together(cls, several: Iterable[Histogram]) -> Histogram:
        """What several counted, in one."""
        whole = cls()
        for each in several:
            each._sort()
            whole._buckets = [a + b for a, b in zip(whole._buckets, each._buckets, strict=True)]
            whole._count += each._count
            whole._max_us = max(whole._max_us, each._max_us)
        return whole

    def record(self, duration_us: int, count: int = 1) -> None:
        """Counts a duration, or several that are equal."""
        if count == 1:
            self._unsorted.append(duration_us)
        else:
            self._unsorted += [duration_us] * count
        if len(self._unsorted) >= _UNSORTED:
            self._sort()

    def record_all(self, durations_us: Sequence[int]) -> None:
        """Counts many."""
        self._unsorted += durations_us
        if len(self._unsorted) >= _UNSORTED:
            self._sort()

    def _sort(self) -> None:
        """Puts durations into their buckets."""
        for duration_us, count in Counter(self._unsorted).items():
            if duration_us < _SUB_BUCKETS:
                bucket = max(duration_us, 0)
            else:
                shift = duration_us.bit_length() - 4
                bucket = (shift << 3) + (duration_us >> shift)
            self._buckets[min(bucket, _MAX_BUCKETS - 1)] += count
            self._count += count
            if duration_us > self._max_us:
                self._max_us = duration_us
        self._unsorted.clear()

    def percentiles(self) -> Percentiles:
        """Upper bounds of the buckets in which the percentiles lie, in milliseconds."""
        self._sort()
        if not self._count:
            return Percentiles()
        shares = (0.50, 0.95, 0.99)
        found: list[float] = []
        seen = 0
        for bucket, count in enumerate(self._buckets):
            seen += count
            while len(found) < len(shares) and seen >= shares[len(found)] * self._count:
                found.append(min(_upper_us(bucket), self._max_us) / 1000)
        return Percentiles(found[0], found[1], found[2], self._max_us / 1000)


def _upper_us(bucket: int) -> int:
    """The largest duration a bucket holds."""
    if bucket < 2 * _SUB_BUCKETS:
        return bucket
    shift = (bucket >> 3) - 1
    return (((bucket & 7) + _SUB_BUCKETS + 1) << shift) - 1


class Counters:
    """What an executor counts over its whole life."""

    def __init__(self) -> None:
        self.executions = 0
        self.verdicts: Counter[Verdict] = Counter()
        self.restarts: Counter[RestartReason] = Counter()
        self.scan_latency = Histogram()
        self.queue_latency = Histogram()
        self.last_restart: RestartReport | None = None
        self.longest_pause_ms = 0.0
        self.late_errors = 0
        self.denials = Denials()

    def record_restart(self, report: RestartReport) -> None:
        """A generation was replaced."""
        self.restarts[report.reason] += 1
        self.last_restart = report
        self.longest_pause_ms = max(self.longest_pause_ms, report.pause_ms)
