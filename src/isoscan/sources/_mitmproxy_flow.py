"""One flow of a mitmproxy dump becomes transactions: its exchange, and one for each WebSocket message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..models import Headers, HttpRequest, HttpResponse, HttpTransaction
from ._content_coding import decode_content
from ._dates import read_date
from ._entry import OutOfScope, Rejected, is_http_url, shown_url
from ._headers import NAMELESS, split_pseudo
from ._http_message import field_text

FAILED = "the connection failed or was killed before a response"
FAILED_LATER = "the connection failed after the response began: it may be incomplete"
NOT_RECORDED = "a body was streamed past mitmproxy: it is not in the dump"
DROPPED = "a WebSocket message was dropped by mitmproxy: it never reached the other side"
NO_HANDSHAKE = "the handshake of a WebSocket is not in the dump: its URL is unknown"

#: A transaction and what was degraded in it.
Read = tuple[HttpTransaction, list[str]]

_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")
_WEBSOCKET_STATUS = 101


def flow_transactions(state: dict[str, Any], http: Any, id_: str) -> Iterator[Read]:
    """The transactions of a flow, given in its current format, by the classes of `mitmproxy.http`.

    Raises `Rejected` before the first one.
    """
    request = http.Request.from_state(state["request"])
    url = _url(request)
    messages: list[Any] = (state.get("websocket") or {}).get("messages", [])
    # The migration of old dumps puts a copy of the handshake before the messages.
    is_copy = "duplicated" in state["metadata"]
    if not is_copy:
        yield _exchange(state, request, url, http, id_)
    elif not messages:
        raise OutOfScope("the end of a WebSocket without messages, whose handshake is a flow of its own")
    is_lost = is_copy and request.host == "unknown"
    for number, message in enumerate(messages):
        yield _message(message, "ws" + url[4:], f"{id_}/ws{number}", [NO_HANDSHAKE] if is_lost else [])


def _exchange(state: dict[str, Any], raw: Any, url: str, http: Any, id_: str) -> Read:
    notes: list[str] = []
    headers, body = _content(raw, notes)
    request = HttpRequest(
        method=field_text(raw.method.encode("utf-8", "surrogateescape")),
        url=url,
        headers=headers,
        body=body,
        timestamp=read_date(raw.timestamp_start),
        was_edited=state.get("backup") is not None,
        id=id_,
    )
    if state.get("response") is None:
        if state.get("error") is not None:
            notes.append(FAILED)
        return HttpTransaction(request), notes
    if state.get("error") is not None:
        notes.append(FAILED_LATER)
    answer = http.Response.from_state(state["response"])
    headers, body = _content(answer, notes)
    response = HttpResponse(
        status=answer.status_code,
        headers=headers,
        body=body,
        timestamp=read_date(answer.timestamp_end or answer.timestamp_start),
    )
    return HttpTransaction(request, response), notes


def _message(raw: list[Any], url: str, id_: str, notes: list[str]) -> Read:
    opcode, is_from_client, content, timestamp, is_dropped, is_injected = raw[:6]
    if isinstance(content, str):  # as text messages were up to format 11
        content = content.encode()
    if not isinstance(content, bytes):
        raise Rejected(f"the content of a WebSocket message is a {type(content).__name__}, not bytes")
    if is_dropped:
        notes.append(DROPPED)
    moment = read_date(timestamp)
    request = HttpRequest(
        method="GET",
        url=url,
        body=content if is_from_client else b"",
        content_type=_message_type(opcode, content) if is_from_client else None,
        timestamp=moment,
        was_edited=bool(is_injected),
        id=id_,
    )
    if is_from_client:
        return HttpTransaction(request), notes
    response = HttpResponse(
        status=_WEBSOCKET_STATUS,
        body=content,
        content_type=_message_type(opcode, content),
        timestamp=moment,
    )
    return HttpTransaction(request, response), notes


def _message_type(opcode: int, content: bytes) -> str:
    if opcode != 1:
        return "application/octet-stream"
    return "application/json" if content.lstrip()[:1] in (b"{", b"[") else "text/plain; charset=utf-8"


def _url(request: Any) -> str:
    if request.method == "CONNECT":
        raise OutOfScope("a CONNECT tunnel, not an HTTP exchange")
    # Behind a transparent proxy the host is an address; the header has the name.
    for url in (request.pretty_url, request.url):
        if is_http_url(url):
            return _ESCAPED_BYTE.sub(lambda char: f"%{ord(char[0]) - 0xDC00:02X}", url)
    raise Rejected(f"not an HTTP URL: {shown_url(request.url)}")


def _content(message: Any, notes: list[str]) -> tuple[Headers, bytes]:
    """Headers with the trailers behind them, and the body without its content coding."""
    fields = message.headers.fields + (message.trailers.fields if message.trailers else ())
    if not all(name for name, _ in fields):
        notes.append(NAMELESS)
    headers, _ = split_pseudo([(field_text(name), field_text(value)) for name, value in fields if name])
    if message.raw_content is None:
        notes.append(NOT_RECORDED)
        return headers, b""
    codings = [value for name, value in headers if name.lower() == "content-encoding"]
    return headers, decode_content(message.raw_content, codings, notes)
