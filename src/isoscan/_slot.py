"""The slot: which generation occupies it, and everything that replaces the occupant.

Start, restart, reload, recovery after a death, quarantine and shutdown, each a
walk through the table in `_lifecycle`. What happens to scans is `_dispatch`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from ._breaker import Breaker
from ._calls import Calls
from ._chronicle import Chronicle
from ._dispatch import MAX_FRAMES, Dispatch
from ._keeper import Keeper
from ._launcher import Launcher, retry_s
from ._ledger import Cause, Job
from ._lifecycle import Event as Step
from ._lifecycle import State, next_state
from ._options import Settings
from ._plugin import Plugin
from .errors import (
    ConfigError,
    ExecutorStateError,
    GenerationStartError,
    IsoscanError,
    PermissionsWidened,
    PluginLoadError,
    PluginLoadTimeout,
    RestartFailed,
)
from .events import EventKind
from .models import ExecutorStats, HttpTransaction, RestartReason, RestartReport, Verdict
from .permissions import Permissions
from .sandbox.generation import MAX_FRAME_SCANS, End, Generation
from .sandbox.modules import PluginSource, together

_HEARTBEAT_S = 1.0
#: Looked at with every scan: a member of an enum costs more to name than to compare.
_SERVING = State.SERVING
_REASONS = {
    Cause.TIMEOUT: RestartReason.TIMEOUT,
    Cause.OUT_OF_MEMORY: RestartReason.OUT_OF_MEMORY,
    Cause.TERMINATED: RestartReason.MANUAL,
}


class Slot:
    """The place of one plugin, or of several that share an isolate, whatever generation is in it."""

    def __init__(
        self,
        plugins: Sequence[Plugin],
        settings: Settings,
        *,
        read_stats: Callable[[], ExecutorStats],
    ) -> None:
        limits = settings.limits
        self.plugins = plugins
        self.keeper = Keeper(settings.restart_policy)
        #: Asked before a restart by policy: a pool lets one member restart at a time.
        self.may_restart: Callable[[], bool] = lambda: True
        self.limits = limits
        self._grant = settings.permissions
        self._is_lazy = settings.lazy_start
        self._idle_shutdown_s = settings.idle_shutdown_s
        self._answered_at = 0.0
        self.state = State.NEW
        self.occupant: Generation | None = None
        self.dispatch = Dispatch(
            [plugin.metadata for plugin in plugins],
            limits,
            is_replayable=not self._grant.net or all(plugin.metadata.idempotent for plugin in plugins),
            is_single_use=settings.isolate_per == "transaction",
            sandbox=settings.sandbox,
        )
        self.dispatch.on_answer = self._on_answer
        self.chronicle = Chronicle(settings, self.dispatch, self.keeper, read_stats)
        self.breaker = Breaker(
            max_load_failures=limits.max_load_failures,
            max_scan_deaths=limits.max_consecutive_deaths,
            backoff_s=limits.quarantine_s,
            backoff_max_s=limits.quarantine_max_s,
        )
        self.source: PluginSource | None = None
        self.launcher = Launcher(
            plugins,
            limits,
            settings.sandbox,
            self.dispatch,
            is_low_latency=settings.low_latency,
            keeps_standby=settings.warm_standby or settings.isolate_per == "transaction",
            on_end=self._on_end,
            emit=self.chronicle.tell,
        )
        self._by_policy: asyncio.Task[None] | None = None
        self._heartbeat: asyncio.TimerHandle | None = None
        #: Since when no generation takes work; None while one does.
        self._vacant_since: float | None = None
        self._load_failure: IsoscanError | None = None
        self._restart: asyncio.Task[RestartReport] | None = None
        self._recovery: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    @property
    def permissions(self) -> Permissions:
        """What is in force; before the start, what was granted."""
        return self.source.permissions if self.source else self._grant

    @property
    def generation_number(self) -> int:
        """The occupant's number, or the last one's."""
        return self.occupant.number if self.occupant else self.launcher.number

    @property
    def quarantined_for_s(self) -> float | None:
        """Seconds until probation; None when not quarantined."""
        if self.state is not State.QUARANTINED:
            return None
        return self.breaker.remaining_s(self.dispatch.loop.time())

    @property
    def is_replacing(self) -> bool:
        """Whether a generation is being made, or the one before it still drains."""
        tasks = (self._restart, self._by_policy, self._recovery)
        return any(task is not None and not task.done() for task in tasks)

    async def until_replaced(self) -> None:
        """Returns when nothing is being replaced any more."""
        while tasks := [t for t in (self._restart, self._by_policy, self._recovery) if t and not t.done()]:
            await asyncio.wait(tasks)

    def check_open(self) -> None:
        """Raises `ExecutorStateError` when no scan or restart may be asked for."""
        if self.state is _SERVING:
            return
        if self.state in (State.NEW, State.STARTING):
            raise ExecutorStateError(f"{self._id}: the executor is not started (await executor.start())")
        if self.state in (State.CLOSING, State.CLOSED):
            raise ExecutorStateError(f"{self._id}: the executor is shut down")

    def admit(self, jobs: Sequence[Job]) -> None:
        """Takes scans in, or ends them at once when their plugin cannot run."""
        if self.state is _SERVING:
            self.dispatch.accept(jobs)
            return
        self.check_open()
        if self.state not in (State.QUARANTINED, State.FAILED):
            self.dispatch.accept(jobs)
            if self.state is State.ASLEEP:
                self._transit(Step.WAKE)
                self._begin_recovery(None)
            return
        for job in jobs:
            self._admit_to_ailing(job)

    def ask(self, transaction: HttpTransaction, plugin: int) -> Calls | None:
        """Takes one more caller's scan, or ends it at once when its plugin cannot run. None: no room."""
        if self.state is _SERVING:
            return self.dispatch.ask(transaction, plugin)
        self.check_open()
        if self.dispatch.room <= 0:
            return None
        calls = Calls.sealed(transaction, self.dispatch.loop, plugin)
        self.admit((calls,))
        return calls

    def _admit_to_ailing(self, job: Job) -> None:
        if self.state is State.QUARANTINED:
            if self.breaker.remaining_s(job.accepted_at) > 0:
                self._refuse(job, self.breaker.describe(job.accepted_at), "quarantined")
                return
            self._transit(Step.PROBE)
            self._begin_probation()
            self._begin_recovery(RestartReason.CRASH)
        elif self.state is State.FAILED:
            self._refuse(job, f"the plugin is not loaded: {self._load_failure}", "not_loaded")
            return
        self.dispatch.accept((job,))

    def _refuse(self, job: Job, text: str, kind: str) -> None:
        self.dispatch.refuse(job, Verdict.SKIPPED, text, kind)
        self.dispatch.offer_room()  # it took no place: the next who waits gets the same answer

    # ---- start and end -----------------------------------------------------

    async def start(self, source: PluginSource | None = None) -> None:
        """Makes the first generation ready, or raises and leaves nothing running.

        `source` is what another slot of the same plugins runs; without it they are read.
        """
        if self.state not in (State.NEW, State.FAILED):
            raise ExecutorStateError(f"{self._id}: start() while {self.state}")
        self._transit(Step.START)
        self.dispatch.loop = asyncio.get_running_loop()
        try:
            self.source = source  # a start that failed is tried again with what is there now
            source = await self._wanted_source()
            if self._is_lazy:
                self._transit(Step.SLEEP)
                return
            generation = await self.launcher.launch_patiently(source)
        except BaseException as error:
            # A shutdown may have come first; a plain comparison would be narrowed away.
            if State(self.state) is State.STARTING:
                self._transit(Step.LOAD_FAILED)
            if isinstance(error, IsoscanError):
                self._load_failure = error
            self.launcher.rest()
            raise
        self._occupy(generation)

    async def close(self, *, drain: bool) -> None:
        """Ends everything; safe to repeat, and `drain=False` cuts a running drain short."""
        if self._closing is None:
            if self.state is State.CLOSED:
                return
            self._transit(Step.SHUT_DOWN)
            self._closing = asyncio.create_task(self._close(drain), name=f"isoscan-close-{self._id}")
        elif not drain:
            self._interrupt_all()
        await asyncio.shield(self._closing)

    async def _close(self, drain: bool) -> None:
        if drain:
            await self.dispatch.until_idle()
        self._interrupt_all()
        for task in (self._restart, self._by_policy, self._recovery):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        await self.launcher.close()
        if self._heartbeat is not None:
            self._heartbeat.cancel()
        self._transit(Step.GONE)

    def _interrupt_all(self) -> None:
        self.dispatch.interrupt_all("the executor was shut down")

    # ---- the occupant ------------------------------------------------------

    def _occupy(self, generation: Generation) -> float:
        """The generation takes the slot, unless it died since; returns how long it was vacant, in ms."""
        if self.state is not State.CLOSING:
            self._transit(Step.READY)
        if generation.end is not None:
            self._recover_from(generation.end)
            return 0.0
        now = self.dispatch.loop.time()
        pause_ms = (now - self._vacant_since) * 1000 if self._vacant_since is not None else 0.0
        self._vacant_since = None
        self._load_failure = None
        self._answered_at = now
        self.breaker.record_ready()
        self.occupant = self.dispatch.occupant = generation
        self.dispatch.pump()
        self.chronicle.tell(EventKind.READY, generation.number, rss_after_bytes=generation.birth_rss_bytes)
        self.launcher.refill_soon(generation.source, lambda: self.occupant is generation)
        if self._heartbeat is None:
            self._heartbeat = self.dispatch.loop.call_later(_HEARTBEAT_S, self._beat)
        return pause_ms

    def _beat(self) -> None:
        """Asks the policy also while no scans come, and looks whether an alert begins to fire."""
        self._heartbeat = None
        if self.state in (State.CLOSING, State.CLOSED):
            return
        self._heartbeat = self.dispatch.loop.call_later(_HEARTBEAT_S, self._beat)
        if self.occupant is not None and self.occupant.end is None:
            self.occupant.weigh()
            self._consider(self.occupant, self.dispatch.loop.time())
            self._sleep_if_idle(self.occupant)
        self.chronicle.tell_alerts(self.generation_number)

    def _sleep_if_idle(self, generation: Generation) -> None:
        if self._idle_shutdown_s is None or self.state is not State.SERVING or self.is_replacing:
            return
        ledger = self.dispatch.ledger
        idle_s = self.dispatch.loop.time() - self._answered_at
        if ledger.queued or ledger.in_flight or idle_s < self._idle_shutdown_s:
            return
        self._transit(Step.SLEEP)
        self.occupant = self.dispatch.occupant = None
        self.chronicle.tell_end(EventKind.RETIRE, generation, text=f"nothing to do for {idle_s:.0f} s")
        generation.kill(Cause.RETIRED, "nothing to do")
        self.launcher.drop_standby()

    def _vacate(self) -> None:
        """From here on nobody takes work."""
        self.dispatch.occupant = None
        if self._vacant_since is None:
            self._vacant_since = self.dispatch.loop.time()

    # ---- what generations report -------------------------------------------

    def _on_answer(self, generation: Generation, now: float) -> None:
        self.breaker.record_answer()
        self.dispatch.is_probing = False
        self._answered_at = now
        if generation is self.occupant:
            self._consider(generation, now)

    def _consider(self, generation: Generation, now: float) -> None:
        """Measures now and then, and restarts when the policy says so, or after each scan."""
        if self.dispatch.is_single_use:
            is_due = generation.executions and self.state is State.SERVING and self._restart is None
            if is_due and not self.keeper.is_paused(now):
                self._replace_soon(RestartReason.MAX_EXECUTIONS, "each transaction has its own isolate")
            return
        self.keeper.measure_if_due(generation, now)
        if self.state is not State.SERVING or self._restart is not None:
            return
        decision = self.keeper.decide(generation, now)
        if decision is None:
            return
        if decision.is_futile:
            self.chronicle.tell(
                EventKind.FUTILE, generation.number, reason=decision.reason.value, text=decision.text
            )
        elif self.may_restart() and (self._by_policy is None or self._by_policy.done()):
            self._replace_soon(decision.reason, decision.text)

    def _replace_soon(self, reason: RestartReason, text: str) -> None:
        self._by_policy = asyncio.create_task(
            self._restart_by_policy(reason, text), name=f"isoscan-policy-{self._id}"
        )

    async def _restart_by_policy(self, reason: RestartReason, text: str) -> None:
        try:
            await self.restart(None, True, reason, text)
        except IsoscanError:
            # Said by the restart itself; the old generation serves on and is asked again later.
            self.keeper.pause(self.dispatch.loop.time())

    def _on_end(self, generation: Generation, end: End) -> None:
        self.dispatch.counters.late_errors += generation.late_errors
        if generation.source is self.source:  # what older code did teaches nothing about the new
            self.keeper.learn(generation)
        is_occupant = generation is self.occupant
        if is_occupant:
            self.occupant = None
            self._vacate()
        is_open = self.dispatch.settle_end(generation, end)
        if end.cause is not Cause.RETIRED:
            self.chronicle.tell_end(
                EventKind.KILL,
                generation,
                reason=end.cause.value,
                text=end.detail,
            )
        if is_occupant and self.state is not State.RESTARTING:
            self._recover_from(end, is_open)
        elif self.state is State.ASLEEP:
            self.launcher.rest()

    # ---- death and recovery ------------------------------------------------

    def _recover_from(self, end: End, is_open: bool = False) -> None:
        # A death whose suspects run again is counted when the culprit is found. One that dies
        # with nothing to do counts: otherwise it could go on like that for ever.
        is_plugins_doing = not is_open and end.cause not in (Cause.RETIRED, Cause.TERMINATED)
        now = self.dispatch.loop.time()
        has_tripped = is_plugins_doing and self.breaker.record_scan_death(now)
        reason = _REASONS.get(end.cause, RestartReason.CRASH)
        if self.state is State.CLOSING:
            # Draining: scans that wait still deserve a generation, unless the plugin keeps killing them.
            if has_tripped:
                self.dispatch.skip_queued(self.breaker.describe(now), "quarantined")
            elif self.dispatch.ledger.queued:
                self._begin_recovery(reason)
            return
        self._transit(Step.DIED)
        if has_tripped:
            self._quarantine()
        else:
            self._begin_recovery(reason)

    def _begin_recovery(self, reason: RestartReason | None) -> None:
        """Makes the next generation; without a reason it only wakes, which is no restart."""
        self._recovery = asyncio.create_task(self._recover(reason), name=f"isoscan-recover-{self._id}")

    async def _recover(self, reason: RestartReason | None) -> None:
        loop = self.dispatch.loop
        began = loop.time()
        previous = self.launcher.number
        assert self.source is not None
        while True:
            try:
                generation = await self.launcher.launch(self.source)
                break
            except (GenerationStartError, PluginLoadTimeout) as error:
                self._load_failure = error
                if self.breaker.record_load_failure(loop.time()):
                    self._quarantine()
                    return
                await asyncio.sleep(retry_s(self.breaker.load_failures))
            except IsoscanError as error:
                self._give_up(error)
                return
        pause_ms = self._occupy(generation)
        if reason is not None:
            self.chronicle.tell_restart(generation, previous, reason, (loop.time() - began) * 1000, pause_ms)

    def _give_up(self, error: IsoscanError) -> None:
        """The plugin itself says that it cannot be loaded: that does not get better by waiting."""
        self._load_failure = error
        if self.state is not State.CLOSING:
            self._transit(Step.LOAD_FAILED)
        self.dispatch.skip_queued(f"the plugin is not loaded: {error}", "not_loaded")

    def _quarantine(self) -> None:
        if self.state is not State.CLOSING:
            self._transit(Step.TRIPPED)
        text = self.breaker.describe(self.dispatch.loop.time())
        self.chronicle.tell(EventKind.QUARANTINE, self.launcher.number, text=text)
        self.dispatch.skip_queued(text, "quarantined")

    def _begin_probation(self) -> None:
        self.breaker.begin_probation()
        self.dispatch.is_probing = True
        self.chronicle.tell(EventKind.PROBATION, self.launcher.number)

    # ---- restart -----------------------------------------------------------

    async def restart(
        self, source: PluginSource | None, overlap: bool, reason: RestartReason, text: str = ""
    ) -> RestartReport:
        """Single flight: whoever asks while a restart runs gets that one's result."""
        self.check_open()
        if self._restart is None:
            self._restart = asyncio.create_task(
                self._replace(source, overlap, reason, text), name=f"isoscan-restart-{self._id}"
            )
            self._restart.add_done_callback(self._restart_over)
        task = self._restart
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled() and self.state in (State.CLOSING, State.CLOSED):
                raise RestartFailed(f"{self._id}: the executor was shut down during the restart") from None
            raise

    async def reload(
        self, place: int, new_code: str | None, permissions: Permissions | None
    ) -> RestartReport:
        """A restart with new code of one plugin, after any that runs; more than is in force must be
        granted anew."""
        self.check_open()
        plugin = self.plugins[place]
        if new_code is None and plugin.path is None:
            raise ConfigError(
                f"{plugin.metadata.id}: reload() needs code, the executor was not made from a file"
            )
        grant = self._grant if permissions is None else permissions
        read = await plugin.read(new_code)
        if len(self.plugins) > 1:
            sources = list((await self._wanted_source()).plugins)
            sources[place] = read
            read = together(sources)
        source = await self.launcher.granted(read, grant)
        wider = source.permissions.beyond(self.permissions)
        if wider and permissions is None:
            raise PermissionsWidened(
                f"{self._id}: the new version would get more than is in force: {', '.join(wider)}; "
                "allow it with reload(permissions=...)",
                plugin_id=self._id,
            )
        while self._restart is not None:
            await asyncio.wait([self._restart])
        report = await self.restart(source, True, RestartReason.RELOAD)
        self._grant = grant
        return report

    def _restart_over(self, task: asyncio.Task[RestartReport]) -> None:
        self._restart = None
        if not task.cancelled():
            task.exception()  # every caller that still waits gets it; one that left asks no more
        if self.dispatch.is_single_use and self.occupant is not None:
            # It may have answered while its predecessor ended.
            self._consider(self.occupant, self.dispatch.loop.time())

    async def _replace(
        self, source: PluginSource | None, overlap: bool, reason: RestartReason, text: str
    ) -> RestartReport:
        if self._recovery is not None and not self._recovery.done():
            await asyncio.wait([self._recovery])
        self.check_open()  # a shutdown may have come before this task had its first turn
        loop = self.dispatch.loop
        began = loop.time()
        old = self.occupant
        previous = self.generation_number
        rss_before_bytes = old.rss_bytes() if old else None
        was_quarantined = self.state is State.QUARANTINED
        self._transit(Step.RESTART)
        try:
            if old is not None and not overlap:
                self._vacate()
                await self.dispatch.until_idle(old)
                old.kill(Cause.RETIRED, "restart")
                await old.wait_gone()
            generation = await self.launcher.launch(source or await self._wanted_source())
        except BaseException as error:
            if isinstance(error, IsoscanError):
                self.chronicle.tell(EventKind.RESTART_FAILED, previous, reason=reason.value, text=str(error))
            self._after_failed_restart(error)
            if isinstance(error, IsoscanError) and not (source and isinstance(error, PluginLoadError)):
                serving = "the old generation serves on" if self.occupant else "no generation serves"
                raise RestartFailed(
                    f"{self._id}: restart failed, {serving}: {error}",
                    plugin_id=self._id,
                    failure=error.failure,
                ) from error
            raise
        if source is not None:
            self.source = source
            self.breaker.reset()
            self.keeper.forget()
        elif was_quarantined:
            self._begin_probation()
        waiting = self.dispatch.ledger.queued
        pause_ms = self._occupy(generation)
        if old is not None and old.end is None:
            self.chronicle.tell_end(EventKind.RETIRE, old)
        # Recorded at the swap: whatever comes while the old generation drains, this happened.
        report = self.chronicle.tell_restart(
            generation,
            previous,
            reason,
            (loop.time() - began) * 1000,
            pause_ms,
            rss_before_bytes=rss_before_bytes,
            waiting=waiting,
            text=text,
        )
        if old is not None and old.end is None:
            await self.dispatch.until_idle(old)
            old.kill(Cause.RETIRED, "restart")
            await old.wait_gone()
        return report

    async def _wanted_source(self) -> PluginSource:
        if self.source is None:
            source = together([await plugin.read() for plugin in self.plugins])
            self.source = await self.launcher.granted(source, self._grant)
        return self.source

    def _after_failed_restart(self, error: BaseException) -> None:
        if self.state is not State.RESTARTING:
            if self.occupant is None:  # shut down meanwhile, and nobody is left to finish the queue
                self._interrupt_all()
        elif self.occupant is not None and self.occupant.is_alive:
            self._transit(Step.RESTART_FAILED)
            if self.dispatch.occupant is None:  # it was held for a restart without overlap
                self.dispatch.occupant = self.occupant
                self._vacant_since = None
            self.dispatch.pump()
        elif isinstance(error, PluginLoadError) and not isinstance(error, PluginLoadTimeout):
            self._give_up(error)
        else:
            self._transit(Step.DIED)
            self._begin_recovery(RestartReason.CRASH)

    async def terminate(self) -> bool:
        """Kills the occupant if it runs anything; recovery follows by itself."""
        self.check_open()
        generation = self.occupant
        if generation is None or not self.dispatch.ledger.in_flight_of(generation.number):
            return False
        generation.kill(Cause.TERMINATED, "execution was terminated")
        await generation.wait_gone()
        return True

    # ---- what `scan_many` needs: see `_stream.Intake` ------------------------

    @property
    def room(self) -> int:
        """How many scans a stream may admit now."""
        return self.dispatch.bulk_room

    @property
    def window(self) -> int:
        """How many scans may be between what was read and what was handed out."""
        return self.limits.queue_size + MAX_FRAMES * MAX_FRAME_SCANS

    async def wait_for_room(self) -> None:
        """Returns when there may be room."""
        await self.dispatch.wait_for_room()

    def withdraw(self, job: Job) -> None:
        """Nobody wants the outcomes any more."""
        self.dispatch.withdraw(job)

    @property
    def _id(self) -> str:
        return self.dispatch.name

    def _transit(self, step: Step) -> None:
        self.state = next_state(self.state, step)
