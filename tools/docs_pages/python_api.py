"""Pages of the Python API: every name of `isoscan.__all__`, grouped as it is there."""

from __future__ import annotations

import ast
import enum
import inspect
import re
from pathlib import Path
from typing import Any

import isoscan
import isoscan.sync
from isoscan._options import ExecutorOptions, Settings

from .inspection import annotation, default_cell, fields, is_data, member_comments, members, shown, signature
from .markdown import block, code, line, page, prose, slug, table

FOLDER = "reference/python"
_COMMENT = re.compile(r"\s*# (.+)")
#: Where the fields of a class are explained.
_EXPLAINED = {
    "ExecutorStats": "../statistics.md#executorstats",
    "PoolStats": "../statistics.md#poolstats",
    "RestartReport": "../statistics.md#restartreport",
    "Limits": "../limits.md",
    "Event": "../events.md",
}
_NAME = re.compile(r'\s*"(\w+)",')


def groups() -> dict[str, list[str]]:
    """The names of `isoscan.__all__` by the comments between them."""
    source = Path(isoscan.__file__).read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    names: list[str] = []
    for text in source[source.index("__all__") :].splitlines():
        if comment := _COMMENT.fullmatch(text):
            names = found.setdefault(comment[1], [])
        elif name := _NAME.fullmatch(text):
            names.append(name[1])
    assert sorted(name for group in found.values() for name in group) == sorted(isoscan.__all__)
    return found


def pages() -> dict[str, str]:
    """Path below `docs/` → text."""
    made = {}
    overview = [prose(isoscan.__doc__)]
    for title, names in groups().items():
        path = f"{slug(title)}.md"
        heading = title[:1].upper() + title[1:]
        parts = [_entry(name, getattr(isoscan, name)) for name in names]
        if title == "running plugins":
            parts.append(_options())
        made[f"{FOLDER}/{path}"] = page(heading, "`from isoscan import …`", *parts)
        rows = [(f"[`{name}`]({path}#{slug_of(name)})", _summary(name)) for name in names]
        overview += [f"## [{heading}]({path})", table(("Name", ""), rows)]
    sync = [_entry(name, getattr(isoscan.sync, name)) for name in isoscan.sync.__all__]
    made[f"{FOLDER}/sync.md"] = page("isoscan.sync", prose(isoscan.sync.__doc__), *sync)
    overview += [
        "## [isoscan.sync](sync.md)",
        table(("Name", ""), [("[`PluginExecutor`](sync.md)", line(isoscan.sync.PluginExecutor.__doc__))]),
    ]
    made[f"{FOLDER}/index.md"] = page("Python API", *overview)
    return made


def slug_of(name: str) -> str:
    """The anchor of a name's heading."""
    return name.lower()


def _summary(name: str) -> str:
    value = getattr(isoscan, name)
    return line(value.__doc__) if inspect.isclass(value) or inspect.isfunction(value) else _variable_doc(name)


def _entry(name: str, value: Any) -> str:
    parts = [f"## `{name}`"]
    if inspect.isfunction(value):
        parts += [block("python", signature(value, name)), prose(value.__doc__)]
    elif not inspect.isclass(value):
        parts += [_variable_doc(name), _variable_table(value)]
    elif issubclass(value, enum.Enum):
        parts += [prose(value.__doc__), _enum(value), *_members(value)]
    elif issubclass(value, BaseException):
        bases = " → ".join(
            code(base.__name__)
            for base in reversed(value.__mro__[1:])
            if base.__module__.startswith("isoscan") or base is ValueError
        )
        parts += [prose(value.__doc__), f"Base: {bases}." if bases else "", *_members(value)]
    else:
        parts.append(_constructor(name, value))
        if name in _EXPLAINED:
            parts.append(f"[What each field means]({_EXPLAINED[name]}).")
        parts += [prose(value.__doc__), _fields(value) if is_data(value) else "", *_members(value)]
    return "\n\n".join(part for part in parts if part)


def _constructor(name: str, value: type) -> str:
    """How it is made; of a data class only its name, the fields are in the table."""
    return "" if is_data(value) else block("python", signature(vars(value)["__init__"], name))


def _enum(value: type[enum.Enum]) -> str:
    comments = member_comments(value)
    if not comments.keys().isdisjoint(value.__members__):
        return table(
            ("Member", "Value", "Meaning"),
            [(code(m.name), code(m.value), comments.get(m.name, "")) for m in value],
        )
    return table(("Member", "Value"), [(code(m.name), code(m.value)) for m in value])


def _fields(value: type) -> str:
    rows = [(code(f.name), code(f.type), default_cell(f)) for f in fields(value)]
    return table(("Field", "Type", "Default"), rows)


def _members(value: type) -> list[str]:
    parts = []
    for name, member in members(value):
        if isinstance(member, property):
            assert member.fget is not None
            kind = annotation(inspect.signature(member.fget).return_annotation)
            shown_as = block("python", f"{name}: {kind}")
            parts += [f"### `{value.__name__}.{name}`", shown_as, prose(member.__doc__)]
            continue
        function = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        owner = f"{value.__name__}." if isinstance(member, classmethod | staticmethod) else ""
        parts += [
            f"### `{value.__name__}.{name}`",
            block("python", signature(function, owner + name)),
            prose(function.__doc__),
        ]
    return parts


def _options() -> str:
    """The keyword arguments that executors, pools and their twins share."""
    defaults = {one.name: one for one in Settings.__dataclass_fields__.values()}
    rows = []
    for name, kind in inspect.get_annotations(ExecutorOptions).items():
        rows.append((code(name), code(annotation(kind)), _option_default(name, defaults[name])))
    return "\n\n".join(
        ["## `ExecutorOptions`", prose(ExecutorOptions.__doc__), table(("Option", "Type", "Default"), rows)]
    )


def _option_default(name: str, field: Any) -> str:
    if name == "sandbox":
        return '`"strict"` on Linux, else `"permissions"`'
    if name == "alert_rules":
        return "`DEFAULT_RULES`"
    if callable(field.default_factory):
        made = field.default_factory()
        return code("{}") if made == {} else f"`{type(made).__name__}()`"
    return code(shown(field.default))


def _variable_doc(name: str) -> str:
    """The `#:` comment above a variable of the module that defines it."""
    from isoscan import alerts

    source = Path(alerts.__file__).read_text(encoding="utf-8")
    lines = source.splitlines()
    for node in ast.parse(source).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
            above = lines[node.lineno - 2].strip()
            return above.removeprefix("#:").strip() if above.startswith("#:") else ""
    raise LookupError(f"{name}: no variable of isoscan.alerts; teach python_api._variable_doc where it is")


def _variable_table(rules: Any) -> str:
    rows = [
        (code(rule.name), code(rule.metric), code(rule.threshold), rule.severity, rule.text) for rule in rules
    ]
    return table(("Rule", "Metric", "At or above", "Severity", "Text"), rows)
