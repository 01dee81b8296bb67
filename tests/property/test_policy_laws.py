"""Laws of the restart policies and of what they measure."""

from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec import structs

from isoscan.growth import MAX_SAMPLES, MIB, Growth, MemorySample, combine, estimate, faded, with_sample
from isoscan.policies import (
    AdaptiveInterval,
    AnyOf,
    GenerationSnapshot,
    MaxAge,
    MaxExecutions,
    MaxMemory,
    RestartPolicy,
    cost_per_execution_ms,
    optimal_interval,
)

SHARES = st.floats(0, 0.999)
COSTS_MS = st.floats(0.1, 10_000)
SLOPES = st.floats(16, 1e7)
HOLDING = st.floats(1e-14, 1e-6)
SIZES = st.integers(0, 1 << 40)
COUNTS = st.integers(0, 10**9)


@st.composite
def growths(draw: st.DrawFn) -> Growth:
    """Any estimate: growing or not, sure or not."""
    slope = draw(st.floats(-1e6, 1e7))
    low = slope - draw(st.floats(0, 1e6))
    is_sure = low > 0 and slope >= 16 and draw(st.booleans())
    high = slope + draw(st.floats(0, 1e6))
    return Growth(slope, low, high, draw(st.integers(0, 1 << 34)), draw(st.integers(6, 256)), is_sure)


@st.composite
def snapshots(draw: st.DrawFn) -> GenerationSnapshot:
    """Any state of a generation, measured or not."""
    return GenerationSnapshot(
        generation=draw(st.integers(1, 1000)),
        age_s=draw(st.floats(0, 1e8)),
        executions=draw(COUNTS),
        jitter=draw(SHARES),
        rss_bytes=draw(st.none() | SIZES),
        birth_rss_bytes=draw(st.none() | SIZES),
        young_rss_bytes=draw(st.none() | SIZES),
        memory_bytes=draw(st.none() | SIZES),
        growth=draw(st.none() | growths()),
        learned=draw(st.none() | growths()),
        restart_cost_ms=draw(st.none() | COSTS_MS),
        scans_per_s=draw(st.none() | st.floats(0, 1e6)),
    )


ADAPTIVE = st.builds(
    AdaptiveInterval,
    memory_budget_bytes=st.integers(1, 1 << 40),
    min_executions=st.integers(1, 10_000),
    min_age_s=st.floats(0, 1000),
    holding_cost_cpus_per_gib=st.floats(0, 100),
    jitter=st.floats(0, 1),
)
SIMPLE: st.SearchStrategy[RestartPolicy] = (
    st.builds(MaxExecutions, st.integers(1, 10**9), jitter=st.floats(0, 1))
    | st.builds(MaxAge, st.floats(0.001, 1e6), jitter=st.floats(0, 1))
    | st.builds(MaxMemory, st.integers(1, 1 << 40), min_executions=st.integers(0, 1000))
    | ADAPTIVE
)
POLICIES = SIMPLE | st.lists(SIMPLE, min_size=1, max_size=4).map(lambda policies: AnyOf(*policies))


@given(COSTS_MS, SLOPES, HOLDING, st.floats(0.001, 1000))
def test_no_interval_costs_less_than_the_optimum(
    cost_ms: float, slope: float, holding: float, factor: float
) -> None:
    """Any other interval, shorter or longer, costs at least as much."""
    best = optimal_interval(restart_cost_ms=cost_ms, growth_bytes=slope, holding_cost_ms_per_byte=holding)

    def cost(executions: float) -> float:
        return cost_per_execution_ms(
            executions, restart_cost_ms=cost_ms, growth_bytes=slope, holding_cost_ms_per_byte=holding
        )

    assert cost(best * factor) >= cost(best) * (1 - 1e-9)


@given(st.floats(0.1, 100), st.floats(16, 1e5), st.floats(1e-8, 1e-6))
def test_the_best_whole_number_by_trying_all_is_the_optimum(
    cost_ms: float, slope: float, holding: float
) -> None:
    """Trying every count of executions finds N* rounded to one side or the other."""
    best = optimal_interval(restart_cost_ms=cost_ms, growth_bytes=slope, holding_cost_ms_per_byte=holding)
    assume(best < 2000)
    tried = min(
        range(1, math.ceil(best) * 2 + 2),
        key=lambda n: cost_per_execution_ms(
            n, restart_cost_ms=cost_ms, growth_bytes=slope, holding_cost_ms_per_byte=holding
        ),
    )
    assert tried == 1 or abs(tried - best) <= 1


@given(st.integers(1, 10**12), st.floats(0, 1), SHARES)
def test_jitter_never_makes_it_later(n: int, jitter: float, draw: float) -> None:
    """A threshold is at least one scan, at most the number, and early by no more than its share."""
    known = GenerationSnapshot(generation=1, age_s=0, executions=n, jitter=draw)
    threshold = MaxExecutions(n, jitter=jitter).threshold(known)
    assert max(1, n * (1 - jitter) * (1 - 1e-12)) <= threshold <= n
    assert MaxExecutions(n, jitter=jitter).decide(known) is not None
    assert MaxAge(n / 1e6 + 0.001, jitter=jitter).threshold_s(known) <= n / 1e6 + 0.001


@given(POLICIES, snapshots())
def test_every_policy_answers_every_snapshot(policy: RestartPolicy, known: GenerationSnapshot) -> None:
    """No state of a generation is an error, the answer is always the same, and it has words."""
    decision = policy.decide(known)
    assert policy.decide(known) == decision
    assert policy.explain(known)
    if decision is not None:
        assert decision.text
        assert "nan" not in decision.text


@given(st.lists(SIMPLE, min_size=1, max_size=4), snapshots())
def test_any_of_adds_nothing_and_loses_nothing(
    policies: list[RestartPolicy], known: GenerationSnapshot
) -> None:
    """Its decision is one of theirs; futile only if none of theirs helps; none only if none."""
    theirs = [decision for policy in policies if (decision := policy.decide(known)) is not None]
    decision = AnyOf(*policies).decide(known)
    if decision is None:
        assert not theirs
    else:
        assert decision in theirs
        assert decision.is_futile == all(other.is_futile for other in theirs)


@given(ADAPTIVE, snapshots())
def test_without_significant_growth_adaptive_never_acts(
    policy: AdaptiveInterval, known: GenerationSnapshot
) -> None:
    """Whatever the memory, the age and the count."""
    grounds = [growth for growth in (known.growth, known.learned) if growth and growth.is_significant]
    if not grounds:
        assert policy.decide(known) is None


@given(ADAPTIVE, snapshots(), SLOPES, st.floats(0, 1e6), st.integers(0, 1 << 34))
def test_adaptive_stays_within_its_budget(
    policy: AdaptiveInterval, known: GenerationSnapshot, slope: float, margin: float, floor: int
) -> None:
    """At the planned restart memory is within the budget for any growth in the interval."""
    sure = Growth(slope, slope / 2, slope + margin, floor, 50, is_significant=True)
    threshold = policy.threshold(structs.replace(known, growth=sure))
    assert threshold is not None
    assert threshold >= policy.min_executions
    if threshold > policy.min_executions:
        assert floor + sure.high * threshold <= policy.memory_budget_bytes * (1 + 1e-9)


@given(ADAPTIVE, snapshots())
def test_adaptive_is_futile_only_for_its_floor(policy: AdaptiveInterval, known: GenerationSnapshot) -> None:
    """A decision is futile exactly when the floor it goes by is over the budget, else not too early."""
    decision = policy.decide(known)
    if decision is None:
        return
    floors = [g.floor_bytes for g in (known.growth, known.learned) if g and g.is_significant]
    if decision.is_futile:
        assert max(floors) >= policy.memory_budget_bytes
    else:
        assert min(floors) < policy.memory_budget_bytes
        assert known.executions >= policy.min_executions


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 1 << 34)), max_size=80))
def test_samples_stay_bounded_and_ascending(measured: list[tuple[int, int]]) -> None:
    """Whatever comes in, at most the limit is kept, ascending, with the newest at the end."""
    kept: tuple[MemorySample, ...] = ()
    for executions, size in sorted(measured, key=lambda pair: pair[0]):
        kept = with_sample(kept, MemorySample(executions, size), limit=16)
        assert kept[-1] == MemorySample(executions, size)
        assert len(kept) <= 16
        assert all(a.executions < b.executions for a, b in pairwise(kept))


SERIES = st.lists(st.integers(0, 1 << 32), min_size=8, max_size=90).map(
    lambda sizes: [MemorySample(10 * n, size) for n, size in enumerate(sizes, 1)]
)


@given(SERIES, st.integers(0, 1 << 32))
def test_estimates_do_not_depend_on_order_or_level(samples: list[MemorySample], more: int) -> None:
    """Shuffled samples give the same; a constant more gives the same slope and a higher floor."""
    found = estimate(samples)
    assert found is not None
    assert found.low <= found.bytes_per_execution <= found.high
    assert found.samples <= MAX_SAMPLES
    assert estimate(samples[::-1]) == found
    raised = estimate([MemorySample(sample.executions, sample.bytes + more) for sample in samples])
    assert raised is not None
    assert math.isclose(raised.bytes_per_execution, found.bytes_per_execution)
    assert raised.floor_bytes >= found.floor_bytes


@given(SERIES)
def test_significant_growth_is_worth_acting_on(samples: list[MemorySample]) -> None:
    """Positive for certain, over the practical slope, a megabyte or more in all."""
    found = estimate(samples)
    assert found is not None
    if found.is_significant:
        assert found.low > 0
        assert found.bytes_per_execution >= 16
        assert found.bytes_per_execution * samples[-1].executions >= MIB


@given(st.integers(17, 10**7), st.integers(8, 90), st.integers(0, 1 << 34))
def test_a_clean_leak_is_measured_exactly(slope: int, count: int, floor: int) -> None:
    """Without noise slope, interval and floor are what they are."""
    step = 100_000
    found = estimate([MemorySample(n * step, floor + slope * n * step) for n in range(1, count + 1)])
    assert found is not None
    assert found.bytes_per_execution == found.low == found.high == slope
    assert found.floor_bytes == floor
    assert found.is_significant == (slope * step * (found.samples - 1) >= 0.02 * floor)


@given(growths(), growths())
def test_combining_stays_between_both(previous: Growth, current: Growth) -> None:
    """Slope and floor lie between the two, within the interval; significant only on some ground."""
    both = combine(previous, current)
    slopes = sorted((previous.bytes_per_execution, current.bytes_per_execution))
    slack = 1e-6 * max(1.0, *map(abs, slopes))
    assert slopes[0] - slack <= both.bytes_per_execution <= slopes[1] + slack
    assert both.low < both.bytes_per_execution < both.high
    floors = sorted((previous.floor_bytes, current.floor_bytes))
    assert floors[0] <= both.floor_bytes <= floors[1]
    assert not both.is_significant or previous.is_significant or current.is_significant


@given(growths())
def test_fading_only_widens(learned: Growth) -> None:
    """The slope stays, the interval grows, and nothing becomes significant by it."""
    later = faded(learned)
    assert later.bytes_per_execution == learned.bytes_per_execution
    assert later.high - later.low > learned.high - learned.low
    assert learned.is_significant or not later.is_significant
