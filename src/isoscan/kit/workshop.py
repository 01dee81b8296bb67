"""A private copy of a plugin's sources on which Deno's own tools are run.

The tools keep caches, honour configuration files and skip what comments or `node_modules` say; none
of that must change what a check says. So the files are copied to a temporary folder of this user
alone, the types are those of this isoscan whatever the files refer to, and nothing there is ever run.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from ..errors import PluginLoadError, RuntimeFault
from ..sandbox.deno import RUNTIME, deno_version, find_deno, generation_environment
from ..sandbox.modules import PLUGIN_SUFFIXES

TYPES = RUNTIME / "isoscan.d.ts"
_FACTS = Path(__file__).parent / "facts.ts"
_TOOL_TIMEOUT_S = 120.0
_REFERENCE = re.compile(r"(///\s*<reference\s+path\s*=\s*)([\"'])([^\"'\n]*)\2")
_TYPES_COMMENT = re.compile(r"@ts-(?:self-)?types\s*=\s*([\"'])(\.{1,2}/[^\"'\n]*)\1")
_LINT_COMMENT = re.compile(r"(//|/\*)(\s*)deno-lint-ignore")
_DECLARATIONS = (".d.ts", ".d.mts")


class Fact(Struct, frozen=True, kw_only=True):
    """Something a source file says. `line` and `column` are 1-based, `start` and `end` UTF-16 offsets."""

    kind: str
    name: str
    flags: str = ""
    start: int = 0
    end: int = 0
    line: int = 0
    column: int = 0


class _Position(Struct):
    line: int
    col: int


class _Range(Struct):
    start: _Position


class _Diagnostic(Struct):
    filename: str
    range: _Range
    message: str


class _LintError(Struct):
    file_path: str
    message: str


class _LintOutput(Struct):
    diagnostics: list[_Diagnostic]
    errors: list[_LintError]


class Workshop:
    """The copy of one plugin's files, by their names relative to the plugin's folder."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder = folder
        self.root = root
        self.texts: dict[str, str] = {}
        #: By file: why it was not parsed.
        self.unparsed: dict[str, str] = {}
        self._sources = root / "sources"
        self._deno = find_deno()
        deno_version(self._deno)

    def add(self, names: Iterable[str]) -> list[str]:
        """Copies files that are there and not copied yet; returns which.

        Raises `PluginLoadError` that begins with the name of the file.
        """
        added = []
        for name in names:
            path = self.folder / name
            if name in self.texts or not path.is_file():
                continue
            try:
                text = path.read_bytes().decode("utf-8-sig")
            except OSError as error:
                raise PluginLoadError(f"{name}: cannot be read: {error.strerror}") from error
            except UnicodeDecodeError as error:
                raise PluginLoadError(f"{name}: not UTF-8 text (byte {error.start})") from error
            self.texts[name] = text
            copy = self._sources / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(_adapted(text), encoding="utf-8", newline="")
            added.append(name)
        return added

    def copy_of(self, name: str) -> Path:
        """Where the copy of a file is."""
        return self._sources / name

    def name_of(self, url_or_path: str) -> str | None:
        """The plugin's own name of a copied file; None for any other."""
        root = str(self._sources.resolve())
        path = url_or_path.removeprefix("file://")
        return path[len(root) + 1 :] if path.startswith(root + "/") else None

    async def read_facts(self, names: Iterable[str], rule: str = "facts") -> dict[str, list[Fact]]:
        """What Deno's parser sees in these files, by file, in order; what does not parse is in `unparsed`."""
        sources = [name for name in names if name.endswith(PLUGIN_SUFFIXES)]
        facts: dict[str, list[Fact]] = {name: [] for name in sources}
        if not sources:
            return facts
        others = ["kit/steps"] if rule == "facts" else ["kit/facts"]
        # A copy beside its configuration: the linter would go by the one of isoscan's own folder.
        (self.root / _FACTS.name).write_bytes(_FACTS.read_bytes())
        config = self._config(
            "lint.json",
            {"lint": {"plugins": [f"./{_FACTS.name}"], "rules": {"tags": [], "exclude": others}}},
        )
        copies = [str(self.copy_of(name)) for name in sources]
        output, _ = await self._run("lint", "--json", "--config", str(config), *copies)
        try:
            found = msgspec.json.decode(output, type=_LintOutput)
        except msgspec.DecodeError as error:
            raise RuntimeFault(f"Deno's linter gave no answer that can be read: {error}") from error
        for failed in found.errors:
            name = self.name_of(failed.file_path)
            if name is not None:
                self.unparsed[name] = failed.message
        for told in found.diagnostics:
            name = self.name_of(told.filename)
            if name is not None:
                fact = msgspec.json.decode(told.message, type=Fact)
                start = told.range.start
                facts[name].append(msgspec.structs.replace(fact, line=start.line, column=start.col + 1))
        for own in facts.values():
            own.sort(key=lambda fact: (fact.line, fact.column))
        return facts

    async def check_types(self, entry: str, *, is_js_checked: bool) -> str:
        """What Deno's type checker says of the entry and all it imports; empty when it is content."""
        options: dict[str, Any] = {"types": [str(TYPES)]}
        if is_js_checked:
            options["checkJs"] = True
        config = self._config("check.json", {"compilerOptions": options})
        flags = ("--quiet", "--no-lock", "--no-remote", "--no-npm", "--config", str(config))
        output, errors = await self._run("check", *flags, str(self.copy_of(entry)))
        return (output + errors).decode("utf-8", "replace")

    def _config(self, name: str, content: dict[str, Any]) -> Path:
        path = self.root / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    async def _run(self, *arguments: str) -> tuple[bytes, bytes]:
        environment = {**generation_environment(), "DENO_DIR": str(self.root / "deno")}
        process = await asyncio.create_subprocess_exec(
            str(self._deno),
            *arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.root,
            env=environment,
        )
        try:
            return await asyncio.wait_for(process.communicate(), _TOOL_TIMEOUT_S)
        except TimeoutError:
            raise RuntimeFault(
                f"deno {arguments[0]} did not end within {_TOOL_TIMEOUT_S:.0f} s; is the machine busy?"
            ) from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()


@contextlib.contextmanager
def open_workshop(folder: Path) -> Iterator[Workshop]:
    """A workshop for a plugin's folder; its temporary folder is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="isoscan-kit-") as root:
        yield Workshop(folder.resolve(), Path(root).resolve())


def referenced(text: str, name: str) -> Iterator[str]:
    """Declaration files of the folder that a file refers to, relative to the plugin's folder."""
    for found in _REFERENCE.finditer(text):
        if not found[3].endswith(TYPES.name) and (path := neighbour(name, found[3])) is not None:
            yield path
    for found in _TYPES_COMMENT.finditer(text):
        if (path := neighbour(name, found[2])) is not None:
            yield path


def neighbour(importer: str, specifier: str) -> str | None:
    """A relative specifier as a name relative to the plugin's folder; None if it leads out of it."""
    parts = importer.split("/")[:-1]
    for part in specifier.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts) or None


def _adapted(text: str) -> str:
    """Without references to `isoscan.d.ts`, which the checker is told of; no line moves."""

    def drop(found: re.Match[str]) -> str:
        return found[0].replace("<ref", "<xef", 1) if found[3].endswith(TYPES.name) else found[0]

    return _LINT_COMMENT.sub(r"\1\2xxxx-lint-ignore", _REFERENCE.sub(drop, text))
