"""Findings as people and programs read them: one file per format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..record import ReportedFinding, RunRecord


class Report(Protocol):
    """Takes findings one by one and writes them, at once or at the end."""

    def add(self, reported: ReportedFinding) -> None:
        """One finding."""

    def finish(self, run: RunRecord) -> None:
        """There are no more; `run` says how it ended, also when it was broken off."""


class ByteSink(Protocol):
    """Where a report writes to."""

    def write(self, data: bytes, /) -> int:
        """Writes all of it."""

    def flush(self) -> None:
        """Keeps nothing back."""
