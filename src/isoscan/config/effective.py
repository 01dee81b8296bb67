"""The configuration that holds: defaults, then the file, then the command line. Pure but for paths."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping
from typing import Any, get_args

import msgspec
from msgspec import UNSET, Meta, Struct, structs

from .._options import ExecutorOptions
from ..errors import ConfigError
from ..models import Limits
from ..scope import Scope
from ..selection import Selection, term
from ..triage import Suppression
from .checking import problems_of, shown_path, value_problems
from .files import ConfigFile
from .lines import KeyPath
from .schema import Config, PluginTable, ScopeTable
from .values import memory_bytes, permissions, size_bytes

_MAX_PROBLEMS_SHOWN = 10
_COMMAND_LINE = "command line"
_DEFAULT = "default"


class Setting(Struct, frozen=True):
    """One key with the value that holds, and where that comes from."""

    key: str
    value: Any
    #: `isoscan.toml:3`, `command line` or `default`.
    origin: str


class Effective(Struct, frozen=True):
    """The values that hold, and where each comes from."""

    config: Config
    file: ConfigFile | None = None
    #: Keys, dotted, that were given on the command line.
    given: frozenset[str] = frozenset()

    def place(self, *path: str | int) -> str:
        """How a message names a key: the option, or line and key of the file."""
        key = shown_path(path)
        if ".".join(map(str, path)) in self.given:
            return option_of(key)
        return key if self.file is None else f"{self.file.place(path)}: {key}"

    def settings(self) -> Iterator[Setting]:
        """Every key in the order of the schema; of tables for plugins and suppressions what is written."""
        yield from self._settings_of(self.config, ())

    def _settings_of(self, table: Struct, path: KeyPath) -> Iterator[Setting]:
        for field in structs.fields(type(table)):
            yield from self._setting(getattr(table, field.name), (*path, field.encode_name))

    def _setting(self, value: Any, path: KeyPath) -> Iterator[Setting]:
        if value is UNSET:
            return
        if isinstance(value, Struct):
            yield from self._settings_of(value, path)
        elif isinstance(value, dict) and path == ("plugins",):
            for plugin_id, table in value.items():
                yield from self._setting(table, (*path, plugin_id))
        elif isinstance(value, list) and path == ("suppressions",):
            for index, table in enumerate(value):
                yield from self._setting(table, (*path, index))
        elif (origin := self._origin(path)) != _DEFAULT or path[0] not in ("plugins", "suppressions"):
            yield Setting(shown_path(path), value, origin)

    def _origin(self, path: KeyPath) -> str:
        if ".".join(map(str, path)) in self.given:
            return _COMMAND_LINE
        if self.file is not None and path in self.file.lines:
            return self.file.place(path)
        return _DEFAULT

    # ---- what the values stand for -----------------------------------------

    @property
    def selection(self) -> Selection:
        """Which plugins run."""
        off = tuple(plugin_id for plugin_id, table in self.config.plugins.items() if not table.enabled)
        return Selection(
            tuple(map(term, self.config.select)), tuple(map(term, self.config.exclude)), frozenset(off)
        )

    @property
    def scope(self) -> Scope:
        """Which transactions are looked at."""
        table = self.config.scope
        return Scope(
            hosts=table.hosts,
            paths=table.paths,
            methods=table.methods,
            statuses=[str(status) for status in table.statuses],
            types=table.types,
            max_body_bytes=None if table.max_body is None else size_bytes(table.max_body),
        )

    @property
    def suppressions(self) -> dict[str, Suppression]:
        """By the place where each is written."""
        return {
            self._origin(("suppressions", index)): suppression
            for index, suppression in enumerate(self.config.suppressions)
        }

    def options_of(self, plugin_id: str) -> ExecutorOptions:
        """How a plugin runs. What the command line says counts more than its table."""
        table = self.config.plugins.get(plugin_id, PluginTable())
        limits: dict[str, Any] = {
            "timeout_s": self.config.timeout_s,
            "memory_bytes": memory_bytes(self.config.memory),
        }
        for field in structs.fields(PluginTable):
            value = getattr(table, field.name)
            if value is UNSET or not (_meta(field).extra or {}).get("limit") or field.name in self.given:
                continue
            limits[field.name] = value
        if table.memory is not UNSET and "memory" not in self.given:
            limits["memory_bytes"] = memory_bytes(table.memory)
        isolate_per = table.isolate_per
        if isolate_per is UNSET or "isolate_per" in self.given:
            isolate_per = self.config.isolate_per
        allow = self.config.allow if table.allow is UNSET or "allow" in self.given else table.allow
        return {
            "limits": Limits(**limits),
            "permissions": permissions(allow),
            "config": table.options,
            "sandbox": self.config.sandbox,
            "isolate_per": isolate_per,
        }


def effective(file: ConfigFile | None, given: Mapping[str, Any] | None = None) -> Effective:
    """The configuration of a file and of options by their keys, such as `scope.hosts`.

    Raises `ConfigError` that names everything wrong with its place: line and key, or option.
    """
    given = {key: value for key, value in (given or {}).items() if value is not None}
    wrong: list[str] = []
    table: dict[str, Any] = {}
    if file is not None:
        found = sorted(problems_of(file.table, Config), key=lambda each: file.line(each.path))
        wrong += [f"{file.place(each.path)}: {each}" for each in found]
        table = {} if wrong else _with_paths(file)
    for key, value in given.items():
        kind = _field_of(key).type
        option = option_of(key)
        wrong += [f"{option} {each.text}" for each in value_problems(value, kind, (key,))]
    if wrong:
        more = len(wrong) - _MAX_PROBLEMS_SHOWN
        raise ConfigError(
            "\n".join(wrong[:_MAX_PROBLEMS_SHOWN]) + (f"\n… and {more} more" if more > 0 else "")
        )
    for key, value in given.items():
        *parents, name = key.split(".")
        inner = table
        for parent in parents:
            inner[parent] = inner = {**inner.get(parent, {})}
        inner[name] = value
    return Effective(msgspec.convert(table, Config), file, frozenset(given))


def option_of(key: str) -> str:
    """The option of `isoscan run` that means the same as a key."""
    return str((_meta(_field_of(key)).extra or {})["option"])


def _field_of(key: str) -> structs.FieldInfo:
    kind: type[Struct] = Config
    head, _, name = key.rpartition(".")
    if head == "scope":
        kind = ScopeTable
    return next(field for field in structs.fields(kind) if field.encode_name == name)


def _meta(field: structs.FieldInfo) -> Meta:
    return next((each for each in get_args(field.type)[1:] if isinstance(each, Meta)), Meta())


def _with_paths(file: ConfigFile) -> dict[str, Any]:
    """The file's table, its paths relative to the current folder instead of the file's."""
    table = dict(file.table)
    for field in structs.fields(Config):
        if field.encode_name in table and (_meta(field).extra or {}).get("is_path"):
            value = table[field.encode_name]
            table[field.encode_name] = (
                [_from_here(each, file) for each in value]
                if isinstance(value, list)
                else _from_here(value, file)
            )
    return table


def _from_here(name: str, file: ConfigFile) -> str:
    folder = os.path.relpath(file.path.absolute().parent)
    if not name or name == "-" or os.path.isabs(name) or folder == ".":  # noqa: PTH117  # "" is no Path
        return name
    if glob.has_magic(name) and not os.path.exists(os.path.join(folder, name)):  # noqa: PTH110, PTH118
        folder = glob.escape(folder)
    return os.path.join(folder, name)  # noqa: PTH118  # keeps what a Path would change
