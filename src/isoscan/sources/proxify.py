"""Reads the JSON Lines of proxify (`-oj`): heads raw and as objects, bodies as text.

The form has room for text only, so bytes that are none were replaced when it was written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from ..models import HttpTransaction
from ._dates import read_date
from ._document import Document
from ._entry import Entry, Rejected
from ._exchange import exchange
from ._json_decode import TolerantDecoder
from ._lines import read_lines

BODY_WAS_TEXT = "a body that was not text was damaged by the tool that recorded it"

_HEAD_ENDS = ("\r\n\r\n", "\n\n")
# What proxify adds to the headers of a request.
_NOT_HEADERS = ("scheme", "method", "path", "host")


class _Message(Struct):
    header: dict[str, Any] | None = None
    body: str | None = None
    raw: str | None = None


class _Line(Struct):
    request: _Message
    url: str = ""
    response: _Message | None = None
    timestamp: Any = None


_DECODER = TolerantDecoder(_Line)


def read_proxify(document: Document) -> Iterator[Entry]:
    """One entry per line that is not blank; a bad line is a rejected entry."""
    return read_lines(document, _transaction)


def _transaction(raw: memoryview, id_: str, notes: list[str]) -> HttpTransaction:
    line = _DECODER.decode(raw, notes)
    timestamp = read_date(line.timestamp)
    scheme = str((line.request.header or {}).get("scheme") or "https")
    response = line.response
    return exchange(
        id_,
        raw_message(_request_head(line), line.request.body, notes),
        raw_message(response.raw, response.body, notes) if response and response.raw else None,
        notes,
        url=line.url,
        scheme=scheme,
        requested_at=timestamp,
        answered_at=timestamp,
    )


def _request_head(line: _Line) -> str:
    if line.request.raw:
        return line.request.raw
    header = line.request.header or {}
    if not header.get("method") or not line.url:
        raise Rejected("the request is there neither raw nor with method and URL")
    fields = [f"{name}: {value}" for name, value in header.items() if name not in _NOT_HEADERS]
    return "\r\n".join([f"{header['method']} {line.url} HTTP/1.1", *fields, "", ""])


def raw_message(head: str | None, body: str | None, notes: list[str]) -> bytes:
    """The bytes of a message whose head is raw and whose body is text, often of a tool's own making.

    A head that brings a body already keeps its own.
    """
    text = head or ""
    end = next((end for end in _HEAD_ENDS if end in text), None)
    if end is None:
        text = text.rstrip("\r\n") + _HEAD_ENDS[0] + (body or "")
    elif text.endswith(end) and text.index(end) + len(end) == len(text):
        text += body or ""
    if "\ufffd" in text:
        notes.append(BODY_WAS_TEXT)
    return text.encode("utf-8", "replace")
