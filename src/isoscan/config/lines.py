"""In which line of a TOML text each key stands, which the standard parser does not tell. Pure."""

from __future__ import annotations

import re
import tomllib

#: Where a key or an element of an array stands in the document: names and indexes from the top.
KeyPath = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?!")|'
    r"'''.*?'''(?!')|"
    r'"(?:[^"\\\n]|\\.)*"|'
    r"'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\r\n]*")


def key_lines(text: str) -> dict[KeyPath, int]:
    """Line numbers, from 1, of all tables, keys and array elements of a valid TOML text.

    The first place counts for a table that is written in several. Of a text that is no valid TOML
    anything may come out.
    """
    scan = _Scan(text)
    scan.document()
    return scan.lines


class _Scan:
    """One walk through a text that the real parser has accepted, so nothing is checked again."""

    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._text = text
        self._at = 0
        self._line = 1
        self._counted_to = 0
        #: How many tables each array of tables has so far.
        self._tables: dict[KeyPath, int] = {}

    def document(self) -> None:
        """Everything, from the first statement to the last."""
        table: KeyPath = ()
        while self._skip_blank():
            if self._text.startswith("[[", self._at):
                self._at += 2
                name = self._resolved(self._key())
                count = self._tables.get(name, 0)
                self._tables[name] = count + 1
                self._note(name)
                table = (*name, count)
                self._note(table)
                self._at += 2
            elif self._text[self._at] == "[":
                self._at += 1
                table = self._resolved(self._key())
                self._note(table)
                self._at += 1
            else:
                self._pair(table)

    def _pair(self, table: KeyPath) -> None:
        begins_at = self._at
        path = (*table, *self._key())
        self._note(path, begins_at)
        self._at += 1  # =
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        self._skip_blank()
        opening = self._text[self._at : self._at + 1]
        if opening == "{":
            self._members("}", path)
        elif opening == "[":
            self._members("]", path)
        elif match := _STRING.match(self._text, self._at) or _SCALAR.match(self._text, self._at):
            self._at = match.end()

    def _members(self, closing: str, path: KeyPath) -> None:
        """The pairs of an inline table or the elements of an array."""
        self._at += 1
        index = 0
        while self._skip_blank() and self._text[self._at] != closing:
            before = self._at
            if self._text[self._at] == ",":
                self._at += 1
            elif closing == "}":
                self._pair(path)
            else:
                self._note((*path, index))
                self._value((*path, index))
                index += 1
            if self._at == before:
                break
        self._at += 1

    def _key(self) -> KeyPath:
        """A dotted key, up to what follows it."""
        parts: list[str] = []
        while True:
            self._skip_blank()
            if match := _BARE_KEY.match(self._text, self._at):
                parts.append(match[0])
            elif match := _STRING.match(self._text, self._at):
                parts.append(tomllib.loads(f"key = {match[0]}")["key"])
            else:
                return tuple(parts)
            self._at = match.end()
            self._skip_blank()
            if self._text[self._at : self._at + 1] != ".":
                return tuple(parts)
            self._at += 1

    def _resolved(self, path: KeyPath) -> KeyPath:
        """A header's path: below an array of tables it means the last of them."""
        found: KeyPath = ()
        for depth, part in enumerate(path, 1):
            found = (*found, part)
            if depth < len(path) and found in self._tables:
                found = (*found, self._tables[found] - 1)
        return found

    def _note(self, path: KeyPath, at: int | None = None) -> None:
        line = self._line_of(self._at if at is None else at)
        for depth in range(1, len(path) + 1):
            self.lines.setdefault(path[:depth], line)

    def _line_of(self, at: int) -> int:
        """Positions come in order, so the text is gone through once."""
        self._line += self._text.count("\n", self._counted_to, at)
        self._counted_to = at
        return self._line

    def _skip_blank(self) -> bool:
        """Moves to the next character that counts; whether there is one."""
        match = _BLANK.match(self._text, self._at)
        assert match is not None
        self._at = match.end()
        return self._at < len(self._text)
