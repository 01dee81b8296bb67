"""What a run is made of, exactly enough to tell whether an unfinished one may be taken up."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import msgspec
from msgspec import Struct

from ..models import PluginMetadata
from ..sandbox.modules import PluginSource

_DIGESTED_BYTES = 64 * 1024


class InputIdentity(Struct, frozen=True):
    """An input as it was when the run began. All but the name is None for what is no plain file."""

    name: str
    path: str | None = None
    size_bytes: int | None = None
    mtime_ns: int | None = None
    digest: bytes | None = None

    @classmethod
    def of(cls, name: str) -> Self:
        """What `name` is now; whatever cannot be looked at cannot be recognised either."""
        shown = os.fsencode(name).decode("utf-8", "replace")
        try:
            path = Path(name).resolve()
            if name == "-" or not path.is_file():
                return cls(shown)
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                digest = hashlib.sha256(file.read(_DIGESTED_BYTES))
                file.seek(max(0, status.st_size - _DIGESTED_BYTES))
                digest.update(file.read(_DIGESTED_BYTES))
        except (OSError, ValueError):
            return cls(shown)
        digest.update(b"%d" % status.st_size)
        resolved = os.fsencode(path).decode("utf-8", "replace")
        return cls(shown, resolved, status.st_size, status.st_mtime_ns, digest.digest())


class PluginIdentity(Struct, frozen=True):
    """A plugin as it was loaded, and the options it ran with, as plain values."""

    plugin_id: str
    version: str
    path: str | None
    #: Of its modules and the files it may read.
    code_hash: bytes
    options: dict[str, Any]

    @classmethod
    def of(cls, metadata: PluginMetadata, source: PluginSource, options: dict[str, Any]) -> Self:
        """The identity of a loaded plugin."""
        path = None if source.path is None else os.fsencode(source.path.resolve()).decode("utf-8", "replace")
        assets = sorted((name, hashlib.sha256(content).digest()) for name, content in source.assets.items())
        code_hash = hashlib.sha256(msgspec.json.encode([source.modules, assets], order="sorted")).digest()
        return cls(metadata.id, metadata.version, path, code_hash, options)


class RunIdentity(Struct, frozen=True):
    """What decides a run's results."""

    inputs: Sequence[InputIdentity]
    plugins: Sequence[PluginIdentity]
    #: Options beyond the plugins' own that change results, as plain values.
    options: dict[str, Any]
    isoscan_version: str

    @property
    def key(self) -> bytes | None:
        """The same for runs that would do the same; None when an input cannot be recognised again."""
        if any(one.digest is None for one in self.inputs):
            return None
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).digest()
