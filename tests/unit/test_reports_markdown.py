"""Markdown: what a reader sees, what hostile text cannot do, and how long it may be."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from isoscan import ScanResult, Severity, Verdict
from isoscan.record import Place, ReportedFinding, RunRecord
from isoscan.sources import Entry
from support import reporting
from support.reporting import NASTY, TEXTS, failure, finding, reported, run_of, scan, written

ALLOWED = {
    "h2", "h3", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "b",
    "strong", "code", "pre", "blockquote", "br",
}  # fmt: skip


class Seen(HTMLParser):
    """The tags of a page, and its text within and without code."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.code: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Code may be told its language, and cells where they stand; nothing else has attributes."""
        assert {name for name, _ in attrs} <= {"class", "style"}
        self.tags.append(tag)
        if tag == "code":
            self.code.append("")
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Tags close in order."""
        if tag != "br":
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Text of the page."""
        if "code" in self.open:
            self.code[-1] += data
        else:
            self.text.append(data)


def seen(data: bytes) -> Seen:
    """What a browser shows of the rendered report; nothing in it links, and every tag is ours."""
    text = data.decode()
    rendered = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    page = Seen()
    page.feed(rendered)
    page.close()
    assert page.open == []
    assert set(page.tags) <= ALLOWED
    for shown in page.text:
        assert not [mark for mark in ("@", "#", "://", "www.", "<", "`") if mark in shown]
    return page


@given(added=st.lists(reporting.reports, max_size=3), run=reporting.runs())
@settings(max_examples=80, deadline=None)
def test_hostile_text_is_text(added: list[ReportedFinding], run: RunRecord) -> None:
    """Whatever a finding or a run holds, the page has only our tags, no links and no mentions."""
    counts = run_of(*added)
    run.findings, run.fingerprints = counts.findings, counts.fingerprints
    page = seen(written("markdown", *added, run=run))
    assert page.tags.count("details") == 1 + len({one.fingerprint for one in added})


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_each_nasty_text(text: str) -> None:
    """The known ways out of code, in every text of a finding at once, next to ordinary text."""
    for value in (text, f"a{text}b", f"{text} b", f"a {text}"):
        page = seen(written("markdown", reported(finding(**dict.fromkeys(TEXTS, value))), reported()))
        assert page.tags.count("details") == 3


@pytest.mark.parametrize(
    "text", ["a`b", "``", "`a", "a`", " a ", "a  b", "`` `", "a|b", "\\", "&amp;", "<b>", "*a*"]
)
def test_code_shows_the_text_itself(text: str) -> None:
    """A location is shown character by character."""
    page = seen(written("markdown", reported(location=text)))
    assert text in page.code


def test_evidence_keeps_its_lines() -> None:
    """Evidence is a block of code, with whatever fences it holds."""
    evidence = "one\n```\n~~~~\n````text\n  two\n"
    assert evidence + "\n" in seen(written("markdown", reported(evidence=evidence))).code


def test_plain_sentences_are_prose() -> None:
    """Ordinary sentences are no code; those that would link are."""
    page = seen(
        written(
            "markdown",
            reported(
                title="Cookie without Secure",
                description="Scripts can read the cookie: that is bad.\nSee https://x.example now.",
                remediation="Ask @security (see GH-12).",
            ),
        )
    )
    text = "".join(page.text)
    assert "Cookie without Secure" in text
    assert "Scripts can read the cookie: that is bad." in text
    assert "See https://x.example now." in page.code
    assert "Ask @security (see GH-12)." in page.code


def test_summary_and_order() -> None:
    """Counts by severity first, then the findings, the worst first, with hits and places."""
    added = [
        reported(title="Minor", severity=Severity.LOW),
        *(
            reported(title="Grave", severity=Severity.CRITICAL, place=Place("a.har", 4, "entry"))
            for _ in range(3)
        ),
    ]
    text = written("markdown", *added).decode()
    assert text.startswith("## isoscan: 2 findings (4 hits)\n")
    assert "| critical | 3 |\n| low | 1 |\n" in text
    assert text.index("Grave") < text.index("Minor")
    assert "3 hits" in text
    assert "- First at: `a.har, entry 4`" in text


def test_nothing_found() -> None:
    """A complete run says that it found nothing, and over how much."""
    text = written("markdown", run=run_of(results=[scan()])).decode()
    assert text.startswith("## isoscan: no findings\n")
    assert "1 transaction, 1 plugin, 1 scan" in text
    assert "WARNING" not in text


def test_incomplete_run_warns_at_the_top() -> None:
    """A run that missed something does not look like one that found nothing."""
    text = written(
        "markdown",
        run=run_of(
            results=[scan(), failure(), failure(verdict=Verdict.OUT_OF_MEMORY, text="`heap` @me")],
            rejected=[Entry("in.har", 3, "entry", problem="no request")],
        ),
    ).decode()
    assert text.index("[!WARNING]") < 100
    assert "Incomplete: 2 scans failed, 1 entry could not be read" in text
    assert "`probe`: 1 scan timed out" in text
    assert "`in.har, entry 3 was rejected`: `no request`" in text


@pytest.mark.parametrize("unit", ["x", "😀", "`", "\x1b", "@"])
def test_length_is_bounded(unit: str) -> None:
    """A thousand long findings make a page GitHub takes, which says how many it does not show."""
    added = [
        reported(
            title=f"{number} {unit * 50}", evidence=unit * 900, description=unit * 900, url=f"http://x/{unit}"
        )
        for number in range(1000)
    ]
    data = written("markdown", *added)
    page = seen(data)
    text = data.decode()
    assert 40_000 < len(text.encode("utf-16-le")) // 2 <= 65_536
    shown = page.tags.count("details") - 1
    assert 0 < shown < 1000
    assert f"**{1000 - shown} more findings** not shown" in text


@pytest.mark.parametrize("make", [failure, scan])
def test_long_coverage_leaves_room_for_findings(make: Callable[[str], ScanResult]) -> None:
    """Hundreds of plugins, failing or not, are cut before the findings are."""
    results = [make(f"plugin-{number}{'|' * 100}") for number in range(500)]
    added = [reported(title="Found")]
    data = written("markdown", *added, run=run_of(*added, results=results))
    assert "Found" in "".join(seen(data).text)
    assert "more lines left out" in data.decode()
    assert len(data) < 30_000


@pytest.mark.parametrize(("states", "marked"), [((True, True), 0), ((True, False), 1), ((None, None), 0)])
def test_new_findings_are_marked_among_known_ones(states: tuple[bool | None, ...], marked: int) -> None:
    """Where all are new, nothing is marked."""
    added = [reported(title=f"t{number}", is_new=is_new) for number, is_new in enumerate(states)]
    assert written("markdown", *added).decode().count("· new</summary>") == marked
