"""Reads the JSON Lines of katana (`-jsonl`): requests of a crawl, raw or by their parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from ..models import HttpTransaction
from ._dates import read_date
from ._document import Document
from ._entry import Entry
from ._exchange import exchange
from ._json_decode import TolerantDecoder
from ._lines import read_lines
from .proxify import raw_message

NO_HEADERS = "a response without its headers: katana records them without -omit-raw"


class _Request(Struct):
    endpoint: str
    method: str = "GET"
    headers: dict[str, str] | None = None
    body: str | None = None
    raw: str | None = None


class _Response(Struct):
    raw: str | None = None
    body: str | None = None
    status_code: int = 0


class _Line(Struct):
    request: _Request
    response: _Response | None = None
    timestamp: Any = None


_DECODER = TolerantDecoder(_Line)


def read_katana(document: Document) -> Iterator[Entry]:
    """One entry per line that is not blank; a bad line is a rejected entry."""
    return read_lines(document, _transaction)


def _transaction(raw: memoryview, id_: str, notes: list[str]) -> HttpTransaction:
    line = _DECODER.decode(raw, notes)
    timestamp = read_date(line.timestamp)
    return exchange(
        id_,
        _request(line.request, notes),
        _response(line.response, notes) if line.response else None,
        notes,
        url=line.request.endpoint,
        requested_at=timestamp,
        answered_at=timestamp,
    )


def _request(request: _Request, notes: list[str]) -> bytes:
    if request.raw:
        return raw_message(request.raw, request.body, notes)
    fields = [f"{name}: {value}" for name, value in (request.headers or {}).items()]
    head = "\r\n".join([f"{request.method} {request.endpoint} HTTP/1.1", *fields, "", ""])
    return raw_message(head, request.body, notes)


def _response(response: _Response, notes: list[str]) -> bytes | None:
    if response.raw:
        return raw_message(response.raw, response.body, notes)
    if not response.status_code:
        return None
    notes.append(NO_HEADERS)
    return raw_message(f"HTTP/1.1 {response.status_code}\r\n\r\n", response.body, notes)
