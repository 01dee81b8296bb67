"""Which report formats there are, by name and by the suffix of the file. Loads only what is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from . import ByteSink, Report


def _table(file: ByteSink, is_terminal: bool) -> Report:
    from .table import TableReport

    return TableReport(file, is_terminal=is_terminal)


def _jsonl(file: ByteSink, is_terminal: bool) -> Report:
    from .jsonl import JsonlReport

    return JsonlReport(file)


_MAKERS: dict[str, Callable[[ByteSink, bool], Report]] = {"table": _table, "jsonl": _jsonl}
_SUFFIXES = {".jsonl": "jsonl", ".ndjson": "jsonl", ".txt": "table"}

FORMATS = tuple(_MAKERS)
#: Those that quote requests and responses, so that a run need not mask traffic nobody is shown.
SHOWING_TRAFFIC = frozenset[str]()


def format_of(name: str) -> str | None:
    """The format a file's suffix stands for; None when it says nothing."""
    return _SUFFIXES.get(Path(name).suffix.lower())


def make_report(format_: str, file: ByteSink, *, is_terminal: bool = False) -> Report:
    """A report of one of `FORMATS` that writes to `file`; `is_terminal`: a person reads it there."""
    return _MAKERS[format_](file, is_terminal)
