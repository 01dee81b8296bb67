"""Runs that are cut short: signals and closed pipes. What was found is kept, nothing is left behind."""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import signal
import termios
import time
from typing import IO

import psutil
import pytest

from acceptance._command import (
    DEADLINE_S,
    Workspace,
    assert_gone,
    entry,
    generations_of,
    har,
    parse_lines,
    wait_until_busy,
)

#: Long enough that only the signal can have ended the run.
ENDLESS = ("--timeout", "3600")


def wait_until_full(pipe: IO[bytes]) -> None:
    """Returns when the writer at the other end does not get any further."""
    half = fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ) // 2
    waiting = array.array("i", [0])
    before = -1
    end = time.monotonic() + DEADLINE_S
    while waiting[0] < half or waiting[0] != before:
        assert time.monotonic() < end, "the pipe did not fill"
        before = waiting[0]
        time.sleep(0.1)
        fcntl.ioctl(pipe, termios.FIONREAD, waiting)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_signal_in_mid_run(workspace: Workspace, number: signal.Signals) -> None:
    """Finished results are written, the summary says interrupted, and no process outlives the command."""
    workspace.capture("in.har", "high", "slow", "loop", "critical")
    arguments = ("run", "in.har", "-p", "probe.ts", "-f", "jsonl", *ENDLESS)
    with workspace.started(*arguments) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline(), process.stdout.readline()]
        generations = generations_of(process)
        process.send_signal(number)
        done = workspace.finish(process)
    assert [finding["severity"] for finding in parse_lines(b"".join(lines))] == ["high", "medium"]
    assert done.stdout == b""
    assert done.code == 130
    assert "interrupted" in done.stderr
    assert "2 with findings" in done.stderr
    assert_gone(generations)


def test_signal_to_the_whole_group(workspace: Workspace) -> None:
    """A terminal sends Ctrl-C to everyone in the foreground; twice in a row changes nothing."""
    workspace.capture("in.har", "slow", "loop")
    with workspace.started("run", "in.har", "-p", "probe.ts", "-f", "jsonl", *ENDLESS) as process:
        assert process.stdout is not None
        process.stdout.readline()
        generations = generations_of(process)
        for _ in range(2):
            os.killpg(process.pid, signal.SIGINT)
        done = workspace.finish(process)
    assert done.code == 130
    assert "interrupted" in done.stderr
    assert_gone(generations)


def test_signal_with_a_table(workspace: Workspace) -> None:
    """A table is written at the end, and an interrupted run has an end too."""
    workspace.capture("in.har", "slow", "loop")
    with workspace.started("run", "in.har", "-p", "probe.ts", *ENDLESS) as process:
        generations = generations_of(process)
        wait_until_busy(*generations)
        process.send_signal(signal.SIGINT)
        done = workspace.finish(process)
    assert "|medium" in done.text
    assert done.code == 130
    assert_gone(generations)


def test_signal_when_one_plugin_hangs(workspace: Workspace) -> None:
    """What the other plugins finished beyond the place where one hangs is not lost."""
    workspace.write("quick.ts", "export function scan_transaction() { return { title: 'Quick' }; }")
    workspace.capture("in.har", "loop", *["clean"] * 9)
    arguments = ("run", "in.har", "-p", "quick.ts", "-p", "probe.ts", "-f", "jsonl", *ENDLESS)
    with workspace.started(*arguments) as process:
        wait_until_busy(*generations_of(process, count=2))
        process.send_signal(signal.SIGINT)
        done = workspace.finish(process)
    assert [finding["transaction_id"] for finding in done.findings] == [f"in.har#{n}" for n in range(10)]
    assert done.code == 130


def test_signal_while_nobody_reads(workspace: Workspace) -> None:
    """Ctrl-C ends a run that waits for a pager to take its output."""
    workspace.write("in.har", har(*[entry("http://shop.example/high")] * 2000))
    with workspace.started("run", "in.har", "-p", "probe.ts", "-f", "jsonl") as process:
        assert process.stdout is not None
        wait_until_full(process.stdout)
        generations = generations_of(process)
        process.send_signal(signal.SIGINT)
        try:
            code = process.wait(timeout=20)
        finally:
            process.stdout.close()
        assert code == 130
    assert_gone(generations)


def test_signal_with_output_file(workspace: Workspace) -> None:
    """The file holds whole lines, one per finished finding."""
    workspace.capture("in.har", "high", "slow", "loop")
    output = workspace.folder / "out.jsonl"
    os.mkfifo(output)
    with workspace.started("run", "in.har", "-p", "probe.ts", "-o", "out.jsonl", *ENDLESS) as process:
        with output.open("rb") as pipe:
            lines = [pipe.readline(), pipe.readline()]
            generations = generations_of(process)
            process.send_signal(signal.SIGTERM)
            lines += pipe.readlines()
        done = workspace.finish(process)
    assert [finding["severity"] for finding in parse_lines(b"".join(lines))] == ["high", "medium"]
    assert done.code == 130
    assert_gone(generations)


def test_killed_command_leaves_no_process(workspace: Workspace) -> None:
    """Even SIGKILL, which nobody can catch, leaves no generation running, not one in a loop either."""
    workspace.capture("in.har", "slow", "loop")
    with workspace.started("run", "in.har", "-p", "probe.ts", "-f", "jsonl", "--timeout", "5") as process:
        assert process.stdout is not None
        process.stdout.readline()
        generations = generations_of(process)
        process.kill()
        process.wait()
        try:
            assert_gone(generations, deadline_s=20)
        finally:
            for generation in generations:
                with contextlib.suppress(psutil.NoSuchProcess):
                    generation.kill()


@pytest.mark.parametrize("form", ["jsonl", "table"])
def test_closed_pipe(workspace: Workspace, form: str) -> None:
    """Nobody reads the output any more: exit code 3 and one message, no traceback, no process left."""
    workspace.write("in.har", har(*[entry("http://shop.example/high")] * 20_000))
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "wb") as output:
        started = workspace.started("run", "in.har", "-p", "probe.ts", "-f", form, stdout=output)
        with started as process:
            output.close()
            generations = generations_of(process)
            if form == "jsonl":
                assert os.read(read_end, 1) == b"{"
            os.close(read_end)
            done = workspace.finish(process)
    assert done.code == 3
    assert "isoscan: standard output was closed" in done.stderr
    assert_gone(generations)


@pytest.mark.parametrize(
    "arguments", [["schema"], ["plugins"], ["--help"], ["--version"]], ids=lambda words: words[0]
)
def test_closed_pipe_of_other_commands(workspace: Workspace, arguments: list[str]) -> None:
    """Every command takes a closed pipe in its stride."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "wb") as output, workspace.started(*arguments, stdout=output) as process:
        done = workspace.finish(process)
    assert done.code == 3
    assert "isoscan: standard output was closed" in done.stderr


def test_closed_pipe_of_a_fifo(workspace: Workspace) -> None:
    """An `--output` whose reader goes away is named as what it is, not as standard output."""
    workspace.write("in.har", har(*[entry("http://shop.example/high")] * 20_000))
    output = workspace.folder / "out.jsonl"
    os.mkfifo(output)
    with workspace.started("run", "in.har", "-p", "probe.ts", "-o", "out.jsonl") as process:
        with output.open("rb") as pipe:
            assert pipe.readline()
        done = workspace.finish(process)
    assert done.code == 3
    assert "isoscan: out.jsonl " in done.stderr
