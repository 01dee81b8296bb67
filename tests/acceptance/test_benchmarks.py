"""`python -m benchmarks`: its reports, its guard, and what becomes of a run that goes wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psutil
import pytest
from benchmarks import guard
from benchmarks.__main__ import main
from benchmarks.contender import Contender, Outcome, batches
from benchmarks.contenders import CONTENDERS
from benchmarks.contenders.node import missing
from benchmarks.figures import paired, spread
from benchmarks.measure import comparable, first_difference
from benchmarks.process import ContenderFailed, ContenderHung, Process
from benchmarks.records import Cell, ContenderRecord, Machine, Report, WorkloadRecord
from benchmarks.worker import Command
from benchmarks.workloads import WORKLOADS, PluginText, Workload, as_function
from benchmarks.write import markdown

from isoscan import HttpRequest, HttpTransaction

ROOT = Path(__file__).parents[2]
DEADLINE_S = 120.0


def command(*arguments: str) -> list[str]:
    """The command line."""
    return [sys.executable, "-m", "benchmarks", *arguments]


def finished(*arguments: str, preexec: Callable[[], None] | None = None) -> subprocess.CompletedProcess[str]:
    """The command, run to its end."""
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=DEADLINE_S,
        check=False,
        preexec_fn=preexec,
    )


def read_report(folder: Path) -> Report:
    """The JSON report, every field of it checked."""
    return msgspec.json.decode((folder / "benchmark.json").read_bytes(), type=Report)


def empty_report() -> Report:
    """A report that nothing was written into yet."""
    return Report(
        started_at="2026-03-01T12:00:00+00:00",
        duration_s=1.0,
        is_quick=True,
        is_complete=False,
        rounds=1,
        round_s=0.1,
        machine=Machine(cpus=1, cpu_model="test", memory_bytes=1, system="test", versions={}),
        contenders=[],
        workloads=[],
        latencies=[],
        isolation=[],
    )


def use_one_cpu() -> None:
    """For a child: as if the machine had one core."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    """Contenders of a test, ended with it."""
    started: list[Process] = []
    yield started
    for process in started:
        process.kill()


def write_workload(folder: Path, code: str, count: int = 1) -> Path:
    """A workload of one plugin."""
    file = folder / "workload.json"
    transactions = [
        HttpTransaction(HttpRequest("GET", f"https://shop.example/{number}", id=str(number)))
        for number in range(count)
    ]
    plugins = [PluginText("test", code)]
    file.write_bytes(
        msgspec.json.encode(Workload(name="test", about="", plugins=plugins, transactions=transactions))
    )
    return file


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="CPUs can be taken away on Linux only")
def test_reports_on_a_machine_with_one_core(tmp_path: Path) -> None:
    """One CPU is enough for a whole run; JSON, Markdown and page tell the same."""
    done = finished(
        *("--quick", "--workload", "url", "--peer", "none", "--rounds", "1", "--output", str(tmp_path)),
        preexec=use_one_cpu,
    )
    assert done.returncode == 0, done.stderr
    report = read_report(tmp_path)
    assert report.is_complete
    assert report.machine.cpus == 1
    (workload,) = report.workloads
    cells = {cell.contender: cell for cell in workload.cells}
    assert workload.findings == 64
    for name in ("limit", "limit-all", "python-side", "scan-many", "callers", "sync", "all-cores"):
        assert cells[name].state == "measured", cells[name]
        assert cells[name].rate is not None
    rate = cells["scan-many"].rate
    assert rate is not None
    assert cells["scan-many"].to_limit is not None
    latencies = {record.contender: record for record in report.latencies}
    assert latencies["one-caller"].to_echo is not None
    (isolation,) = report.isolation
    assert [probe.is_contained for probe in isolation.probes] == [True] * 6, isolation.probes
    text = (tmp_path / "benchmark.md").read_text(encoding="utf-8")
    assert f"{rate.median:,.0f}" in text
    html = (tmp_path / "benchmark.html").read_text(encoding="utf-8")
    assert f"{rate.median:,.0f}" in html
    assert "<script" not in html
    assert "://" not in html.replace("https://shop.example", "")


def test_guard_holds() -> None:
    """With the margins as shipped, isoscan is fast enough; nothing is written."""
    done = finished("--guard")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == len(guard.MARGINS)


def test_guard_fails_when_too_slow(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One workload below its margin in every attempt is exit code 1; one bad attempt is not."""
    shares = {"url": [0.01, 0.01, 0.5], "regex": [0.01, 0.01, 0.01], "large": [0.9], "cpu": [0.9]}

    def measured(workload: str, report: Report) -> Cell:
        share = shares[workload].pop(0)
        return Cell(contender="scan-many", state="measured", to_limit=spread([share]))

    monkeypatch.setattr(guard, "_measure", measured)
    assert main(["--guard"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert ["TOO SLOW" in line for line in lines] == [False, True, False, False]


def test_guard_fails_without_a_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be measured has not passed."""
    failed = Cell(contender="scan-many", state="failed", detail="it died")
    monkeypatch.setattr(guard, "_measure", lambda workload, report: failed)
    assert main(["--guard"]) == 1


def test_interrupt_keeps_results(tmp_path: Path) -> None:
    """Ctrl-C half-way: what was measured is written and marked, and no process is left."""
    arguments = ("--quick", "--workload", "url", "--peer", "none", "--rounds", "900")
    run = subprocess.Popen(
        command(*arguments, "--output", str(tmp_path)), cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    try:
        assert run.stderr is not None
        for line in run.stderr:
            if "round 2 of" in line:
                break
        family = psutil.Process(run.pid).children(recursive=True)
        assert family
        run.send_signal(signal.SIGINT)
        run.stderr.read()
        assert run.wait(DEADLINE_S) == 130
    finally:
        run.kill()
        run.wait()
        assert run.stderr is not None
        run.stderr.close()
    _, alive = psutil.wait_procs(family, timeout=DEADLINE_S)
    assert alive == []
    report = read_report(tmp_path)
    assert not report.is_complete
    cells = {cell.contender: cell for cell in report.workloads[0].cells}
    assert cells["scan-many"].rate is not None
    assert cells["scan-many"].rate.rounds < 900
    assert "Incomplete" in (tmp_path / "benchmark.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--rounds", "0"), "--rounds 0"),
        (("--workload", "none"), "--workload"),
        (("--peer", "nobody"), "--peer"),
        (("--output", "pyproject.toml"), "--output pyproject.toml"),
    ],
)
def test_wrong_option(arguments: tuple[str, ...], word: str) -> None:
    """One sentence that names the option, exit code 2, no traceback."""
    done = finished(*arguments)
    assert done.returncode == 2
    assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_hang_is_killed(tmp_path: Path, processes: list[Process]) -> None:
    """A contender that does not answer is killed with everything it started."""
    file = write_workload(tmp_path, "export function scan_transaction() { while (true) {} }")
    process = Process("limit", file)
    processes.append(process)
    process.answer(DEADLINE_S)
    family = psutil.Process(process.pid).children(recursive=True)
    assert family
    with pytest.raises(ContenderHung):
        process.ask(Command("outcomes", count=1), 1.0)
    _, alive = psutil.wait_procs(family, timeout=DEADLINE_S)
    assert alive == []


def test_death_is_told(tmp_path: Path, processes: list[Process]) -> None:
    """A contender whose process dies says so instead of leaving the run waiting."""
    process = Process("echo", write_workload(tmp_path, "export function scan_transaction() {}"))
    processes.append(process)
    process.answer(DEADLINE_S)
    psutil.Process(process.pid).kill()
    with pytest.raises(ContenderFailed, match="SIGKILL"):
        process.ask(Command("run", seconds=0.1), DEADLINE_S)


def test_stopped_contender_goes_on(tmp_path: Path, processes: list[Process]) -> None:
    """A contender that was stopped between its turns answers as before."""
    process = Process("process-per-scan", write_workload(tmp_path, "export function scan_transaction() {}"))
    processes.append(process)
    process.answer(DEADLINE_S)
    process.pause()
    deadline = time.monotonic() + DEADLINE_S
    while psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < deadline
    process.wake()
    assert process.ask(Command("outcomes", count=1), DEADLINE_S) == [{"findings": [[]], "error": ""}]


@pytest.mark.parametrize(
    "name", ["limit", "bare-limit", "scan-many", "all-cores", "sync", "process-per-scan"]
)
def test_same_findings(name: str, tmp_path: Path, processes: list[Process]) -> None:
    """Who needs no peer's package finds in a plugin's text what isoscan finds."""
    code = """
    const letters = /[02468]$/;
    export function scan_transaction({ request }) {
      if (letters.test(request.url)) return [{ title: "Even", evidence: request.url }, { title: "Twice" }];
    }
    """
    process = Process(name, write_workload(tmp_path, code, count=4))
    processes.append(process)
    process.answer(DEADLINE_S)
    found = msgspec.convert(process.ask(Command("outcomes", count=4), DEADLINE_S), list[Outcome])
    even = sorted([("Even", f"https://shop.example/{n}", "", "") for n in (0, 2)])
    assert [row[0][0] for row in comparable(found) if row[0]] == even
    assert [len(row[0]) for row in comparable(found)] == [2, 0, 2, 0]


@pytest.mark.parametrize("name", [name for name, c in CONTENDERS.items() if c.kind == "peer"])
def test_peers_find_the_same(name: str, tmp_path: Path, processes: list[Process]) -> None:
    """A peer that is installed agrees with the others on bodies and headers."""
    if (reason := CONTENDERS[name].is_available()) is not None:
        pytest.skip(reason)
    workload = WORKLOADS["regex"]()
    file = tmp_path / "workload.json"
    file.write_bytes(msgspec.json.encode(workload))
    process = Process(name, file)
    processes.append(process)
    process.answer(DEADLINE_S)
    found = msgspec.convert(process.ask(Command("outcomes", count=9), DEADLINE_S), list[Outcome])
    assert [len(row[0]) for row in comparable(found)] == [1, 0, 0, 0, 0, 0, 0, 0, 1]


def test_what_is_missing_is_named() -> None:
    """A peer that cannot take part names the command that brings it."""
    peer = Contender(
        name="none",
        title="none",
        kind="peer",
        cores="all",
        open=CONTENDERS["scan-many"].open,
        isolation="",
        needs=("no_such_module_anywhere",),
        install="pip install none",
    )
    assert peer.is_available() == "not installed: pip install none"
    assert "npm" in (missing("no-such-package")() or "") or "Node" in (missing("no-such-package")() or "")


def test_other_findings_are_wrong() -> None:
    """Findings are compared transaction by transaction; the difference tells no traffic."""
    right = comparable([Outcome([[{"title": "secret"}]]), Outcome([[]])])
    assert first_difference(right, right) == ""
    other = comparable([Outcome([[{"title": "other"}]]), Outcome([[]])])
    fewer = comparable([Outcome([[]]), Outcome([[]])])
    for found in (other, fewer, right[:1]):
        difference = first_difference(found, right)
        assert difference
        assert "secret" not in difference


def test_failed_scan_is_no_result() -> None:
    """An outcome that is an error never counts as nothing found."""
    with pytest.raises(ContenderFailed):
        comparable([Outcome(error="it broke")])


@pytest.mark.parametrize("name", list(WORKLOADS))
def test_workloads_are_the_same_each_time(name: str) -> None:
    """The same bytes in every run, and every plugin can be made an expression."""
    first, second = WORKLOADS[name](), WORKLOADS[name]()
    assert msgspec.json.encode(first) == msgspec.json.encode(second)
    assert sum(map(len, batches(first.transactions))) == len(first.transactions)
    assert not any("\nexport " in as_function(plugin.code) for plugin in first.plugins)


def test_rounds_are_paired() -> None:
    """A quotient is taken within its round, and a round that broke off gives none."""
    assert paired([10.0, None, 30.0, 1.0], [20.0, 20.0, 0.0]) == [0.5, None, None]
    found = spread([3.0, None, 1.0, 2.0])
    assert found is not None
    assert (found.median, found.low, found.high, found.rounds) == (2.0, 1.0, 3.0, 3)
    assert spread([None]) is None


def test_markdown_is_not_broken_by_a_peer() -> None:
    """What a peer says of itself cannot add a column or a line."""
    report = empty_report()
    report.contenders = [
        ContenderRecord(name="p", title="p", kind="peer", cores="all", is_shared=False, version="")
    ]
    cell = Cell(contender="p", state="failed", detail="a | b\nc")
    report.workloads = [
        WorkloadRecord(name="url", about="x", plugins=1, transactions=1, findings=0, cells=[cell])
    ]
    assert "| p | - | - | - | - | failed: a \\| b c |" in markdown(report).splitlines()
    assert json.loads(msgspec.json.encode(report))["workloads"][0]["cells"][0]["rates"] == []
