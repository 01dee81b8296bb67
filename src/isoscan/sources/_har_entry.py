"""One HAR entry becomes one transaction. Knows the dialects of the tools that write HAR."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct, field

from ..models import Headers, HttpRequest, HttpResponse, HttpTransaction, header_value
from ._attachments import Attachments
from ._bodies import BODY_LIMIT_BYTES, CUT_AT_LIMIT, NOT_BASE64, decode_base64, decompress, encode_text
from ._dates import later, read_date
from ._entry import OutOfScope, Rejected, has_foreign_scheme, is_http_url, shown_url
from ._forms import rebuild_form
from ._headers import read_headers, split_pseudo

NO_DATE = "the start time of a request could not be read"
NO_STATUS = "status 0 or less: the request was aborted or blocked, so it has no response"
NOT_RECORDED = "a response body was not recorded in the capture"
REQUEST_NOT_RECORDED = "a request body was not recorded in the capture"
BYTES_AS_TEXT = "a binary request body was text: each character taken for a byte"
IN_OTHER_FILE = "a body is in a separate file, which is not there"
URL_REPAIRED = "a missing or relative URL was rebuilt from the headers"
UNKNOWN_ENCODING = "a body has an unknown encoding: kept as text"
NOT_TEXT = "a body was JSON instead of text: written out again"
WEBSOCKET_MESSAGES = "WebSocket messages of the capture are not scanned"

_SWITCHING_PROTOCOLS = 101
_FORM_TYPE = "application/x-www-form-urlencoded"
_PLAIN_ENCODINGS = (None, "", "utf-8", "utf8", "UTF-8", "text", "plain", "identity")
# What no text has, but most binary data.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_INTEGER = re.compile(r"\s*[+-]?[0-9]{1,9}\s*")


class _Request(Struct):
    method: Any = None
    url: Any = None
    headers: Any = None
    post_data: Any = field(default=None, name="postData")
    body_bytes: Any = field(default=None, name="bodySize")


class _Response(Struct):
    status: Any = None
    headers: Any = None
    content: Any = None


class HarEntry(Struct):
    """The members of a HAR entry that are read. All values are checked afterwards."""

    request: _Request | None = None
    response: _Response | None = None
    started: Any = field(default=None, name="startedDateTime")
    elapsed_ms: Any = field(default=None, name="time")
    websocket_messages: Any = field(default=None, name="_webSocketMessages")


def har_transaction(entry: HarEntry, id_: str, notes: list[str], attached: Attachments) -> HttpTransaction:
    """The transaction an entry describes. Raises `Rejected` if it describes none.

    `attached` gives the bodies that stand in files of their own.
    """
    if entry.request is None:
        raise Rejected("the entry has no request")
    started = read_date(entry.started)
    if started is None and entry.started not in (None, ""):
        notes.append(NO_DATE)
    if entry.websocket_messages:
        notes.append(WEBSOCKET_MESSAGES)
    headers, pseudo = split_pseudo(read_headers(entry.request.headers, notes))
    method = entry.request.method or pseudo.get(":method")
    if not isinstance(method, str):
        raise Rejected("the request has no method")
    url = _url(entry.request.url, method, headers, pseudo, notes)
    body, content_type = _request_body(entry.request, headers, notes, attached)
    request = HttpRequest(
        method=method,
        url=url,
        headers=headers,
        body=body,
        content_type=content_type,
        timestamp=started,
        id=id_,
    )
    response = None
    if entry.response is not None:
        ended = later(started, entry.elapsed_ms)
        response = _response(entry.response, method, ended, notes, attached)
    return HttpTransaction(request, response)


def _url(raw: object, method: str, headers: Headers, pseudo: dict[str, str], notes: list[str]) -> str:
    url = raw.strip() if isinstance(raw, str) else ""
    if is_http_url(url):
        return url
    if method.upper() == "CONNECT":
        raise OutOfScope("a CONNECT tunnel, not an HTTP exchange")
    if not url or url.startswith("/"):
        host = pseudo.get(":authority") or header_value(headers, "host")
        if host:
            repaired = f"{pseudo.get(':scheme', 'http')}://{host}{url or pseudo.get(':path', '/')}"
            if is_http_url(repaired):
                notes.append(URL_REPAIRED)
                return repaired
    if not url:
        raise Rejected("the request has no URL")
    kind = OutOfScope if has_foreign_scheme(url) else Rejected
    raise kind(f"not an HTTP URL: {shown_url(url)}")


def _request_body(
    request: _Request, headers: Headers, notes: list[str], attached: Attachments
) -> tuple[bytes, str | None]:
    """Body and content type of `postData`."""
    content_type = header_value(headers, "content-type")
    raw = {} if request.post_data is None else request.post_data
    post = raw if isinstance(raw, dict) else {"text": raw}
    content_type = content_type or _media_type(post.get("mimeType"))
    text = _text(post.get("text"), notes)
    if not text and post.get("params"):
        text, content_type = rebuild_form(post["params"], content_type or _FORM_TYPE, notes)
    if not text:
        # Playwright writes an empty text beside the name of the file.
        if _is_positive(request.body_bytes) and not _is_in_other_file(post):
            notes.append(REQUEST_NOT_RECORDED)
        body = _attached_body(post, attached, notes) or b""
        return decompress(body, _content_encodings(headers), content_type, notes), content_type
    encoding = post.get("encoding")
    if encoding in _PLAIN_ENCODINGS and (content := _bytes_as_text(text)) is not None:
        notes.append(BYTES_AS_TEXT)
        body, is_binary = content, True
    else:
        body, is_binary = _body(text, encoding, content_type, notes)
    if is_binary:
        body = decompress(body, _content_encodings(headers), content_type, notes)
    return body, content_type


def _bytes_as_text(text: str) -> bytes | None:
    """The bytes of a body that a browser or proxy wrote as Latin-1 for want of a charset."""
    if text.isascii() or not _CONTROL.search(text):
        return None
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return None


def _response(
    raw: _Response, method: str, ended: datetime | None, notes: list[str], attached: Attachments
) -> HttpResponse | None:
    status = _status(raw.status)
    if status <= 0:
        notes.append(NO_STATUS)
        return None
    headers, _ = split_pseudo(read_headers(raw.headers, notes))
    content = raw.content if isinstance(raw.content, dict) else {"text": raw.content}
    content_type = header_value(headers, "content-type") or _media_type(content.get("mimeType"))
    text = _text(content.get("text"), notes)
    body = b""
    if text is not None:
        body, is_binary = _body(text, content.get("encoding"), content_type, notes)
        if is_binary:
            body = decompress(body, _content_encodings(headers), content_type, notes)
    elif _is_in_other_file(content) and status == _SWITCHING_PROTOCOLS:
        notes.append(WEBSOCKET_MESSAGES)
    elif _is_in_other_file(content):
        body = _attached_body(content, attached, notes) or b""
        body = decompress(body, _content_encodings(headers), content_type, notes)
        body = _recoded(body, content_type, notes)
    elif _is_positive(content.get("size")) and method.upper() != "HEAD" and status not in (204, 304):
        notes.append(NOT_RECORDED)
    return HttpResponse(status=status, headers=headers, body=body, content_type=content_type, timestamp=ended)


def _body(text: str, encoding: object, content_type: str | None, notes: list[str]) -> tuple[bytes, bool]:
    """The bytes, and whether they were given as bytes rather than as text."""
    if isinstance(encoding, str) and encoding.lower() == "base64":
        content = decode_base64(text)
        if content is not None:
            return content, True
        notes.append(NOT_BASE64)
    elif encoding not in _PLAIN_ENCODINGS:
        notes.append(UNKNOWN_ENCODING)
    return encode_text(text, content_type, notes), False


def _text(raw: object, notes: list[str]) -> str | None:
    if raw is None or isinstance(raw, str):
        return raw
    notes.append(NOT_TEXT)
    return msgspec.json.encode(raw).decode()


def _status(raw: object) -> int:
    if raw is None or raw == "":
        return 0
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    if isinstance(raw, float) and raw.is_integer():
        return int(raw)
    if isinstance(raw, str) and _INTEGER.fullmatch(raw):
        return int(raw)
    raise Rejected("the status of the response is not a number")


def _content_encodings(headers: Headers) -> list[str]:
    return [value for name, value in headers if name.lower() == "content-encoding"]


def _media_type(raw: object) -> str | None:
    # Chrome writes x-unknown where the server named no type.
    return raw if isinstance(raw, str) and raw and raw != "x-unknown" else None


def _is_in_other_file(content: dict[str, Any]) -> bool:
    return bool(content.get("_file") or content.get("_sha1"))


def _attached_body(content: dict[str, Any], attached: Attachments, notes: list[str]) -> bytes | None:
    """The body in a file of its own; None if there is none, or not at hand, which is noted."""
    if not _is_in_other_file(content):
        return None
    name = content.get("_file")
    body = attached(name) if isinstance(name, str) else None
    if body is None:
        notes.append(IN_OTHER_FILE)
    elif len(body) > BODY_LIMIT_BYTES:
        notes.append(CUT_AT_LIMIT)
        return body[:BODY_LIMIT_BYTES]
    return body


def _recoded(body: bytes, content_type: str | None, notes: list[str]) -> bytes:
    """A body in the charset its type names: Playwright's files hold text in UTF-8."""
    if b"\0" in body:
        return body
    try:
        return encode_text(body.decode(), content_type, notes)
    except UnicodeDecodeError:
        return body


def _is_positive(raw: object) -> bool:
    return isinstance(raw, int | float) and raw > 0
