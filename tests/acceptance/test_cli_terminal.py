"""What reaches a terminal: captured traffic may hold anything, and none of it may act there."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess

import pytest

from acceptance._command import COMMAND, DEADLINE_S, Workspace, entry, har

#: Sets the title, clears the screen, hides text, answers back; as C0, as C1, and right to left.
HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b2J\x9d0;owned\x9c\x08\x7f\r\u202eesrever\u2066\x00end"
FORBIDDEN = ("\x1b]", "\x1b[2J", "\x9b", "\x9d", "\x9c", "\x07", "\x08", "\x7f", "\u202e", "\u2066", "\x00")
QUOTING = """
export const metadata = { id: "quoting", description: "quotes\\u001b[2J\\u009b2J" };
export function scan_transaction(t) {
  const text = t.response.text();
  if (t.request.url.includes("throw")) throw new Error(text);
  return { title: "Quoted " + text, evidence: text, location: text, url: "http://shop.example/" + text,
           method: text, description: text, severity: "high", own: { [text]: text } };
}
"""


@pytest.fixture
def hostile(workspace: Workspace) -> Workspace:
    """A capture whose bodies hold control sequences, and a plugin that quotes them."""
    workspace.write("quoting.ts", QUOTING)
    entries = [entry(f"http://shop.example/{name}", text=HOSTILE) for name in ("quote", "throw")]
    workspace.write("in.har", har(*entries))
    return workspace


def test_table_in_a_pipe(hostile: Workspace) -> None:
    """Neither the table nor the summary holds a control character of the traffic's."""
    done = hostile.run("run", "in.har", "-p", "quoting.ts")
    assert "Quoted " in done.text
    assert "\\x1b]0;owned" in done.text
    assert "\\x1b]0;owned" in done.stderr
    for text in (done.text, done.stderr):
        assert [char for char in FORBIDDEN if char in text] == []
        assert "\x1b" not in text
        assert "\r" not in text


def test_jsonl(hostile: Workspace) -> None:
    """JSON Lines hold every control character escaped, and decode to what the traffic held."""
    done = hostile.run("run", "in.har", "-p", "quoting.ts", "-f", "jsonl")
    assert done.findings[0]["evidence"] == HOSTILE
    assert [char for char in done.text if char != "\n" and (ord(char) < 32 or 127 <= ord(char) < 160)] == []


@pytest.mark.parametrize("form", ["table", "jsonl"])
def test_terminal(hostile: Workspace, form: str) -> None:
    """On a real terminal, with colours and progress, only our own sequences arrive."""
    code, shown = run_on_terminal(hostile, "run", "in.har", "-p", "quoting.ts", "-f", form)
    assert code == 3
    assert "Quoted " in shown
    assert "Traceback" not in shown
    assert [char for char in FORBIDDEN if char in shown] == []
    if form == "table":
        assert "\x1b[" in shown, "no colours on a terminal"


def test_lone_surrogates(workspace: Workspace) -> None:
    """Text that UTF-8 cannot hold, in a captured URL or id or from a plugin, stops neither form of output."""
    workspace.write("p.ts", "export function scan_transaction() { return { title: 'Half \\ud800' }; }")
    line = '{"request": {"method": "GET", "url": "http://shop.example/\\ud800", "id": "\\udfff"}}\n'
    workspace.write("in.jsonl", line)
    log = har(entry("http://shop.example/\ud800"))
    workspace.write("in.har", log)
    for form in ("table", "jsonl"):
        done = workspace.run("run", "in.jsonl", "in.har", "-p", "p.ts", "-f", form)
        assert "Half " in done.text
        assert done.code == 0


def test_plugin_list(hostile: Workspace) -> None:
    """What a plugin says of itself is no more trusted than traffic."""
    done = hostile.run("plugins", "quoting.ts")
    assert "quotes\\x1b[2J\\x9b2J" in done.text
    _, shown = run_on_terminal(hostile, "plugins", "quoting.ts")
    assert [char for char in FORBIDDEN if char in shown] == []


def test_hostile_names(workspace: Workspace) -> None:
    """File names and options are shown as text, too."""
    name = "a\x1b[2J\x9bb.har"
    workspace.write(name, "")
    for arguments in (["run", name], ["run", "one.har", "-p", name], [name], ["run", "one.har", f"--{name}"]):
        done = workspace.run(*arguments)
        assert done.code == 2
        assert [char for char in ("\x1b", "\x9b") if char in done.stderr] == []


def test_hostile_load_error(workspace: Workspace) -> None:
    """The message of an error at load is the plugin's own text."""
    workspace.write("p.ts", "throw new Error('a\\u001b[2J\\u009b2J\\rb');")
    done = workspace.run("run", "one.har", "-p", "p.ts")
    assert done.code == 2
    assert [char for char in ("\x1b", "\x9b", "\r") if char in done.stderr] == []


def run_on_terminal(workspace: Workspace, *arguments: str) -> tuple[int, str]:
    """Runs the command with standard output and standard error on a terminal."""
    ours, theirs = pty.openpty()
    shown = b""
    try:
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            cwd=workspace.folder,
            env=workspace.environment(TERM="xterm-256color"),
        )
        os.close(theirs)
        with contextlib.suppress(OSError):  # a terminal whose other end is closed ends with an error
            while data := os.read(ours, 65536):
                shown += data
        return process.wait(timeout=DEADLINE_S), shown.decode()
    finally:
        os.close(ours)
