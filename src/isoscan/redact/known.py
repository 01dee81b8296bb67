"""The secrets a transaction carries, and where they stand in a text. Pure."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl, quote, quote_plus, unquote, unquote_plus, urlsplit

from ..models import Headers, HttpTransaction
from .names import COOKIE_HEADERS, CREDENTIAL_HEADERS, Telling, header_telling, telling
from .shapes import Span, basic_password, is_placeholder, is_plausible

_BODY_BYTES = 256 * 1024
_MAX_SECRETS = 1000
_MAX_TOTAL_CHARS = 1024 * 1024
_MIN_CHARS = 4
_MIN_PERHAPS_CHARS = 6
#: Shorter secrets count as whole words only: `pin=1234` must not mask every 1234 inside a number.
_LONG_CHARS = 12
_BLOCK_CHARS = 8
_JSON_FIELD = re.compile(
    r'"([^"\\\r\n]{1,128})"\s{0,8}:\s{0,8}(?:"((?:[^"\\\r\n]|\\.){1,16384})"|(\d{4,32}))'
)
_ENCODED = re.compile("%[0-9A-F]{2}")
_MULTIPART_FIELD = re.compile(r'name="([^"\r\n]{1,128})"[^\r\n]{0,256}\r?\n\r?\n([^\r\n]{1,16384})')
_URL_HEADERS = frozenset(("referer", "location", "content-location", "refresh"))


def secrets_of(transaction: HttpTransaction) -> Iterator[str]:
    """The values of sensitive headers, cookies, parameters and fields, the surest first."""
    request, response = transaction.request, transaction.response
    headers = [request.headers, *([response.headers] if response else [])]
    for pairs in headers:
        yield from _of_headers(pairs)
    urls = [request.url]
    urls += [value for pairs in headers for name, value in pairs if name.lower() in _URL_HEADERS]
    for url in urls:
        yield from _of_url(url)
    yield from _of_pairs((request.query_params or {}).items())
    yield from _of_body(request.body, request.content_type or "")
    if response is not None:
        yield from _of_body(response.body, response.content_type or "")


def _of_headers(headers: Headers) -> Iterator[str]:
    for name, value in headers:
        sure = header_telling(name)
        if sure is Telling.NO:
            continue
        lower = name.lower()
        if lower in CREDENTIAL_HEADERS:
            scheme, space, rest = value.strip().partition(" ")
            yield rest.strip() if space else scheme
            if scheme.lower() == "basic" and (password := basic_password(rest.strip())):
                yield password
        elif lower in COOKIE_HEADERS:
            pairs = value.split(";")
            for pair in pairs[:1] if lower == "set-cookie" else pairs:
                cookie, _, content = pair.strip().partition("=")
                content = content.strip().strip('"')
                # Any cookie may be a session; a short one counts only if its name says so.
                if len(content) >= _MIN_PERHAPS_CHARS or telling(cookie) is Telling.YES:
                    yield content
        elif sure is Telling.YES or is_plausible(value.strip()):
            yield value.strip()


def _of_url(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url[:65_536])
        password = parts.password
    except ValueError:
        return
    if password:
        yield password
    for query in (parts.query, parts.fragment.rpartition("?")[2]):
        yield from _of_pairs(parse_qsl(query, keep_blank_values=True))


def _of_body(body: bytes, content_type: str) -> Iterator[str]:
    if not body:
        return
    text = body[:_BODY_BYTES].decode("utf-8", "replace")
    kind = content_type.lower()
    if "urlencoded" in kind:
        yield from _of_pairs(parse_qsl(text, keep_blank_values=True))
    elif "multipart" in kind:
        yield from _of_pairs(_MULTIPART_FIELD.findall(text))
    elif "json" in kind or text.lstrip()[:1] in ("{", "["):
        for name, content, number in _JSON_FIELD.findall(text):
            yield from _of_pairs([(name, _unescaped(content) or number)])


def _unescaped(content: str) -> str:
    try:
        return str(json.loads(f'"{content}"'))
    except ValueError:
        return content


def _of_pairs(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, value in pairs:
        sure = telling(name)
        if sure is Telling.YES or (sure is Telling.PERHAPS and is_plausible(value)):
            yield value


class KnownSecrets:
    """Finds the secrets of one transaction in texts, whole or in pieces, raw or escaped.

    Of a secret of 12 characters and more a piece of 15 is found wherever it was cut out.
    """

    def __init__(self, transaction: HttpTransaction) -> None:
        #: Every form a secret is searched in, and the secret itself.
        self.originals: dict[str, str] = {}
        self._short: list[str] = []
        self._blocks: dict[str, tuple[str, int]] = {}
        total_chars = 0
        seen: set[str] = set()
        for secret in secrets_of(transaction):
            if secret in seen or len(secret) < _MIN_CHARS or is_placeholder(secret):
                continue
            seen.add(secret)
            for form in sorted(_forms(secret), key=lambda form: form != secret):
                total_chars += len(form)
                if total_chars > _MAX_TOTAL_CHARS:
                    return
                self._add(form, secret)
            if len(seen) >= _MAX_SECRETS:
                return

    def _add(self, form: str, secret: str) -> None:
        if form in self.originals:
            return
        self.originals[form] = secret
        if len(form) < _LONG_CHARS:
            self._short.append(form)
            return
        for offset in range(0, len(form) - _BLOCK_CHARS + 1, _BLOCK_CHARS):
            self._blocks.setdefault(form[offset : offset + _BLOCK_CHARS], (form, offset))

    def may_be_in(self, text: str, pieces: frozenset[str]) -> bool:
        """Whether any can stand in a text that consists of these pieces."""
        return not pieces.isdisjoint(self._blocks) or any(form in text for form in self._short)

    def find(self, text: str) -> Iterator[Span]:
        """Where they stand in `text`."""
        for form in self._short:
            start = text.find(form)
            while start >= 0:
                end = start + len(form)
                if not (_is_within_word(text, start) or _is_within_word(text, end)):
                    yield start, end
                start = text.find(form, end)
        if self._blocks:
            yield from self._pieces(text)

    def _pieces(self, text: str) -> Iterator[Span]:
        position = floor = 0
        last = len(text) - _BLOCK_CHARS
        blocks = self._blocks
        while position <= last:
            hit = blocks.get(text[position : position + _BLOCK_CHARS])
            if hit is None:
                position += 1
                continue
            form, offset = hit
            start, end = position, position + _BLOCK_CHARS
            left, right = offset, offset + _BLOCK_CHARS
            while left and start > floor and text[start - 1] == form[left - 1]:
                left, start = left - 1, start - 1
            while right < len(form) and end < len(text) and text[end] == form[right]:
                right, end = right + 1, end + 1
            if end - start < _LONG_CHARS:
                position += 1
                continue
            yield start, end
            position = floor = end


def pieces_of(text: str) -> frozenset[str]:
    """What `KnownSecrets` looks up in a text, for one that is searched again and again."""
    return frozenset([text[start : start + _BLOCK_CHARS] for start in range(len(text) - _BLOCK_CHARS + 1)])


def _is_within_word(text: str, position: int) -> bool:
    return 0 < position < len(text) and text[position - 1].isalnum() and text[position].isalnum()


def _forms(secret: str) -> set[str]:
    """The secret as URLs, JSON and HTML write it, and as it reads when it was percent-encoded."""
    plain = {secret, unquote(secret), unquote_plus(secret)}
    forms = set(plain)
    for text in plain:
        try:
            quoted = {quote(text, safe=""), quote(text), quote_plus(text)}
        except UnicodeEncodeError:  # a lone surrogate has no percent-encoding
            quoted = set()
        forms |= quoted | {_ENCODED.sub(lambda match: match[0].lower(), one) for one in quoted}
        forms |= {html.escape(text), html.escape(text, quote=False)}
        forms |= {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    return {form for form in forms if len(form) >= _MIN_CHARS}
