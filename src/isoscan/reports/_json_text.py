"""JSON that every parser reads and that does nothing when it is shown. Pure."""

from __future__ import annotations

import re
from typing import Any

import msgspec

#: Characters JSON allows raw but that act on a terminal or an editor: DEL, C1, bidirectional marks.
_ACTING = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def escape_acting(json_text: str) -> str:
    """JSON with the characters that act written as escapes; it decodes to the same."""
    return _ACTING.sub(lambda match: f"\\u{ord(match[0]):04x}", json_text)


def json_bytes(value: Any) -> bytes:
    """One JSON value as UTF-8. Lone surrogates, which strict parsers refuse, become U+FFFD."""
    try:
        encoded = msgspec.json.encode(value)
    except UnicodeEncodeError:
        encoded = msgspec.json.encode(_without_surrogates(msgspec.to_builtins(value)))
    return escape_acting(encoded.decode()).encode()


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_surrogates(item) for item in value]
    return value
