"""The page of the command line, read from the cyclopts app, and that of exit codes."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Iterator
from typing import Any

import docstring_parser
import msgspec
from cyclopts import App

from isoscan.cli.app import app
from isoscan.cli.exits import Exit
from isoscan.config import Config, ScopeTable

from .inspection import member_comments
from .markdown import block, code, page, prose, sentence, table


def pages() -> dict[str, str]:
    """Path below `docs/` → text."""
    return {"reference/cli.md": _cli(), "reference/exit-codes.md": _exit_codes()}


def commands(of: App = app, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], App]]:
    """Every command that runs something, with its words, in the order they were given."""
    for name in of:
        if name.startswith("-"):
            continue
        command = of[name]
        words = (*path, name)
        if command.default_command is not None:
            yield words, command
        yield from commands(command, words)


def keys() -> dict[str, str]:
    """Options of `isoscan run` → keys of the configuration with the same meaning."""
    found = {}
    for prefix, data in (("", Config), ("scope.", ScopeTable)):
        for one in msgspec.inspect.type_info(data).fields:  # type: ignore[attr-defined]
            extra = getattr(one.type, "extra", None) or {}
            if "option" in extra:
                found[extra["option"]] = prefix + one.name
    return found


def _cli() -> str:
    found = dict(sorted(commands(), key=lambda one: one[0] != ("run",)))  # the one most people look for
    rows = [
        (f"[`isoscan {' '.join(words)}`](#isoscan-{'-'.join(words)})", _docs(command).short_description or "")
        for words, command in found.items()
    ]
    intro = (
        f"{app.help}\n\n`--help` after any command prints what stands here, `isoscan --version` the version. "
        "The exit codes are [a page of their own](exit-codes.md)."
    )
    return page(
        "Command line",
        intro,
        table(("Command", ""), rows),
        *(_command(words, command) for words, command in found.items()),
    )


def _docs(command: App) -> docstring_parser.Docstring:
    return docstring_parser.parse(inspect.getdoc(command.default_command) or "")


def _command(words: tuple[str, ...], command: App) -> str:
    docs = _docs(command)
    help_of = {one.arg_name: " ".join((one.description or "").split()) for one in docs.params}
    positional, options = [], []
    usage = ["isoscan", *words]
    key_of = keys() if words == ("run",) else {}
    for argument in command.assemble_argument_collection():
        field = argument.field_info
        text = sentence(prose(help_of.get(field.name, ""))) if help_of.get(field.name) else ""
        if field.kind in (field.POSITIONAL_ONLY, field.VAR_POSITIONAL):
            name = argument.names[0].upper() if argument.names else (argument.name or field.name).upper()
            is_many = field.kind is field.VAR_POSITIONAL or "list" in str(field.hint)
            shown = name.removeprefix("--") + ("…" if is_many else "")
            usage.append(shown if field.required else f"[{shown}]")
            positional.append((code(shown), text))
            continue
        row = [_option(argument), text, _default(field)]
        if key_of:
            key = key_of.get(argument.name)
            row.append(code(key) if key else "")
        options.append(tuple(row))
    if options:
        usage.append("[OPTIONS]")
    head = ("Option", "Meaning", "Default", "Key in `isoscan.toml`")[: 4 if key_of else 3]
    parts = [
        f"## `isoscan {' '.join(words)}`",
        block("text", " ".join(usage)),
        prose(docs.short_description),
        prose(docs.long_description),
        table(("Argument", "Meaning"), positional) if positional else "",
        table(head, options) if options else "",
    ]
    return "\n\n".join(part for part in parts if part)


def _option(argument: Any) -> str:
    names = ", ".join(code(name) for name in argument.names)
    choices = argument.get_choices()
    if choices:
        return f"{names} " + " / ".join(code(choice) for choice in choices)
    kind = str(argument.hint)
    if "bool" in kind:
        return names
    if "float" in kind:
        return f"{names} `NUMBER`"
    return f"{names} `INTEGER`" if kind == "<class 'int'>" or kind.startswith("int") else f"{names} `TEXT`"


def _default(field: Any) -> str:
    """Where the code has one; other options say in their text what holds without them."""
    if field.required:
        return "required"
    if field.name == "sandbox" and field.default is not None:
        return "`strict` on Linux, else `permissions`"
    if field.default in (None, False, ()) or field.default is inspect.Parameter.empty:
        return ""
    return code("yes" if field.default is True else field.default)


def _exit_codes() -> str:
    comments = member_comments(Exit)
    assert issubclass(Exit, enum.IntEnum)
    rows = [(code(int(one)), comments[one.name]) for one in Exit]
    own = []
    for words, command in commands():
        text = " ".join((_docs(command).long_description or "").split())
        if "xit code" in text:
            own.append((f"[`isoscan {' '.join(words)}`](cli.md#isoscan-{'-'.join(words)})", prose(text)))
    return page(
        "Exit codes",
        table(("Code", "Meaning"), rows),
        "Commands that give a code a meaning of their own:",
        table(("Command", ""), own),
    )
