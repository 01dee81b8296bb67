"""When a generation's memory is measured."""

from __future__ import annotations

from typing import Any, cast

import pytest

from isoscan import AdaptiveInterval, MaxExecutions
from isoscan._keeper import Keeper
from isoscan.growth import Growth, MemorySample
from isoscan.models import MIB
from isoscan.policies import RestartPolicy
from isoscan.sandbox.generation import Generation


class Weighed:
    """What a keeper sees of a generation."""

    def __init__(self, heap_bytes: int, *samples: MemorySample) -> None:
        self.heap_used_bytes = heap_bytes
        self.external_bytes = 0
        self.samples = samples
        self.collection_s = 0.001
        self.born_at = 0.0
        self.executions = 1000
        self.measured = 0

    def measure(self) -> None:
        """Counts how often it was asked."""
        self.measured += 1


def asked(keeper: Keeper, generation: Weighed) -> bool:
    """Whether the generation is measured a millisecond after its birth."""
    keeper.measure_if_due(cast(Generation, cast(Any, generation)), 0.001)
    return generation.measured > 0


def longest_wait_s(keeper: Keeper, generation: Weighed) -> float:
    """How long after its birth the generation is measured next, to a millisecond."""
    after_ms = 0
    while not generation.measured:
        after_ms += 1
        keeper.measure_if_due(cast(Generation, cast(Any, generation)), after_ms / 1000)
    return after_ms / 1000


def growth(*, is_significant: bool) -> Growth:
    """What earlier generations taught."""
    return Growth(2000.0, 1990.0 if is_significant else -10.0, 2010.0, 4 * MIB, 10, is_significant)


@pytest.mark.parametrize(
    ("learned", "is_asked"),
    [(None, True), (growth(is_significant=False), True), (growth(is_significant=True), False)],
    ids=["nothing known", "nothing certain known", "known"],
)
def test_swelling_heap_is_measured_at_once_while_nothing_is_known(
    learned: Growth | None, is_asked: bool
) -> None:
    """A leak that fills its budget before the clock ticks is seen, also when what was learned wore off."""
    keeper = Keeper(AdaptiveInterval(memory_budget_bytes=96 * MIB))
    keeper.learned = learned
    assert asked(keeper, Weighed(13 * MIB, MemorySample(500, 10 * MIB))) is is_asked


def test_a_heap_that_did_not_swell_waits_for_the_clock() -> None:
    """A few percent more than last time are garbage."""
    keeper = Keeper(AdaptiveInterval(memory_budget_bytes=96 * MIB))
    assert not asked(keeper, Weighed(11 * MIB, MemorySample(500, 10 * MIB)))


@pytest.mark.parametrize(
    ("policy", "samples", "wait_s"),
    [
        (None, 3, 0.5),
        (None, 12, 5.0),
        (MaxExecutions(10_000), 12, 5.0),
        (AdaptiveInterval(memory_budget_bytes=96 * MIB), 12, 0.5),
    ],
)
def test_collections_take_little_time_where_nobody_acts_on_them(
    policy: RestartPolicy | None, samples: int, wait_s: float
) -> None:
    """A collection of 5 ms is made twice a second while a plugin is new or a policy needs it, else rarely."""
    known = [MemorySample(number, 4 * MIB) for number in range(samples)]
    generation = Weighed(4 * MIB, *known)
    generation.collection_s = 0.005
    assert longest_wait_s(Keeper(policy), generation) == pytest.approx(wait_s)
