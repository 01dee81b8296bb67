"""The live screen: one mode at a glance, on a terminal and on standard error only."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from .figures import milliseconds, seconds, size, sparkline
from .records import ModeRecord
from .soak import Moment

_REFRESH_S = 0.125
_SPARK_WIDTH = 60
#: The figures, the curve, two lines for the reason and the frame: the same for every moment.
_HEIGHT = 10


class Screen:
    """Shows moments while a soak runs; nothing at all when it is off or standard error is no terminal."""

    def __init__(self, *, is_on: bool) -> None:
        self._is_on = is_on and sys.stderr.isatty()
        self._live: Live | None = None
        self._shown_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def clear(self) -> None:
        """Takes the panel away, so that lines may be written; the next moment brings it back."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def show(self, moment: Moment) -> None:
        """Draws the moment, eight times a second at most."""
        now = time.monotonic()
        if not self._is_on or now - self._shown_at < _REFRESH_S:
            return
        self._shown_at = now
        if self._live is None:
            console = Console(file=sys.stderr, highlight=False)
            self._live = Live(console=console, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(render(moment), refresh=True)


def render(moment: Moment) -> RenderableType:
    """One moment as a panel of constant height."""
    recorder, options = moment.recorder, moment.options
    series, stats = recorder.series, recorder.stats
    rate = recorder.ended / moment.elapsed_s if moment.elapsed_s > 0 else 0.0
    longest = max((mark.pause_ms for mark in recorder.marks), default=0.0)
    reasons: dict[str, int] = {}
    for mark in recorder.marks:
        reasons[mark.reason.value] = reasons.get(mark.reason.value, 0) + 1
    growth = recorder.growth
    table = Table.grid(padding=(0, 2))
    for style in ("dim", "bold", "dim", "bold"):
        table.add_column(style=style, no_wrap=True)
    table.add_row("scans", f"{recorder.ended:,}", "scans/s", f"{rate:,.0f}")
    table.add_row(
        "generation",
        str(stats.generation if stats else 0),
        "queue",
        f"{series.waiting[-1]:,}" if series.waiting else "0",
    )
    table.add_row(
        "memory",
        size(series.rss_bytes[-1]) if series.rss_bytes else "-",
        "heap",
        size(series.heap_bytes[-1]) if series.heap_bytes else "-",
    )
    table.add_row(
        "growth/scan",
        f"{size(growth.bytes_per_scan)} ± {size((growth.high - growth.low) / 2)}" if growth else "not yet",
        "longest pause",
        milliseconds(longest),
    )
    table.add_row(
        "restarts",
        ", ".join(f"{count} {reason}" for reason, count in reasons.items()) or "0",
        "standstill",
        milliseconds(recorder.standstill_s * 1000),
    )
    memory = sparkline([value or 0 for value in series.rss_bytes], _SPARK_WIDTH)
    return Panel(
        Group(
            table,
            Text(memory, style="cyan", no_wrap=True),
            Text(recorder.last_reason or recorder.explanation, style="dim"),
        ),
        height=_HEIGHT,
        title=f"{recorder.mode.name}  {moment.number}/{len(options.modes)}",
        subtitle=f"{seconds(moment.elapsed_s)} of {seconds(options.duration_s)} · Ctrl-C stops and reports",
        title_align="left",
        subtitle_align="left",
    )


def line(record: ModeRecord) -> str:
    """One mode in one line, for pipes and logs."""
    reasons = ",".join(f"{reason.value}={count}" for reason, count in record.restarts.items())
    growth = record.growth
    grown = "not measured"
    if growth is not None:
        grown = f"{growth.bytes_per_scan:.0f}±{(growth.high - growth.low) / 2:.0f} B/scan"
    return (
        f"{record.mode}: {record.scans} scans, {record.scans_per_s:.0f}/s, lost {record.lost}, "
        f"failed {record.failed}, restarts {record.restart_count}{f' ({reasons})' if reasons else ''}, "
        f"longest pause {record.pauses.max_ms:.1f} ms, standstill {record.longest_standstill_ms:.0f} ms, "
        f"memory {size(record.rss.start_bytes)} → {size(record.rss.end_bytes)} "
        f"(peak {size(record.rss.peak_bytes)}), growth {grown}"
    )
