"""Which names of headers, cookies, parameters and fields stand before a secret. Pure."""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache

#: Headers whose value is a secret as a whole, behind its scheme.
CREDENTIAL_HEADERS = frozenset(("authorization", "proxy-authorization"))
COOKIE_HEADERS = frozenset(("cookie", "set-cookie"))

_NAME_CHARS = 64
_WORD = re.compile("[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_TELLING = re.compile(
    "passw(?:or)?d|passwort|passphrase|passcode|secret|token|bearer|jwt|credential|authorization|"
    "(?:api|access|auth|account|private|client|signing|encryption|master|subscription|shared)key|"
    "sess(?:ion)?id|sess(?:ion)?key|creditcard|cardn(?:o|um)"
)
_TELLING_WORDS = frozenset(("pass", "pwd", "passwd", "pin", "otp", "totp", "cvv", "cvc", "sid"))
_PERHAPS_WORDS = frozenset(("key", "code", "auth", "session", "sess", "sig", "signature", "ticket", "state"))
#: What is said *about* a secret is none: `token_type`, `password_policy`, `max_tokens`.
_ABOUT = re.compile(
    "(?:type|expiry|expires|expiresin|expiresat|length|count|url|uri|endpoint|policy|field|limit|hint|"
    "strength|required|tokens|tokenizer|tokenization|passwords|secrets)$|^(?:has|is|max|min|num|secretary)"
)
#: Their names sound like secrets and their values are none.
_HARMLESS_HEADERS = frozenset(
    (
        "sec-websocket-key",
        "surrogate-key",
        "cache-key",
        "x-cache-key",
        "idempotency-key",
        "sec-token-binding",
        "public-key-pins",
    )
)


class Telling(IntEnum):
    """How sure a name makes it that its value is a secret."""

    NO = 0
    #: `key`, `code`, `session`: the value must look like one too.
    PERHAPS = 1
    YES = 2


@lru_cache(maxsize=4096)
def _of_short_name(name: str) -> Telling:
    words = [word.lower() for word in _WORD.findall(name)]
    joined = "".join(words)
    if _ABOUT.search(joined):
        return Telling.NO
    if _TELLING.search(joined) or _TELLING_WORDS.intersection(words[-1:]):
        return Telling.YES
    if _PERHAPS_WORDS.intersection(words):
        return Telling.PERHAPS
    return Telling.NO


def telling(name: str) -> Telling:
    """Whether a parameter, cookie or field of this name holds a secret; the last 64 characters count."""
    return _of_short_name(name[-_NAME_CHARS:])


def header_telling(name: str) -> Telling:
    """Whether a header of this name holds a secret."""
    return _of_short_header(name) if len(name) <= _NAME_CHARS else _of_header(name)


@lru_cache(maxsize=4096)
def _of_short_header(name: str) -> Telling:
    return _of_header(name)


def _of_header(name: str) -> Telling:
    lower = name.lower()
    if lower in CREDENTIAL_HEADERS or lower in COOKIE_HEADERS:
        return Telling.YES
    if lower in _HARMLESS_HEADERS or lower.startswith("access-control-"):
        return Telling.NO
    return telling(name)
