"""The little Markdown that generated pages need."""

from __future__ import annotations

import html
import inspect
import re
from collections.abc import Iterable, Sequence

#: First line of every generated page.
MARK = "<!-- Written by tools/build_docs.py from the code; change that instead. -->"
_CODE_SPAN = re.compile(r"(`+[^`]*`+)")


def page(title: str, *parts: str) -> str:
    """A whole page."""
    return "\n\n".join([MARK, f"# {title}", *(part.strip("\n") for part in parts if part.strip())]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are Markdown already."""
    lines = [_row(head), "|" + "---|" * len(head)]
    lines += [_row([cell.replace("|", "\\|").replace("\n", " ") for cell in row]) for row in rows]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def code(text: object) -> str:
    """A code span. With a bar it is HTML: in a table Markdown's dialects differ on how to write one."""
    shown = str(text)
    if "|" in shown:
        return f"<code>{html.escape(shown, quote=False).replace('|', '&#124;')}</code>"
    fence = "``" if "`" in shown else "`"
    return f"{fence}{shown}{fence}" if shown else ""


def block(language: str, text: str, title: str = "") -> str:
    """A fenced block that no line of the text can end."""
    fence = "`" * max(3, max((len(run) for run in re.findall(r"`+", text)), default=0) + 1)
    name = f' title="{title}"' if title else ""
    return f"{fence}{language}{name}\n{text.rstrip()}\n{fence}"


def prose(text: str | None) -> str:
    """A docstring as Markdown: what looks like HTML or emphasis outside code spans is text."""
    if not text:
        return ""
    parts = _CODE_SPAN.split(inspect.cleandoc(text))
    return "".join(part if part.startswith("`") else _escaped(part) for part in parts)


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;").replace("*", "\\*")


def line(text: str | None) -> str:
    """A docstring's first paragraph in one line."""
    return " ".join(prose(text).split("\n\n")[0].split())


def sentence(text: str) -> str:
    """In one line, with a full stop."""
    text = " ".join(text.split())
    return text if text.endswith((".", "…", "?")) else text + "."


def slug(text: str) -> str:
    """A file name or anchor for a title."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
