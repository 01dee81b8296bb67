"""From a JavaScript error with blob URLs to the plugin's own file, line and column. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_HOST_FRAME = re.compile(r"\n\s+at [^\n]*(?:file:///|ext:)[^\n]*")
_PARSER_PREFIX = re.compile(r"^(?:TypeError: )?(SyntaxError: )")
_AT_PLACE = re.compile(r"\n?\s*at [^\n]*$")


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
    stack = _HOST_FRAME.sub("", stack)
    place = _first_place(stack, files) or _first_place(message, files) or Place()
    text = _PARSER_PREFIX.sub(r"\1", message)
    if text.startswith("SyntaxError: "):
        text = _AT_PLACE.sub("", text)
    elif name and not text.startswith(name):
        text = f"{name}: {text}" if text else name
    return PluginStack(text, stack, place)


def _first_place(text: str, files: Sequence[str]) -> Place | None:
    names = "|".join(re.escape(file) for file in sorted(files, key=len, reverse=True))
    match = re.search(rf"(?<![\w/.-])({names}):(\d{{1,9}}):(\d{{1,9}})", text) if names else None
    return Place(match[1], int(match[2]), int(match[3])) if match else None
