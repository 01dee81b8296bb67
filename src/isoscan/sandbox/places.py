"""From a JavaScript error with blob URLs to the plugin's own file, line and column. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

#: The plugin writes these texts: no pattern may look at a stretch of them twice.
_FRAME_START = re.compile(r"[ \t]{1,8}at ")
_PARSER_PREFIX = re.compile(r"^(?:TypeError: )?(SyntaxError: )")


class Place(NamedTuple):
    """Where in a plugin; `line` and `column` are 1-based and of the TypeScript source."""

    file: str | None = None
    line: int | None = None
    column: int | None = None


class PluginStack(NamedTuple):
    """An error's message and stack in terms of the plugin's files."""

    message: str
    stack: str
    place: Place


def translate(name: str, message: str, stack: str, urls: Sequence[str], files: Sequence[str]) -> PluginStack:
    """Names the plugin's files instead of blob URLs and drops the host's own frames."""
    for url, file in zip(urls, files, strict=False):
        message = message.replace(url, file)
        stack = stack.replace(url, file)
    stack = "\n".join(line for line in stack.split("\n") if not _is_host_frame(line))
    place = _first_place(stack, files) or _first_place(message, files) or Place()
    text = _PARSER_PREFIX.sub(r"\1", message)
    if text.startswith("SyntaxError: "):
        text = _without_place(text)
    elif name and not text.startswith(name):
        text = f"{name}: {text}" if text else name
    return PluginStack(text, stack, place)


def _is_host_frame(line: str) -> bool:
    return ("file:///" in line or "ext:" in line) and _FRAME_START.match(line) is not None


def _without_place(text: str) -> str:
    """A parser's message without the place it ends with, as `place` has that."""
    head, found, tail = text.rpartition("at ")
    if not found or "\n" in tail or not (head == "" or head[-1].isspace()):
        return text
    return head.rstrip()


def _first_place(text: str, files: Sequence[str]) -> Place | None:
    names = "|".join(re.escape(file) for file in sorted(files, key=len, reverse=True))
    match = re.search(rf"(?<![\w/.-])({names}):(\d{{1,9}}):(\d{{1,9}})", text) if names else None
    return Place(match[1], int(match[2]), int(match[3])) if match else None
