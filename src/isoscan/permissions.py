"""What a plugin may reach: asked for, granted, compared, and what was tried without. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import force_setattr

from .errors import ConfigError

_NET_TARGET = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_MAX_TARGETS = 100
_TARGET_CHARS = 200


class Permissions(Struct, frozen=True, forbid_unknown_fields=True):
    """What a plugin may reach beyond its transaction. Empty means nothing.

    `net` lists `host:port` pairs. A plugin with network is not assumed to be
    replayable, unless its metadata says `idempotent`. `read` lists files and folders
    of the plugin's own folder, for `isoscan.readAsset`. `wasm` allows WebAssembly.

    A plugin asks for them in its metadata, whoever runs it grants them; what holds is what
    both name. A plugin that does not say what it wants gets what it is granted.
    """

    net: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    wasm: bool = False

    def __post_init__(self) -> None:
        for name in ("net", "read"):
            value = getattr(self, name)
            if isinstance(value, str):
                raise ConfigError(f"Permissions.{name} is the text {value!r}: must be a list of texts")
            if type(value) is not tuple:
                force_setattr(self, name, tuple(value))
        for target in self.net:
            _check_net(target)
        for path in self.read:
            _check_read(path)

    @property
    def ports(self) -> tuple[int, ...]:
        """The TCP ports that may be connected to."""
        return tuple(sorted({int(target.rpartition(":")[2]) for target in self.net}))

    def __bool__(self) -> bool:
        return bool(self.net or self.read or self.wasm)

    def __and__(self, other: Permissions) -> Permissions:
        """What both allow."""
        theirs = {target.lower() for target in other.net}
        return Permissions(
            net=tuple(target for target in self.net if target.lower() in theirs),
            read=tuple(path for path in self.read if any(_is_below(path, own) for own in other.read)),
            wasm=self.wasm and other.wasm,
        )

    def beyond(self, other: Permissions) -> list[str]:
        """What this allows and `other` does not, in words; empty when it is no wider."""
        theirs = {target.lower() for target in other.net}
        wider = [f"net {target}" for target in self.net if target.lower() not in theirs]
        wider += [f"read {path}" for path in self.read if not any(_is_below(path, own) for own in other.read)]
        return wider + ["wasm"] * (self.wasm and not other.wasm)


def _check_net(target: str) -> None:
    match = _NET_TARGET.fullmatch(target) if isinstance(target, str) else None
    if match is None or not 0 < int(match[2]) < 65536:
        raise ConfigError(
            f"Permissions.net has {target!r}: each entry must be one host:port, "
            "for example 'api.example.com:443' (no wildcards)"
        )


def _check_read(path: str) -> None:
    parts = path.removesuffix("/").split("/") if isinstance(path, str) else [""]
    if "\\" in str(path) or any(part in ("", ".", "..") for part in parts):
        raise ConfigError(
            f"Permissions.read has {path!r}: each entry must be a file or folder below the plugin's own, "
            "for example 'assets/words.txt' or 'assets/'"
        )


def _is_below(path: str, folder: str) -> bool:
    return f"{path.removesuffix('/')}/".startswith(f"{folder.removesuffix('/')}/")


class Denial(Struct, frozen=True, gc=False):
    """Attempts of a plugin at something it was not granted. `target` is what the plugin named."""

    permission: str
    target: str
    count: int


class Denials:
    """Counts attempts by permission and target; beyond a number of targets, by permission alone."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def record(self, denied: Iterable[tuple[str, str, int]]) -> tuple[Denial, ...]:
        """Adds attempts as a generation reports them; returns them as they are shown."""
        shown = tuple(
            Denial(permission, _shown(permission, text), count)
            for permission, text, count in islice(denied, _MAX_TARGETS)
        )
        for denial in shown:
            key = (denial.permission, denial.target)
            if key not in self._counts and len(self._counts) >= _MAX_TARGETS:
                key = (denial.permission, "")
            self._counts[key] += max(0, denial.count)
        return shown

    def all(self) -> tuple[Denial, ...]:
        """Everything counted, most often first."""
        return tuple(Denial(*key, count) for key, count in self._counts.most_common())


def _shown(permission: str, text: str) -> str:
    """A target without what it may carry away: of a URL host and port alone, and nothing unprintable."""
    if permission == "net" and "://" in text:
        try:
            url = urlsplit(text)
            port = url.port or _DEFAULT_PORTS.get(url.scheme)
            text = f"{url.hostname}:{port}" if url.hostname else ""
        except ValueError:
            text = ""
    return "".join(c if c.isprintable() else "?" for c in text[:_TARGET_CHARS])
