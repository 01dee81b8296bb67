"""Looks at classes and functions: signatures as they are written, fields, comments on members."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any, ForwardRef

import msgspec
from msgspec import NODEFAULT, Struct

from .markdown import code

#: A comment of one or more `#:` lines and the name below it.
_MEMBER = re.compile(r"((?:^[ \t]*#: .*\n)+)[ \t]*(\w+) *[:=]", re.MULTILINE)
MIB = 1024 * 1024
_WRAPPED = (property, classmethod, staticmethod)
_STARS: dict[Any, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
#: What a default is that is another one each time, such as an id or the time.
MADE = "made when absent"


@dataclasses.dataclass(frozen=True)
class Field:
    """One field of a data class; `default` is empty where a value must be given."""

    name: str
    type: str
    default: str


def member_comments(source: type) -> dict[str, str]:
    """The `#:` comments in a class, by the name they stand above."""
    found = {}
    for match in _MEMBER.finditer(inspect.getsource(source)):
        lines = [line.strip().removeprefix("#:").strip() for line in match[1].splitlines()]
        found[match[2]] = " ".join(lines)
    return found


def annotation(value: Any) -> str:
    """A type as it stands in the source."""
    if value is inspect.Parameter.empty:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, ForwardRef):
        return value.__forward_arg__
    return value.__name__ if isinstance(value, type) else str(value).replace("typing.", "")


def shown(value: Any) -> str:
    """A default as one would write it; sizes in MiB."""
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, int) and not isinstance(value, bool) and value >= MIB and value % MIB == 0:
        return f"{value // MIB} MiB"
    if isinstance(value, int) and not isinstance(value, bool) and value >= 65_536 and value % 1024 == 0:
        return f"{value // 1024} KiB"
    return repr(value)


def signature(function: Callable[..., Any], name: str) -> str:
    """`name(a: int, *, b: str = "x") -> bool`, over several lines when it is long."""
    found = inspect.signature(function)
    parts: list[str] = []
    is_star_due = True
    for parameter in found.parameters.values():
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and is_star_due:
            parts.append("*")
        if parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL):
            is_star_due = False
        parts.append(_parameter(parameter))
    returns = annotation(found.return_annotation)
    tail = ")" + (f" -> {returns}" if returns and returns != "None" else "")
    prefix = "async " if inspect.iscoroutinefunction(function) else ""
    short = f"{prefix}{name}({', '.join(parts)}{tail}"
    if len(short) <= 90:
        return short
    return f"{prefix}{name}(\n" + "".join(f"    {part},\n" for part in parts) + tail


def _parameter(parameter: inspect.Parameter) -> str:
    stars = _STARS.get(parameter.kind, "")
    kind = annotation(parameter.annotation).replace("Unpack[ExecutorOptions]", "ExecutorOptions")
    text: str = stars + parameter.name + (f": {kind}" if kind else "")
    if parameter.default is not parameter.empty:
        text += f" = {shown(parameter.default)}" if kind else f"={shown(parameter.default)}"
    return text


def fields(data: type) -> list[Field]:
    """The fields of a struct or dataclass, in order."""
    if issubclass(data, Struct):
        return [_struct_field(data, one) for one in msgspec.structs.fields(data)]
    types = _annotations(data)
    return [
        Field(
            one.name,
            annotation(types[one.name]),
            "" if one.default is dataclasses.MISSING else shown(one.default),
        )
        for one in dataclasses.fields(data)  # type: ignore[arg-type]
        if one.name in types
    ]


def default_cell(field: Field) -> str:
    """A field's default for a table."""
    if field.default == MADE:
        return MADE
    return code(field.default) if field.default else "required"


def is_data(data: Any) -> bool:
    """Whether `fields` can tell its fields."""
    return isinstance(data, type) and (issubclass(data, Struct) or dataclasses.is_dataclass(data))


def _struct_field(data: type, one: Any) -> Field:
    default = "" if one.default is NODEFAULT else shown(one.default)
    if one.default_factory is not NODEFAULT:
        made = one.default_factory
        default = shown(made()) if made in (list, dict, tuple) or _is_counter(made) else MADE
    return Field(one.name, annotation(_annotations(data)[one.name]), default)


def _is_counter(made: Any) -> bool:
    return isinstance(made, type) and made.__name__ == "Counter"


def _annotations(data: type) -> dict[str, Any]:
    """Annotations of the class and its bases as texts; class variables and markers left out."""
    found: dict[str, Any] = {}
    for base in reversed(data.__mro__):
        found |= inspect.get_annotations(base) if base.__module__.startswith("isoscan") else {}
    return {name: kind for name, kind in found.items() if "ClassVar" not in str(kind) and kind != "KW_ONLY"}


def members(owner: type) -> Iterator[tuple[str, Any]]:
    """Public methods and properties a class defines itself, or inherits from a private one of isoscan."""
    seen = set()
    for base in owner.__mro__:
        is_own = base is owner or (base.__module__.startswith("isoscan") and base.__name__.startswith("_"))
        if not is_own:
            continue
        for name, value in vars(base).items():
            is_wanted = isinstance(value, _WRAPPED) or inspect.isfunction(value)
            if is_wanted and not name.startswith("_") and name not in seen:
                seen.add(name)
                yield name, value
