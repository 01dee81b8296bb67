"""`isoscan config`: what holds and where it comes from, and the schema of the file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from msgspec import to_builtins

from ..config import Effective, config_schema, load
from ..reports.text import printable
from .exits import Exit
from .output import write_stdout

_WIDTH = 36


def config_show_command(name: str | None, *, is_config_wanted: bool, format_: str) -> int:
    """Prints every key with its value and where that comes from."""
    effective = load(name, is_wanted=is_config_wanted)
    write_stdout(_as_json(effective) if format_ == "json" else "".join(_as_text(effective)))
    return Exit.OK


def config_schema_command() -> int:
    """Prints the JSON schema of the configuration file."""
    write_stdout(json.dumps(config_schema(), indent=2) + "\n")
    return Exit.OK


def _as_json(effective: Effective) -> str:
    settings = [to_builtins(setting) for setting in effective.settings()]
    file = None if effective.file is None else effective.file.name
    return json.dumps({"file": file, "settings": settings}, indent=2) + "\n"


def _as_text(effective: Effective) -> Iterator[str]:
    if effective.file is None:
        yield "# no configuration file: all values are defaults\n"
    elif effective.file.ignored is not None:
        yield f"# {printable(effective.file.ignored)} is not used: {printable(effective.file.name)} wins\n"
    table = ""
    for setting in effective.settings():
        key = setting.key
        if key.startswith("suppressions["):
            head, _, key = key.partition("].")
            if head != table:
                table = head
                yield "\n[[suppressions]]\n"
        # What is not set has no value in TOML, so its line is a comment.
        line = f"# {key} is not set" if setting.value is None else f"{key} = {_toml(setting.value)}"
        yield f"{printable(line):<{_WIDTH}}  # {printable(setting.origin)}\n"


def _toml(value: Any) -> str:
    """A value as TOML writes it: its strings, numbers and booleans are JSON's."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        pairs = ", ".join(f"{_toml(key)} = {_toml(each)}" for key, each in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    return json.dumps(value, ensure_ascii=False)
