"""Whether options fit the schema a plugin declares for them. Pure.

The schema is the plugin's own text, so it may be anything: what is not understood is an error, and
nothing in it can take long. It is JSON Schema as far as these keywords go: `type`, `properties`,
`required`, `additionalProperties`, `items`, `enum`, `const`, `minimum`, `maximum`, `minLength`,
`maxLength`, `minItems`, `maxItems`. One thing is stricter: keys that `properties` does not name are
wrong, unless `additionalProperties` says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..errors import ConfigError
from ..selection import did_you_mean
from .checking import Problem
from .lines import KeyPath
from .values import quoted

_MAX_DEPTH = 16
_ANNOTATIONS = frozenset({"$schema", "$id", "$comment", "title", "description", "default", "examples"})
_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "null": lambda value: value is None,
}
#: Keyword: what it bounds, and how an error says it.
_BOUNDS: dict[str, tuple[str, bool, str]] = {
    "minimum": ("number", True, "must be at least"),
    "maximum": ("number", False, "must be at most"),
    "minLength": ("string", True, "must have at least this many characters:"),
    "maxLength": ("string", False, "must have at most this many characters:"),
    "minItems": ("array", True, "must have at least this many elements:"),
    "maxItems": ("array", False, "must have at most this many elements:"),
}
_KNOWN = (
    {"type", "properties", "required", "additionalProperties", "items", "enum", "const"}
    | set(_BOUNDS)
    | _ANNOTATIONS
)


def option_problems(options: Any, schema: Any, path: KeyPath) -> Iterator[Problem]:
    """Everything that is wrong with options. Raises `ConfigError` when the schema itself is wrong."""
    yield from _problems(options, schema, path, 0)


def _problems(value: Any, schema: Any, path: KeyPath, depth: int) -> Iterator[Problem]:
    _check_schema(schema, depth)
    kinds = _kinds(schema)
    if kinds and not any(_TYPES[kind](value) for kind in kinds):
        yield Problem(path, f"is {quoted(value)}: expected {' or '.join(kinds)}")
        return
    if "enum" in schema and not any(_same(value, each) for each in _list(schema, "enum")):
        yield Problem(path, f"is {quoted(value)}: expected one of {quoted(schema['enum'])}")
    if "const" in schema and not _same(value, schema["const"]):
        yield Problem(path, f"is {quoted(value)}: expected {quoted(schema['const'])}")
    yield from _bound_problems(value, schema, path)
    if isinstance(value, dict):
        yield from _object_problems(value, schema, path, depth)
    if isinstance(value, list) and "items" in schema:
        for index, each in enumerate(value):
            yield from _problems(each, schema["items"], (*path, index), depth + 1)


def _object_problems(value: dict[str, Any], schema: Any, path: KeyPath, depth: int) -> Iterator[Problem]:
    properties = schema.get("properties", {})
    if not isinstance(properties, dict):
        raise ConfigError("properties must be an object")
    others = schema.get("additionalProperties", "properties" not in schema)
    for key in _list(schema, "required"):
        if not isinstance(key, str):
            raise ConfigError("required must be a list of names")
        if key not in value:
            yield Problem(path, f"lacks {key}")
    for key, each in value.items():
        if key in properties:
            yield from _problems(each, properties[key], (*path, key), depth + 1)
        elif others is False:
            yield Problem((*path, key), f"is no known option{did_you_mean(key, properties)}")
        elif isinstance(others, dict):
            yield from _problems(each, others, (*path, key), depth + 1)


def _bound_problems(value: Any, schema: Any, path: KeyPath) -> Iterator[Problem]:
    for keyword, (kind, is_lowest, words) in _BOUNDS.items():
        if keyword not in schema or not _TYPES[kind](value):
            continue
        bound = schema[keyword]
        if not _TYPES["number"](bound):
            raise ConfigError(f"{keyword} must be a number")
        measured = value if kind == "number" else len(value)
        if (measured < bound) if is_lowest else (measured > bound):
            yield Problem(path, f"is {quoted(value)}: {words} {bound}")


def _check_schema(schema: Any, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise ConfigError("is nested too deeply")
    if not isinstance(schema, dict):
        raise ConfigError("must be an object, and so must the schemas in it")
    for keyword in schema:
        if keyword not in _KNOWN:
            raise ConfigError(f"{quoted(keyword)} is not supported; there is {', '.join(sorted(_KNOWN))}")


def _kinds(schema: dict[str, Any]) -> list[str]:
    given = schema.get("type", [])
    kinds = [given] if isinstance(given, str) else given
    if not isinstance(kinds, list) or not all(isinstance(kind, str) and kind in _TYPES for kind in kinds):
        raise ConfigError(f"type {quoted(given)}: expected {', '.join(_TYPES)}")
    return kinds


def _list(schema: dict[str, Any], keyword: str) -> list[Any]:
    value = schema.get(keyword, [])
    if not isinstance(value, list):
        raise ConfigError(f"{keyword} must be a list")
    return value


def _same(one: Any, other: Any) -> bool:
    """As JSON compares: true is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)
