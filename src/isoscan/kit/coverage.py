"""Which lines of a plugin its cases ran, measured in the very sandbox the plugin runs in.

Counting steps are written into a temporary copy of the plugin's sources, before statements and around the
bodies of arrow functions, without moving a line. A step that is taken for the first time is reported
as a finding with a secret title, the one way out of the sandbox; those are taken out again here.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from ..executor import PluginExecutor
from ..models import Limits
from ..sandbox.assets import read_assets
from ..sandbox.deno import find_deno
from ..sandbox.modules import source_from_file
from .cases import Case
from .testing import CaseOptions, config_of, own_grant
from .workshop import Fact, open_workshop

_MAX_FINDINGS = 1_000_000
_MAX_FINDINGS_BYTES = 64 * 1024 * 1024


class FileCoverage(Struct, frozen=True):
    """Lines of one file that hold code: how many, and which of them never ran."""

    file: str
    lines: int
    missed: list[int]

    @property
    def percent(self) -> float:
        """The share of lines that ran; 100 for a file without any."""
        return 100.0 if self.lines == 0 else 100.0 * (self.lines - len(self.missed)) / self.lines

    @property
    def missed_text(self) -> str:
        """The lines that never ran, neighbours as ranges: `3, 7-9`."""
        spans: list[list[int]] = []
        for line in self.missed:
            if spans and spans[-1][1] == line - 1:
                spans[-1][1] = line
            else:
                spans.append([line, line])
        return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in spans)


async def measure_coverage(path: Path, cases: Sequence[Case], options: CaseOptions) -> list[FileCoverage]:
    """Runs all cases once more on a counting copy; one entry for each file with code, by name.

    Raises what loading the plugin can raise.
    """
    title = f"isoscan-coverage-{secrets.token_hex(16)}"
    source = await source_from_file(path, find_deno())
    with open_workshop(path.parent) as workshop:
        workshop.add(source.names)
        steps = await workshop.read_facts(source.names, "steps")
        grant = await own_grant(path, options)
        copy = workshop.root / "counting"
        for number, (name, text) in enumerate(workshop.texts.items()):
            target = copy / name
            target.parent.mkdir(parents=True, exist_ok=True)
            counting = with_steps(text, steps[name], number, title) if steps.get(name) else text
            target.write_text(counting, encoding="utf-8", newline="")
        for name, content in read_assets(path.parent, grant.read).items():
            target = copy / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                target.write_bytes(content)
        files = list(workshop.texts)
        taken = await _run(copy / path.name, cases, options, title)
    by_file: dict[str, set[int]] = {}
    for step in taken:
        file, _, index = step.partition(":")
        by_file.setdefault(files[int(file)], set()).add(int(index))
    return _report({name: own for name, own in steps.items() if own}, by_file)


async def _run(entry: Path, cases: Sequence[Case], options: CaseOptions, title: str) -> set[str]:
    limits = _generous(options.limits)
    grant = await own_grant(entry, options)
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(json.dumps(config_of(case), sort_keys=True), []).append(case)
    taken: set[str] = set()
    for group in groups.values():
        async with PluginExecutor.from_file(
            entry, limits=limits, permissions=grant, config=config_of(group[0]), sandbox=options.sandbox
        ) as executor:
            for case in group:
                async for result in executor.scan_many(case.transactions):
                    for finding in result.findings:
                        if finding.title == title:
                            taken.update(map(str, finding.extra["steps"]))
    return taken


def _generous(limits: Limits) -> Limits:
    return msgspec.structs.replace(
        limits,
        max_findings=_MAX_FINDINGS,
        max_findings_bytes=_MAX_FINDINGS_BYTES,
        max_consecutive_deaths=_MAX_FINDINGS,
    )


def with_steps(text: str, steps: Sequence[Fact], number: int, title: str) -> str:
    """The source with a call before or around each step, all on the lines they were on.

    What loading runs cannot be reported yet, and is with the first step of a scan.
    """
    name = "$isoscan_step"
    cuts: list[tuple[int, int, int, str]] = []
    for index, step in enumerate(steps):
        length = step.end - step.start
        if step.kind == "statement":
            cuts.append((step.start, 1, -length, f"{name}({index});"))
        elif step.kind == "body":
            cuts.append((step.start, 1, -length, f"{{{name}({index});"))
            cuts.append((step.end, 0, length, "}"))
        else:
            cuts.append((step.start, 1, -length, f"({name}({index}),"))
            cuts.append((step.end, 0, length, ")"))
    # JavaScript counts in UTF-16. Where steps meet, what ends comes before what begins, the inner end first.
    data = text.encode("utf-16-le")
    parts: list[bytes] = []
    at = 0
    for offset, _, _, inserted in sorted(cuts, key=lambda cut: cut[:3]):
        parts += [data[at : offset * 2], inserted.encode("utf-16-le")]
        at = offset * 2
    counting = b"".join([*parts, data[at:]]).decode("utf-16-le")
    return _head(name, len(steps), number, title) + counting


def _head(name: str, count: int, number: int, title: str) -> str:
    return (
        f"const {name} = (() => {{ const taken = new Uint8Array({count}), "
        f"waiting = globalThis[{json.dumps(title)}] ??= []; "
        f"return (step) => {{ if (taken[step] === 1) return; taken[step] = 1; "
        f"waiting.push({json.dumps(f'{number}:')} + step); "
        f"try {{ isoscan.report({{ title: {json.dumps(title)}, steps: waiting }}); waiting.length = 0; }} "
        "catch { /* loading */ } }; })(); "
    )


def _report(steps: Mapping[str, Sequence[Fact]], taken: Mapping[str, set[int]]) -> list[FileCoverage]:
    found = []
    for name, own in sorted(steps.items()):
        lines: dict[int, bool] = {}
        for index, step in enumerate(own):
            lines[step.line] = lines.get(step.line, False) or index in taken.get(name, ())
        missed = sorted(line for line, was_run in lines.items() if not was_run)
        found.append(FileCoverage(name, len(lines), missed))
    return found
