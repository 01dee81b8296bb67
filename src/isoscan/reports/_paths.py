"""Where a finding stands, as a path and a line that other programs understand."""

from __future__ import annotations

import os
from urllib.parse import quote

from ..record import Place

_STDIN = "-"


def shown_path(source: str) -> str | None:
    """The path of a capture, relative to the working folder if it is below it; None for standard input.

    Only the text is looked at: links are not followed, and any text will do.
    """
    if source == _STDIN:
        return None
    if not source.startswith("/") and ".." not in source.split("/"):
        return "/".join(_parts(source)) or "."
    folder = _parts(os.getcwd())  # noqa: PTH109  # parts of texts, not of paths: those refuse some texts
    parts = _parts(source) if source.startswith("/") else _parts("/".join([*folder, source]))
    if len(parts) > len(folder) and parts[: len(folder)] == folder:
        return "/".join(parts[len(folder) :])
    return "/" + "/".join(parts)


def _parts(path: str) -> list[str]:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return parts


def uri(source: str) -> str:
    """A capture as a URI reference: relative to the working folder if it is below it."""
    path = shown_path(source)
    if path is None:
        return "stdin"
    try:
        quoted = quote(os.fsencode(path))
    except UnicodeEncodeError:
        quoted = quote(path, errors="replace")
    return f"file://{quoted}" if path.startswith("/") else quoted


def line_of(place: Place | None) -> int:
    """The line of a capture; 1 where entries are not lines, because readers need one."""
    return max(place.index, 1) if place is not None and place.unit == "line" else 1


def shown_place(place: Place) -> str:
    """`capture.har, entry 3`."""
    source = "standard input" if place.source == _STDIN else place.source
    return source if place.unit == "file" else f"{source}, {place.unit} {place.index}"
