"""The files a plugin was granted: read by the owner, shipped with its modules.

So a generation needs no permission to read anything, and gets what was there when it was made.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..errors import PluginLoadError

_MAX_ASSETS = 10_000
_MAX_ASSETS_BYTES = 64 * 1024 * 1024


def read_assets(folder: Path, paths: tuple[str, ...]) -> dict[str, bytes]:
    """Contents by path relative to `folder`; a folder among `paths` means all files below it.

    Raises `PluginLoadError` when one is missing, leads out of the folder, or all are too many.
    """
    root = folder.resolve()
    assets: dict[str, bytes] = {}
    total_bytes = 0
    for path in paths:
        for file in _files(root, path):
            name = file.relative_to(root).as_posix()
            if name in assets:
                continue
            try:
                total_bytes += file.stat().st_size
                is_fitting = len(assets) < _MAX_ASSETS and total_bytes <= _MAX_ASSETS_BYTES
                assets[name] = file.read_bytes() if is_fitting else b""
            except OSError as error:
                raise PluginLoadError(f"{file}: cannot read the plugin's asset: {error.strerror}") from error
            if not is_fitting:
                raise PluginLoadError(
                    f"{folder}: the plugin's assets are more than {_MAX_ASSETS} files "
                    f"or {_MAX_ASSETS_BYTES} bytes"
                )
    return assets


def _files(root: Path, path: str) -> Iterator[Path]:
    place = root / path
    if not place.resolve().is_relative_to(root):
        raise PluginLoadError(f"{place}: leads out of the plugin's folder {root}")
    if place.is_dir():
        for file in sorted(place.rglob("*")):
            if file.is_file() and file.resolve().is_relative_to(root):
                yield file
    elif place.is_file():
        yield place
    else:
        raise PluginLoadError(f"{place}: the plugin asks for this file, and it does not exist")
