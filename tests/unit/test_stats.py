"""Latency percentiles against exact ones, and the restart counters."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from isoscan import Percentiles, RestartReason, RestartReport
from isoscan.stats import Counters, Histogram

#: The widest bucket, relative to the durations in it.
ERROR = 0.125


def make(durations_us: list[int]) -> Percentiles:
    """The percentiles of these durations."""
    histogram = Histogram()
    for duration_us in durations_us:
        histogram.record(duration_us)
    return histogram.percentiles()


def exact_us(durations_us: list[int], share: float) -> int:
    """The smallest duration that at least `share` of all do not exceed."""
    ordered = sorted(durations_us)
    return ordered[max(math.ceil(share * len(ordered) - 1e-9) - 1, 0)]


def test_nothing_recorded() -> None:
    """Before the first scan all percentiles are None."""
    assert Histogram().percentiles() == Percentiles(None, None, None, None)


@given(st.lists(st.integers(0, 100_000_000), min_size=1, max_size=200))
def test_percentiles_are_exact_within_a_bucket(durations_us: list[int]) -> None:
    """Each percentile is at least the exact one and at most one bucket above it."""
    found = make(durations_us)
    for share, value_ms in ((0.50, found.p50_ms), (0.95, found.p95_ms), (0.99, found.p99_ms)):
        exact = exact_us(durations_us, share)
        assert value_ms is not None
        assert exact <= value_ms * 1000 + 1e-6
        assert value_ms * 1000 <= exact * (1 + ERROR) + 1e-6
    assert found.max_ms == max(durations_us) / 1000


@given(st.integers(0, 2**63))
def test_a_single_duration_is_exact(duration_us: int) -> None:
    """With one value everything is that value, up to the largest bucket."""
    found = make([duration_us])
    assert found.max_ms == duration_us / 1000
    assert found.p50_ms == found.p95_ms == found.p99_ms == found.max_ms


@given(st.lists(st.integers(-(2**70), 2**70), min_size=1, max_size=20))
def test_absurd_durations_do_no_harm(durations_us: list[int]) -> None:
    """A generation may claim any number; the histogram takes it and stays ordered."""
    found = make(durations_us)
    values = [found.p50_ms, found.p95_ms, found.p99_ms, found.max_ms]
    assert None not in values
    assert values == sorted(values, key=lambda value: value or 0.0)


def test_counters_remember_the_longest_pause() -> None:
    """Restarts are counted by reason; the last report and the longest pause stay."""
    counters = Counters()
    for number, (reason, pause_ms) in enumerate(
        [(RestartReason.MANUAL, 3.0), (RestartReason.CRASH, 7.0), (RestartReason.MANUAL, 1.0)]
    ):
        report = RestartReport(
            generation=number + 2,
            previous_generation=number + 1,
            reason=reason,
            duration_ms=10.0,
            pause_ms=pause_ms,
        )
        counters.record_restart(report)
        assert counters.last_restart is report
    assert counters.restarts == {RestartReason.MANUAL: 2, RestartReason.CRASH: 1}
    assert counters.longest_pause_ms == 7.0


def test_several_histograms_are_one() -> None:
    """What several isolates took is what one would have taken for all of it."""
    parts = [Histogram(), Histogram(), Histogram()]
    whole = Histogram()
    for number in range(1000):
        parts[number % 2].record(number * number)
        whole.record(number * number)
    assert Histogram.together(parts).percentiles() == whole.percentiles()
    assert Histogram.together([]).percentiles().p50_ms is None
