"""What was expected of a plugin against what it found, and how they differ. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ..models import Finding
from ..reports.text import printable
from .problems import hint

_VALUE_CHARS = 200
#: Differ from run to run, or say nothing the case does not say.
_NOT_COMPARED = ("id", "created_at", "transaction_id", "plugin_id", "extra")
#: What a snapshot holds of a finding: what it is, not how it is worded.
_SNAPSHOT = ("title", "severity", "confidence", "vuln_type", "location", "evidence", "cwe")
FINDING_FIELDS = tuple(Finding.__struct_fields__)


def comparable(finding: Finding) -> dict[str, Any]:
    """A finding's fields as JSON values, the plugin's own fields beside the others."""
    values: dict[str, Any] = msgspec.to_builtins(finding)
    extra = values.pop("extra")
    kept = {name: value for name, value in values.items() if name not in _NOT_COMPARED}
    return {**extra, **kept, "plugin_id": finding.plugin_id, "extra": extra}


def snapshot(finding: Finding) -> dict[str, Any]:
    """What is written down of a finding: title, severity, confidence, kind, place, evidence, own fields."""
    values = comparable(finding)
    kept = {name: values[name] for name in _SNAPSHOT if values[name] != ""}
    if kept.get("vuln_type") == finding.plugin_id:
        del kept["vuln_type"]
    return {**kept, **finding.extra}


def covers(expected: Any, actual: Any) -> bool:
    """Whether every field that is expected is there with that value; lists must be equal."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return all(name in actual and covers(value, actual[name]) for name, value in expected.items())
    return type(expected) is type(actual) and bool(expected == actual)


def match(expected: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """Which expected finding is which found one: as many pairs as can be, each used once."""
    pair_of_found: dict[int, int] = {}

    def place(wanted: int, seen: set[int]) -> bool:
        for number, values in enumerate(found):
            if number in seen or not covers(dict(expected[wanted]), values):
                continue
            seen.add(number)
            if number not in pair_of_found or place(pair_of_found[number], seen):
                pair_of_found[number] = wanted
                return True
        return False

    for wanted in range(len(expected)):
        place(wanted, set())
    return {wanted: number for number, wanted in pair_of_found.items()}


def difference(expected: Sequence[Mapping[str, Any]], findings: Sequence[Finding]) -> list[str]:
    """Lines that tell what is missing, different or too many; none when all is as expected."""
    found = [comparable(finding) for finding in findings]
    pairs = match(expected, found)
    left = [number for number in range(len(found)) if number not in pairs.values()]
    lines: list[str] = []
    for number, wanted in enumerate(expected):
        if number in pairs:
            continue
        nearest = max(left, key=lambda other: _likeness(wanted, found[other]), default=None)
        if nearest is None or _likeness(wanted, found[nearest]) == 0:
            lines.append(f"missing: {_shown(wanted)}")
            continue
        left.remove(nearest)
        lines.append(f"finding {number + 1} differs: {_title(wanted, found[nearest])}")
        lines += [f"  {line}" for line in _field_lines(wanted, found[nearest])]
    lines += [f"not expected: {_shown(snapshot(findings[number]))}" for number in left]
    return lines


def _likeness(wanted: Mapping[str, Any], values: Mapping[str, Any]) -> int:
    """How much two findings have in common; the title and the place say most."""
    weights = {"title": 4, "location": 3, "vuln_type": 3, "evidence": 2}
    return sum(
        weights.get(name, 1)
        for name, value in wanted.items()
        if name in values and covers(value, values[name])
    )


def _title(wanted: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    return _shown(wanted.get("title", values["title"]))


def _field_lines(wanted: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, value in wanted.items():
        if name not in values:
            # A field of the plugin's own, or a slip of the pen.
            advice = hint(name, FINDING_FIELDS).partition("; known are")[0]
            lines.append(
                f"{printable(name)}: expected {_shown(value)}, the finding has no such field{advice}"
            )
        elif not covers(value, values[name]):
            lines.append(f"{printable(name)}: expected {_shown(value)}, found {_shown(values[name])}")
    return lines


def _shown(value: Any) -> str:
    return printable(json.dumps(value, ensure_ascii=False, default=str), _VALUE_CHARS)
