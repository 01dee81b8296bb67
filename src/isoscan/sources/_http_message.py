"""Parses one raw HTTP/1 message, or HTTP/2 written in that form, as tools save it.

    message = parse_request(b"GET /a HTTP/1.1\\r\\nHost: a.test\\r\\n\\r\\n", notes)
    url = message_url(message, scheme="https")

Tools re-write messages, cut them and let people edit them, so more is accepted than a server
would: line feeds alone as line ends, folded headers, a missing empty line, a chunked body whose
chunking was removed while its header stayed.
"""

from __future__ import annotations

import re

from msgspec import Struct

from ..models import Headers, header_value
from ._content_coding import decode_content
from ._entry import OutOfScope, Rejected, is_http_url
from ._headers import split_pseudo

NO_EMPTY_LINE = "a message ends within its headers"
NOT_A_HEADER = "a header line without a name or colon was left out"
CHUNKS_DAMAGED = "a chunked body is incomplete or damaged: kept what could be read"
BODY_TOO_SHORT = "a body is shorter than its Content-Length"
BODY_TOO_LONG = "a body is longer than its Content-Length: kept whole"

_HEAD_LIMIT_BYTES = 1024 * 1024
_EMPTY_LINES = re.compile(rb"[\r\n]*")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_METHOD = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}")
_VERSION = re.compile(r"HTTP/\d(?:\.\d)?", re.IGNORECASE)
_STATUS_LINE = re.compile(r"(HTTP/\d(?:\.\d)?)[ \t]+(\d{3})(?:[ \t]+(.*))?\s*", re.IGNORECASE)
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?(\r?\n)")
_LINE_END = re.compile(rb"\r?\n")
_LENGTH = re.compile(r"\d{1,15}")


class RequestMessage(Struct, frozen=True):
    """A request. `target` is what stands behind the method: a path or a URL.

    `headers` hold no HTTP/2 pseudo-headers, but a chunked body's trailers behind the rest; `body`
    is the content without chunking and content coding. `authority` and `scheme` are those of
    pseudo-headers, if there are any.
    """

    method: str
    target: str
    version: str
    headers: Headers
    body: bytes
    authority: str = ""
    scheme: str = ""


class ResponseMessage(Struct, frozen=True):
    """A response; `headers` and `body` as in a request. `reason` may be empty."""

    version: str
    status: int
    reason: str
    headers: Headers
    body: bytes


def parse_request(raw: bytes | bytearray | memoryview, notes: list[str]) -> RequestMessage:
    """The request the bytes spell. Raises `Rejected` if they do not begin with a request line.

    What is degraded but kept is appended to `notes`.
    """
    lines, rest = _split(raw, notes)
    method, _, behind = lines[0].strip().partition(" ")
    target, _, version = behind.strip().rpartition(" ")
    if not _VERSION.fullmatch(version):
        target, version = behind.strip(), ""
    if not _METHOD.fullmatch(method) or not target:
        raise Rejected("the request does not begin with a request line")
    pairs, pseudo = split_pseudo(_header_pairs(lines[1:], notes))
    headers, body = _content(pairs, rest, notes, is_body_expected=True)
    return RequestMessage(
        method=method,
        target=target.strip(),
        version=version.upper(),
        headers=headers,
        body=body,
        authority=pseudo.get(":authority", ""),
        scheme=pseudo.get(":scheme", ""),
    )


def parse_response(
    raw: bytes | bytearray | memoryview, notes: list[str], *, method: str = "GET"
) -> ResponseMessage:
    """The response the bytes spell. Raises `Rejected` if they do not begin with a status line.

    Interim responses (`100 Continue`, a proxy's `200 Connection established`) before it are
    skipped. `method` is that of the request: the answer to HEAD has no body to miss. What is
    degraded but kept is appended to `notes`.
    """
    while True:
        lines, rest = _split(raw, notes)
        start = _STATUS_LINE.fullmatch(lines[0])
        if start is None:
            raise Rejected("the response does not begin with a status line")
        status, reason = int(start[2]), (start[3] or "").strip()
        is_interim = 100 <= status < 200 or reason.lower() == "connection established"
        if not is_interim or bytes(rest[:5]).upper() != b"HTTP/":
            break
        raw = rest
    pairs, _ = split_pseudo(_header_pairs(lines[1:], notes))
    is_body_expected = method.upper() != "HEAD" and status not in (204, 304)
    headers, body = _content(pairs, rest, notes, is_body_expected=is_body_expected)
    return ResponseMessage(start[1].upper(), status, reason, headers, body)


def message_url(message: RequestMessage, *, scheme: str, authority: str = "") -> str:
    """The absolute URL of a request, whose target is mostly a path alone.

    `scheme` and `authority` (`host` or `host:port`) are where it was sent to; without an
    authority the pseudo-header or the `Host` header names it. Raises `OutOfScope` for CONNECT,
    `Rejected` if no host is known.
    """
    if message.method.upper() == "CONNECT":
        raise OutOfScope("a CONNECT tunnel, not an HTTP exchange")
    if is_http_url(message.target):
        return message.target
    host = authority or message.authority or header_value(message.headers, "host") or ""
    path = "" if message.target == "*" else message.target
    if path and path[0] not in "/?#":
        path = f"/{path}"
    url = f"{message.scheme or scheme}://{host.strip()}{path}"
    if not is_http_url(url):
        raise Rejected("the request names no host")
    return url


def _split(raw: bytes | bytearray | memoryview, notes: list[str]) -> tuple[list[str], memoryview]:
    """The lines of the head, folded ones joined, and the bytes behind it."""
    view = memoryview(raw)
    blank = _EMPTY_LINES.match(view)
    start = blank.end() if blank else 0
    end = _HEAD_END.search(view, start, start + _HEAD_LIMIT_BYTES)
    if end is None:
        if len(view) - start > _HEAD_LIMIT_BYTES:
            raise Rejected(f"the headers do not end within {_HEAD_LIMIT_BYTES >> 20} MiB")
        head, rest = bytes(view[start:]).rstrip(b"\r\n"), view[len(view) :]
        notes.append(NO_EMPTY_LINE)
    else:
        head, rest = bytes(view[start : end.start()]), view[end.end() :]
    lines: list[str] = []
    for line in head.split(b"\n"):
        text = field_text(line.removesuffix(b"\r"))
        if lines[1:] and text[:1] in (" ", "\t"):
            lines[-1] = f"{lines[-1].rstrip()} {text.strip()}"
        else:
            lines.append(text)
    return lines, rest


def field_text(raw: bytes) -> str:
    """A header's name or value as text: UTF-8, or Latin-1 if it is none."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _header_pairs(lines: list[str], notes: list[str]) -> list[tuple[str, str]]:
    pairs = []
    for line in lines:
        # A pseudo-header begins with a colon of its own.
        name, colon, value = line[1:].partition(":")
        name = (line[:1] + name).strip()
        if colon and name.strip(":"):
            pairs.append((name, value.strip(" \t")))
        elif line:
            notes.append(NOT_A_HEADER)
    return pairs


def _content(
    headers: Headers, raw: memoryview, notes: list[str], *, is_body_expected: bool
) -> tuple[Headers, bytes]:
    """The headers with the trailers, and the body without transfer and content codings."""
    transfer = _values(headers, "transfer-encoding")
    codings = _values(headers, "content-encoding")
    if transfer:
        names = [name.strip() for value in transfer for name in value.lower().split(",")]
        if "chunked" in names:
            body, trailers = _dechunk(raw, notes)
            headers += trailers
        else:
            body = bytes(raw)
        codings += [name for name in names if name != "chunked"]
    else:
        body = _cut_to_length(headers, raw, notes, is_body_expected=is_body_expected)
    return headers, decode_content(body, codings, notes) if codings else body


def _cut_to_length(headers: Headers, raw: memoryview, notes: list[str], *, is_body_expected: bool) -> bytes:
    length_text = (header_value(headers, "content-length") or "").strip()
    if not _LENGTH.fullmatch(length_text):
        return bytes(raw)
    length = int(length_text)
    if len(raw) < length and is_body_expected:
        notes.append(BODY_TOO_SHORT)
    elif len(raw) > length:
        # Editors end a file with a line feed of their own.
        if not bytes(raw[length : length + 5]).strip(b"\r\n") and len(raw) - length <= 4:
            return bytes(raw[:length])
        # A tool that took the content coding off may have left the length alone.
        if not _values(headers, "content-encoding"):
            notes.append(BODY_TOO_LONG)
    return bytes(raw)


def _dechunk(raw: memoryview, notes: list[str]) -> tuple[bytes, Headers]:
    """The body without chunking, and its trailers. A body that is not chunked stays as it is."""
    content = bytearray()
    position = 0
    while size_line := _CHUNK_SIZE.match(raw, position):
        is_first = position == 0
        size = int(size_line[1], 16)
        start = size_line.end()
        if size == 0:
            trailer_notes: list[str] = []
            lines = [field_text(line) for line in bytes(raw[start:]).splitlines()]
            trailers = _header_pairs(lines[: lines.index("") if "" in lines else None], trailer_notes)
            return bytes(content), tuple(trailers)
        line_end = _LINE_END.match(raw, start + size)
        if line_end is None and is_first and (start + size < len(raw) or size_line[2] != b"\r\n"):
            return bytes(raw), ()  # the first line only looked like a size
        content += raw[start : start + size]
        if line_end is None:
            break
        position = line_end.end()
    else:
        if position == 0:
            return bytes(raw), ()
    notes.append(CHUNKS_DAMAGED)
    return bytes(content), ()


def _values(headers: Headers, name: str) -> list[str]:
    return [value for key, value in headers if key.lower() == name]
