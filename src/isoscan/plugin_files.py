"""Which plugin files a user means by a file, a folder or a glob."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from pathlib import Path

from .errors import InputError
from .sandbox.modules import PLUGIN_SUFFIXES

BUNDLED = Path(__file__).parent / "plugins"


def find_plugins(specs: Iterable[str]) -> list[Path]:
    """Plugin files for files, folders and globs, in the given order, each once.

    A folder with a `plugin.ts` (or another plugin suffix) is one plugin. Any other
    folder holds plugins: its own plugin files and its sub-folders with a `plugin.*`.
    Names that begin with `_` or `.`, tests and `.d.ts` files are no plugins. Raises
    `InputError` when a spec finds nothing.
    """
    found: dict[Path, Path] = {}
    for spec in specs:
        if not spec:
            raise InputError("--plugin '': the name of a plugin file or folder is empty")
        try:
            for path in _expand(spec):
                found.setdefault(path.resolve(), path)
        except OSError as error:
            raise InputError(f"{spec}: cannot look there for plugins: {error.strerror}") from error
    return list(found.values())


def bundled_plugins() -> list[Path]:
    """The plugins that come with isoscan."""
    return _in_folder(BUNDLED)


def _expand(spec: str) -> list[Path]:
    path = Path(spec)
    if path.is_file():
        if path.suffix.lower() not in PLUGIN_SUFFIXES:
            raise InputError(f"{spec}: not a plugin file; expected one of {', '.join(PLUGIN_SUFFIXES)}")
        return [path]
    if path.is_dir():
        plugins = _in_folder(path)
        if not plugins:
            raise InputError(f"{spec}: the folder holds no plugin files ({', '.join(PLUGIN_SUFFIXES)})")
        return plugins
    if glob.has_magic(spec):
        matches = [Path(match) for match in sorted(glob.glob(spec, recursive=True))]  # noqa: PTH207  # absolute globs
        plugins = [path for match in matches for path in (_in_folder(match) if match.is_dir() else [match])]
        plugins = [path for path in plugins if _is_plugin(path)]
        if not plugins:
            raise InputError(f"{spec}: no plugin file matches")
        return plugins
    raise InputError(f"{spec}: no such plugin file or folder")


def _in_folder(folder: Path) -> list[Path]:
    own = _main_file(folder)
    if own is not None:
        return [own]
    plugins: list[Path] = []
    for path in sorted(folder.iterdir()):
        if path.is_file() and _is_plugin(path):
            plugins.append(path)
        elif path.is_dir() and not path.name.startswith((".", "_")):
            main = _main_file(path)
            if main is not None:
                plugins.append(main)
    return plugins


def _main_file(folder: Path) -> Path | None:
    for suffix in PLUGIN_SUFFIXES:
        path = folder / f"plugin{suffix}"
        if path.is_file():
            return path
    return None


def _is_plugin(path: Path) -> bool:
    stem, suffix = path.stem, path.suffix.lower()
    is_other = stem.endswith((".d", ".test", "_test", ".spec")) or stem.startswith((".", "_"))
    return suffix in PLUGIN_SUFFIXES and not is_other
