"""What the texts of options stand for: sizes, permissions, JSON. Pure.

The errors continue a sentence that begins with the name of the option: `--memory` + `is …`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from ..errors import ConfigError
from ..models import MIB, Limits
from ..permissions import Permissions

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)i?b?", re.IGNORECASE)
_FACTORS = {"": 1, "k": 1024, "m": MIB, "g": 1024 * MIB, "t": MIB * MIB}
_MAX_SIZE_BYTES = 1 << 50
_MAX_SAFE_INTEGER = (1 << 53) - 1
_MAX_DEPTH = 64
MAX_WORKERS = 1024
_SHOWN_CHARS = 60


def quoted(value: object) -> str:
    """A value as an error shows it: quoted, and not a screenful of it."""
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARS else f"{text[: _SHOWN_CHARS - 1]}…"


def size_bytes(text: str) -> int:
    """Bytes from `512MB`, `1.5GiB` or a plain number; units are powers of 1024."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ConfigError(f"is {quoted(text)}: that is not a size; write for example 256MB or 1GB")
    bytes_ = float(match[1]) * _FACTORS[match[2].lower()]
    if bytes_ >= _MAX_SIZE_BYTES:
        raise ConfigError(f"is {quoted(text)}: that is more than any machine has")
    return int(bytes_)


def limit(**value: Any) -> Limits:
    """Limits with one value of its own, to try it out."""
    try:
        return Limits(**value)
    except ConfigError as error:
        name = next(iter(value))
        raise ConfigError(str(error).removeprefix(f"Limits.{name} ")) from error


def memory_bytes(text: str) -> int:
    """A size that is possible as the memory of a plugin."""
    bytes_ = size_bytes(text)
    limit(memory_bytes=bytes_)
    return bytes_


def workers(count: int) -> int:
    """A number of processes to spread plugins over."""
    if not 1 <= count <= MAX_WORKERS:
        raise ConfigError(f"is {count}: must be between 1 and {MAX_WORKERS}")
    return count


def permissions(words: Iterable[str]) -> Permissions:
    """Permissions from `net=host:port`, `read=path` and `wasm`, each given once for each of its values."""
    net: list[str] = []
    read: list[str] = []
    wasm = False
    for word in words:
        name, mark, value = word.partition("=")
        if name == "net" and mark:
            net.append(value)
        elif name == "read" and mark:
            read.append(value)
        elif word == "wasm":
            wasm = True
        else:
            raise ConfigError(
                f"has {quoted(word)}: that is no permission; write net=HOST:PORT, read=PATH or wasm"
            )
    try:
        return Permissions(net=tuple(net), read=tuple(read), wasm=wasm)
    except ConfigError as error:
        raise ConfigError(str(error).removeprefix("Permissions.")) from error


def json_value(value: object, depth: int = 0) -> None:
    """Checks that JavaScript gets what is written: no dates, no numbers it does not have."""
    match value:
        case str() | bool():
            return
        case int() if abs(value) > _MAX_SAFE_INTEGER:
            raise ConfigError(f"has {quoted(value)}: JavaScript does not have this number; write it as text")
        case float() if not math.isfinite(value):
            raise ConfigError(f"has {value}: options are handed on as JSON, which does not have it")
        case int() | float():
            return
        case dict() | list() if depth > _MAX_DEPTH:
            raise ConfigError("is nested too deeply")
        case dict():
            for each in value.values():
                json_value(each, depth + 1)
        case list():
            for each in value:
                json_value(each, depth + 1)
        case _:
            raise ConfigError(f"has a date or time, {value}: options are handed on as JSON; write it as text")
