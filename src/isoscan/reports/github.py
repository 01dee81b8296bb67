"""Annotations of GitHub Actions: workflow commands on standard output, worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Literal

from ..models import Severity
from ..record import Place, ReportedFinding, RunRecord
from . import ByteSink
from ._collected import Collected, Group
from ._paths import line_of, shown_path
from ._problems import incomplete_sentence, problems
from .text import counted, printable, printable_lines

Level = Literal["error", "warning", "notice"]

LEVELS: dict[Severity, Level] = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "notice",
    Severity.INFO: "notice",
}
#: GitHub shows ten of each level for a step. One warning is kept for what was not scanned and one
#: notice for what is not shown.
_SHOWN: dict[Level, int] = {"error": 10, "warning": 9, "notice": 9}
_TITLE_CHARS = 200
_TEXT_CHARS = 500
_URL_CHARS = 500
#: At a time in memory; more could never be shown.
_KEPT = 10_000


class GithubReport:
    """Writes at the end as many annotations as GitHub shows, and one that says how many there are more."""

    def __init__(self, file: ByteSink) -> None:
        self._file = file
        self._collected = Collected(max_findings=_KEPT)

    def add(self, reported: ReportedFinding) -> None:
        """Keeps one finding."""
        self._collected.add(reported)

    def finish(self, run: RunRecord) -> None:
        """Writes the annotations, one a line; nothing at all for a complete run without findings."""
        for line in _commands(run, self._collected):
            self._file.write(line.encode() + b"\n")
        self._file.flush()


def _commands(run: RunRecord, collected: Collected) -> Iterator[str]:
    """The workflow commands of a run."""
    written: Counter[Level] = Counter()
    more: Counter[Level] = Counter()
    for group in collected.worst_first():
        level = LEVELS[group.finding.severity]
        if written[level] >= _SHOWN[level]:
            more[level] += 1
            continue
        written[level] += 1
        yield _annotation(level, group)
    sentence = incomplete_sentence(run)
    if sentence:
        details = [": ".join(filter(None, (problem.title, problem.text))) for problem in problems(run)]
        text = "\n".join([sentence, *details[:20]])
        yield _command("warning", "isoscan: not everything was scanned", text)
    hits = collected.left_out.total()
    if more or hits:
        parts = [counted(more[level], level) for level in _SHOWN if more[level]]
        if hits:
            parts.append(f"{counted(hits, 'hit')} of less severe findings")
        text = f"GitHub shows ten annotations of a level for a step. Not shown: {', '.join(parts)}."
        yield _command("notice", "isoscan: there are more findings", text)


def _annotation(level: Level, group: Group) -> str:
    finding = group.finding
    lines = [f"{printable(finding.method, 20)} {printable(finding.url, _URL_CHARS)}"]
    if finding.location:
        lines[0] += f" ({printable(finding.location, _TEXT_CHARS)})"
    lines += [
        printable_lines(text, _TEXT_CHARS)
        for text in (finding.description, finding.evidence, finding.remediation)
        if text
    ]
    if group.hits > 1:
        lines.append(f"Seen {group.hits:,} times.")
    title = f"{finding.severity.value}: {printable(finding.title, _TITLE_CHARS)}"
    place = group.listed[0].place if group.listed else group.reported.place
    return _command(level, f"{title} [{printable(finding.plugin_id)}]", "\n".join(lines), place)


def _command(level: Level, title: str, text: str, place: Place | None = None) -> str:
    properties = {"title": title}
    path = None if place is None else shown_path(place.source)
    if path is not None:
        properties = {"file": printable(path), "line": str(line_of(place)), **properties}
    written = ",".join(f"{name}={_escaped(value, in_property=True)}" for name, value in properties.items())
    return f"::{level} {written}::{_escaped(text)}"


def _escaped(text: str, *, in_property: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if in_property else text
