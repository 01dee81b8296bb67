"""The corpus of hostile plugins as data: what each tries and how it may end. Pure.

A plugin begins with line comments, in this order:

    // What it tries, in one sentence.
    // expect: verdicts its scan of `/bad` may end with, or `not_loaded`
    // then: verdicts of the good scans after it, where it may have spoilt itself (optional)
    // limits: changed limits, as `name=number` or `name=numberMiB` (optional)
    // permissions: what it is granted, as `net=host:port` (optional)
    // level: `realm`, or `host` for what the operating system should stop as well
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

from isoscan import Verdict
from support.builders import MIB

FOLDER = Path(__file__).parent / "plugins"
NOT_LOADED = "not_loaded"
OUTCOMES = frozenset(verdict.value for verdict in Verdict) | {NOT_LOADED}
LEVELS = ("realm", "host")
CATEGORIES = (
    "atomics", "channel", "cpu", "env", "exit", "ffi", "file", "fingerprinting", "flood", "forge",
    "hang", "import", "internals", "leftovers", "memory", "microtask", "network", "permission_request",
    "pollution", "process", "regex", "stack", "storage", "theft", "unserialisable", "wasm", "worker",
)  # fmt: skip

_FIELD = re.compile(r"// (expect|then|limits|permissions|level): (\S.*)")
_LIMIT = re.compile(r"([a-z_]+)=([0-9.]+)(MiB)?")


class Case(NamedTuple):
    """One hostile plugin."""

    id: str
    category: str
    tries: str
    code: str
    expect: frozenset[str]
    then: frozenset[str]
    limits: dict[str, Any]
    net: tuple[str, ...]
    level: str


def parse(id_: str, code: str) -> Case:
    """The plugin in `code`; raises `ValueError` when its head is not as it should be."""
    first, *rest = code.split("\n\n", 1)[0].splitlines()
    if not re.fullmatch(r"// [A-Z].*[.]", first):
        raise ValueError(f"{id_}: the first line says in one sentence what it tries")
    fields: dict[str, str] = {}
    for line in rest:
        match = _FIELD.fullmatch(line)
        if match is None or match[1] in fields:
            raise ValueError(f"{id_}: not a line of the head: {line!r}")
        fields[match[1]] = match[2]
    if list(fields) != [
        name for name in ("expect", "then", "limits", "permissions", "level") if name in fields
    ]:
        raise ValueError(f"{id_}: the head's lines are out of order")
    if fields.get("level") not in LEVELS:
        raise ValueError(f"{id_}: level is one of {', '.join(LEVELS)}")
    return Case(
        id=id_,
        category=id_.partition("/")[0],
        tries=first[3:],
        code=code,
        expect=_outcomes(id_, fields.get("expect", "")),
        then=_outcomes(id_, fields["then"]) if "then" in fields else frozenset(),
        limits=_limits(id_, fields.get("limits", "")),
        net=_net(id_, fields.get("permissions", "")),
        level=fields["level"],
    )


def load_corpus() -> list[Case]:
    """Every plugin below `plugins`, by category and name."""
    files = sorted(path for path in FOLDER.rglob("*") if path.is_file())
    return [parse(path.relative_to(FOLDER).as_posix(), path.read_text(encoding="utf-8")) for path in files]


def _outcomes(id_: str, text: str) -> frozenset[str]:
    names = frozenset(name.strip() for name in text.split(","))
    if not names <= OUTCOMES:
        raise ValueError(f"{id_}: unknown outcomes {sorted(names - OUTCOMES)}")
    return names


def _limits(id_: str, text: str) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = _LIMIT.fullmatch(part)
        if match is None:
            raise ValueError(f"{id_}: not a limit: {part!r}")
        number = float(match[2]) * (MIB if match[3] else 1)
        limits[match[1]] = number if match[1].endswith("_s") else int(number)
    return limits


def _net(id_: str, text: str) -> tuple[str, ...]:
    if text and not text.startswith("net="):
        raise ValueError(f"{id_}: the only permission is net")
    return tuple(part.strip() for part in text.removeprefix("net=").split(",")) if text else ()
