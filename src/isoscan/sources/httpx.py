"""Reads the JSON Lines of httpx (`-json -irr`) and nuclei (`-jsonl`): raw messages as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct, field

from ..models import HttpTransaction
from ._dates import read_date
from ._document import Document
from ._entry import Entry, OutOfScope
from ._exchange import exchange
from ._json_decode import TolerantDecoder
from ._lines import read_lines
from .proxify import raw_message


class _Line(Struct):
    request: str
    #: A whole response (nuclei, early httpx), or its head and body apart.
    response: str | None = None
    raw_header: str | None = None
    body: str | None = None
    url: str = ""
    matched_at: str = field(default="", name="matched-at")
    scheme: str = ""
    timestamp: Any = None
    #: The protocol of a nuclei template.
    type: str = "http"


_DECODER = TolerantDecoder(_Line)


def read_httpx(document: Document) -> Iterator[Entry]:
    """One entry per line that is not blank; a bad line is a rejected entry."""
    return read_lines(document, _transaction)


def _transaction(raw: memoryview, id_: str, notes: list[str]) -> HttpTransaction:
    line = _DECODER.decode(raw, notes)
    if line.type not in ("http", "headless"):
        raise OutOfScope("a result of another protocol than HTTP")
    timestamp = read_date(line.timestamp)
    head = line.response or line.raw_header
    origin = line.url or line.matched_at
    return exchange(
        id_,
        raw_message(line.request, None, notes),
        raw_message(head, line.body, notes) if head else None,
        notes,
        scheme=line.scheme or ("http" if origin.lower().startswith("http:") else "https"),
        requested_at=timestamp,
        answered_at=timestamp,
    )
