"""Which report formats there are, by name and by the suffix of the file. Loads only what is asked for."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path

from . import ByteSink, Report


def _table(file: ByteSink, is_terminal: bool) -> Report:
    from .table import TableReport

    return TableReport(file, is_terminal=is_terminal)


def _jsonl(file: ByteSink, is_terminal: bool) -> Report:
    from .jsonl import JsonlReport

    return JsonlReport(file)


def _json(file: ByteSink, is_terminal: bool) -> Report:
    from .json_document import JsonReport

    return JsonReport(file)


def _sarif(file: ByteSink, is_terminal: bool) -> Report:
    from .sarif import SarifReport

    return SarifReport(file)


def _junit(file: ByteSink, is_terminal: bool) -> Report:
    from .junit import JunitReport

    return JunitReport(file)


def _markdown(file: ByteSink, is_terminal: bool) -> Report:
    from .markdown import MarkdownReport

    return MarkdownReport(file)


def _github(file: ByteSink, is_terminal: bool) -> Report:
    from .github import GithubReport

    return GithubReport(file)


def _html(file: ByteSink, is_terminal: bool) -> Report:
    from .html import HtmlReport

    return HtmlReport(file)


_MAKERS: dict[str, Callable[[ByteSink, bool], Report]] = {
    "table": _table,
    "jsonl": _jsonl,
    "json": _json,
    "sarif": _sarif,
    "junit": _junit,
    "markdown": _markdown,
    "github": _github,
    "html": _html,
}
#: The longer ones first: `.sarif.json` is no `.json`.
_SUFFIXES = {
    ".sarif.json": "sarif",
    ".junit.xml": "junit",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".sarif": "sarif",
    ".xml": "junit",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".txt": "table",
}

#: So like another is a suffix with a letter too many, too few or in the wrong place.
_MISSPELT = 0.76

FORMATS = tuple(_MAKERS)
#: Those that quote requests and responses, so that a run need not mask traffic nobody is shown.
SHOWING_TRAFFIC = frozenset({"sarif", "html"})


def format_of(name: str) -> str | None:
    """The format a file's suffix stands for; None when it says nothing."""
    base = Path(name).name.lower()
    found = (format_ for suffix, format_ in _SUFFIXES.items() if base.endswith(suffix) and base != suffix)
    return next(found, None)


def misspelt_suffix(name: str) -> str | None:
    """The suffix that a file's own, which stands for nothing, was probably meant to be."""
    suffix = Path(name).suffix.lower()
    near = difflib.get_close_matches(suffix, _SUFFIXES, n=1, cutoff=_MISSPELT) if suffix else []
    return near[0] if near and format_of(name) is None else None


def make_report(format_: str, file: ByteSink, *, is_terminal: bool = False) -> Report:
    """A report of one of `FORMATS` that writes to `file`; `is_terminal`: a person reads it there."""
    return _MAKERS[format_](file, is_terminal)
