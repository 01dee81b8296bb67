"""`isoscan run`: from inputs and plugins to findings, a summary and an exit code."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct, field

from ..errors import ConfigError, InputError
from ..executor import PluginExecutor
from ..models import MIB, Finding, HttpTransaction, Limits, Severity
from ..plugin_files import bundled_plugins, find_plugins
from ..reports.jsonl import JsonlReport
from ..reports.table import TableReport
from ..scanner import Coverage, Scanner
from ..sources import Entry, open_source
from .app import complain
from .exits import Exit
from .progress import Progress
from .summary import summarise

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", re.IGNORECASE)
_FACTORS = {"": 1, "k": 1024, "m": MIB, "g": 1024 * MIB, "t": MIB * MIB}
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


class Tally(Struct):
    """What a run counts besides its scans."""

    entries: int = 0
    rejected: list[Entry] = field(default_factory=list)
    rejected_count: int = 0
    out_of_scope: int = 0
    notes: Counter[str] = field(default_factory=Counter)
    findings: Counter[Severity] = field(default_factory=Counter)
    fingerprints: set[str] = field(default_factory=set)
    input_error: str | None = None
    is_interrupted: bool = False
    is_output_closed: bool = False
    elapsed_s: float = 0.0


_MAX_REJECTED_SHOWN = 20


def run_command(options: RunOptions) -> int:
    """Runs it all. Everything that can be wrong beforehand is said before anything is scanned."""
    limits = _limits(options)
    paths = find_plugins(options.plugins) if options.plugins else bundled_plugins()
    sources = [open_source(name) for name in _each_once(options.inputs)]
    output = _open_output(options.output)
    report = _report(options, output)
    executors = [PluginExecutor.from_file(path, limits=limits) for path in paths]
    run = _Run(Scanner(executors), sources, report, options.output)
    try:
        asyncio.run(run.run())
    except ExceptionGroup as group:
        return complain("\n".join(str(error) for error in group.exceptions))
    finally:
        if output is not sys.stdout.buffer and not run.tally.is_output_closed:
            output.close()
    return _conclude(run.tally, run.scanner.coverage, options.fail_on)


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
    return int(float(match[1]) * _FACTORS[match[2].lower()])


class _Run:
    """One run: what it reads, what it writes, what it counts."""

    def __init__(
        self,
        scanner: Scanner,
        sources: list[Iterator[Entry]],
        report: JsonlReport | TableReport,
        output_name: str,
    ) -> None:
        self.scanner = scanner
        self.tally = Tally()
        self._sources = sources
        self._report = report
        self._output_name = "standard output" if output_name == "-" else output_name

    async def run(self) -> None:
        """Scans until the input ends, Ctrl-C comes or nobody reads the output."""
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._interrupt, task)
        began = time.monotonic()
        try:
            await self._scan()
        except asyncio.CancelledError:
            if not self.tally.is_interrupted:
                raise
        except InputError as error:
            self.tally.input_error = str(error)
        finally:
            self.tally.elapsed_s = time.monotonic() - began
        self._write(self._report.finish)

    def _interrupt(self, task: asyncio.Task[None]) -> None:
        if not self.tally.is_interrupted:
            self.tally.is_interrupted = True
            task.cancel()

    async def _scan(self) -> None:
        async with self.scanner:
            with Progress(self.scanner.coverage, self.tally) as progress:
                async for result in self.scanner.scan(self._transactions()):
                    for finding in result.findings:
                        self._count(finding)
                        self._write(partial(self._report.add, finding))
                    if self.tally.is_output_closed:
                        return
                    progress.update()

    def _transactions(self) -> Iterator[HttpTransaction]:
        for source in self._sources:
            for entry in source:
                self.tally.entries += 1
                self.tally.notes.update(entry.notes)
                if entry.transaction is not None:
                    yield entry.transaction
                elif entry.is_out_of_scope:
                    self.tally.out_of_scope += 1
                else:
                    self.tally.rejected_count += 1
                    if len(self.tally.rejected) < _MAX_REJECTED_SHOWN:
                        self.tally.rejected.append(entry)

    def _count(self, finding: Finding) -> None:
        self.tally.findings[finding.severity] += 1
        self.tally.fingerprints.add(finding.fingerprint)

    def _write(self, write: Callable[[], None]) -> None:
        if self.tally.is_output_closed:
            return
        try:
            write()
        except BrokenPipeError:
            self.tally.is_output_closed = True
            # The interpreter flushes standard output once more when it exits.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except OSError as error:
            raise InputError(f"{self._output_name}: cannot write the findings: {error.strerror}") from error


def _conclude(tally: Tally, coverage: Coverage, fail_on: str | None) -> int:
    for line in summarise(tally, coverage):
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
    repeated = [name for name, count in Counter(inputs).items() if count > 1]
    if repeated:
        raise ConfigError(f"{repeated[0]}: the same input is named twice")
    return inputs


def _open_output(name: str) -> BinaryIO:
    if name == "-":
        return sys.stdout.buffer
    try:
        # Findings quote traffic, so the file is its owner's alone from the first byte on.
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise ConfigError(f"--output {name}: cannot write there: {error.strerror}") from error
    return os.fdopen(descriptor, "wb")


def _report(options: RunOptions, output: BinaryIO) -> JsonlReport | TableReport:
    chosen = options.format or _SUFFIX_FORMATS.get(Path(options.output).suffix.lower(), "table")
    if chosen == "jsonl":
        return JsonlReport(output)
    return TableReport(output, is_terminal=output is sys.stdout.buffer and sys.stdout.isatty())
