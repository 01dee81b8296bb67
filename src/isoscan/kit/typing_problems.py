"""From what Deno's type checker prints to problems. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from .problems import Level, Problem

_HEAD = re.compile(r"^(?P<indent>\s*)(?P<code>TS\d+) \[(?P<kind>ERROR|WARN)[A-Z]*\]: (?P<text>.*)$")
_PLACE = re.compile(r"^\s*at (?P<url>file:///.*):(?P<line>\d+):(?P<column>\d+)$")
_MARKS = re.compile(r"^\s*[~^]+\s*$")
_MAX_DETAILS = 4


def type_problems(output: str, entry: str, name_of: Callable[[str], str | None]) -> list[Problem]:
    """One problem for each of the checker's errors; what belongs to an error is told with it.

    `name_of` gives the plugin's name of a file from its URL. Output that is no list of errors becomes one
    problem that quotes its first line.
    """
    found: list[Problem] = []
    lines = output.splitlines()
    for number, line in enumerate(lines):
        head = _HEAD.match(line)
        if head is None:
            continue
        body, place = _body(lines[number + 1 :])
        text = " ".join([head["text"].strip(), *body])
        if head["indent"] and found:
            found[-1] = msgspec.structs.replace(found[-1], message=f"{found[-1].message} ({text})")
            continue
        file, at_line, column = entry, 0, 0
        if place is not None:
            known = name_of(place["url"])
            file = known or place["url"].rsplit("/", 1)[-1]
            at_line, column = int(place["line"]), int(place["column"])
        found.append(Problem(file, at_line, column, head["code"], text))
    if not found and (first := _first_error(lines)):
        found.append(Problem(entry, 0, 0, "IS901", f"the types could not be checked: {first}"))
    return found


def _body(lines: list[str]) -> tuple[list[str], re.Match[str] | None]:
    """An error's further lines without the quoted source, and its place."""
    body: list[str] = []
    for line in lines:
        if _HEAD.match(line) or not line.strip():
            return _details(body), None
        if place := _PLACE.match(line):
            return _details(body), place
        body.append(line)
    return _details(body), None


def _details(body: list[str]) -> list[str]:
    if body and _MARKS.match(body[-1]):
        body = body[:-2]
    return [line.strip() for line in body[:_MAX_DETAILS]]


def _first_error(lines: list[str]) -> str | None:
    for line in lines:
        if line.startswith("error: "):
            return line.removeprefix("error: ")
    return None


def as_warning(problem: Problem) -> Problem:
    """The same problem, not failing the check."""
    return msgspec.structs.replace(problem, level=Level.WARNING)
