"""Reads the JSON that Caido exports: a list of requests, each with its response, both raw in base64."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from ..models import HttpTransaction
from ._bodies import decode_base64
from ._dates import read_date
from ._document import Document
from ._entry import Entry, OutOfScope, Rejected, transaction_id
from ._exchange import exchange
from ._json_decode import TolerantDecoder
from ._json_scan import JsonCursor, JsonDamage

NO_RESPONSE_BYTES = "the export holds no raw response: left out"


class _Response(Struct):
    raw: str | None = None
    created_at: Any = None
    edited: bool = False


class _Request(Struct):
    host: str
    is_tls: bool
    port: int | None = None
    raw: str | None = None
    created_at: Any = None
    edited: bool = False
    response: _Response | None = None


_DECODER = TolerantDecoder(_Request)
_DEFAULT_PORTS = {True: 443, False: 80}


def read_caido(document: Document) -> Iterator[Entry]:
    """The requests of an export. Raises `InputError` where the list is damaged."""
    cursor = JsonCursor(document.data, document.start)
    text = memoryview(document.data)
    index = 0
    try:
        cursor.skip_space()
        cursor.position += 1
        while True:
            cursor.skip_separators()
            start = cursor.position
            if cursor.peek() == b"]":
                return
            cursor.skip_value()
            yield _entry(document.source, index, text[start : cursor.position], start)
            index += 1
            document.release(start)
    except JsonDamage as damage:
        what = "truncated" if damage.is_truncated else "damaged"
        raise document.error(
            f"JSON is {what} at {document.byte(damage.offset)}, after {index} entries; export it again"
        ) from None


def _entry(source: str, index: int, raw: memoryview, start: int) -> Entry:
    notes: list[str] = []
    transaction = problem = None
    is_out_of_scope = False
    try:
        transaction = _transaction(_DECODER.decode(raw, notes), transaction_id(source, index), notes)
    except Rejected as error:
        problem = str(error)
        is_out_of_scope = isinstance(error, OutOfScope)
        notes.clear()
    return Entry(
        source,
        index,
        "entry",
        transaction,
        problem,
        tuple(dict.fromkeys(notes)),
        is_out_of_scope,
        offset_bytes=start,
        length_bytes=len(raw),
    )


def _transaction(entry: _Request, id_: str, notes: list[str]) -> HttpTransaction:
    if not entry.raw:
        raise Rejected("the export holds no raw request; export it with its raw data")
    request_raw = decode_base64(entry.raw)
    if request_raw is None:
        raise Rejected("the raw request is not valid base64")
    host = f"[{entry.host}]" if ":" in entry.host else entry.host
    if entry.port not in (None, _DEFAULT_PORTS[entry.is_tls]):
        host = f"{host}:{entry.port}"
    response_raw = None
    if entry.response is not None:
        response_raw = decode_base64(entry.response.raw or "")
        if not response_raw:
            notes.append(NO_RESPONSE_BYTES)
    return exchange(
        id_,
        request_raw,
        response_raw,
        notes,
        scheme="https" if entry.is_tls else "http",
        authority=host,
        requested_at=read_date(entry.created_at),
        answered_at=read_date(entry.response.created_at) if entry.response else None,
        was_edited=entry.edited,
    )
