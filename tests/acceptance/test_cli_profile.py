"""`isoscan run --profile` and `--console`: what plugins cost, where they hang, what they write."""

from __future__ import annotations

import asyncio
import json
import stat
from typing import Any

import pytest

from acceptance._command import Done, Workspace, assert_refused, entry, har
from isoscan.cli.hang import Probes, common_frames, shrink

HANGING = """
export const metadata = { id: "hanging" };
interface Counter { steps: number }

function walk(text: string): number {
  const counter: Counter = { steps: 0 };
  if (text.includes("HANG")) {
    while (true) step(counter);
  }
  return counter.steps;
}

function step(counter: Counter): void {
  counter.steps = Math.sqrt(counter.steps + 1);
}

export function scan_transaction(t: IsoscanTransaction): IsoscanReturn {
  walk(t.response?.text() ?? "");
  return { title: "Walked" };
}
"""
FILLER = "line after line\n" * 4
KEY = "AKIAIOSFODNN7EXAMPLE"


def profiled(
    workspace: Workspace, plugin: str, *bodies: str, arguments: tuple[str, ...] = ()
) -> tuple[Done, Any]:
    """Profiles a plugin on responses with these bodies; the run and its JSON form."""
    workspace.write("plugin.ts", plugin)
    workspace.write(
        "in.har", har(*(entry(f"http://shop.example/{n}", text=body) for n, body in enumerate(bodies)))
    )
    done = workspace.run(
        "run", "in.har", "-p", "plugin.ts", "--timeout", "0.2", "--profile=out.json", *arguments
    )
    path = workspace.folder / "out.json"
    return done, json.loads(path.read_text()) if path.exists() else None


def test_table_and_file(workspace: Workspace) -> None:
    """Each plugin has its counts, times and memory, the slowest first; the file is its owner's alone."""
    workspace.capture("in.har", "slow", "high", "clean", "clean")
    workspace.write("quick.ts", "export const metadata = { id: 'quick' };\nfunction scan_transaction() {}\n")
    done = workspace.run("run", "in.har", "-p", "quick.ts", "-p", "probe.ts", "--profile=out.json")
    assert done.code == 0
    rows = [line.split() for line in done.stderr.splitlines()]
    at = next(number for number, row in enumerate(rows) if row[:2] == ["plugin", "scans"])
    assert [row[:3] for row in rows[at + 1 : at + 3]] == [["probe", "4", "2"], ["quick", "4", "0"]]
    assert "probe: slowest: in.har#0 " in done.stderr
    path = workspace.folder / "out.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    probe, quick = json.loads(path.read_text())["plugins"]
    assert probe["verdicts"] == {"findings": 2, "clean": 2}
    assert 15 <= probe["max_ms"] <= probe["total_ms"]  # a timer of 20 ms may fire a little early
    assert probe["mean_ms"] == pytest.approx(probe["total_ms"] / 4, abs=0.01)
    assert probe["share"] + quick["share"] == pytest.approx(1, abs=0.01)
    assert probe["slowest"][0] == {"transaction_id": "in.har#0", "duration_ms": probe["max_ms"]}
    assert len(quick["slowest"]) == 4
    assert probe["rss_bytes"] > probe["heap_used_bytes"] > 0
    assert quick["hang"] is None


def test_without_a_file(workspace: Workspace) -> None:
    """The option alone prints the table and takes no value from the next word."""
    done = workspace.run("run", "--profile", "one.har", "-p", "probe.ts")
    assert "probe: slowest: one.har#0" in done.stderr
    assert sorted(path.name for path in workspace.folder.iterdir()) == ["one.har", "probe.ts"]


def test_where_it_hung(workspace: Workspace) -> None:
    """The stack names functions and lines of the TypeScript, the slice is exactly what makes it hang."""
    body = FILLER + "HANG" + FILLER
    done, profile = profiled(workspace, HANGING, "fine", body)
    hang = profile["plugins"][0]["hang"]
    assert hang["transaction_id"] == "in.har#1"
    assert [frame.rsplit(":", 1)[0] for frame in hang["stack"]] == [
        "walk (plugin.ts:8",
        "scan_transaction (plugin.ts:18",
    ]
    found = hang["slice"]
    assert (found["start"], found["stop"]) == (len(FILLER), len(FILLER) + 4)
    assert found["excerpt"] == "HANG"
    assert found["is_smallest"]
    assert (
        f"bytes {len(FILLER):,} to {len(FILLER) + 4:,} of the {len(body):,} of the response body"
        in done.stderr
    )
    assert "at walk (plugin.ts:8:" in done.stderr
    assert "in the weaker sandbox 'permissions' for its stack" in done.stderr
    assert done.code == 3


def test_a_regular_expression(workspace: Workspace) -> None:
    """One that backtracks for ever is one call, and its line is known all the same."""
    plugin = "export function scan_transaction(t: any) {\n  /^x(a+)+$/m.test(t.response.text());\n}\n"
    bad = "x" + "a" * 40 + "!"
    _, profile = profiled(workspace, plugin, FILLER + bad + "\n" + FILLER)
    hang = profile["plugins"][0]["hang"]
    assert [frame.rsplit(":", 1)[0] for frame in hang["stack"]] == ["scan_transaction (plugin.ts:2"]
    assert hang["slice"]["start"] == len(FILLER)
    assert bad.startswith(hang["slice"]["excerpt"][:20])


def test_it_waits(workspace: Workspace) -> None:
    """A plugin that waits runs nothing: there is no stack to show, and no body to blame."""
    plugin = "export const scan_transaction = () => new Promise((done) => setTimeout(done, 60_000));\n"
    _, profile = profiled(workspace, plugin, "text")
    hang = profile["plugins"][0]["hang"]
    assert hang["stack"] == []
    assert "waits for a promise or a timer" in hang["stack_note"]
    assert hang["slice"] is None
    assert "without the bodies too" in hang["slice_note"]


def test_strict_is_kept(workspace: Workspace) -> None:
    """Where the strict sandbox is asked for there is no stack; the slice is found in it."""
    done, profile = profiled(workspace, HANGING, "some HANG", arguments=("--sandbox", "strict"))
    hang = profile["plugins"][0]["hang"]
    assert hang["stack"] == []
    assert "--sandbox strict forbids" in hang["stack_note"]
    assert hang["slice"]["excerpt"] == "HANG"
    assert "permissions" not in done.stderr


def test_a_slice_is_masked(workspace: Workspace) -> None:
    """Where a run masks secrets, what is quoted of the input is masked too."""
    plugin = HANGING.replace("HANG", KEY)
    done, profile = profiled(workspace, plugin, f"key {KEY} end", arguments=("--redact",))
    found = profile["plugins"][0]["hang"]["slice"]
    assert found["stop"] - found["start"] == len(KEY)
    assert KEY not in done.stderr
    assert KEY not in (workspace.folder / "out.json").read_text()


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--profile=one.har", ("--profile=one.har", "which this run reads")),
        ("--profile=nowhere/out.json", ("--profile=nowhere/out.json", "cannot write there")),
    ],
)
def test_refused(workspace: Workspace, option: str, words: tuple[str, ...]) -> None:
    """A place that cannot be is told before anything is scanned."""
    assert_refused(workspace.run("run", "one.har", "-p", "probe.ts", option), *words)


def test_console(workspace: Workspace) -> None:
    """One line for each call: plugin, transaction, level and text, which cannot act on a terminal."""
    workspace.write(
        "talking.ts",
        "export const metadata = { id: 'talking' };\nexport function scan_transaction(t: any) {\n"
        "  console.log('saw', t.request.method);\n"
        "  console.warn('\\u001b[2Jtwo\\nlines' + 'x'.repeat(5000));\n}\n",
    )
    done = workspace.run("run", "one.har", "-p", "talking.ts", "--console")
    first, second = [line for line in done.stderr.splitlines() if line.startswith("talking ")]
    assert first == "talking one.har#0 log saw GET"
    assert second.startswith("talking one.har#0 warn \\x1b[2Jtwo\\nlinesxxx")
    assert len(second) < 2100
    assert "talking one.har" not in workspace.run("run", "one.har", "-p", "talking.ts").stderr


def test_console_is_masked(workspace: Workspace) -> None:
    """A run that masks secrets masks those that plugins write."""
    plugin = "export function scan_transaction(t: any) { console.log(t.response.text()); }\n"
    workspace.write("talking.ts", plugin)
    workspace.write("in.har", har(entry(text=f"key {KEY} end")))
    done = workspace.run("run", "in.har", "-p", "talking.ts", "--console", "--redact")
    assert "log key " in done.stderr
    assert KEY not in done.stderr


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (0, 1000), (999, 1000), (500, 501), (123, 877)])
def test_shrink_finds_the_slice(start: int, stop: int) -> None:
    """What hangs if and only if it holds a certain slice is cut down to it."""

    async def hangs(begin: int, end: int) -> bool:
        return begin <= start and stop <= end

    probes = Probes(hangs, 48, lambda: False)
    assert asyncio.run(shrink(1000, probes)) == (start, stop, True)
    assert probes.count <= 20


def test_shrink_gives_up() -> None:
    """With few attempts the slice still hangs, and is not called the smallest."""

    async def hangs(begin: int, end: int) -> bool:
        return begin <= 500 and end >= 510

    start, stop, is_smallest = asyncio.run(shrink(1 << 20, Probes(hangs, 5, lambda: False)))
    assert start <= 500
    assert stop >= 510
    assert not is_smallest


@pytest.mark.parametrize(
    ("samples", "shown"),
    [
        ([["f (p.ts:1:1)"], ["f (p.ts:1:1)"]], ["f (p.ts:1:1)"]),
        ([["g (p.ts:9:1)", "f (p.ts:1:1)"], ["f (p.ts:1:1)"]], ["f (p.ts:1:1)"]),
        ([["f (p.ts:1:1)"], ["f (p.ts:4:8)"]], ["f (p.ts:1-4)"]),
        ([["f (p.ts:1:1)"], ["f (p.ts:1:8)"]], ["f (p.ts:1)"]),
        ([["f (p.ts:1:1)"], ["g (p.ts:1:1)"]], []),
    ],
)
def test_common_frames(samples: list[list[str]], shown: list[str]) -> None:
    """Outer frames that all samples share; several lines of one function are one frame."""
    assert common_frames(samples) == shown
