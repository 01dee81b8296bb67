"""Parses a JavaScript regular expression as far as its backtracking needs it. Pure.

Sets of characters are sorted ranges of code points. What does not matter for how long a match takes
(captures, names, case) is dropped; `\\p{…}` counts as all letters. A pattern this parser
does not understand raises `RegexSyntaxError`; whether it is valid is V8's to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

from msgspec import Struct

Ranges = tuple[tuple[int, int], ...]

_MAX_CODE = 0x10FFFF
DIGITS: Ranges = ((0x30, 0x39),)
WORD: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
SPACE: Ranges = ((9, 13), (0x20, 0x20), (0xA0, 0xA0), (0x2028, 0x2029), (0xFEFF, 0xFEFF))
LINE_ENDS: Ranges = ((10, 10), (13, 13), (0x2028, 0x2029))
_LETTERS: Ranges = ((0x41, 0x5A), (0x61, 0x7A), (0xC0, 0x24F))
_ANY: Ranges = ((0, _MAX_CODE),)
_ESCAPES = {"n": 10, "r": 13, "t": 9, "v": 11, "f": 12, "0": 0}
_MAX_DEPTH = 100


class RegexSyntaxError(ValueError):
    """The pattern is beyond this parser."""


class Chars(Struct, frozen=True):
    """One character out of a set."""

    ranges: Ranges


class Empty(Struct, frozen=True):
    """Matches without taking a character: anchors, borders, backreferences."""


class Sequence(Struct, frozen=True):
    """One part after the other."""

    parts: tuple[Node, ...]


class Choice(Struct, frozen=True):
    """One of several branches."""

    branches: tuple[Node, ...]


class Repeat(Struct, frozen=True):
    """A part several times; `most` is None without an upper bound."""

    body: Node
    least: int
    most: int | None


class Look(Struct, frozen=True):
    """What stands ahead or behind and is not taken."""

    body: Node
    is_negative: bool


Node = Chars | Empty | Sequence | Choice | Repeat | Look


def inverted(ranges: Ranges) -> Ranges:
    """All characters outside of a set."""
    found: list[tuple[int, int]] = []
    following = 0
    for low, high in ranges:
        if low > following:
            found.append((following, low - 1))
        following = max(following, high + 1)
    if following <= _MAX_CODE:
        found.append((following, _MAX_CODE))
    return tuple(found)


def united(ranges: Iterator[tuple[int, int]] | Ranges | list[tuple[int, int]]) -> Ranges:
    """Sorted ranges without overlap."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return tuple(found)


def parse_regex(pattern: str, flags: str = "") -> Node:
    """The tree of a pattern; raises `RegexSyntaxError`."""
    return _Parser(pattern, flags).parse()


class _Parser:
    def __init__(self, pattern: str, flags: str) -> None:
        self._text = pattern
        self._at = 0
        self._depth = 0
        self._is_dot_all = "s" in flags
        self._ignores_case = "i" in flags
        self._is_set_mode = "v" in flags

    def parse(self) -> Node:
        node = self._choice()
        if self._at < len(self._text):
            self._fail("unexpected )")
        return node

    def _fail(self, what: str) -> NoReturn:
        raise RegexSyntaxError(f"{what} at character {self._at + 1}")

    def _peek(self, length: int = 1) -> str:
        return self._text[self._at : self._at + length]

    def _take(self, text: str) -> bool:
        if self._text.startswith(text, self._at):
            self._at += len(text)
            return True
        return False

    def _next(self) -> str:
        if self._at >= len(self._text):
            self._fail("the pattern ends too early")
        self._at += 1
        return self._text[self._at - 1]

    def _choice(self) -> Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            self._fail("nested too deeply")
        branches = [self._sequence()]
        while self._take("|"):
            branches.append(self._sequence())
        self._depth -= 1
        return branches[0] if len(branches) == 1 else Choice(tuple(branches))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._quantified(self._atom()))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _quantified(self, node: Node) -> Node:
        least: int
        most: int | None
        if self._take("*"):
            least, most = 0, None
        elif self._take("+"):
            least, most = 1, None
        elif self._take("?"):
            least, most = 0, 1
        elif self._peek() == "{" and (bounds := self._bounds()) is not None:
            least, most = bounds
        else:
            return node
        self._take("?")
        return Repeat(node, least, most)

    def _bounds(self) -> tuple[int, int | None] | None:
        end = self._text.find("}", self._at)
        low, comma, high = self._text[self._at + 1 : end].partition(",")
        if end < 0 or not low.isdecimal() or (high and not high.isdecimal()):
            return None
        self._at = end + 1
        least = min(int(low), 100_000)
        if not comma:
            return least, least
        return least, min(int(high), 100_000) if high else None

    def _atom(self) -> Node:
        char = self._next()
        if char == "(":
            return self._group()
        if char == "[":
            return Chars(self._class())
        if char == "\\":
            return self._escape()
        if char in "^$":
            return Empty()
        if char == ".":
            return Chars(_ANY if self._is_dot_all else inverted(LINE_ENDS))
        return self._char(ord(char))

    def _char(self, code: int) -> Chars:
        return Chars(self._cased(((code, code),)))

    def _cased(self, ranges: Ranges) -> Ranges:
        if not self._ignores_case:
            return ranges
        found = list(ranges)
        for low, high in ranges:
            for first, last, shift in ((0x41, 0x5A, 32), (0x61, 0x7A, -32)):
                start, stop = max(low, first), min(high, last)
                if start <= stop:
                    found.append((start + shift, stop + shift))
        return united(found)

    def _group(self) -> Node:
        look: bool | None = None
        if self._take("?:"):
            pass
        elif self._take("?=") or self._take("?<="):
            look = False
        elif self._take("?!") or self._take("?<!"):
            look = True
        elif self._take("?<"):
            if (end := self._text.find(">", self._at)) < 0:
                self._fail("a group's name does not end")
            self._at = end + 1
        elif self._take("?"):
            # Flags for a group: (?i:…). They change little of how long a match takes.
            if (end := self._text.find(":", self._at)) < 0:
                self._fail("an unknown kind of group")
            self._at = end + 1
        body = self._choice()
        if not self._take(")"):
            self._fail("a group does not end")
        return body if look is None else Look(body, look)

    def _escape(self) -> Node:
        char = self._next()
        if char in "bB":
            return Empty()
        if char == "k" and self._peek() == "<":
            self._at = self._text.find(">", self._at) + 1 or len(self._text)
            return Empty()
        if char in "123456789":
            while self._peek().isdecimal():
                self._at += 1
            return Empty()
        ranges = self._escaped_set(char)
        return Chars(ranges) if ranges is not None else self._char(self._escaped_code(char))

    def _escaped_set(self, char: str) -> Ranges | None:
        sets = {"d": DIGITS, "w": WORD, "s": SPACE}
        if char.lower() in sets:
            ranges = sets[char.lower()]
            return ranges if char.islower() else inverted(ranges)
        if char in "pP" and self._peek() == "{":
            self._at = self._text.find("}", self._at) + 1 or len(self._text)
            return _LETTERS if char == "p" else inverted(_LETTERS)
        return None

    def _escaped_code(self, char: str) -> int:
        if char in _ESCAPES:
            return _ESCAPES[char]
        if char == "c" and self._peek().isalpha():
            return ord(self._next()) % 32
        digits = ""
        if char == "x":
            digits = self._peek(2)
        elif char == "u" and self._peek() == "{":
            digits = self._text[self._at + 1 : self._text.find("}", self._at)]
        elif char == "u":
            digits = self._peek(4)
        try:
            code = int(digits, 16) if digits else ord(char)
        except ValueError:
            return ord(char)
        if digits:
            self._at += len(digits) + (2 if self._peek() == "{" else 0)
        return min(code, _MAX_CODE)

    def _class(self) -> Ranges:
        is_inverted = self._take("^")
        found: list[tuple[int, int]] = []
        while not self._take("]"):
            if self._is_set_mode and (self._peek(2) in ("--", "&&") or self._peek() == "["):
                self._fail("set operations in a class are not understood")
            ranges = self._member()
            single = ranges[0][0] if len(ranges) == 1 and ranges[0][0] == ranges[0][1] else None
            if single is not None and self._peek() == "-" and self._peek(2) not in ("-]", "-"):
                self._at += 1
                upper = self._member()
                if len(upper) == 1 and upper[0][0] == upper[0][1] and upper[0][0] >= single:
                    ranges = ((single, upper[0][0]),)
                else:
                    ranges = (*ranges, (0x2D, 0x2D), *upper)
            found += ranges
        ranges = self._cased(united(found))
        return inverted(ranges) if is_inverted else ranges

    def _member(self) -> Ranges:
        char = self._next()
        if char != "\\":
            return ((ord(char), ord(char)),)
        char = self._next()
        ranges = self._escaped_set(char)
        if ranges is not None:
            return ranges
        code = 8 if char == "b" else self._escaped_code(char)
        return ((code, code),)
