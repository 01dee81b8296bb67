"""One transaction as the page shows it: what was sent and answered, bounded, around the evidence."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from ...models import Finding, Headers, HttpTransaction
from .bounds import BODY_CHARS, HEADERS_CHARS, HEX_BYTES, TEXT_CHARS, URL_CHARS
from .evidence import Text, decoded, excerpt, needles

_MAX_SEARCHES = 100
_MAX_WANTED = 100


def clipped(text: str, limit_chars: int) -> str:
    """The text, cut at the limit with a word on how much is missing."""
    if len(text) <= limit_chars:
        return text
    return f"{text[:limit_chars]} … {len(text) - limit_chars:,} characters more"


class Exchange:
    """Collects what findings quote of a transaction, while it is the one being reported."""

    def __init__(self, transaction: HttpTransaction, number: int) -> None:
        self.transaction = transaction
        self.number = number
        #: Whether a finding of it is severe: then it is kept where others are left out.
        self.is_urgent = False
        self._wanted: dict[str, None] = {}
        self._searches = 0

    def quoted(self, finding: Finding) -> list[str]:
        """The pieces of the traffic that the finding's evidence quotes; they will be shown."""
        self._searches += 1
        if self._searches > _MAX_SEARCHES:
            return []
        found = needles(finding.evidence, finding.location, self._texts)
        if len(self._wanted) < _MAX_WANTED:
            self._wanted.update(dict.fromkeys(found))
        return found

    @cached_property
    def _request_text(self) -> Text | None:
        request = self.transaction.request
        return decoded(request.body, request.content_type)

    @cached_property
    def _response_text(self) -> Text | None:
        response = self.transaction.response
        return None if response is None else decoded(response.body, response.content_type)

    @cached_property
    def _texts(self) -> list[str]:
        request, response = self.transaction.request, self.transaction.response
        texts = [request.url, _lines(request.headers)]
        texts += [_lines(response.headers)] if response else []
        return texts + [text.text for text in (self._request_text, self._response_text) if text is not None]

    def as_data(self) -> dict[str, Any]:
        """The request and, if there is one, the response as plain data for the page."""
        request, response = self.transaction.request, self.transaction.response
        data: dict[str, Any] = {
            "id": clipped(self.transaction.id, TEXT_CHARS),
            "request": {
                "line": f"{clipped(request.method, 100)} {clipped(request.url, URL_CHARS)}",
                **_headers(request.headers),
                "body": self._body(request.body, self._request_text),
            },
            "response": None,
        }
        if response is not None:
            data["response"] = {
                "line": str(response.status),
                **_headers(response.headers),
                "body": self._body(response.body, self._response_text),
            }
        return data

    def _body(self, body: bytes, text: Text | None) -> dict[str, Any]:
        if text is None:
            return {"bytes": len(body), "hex": body[:HEX_BYTES].hex(" ")}
        parts: list[list[Any]] = []
        at = 0
        for start, end in excerpt(text.text, self._wanted, BODY_CHARS):
            parts.append([_size(text, at, start), text.text[start:end]])
            at = end
        rest_bytes = _size(text, at, len(text.text)) + len(body) - text.decoded_bytes
        return {"bytes": len(body), "charset": text.charset, "parts": parts, "rest": rest_bytes}


def _size(text: Text, start: int, end: int) -> int:
    return len(text.text[start:end].encode(text.charset, "replace")) if end > start else 0


def _lines(headers: Headers) -> str:
    return "\n".join(f"{name}: {value}" for name, value in headers)


def _headers(headers: Headers) -> dict[str, Any]:
    """`headers` as pairs, and in `moreHeaders` how many were left out."""
    shown: list[list[str]] = []
    left = HEADERS_CHARS
    for name, value in headers:
        left -= len(name) + len(value)
        if left < 0 and shown:
            break
        shown.append([clipped(name, 1000), clipped(value, TEXT_CHARS)])
    return {"headers": shown, "moreHeaders": len(headers) - len(shown)}
