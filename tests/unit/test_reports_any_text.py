"""Whatever text plugins and traffic hold, every report can be read and does nothing to who reads it."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoscan.record import ReportedFinding, RunRecord
from isoscan.reports.formats import FORMATS, format_of
from support import reporting
from support.reporting import NASTY, TEXTS, finding, reported, run_of, written

#: Controls but for the line feed, and marks that turn the direction of writing.
ACTING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
SINGLE_DOCUMENTS = ("json", "sarif", "junit", "markdown", "github")


def strings(value: object) -> list[str]:
    """All texts of a JSON value, keys included."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for item in pair for text in strings(item)]
    return [text for item in value for text in strings(item)] if isinstance(value, list) else []


def check(format_: str, data: bytes) -> None:
    """The report is UTF-8 without characters that act, and parses."""
    text = data.decode()
    assert ACTING.search(text) is None
    if format_ in ("json", "sarif"):
        for value in strings(json.loads(text)):
            value.encode()
    elif format_ == "junit":
        ElementTree.fromstring(data)
    elif format_ == "github":
        assert all(re.match("::(error|warning|notice) [^\n]*::", line) for line in text.splitlines())
    elif format_ == "markdown":
        assert len(text.encode("utf-16-le")) // 2 <= 65_536


@pytest.mark.parametrize("format_", SINGLE_DOCUMENTS)
@given(added=st.lists(reporting.reports, max_size=3), run=reporting.runs())
@settings(max_examples=60, deadline=None)
def test_any_text_in_any_field(format_: str, added: list[ReportedFinding], run: RunRecord) -> None:
    """Lone surrogates, NUL, escapes and markup in every field of findings, traffic and run."""
    counts = run_of(*added)
    run.findings, run.fingerprints = counts.findings, counts.fingerprints
    check(format_, written(format_, *added, run=run))


@pytest.mark.parametrize("format_", SINGLE_DOCUMENTS)
@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_each_nasty_text(format_: str, text: str) -> None:
    """The known ways to break a format, each in each text of a finding at once."""
    fields = dict.fromkeys(TEXTS, text)
    check(format_, written(format_, reported(finding(**fields, extra={text: [text]}))))


@pytest.mark.parametrize(
    ("name", "format_"),
    [
        ("a.sarif", "sarif"),
        ("a.sarif.json", "sarif"),
        ("A.SARIF.JSON", "sarif"),
        (".sarif.json", "json"),
        ("a.json", "json"),
        ("sarif.json", "json"),
        (".json", None),
        ("a.b/c.xml", "junit"),
        ("a.junit.xml", "junit"),
        ("a.md", "markdown"),
        ("a.markdown", "markdown"),
        ("a.jsonl", "jsonl"),
        ("a.ndjson", "jsonl"),
        ("a.txt", "table"),
        ("github", None),
        ("a.sarif/b", None),
        ("-", None),
        ("", None),
    ],
)
def test_format_by_suffix(name: str, format_: str | None) -> None:
    """The longest suffix decides, the case of letters does not; a bare suffix is a name."""
    assert format_of(name) == format_
    assert format_ is None or format_ in FORMATS


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_without_findings(format_: str) -> None:
    """A run that found nothing is reported in every format."""
    written(format_)
