"""The progress line: on a terminal only, on standard error only."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from ..scanner import Coverage
from .tally import Tally

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

    def __init__(self, coverage: Coverage, tally: Tally) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        self._coverage = coverage
        self._tally = tally
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
        failed = f", {self._coverage.failed} failed" if self._coverage.failed else ""
        self._bar.update(
            self._task,
            description=(
                f"{self._coverage.transactions} transactions, {self._coverage.scans} scans{failed}, "
                f"{sum(self._tally.findings.values())} findings"
            ),
        )


def make_progress(coverage: Coverage, tally: Tally) -> Progress:
    """A bar when a person watches standard error, else nothing."""
    return _Bar(coverage, tally) if sys.stderr.isatty() else Progress()
