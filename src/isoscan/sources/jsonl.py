"""JSON Lines, isoscan's own form: one transaction per line, read and written.

    {"request": {"method": "GET", "url": "https://example.com/"}, "response": {"status": 200, "body": "hi"}}

`body` is text in UTF-8 or a list of byte values, `body_base64` any bytes. Headers are
a list of pairs or an object, whose values may be lists for repeated headers. Any URL
the model takes is taken. A line that is a HAR entry is read as one.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct, field

from ..models import HttpRequest, HttpResponse, HttpTransaction
from ._bodies import decode_base64
from ._dates import read_date
from ._document import Document
from ._entry import Entry, Rejected
from ._headers import read_headers
from ._json_decode import TolerantDecoder
from ._lines import read_lines
from .har import har_entry_transaction

NO_DATE = "a time stamp could not be read"


class _Message(Struct, omit_defaults=True, kw_only=True):
    headers: Any = None
    body: str | list[int] | None = None
    body_base64: str | None = None
    content_type: str | None = None
    timestamp: Any = None


class _Request(_Message, omit_defaults=True, kw_only=True):
    method: str
    url: str
    id: str | int = ""
    query_params: dict[str, str] | None = None
    is_https: bool | None = None
    was_edited: bool = False


class _Response(_Message, omit_defaults=True, kw_only=True):
    status: int
    request_id: str = ""


class _Line(Struct, omit_defaults=True):
    request: _Request
    response: _Response | None = None
    har_started: Any = field(default=None, name="startedDateTime")


_DECODER = TolerantDecoder(_Line)
_ENCODER = msgspec.json.Encoder()


def read_jsonl(document: Document) -> Iterator[Entry]:
    """One entry per line that is not blank; a bad line is a rejected entry."""
    return read_lines(document, _transaction)


def write_jsonl(transactions: Iterable[HttpTransaction], file: BinaryIO) -> int:
    """Writes one line per transaction to a binary file; returns how many."""
    count = 0
    for transaction in transactions:
        file.write(encode_transaction_line(transaction))
        count += 1
    return count


def encode_transaction_line(transaction: HttpTransaction) -> bytes:
    """One line, with its line feed, that reads back as an equal transaction."""
    request, response = transaction.request, transaction.response
    line = _Line(
        _Request(
            id=request.id,
            method=request.method,
            url=request.url,
            query_params=request.query_params,
            is_https=request.is_https,
            was_edited=request.was_edited,
            **_message_fields(request),
        )
    )
    if response is not None:
        line.response = _Response(
            status=response.status, request_id=response.request_id, **_message_fields(response)
        )
    try:
        return _ENCODER.encode(line) + b"\n"
    except UnicodeEncodeError:  # an unpaired surrogate, which only escapes can hold
        return json.dumps(msgspec.to_builtins(line)).encode() + b"\n"


def _message_fields(message: HttpRequest | HttpResponse) -> dict[str, Any]:
    fields: dict[str, Any] = {"content_type": message.content_type}
    if message.headers:
        fields["headers"] = message.headers
    if message.timestamp is not None:
        fields["timestamp"] = message.timestamp.isoformat()
    if message.body:
        try:
            fields["body"] = message.body.decode()
        except UnicodeDecodeError:
            fields["body_base64"] = base64.b64encode(message.body).decode()
    return fields


def _transaction(raw: memoryview, id_: str, notes: list[str]) -> HttpTransaction:
    line = _DECODER.decode(raw, notes)
    if line.har_started is not None:
        notes.clear()
        return har_entry_transaction(raw, id_, notes)
    if not line.request.method or not line.request.url:
        raise Rejected("the method or the URL of the request is empty")
    request = HttpRequest(
        id=str(line.request.id) or id_,
        method=line.request.method,
        url=line.request.url,
        query_params=line.request.query_params,
        is_https=line.request.is_https,
        was_edited=line.request.was_edited,
        **_arguments(line.request, notes),
    )
    response = None
    if line.response is not None:
        response = HttpResponse(
            status=line.response.status,
            request_id=line.response.request_id,
            **_arguments(line.response, notes),
        )
    return HttpTransaction(request, response)


def _arguments(message: _Message, notes: list[str]) -> dict[str, Any]:
    timestamp = read_date(message.timestamp)
    if timestamp is None and message.timestamp not in (None, ""):
        notes.append(NO_DATE)
    return {
        "headers": tuple(read_headers(message.headers, notes)),
        "body": _body(message),
        "content_type": message.content_type,
        "timestamp": timestamp,
    }


def _body(message: _Message) -> bytes:
    if message.body_base64 is not None:
        if message.body is not None:
            raise Rejected("has both body and body_base64; give one")
        content = decode_base64(message.body_base64)
        if content is None:
            raise Rejected("body_base64 is not valid base64")
        return content
    if isinstance(message.body, list):
        try:
            return bytes(message.body)
        except ValueError:
            raise Rejected("body is a list with numbers that are no bytes") from None
    return (message.body or "").encode()
