"""When growth of live memory is significant, and what is learned from one generation to the next."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from itertools import pairwise

import pytest

from isoscan import growth as growth_module
from isoscan.growth import (
    MAX_SAMPLES,
    MIB,
    MIN_SAMPLES,
    Growth,
    MemorySample,
    combine,
    estimate,
    faded,
    with_sample,
)

KIB = 1024
FLOOR = 41 * MIB
RUNS = 1000

Curve = Callable[[int], float]


def series(
    curve: Curve, count: int, *, step: int = 100, noise_bytes: float = 0.0, seed: int = 1
) -> list[MemorySample]:
    """Samples every `step` executions of a floor, a curve and Gaussian noise."""
    rng = random.Random(seed)
    return [
        MemorySample(n * step, max(0, round(FLOOR + curve(n * step) + rng.gauss(0, noise_bytes))))
        for n in range(1, count + 1)
    ]


def is_significant(samples: list[MemorySample]) -> bool:
    """Whether there is an estimate, and it is significant."""
    found = estimate(samples)
    return found is not None and found.is_significant


def share(curve: Curve, count: int, *, runs: int, step: int = 100, noise_bytes: float = 0.0) -> float:
    """In how many of `runs` seeded series growth is significant, 0 to 1."""
    hits = sum(
        is_significant(series(curve, count, step=step, noise_bytes=noise_bytes, seed=seed))
        for seed in range(runs)
    )
    return hits / runs


def flat(_: int) -> float:
    """No growth."""
    return 0.0


def leak(bytes_per_execution: float) -> Curve:
    """Straight growth."""
    return lambda executions: bytes_per_execution * executions


def step_at(executions: int) -> Curve:
    """50 MB once, at a count of executions."""
    return lambda n: 50 * MIB if n > executions else 0


def saw_tooth(period: int) -> Curve:
    """20 MB that fill up and are emptied."""
    return lambda n: 20 * MIB * (n % period) / period


def saturating(executions: int) -> Curve:
    """30 MB that fill ever more slowly."""
    return lambda n: 30 * MIB * (1 - math.exp(-n / executions))


def bounded(executions: int) -> Curve:
    """30 MB that fill in a straight line, and no more."""
    return lambda n: 30 * MIB * min(1.0, n / executions)


def logarithmic(executions: int) -> Curve:
    """Growth without end that slows down for ever."""
    return lambda n: 3 * MIB * math.log1p(n / executions)


def bend(before: float, after: float, executions: int) -> Curve:
    """Growth in bytes per execution that changes at a count of executions."""
    return lambda n: before * min(n, executions) + after * max(0, n - executions)


def late_leak(bytes_per_execution: float, executions: int) -> Curve:
    """Straight growth that begins late."""
    return lambda n: max(0.0, bytes_per_execution * (n - executions))


class TestTheilSen:
    def test_gives_the_numbers_of_the_paper(self) -> None:
        """The example of Sen (1968): slope 4, interval 26/7 to 35/8 at 93 %."""
        line = growth_module._line([1, 2, 3, 4, 10, 12, 18], [9, 15, 19, 20, 45, 55, 78], 1.8119)
        assert line.slope == 4
        assert line.low == pytest.approx(26 / 7)
        assert line.high == pytest.approx(35 / 8)

    def test_ties_narrow_the_variance_of_s(self) -> None:
        """Kendall's correction: 8 points, ties of 3 and 2, S = 24, variance 60.67."""
        line = growth_module._line(range(8), [1, 1, 1, 2, 3, 3, 4, 5])
        assert line.z == pytest.approx(23 / math.sqrt((8 * 7 * 21 - 3 * 2 * 11 - 2 * 1 * 9) / 18))

    def test_is_not_moved_by_outliers(self) -> None:
        """One sample in eight wildly off changes the slope by less than 5 %."""
        samples = series(leak(2 * KIB), 64, noise_bytes=10 * KIB)
        spoilt = [
            MemorySample(s.executions, s.bytes + 900 * MIB * (i % 8 == 3)) for i, s in enumerate(samples)
        ]
        found = estimate(spoilt)
        assert found is not None
        assert found.bytes_per_execution == pytest.approx(2 * KIB, rel=0.05)

    def test_interval_holds_the_truth(self) -> None:
        """The 95 % interval contains the true slope in at least 93 % of 500 series."""
        held = 0
        for seed in range(500):
            found = estimate(series(leak(2 * KIB), 30, noise_bytes=300 * KIB, seed=seed))
            assert found is not None
            held += found.low <= 2 * KIB <= found.high
        assert held >= 0.93 * 500


class TestTooLittle:
    @pytest.mark.parametrize("count", range(MIN_SAMPLES))
    def test_few_samples_give_nothing(self, count: int) -> None:
        """Below the minimum there is no estimate, however steep."""
        assert estimate(series(leak(MIB), count)) is None

    def test_a_short_span_gives_nothing(self) -> None:
        """Ten samples in ten executions are start-up, not a trend."""
        assert estimate(series(leak(MIB), 10, step=1)) is None

    def test_repeated_counts_are_one_sample(self) -> None:
        """Samples of an idle generation do not add up to evidence; the last one counts."""
        samples = series(leak(MIB), MIN_SAMPLES - 1)
        assert estimate([*samples, *samples, *samples]) is None

    def test_no_change_is_an_exact_nothing(self) -> None:
        """Identical samples: slope 0 for certain, the floor as measured."""
        assert estimate(series(flat, 20)) == Growth(0.0, 0.0, 0.0, FLOOR, 16, is_significant=False)


class TestNoGrowth:
    @pytest.mark.parametrize("noise_bytes", [10 * KIB, 300 * KIB, 3 * MIB, 10 * MIB])
    @pytest.mark.parametrize("count", [MIN_SAMPLES, 24])
    def test_noise_is_significant_at_most_once_in_a_hundred(self, noise_bytes: int, count: int) -> None:
        """A thousand generations without growth, at four levels of collector noise."""
        assert share(flat, count, runs=RUNS, noise_bytes=noise_bytes) <= 0.01

    def test_one_sided_noise_is_significant_at_most_once_in_a_hundred(self) -> None:
        """Garbage the collector left lies above the floor only."""
        hits = 0
        for seed in range(RUNS):
            rng = random.Random(seed)
            samples = [
                MemorySample(n * 100, FLOOR + round(rng.expovariate(1 / (5 * MIB)))) for n in range(1, 21)
            ]
            hits += is_significant(samples)
        assert hits <= 0.01 * RUNS

    def test_wandering_noise_is_rarely_significant(self) -> None:
        """Neighbouring samples alike (0.6): below 2 % of 500, where a plain trend test errs often."""
        hits = 0
        for seed in range(500):
            rng = random.Random(seed)
            drift, samples = 0.0, []
            for n in range(1, 25):
                drift = 0.6 * drift + rng.gauss(0, 3 * MIB)
                samples.append(MemorySample(n * 100, round(500 * MIB + drift)))
            hits += is_significant(samples)
        assert hits <= 0.02 * 500

    @pytest.mark.parametrize("at", [400, 1000, 1500, 2500, 3800, 5500])
    def test_a_step_is_not_growth(self, at: int) -> None:
        """50 MB once, wherever they come: a table loaded on demand."""
        for count in (16, 32, 64):
            assert share(step_at(at), count, runs=100, noise_bytes=200 * KIB) <= 0.01

    @pytest.mark.parametrize("period", [150, 310, 770, 1550, 3100])
    def test_a_saw_tooth_is_not_growth(self, period: int) -> None:
        """A buffer that fills and is emptied, two teeth or forty over the series."""
        assert share(saw_tooth(period), 64, runs=50, noise_bytes=100 * KIB) <= 0.02

    def test_growth_in_one_half_is_not_enough(self) -> None:
        """Ten samples of one tooth under heavy noise: a trend in the whole, none in its halves."""
        assert share(saw_tooth(1100), 10, runs=100, noise_bytes=2 * MIB) <= 0.2

    def test_growth_that_fell_below_the_practical_slope_is_over(self) -> None:
        """30 bytes per execution, then 10: the whole is above 16 still, the last half is not."""
        curve = bend(30, 10, 400_000)
        assert share(curve, 64, runs=50, step=10_000, noise_bytes=MIB) <= 0.3

    def test_shrinking_is_not_growth(self) -> None:
        """Memory that falls has a negative slope and is not significant."""
        found = estimate(series(leak(-2 * KIB), 32, noise_bytes=10 * KIB))
        assert found is not None
        assert found.high < 0
        assert not found.is_significant

    def test_growth_too_small_to_matter_is_not_significant(self) -> None:
        """A clear trend of 8 bytes per execution stays below the practical slope."""
        found = estimate(series(leak(8), 64, step=10_000, noise_bytes=10 * KIB))
        assert found is not None
        assert found.low > 0
        assert not found.is_significant

    def test_growth_of_a_fraction_of_a_megabyte_waits(self) -> None:
        """A steep but tiny rise is not acted on before it is a megabyte."""
        assert not is_significant(series(leak(2 * KIB), 20, step=10))
        assert is_significant(series(leak(2 * KIB), 20, step=100))


class TestCaches:
    @pytest.mark.parametrize("noise_bytes", [0, 10 * KIB, MIB])
    def test_a_saturating_cache_ends_insignificant(self, noise_bytes: int) -> None:
        """Exponential filling to 30 MB: once it is full it stays insignificant."""
        for step in (200, 400, 1000, 10_000):
            assert share(saturating(1000), 64, runs=30, step=step, noise_bytes=noise_bytes) == 0

    @pytest.mark.parametrize("noise_bytes", [0, 10 * KIB, MIB])
    def test_a_bounded_cache_that_fills_in_a_line_ends_insignificant(self, noise_bytes: int) -> None:
        """While it fills it looks like a leak; when it is full for as long again it does not."""
        assert share(bounded(2000), 16, runs=30, noise_bytes=noise_bytes) > 0.5
        for count in (48, 64, 100):
            assert share(bounded(2000), count, runs=30, noise_bytes=noise_bytes) == 0

    @pytest.mark.parametrize("noise_bytes", [0, 10 * KIB])
    def test_logarithmic_growth_ends_insignificant(self, noise_bytes: int) -> None:
        """Ever rarer new keys: below the practical slope it is left to the memory limit."""
        for step in (10_000, 100_000):
            assert share(logarithmic(50), 64, runs=20, step=step, noise_bytes=noise_bytes) == 0


class TestGrowth:
    def test_2_kb_per_execution_is_found_quickly(self) -> None:
        """Within 1,000 executions at little noise, within 3,200 at 300 kB."""
        assert share(leak(2 * KIB), 10, runs=200, noise_bytes=10 * KIB) >= 0.99
        assert share(leak(2 * KIB), 32, runs=200, noise_bytes=300 * KIB) >= 0.99

    def test_2_kb_per_execution_is_found_under_heavy_noise(self) -> None:
        """With 3 MB of noise it takes the samples of 13,000 executions."""
        assert share(leak(2 * KIB), 128, runs=100, noise_bytes=3 * MIB) >= 0.95

    def test_1_mb_per_execution_is_found_with_the_fewest_samples(self) -> None:
        """The minimum number of samples, ten executions apart, with 1 MB of noise."""
        assert share(leak(MIB), MIN_SAMPLES, runs=200, step=10, noise_bytes=MIB) >= 0.99

    def test_the_growth_of_the_original_system_is_measured(self) -> None:
        """1,635 bytes per execution over a floor of 57 MB, to 1 %, floor to 1 MB."""
        samples = series(lambda n: 16 * MIB + 1635 * n, 64, step=1000, noise_bytes=300 * KIB)
        found = estimate(samples)
        assert found is not None
        assert found.is_significant
        assert found.bytes_per_execution == pytest.approx(1635, rel=0.01)
        assert abs(found.floor_bytes - 57 * MIB) < MIB

    def test_warm_up_is_not_growth_but_floor(self) -> None:
        """30 MB of caches in the first samples raise the floor and not the slope."""
        samples = series(lambda n: 30 * MIB * (n > 500) + 2 * KIB * n, 64, noise_bytes=10 * KIB)
        found = estimate(samples)
        assert found is not None
        assert found.bytes_per_execution == pytest.approx(2 * KIB, rel=0.02)
        assert abs(found.floor_bytes - 71 * MIB) < MIB

    def test_a_leak_that_begins_late_is_found(self) -> None:
        """After 3,000 quiet executions, once it has lasted for most of the series."""
        assert share(late_leak(2 * KIB, 3000), 128, runs=50, noise_bytes=100 * KIB) == 1

    def test_rests_on_a_bounded_number_of_samples(self) -> None:
        """A hundred thousand samples are thinned evenly, and give the same slope."""
        found = estimate(series(leak(2 * KIB), 100_000, step=1))
        assert found is not None
        assert found.samples == MAX_SAMPLES
        assert found.bytes_per_execution == pytest.approx(2 * KIB)


class TestWithSample:
    def test_keeps_the_last_of_equal_counts(self) -> None:
        """A second sample at the same count replaces the first."""
        kept = with_sample((MemorySample(10, 1),), MemorySample(10, 2))
        assert kept == (MemorySample(10, 2),)

    def test_stays_spread_over_the_whole_life(self) -> None:
        """Of 5,000 samples 32 stay, and no gap is wider than a tenth of the life."""
        kept: tuple[MemorySample, ...] = ()
        for n in range(1, 5001):
            kept = with_sample(kept, MemorySample(n, n), limit=32)
        counts = [sample.executions for sample in kept]
        assert len(counts) == 32
        assert (counts[0], counts[-1]) == (1, 5000)
        assert max(b - a for a, b in pairwise(counts)) <= 500


def known(slope: float, margin: float, *, samples: int = 50, is_sure: bool = True) -> Growth:
    """An estimate with a symmetrical interval."""
    return Growth(slope, slope - margin, slope + margin, FLOOR, samples, is_sure)


class TestLearning:
    def test_the_first_generation_is_taken_as_it_is(self) -> None:
        """Nothing was known before."""
        assert combine(None, known(2000, 100)) == known(2000, 100)

    def test_agreeing_generations_make_it_more_certain(self) -> None:
        """Two like estimates have a narrower interval than one."""
        both = combine(known(2000, 100), known(2010, 100))
        assert 2000 < both.bytes_per_execution < 2010
        assert both.high - both.low < 200
        assert both.is_significant

    def test_a_vague_generation_changes_little(self) -> None:
        """One that was restarted early, with ± 100 kB, does not spoil ± 100 bytes."""
        both = combine(known(2000, 100), known(50_000, 100_000, samples=8, is_sure=False))
        assert both.bytes_per_execution == pytest.approx(2000, rel=0.02)
        assert both.is_significant

    def test_contradiction_becomes_uncertainty(self) -> None:
        """Certain growth, then certainly none: nothing is significant until a third tells."""
        both = combine(known(2000, 50), known(0, 50, is_sure=False))
        assert both.bytes_per_execution == pytest.approx(1000, rel=0.1)
        assert not both.is_significant

    @pytest.mark.parametrize("generations", [1, 100])
    def test_adapts_to_a_change(self, generations: int) -> None:
        """However long it was 2,000, eight generations of 8,000 later it is 8,000."""
        learned = None
        for _ in range(generations):
            learned = combine(learned, known(2000, 50))
        for _ in range(8):
            learned = combine(learned, known(8000, 50))
        assert learned is not None
        assert learned.bytes_per_execution == pytest.approx(8000, rel=0.02)
        assert learned.is_significant

    def test_the_past_is_bounded(self) -> None:
        """A hundred generations are not more certain than four."""
        learned = None
        for _ in range(100):
            learned = combine(learned, known(2000, 100))
        assert learned is not None
        assert learned.high - learned.low >= 0.99 * 200 / math.sqrt(4)
        assert learned.samples <= 4 * MAX_SAMPLES

    def test_the_floor_follows(self) -> None:
        """The floor is a mean that the newest generation moves by a quarter or more."""
        learned = known(2000, 100)
        for _ in range(20):
            learned = combine(learned, Growth(2000, 1900, 2100, 2 * FLOOR, 50, is_significant=True))
        assert learned.floor_bytes == pytest.approx(2 * FLOOR, rel=0.01)

    def test_wears_off_without_new_estimates(self) -> None:
        """Generations too short to be measured cannot keep an old estimate alive for ever."""
        learned, generations = known(MIB, 50 * KIB), 0
        while learned.is_significant:
            learned = faded(learned)
            generations += 1
            assert learned.bytes_per_execution == MIB
        assert 5 <= generations <= 50
