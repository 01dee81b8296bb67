"""What a soak can run: a plugin and a load for it, as data."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from ..errors import ConfigError

_PLUGINS = Path(__file__).parent / "plugins"


class Load(StrEnum):
    """How scans are asked for."""

    #: As fast as they are answered.
    FULL = "full"
    #: So many a second.
    PACED = "paced"
    #: As fast as they are answered for half of the time, then nothing for as long.
    BURSTS = "bursts"


class Mode(Struct, frozen=True, kw_only=True):
    """One plugin under one load. `rate_per_s` is for a paced load only."""

    name: str
    title: str
    about: str
    plugin: str
    load: Load = Load.FULL
    rate_per_s: float = 0.0

    @property
    def path(self) -> Path:
        """The plugin's file."""
        return _PLUGINS / self.plugin


MODES: tuple[Mode, ...] = (
    Mode(
        name="well-behaved",
        title="A well-behaved plugin",
        about="Headers and two patterns over the body. It keeps nothing, so nothing should be restarted.",
        plugin="well-behaved.ts",
    ),
    Mode(
        name="seed-leak",
        title="The seed's leak",
        about="Every call pastes its transaction into the source of a new script, and V8 keeps the source.",
        plugin="seed-leak.ts",
    ),
    Mode(
        name="seed-ours",
        title="The same work, data as data",
        about="The check of the mode before, with the transaction handed over instead of pasted.",
        plugin="seed-ours.ts",
    ),
    Mode(
        name="leak-2kB",
        title="A leak of 2 kB per scan",
        about="A list in the module that nobody empties, as fast as scans are answered.",
        plugin="leak-2kb.ts",
    ),
    Mode(
        name="leak-1MB",
        title="A leak of 1 MB per scan",
        about="The same with 1 MB, 200 scans a second asked for.",
        plugin="leak-1mb.ts",
        load=Load.PACED,
        rate_per_s=200.0,
    ),
    Mode(
        name="bursts",
        title="Bursts",
        about="The leak of 2 kB per scan; the load is full for half of the time, then nothing comes.",
        plugin="leak-2kb.ts",
        load=Load.BURSTS,
    ),
)


def modes_named(names: Sequence[str]) -> tuple[Mode, ...]:
    """The modes of these names, in the order given, each once; all of them for no names."""
    if not names:
        return MODES
    by_name = {mode.name.lower(): mode for mode in MODES}
    found: list[Mode] = []
    for name in names:
        mode = by_name.get(name.strip().lower())
        if mode is None:
            known = ", ".join(mode.name for mode in MODES)
            raise ConfigError(f"--mode: there is no {name!r}; the modes are {known}")
        if mode not in found:
            found.append(mode)
    return tuple(found)
