"""Tells by its content what an input is, and refuses what it cannot be."""

from __future__ import annotations

import itertools
import re
from enum import StrEnum

import msgspec

from ..errors import InputError
from ._document import Document
from ._entry import printable
from ._json_scan import JsonCursor, JsonDamage
from ._preamble import PREAMBLE
from ._refused import REFUSED

_HEAD_BYTES = 64 * 1024
_PROBE_LINES = 100
_KEYS_SHOWN = 8
_KEY_SHOWN_CHARS = 40
_OBJECT_LINE = re.compile(rb"^[^\S\n]*+(\{[^\n]*+)", re.MULTILINE)
_RAW_REQUEST_TEXT = re.compile(rb'"[A-Z][A-Z\-]{1,30} [^" ]+ HTTP/')
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


_XML = rb"(?:<\?xml.{0,200}?\?>\s*)?"
_REQUEST_LINE = rb"[A-Z][A-Z\-]{1,30} \S+ HTTP/\d(?:\.\d)?[ \t]*\r?\n"
_TAR_MAGIC_AT = 257
_BROTLI_SUFFIX = ".br"


class Format(StrEnum):
    """The formats that are read, each by the module of its name."""

    HAR = "har"
    JSONL = "jsonl"
    PROXIFY = "proxify"
    HTTPX = "httpx"
    KATANA = "katana"
    CAIDO = "caido"
    MITMPROXY = "mitmproxy"
    BURP = "burp"
    WARC = "warc"
    RAW = "raw"
    ZIP = "zip"
    TAR = "tar"


# What is no JSON, by how it begins. Looked for where the content begins and behind its white space.
_BEGINNINGS: tuple[tuple[re.Pattern[bytes], Format], ...] = tuple(
    (re.compile(pattern, re.DOTALL | flags), format_)
    for pattern, flags, format_ in (
        (
            _XML + rb"(?:<!DOCTYPE\s+items\b|<items\s[^>]*burpVersion)",
            re.IGNORECASE,
            Format.BURP,
        ),
        (rb"\d{1,12}:\d{1,12}:[a-z_]+[;,]", 0, Format.MITMPROXY),
        (rb"WARC/\d", 0, Format.WARC),
        # The skippable frame in which a Zstandard WARC file brings its dictionary.
        (rb"\x5d\x2a\x4d\x18", 0, Format.WARC),
        (rb"PK\x03\x04", 0, Format.ZIP),
        (PREAMBLE.pattern + _REQUEST_LINE, 0, Format.RAW),
    )
)


class _LineProbe(msgspec.Struct):
    request: msgspec.Raw


class _RequestProbe(msgspec.Struct):
    method: msgspec.Raw = msgspec.Raw()
    raw: msgspec.Raw = msgspec.Raw()
    header: msgspec.Raw = msgspec.Raw()
    endpoint: msgspec.Raw = msgspec.Raw()


def recognise(document: Document) -> Format:
    """The format of an input. Raises `InputError` that says what it is instead."""
    if document.is_packed_warc:
        return Format.WARC
    cursor = JsonCursor(document.data, document.start)
    # A pcapng file begins with a line feed, so magic numbers are looked up before and after white space.
    known = _known(document, document.start)
    if known is not None:
        return known
    cursor.skip_space()
    first = cursor.peek()
    if first == b"":
        what = "nothing of it can be read" if document.damage else "is empty; there is no capture in it"
        raise document.refusal(what)
    if first == b"[":
        return _recognise_list(document, cursor)
    if first == b"{":
        return _recognise_object(document, cursor)
    known = _known(document, cursor.position) or _line_format(document)
    if known is not None:
        return known
    if document.source.lower().endswith(_BROTLI_SUFFIX):
        raise document.refusal("may be Brotli, which has no mark to be known by; unpack it first (brotli -d)")
    kind = "binary data" if _BINARY.search(document.data[:_HEAD_BYTES]) else "text"
    raise document.refusal(f"is {kind} of no known capture format; docs/inputs.md lists what is read")


def _known(document: Document, position: int) -> Format | None:
    """The format that begins at `position`. Raises `InputError` if it is one that is not read."""
    head = bytes(document.data[position : position + _HEAD_BYTES])
    for pattern, format_ in _BEGINNINGS:
        if pattern.match(head):
            return format_
    if head[_TAR_MAGIC_AT : _TAR_MAGIC_AT + 5] == b"ustar":
        return Format.TAR
    for pattern, text in REFUSED:
        if pattern.match(head):
            raise document.refusal(text)
    return None


def _recognise_object(document: Document, cursor: JsonCursor) -> Format:
    keys: list[str] = []
    damage: JsonDamage | None = None
    start = cursor.position
    try:
        for key in cursor.members():
            following = cursor.peek()
            if (key == "log" and following == b"{") or (key == "entries" and following == b"["):
                return Format.HAR
            if key in ("request", "response") and following == b"{":
                if document.data.find(b"\n", start, cursor.position) >= 0:
                    raise document.error(
                        "is a transaction over several lines; JSON Lines needs one on each (jq -c . does it)"
                    )
                return _line_format(document) or Format.JSONL
            keys.append(key)
    except JsonDamage as error:
        damage = error
    # The first line of JSON Lines may be the bad one.
    lines = _line_format(document)
    if lines is not None:
        return lines
    if damage is not None:
        raise _damaged(document, damage)
    if "url" in keys and "status_code" in keys:
        raise document.refusal("is output of httpx without its traffic; run httpx with -json -irr")
    raise document.refusal(
        f"is JSON but no HAR file: the object {_keys_text(keys)}, but no object log or request"
    )


def _recognise_list(document: Document, cursor: JsonCursor) -> Format:
    cursor.position += 1
    cursor.skip_space()
    first = cursor.peek()
    if first == b"]":
        return Format.HAR
    if first != b"{":
        raise document.refusal("is a JSON list, but not of HAR entries")
    keys: list[str] = []
    try:
        for key in cursor.members():
            if key in ("request", "startedDateTime"):
                return Format.HAR
            keys.append(key)
    except JsonDamage as damage:
        raise _damaged(document, damage) from None
    if {"host", "is_tls"} <= set(keys):
        return Format.CAIDO
    if "response" in keys:
        return Format.HAR
    raise document.refusal(
        f"is a JSON list, but not of HAR entries: the first one {_keys_text(keys)}, but no request"
    )


def _damaged(document: Document, damage: JsonDamage) -> InputError:
    what = "truncated" if damage.is_truncated else "damaged"
    return document.error(f"JSON is {what} at {document.byte(damage.offset)}, before any entry")


def _keys_text(keys: list[str]) -> str:
    if not keys:
        return "has no keys"
    shown = [printable(key, _KEY_SHOWN_CHARS) for key in keys[:_KEYS_SHOWN]]
    return f"has {', '.join(shown)}{', …' if len(keys) > _KEYS_SHOWN else ''}"


def _line_format(document: Document) -> Format | None:
    """The format of the first line that holds a transaction; the very first line may be a bad one."""
    text = memoryview(document.data)
    lines = _OBJECT_LINE.finditer(document.data, document.start)
    for line in itertools.islice(lines, _PROBE_LINES):
        format_ = _format_of_line(text[slice(*line.span(1))])
        if format_ is not None:
            return format_
    return None


def _format_of_line(line: memoryview) -> Format | None:
    try:
        request = msgspec.json.decode(line, type=_LineProbe).request
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if _RAW_REQUEST_TEXT.match(request):
        return Format.HTTPX
    try:
        probe = msgspec.json.decode(request, type=_RequestProbe)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Format.JSONL
    if bytes(probe.endpoint):
        return Format.KATANA
    is_proxify = not bytes(probe.method) and (bytes(probe.raw) or bytes(probe.header))
    return Format.PROXIFY if is_proxify else Format.JSONL
