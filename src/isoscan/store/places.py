"""Which store belongs to the current folder."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from ..errors import ConfigError

#: What marks the top folder of a project.
_MARKS = ("isoscan.toml", "pyproject.toml", ".git")
_UNFIT = re.compile(r"[^\w.-]+")
_NAME_CHARS = 60


def project_folder(start: Path) -> Path:
    """The nearest folder at or above `start` that looks like a project's top, else `start` itself."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if any((folder / mark).exists() for mark in _MARKS):
            return folder
    return start


def default_store(start: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """Where the store of the project around `start` lies, in the user's data folder.

    Raises `ConfigError` when there is no such folder to be found.
    """
    project = project_folder(start)
    digest = hashlib.sha256(os.fsencode(project)).hexdigest()[:8]
    name = _UNFIT.sub("-", project.name).strip("-.")[:_NAME_CHARS] or "project"
    return _data_folder(environment) / "isoscan" / f"{name}-{digest}.db"


def _data_folder(environment: Mapping[str, str]) -> Path:
    named = environment.get("XDG_DATA_HOME", "")
    if Path(named).is_absolute():
        return Path(named)
    try:
        home = Path.home()
    except RuntimeError as error:
        raise ConfigError("no home folder is known for this user; name a store with --db FILE") from error
    if sys.platform == "darwin":
        return home / "Library" / "Application Support"
    return home / ".local" / "share"
