"""Runs a plugin's cases in the sandbox and judges what came of each."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from ..errors import ConfigError, PluginLoadError
from ..executor import PluginExecutor
from ..models import ConsoleLine, Finding, Limits, PluginMetadata, SandboxLevel, ScanResult, Verdict
from ..permissions import Permissions
from ..sandbox.deno import find_deno
from ..sandbox.modules import source_from_file
from . import snapshots
from .cases import BrokenCase, Case, Expectation
from .compare import comparable, difference
from .contract import load_plugin

_MAX_CONSOLE_LINES = 50
_HOW_TO_GRANT = "; ask for it in metadata.permissions, for network also run with --allow net=HOST:PORT"
#: A case may expect a timeout or a crash: they must not put the plugin into quarantine.
_NO_QUARANTINE = 1_000_000


class Status(StrEnum):
    """How a case ended."""

    PASSED = "passed"
    FAILED = "failed"
    UPDATED = "updated"
    BROKEN = "broken"


class Outcome(Struct, frozen=True):
    """What came of one case: `lines` say why it failed, or what was updated."""

    name: str
    status: Status
    lines: list[str] = []
    console: list[ConsoleLine] = []
    duration_ms: float = 0.0


class CaseOptions(Struct, frozen=True):
    """How cases are run. `net` are the `host:port` pairs the plugin may reach."""

    limits: Limits = Limits()
    net: tuple[str, ...] = ()
    sandbox: SandboxLevel = "strict"
    is_isolated: bool = False
    is_update: bool = False


async def run_cases(path: Path, cases: Sequence[Case | BrokenCase], options: CaseOptions) -> list[Outcome]:
    """Runs the cases of one plugin file and judges each, in their order.

    Cases with the same config share an executor and run in two orders that must agree. Raises
    `PluginLoadError` when the plugin does not load, and what starting a generation can raise.
    """
    grant = await own_grant(path, options)
    outcomes: dict[int, Outcome] = {}
    groups: dict[str, list[tuple[int, Case]]] = {}
    for number, case in enumerate(cases):
        if isinstance(case, BrokenCase):
            outcomes[number] = Outcome(case.name, Status.BROKEN, [case.reason])
        else:
            groups.setdefault(json.dumps(config_of(case), sort_keys=True), []).append((number, case))
    for group in groups.values():
        bench = _Bench(path, grant, config_of(group[0][1]), options)
        outcomes |= await bench.run(group)
    return [outcomes[number] for number in range(len(cases))]


def config_of(case: Case) -> dict[str, Any]:
    """What the plugin's `init` gets for this case."""
    return case.expectation.config if case.expectation else {}


async def own_grant(path: Path, options: CaseOptions) -> Permissions:
    """What the author's own plugin gets: its files and WebAssembly as it asks, network as allowed."""
    source = await source_from_file(path, find_deno())
    loaded = await load_plugin(source, options.limits, options.sandbox)
    asked = loaded.exported.get("permissions") if isinstance(loaded.exported, dict) else None
    try:
        wanted = msgspec.convert(asked or {}, Permissions)
    except (ValueError, ConfigError) as error:
        raise PluginLoadError(f"{path}: metadata.permissions: {error}") from error
    return Permissions(net=options.net, read=wanted.read, wasm=wanted.wasm)


class _Bench:
    """Cases with the same config, run in one isolate or in one each."""

    def __init__(self, path: Path, grant: Permissions, config: dict[str, Any], options: CaseOptions) -> None:
        self._path = path
        self._grant = grant
        self._config = config
        self._options = options

    async def run(self, group: Sequence[tuple[int, Case]]) -> dict[int, Outcome]:
        """One outcome for each case, by its number."""
        outcomes: dict[int, Outcome] = {}
        if self._options.is_isolated:
            for number, case in group:
                results, duration_ms = await self._alone(case)
                outcomes[number] = self._judge(case, results, [], duration_ms)
            return outcomes
        # Twice in a row, and backwards in another isolate: what a scan leaves behind shows in one of them.
        first: dict[int, tuple[list[ScanResult], float]] = {}
        others: dict[int, list[list[ScanResult]]] = {number: [] for number, _ in group}
        async with self._executor() as executor:
            for number, case in group:
                first[number] = await _scan(executor, case)
            whole = [(number, case) for number, case in group if _is_complete(first[number][0])]
            for number, case in whole:
                others[number].append((await _scan(executor, case))[0])
        if len(whole) > 1:
            async with self._executor() as executor:
                for number, case in reversed(whole):
                    others[number].append((await _scan(executor, case))[0])
        for number, case in group:
            results, duration_ms = first[number]
            different = next((run for run in others[number] if _essence(run) != _essence(results)), None)
            troubles = [] if different is None else await self._why_different(case, results, different)
            outcomes[number] = self._judge(case, results, troubles, duration_ms)
        return outcomes

    @asynccontextmanager
    async def _executor(self) -> AsyncIterator[PluginExecutor]:
        limits = msgspec.structs.replace(self._options.limits, max_consecutive_deaths=_NO_QUARANTINE)
        async with PluginExecutor.from_file(
            self._path,
            limits=limits,
            permissions=self._grant,
            config=self._config,
            sandbox=self._options.sandbox,
        ) as executor:
            yield executor

    async def _alone(self, case: Case) -> tuple[list[ScanResult], float]:
        async with self._executor() as executor:
            return await _scan(executor, case)

    async def _why_different(
        self, case: Case, results: Sequence[ScanResult], again: Sequence[ScanResult]
    ) -> list[str]:
        """Two runs in one isolate differ: is it what ran before, or chance?"""
        alone, _ = await self._alone(case)
        alone_again, _ = await self._alone(case)
        lines = [f"  in one run: {_in_short(results)}", f"  in another: {_in_short(again)}"]
        if _essence(alone) != _essence(alone_again):
            cause = "gives other results from run to run, even alone; leave time and chance out of findings"
            return [cause, *lines]
        cause = (
            "depends on what the isolate scanned before: the plugin keeps state between scans; "
            "keep it inside scan_transaction (or run with --isolate)"
        )
        return [cause, *lines, f"  alone: {_in_short(alone)}"]

    def _judge(
        self, case: Case, results: list[ScanResult], troubles: list[str], duration_ms: float
    ) -> Outcome:
        findings = [finding for result in results for finding in result.findings]
        lines = [*troubles, *_verdict_lines(case.expectation, results)]
        if self._options.is_update and not lines:
            return self._update(case, findings, duration_ms)
        if not lines:
            lines = _finding_lines(case, findings)
        status = Status.FAILED if lines else Status.PASSED
        return Outcome(case.name, status, lines, _console(results) if lines else [], duration_ms)

    def _update(self, case: Case, findings: Sequence[Finding], duration_ms: float) -> Outcome:
        now = snapshots.updated(case, findings)
        told = snapshots.changes(case, now)
        if told is None:
            return Outcome(case.name, Status.PASSED, duration_ms=duration_ms)
        snapshots.write(case, now)
        place = case.expected_path if case.line is None else f"{case.path}:{case.line}"
        return Outcome(case.name, Status.UPDATED, [f"{place}: {told}"], duration_ms=duration_ms)


async def _scan(executor: PluginExecutor, case: Case) -> tuple[list[ScanResult], float]:
    began = time.monotonic()
    results = [result async for result in executor.scan_many(case.transactions)]
    return results, (time.monotonic() - began) * 1000


def _is_complete(results: Sequence[ScanResult]) -> bool:
    return all(result.verdict.is_complete for result in results)


def _finding_lines(case: Case, findings: Sequence[Finding]) -> list[str]:
    """What is wrong with the findings of scans that ended as they should."""
    if case.expectation is None:
        place = case.expected_path if case.line is None else f"{case.path}:{case.line}: expect"
        return [
            f"nothing says what to expect: {place} is missing; isoscan test --update writes it "
            f"({snapshots.count(len(findings))} now)"
        ]
    if case.expectation.findings is not None:
        return difference(case.expectation.findings, findings)
    if findings and case.expectation.failure is None:
        return [f"{case.expected_path}: says nothing of findings; add findings, [] for none"]
    return []


def _verdict_lines(expectation: Expectation | None, results: Sequence[ScanResult]) -> list[str]:
    """What is wrong with how the scans ended, apart from their findings."""
    failed = [result for result in results if not result.verdict.is_complete]
    wanted = expectation.failure if expectation else None
    if wanted is None or wanted.is_complete:
        lines = [line for result in failed for line in _failure_lines(result)]
        if wanted is not None and not failed and wanted not in {result.verdict for result in results}:
            lines.append(f"expected the verdict {wanted.value!r}, it was {_in_short(results)}")
        return lines
    text = expectation.error if expectation else None
    meant = [result for result in failed if result.verdict is wanted]
    if not meant:
        lines = [f"expected the verdict {wanted.value!r}, it was {_in_short(results)}"]
        return lines + [line for result in failed for line in _failure_lines(result)]
    if text is not None and not any(text in str(result.error) for result in meant):
        return [f"expected an error with {text!r}", *(line for r in meant for line in _failure_lines(r))]
    return [line for result in failed if result.verdict is not wanted for line in _failure_lines(result)]


def _failure_lines(result: ScanResult) -> list[str]:
    lines = [f"{result.verdict.value}: {result.error}"]
    if result.error is not None and result.error.stack:
        lines += [f"  {line.strip()}" for line in result.error.stack.splitlines() if line.strip()]
    for denial in result.denials:
        lines.append(
            f"  it tried {denial.permission} {denial.target} and was not granted that{_HOW_TO_GRANT}"
        )
    return lines


def _essence(results: Sequence[ScanResult]) -> list[Any]:
    """What must not depend on what ran before."""
    found = []
    for result in results:
        findings = sorted(json.dumps(comparable(one), sort_keys=True, default=str) for one in result.findings)
        found.append((result.verdict, findings))
    return found


def _in_short(results: Sequence[ScanResult]) -> str:
    verdicts = sorted({result.verdict for result in results if not result.verdict.is_complete})
    count = sum(len(result.findings) for result in results)
    findings = "1 finding" if count == 1 else f"{count} findings" if count else Verdict.CLEAN.value
    return ", ".join(
        [*(verdict.value for verdict in verdicts), findings] if count or not verdicts else verdicts
    )


def _console(results: Sequence[ScanResult]) -> list[ConsoleLine]:
    return [line for result in results for line in result.console][:_MAX_CONSOLE_LINES]


def metadata_id(path: Path) -> str:
    """How a plugin is called in reports when it cannot say so itself."""
    name = path.parent.resolve().name if path.stem == "plugin" else path.stem
    return PluginMetadata(id="".join(name.split()) or "plugin").id
