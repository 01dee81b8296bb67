"""Finds text that looks like a credential, wherever it stands. Pure.

The text may be hostile. Every pattern here takes linear time: runs are bounded, or fenced by a
look-behind on their own class so that no character is visited from two starting points.
"""

from __future__ import annotations

import binascii
import math
import re
from collections import Counter
from collections.abc import Iterator

from .names import COOKIE_HEADERS, CREDENTIAL_HEADERS, Telling, telling

#: Start and end of a secret in a text.
Span = tuple[int, int]

ENTROPY_CHARS = 20
_JUDGED_CHARS = 4096
_HEX_BITS = 2.8
_MIXED_BITS = 3.4

_PROVIDERS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[A-Z0-9]{16,128}"
    r"|gh[pousr]_[A-Za-z0-9]{16,255}|github_pat_\w{20,255}"
    r"|gl(?:pat|dt|rt|ptt|cbt|oas|soat|ft|imt|agent)-[\w.-]{16,255}"
    r"|xox[a-z](?:\.xox[a-z])?-[\w-]{10,255}|xapp-[\w-]{10,255}|hooks\.slack\.com/services/[\w/]{20,128}"
    r"|[sr]k_(?:live|test)_\w{10,255}|whsec_[\w+/]{16,255}"
    r"|AIza[\w-]{30,64}|GOCSPX-[\w-]{20,64}|ya29\.[\w-]{20,2048}|1//[\w-]{30,512}"
    r"|npm_[A-Za-z0-9]{20,255}|pypi-[\w-]{20,1024}|sk-[\w-]{20,255}|hf_[A-Za-z0-9]{20,64}"
    r"|SG\.[\w-]{16,32}\.[\w-]{16,64}|dckr_(?:pat|oat)_[\w-]{20,64}|do[opr]_v1_[0-9a-f]{32,64}"
    r"|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{24,64}|hv[bsr]\.[\w-]{20,512}|glsa_\w{20,64}|NRAK-[A-Z0-9]{20,64}"
    r"|key-[0-9a-f]{32}|[0-9a-f]{32}-us\d{1,2}|\d{8,10}:AA[\w-]{30,40}"
    r"|[\w~.]{3}\dQ~[\w~.-]{31,34}"
    r")"
)
_JWT = re.compile(r"(?<![\w-])eyJ[\w-]{5,16384}\.[\w-]{2,16384}(?:\.[\w-]{0,16384}){0,3}")
_PEM_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----")
_PEM_END = re.compile(r"-----END [A-Z0-9 ]{0,32}PRIVATE KEY(?: BLOCK)?-----")
_USER_INFO = re.compile(r"""://[^\s/?#@:"'<>]{0,256}:([^\s/?#"'<>]{1,512})@""")
_SCHEME_VALUE = re.compile(
    r"(?<![A-Za-z0-9])(basic|bearer|digest|token|apikey|negotiate|ntlm)"
    r"(?:[ \t]{1,4}|%20|\+)([\w.~+/-]{6,16384}={0,2})",
    re.IGNORECASE,
)
_CARD = re.compile(
    r"(?<!\d)(?=(\d{13,19}(?!\d)|\d{4}([ -])\d{4}\2\d{4}\2\d{1,7}(?!\d)|\d{4}([ -])\d{6}\3\d{4,5}(?!\d)))"
)
_ISSUER = re.compile("4|5[0-8]|2[2-7]|3[0-9]|6")
_RUN = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{20,}+={0,2}")
_HEX = re.compile("[0-9a-fA-F-]+")
_PART = re.compile("[-_]")
_KIND = re.compile("[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_ASSIGNMENT = re.compile(
    r"""(?<![\w$.-])([\w$.-]++)(?:\]|%5[Dd])?\\?["']?\s{0,4}(?:=>|[=:]|%3[AaDd])\s{0,4}"""
)
_QUOTED = {
    quote: re.compile(rf"(?:[^{quote}\\\r\n]|\\.){{1,16384}}") for quote in ('"', "'")
}  # up to the closing quote
_ESCAPED = re.compile(r"""[^"'\\\r\n]{1,16384}""")
_BARE = re.compile(r"""(?:(?!%26)[^\s"'&;,<>(){}|\\]){1,16384}""")
_LINE = re.compile(r"""[^\r\n"'<>]{1,16384}""")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z-]{2,20}[ \t]{1,4}")
_COOKIE_PAIR = re.compile(r"""["';\s]{0,4}[^\s=;:,"']{1,128}=([^;\s"']{1,8192})""")
#: `f666…e6c4`, `…`, `***`: a plugin has masked it already.
_MASKED = re.compile(r"\S{1,8}…\S{1,4}|…|[*x•]{1,64}")
_PLACEHOLDERS = frozenset(
    (
        *("true", "false", "null", "none", "nil", "undefined", "yes", "no", "on", "off"),
        *("missing", "required", "empty", "invalid", "redacted", "masked", "deleted"),
    )
)


def is_placeholder(value: str) -> bool:
    """Whether the value stands for a secret and is none itself."""
    return len(value) <= 64 and (value.lower() in _PLACEHOLDERS or _MASKED.fullmatch(value) is not None)


def shaped(text: str, *, is_name: bool = False) -> Iterator[Span]:
    """Where credentials stand in `text`, in no order, overlapping or not.

    In a name (`is_name`), such as the id of a transaction, long random text is its nature, so only
    what is known to be a credential counts.
    """
    yield from (match.span() for match in _PROVIDERS.finditer(text))
    if "eyJ" in text:
        yield from (match.span() for match in _JWT.finditer(text))
    if "PRIVATE KEY" in text:
        yield from _pem(text)
    if "://" in text:
        yield from (match.span(1) for match in _USER_INFO.finditer(text))
    yield from _schemes(text)
    yield from _cards(text)
    yield from _assigned(text)
    if not is_name:
        yield from _random(text)


def _pem(text: str) -> Iterator[Span]:
    position = 0
    while (begin := _PEM_BEGIN.search(text, position)) is not None:
        end = _PEM_END.search(text, begin.end())
        # A block that was cut off goes on to the end.
        yield begin.end(), end.start() if end else len(text)
        if end is None:
            return
        position = end.end()


def _schemes(text: str) -> Iterator[Span]:
    for match in _SCHEME_VALUE.finditer(text):
        value = match[2]
        if match[1].lower() == "basic":
            is_secret = basic_password(value) is not None
        else:
            is_secret = not value.isalpha() or (len(value) >= ENTROPY_CHARS and is_random(value))
        if is_secret:
            yield match.span(2)


def basic_password(value: str) -> str | None:
    """The password in the value of Basic authentication; None if it is no such value."""
    try:
        decoded = binascii.a2b_base64(value + "=" * (-len(value) % 4)).decode("utf-8", "replace")
    except binascii.Error:
        return None
    _, colon, password = decoded.partition(":")
    return password if colon else None


def _cards(text: str) -> Iterator[Span]:
    for match in _CARD.finditer(text):
        digits = match[1].replace(" ", "").replace("-", "")
        if _ISSUER.match(digits) and 13 <= len(digits) <= 19 and passes_luhn(digits):
            yield match.span(1)


def passes_luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others."""
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (doubled + sum(map(int, digits[-1::-2]))) % 10 == 0


def _assigned(text: str) -> Iterator[Span]:
    """`name=value`, `"name": "value"` and header lines. Never looks at a found value again."""
    position = 0
    while (match := _ASSIGNMENT.search(text, position)) is not None:
        position = match.end()
        name = match[1]
        for start, end in _values(text, name, match.start(), position):
            position = max(position, end)
            yield start, end


def _values(text: str, name: str, name_start: int, start: int) -> Iterator[Span]:
    lower = name[-32:].lower()
    if lower in COOKIE_HEADERS:
        pair = _COOKIE_PAIR.match(text, start)
        while pair is not None:
            if not is_placeholder(pair[1]):
                yield pair.span(1)
            # What follows the first pair of Set-Cookie are attributes.
            pair = _COOKIE_PAIR.match(text, pair.end()) if lower == "cookie" else None
        return
    if lower in CREDENTIAL_HEADERS:
        line = _LINE.match(text, start + (text[start : start + 1] in ('"', "'")))
        if line is not None:
            scheme = _SCHEME.match(text, line.start(), line.end())
            begin = scheme.end() if scheme else line.start()
            if not is_placeholder(text[begin : line.end()].strip()):
                yield begin, line.end()
        return
    sure = telling(name)
    # "code: 404" and "key = name" are prose; "?code=…" is a parameter.
    is_parameter = text[name_start - 1 : name_start] in ("?", "&", ";") if name_start else False
    if sure is Telling.NO or (sure is Telling.PERHAPS and not is_parameter):
        return
    value = _value(text, start)
    if value is None or is_placeholder(value[0]):
        return
    if sure is Telling.PERHAPS and not is_plausible(value[0]):
        return
    yield value[1]


def _value(text: str, start: int) -> tuple[str, Span] | None:
    opener = text[start : start + 1]
    if opener in _QUOTED:
        match = _QUOTED[opener].match(text, start + 1)
    elif opener == "\\" and text[start + 1 : start + 2] in _QUOTED:
        match = _ESCAPED.match(text, start + 2)
    else:
        match = _BARE.match(text, start)
    return None if match is None else (match[0], match.span())


def is_plausible(value: str) -> bool:
    """Whether the value of a name that only may stand before a secret is more than a word or number."""
    return len(value) >= 8 and not value.isalpha() and not value.isdecimal()


def _random(text: str) -> Iterator[Span]:
    for match in _RUN.finditer(text):
        start, end = match.span()
        if text[start - 1 : start] == "%" and start:
            start += 2  # the rest of a percent-encoded character
        run = text[start:end]
        if run.startswith(("sha256-", "sha384-", "sha512-")):
            continue  # a hash in a policy, public by purpose
        # A slash may belong to base64 or to a path: mixed segments side by side are judged together.
        group: Span | None = None
        offset = start
        for segment in run.split("/"):
            if _is_mixed(segment):
                group = (offset if group is None else group[0], offset + len(segment))
            elif group is not None:
                if is_random(text[group[0] : group[1]]):
                    yield group
                group = None
            offset += len(segment) + 1
        if group is not None and is_random(text[group[0] : group[1]]):
            yield group


def _is_mixed(text: str) -> bool:
    text = text[:_JUDGED_CHARS]
    kinds = (str.islower, str.isupper, str.isdigit)
    return len(text) > 2 and sum(any(map(kind, text)) for kind in kinds) >= 2 and not _is_slug(text)


def is_random(text: str) -> bool:
    """Whether 20 or more characters of a base64 or hexadecimal alphabet look drawn by a machine."""
    if len(text) < ENTROPY_CHARS:
        return False
    text = text[:_JUDGED_CHARS].rstrip("=")
    if not any(map(str.isalpha, text)):
        return False
    if _HEX.fullmatch(text):
        return any(map(str.isdigit, text)) and entropy(text) >= _HEX_BITS
    if _is_slug(text) or entropy(text) < _MIXED_BITS:
        return False
    # A name of several words has parts of some length; random text changes its kind all the time.
    parts = _KIND.findall(text)
    if len(parts) * 3 > len(text):
        return True
    is_one_case = text.upper() == text or text.lower() == text
    return is_one_case and len(parts) * 6 > len(text) and sum(map(str.isdecimal, parts)) >= 3


def _is_slug(text: str) -> bool:
    """Words, numbers and `Capitalised` parts between hyphens or underscores, none of them mixed."""
    return all(
        (part.isdecimal() and len(part) <= 8)
        or (part.isalpha() and (part.islower() or part.isupper() or part.istitle()) and len(part) <= 24)
        for part in _PART.split(text)
        if part
    )


def entropy(text: str) -> float:
    """Shannon entropy in bits per character."""
    length = len(text)
    return -sum(count / length * math.log2(count / length) for count in Counter(text).values())
