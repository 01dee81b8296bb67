"""`isoscan bench soak` as a command, with real generations and tiny durations."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import time
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

import msgspec
import psutil

from acceptance._command import Workspace, assert_gone, assert_refused, generations_of
from isoscan.bench.records import ModeRecord, Series, SoakReport

SOAK = ("bench", "soak")


def keys_of(model: type[msgspec.Struct]) -> set[str]:
    """The JSON names of a struct's fields."""
    return set(model.__struct_fields__)


def commands_of(processes: Sequence[psutil.Process]) -> list[list[str]]:
    """The command lines of those that are still there."""
    found = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            found.append(process.cmdline())
    return found


def read(workspace: Workspace, name: str) -> dict[str, Any]:
    """A report that was written, as plain JSON; it also fits its own types."""
    data = (workspace.folder / name).read_bytes()
    msgspec.json.decode(data, type=SoakReport)
    found: dict[str, Any] = json.loads(data)
    return found


def test_two_modes(workspace: Workspace) -> None:
    """A leak under a small budget is restarted, a mode without one is not, and no scan is lost."""
    done = workspace.run(
        *SOAK, "--mode", "leak-1MB", "--mode", "well-behaved", "--duration", "1s",
        "--memory-budget", "16MB", "--output", "out",
    )  # fmt: skip
    assert done.code == 0, done.stderr
    assert done.stderr == ""
    assert [line.split(":")[0] for line in done.text.splitlines()] == ["leak-1MB", "well-behaved"]

    report = read(workspace, "out/soak.json")
    assert set(report) == keys_of(SoakReport)
    assert report["format"] == "isoscan-soak/1"
    assert report["machine"]["deno"].count(".") == 2
    leaking, calm = report["modes"]
    for record in (leaking, calm):
        assert set(record) == keys_of(ModeRecord)
        assert record["lost"] == record["failed"] == 0
        assert record["asked"] == record["scans"] == sum(record["verdicts"].values()) > 0
        series = record["series"]
        assert set(series) == keys_of(Series)
        assert len({len(values) for values in series.values()}) == 1
        assert series["time_s"] == sorted(series["time_s"])
        assert series["executions"][-1] == record["scans"]
        assert record["rss"]["peak_bytes"] >= record["rss"]["start_bytes"] > 0
        assert record["explanation"]
    assert sum(leaking["restarts"].values()) == len(leaking["marks"]) >= 1
    assert set(leaking["restarts"]) <= {"max_memory", "adaptive"}
    assert all(mark["text"] for mark in leaking["marks"])
    assert calm["verdicts"]["findings"] > 0

    text = (workspace.folder / "out/soak.html").read_text()
    parser = HTMLParser()
    parser.feed(text)
    parser.close()
    assert re.search(r"https?:", text) is None
    assert "Content-Security-Policy" in text


def test_report_on_standard_output(workspace: Workspace) -> None:
    """With `--json -` standard output is the report alone, and lines go to standard error."""
    done = workspace.run(*SOAK, "-m", "seed-ours", "-d", "200ms", "--policy", "none", "--json", "-")
    report = json.loads(done.stdout)
    assert report["modes"][0]["restarts"] == {}
    assert done.stderr.startswith("seed-ours: ")
    assert done.code == 0


def test_by_executions(workspace: Workspace) -> None:
    """The other policy restarts by count; `--quiet` says nothing."""
    done = workspace.run(
        *SOAK, "-m", "seed-leak", "-d", "1s", "--policy", "max-executions", "--max-executions", "100",
        "--quiet", "--json", "soak.json",
    )  # fmt: skip
    assert (done.code, done.stdout, done.stderr) == (0, b"", "")
    (record,) = read(workspace, "soak.json")["modes"]
    assert record["restarts"]["max_executions"] >= 1
    assert record["lost"] == 0
    assert record["verdicts"]["findings"] > 0


def test_ctrl_c(workspace: Workspace) -> None:
    """What was done is finished and reported, nothing is lost, no process stays."""
    with workspace.started(*SOAK, "-m", "bursts", "-m", "leak-2kB", "-d", "5m", "-o", "out") as process:
        # The first child is `deno --version`; a generation comes after the signal handlers are set.
        while not any("/dev/fd/" in " ".join(words) for words in commands_of(generations_of(process))):
            time.sleep(0.01)
        generations = generations_of(process)
        process.send_signal(signal.SIGINT)
        done = workspace.finish(process)
    assert done.code == 130
    assert_gone(generations)
    report = read(workspace, "out/soak.json")
    assert report["is_interrupted"] is True
    assert [record["mode"] for record in report["modes"]] == ["bursts"]
    assert report["modes"][0]["lost"] == 0
    assert "stopped early" in (workspace.folder / "out/soak.html").read_text()


def test_usage(workspace: Workspace) -> None:
    """What cannot work is said at once, with the option's name."""
    workspace.write("file", "")
    for arguments, word in (
        (("--mode", "nope"), "--mode"),
        (("--duration", "soon"), "--duration"),
        (("--memory-budget", "lots"), "--memory-budget"),
        (("--memory-budget", "1GB"), "--memory"),
        (("--memory", "1MB"), "--memory"),
        (("--max-executions", "0", "--policy", "max-executions"), "--max-executions"),
        (("--policy", "never"), "bench soak --help"),
        (("--output", "file/below"), "--output"),
        (("--json", "no/such/folder.json"), "--json"),
    ):
        assert_refused(workspace.run(*SOAK, *arguments), word)


def test_standard_output_closed(workspace: Workspace) -> None:
    """Without a place for its lines a run goes on; without one for its report it is refused."""
    done = workspace.run_without(1, *SOAK, "-m", "seed-ours", "-d", "200ms", "--json", "soak.json")
    assert done.code == 0
    assert read(workspace, "soak.json")["modes"][0]["lost"] == 0
    assert_refused(workspace.run_without(1, *SOAK, "-d", "200ms", "--json", "-"), "--json")
