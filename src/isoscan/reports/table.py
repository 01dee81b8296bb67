"""A table for people: findings by severity, the same finding once with its count."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..models import Finding, Severity
from ..record import ReportedFinding, RunRecord
from . import ByteSink
from .text import printable

_STYLES = {
    Severity.CRITICAL: "bold white on red",
    Severity.HIGH: "bold red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
    Severity.INFO: "dim",
}
_PIPE_WIDTH = 200
_EVIDENCE_CHARS = 160


class TableReport:
    """Collects findings and prints one table at the end, worst first.

    Findings with the same fingerprint are one row; `hits` says how often it came.
    """

    def __init__(self, file: ByteSink, *, is_terminal: bool, width: int | None = None) -> None:
        self._file = file
        self._is_terminal = is_terminal
        self._width = width
        self._findings: dict[str, tuple[Finding, int]] = {}

    def add(self, reported: ReportedFinding) -> None:
        """Keeps one finding for the table."""
        first, hits = self._findings.get(reported.fingerprint, (reported.finding, 0))
        self._findings[reported.fingerprint] = (first, hits + 1)

    def finish(self, run: RunRecord) -> None:
        """Prints the table; nothing at all when there are no findings."""
        if not self._findings:
            return
        rows = sorted(
            self._findings.values(),
            key=lambda row: (-row[0].severity.rank, row[0].plugin_id, row[0].title, row[0].url),
        )
        table = Table(box=box.SIMPLE_HEAD if self._is_terminal else box.ASCII2, pad_edge=False)
        table.add_column("severity", no_wrap=True)
        table.add_column("plugin", no_wrap=True)
        table.add_column("finding", ratio=3, overflow="fold")
        table.add_column("where", ratio=3, overflow="fold")
        table.add_column("hits", justify="right", no_wrap=True)
        for finding, hits in rows:
            table.add_row(
                Text(finding.severity.value, _STYLES[finding.severity]),
                Text(printable(finding.plugin_id)),
                _what(finding),
                _where(finding),
                str(hits),
            )
        console = Console(
            force_terminal=self._is_terminal,
            color_system="auto" if self._is_terminal else None,
            width=self._width if self._is_terminal else _PIPE_WIDTH,
            highlight=False,
        )
        with console.capture() as capture:
            console.print(table)
        self._file.write(capture.get().encode("utf-8", "replace"))
        self._file.flush()


def _what(finding: Finding) -> Text:
    text = Text(printable(finding.title, 200))
    if finding.evidence:
        text.append("\n" + printable(finding.evidence, _EVIDENCE_CHARS), "dim")
    return text


def _where(finding: Finding) -> Text:
    text = Text(f"{printable(finding.method, 20)} {printable(finding.url, 300)}")
    if finding.location:
        text.append("\n" + printable(finding.location, 200), "dim")
    return text
