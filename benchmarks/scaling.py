"""Scaling curves and memory figures of isoscan: `python -m benchmarks.scaling [--quick] [--output DIR]`."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct

from isoscan.errors import IsoscanError

from . import machine, scaling_latency, scaling_memory, scaling_throughput
from .scaling_records import ScalingReport, Sizes
from .scaling_words import verdicts
from .scaling_write import write_all

PARTS = ("throughput", "latency", "memory")
CURVES = ("workers", "plugins", "body", "batch", "frames", "queue")
_INTERRUPTED = 130


class Plan(Struct, frozen=True, kw_only=True):
    """How much is measured. `shares`: loads as shares of the capacity, ascending. `curves`: by name."""

    rounds: int
    round_s: float
    shares: tuple[float, ...]
    load_rounds: int
    load_s: float
    sizes: Sizes
    curves: tuple[str, ...] = CURVES


FULL = Plan(
    rounds=7,
    round_s=0.3,
    shares=(0.1, 0.25, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5),
    load_rounds=3,
    load_s=1.5,
    sizes=Sizes(
        executors=10, plugins=100, growth_scans=10_000_000, restarts=200, capture_bytes=1_000_000_000
    ),
)
QUICK = Plan(
    rounds=3,
    round_s=0.06,
    shares=(0.1, 0.5, 0.8, 1.0, 1.5),
    load_rounds=1,
    load_s=0.7,
    sizes=Sizes(executors=10, plugins=20, growth_scans=1_000_000, restarts=40, capture_bytes=64 << 20),
)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="fewer and shorter rounds, 20 plugins, a small capture"
    )
    parser.add_argument("--part", action="append", choices=PARTS, help="repeat for more; all without it")
    parser.add_argument(
        "--output", type=Path, default=Path("benchmark-results"), help="folder for JSON, Markdown and HTML"
    )
    return parser.parse_args(arguments)


def _on(loop: Callable[[], asyncio.AbstractEventLoop] | None, main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main)


def run(plan: Plan, parts: Sequence[str], folder: Path, is_quick: bool) -> ScalingReport:
    """Measures, and writes what there is even when it is broken off; the report."""
    report = ScalingReport(
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        duration_s=0.0,
        is_quick=is_quick,
        is_complete=False,
        machine=machine.describe(),
    )
    write_all(report, folder)  # a folder that cannot be written is told now, not in ten minutes
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {line}", file=sys.stderr, flush=True)

    try:
        if "throughput" in parts:
            _on(None, scaling_throughput.measure(report, plan.curves, plan.rounds, plan.round_s, say))
        if "latency" in parts:
            _on(
                scaling_latency.new_event_loop,
                scaling_latency.measure(report, plan.shares, plan.load_rounds, plan.load_s, say),
            )
        if "memory" in parts:
            scaling_memory.measure(report, plan.sizes, say)
        report.is_complete = True
    except KeyboardInterrupt:
        say("interrupted: writing what there is")
    finally:
        report.duration_s = time.monotonic() - began
        paths = write_all(report, folder)
    print("written: " + ", ".join(map(str, paths)))
    return report


def failures_of(report: ScalingReport) -> list[str]:
    """What could not be measured, and why."""
    told = [(line.title, line.failure) for curve in report.curves for line in curve.lines]
    told += [(curve.title, curve.failure) for curve in report.loads]
    told += [(record.title, record.failure) for record in report.memory]
    return [f"{title}: {failure}" for title, failure in told if failure]


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 done, 1 something could not be measured, 2 a wrong option, 130 interrupted."""
    options = _options(arguments)
    try:
        report = run(
            QUICK if options.quick else FULL, options.part or PARTS, options.output, bool(options.quick)
        )
    except KeyboardInterrupt:
        return _INTERRUPTED
    except IsoscanError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for curve in report.loads:
        for line in verdicts(curve):
            print(f"{curve.title}: {line}")
    if not report.is_complete:
        return _INTERRUPTED
    failures = failures_of(report)
    for line in failures:
        print(line, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
