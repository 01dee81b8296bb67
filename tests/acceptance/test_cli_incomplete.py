"""Coverage that is not complete: exit code 3, and the summary says what is missing and why."""

from __future__ import annotations

import json

import pytest

from acceptance._command import Workspace, entry, har

RUBBISH = ("cycle", "bigint", "function", "number", "untitled", "severity", "huge")


def test_timeout_is_named(workspace: Workspace) -> None:
    """A scan that loops is named with plugin, transaction and limit; the others are scanned."""
    workspace.capture("in.har", "high", "loop", "low")
    done = workspace.run("run", "in.har", "-p", "probe.ts", "-f", "jsonl", "--timeout", "0.5")
    assert [finding["severity"] for finding in done.findings] == ["high", "low"]
    assert "1 timed out, first at in.har#1: " in done.stderr
    assert "  probe: " in done.stderr
    assert "0.5 s" in done.stderr
    assert "INCOMPLETE: 1 scans failed, 0 entries were rejected" in done.stderr
    assert done.code == 3


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("throw", ["1 ended in an error", "thrown on purpose", "probe.ts:"]),
        ("never", ["1 ended in an error", "never settles"]),
        ("memory", ["1 ran out of memory"]),
        ("cycle", ["1 with invalid findings", "circular"]),
        ("bigint", ["1 with invalid findings", "BigInt"]),
        ("function", ["1 with invalid findings", "function"]),
        ("number", ["1 with invalid findings", "number"]),
        ("untitled", ["1 with invalid findings", "title"]),
        ("severity", ["1 with invalid findings", "severity", "awful"]),
    ],
)
def test_failed_scan_is_named(workspace: Workspace, path: str, words: list[str]) -> None:
    """Each way to fail has its verdict and its reason, and costs no other scan its result."""
    workspace.capture("in.har", "high", path, "low")
    done = workspace.run("run", "in.har", "-p", "probe.ts", "-f", "jsonl", "--memory", "128MB")
    assert [finding["severity"] for finding in done.findings] == ["high", "low"]
    assert "first at in.har#1: " in done.stderr
    for word in words:
        assert word in done.stderr
    assert done.code == 3


def test_finding_of_200_megabytes(workspace: Workspace) -> None:
    """A finding that large is refused one way or the other, and nothing of it is printed."""
    workspace.capture("in.har", "high", "huge", "low")
    done = workspace.run("run", "in.har", "-p", "probe.ts", "-f", "jsonl")
    assert [finding["severity"] for finding in done.findings] == ["high", "low"]
    assert "first at in.har#1: " in done.stderr
    assert "INCOMPLETE: 1 scans failed" in done.stderr
    assert len(done.stderr) < 4096
    assert done.code == 3


def test_all_failures_are_counted(workspace: Workspace) -> None:
    """The summary counts every verdict and gives one example of each."""
    workspace.capture("in.har", *RUBBISH[:6], "throw", "throw", "clean", "high")
    done = workspace.run("run", "in.har", "-p", "probe.ts")
    assert "10 scans" in done.stderr
    assert "1 clean, 1 with findings, 2 ended in an error, 6 with invalid findings" in done.stderr
    assert "2 ended in an error, first at in.har#6: " in done.stderr
    assert "INCOMPLETE: 8 scans failed" in done.stderr
    assert done.code == 3


def test_one_failing_plugin(workspace: Workspace) -> None:
    """A plugin that fails on everything does not hide the findings of the others."""
    workspace.write("bad.ts", "export function scan_transaction() { throw new Error('always'); }")
    workspace.capture("in.har", "high", "low")
    done = workspace.run("run", "in.har", "-p", "bad.ts", "-p", "probe.ts", "-f", "jsonl")
    assert [finding["severity"] for finding in done.findings] == ["high", "low"]
    assert "  bad: 2 ended in an error" in done.stderr
    assert done.code == 3


def test_findings_weigh_more_than_gaps(workspace: Workspace) -> None:
    """With findings at or above `--fail-on`, exit code 1 stays; the gaps are in the summary."""
    workspace.capture("in.har", "high", "throw")
    done = workspace.run("run", "in.har", "-p", "probe.ts", "--fail-on", "high")
    assert "INCOMPLETE: 1 scans failed" in done.stderr
    assert done.code == 1


def test_fail_on_with_gaps_only(workspace: Workspace) -> None:
    """Without such a finding a gap is still exit code 3: nobody knows what was there."""
    workspace.capture("in.har", "low", "throw")
    assert workspace.run("run", "in.har", "-p", "probe.ts", "--fail-on", "high").code == 3


def test_rejected_entries(workspace: Workspace) -> None:
    """A HAR entry that is no transaction is named by its index and reason; the others are scanned."""
    bad = entry("http://shop.example/high")
    del bad["request"]["method"]
    good = entry("http://shop.example/high")
    workspace.write("in.har", har(good, bad, {"comment": "no request"}, good))
    done = workspace.run("run", "in.har", "-p", "probe.ts", "-f", "jsonl")
    assert [finding["transaction_id"] for finding in done.findings] == ["in.har#0", "in.har#3"]
    assert "  rejected: in.har, entry 1: the request has no method" in done.stderr
    assert "  rejected: in.har, entry 2: the entry has no request" in done.stderr
    assert "INCOMPLETE: 0 scans failed, 2 entries were rejected" in done.stderr
    assert done.code == 3


def test_rejected_line(workspace: Workspace) -> None:
    """So is a line of JSON Lines."""
    workspace.write(
        "in.jsonl", '{"request": {"method": "GET", "url": "http://shop.example/high"}}\n{"request": 5\n'
    )
    done = workspace.run("run", "in.jsonl", "-p", "probe.ts", "-f", "jsonl")
    assert len(done.findings) == 1
    assert "  rejected: in.jsonl, line 2: " in done.stderr
    assert done.code == 3


def test_many_rejected_entries(workspace: Workspace) -> None:
    """Beyond twenty they are counted, and named in the reports that have room."""
    workspace.write("in.har", har(*[{"comment": "no request"}] * 50))
    done = workspace.run(
        "run", "in.har", "-p", "probe.ts", "-o", "out.json", "-o", "out.html", "-o", "out.md"
    )
    document = json.loads((workspace.folder / "out.json").read_bytes())
    assert [entry["index"] for entry in document["rejected"]] == list(range(50))
    assert "in.har, entry 49" in (workspace.folder / "out.html").read_text()
    assert "in.har, entry 49" not in (workspace.folder / "out.md").read_text()
    assert done.stderr.count("  rejected: ") == 20
    assert "30 more rejected" in done.stderr
    assert "50 entries were rejected" in done.stderr
    assert done.code == 3


def test_data_urls_are_left_out(workspace: Workspace) -> None:
    """What is no HTTP exchange is no gap: it is counted and the run is complete."""
    entries = [entry("data:text/plain,SECRET"), entry("http://shop.example/high"), entry("blob:x")]
    workspace.write("in.har", har(*entries))
    done = workspace.run("run", "in.har", "-p", "probe.ts", "-f", "jsonl")
    assert len(done.findings) == 1
    assert "2 entries are no HTTP exchanges and were left out" in done.stderr
    assert "INCOMPLETE" not in done.stderr
    assert "SECRET" not in done.stderr
    assert done.code == 0


def test_requests_without_response(workspace: Workspace) -> None:
    """A plugin that looks at responses only has nothing to do where there is none: no gap."""
    workspace.write(
        "p.ts", "export function scan_response(t) { return { title: String(t.response.status) }; }"
    )
    aborted = entry("http://shop.example/high", status=0)
    workspace.write("in.har", har(aborted, entry("http://shop.example/high")))
    done = workspace.run("run", "in.har", "-p", "p.ts", "-f", "jsonl")
    assert [finding["title"] for finding in done.findings] == ["200"]
    assert "1 skipped" in done.stderr
    assert "INCOMPLETE" not in done.stderr
    assert done.code == 0


def test_plugin_that_keeps_dying(workspace: Workspace) -> None:
    """A plugin in quarantine is visible: what it did not scan is skipped, counted and a gap."""
    workspace.capture("in.har", *["loop"] * 14)
    done = workspace.run("run", "in.har", "-p", "probe.ts", "--timeout", "0.05")
    assert "14 scans" in done.stderr
    assert "quarantined" in done.stderr
    assert "INCOMPLETE: 14 scans failed" in done.stderr
    assert done.code == 3
