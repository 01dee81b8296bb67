"""The progress line: on a terminal only, on standard error only."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from ..scanner import Coverage

if TYPE_CHECKING:
    from .run import Tally

_REFRESH_S = 0.1


class Progress:
    """Counts while a run goes on; nothing at all when standard error is no terminal."""

    def __init__(self, coverage: Coverage, tally: Tally) -> None:
        self._coverage = coverage
        self._tally = tally
        self._shown_at = 0.0
        self._bar: RichProgress | None = None
        self._task = TaskID(0)
        if sys.stderr.isatty():
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
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self) -> None:
        """Shows the counts as they are now, ten times a second at most."""
        now = time.monotonic()
        if self._bar is None or now - self._shown_at < _REFRESH_S:
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
