"""The executor: a stable slot that runs one plugin, whatever becomes of its isolate.

The slot owns the queue (`_ledger`), the generation that occupies it now
(`sandbox.generation`), and everything that replaces the occupant: restart,
recovery after a death, reload, quarantine. It lives on one event loop; no
method is thread-safe.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from ._breaker import Breaker
from ._ledger import Cause, Frame, Ledger, LedgerError, Scan
from ._lifecycle import Event, State, next_state
from ._outcomes import error_of, failed_result, result_of_entry
from .errors import (
    ConfigError,
    ExecutorStateError,
    GenerationStartError,
    IsoscanError,
    PluginLoadError,
    PluginLoadTimeout,
    RestartFailed,
)
from .models import (
    ExecutorStats,
    Finding,
    HttpTransaction,
    Limits,
    Permissions,
    PluginMetadata,
    RestartReason,
    RestartReport,
    ScanResult,
    Verdict,
)
from .sandbox.deno import check_permissions, find_deno
from .sandbox.frames import EncodedTransaction, Results
from .sandbox.generation import End, Generation
from .sandbox.modules import PluginSource, source_from_code, source_from_file
from .stats import Counters

logger = logging.getLogger("isoscan")

_MAX_FRAMES = 3
_MAX_FRAME_SCANS = 128
_MAX_FRAME_BYTES = 4 * 1024 * 1024
#: After `terminate_execution`, a suspect that runs this long is the one that was meant.
_ABORT_AFTER_S = 0.1
_LOAD_RETRY_S = 0.05
_REASONS = {
    Cause.TIMEOUT: RestartReason.TIMEOUT,
    Cause.OUT_OF_MEMORY: RestartReason.OUT_OF_MEMORY,
    Cause.TERMINATED: RestartReason.MANUAL,
}


class PluginExecutor:
    """Runs one plugin in a sandboxed isolate that can be replaced at any moment.

    `code` is JavaScript or TypeScript text; `from_file` reads a plugin file with
    its neighbours. `max_executions_before_restart` is advice for schedulers and
    shows in the stats; it restarts nothing by itself. `config` is handed to the
    plugin's `init`. `deno` names the binary instead of looking for it.

    Use it as `async with executor:` or call `start()` and `shutdown()`.
    """

    def __init__(
        self,
        metadata: PluginMetadata,
        code: str,
        max_executions_before_restart: int = 1000,
        *,
        limits: Limits | None = None,
        permissions: Permissions | None = None,
        config: dict[str, Any] | None = None,
        deno: str | os.PathLike[str] | None = None,
    ) -> None:
        if max_executions_before_restart < 1:
            raise ConfigError(
                f"max_executions_before_restart is {max_executions_before_restart}: must be at least 1"
            )
        self.metadata = metadata
        self.limits = limits or Limits()
        self.permissions = permissions or Permissions()
        check_permissions(self.permissions)
        self.max_executions_before_restart = max_executions_before_restart
        self._config = config or {}
        self._deno_option = deno
        self._path: Path | None = None
        self._source: PluginSource | None = source_from_code(code, f"{metadata.id}.ts")
        self._has_given_metadata = True
        self._state = State.NEW
        self._generation: Generation | None = None
        self._alive: set[Generation] = set()
        self._number = 0
        self._ledger = Ledger(
            max_attempts=self.limits.max_attempts,
            is_replayable=not self.permissions.net or metadata.idempotent,
        )
        self._breaker = Breaker(
            max_load_failures=self.limits.max_load_failures,
            max_scan_deaths=self.limits.max_consecutive_deaths,
            backoff_s=self.limits.quarantine_s,
            backoff_max_s=self.limits.quarantine_max_s,
        )
        self._counters = Counters()
        self._last_restart_time: datetime | None = None
        self._restart: asyncio.Task[RestartReport] | None = None
        self._recovery: asyncio.Task[None] | None = None
        self._shutdown: asyncio.Task[None] | None = None
        self._room: deque[asyncio.Future[None]] = deque()
        self._idle: list[asyncio.Future[None]] = []
        self._is_pump_due = False
        self._is_holding = False
        self._load_failure: IsoscanError | None = None

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        max_executions_before_restart: int = 1000,
        *,
        limits: Limits | None = None,
        permissions: Permissions | None = None,
        config: dict[str, Any] | None = None,
        deno: str | os.PathLike[str] | None = None,
    ) -> Self:
        """An executor for a plugin file; its metadata comes from the module itself once it runs."""
        path = Path(path)
        metadata = PluginMetadata(id="".join(path.stem.split()) or "plugin")
        executor = cls(
            metadata,
            "",
            max_executions_before_restart,
            limits=limits,
            permissions=permissions,
            config=config,
            deno=deno,
        )
        executor._path = path
        executor._source = None
        executor._has_given_metadata = False
        return executor

    def __repr__(self) -> str:
        number = self._generation.number if self._generation else 0
        return (
            f"<PluginExecutor {self.metadata.id} {self._state} generation={number} "
            f"queued={self._ledger.queued} in_flight={self._ledger.in_flight}>"
        )

    @property
    def state(self) -> str:
        """What the executor is doing; see `ExecutorStats.state`."""
        return self._state.value

    # ---- life --------------------------------------------------------------

    async def start(self) -> None:
        """Makes the first generation ready.

        Raises `DenoNotFound`, `PluginLoadError` or `GenerationStartError`; nothing
        is left running then, and `start()` may be called again.
        """
        if self._state not in (State.NEW, State.FAILED):
            raise ExecutorStateError(f"{self.metadata.id}: start() while {self._state}")
        self._transit(Event.START)
        try:
            generation = await self._launch_patiently(self._read_source())
        except BaseException as error:
            if self._state is State.STARTING:
                self._transit(Event.LOAD_FAILED)
            if isinstance(error, IsoscanError):
                self._load_failure = error
            raise
        self._occupy(generation)

    async def shutdown(self, *, drain: bool = True) -> None:
        """Ends everything: no process, task, pipe or file is left.

        With `drain`, accepted scans are finished first; without, they end with the
        verdict `interrupted`. New scans are refused at once. Safe to repeat.
        """
        if self._shutdown is None:
            if self._state is State.CLOSED:
                return
            self._shutdown = asyncio.create_task(self._close(drain), name=f"isoscan-close-{self.metadata.id}")
        elif not drain:
            self._interrupt_all()
        await asyncio.shield(self._shutdown)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.shutdown(drain=error is None)

    async def _close(self, drain: bool) -> None:
        self._transit(Event.SHUT_DOWN)
        if drain:
            await self._until_idle()
        self._interrupt_all()
        for task in (self._restart, self._recovery):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        for generation in list(self._alive):
            generation.kill(Cause.RETIRED, "shutdown")
            await generation.wait_gone()
        self._generation = None
        self._transit(Event.GONE)

    def _interrupt_all(self) -> None:
        for scan in self._ledger.live():
            if not scan.is_withdrawn:
                self._fail(scan, Verdict.INTERRUPTED, "the executor was shut down", is_started=False)
                self._ledger.withdraw(scan)
        for waiter in self._room:
            _wake(waiter)
        self._wake_idle()

    # ---- scanning ----------------------------------------------------------

    async def scan_transaction(self, transaction: HttpTransaction) -> list[Finding]:
        """The plugin's findings on one transaction; empty means it ran and found nothing.

        Raises the typed error of a failed scan (`ScanError`, `ScanTimeout`, …), which
        carries the whole `ScanResult` as `.result`. Waits while the queue is full.
        """
        await self._wait_for_room()
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[ScanResult] = loop.create_future()
        scan = Scan(EncodedTransaction(transaction), lambda result: _settle(outcome, result), loop.time())
        self._accept(scan)
        try:
            result = await outcome
        except asyncio.CancelledError:
            self._ledger.withdraw(scan)
            self._after_answer()
            raise
        error = error_of(result)
        if error is not None:
            raise error
        return result.findings

    async def scan_many(
        self, transactions: Iterable[HttpTransaction] | AsyncIterable[HttpTransaction]
    ) -> AsyncIterator[ScanResult]:
        """One `ScanResult` per transaction, in input order, failures included.

        The input is read lazily: never more than the queue and the frames in flight
        hold are taken ahead of what was handed out.
        """
        async for result in self._scan_encoded(_encode_each(transactions)):
            yield result

    async def _scan_encoded(self, encoded: AsyncIterator[EncodedTransaction]) -> AsyncIterator[ScanResult]:
        loop = asyncio.get_running_loop()
        window: deque[_Slot] = deque()
        signal = _Signal(loop)
        is_exhausted = False
        max_window = self.limits.queue_size + _MAX_FRAMES * _MAX_FRAME_SCANS
        try:
            while window or not is_exhausted:
                while not is_exhausted and len(window) < max_window and self._has_room:
                    try:
                        payload = await anext(encoded)
                    except StopAsyncIteration:
                        is_exhausted = True
                        break
                    slot = _Slot(signal)
                    slot.scan = Scan(payload, slot.finish, loop.time())
                    window.append(slot)
                    self._accept(slot.scan)
                    if window[0].result is not None:
                        break
                while window and window[0].result is not None:
                    yield window.popleft().result  # type: ignore[misc]  # checked in the line above
                if window and window[0].result is None and (
                    is_exhausted or len(window) >= max_window or not self._has_room
                ):
                    signal.head = window[0]
                    await signal.wait()
                elif not window and not is_exhausted and not self._has_room:
                    await self._wait_for_room()
        finally:
            for slot in window:
                if slot.result is None and slot.scan is not None:
                    self._ledger.withdraw(slot.scan)

    @property
    def _has_room(self) -> bool:
        return self._ledger.queued < self.limits.queue_size

    async def _wait_for_room(self) -> None:
        self._check_open()
        while not self._has_room:
            waiter = asyncio.get_running_loop().create_future()
            self._room.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():
                    self._offer_room()
                raise
            finally:
                if waiter in self._room:
                    self._room.remove(waiter)
            self._check_open()

    def _check_open(self) -> None:
        if self._state in (State.NEW, State.STARTING):
            raise ExecutorStateError(f"{self.metadata.id}: the executor is not started (await executor.start())")
        if self._state in (State.CLOSING, State.CLOSED):
            raise ExecutorStateError(f"{self.metadata.id}: the executor is shut down")

    def _accept(self, scan: Scan) -> None:
        self._check_open()
        if self._state is State.QUARANTINED:
            remaining_s = self._breaker.remaining_s(scan.accepted_at)
            if remaining_s > 0:
                self._fail(scan, Verdict.SKIPPED, self._quarantine_text(remaining_s), kind="quarantined")
                return
            self._transit(Event.PROBE)
            self._breaker.begin_probation()
            self._begin_recovery(RestartReason.CRASH)
        elif self._state is State.FAILED:
            self._fail(scan, Verdict.SKIPPED, f"the plugin is not loaded: {self._load_failure}")
            return
        self._ledger.accept(scan)
        if not self._is_pump_due:
            self._is_pump_due = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        """Gives the occupant what it may have. Everything that changes that calls it."""
        self._is_pump_due = False
        generation = self._generation
        if generation is None or not generation.is_alive or self._is_holding:
            return
        max_frames = 1 if self._breaker.is_on_probation else _MAX_FRAMES
        max_scans = 1 if self._breaker.is_on_probation else _MAX_FRAME_SCANS
        now = asyncio.get_running_loop().time()
        while frame := self._ledger.assign(
            generation.number, max_frames=max_frames, max_scans=max_scans, max_bytes=_MAX_FRAME_BYTES
        ):
            for scan in frame.scans:
                scan.assigned_at = now
                self._counters.queue_latency.record(int((now - scan.accepted_at) * 1e6))
            generation.send(frame.number, [scan.payload for scan in frame.scans])
            self._watch_abort(generation, frame)
        self._offer_room()

    def _watch_abort(self, generation: Generation, frame: Frame) -> None:
        if not frame.scans[0].is_aborting:
            return

        def abort() -> None:
            if generation.is_alive and self._ledger.head_of(generation.number) is frame.scans[0]:
                generation.kill(Cause.TERMINATED, "execution was terminated")

        asyncio.get_running_loop().call_later(_ABORT_AFTER_S, abort)

    def _offer_room(self) -> None:
        room = self.limits.queue_size - self._ledger.queued
        while room > 0 and self._room:
            waiter = self._room.popleft()
            if not waiter.done():
                waiter.set_result(None)
                room -= 1

    # ---- outcomes ----------------------------------------------------------

    def _on_results(self, generation: Generation, results: Results) -> None:
        entries = results.entries
        try:
            frames_before = self._ledger.frames_of(generation.number)
            scans = self._ledger.answer(generation.number, results.frame, results.first, len(entries))
        except LedgerError as error:
            generation.kill(Cause.PROTOCOL, str(error))
            return
        if self._ledger.frames_of(generation.number) < frames_before:
            generation.frame_done()
        self._breaker.record_answer()
        generation.executions += len(scans)
        counters = self._counters
        counters.executions += len(scans)
        plugin_id = self.metadata.id
        for scan, entry in zip(scans, entries, strict=True):
            if isinstance(entry, int):
                duration_us = entry
                result = ScanResult(
                    transaction_id=scan.payload.transaction.id,
                    plugin_id=plugin_id,
                    verdict=Verdict.CLEAN,
                    duration_ms=duration_us / 1000,
                    generation=generation.number,
                    attempts=scan.attempts + 1,
                )
            else:
                duration_us = entry.duration_us
                result = result_of_entry(
                    entry,
                    scan.payload.transaction,
                    self.metadata,
                    self.limits,
                    generation,
                    scan.attempts + 1,
                )
            counters.verdicts[result.verdict] += 1
            counters.scan_latency.record(duration_us)
            if not scan.is_withdrawn:
                scan.finish(result)
        self._after_answer()

    def _after_answer(self) -> None:
        self._pump()
        if not self._ledger.in_flight:
            self._wake_idle()

    def _fail(
        self,
        scan: Scan,
        verdict: Verdict,
        message: str,
        *,
        is_started: bool = False,
        generation: int = 0,
        kind: str | None = None,
        duration_ms: float = 0.0,
    ) -> None:
        self._counters.verdicts[verdict] += 1
        scan.finish(
            failed_result(
                verdict,
                message,
                scan.payload.transaction,
                self.metadata.id,
                is_started=is_started,
                generation=generation,
                attempts=scan.attempts,
                duration_ms=duration_ms,
                kind=kind,
            )
        )

    def _quarantine_text(self, remaining_s: float) -> str:
        failures = self._breaker.scan_deaths or self._breaker.load_failures
        return (
            f"the plugin is quarantined: its generations died {failures} times in a row; "
            f"next attempt in {remaining_s:.1f} s"
        )

    # ---- death and recovery ------------------------------------------------

    def _on_end(self, generation: Generation, end: End) -> None:
        self._alive.discard(generation)
        self._counters.late_errors += generation.late_errors
        spent_ms = generation.spent_s * 1000
        had_work = self._ledger.in_flight_of(generation.number) > 0
        aftermath = self._ledger.end(generation.number, end.cause, was_fresh=generation.executions == 0)
        for scan, verdict in aftermath.ended:
            self._counters.executions += 1
            self._fail(
                scan,
                verdict,
                f"{_WHAT_HAPPENED[verdict]}: {end.detail}",
                is_started=True,
                generation=generation.number,
                duration_ms=spent_ms,
            )
        is_occupant = generation is self._generation
        if is_occupant:
            self._generation = None
        if end.cause is not Cause.RETIRED and self._state is not State.CLOSED:
            logger.info(
                "%s: generation %d ended: %s (%s), %d scans replayed",
                self.metadata.id,
                generation.number,
                end.cause.value,
                end.detail,
                aftermath.requeued,
            )
        if is_occupant and self._state not in (State.CLOSED, State.RESTARTING):
            self._recover_from(end, had_work)
        self._after_answer()

    def _recover_from(self, end: End, had_work: bool) -> None:
        now = asyncio.get_running_loop().time()
        is_plugins_doing = had_work and end.cause not in (Cause.RETIRED, Cause.TERMINATED)
        if self._state is State.CLOSING:
            # Draining: scans that wait still deserve a generation, unless the plugin keeps killing them.
            if is_plugins_doing and self._breaker.record_scan_death(now):
                self._skip_queued("the plugin keeps killing its generations", "quarantined")
            elif self._ledger.queued:
                self._begin_recovery(_REASONS.get(end.cause, RestartReason.CRASH))
            return
        self._transit(Event.DIED)
        if is_plugins_doing and self._breaker.record_scan_death(now):
            self._quarantine()
        else:
            self._begin_recovery(_REASONS.get(end.cause, RestartReason.CRASH))

    def _begin_recovery(self, reason: RestartReason) -> None:
        self._recovery = asyncio.create_task(
            self._recover(reason), name=f"isoscan-recover-{self.metadata.id}"
        )

    async def _recover(self, reason: RestartReason) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        previous = self._number
        assert self._source is not None
        while True:
            try:
                generation = await self._launch(self._source)
            except (GenerationStartError, PluginLoadTimeout) as error:
                if self._breaker.record_load_failure(loop.time()):
                    self._load_failure = error
                    if self._state is State.CLOSING:
                        self._skip_queued(str(error), "quarantined")
                    else:
                        self._quarantine()
                    return
                await asyncio.sleep(_LOAD_RETRY_S * 2**self._breaker.load_failures)
            except IsoscanError as error:
                self._load_failure = error
                if self._state is not State.CLOSING:
                    self._transit(Event.LOAD_FAILED)
                self._skip_queued(f"the plugin is not loaded: {error}")
                return
            else:
                break
        duration_ms = (loop.time() - began) * 1000
        self._record_restart(generation, previous, reason, duration_ms, duration_ms, None)
        if self._state is State.CLOSING:
            self._generation = generation
            self._pump()
        else:
            self._occupy(generation)

    def _quarantine(self) -> None:
        self._transit(Event.TRIPPED)
        remaining_s = self._breaker.remaining_s(asyncio.get_running_loop().time())
        text = self._quarantine_text(remaining_s)
        logger.warning("%s: %s", self.metadata.id, text)
        self._skip_queued(text, "quarantined")

    def _skip_queued(self, text: str, kind: str | None = None) -> None:
        for scan in self._ledger.take_queued():
            self._fail(scan, Verdict.SKIPPED, text, kind=kind)
        self._offer_room()
        self._wake_idle()

    # ---- launching ---------------------------------------------------------

    def _read_source(self) -> PluginSource:
        deno = find_deno(self._deno_option)
        if self._path is not None:
            self._source = source_from_file(self._path, deno)
        assert self._source is not None
        return self._source

    async def _launch(self, source: PluginSource) -> Generation:
        """A generation that is loaded and ready, or an error and nothing left."""
        self._number += 1
        generation = Generation(
            self._number,
            source,
            find_deno(self._deno_option),
            self.limits,
            self.permissions,
            on_results=self._on_results,
            on_end=self._on_end,
        )
        self._alive.add(generation)
        ready = await generation.load(self._config)
        self._breaker.record_ready()
        try:
            self._adopt_metadata(ready.metadata)
        except PluginLoadError:
            generation.kill(Cause.RETIRED, "wrong metadata")
            await generation.wait_gone()
            raise
        return generation

    async def _launch_patiently(self, source: PluginSource) -> Generation:
        """Tries again when a generation dies before it is ready: one unlucky kill condemns nobody."""
        for attempt in range(1, self.limits.max_load_failures + 1):
            try:
                return await self._launch(source)
            except GenerationStartError:
                if attempt == self.limits.max_load_failures:
                    raise
                await asyncio.sleep(_LOAD_RETRY_S * 2 ** (attempt - 1))
        raise AssertionError("max_load_failures is at least 1")

    def _adopt_metadata(self, raw: msgspec.Raw) -> None:
        if self._has_given_metadata:
            return
        try:
            found = msgspec.json.decode(raw, type=dict[str, Any] | None)
            if found is not None:
                known = {key: value for key, value in found.items() if value is not None}
                known.setdefault("id", self.metadata.id)
                severity = known.get("default_severity")
                if isinstance(severity, str):
                    known["default_severity"] = severity.lower()
                self.metadata = msgspec.convert(known, PluginMetadata)
        except (msgspec.DecodeError, ConfigError) as error:
            raise PluginLoadError(f"{self._path or self.metadata.id}: metadata: {error}") from error
        self._ledger.is_replayable = not self.permissions.net or self.metadata.idempotent

    def _occupy(self, generation: Generation) -> None:
        """The generation takes the slot, unless it died since it was ready."""
        if generation.end is not None:
            self._generation = None
            self._transit(Event.READY)
            self._recover_from(generation.end, had_work=False)
            return
        self._generation = generation
        self._load_failure = None
        self._transit(Event.READY)
        self._pump()

    # ---- restart -----------------------------------------------------------

    async def restart(
        self, *, overlap: bool = True, reason: RestartReason = RestartReason.MANUAL
    ) -> RestartReport:
        """Replaces the occupant; no accepted scan is lost.

        Makes before it breaks: the replacement is ready before the old generation
        takes no more work. With `overlap=False` the old one is drained and ended
        first, for tight memory. Concurrent calls share one restart and its result.
        Raises `RestartFailed`; with overlap the old generation then serves on.
        """
        return await self._single_flight(None, overlap, reason)

    async def reload(self, new_code: str | None = None) -> RestartReport:
        """Replaces the plugin's code without losing a scan; None reads the file again.

        Raises `PluginLoadError` when the new version is bad: the old one serves on.
        """
        deno = find_deno(self._deno_option)
        if new_code is not None:
            source = source_from_code(new_code, f"{self.metadata.id}.ts")
        elif self._path is not None:
            source = source_from_file(self._path, deno)
        else:
            raise ConfigError(f"{self.metadata.id}: reload() needs code, the executor was not made from a file")
        while self._restart is not None:
            await asyncio.wait([self._restart])
        return await self._single_flight(source, True, RestartReason.RELOAD)

    async def _single_flight(
        self, source: PluginSource | None, overlap: bool, reason: RestartReason
    ) -> RestartReport:
        self._check_open()
        if self._restart is None:
            self._restart = asyncio.create_task(
                self._replace(source, overlap, reason), name=f"isoscan-restart-{self.metadata.id}"
            )
            self._restart.add_done_callback(self._restart_over)
        return await asyncio.shield(self._restart)

    def _restart_over(self, task: asyncio.Task[RestartReport]) -> None:
        self._restart = None
        if not task.cancelled():
            task.exception()  # every caller that still waits gets it; one that left asks no more

    async def _replace(
        self, source: PluginSource | None, overlap: bool, reason: RestartReason
    ) -> RestartReport:
        if self._recovery is not None and not self._recovery.done():
            await asyncio.wait([self._recovery])
            self._check_open()
        loop = asyncio.get_running_loop()
        began = loop.time()
        old = self._generation
        previous = old.number if old else self._number
        rss_before_bytes = old.rss_bytes() if old else None
        is_probation = self._state is State.QUARANTINED
        self._transit(Event.RESTART)
        pause_began: float | None = None if old else began
        try:
            if old is not None and not overlap:
                self._is_holding = True
                pause_began = loop.time()
                await self._until_idle(old)
                old.kill(Cause.RETIRED, "restart")
                await old.wait_gone()
            generation = await self._launch(source or self._wanted_source())
        except BaseException as error:
            self._is_holding = False
            self._after_failed_restart(error)
            if isinstance(error, PluginLoadError) and source is not None:
                raise
            if isinstance(error, IsoscanError):
                raise RestartFailed(
                    f"{self.metadata.id}: restart failed, "
                    f"{'the old generation serves on' if self._generation else 'recovering'}: {error}",
                    plugin_id=self.metadata.id,
                    failure=error.failure,
                ) from error
            raise
        if source is not None:
            self._source = source
            self._breaker.reset()
        elif is_probation:
            self._breaker.begin_probation()
        self._is_holding = False
        if pause_began is None and self._generation is None:
            pause_began = began  # the old one died meanwhile
        waiting = self._ledger.queued
        self._occupy(generation)
        pause_ms = (loop.time() - pause_began) * 1000 if pause_began is not None else 0.0
        if old is not None and old.end is None:
            await self._until_idle(old)
            old.kill(Cause.RETIRED, "restart")
            await old.wait_gone()
        duration_ms = (loop.time() - began) * 1000
        return self._record_restart(
            generation, previous, reason, duration_ms, pause_ms, rss_before_bytes, waiting=waiting
        )

    def _wanted_source(self) -> PluginSource:
        return self._source if self._source is not None else self._read_source()

    def _after_failed_restart(self, error: BaseException) -> None:
        if self._state is not State.RESTARTING:
            return  # shut down meanwhile
        if self._generation is not None:
            self._transit(Event.RESTART_FAILED)
            self._pump()
        elif isinstance(error, PluginLoadError) and not isinstance(error, PluginLoadTimeout):
            self._load_failure = error
            self._transit(Event.LOAD_FAILED)
            self._skip_queued(f"the plugin is not loaded: {error}")
        else:
            self._transit(Event.DIED)
            self._begin_recovery(RestartReason.CRASH)

    def _record_restart(
        self,
        generation: Generation,
        previous: int,
        reason: RestartReason,
        duration_ms: float,
        pause_ms: float,
        rss_before_bytes: int | None,
        *,
        waiting: int = 0,
    ) -> RestartReport:
        report = RestartReport(
            generation=generation.number,
            previous_generation=previous,
            reason=reason,
            duration_ms=duration_ms,
            pause_ms=pause_ms,
            rss_before_bytes=rss_before_bytes,
            rss_after_bytes=generation.rss_bytes(),
            waiting=waiting,
        )
        self._counters.record_restart(report)
        self._last_restart_time = datetime.now(UTC)
        return report

    async def terminate_execution(self) -> bool:
        """Aborts what runs now; the executor serves on. Returns whether anything ran.

        The aborted scan ends with the verdict `interrupted`. Scans that were sent
        with it but not begun are run again.
        """
        self._check_open()
        generation = self._generation
        if generation is None or not self._ledger.in_flight_of(generation.number):
            return False
        generation.kill(Cause.TERMINATED, "execution was terminated")
        await generation.wait_gone()
        return True

    # ---- watching ----------------------------------------------------------

    def get_stats(self) -> ExecutorStats:
        """A snapshot, taken without waiting for any work."""
        generation = self._generation
        counters = self._counters
        remaining_s = None
        if self._state is State.QUARANTINED:
            remaining_s = self._breaker.remaining_s(asyncio.get_running_loop().time())
        return ExecutorStats(
            plugin_id=self.metadata.id,
            state=self._state.value,
            generation=generation.number if generation else self._number,
            total_executions=counters.executions,
            current_instance_executions=generation.executions if generation else 0,
            max_executions_before_restart=self.max_executions_before_restart,
            restart_count=sum(counters.restarts.values()),
            last_restart_time=self._last_restart_time,
            queued=self._ledger.queued,
            in_flight=self._ledger.in_flight,
            verdicts=dict(counters.verdicts),
            restarts=dict(counters.restarts),
            rss_bytes=generation.rss_bytes() if generation else None,
            heap_used_bytes=generation.heap_used_bytes if generation else None,
            growth_bytes_per_execution=None,
            growth_interval_bytes=None,
            scan_latency=counters.scan_latency.percentiles(),
            queue_latency=counters.queue_latency.percentiles(),
            last_restart=counters.last_restart,
            longest_pause_ms=counters.longest_pause_ms,
            quarantined_for_s=remaining_s,
            late_errors=counters.late_errors + (generation.late_errors if generation else 0),
        )

    async def _until_idle(self, generation: Generation | None = None) -> None:
        """Until one generation, or the whole executor with its queue, has nothing to do."""
        while (
            self._ledger.in_flight_of(generation.number)
            if generation is not None
            else self._ledger.queued or self._ledger.in_flight
        ):
            waiter = asyncio.get_running_loop().create_future()
            self._idle.append(waiter)
            await waiter

    def _wake_idle(self) -> None:
        waiting, self._idle = self._idle, []
        for waiter in waiting:
            _wake(waiter)

    def _transit(self, event: Event) -> None:
        self._state = next_state(self._state, event)


_WHAT_HAPPENED = {
    Verdict.TIMEOUT: "the scan was killed",
    Verdict.OUT_OF_MEMORY: "the scan needs more memory than its limits allow",
    Verdict.CRASHED: "the generation died while it ran this scan alone",
    Verdict.INTERRUPTED: "the scan was aborted",
}


class _Signal:
    """Wakes a `scan_many` when the result it waits for is there."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiter: asyncio.Future[None] | None = None
        self.head: _Slot | None = None

    async def wait(self) -> None:
        if self.head is not None and self.head.result is None:
            self._waiter = self._loop.create_future()
            await self._waiter

    def notify(self, slot: _Slot) -> None:
        if slot is self.head and self._waiter is not None:
            _wake(self._waiter)


class _Slot:
    """One place in a `scan_many`'s window: the scan, then its result."""

    __slots__ = ("_signal", "result", "scan")

    def __init__(self, signal: _Signal) -> None:
        self._signal = signal
        self.scan: Scan | None = None
        self.result: ScanResult | None = None

    def finish(self, result: ScanResult) -> None:
        self.result = result
        self._signal.notify(self)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _settle(outcome: asyncio.Future[ScanResult], result: ScanResult) -> None:
    if not outcome.done():
        outcome.set_result(result)


async def _encode_each(
    transactions: Iterable[HttpTransaction] | AsyncIterable[HttpTransaction],
) -> AsyncIterator[EncodedTransaction]:
    if isinstance(transactions, AsyncIterable):
        async for transaction in transactions:
            yield EncodedTransaction(transaction)
    else:
        for transaction in transactions:
            yield EncodedTransaction(transaction)
