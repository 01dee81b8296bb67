"""isoscan and its peers on the same plugins and data: `python -m benchmarks --help`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from isoscan.errors import IsoscanError

from . import guard, machine
from .contenders import CONTENDERS
from .isolation import probe_all
from .measure import Benchmark, Plan, contenders_of
from .records import ContenderRecord, Machine, Report
from .words import about, verdicts
from .workloads import WORKLOADS
from .write import write_all

PEERS = [contender.name for contender in CONTENDERS.values() if contender.kind == "peer"]
_ROUNDS, _QUICK_ROUNDS = 7, 3
_ROUND_S, _QUICK_ROUND_S = 0.5, 0.1
_MAX_ROUNDS = 1000
_INTERRUPTED = 130


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: under two minutes")
    parser.add_argument(
        "--workload", action="append", choices=list(WORKLOADS), help="repeat for more; all without it"
    )
    parser.add_argument(
        "--peer",
        action="append",
        choices=[*PEERS, "none"],
        help="repeat for more; all without it. isoscan and the limits always run",
    )
    parser.add_argument("--rounds", type=int, help=f"{_ROUNDS}, or {_QUICK_ROUNDS} with --quick")
    parser.add_argument(
        "--output", type=Path, default=Path("benchmark-results"), help="folder for JSON, Markdown and HTML"
    )
    parser.add_argument(
        "--guard", action="store_true", help="isoscan against the limits only: exit 1 if it is far too slow"
    )
    options = parser.parse_args(arguments)
    if options.rounds is not None and not 1 <= options.rounds <= _MAX_ROUNDS:
        parser.error(f"--rounds {options.rounds}: must be between 1 and {_MAX_ROUNDS}")
    return options


def _new_report(
    facts: Machine, contenders: Sequence[ContenderRecord], rounds: int, round_s: float, quick: bool
) -> Report:
    return Report(
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        duration_s=0.0,
        is_quick=quick,
        is_complete=False,
        rounds=rounds,
        round_s=round_s,
        machine=facts,
        contenders=list(contenders),
        workloads=[],
        latencies=[],
        isolation=[],
    )


def _people() -> list[ContenderRecord]:
    return [
        ContenderRecord(
            name=contender.name,
            title=contender.title,
            kind=contender.kind,
            cores=contender.cores,
            is_shared=contender.is_shared,
            version=contender.version,
        )
        for contender in CONTENDERS.values()
    ]


_BEGAN = time.monotonic()


def _say(line: str) -> None:
    print(f"{time.monotonic() - _BEGAN:5.0f} s  {line}", file=sys.stderr, flush=True)


def run(options: argparse.Namespace) -> int:
    """Measures, and writes what there is even when it is broken off."""
    rounds = options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS)
    round_s = _QUICK_ROUND_S if options.quick else _ROUND_S
    report = _new_report(machine.describe(), _people(), rounds, round_s, options.quick)
    write_all(report, options.output)  # a folder that cannot be written is told now, not in ten minutes
    contenders = contenders_of(options.peer or [])
    plan = Plan(
        workloads=options.workload or list(WORKLOADS), contenders=contenders, rounds=rounds, round_s=round_s
    )
    benchmark = Benchmark(plan, report, _say)
    began = time.monotonic()
    try:
        benchmark.run()
        _say("isolation: six probes for each contender")
        asked = [
            contender
            for contender in contenders
            if contender.is_available() is None
            and (contender.kind == "peer" or contender.name == "scan-many")
        ]
        report.isolation = probe_all(asked, benchmark.herd.watch)
        report.is_complete = True
    except KeyboardInterrupt:
        _say("interrupted: writing what there is")
    finally:
        benchmark.finish()
        report.duration_s = time.monotonic() - began
        paths = write_all(report, options.output)
    people = {record.name: record for record in report.contenders}
    for workload in report.workloads:
        print(f"{workload.name}: {about(workload)}")
        for line in verdicts(workload, people):
            print(f"  {line}")
    print("written: " + ", ".join(map(str, paths)))
    return 0 if report.is_complete else _INTERRUPTED


def watch_over() -> int:
    """The guard; see `guard.py`."""
    facts, people = machine.describe(), _people()
    verdicts = guard.judge(lambda: _new_report(facts, people, 0, 0.0, True))
    for verdict in verdicts:
        print(verdict)
    return 0 if all(verdict.is_good for verdict in verdicts) else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 done, 1 the guard failed, 2 a wrong option, 130 interrupted."""
    options = _options(arguments)
    try:
        return watch_over() if options.guard else run(options)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except IsoscanError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
