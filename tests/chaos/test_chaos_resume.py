"""Runs that are killed at any instant and started again end as if nothing had happened."""

from __future__ import annotations

import contextlib
import json
import random
import re
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from acceptance._command import Workspace, entry, har, make_workspace, parse_lines

#: Finds something in most transactions, twice the same in some.
FINDER = """
export const metadata = { id: "finder" };
export function scan_transaction(t: { request: { url: string } }) {
  const n = Number(new URL(t.request.url).searchParams.get("n"));
  const end = performance.now() + 1;
  while (performance.now() < end) { /* so that the run lasts */ }
  if (n % 5 === 0) return [];
  const found = { title: `Found ${n % 40}`, url: "http://shop.example/", evidence: `n is ${n}` };
  return n % 7 === 0 ? [found, found] : [found];
}
"""
FAILER = """
export const metadata = { id: "failer" };
export function scan_transaction(t: { request: { url: string } }) {
  const n = Number(new URL(t.request.url).searchParams.get("n"));
  if (n % 11 === 0) throw new Error(`fails at ${n}`);
  if (n % 13 === 0) return { title: "no severity like this", severity: "awful" };
  return null;
}
"""
ARGUMENTS = ("run", "one.har", "two.jsonl", "-p", "finder.ts", "-p", "failer.ts", "-o", "out.jsonl")


@pytest.fixture
def long_workspace(tmp_path: Path) -> Workspace:
    """Two captures, one entry of them damaged, that take a second or two to scan."""
    workspace = make_workspace(tmp_path)
    urls = [f"http://shop.example/page?n={n}" for n in range(900)]
    workspace.write(
        "one.har", har(*(entry(url, text="x" * (number % 50)) for number, url in enumerate(urls[:500])))
    )
    lines = [json.dumps({"request": {"method": "GET", "url": url}}) for url in urls[500:]]
    lines[77] = '{"request": {"method": "GET"}}'
    workspace.write("two.jsonl", "\n".join(lines))
    workspace.write("finder.ts", FINDER)
    workspace.write("failer.ts", FAILER)
    return workspace


def rows(store: Path, query: str) -> list[Any]:
    """What a store says."""
    with contextlib.closing(sqlite3.connect(store)) as connection:
        return connection.execute(query).fetchall()


def finished_scans(store: Path) -> dict[int, Any]:
    """The transactions marked as done. How long a scan took is different each time it runs."""
    if not store.exists() or not rows(store, "SELECT 1 FROM sqlite_schema"):
        return {}  # killed before the tables were there
    query = "SELECT position, verdicts, durations_ms FROM scans WHERE NOT instr(verdicts, '-')"
    return {position: rest for position, *rest in rows(store, query)}


def states_of(store: Path) -> list[str]:
    """How the runs ended."""
    if not store.exists() or not rows(store, "SELECT 1 FROM sqlite_schema"):
        return []
    return [state for (state,) in rows(store, "SELECT state FROM runs ORDER BY id")]


def result_of(workspace: Workspace, store: Path) -> dict[str, Any]:
    """All that must be the same whatever happened on the way."""
    reported = parse_lines((workspace.folder / "out.jsonl").read_bytes())
    for finding in reported:
        del finding["id"], finding["created_at"]
    return {
        "reported": reported,
        "runs": rows(store, "SELECT state, outcome, entries, rejected FROM runs"),
        "scans": rows(store, "SELECT position, source_id, entry, verdicts FROM scans ORDER BY position"),
        "incidents": rows(
            store,
            "SELECT position, plugin, json_extract(detail, '$.error.message') FROM incidents ORDER BY 1, 2",
        ),
        "findings": rows(store, "SELECT fingerprint, severity, hits FROM findings ORDER BY fingerprint"),
        "hits": rows(
            store,
            "SELECT position, plugin, number, fingerprint FROM hits "
            "JOIN findings ON finding_id = findings.id ORDER BY 1, 2, 3",
        ),
        "traffic": rows(store, "SELECT count(*) FROM traffic"),
    }


def summary_of(stderr: str) -> list[str]:
    """The lines of a summary, without what differs from run to run."""
    return [
        re.sub(r" in [\d.]+ s", "", line) for line in stderr.splitlines() if not line.startswith("resumed: ")
    ]


def ends_before(process: subprocess.Popen[bytes], is_due: Callable[[], bool]) -> bool:
    """Whether it ended by itself; else it is killed, and a second later nothing of it is left."""
    while process.poll() is None:
        if is_due():
            family = psutil.Process(process.pid).children(recursive=True)
            process.kill()
            process.wait()
            _, left = psutil.wait_procs(family, timeout=1.0)
            assert not any(map(is_running, left)), left
            return False
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.005)
    return True


def is_running(process: psutil.Process) -> bool:
    """Whether it is more than an entry that nobody has reaped."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def kill_and_resume(workspace: Workspace, kills: int, seed: int) -> None:
    """Kills a run that many times and compares its end with an undisturbed one's.

    Every other kill comes at a random moment, be it while the run starts or ends; the rest where a random
    part is marked as done, so that how fast the machine is decides nothing.
    """
    began = time.monotonic()
    whole = workspace.run(*ARGUMENTS, "--db", "whole.db")
    lasted_s = time.monotonic() - began
    expected = result_of(workspace, workspace.folder / "whole.db")
    assert len(expected["scans"]) == 899
    assert "resumed" not in whole.stderr
    store = workspace.folder / "killed.db"
    chance = random.Random(seed)
    marked: dict[int, Any] = {}
    resumed_at = []

    def at_moment(within_s: float) -> Callable[[], bool]:
        due = time.monotonic() + chance.uniform(0.0, within_s)
        return lambda: time.monotonic() >= due

    def at_progress() -> Callable[[], bool]:
        due = len(marked) + chance.uniform(0.0, 0.8) * (899 - len(marked))
        return lambda: len(finished_scans(store)) > due

    while kills:
        is_due = at_progress() if kills % 2 else at_moment(lasted_s * 0.8)
        with workspace.started(*ARGUMENTS, "--db", "killed.db") as process:
            has_ended = ends_before(process, is_due)
        # A kill may come after the run has ended and before the process has.
        has_ended = has_ended or states_of(store) == ["finished"]
        done = finished_scans(store)
        assert states_of(store) in ([], ["running"], ["finished"])
        assert marked.items() <= done.items(), "what was marked as done was scanned again"
        assert sorted(done) == list(range(len(done)))
        marked = done
        if has_ended:
            assert result_of(workspace, store) == expected
            for path in workspace.folder.glob("killed.db*"):
                path.unlink()
            marked = {}
        else:
            kills -= 1
            resumed_at.append(len(done))
    assert any(0 < count < 899 for count in resumed_at), "no kill came in the middle"
    is_begun = states_of(store) == ["running"]
    last = workspace.run(*ARGUMENTS, "--db", "killed.db")
    told = f"resumed: {len(marked)} of 899 transactions were done before\n"
    assert (told in last.stderr) is is_begun
    assert marked.items() <= finished_scans(store).items()
    assert result_of(workspace, store) == expected
    assert summary_of(last.stderr) == summary_of(whole.stderr)
    assert last.code == whole.code == 3
    assert [path.name for path in workspace.folder.glob("killed.db*")] == ["killed.db"]


def test_killed_six_times(long_workspace: Workspace) -> None:
    """Findings, their counts and the coverage are those of an undisturbed run; nothing is scanned twice."""
    kill_and_resume(long_workspace, 6, seed=int(time.time()))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_two_hundred_times(long_workspace: Workspace) -> None:
    """The same under two hundred kills."""
    kill_and_resume(long_workspace, 200, seed=int(time.time()))
