"""`isoscan findings`: listing, showing, exporting and accepting what earlier runs found."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from acceptance._command import Workspace, assert_refused, entry, har, make_workspace, parse_lines

SECRET = "hunter2-hunter2-hunter2"
ODD = "\x1b[31mred\x1b[0m \u202ereversed"


def list_(workspace: Workspace, *arguments: str) -> list[dict[str, Any]]:
    """What `findings list` says, as data."""
    done = workspace.run("findings", "list", "-f", "jsonl", *arguments)
    assert done.code == 0
    assert done.stderr == ""
    return done.findings


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Two runs over some findings of all severities, one with a secret and one with terminal codes."""
    workspace = make_workspace(tmp_path_factory.mktemp("findings"))
    workspace.write(
        "odd.ts", f"export function scan_transaction() {{ return {{ title: {json.dumps(ODD)} }}; }}"
    )
    workspace.capture("in.har", "info", "low", "medium", "high", "high", "high")
    workspace.run("run", "in.har", "-p", "probe.ts")
    body = f"the body\n{ODD} password={SECRET}\n"
    urls = ["critical", f"high?password={SECRET}"]
    workspace.write("in.har", har(*[entry(f"http://shop.example/{url}", text=body) for url in urls]))
    assert workspace.run("run", "in.har", "-p", "probe.ts", "-p", "odd.ts", "--no-redact").code == 0
    return workspace


def by_severity(workspace: Workspace, severity: str, *arguments: str) -> dict[str, Any]:
    """The finding of the probe with that severity, the first one."""
    found = list_(workspace, "--status", "all", "-p", "probe", *arguments)
    return next(one for one in found if one["severity"] == severity)


# ---- list ----------------------------------------------------------------------------


def test_list(kept: Workspace) -> None:
    """Worst first, each once, with what is known of it."""
    found = list_(kept)
    assert [one["severity"] for one in found] == [
        "critical",
        "high",
        "high",
        "medium",
        "low",
        "info",
        "info",
        "info",
    ]
    assert {one["status"] for one in found} == {"open"}
    (hits,) = {one["hits"] for one in found if one["url"] == "http://shop.example/high"}
    assert hits == 3


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (["--severity", "high"], 3),
        (["--severity", "critical"], 1),
        (["-p", "probe"], 6),
        (["-p", "odd"], 2),
        (["-p", "odd", "-p", "probe"], 8),
        (["-p", "nobody"], 0),
        (["--new"], 4),
        (["--new", "--severity", "critical"], 1),
        (["--status", "accepted"], 0),
        (["--status", "all"], 8),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_list_filters(kept: Workspace, arguments: list[str], count: int) -> None:
    """What is asked for and nothing else."""
    assert len(list_(kept, *arguments)) == count


def test_list_formats(kept: Workspace) -> None:
    """JSON and JSON Lines say the same; the table has a row for each, and nothing acts on the terminal."""
    lines = kept.run("findings", "list", "-f", "jsonl", "--no-redact")
    document = kept.run("findings", "list", "-f", "json", "--no-redact")
    assert json.loads(document.stdout) == parse_lines(lines.stdout)
    assert any(one["title"] == ODD for one in lines.findings)
    table = kept.run("findings", "list", "--no-redact")
    assert all(one["fingerprint"][:12] in table.text for one in lines.findings)
    for done in (lines, document, table):
        assert not {"\x1b", "\u202e", "\x7f"} & set(done.text)


def test_list_masks(kept: Workspace) -> None:
    """Secrets are masked unless they are asked for."""
    assert SECRET not in kept.run("findings", "list").text
    assert SECRET not in kept.run("findings", "list", "-f", "json").text
    assert SECRET in kept.run("findings", "list", "-f", "json", "--no-redact").text


# ---- show ----------------------------------------------------------------------------


def test_show(kept: Workspace) -> None:
    """The finding with its places, its request and its response; nothing acts on the terminal."""
    finding = by_severity(kept, "critical")
    done = kept.run("findings", "show", finding["fingerprint"][:10])
    assert done.code == 0
    for words in ("critical: Seen", finding["fingerprint"], "run 2: in.har#0", "> GET http://shop", "< 200"):
        assert words in done.text
    assert "< the body" in done.text
    assert not {"\x1b", "\u202e", "\x7f"} & set(done.text)


def test_show_masks(kept: Workspace) -> None:
    """In the finding, the request and the response; also found by the fingerprint of masked reports."""
    shown = next(one for one in list_(kept, "-p", "probe") if "password" in one["url"])
    plain = next(one for one in list_(kept, "-p", "probe", "--no-redact") if "password" in one["url"])
    assert shown["fingerprint"] != plain["fingerprint"]
    for fingerprint in (shown["fingerprint"], plain["fingerprint"].upper()):
        done = kept.run("findings", "show", fingerprint)
        assert done.code == 0
        assert SECRET not in done.text
        assert "password=hunt…(23 chars" in done.text
        assert shown["fingerprint"] in done.text
        assert SECRET in kept.run("findings", "show", fingerprint, "--no-redact").text


@pytest.mark.parametrize("command", [["show"], ["accept", "--reason", "x"], ["reopen"]], ids=lambda c: c[0])
@pytest.mark.parametrize(
    ("fingerprint", "words"), [("0123456789", "no finding"), ("abc", "too short"), ("%%%%", "no finding")]
)
def test_unknown_fingerprint(kept: Workspace, command: list[str], fingerprint: str, words: str) -> None:
    """One message, nothing done."""
    assert_refused(kept.run("findings", *command, fingerprint), fingerprint, words)


def test_ambiguous_fingerprint(workspace: Workspace) -> None:
    """One message that lists what is meant; nothing is decided."""
    workspace.capture("in.har", "high", "low")
    workspace.run("run", "in.har", "-p", "probe.ts", "--db", "kept.db")
    with contextlib.closing(sqlite3.connect(workspace.folder / "kept.db")) as connection, connection:
        connection.execute("UPDATE findings SET fingerprint = 'abcd' || substr(fingerprint, 5)")
    found = list_(workspace, "--no-redact", "--db", "kept.db", "--status", "all")
    done = workspace.run("findings", "accept", "abcd", "--reason", "x", "--db", "kept.db")
    assert done.code == 2
    assert done.stdout == b""
    with contextlib.closing(sqlite3.connect(workspace.folder / "kept.db")) as connection:
        names = [row[0] for row in connection.execute("SELECT fingerprint FROM findings")]
    assert len(names) == len(found) == 2
    assert all(name in done.stderr for name in names)
    assert list_(workspace, "--status", "accepted", "--db", "kept.db") == []


# ---- accept --------------------------------------------------------------------------


@pytest.fixture
def one_finding(workspace: Workspace) -> str:
    """The fingerprint of the only finding in the store."""
    workspace.capture("in.har", "high")
    workspace.run("run", "in.har", "-p", "probe.ts")
    return str(list_(workspace)[0]["fingerprint"])


def test_accept_and_reopen(workspace: Workspace, one_finding: str) -> None:
    """Accepted ones are listed only if asked for; it is kept who, when and why."""
    tomorrow = (datetime.now(UTC).date() + timedelta(days=1)).isoformat()
    arguments = ("--reason", "a test server", "--until", tomorrow)
    done = workspace.run("findings", "accept", one_finding[:8], *arguments)
    assert done.code == 0
    assert one_finding in done.text
    assert list_(workspace) == []
    (accepted,) = list_(workspace, "--status", "accepted")
    assert (accepted["reason"], accepted["accepted_until"]) == ("a test server", tomorrow)
    assert accepted["decided_by"]
    assert "a test server" in workspace.run("findings", "show", one_finding).text
    # Another run finds it again, counts it, and does not report it.
    again = workspace.run("run", "in.har", "-p", "probe.ts", "-f", "jsonl", "--fail-on", "info")
    assert again.findings == []
    assert again.code == 0
    assert "suppressed: 1 by isoscan findings accept (a test server)" in again.stderr
    assert list_(workspace) == []
    assert workspace.run("findings", "reopen", one_finding).code == 0
    assert [one["hits"] for one in list_(workspace)] == [2]


def test_acceptance_runs_out(workspace: Workspace, one_finding: str) -> None:
    """After its last day a finding is open again, without anybody doing anything."""
    workspace.run("findings", "accept", one_finding, "--reason", "for a while")
    (store,) = workspace.data.rglob("*.db")
    yesterday = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()
    with contextlib.closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE findings SET accepted_until = ?", (yesterday,))
    assert [one["status"] for one in list_(workspace)] == ["open"]
    assert "which is over" in workspace.run("findings", "show", one_finding).text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--reason", " "], "--reason"),
        (["--reason", "x", "--until", "soon"], "--until: 'soon' is not a day"),
        (["--reason", "x", "--until", "2020-01-01"], "--until: 2020-01-01 is over"),
        ([], "--reason"),
    ],
    ids=["blank reason", "no day", "past day", "no reason"],
)
def test_accept_wrongly(workspace: Workspace, one_finding: str, arguments: list[str], words: str) -> None:
    """A wrong option is one message and decides nothing."""
    assert_refused(workspace.run("findings", "accept", one_finding, *arguments), words)
    assert len(list_(workspace)) == 1


# ---- export --------------------------------------------------------------------------


def test_export(kept: Workspace) -> None:
    """A report like that of a run, each finding once, masked when it goes to a file."""
    done = kept.run("findings", "export", "-o", "out.jsonl", "-o", "out.txt", "--severity", "high")
    assert done.code == 0
    report = parse_lines((kept.folder / "out.jsonl").read_bytes())
    assert [one["severity"] for one in report] == ["critical", "high", "high"]
    assert SECRET not in (kept.folder / "out.jsonl").read_text(encoding="utf-8")
    assert "critical" in (kept.folder / "out.txt").read_text(encoding="utf-8")
    printed = kept.run("findings", "export", "-f", "jsonl", "--severity", "high")
    assert SECRET in printed.text
    assert len(printed.findings) == 3


def test_export_refuses(kept: Workspace) -> None:
    """An unknown format, and a report over the store."""
    assert_refused(kept.run("findings", "export", "-f", "papyrus"), "papyrus", "jsonl")
    (store,) = kept.data.rglob("*.db")
    before = store.read_bytes()
    assert_refused(kept.run("findings", "export", "-f", "jsonl", "-o", str(store)), str(store))
    assert store.read_bytes() == before


# ---- runs and prune ------------------------------------------------------------------


def test_runs(kept: Workspace) -> None:
    """The newest first, and which file it is."""
    (store,) = kept.data.rglob("*.db")
    assert str(store) in kept.run("findings", "runs").text
    runs = json.loads(kept.run("findings", "runs", "-f", "json").stdout)
    assert [(run["number"], run["outcome"], run["transactions"], run["findings"]) for run in runs] == [
        (2, "complete", 2, 4),
        (1, "complete", 6, 4),
    ]


def test_prune(workspace: Workspace) -> None:
    """Old runs go with what only they found; what was accepted stays."""
    for names in (["high", "low", "info"], ["high"]):
        workspace.capture("in.har", *names)
        workspace.run("run", "in.har", "-p", "probe.ts")
    low = next(one for one in list_(workspace) if one["severity"] == "low")
    workspace.run("findings", "accept", low["fingerprint"], "--reason", "x")
    assert workspace.run("findings", "prune", "--older-than", "1d").text == "forgot 0 runs and 0 findings\n"
    (store,) = workspace.data.rglob("*.db")
    _age(store)
    assert workspace.run("findings", "prune", "--older-than", "30d").text == "forgot 1 runs and 1 findings\n"
    assert [one["severity"] for one in list_(workspace, "--status", "all")] == ["high", "low"]
    assert len(json.loads(workspace.run("findings", "runs", "-f", "json").stdout)) == 1
    assert "high: Seen" in workspace.run("findings", "show", list_(workspace)[0]["fingerprint"]).text


def _age(store: Path) -> None:
    long_ago = (datetime.now(UTC) - timedelta(days=40)).isoformat()
    with contextlib.closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE runs SET started_at = ? WHERE id = 1", (long_ago,))
        connection.execute("UPDATE findings SET last_seen = ?", (long_ago,))


@pytest.mark.parametrize("age", ["", "90", "d", "-1d", "1y", "9999999d"])
def test_prune_wrongly(kept: Workspace, age: str) -> None:
    """What is no age is refused."""
    assert_refused(kept.run("findings", "prune", f"--older-than={age}"), "--older-than")


# ---- no store ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        ["list"],
        ["show", "abcd"],
        ["export"],
        ["accept", "abcd", "--reason", "x"],
        ["reopen", "abcd"],
        ["runs"],
        ["prune", "--older-than", "1d"],
    ],
    ids=lambda words: words[0],
)
@pytest.mark.parametrize("db", [[], ["--db", "none"], ["--db", "one.har"]], ids=["default", "none", "other"])
def test_without_a_store(workspace: Workspace, command: list[str], db: list[str]) -> None:
    """One message, and no store is made."""
    assert_refused(workspace.run("findings", *command, *db), "store")
    assert list(workspace.data.iterdir()) == []
    assert not (workspace.folder / "none").exists()
