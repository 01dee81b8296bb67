"""Reads a file of one JSON value per line, whatever the values mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ..models import HttpTransaction
from ._document import Document
from ._entry import Entry, OutOfScope, Rejected, transaction_id

_BLANK = re.compile(rb"\s*+")

#: Makes the transaction of a line's bytes, given its id and a list for notes. Raises `Rejected`.
LineReader = Callable[[memoryview, str, list[str]], HttpTransaction]


def read_lines(document: Document, transaction_of: LineReader) -> Iterator[Entry]:
    """One entry per line that is not blank, counted from 1; a bad line is a rejected entry."""
    data = document.data
    text = memoryview(data)
    start, number = document.start, 0
    while start < len(data):
        end = data.find(b"\n", start)
        if end < 0:
            end = len(data)
        number += 1
        blank = _BLANK.match(data, start, end)
        if blank is None or blank.end() < end:
            yield _entry(document.source, number, text[start:end], start, transaction_of)
        document.release(start)
        start = end + 1


def _entry(source: str, number: int, raw: memoryview, start: int, transaction_of: LineReader) -> Entry:
    notes: list[str] = []
    transaction = problem = None
    is_out_of_scope = False
    try:
        transaction = transaction_of(raw, transaction_id(source, number), notes)
    except Rejected as error:
        problem = str(error)
        is_out_of_scope = isinstance(error, OutOfScope)
        notes.clear()
    return Entry(
        source,
        number,
        "line",
        transaction,
        problem,
        tuple(dict.fromkeys(notes)),
        is_out_of_scope,
        offset_bytes=start,
        length_bytes=len(raw),
    )
