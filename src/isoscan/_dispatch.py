"""Between callers and the occupant: takes scans in, hands them out, settles their outcomes.

Knows scans and one generation that may be given work; knows nothing of why
generations come and go (`_slot`). All rules of ownership are the ledger's.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence

from ._calls import Calls
from ._ledger import Cause, Job, Ledger, LedgerError
from ._outcomes import failed_result, result_of_entry
from ._waiting import WaitingLine, wake
from .models import HttpTransaction, Limits, PluginMetadata, SandboxLevel, ScanResult, Verdict
from .sandbox.frames import MAX_BATCH, Results, ScanEntry, bodies_bytes
from .sandbox.generation import End, Generation
from .stats import Counters

logger = logging.getLogger("isoscan")

MAX_FRAMES = 3
_RECENT = 3
_RECENT_BYTES = 256 * 1024
_MAX_FRAME_BYTES = 4 * 1024 * 1024
#: Callers' scans are put into one job until their bodies are this long.
_CALLS_BYTES = 1024 * 1024
#: After an execution was terminated, a suspect that runs this long is the one that was meant.
_ABORT_AFTER_S = 0.1
_ONLY_INT = {int}
_CLEAN = Verdict.CLEAN
_WHAT_HAPPENED = {
    Verdict.TIMEOUT: "the scan was killed",
    Verdict.OUT_OF_MEMORY: "the scan needs more memory than its limits allow",
    Verdict.CRASHED: "the generation died while it ran this scan alone",
    Verdict.INTERRUPTED: "the scan was aborted",
}


class Account:
    """What is known of one plugin and counted for it."""

    def __init__(self, metadata: PluginMetadata, counters: Counters) -> None:
        self.metadata = metadata
        self.counters = counters


class Dispatch:
    """One queue and everything that happens to what is in it: scans of a plugin, or of those that share
    an isolate."""

    def __init__(
        self,
        plugins: Sequence[PluginMetadata],
        limits: Limits,
        *,
        is_replayable: bool,
        is_single_use: bool = False,
        sandbox: SandboxLevel = "strict",
    ) -> None:
        self.limits = limits
        #: The one it lives on, from the start on. Asking for it costs a system call each time.
        self.loop: asyncio.AbstractEventLoop
        #: Written into every result.
        self.sandbox: SandboxLevel = sandbox
        self.ledger = Ledger(max_attempts=limits.max_attempts, is_replayable=is_replayable)
        #: Of the whole: what becomes of generations, and for a single plugin everything.
        self.counters = Counters()
        is_single = len(plugins) == 1
        #: One for each plugin, in their order.
        self.accounts = [Account(each, self.counters if is_single else Counters()) for each in plugins]
        #: A generation is given one scan in its life, and no other transaction is ever shown to it.
        self.is_single_use = is_single_use
        #: The generation that is given work; None while the slot is vacant or held.
        self.occupant: Generation | None = None
        #: Microseconds that all answered scans took.
        self.busy_us = 0
        #: One scan at a time, until one is answered.
        self.is_probing = False
        #: Called when a generation has answered scans (and when that was), and when the queue may have room.
        self.on_answer: Callable[[Generation, float], None] = lambda generation, now: None
        self.on_room: Callable[[], None] | None = None
        #: The last small transactions that were scanned to the end: a replacement warms up on them.
        self.recent: deque[HttpTransaction] = deque(maxlen=_RECENT)
        self._room = WaitingLine()
        self._idle: list[asyncio.Future[None]] = []
        self._is_pump_due = False
        #: What callers who come now are added to, and how many they may become.
        self._calls: Calls | None = None
        self._most_calls = 1

    @property
    def name(self) -> str:
        """The plugin's id, or how those that share an isolate are told from others."""
        others = len(self.accounts) - 1
        first = self.accounts[0].metadata.id
        return f"{first}+{others}" if others else first

    # ---- in ----------------------------------------------------------------

    @property
    def room(self) -> int:
        """How many scans the queue takes."""
        return self.limits.queue_size - self.ledger.queued

    @property
    def bulk_room(self) -> int:
        """How many scans a stream may hand over together: what the occupant is given at once.

        So frames are full, and the queue is left to others. Without an occupant to give them to,
        or while it is given them one by one, it is what the queue takes.
        """
        generation = self.occupant
        is_held = generation is None or not generation.is_alive or self.is_probing or self.is_single_use
        if is_held or self.ledger.queued or not self.ledger.is_replayable:
            return self.room
        assert generation is not None
        free = MAX_FRAMES - self.ledger.frames_of(generation.number)
        return max(free, 0) * generation.frame_scans

    async def wait_for_room(self) -> None:
        """Returns when the queue may have room; first come, first served."""
        await self._room.wait(self.loop.create_future(), self.offer_room)

    def offer_room(self) -> None:
        """Lets as many waiting callers in as the queue has places."""
        places = self._room.let_in(self.room)
        if places > 0 and self.on_room is not None:
            self.on_room()

    def accept(self, jobs: Sequence[Job]) -> None:
        """Takes scans; from here on each ends exactly once."""
        ledger = self.ledger
        ledger.accept(jobs)
        if self._is_pump_due:
            # Nobody is held back while a frame could take what waits.
            if ledger.queued >= self.limits.queue_size:
                self.pump()
        elif jobs[0].count > 1 or not ledger.in_flight:
            self.pump()  # so that it is scanned while the next is read, or the caller's answer is not late
        else:
            self._is_pump_due = True
            # Everything accepted in this turn of the loop travels together.
            self.loop.call_soon(self.pump)

    def ask(self, transaction: HttpTransaction, plugin: int) -> Calls | None:
        """Takes one more caller's scan: the last of the job it is put into. None when there is no room.

        What can travel together is one job.
        """
        ledger, queue_size = self.ledger, self.limits.queue_size
        if ledger.queued >= queue_size:
            return None
        if not ledger.in_flight:  # it is sent at once
            calls = Calls.sealed(transaction, self.loop, plugin)
            self.accept((calls,))
            return calls
        size_bytes = bodies_bytes(transaction)  # raises for what is none, before anything is changed
        growing = self._calls
        if growing is not None and growing.plugin == plugin and ledger.extend(growing):
            all_bytes = growing.add(transaction, size_bytes, self.loop)
            if all_bytes >= _CALLS_BYTES or growing.count >= self._most_calls:
                self._seal()
            if ledger.queued >= queue_size:
                self.pump()
            return growing
        self._seal()
        generation = self.occupant
        self._most_calls = min(generation.frame_scans if generation is not None else MAX_BATCH, MAX_BATCH)
        if self._most_calls == 1 or self.is_probing or self.is_single_use or not ledger.is_replayable:
            calls = Calls.sealed(transaction, self.loop, plugin)
        else:
            calls = self._calls = Calls.begin(transaction, size_bytes, self.loop, plugin)
        self.accept((calls,))
        return calls

    def _seal(self) -> None:
        """What callers have asked for is encoded; later ones are not added to it."""
        calls = self._calls
        if calls is None:
            return
        self._calls = None
        try:
            calls.seal()
        except Exception:  # noqa: BLE001  # told to the one who asked for it
            self.ledger.replace(calls, calls.singly())

    def forget(self, calls: Calls, outcome: asyncio.Future[ScanResult]) -> None:
        """One of the callers is gone; the outcome of its scan is dropped."""
        self._seal()
        self.ledger.withdraw_scan(calls, calls.outcomes.index(outcome))
        self._after_change()

    def withdraw(self, job: Job) -> None:
        """The caller is gone; the outcomes of its scans are dropped."""
        self.ledger.withdraw(job)
        self._after_change()

    # ---- out ---------------------------------------------------------------

    def pump(self) -> None:
        """Gives the occupant what it may have. Whatever changes that calls it."""
        self._is_pump_due = False
        self._seal()
        generation = self.occupant
        if (
            not self.ledger.queued
            or generation is None
            or not generation.is_alive
            or (self.is_single_use and (generation.executions or generation.in_flight_frames))
        ):
            self.offer_room()  # places may have become free without anybody to fill them
            return
        is_one = self.is_probing or self.is_single_use
        max_frames, max_scans = (1, 1) if is_one else (MAX_FRAMES, generation.frame_scans)
        now = self.loop.time()
        while frame := self.ledger.assign(
            generation.number, max_frames=max_frames, max_scans=max_scans, max_bytes=_MAX_FRAME_BYTES
        ):
            self._record_waits(frame.jobs, now)
            generation.send(frame.number, frame.payloads, frame.plugins)
            if frame.jobs[0].is_aborting:
                self._abort_if_slow(generation, frame.jobs[0])
        self.offer_room()

    def _record_waits(self, jobs: Sequence[Job], now: float) -> None:
        """How long they were queued."""
        for job in jobs:
            queue_latency = self.accounts[job.plugin].counters.queue_latency
            queue_latency.record(int((now - job.accepted_at) * 1e6), job.count)

    def _abort_if_slow(self, generation: Generation, job: Job) -> None:
        def abort() -> None:
            if generation.is_alive and self.ledger.head_of(generation.number) is job:
                generation.kill(Cause.TERMINATED, "execution was terminated")

        self.loop.call_later(_ABORT_AFTER_S, abort)

    # ---- outcomes ----------------------------------------------------------

    def settle(self, generation: Generation, results: Results) -> None:
        """Outcomes a generation sent. One it was not asked for condemns it."""
        entries = results.entries
        ledger = self.ledger
        try:
            answered = ledger.answer(generation.number, results.frame, results.first, len(entries))
        except LedgerError as error:
            generation.kill(Cause.PROTOCOL, str(error))
            return
        if ledger.frames_of(generation.number) < generation.in_flight_frames:
            generation.frame_done()
        durations_us: list[int] = (
            entries  # type: ignore[assignment]  # the usual case: all clean, and nothing else to say
            if set(map(type, entries)) == _ONLY_INT
            else [entry if isinstance(entry, int) else entry.duration_us for entry in entries]
        )
        total_us = sum(durations_us)
        self.busy_us += total_us
        generation.record_scans(durations_us, total_us)
        is_one_plugin = len(self.accounts) == 1
        if is_one_plugin:
            self._count(0, durations_us)
        begun = 0
        for job, first, count in answered:
            end = begun + count
            if not is_one_plugin:
                self._count(job.plugin, durations_us[begun:end])
            if count == 1:  # many callers have one scan each
                transaction, attempts = job.payload.transactions[first], job.attempts + 1
                outcomes = [self._result_of(transaction, entries[begun], generation, job.plugin, attempts)]
            else:
                outcomes = self._results_of(job, first, entries[begun:end], generation)
            begun = end
            if not job.is_withdrawn:
                job.deliver(first, outcomes)
        last = job.payload.transactions[first + count - 1]
        is_fit = outcomes[-1].verdict.is_complete and bodies_bytes(last) <= _RECENT_BYTES
        if is_fit and not self.is_single_use and (not self.recent or self.recent[-1] is not last):
            self.recent.append(last)
        self.on_answer(generation, self.loop.time())
        self._after_change()

    def _count(self, plugin: int, durations_us: Sequence[int]) -> None:
        """A plugin has answered some scans."""
        counters = self.accounts[plugin].counters
        counters.executions += len(durations_us)
        counters.scan_latency.record_all(durations_us)

    def _results_of(
        self, job: Job, first: int, entries: list[int | ScanEntry], generation: Generation
    ) -> list[ScanResult]:
        """The results of some scans of a job. Most are clean, and made right here: a call costs as much."""
        transactions = job.payload.transactions
        if len(entries) < len(transactions):
            transactions = transactions[first : first + len(entries)]
        account = self.accounts[job.plugin]
        plugin_id, number, sandbox = account.metadata.id, generation.number, self.sandbox
        clean, attempts = _CLEAN, job.attempts + 1
        if count := list(map(type, entries)).count(int):
            account.counters.verdicts[clean] += count
        return [
            ScanResult(
                transaction_id=transaction.request.id,
                plugin_id=plugin_id,
                verdict=clean,
                duration_ms=entry / 1000,
                generation=number,
                attempts=attempts,
                sandbox=sandbox,
            )
            if type(entry) is int
            else self._result_of(transaction, entry, generation, job.plugin, attempts)
            for transaction, entry in zip(transactions, entries, strict=True)
        ]

    def _result_of(
        self,
        transaction: HttpTransaction,
        entry: int | ScanEntry,
        generation: Generation,
        plugin: int,
        attempts: int,
    ) -> ScanResult:
        account = self.accounts[plugin]
        metadata, counters = account.metadata, account.counters
        if isinstance(entry, int):
            counters.verdicts[_CLEAN] += 1
            return ScanResult(
                transaction_id=transaction.request.id,
                plugin_id=metadata.id,
                verdict=_CLEAN,
                duration_ms=entry / 1000,
                generation=generation.number,
                attempts=attempts,
                sandbox=self.sandbox,
            )
        try:
            denials = counters.denials.record(entry.denials) if entry.denials else ()
            result = result_of_entry(
                entry, denials, transaction, metadata, plugin, self.limits, generation, attempts, self.sandbox
            )
        except Exception as error:
            # The scans of this reply have left the ledger: whatever a hostile entry finds to
            # break here must become its own scan's failure, or its neighbours never end.
            logger.exception("%s: a reply could not be turned into a result", metadata.id)
            result = failed_result(
                Verdict.ERROR,
                f"the reply could not be turned into a result: {type(error).__name__}",
                transaction,
                metadata.id,
                sandbox=self.sandbox,
                is_started=True,
                generation=generation.number,
                attempts=attempts,
            )
        counters.verdicts[result.verdict] += 1
        return result

    def settle_end(self, generation: Generation, end: End) -> bool:
        """What a generation's end means for its scans; returns whether who did it is still open."""
        aftermath = self.ledger.end(generation.number, end.cause, was_fresh=generation.executions == 0)
        for job, verdict in aftermath.ended:
            self.accounts[job.plugin].counters.executions += 1
            text = f"{_WHAT_HAPPENED[verdict]}: {end.detail}"
            self._fail(
                job,
                verdict,
                text,
                is_started=True,
                generation=generation.number,
                duration_ms=generation.spent_s * 1000,
            )
        self._after_change()
        return aftermath.requeued > 0 and not aftermath.ended

    def refuse(self, job: Job, verdict: Verdict, text: str, kind: str | None = None) -> None:
        """Ends scans that were never begun."""
        self._fail(job, verdict, text, is_started=False, generation=0, kind=kind)

    def skip_queued(self, text: str, kind: str | None = None) -> None:
        """Ends everything that waits with the verdict `skipped`."""
        for job in self.ledger.take_queued():
            self.refuse(job, Verdict.SKIPPED, text, kind)
        self._after_change()

    def interrupt_all(self, text: str) -> None:
        """Ends everything that is live with the verdict `interrupted`, and lets nobody wait on."""
        for job in self.ledger.withdraw_all():
            self.refuse(job, Verdict.INTERRUPTED, text)
        self._room.let_all_in()
        for waiter in self._idle:
            wake(waiter)
        self._idle.clear()

    async def until_idle(self, generation: Generation | None = None) -> None:
        """Until one generation, or the whole executor with its queue, has nothing to do."""
        while (
            self.ledger.in_flight_of(generation.number)
            if generation is not None
            else any(not job.is_withdrawn for job in self.ledger.live())
        ):
            waiter = self.loop.create_future()
            self._idle.append(waiter)
            await waiter

    def _fail(
        self,
        job: Job,
        verdict: Verdict,
        text: str,
        *,
        is_started: bool,
        generation: int,
        duration_ms: float = 0.0,
        kind: str | None = None,
    ) -> None:
        """Ends all scans of a job that no generation answered."""
        account = self.accounts[job.plugin]
        outcomes = [
            failed_result(
                verdict,
                text,
                transaction,
                account.metadata.id,
                sandbox=self.sandbox,
                is_started=is_started,
                generation=generation,
                attempts=job.attempts,
                duration_ms=duration_ms,
                kind=kind,
            )
            for transaction in job.payload.transactions
        ]
        account.counters.verdicts[verdict] += len(outcomes)
        job.deliver(0, outcomes)

    def _after_change(self) -> None:
        self.pump()
        if self._idle:
            waiting, self._idle = self._idle, []
            for waiter in waiting:
                wake(waiter)
