"""Text of unknown origin made fit for a terminal. Pure."""

from __future__ import annotations

_SHOWN = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_TAB = "    "


def printable(text: str, limit_chars: int | None = None) -> str:
    """Control characters, escapes and lone surrogates written out; cut with `…` at the limit.

    Findings quote captured traffic, and whoever wrote that must not get to
    write to the reader's terminal.
    """
    if limit_chars is not None and len(text) > limit_chars:
        text = text[: limit_chars - 1] + "…"
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _SHOWN.get(char, _escaped(char)) for char in text)


def printable_lines(text: str, limit_chars: int | None = None) -> str:
    """As `printable`, but lines stay lines, ended by a line feed, and a tab becomes four spaces."""
    if limit_chars is not None and len(text) > limit_chars:
        text = text[: limit_chars - 1] + "…"
    lines = text.replace("\r\n", "\n").replace("\t", _TAB).split("\n")
    return "\n".join(map(printable, lines))


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """`1 finding`, `1,200 findings`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
