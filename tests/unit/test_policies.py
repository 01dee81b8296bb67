"""What each restart policy decides, and what becomes of simulated plugins under them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field
from typing import Any

import pytest

from isoscan.errors import ConfigError
from isoscan.growth import MIB, Growth, MemorySample, combine, estimate, faded, with_sample
from isoscan.models import RestartReason
from isoscan.policies import (
    YOUNG_EXECUTIONS,
    AdaptiveInterval,
    AnyOf,
    Decision,
    GenerationSnapshot,
    MaxAge,
    MaxExecutions,
    MaxMemory,
    RestartPolicy,
    cost_per_execution_ms,
    optimal_interval,
)

KIB = 1024
FLOOR = 41 * MIB
BUDGET = 128 * MIB
LEAK = Growth(1635.0, 1535.0, 1735.0, FLOOR, 52, is_significant=True)
NONE = Growth(2.0, -20.0, 24.0, FLOOR, 52, is_significant=False)


def snapshot(
    executions: int = 1000,
    *,
    age_s: float = 100.0,
    jitter: float = 0.0,
    rss_bytes: int | None = None,
    birth_rss_bytes: int | None = None,
    young_rss_bytes: int | None = None,
    memory_bytes: int | None = None,
    growth: Growth | None = None,
    learned: Growth | None = None,
    restart_cost_ms: float | None = 40.0,
    scans_per_s: float | None = 26_300.0,
) -> GenerationSnapshot:
    """A generation of middle age that nothing is wrong with."""
    return GenerationSnapshot(
        generation=1,
        age_s=age_s,
        executions=executions,
        jitter=jitter,
        rss_bytes=rss_bytes,
        birth_rss_bytes=birth_rss_bytes,
        young_rss_bytes=young_rss_bytes,
        memory_bytes=memory_bytes,
        growth=growth,
        learned=learned,
        restart_cost_ms=restart_cost_ms,
        scans_per_s=scans_per_s,
    )


def due(decision: Decision | None) -> RestartReason | None:
    """The reason of a decision that is to be carried out."""
    assert decision is None or not decision.is_futile
    return decision.reason if decision else None


def is_futile(decision: Decision | None) -> bool:
    """Whether an alert is asked for instead of a restart."""
    return decision is not None and decision.is_futile


class TestMaxExecutions:
    def test_is_due_at_the_number(self) -> None:
        """Not one scan before, and then until it is done."""
        policy = MaxExecutions(1000)
        assert policy.decide(snapshot(999)) is None
        assert due(policy.decide(snapshot(1000))) is RestartReason.MAX_EXECUTIONS
        assert due(policy.decide(snapshot(5000))) is RestartReason.MAX_EXECUTIONS

    def test_jitter_makes_it_earlier(self) -> None:
        """Half of the draw of at most 10 %: 950 instead of 1,000."""
        assert MaxExecutions(1000).threshold(snapshot(jitter=0.5)) == 950
        assert MaxExecutions(1000, jitter=0).threshold(snapshot(jitter=0.5)) == 1000

    def test_tells_the_numbers(self) -> None:
        """Words with the count and the threshold, acting or not."""
        assert MaxExecutions(12_000).explain(snapshot(1234)) == "1,234 of 12,000 scans"


class TestMaxAge:
    def test_is_due_at_the_age(self) -> None:
        """From the second on, for that reason."""
        policy = MaxAge(60)
        assert policy.decide(snapshot(age_s=59.9)) is None
        assert due(policy.decide(snapshot(age_s=60.0))) is RestartReason.MAX_AGE

    def test_jitter_makes_it_earlier(self) -> None:
        """Generations born together do not end together."""
        assert MaxAge(60, jitter=0.5).threshold_s(snapshot(jitter=0.5)) == 45
        assert MaxAge(60).explain(snapshot(age_s=12)) == "age 12.0 s of 60.0 s"


class TestMaxMemory:
    def test_is_due_over_the_limit(self) -> None:
        """A generation that was below it when young has grown."""
        policy = MaxMemory(100 * MIB)
        grown: dict[str, Any] = {"birth_rss_bytes": 33 * MIB, "young_rss_bytes": 40 * MIB}
        assert policy.decide(snapshot(rss_bytes=99 * MIB, **grown)) is None
        assert due(policy.decide(snapshot(rss_bytes=100 * MIB, **grown))) is RestartReason.MAX_MEMORY

    def test_does_nothing_unmeasured(self) -> None:
        """No resident memory, no decision."""
        policy = MaxMemory(100 * MIB)
        assert policy.decide(snapshot()) is None
        assert policy.explain(snapshot()) == "resident memory not measured, limit 100 MB"

    @pytest.mark.parametrize("when", ["birth_rss_bytes", "young_rss_bytes"])
    def test_is_futile_when_a_fresh_generation_is_over(self, when: str) -> None:
        """Over the limit at birth, or once its tables are loaded: the next one would be as well."""
        fresh: dict[str, Any] = {when: 101 * MIB}
        assert is_futile(MaxMemory(100 * MIB).decide(snapshot(10**6, rss_bytes=120 * MIB, **fresh)))

    def test_is_futile_within_the_minimum_life(self) -> None:
        """A generation that reached it in fewer scans than a restart is worth."""
        policy = MaxMemory(100 * MIB, min_executions=50)
        assert is_futile(policy.decide(snapshot(49, rss_bytes=120 * MIB)))
        assert due(policy.decide(snapshot(50, rss_bytes=120 * MIB))) is RestartReason.MAX_MEMORY

    def test_a_generation_that_shrank_is_left_alone(self) -> None:
        """Over the limit at birth, below it now: nothing to do and nothing to report."""
        assert MaxMemory(100 * MIB).decide(snapshot(rss_bytes=90 * MIB, birth_rss_bytes=110 * MIB)) is None

    def test_tells_why_it_is_futile(self) -> None:
        """What it holds, the limit, and that a restart cannot help."""
        decision = MaxMemory(100 * MIB).decide(snapshot(rss_bytes=120 * MIB, birth_rss_bytes=110 * MIB))
        assert decision is not None
        assert decision.text == (
            "resident memory 120 MB, limit 100 MB: a fresh generation holds 110 MB already, "
            "restarting cannot help"
        )


class TestCost:
    def test_is_a_restart_shared_and_half_the_growth_held(self) -> None:
        """C/N + h*g*N/2 with numbers that can be done in the head."""
        cost = cost_per_execution_ms(
            100, restart_cost_ms=50, growth_bytes=1000, holding_cost_ms_per_byte=0.00001
        )
        assert cost == pytest.approx(0.5 + 0.5)

    def test_the_optimum_is_where_both_parts_are_equal(self) -> None:
        """N* = sqrt(2 * 50 / (1e-5 * 1000)) = 100."""
        assert optimal_interval(
            restart_cost_ms=50, growth_bytes=1000, holding_cost_ms_per_byte=0.00001
        ) == pytest.approx(100)

    def test_free_memory_is_never_given_back(self) -> None:
        """No holding cost, no optimum."""
        assert optimal_interval(restart_cost_ms=50, growth_bytes=1000, holding_cost_ms_per_byte=0) == float(
            "inf"
        )


class TestAdaptiveInterval:
    def test_restarts_nothing_that_does_not_grow(self) -> None:
        """No estimate, or none that is significant: never, after however many executions."""
        policy = AdaptiveInterval(memory_budget_bytes=BUDGET)
        for known in (
            snapshot(10**9),
            snapshot(10**9, growth=NONE),
            snapshot(10**9, growth=NONE, learned=NONE),
        ):
            assert policy.decide(known) is None
            assert policy.threshold(known) is None
            assert "no restart" in policy.explain(known)

    def test_the_budget_bounds_fast_growth(self) -> None:
        """(128 - 41) MB at 1,735 bytes per scan at most: 52,579 scans, the last 1,052 during the restart."""
        policy = AdaptiveInterval(memory_budget_bytes=BUDGET)
        wanted = int((BUDGET - FLOOR) / 1735 - 26_300 * 0.040)
        assert policy.decide(snapshot(wanted - 1, growth=LEAK)) is None
        assert due(policy.decide(snapshot(wanted, growth=LEAK))) is RestartReason.ADAPTIVE

    def test_the_cost_bounds_growth_under_a_wide_budget(self) -> None:
        """With 1 GiB the optimum comes first: sqrt(2 * 40 / (h * 1635)) executions."""
        policy = AdaptiveInterval(memory_budget_bytes=1 << 30)
        holding = policy.holding_cost_ms_per_byte(26_300)
        assert holding == pytest.approx(0.125 / 2**30 * 1000 / 26_300)
        wanted = optimal_interval(restart_cost_ms=40, growth_bytes=1635, holding_cost_ms_per_byte=holding)
        assert policy.threshold(snapshot(growth=LEAK)) == int(wanted)
        assert "least cost" in policy.explain(snapshot(growth=LEAK))

    def test_an_unknown_rate_leaves_the_budget(self) -> None:
        """Without scans per second holding has no known cost."""
        policy = AdaptiveInterval(memory_budget_bytes=1 << 30)
        unknown = snapshot(growth=LEAK, scans_per_s=None)
        assert policy.threshold(unknown) == ((1 << 30) - FLOOR) // 1735

    def test_an_unmeasured_restart_has_a_default_cost(self) -> None:
        """The first restart is planned with `default_restart_cost_ms`."""
        policy = AdaptiveInterval(memory_budget_bytes=1 << 34, default_restart_cost_ms=160.0)
        measured = policy.threshold(snapshot(growth=LEAK))
        assumed = policy.threshold(snapshot(growth=LEAK, restart_cost_ms=None))
        assert measured is not None
        assert assumed == pytest.approx(2 * measured, abs=2)

    def test_jitter_makes_it_earlier(self) -> None:
        """A tenth of the draw, from the same plan."""
        policy = AdaptiveInterval(memory_budget_bytes=BUDGET)
        plain = policy.threshold(snapshot(growth=LEAK))
        assert plain is not None
        assert policy.threshold(snapshot(growth=LEAK, jitter=0.5)) == pytest.approx(0.95 * plain, abs=1)

    def test_a_young_generation_goes_by_what_was_learned(self) -> None:
        """No samples of its own yet, or too few to tell."""
        policy = AdaptiveInterval(memory_budget_bytes=BUDGET)
        vague = Growth(0.0, -50_000.0, 50_000.0, FLOOR, 6, is_significant=False)
        for young in (snapshot(60_000, learned=LEAK), snapshot(60_000, learned=LEAK, growth=vague)):
            assert due(policy.decide(young)) is RestartReason.ADAPTIVE
            assert "earlier generations" in policy.explain(young)

    def test_own_measurements_refute_what_was_learned(self) -> None:
        """This generation certainly does not grow: nothing is due, whatever the others did."""
        assert (
            AdaptiveInterval(memory_budget_bytes=BUDGET).decide(snapshot(10**6, growth=NONE, learned=LEAK))
            is None
        )

    def test_own_growth_comes_before_what_was_learned(self) -> None:
        """A generation that grows ten times as fast is not kept for the average's sake."""
        fast = Growth(16_350.0, 15_350.0, 17_350.0, FLOOR, 52, is_significant=True)
        policy = AdaptiveInterval(memory_budget_bytes=BUDGET)
        assert policy.threshold(snapshot(growth=fast, learned=LEAK)) == int(
            (BUDGET - FLOOR) / 17_350 - 26_300 * 0.040
        )

    def test_a_floor_over_the_budget_is_futile_at_once(self) -> None:
        """Learned from the last generation, the alert comes before the first scan of this one."""
        heavy = Growth(1635.0, 1535.0, 1735.0, BUDGET, 52, is_significant=True)
        decision = AdaptiveInterval(memory_budget_bytes=BUDGET).decide(snapshot(0, age_s=0, learned=heavy))
        assert is_futile(decision)

    def test_acts_when_live_memory_reached_the_budget(self) -> None:
        """A burst on top of a leak uses the budget up before the slope foresaw it."""
        policy = AdaptiveInterval(memory_budget_bytes=BUDGET)
        burst = snapshot(5000, growth=LEAK, memory_bytes=BUDGET)
        assert due(policy.decide(burst)) is RestartReason.ADAPTIVE
        # On hearsay alone a plugin that fills up at once would be restarted for ever.
        assert policy.decide(snapshot(5000, learned=LEAK, memory_bytes=BUDGET)) is None

    def test_a_minimum_life_is_kept(self) -> None:
        """Growth that fills the budget in five scans still gets `min_executions`."""
        steep = Growth(20.0 * MIB, 19.0 * MIB, 21.0 * MIB, FLOOR, 6, is_significant=True)
        policy = AdaptiveInterval(memory_budget_bytes=BUDGET)
        full = snapshot(YOUNG_EXECUTIONS - 1, growth=steep, memory_bytes=BUDGET)
        assert policy.decide(full) is None
        assert due(policy.decide(snapshot(YOUNG_EXECUTIONS, growth=steep))) is RestartReason.ADAPTIVE

    def test_the_minimum_age_holds_back_the_optimum_only(self) -> None:
        """Saving memory can wait a second, keeping the budget cannot."""
        saving = AdaptiveInterval(memory_budget_bytes=1 << 30, min_age_s=10.0)
        assert saving.decide(snapshot(200_000, growth=LEAK, age_s=9.9)) is None
        assert due(saving.decide(snapshot(200_000, growth=LEAK, age_s=10.0))) is RestartReason.ADAPTIVE
        keeping = AdaptiveInterval(memory_budget_bytes=BUDGET, min_age_s=10.0)
        at_budget = snapshot((BUDGET - FLOOR) // 1735, growth=LEAK, age_s=0.1)
        assert due(keeping.decide(at_budget)) is RestartReason.ADAPTIVE

    def test_tells_growth_floor_budget_and_the_next_restart(self) -> None:
        """One line an operator can check by hand."""
        policy = AdaptiveInterval(memory_budget_bytes=BUDGET)
        facts = "growth 1.6 kB/scan ± 100 B, floor 41 MB, budget 128 MB → next restart after 51,527 scans"
        assert policy.explain(snapshot(growth=LEAK)) == f"{facts} (the budget)"
        decision = policy.decide(snapshot(53_000, growth=LEAK, memory_bytes=130 * MIB))
        assert decision is not None
        assert decision.text == f"{facts} (the budget); 53,000 run, live memory 130 MB"


class TestAnyOf:
    def test_the_first_decision_wins(self) -> None:
        """Both are due: the order given decides the reason."""
        both = (MaxExecutions(10), MaxAge(10))
        assert due(AnyOf(*both).decide(snapshot())) is RestartReason.MAX_EXECUTIONS
        assert due(AnyOf(*reversed(both)).decide(snapshot())) is RestartReason.MAX_AGE

    def test_nothing_is_due_when_none_is(self) -> None:
        """All must be content."""
        assert AnyOf(MaxExecutions(10**6), MaxAge(10**6), MaxMemory(MIB)).decide(snapshot()) is None

    def test_a_decision_that_helps_comes_before_a_futile_one(self) -> None:
        """A memory limit nobody can keep does not stop the restart by count."""
        policy = AnyOf(MaxMemory(MIB), MaxExecutions(1000))
        over: dict[str, Any] = {"rss_bytes": 33 * MIB, "birth_rss_bytes": 33 * MIB}
        assert is_futile(policy.decide(snapshot(999, **over)))
        assert due(policy.decide(snapshot(1000, **over))) is RestartReason.MAX_EXECUTIONS

    def test_nests_and_explains_all(self) -> None:
        """Each policy says its part, by name."""
        policy = AnyOf(MaxExecutions(2000), AnyOf(MaxAge(500), MaxMemory(MIB)))
        assert policy.explain(snapshot()) == (
            "MaxExecutions: 1,000 of 2,000 scans; AnyOf: MaxAge: age 100.0 s of 500.0 s; "
            "MaxMemory: resident memory not measured, limit 1.0 MB"
        )


class TestPolicies:
    def test_are_equal_by_value_and_can_be_read(self) -> None:
        """Two alike are one, and the repr is the call that makes it."""
        first = AnyOf(
            MaxExecutions(5), MaxAge(2.5), MaxMemory(MIB), AdaptiveInterval(memory_budget_bytes=MIB)
        )
        assert first == eval(repr(first))
        assert hash(first) == hash(eval(repr(first)))
        assert MaxExecutions(5) != MaxExecutions(6)
        assert repr(MaxExecutions(5)) == "MaxExecutions(n=5, jitter=0.1)"

    @pytest.mark.parametrize("policy", [MaxExecutions(5), AnyOf(MaxAge(1))])
    def test_cannot_be_changed(self, policy: RestartPolicy) -> None:
        """A policy may be shared between executors."""
        with pytest.raises(FrozenInstanceError):
            setattr(policy, "n" if isinstance(policy, MaxExecutions) else "policies", 6)

    @pytest.mark.parametrize(
        ("make", "named"),
        [
            (lambda: MaxExecutions(0), "MaxExecutions.n is 0: must be a whole number between 1 and"),
            (lambda: MaxExecutions(True), "MaxExecutions.n is True"),
            (lambda: MaxExecutions(1.5), "MaxExecutions.n is 1.5"),  # type: ignore[arg-type]
            (
                lambda: MaxExecutions(5, jitter=1.1),
                "MaxExecutions.jitter is 1.1: must be between 0.0 and 1.0",
            ),
            (lambda: MaxAge(0), "MaxAge.seconds is 0"),
            (lambda: MaxAge(float("nan")), "MaxAge.seconds is nan"),
            (lambda: MaxAge("60"), "MaxAge.seconds is '60'"),  # type: ignore[arg-type]
            (lambda: MaxMemory(-1), "MaxMemory.bytes is -1"),
            (lambda: MaxMemory(MIB, min_executions=-1), "MaxMemory.min_executions is -1"),
            (lambda: AdaptiveInterval(memory_budget_bytes=0), "AdaptiveInterval.memory_budget_bytes is 0"),
            (lambda: AdaptiveInterval(memory_budget_bytes=1, min_executions=0), "min_executions is 0"),
            (lambda: AdaptiveInterval(memory_budget_bytes=1, min_age_s=-1), "min_age_s is -1"),
            (lambda: AdaptiveInterval(memory_budget_bytes=1, holding_cost_cpus_per_gib=-1), "per_gib is -1"),
            (lambda: AdaptiveInterval(memory_budget_bytes=1, default_restart_cost_ms=0), "cost_ms is 0"),
            (lambda: AdaptiveInterval(memory_budget_bytes=1, jitter=2), "AdaptiveInterval.jitter is 2"),
            (lambda: AnyOf(), "AnyOf.policies is empty"),
            (lambda: AnyOf(MaxExecutions), "AnyOf.policies holds <class"),  # type: ignore[arg-type]
            (lambda: AnyOf(60), "AnyOf.policies holds 60"),  # type: ignore[arg-type]
        ],
    )
    def test_refuse_impossible_values(self, make: Callable[[], object], named: str) -> None:
        """The error names the policy, the parameter, the value and the range."""
        with pytest.raises(ConfigError) as caught:
            make()
        assert named in str(caught.value)


@dataclass
class Plant:
    """A simulated plugin and the owner that asks a policy about it."""

    policy: RestartPolicy
    memory: Callable[[int, int], float]
    """Live bytes by executions of the generation and by executions in all."""
    noise_bytes: float = 200.0 * KIB
    scans_per_s: float = 26_300.0
    restart_cost_ms: float = 40.0
    sample_every: int = 500
    rng: random.Random = field(default_factory=lambda: random.Random(7))
    lives: list[int] = field(default_factory=list)
    alerts: list[int] = field(default_factory=list)
    peak_bytes: float = 0.0
    learned: Growth | None = None

    def run(self, executions: int) -> None:
        """Runs that many scans, asking the policy at every sample; a restart begins a generation."""
        done = 0
        while done < executions:
            self._begin()
            life = 0
            while done + life < executions:
                life += self.sample_every
                if self._is_over(life, done + life):
                    break
            self._end()
            done += life

    def _begin(self) -> None:
        self._jitter = self.rng.random()
        self._growth: Growth | None = None
        self._samples: tuple[MemorySample, ...] = ()
        self._young_rss: int | None = None

    def _end(self) -> None:
        if self._growth is not None:
            self.learned = combine(self.learned, self._growth)
        elif self.learned is not None:
            self.learned = faded(self.learned)

    def _is_over(self, executions: int, total: int) -> bool:
        true_bytes = self.memory(executions, total)
        self.peak_bytes = max(self.peak_bytes, true_bytes)
        measured = round(true_bytes + self.rng.gauss(0, self.noise_bytes))
        self._samples = with_sample(self._samples, MemorySample(executions, measured), limit=64)
        self._growth = estimate(self._samples)
        if self._young_rss is None:
            self._young_rss = measured + 33 * MIB
        decision = self.policy.decide(
            GenerationSnapshot(
                generation=len(self.lives) + 1,
                age_s=executions / self.scans_per_s,
                executions=executions,
                jitter=self._jitter,
                rss_bytes=measured + 33 * MIB,
                birth_rss_bytes=round(self.memory(0, total)) + 33 * MIB,
                young_rss_bytes=self._young_rss,
                memory_bytes=measured,
                growth=self._growth,
                learned=self.learned,
                restart_cost_ms=self.restart_cost_ms,
                scans_per_s=self.scans_per_s,
            )
        )
        if decision is None:
            return False
        if decision.is_futile:
            if len(self.lives) + 1 not in self.alerts:
                self.alerts.append(len(self.lives) + 1)
            return False
        # It serves on while its replacement is made.
        executions += int(self.scans_per_s * self.restart_cost_ms / 1000)
        self.peak_bytes = max(self.peak_bytes, self.memory(executions, total))
        self.lives.append(executions)
        return True


class TestSimulation:
    def test_2_kb_per_scan_stays_under_the_budget(self) -> None:
        """128 MB: restarted near (128 - 41) MB / 2 kB = 44,544 scans, never far too early."""
        plant = Plant(AdaptiveInterval(memory_budget_bytes=BUDGET), lambda n, _: FLOOR + 2 * KIB * n)
        plant.run(1_000_000)
        assert plant.peak_bytes <= BUDGET + plant.sample_every * 2 * KIB
        assert not plant.alerts
        assert all(0.85 * 44_544 <= life <= 44_544 + plant.sample_every for life in plant.lives)
        assert len(set(plant.lives)) > 5  # the jitter at birth spreads them

    def test_2_kb_per_scan_under_a_wide_budget_restarts_at_least_cost(self) -> None:
        """1 GiB: restarted near N*, which the cost formula gives, within the jitter."""
        policy = AdaptiveInterval(memory_budget_bytes=1 << 30)
        plant = Plant(policy, lambda n, _: FLOOR + 2 * KIB * n, sample_every=1000)
        plant.run(2_000_000)
        best = optimal_interval(
            restart_cost_ms=40,
            growth_bytes=2 * KIB,
            holding_cost_ms_per_byte=policy.holding_cost_ms_per_byte(26_300),
        )
        assert len(plant.lives) >= 20
        assert all(0.85 * best <= life <= 1.05 * best for life in plant.lives)

    def test_1_mb_per_scan_stays_under_the_budget(self) -> None:
        """87 scans per generation: found within the first one, kept in all."""
        plant = Plant(
            AdaptiveInterval(memory_budget_bytes=BUDGET),
            lambda n, _: FLOOR + MIB * n,
            sample_every=4,
            scans_per_s=200.0,
        )
        plant.run(20_000)
        assert plant.peak_bytes <= BUDGET + plant.sample_every * MIB
        assert len(plant.lives) >= 20_000 // (87 + plant.sample_every)
        assert all(0.75 * 87 <= life <= 87 + plant.sample_every for life in plant.lives)

    @pytest.mark.parametrize("noise_bytes", [0.0, 200.0 * KIB, 5.0 * MIB])
    def test_a_plugin_that_does_not_leak_is_never_restarted(self, noise_bytes: float) -> None:
        """Ten million executions, looked at 500 times; and fifty thousand, looked at as often."""
        for executions, sample_every in ((10_000_000, 20_000), (50_000, 100)):
            plant = Plant(
                AdaptiveInterval(memory_budget_bytes=BUDGET),
                lambda *_: FLOOR,
                noise_bytes=noise_bytes,
                sample_every=sample_every,
            )
            plant.run(executions)
            assert plant.lives == []
            assert plant.alerts == []

    def test_a_cache_that_fills_up_is_never_restarted(self) -> None:
        """30 MB in the first 20,000 executions and no more, far from the budget."""
        plant = Plant(
            AdaptiveInterval(memory_budget_bytes=BUDGET),
            lambda n, _: FLOOR + 30 * MIB * min(1.0, n / 20_000),
            sample_every=1000,
        )
        plant.run(1_000_000)
        assert plant.lives == []

    def test_bursts_on_top_of_a_leak_keep_the_budget(self) -> None:
        """Every 30,000 scans of a life 20 MB come at once: over the budget for one sample at most."""
        plant = Plant(
            AdaptiveInterval(memory_budget_bytes=BUDGET),
            lambda n, _: FLOOR + 2 * KIB * n + 20 * MIB * (n // 30_000),
        )
        plant.run(1_000_000)
        assert plant.peak_bytes <= BUDGET + 2 * KIB * plant.sample_every + 20 * MIB
        assert len(plant.lives) <= 40

    def test_bursts_that_are_given_back_do_not_restart(self) -> None:
        """Every tenth sample 20 MB more, gone at the next: no growth."""
        plant = Plant(
            AdaptiveInterval(memory_budget_bytes=BUDGET),
            lambda n, _: FLOOR + 20 * MIB * (n // 500 % 10 == 0),
        )
        plant.run(300_000)
        assert plant.lives == []

    def test_a_leak_that_is_repaired_is_forgotten(self) -> None:
        """After 500,000 scans the traffic no longer leaks: at most two restarts more."""
        plant = Plant(
            AdaptiveInterval(memory_budget_bytes=BUDGET),
            lambda n, _: FLOOR + 2 * KIB * n,
            sample_every=1000,
        )
        plant.run(500_000)
        before = len(plant.lives)
        assert before >= 10
        plant.memory = lambda *_: FLOOR
        plant.run(1_000_000)
        assert len(plant.lives) - before <= 2

    def test_a_generation_born_over_the_limit_raises_one_alert(self) -> None:
        """No endless loop: one alert, no restart, in a million executions."""
        plant = Plant(MaxMemory(64 * MIB), lambda *_: FLOOR, sample_every=5000)
        plant.run(1_000_000)
        assert plant.lives == []
        assert plant.alerts == [1]

    def test_a_leaking_floor_over_the_budget_raises_one_alert(self) -> None:
        """The adaptive policy does not fight a budget it cannot keep."""
        plant = Plant(
            AdaptiveInterval(memory_budget_bytes=32 * MIB),
            lambda n, _: FLOOR + 2 * KIB * n,
            sample_every=5000,
        )
        plant.run(1_000_000)
        assert plant.lives == []
        assert plant.alerts == [1]

    def test_the_memory_limit_backs_the_adaptive_policy(self) -> None:
        """A few huge steps are no trend; the limit on resident memory ends them."""
        plant = Plant(
            AnyOf(AdaptiveInterval(memory_budget_bytes=BUDGET), MaxMemory(256 * MIB)),
            lambda n, _: FLOOR + 60 * MIB * (n // 100_000),
            sample_every=5000,
        )
        plant.run(3_000_000)
        assert plant.lives
        assert plant.peak_bytes + 33 * MIB <= 256 * MIB + 60 * MIB
        assert plant.alerts == []

    def test_what_was_learned_in_too_short_lives_wears_off(self) -> None:
        """A stale 1 MB per scan keeps lives at 80 scans, too few to be measured, but not for ever."""
        plant = Plant(
            AdaptiveInterval(memory_budget_bytes=BUDGET),
            lambda *_: FLOOR,
            sample_every=40,
            learned=Growth(1.0 * MIB, 0.95 * MIB, 1.05 * MIB, FLOOR, 50, is_significant=True),
        )
        plant.run(40_000)
        assert 0 < len(plant.lives) <= 50
