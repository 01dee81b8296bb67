"""Suppressions, baselines, and what becomes of a finding."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from isoscan import ConfigError, Finding, HttpRequest, HttpResponse, HttpTransaction, InputError, Severity
from isoscan.baseline import Baseline, read_baseline
from isoscan.redact import Redactor, shareable_fingerprint
from isoscan.triage import Ruling, Suppression, Triage

TODAY = date(2026, 6, 15)
PASSWORD = "correct-horse-battery-staple-91"
TRANSACTION = HttpTransaction(
    HttpRequest("GET", f"https://shop.example.com/login?user=jo&password={PASSWORD}"), HttpResponse(200)
)


def finding(**fields: Any) -> Finding:
    """A finding with the least it needs."""
    given = {
        "title": "Cookie without Secure",
        "plugin_id": "cookie-flags",
        "vuln_type": "cookie",
        "url": "https://shop.example.com/login",
        "method": "GET",
        "transaction_id": "in.har#0",
        "severity": Severity.LOW,
        **fields,
    }
    return Finding(**given)


SECRET = finding(title=f"Password {PASSWORD} in the URL", url=TRANSACTION.request.url)


def redacted_name(subject: Finding, transaction: HttpTransaction) -> str:
    """The fingerprint that a redacted report shows."""
    return shareable_fingerprint(Redactor().finding(subject, transaction))


# ---- suppressions --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "is_suppressed"),
    [
        ({"plugin": "cookie-flags"}, True),
        ({"plugin": "COOKIE-*"}, True),
        ({"plugin": "cors"}, False),
        ({"host": "shop.example.com"}, True),
        ({"host": "*.Example.com"}, True),
        ({"host": "example.com"}, False),
        ({"path": "/login"}, True),
        ({"path": "/log*"}, True),
        ({"path": "/LOGIN"}, False),
        ({"title": "Cookie*"}, True),
        ({"title": "Cookie"}, False),
        ({"fingerprint": finding().fingerprint}, True),
        ({"fingerprint": finding().fingerprint.upper()}, True),
        ({"fingerprint": "0" * 32}, False),
        ({"plugin": "cookie-flags", "host": "shop.*", "path": "/login", "title": "Cookie*"}, True),
        ({"plugin": "cookie-flags", "path": "/other"}, False),
        ({"plugin": "cookie-flags", "until": date(2026, 6, 15)}, True),
        ({"plugin": "cookie-flags", "until": date(2026, 6, 14)}, False),
    ],
)
def test_suppressed(rules: dict[str, Any], is_suppressed: bool) -> None:
    """A finding is suppressed when all rules match and the last day is not over."""
    triage = Triage({"isoscan.toml:3": Suppression(reason="accepted", **rules)}, today=TODAY)
    ruling = triage.judge(finding(), TRANSACTION)
    assert ruling.is_reported is not is_suppressed
    assert (ruling.suppressed_by in triage.labels) is is_suppressed
    if ruling.suppressed_by is not None:
        assert ruling.suppressed_by.startswith("isoscan.toml:3 (accepted")


def test_titles_with_brackets() -> None:
    """A title that is copied as it is matches, also where it looks like a pattern."""
    title = "Header [x-a] of 'a*b?'"
    triage = Triage({"a:1": Suppression(reason="x", title=title)}, today=TODAY)
    assert not triage.judge(finding(title=title), TRANSACTION).is_reported


def test_url_that_is_none() -> None:
    """A finding with a broken URL has no host, and matches no host."""
    triage = Triage({"a:1": Suppression(reason="x", host="*.com")}, today=TODAY)
    assert triage.judge(finding(url="http://[broken"), TRANSACTION).is_reported


def test_first_match_counts() -> None:
    """Of several suppressions the first counts; expired ones are kept apart and do not."""
    triage = Triage(
        {
            "a:1": Suppression(reason="old", plugin="*", until=date(2020, 1, 1)),
            "a:5": Suppression(reason="one", plugin="cookie-*"),
            "a:9": Suppression(reason="two", plugin="*", until=date(2030, 1, 1)),
        },
        today=TODAY,
    )
    assert list(triage.expired) == ["a:1"]
    assert triage.labels == ["a:5 (one)", "a:9 (two, until 2030-01-01)"]
    assert triage.judge(finding(), TRANSACTION).suppressed_by == "a:5 (one)"
    assert triage.judge(finding(plugin_id="cors"), TRANSACTION).suppressed_by == "a:9 (two, until 2030-01-01)"


@pytest.mark.parametrize(
    "fields", [{"plugin": "x", "reason": " "}, {"reason": "x"}, {"reason": "x", "fingerprint": "12"}]
)
def test_wrong_suppression(fields: dict[str, Any]) -> None:
    """A suppression without a reason, or that would match everything, cannot be made."""
    with pytest.raises(ConfigError):
        Suppression(**fields)


@pytest.mark.parametrize("is_shareable", [True, False])
def test_suppressed_by_the_fingerprint_of_any_report(is_shareable: bool) -> None:
    """A fingerprint counts as a redacted report shows it, and as the others do."""
    assert SECRET.fingerprint != redacted_name(SECRET, TRANSACTION)
    name = redacted_name(SECRET, TRANSACTION) if is_shareable else SECRET.fingerprint
    triage = Triage({"a:1": Suppression(reason="x", fingerprint=name)}, today=TODAY)
    assert not triage.judge(SECRET, TRANSACTION).is_reported
    assert triage.judge(finding(), TRANSACTION).is_reported


# ---- known and new -------------------------------------------------------------------


def test_nothing_is_known() -> None:
    """Without suppressions and baseline every finding is reported, and what a store knows is kept."""
    assert Triage().judge(finding(), TRANSACTION) == Ruling()
    for is_new in (True, False):
        assert Triage().judge(finding(), TRANSACTION, is_new) == Ruling(is_new=is_new)


@pytest.mark.parametrize("is_new_only", [False, True])
@pytest.mark.parametrize("is_shareable", [False, True])
def test_known_from_a_baseline(is_new_only: bool, is_shareable: bool) -> None:
    """What the baseline names, in either way, is known; the rest is new, whatever a store says."""
    name = redacted_name(SECRET, TRANSACTION) if is_shareable else SECRET.fingerprint
    triage = Triage(known={name}, is_new_only=is_new_only)
    known = triage.judge(SECRET, TRANSACTION, True)
    assert known == Ruling(is_reported=not is_new_only, is_new=False, is_known=True)
    assert triage.judge(finding(), TRANSACTION, False) == Ruling(is_new=True)


def test_new_only_by_the_store() -> None:
    """Without a baseline, what a store has seen before is known when only new findings are asked for."""
    triage = Triage(is_new_only=True)
    assert triage.judge(finding(), TRANSACTION, False) == Ruling(
        is_reported=False, is_new=False, is_known=True
    )
    assert triage.judge(finding(), TRANSACTION, True).is_reported
    assert triage.judge(finding(), TRANSACTION, None).is_reported


def test_empty_baseline() -> None:
    """A baseline without findings makes everything new."""
    assert Triage(known=()).judge(finding(), TRANSACTION) == Ruling(is_new=True)


# ---- the file ------------------------------------------------------------------------


def test_written_and_read(tmp_path: Path) -> None:
    """What a run saw is known to the next, and the file holds no secret and nothing that changes."""
    contents = []
    for order in ((SECRET, finding()), (finding(), SECRET)):
        seen = Baseline()
        suppressed = Suppression(reason="x", plugin="cors")
        triage = Triage({"a:1": suppressed}, seen=seen, today=TODAY)
        for each in (*order, finding(plugin_id="cors")):
            triage.judge(each, TRANSACTION)
        assert len(seen) == 2
        contents.append(seen.encoded())
    assert contents[0] == contents[1]
    assert PASSWORD.encode() not in contents[0]
    assert SECRET.fingerprint.encode() not in contents[0]
    path = tmp_path / "known.json"
    path.write_bytes(contents[0])
    triage = Triage(known=read_baseline(path))
    assert triage.judge(SECRET, TRANSACTION).is_known
    assert triage.judge(finding(), TRANSACTION).is_known
    assert not triage.judge(finding(plugin_id="cors"), TRANSACTION).is_known


PRINTS = ["0" * 32, "abcdef" + "1" * 26]


def sarif(*results: Any) -> str:
    """A SARIF document."""
    return json.dumps({"version": "2.1.0", "runs": [{"tool": {}, "results": list(results)}]})


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", []),
        ("\n\n", []),
        ("".join(json.dumps({"title": "x", "fingerprint": each}) + "\n" for each in PRINTS), PRINTS),
        (json.dumps({"title": "x", "fingerprint": PRINTS[0]}) + "\n", PRINTS[:1]),
        (json.dumps({"findings": [{"fingerprint": each.upper()} for each in PRINTS]}), PRINTS),
        (json.dumps({"findings": []}), []),
        ("\ufeff" + json.dumps({"findings": [{"fingerprint": PRINTS[0]}]}), PRINTS[:1]),
        (sarif(), []),
        (sarif(*({"partialFingerprints": {"isoscan/v1": each}} for each in PRINTS)), PRINTS),
        (sarif({"partialFingerprints": {"primaryLocationLineHash": "39fa:1", "x": PRINTS[0]}}), PRINTS[:1]),
        (sarif({"partialFingerprints": {"x": PRINTS[0]}, "baselineState": "absent"}), []),
    ],
)
def test_reports_as_baselines(tmp_path: Path, content: str, expected: list[str]) -> None:
    """Reports of earlier runs are recognised by their content."""
    path = tmp_path / "report"
    path.write_text(content, encoding="utf-8")
    assert read_baseline(path) == set(expected)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html>", ["report:1", "not JSON", "--write-baseline"]),
        (b"\xff\xfe\x00", ["report:1"]),
        (b'{"fingerprint": "' + b"0" * 32 + b'"}\n{"finger', ["report:2", "not JSON"]),
        (b'{"title": "x"}\n{"title": "y"}\n', ["report:1", "fingerprint"]),
        (b"[]", ["holds no findings"]),
        (b"3", ["holds no findings"]),
        (b"{}", ["holds no findings"]),
        (b'{"log": {"entries": []}}', ["holds no findings"]),
        (b'{"findings": [{"fingerprint": "zz"}]}', ["finding 0", "fingerprint"]),
        (b'{"findings": [3]}', ["finding 0"]),
        (b'{"format": "isoscan-baseline", "version": 2, "findings": []}', ["version 2", "version 1"]),
        (b'{"runs": [{"results": 3}]}', ["SARIF"]),
        (b'{"runs": [3]}', ["SARIF"]),
        (b'{"runs": [{"results": [{"ruleId": "x"}]}]}', ["without a fingerprint"]),
        (b'{"runs": [{"results": [3]}]}', ["without a fingerprint"]),
        (b"[" * 100_000, ["report:1"]),
    ],
)
def test_wrong_baseline(tmp_path: Path, content: bytes, words: list[str]) -> None:
    """What is no baseline is refused, with its place and what it should be."""
    path = tmp_path / "report"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_baseline(path)
    for word in ("--baseline", *words):
        assert word in str(caught.value)


def test_baseline_that_is_missing(tmp_path: Path) -> None:
    """A file that cannot be read is named."""
    with pytest.raises(InputError, match=r"nothing\.json: cannot be read"):
        read_baseline(tmp_path / "nothing.json")
    with pytest.raises(InputError, match="cannot be read"):
        read_baseline(tmp_path)


def test_jsonl_of_a_run(tmp_path: Path) -> None:
    """A redacted JSON Lines report of one run is the baseline of an unredacted one, and the other way."""
    redactor = Redactor()
    masked = redactor.finding(SECRET, TRANSACTION)
    for name in (shareable_fingerprint(masked), SECRET.fingerprint):
        path = tmp_path / "report.jsonl"
        path.write_bytes(msgspec.json.encode({**msgspec.to_builtins(masked), "fingerprint": name}) + b"\n")
        assert Triage(known=read_baseline(path)).judge(SECRET, TRANSACTION).is_known
