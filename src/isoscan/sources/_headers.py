"""Header lists in every shape that captures hold them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..models import Headers
from ._entry import Rejected

NAMELESS = "a header without a name was left out"
NOT_TEXT = "a header value that was not text was turned into text"


def read_headers(raw: object, notes: list[str]) -> list[tuple[str, str]]:
    """Ordered `(name, value)` pairs, duplicates kept.

    Takes a list of `{"name", "value"}` objects, a list of pairs, or an object
    whose values are text or, for repeated headers, lists of text. Raises
    `Rejected` for anything that has no single reading.
    """
    if raw is None:
        return []
    if isinstance(raw, dict):
        items: Iterable[object] = _object_items(raw)
    elif isinstance(raw, list):
        items = raw
    else:
        raise Rejected(f"headers are a {type(raw).__name__}, not a list or an object")
    pairs: list[tuple[str, str]] = []
    for item in items:
        if isinstance(item, dict):
            name, value = item.get("name"), item.get("value")
        elif isinstance(item, list | tuple) and len(item) == 2:
            name, value = item
        else:
            raise Rejected("a header is neither a name-value object nor a pair")
        if type(name) is not str or not name:
            if name not in (None, ""):
                raise Rejected(f"the name of header {len(pairs)} is a {type(name).__name__}, not text")
            notes.append(NAMELESS)
        elif type(value) is str:
            pairs.append((name, value))
        else:
            pairs.append((name, _value_text(value, len(pairs))))
            notes.append(NOT_TEXT)
    return pairs


def split_pseudo(pairs: list[tuple[str, str]]) -> tuple[Headers, dict[str, str]]:
    """Headers without HTTP/2 pseudo-headers, and those by name (`:path`).

    Several cookies that a tool joined by line feeds become several `set-cookie`
    headers again; no header value can hold a line feed.
    """
    if not any(name[0] == ":" or "\n" in value for name, value in pairs):
        return tuple(pairs), {}
    headers: list[tuple[str, str]] = []
    pseudo: dict[str, str] = {}
    for name, value in pairs:
        if name[0] == ":":
            pseudo.setdefault(name.lower(), value)
        elif "\n" in value and name.lower() == "set-cookie":
            headers.extend((name, cookie.strip()) for cookie in value.split("\n") if cookie.strip())
        else:
            headers.append((name, value))
    return tuple(headers), pseudo


def _object_items(raw: dict[object, object]) -> Iterator[tuple[object, object]]:
    for name, value in raw.items():
        if isinstance(value, list):
            for one in value:
                yield name, one
        else:
            yield name, value


def _value_text(value: object, position: int) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise Rejected(f"the value of header {position} is a {type(value).__name__}, not text")
