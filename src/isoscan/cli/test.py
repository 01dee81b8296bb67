"""`isoscan test`: plugins against the cases beside them."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import msgspec
from msgspec import Struct

from ..errors import ConfigError, InputError, PluginLoadError
from ..kit.cases import CASE_LINES, BrokenCase, Case, fixtures_folder, read_cases
from ..kit.coverage import FileCoverage, measure_coverage
from ..kit.problems import hint
from ..kit.testing import CaseOptions, Outcome, Status, metadata_id, run_cases
from ..models import Limits, SandboxLevel
from ..permissions import Permissions
from ..plugin_files import find_plugins
from ..reports.text import printable
from .exits import Exit
from .output import write_stdout

_LINE_CHARS = 500
_NAMES_SHOWN = 20


class TestArguments(Struct, frozen=True):
    """The options of the command, as given."""

    paths: list[str]
    is_update: bool
    only: str | None
    is_isolated: bool
    has_coverage: bool
    format: str
    timeout_s: float
    allow: list[str]
    sandbox: SandboxLevel


class PluginReport(Struct, frozen=True):
    """One plugin, its cases, and what of it they ran; `error`: why it ran none."""

    plugin: str
    path: Path
    outcomes: list[Outcome]
    coverage: list[FileCoverage] | None = None
    error: str | None = None


def test_command(arguments: TestArguments) -> int:
    """Runs the cases of each plugin and prints what came of them.

    Exit code 0 when all pass, 1 when one fails, 2 when a plugin has no cases or something is no case.
    """
    paths = find_plugins(arguments.paths or ["."])
    options = _options(arguments)
    chosen = [(path, read_cases(path)) for path in paths]
    if arguments.only is not None:
        chosen = _only(chosen, arguments.only)
    for path, cases in chosen:
        if not cases:
            raise InputError(_without_cases(path))
    # An end from outside is one like Ctrl-C: nothing temporary stays behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    reports = asyncio.run(_run_all(chosen, options, has_coverage=arguments.has_coverage))
    write_stdout(_WRITERS[arguments.format](reports))
    statuses = {outcome.status for report in reports for outcome in report.outcomes}
    if Status.BROKEN in statuses or any(report.error for report in reports):
        return Exit.USAGE
    return Exit.FINDINGS if Status.FAILED in statuses else Exit.OK


def _options(arguments: TestArguments) -> CaseOptions:
    net = []
    for word in arguments.allow:
        name, _, value = word.partition("=")
        if name != "net" or not value:
            raise ConfigError(
                f"--allow: {word!r} is not net=HOST:PORT; files and wasm are granted as the plugin asks"
            )
        net.append(value)
    try:
        permissions = Permissions(net=tuple(net))
    except ConfigError as error:
        raise ConfigError(str(error).replace("Permissions.net", "--allow net")) from error
    try:
        limits = Limits(timeout_s=arguments.timeout_s)
    except ConfigError as error:
        raise ConfigError(str(error).replace("Limits.timeout_s", "--timeout")) from error
    return CaseOptions(
        limits=limits,
        net=permissions.net,
        sandbox=arguments.sandbox,
        is_isolated=arguments.is_isolated,
        is_update=arguments.is_update,
    )


_Chosen = list[tuple[Path, list[Case | BrokenCase]]]


def _only(chosen: _Chosen, part: str) -> _Chosen:
    """Cases whose name, or whose plugin's and case's name, has the text in it."""
    names = [f"{metadata_id(path)}/{case.name}" for path, cases in chosen for case in cases]
    kept = [
        (path, own)
        for path, cases in chosen
        if (own := [case for case in cases if part in f"{metadata_id(path)}/{case.name}"])
    ]
    if not kept:
        raise ConfigError(f"-k {part!r}: no case has that in its name{hint(part, names[:_NAMES_SHOWN])}")
    return kept


def _without_cases(path: Path) -> str:
    folder = fixtures_folder(path)
    state = "has no cases in it" if folder.is_dir() else "does not exist"
    return (
        f"{path}: the plugin has no cases: {folder} {state}, and there is no {CASE_LINES}; "
        "put a transaction there as NAME.json and run isoscan test --update"
    )


async def _run_all(chosen: _Chosen, options: CaseOptions, *, has_coverage: bool) -> list[PluginReport]:
    reports = []
    for path, cases in chosen:
        name = metadata_id(path)
        try:
            outcomes = await run_cases(path, cases, options)
            sound = [case for case in cases if isinstance(case, Case)]
            coverage = await measure_coverage(path, sound, options) if has_coverage else None
        except PluginLoadError as error:
            reports.append(PluginReport(name, path, [], error=_in_folder(str(error), path)))
            continue
        reports.append(PluginReport(name, path, outcomes, coverage))
    return reports


def _in_folder(text: str, path: Path) -> str:
    """The first line of an error's text, with the plugin file as the user named it."""
    text = text.partition("\n")[0]
    return text if text.startswith(str(path)) else str(path.parent / text)


def _text(reports: Sequence[PluginReport]) -> str:
    lines: list[str] = []
    for report in reports:
        if report.error is not None:
            lines.append(f"ERROR {printable(report.error, _LINE_CHARS)}")
        for outcome in report.outcomes:
            name = printable(f"{report.plugin}/{outcome.name}")
            lines.append(f"{_MARKS[outcome.status]} {name}")
            lines += [f"    {printable(line, _LINE_CHARS)}" for line in outcome.lines]
            lines += [
                f"    console.{line.level}: {printable(line.text, _LINE_CHARS)}" for line in outcome.console
            ]
        lines += _coverage_lines(report)
    return "\n".join([*lines, _summary(reports)]) + "\n"


_MARKS = {
    Status.PASSED: "ok   ",
    Status.FAILED: "FAIL ",
    Status.UPDATED: "NEW  ",
    Status.BROKEN: "ERROR",
}


def _coverage_lines(report: PluginReport) -> list[str]:
    if report.coverage is None:
        return []
    lines = [f"coverage of {printable(report.plugin)}:"]
    for file in report.coverage:
        missed = f", never run: {file.missed_text}" if file.missed else ""
        shown = printable(str(report.path.parent / file.file))
        lines.append(f"    {file.percent:5.1f} % of {file.lines} lines  {shown}{missed}")
    total = sum(file.lines for file in report.coverage)
    missed_count = sum(len(file.missed) for file in report.coverage)
    if len(report.coverage) > 1:
        share = 100.0 * (total - missed_count) / total if total else 100.0
        lines.append(f"    {share:5.1f} % of {total} lines in all")
    return lines


def _summary(reports: Sequence[PluginReport]) -> str:
    statuses = [outcome.status for report in reports for outcome in report.outcomes]
    parts = [f"{count} {status.value}" for status in Status if (count := statuses.count(status))]
    unloaded = sum(report.error is not None for report in reports)
    if unloaded:
        parts.append(f"{unloaded} not loaded")
    plugins = "1 plugin" if len(reports) == 1 else f"{len(reports)} plugins"
    cases = "1 case" if len(statuses) == 1 else f"{len(statuses)} cases"
    return f"{plugins}, {cases}: {', '.join(parts)}"


def _json(reports: Sequence[PluginReport]) -> str:
    plugins: list[dict[str, Any]] = []
    for report in reports:
        value = msgspec.to_builtins(report, enc_hook=str)
        for own, file in zip(value["coverage"] or [], report.coverage or [], strict=True):
            own["percent"] = round(file.percent, 1)
        plugins.append(value)
    return json.dumps({"plugins": plugins, "summary": _summary(reports)}, indent=2) + "\n"


def _junit(reports: Sequence[PluginReport]) -> str:
    suites = [_suite(report) for report in reports]
    return '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n' + "".join(suites) + "</testsuites>\n"


def _suite(report: PluginReport) -> str:
    outcomes = report.outcomes
    if report.error is not None:
        outcomes = [Outcome("load", Status.BROKEN, [report.error])]
    statuses = [outcome.status for outcome in outcomes]
    failures, errors = statuses.count(Status.FAILED), statuses.count(Status.BROKEN)
    total_s = sum(outcome.duration_ms for outcome in outcomes) / 1000
    head = (
        f"  <testsuite name={_attribute(report.plugin)} tests={_attribute(len(outcomes))} "
        f"failures={_attribute(failures)} errors={_attribute(errors)} time={_attribute(f'{total_s:.3f}')}>\n"
    )
    return head + "".join(_testcase(report, outcome) for outcome in outcomes) + "  </testsuite>\n"


def _testcase(report: PluginReport, outcome: Outcome) -> str:
    time_s = f"{outcome.duration_ms / 1000:.3f}"
    opened = (
        f"    <testcase classname={_attribute(report.plugin)} name={_attribute(outcome.name)} "
        f"file={_attribute(report.path)} time={_attribute(time_s)}"
    )
    tag = {Status.FAILED: "failure", Status.BROKEN: "error"}.get(outcome.status)
    if tag is None:
        return f"{opened}/>\n"
    lines = [printable(line, _LINE_CHARS) for line in outcome.lines]
    body = f"      <{tag} message={_attribute(lines[0])}>{escape(chr(10).join(lines))}</{tag}>\n"
    console = "\n".join(f"{line.level}: {printable(line.text, _LINE_CHARS)}" for line in outcome.console)
    if console:
        body += f"      <system-out>{escape(console)}</system-out>\n"
    return f"{opened}>\n{body}    </testcase>\n"


def _attribute(value: object) -> str:
    return quoteattr(printable(str(value)))


_WRITERS = {"text": _text, "json": _json, "junit": _junit}
