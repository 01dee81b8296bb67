"""When a generation should be replaced. Pure functions of a snapshot; the owner acts.

A policy holds no state. Everything it knows of a generation, its random draw included, is in the
snapshot, so one policy object serves any number of executors.
"""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, Protocol, runtime_checkable

from msgspec import Struct

from .errors import ConfigError
from .growth import Growth
from .models import RestartReason

#: Until then a generation is young: what it holds is the price of starting, not growth.
YOUNG_EXECUTIONS = 20
_MAX_COUNT = 10**12
_MAX_BYTES = 1 << 40
_MAX_S = 10 * 365 * 86_400.0
_GIB = 1 << 30


class GenerationSnapshot(Struct, frozen=True, kw_only=True):
    """What the owner knows of one generation at one moment. None: not measured yet.

    `jitter`: 0 <= j < 1, drawn by the owner at birth and kept. `rss_bytes`: resident memory now;
    `birth_rss_bytes`: when it became ready; `young_rss_bytes`: at the first measurement from
    `YOUNG_EXECUTIONS` on, to be taken as soon as they are reached. `memory_bytes`: live memory (heap
    and external) at the last sample. `growth`: this generation's estimate; `learned`: that of earlier
    generations of the same code. `restart_cost_ms`: measured median of one restart.
    `scans_per_s`: of this generation, idle time included.
    """

    generation: int
    age_s: float
    executions: int
    jitter: float = 0.0
    rss_bytes: int | None = None
    birth_rss_bytes: int | None = None
    young_rss_bytes: int | None = None
    memory_bytes: int | None = None
    growth: Growth | None = None
    learned: Growth | None = None
    restart_cost_ms: float | None = None
    scans_per_s: float | None = None


class Decision(Struct, frozen=True):
    """A policy's wish to replace a generation, with its words and numbers.

    `is_futile`: a fresh generation is over the limit already, restarting cannot help. The owner must
    not restart for it, but raise an alert, once per generation.
    """

    reason: RestartReason
    text: str
    is_futile: bool = False


@runtime_checkable
class RestartPolicy(Protocol):
    """Decides about one generation at a time, from its snapshot alone.

    A policy with a false attribute `uses_growth` does not look at memory growth, and a
    young generation is not stopped as often to measure it.
    """

    def decide(self, snapshot: GenerationSnapshot) -> Decision | None:
        """What to do now; None: nothing."""
        ...

    def explain(self, snapshot: GenerationSnapshot) -> str:
        """What the policy knows and when it would act, in one line."""
        ...


@dataclass(frozen=True, slots=True)
class MaxExecutions:
    """Replace after `n` scans, or up to the share `jitter` earlier, never later."""

    uses_growth: ClassVar[bool] = False
    n: int
    _: KW_ONLY
    jitter: float = 0.1

    def __post_init__(self) -> None:
        _check_count(self, "n", 1, _MAX_COUNT)
        _check_number(self, "jitter", 0.0, 1.0)

    def threshold(self, snapshot: GenerationSnapshot) -> int:
        """Scans this generation may run."""
        return max(1, math.ceil(self.n * (1 - self.jitter * snapshot.jitter)))

    def decide(self, snapshot: GenerationSnapshot) -> Decision | None:
        """Due when the generation has run its number of scans."""
        if snapshot.executions < self.threshold(snapshot):
            return None
        return Decision(RestartReason.MAX_EXECUTIONS, self.explain(snapshot))

    def explain(self, snapshot: GenerationSnapshot) -> str:
        """Scans run and allowed."""
        return f"{snapshot.executions:,} of {self.threshold(snapshot):,} scans"


@dataclass(frozen=True, slots=True)
class MaxAge:
    """Replace `seconds` after birth, or up to the share `jitter` earlier, never later."""

    uses_growth: ClassVar[bool] = False
    seconds: float
    _: KW_ONLY
    jitter: float = 0.1

    def __post_init__(self) -> None:
        _check_number(self, "seconds", 0.001, _MAX_S)
        _check_number(self, "jitter", 0.0, 1.0)

    def threshold_s(self, snapshot: GenerationSnapshot) -> float:
        """Seconds this generation may live."""
        return max(0.001, self.seconds * (1 - self.jitter * snapshot.jitter))

    def decide(self, snapshot: GenerationSnapshot) -> Decision | None:
        """Due when the generation has reached its age."""
        if snapshot.age_s < self.threshold_s(snapshot):
            return None
        return Decision(RestartReason.MAX_AGE, self.explain(snapshot))

    def explain(self, snapshot: GenerationSnapshot) -> str:
        """Age reached and allowed."""
        return f"age {snapshot.age_s:,.1f} s of {self.threshold_s(snapshot):,.1f} s"


@dataclass(frozen=True, slots=True)
class MaxMemory:
    """Replace, between scans, a generation whose resident memory reached `bytes`.

    A soft limit below the hard one of `Limits.memory_bytes`, which kills. A generation that is over
    it at birth, once warm, or before it ran `min_executions`, gives a futile decision: its
    successor would be over it as well.
    """

    bytes: int
    _: KW_ONLY
    min_executions: int = YOUNG_EXECUTIONS

    def __post_init__(self) -> None:
        _check_count(self, "bytes", 1, _MAX_BYTES)
        _check_count(self, "min_executions", 0, _MAX_COUNT)

    def decide(self, snapshot: GenerationSnapshot) -> Decision | None:
        """Due when the resident memory is over the limit; futile when it was from the start."""
        if snapshot.rss_bytes is None or snapshot.rss_bytes < self.bytes:
            return None
        fresh_bytes = max(snapshot.birth_rss_bytes or 0, snapshot.young_rss_bytes or 0)
        if fresh_bytes >= self.bytes:
            why = f"a fresh generation holds {_size(fresh_bytes)} already"
        elif snapshot.executions < self.min_executions:
            why = f"reached after {snapshot.executions:,} of at least {self.min_executions:,} scans"
        else:
            return Decision(RestartReason.MAX_MEMORY, self.explain(snapshot))
        text = f"{self.explain(snapshot)}: {why}, restarting cannot help"
        return Decision(RestartReason.MAX_MEMORY, text, is_futile=True)

    def explain(self, snapshot: GenerationSnapshot) -> str:
        """Resident memory reached and allowed."""
        if snapshot.rss_bytes is None:
            return f"resident memory not measured, limit {_size(self.bytes)}"
        return f"resident memory {_size(snapshot.rss_bytes)}, limit {_size(self.bytes)}"


def cost_per_execution_ms(
    executions: float,
    *,
    restart_cost_ms: float,
    growth_bytes: float,
    holding_cost_ms_per_byte: float,
) -> float:
    """What restarting every `executions` scans costs each of them: C/N + h*g*N/2 milliseconds.

    The share of a restart, plus holding on average half of what has grown. `growth_bytes` is per
    execution, `holding_cost_ms_per_byte` per byte held during one execution.
    """
    return restart_cost_ms / executions + holding_cost_ms_per_byte * growth_bytes * executions / 2


def optimal_interval(
    *, restart_cost_ms: float, growth_bytes: float, holding_cost_ms_per_byte: float
) -> float:
    """The number of executions with the least `cost_per_execution_ms`: N* = sqrt(2C/(h*g)).

    The form of the best checkpoint interval: J. W. Young, "A first order approximation to the optimum
    checkpoint interval", CACM 17(9), 1974; J. T. Daly, "A higher order estimate of the optimum
    checkpoint interval for restart dumps", FGCS 22(3), 2006. Infinite when holding costs nothing.
    """
    rate = holding_cost_ms_per_byte * growth_bytes
    return math.sqrt(2 * restart_cost_ms / rate) if rate > 0 else math.inf


class _Plan(Struct, frozen=True):
    """When `AdaptiveInterval` wants to act: executions by each of its two bounds, and on what grounds."""

    growth: Growth
    is_learned: bool
    optimum: float
    budget: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptiveInterval:
    """Replace as often as the measured growth makes it worth while, within a memory budget.

    Without significant growth it never acts. With it, a generation runs N* executions (see
    `optimal_interval`), or as many as the budget of live memory (heap and external, after a
    collection) allows: (budget - floor) / upper bound of the growth, less those it runs while its
    replacement is made. Whichever is less, and up to the share `jitter` earlier. Below
    `min_executions` it never acts; `min_age_s` holds back the optimum, not the budget. A floor at
    or over the budget is futile.

    `holding_cost_cpus_per_gib`: what it costs to hold one GiB, in CPUs kept busy. The default is the
    ratio of the two prices where memory and CPU are rented apart (0.11 at AWS Fargate, Linux x86,
    2026), rounded up to 1/8. Over the time one execution takes it gives h; 0 leaves the budget
    alone to decide. `default_restart_cost_ms` stands in for C until a restart was measured.
    """

    memory_budget_bytes: int
    min_executions: int = YOUNG_EXECUTIONS
    min_age_s: float = 1.0
    holding_cost_cpus_per_gib: float = 0.125
    default_restart_cost_ms: float = 50.0
    jitter: float = 0.1

    def __post_init__(self) -> None:
        _check_count(self, "memory_budget_bytes", 1, _MAX_BYTES)
        _check_count(self, "min_executions", 1, _MAX_COUNT)
        _check_number(self, "min_age_s", 0.0, _MAX_S)
        _check_number(self, "holding_cost_cpus_per_gib", 0.0, 1000.0)
        _check_number(self, "default_restart_cost_ms", 0.001, 3_600_000.0)
        _check_number(self, "jitter", 0.0, 1.0)

    def holding_cost_ms_per_byte(self, scans_per_s: float | None) -> float:
        """h: milliseconds of CPU to hold one byte during one execution; 0 when the rate is unknown."""
        if not scans_per_s or scans_per_s <= 0:
            return 0.0
        return self.holding_cost_cpus_per_gib / _GIB * 1000 / scans_per_s

    def threshold(self, snapshot: GenerationSnapshot) -> int | None:
        """Executions this generation may run; None while there is no growth to act on."""
        plan = self._plan(snapshot)
        return None if plan is None else self._threshold(plan, snapshot)

    def decide(self, snapshot: GenerationSnapshot) -> Decision | None:
        """Due at the threshold, or when live memory reached the budget; futile when the floor did."""
        plan = self._plan(snapshot)
        if plan is None:
            return None
        if plan.growth.floor_bytes >= self.memory_budget_bytes:
            return Decision(RestartReason.ADAPTIVE, self.explain(snapshot), is_futile=True)
        if snapshot.executions < self.min_executions:
            return None
        # Only on growth of its own: else a traffic that fills a fresh generation would restart for ever.
        is_full = not plan.is_learned and (snapshot.memory_bytes or 0) >= self.memory_budget_bytes
        if not is_full and snapshot.executions < self._threshold(plan, snapshot):
            return None
        is_at_budget = is_full or snapshot.executions >= self._earlier(plan.budget, snapshot)
        if snapshot.age_s < self.min_age_s and not is_at_budget:
            return None
        state = f", live memory {_size(snapshot.memory_bytes or 0)}" if is_full else ""
        return Decision(
            RestartReason.ADAPTIVE, f"{self.explain(snapshot)}; {snapshot.executions:,} run{state}"
        )

    def explain(self, snapshot: GenerationSnapshot) -> str:
        """Growth, floor and budget, and what follows from them."""
        plan = self._plan(snapshot)
        if plan is None:
            if snapshot.growth is None:
                return "growth not measured yet → no restart"
            return f"{_growth_text(snapshot.growth)}: not significant → no restart"
        growth = plan.growth
        facts = (
            f"{_growth_text(growth)}{' (earlier generations)' if plan.is_learned else ''}, "
            f"floor {_size(growth.floor_bytes)}, budget {_size(self.memory_budget_bytes)}"
        )
        if growth.floor_bytes >= self.memory_budget_bytes:
            return f"{facts} → a fresh generation is over the budget already, restarting cannot help"
        bound = "the budget" if plan.budget <= plan.optimum else "least cost"
        return f"{facts} → next restart after {self._threshold(plan, snapshot):,} scans ({bound})"

    def _threshold(self, plan: _Plan, snapshot: GenerationSnapshot) -> int:
        """Executions at which to act, jitter and minimum included."""
        return max(self.min_executions, self._earlier(min(plan.optimum, plan.budget), snapshot))

    def _earlier(self, executions: float, snapshot: GenerationSnapshot) -> int:
        return math.floor(executions * (1 - self.jitter * snapshot.jitter))

    def _plan(self, snapshot: GenerationSnapshot) -> _Plan | None:
        growth = _evidence(snapshot)
        if growth is None:
            return None
        restart_cost_ms = snapshot.restart_cost_ms or self.default_restart_cost_ms
        optimum = optimal_interval(
            restart_cost_ms=restart_cost_ms,
            growth_bytes=growth.bytes_per_execution,
            holding_cost_ms_per_byte=self.holding_cost_ms_per_byte(snapshot.scans_per_s),
        )
        steepest = max(growth.high, growth.bytes_per_execution)
        # It still serves, and grows, while its replacement is made.
        lead = (snapshot.scans_per_s or 0.0) * restart_cost_ms / 1000
        budget = max(0.0, max(0, self.memory_budget_bytes - growth.floor_bytes) / steepest - lead)
        return _Plan(growth, growth is not snapshot.growth, optimum, budget)


@dataclass(frozen=True, init=False, repr=False, slots=True)
class AnyOf:
    """Replace when any of the policies wants to.

    The first decision that can help wins, in the order given. Only when there is none, the first
    futile one is reported: a limit that cannot be kept must raise its alert, but must not stop
    another policy from doing what it was set up for.
    """

    policies: tuple[RestartPolicy, ...]

    def __init__(self, *policies: RestartPolicy) -> None:
        if not policies:
            raise ConfigError("AnyOf.policies is empty: must be 1 policy or more")
        for policy in policies:
            if isinstance(policy, type) or not isinstance(policy, RestartPolicy):
                raise ConfigError(f"AnyOf.policies holds {policy!r}: must be restart policies only")
        object.__setattr__(self, "policies", policies)

    def __repr__(self) -> str:
        return f"AnyOf({', '.join(map(repr, self.policies))})"

    def decide(self, snapshot: GenerationSnapshot) -> Decision | None:
        """The first decision that helps, else the first futile one."""
        futile: Decision | None = None
        for policy in self.policies:
            decision = policy.decide(snapshot)
            if decision is not None and not decision.is_futile:
                return decision
            futile = futile or decision
        return futile

    def explain(self, snapshot: GenerationSnapshot) -> str:
        """What each policy says."""
        return "; ".join(f"{type(policy).__name__}: {policy.explain(snapshot)}" for policy in self.policies)


def uses_growth(policy: RestartPolicy | None) -> bool:
    """Whether memory growth matters to the policy; without one it matters to whoever reads the stats."""
    if isinstance(policy, AnyOf):
        return any(map(uses_growth, policy.policies))
    return bool(getattr(policy, "uses_growth", True))


def _evidence(snapshot: GenerationSnapshot) -> Growth | None:
    """The growth to act on: this generation's, else what was learned unless this one contradicts it."""
    own, learned = snapshot.growth, snapshot.learned
    if own is not None and own.is_significant:
        return own
    if learned is not None and learned.is_significant and (own is None or own.high >= learned.low):
        return learned
    return None


def _growth_text(growth: Growth) -> str:
    margin = (growth.high - growth.low) / 2
    return f"growth {_size(growth.bytes_per_execution)}/scan ± {_size(margin)}"


def _size(count: float) -> str:
    """Bytes in words, units as powers of 1024."""
    size, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if abs(size) < 999.5:
            break
        size, unit = size / 1024, larger
    digits = 0 if unit == "B" or abs(size) >= 9.95 else 1
    return f"{size:,.{digits}f} {unit}"


def _check_count(policy: object, name: str, low: int, high: int) -> None:
    value = getattr(policy, name)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        _refuse(policy, name, value, f"a whole number between {low} and {high}")


def _check_number(policy: object, name: str, low: float, high: float) -> None:
    value = getattr(policy, name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
        _refuse(policy, name, value, f"between {low} and {high}")


def _refuse(policy: object, name: str, value: object, wanted: str) -> None:
    raise ConfigError(f"{type(policy).__name__}.{name} is {value!r}: must be {wanted}")
