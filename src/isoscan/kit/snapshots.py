"""Writes down what a plugin finds now as what is expected of it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..models import Finding
from .cases import Case
from .compare import comparable, match, snapshot


def updated(case: Case, findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """The findings to expect: what the author wrote where it still holds, a snapshot of everything else."""
    expected = case.expectation.findings or [] if case.expectation else []
    pairs = match(expected, [comparable(finding) for finding in findings])
    kept = {number: expected[wanted] for wanted, number in pairs.items()}
    return [kept.get(number) or snapshot(finding) for number, finding in enumerate(findings)]


def changes(case: Case, now: Sequence[dict[str, Any]]) -> str | None:
    """What `write` would change, in words; None when nothing."""
    if case.expectation is None:
        return f"new: {count(len(now))}"
    before = case.expectation.findings
    if before is None:
        return None if not now else f"{count(len(now))} added"
    added = sum(one not in before for one in now)
    removed = sum(one not in now for one in before)
    if added == removed == 0 and len(before) == len(now):
        return None
    return f"{added} added, {removed} removed, {len(now) - added} kept"


def count(number: int) -> str:
    """`2 findings`, `no findings`."""
    return "1 finding" if number == 1 else f"{number} findings" if number else "no findings"


def write(case: Case, now: list[dict[str, Any]]) -> None:
    """Writes the expectation of a case; a new file is its owner's alone. Raises `InputError`."""
    path = case.expected_path
    try:
        if case.line is not None:
            _write_line(path, case.line, now)
            return
        value: Any = now
        if path.is_file() and isinstance(old := json.loads(path.read_bytes()), dict):
            value = {**old, "findings": now}
        _write_text(path, json.dumps(value, indent=2, ensure_ascii=_needs_escapes(value)) + "\n")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error


def _write_line(path: Path, number: int, now: list[dict[str, Any]]) -> None:
    lines = path.read_text(encoding="utf-8").split("\n")
    value = {**json.loads(lines[number - 1]), "expect": now}
    lines[number - 1] = json.dumps(value, ensure_ascii=_needs_escapes(value))
    _write_text(path, "\n".join(lines))


def _needs_escapes(value: Any) -> bool:
    """Whether a text holds half a surrogate pair, which only an escape can."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def _write_text(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.part")
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    opened = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    with os.fdopen(opened, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    temporary.replace(path)
