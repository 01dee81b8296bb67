"""Runs the contenders in interleaved rounds and keeps the report true at every moment."""

from __future__ import annotations

import contextlib
import os
import statistics
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from .contender import Contender, Outcome
from .contenders import CONTENDERS
from .contenders.ours import cpus
from .figures import paired, percentile, spread
from .process import ContenderFailed, ContenderHung, Process
from .records import Cell, CellState, LatencyRecord, Report, WorkloadRecord
from .worker import Command
from .workloads import WORKLOADS, Workload, WorkloadUnavailable

_START_S = 60.0
_CHECK_S = 60.0
_RUN_EXTRA_S = 15.0
_COMPARED = ("title", "evidence", "location", "description")
#: Whose single calls are timed.
LATENCY_WORKLOAD = "url"


class Plan(Struct, frozen=True, kw_only=True):
    """What shall be measured, and for how long."""

    workloads: Sequence[str]
    contenders: Sequence[Contender]
    rounds: int
    round_s: float
    has_latencies: bool = True


class Herd:
    """Every process that runs, so that none is left when the run breaks off."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._processes: list[Process] = []
        #: From here on a contender that dies has not failed.
        self.is_over = False

    def watch(self, process: Process) -> None:
        """Takes note of a process; it is ended at once when the run is over."""
        with self._lock:
            self._processes = [known for known in self._processes if not known.is_over]
            self._processes.append(process)
            is_over = self.is_over
        if is_over:
            process.end()

    def kill(self) -> None:
        """Ends all there are and all that come."""
        with self._lock:
            self.is_over = True
            processes = list(self._processes)
        for process in processes:
            process.end()


class _Entry:
    """One contender on the workload at hand: its cell and its processes, one or one per CPU."""

    def __init__(self, contender: Contender, herd: Herd) -> None:
        self._herd = herd
        self.contender = contender
        self.cell = Cell(contender=contender.name, state="not reached")
        self.latency = LatencyRecord(contender=contender.name, state="not reached")
        self.lanes: list[Process] = []
        self.p50s: list[float | None] = []
        self.p99s: list[float | None] = []

    @property
    def is_running(self) -> bool:
        return bool(self.lanes) and not self.lanes[0].is_over

    def fail(self, state: CellState, detail: str) -> None:
        """No further rounds; all its processes end."""
        self.cell.state = self.latency.state = state
        self.cell.detail = self.latency.detail = detail
        for lane in self.lanes:
            lane.kill()

    @contextlib.contextmanager
    def turn(self, lanes: Sequence[Process]) -> Iterator[None]:
        """While it lasts these processes run, and what goes wrong is written into the cell."""
        # isoscan and the limits wait without using the CPU; peers that spin would disturb the others.
        is_paused = self.contender.kind == "peer"
        try:
            for lane in lanes if is_paused else ():
                lane.wake()
            yield
            for lane in lanes if is_paused else ():
                lane.pause()
        except (ContenderHung, ContenderFailed) as failure:
            if not self._herd.is_over:
                self.fail("hung" if isinstance(failure, ContenderHung) else "failed", str(failure))


class Benchmark:
    """One run. `report` is filled as it goes on; `finish` turns what is there into figures."""

    def __init__(self, plan: Plan, report: Report, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._report = report
        self._say = say
        self._entries: list[_Entry] = []
        self._cpus = cpus()
        self.herd = Herd()

    def run(self) -> None:
        """All workloads. Whoever breaks it off calls `finish` then."""
        with tempfile.TemporaryDirectory(prefix="isoscan-bench-") as name:
            for workload in self._plan.workloads:
                self._workload(workload, Path(name))

    def finish(self) -> None:
        """Ends what still runs and works out the figures of the workload at hand."""
        self.herd.kill()
        self._close()

    def _workload(self, name: str, folder: Path) -> None:
        self._entries = [_Entry(contender, self.herd) for contender in self._plan.contenders]
        has_latencies = self._plan.has_latencies and name == LATENCY_WORKLOAD
        record = WorkloadRecord(name=name, about="", plugins=0, transactions=0, findings=0, cells=[])
        record.cells = [entry.cell for entry in self._entries if entry.contender.has_rate]
        self._report.workloads.append(record)
        if has_latencies:
            self._report.latencies = [entry.latency for entry in self._entries if entry.contender.has_latency]
        try:
            workload = WORKLOADS[name]()
        except WorkloadUnavailable as unavailable:
            record.about = f"not run: {unavailable}"
            self._say(f"{name}: not run: {unavailable}")
            return
        record.about = workload.about
        record.plugins, record.transactions = len(workload.plugins), len(workload.transactions)
        file = folder / f"{name}.json"
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(msgspec.json.encode(workload))
        self._say(f"{name}: starting {len(self._entries)} contenders")
        reference = self._reference(workload, file)
        record.findings = sum(len(plugin) for row in reference for plugin in row)
        self._prepare(workload, file, reference)
        for number in range(self._plan.rounds):
            self._say(f"{name}: round {number + 1} of {self._plan.rounds}")
            # Nobody always runs behind the same neighbour.
            entries = self._entries if number % 2 == 0 else self._entries[::-1]
            for entry in entries:
                if entry.contender.has_rate:
                    entry.cell.rates.append(self._rate(entry) if entry.is_running else None)
        if has_latencies:
            for number in range(self._plan.rounds):
                self._say(f"{name}: one call at a time, round {number + 1} of {self._plan.rounds}")
                for entry in self._entries:
                    if entry.contender.has_latency and entry.is_running:
                        self._latency(entry)
        self._close()

    # ---- before the rounds ---------------------------------------------------

    def _reference(self, workload: Workload, file: Path) -> list[list[list[tuple[str, ...]]]]:
        """What isoscan finds: by transaction, by plugin."""
        process = Process("all-cores", file)
        self.herd.watch(process)
        try:
            process.answer(_START_S)
            raw = process.ask(Command("outcomes", count=len(workload.transactions)), _CHECK_S)
        except (ContenderFailed, ContenderHung) as failure:
            raise SystemExit(f"isoscan itself fails on {workload.name}: {failure}") from None
        finally:
            process.kill()
        return comparable(msgspec.convert(raw, list[Outcome]))

    def _prepare(self, workload: Workload, file: Path, reference: list[list[list[tuple[str, ...]]]]) -> None:
        """Starts everybody, compares findings, warms up; as many side by side as there are CPUs."""
        with ThreadPoolExecutor(self._cpus) as threads:
            tasks = [
                threads.submit(self._prepare_one, entry, workload, file, reference) for entry in self._entries
            ]
            try:
                for task in tasks:
                    task.result()
            except BaseException:
                self.herd.kill()
                threads.shutdown(wait=False, cancel_futures=True)
                raise

    def _prepare_one(
        self, entry: _Entry, workload: Workload, file: Path, reference: list[list[list[tuple[str, ...]]]]
    ) -> None:
        contender = entry.contender
        if workload.name in contender.excludes:
            entry.fail("not applicable", contender.excludes[workload.name])
            return
        if (reason := contender.is_available()) is not None:
            entry.fail("not installed", reason)
            return
        for _ in range(self._cpus if contender.copies else 1):
            lane = Process(contender.name, file)
            self.herd.watch(lane)
            entry.lanes.append(lane)
        with entry.turn(entry.lanes):
            for lane in entry.lanes:
                lane.answer(_START_S)
            count = len(workload.transactions)
            if contender.checks is not None:
                count = min(count, -(-contender.checks // len(workload.plugins)))
            raw = entry.lanes[0].ask(Command("outcomes", count=count), _CHECK_S)
            if count:
                difference = first_difference(
                    comparable(msgspec.convert(raw, list[Outcome])), reference[:count]
                )
                if difference:
                    entry.fail("wrong", difference)
                    return
            if contender.has_rate:
                self._run_lanes(entry)

    # ---- rounds --------------------------------------------------------------

    def _run_lanes(self, entry: _Entry) -> float:
        for lane in entry.lanes:
            lane.send(Command("run", seconds=self._plan.round_s))
        rate = 0.0
        for lane in entry.lanes:
            scans, took_s = lane.answer(self._plan.round_s + _RUN_EXTRA_S)
            rate += scans / took_s
        return rate

    def _rate(self, entry: _Entry) -> float | None:
        rate: float | None = None
        with entry.turn(entry.lanes):
            rate = self._run_lanes(entry)
            entry.cell.state = "measured"
        return rate

    def _latency(self, entry: _Entry) -> None:
        p50: float | None = None
        p99: float | None = None
        with entry.turn(entry.lanes[:1]):
            command = Command("latencies", seconds=self._plan.round_s)
            took: Any = entry.lanes[0].ask(command, self._plan.round_s + _RUN_EXTRA_S)
            p50, p99 = percentile(took, 0.5), percentile(took, 0.99)
            entry.latency.state = "measured"
        entry.p50s.append(p50)
        entry.p99s.append(p99)

    # ---- after the rounds ----------------------------------------------------

    def _close(self) -> None:
        for entry in self._entries:
            for lane in entry.lanes:
                lane.kill()
        by_name = {entry.contender.name: entry for entry in self._entries}
        echo = by_name["echo"].p50s if "echo" in by_name else []
        ours = [
            entry
            for entry in self._entries
            if entry.contender.kind == "ours" and entry.contender.cores == "all" and entry.cell.rates
        ]
        for entry in self._entries:
            cell, latency, contender = entry.cell, entry.latency, entry.contender
            cell.rate = spread(cell.rates)
            limit = by_name.get("limit-all" if contender.cores == "all" else "limit")
            if limit is not None:
                cell.to_limit = spread(paired(cell.rates, limit.cell.rates))
            if contender.kind == "peer" and ours:
                # Median over median would compare rounds in which the machine was not the same.
                fastest = max(ours, key=lambda each: median_rate(each.cell.rates))
                cell.ours_times = spread(paired(fastest.cell.rates, cell.rates))
            latency.p50_us, latency.p99_us = spread(entry.p50s), spread(entry.p99s)
            latency.to_echo = spread(paired(entry.p50s, echo))
            if cell.state == "measured" and contender.is_shared and self._report.workloads[-1].plugins > 1:
                cell.detail = "all plugins share one isolate"
        self._entries = []


def median_rate(rates: Sequence[float | None]) -> float:
    """The median of the rounds that were measured."""
    return statistics.median([rate for rate in rates if rate is not None] or [0.0])


def comparable(outcomes: Sequence[Outcome]) -> list[list[list[tuple[str, ...]]]]:
    """Findings by transaction and plugin, reduced to what everybody reports. Raises on a failed scan."""
    failure = next((outcome.error for outcome in outcomes if outcome.error), "")
    if failure:
        raise ContenderFailed(failure)
    return [
        [
            sorted(tuple(str(finding.get(name) or "") for name in _COMPARED) for finding in plugin)
            for plugin in outcome.findings
        ]
        for outcome in outcomes
    ]


def first_difference(
    found: Sequence[Sequence[Sequence[tuple[str, ...]]]],
    wanted: Sequence[Sequence[Sequence[tuple[str, ...]]]],
) -> str:
    """Where two sets of findings differ, in words without any of the traffic; empty if they do not."""
    if len(found) != len(wanted):
        return f"{len(found)} results for {len(wanted)} transactions"
    for number, (ours, theirs) in enumerate(zip(wanted, found, strict=True)):
        if ours != theirs:
            counts = f"{sum(map(len, theirs))} findings where isoscan has {sum(map(len, ours))}"
            return f"transaction {number}: " + (
                counts if sum(map(len, theirs)) != sum(map(len, ours)) else "other findings than isoscan's"
            )
    return ""


def contenders_of(names: Sequence[str]) -> list[Contender]:
    """isoscan and the limits, and the peers named; all peers when none is."""
    return [
        contender
        for contender in CONTENDERS.values()
        if contender.kind != "peer" or not names or contender.name in names
    ]
