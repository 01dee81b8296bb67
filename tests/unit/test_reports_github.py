"""Annotations as the runner of GitHub Actions reads them: what they say, where, and how many."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from isoscan import Severity, Verdict
from isoscan.record import Place, ReportedFinding, RunRecord
from isoscan.sources import Entry
from support.reporting import NASTY, failure, reported, run_of, scan, written


class Annotation(NamedTuple):
    """One command, unescaped."""

    level: str
    properties: dict[str, str]
    text: str


def commands(*added: ReportedFinding, run: RunRecord | None = None) -> list[Annotation]:
    """The commands, read as the runner does: one a line, properties between commas, then the message."""
    found = []
    for line in written("github", *added, run=run).decode().split("\n")[:-1]:
        match = re.fullmatch(r"::(\w+) (.*?)::(.*)", line)
        assert match is not None
        pairs = [pair.split("=", 1) for pair in match[2].split(",")]
        properties = {name: unescaped(value) for name, value in pairs}
        assert set(properties) <= {"file", "line", "title"}
        found.append(Annotation(match[1], properties, unescaped(match[3])))
    return found


def unescaped(text: str) -> str:
    """What the runner makes of a value."""
    for escaped, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(escaped, char)
    return text


def test_finding() -> None:
    """A finding is an annotation on the line of the capture, with what it is and how to fix it."""
    place = Place("./traffic/a,b.jsonl", 12, "line")
    one = reported(
        title="Leak: 100%, certainly",
        location="body",
        evidence="line 1\nline 2",
        remediation="Fix it.",
        severity=Severity.HIGH,
        place=place,
    )
    (found,) = commands(one, one)
    assert found.level == "error"
    assert found.properties == {
        "file": "traffic/a,b.jsonl",
        "line": "12",
        "title": "high: Leak: 100%, certainly [probe]",
    }
    assert found.text == "GET http://shop.example/ (body)\nline 1\nline 2\nFix it.\nSeen 2 times."


@pytest.mark.parametrize("place", [None, Place("-", 3, "entry")])
def test_finding_without_a_file(place: Place | None) -> None:
    """Standard input is no file to annotate."""
    (found,) = commands(reported(place=place))
    assert "file" not in found.properties


@pytest.mark.parametrize(
    ("severity", "level"),
    [
        (Severity.CRITICAL, "error"),
        (Severity.HIGH, "error"),
        (Severity.MEDIUM, "warning"),
        (Severity.LOW, "notice"),
        (Severity.INFO, "notice"),
    ],
)
def test_levels(severity: Severity, level: str) -> None:
    """Each severity has a level."""
    assert commands(reported(severity=severity))[0].level == level


def test_nothing_to_say() -> None:
    """A complete run without findings writes nothing."""
    assert commands(run=run_of(results=[scan()])) == []


def test_incomplete_run() -> None:
    """What was not scanned is one warning that names it."""
    run = run_of(
        results=[failure(verdict=Verdict.CRASHED, text="at 0x0")],
        rejected=[Entry("in.har", 3, "entry", problem="no request")],
    )
    (found,) = commands(run=run)
    assert found.level == "warning"
    assert "Incomplete: 1 scan failed, 1 entry could not be read" in found.text
    assert "at 0x0" in found.text
    assert "in.har, entry 3" in found.text


def test_no_more_than_github_shows() -> None:
    """Ten of a level at most, the worst first; the last notice counts the others."""
    severities = (
        [Severity.HIGH] * 15 + [Severity.CRITICAL] * 2 + [Severity.MEDIUM] * 30 + [Severity.INFO] * 11
    )
    added = [reported(title=f"t{number}", severity=one) for number, one in enumerate(severities)]
    found = commands(*added, run=run_of(*added, results=[failure()]))
    levels = [one.level for one in found]
    assert (levels.count("error"), levels.count("warning"), levels.count("notice")) == (10, 10, 10)
    assert [one.properties["title"].split(":")[0] for one in found[:3]] == ["critical", "critical", "high"]
    assert "7 errors, 21 warnings, 2 notices" in found[-1].text


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_text_makes_no_command(text: str) -> None:
    """Text of a plugin stays within its own command."""
    place = Place(f"a{text}b", 1, "entry")
    assert len(commands(reported(title=f"x{text}", evidence=text, url=text, place=place))) == 1
