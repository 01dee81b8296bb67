"""One run from its entries to its reports: reads, scans, masks, writes, counts."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial

from msgspec.structs import replace

from ..errors import InputError
from ..models import Finding, HttpTransaction, ScanResult
from ..record import Place, ReportedFinding, RunRecord
from ..redact import Redactor, shareable_fingerprint
from ..scanner import Scanner
from ..sources import Entry
from .outputs import Outputs
from .progress import make_progress

_MAX_REJECTED_SHOWN = 20


class Pipeline:
    """What a run reads, what it writes, what it counts."""

    def __init__(
        self,
        scanner: Scanner,
        sources: Sequence[Iterator[Entry]],
        outputs: Outputs,
        redactor: Redactor | None,
        record: RunRecord,
    ) -> None:
        self.record = record
        self._scanner = scanner
        self._sources = sources
        self._outputs = outputs
        self._redactor = redactor
        #: Read and not finished by all plugins; the first one is number `_first` of the input.
        self._open: deque[Entry] = deque()
        self._first = 0
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
            for result in self._scanner.unclaimed:
                self._scanner.coverage.add(result)
                named = [entry for entry in self._open if _id_of(entry) == result.transaction_id]
                self._take(result, *named)
        except InputError as error:
            self.record.input_error = str(error)
        finally:
            self.record.elapsed_s = time.monotonic() - began
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
            self.record.plugins = [executor.metadata for executor in self._scanner.executors]
            self._outputs.begin()
            with make_progress(self.record) as progress:
                async for result in self._scanner.scan(self._transactions()):
                    self._take(result, self._current())
                    if self.record.is_output_closed:
                        return
                    progress.update()

    def _current(self) -> Entry:
        """The entry whose results are handed out now; ids of a capture need not be unique."""
        while self._first < self._scanner.coverage.transactions - 1:
            self._open.popleft()
            self._first += 1
        return self._open[0]

    def _take(self, result: ScanResult, *entries: Entry) -> None:
        self._redact_failure(result, entries)
        for finding in result.findings:
            self.record.findings[finding.severity] += 1
            self.record.fingerprints.add(finding.fingerprint)
            if not self.record.is_output_closed:
                self.record.is_output_closed = not self._outputs.add(self._reported(finding, entries))

    def _reported(self, finding: Finding, entries: Sequence[Entry]) -> ReportedFinding:
        entry = entries[0] if entries else None
        place = None if entry is None else Place(entry.source, entry.index, entry.unit)
        transaction = entry.transaction if entry is not None and self._outputs.shows_traffic else None
        if self._redactor is None:
            return ReportedFinding(
                finding=finding, fingerprint=finding.fingerprint, transaction=transaction, place=place
            )
        for known in _transactions_of(entries):
            finding = self._redactor.finding(finding, known)
        return ReportedFinding(
            finding=finding,
            fingerprint=shareable_fingerprint(finding),
            transaction=None if transaction is None else self._masked(self._redactor, transaction),
            place=place,
        )

    def _masked(self, redactor: Redactor, transaction: HttpTransaction) -> HttpTransaction:
        """The transaction without secrets; most have several findings, so the last one is kept."""
        if self._last_masked is None or self._last_masked[0] is not transaction:
            self._last_masked = (transaction, redactor.transaction(transaction))
        return self._last_masked[1]

    def _redact_failure(self, result: ScanResult, entries: Sequence[Entry]) -> None:
        """What the summary will quote of a failure is the plugin's text, and that may quote the traffic."""
        examples = self._scanner.coverage.plugins[result.plugin_id].first_failures
        if self._redactor is None or examples.get(result.verdict) is not result:
            return
        for transaction in _transactions_of(entries):
            result = self._redactor.result(replace(result, findings=[]), transaction)
        examples[result.verdict] = result

    def _transactions(self) -> Iterator[HttpTransaction]:
        for source in self._sources:
            for entry in source:
                self.record.entries += 1
                self.record.notes.update(entry.notes)
                if entry.transaction is not None:
                    self._open.append(entry)
                    yield entry.transaction
                elif entry.is_out_of_scope:
                    self.record.out_of_scope += 1
                else:
                    self.record.rejected_count += 1
                    if len(self.record.rejected) < _MAX_REJECTED_SHOWN:
                        self.record.rejected.append(self._redacted(entry))

    def _redacted(self, entry: Entry) -> Entry:
        if self._redactor is None or entry.problem is None:
            return entry
        return replace(entry, problem=self._redactor.text(entry.problem))


class _Interrupted(Exception):
    """A signal came while a write was blocked."""


def _id_of(entry: Entry) -> str | None:
    return None if entry.transaction is None else entry.transaction.id


def _transactions_of(entries: Sequence[Entry]) -> list[HttpTransaction | None]:
    """What is known of the traffic a text may quote; `[None]` when nothing is."""
    return [entry.transaction for entry in entries] or [None]
