"""What a slot runs: code or a file, how, and what the module says of itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from .errors import ConfigError, PluginLoadError
from .models import Determinism, PluginMetadata
from .permissions import Permissions
from .sandbox.assets import read_assets
from .sandbox.deno import find_deno
from .sandbox.frames import decode_json
from .sandbox.modules import PluginSource, source_from_code, source_from_file

_METADATA = msgspec.json.Decoder(dict[str, Any] | None)


class Plugin:
    """What a slot runs: code or a file, and how. `metadata` is None when the module's own counts."""

    def __init__(
        self,
        metadata: PluginMetadata,
        *,
        code: str | None,
        path: Path | None,
        config: dict[str, Any],
        deno: str | os.PathLike[str] | None,
        determinism: Determinism | None = None,
    ) -> None:
        self.metadata = metadata
        self.code = code
        self.path = path
        self.config = config
        self.deno_option = deno
        self.determinism = determinism

    @property
    def deno(self) -> Path:
        """The Deno binary; raises `DenoNotFound`."""
        return find_deno(self.deno_option)

    async def read(self, new_code: str | None = None) -> PluginSource:
        """The modules as they are now; raises `PluginLoadError`."""
        code = new_code if new_code is not None else self.code
        if code is not None:
            return source_from_code(code, f"{self.metadata.id}.ts")
        assert self.path is not None
        return await source_from_file(self.path, self.deno)

    def grant(self, source: PluginSource, permissions: Permissions) -> PluginSource:
        """The source with these permissions; raises `PluginLoadError` when a file it may read is missing."""
        assets: dict[str, bytes] = {}
        if permissions.read:
            if self.path is None:
                raise ConfigError(
                    f"{self.metadata.id}: Permissions.read needs a plugin file: code has no folder of its own"
                )
            assets = read_assets(self.path.parent, permissions.read)
        return msgspec.structs.replace(source, permissions=permissions, assets=assets)

    def grant_own(self, source: PluginSource, permissions: Permissions) -> PluginSource | None:
        """The source with what of these permissions leads nowhere: files of its folder, and WebAssembly."""
        assert self.path is not None
        there = tuple(path for path in permissions.read if (self.path.parent / path).exists())
        own = Permissions(read=there, wasm=permissions.wasm)
        return self.grant(source, own) if own else None

    def metadata_of(self, exported: str) -> PluginMetadata:
        """The caller's metadata, or for a plugin file the module's own."""
        if self.path is None:
            return self.metadata
        try:
            found = decode_json(_METADATA, exported) or {}
            known = {name: value for name, value in found.items() if value is not None}
            known.setdefault("id", self.metadata.id)
            severity = known.get("default_severity")
            if isinstance(severity, str):
                known["default_severity"] = severity.lower()
            return msgspec.convert(known, PluginMetadata)
        except (ValueError, ConfigError) as error:
            raise PluginLoadError(f"{self.path}: metadata: {error}") from error
        except RecursionError as error:
            raise PluginLoadError(f"{self.path}: metadata: too deeply nested") from error
