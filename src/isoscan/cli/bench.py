"""`isoscan bench soak`: runs the modes, shows them, writes the report."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cyclopts import Parameter
from msgspec import Struct

from ..bench.figures import parse_duration, size
from ..bench.machine import machine_facts
from ..bench.modes import modes_named
from ..bench.page import page
from ..bench.records import ModeRecord, SoakOptions, SoakReport
from ..bench.screen import Screen, line
from ..bench.soak import BASE_RSS_BYTES, Soak, make_policy
from ..errors import ConfigError, InputError, IsoscanError
from ..models import Limits
from .exits import Exit, complain
from .output import OutputClosed, write_stdout
from .run import parse_size

#: A lone dash, as the command line hands it on.
STANDARD_OUTPUT = "\0"


class Targets(Struct, frozen=True):
    """Where the report goes; None: nowhere."""

    json: str | None = None
    html: str | None = None


def soak(
    *,
    mode: Annotated[list[str] | None, Parameter(name=["--mode", "-m"], negative="")] = None,
    duration: Annotated[str, Parameter(name=["--duration", "-d"])] = "10s",
    policy: Literal["adaptive", "max-executions", "none"] = "adaptive",
    memory_budget: Annotated[str, Parameter(name="--memory-budget")] = "128MB",
    max_executions: Annotated[int, Parameter(name="--max-executions")] = 10_000,
    memory: str = "512MB",
    output: Annotated[str | None, Parameter(name=["--output", "-o"])] = None,
    json: Annotated[str | None, Parameter(name="--json")] = None,
    html: Annotated[str | None, Parameter(name="--html")] = None,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="")] = False,
) -> int:
    """Run plugins that leak, and one that does not, and show memory, restarts and lost scans.

    Parameters
    ----------
    mode
        well-behaved, seed-leak, seed-ours, leak-2kB, leak-1MB or bursts; repeat for more. Default: all.
    duration
        How long each mode runs, for example 10s, 5m or 1.5h.
    policy
        "adaptive" restarts by measured growth and by memory, "max-executions" by count,
        "none" leaves only the hard limit of --memory.
    memory_budget
        Live memory of a generation the adaptive policy allows; resident memory may be 64 MB more.
    max_executions
        Scans of a generation for --policy max-executions.
    memory
        Hard limit of a generation's resident memory.
    output
        A folder for soak.json and soak.html; made when it is not there.
    json
        A file for the JSON report; "-" is standard output.
    html
        A file for the page.
    quiet
        No screen, no lines; only the report and the exit code.
    """
    options = SoakOptions(
        modes=tuple(one.name for one in modes_named(mode or ())),
        duration_s=parse_duration(duration, "--duration"),
        policy=policy,
        memory_budget_bytes=parse_size(memory_budget, "--memory-budget"),
        max_executions=max_executions,
        memory_limit_bytes=parse_size(memory, "--memory"),
    )
    _check(options)
    return soak_command(options, _targets(output, json, html), is_quiet=quiet)


def soak_command(options: SoakOptions, targets: Targets, *, is_quiet: bool) -> int:
    """Runs the soak and writes its report, after Ctrl-C too."""
    machine = machine_facts()
    started_at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    failure: IsoscanError | None = None
    with Screen(is_on=not is_quiet) as screen:

        def say(record: ModeRecord) -> None:
            screen.clear()
            if not is_quiet:
                _say(line(record), is_on_stderr=targets.json == STANDARD_OUTPUT)

        run = Soak(options, watch=screen.show, ended=say)
        try:
            asyncio.run(_run(run))
        except IsoscanError as error:
            failure = error  # what was done before it is reported first
    report = SoakReport(
        started_at=started_at,
        is_interrupted=run.is_stopped,
        machine=machine,
        options=options,
        modes=run.records,
    )
    _write_report(report, targets)
    if failure is not None:
        raise failure
    return _conclude(report)


async def _run(run: Soak) -> None:
    """Until all is done, or Ctrl-C; a second one does not wait for the scans that run."""
    task = asyncio.current_task()
    assert task is not None
    is_given_up = False

    def interrupt() -> None:
        nonlocal is_given_up
        if run.is_stopped:
            is_given_up = True
            task.cancel()
        run.stop()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt)
    try:
        await run.run()
    except asyncio.CancelledError:
        if not is_given_up:
            raise


def _conclude(report: SoakReport) -> int:
    for record in report.modes:
        if record.lost or record.failed:
            why = f": {record.failure}" if record.failure else ""
            complain(f"{record.mode}: {record.lost:,} scans lost, {record.failed:,} failed{why}")
    if report.is_interrupted:
        return complain("interrupted; the report has what was done", Exit.INTERRUPTED)
    return Exit.OK if report.is_complete else Exit.INCOMPLETE


def _check(options: SoakOptions) -> None:
    """Says before anything runs what the run would trip over."""
    try:
        Limits(memory_bytes=options.memory_limit_bytes)
    except ConfigError as error:
        raise ConfigError(str(error).replace("Limits.memory_bytes", "--memory")) from error
    try:
        _, restart_rss_bytes = make_policy(options)
    except ConfigError as error:
        text = str(error).replace("AdaptiveInterval.memory_budget_bytes", "--memory-budget")
        raise ConfigError(text.replace("MaxExecutions.n", "--max-executions")) from error
    if restart_rss_bytes is not None and restart_rss_bytes >= options.memory_limit_bytes:
        raise ConfigError(
            f"--memory-budget {size(options.memory_budget_bytes)}: with {size(BASE_RSS_BYTES)} for the "
            f"process itself it reaches the hard limit of --memory {size(options.memory_limit_bytes)}"
        )


def _targets(output: str | None, json: str | None, html: str | None) -> Targets:
    """Where the report goes; a place that cannot be written is said before the run, not after it."""
    found: dict[str, str] = {}
    if output is not None:
        folder = Path(output)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"--output {output}: cannot make that folder: {error.strerror}") from error
        found = {"json": str(folder / "soak.json"), "html": str(folder / "soak.html")}
    found |= {name: value for name, value in (("json", json), ("html", html)) if value is not None}
    for name, target in found.items():
        if target == STANDARD_OUTPUT and name == "json":
            if sys.stdout is None:
                raise ConfigError("standard output is closed; write to a file with --json")
            continue
        try:
            with Path(target).open("ab"):
                pass
        except (OSError, ValueError) as error:
            raise ConfigError(f"--{name} {target}: cannot write there: {error}") from error
    return Targets(**found)


def _write_report(report: SoakReport, targets: Targets) -> None:
    if targets.json is not None:
        text = msgspec.json.format(msgspec.json.encode(report), indent=1).decode() + "\n"
        if targets.json == STANDARD_OUTPUT:
            write_stdout(text)
        else:
            _write_file(targets.json, text)
    if targets.html is not None:
        _write_file(targets.html, page(report))


def _write_file(name: str, text: str) -> None:
    try:
        Path(name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{name}: cannot write the report: {error.strerror}") from error


def _say(text: str, *, is_on_stderr: bool) -> None:
    """One line for a person; when nobody reads it, the run and its report go on."""
    with contextlib.suppress(OutputClosed, BrokenPipeError):
        if is_on_stderr:
            sys.stderr.write(text + "\n")
        else:
            write_stdout(text + "\n")
