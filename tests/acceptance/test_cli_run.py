"""`isoscan run` when all goes well: inputs, plugins, formats, outputs, exit codes 0 and 1."""

from __future__ import annotations

import gzip
import json
import re
import stat
from datetime import datetime
from pathlib import Path

import pytest

from acceptance._command import PROBE, Workspace, assert_refused, entry, har, parse_lines

EXAMPLES = Path(__file__).parents[2] / "examples"
FIELDS = {
    "id", "title", "plugin_id", "vuln_type", "url", "method", "transaction_id", "severity", "confidence",
    "description", "evidence", "location", "cwe", "owasp", "remediation", "extra", "created_at",
    "fingerprint",
}  # fmt: skip


def titled(title: str) -> str:
    """A plugin that reports its title on everything."""
    return f"export function scan_transaction() {{ return {{ title: {json.dumps(title)} }}; }}"


def line(path: str) -> str:
    """A line of JSON Lines."""
    transaction = {
        "request": {"method": "GET", "url": f"http://shop.example/{path}"},
        "response": {"status": 200},
    }
    return json.dumps(transaction) + "\n"


# ---- formats and outputs -------------------------------------------------------------


def test_bundled_plugins_on_the_example(workspace: Workspace) -> None:
    """Without any option the bundled plugins scan a real recording and print a table."""
    done = workspace.run("run", str(EXAMPLES / "shop.har"))
    assert done.code == 0
    for word in ("severity", "plugin", "AWS access key ID", "secrets", "cors", "https://shop.example/"):
        assert word in done.text
    assert "coverage: 78 transactions x 8 plugins = 624 scans" in done.stderr
    assert "INCOMPLETE" not in done.stderr


def test_jsonl_fields(workspace: Workspace) -> None:
    """Every line is one finding with all its fields, as a program expects them."""
    done = workspace.run("run", str(EXAMPLES / "shop.har"), "--format", "jsonl")
    assert done.code == 0
    assert len(done.findings) > 20
    for finding in done.findings:
        assert set(finding) == FIELDS
        assert finding["title"].strip()
        assert finding["severity"] in ("info", "low", "medium", "high", "critical")
        assert finding["confidence"] in ("low", "medium", "high")
        assert finding["url"].startswith(("http://", "https://"))
        assert re.fullmatch("[0-9a-f]{32}", finding["fingerprint"])
        assert re.fullmatch(rf"{re.escape(str(EXAMPLES))}/shop\.har#\d+", finding["transaction_id"])
        assert datetime.fromisoformat(finding["created_at"]).tzinfo is not None
        assert isinstance(finding["extra"], dict)
    assert len({finding["id"] for finding in done.findings}) == len(done.findings)


def test_findings_are_the_same_every_time(workspace: Workspace) -> None:
    """Two runs report the same findings in the same order, but for ids and times."""
    runs = [workspace.run("run", str(EXAMPLES / "shop.har"), "-f", "jsonl").findings for _ in range(2)]
    for finding in (finding for run in runs for finding in run):
        del finding["id"], finding["created_at"]
    assert runs[0] == runs[1]


def test_table_rows(workspace: Workspace) -> None:
    """The table is sorted worst first, and the same finding is one row with its count."""
    workspace.capture("many.har", "low", "critical", "low", "info", "clean", "low")
    done = workspace.run("run", "many.har", "--plugin", "probe.ts", "--format", "table")
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in done.text.splitlines()]
    body = [row for row in rows if len(row) == 5 and row[0] != "severity"]
    assert body == [
        ["critical", "probe", "Seen", "GET http://shop.example/critical", "1"],
        ["low", "probe", "Seen", "GET http://shop.example/low", "3"],
        ["info", "probe", "Seen", "GET http://shop.example/info", "1"],
    ]
    assert "findings: 5 (3 different): 1 critical, 3 low, 1 info" in done.stderr


def test_nothing_found(workspace: Workspace) -> None:
    """No findings is no output, and the summary says so."""
    for form in ("table", "jsonl"):
        done = workspace.run("run", "one.har", "--plugin", "probe.ts", "--format", form)
        assert done.stdout == b""
        assert done.stderr.startswith("findings: none\n")
        assert "1 transactions x 1 plugins = 1 scans" in done.stderr
        assert "1 clean" in done.stderr
        assert done.code == 0


def test_no_progress_in_a_pipe(workspace: Workspace) -> None:
    """Standard error holds the two lines of the summary and no escape sequence."""
    done = workspace.run("run", "one.har", "--plugin", "probe.ts", FORCE_COLOR="1")
    assert len(done.stderr.splitlines()) == 2
    assert "\x1b" not in done.stderr + done.text


@pytest.mark.parametrize(
    ("name", "options", "is_jsonl"),
    [
        ("out.jsonl", [], True),
        ("OUT.JSONL", [], True),
        ("out.ndjson", [], True),
        ("out.txt", [], False),
        ("out", [], False),
        ("out.txt", ["--format", "jsonl"], True),
        ("out.jsonl", ["--format", "table"], False),
    ],
)
def test_output_file(workspace: Workspace, name: str, options: list[str], is_jsonl: bool) -> None:
    """`--output` takes the findings, for its owner's eyes only; its suffix says how unless told."""
    workspace.capture("two.har", "high", "low")
    done = workspace.run("run", "two.har", "--plugin", "probe.ts", "--output", name, *options)
    path = workspace.folder / name
    assert done.stdout == b""
    assert done.code == 0
    assert "findings: 2" in done.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    if is_jsonl:
        assert [finding["severity"] for finding in parse_lines(path.read_bytes())] == ["high", "low"]
    else:
        assert "|high" in path.read_text(encoding="utf-8")


def test_output_file_is_overwritten(workspace: Workspace) -> None:
    """A second run leaves nothing of the first one's longer output."""
    workspace.capture("two.har", "high", "low")
    for name in ("two.har", "one.har"):
        done = workspace.run("run", name, "--plugin", "probe.ts", "--output", "out.jsonl")
        assert done.code == 0
    assert (workspace.folder / "out.jsonl").read_bytes() == b""


def test_output_dash(workspace: Workspace) -> None:
    """`--output -` is standard output."""
    workspace.capture("two.har", "high", "low")
    done = workspace.run("run", "two.har", "--plugin", "probe.ts", "--output", "-", "-f", "jsonl")
    assert len(done.findings) == 2


# ---- inputs --------------------------------------------------------------------------


def test_standard_input(workspace: Workspace) -> None:
    """`-` reads standard input, HAR or JSON Lines, before or behind the options."""
    for content in (har(entry("http://shop.example/high")), line("high")):
        for arguments in (["-", "--plugin", "probe.ts"], ["--plugin", "probe.ts", "-"]):
            done = workspace.run("run", *arguments, "--format", "jsonl", stdin=content.encode())
            assert [finding["severity"] for finding in done.findings] == ["high"]
            assert done.findings[0]["transaction_id"].startswith("-#")


def test_empty_standard_input(workspace: Workspace) -> None:
    """An empty pipe is no capture."""
    assert_refused(workspace.run("run", "-", "--plugin", "probe.ts"), "-: is empty")


def test_jsonl_input(workspace: Workspace) -> None:
    """JSON Lines are read line by line; blank lines are nothing."""
    workspace.write("in.jsonl", line("high") + "\n" + line("low"))
    done = workspace.run("run", "in.jsonl", "--plugin", "probe.ts", "--format", "jsonl")
    assert [finding["transaction_id"] for finding in done.findings] == ["in.jsonl#1", "in.jsonl#3"]
    assert done.code == 0


def test_several_inputs_of_several_kinds(workspace: Workspace) -> None:
    """HAR, gzipped HAR, JSON Lines and standard input in one run, in the given order."""
    workspace.capture("a.har", "info", "clean")
    workspace.write("b.har.gz", gzip.compress(har(entry("http://shop.example/low")).encode()))
    workspace.write("c.jsonl", line("medium") + line("clean"))
    done = workspace.run(
        "run",
        "a.har",
        "b.har.gz",
        "-",
        "c.jsonl",
        "-p",
        "probe.ts",
        "-f",
        "jsonl",
        stdin=line("high").encode(),
    )
    assert [finding["severity"] for finding in done.findings] == ["info", "low", "high", "medium"]
    assert "6 transactions x 1 plugins = 6 scans" in done.stderr
    assert done.code == 0


def test_capture_without_entries(workspace: Workspace) -> None:
    """An empty recording is complete: there was nothing to scan."""
    workspace.write("empty.har", har())
    done = workspace.run("run", "empty.har", "--plugin", "probe.ts")
    assert "0 transactions" in done.stderr
    assert done.code == 0


def test_names_outside_ascii(workspace: Workspace) -> None:
    """Captures, plugins and outputs may be called anything."""
    workspace.capture("Aufnahme für Zoë 日本.har", "high")
    workspace.write("ein plugin ✓.ts", PROBE)
    done = workspace.run("run", "Aufnahme für Zoë 日本.har", "-p", "ein plugin ✓.ts", "-o", "ä b.jsonl")
    assert done.code == 0
    (finding,) = parse_lines((workspace.folder / "ä b.jsonl").read_bytes())
    assert finding["transaction_id"] == "Aufnahme für Zoë 日本.har#0"


# ---- plugins -------------------------------------------------------------------------


@pytest.fixture
def library(workspace: Workspace) -> Workspace:
    """A folder with plugins of every kind, and files beside them that are none."""
    workspace.write("lib/a.ts", titled("a"))
    workspace.write("lib/b.js", titled("b"))
    workspace.write("lib/c.mjs", titled("c"))
    workspace.write("lib/_x.ts", "throw new Error('a helper was loaded as a plugin');")
    workspace.write("lib/.hidden.ts", "throw new Error('a hidden file was loaded as a plugin');")
    workspace.write("lib/a.test.ts", "throw new Error('a test was loaded as a plugin');")
    workspace.write("lib/types.d.ts", "export {};")
    workspace.write("lib/README.md", "no plugin")
    workspace.write("lib/deep/plugin.ts", "import { t } from './_t.ts';\nimport { u } from './u.ts';\n"
                    "export const metadata = { id: 'deep' };\n"
                    "export function scan_transaction() { return { title: t + u }; }")  # fmt: skip
    workspace.write("lib/deep/_t.ts", "export const t: string = 'de';")
    workspace.write("lib/deep/u.ts", "export const u: string = 'ep';")
    workspace.write("lib/notes/other.ts", "throw new Error('not a plugin folder');")
    workspace.write("lib/_old/plugin.ts", "throw new Error('a folder put aside was loaded');")
    return workspace


@pytest.mark.parametrize(
    ("specs", "titles"),
    [
        (["lib/a.ts"], ["a"]),
        (["lib/b.js", "lib/a.ts"], ["b", "a"]),
        (["lib"], ["a", "b", "c", "deep"]),
        (["lib/deep"], ["deep"]),
        (["lib/deep/plugin.ts"], ["deep"]),
        (["lib/*.ts"], ["a"]),
        (["lib/[bc].*js"], ["b", "c"]),
        (["lib/d*/plugin.ts"], ["deep"]),
        (["li?"], ["a", "b", "c", "deep"]),
        (["lib/a.ts", "lib", "./lib/a.ts"], ["a", "b", "c", "deep"]),
    ],
)
def test_plugin_selection(library: Workspace, specs: list[str], titles: list[str]) -> None:
    """A file, a folder, a folder of folders and a glob; helpers are no plugins; each runs once."""
    options = [word for spec in specs for word in ("--plugin", spec)]
    done = library.run("run", "one.har", *options, "--format", "jsonl")
    assert [finding["title"] for finding in done.findings] == titles
    assert done.code == 0


def test_absolute_glob(library: Workspace) -> None:
    """A glob may be absolute."""
    done = library.run("run", "one.har", "--plugin", f"{library.folder}/lib/*.ts", "--format", "jsonl")
    assert [finding["title"] for finding in done.findings] == ["a"]


def test_results_in_order(library: Workspace) -> None:
    """Findings come transaction by transaction, and for each in the order of the plugins."""
    library.capture("three.har", "high", "low", "info")
    done = library.run(
        "run", "three.har", "-p", "lib/b.js", "-p", "probe.ts", "-p", "lib/a.ts", "-f", "jsonl"
    )
    assert [(f["transaction_id"], f["plugin_id"]) for f in done.findings] == [
        (f"three.har#{index}", plugin) for index in range(3) for plugin in ("b", "probe", "a")
    ]


# ---- exit codes 0 and 1 --------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "level", "code"),
    [
        ("high", None, 0),
        ("clean", "info", 0),
        ("info", "info", 1),
        ("low", "medium", 0),
        ("medium", "medium", 1),
        ("high", "medium", 1),
        ("high", "critical", 0),
        ("critical", "critical", 1),
    ],
)
def test_fail_on(workspace: Workspace, found: str, level: str | None, code: int) -> None:
    """Exit code 1 when a finding is at or above the level, else 0."""
    workspace.capture("in.har", "clean", found)
    options = ["--fail-on", level] if level else []
    assert workspace.run("run", "in.har", "--plugin", "probe.ts", *options).code == code


@pytest.mark.parametrize(
    "memory", ["256MB", "256mb", "256 MiB", "0.25G", "262144K", "268435456", "268435456b"]
)
def test_memory_spellings(workspace: Workspace, memory: str) -> None:
    """Sizes are written as people write them."""
    assert workspace.run("run", "one.har", "--plugin", "probe.ts", "--memory", memory).code == 0
