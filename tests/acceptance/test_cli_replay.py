"""`isoscan replay`: the plugin runs again on the transaction of a finding."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from acceptance._command import PROBE, Workspace, assert_refused, entry, har

SECRET = "hunter2-hunter2-hunter2"
#: Finds what the body says, and reads it to the end.
READER = """
export const metadata = { id: "reader" };
export function scan_transaction(t: { response: { body: Uint8Array } }) {
  const text = new TextDecoder().decode(t.response.body);
  return text.includes("needle") ? { title: "Needle", severity: "high", evidence: text.slice(-40) } : null;
}
"""


@pytest.fixture
def fingerprint(workspace: Workspace) -> str:
    """The finding of a run whose capture is gone."""
    workspace.write("reader.ts", READER)
    body = "x" * 5000 + f" needle password={SECRET}"
    workspace.write("in.har", har(entry("http://shop.example/a?b=c", text=body)))
    done = workspace.run("run", "in.har", "-p", "reader.ts", "-f", "jsonl")
    (workspace.folder / "in.har").unlink()
    return str(done.findings[0]["fingerprint"])


def test_found_again(workspace: Workspace, fingerprint: str) -> None:
    """The same plugin on the same transaction; secrets are masked."""
    done = workspace.run("replay", fingerprint[:8])
    assert done.code == 0
    assert done.text.startswith(f"found again: {fingerprint}\n  high: Needle")
    assert SECRET not in done.text
    assert done.stderr == ""
    assert SECRET in workspace.run("replay", fingerprint, "--no-redact").text
    assert len(workspace.run("findings", "list", "-f", "jsonl").findings) == 1


def test_not_found(workspace: Workspace, fingerprint: str) -> None:
    """A mended plugin finds it no more; that it has changed is said."""
    workspace.write("reader.ts", READER.replace('"needle"', '"another"'))
    done = workspace.run("replay", fingerprint)
    assert done.code == 1
    assert done.text.startswith(f"note: the plugin has changed since\nnot found: {fingerprint}\n")


def test_the_same_every_time(workspace: Workspace, fingerprint: str) -> None:
    """Clock and chance are those of the finding: a plugin that uses them does the same in every replay."""
    evidence = "`${Date.now()} ${new Date().getFullYear()} ${Math.random()} ${crypto.randomUUID()}`"
    workspace.write("reader.ts", READER.replace("text.slice(-40)", evidence))
    first, second = (workspace.run("replay", fingerprint, "--no-redact") for _ in range(2))
    assert first.code == 0
    assert "0." in first.text
    assert first.text == second.text


def test_another_finding(workspace: Workspace, fingerprint: str) -> None:
    """What it finds instead is shown."""
    workspace.write("reader.ts", READER.replace("Needle", "Pin"))
    done = workspace.run("replay", fingerprint)
    assert done.code == 1
    assert "high: Pin" in done.text


def test_named_plugin(workspace: Workspace, fingerprint: str) -> None:
    """A plugin that was moved is named."""
    (workspace.folder / "reader.ts").rename(workspace.folder / "moved.ts")
    assert_refused(workspace.run("replay", fingerprint), "reader", "--plugin")
    done = workspace.run("replay", fingerprint, "--plugin", "moved.ts")
    assert done.code == 0
    # The file's name is part of what a plugin shows in its errors, not of what it does.
    assert f"found again: {fingerprint}" in done.text


def test_limits_of_the_run_hold(workspace: Workspace) -> None:
    """The plugin runs with the time, the grants and the level of the run that found it."""
    workspace.write(
        "reader.ts",
        READER.replace('reader" }', 'reader", permissions: { wasm: true } }').replace(
            "return text", 'return typeof WebAssembly === "object" && text'
        ),
    )
    workspace.write("in.har", har(entry(text="needle")))
    arguments = ("run", "in.har", "-p", "reader.ts", "-f", "jsonl")
    assert workspace.run(*arguments).findings == []
    (found,) = workspace.run(*arguments, "--allow", "wasm").findings
    assert workspace.run("replay", found["fingerprint"]).code == 0


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (READER.replace("return text", "throw new Error('broken'); return text"), "broken"),
        (READER.replace("export function", "export functio"), "reader.ts"),
        (READER.replace('"reader"', '"other"'), "'other'"),
    ],
    ids=["throws", "does not load", "is another plugin"],
)
def test_cannot_be_tried(workspace: Workspace, fingerprint: str, code: str, words: str) -> None:
    """Not the same as not found."""
    workspace.write("reader.ts", code)
    assert_refused(workspace.run("replay", fingerprint), words)


def test_several_plugins(workspace: Workspace, fingerprint: str) -> None:
    """One plugin is meant."""
    workspace.write("many/reader.ts", READER)
    workspace.write("many/probe.ts", PROBE)
    assert_refused(workspace.run("replay", fingerprint, "--plugin", "many"), "many", "name one")


def test_damaged_transaction(workspace: Workspace, fingerprint: str) -> None:
    """One message names the store."""
    (store,) = workspace.data.rglob("*.db")
    with contextlib.closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE traffic SET content = x'00'")
    assert_refused(workspace.run("replay", fingerprint), str(store), "damaged")


def test_unknown_finding(workspace: Workspace, fingerprint: str) -> None:
    """A fingerprint that is not there."""
    assert fingerprint
    assert_refused(workspace.run("replay", "0" * 32), "no finding")
