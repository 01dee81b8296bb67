"""Findings as people and programs read them: one file per format."""

from __future__ import annotations

from typing import Protocol

from ..models import Finding


class Report(Protocol):
    """Takes findings one by one and writes them, at once or at the end."""

    def add(self, finding: Finding) -> None:
        """One finding."""

    def finish(self) -> None:
        """There are no more."""


class ByteSink(Protocol):
    """Where a report writes to."""

    def write(self, data: bytes, /) -> int:
        """Writes all of it."""

    def flush(self) -> None:
        """Keeps nothing back."""
