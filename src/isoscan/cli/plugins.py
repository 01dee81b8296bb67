"""`isoscan plugins`: who the plugins are, as they themselves say."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..errors import IsoscanError
from ..executor import PluginExecutor
from ..models import PluginMetadata
from ..plugin_files import bundled_plugins, find_plugins
from ..reports.text import printable
from .exits import Exit, complain
from .output import write_stdout


def plugins_command(specs: Sequence[str]) -> int:
    """Loads each plugin and prints its metadata; a plugin that cannot be loaded is an error."""
    paths = find_plugins(specs) if specs else bundled_plugins()
    outcomes = asyncio.run(_load_all([PluginExecutor.from_file(path) for path in paths]))
    table = Table(box=None, pad_edge=False, show_edge=False)
    for heading in ("id", "version", "severity", "category", "tags", "description"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("id", "version"))
    code = Exit.OK
    for outcome in outcomes:
        if isinstance(outcome, IsoscanError):
            code = Exit(complain(str(outcome)))
            continue
        severity = outcome.default_severity.value if outcome.default_severity else ""
        tags = " ".join(outcome.tags)
        words = (outcome.category or "", tags, outcome.description or "")
        table.add_row(
            *(Text(printable(cell, 400)) for cell in (outcome.id, outcome.version, severity, *words))
        )
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    console = Console(highlight=False, width=None if is_terminal else 160)
    if table.row_count:
        with console.capture() as capture:
            console.print(table)
        write_stdout(capture.get())
    return code


async def _load_all(executors: Sequence[PluginExecutor]) -> list[PluginMetadata | IsoscanError]:
    return list(await asyncio.gather(*map(_load, executors)))


async def _load(executor: PluginExecutor) -> PluginMetadata | IsoscanError:
    try:
        async with executor:
            return executor.metadata
    except IsoscanError as error:
        return error
