"""Keeps track of a generation's memory and asks the restart policy about it.

Knows when to measure, what earlier generations of the same code taught, what a
restart costs, and when asking for restarts makes no sense any more.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from statistics import median

from .growth import Growth, MemorySample, combine, estimate, faded
from .models import MIB
from .policies import Decision, GenerationSnapshot, RestartPolicy, uses_growth
from .sandbox.generation import Generation

logger = logging.getLogger("isoscan")

#: How often memory is measured at most, and which share of the time collections may take:
#: more while nothing is known of a generation, so that a fast leak is seen before it fills the heap.
_MEASURE_EVERY_S = 0.25
_MEASURE_SHARE = 0.01
#: When no policy acts on it, and a generation is known: a scan that waits for a collection is one of its
#: slowest, and at a hundredth of the time that is what the slowest hundredth of all scans would be.
_UNWATCHED_SHARE = 0.001
_YOUNG_SAMPLES = 12
_YOUNG_EVERY_S = 0.05
_YOUNG_SHARE = 0.1
#: A collection stops the plugin. Longer ones are spaced like an old generation's, and above this not made.
_YOUNG_COLLECTION_S = 0.03
_MAX_COLLECTION_S = 0.2
#: Nothing is known of the code yet and the heap, garbage included, grew by this much: the clock is
#: too slow for a leak that fills its budget in a quarter of a second.
_SWOLLEN = 1.2
_SWOLLEN_BYTES = 6 * MIB
_COSTS_KEPT = 9
_PAUSE_S = 1.0


class Keeper:
    """What one slot knows about its plugin's memory."""

    def __init__(self, policy: RestartPolicy | None) -> None:
        self.policy = policy
        self._wants_growth = uses_growth(policy)
        self.learned: Growth | None = None
        self._growth: Growth | None = None
        self._estimated_at: MemorySample | None = None
        self._costs_ms: deque[float] = deque(maxlen=_COSTS_KEPT)
        self._measured_at = 0.0
        self._is_futile = False
        self._paused_until = 0.0

    def measure_if_due(self, generation: Generation, now: float) -> None:
        """Asks for a measurement when the last is long enough ago and something has run since."""
        if generation.collection_s > _MAX_COLLECTION_S:
            return
        is_little_known = len(generation.samples) < _YOUNG_SAMPLES
        is_new = self._wants_growth and is_little_known
        # Not for ever: a heap that swells with garbage alone would be collected all the time.
        is_known = self.learned is not None and self.learned.is_significant
        if is_new and not is_known and _has_swollen(generation):
            self._measured_at = now
            generation.measure()
            return
        # Without a policy only whoever reads the stats waits for it, and a collection stops the plugin.
        is_acted_on = self._wants_growth and self.policy is not None
        if is_acted_on and is_little_known and generation.collection_s < _YOUNG_COLLECTION_S:
            every_s, share = _YOUNG_EVERY_S, _YOUNG_SHARE
        else:
            every_s = _MEASURE_EVERY_S
            share = _MEASURE_SHARE if is_acted_on or is_little_known else _UNWATCHED_SHARE
        pause_s = max(every_s, generation.collection_s / share)
        last = max(self._measured_at, generation.born_at)
        if now - last < pause_s:
            return
        if not generation.samples or generation.samples[-1].executions < generation.executions:
            self._measured_at = now
            generation.measure()

    def growth_of(self, generation: Generation | None) -> Growth | None:
        """Growth of the generation, or what earlier ones taught; None while nothing is known."""
        if generation is None:
            return self.learned
        return self.measured_growth(generation) or self.learned

    def measured_growth(self, generation: Generation) -> Growth | None:
        """What the generation's own samples show; estimated once per new sample."""
        last = generation.samples[-1] if generation.samples else None
        if last is not self._estimated_at:
            self._estimated_at = last
            self._growth = estimate(generation.samples)
        return self._growth

    def snapshot(self, generation: Generation, now: float) -> GenerationSnapshot:
        """What a policy is asked about."""
        growth = self.growth_of(generation)
        age_s = now - generation.born_at
        return GenerationSnapshot(
            generation=generation.number,
            age_s=age_s,
            executions=generation.executions,
            jitter=generation.jitter,
            rss_bytes=generation.last_rss_bytes,
            birth_rss_bytes=generation.birth_rss_bytes,
            young_rss_bytes=generation.young_rss_bytes,
            memory_bytes=generation.samples[-1].bytes if generation.samples else None,
            growth=growth if growth is not self.learned else None,
            learned=self.learned,
            restart_cost_ms=median(self._costs_ms) if self._costs_ms else None,
            scans_per_s=generation.executions / age_s if age_s > 0 else None,
        )

    def decide(self, generation: Generation, now: float) -> Decision | None:
        """The policy's decision; a futile one is given once for the same code."""
        if self.policy is None or self.is_paused(now):
            return None
        try:
            decision = self.policy.decide(self.snapshot(generation, now))
        except Exception:  # a policy is the caller's code: it must not cost a scan
            logger.exception("a restart policy failed; it is asked again in %g s", _PAUSE_S)
            self.pause(now)
            return None
        if decision is None or not decision.is_futile:
            return decision
        was_told, self._is_futile = self._is_futile, True
        return None if was_told else decision

    def explain(self, generation: Generation | None) -> str:
        """What the policy knows and when it would act; empty without a policy or a generation."""
        if self.policy is None or generation is None:
            return ""
        try:
            return self.policy.explain(self.snapshot(generation, asyncio.get_running_loop().time()))
        except Exception as error:  # as above: the stats stay readable
            logger.exception("a restart policy cannot explain itself")
            return f"the policy fails: {type(error).__name__}"

    def is_paused(self, now: float) -> bool:
        """Whether a restart failed a moment ago."""
        return now < self._paused_until

    def pause(self, now: float) -> None:
        """A restart failed: asks again after a while."""
        self._paused_until = now + _PAUSE_S

    def record_cost(self, duration_ms: float) -> None:
        """A restart took this long."""
        self._costs_ms.append(duration_ms)

    def learn(self, generation: Generation) -> None:
        """A generation is over: what it showed is kept for the next ones."""
        growth = self.measured_growth(generation)
        if growth is not None:
            self.learned = combine(self.learned, growth)
        elif self.learned is not None and generation.executions:
            # It ended before it could be measured: what was learned wears off, or it would hold for ever.
            self.learned = faded(self.learned)

    def forget(self) -> None:
        """New code: nothing learned before holds."""
        self.learned = None
        self._is_futile = False
        self._costs_ms.clear()


def _has_swollen(generation: Generation) -> bool:
    """Whether the heap is much larger than when it was last measured."""
    used = (generation.heap_used_bytes or 0) + (generation.external_bytes or 0)
    last = generation.samples[-1].bytes if generation.samples else 0
    return used > max(_SWOLLEN_BYTES, _SWOLLEN * last)
