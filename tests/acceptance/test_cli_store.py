"""`isoscan run` and its store: where it is, what is resumed, and what happens when it cannot be used."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acceptance._command import (
    COMMAND,
    DEADLINE_S,
    Done,
    Workspace,
    assert_gone,
    assert_refused,
    entry,
    generations_of,
    har,
    parse_lines,
    wait_until_busy,
)
from isoscan.store import schema

RUN = ("run", "in.har", "-p", "probe.ts", "-f", "jsonl")
#: Hangs at one transaction; at the others slow enough that each result is handed over by itself.
HANGS_AT = """
export const metadata = { id: "hangs" };
export function scan_transaction(t: { request: { url: string } }) {
  const end = Date.now() + 20;
  while (t.request.url.endsWith("/loop") || Date.now() < end) { /* until it is stopped */ }
  return { title: "Quick" };
}
"""


def rows(path: Path, query: str) -> list[Any]:
    """What a store says."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def stores(workspace: Workspace) -> list[Path]:
    """The stores in the folder for user data."""
    return sorted(workspace.data.rglob("*.db"))


def titles(done: Done) -> list[str]:
    """What was reported, without what is different each time."""
    return [f"{one['transaction_id']} {one['plugin_id']} {one['title']}" for one in done.findings]


def denials(done: Done) -> list[str]:
    """What the summary says of attempts at what was not granted."""
    return [line for line in done.stderr.splitlines() if ": denied " in line]


# ---- where it is ---------------------------------------------------------------------


def test_kept_by_default(workspace: Workspace) -> None:
    """A run leaves one private file in the user's data folder, named after the project."""
    workspace.capture("in.har", "high", "clean", "high")
    (workspace.folder / "isoscan.toml").touch()
    assert workspace.run(*RUN).code == 0
    (store,) = stores(workspace)
    assert store.parent == workspace.data / "isoscan"
    assert store.name.startswith("work-")
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.parent.stat().st_mode) == 0o700
    assert [path.name for path in store.parent.iterdir()] == [store.name]
    assert rows(store, "SELECT state, outcome FROM runs") == [("finished", "complete")]
    assert rows(store, "SELECT verdicts FROM scans ORDER BY position") == [("f",), ("c",), ("f",)]
    assert rows(store, "SELECT hits FROM findings") == [(2,)]


def test_no_store(workspace: Workspace) -> None:
    """`--no-store` keeps nothing at all."""
    assert workspace.run(*RUN[:1], "one.har", *RUN[2:], "--no-store").code == 0
    assert list(workspace.data.iterdir()) == []


def test_named_store(workspace: Workspace) -> None:
    """`--db` names the file, and the user's data folder stays as it is."""
    assert workspace.run("run", "one.har", "-p", "probe.ts", "--db", "kept.db").code == 0
    assert rows(workspace.folder / "kept.db", "SELECT count(*) FROM scans") == [(1,)]
    assert list(workspace.data.iterdir()) == []


def test_is_new_from_run_to_run(workspace: Workspace) -> None:
    """Findings are one row, whatever the number of runs, and the new ones are known."""
    workspace.capture("in.har", "high")
    workspace.run(*RUN, "--db", "kept.db")
    workspace.capture("in.har", "high", "low")
    workspace.run(*RUN, "--db", "kept.db")
    done = workspace.run("findings", "list", "--new", "-f", "jsonl", "--db", "kept.db")
    assert [one["severity"] for one in done.findings] == ["low"]
    found = workspace.run("findings", "list", "-f", "jsonl", "--db", "kept.db").findings
    assert [(one["severity"], one["hits"], one["first_run"], one["last_run"]) for one in found] == [
        ("high", 2, 1, 2),
        ("low", 1, 2, 2),
    ]


# ---- resuming ------------------------------------------------------------------------


def interrupted(workspace: Workspace, *arguments: str, is_hung: bool = False) -> Done:
    """A run that is stopped after its first finding, or when a plugin hangs."""
    printed = workspace.folder / "printed"
    with printed.open("wb") as file, workspace.started(*arguments, stdout=file) as process:
        generations = generations_of(process, arguments.count("-p"))
        end = time.monotonic() + DEADLINE_S
        while printed.stat().st_size == 0:
            assert time.monotonic() < end, "nothing was found"
            time.sleep(0.002)
        if is_hung:
            wait_until_busy(*generations)
        process.send_signal(signal.SIGINT)
        done = workspace.finish(process)
    assert_gone(generations)
    assert done.code == 130
    return Done(done.code, printed.read_bytes(), done.stderr)


def test_interrupted_run_goes_on(workspace: Workspace) -> None:
    """After Ctrl-C the same command scans the rest and reports everything."""
    workspace.write("in.har", har(*[entry(f"http://shop.example/high?n={n}") for n in range(40)]))
    workspace.write("slow.ts", SLOW)
    arguments = ("run", "in.har", "-p", "slow.ts", "-f", "jsonl", "--db", "kept.db")
    whole = workspace.run(*arguments[:-1], "whole.db")
    first = interrupted(workspace, *arguments)
    done_before = len(first.findings)
    assert 0 < done_before < 40
    second = workspace.run(*arguments)
    assert second.code == 0
    assert f"resumed: {done_before} of 40 transactions were done before\n" in second.stderr
    assert "coverage: 40 transactions x 1 plugins = 40 scans" in second.stderr
    assert titles(second) == titles(whole)
    assert denials(whole) == denials(second) == ["  slow: denied read Deno.readTextFileSync (40)"]
    # What was done before is what was found then, not what is found anew.
    assert [one["id"] for one in second.findings[:done_before]] == [one["id"] for one in first.findings]
    assert rows(workspace.folder / "kept.db", "SELECT state, resumptions FROM runs") == [("finished", 1)]


SLOW = """
export const metadata = { id: "slow" };
export function scan_transaction(t: { request: { url: string } }) {
  const end = Date.now() + 30;
  while (Date.now() < end) { /* slow */ }
  try { Deno.readTextFileSync("/etc/passwd"); } catch { /* it is denied, and counted */ }
  return { title: `At ${t.request.url}` };
}
"""


def test_findings_beyond_a_hanging_plugin_are_kept(workspace: Workspace) -> None:
    """What quick plugins found is in the store, but the transaction is not done and is scanned again."""
    workspace.write("quick.ts", "export function scan_transaction() { return { title: 'Quick' }; }")
    workspace.write("hangs.ts", HANGS_AT)
    workspace.write(
        "in.har", har(*[entry(f"http://shop.example/{path}") for path in ("a", "loop", "b", "c")])
    )
    arguments = ("run", "in.har", "-p", "quick.ts", "-p", "hangs.ts", "-f", "jsonl", "--db", "kept.db")
    first = interrupted(workspace, *arguments, "--timeout", "3600", is_hung=True)
    store = workspace.folder / "kept.db"
    assert rows(store, "SELECT verdicts FROM scans ORDER BY position") == [("ff",), ("f-",), ("f-",), ("f-",)]
    assert len(first.findings) == 5
    listed = workspace.run("findings", "list", "-f", "jsonl", "--db", "kept.db").findings
    assert sum(one["hits"] for one in listed) == 5
    again = interrupted(workspace, *arguments, "--timeout", "3600", is_hung=True)
    assert "resumed: 1 of 2 transactions were done before\n" in again.stderr
    assert titles(again) == titles(first)
    assert rows(store, "SELECT sum(hits), count(*) FROM findings") == [(5, 5)]
    assert rows(store, "SELECT count(*) FROM hits") == [(5,)]


@pytest.mark.parametrize(
    ("change", "is_resumed"),
    [("nothing", True), ("plugin", False), ("input", False), ("--no-resume", False), ("--timeout", False)],
)
def test_what_is_resumed(workspace: Workspace, change: str, is_resumed: bool) -> None:
    """Another plugin, input or option is another run."""
    workspace.write("in.har", har(*[entry(f"http://shop.example/high?n={n}") for n in range(20)]))
    workspace.write("slow.ts", SLOW)
    arguments = ["run", "in.har", "-p", "slow.ts", "-f", "jsonl", "--db", "kept.db"]
    interrupted(workspace, *arguments)
    if change == "plugin":
        workspace.write("slow.ts", SLOW + "\n// another version\n")
    elif change == "input":
        os.utime(workspace.folder / "in.har", (0, 0))
    elif change == "--timeout":
        arguments += ["--timeout", "6"]
    elif change == "--no-resume":
        arguments.append(change)
    done = workspace.run(*arguments)
    assert done.code == 0
    assert len(done.findings) == 20
    assert ("resumed: " in done.stderr) is is_resumed
    assert rows(workspace.folder / "kept.db", "SELECT count(*) FROM runs") == [(1 if is_resumed else 2,)]


def test_standard_input_is_kept_and_not_resumed(workspace: Workspace) -> None:
    """Nobody knows whether what comes next from a pipe is the same."""
    for _ in range(2):
        done = workspace.run("run", "-", "-p", "probe.ts", stdin=har(entry("http://a/high")).encode())
        assert done.code == 0
        assert "resumed" not in done.stderr
    (store,) = stores(workspace)
    assert rows(store, "SELECT count(*), count(key) FROM runs") == [(2, 0)]


def test_reports_that_could_not_be_written(workspace: Workspace) -> None:
    """The scans are done all the same; the next run writes the reports from the store."""
    workspace.write("in.har", har(*[entry(f"http://shop.example/high?n={n}") for n in range(50)]))
    arguments = ("run", "in.har", "-p", "probe.ts", "-f", "jsonl", "--db", "kept.db")
    failed = workspace.run(*arguments, "-o", "/dev/full")
    assert failed.code == 2
    done = workspace.run(*arguments, "-o", "out.jsonl")
    assert done.code == 0
    assert "resumed: " in done.stderr
    assert len(parse_lines((workspace.folder / "out.jsonl").read_bytes())) == 50


def test_two_at_once(workspace: Workspace) -> None:
    """Two identical runs on one store do not get in each other's way."""
    workspace.write("in.har", har(*[entry(f"http://shop.example/high?n={n}") for n in range(30)]))
    workspace.write("slow.ts", SLOW)
    arguments = ("run", "in.har", "-p", "slow.ts", "-f", "jsonl", "--db", "kept.db")
    with workspace.started(*arguments) as one, workspace.started(*arguments) as two:
        ended = [workspace.finish(process) for process in (one, two)]
    for done in ended:
        assert done.code == 0
        assert len(done.findings) == 30
        assert "store" not in done.stderr
        assert "resumed" not in done.stderr
    store = workspace.folder / "kept.db"
    assert rows(store, "SELECT state FROM runs") == [("finished",)] * 2
    assert rows(store, "SELECT run_id, count(*) FROM hits GROUP BY run_id") == [(1, 30), (2, 30)]
    assert set(rows(store, "SELECT hits FROM findings")) == {(2,)}


def test_secrets_of_resumed_findings_are_masked(workspace: Workspace) -> None:
    """What comes from the store goes through the same masking as what was just found."""
    urls = [f"http://shop.example/high?password=Tr0ub4dor-and-3-{n}" for n in range(20)]
    workspace.write("in.har", har(*map(entry, urls)))
    workspace.write("slow.ts", SLOW)
    arguments = ("run", "in.har", "-p", "slow.ts", "-f", "jsonl", "--db", "kept.db")
    assert b"Tr0ub4dor-and-3-0" in interrupted(workspace, *arguments).stdout
    done = workspace.run(*arguments, "--redact")
    assert "resumed: " in done.stderr
    assert len(done.findings) == 20
    assert b"Tr0ub4dor-and" not in done.stdout


# ---- when it cannot be used ----------------------------------------------------------


def _newer(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for statement in schema.statements():
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 99")


def _junk(path: Path) -> None:
    path.write_bytes(b"junk" * 5000)


def _truncated(path: Path) -> None:
    _newer(path)
    path.write_bytes(path.read_bytes()[:6000])


UNUSABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "folder": (Path.mkdir, "is a folder"),
    "junk": (_junk, "is no isoscan store"),
    "truncated": (_truncated, "is damaged"),
    "newer": (_newer, "newer isoscan (store version 99"),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_unusable_named_store(workspace: Workspace, kind: str) -> None:
    """Before anything is scanned: one message that names the file and what to do."""
    make, words = UNUSABLE[kind]
    make(workspace.folder / "kept.db")
    done = workspace.run(*RUN[:1], "one.har", *RUN[2:], "--db", "kept.db")
    assert_refused(done, "kept.db: ", words)
    assert "coverage" not in done.stderr


def test_unusable_named_store_leaves_earlier_report(workspace: Workspace) -> None:
    """An error about the store touches no report."""
    _junk(workspace.folder / "kept.db")
    workspace.write("out.jsonl", "earlier\n")
    done = workspace.run("run", "one.har", "-p", "probe.ts", "-o", "out.jsonl", "--db", "kept.db")
    assert_refused(done, "kept.db: ")
    assert (workspace.folder / "out.jsonl").read_text(encoding="utf-8") == "earlier\n"


@pytest.mark.parametrize("place", ["none/kept.db", "one.har/kept.db", "", "one.har"])
def test_place_of_a_named_store(workspace: Workspace, place: str) -> None:
    """A place where no store can be, or that is an input."""
    before = (workspace.folder / "one.har").read_bytes()
    done = workspace.run("run", "one.har", "-p", "probe.ts", "--db", place)
    assert_refused(done)
    assert (workspace.folder / "one.har").read_bytes() == before


def test_locked_named_store(workspace: Workspace) -> None:
    """Held by another process for longer than is waited: nothing is scanned."""
    workspace.run("run", "one.har", "-p", "probe.ts", "--db", "kept.db")
    with contextlib.closing(sqlite3.connect(workspace.folder / "kept.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = workspace.run("run", "one.har", "-p", "probe.ts", "--db", "kept.db")
    assert_refused(done, "kept.db: is locked by another process")


@pytest.mark.parametrize("kind", ["no folder", *UNUSABLE])
def test_unusable_default_store(workspace: Workspace, kind: str) -> None:
    """The run goes on without it and says so."""
    workspace.capture("in.har", "high")
    data = str(workspace.write("file", "") if kind == "no folder" else workspace.data)
    if kind != "no folder":
        workspace.run(*RUN)
        (store,) = stores(workspace)
        store.unlink()
        UNUSABLE[kind][0](store)
    done = workspace.run(*RUN, XDG_DATA_HOME=data)
    assert done.code == 0
    assert [one["severity"] for one in done.findings] == ["high"]
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("store: ")]
    assert line.startswith("store: not kept: ")


@pytest.mark.parametrize("is_named", [True, False], ids=["named", "default"])
def test_full_disk(workspace: Workspace, is_named: bool) -> None:
    """Files may grow to 256 KiB only: the reports are whole, the summary says so, the rest is resumable."""
    bodies = [os.urandom(6000).hex() for _ in range(100)]
    entries = [entry(f"http://shop.example/high?n={n}", text=body) for n, body in enumerate(bodies)]
    workspace.write("in.har", har(*entries))
    arguments = [*RUN, "--db", "kept.db"] if is_named else list(RUN)
    process = subprocess.run(
        ["/bin/sh", "-c", 'ulimit -f 512; exec "$@"', "sh", *COMMAND, *arguments],
        capture_output=True,
        cwd=workspace.folder,
        env=workspace.environment(),
        timeout=DEADLINE_S,
        check=False,
    )
    done = workspace.done(process.returncode, process.stdout, process.stderr)
    assert len(done.findings) == 100
    assert "store: not kept: " in done.stderr
    assert done.code == (3 if is_named else 0)
    again = workspace.run(*arguments)
    assert again.code == 0
    assert "resumed: " in again.stderr
    assert titles(again) == titles(done)


def test_store_is_not_a_report(workspace: Workspace) -> None:
    """A report is not written over the store."""
    workspace.run("run", "one.har", "-p", "probe.ts", "--db", "kept.db")
    before = (workspace.folder / "kept.db").read_bytes()
    arguments = ("run", "one.har", "-p", "probe.ts", "--db", "kept.db", "-o", "kept.db", "-f", "jsonl")
    assert_refused(workspace.run(*arguments), "kept.db")
    assert (workspace.folder / "kept.db").read_bytes() == before
