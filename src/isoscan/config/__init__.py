"""The configuration file: `isoscan.toml`, or `[tool.isoscan]` of `pyproject.toml`.

`load(...)` gives the values that hold; `docs/configuration.md` lists all keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from .effective import Effective, Setting, effective
from .files import ConfigFile, find_config, read_config
from .schema import Config, PluginTable, ScopeTable, config_schema

__all__ = [
    "Config",
    "ConfigFile",
    "Effective",
    "PluginTable",
    "ScopeTable",
    "Setting",
    "config_schema",
    "effective",
    "find_config",
    "load",
    "read_config",
]


def load(
    name: str | None = None, *, is_wanted: bool = True, given: Mapping[str, Any] | None = None
) -> Effective:
    """Defaults, then the file `name` or else the one found from the current folder on, then `given`.

    `is_wanted=False` reads no file. `given` are values by their dotted keys; None is not given. Raises
    `ConfigError`.
    """
    if name is not None and not is_wanted:
        raise ConfigError("--config and --no-config: give one of them")
    file = None
    if name is not None:
        file = read_config(name)
    elif is_wanted:
        file = find_config(Path.cwd(), _home())
    return effective(file, given)


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:  # a user without one
        return None
