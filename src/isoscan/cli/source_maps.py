"""A plugin's modules as a debugger wants them: JavaScript with source maps that name the author's files.

A generation imports modules from blob URLs, and Deno's own map of a TypeScript blob names the blob again.
Editors find breakpoints by file, so the modules are translated beforehand. Their absolute paths stand in
the map without `file:`, because Deno would take such a name over into stacks, where isoscan looks for the
blob's.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
import secrets
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ..errors import RuntimeFault
from ..sandbox.deno import generation_environment
from ..sandbox.modules import Module, PluginSource

_TRANSLATE_S = 60.0
_JAVASCRIPT = "text/javascript"
_SUFFIXES = {"application/typescript": ".ts", "text/tsx": ".tsx", "text/jsx": ".jsx"}
_MAP = re.compile(r"\n?//# sourceMappingURL=data:application/json;base64,([A-Za-z0-9+/=]+)\s*\Z")
_STOP = "debugger;"
#: The length of `_STOP`, 9 columns, as the maps write it.
_STOP_COLUMNS = "S"


async def with_source_maps(source: PluginSource, deno: Path, *, stops: bool) -> PluginSource:
    """The same modules as JavaScript with source maps. With `stops` the entry stops a debugger as it begins.

    Raises `RuntimeFault` when Deno does not translate them.
    """
    mark = f"isoscan-module-{secrets.token_hex(8)}-"
    texts = [_text(module, mark) for module in source.modules]
    translated = await _translate(source.modules, texts, deno)
    folder = source.path.resolve().parent if source.path is not None else Path("/")
    modules = []
    for index, (module, text) in enumerate(zip(source.modules, texts, strict=True)):
        if module.type not in (_JAVASCRIPT, *_SUFFIXES):
            modules.append(module)
            continue
        code, mappings = translated.get(index) or (text, _line_by_line(text))
        if stops and index == len(source.modules) - 1:
            code, mappings = _STOP + code, _behind_stop(mappings)
        map_ = {
            "version": 3,
            "sources": [str(folder / module.name)],
            "sourcesContent": [_original(module, folder)],
            "names": [],
            "mappings": mappings,
        }
        encoded = base64.b64encode(json.dumps(map_).encode()).decode()
        code += f"\n//# sourceMappingURL=data:application/json;base64,{encoded}\n"
        modules.append(Module(module.name, _JAVASCRIPT, _parts(code, mark)))
    return replace(source, modules=modules)


def _text(module: Module, mark: str) -> str:
    return "".join(part if isinstance(part, str) else f'"{mark}{part}"' for part in module.parts)


def _parts(code: str, mark: str) -> list[str | int]:
    pieces = re.split(rf"[\"']{mark}(\d+)[\"']", code)
    return [int(piece) if number % 2 else piece for number, piece in enumerate(pieces)]


def _original(module: Module, folder: Path) -> str:
    """The author's text; its imports were cut out of what is shipped."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return (folder / module.name).read_text(encoding="utf-8-sig")
    return _text(module, "")


async def _translate(
    modules: Sequence[Module], texts: Sequence[str], deno: Path
) -> dict[int, tuple[str, str]]:
    """By index: JavaScript and the mappings of its source map, for what is not JavaScript already."""
    names = {
        index: f"{index}{_SUFFIXES[module.type]}"
        for index, module in enumerate(modules)
        if module.type in _SUFFIXES
    }
    if not names:
        return {}
    with tempfile.TemporaryDirectory(prefix="isoscan-inspect-") as folder:
        for index, name in names.items():
            (Path(folder) / name).write_text(texts[index], encoding="utf-8")
        await _run_deno(deno, folder, list(names.values()))
        return {index: _split(Path(folder) / "out" / f"{index}.js") for index in names}


def _split(path: Path) -> tuple[str, str]:
    text = path.read_text(encoding="utf-8")
    found = _MAP.search(text)
    if found is None:
        raise RuntimeFault(
            "Deno translated the plugin without a source map; is this a Deno that isoscan knows?"
        )
    map_: dict[str, Any] = json.loads(base64.b64decode(found[1]))
    return text[: found.start()], str(map_["mappings"])


async def _run_deno(deno: Path, folder: str, names: list[str]) -> None:
    flags = ("--quiet", "--no-config", "--no-lock", "--no-remote", "--no-npm", "--no-check")
    process = await asyncio.create_subprocess_exec(
        str(deno),
        "transpile",
        *flags,
        "--source-map",
        "inline",
        "--outdir",
        "out",
        *names,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=folder,
        env={**generation_environment(), "DENO_DIR": str(Path(folder) / "deno")},
    )
    try:
        _, errors = await asyncio.wait_for(process.communicate(), _TRANSLATE_S)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode != 0:
        first = errors.decode("utf-8", "replace").strip().partition("\n")[0]
        raise RuntimeFault(f"Deno could not translate the plugin for a debugger: {first}")


def _line_by_line(text: str) -> str:
    """Mappings of a text onto itself."""
    return ";".join(["AAAA", *["AACA"] * text.count("\n")])


def _behind_stop(mappings: str) -> str:
    """Mappings of code that got `_STOP` in front: it stands for the beginning, the rest moves right."""
    if not mappings or mappings.startswith(";"):
        return "AAAA" + mappings
    if mappings.startswith("A"):
        return f"AAAA,{_STOP_COLUMNS}{mappings[1:]}"
    return mappings  # nothing begins at the first column; that line is off by the statement's length
