"""The run: one mode after the other, each on an executor of its own."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from msgspec import Struct

from ..events import Event
from ..executor import PluginExecutor
from ..models import MIB, Limits
from ..policies import AdaptiveInterval, AnyOf, MaxExecutions, MaxMemory, RestartPolicy
from .machine import Scales
from .modes import Mode, modes_named
from .recorder import Recorder
from .records import ModeRecord, SoakOptions
from .traffic import Traffic

#: What a generation has resident before its plugin keeps anything: Deno itself and a young heap.
BASE_RSS_BYTES = 64 * MIB
_SAMPLES_PER_MODE = 300
_MIN_INTERVAL_S = 0.04
_MAX_INTERVAL_S = 5.0
_RESTART_GRACE_S = 5.0


class Moment(Struct, frozen=True):
    """What a display may look at: the mode that runs now, and how long."""

    recorder: Recorder
    elapsed_s: float
    number: int
    options: SoakOptions


def make_policy(options: SoakOptions) -> tuple[RestartPolicy | None, int | None]:
    """The restart policy by its name, and the resident memory at which it acts, if it does."""
    if options.policy == "max-executions":
        return MaxExecutions(options.max_executions), None
    if options.policy == "none":
        return None, None
    budget_bytes = options.memory_budget_bytes
    restart_rss_bytes = budget_bytes + BASE_RSS_BYTES
    return AnyOf(AdaptiveInterval(memory_budget_bytes=budget_bytes), MaxMemory(restart_rss_bytes)), (
        restart_rss_bytes
    )


class Soak:
    """All modes of one soak; `records` holds those that are over.

    `watch` is called with every sample, `ended` with every record.
    """

    def __init__(
        self,
        options: SoakOptions,
        *,
        watch: Callable[[Moment], None],
        ended: Callable[[ModeRecord], None],
    ) -> None:
        self.records: list[ModeRecord] = []
        self.is_stopped = False
        self._options = options
        self._watch = watch
        self._ended = ended
        self._scales = Scales()

    def stop(self) -> None:
        """Asks for no more scans; those that were asked for are finished and recorded."""
        self.is_stopped = True

    async def run(self) -> None:
        """Runs the modes. Raises `DenoNotFound`, `PluginLoadError` or `GenerationStartError`."""
        for number, mode in enumerate(modes_named(self._options.modes), 1):
            if self.is_stopped:
                return
            record = await self._run_mode(mode, number)
            self.records.append(record)
            self._ended(record)

    async def _run_mode(self, mode: Mode, number: int) -> ModeRecord:
        options = self._options
        policy, restart_rss_bytes = make_policy(options)
        recorder = Recorder(mode, options.policy, restart_rss_bytes)
        began = time.monotonic()
        changed = asyncio.Event()

        def happened(event: Event) -> None:
            recorder.happened(event, time.monotonic() - began)
            changed.set()

        executor = PluginExecutor.from_file(
            mode.path,
            options.max_executions,
            limits=Limits(memory_bytes=options.memory_limit_bytes),
            restart_policy=policy,
            on_event=happened,
        )
        traffic = Traffic(
            mode,
            options.duration_s,
            ask=lambda: recorder.ask(time.monotonic() - began),
            is_stopped=lambda: self.is_stopped,
        )

        def look() -> None:
            snapshot = executor.snapshot()
            if policy is not None and snapshot is not None:
                recorder.explanation = policy.explain(snapshot)
            elapsed_s = time.monotonic() - began
            recorder.sample(
                elapsed_s,
                executor.get_stats(),
                (snapshot.growth or snapshot.learned) if snapshot is not None else None,
                self._scales.all_bytes(),
                self._scales.owner_bytes(),
            )
            self._watch(Moment(recorder, elapsed_s, number, options))

        async with executor:
            began = time.monotonic()
            look()
            sampling = asyncio.create_task(self._sample(look), name=f"isoscan-soak-{mode.name}")
            try:
                async for result in executor.scan_many(traffic.stream()):
                    recorder.count(result, time.monotonic() - began)
            finally:
                sampling.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await sampling
            duration_s = time.monotonic() - began
            look()
            await _until_restart_is_complete(recorder, changed)
        return recorder.record(duration_s)

    async def _sample(self, look: Callable[[], None]) -> None:
        wanted_s = self._options.duration_s / _SAMPLES_PER_MODE
        interval_s = min(max(wanted_s, _MIN_INTERVAL_S), _MAX_INTERVAL_S)
        while True:
            await asyncio.sleep(interval_s)
            look()


async def _until_restart_is_complete(recorder: Recorder, changed: asyncio.Event) -> None:
    """A restart is reported when the old generation is gone; the last one would be missed otherwise."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_RESTART_GRACE_S):
            while recorder.is_restart_open:
                changed.clear()
                await changed.wait()
