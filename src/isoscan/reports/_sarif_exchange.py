"""A request and its response as a SARIF result quotes them, in bounded length. Pure."""

from __future__ import annotations

import base64
import re
from typing import Any

from ..models import Headers, HttpTransaction
from .text import printable

MAX_BODY_BYTES = 4_096
_MAX_HEADERS = 50
_MAX_HEADERS_CHARS = 8_000
_MAX_PARAMETERS = 50
_NAME_CHARS = 200
_VALUE_CHARS = 1_000
_URL_CHARS = 4_000
#: Controls but for tab and ends of lines, and marks that turn the direction of writing.
_ACTING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def exchange(transaction: HttpTransaction) -> dict[str, Any]:
    """The members `webRequest` and `webResponse` of a result.

    Bodies are cut at 4 KiB, text as text and everything else as base64; `properties` says what was cut.
    """
    request, response = transaction.request, transaction.response
    web_request: dict[str, Any] = {
        "method": printable(request.method, 20),
        "target": printable(request.url, _URL_CHARS),
        **_headers(request.headers),
    }
    parameters = list((request.query_params or {}).items())[:_MAX_PARAMETERS]
    if parameters:
        web_request["parameters"] = {
            printable(name, _NAME_CHARS): printable(value, _VALUE_CHARS) for name, value in parameters
        }
    if request.body:
        web_request["body"] = _body(request.body)
    if response is None:
        return {"webRequest": web_request, "webResponse": {"noResponseReceived": True}}
    web_response: dict[str, Any] = {"statusCode": response.status, **_headers(response.headers)}
    if response.body:
        web_response["body"] = _body(response.body)
    return {"webRequest": web_request, "webResponse": web_response}


def _headers(headers: Headers) -> dict[str, Any]:
    """An object of headers; those of one name are joined, as SARIF has no other place for them."""
    joined: dict[str, str] = {}
    chars = 0
    left_out = 0
    for name, value in headers:
        name, value = printable(name, _NAME_CHARS), printable(value, _VALUE_CHARS)
        chars += len(name) + len(value)
        if chars > _MAX_HEADERS_CHARS or (name not in joined and len(joined) >= _MAX_HEADERS):
            left_out += 1
        else:
            joined[name] = f"{joined[name]}, {value}" if name in joined else value
    cut = {"properties": {"headersLeftOut": left_out}} if left_out else {}
    return {"headers": joined, **cut}


def _body(body: bytes) -> dict[str, Any]:
    shown = body[:MAX_BODY_BYTES]
    text = _text(shown, is_cut=len(body) > len(shown))
    content: dict[str, Any] = {"binary": base64.b64encode(shown).decode()} if text is None else {"text": text}
    if len(body) > len(shown):
        content["properties"] = {"isCut": True, "sizeBytes": len(body)}
    return content


def _text(shown: bytes, *, is_cut: bool) -> str | None:
    """The text, if it is UTF-8 and nothing in it acts; else None."""
    for lost_bytes in range(4 if is_cut else 1):  # the cut may have gone through a character
        try:
            text = shown[: len(shown) - lost_bytes].decode()
        except UnicodeDecodeError:
            continue
        return None if _ACTING.search(text) else text
    return None
