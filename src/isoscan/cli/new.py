"""`isoscan new`: the folder of a new plugin."""

from __future__ import annotations

from pathlib import Path

from ..kit.scaffold import write_plugin
from ..reports.text import printable
from .exits import Exit
from .output import write_stdout


def new_command(name: str, *, folder: str, is_javascript: bool) -> int:
    """Writes a new plugin and tells what to do with it. Raises `ConfigError`; nothing is written then."""
    files = write_plugin(Path(folder), name, is_javascript=is_javascript)
    target = printable(str(Path(folder) / name))
    lines = [*(printable(str(path)) for path in files), ""]
    lines += [f"isoscan {command} {target}" for command in ("check", "test")]
    write_stdout("\n".join([*lines, f"isoscan run CAPTURE --plugin {target}"]) + "\n")
    return Exit.OK
