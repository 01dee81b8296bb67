"""Findings as text: what is escaped, what is counted, what is kept."""

from __future__ import annotations

import io
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoscan import Confidence, Finding, Severity
from isoscan.record import ReportedFinding, RunRecord
from isoscan.reports.jsonl import JsonlReport
from isoscan.reports.table import TableReport
from isoscan.reports.text import printable

CONTROLS = [*range(0x20), *range(0x7F, 0xA0)]
BIDI = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
INVISIBLE = [0x00AD, 0x200B, 0x2028, 0x2029, 0x2060, 0xFEFF, 0xE0001, 0xE0041]
SURROGATES = [0xD800, 0xDBFF, 0xDC00, 0xDFFF]


def finding(**fields: Any) -> Finding:
    """A finding with the least it needs."""
    needed = {
        "title": "Title",
        "plugin_id": "probe",
        "vuln_type": "probe",
        "url": "http://shop.example/",
        "method": "GET",
        "transaction_id": "in.har#0",
    }
    return Finding(**{**needed, **fields})


# ---- printable -----------------------------------------------------------------------


@pytest.mark.parametrize("code", [*CONTROLS, *BIDI, *INVISIBLE, *SURROGATES], ids=hex)
def test_character_that_acts_is_written_out(code: int) -> None:
    """Controls, direction marks, invisible characters and lone surrogates show as what they are."""
    shown = printable(f"a{chr(code)}b")
    assert shown.isprintable()
    assert shown.startswith("a\\")
    assert shown.endswith("b")
    assert shown == f"a{chr(code).encode('unicode_escape', 'surrogatepass').decode()}b"


@pytest.mark.parametrize("text", ["", " ", "plain", "Grüße, 日本", "a\\nb", "👩‍🔧"[:1], "'\"<>&|[bold]x[/]"])
def test_ordinary_text_is_kept(text: str) -> None:
    """What only shows is shown as it is."""
    assert printable(text) == text


@given(st.text())
def test_always_one_printable_line(text: str) -> None:
    """Whatever goes in, one line of printable text that UTF-8 can hold comes out."""
    shown = printable(text)
    assert shown.isprintable()
    assert shown.encode().decode() == shown


@given(st.text(max_size=50), st.integers(1, 60))
def test_limit(text: str, limit: int) -> None:
    """The limit counts characters of the text; a cut shows."""
    shown = printable(text, limit)
    if len(text) <= limit:
        assert shown == printable(text)
    else:
        assert shown == printable(text[: limit - 1]) + "…"


# ---- table ---------------------------------------------------------------------------


def reported(one: Finding) -> ReportedFinding:
    """A finding as a run hands it to its reports."""
    return ReportedFinding(finding=one, fingerprint=one.fingerprint)


def table(*findings: Finding, is_terminal: bool = False, width: int | None = None) -> str:
    """The table of some findings."""
    file = io.BytesIO()
    report = TableReport(file, is_terminal=is_terminal, width=width)
    for one in findings:
        report.add(reported(one))
    assert file.getvalue() == b""
    report.finish(RunRecord())
    return file.getvalue().decode()


def rows(text: str) -> list[list[str]]:
    """Cells of a table in a pipe, without its frame and heading."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    return [row for row in cells if len(row) == 5][1:]


def test_table_without_findings() -> None:
    """No findings print nothing, not even a heading."""
    assert table() == ""
    assert table(is_terminal=True) == ""


def test_table_with_a_finding() -> None:
    """One row for the finding, its evidence and place below."""
    text = table(finding(severity=Severity.HIGH, evidence="quoted", location="body"))
    assert rows(text) == [
        ["high", "probe", "Title", "GET http://shop.example/", "1"],
        ["", "", "quoted", "body", ""],
    ]


def test_table_order() -> None:
    """Worst first, then by plugin, title and URL, whatever the order they came in."""
    findings = [finding(title=title, plugin_id=plugin, severity=severity, url=f"http://x/{severity}")
                for severity in Severity for plugin in ("b", "a") for title in ("y", "x")]  # fmt: skip
    expected = [[severity.value, plugin, title] for severity in reversed(Severity)
                for plugin in ("a", "b") for title in ("x", "y")]  # fmt: skip
    assert [row[:3] for row in rows(table(*findings))] == expected
    assert [row[:3] for row in rows(table(*reversed(findings)))] == expected


def test_table_counts_the_same_finding() -> None:
    """Findings with one fingerprint are one row with its count; the first one is shown."""
    text = table(finding(evidence="first"), finding(evidence="second"), finding(title="Other"))
    assert [(row[2], row[4]) for row in rows(text)] == [("Other", "1"), ("Title", "2"), ("first", "")]


def test_table_is_text_not_markup() -> None:
    """Brackets in findings are no styles, and colons no emoji."""
    text = table(finding(title="[bold red]x[/] :smile: [link=http://x]y", evidence="[/]"))
    assert "[bold red]x[/] :smile: [link=http://x]y" in text
    assert "[/]" in text


@pytest.mark.parametrize("is_terminal", [False, True])
def test_table_shows_no_control_characters(is_terminal: bool) -> None:
    """No field of a finding can write to the terminal."""
    hostile = "".join(map(chr, [*CONTROLS, *BIDI, *INVISIBLE]))
    text = table(
        finding(
            title=f"t{hostile}",
            plugin_id=f"p{hostile}",
            url=f"http://x/{hostile}",
            method=f"M{hostile}",
            evidence=hostile,
            location=hostile,
        ),
        is_terminal=is_terminal,
        width=120,
    )
    acting = {chr(code) for code in [*CONTROLS, *BIDI, *INVISIBLE]} - {"\n"}
    allowed = {"\x1b"} if is_terminal else set()
    assert acting & set(text) <= allowed
    assert "\x1b]" not in text


def test_table_cuts_long_fields() -> None:
    """A megabyte of evidence is no megabyte of table."""
    long = "x" * 1_000_000
    text = table(finding(title=long, evidence=long, location=long, url=f"http://x/{long}", method=long))
    assert len(text) < 10_000
    assert "…" in text


def test_table_with_lone_surrogates() -> None:
    """Text that UTF-8 cannot hold is shown all the same."""
    assert "\\ud800" in table(finding(title="a\ud800", evidence="\udfff", url="http://x/\ud800"))


def test_table_on_a_terminal() -> None:
    """A terminal gets colours and its own width; a pipe gets neither."""
    one = finding(severity=Severity.CRITICAL, title="word " * 30)
    shown = table(one, is_terminal=True, width=60)
    assert "\x1b[" in shown
    assert "\x1b" not in table(one)


# ---- JSON Lines ----------------------------------------------------------------------


def jsonl(*findings: Finding) -> bytes:
    """The lines of some findings."""
    file = io.BytesIO()
    report = JsonlReport(file)
    for one in findings:
        before = len(file.getvalue())
        report.add(reported(one))
        assert file.getvalue()[before:].endswith(b"\n")
    report.finish(RunRecord())
    return file.getvalue()


def test_jsonl_without_findings() -> None:
    """No findings are no lines."""
    assert jsonl() == b""


def test_jsonl_fields() -> None:
    """A line holds every field of the finding and its fingerprint."""
    one = finding(severity=Severity.HIGH, confidence=Confidence.LOW, extra={"own": [1, None, {"a": 1.5}]})
    line = json.loads(jsonl(one))
    assert set(line) == {*Finding.__struct_fields__, "fingerprint"}
    assert line["fingerprint"] == one.fingerprint
    assert line["severity"] == "high"
    assert line["confidence"] == "low"
    assert line["extra"] == {"own": [1, None, {"a": 1.5}]}


texts = st.text(max_size=20)


@given(
    st.lists(
        st.builds(
            finding,
            title=texts,
            evidence=texts,
            url=texts,
            method=texts,
            location=texts,
            severity=st.sampled_from(Severity),
            extra=st.dictionaries(
                texts, st.none() | st.booleans() | texts | st.integers(-(2**53), 2**53), max_size=3
            ),
        ),
        max_size=4,
    )
)
def test_jsonl_round_trip(findings: list[Finding]) -> None:
    """Each line reads back as the finding it was written from; none breaks in two."""
    lines = jsonl(*findings).splitlines()
    assert [msgspec.json.decode(line, type=Finding) for line in lines] == findings
    for line, one in zip(lines, findings, strict=True):
        assert json.loads(line)["fingerprint"] == one.fingerprint


def test_jsonl_escapes_what_acts_on_a_terminal() -> None:
    """`cat findings.jsonl` is as safe as the table, and the text is still all there."""
    raw = []
    for code in [*CONTROLS, *BIDI, 0x2028, 0x2029]:
        acting = chr(code)
        line = jsonl(finding(evidence=f"a{acting}b", extra={acting: acting}))
        read = json.loads(line)
        assert read["evidence"] == f"a{acting}b"
        assert read["extra"] == {acting: acting}
        if acting in line.decode().removesuffix("\n"):
            raw.append(hex(code))
    assert raw == []


def test_jsonl_with_lone_surrogates() -> None:
    """Text that UTF-8 cannot hold, such as in a captured URL, is written all the same."""
    for code in SURROGATES:
        url = f"http://shop.example/{chr(code)}"
        read = json.loads(jsonl(finding(url=url, extra={chr(code): chr(code)})))
        assert read["url"] in (url, "http://shop.example/\ufffd")
        assert read["fingerprint"] == finding(url=url).fingerprint
