"""`isoscan run --redact`, and how an output file comes to its name."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from acceptance._command import (
    COMMAND,
    DEADLINE_S,
    Workspace,
    assert_gone,
    entry,
    generations_of,
    har,
    parse_lines,
    wait_until_busy,
)

SECRET = "opensesame-4711"
NOTE = "redacted: secrets in findings and messages are masked; --no-redact shows them"
#: Quotes all it is given, in every field, on every way out.
LOUD = """
export const metadata = { id: "loud" };
export function scan_transaction({ request, response }: IsoscanTransaction) {
  const text = response!.text();
  if (request.url.includes("/throw")) throw new Error("bad body: " + text);
  if (request.url.includes("/invalid")) return { title: "x", severity: text };
  if (request.url.includes("/loop")) for (;;);
  console.log(text);
  return {
    title: "Seen " + text, description: text, evidence: text, location: text, remediation: text,
    vuln_type: text, cwe: text, owasp: text, nested: { [text]: [text] },
  };
}
"""


@pytest.fixture
def loud(workspace: Workspace) -> Workspace:
    """A workspace with a plugin that quotes bodies, and a capture whose bodies quote a cookie."""
    workspace.write("loud.ts", LOUD)
    workspace.write("in.har", capture("a", "throw", "invalid"))
    return workspace


def capture(*paths: str) -> str:
    """A capture whose bodies and URLs hold the secret of a cookie."""
    entries = [entry(f"http://shop.example/{path}?sid={SECRET}", text=SECRET) for path in paths]
    for one in entries:
        one["request"]["headers"] = [{"name": "Cookie", "value": f"sid={SECRET}"}]
    return har(*entries)


def run(workspace: Workspace, *options: str) -> tuple[bytes, str]:
    """Everything one run says: what it found, wherever that went, and standard error."""
    done = workspace.run("run", "in.har", "-p", "loud.ts", *options)
    assert done.code == 3
    files = [path for path in workspace.folder.iterdir() if path.name.startswith("out")]
    return done.stdout + b"".join(path.read_bytes() for path in files), done.stderr


@pytest.mark.parametrize(
    ("options", "is_redacted"),
    [
        (["-f", "jsonl"], False),
        (["-o", "-", "-o", "out.html"], True),
        (["-f", "github"], True),
        (["-f", "table"], False),
        (["-f", "jsonl", "--redact"], True),
        (["-f", "table", "--redact"], True),
        (["-o", "out.jsonl"], True),
        (["-o", "out.txt"], True),
        (["-o", "out.jsonl", "--no-redact"], False),
        (["-o", "-", "-f", "jsonl"], False),
    ],
)
def test_when_secrets_are_masked(loud: Workspace, options: list[str], is_redacted: bool) -> None:
    """By default in files only; then nothing the run says holds the secret, and it says how to see it."""
    found, errors = run(loud, *options)
    assert (SECRET.encode() in found) is not is_redacted
    assert (f"bad body: {SECRET}" in errors) is not is_redacted
    assert (SECRET in errors) is not is_redacted
    assert (NOTE in errors.splitlines()) is is_redacted
    assert b"loud" in found
    assert "bad body: " in errors


def test_nothing_to_mask(workspace: Workspace) -> None:
    """A run that masked nothing says nothing of it."""
    workspace.capture("one.har", "high")
    done = workspace.run("run", "one.har", "-p", "probe.ts", "--redact", "-f", "jsonl")
    assert len(done.findings) == 1
    assert "redact" not in done.stderr


def test_runs_can_be_compared(loud: Workspace) -> None:
    """Masks differ from run to run, fingerprints do not; within a run the same secret looks the same."""
    loud.write("in.har", capture("a", "throw", "b"))
    runs = [parse_lines(run(loud, "-f", "jsonl", "--redact")[0]) for _ in range(2)]
    for one in runs:
        assert len({finding["evidence"] for finding in one}) == 1
        assert all(finding["evidence"] in finding["url"] for finding in one)
    assert runs[0][0]["evidence"] != runs[1][0]["evidence"]
    assert [f["fingerprint"] for f in runs[0]] == [f["fingerprint"] for f in runs[1]]
    assert len({finding["fingerprint"] for finding in runs[0]}) == 2


def test_secrets_are_those_of_the_same_transaction(workspace: Workspace) -> None:
    """Each finding is masked with its own transaction's secrets, also when ids are used twice."""
    workspace.write("loud.ts", LOUD)
    lines = [
        {
            "request": {"method": "GET", "url": "http://x/", "id": "same", "headers": [["X-Api-Key", word]]},
            "response": {"status": 200, "body": word},
        }
        for word in ("opensesame", "swordfish")
    ]
    workspace.write("in.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    done = workspace.run("run", "in.jsonl", "-p", "loud.ts", "--redact", "-f", "jsonl")
    assert [finding["evidence"].partition("(")[2][:8] for finding in done.findings] == [
        "10 chars",
        "9 chars,",
    ]
    assert b"opensesame" not in done.stdout
    assert b"swordfish" not in done.stdout


def test_interrupted_run_is_masked(workspace: Workspace) -> None:
    """What was finished when Ctrl-C came, handed out or not yet, is masked too."""
    workspace.write("loud.ts", LOUD.replace("/loop", "/never"))
    workspace.write("slow.ts", LOUD.replace('"loud"', '"slow"'))
    workspace.write("in.har", capture("a", "loop", "b", "c"))
    arguments = ("run", "in.har", "-p", "slow.ts", "-p", "loud.ts", "-o", "out.jsonl", "--timeout", "600")
    with workspace.started(*arguments) as process:
        generations = generations_of(process, count=2)
        wait_until_busy(*generations)
        process.send_signal(signal.SIGINT)
        done = workspace.finish(process)
    assert done.code == 130
    found = parse_lines((workspace.folder / "out.jsonl").read_bytes())
    assert len(found) >= 4
    assert SECRET not in json.dumps(found) + done.stderr
    assert_gone(generations)


# ---- files ---------------------------------------------------------------------------


def names(folder: Path) -> set[str]:
    """What lies in the folder, but for what a test put there."""
    return {path.name for path in folder.iterdir()} - {"probe.ts", "one.har", "in.har"}


def test_report_takes_its_name_when_it_is_whole(workspace: Workspace) -> None:
    """While a run goes on, and when it is killed, the earlier report is what it was."""
    workspace.capture("in.har", "high", "slow", "loop")
    earlier = workspace.write("out.jsonl", "earlier\n")
    arguments = ("run", "in.har", "-p", "probe.ts", "-o", "out.jsonl", "--timeout", "600")
    with workspace.started(*arguments) as process:
        generations = generations_of(process)
        wait_until_busy(*generations)
        (part,) = names(workspace.folder) - {"out.jsonl"}
        assert part.startswith("out.jsonl.")
        assert part.endswith(".part")
        assert stat.S_IMODE((workspace.folder / part).stat().st_mode) == 0o600
        assert earlier.read_bytes() == b"earlier\n"
        process.kill()
        process.wait()
    assert earlier.read_bytes() == b"earlier\n"
    assert parse_lines((workspace.folder / part).read_bytes())[0]["severity"] == "high"
    assert_gone(generations, deadline_s=20)


@pytest.mark.parametrize("is_there", [True, False])
def test_nothing_else_is_left(workspace: Workspace, is_there: bool) -> None:
    """After a run there is the report and no other file, and its mode is 0600 whatever it was."""
    workspace.capture("in.har", "high")
    if is_there:
        workspace.write("out.jsonl", "earlier\n").chmod(0o666)
    workspace.run("run", "in.har", "-p", "probe.ts", "-o", "./out.jsonl")
    assert names(workspace.folder) == {"out.jsonl"}
    output = workspace.folder / "out.jsonl"
    assert len(parse_lines(output.read_bytes())) == 1
    assert stat.S_IMODE(output.stat().st_mode) == 0o600


def test_run_that_never_began_leaves_no_file(workspace: Workspace) -> None:
    """A plugin that does not load leaves neither a report nor a part of one."""
    workspace.write("p.ts", "throw new Error('at load');")
    assert workspace.run("run", "one.har", "-p", "p.ts", "-o", "out.jsonl").code == 2
    assert names(workspace.folder) == {"p.ts"}


@pytest.mark.parametrize("is_dangling", [False, True])
def test_link_is_followed_and_written_in_place(workspace: Workspace, is_dangling: bool) -> None:
    """A link stays a link: the kernel follows it, by its own rules, and the file behind it is written."""
    workspace.capture("in.har", "high")
    target = workspace.folder / "target.jsonl"
    if not is_dangling:
        target.write_text("earlier\n")
        target.chmod(0o644)
    (workspace.folder / "out.jsonl").symlink_to("target.jsonl")
    assert workspace.run("run", "in.har", "-p", "probe.ts", "-o", "out.jsonl").code == 0
    assert (workspace.folder / "out.jsonl").is_symlink()
    assert len(parse_lines(target.read_bytes())) == 1
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert names(workspace.folder) == {"out.jsonl", "target.jsonl"}


def test_other_names_of_a_file_keep_its_content(workspace: Workspace) -> None:
    """The report is a new file: a hard link to the old one still names the old one."""
    workspace.capture("in.har", "high")
    earlier = workspace.write("out.jsonl", "earlier\n")
    (workspace.folder / "kept").hardlink_to(earlier)
    workspace.run("run", "in.har", "-p", "probe.ts", "-o", "out.jsonl")
    assert (workspace.folder / "kept").read_bytes() == b"earlier\n"


def test_long_name(workspace: Workspace) -> None:
    """A name as long as names may be is no trouble for the part's name."""
    name = "ö" * 120 + ".jsonl"
    workspace.capture("in.har", "high")
    assert workspace.run("run", "in.har", "-p", "probe.ts", "-o", name).code == 0
    assert names(workspace.folder) == {name}


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_file_in_a_folder_that_is_closed(workspace: Workspace) -> None:
    """A file that may be written in a folder that may not is written in place."""
    workspace.capture("in.har", "high")
    output = workspace.write("closed/out.jsonl", "earlier\n")
    output.parent.chmod(0o500)
    done = workspace.run("run", "in.har", "-p", "probe.ts", "-o", "closed/out.jsonl")
    output.parent.chmod(0o700)
    assert done.code == 0
    assert len(parse_lines(output.read_bytes())) == 1


def test_disk_that_is_full(workspace: Workspace) -> None:
    """What could not be written whole does not replace what was there; the message says where it is."""
    workspace.write("in.har", har(*[entry("http://shop.example/high")] * 200))
    earlier = workspace.write("out.jsonl", "earlier\n")
    arguments = ("run", "in.har", "-p", "probe.ts", "-o", "out.jsonl")
    done = subprocess.run(
        # Blocks of 512 or 1024 bytes, by shell: less than the findings need.
        ["/bin/sh", "-c", 'ulimit -f 8; exec "$@"', "sh", *COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=workspace.folder,
        env=workspace.environment(),
        timeout=DEADLINE_S,
        check=False,
    )
    checked = workspace.done(done.returncode, done.stdout, done.stderr)
    (part,) = names(workspace.folder) - {"out.jsonl"}
    assert earlier.read_bytes() == b"earlier\n"
    assert (workspace.folder / part).stat().st_size > 1000
    assert os.strerror(errno.EFBIG) in checked.stderr
    assert part in checked.stderr
    assert checked.code == 2
