"""`isoscan run`: from inputs and plugins to findings, a summary and an exit code."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from .._options import ExecutorOptions
from ..errors import ConfigError, InputError
from ..executor import PluginExecutor
from ..models import MIB, HttpTransaction, Limits, SandboxLevel, ScanResult, Severity
from ..permissions import Permissions
from ..plugin_files import bundled_plugins, find_plugins
from ..redact import Redactor, shareable_fingerprint
from ..reports import Report
from ..reports.jsonl import JsonlReport
from ..scanner import Coverage, Scanner
from ..sources import Entry, open_source
from .exits import Exit, complain
from .output import Output, OutputClosed
from .progress import make_progress
from .summary import summarise
from .tally import Tally

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", re.IGNORECASE)
_FACTORS = {"": 1, "k": 1024, "m": MIB, "g": 1024 * MIB, "t": MIB * MIB}
_MAX_SIZE_BYTES = 1 << 50
_SUFFIX_FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl"}


class RunOptions(Struct, frozen=True):
    """The options of one run, as given."""

    inputs: list[str]
    plugins: list[str] | None
    format: str | None
    output: str
    fail_on: str | None
    timeout_s: float
    memory: str
    allow: list[str]
    sandbox: SandboxLevel
    #: None: only what goes to a file.
    redact: bool | None = None


_MAX_REJECTED_SHOWN = 20


def run_command(options: RunOptions) -> int:
    """Runs it all. Everything that can be wrong beforehand is said before anything is scanned."""
    limits = _limits(options)
    permissions = parse_permissions(options.allow)
    paths = find_plugins(options.plugins) if options.plugins else bundled_plugins()
    if "-" in options.inputs and sys.stdin is None:
        raise ConfigError("standard input is closed; name a file instead of '-'")
    sources = [open_source(name) for name in _each_once(options.inputs)]
    if options.output == "-" and sys.stdout is None:
        raise ConfigError("standard output is closed; write to a file with --output")
    output = Output(options.output)
    is_redacted = not output.is_stdout if options.redact is None else options.redact
    redactor = Redactor() if is_redacted else None
    try:
        output.check_is_not([*options.inputs, *map(str, paths)])
        own: ExecutorOptions = {
            "limits": limits,
            "permissions": permissions,
            "sandbox": options.sandbox,
        }
        executors = [PluginExecutor.from_file(path, **own) for path in paths]
        report = _report(options, output, is_redacted=is_redacted)
        run = _Run(Scanner(executors), sources, output, report, redactor)
        asyncio.run(run.run())
        output.commit()
    except ExceptionGroup as group:
        return complain("\n".join(str(error) for error in group.exceptions))
    finally:
        if (unfinished := output.close()) is not None:
            complain(f"{output.shown_name} was left as it was; what was written is in {unfinished}")
    return _conclude(run.tally, run.scanner.coverage, options.fail_on, output.shown_name, redactor)


def _limits(options: RunOptions) -> Limits:
    memory_bytes = parse_size(options.memory, "--memory")
    try:
        return Limits(timeout_s=options.timeout_s, memory_bytes=memory_bytes)
    except ConfigError as error:
        text = str(error).replace("Limits.timeout_s", "--timeout").replace("Limits.memory_bytes", "--memory")
        raise ConfigError(text) from error


def parse_size(text: str, option: str) -> int:
    """Bytes from `512MB`, `1.5GiB` or a plain number; units are powers of 1024."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ConfigError(f"{option}: {text!r} is not a size; write for example 256MB or 1GB")
    size_bytes = float(match[1]) * _FACTORS[match[2].lower()]
    if size_bytes >= _MAX_SIZE_BYTES:
        raise ConfigError(f"{option}: {text[:40]!r} is more than any machine has")
    return int(size_bytes)


def parse_permissions(allowed: list[str]) -> Permissions:
    """Permissions from `net=host:port`, `read=path` and `wasm`, each given once for each of its values."""
    net: list[str] = []
    read: list[str] = []
    wasm = False
    for word in allowed:
        name, mark, value = word.partition("=")
        if name == "net" and mark:
            net.append(value)
        elif name == "read" and mark:
            read.append(value)
        elif word == "wasm":
            wasm = True
        else:
            raise ConfigError(f"--allow: {word!r} is no permission; write net=HOST:PORT, read=PATH or wasm")
    try:
        return Permissions(net=tuple(net), read=tuple(read), wasm=wasm)
    except ConfigError as error:
        text = (
            str(error).replace("Permissions.net", "--allow net").replace("Permissions.read", "--allow read")
        )
        raise ConfigError(text) from error


class _Run:
    """One run: what it reads, what it writes, what it counts."""

    def __init__(
        self,
        scanner: Scanner,
        sources: list[Iterator[Entry]],
        output: Output,
        report: Report,
        redactor: Redactor | None,
    ) -> None:
        self.scanner = scanner
        self.tally = Tally()
        self._sources = sources
        self._output = output
        self._report = report
        self._redactor = redactor
        #: Read and not finished by all plugins; the first one is number `_first` of the input.
        self._open: deque[HttpTransaction] = deque()
        self._first = 0

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
            if not self.tally.is_interrupted:
                raise
            for result in self.scanner.unclaimed:
                self.scanner.coverage.add(result)
                named = [one for one in self._open if one.id == result.transaction_id]
                self._take(result, *named)
        except InputError as error:
            self.tally.input_error = str(error)
        finally:
            self.tally.elapsed_s = time.monotonic() - began
        self._write(self._report.finish)

    def _interrupt(
        self, loop: asyncio.AbstractEventLoop, task: asyncio.Task[None], number: int, frame: object
    ) -> None:
        """Stops the run; a write that nobody reads would hold up the event loop, so it is cut off."""
        if self.tally.is_interrupted:
            # Stopping is short and bounded, so a second signal changes nothing, unless a write is stuck.
            if self._output.is_writing:
                raise KeyboardInterrupt
            return
        self.tally.is_interrupted = True
        if self._output.is_writing:
            self.tally.is_output_closed = True
            raise _Interrupted
        loop.call_soon_threadsafe(task.cancel)

    async def _scan(self) -> None:
        async with self.scanner:
            self._output.begin()
            with make_progress(self.scanner.coverage, self.tally) as progress:
                async for result in self.scanner.scan(self._transactions()):
                    self._take(result, self._current())
                    if self.tally.is_output_closed:
                        return
                    progress.update()

    def _current(self) -> HttpTransaction:
        """The transaction whose results are handed out now; ids of a capture need not be unique."""
        while self._first < self.scanner.coverage.transactions - 1:
            self._open.popleft()
            self._first += 1
        return self._open[0]

    def _take(self, result: ScanResult, *transactions: HttpTransaction) -> None:
        self._redact_failure(result, transactions)
        for finding in result.findings:
            self.tally.findings[finding.severity] += 1
            self.tally.fingerprints.add(finding.fingerprint)
            shown = finding
            if self._redactor is not None:
                for transaction in transactions or (None,):
                    shown = self._redactor.finding(shown, transaction)
            self._write(partial(self._report.add, shown))

    def _redact_failure(self, result: ScanResult, transactions: tuple[HttpTransaction, ...]) -> None:
        """What the summary will quote of a failure is the plugin's text, and that may quote the traffic."""
        examples = self.scanner.coverage.plugins[result.plugin_id].first_failures
        if self._redactor is None or examples.get(result.verdict) is not result:
            return
        for transaction in transactions or (None,):
            result = self._redactor.result(replace(result, findings=[]), transaction)
        examples[result.verdict] = result

    def _transactions(self) -> Iterator[HttpTransaction]:
        for source in self._sources:
            for entry in source:
                self.tally.entries += 1
                self.tally.notes.update(entry.notes)
                if entry.transaction is not None:
                    self._open.append(entry.transaction)
                    yield entry.transaction
                elif entry.is_out_of_scope:
                    self.tally.out_of_scope += 1
                else:
                    self.tally.rejected_count += 1
                    if len(self.tally.rejected) < _MAX_REJECTED_SHOWN:
                        self.tally.rejected.append(self._redacted(entry))

    def _redacted(self, entry: Entry) -> Entry:
        if self._redactor is None or entry.problem is None:
            return entry
        return replace(entry, problem=self._redactor.text(entry.problem))

    def _write(self, write: Callable[[], None]) -> None:
        if self.tally.is_output_closed:
            return
        try:
            write()
        except OutputClosed:
            self.tally.is_output_closed = True


class _Interrupted(Exception):
    """A signal came while a write was blocked."""


def _conclude(
    tally: Tally, coverage: Coverage, fail_on: str | None, output_name: str, redactor: Redactor | None
) -> int:
    if redactor is not None and redactor.masked:
        sys.stderr.write("redacted: secrets in findings and messages are masked; --no-redact shows them\n")
    for line in summarise(tally, coverage, output_name):
        sys.stderr.write(line + "\n")
    if tally.is_interrupted:
        return Exit.INTERRUPTED
    if tally.input_error is not None:
        return Exit.USAGE
    if fail_on is not None and any(
        count and severity.rank >= Severity(fail_on).rank for severity, count in tally.findings.items()
    ):
        return Exit.FINDINGS
    if coverage.failed or tally.rejected_count or tally.is_output_closed:
        return Exit.INCOMPLETE
    return Exit.OK


def _each_once(inputs: list[str]) -> list[str]:
    seen: set[str] = set()
    for name in inputs:
        key = name if name == "-" else os.path.realpath(name)
        if key in seen:
            raise ConfigError(f"{name}: the same input is named twice")
        seen.add(key)
    return inputs


def _report(options: RunOptions, output: Output, *, is_redacted: bool) -> Report:
    chosen = options.format or _SUFFIX_FORMATS.get(Path(options.output).suffix.lower(), "table")
    if chosen == "jsonl":
        return JsonlReport(output, fingerprint_of=shareable_fingerprint if is_redacted else None)
    from ..reports.table import TableReport

    return TableReport(output, is_terminal=output.is_stdout and output.is_terminal)
