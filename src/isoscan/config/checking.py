"""Whether a table is what the schema says, and if not, what is wrong where. Pure."""

from __future__ import annotations

import json
import re
import types
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Meta, Struct, UnsetType

from ..errors import ConfigError
from ..selection import did_you_mean
from .lines import KeyPath
from .values import quoted

_INDEX = re.compile(r"`\$\[(\d+)\]")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_KINDS: dict[Any, str] = {
    str: "a text in quotes",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    date: "a date such as 2027-01-31",
}


class Problem(Struct, frozen=True):
    """Something wrong at a key; `text` continues a sentence that begins with it."""

    path: KeyPath
    text: str

    def __str__(self) -> str:
        return f"{shown_path(self.path)} {self.text}"


def shown_path(path: KeyPath) -> str:
    """`suppressions[1].until`, with indexes from 0, keys quoted where TOML needs it."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (
                part if _BARE_KEY.fullmatch(part) else json.dumps(part, ensure_ascii=False)
            )
    return text


def problems_of(table: Any, kind: type[Struct], path: KeyPath = ()) -> Iterator[Problem]:
    """Everything that is wrong with a table that should become a struct."""
    if not isinstance(table, dict):
        yield Problem(path, f"is {_shown(table)}: expected a table")
        return
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    found = [
        Problem((*path, key), f"is no known key{did_you_mean(key, fields)}")
        for key in table
        if key not in fields
    ]
    for key, field in fields.items():
        if key in table:
            found += value_problems(table[key], field.type, (*path, key))
        elif field.default is NODEFAULT and field.default_factory is NODEFAULT:
            found.append(Problem(path, f"lacks {key}: {_meta(field.type).description}"))
    if not found:
        try:
            msgspec.convert(table, kind)
        except msgspec.ValidationError as error:
            # What the parts are is checked, so this is what the struct itself says of the whole.
            found.append(Problem(path, str(error).partition(" - at `")[0]))
    yield from found


def value_problems(value: Any, annotated: Any, path: KeyPath) -> Iterator[Problem]:
    """Everything that is wrong with one value for a field of this type."""
    meta, kind = _meta(annotated), _bare(annotated)
    if isinstance(kind, type) and issubclass(kind, Struct):
        yield from problems_of(value, kind, path)
        return
    parts = get_args(kind)
    member = parts[-1] if get_origin(kind) in (dict, list) else None
    if isinstance(member, type) and issubclass(member, Struct):
        yield from _member_problems(value, kind, member, path)
        return
    try:
        msgspec.convert(value, kind)
    except (msgspec.ValidationError, OverflowError) as error:
        yield _type_problem(value, kind, path, str(error))
        return
    yield from _check_problems(value, meta, path)


def _member_problems(value: Any, kind: Any, member: type[Struct], path: KeyPath) -> Iterator[Problem]:
    if get_origin(kind) is dict and isinstance(value, dict):
        for key, table in value.items():
            yield from problems_of(table, member, (*path, key))
    elif get_origin(kind) is list and isinstance(value, list):
        for index, table in enumerate(value):
            yield from problems_of(table, member, (*path, index))
    else:
        yield Problem(path, f"is {_shown(value)}: expected {_described(kind)}")


def _check_problems(value: Any, meta: Meta, path: KeyPath) -> Iterator[Problem]:
    check = (meta.extra or {}).get("check")
    if check is None or value is None:
        return
    try:
        check(value)
    except ConfigError as error:
        yield Problem(path, str(error))


def _type_problem(value: Any, kind: Any, path: KeyPath, error: str) -> Problem:
    index = _INDEX.search(error)
    if isinstance(value, list) and index is not None:
        position = int(index[1])
        member = get_args(kind)[0] if get_args(kind) else kind
        return Problem((*path, position), f"is {_shown(value[position])}: expected {_described(member)}")
    names = _literals(kind)
    advice = did_you_mean(value, names) if names and isinstance(value, str) else ""
    return Problem(path, f"is {_shown(value)}: expected {_described(kind)}{advice if '?' in advice else ''}")


def _meta(annotated: Any) -> Meta:
    if get_origin(annotated) is Annotated:
        for extra in get_args(annotated)[1:]:
            if isinstance(extra, Meta):
                return extra
    return Meta()


def _bare(annotated: Any) -> Any:
    """The type without its annotation, and without what stands for "not given"."""
    kind = get_args(annotated)[0] if get_origin(annotated) is Annotated else annotated
    if get_origin(kind) in (Union, types.UnionType):
        given = [part for part in get_args(kind) if part not in (type(None), UnsetType)]
        kind = given[0] if len(given) == 1 else Union[tuple(given)]  # noqa: UP007  # made at run time
    return kind


def _described(kind: Any) -> str:
    origin = get_origin(kind)
    if names := _literals(kind):
        return f"one of {', '.join(names)}"
    if origin in (Union, types.UnionType):
        return " or ".join(map(_described, get_args(kind)))
    if origin is list:
        return "a list of tables" if _is_struct(get_args(kind)[0]) else "a list"
    return _KINDS.get(kind, "a table")


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _literals(kind: Any) -> tuple[str, ...]:
    return get_args(kind) if get_origin(kind) is Literal else ()


def _shown(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f"the text {quoted(value)}"
        case int() | float():
            return f"the number {quoted(value)}"
        case list():
            return "a list"
        case dict():
            return "a table"
        case datetime() | time():
            return "a time"
        case date():
            return "a date"
    return "nothing"
