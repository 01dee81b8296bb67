"""Walks JSON text without decoding it: where members, elements and values begin and end.

The text stays where it is (bytes or a mapped file) and is read by compiled
patterns, so a value's extent costs neither a copy nor objects. The walk checks
only as much as it needs to stay in step; each value is decoded, and judged, by
whoever takes the slice.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from typing import TypeAlias

import msgspec

Buffer: TypeAlias = bytes | bytearray | mmap.mmap

# Possessive repeats throughout: they keep no state per repetition, so a string of
# 100 MB costs no memory, and nothing is ever tried twice.
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_FLAT = rb'[^"{}\[\]]*+(?:' + _STRING + rb'[^"{}\[\]]*+)*+'
# Up to and with the next bracket outside a string, over all pairs in which nothing nests: header
# lists are full of them. What follows an opening bracket is looked at twice at most. The last two
# alternatives make every search succeed where it starts, else it would be retried at each later byte.
_LEAF = rb"[{\[]" + _FLAT + rb"[}\]]"
_NEXT_BRACKET = re.compile(_FLAT + rb"(?:" + _LEAF + _FLAT + rb')*+(?:([{\[])|([}\]])|"|\Z)', re.DOTALL)
_OPENED, _CLOSED = 1, 2
_NEXT_KEY = re.compile(rb"[\s,]*+(" + _STRING + rb")\s*+:\s*+", re.DOTALL)
_SCALAR = re.compile(_STRING + rb'|[^\s,:"{}\[\]]++', re.DOTALL)
_SPACE = re.compile(rb"\s*+")
# What a text that was cut can end with: nothing, an open string, or a key without its value.
_CUT_END = re.compile(rb'(?:"[^"\\]*+(?:\\.[^"\\]*+)*+(?:\\|"[\s:]*+)?+)?+\Z', re.DOTALL)
_SEPARATORS = re.compile(rb"[\s,]*+")


class JsonDamage(Exception):
    """The text stops being JSON at byte `offset`; at the end of input it is truncated."""

    def __init__(self, offset: int, *, is_truncated: bool) -> None:
        super().__init__(offset)
        self.offset = offset
        self.is_truncated = is_truncated


class JsonCursor:
    """A place in a JSON text that moves over whole values."""

    def __init__(self, data: Buffer, position: int) -> None:
        self.data = data
        self.position = position

    def peek(self) -> bytes:
        """The byte at the position, empty at the end of input."""
        return bytes(self.data[self.position : self.position + 1])

    def skip_space(self) -> None:
        """Moves to the next byte that is not white space."""
        self.position = _end(_SPACE, self.data, self.position)

    def skip_separators(self) -> None:
        """Moves over white space and commas; how many commas is not checked."""
        self.position = _end(_SEPARATORS, self.data, self.position)

    def skip_value(self) -> None:
        """Moves behind the value that begins here, or raises `JsonDamage`."""
        if self.peek() in (b"{", b"["):
            self.position = self._end_of_brackets()
            return
        scalar = _SCALAR.match(self.data, self.position)
        if scalar is None:
            raise self.damage()
        self.position = scalar.end()

    def members(self) -> Iterator[str]:
        """The keys of the object that begins here, the position at each one's value.

        A consumer that does not move the position has the value skipped for it.
        Ends behind the closing brace.
        """
        self.position += 1
        while key := _NEXT_KEY.match(self.data, self.position):
            self.position = value_at = key.end()
            yield _key_text(key[1])
            if self.position == value_at:
                self.skip_value()
        self.skip_separators()
        if self.peek() != b"}":
            raise self.damage()
        self.position += 1

    def damage(self) -> JsonDamage:
        """The error for text that cannot go on like this at the position."""
        if _CUT_END.match(self.data, self.position):
            return JsonDamage(len(self.data), is_truncated=True)
        return JsonDamage(self.position, is_truncated=False)

    def _end_of_brackets(self) -> int:
        depth = 1  # of the value itself: behind it others may follow, which are not to be passed over
        for bracket in _NEXT_BRACKET.finditer(self.data, self.position + 1):
            kind = bracket.lastindex
            if kind == _OPENED:
                depth += 1
            elif kind == _CLOSED:
                depth -= 1
            elif kind is None:
                break
            if depth == 0:
                return bracket.end()
        raise JsonDamage(len(self.data), is_truncated=True)


def _end(pattern: re.Pattern[bytes], data: Buffer, position: int) -> int:
    match = pattern.match(data, position)
    return match.end() if match else position


def _key_text(quoted: bytes) -> str:
    try:
        return str(msgspec.json.decode(quoted, type=str))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return quoted[1:-1].decode("utf-8", "replace")
