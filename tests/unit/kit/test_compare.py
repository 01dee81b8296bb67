"""Expected findings against found ones."""

from __future__ import annotations

from typing import Any

import pytest

from isoscan import Finding, Severity
from isoscan.kit.compare import comparable, covers, difference, match, snapshot


def found(title: str = "Seen", **fields: Any) -> Finding:
    """A finding as an executor returns it."""
    known: dict[str, Any] = {
        "plugin_id": "mine",
        "vuln_type": "mine",
        "url": "https://shop.example/",
        "method": "GET",
        "transaction_id": "t",
    }
    return Finding(title=title, **{**known, **fields})


@pytest.mark.parametrize(
    ("expected", "actual", "is_covered"),
    [
        ({}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ({"a": 1}, {"b": 1}, False),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, True),
        ({"a": [1]}, {"a": [1, 2]}, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": None}, {}, False),
    ],
)
def test_only_what_is_given_is_compared(expected: Any, actual: Any, is_covered: bool) -> None:
    """A subset of fields matches, lists whole, types exactly."""
    assert covers(expected, actual) is is_covered


def test_matching_takes_the_only_way_to_satisfy_all() -> None:
    """A loose expectation does not take the finding that only a strict one can have."""
    values = [comparable(found("A", location="x")), comparable(found("A", location="y"))]
    assert match([{"title": "A"}, {"title": "A", "location": "x"}], values) == {0: 1, 1: 0}


def test_nothing_differs() -> None:
    """Order does not matter."""
    assert difference([{"title": "B"}, {"title": "A"}], [found("A"), found("B")]) == []


def test_fields_that_differ_are_told_one_by_one() -> None:
    """The nearest finding is shown field by field, with both values."""
    lines = difference(
        [{"title": "Seen", "severity": "high", "location": "x"}],
        [found(severity=Severity.LOW, location="x")],
    )
    assert lines == ['finding 1 differs: "Seen"', '  severity: expected "high", found "low"']


def test_missing_and_surplus_are_told() -> None:
    """What has nothing in common is missing on one side and too much on the other."""
    lines = difference([{"title": "A"}], [found("B"), found("C")])
    assert lines[0] == 'missing: {"title": "A"}'
    assert [line.partition(":")[0] for line in lines[1:]] == ["not expected", "not expected"]


def test_a_misspelt_field_is_guessed() -> None:
    """A field no finding has is told with the nearest one."""
    lines = difference([{"title": "Seen", "evidnce": "x"}], [found(evidence="x")])
    assert "evidnce" in lines[1]
    assert "did you mean 'evidence'?" in lines[1]


def test_fields_of_the_plugin_are_compared_like_others() -> None:
    """What a plugin adds of its own is expected at the top, as the plugin wrote it."""
    finding = found(extra={"param": "q", "depth": {"a": 1}})
    assert difference([{"param": "q", "depth": {"a": 1}}], [finding]) == []
    assert difference([{"param": "r"}], [finding]) != []


def test_a_plugin_cannot_hide_a_field_behind_its_own() -> None:
    """An extra field with the name of a real one is not what is compared."""
    assert comparable(found(extra={"severity": "high"}))["severity"] == "info"


def test_shown_values_are_fit_for_a_terminal() -> None:
    """Evidence is hostile: its escapes are written out and it is cut."""
    (line,) = difference([], [found(evidence="\x1b[31m" + "x" * 5000)])
    assert "\x1b" not in line
    assert len(line) < 300


def test_a_snapshot_holds_what_a_finding_is() -> None:
    """Empty fields, wording, ids and times are left out; own fields are kept."""
    finding = found(description="long", remediation="words", evidence="e", extra={"param": "q"})
    assert snapshot(finding) == {
        "title": "Seen",
        "severity": "info",
        "confidence": "medium",
        "evidence": "e",
        "param": "q",
    }
