"""The HTML report as a file: what it holds, what it leaves out, and that data stays data."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import resource
import stat
import subprocess
import tempfile
from collections import Counter
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoscan import (
    Finding,
    HttpRequest,
    HttpResponse,
    HttpTransaction,
    InputError,
    PluginMetadata,
    ScanFailure,
    ScanResult,
    Severity,
    Verdict,
)
from isoscan.record import Place, ReportedFinding, RunRecord
from isoscan.reports import html
from isoscan.reports.formats import SHOWING_TRAFFIC, format_of, make_report
from isoscan.reports.html import bounds
from isoscan.reports.html.evidence import decoded, excerpt, needles
from isoscan.reports.html.page import MODULES, page_script
from isoscan.reports.html.spool import Spool
from isoscan.sandbox.deno import find_deno
from isoscan.sources import Entry

PAGE_FOLDER = Path(html.__file__).parent / "page"


def make_finding(title: str = "Seen", severity: Severity = Severity.LOW, **fields: Any) -> Finding:
    """A finding on `http://shop.example/`."""
    own = {"plugin_id": "probe", "vuln_type": "t", "url": "http://shop.example/", "method": "GET"}
    return Finding(title=title, severity=severity, **{"transaction_id": "t1", **own, **fields})


def make_exchange(body: bytes = b"", content_type: str = "text/html", **request: Any) -> HttpTransaction:
    """A transaction whose response has a body."""
    return HttpTransaction(
        HttpRequest("GET", request.pop("url", "http://shop.example/"), **request),
        HttpResponse(200, headers=(("Content-Type", content_type),), body=body),
    )


def report(
    *findings: Finding | ReportedFinding,
    transaction: HttpTransaction | None = None,
    run: RunRecord | None = None,
) -> str:
    """The page of a run that found this."""
    file = io.BytesIO()
    page = html.HtmlReport(file)
    run = run or RunRecord(inputs=["shop.har"])
    for item in findings:
        if isinstance(item, Finding):
            place = Place("shop.har", 3, "entry")
            item = ReportedFinding(
                finding=item, fingerprint=item.fingerprint, traffic=transaction, place=place
            )
        run.findings[item.finding.severity] += 1
        run.fingerprints.add(item.fingerprint)
        page.add(item)
    page.finish(run)
    return file.getvalue().decode()


class Scripts(HTMLParser):
    """The script and style elements of a page as a browser's parser tells them apart."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None], str]] = []
        self.handlers: list[str] = []
        self._open: tuple[str, dict[str, str | None]] | None = None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handlers += [name for name, _ in attrs if name.startswith("on") or name == "style"]
        if tag in ("script", "style"):
            self._open = (tag, dict(attrs))

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self.found.append((*self._open, data))
            self._open = None


def data(page: str, name: str) -> Any:
    """A block of data of the page."""
    blocks = {attributes.get("id"): text for tag, attributes, text in Scripts(page).found if tag == "script"}
    return json.loads(blocks[name])


# ---- the file ------------------------------------------------------------------------


def test_formats_know_it() -> None:
    """It is chosen by suffix and is given the traffic it shows."""
    assert format_of("report.html") == format_of("REPORT.HTM") == "html"
    assert "html" in SHOWING_TRAFFIC
    assert isinstance(make_report("html", io.BytesIO()), html.HtmlReport)


def test_policy_allows_the_page_itself_alone() -> None:
    """The hashes of the policy are those of the one style and the one script that runs."""
    page = report(make_finding())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].split(";"))
    scripts = Scripts(page)
    running = {
        tag: f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for tag, attributes, text in scripts.found
        if attributes.get("type") is None
    }
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert (rules["style-src"], rules["script-src"]) == (running["style"], running["script"])
    assert rules["require-trusted-types-for"] == "'script'"
    assert [attributes.get("type") for tag, attributes, _ in scripts.found if tag == "script"].count(
        None
    ) == 1
    assert scripts.handlers == []


def test_script_is_one_scope() -> None:
    """The modules are joined without imports, each after those it needs, and define no name twice."""
    script = page_script()
    assert not re.search(r"^\s*(import|export)\b", script, re.MULTILINE)
    names = re.findall(r"^(?:const|let|(?:async )?function|class) (\w+)", script, re.MULTILINE)
    assert len(names) > 30
    assert sorted(set(names)) == sorted(names)
    for position, name in enumerate(MODULES):
        text = (PAGE_FOLDER / f"{name}.js").read_text(encoding="utf-8")
        assert set(re.findall(r'from "\./(\w+)\.js"', text)) <= set(MODULES[:position])
    assert {path.stem for path in PAGE_FOLDER.glob("*.js")} == set(MODULES)


def test_script_is_typed(tmp_path: Path) -> None:
    """Deno's type checker accepts the page's modules with the types of a browser."""
    done = subprocess.run(
        [find_deno(), "check", "--no-remote", "--no-config", PAGE_FOLDER / "main.js"],
        env={**os.environ, "DENO_DIR": str(tmp_path), "DENO_NO_UPDATE_CHECK": "1", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.characters(), max_size=60)
    | st.lists(
        st.sampled_from(
            [
                "</script>",
                "<!--",
                "-->",
                "<script>",
                "\u2028",
                "\u2029",
                "]]>",
                "\ud800",
                "\0",
                "&lt;",
                "'",
                '"',
                "\\",
            ]
        ),
        max_size=8,
    ).map("".join)
)
def test_text_comes_back_as_it_was(text: str) -> None:
    """Whatever stands in a finding is in the data as it was, and makes no element."""
    plain = report(make_finding(description="", evidence=""), transaction=make_exchange())
    page = report(
        make_finding(description=text, evidence=text, remediation=text, url=text, transaction_id=text),
        transaction=make_exchange(
            text.encode("utf-8", "replace"), "text/html; charset=utf-8", url=text, headers=[("X", text)]
        ),
    )
    assert [attributes for _, attributes, _ in Scripts(page).found] == [
        attributes for _, attributes, _ in Scripts(plain).found
    ]
    (finding,) = data(page, "findings")
    assert {finding[name] for name in ("description", "evidence", "remediation", "url")} == {text}
    (exchange,) = data(page, "traffic-0")
    assert exchange["request"]["headers"] == [["X", text]]


# ---- findings ------------------------------------------------------------------------


def test_same_finding_is_one_entry() -> None:
    """Occurrences of a fingerprint are counted and listed; the worst of them stands for all."""
    first = make_finding(severity=Severity.LOW, evidence="one", transaction_id="t1")
    worse = make_finding(severity=Severity.HIGH, evidence="two", transaction_id="t2")
    again = make_finding(severity=Severity.INFO, evidence="three", transaction_id="t3")
    page = report(first, worse, again)
    (finding,) = data(page, "findings")
    assert (finding["severity"], finding["evidence"], finding["count"]) == ("high", "two", 3)
    assert [hit["id"] for hit in finding["hits"]] == ["t1", "t2", "t3"]
    assert finding["hits"][0]["place"] == "shop.har, entry 3"


def test_worst_come_first() -> None:
    """Findings stand by severity, then plugin and title."""
    page = report(
        make_finding("b", Severity.INFO),
        make_finding("c", Severity.CRITICAL),
        make_finding("a", Severity.INFO),
    )
    assert [finding["title"] for finding in data(page, "findings")] == ["c", "a", "b"]


def test_many_hits_are_counted_and_some_listed() -> None:
    """Beyond a number occurrences are only counted; traffic is kept of the first few."""
    transactions = [make_exchange(url=f"http://shop.example/?{n}") for n in range(bounds.HITS_LISTED + 5)]
    found = [
        ReportedFinding(finding=make_finding(), fingerprint="f" * 32, traffic=transaction)
        for transaction in transactions
    ]
    page = report(*found)
    (finding,) = data(page, "findings")
    assert finding["count"] == bounds.HITS_LISTED + 5
    assert len(finding["hits"]) == bounds.HITS_LISTED
    kept = [hit for hit in finding["hits"] if "exchange" in hit]
    assert len(kept) == len(data(page, "traffic-0")) == bounds.HITS_WITH_TRAFFIC


def test_traffic_is_stored_once() -> None:
    """Findings of one transaction share it; their evidence is shown wherever it stands in a long body."""
    body = b"x" * 200_000 + b"first evidence" + b"y" * 100_000 + b"second evidence" + b"z" * 100_000
    page = report(
        make_finding("a", evidence="first evidence"),
        make_finding("b", evidence="second evidence"),
        transaction=make_exchange(body, "text/plain"),
    )
    places = [finding["hits"][0]["exchange"] for finding in data(page, "findings")]
    assert places == [[0, 0], [0, 0]]
    (exchange,) = data(page, "traffic-0")
    shown = exchange["response"]["body"]
    text = "".join(part for _, part in shown["parts"])
    assert "first evidence" in text
    assert "second evidence" in text
    assert len(text) <= bounds.BODY_CHARS
    skipped = sum(gap for gap, _ in shown["parts"]) + shown["rest"]
    assert skipped + len(text) == shown["bytes"] == len(body)


def test_plugins_own_fields_and_lone_surrogates() -> None:
    """Fields of a plugin's own are kept as JSON; text that is no valid Unicode does not stop the report."""
    page = report(make_finding("\udc80", extra={"key": ["\ud83d", 1]}))
    (finding,) = data(page, "findings")
    assert finding["title"] == "\udc80"
    assert json.loads(finding["extra"]) == {"key": ["\ud83d", 1]}


def test_new_is_told_when_known() -> None:
    """Whether a finding is new is told where something is known of earlier runs."""
    found = [
        ReportedFinding(finding=make_finding(str(is_new)), fingerprint=str(is_new), is_new=is_new)
        for is_new in (True, False, None)
    ]
    page = report(*found)
    assert {finding["title"]: finding["isNew"] for finding in data(page, "findings")} == {
        "True": True, "False": False, "None": None,
    }  # fmt: skip


# ---- bodies --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "content_type", "text", "charset"),
    [
        ("grün".encode(), "text/html", "grün", "utf-8"),
        ("grün".encode("latin-1"), "text/html", "grün", "cp1252"),
        ("grün".encode("latin-1"), "text/html; charset=ISO-8859-1", "grün", "cp1252"),
        ("日本".encode("shift_jis"), 'text/html; charset="Shift_JIS"', "日本", "cp932"),
        ("<meta charset=euc-jp>日本".encode("euc-jp"), "text/html", "<meta charset=euc-jp>日本", "euc-jp"),
        ("﻿grün".encode(), "text/html; charset=latin1", "grün", "utf-8"),
        ("\ufeffgrün".encode("utf-16-le"), "text/plain", "grün", "utf-16-le"),
        (b"a+2AHY-", "text/plain; charset=utf-7", "a+2AHY-", "utf-8"),
        (b"abc", "text/plain; charset=zip_codec", "abc", "utf-8"),
        (b"abc", "text/plain; charset=punycode", "abc", "utf-8"),
        (b"abc", "text/plain; charset=cp999", "abc", "utf-8"),
        (b"", None, "", "utf-8"),
    ],
)
def test_bodies_are_decoded_as_browsers_do(
    body: bytes, content_type: str | None, text: str, charset: str
) -> None:
    """By the mark at the start, the declared charset, a meta element, else what fits."""
    found = decoded(body, content_type)
    assert found is not None
    assert (found.text, found.charset) == (text, charset)


@pytest.mark.parametrize(
    "body", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", bytes(range(256)) * 8, b"\0\0\0\x18ftypmp42"]
)
def test_binary_bodies_are_shown_as_bytes(body: bytes) -> None:
    """What is no text is shown by size and its first bytes."""
    assert decoded(body, "application/octet-stream") is None
    page = report(make_finding(), transaction=make_exchange(body, "image/png"))
    (exchange,) = data(page, "traffic-0")
    shown = exchange["response"]["body"]
    assert shown == {"bytes": len(body), "hex": body[: bounds.HEX_BYTES].hex(" ")}


def test_cut_character_is_no_other_charset() -> None:
    """A long UTF-8 body is not taken for another charset because its first part ends within a character."""
    body = b"a" + "ü".encode() * bounds.SEARCHED_BYTES
    found = decoded(body, None)
    assert found is not None
    assert found.charset == "utf-8"


@given(
    st.text("ab\n", max_size=300),
    st.lists(st.text("ab", min_size=1, max_size=5), max_size=4),
    st.integers(1, 80),
)
def test_excerpts_are_apart_in_order_and_bounded(text: str, wanted: list[str], limit: int) -> None:
    """Stretches never overlap, never touch, and are no longer than the limit together."""
    stretches = excerpt(text, wanted, limit)
    ends = [0, *(end for _, end in stretches)]
    assert all(start < end for start, end in stretches) or text == ""
    assert all(start > end for (start, _), end in zip(stretches[1:], ends[1:], strict=False))
    assert sum(end - start for start, end in stretches) <= max(limit, len(text) if len(text) <= limit else 0)
    assert stretches or text == ""


def test_excerpt_keeps_the_head_and_what_is_wanted() -> None:
    """A long text is shown from its beginning and around what is wanted."""
    text = "x" * 100_000 + "here" + "y" * 100_000
    (head, around) = excerpt(text, ["here"])
    assert head[0] == 0
    assert "here" in text[slice(*around)]
    assert excerpt(text, []) == [(0, bounds.BODY_CHARS)]


@pytest.mark.parametrize(
    ("evidence", "location", "texts", "found"),
    [
        ("literal", "", ["a literal b"], ["literal"]),
        ("nowhere", "", ["a literal b"], []),
        ("", "response.header:x", ["a"], []),
        ("sent: <b>bold\nreceived: <i>yes", "", ["q=<b>bold", "<i>yes"], ["<b>bold", "<i>yes"]),
        ("AKIA…B2NV (20 characters, middle masked)", "", ["k=AKIAQ3EGB2NV;"], ["AKIAQ3EGB2NV"]),
        ("sid=ab…yz; path=/", "", ["sid=abcxyz; secure"], ["sid=abcxyz;"]),
        ("AKIA…B2NV (20 characters)", "", ["k=AKIA…(20 chars, 060e10ba)"], ["AKIA…(20 chars, 060e10ba)"]),
        ("<img src=x>", "", ["http://a/?q=%3Cimg%20src%3Dx%3E"], ["%3Cimg%20src%3Dx%3E"]),
        ("<img src=x>", "", ["http://a/?q=%3Cimg+src%3Dx%3E"], ["%3Cimg+src%3Dx%3E"]),
        ('say "no"', "", ["say &quot;no&quot;"], ["say &quot;no&quot;"]),
        ("access-control-allow-credentials: true", "", ["", "Access-Control-Allow-Credentials: true"],
         ["Access-Control-Allow-Credentials: true"]),
        ("allow: true", "", ["it is true"], []),
        ("masked: ***", "request.query:q", ["http://a/?x=1&q=secret#q=2"], ["q=secret"]),
        ("masked: ***", "request.query:a(", ["http://a/?a(=1"], ["a(=1"]),
    ],
)  # fmt: skip
def test_evidence_is_found(evidence: str, location: str, texts: list[str], found: list[str]) -> None:
    """However a plugin quotes, the place in the traffic is found as it stands there."""
    assert needles(evidence, location, texts) == found


# ---- bounds --------------------------------------------------------------------------


def test_worse_findings_displace_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """When there are too many, those of the lowest severity are left out and counted."""
    monkeypatch.setattr(html, "FINDINGS", 3)
    found = [make_finding(str(n), Severity.INFO) for n in range(5)]
    found += [make_finding("bad", Severity.HIGH), make_finding("worse", Severity.CRITICAL)]
    page = report(*found, make_finding("late", Severity.INFO))
    assert [finding["title"] for finding in data(page, "findings")][:2] == ["worse", "bad"]
    (run,) = data(page, "run")
    assert run["hitsLeftOut"] == 5
    assert run["severities"]["info"] == 6


def test_page_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page is no larger than its bound: traffic of the least severe findings is left out, and counted."""
    limit_bytes = 400_000
    monkeypatch.setattr(html, "PAGE_BYTES", limit_bytes)
    found = []
    for number in range(60):
        severity = Severity.HIGH if number == 59 else Severity.INFO
        transaction = make_exchange(b"body " * 2000, url=f"http://shop.example/{number}")
        finding = make_finding(str(number), severity)
        found.append(ReportedFinding(finding=finding, fingerprint=finding.fingerprint, traffic=transaction))
    monkeypatch.setattr("isoscan.reports.html.traffic.BLOCK_BYTES", 20_000)
    page = report(*found)
    assert len(page.encode()) <= limit_bytes
    (run,) = data(page, "run")
    assert run["hitsLeftOut"] == 0
    assert 0 < run["trafficLeftOut"] < 60
    worst = data(page, "findings")[0]
    assert worst["title"] == "59"
    block, index = worst["hits"][0]["exchange"]
    assert data(page, f"traffic-{block}")[index]["request"]["line"] == "GET http://shop.example/59"


def test_findings_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Findings that do not fit are left out, the worst are kept."""
    monkeypatch.setattr(html, "FINDINGS_BYTES", 5000)
    found = [make_finding(str(n), Severity.INFO, evidence="e" * 500) for n in range(50)]
    page = report(*found, make_finding("worst", Severity.CRITICAL))
    (run,) = data(page, "run")
    shown = data(page, "findings")
    assert 1 < len(shown) < 51
    assert run["hitsLeftOut"] == 51 - len(shown)
    assert shown[0]["title"] == "worst"


def test_spool_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much is found, what waits on disk has a bound, and there is room for what is severe."""
    monkeypatch.setattr(html, "SPOOL_BYTES", 40_000)
    file = io.BytesIO()
    page = html.HtmlReport(file)
    peak_bytes = 0
    for number in range(300):
        severity = Severity.CRITICAL if number == 250 else Severity.LOW
        finding = make_finding(str(number), severity, evidence="e" * 500)
        page.add(ReportedFinding(finding=finding, fingerprint=str(number), traffic=make_exchange()))
        peak_bytes = max(peak_bytes, page._spool.size_bytes)
    page.finish(RunRecord())
    assert peak_bytes < 45_000
    written = file.getvalue().decode()
    shown = data(written, "findings")
    assert shown[0]["title"] == "250"
    (run,) = data(written, "run")
    assert run["hitsLeftOut"] == 300 - len(shown)


def test_long_texts_are_cut_with_a_word() -> None:
    """Every text is bounded and says how much is missing."""
    long = "x" * 100_000
    page = report(
        make_finding(long, description=long, evidence=long, url=long, extra={"a": long}),
        transaction=make_exchange(headers=[(f"h{n}", "v" * 10_000) for n in range(100)]),
    )
    (finding,) = data(page, "findings")
    assert finding["description"].endswith("characters more")
    assert len(json.dumps(finding)) < 60_000
    (exchange,) = data(page, "traffic-0")
    assert len(exchange["request"]["headers"]) + exchange["request"]["moreHeaders"] == 100
    assert exchange["request"]["moreHeaders"] > 90


def test_spool_has_no_name_and_one_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits on disk has no name in the folder for temporary files, and is its owner's alone."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made: list[Any] = []
    make = tempfile.TemporaryFile

    def recorded(**how: Any) -> Any:
        made.append(make(**how))
        return made[-1]

    monkeypatch.setattr("tempfile.TemporaryFile", recorded)
    spool = Spool()
    places = [spool.append(bytes([n]) * 100_000) for n in range(10)]
    (file,) = made
    assert list(tmp_path.iterdir()) == []
    status = os.fstat(file.fileno())
    assert (stat.S_IMODE(status.st_mode), status.st_nlink) == (0o600, 0)
    assert [spool.read(place) for place in places] == [bytes([n]) * 100_000 for n in range(10)]
    spool.close()
    assert file.closed


def test_unfinished_report_leaves_nothing_open() -> None:
    """A report that nobody finishes closes what it held; a warning would fail this test."""
    page = html.HtmlReport(io.BytesIO())
    page.add(ReportedFinding(finding=make_finding(), fingerprint="f"))
    del page


def test_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When there is no room for what waits, the run is told where and what to do."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    spool = Spool()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6_000_000, hard))
    try:
        with pytest.raises(InputError, match="File too large; make room or set TMPDIR") as raised:
            for _ in range(10):
                spool.append(b"x" * 1_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(tmp_path) in str(raised.value)
    spool.close()


# ---- coverage ------------------------------------------------------------------------


def failed_run() -> RunRecord:
    """A run in which most went wrong."""
    run = RunRecord(
        inputs=["shop.har"],
        plugins=[PluginMetadata("probe", version="1.2.3"), PluginMetadata("idle")],
        started_at=datetime(2026, 3, 1, tzinfo=UTC),
    )
    failure = ScanFailure(
        kind="timeout",
        message="took too long",
        fault="plugin",
        is_started=True,
        file="probe.ts",
        line=7,
        column=3,
    )
    for verdict, error, duration_ms in (
        (Verdict.CLEAN, None, 2.0),
        (Verdict.TIMEOUT, failure, 5000.0),
        (Verdict.TIMEOUT, failure, 5001.0),
    ):
        run.coverage.add(
            ScanResult(
                transaction_id="t1", plugin_id="probe", verdict=verdict, error=error, duration_ms=duration_ms
            )
        )
    run.coverage.plugins["probe"].not_granted = ["net api.example:443"]
    run.rejected = [Entry("shop.har", 9, "entry", problem="the URL is not absolute")]
    run.rejected_count = 3
    run.notes["a note"] = 2
    run.suppressed["isoscan.toml, suppression 1: agreed"] = 4
    run.known[Severity.LOW] = 1
    run.remarks = ["a remark"]
    return run


def test_coverage_is_told() -> None:
    """Plugins with their verdicts, times, first failures and wishes; entries that were rejected."""
    (run,) = data(report(run=failed_run()), "run")
    assert run["outcome"] == "incomplete"
    probe, idle = run["plugins"]
    assert (probe["id"], probe["scans"], probe["clean"], probe["failed"]) == ("probe", 3, 1, 2)
    assert probe["totalMs"] == 10_003
    assert probe["slowest"][0] == [5001.0, "t1"]
    (failure,) = probe["failures"]
    assert (failure["verdict"], failure["count"], failure["transaction"]) == ("timed out", 2, "t1")
    assert "probe.ts:7:3" in failure["text"]
    assert probe["notGranted"] == ["net api.example:443"]
    assert (idle["id"], idle["scans"]) == ("idle", 0)
    assert run["rejected"] == [["shop.har, entry 9", "the URL is not absolute"]]
    assert run["notes"] == [["a note", 2]]
    assert run["suppressed"] == [["isoscan.toml, suppression 1: agreed", 4]]
    assert (run["known"], run["isNewOnly"], run["remarks"]) == (1, False, ["a remark"])


@pytest.mark.parametrize(
    ("change", "outcome", "words"),
    [
        ({}, "incomplete", ["2 scans of 3", "2 timed out", "3 entries"]),
        ({"is_interrupted": True}, "interrupted", ["interrupted", "2 scans of 3"]),
        ({"input_error": "shop.har: is truncated"}, "incomplete", ["shop.har: is truncated"]),
        ({"is_output_closed": True}, "incomplete", ["closed"]),
        ({"left_out": Counter({"host": 3})}, "incomplete", ["The scope left out every transaction"]),
    ],
)
def test_why_it_is_incomplete(change: dict[str, Any], outcome: str, words: list[str]) -> None:
    """Plain sentences say what was not scanned."""
    run = failed_run()
    for name, value in change.items():
        setattr(run, name, value)
    (told,) = data(report(run=run), "run")
    assert told["outcome"] == outcome
    text = " ".join(told["why"])
    assert all(word in text for word in words)


def test_complete_run_gives_no_reasons() -> None:
    """A run that scanned everything says so, with nothing found or with findings."""
    (run,) = data(report(), "run")
    assert (run["outcome"], run["why"], run["total"]) == ("complete", [], 0)
