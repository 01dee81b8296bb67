"""What a plugin says of itself, held against what isoscan knows and what its code uses."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from .._ledger import Cause
from ..errors import ConfigError
from ..models import Limits, PluginMetadata, SandboxLevel, Severity
from ..permissions import Denial, Denials, Permissions
from ..sandbox.children import use_fork_server
from ..sandbox.deno import find_deno
from ..sandbox.generation import Generation
from ..sandbox.modules import PluginSource
from .problems import Level, Problem, hint
from .workshop import Fact

_USED_FOR = {
    "fetch": "net",
    "WebSocket": "net",
    "isoscan.readAsset": "read",
    "isoscan.readAssetText": "read",
    "WebAssembly": "wasm",
}
_EXAMPLES = {"net": 'net: ["api.example.com:443"]', "read": 'read: ["words.txt"]', "wasm": "wasm: true"}
_INSTEAD = {
    "Deno": "a plugin has no Deno namespace; files of its folder come by isoscan.readAsset",
    "require": "write it as an import of a file of the plugin's folder",
    "process": "there is no environment and no process in the sandbox",
    "Buffer": "use Uint8Array, TextEncoder and TextDecoder",
}


class Loaded(Struct, frozen=True):
    """What a plugin said when it was loaded. `exported` is its metadata as it gave it, or None."""

    exported: Any
    denials: tuple[Denial, ...] = ()


async def load_plugin(source: PluginSource, limits: Limits, sandbox: SandboxLevel) -> Loaded:
    """Loads a plugin in a sandboxed generation of its own, without any permission, and ends that.

    Raises `PluginLoadError` when it does not load, and what `Generation.start` raises.
    """
    end_use = use_fork_server()
    try:
        generation = await Generation.start(
            1,
            source,
            find_deno(),
            limits,
            sandbox=sandbox,
            on_results=lambda _generation, _results: None,
            on_end=lambda _generation, _end: None,
        )
        ready = await generation.load(({},))
        generation.kill(Cause.RETIRED, "the plugin was looked at")
        await generation.wait_gone()
    finally:
        end_use()
    return Loaded(json.loads(ready.plugins[0].metadata), Denials().record(ready.plugins[0].denials))


class Places:
    """Where things stand in a plugin's files, as far as its facts tell."""

    def __init__(self, facts: Mapping[str, Sequence[Fact]], entry: str) -> None:
        self._facts = facts
        self._entry = entry

    def of(self, kind: str, name: str) -> tuple[str, int, int]:
        """File, line and column of the first such fact, in the entry file first; else the entry file."""
        files = [self._entry, *(file for file in self._facts if file != self._entry)]
        for file in files:
            for fact in self._facts.get(file, ()):
                if fact.kind == kind and fact.name == name:
                    return file, fact.line, fact.column
        return self._entry, 0, 0


def metadata_problems(exported: Any, stem: str, places: Places) -> list[Problem]:
    """Missing, unknown and wrong fields of a plugin's metadata."""
    if not isinstance(exported, dict) or exported.get("id") is None:
        what = "has no id" if isinstance(exported, dict) else "is missing"
        file, line, column = places.of("metadata", "name")
        text = f'metadata {what}; the plugin would be {stem!r}: export const metadata = {{ id: "…" }}'
        unnamed = [Problem(file, line, column, "IS303", text, Level.WARNING)]
        if not isinstance(exported, dict):
            return unnamed
    else:
        unnamed = []
    found = list(_unknown(exported, PluginMetadata.__struct_fields__, "", places))
    permissions = exported.get("permissions")
    if isinstance(permissions, dict):
        found += _unknown(permissions, Permissions.__struct_fields__, "permissions.", places)
        exported = {
            **exported,
            "permissions": {k: v for k, v in permissions.items() if k in Permissions.__struct_fields__},
        }
    for name in PluginMetadata.__struct_fields__:
        if (reason := _why_wrong(name, exported.get(name))) is not None:
            found.append(Problem(*places.of("metadata", name), "IS301", f"metadata.{name}: {reason}"))
    return unnamed + found


def _unknown(
    given: Mapping[str, Any], known: Sequence[str], prefix: str, places: Places
) -> Iterable[Problem]:
    for name in given:
        if name not in known:
            text = f"metadata has the field {prefix + name!r}, which isoscan does not know{hint(name, known)}"
            yield Problem(*places.of("metadata", prefix + name), "IS302", text)


def _why_wrong(name: str, value: Any) -> str | None:
    if value is None:
        return None
    if name == "default_severity" and isinstance(value, str):
        value = value.lower()
    try:
        msgspec.convert({"id": "x", name: value}, PluginMetadata)
    except (ValueError, ConfigError) as error:
        known = hint(str(value), Severity) if name == "default_severity" else ""
        return str(error).replace(f" - at `$.{name}`", "").replace("`", "'") + known
    except RecursionError:
        return "too deeply nested"
    return None


def permission_problems(
    exported: Any, facts: Mapping[str, Sequence[Fact]], denials: Iterable[Denial], places: Places
) -> list[Problem]:
    """What the code uses and does not ask for, what it asks for and never uses, what it can never have."""
    asked = _asked(exported)
    found: list[Problem] = []
    mentioned: set[str] = set()
    told: set[str] = set()
    for file, own in facts.items():
        guarded = {fact.name for fact in own if fact.kind == "guarded_use"}
        mentioned |= {_USED_FOR[name] for name in guarded if name in _USED_FOR}
        for fact in own:
            if fact.kind != "use":
                continue
            place = (file, fact.line, fact.column)
            permission = _USED_FOR.get(fact.name)
            if permission is not None:
                mentioned.add(permission)
                if permission not in asked:
                    told.add(permission)
                    text = (
                        f"{fact.name} needs {permission!r}, which the metadata does not ask for; "
                        f"add permissions: {{ {_EXAMPLES[permission]} }}"
                    )
                    found.append(Problem(*place, "IS401", text))
            elif not fact.name.startswith(("isoscan.", "Deno.core")) and fact.name not in guarded:
                top = fact.name.split(".")[0]
                advice = _INSTEAD.get(top, "no permission brings it")
                told.add(fact.name)
                found.append(Problem(*place, "IS404", f"{fact.name} is not there in a plugin: {advice}"))
    for permission in sorted(asked - mentioned):
        place = places.of("metadata", f"permissions.{permission}")
        text = f"the metadata asks for {permission!r}, and no code uses it; ask for no more than is needed"
        found.append(Problem(*place, "IS402", text, Level.WARNING))
    for denial in denials:
        if denial.permission not in told and denial.target not in told:
            place = places.of("guarded_use", denial.target)
            text = f"looked for {denial.target or denial.permission!r} while loading, and had no permission"
            found.append(Problem(*place, "IS403", text, Level.WARNING))
    return found


def _asked(exported: Any) -> set[str]:
    permissions = exported.get("permissions") if isinstance(exported, dict) else None
    if not isinstance(permissions, dict):
        return set()
    return {name for name in Permissions.__struct_fields__ if permissions.get(name)}


def load_problem(error: Exception, entry: Path, name: str) -> Problem:
    """A plugin that does not load, at the place its own error names."""
    failure = getattr(error, "failure", None)
    if failure is None:
        return Problem(name, 0, 0, "IS201", _without_path(str(error), entry, name))
    if failure.kind == "no_entry":
        text = "no entry function; export function scan_transaction(transaction) { … }"
        return Problem(name, 0, 0, "IS202", text)
    file, line, column = failure.file or name, failure.line or 0, failure.column or 0
    return Problem(file, line, column, "IS201", failure.message.partition("\n")[0])


def _without_path(text: str, entry: Path, name: str) -> str:
    for start in (f"{entry}: ", f"{name}: "):
        text = text.removeprefix(start)
    return text
