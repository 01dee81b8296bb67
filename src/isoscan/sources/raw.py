"""Reads raw HTTP messages from text files: a request, or a request and its response behind it.

As Burp Repeater copies them, and as ffuf, httpx, katana and nuclei store them. Lines end with CRLF or
LF. The URL is that of the request line, of a line before it, or of the Host header: then https,
unless it names port 80.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..models import header_value
from ._document import Document
from ._entry import Entry, OutOfScope, Rejected, transaction_id
from ._exchange import exchange
from ._http_message import parse_request
from ._preamble import PREAMBLE

_URL = re.compile(rb"https?://\S+")
_HEAD_END = re.compile(rb"\r?\n[ \t]*\r?\n")
_LENGTH = re.compile(rb"^content-length[ \t]*:[ \t]*(\d{1,15})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_STATUS = rb"HTTP/\d(?:\.\d)?[ \t]+\d{3}\b"
# Tools write a title between the two messages.
_BETWEEN = (
    rb"\s*+(?:----[^\r\n]{1,80}----\s*+"
    rb"|(?:\[[^\]\r\n]{1,200}\] ){0,3}Dumped HTTP response[^\r\n]{0,4200}+\s*+)?"
)
_BEHIND = re.compile(rb"(" + _BETWEEN + rb")(?:(" + _STATUS + rb")|\Z)")
_STATUS_LINE = re.compile(rb"^" + _STATUS + rb"[^\r\n]*\r?$", re.MULTILINE)
_TITLE = re.compile(_BETWEEN + rb"\Z")
_TITLE_BYTES = 6000
# nuclei writes one exchange behind another.
_NEXT_DUMP = re.compile(rb"^(?:\[[^\]\r\n]{1,200}\] ){1,3}Dumped HTTP request for ", re.MULTILINE)


def read_raw(document: Document) -> Iterator[Entry]:
    """The exchange of a raw file; several if the tool told them apart."""
    text = memoryview(document.data)
    starts = [match.start() for match in _NEXT_DUMP.finditer(document.data, document.start)]
    if not starts or bytes(text[document.start : starts[0]]).strip():
        starts.insert(0, document.start)
    for index, (start, end) in enumerate(zip(starts, [*starts[1:], len(text)], strict=True)):
        yield _entry(document.source, index, text[start:end], start)


def _entry(source: str, index: int, raw: memoryview, start: int) -> Entry:
    notes: list[str] = []
    transaction = problem = None
    is_out_of_scope = False
    try:
        preamble = PREAMBLE.match(raw)
        begin = preamble.end() if preamble else 0
        request_raw, response_raw = split_messages(raw[begin:])
        url = _URL.search(preamble[0]) if preamble else None
        scheme = _scheme(request_raw, url[0] if url else b"")
        transaction = exchange(transaction_id(source, index), request_raw, response_raw, notes, scheme=scheme)
    except Rejected as error:
        problem = str(error)
        is_out_of_scope = isinstance(error, OutOfScope)
        notes.clear()
    return Entry(
        source,
        index,
        "message",
        transaction,
        problem,
        tuple(dict.fromkeys(notes)),
        is_out_of_scope,
        offset_bytes=start,
        length_bytes=len(raw),
    )


def split_messages(raw: memoryview) -> tuple[memoryview, memoryview | None]:
    """The bytes of the request and those of the response behind it, if there is one.

    The response begins where the request's Content-Length ends, else at the first status line
    behind its headers.
    """
    head = _HEAD_END.search(raw)
    if head is None:
        return raw, None
    length = _LENGTH.search(raw, 0, head.end())
    body_end = head.end() + int(length[1]) if length else head.end()
    if length and body_end <= len(raw):
        behind = _BEHIND.match(raw, body_end)
        if behind is not None:
            return raw[:body_end], raw[behind.end(1) :] if behind[2] else None
    # No length, or a wrong one: people edit requests.
    status_line = _STATUS_LINE.search(raw, head.end())
    if status_line is None:
        return raw, None
    end = max(status_line.start() - _TITLE_BYTES, head.end())
    title = _TITLE.search(bytes(raw[end : status_line.start()]))
    return raw[: end + title.start() if title else status_line.start()], raw[status_line.start() :]


def _scheme(request_raw: memoryview, url: bytes) -> str:
    if url:
        return url.split(b":", 1)[0].decode().lower()
    host = header_value(parse_request(request_raw, []).headers, "host") or ""
    return "http" if host.endswith(":80") else "https"
