"""One run from its entries to its reports: reads, scans, masks, writes, counts."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from functools import partial
from itertools import chain
from typing import cast

from msgspec import to_builtins
from msgspec.structs import replace

from ..errors import InputError
from ..executor import PluginExecutor
from ..models import Finding, HttpTransaction, ScanResult
from ..permissions import Denials
from ..record import REJECTED_KEPT, Place, ReportedFinding, RunRecord
from ..redact import Redactor, shareable_fingerprint
from ..scanner import Scanner
from ..sources import Entry
from ..sources.inputs import is_no_capture
from ..store.batch import Kept
from ..store.identity import PluginIdentity
from ..store.keeper import RunKeeper
from ..triage import Ruling, Triage
from .outputs import Outputs
from .progress import make_progress

_MAX_NO_CAPTURES_SHOWN = 20
_MORE_NO_CAPTURES = "more files of folders are no captures"
#: Transactions taken from the store between two looks at what else is to be done.
_RESUMED_AT_ONCE = 64


class Pipeline:
    """What a run reads, what it writes, what it counts."""

    def __init__(
        self,
        scanner: Scanner,
        sources: Sequence[Iterator[Entry]],
        outputs: Outputs,
        redactor: Redactor | None,
        record: RunRecord,
        keeper: RunKeeper,
        triage: Triage | None = None,
        observe: Callable[[ScanResult, Entry], None] | None = None,
    ) -> None:
        self.record = record
        self._observe = observe
        self._keeper = keeper
        self._triage = triage or Triage()
        self._scanner = scanner
        self._sources = sources
        self._outputs = outputs
        self._redactor = redactor
        #: Read and not finished by all plugins; the first one is number `_first` of the input.
        self._open: deque[Entry] = deque()
        self._first = 0
        #: How many transactions all plugins are done with, and the results of the one they are at.
        self._done = 0
        self._results: list[Kept] = []
        #: What plugins were denied in an earlier attempt at this run.
        self._denials: defaultdict[str, Denials] = defaultdict(Denials)
        self._no_captures = 0
        self._last_masked: tuple[HttpTransaction, HttpTransaction] | None = None
        record.coverage = scanner.coverage

    async def run(self) -> None:
        """Scans until the input ends, Ctrl-C comes or nobody reads the output."""
        task = asyncio.current_task()
        assert task is not None
        handler = partial(self._interrupt, asyncio.get_running_loop(), task)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, handler)
        began = time.monotonic()
        try:
            await self._scan()
        except (asyncio.CancelledError, _Interrupted):
            if not self.record.is_interrupted:
                raise
            self._take_unclaimed()
        except InputError as error:
            self.record.input_error = str(error)
        finally:
            self.record.elapsed_s = time.monotonic() - began
            self._add_earlier_denials()
            self._mask_slowest()
        if not self.record.is_output_closed:
            self.record.is_output_closed = not self._outputs.finish(self.record)

    def _interrupt(
        self, loop: asyncio.AbstractEventLoop, task: asyncio.Task[None], number: int, frame: object
    ) -> None:
        """Stops the run; a write that nobody reads would hold up the event loop, so it is cut off."""
        if self.record.is_interrupted:
            # Stopping is short and bounded, so a second signal changes nothing, unless a write is stuck.
            if self._outputs.is_writing:
                raise KeyboardInterrupt
            return
        self.record.is_interrupted = True
        if self._outputs.is_writing:
            self.record.is_output_closed = True
            raise _Interrupted
        loop.call_soon_threadsafe(task.cancel)

    async def _scan(self) -> None:
        async with self._scanner:
            executors = self._scanner.executors
            self.record.plugins = [executor.metadata for executor in executors]
            self._keeper.begin([identity_of(executor) for executor in executors])
            self._outputs.begin()
            with make_progress(self.record) as progress:
                transactions = await self._resume(self._transactions())
                # Closed at once when the run is broken off, not when it is collected as garbage.
                scans = cast("AsyncGenerator[ScanResult, None]", self._scanner.scan(transactions))
                async with aclosing(scans):
                    async for result in scans:
                        self._take(result, self._current())
                        if self.record.is_output_closed:
                            return
                        progress.update()
                        if self._keeper.is_behind:
                            await self._keeper.wait_for_room()

    def _take(self, result: ScanResult, entry: Entry) -> None:
        # First of all, because a signal may cut off the write that reports it.
        self._results.append(_kept(result))
        if result.findings or result.error is not None:
            self._report(result, self._results[-1].fingerprints, entry)
        if self._observe is not None:
            self._observe(result, entry)
        if len(self._results) == len(self._scanner.executors) and not self.record.is_output_closed:
            self._keeper.add(self._done, entry, self._results)
            self._next_transaction()

    async def _resume(self, transactions: Iterator[HttpTransaction]) -> Iterator[HttpTransaction]:
        """Takes what an earlier attempt finished from the store; returns what is left to scan."""
        for stored in self._keeper.stored():
            transaction = next(transactions, None)
            if transaction is None:
                break
            if stored.transaction_id != transaction.id:
                self._keeper.give_up("the input has changed while the run was broken off")
                return chain((transaction,), transactions)
            self._scanner.coverage.transactions += 1
            for result in stored.results:
                self._scanner.coverage.add(result)
                self._denials[result.plugin_id].record(_counts(result))
                self._report(result, _kept(result).fingerprints, self._current())
            if self.record.is_output_closed:
                return iter(())
            self._next_transaction()
            if self._done % _RESUMED_AT_ONCE == 0:
                await asyncio.sleep(0)  # a signal may have come
        return transactions

    def _next_transaction(self) -> None:
        self._done += 1
        self._results = []

    def _current(self) -> Entry:
        """The entry whose results are handed out now; ids of a capture need not be unique."""
        while self._first < self._scanner.coverage.transactions - 1:
            self._open.popleft()
            self._first += 1
        return self._open[0]

    def _take_unclaimed(self) -> None:
        """What some plugins finished beyond the place where the run was broken off."""
        executors = self._scanner.executors
        numbers = {executor.metadata.id: number for number, executor in enumerate(executors)}
        partly: defaultdict[int, list[Kept | None]] = defaultdict(lambda: [None] * len(executors))
        # Each plugin's results are in input order, and those of the first transaction were handed out first.
        following = dict.fromkeys(numbers, self._done)
        for kept in self._results:
            partly[self._done][numbers[kept.result.plugin_id]] = kept
            following[kept.result.plugin_id] += 1
        for result in self._scanner.unclaimed:
            self._scanner.coverage.add(result)
            position = following[result.plugin_id]
            following[result.plugin_id] += 1
            kept = _kept(result)
            partly[position][numbers[result.plugin_id]] = kept
            self._report(result, kept.fingerprints, self._open[position - self._first])
        for position, results in sorted(partly.items()):
            self._keeper.add(position, self._open[position - self._first], results)

    def _mask_slowest(self) -> None:
        """Ids of transactions come from the capture."""
        if self._redactor is not None:
            for plugin in self._scanner.coverage.plugins.values():
                plugin.slowest = [(ms, self._redactor.text(id_, is_name=True)) for ms, id_ in plugin.slowest]

    def _add_earlier_denials(self) -> None:
        for plugin_id, denials in self._denials.items():
            coverage = self._scanner.coverage.plugins[plugin_id]
            denials.record((one.permission, one.target, one.count) for one in coverage.denials)
            coverage.denials = denials.all()

    def _report(self, result: ScanResult, fingerprints: Sequence[str], entry: Entry) -> None:
        self._redact_failure(result, entry)
        shown: list[tuple[Finding, str, bool | None]] = []
        # All are counted first, because a signal may cut off the write that reports one.
        for finding, fingerprint in zip(result.findings, fingerprints, strict=True):
            if (reason := self._keeper.accepted.get(fingerprint)) is not None:
                self.record.suppressed[f"isoscan findings accept ({reason})"] += 1
                continue
            is_new = self._keeper.is_new(fingerprint)
            ruling = self._triage.judge(finding, entry.transaction, is_new=is_new)
            if self._count(finding, fingerprint, ruling):
                shown.append((finding, fingerprint, ruling.is_new))
        for finding, fingerprint, is_new in shown:
            if not self.record.is_output_closed:
                reported = self._reported(finding, fingerprint, entry, is_new)
                try:
                    self.record.is_output_closed = not self._outputs.add(reported)
                except InputError:
                    self._keeper.lose_report()
                    raise

    def _count(self, finding: Finding, fingerprint: str, ruling: Ruling) -> bool:
        """Whether the finding is reported."""
        if ruling.suppressed_by is not None:
            self.record.suppressed[ruling.suppressed_by] += 1
        if ruling.is_known:
            self.record.known[finding.severity] += 1
        if ruling.is_reported:
            self.record.findings[finding.severity] += 1
            self.record.fingerprints.add(fingerprint)
        return ruling.is_reported

    def _reported(
        self, finding: Finding, fingerprint: str, entry: Entry, is_new: bool | None
    ) -> ReportedFinding:
        place = Place(entry.source, entry.index, entry.unit, entry.offset_bytes, entry.length_bytes)
        transaction = entry.transaction if self._outputs.shows_traffic else None
        if self._redactor is None:
            return ReportedFinding(
                finding=finding,
                fingerprint=fingerprint,
                traffic=transaction,
                place=place,
                is_new=is_new,
            )
        finding = self._redactor.finding(finding, entry.transaction)
        return ReportedFinding(
            finding=finding,
            fingerprint=shareable_fingerprint(finding),
            traffic=None if transaction is None else partial(self._masked, self._redactor, transaction),
            place=place,
            is_new=is_new,
        )

    def _masked(self, redactor: Redactor, transaction: HttpTransaction) -> HttpTransaction:
        """The transaction without secrets; most have several findings, so the last one is kept."""
        if self._last_masked is None or self._last_masked[0] is not transaction:
            self._last_masked = (transaction, redactor.transaction(transaction))
        return self._last_masked[1]

    def _redact_failure(self, result: ScanResult, entry: Entry) -> None:
        """What the summary will quote of a failure is the plugin's text, and that may quote the traffic."""
        examples = self._scanner.coverage.plugins[result.plugin_id].first_failures
        if self._redactor is None or examples.get(result.verdict) is not result:
            return
        examples[result.verdict] = self._redactor.result(replace(result, findings=[]), entry.transaction)

    def _transactions(self) -> Iterator[HttpTransaction]:
        for source in self._sources:
            try:
                for entry in source:
                    self._count_entry(entry)
                    if entry.transaction is not None:
                        self._open.append(entry)
                        yield entry.transaction
            except InputError as error:
                # What was read of it counts, and the inputs behind it are read all the same.
                if self.record.input_error is None:
                    self.record.input_error = str(error)
                else:
                    self.record.notes[str(error)] += 1

    def _count_entry(self, entry: Entry) -> None:
        record = self.record
        record.notes.update(entry.notes)
        if is_no_capture(entry):
            self._no_captures += 1
            is_shown = self._no_captures <= _MAX_NO_CAPTURES_SHOWN
            record.notes[f"{entry.source} {entry.problem}" if is_shown else _MORE_NO_CAPTURES] += 1
            return
        record.entries += 1
        if entry.transaction is not None:
            return
        if entry.is_out_of_scope:
            record.out_of_scope += 1
            return
        record.rejected_count += 1
        if len(record.rejected) < REJECTED_KEPT:
            record.rejected.append(self._redacted(entry))

    def _redacted(self, entry: Entry) -> Entry:
        if self._redactor is None or entry.problem is None:
            return entry
        return replace(entry, problem=self._redactor.text(entry.problem))


class _Interrupted(Exception):
    """A signal came while a write was blocked."""


def identity_of(executor: PluginExecutor) -> PluginIdentity:
    """What the executor has loaded and how it runs it, to recognise it the next time."""
    source = executor._source
    assert source is not None, "the executor is not started"
    options = {
        "limits": to_builtins(executor.limits),
        "permissions": to_builtins(executor.permissions),
        "sandbox": executor.get_stats().sandbox,
        "config": executor._plugin.config,
    }
    return PluginIdentity.of(executor.metadata, source, options)


def _kept(result: ScanResult) -> Kept:
    if not result.findings:
        return Kept(result, ())
    return Kept(result, [finding.fingerprint for finding in result.findings])


def _counts(result: ScanResult) -> Iterator[tuple[str, str, int]]:
    return ((denial.permission, denial.target, denial.count) for denial in result.denials)
