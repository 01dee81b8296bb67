"""`isoscan run --profile`: what each plugin cost in time and memory, and where one hung."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from ..config import Effective
from ..coverage import Coverage, PluginCoverage
from ..errors import ConfigError
from ..executor import PluginExecutor
from ..models import MIB, ExecutorStats, HttpTransaction, ScanResult, Verdict
from ..redact import Redactor
from ..reports.text import counted, printable
from ..sources import Entry
from .hang import PROBE_S, Hang, explain_hang
from .inspect import check_weaker
from .output import open_file

_ID_CHARS = 200
_EXCERPT_CHARS = 80
_ROUNDED = 3


class SlowScan(Struct, frozen=True):
    """One of the slowest scans of a plugin."""

    transaction_id: str
    duration_ms: float


class PluginProfile(Struct, kw_only=True):
    """One plugin: times in milliseconds, memory in bytes of the generation that served at the end.

    `share` is its part of the time all plugins took together, 0 to 1. `p50_ms` and `p99_ms` leave out scans
    that were killed, whose true time nobody knows. `growth_bytes_per_execution` is None as long as there is
    too little to tell.
    """

    plugin_id: str
    scans: int
    findings: int
    verdicts: dict[str, int]
    total_ms: float
    share: float
    mean_ms: float | None
    p50_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    rss_bytes: int | None
    heap_used_bytes: int | None
    growth_bytes_per_execution: float | None
    restarts: dict[str, int]
    slowest: list[SlowScan]
    hang: Hang | None = None


class ProfileDocument(Struct, kw_only=True):
    """The JSON form: one entry for each plugin, the one that took most time first."""

    version: int = 1
    plugins: list[PluginProfile] = field(default_factory=list)


class Profile:
    """Watches the results of a run and says afterwards what they cost. `redactor` masks what it quotes."""

    def __init__(self, name: str, effective: Effective, read: Sequence[str]) -> None:
        self.redactor: Redactor | None = None
        self._effective = effective
        self._findings: Counter[str] = Counter()
        #: By plugin: the first transaction it hung on.
        self._hung: dict[str, HttpTransaction] = {}
        self._file = None if not name else open_file(name, "--profile=", read)

    def close(self) -> None:
        """Closes the file; without `conclude` it was not written."""
        if self._file is not None:
            self._file.close()

    def observe(self, result: ScanResult, entry: Entry) -> None:
        """One result of the run."""
        self._findings[result.plugin_id] += len(result.findings)
        if result.verdict is Verdict.TIMEOUT and result.plugin_id not in self._hung:
            assert entry.transaction is not None
            self._hung[result.plugin_id] = entry.transaction

    async def conclude(
        self, executors: Sequence[PluginExecutor], coverage: Coverage, stats: Mapping[str, ExecutorStats]
    ) -> bool:
        """Looks into what hung, prints the table and writes the file; False when that was interrupted."""
        hangs, is_whole = await self._explain(executors)
        document = ProfileDocument(plugins=self._profiles(coverage, stats, hangs))
        for line in _lines(document):
            sys.stderr.write(line + "\n")
        if self._file is not None:
            self._file.begin()
            self._file.write(msgspec.json.format(msgspec.json.encode(_rounded(document)), indent=2) + b"\n")
            self._file.commit()
        return is_whole

    async def _explain(self, executors: Sequence[PluginExecutor]) -> tuple[dict[str, Hang], bool]:
        hangs: dict[str, Hang] = {}
        loop = asyncio.get_running_loop()
        looking = asyncio.create_task(self._explain_each(executors, hangs), name="isoscan-profile")
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, looking.cancel)
        await asyncio.wait([looking])
        if looking.cancelled():
            sys.stderr.write("profile: interrupted while looking into what hung\n")
            return hangs, False
        looking.result()
        return hangs, True

    async def _explain_each(self, executors: Sequence[PluginExecutor], hangs: dict[str, Hang]) -> None:
        try:
            check_weaker(self._effective, "--profile")
            may_inspect = True
        except ConfigError:
            may_inspect = False
        for executor in executors:
            plugin_id = executor.metadata.id
            transaction = self._hung.get(plugin_id)
            if transaction is None:
                continue
            level = ", in the weaker sandbox 'permissions' for its stack" if may_inspect else ""
            sys.stderr.write(f"profile: running {printable(plugin_id)} again where it hung{level}\n")
            options = self._effective.options_of(plugin_id)
            hang = await explain_hang(executor, options, transaction, may_inspect=may_inspect)
            if hang.slice is not None and self.redactor is not None:
                excerpt = self.redactor.text(hang.slice.excerpt, transaction)
                hang.slice = replace(hang.slice, excerpt=excerpt)
            hangs[plugin_id] = hang

    def _profiles(
        self, coverage: Coverage, stats: Mapping[str, ExecutorStats], hangs: Mapping[str, Hang]
    ) -> list[PluginProfile]:
        whole_ms = sum(plugin.total_ms for plugin in coverage.plugins.values())
        profiles = [
            _profile(plugin_id, plugin, stats[plugin_id], whole_ms, self._findings[plugin_id])
            for plugin_id, plugin in coverage.plugins.items()
        ]
        for profile in profiles:
            profile.hang = hangs.get(profile.plugin_id)
        return sorted(profiles, key=lambda profile: -profile.total_ms)


def _profile(
    plugin_id: str, plugin: PluginCoverage, stats: ExecutorStats, whole_ms: float, findings: int
) -> PluginProfile:
    scans = plugin.verdicts.total()
    latency = stats.scan_latency
    return PluginProfile(
        plugin_id=plugin_id,
        scans=scans,
        findings=findings,
        verdicts={verdict.value: count for verdict, count in plugin.verdicts.items()},
        total_ms=plugin.total_ms,
        share=plugin.total_ms / whole_ms if whole_ms else 0.0,
        mean_ms=plugin.total_ms / scans if scans else None,
        p50_ms=latency.p50_ms,
        p99_ms=latency.p99_ms,
        max_ms=plugin.slowest[-1][0] if plugin.slowest else None,
        rss_bytes=stats.rss_bytes,
        heap_used_bytes=stats.heap_used_bytes,
        growth_bytes_per_execution=stats.growth_bytes_per_execution,
        restarts={reason.value: count for reason, count in stats.restarts.items() if count},
        slowest=[SlowScan(id_, duration_ms) for duration_ms, id_ in reversed(plugin.slowest)],
    )


# ---- as text -------------------------------------------------------------------

_HEADINGS = (
    "plugin",
    "scans",
    "findings",
    "total",
    "share",
    "mean",
    "p50",
    "p99",
    "max",
    "rss",
    "heap",
    "growth",
)


def _lines(document: ProfileDocument) -> Iterator[str]:
    """The table, then for each plugin its slowest scans and where it hung."""
    rows = [_HEADINGS, *map(_row, document.plugins)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    yield "profile: time in the plugins (p50 and p99 of scans that were answered); memory at the end"
    for row in rows:
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
        ]
        yield ("  " + "  ".join(cells)).rstrip()
    for profile in document.plugins:
        if profile.slowest:
            slowest = (
                f"{printable(each.transaction_id, _ID_CHARS)} {_ms(each.duration_ms)}"
                for each in profile.slowest
            )
            yield f"  {printable(profile.plugin_id)}: slowest: {', '.join(slowest)}"
        if profile.hang is not None:
            yield from _hang_lines(profile.plugin_id, profile.hang)


def _row(profile: PluginProfile) -> tuple[str, ...]:
    growth = profile.growth_bytes_per_execution
    return (
        printable(profile.plugin_id),
        f"{profile.scans:,}",
        f"{profile.findings:,}",
        _ms(profile.total_ms),
        f"{profile.share:.0%}",
        _ms(profile.mean_ms),
        _ms(profile.p50_ms),
        _ms(profile.p99_ms),
        _ms(profile.max_ms),
        _mib(profile.rss_bytes),
        _mib(profile.heap_used_bytes),
        "-" if growth is None else f"{growth:,.0f} B",
    )


def _hang_lines(plugin_id: str, hang: Hang) -> Iterator[str]:
    place = printable(hang.transaction_id, _ID_CHARS)
    yield f"  {printable(plugin_id)}: hung on {place}, longer than {hang.limit_s:g} s"
    if hang.stack:
        yield f"    stack, {hang.stack_note}:"
        yield from (f"      at {printable(frame, _ID_CHARS)}" for frame in hang.stack)
    elif hang.stack_note:
        yield f"    {printable(hang.stack_note)}"
    if hang.slice is not None:
        found = hang.slice
        kind = "smallest slice" if found.is_smallest else "a slice"
        probe_s = min(PROBE_S, hang.limit_s)
        yield (
            f"    {kind} that takes more than {probe_s:g} s: bytes {found.start:,} to {found.stop:,} "
            f"of the {found.body_bytes:,} of the {found.part}"
        )
        yield f"      {printable(found.excerpt, _EXCERPT_CHARS)}"
    elif hang.slice_note:
        yield f"    {printable(hang.slice_note)}"
    if hang.scans:
        yield f"    found with {counted(hang.scans, 'more scan')} in {hang.elapsed_s:.1f} s"


def _ms(value: float | None) -> str:
    if value is None:
        return "-"
    if value >= 10_000:
        return f"{value / 1000:,.1f} s"
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.2f} ms"


def _mib(value: int | None) -> str:
    return "-" if value is None else f"{value / MIB:.1f} MiB"


def _rounded(document: ProfileDocument) -> Any:
    """Plain data; no more digits than were measured."""

    def shorten(value: Any) -> Any:
        if isinstance(value, float):
            return round(value, _ROUNDED)
        if isinstance(value, dict):
            return {key: shorten(each) for key, each in value.items()}
        if isinstance(value, list):
            return [shorten(each) for each in value]
        return value

    return shorten(msgspec.to_builtins(document))
