"""Checks one plugin: files and imports, types, contract, permissions, regular expressions."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from ..errors import IsoscanError, PluginLoadError, RuntimeFault, ScanError
from ..models import Limits, SandboxLevel
from ..reports.text import printable
from ..sandbox.deno import find_deno
from ..sandbox.modules import PLUGIN_SUFFIXES, PluginSource, source_from_file
from .contract import Places, load_plugin, load_problem, metadata_problems, permission_problems
from .problems import Level, Problem, without_ignored
from .regex_attacks import attacks_on
from .regex_growth import Growth, Kind, RegexProbe
from .regex_syntax import RegexSyntaxError, parse_regex
from .typing_problems import type_problems
from .workshop import TYPES, Fact, Workshop, neighbour, open_workshop, referenced

_TS_SUFFIXES = (".ts", ".mts", ".tsx")
_JS_SUFFIXES = tuple(suffix for suffix in PLUGIN_SUFFIXES if suffix not in _TS_SUFFIXES)
_PARSE_PLACE = re.compile(r"at file://\S*?:(\d+):(\d+)\s*$")
_LOADER_PLACE = re.compile(r"^(?P<file>[^:\n]+):(?P<line>\d+)(?::(?P<column>\d+))?: (?P<text>.*)", re.DOTALL)
_PATTERN_CHARS = 60
_REGEX_CODES = {Kind.EXPONENTIAL: "IS501", Kind.POLYNOMIAL: "IS502", Kind.SQUARE: "IS503"}
_ADVICE = {
    Kind.EXPONENTIAL: "let a repetition in a repetition split no text in two ways",
    Kind.POLYNOMIAL: "let neighbouring repetitions share no character, or bound them",
    Kind.SQUARE: "anchor it, bound the repetition, or cut the input",
}


class CheckOptions(Struct, frozen=True):
    """What to check. `ignored` are codes, or beginnings of codes, that are left out."""

    is_js_checked: bool = False
    ignored: tuple[str, ...] = ()
    limits: Limits = Limits()
    sandbox: SandboxLevel = "strict"

    def wants(self, code: str) -> bool:
        """Whether problems of this code are shown."""
        return not code.startswith(self.ignored) if self.ignored else True


async def check_plugin(path: Path, options: CheckOptions) -> list[Problem]:
    """Every problem of one plugin, in order of place; `file` is relative to the plugin's folder.

    Raises `DenoNotFound`, `SandboxUnavailable` or `GenerationStartError` when nothing can be checked.
    """
    with open_workshop(path.parent) as workshop:
        problems = await _check(path, workshop, options)
        lines_of = {name: text.splitlines() for name, text in workshop.texts.items()}
    kept = [problem for problem in problems if options.wants(problem.code)]
    return sorted(set(without_ignored(kept, lines_of)))


async def _check(path: Path, workshop: Workshop, options: CheckOptions) -> list[Problem]:
    entry = path.name
    source: PluginSource | None = None
    refusal: PluginLoadError | None = None
    try:
        source = await source_from_file(path, find_deno())
    except PluginLoadError as error:
        refusal = error
    try:
        facts = await _facts_of_all(workshop, source.names if source else [entry])
    except PluginLoadError as error:
        name, _, reason = str(error).partition(": ")
        return [Problem(name, 0, 0, "IS101", reason)]
    unparsed = [_parse_problem(name, text) for name, text in workshop.unparsed.items()]
    if refusal is not None or source is None:
        found = unparsed + _import_problems(workshop, facts)
        return found or [_refusal_problem(refusal, path)]
    if unparsed:
        return await _syntax_problems(path, source, unparsed, options)
    types = asyncio.create_task(_type_problems(workshop, entry, options), name="isoscan-check-types")
    try:
        contract = await _contract_problems(path, source, facts, options)
        regexes = await _regex_problems(facts, options)
    finally:
        found = await types
    return found + contract + regexes + _copy_problems(path.parent)


async def _facts_of_all(workshop: Workshop, names: Sequence[str]) -> dict[str, list[Fact]]:
    """Facts of these files and all they lead to within the plugin's folder, types included."""
    facts: dict[str, list[Fact]] = {}
    added = workshop.add(names)
    while added:
        found = await workshop.read_facts(added)
        facts |= found
        following: list[str] = []
        for name in added:
            following += referenced(workshop.texts[name], name)
            for fact in found.get(name, ()):
                if fact.kind in ("import", "type_import") and fact.name.startswith("."):
                    following += [path] if (path := neighbour(name, fact.name)) else []
        added = workshop.add(dict.fromkeys(following))
    return facts


def _parse_problem(name: str, text: str) -> Problem:
    place = _PARSE_PLACE.search(text)
    line, column = (int(place[1]), int(place[2])) if place else (0, 0)
    return Problem(name, line, column, "IS101", text.partition("\n")[0])


async def _syntax_problems(
    path: Path, source: PluginSource, unparsed: list[Problem], options: CheckOptions
) -> list[Problem]:
    """Files that do not parse: V8's place in the file is nearer than the linter's."""
    try:
        await load_plugin(source, options.limits, options.sandbox)
    except PluginLoadError as error:
        nearer = msgspec.structs.replace(load_problem(error, path, path.name), code="IS101")
        return [nearer, *(problem for problem in unparsed if problem.file != nearer.file)]
    return unparsed


def _import_problems(workshop: Workshop, facts: Mapping[str, Sequence[Fact]]) -> list[Problem]:
    """Why the loader refuses an import, each at its place."""
    return [
        Problem(file, fact.line, fact.column, "IS102", reason)
        for file, own in facts.items()
        for fact in own
        if fact.kind == "import" and (reason := _why_refused(workshop, file, fact.name)) is not None
    ]


def _why_refused(workshop: Workshop, importer: str, specifier: str) -> str | None:
    if specifier.startswith("data:"):
        return None
    if not specifier:
        return "an import whose file is computed; write it as plain text in quotes"
    if not specifier.startswith("."):
        return (
            f"cannot import {specifier!r}: a plugin may import files of its own folder only; "
            "copy what it needs beside it"
        )
    name = neighbour(importer, specifier)
    if name is None or not (workshop.folder / name).resolve().is_relative_to(workshop.folder):
        return f"cannot import {specifier!r}: it lies outside the plugin's folder"
    if not (workshop.folder / name).is_file():
        endings = [
            name + suffix for suffix in PLUGIN_SUFFIXES if (workshop.folder / (name + suffix)).is_file()
        ]
        advice = f"; write the ending: {specifier + Path(endings[0]).suffix!r}" if endings else ""
        return f"cannot import {specifier!r}: {name} does not exist{advice}"
    return None


def _refusal_problem(error: PluginLoadError | None, path: Path) -> Problem:
    text = str(error).removeprefix(f"{path}: ")
    if place := _LOADER_PLACE.match(text):
        column = int(place["column"] or 1)
        return Problem(place["file"], int(place["line"]), column, "IS101", place["text"])
    return Problem(path.name, 0, 0, "IS101", text)


async def _type_problems(workshop: Workshop, entry: str, options: CheckOptions) -> list[Problem]:
    is_plain = all(name.endswith(_JS_SUFFIXES) for name in workshop.texts)
    if is_plain and not options.is_js_checked:
        return []
    try:
        output = await workshop.check_types(entry, is_js_checked=options.is_js_checked)
    except RuntimeFault as error:
        return [Problem(entry, 0, 0, "IS901", str(error))]
    return type_problems(output, entry, workshop.name_of)


async def _contract_problems(
    path: Path, source: PluginSource, facts: Mapping[str, Sequence[Fact]], options: CheckOptions
) -> list[Problem]:
    places = Places(facts, path.name)
    try:
        loaded = await load_plugin(source, options.limits, options.sandbox)
    except PluginLoadError as error:
        return [load_problem(error, path, path.name), *permission_problems(None, facts, (), places)]
    stem = path.parent.resolve().name if path.stem == "plugin" else path.stem
    return [
        *metadata_problems(loaded.exported, stem, places),
        *permission_problems(loaded.exported, facts, loaded.denials, places),
    ]


async def _regex_problems(facts: Mapping[str, Sequence[Fact]], options: CheckOptions) -> list[Problem]:
    regexes = [(file, fact) for file, own in facts.items() for fact in own if fact.kind == "regex"]
    if not regexes or not any(map(options.wants, _REGEX_CODES.values())):
        return []
    found: list[Problem] = []
    judged: dict[tuple[str, str], Growth | str | None] = {}
    async with RegexProbe(options.sandbox) as probe:
        for file, fact in regexes:
            key = (fact.name, fact.flags)
            if key not in judged:
                judged[key] = await _judge(probe, *key)
            outcome = judged[key]
            if outcome is not None:
                found.append(_regex_problem(file, fact, outcome))
    return found


async def _judge(probe: RegexProbe, pattern: str, flags: str) -> Growth | str | None:
    """The measured growth, None for a linear one, or why it could not be measured."""
    try:
        attacks = attacks_on(parse_regex(pattern, flags))
        return await probe.worst(pattern, flags, attacks) if attacks else None
    except RegexSyntaxError as error:
        return f"not judged: {error}"
    except ScanError as error:
        return f"not valid: {error.failure.message if error.failure else error}"
    except IsoscanError as error:
        return f"not judged: {error}"


def _regex_problem(file: str, fact: Fact, outcome: Growth | str) -> Problem:
    shown = f"/{printable(fact.name, _PATTERN_CHARS)}/{fact.flags}"
    if isinstance(outcome, str):
        level = Level.ERROR if outcome.startswith("not valid") else Level.WARNING
        return Problem(file, fact.line, fact.column, "IS901", f"{shown} is {outcome}", level)
    level = Level.WARNING if outcome.kind is Kind.SQUARE else Level.ERROR
    text = f"{shown}: {outcome.text}; {_ADVICE[outcome.kind]}"
    return Problem(file, fact.line, fact.column, _REGEX_CODES[outcome.kind], text, level)


def _copy_problems(folder: Path) -> list[Problem]:
    """A copy of the types beside the plugin that is not the one of this isoscan."""
    copy = folder / TYPES.name
    try:
        is_other = copy.is_file() and copy.read_bytes() != TYPES.read_bytes()
    except OSError:
        is_other = True
    if not is_other:
        return []
    text = f"is not the one of this isoscan, which editors should see; copy {TYPES} over it"
    return [Problem(copy.name, 0, 0, "IS304", text, Level.WARNING)]
