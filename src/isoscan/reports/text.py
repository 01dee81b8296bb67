"""Text of unknown origin made fit for a terminal. Pure."""

from __future__ import annotations

_SHOWN = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


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


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
