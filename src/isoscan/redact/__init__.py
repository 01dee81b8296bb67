"""Masks secrets in findings so that a report can be shared, and keeps them apart.

A secret becomes `AKIA…(20 chars, 3f9a2c1d)`: at most a quarter of it and never more than four
characters, its length, and a keyed hash. The same secret looks the same everywhere within one
run; docs/secrets.md tells what is masked and what the key protects from.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from msgspec.structs import replace

from ..models import Finding, HttpRequest, HttpResponse, HttpTransaction, ScanFailure, ScanResult
from .known import KnownSecrets, pieces_of
from .names import COOKIE_HEADERS, CREDENTIAL_HEADERS, Telling, header_telling, telling
from .shapes import Span, is_placeholder, shaped

__all__ = ["KEY_BYTES", "Redactor", "redact_finding", "shareable_fingerprint"]

KEY_BYTES = 32
_SHOWN_CHARS = 4
_TAG_DIGITS = 8
_MAX_DEPTH = 64
#: Longer texts are hardly the plugin's own words; and so many of them are kept.
_PROSE_CHARS = 400
_KNOWN_PROSE = 1000
_MAX_INT_BITS = 8192
_PARTLY_SECRET_HEADERS = COOKIE_HEADERS | CREDENTIAL_HEADERS
_TOO_DEEP = "(nested too deeply to be searched for secrets)"
#: A mask as this module writes it: what is masked stays as it is.
_MASK = re.compile(r"[^\s=&]{0,4}…\(\d{1,8} chars, [0-9a-f]{8}\)")
_TAG = re.compile(r"(…\(\d{1,8} chars), [0-9a-f]{8}\)")
#: Fields of a finding that hold prose or quotes; the others are names.
_TEXTS = ("title", "url", "description", "evidence", "location", "remediation")
_NAMES = ("vuln_type", "method", "transaction_id", "cwe", "owasp")


class Redactor:
    """Masks secrets with one key. `masked` counts what it has masked so far.

    The default key is random and dies with the object: nobody who holds a report can test guesses
    of a weak password against the hashes in it.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self._key = secrets.token_bytes(KEY_BYTES) if key is None else key
        self.masked = 0
        self._transaction: HttpTransaction | None = None
        self._known: KnownSecrets | None = None
        #: Plugins repeat their own words with every finding.
        self._prose = lru_cache(_KNOWN_PROSE)(_Prose)

    def finding(self, finding: Finding, transaction: HttpTransaction | None = None) -> Finding:
        """The finding without secrets, `transaction`'s own and what looks like one.

        Every text is searched, also those in `extra`. `id`, `created_at`, `severity`,
        `confidence` and `plugin_id` do not come from the traffic and stay.
        """
        changes: dict[str, Any] = {
            name: self.text(getattr(finding, name), transaction, is_name=name in _NAMES)
            for name in (*_TEXTS, *_NAMES)
        }
        if finding.extra:
            changes["extra"] = self._value(finding.extra, transaction, 0)
        changed = {name: value for name, value in changes.items() if value != getattr(finding, name)}
        return replace(finding, **changed) if changed else finding

    def failure(self, failure: ScanFailure, transaction: HttpTransaction | None = None) -> ScanFailure:
        """The failure without secrets: a plugin may throw an error that quotes the traffic."""
        return replace(
            failure,
            kind=self.text(failure.kind, transaction, is_name=True),
            message=self.text(failure.message, transaction),
            stack=None if failure.stack is None else self.text(failure.stack, transaction),
        )

    def result(self, result: ScanResult, transaction: HttpTransaction | None = None) -> ScanResult:
        """A whole result without secrets: findings, error and console."""
        return replace(
            result,
            findings=[self.finding(finding, transaction) for finding in result.findings],
            error=None if result.error is None else self.failure(result.error, transaction),
            transaction_id=self.text(result.transaction_id, transaction, is_name=True),
            console=tuple([replace(line, text=self.text(line.text, transaction)) for line in result.console]),
        )

    def transaction(self, transaction: HttpTransaction) -> HttpTransaction:
        """The transaction without secrets in its URL, its headers and the text of its bodies."""
        request, response = transaction.request, transaction.response
        return HttpTransaction(
            replace(
                request,
                url=self.text(request.url, transaction),
                query_params=None,
                **self._message(request, transaction),
            ),
            None if response is None else replace(response, **self._message(response, transaction)),
        )

    def _message(self, message: HttpRequest | HttpResponse, transaction: HttpTransaction) -> dict[str, Any]:
        """The fields of a request or a response that may hold secrets."""
        body = self.text(message.body.decode("utf-8", "surrogateescape"), transaction)
        headers = tuple((name, self._header(name, value, transaction)) for name, value in message.headers)
        return {"headers": headers, "body": body.encode("utf-8", "surrogateescape")}

    def _header(self, name: str, value: str, transaction: HttpTransaction) -> str:
        # Of cookies and credentials only the values are secret; those are known from the transaction.
        is_secret = header_telling(name) is Telling.YES and name.lower() not in _PARTLY_SECRET_HEADERS
        if is_secret and value and not is_placeholder(value):
            return self.mask(value)
        return self.text(value, transaction)

    def text(self, text: str, transaction: HttpTransaction | None = None, *, is_name: bool = False) -> str:
        """The text without secrets. In a name, long random text is no reason to mask it."""
        if len(text) < 2:
            return text
        if "…(" not in text:
            return self._masked_text(text, transaction, is_name)
        parts: list[str] = []
        position = 0
        for mask in _MASK.finditer(text):
            parts += self._masked_text(text[position : mask.start()], transaction, is_name), mask[0]
            position = mask.end()
        parts.append(self._masked_text(text[position:], transaction, is_name))
        return "".join(parts)

    def _masked_text(self, text: str, transaction: HttpTransaction | None, is_name: bool) -> str:
        known = self._known_of(transaction)
        prose = self._prose(text, is_name) if len(text) <= _PROSE_CHARS else _Prose(text, is_name)
        if known is not None and prose.may_hold(known):
            spans = [*prose.spans, *known.find(text)]
        else:
            spans = prose.spans
        if not spans:
            return text
        parts: list[str] = []
        position = 0
        for start, end in _merged(spans):
            secret = text[start:end]
            original = known.originals.get(secret) if known is not None else None
            parts += text[position:start], self.mask(original or secret)
            position = end
        parts.append(text[position:])
        return "".join(parts)

    def mask(self, secret: str) -> str:
        """What is shown for one secret; percent-encoded or not it is the same."""
        self.masked += 1
        plain = unquote(secret)
        digest = hmac.new(self._key, plain.encode("utf-8", "surrogatepass"), hashlib.sha256)
        shown = plain[: min(_SHOWN_CHARS, len(plain) // 4)]
        return f"{shown}…({len(plain)} chars, {digest.hexdigest()[:_TAG_DIGITS]})"

    def _known_of(self, transaction: HttpTransaction | None) -> KnownSecrets | None:
        # Findings come transaction by transaction, so the last one's secrets are worth keeping.
        if transaction is not self._transaction:
            self._transaction = transaction
            self._known = None if transaction is None else KnownSecrets(transaction)
        return self._known

    def _value(self, value: Any, transaction: HttpTransaction | None, depth: int, name: str = "") -> Any:
        if depth > _MAX_DEPTH:
            return _TOO_DEEP
        if isinstance(value, dict):
            return {
                self.text(key, transaction, is_name=True): self._value(item, transaction, depth + 1, key)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self._value(item, transaction, depth + 1, name) for item in value]
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int) and value.bit_length() > _MAX_INT_BITS:
            return self.mask(hex(value))  # Python writes no decimal digits of such a number
        text = value if isinstance(value, str) else repr(value)
        if telling(name) is Telling.YES and text and not is_placeholder(text):
            return text if _MASK.fullmatch(text) else self.mask(text)
        masked = self.text(text, transaction)
        return value if masked == text else masked


class _Prose:
    """A text and what looks like a secret in it, to be searched for the secrets of many transactions."""

    __slots__ = ("_pieces", "_text", "_was_asked", "spans")

    def __init__(self, text: str, is_name: bool) -> None:
        self._text = text
        self._was_asked = False
        self._pieces: frozenset[str] | None = None
        self.spans = list(shaped(text, is_name=is_name))

    def may_hold(self, known: KnownSecrets) -> bool:
        """Whether a transaction's secrets have to be looked for in it, character by character."""
        if self._pieces is None:
            if not self._was_asked:
                self._was_asked = True  # most texts come once: only for the others pieces are worth it
                return True
            self._pieces = pieces_of(self._text)
        return known.may_be_in(self._text, self._pieces)


def redact_finding(finding: Finding, transaction: HttpTransaction | None, key: bytes) -> Finding:
    """The finding with its secrets masked under `key`."""
    return Redactor(key).finding(finding, transaction)


def shareable_fingerprint(finding: Finding) -> str:
    """The fingerprint of a redacted finding, the same in every run.

    The fingerprint of the original is an unkeyed hash of the whole URL, among others: whoever
    has the redacted report could try out passwords against it. This one is made of what the report
    shows anyway, without the hashes in the masks, which change with the key.
    """
    return replace(
        finding,
        url=_TAG.sub(r"\1)", finding.url),
        location=_TAG.sub(r"\1)", finding.location),
        title=_TAG.sub(r"\1)", finding.title),
        vuln_type=_TAG.sub(r"\1)", finding.vuln_type),
        method=_TAG.sub(r"\1)", finding.method),
    ).fingerprint


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if start >= end:
            continue
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
