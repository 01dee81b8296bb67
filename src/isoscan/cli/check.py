"""`isoscan check`: what is wrong with plugins, before anybody runs them."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from ..errors import ConfigError
from ..kit.check import CheckOptions, check_plugin
from ..kit.problems import CODES, Level, Problem, hint
from ..models import SandboxLevel
from ..plugin_files import find_plugins
from ..reports.text import printable
from .exits import Exit
from .output import write_stdout

_MESSAGE_CHARS = 1000


class CheckArguments(Struct, frozen=True):
    """The options of the command, as given."""

    paths: list[str]
    format: str
    ignored: list[str]
    is_js_checked: bool
    is_strict: bool
    sandbox: SandboxLevel


def check_command(arguments: CheckArguments) -> int:
    """Checks each plugin and prints its problems.

    Exit code 0 when none fails the check, 1 when one does, 2 when a plugin cannot be found.
    """
    paths = find_plugins(arguments.paths or ["."])
    for code in arguments.ignored:
        if not code.startswith("TS") and not any(known.startswith(code) for known in CODES):
            raise ConfigError(f"--ignore: {code!r} is no code of a check{hint(code, CODES)}")
    options = CheckOptions(
        is_js_checked=arguments.is_js_checked,
        ignored=tuple(arguments.ignored),
        sandbox=arguments.sandbox,
    )
    # An end from outside is one like Ctrl-C: nothing temporary stays behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    problems = asyncio.run(_check_all(paths, options))
    failing = [p for p in problems if arguments.is_strict or p.level is Level.ERROR]
    write_stdout(_WRITERS[arguments.format](problems, len(paths)))
    return Exit.FINDINGS if failing else Exit.OK


async def _check_all(paths: Sequence[Path], options: CheckOptions) -> list[Problem]:
    found: list[Problem] = []
    for path in paths:
        for problem in await check_plugin(path, options):
            file = str(path.parent / problem.file)
            found.append(msgspec.structs.replace(problem, file=file))
    return found


def _text(problems: Sequence[Problem], count: int) -> str:
    lines = [f"{_place(problem)}: {_coded(problem)}" for problem in problems]
    return "\n".join([*lines, _summary(problems, count)]) + "\n"


def _place(problem: Problem) -> str:
    file = printable(problem.file)
    return f"{file}:{problem.line}:{problem.column}" if problem.line else file


def _coded(problem: Problem) -> str:
    mark = "" if problem.level is Level.ERROR else "warning: "
    return f"{problem.code} {mark}{printable(problem.message, _MESSAGE_CHARS)}"


def _summary(problems: Iterable[Problem], count: int) -> str:
    levels = [problem.level for problem in problems]
    plugins = "1 plugin" if count == 1 else f"{count} plugins"
    if not levels:
        return f"{plugins} checked: no problems"
    parts = [
        f"{number} {level.value}{'' if number == 1 else 's'}"
        for level in Level
        if (number := levels.count(level))
    ]
    return f"{plugins} checked: {', '.join(parts)}"


def _json(problems: Sequence[Problem], count: int) -> str:
    return (
        json.dumps(
            {"checked": count, "problems": [msgspec.to_builtins(problem) for problem in problems]}, indent=2
        )
        + "\n"
    )


def _github(problems: Sequence[Problem], count: int) -> str:
    lines = []
    for problem in problems:
        place = [f"file={_property(problem.file)}"]
        if problem.line:
            place += [f"line={problem.line}", f"col={problem.column}"]
        message = printable(problem.message, _MESSAGE_CHARS).replace("%", "%25")
        lines.append(f"::{problem.level.value} {','.join(place)},title={problem.code}::{message}")
    return "".join(f"{line}\n" for line in [*lines, _summary(problems, count)])


def _property(text: str) -> str:
    escaped = printable(text).replace("%", "%25")
    return escaped.replace(":", "%3A").replace(",", "%2C")


_WRITERS = {"text": _text, "json": _json, "github": _github}
