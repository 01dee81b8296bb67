"""A table for people: findings by severity, the same finding once with its count."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..models import Finding, Severity
from ..record import ReportedFinding, RunRecord
from . import ByteSink
from ._collected import Collected
from .text import counted, printable

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

    Findings with the same fingerprint are one row; `hits` says how often it came. The 100,000
    most severe are rows, and a last line counts what is not.
    """

    def __init__(self, file: ByteSink, *, is_terminal: bool, width: int | None = None) -> None:
        self._file = file
        self._is_terminal = is_terminal
        self._width = width
        self._collected = Collected()

    def add(self, reported: ReportedFinding) -> None:
        """Keeps one finding for the table."""
        self._collected.add(reported)

    def finish(self, run: RunRecord) -> None:
        """Prints the table; nothing at all when there are no findings."""
        rows = self._collected.worst_first()
        if not rows:
            return
        table = Table(box=box.SIMPLE_HEAD if self._is_terminal else box.ASCII2, pad_edge=False)
        table.add_column("severity", no_wrap=True)
        table.add_column("plugin", no_wrap=True)
        table.add_column("finding", ratio=3, overflow="fold")
        table.add_column("where", ratio=3, overflow="fold")
        table.add_column("hits", justify="right", no_wrap=True)
        for row in rows:
            finding = row.finding
            table.add_row(
                Text(finding.severity.value, _STYLES[finding.severity]),
                Text(printable(finding.plugin_id)),
                _what(finding),
                _where(finding),
                str(row.hits),
            )
        console = Console(
            force_terminal=self._is_terminal,
            color_system="auto" if self._is_terminal else None,
            width=self._width if self._is_terminal else _PIPE_WIDTH,
            highlight=False,
        )
        with console.capture() as capture:
            console.print(table)
            if left_out := self._collected.left_out.total():
                console.print(f"{counted(left_out, 'hit')} of less severe findings not shown")
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
