"""Finds the configuration file and reads it, with the line of every key."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

from msgspec import Struct

from ..errors import ConfigError
from .lines import KeyPath, key_lines

NAME = "isoscan.toml"
PYPROJECT = "pyproject.toml"
_TABLE = ("tool", "isoscan")
_MAX_BYTES = 1024 * 1024
_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


class ConfigFile(Struct, frozen=True):
    """A configuration file as it was read: `table` is what it says, not checked yet."""

    path: Path
    #: How messages name it: relative to the current folder when it lies there.
    name: str
    table: dict[str, Any]
    lines: dict[KeyPath, int]
    #: Another configuration beside it that does not count.
    ignored: str | None = None

    def place(self, path: KeyPath) -> str:
        """`isoscan.toml:12` for a key, or for the nearest table around it that is written down."""
        return f"{self.name}:{self.line(path)}"

    def line(self, path: KeyPath) -> int:
        """The line of a key, or of the nearest table around it that is written down."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def find_config(folder: Path, home: Path | None = None) -> ConfigFile | None:
    """The nearest configuration in the folder or above; none above a `.git` or the home folder.

    `isoscan.toml` wins over `[tool.isoscan]` of a `pyproject.toml` beside it. Raises `ConfigError` when a
    file cannot be read, is no TOML, or lies above the folder and belongs to somebody else.
    """
    folder = folder.absolute()
    for place in (folder, *folder.parents):
        own = place / NAME
        pyproject = place / PYPROJECT
        table = _tool_table(pyproject) if pyproject.is_file() else None
        if own.is_file() or own.is_symlink():
            _check_owner(own, folder)
            ignored = None if table is None else f"[tool.isoscan] of {table.name}"
            return _read(own, ignored=ignored)
        if table is not None:
            _check_owner(pyproject, folder)
            return table
        if place == home or (place / ".git").exists():
            break
    return None


def read_config(path: str | os.PathLike[str]) -> ConfigFile:
    """The configuration in a file that was named; a `pyproject.toml` must hold `[tool.isoscan]`."""
    path = Path(path)
    if path.name != PYPROJECT:
        return _read(path)
    found = _tool_table(path)
    if found is None:
        raise ConfigError(f"{_shown_name(path)}: has no table [tool.isoscan]")
    return found


def _tool_table(path: Path) -> ConfigFile | None:
    """The file's `[tool.isoscan]`, if it has one: a pyproject.toml without it is no business of ours."""
    try:
        if b"isoscan" not in path.read_bytes():
            return None
    except OSError as error:
        raise ConfigError(f"{_shown_name(path)}: cannot be read: {error.strerror}") from error
    whole = _read(path)
    tool = whole.table.get(_TABLE[0])
    table = tool.get(_TABLE[1]) if isinstance(tool, dict) else None
    if table is None:
        return None
    if not isinstance(table, dict):
        raise ConfigError(f"{whole.place(_TABLE)}: tool.isoscan must be a table")
    lines = {key[2:]: line for key, line in whole.lines.items() if key[:2] == _TABLE}
    return ConfigFile(path, whole.name, table, lines)


def _read(path: Path, ignored: str | None = None) -> ConfigFile:
    name = _shown_name(path)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigError(f"{name}: is larger than 1 MiB, so it is no configuration")
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{name}: cannot be read: {error.strerror}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{name}:{line}: is not UTF-8; save the file as UTF-8") from error
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_syntax_text(name, text, str(error))) from error
    except ValueError as error:  # a number with thousands of digits
        raise ConfigError(f"{name}: holds a number that is too long") from error
    except RecursionError as error:
        raise ConfigError(f"{name}: is nested too deeply") from error
    return ConfigFile(path, name, table, key_lines(text), ignored)


def _syntax_text(name: str, text: str, message: str) -> str:
    at = _AT.search(message)
    if at is None:
        return f"{name}: is not valid TOML: {message}"
    problem = message[: at.start()]
    if at[1] is None:
        last = len(text.rstrip().splitlines()) or 1
        return f"{name}:{last}: is not valid TOML: {problem}, at the end of the file"
    return f"{name}:{at[1]}:{at[2]}: is not valid TOML: {problem}"


def _shown_name(path: Path) -> str:
    """Relative to the current folder when that is shorter to read."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive
        return str(path)
    return relative if relative.count("..") <= 4 else str(path)


def _check_owner(path: Path, folder: Path) -> None:
    """A shared folder above, such as /tmp, must not hand a configuration to whoever works below it."""
    if os.name != "posix":
        return
    owner = path.stat().st_uid if path.exists() else path.lstat().st_uid
    if owner not in (os.geteuid(), 0, folder.stat().st_uid):
        raise ConfigError(
            f"{_shown_name(path)}: belongs to another user; give --config {_shown_name(path)} to use it "
            "all the same, or --no-config"
        )
