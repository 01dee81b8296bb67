"""Tells by its content what an input is, and refuses what it cannot be."""

from __future__ import annotations

import itertools
import re
from enum import StrEnum

import msgspec

from ._document import Document
from ._entry import printable
from ._json_scan import JsonCursor, JsonDamage

_HEAD_BYTES = 4096
_PROBE_LINES = 100
_KEYS_SHOWN = 8
_KEY_SHOWN_CHARS = 40
_OBJECT_LINE = re.compile(rb"^[^\S\n]*+(\{[^\n]*+)", re.MULTILINE)
_HAR_EXPORT = "export a HAR file instead"

# Content of known kinds that are not read, by how it begins, each with what to do.
_REFUSED: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL | re.IGNORECASE), text)
    for pattern, text in (
        (
            rb"(?:/\*.{0,200}?\*/\s*)?[a-z_$][\w$.]*\s*\(\s*[{\[]",
            "is JSONP, not JSON; remove the function call around it",
        ),
        (
            rb"(?:<\?xml.{0,200}?\?>\s*)?(?:<!DOCTYPE\s+items\b.*|<items\s[^>]*burpVersion)",
            f"is Burp XML, which is not supported yet; {_HAR_EXPORT}",
        ),
        (
            rb"(?:<\?xml.{0,200}?\?>\s*)?<(?:\?charles\b|charles-session)",
            f"is a Charles session, which is not supported; {_HAR_EXPORT}",
        ),
        (
            rb"(?:<!--.{0,1000}?-->\s*)?<(?:!doctype\s+html|html|head|body)\b",
            "is an HTML page, not a capture",
        ),
        (rb"<", "is XML or HTML, not a capture"),
        (
            rb"\d{1,12}:\d{1,12}:[a-z_]+[;,]",
            "is a mitmproxy dump, which is not supported yet;"
            " convert it with mitmdump -n -r FILE --set hardump=OUT.har",
        ),
        (rb"WARC/\d", f"is a WARC archive, which is not supported yet; {_HAR_EXPORT}"),
        (rb"%PDF-", "is a PDF document, not a capture"),
        (rb"PK\x03\x04", "is a ZIP archive; unpack it and name the HAR files in it"),
        (
            rb"\xd4\xc3\xb2\xa1|\xa1\xb2\xc3\xd4|\x4d\x3c\xb2\xa1|\n\r\r\n.{4}(?:\x1a\x2b\x3c\x4d|\x4d\x3c\x2b\x1a)",
            f"is a packet capture, not HTTP traffic; {_HAR_EXPORT}",
        ),
        (
            rb"(?:BZh\d|\xfd7zXZ\x00|\x28\xb5\x2f\xfd)",
            "is compressed; decompress it first (only gzip is read as it is)",
        ),
    )
)
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


class Format(StrEnum):
    """The formats that are read."""

    HAR = "har"
    JSONL = "jsonl"


class _LineProbe(msgspec.Struct):
    request: msgspec.Raw


def recognise(document: Document) -> Format:
    """The format of an input. Raises `InputError` that says what it is instead."""
    cursor = JsonCursor(document.data, document.start)
    # A pcapng file begins with a line feed, so magic numbers are looked up before and after white space.
    refuse_known(document, document.start)
    cursor.skip_space()
    first = cursor.peek()
    if first == b"":
        raise document.error("is empty; there is no capture in it")
    if first == b"[":
        return _recognise_list(document, cursor)
    if first == b"{":
        return _recognise_object(document, cursor)
    refuse_known(document, cursor.position)
    if _has_transaction_line(document):
        return Format.JSONL
    kind = "binary data" if _BINARY.search(document.data[:_HEAD_BYTES]) else "text"
    raise document.error(f"is {kind}, neither a HAR file nor JSON Lines of transactions")


def refuse_known(document: Document, position: int) -> None:
    """Raises `InputError` if a known other format begins at `position`."""
    head = bytes(document.data[position : position + _HEAD_BYTES])
    for pattern, text in _REFUSED:
        if pattern.match(head):
            raise document.error(text)


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
                return Format.JSONL
            keys.append(key)
    except JsonDamage as error:
        damage = error
    # The first line of JSON Lines may be the bad one.
    if _has_transaction_line(document):
        return Format.JSONL
    if damage is not None:
        what = "truncated" if damage.is_truncated else "damaged"
        raise document.error(f"JSON is {what} at {document.byte(damage.offset)}, before any entry")
    raise document.error(
        f"is JSON but no HAR file: the object {_keys_text(keys)}, but no object log or request"
    )


def _recognise_list(document: Document, cursor: JsonCursor) -> Format:
    cursor.position += 1
    cursor.skip_space()
    first = cursor.peek()
    if first == b"]":
        return Format.HAR
    if first != b"{":
        raise document.error("is a JSON list, but not of HAR entries")
    keys: list[str] = []
    try:
        for key in cursor.members():
            if key in ("request", "response", "startedDateTime"):
                return Format.HAR
            keys.append(key)
    except JsonDamage as damage:
        raise document.error(f"JSON is damaged at {document.byte(damage.offset)}, before any entry") from None
    raise document.error(
        f"is a JSON list, but not of HAR entries: the first one {_keys_text(keys)}, but no request"
    )


def _keys_text(keys: list[str]) -> str:
    if not keys:
        return "has no keys"
    shown = [printable(key, _KEY_SHOWN_CHARS) for key in keys[:_KEYS_SHOWN]]
    return f"has {', '.join(shown)}{', …' if len(keys) > _KEYS_SHOWN else ''}"


def _has_transaction_line(document: Document) -> bool:
    text = memoryview(document.data)
    lines = _OBJECT_LINE.finditer(document.data, document.start)
    return any(_is_transaction(text[slice(*line.span(1))]) for line in itertools.islice(lines, _PROBE_LINES))


def _is_transaction(line: memoryview) -> bool:
    try:
        msgspec.json.decode(line, type=_LineProbe)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
