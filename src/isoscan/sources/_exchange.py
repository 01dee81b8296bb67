"""Makes a transaction of a raw request and a raw response, as proxies and crawlers save them."""

from __future__ import annotations

from datetime import datetime

from ..models import HttpRequest, HttpResponse, HttpTransaction
from ._entry import Rejected, is_http_url
from ._http_message import message_url, parse_request, parse_response

NO_ANSWER = "a response could not be read: left out"

Bytes = bytes | bytearray | memoryview


def exchange(
    id_: str,
    request_raw: Bytes,
    response_raw: Bytes | None,
    notes: list[str],
    *,
    url: str = "",
    scheme: str = "https",
    authority: str = "",
    requested_at: datetime | None = None,
    answered_at: datetime | None = None,
    was_edited: bool = False,
) -> HttpTransaction:
    """The transaction of one raw request and its raw response, if there is one.

    `url` is the absolute URL where it is known; else it is made of the request, `scheme` and
    `authority`. Raises `Rejected`, `OutOfScope` for a CONNECT. A response that is none is left
    out, noted.
    """
    message = parse_request(request_raw, notes)
    if not is_http_url(url) or message.method.upper() == "CONNECT":
        url = message_url(message, scheme=scheme, authority=authority)
    request = HttpRequest(
        method=message.method,
        url=url,
        headers=message.headers,
        body=message.body,
        timestamp=requested_at,
        was_edited=was_edited,
        id=id_,
    )
    return HttpTransaction(request, read_response(response_raw, message.method, answered_at, notes))


def read_response(
    raw: Bytes | None, method: str, answered_at: datetime | None, notes: list[str]
) -> HttpResponse | None:
    """The response of a raw one, None if there is none or it cannot be read, which is noted."""
    if not raw:
        return None
    own_notes: list[str] = []
    try:
        answer = parse_response(raw, own_notes, method=method)
    except Rejected:
        notes.append(NO_ANSWER)
        return None
    notes.extend(own_notes)
    return HttpResponse(status=answer.status, headers=answer.headers, body=answer.body, timestamp=answered_at)
