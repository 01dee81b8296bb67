"""Decodes one JSON value into a typed struct, with a second, tolerant try.

The fast decoder is strict. Captures are not: tools cut UTF-8 in the middle, write
unpaired surrogates, NaN, raw control characters or numbers beyond every range.
None of that is a reason to lose a transaction, so it is read and noted.
"""

from __future__ import annotations

import json
import re
from typing import Generic, TypeVar

import msgspec

from ._entry import NotJson, Rejected

T = TypeVar("T")

INVALID_UTF8 = "invalid UTF-8 was replaced by U+FFFD"
UNPAIRED_SURROGATES = "unpaired surrogates were replaced by U+FFFD"
_SURROGATE = re.compile("[\ud800-\udfff]")


class NestedTooDeeply(Rejected):
    """A value that nobody decodes; so nothing is known of where it ends."""

    def __init__(self) -> None:
        super().__init__("nested too deeply")


class TolerantDecoder(Generic[T]):
    """Decodes JSON into one struct type; raises `Rejected` and nothing else."""

    def __init__(self, type_: type[T]) -> None:
        self._type = type_
        self._decoder = msgspec.json.Decoder(type_, strict=False)

    def decode(self, raw: memoryview, notes: list[str]) -> T:
        """The decoded value; what had to be replaced is added to `notes`."""
        try:
            return self._decoder.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass  # the tolerant decoder below accepts it or says what is wrong
        except RecursionError:
            raise NestedTooDeeply from None
        try:
            value = _loads(raw, notes)
            return msgspec.convert(value, self._type, strict=False)
        except msgspec.ValidationError as error:
            # The text names types and field names only, never values.
            raise Rejected(f"not shaped like a transaction: {error}") from None
        except json.JSONDecodeError as error:
            raise NotJson(f"not valid JSON at its character {error.pos}") from None
        except RecursionError:
            raise NestedTooDeeply from None


def _loads(raw: memoryview, notes: list[str]) -> object:
    try:
        text = str(raw, "utf-8")
    except UnicodeDecodeError:
        text = str(raw, "utf-8", "replace")
        notes.append(INVALID_UTF8)
    value = json.loads(text, strict=False, parse_int=_number, parse_constant=lambda _: None)
    cleaned, found = _without_surrogates(value)
    if found:
        notes.append(UNPAIRED_SURROGATES)
    return cleaned


def _number(digits: str) -> int | float:
    # int() refuses very long texts, and beyond 64 bits nobody needs the last digit.
    return int(digits) if len(digits) < 19 else float(digits)


def _without_surrogates(value: object) -> tuple[object, bool]:
    if isinstance(value, str):
        if _SURROGATE.search(value) is None:
            return value, False
        return _SURROGATE.sub("\ufffd", value), True
    if isinstance(value, list):
        pairs = [_without_surrogates(item) for item in value]
        return [item for item, _ in pairs], any(found for _, found in pairs)
    if isinstance(value, dict):
        keys = [_without_surrogates(key) for key in value]
        values = [_without_surrogates(item) for item in value.values()]
        cleaned = {key: item for (key, _), (item, _) in zip(keys, values, strict=True)}
        return cleaned, any(found for _, found in keys + values)
    return value, False
