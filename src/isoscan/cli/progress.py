"""The progress line: on a terminal only, on standard error only."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from ..record import RunRecord

_REFRESH_S = 0.1


class Progress:
    """Shows nothing: standard error is no terminal."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def update(self) -> None:
        """Something was counted."""


class _Bar(Progress):
    """Counts while a run goes on."""

    def __init__(self, run: RunRecord) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        self._run = run
        self._shown_at = 0.0
        self._bar = RichProgress(
            SpinnerColumn(),
            BarColumn(bar_width=24),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=Console(file=sys.stderr),
            transient=True,
        )
        self._task = self._bar.add_task("reading", total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def update(self) -> None:
        """Shows the counts as they are now, ten times a second at most."""
        now = time.monotonic()
        if now - self._shown_at < _REFRESH_S:
            return
        self._shown_at = now
        coverage = self._run.coverage
        failed = f", {coverage.failed} failed" if coverage.failed else ""
        self._bar.update(
            self._task,
            description=(
                f"{coverage.transactions} transactions, {coverage.scans} scans{failed}, "
                f"{self._run.findings.total()} findings"
            ),
        )


def make_progress(run: RunRecord) -> Progress:
    """A bar when a person watches standard error, else nothing."""
    return _Bar(run) if sys.stderr.isatty() else Progress()
