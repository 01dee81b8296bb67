"""The modules of a plugin: read by the owner, shipped to the generation as text.

A generation may read no file. So the owner asks Deno for the module graph (which
runs nothing), refuses what lies outside the plugin's folder, and ships the rest
in an order in which imports come before their importers. Each module becomes a
list of parts: text, and the index of the module whose URL belongs there.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit

import msgspec
from msgspec import Struct

from ..errors import PluginLoadError
from ..permissions import Permissions
from .deno import deno_version, generation_environment
from .imports import find_imports, may_import

if sys.platform == "linux":
    import resource

_GRAPH_TIMEOUT_S = 30.0
_MAX_PLUGIN_BYTES = 64 * 1024 * 1024
#: Deno reads what a plugin imports before anybody can refuse it, an endless device included.
_GRAPH_DATA_BYTES = 1536 * 1024 * 1024
_MAX_DEPTH = 200
#: Opening a pipe that nobody writes to would block for ever.
_NONBLOCK = getattr(os, "O_NONBLOCK", 0)
_MEDIA_TYPES = {
    "TypeScript": "application/typescript",
    "Mts": "application/typescript",
    "Tsx": "text/tsx",
    "JavaScript": "text/javascript",
    "Mjs": "text/javascript",
    "Jsx": "text/jsx",
    "Json": "application/json",
}
_SUFFIX_TYPES = {
    ".ts": "application/typescript",
    ".mts": "application/typescript",
    ".tsx": "text/tsx",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".jsx": "text/jsx",
}
PLUGIN_SUFFIXES = tuple(_SUFFIX_TYPES)


class Module(Struct, frozen=True):
    """One module ready to ship; `name` is what error places show."""

    name: str
    type: str
    parts: list[str | int]


class PluginSource(Struct, frozen=True):
    """What a generation runs: modules, imports before importers, the entry last, and its grants.

    `mates` are further plugins that share its isolate, under the same permissions.
    """

    modules: list[Module]
    path: Path | None = None
    #: What is in force for it, and the files that means.
    permissions: Permissions = Permissions()
    assets: dict[str, bytes] = {}
    mates: tuple[PluginSource, ...] = ()

    @property
    def names(self) -> list[str]:
        """Its own modules' names in load order."""
        return [module.name for module in self.modules]

    @property
    def name(self) -> str:
        """The entry's name."""
        return self.modules[-1].name

    @property
    def plugins(self) -> tuple[PluginSource, ...]:
        """All plugins it stands for, itself first."""
        return (self, *self.mates)


class _Dependency(Struct):
    specifier: str
    code: dict[str, Any] | None = None

    @property
    def line(self) -> int:
        """1-based line of the import."""
        start = (self.code or {}).get("span", {}).get("start", {})
        return int(start.get("line", 0)) + 1


class _GraphModule(Struct, rename={"media_type": "mediaType"}):
    specifier: str
    error: str | None = None
    kind: str = ""
    local: str | None = None
    media_type: str = ""
    dependencies: list[_Dependency] = []


class _Graph(Struct):
    roots: list[str]
    modules: list[_GraphModule]


def together(sources: Sequence[PluginSource]) -> PluginSource:
    """Plugins that share an isolate, as one source; their permissions are the first one's."""
    first, *mates = [msgspec.structs.replace(source, mates=()) for source in sources]
    return msgspec.structs.replace(first, mates=tuple(mates))


def source_from_code(code: str, name: str) -> PluginSource:
    """A plugin given as text: one module, TypeScript, without neighbours to import."""
    if "\0" in code:
        raise PluginLoadError(f"{name}: the plugin's code holds a NUL character")
    return PluginSource([Module(name, "application/typescript", [code])])


async def source_from_file(path: Path, deno: Path) -> PluginSource:
    """A plugin file with the neighbouring files it imports.

    Raises `PluginLoadError` naming file, line and reason when a file cannot be read,
    does not parse, or imports what it may not.
    """
    suffix = path.suffix.lower()
    if suffix not in _SUFFIX_TYPES or path.name.endswith(".d.ts"):
        raise PluginLoadError(f"{path}: not a plugin file; expected one of {', '.join(PLUGIN_SUFFIXES)}")
    code = _read(path)
    if not may_import(code):
        return PluginSource([Module(path.name, _SUFFIX_TYPES[suffix], [code])], path)
    return _Shipper(path, await _ask_graph(path, deno)).ship()


def _read(path: Path) -> str:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | _NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise PluginLoadError(f"{path}: not a regular file")
            code = file.read(_MAX_PLUGIN_BYTES + 1)
        if len(code) > _MAX_PLUGIN_BYTES:
            raise PluginLoadError(f"{path}: larger than {_MAX_PLUGIN_BYTES} bytes")
        return code.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except OSError as error:
        raise PluginLoadError(f"{path}: cannot read the plugin: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PluginLoadError(f"{path}: not UTF-8 text (byte {error.start})") from error


async def _ask_graph(path: Path, deno: Path) -> _Graph:
    deno_version(deno)
    try:
        output = await _output_of(_graph_command(path, deno))
        return msgspec.json.decode(output, type=_Graph)
    except TimeoutError as error:
        raise PluginLoadError(
            f"{path}: what it imports cannot be read within {_GRAPH_TIMEOUT_S:g} s"
        ) from error
    except OSError as error:
        raise PluginLoadError(f"{path}: cannot read the plugin's module graph: {error}") from error
    except msgspec.DecodeError as error:
        raise PluginLoadError(
            f"{path}: cannot read the plugin's module graph: what it imports is no module, or too large"
        ) from error


def _graph_command(path: Path, deno: Path) -> list[str]:
    flags = ("--json", "--no-config", "--no-lock", "--no-remote", "--no-npm")
    return [str(deno), "info", *flags, str(path.resolve())]


async def _output_of(command: Sequence[str]) -> bytes:
    """Several plugins that start side by side are asked about side by side."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=generation_environment(),
    )
    try:
        if sys.platform == "linux":
            with contextlib.suppress(ProcessLookupError):  # it has ended already
                resource.prlimit(process.pid, resource.RLIMIT_DATA, (_GRAPH_DATA_BYTES, _GRAPH_DATA_BYTES))
        output, _ = await asyncio.wait_for(process.communicate(), _GRAPH_TIMEOUT_S)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    return output


class _Shipper:
    """Walks a graph depth first and turns each file into a module once."""

    def __init__(self, path: Path, graph: _Graph) -> None:
        self._path = path
        self._folder = path.resolve().parent
        self._graph = {module.specifier: module for module in graph.modules}
        self._root = graph.roots[0]
        self._order: list[Module] = []
        self._index: dict[str, int] = {}
        self._trail: list[str] = []

    def ship(self) -> PluginSource:
        """All modules the entry needs."""
        self._visit(self._root, self._path.name)
        return PluginSource(self._order, self._path)

    def _visit(self, specifier: str, importer: str) -> int:
        if specifier in self._index:
            return self._index[specifier]
        module = self._graph.get(specifier)
        if module is None or module.local is None or module.error is not None:
            self._refuse(specifier, module, importer)
        local = Path(module.local)
        name = self._name(local)
        if specifier in self._trail:
            cycle = " → ".join(self._name(_local_path(s)) for s in [*self._trail, specifier])
            raise PluginLoadError(f"{self._path}: the plugin's files import each other in a circle: {cycle}")
        if len(self._trail) >= _MAX_DEPTH:
            raise PluginLoadError(f"{self._path}: the plugin's imports are more than {_MAX_DEPTH} deep")
        self._trail.append(specifier)
        if module.media_type not in _MEDIA_TYPES:
            raise PluginLoadError(f"{importer}: a plugin cannot import {name} ({module.media_type})")
        parts = self._parts(module, _read(local), name)
        self._trail.pop()
        self._index[specifier] = len(self._order)
        self._order.append(Module(name, _MEDIA_TYPES[module.media_type], parts))
        return self._index[specifier]

    def _parts(self, module: _GraphModule, code: str, name: str) -> list[str | int]:
        cuts: list[tuple[int, int, int]] = []
        careful, plain = find_imports(code)
        for dependency in module.dependencies:
            if dependency.code is None:
                continue  # types only: nothing is left of it at run time
            place = f"{name}:{dependency.line}"
            target = dependency.code.get("specifier")
            if target is None:
                raise PluginLoadError(f"{place}: cannot import {dependency.specifier!r}: {_ONLY_NEIGHBOURS}")
            index = self._visit(target, place)
            spans = careful.get(dependency.specifier) or plain.get(dependency.specifier)
            if not spans:
                raise PluginLoadError(
                    f"{place}: cannot import {dependency.specifier!r}: write it as plain text in quotes"
                )
            cuts += [(start, stop, index) for start, stop in spans]
        parts: list[str | int] = []
        end = 0
        for start, stop, index in sorted(cuts):
            parts += [code[end:start], index]
            end = stop
        return [*parts, code[end:]]

    def _name(self, local: Path) -> str:
        try:
            return local.resolve().relative_to(self._folder).as_posix()
        except ValueError:
            raise PluginLoadError(
                f"{self._path}: imports {local}, which lies outside the plugin's folder {self._folder}"
            ) from None

    def _refuse(self, specifier: str, module: _GraphModule | None, importer: str) -> NoReturn:
        if not specifier.startswith("file:"):
            raise PluginLoadError(f"{importer}: cannot import {specifier!r}: {_ONLY_NEIGHBOURS}")
        name = self._name(_local_path(specifier))
        reason = "not found" if module is None or module.error is None else module.error
        if reason.startswith("Module not found"):
            reason = f"{name} does not exist"
        reason = reason.replace(self._folder.as_uri() + "/", "")
        at_end = _PLACE_AT_END.search(reason)
        if at_end is not None:  # a parse error, which tells its place behind a piece of the code
            raise PluginLoadError(f"{at_end[1]}: {reason[: at_end.start()]}")
        raise PluginLoadError(f"{importer}: {reason}")


_PLACE_AT_END = re.compile(r"\n\s{1,16}at ([^\n]{1,4096}:\d{1,9}:\d{1,9})\s*\Z")
_ONLY_NEIGHBOURS = "a plugin may import files of its own folder only"


def _local_path(specifier: str) -> Path:
    return Path(unquote(urlsplit(specifier).path))
