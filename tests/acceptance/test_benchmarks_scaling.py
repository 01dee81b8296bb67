"""`python -m benchmarks.scaling`: its reports, how load is applied, and a run that is broken off."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import psutil
import pytest
from benchmarks import scaling
from benchmarks.machine import describe
from benchmarks.scaling_curves import plans
from benchmarks.scaling_latency import Arrivals, new_event_loop
from benchmarks.scaling_parts import PARTS
from benchmarks.scaling_plot import Picture, Trace, draw
from benchmarks.scaling_records import (
    Curve,
    Line,
    LoadCurve,
    LoadPoint,
    LoadRound,
    MemoryRecord,
    ScalingReport,
    Setting,
    Sizes,
)
from benchmarks.scaling_words import verdicts
from benchmarks.scaling_write import markdown, page

from isoscan import HttpRequest, HttpTransaction, PluginExecutor, PluginMetadata

ROOT = Path(__file__).parents[2]
DEADLINE_S = 120.0
STALL_S = 0.2
#: As little as still goes through everything.
TINY = scaling.Plan(
    rounds=1,
    round_s=0.01,
    shares=(0.5, 1.5),
    load_rounds=1,
    load_s=0.05,
    sizes=Sizes(executors=2, plugins=2, growth_scans=2000, restarts=4, capture_bytes=1 << 20, idle_s=0.05),
    curves=("frames",),
)
MARKED_STALL = (
    "export function scan_transaction(t) {"
    " if (!t.request.url.endsWith('/stall')) return;"
    f" const until = performance.now() + {STALL_S * 1000}; while (performance.now() < until);"
    "}"
)


def command(*arguments: str) -> list[str]:
    """The command line."""
    return [sys.executable, "-m", "benchmarks.scaling", *arguments]


def read_report(folder: Path) -> ScalingReport:
    """The JSON report, every field of it checked."""
    return msgspec.json.decode((folder / "scaling.json").read_bytes(), type=ScalingReport)


def load_round(capacity: float, throughput: float, executor_peak: int = 100) -> LoadRound:
    """A round of load in which a thousand calls came."""
    return LoadRound(
        capacity_before=capacity,
        capacity_after=capacity,
        offered=1.5 * capacity,
        arrivals=1000,
        refused=0,
        failed=0,
        throughput=throughput,
        p50_ms=1.0,
        p99_ms=2.0,
        p999_ms=None,
        late_ms=0.1,
        executor_peak=executor_peak,
        outstanding_peak=500,
        owner_growth_bytes=1,
        generation_growth_bytes=1,
    )


def load_curve(*rounds: LoadRound) -> LoadCurve:
    """A curve with one load, beyond the capacity."""
    return LoadCurve(
        name="test",
        title="test",
        about="",
        most_outstanding=None,
        executor_bound=1000,
        points=[LoadPoint(share=1.5, rounds=list(rounds))],
    )


class _Tags(HTMLParser):
    """Which elements a page has."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)


def test_short_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All parts go through; JSON, Markdown and page hold every setting, load and part of memory."""
    monkeypatch.setattr(scaling, "QUICK", TINY)
    assert scaling.main(["--quick", "--output", str(tmp_path)]) == 0
    report = read_report(tmp_path)
    assert report.is_complete
    assert [curve.name for curve in report.curves] == ["frames"]
    for line in report.curves[0].lines:
        assert [setting.label for setting in line.settings] == ["1", "2", "3", "4", "6", "8"]
        assert all(setting.rate is not None and setting.rate.median > 0 for setting in line.settings)
        (reference,) = (setting for setting in line.settings if setting.label == line.reference)
        assert reference.to_reference is not None
        assert reference.to_reference.median == 1.0
    for curve in report.loads:
        assert [point.share for point in curve.points] == [0.5, 1.5]
        for entry in (entry for point in curve.points for entry in point.rounds):
            assert entry.failed == 0
            assert entry.p50_ms is not None
            assert entry.executor_peak <= curve.executor_bound
    assert [record.name for record in report.memory] == list(PARTS)
    figures = {(record.name, figure.title): figure for record in report.memory for figure in record.figures}
    assert {name for name, _ in figures} == set(PARTS)
    peak = figures["capture", "peak of the owner (RSS)"].value_bytes
    assert peak is not None
    assert peak.median > 1 << 20
    if sys.platform == "linux":
        eager, asleep = (figures[name, "private to all processes"] for name in ("eager", "after-idle"))
        assert eager.value_bytes is not None
        assert asleep.value_bytes is not None
        assert eager.value_bytes.median > 1 << 20 > asleep.value_bytes.median
    text = (tmp_path / "scaling.md").read_text(encoding="utf-8")
    html = (tmp_path / "scaling.html").read_text(encoding="utf-8")
    for title in ("Throughput against frames in flight", "0.1 ms plugin, callers refuse", "An idle executor"):
        assert title in text
        assert title in html
    tags = _Tags(html).found
    assert "script" not in tags
    assert tags.count("svg") == 1 + 2 * len(report.loads) + 2
    assert "://" not in html


def test_interrupt_keeps_results(tmp_path: Path) -> None:
    """Ctrl-C half-way: what was measured is written and marked, and no process is left."""
    arguments = ("--quick", "--part", "throughput", "--output", str(tmp_path))
    run = subprocess.Popen(command(*arguments), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        assert run.stderr is not None
        for line in run.stderr:
            if "regex" in line:
                break
        family = psutil.Process(run.pid).children(recursive=True)
        run.send_signal(signal.SIGINT)
        said = run.stderr.read()
        assert run.wait(DEADLINE_S) == 130
        assert "Traceback" not in said
    finally:
        run.kill()
        run.wait()
        assert run.stderr is not None
        run.stderr.close()
    _, alive = psutil.wait_procs(family, timeout=DEADLINE_S)
    assert alive == []
    report = read_report(tmp_path)
    assert not report.is_complete
    first = report.curves[0].lines[0]
    assert all(setting.rate is not None for setting in first.settings)
    assert "Incomplete" in (tmp_path / "scaling.md").read_text(encoding="utf-8")
    assert "incomplete" in (tmp_path / "scaling.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [(("--part", "everything"), "--part"), (("--output", "pyproject.toml"), "--output pyproject.toml")],
)
def test_wrong_option(arguments: tuple[str, ...], word: str) -> None:
    """One sentence that names the option, exit code 2, no traceback."""
    done = subprocess.run(
        command(*arguments), capture_output=True, text=True, cwd=ROOT, timeout=DEADLINE_S, check=False
    )
    assert done.returncode == 2
    assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_every_curve_has_its_reference() -> None:
    """What rates are divided by is among the settings of every line, and every plan names known curves."""
    assert tuple(curve.name for curve, _ in plans()) == scaling.CURVES
    for _, lines in plans():
        for line in lines:
            labels = [subject.label for subject in line.make()]
            assert line.reference in labels
            assert len(set(labels)) == len(labels)


def arrive(moments_s: list[float], first: str, most: int | None) -> Arrivals:
    """Calls at these moments on a plugin that stalls at the URL `/stall`."""

    async def run() -> Arrivals:
        urls = [first, *(f"http://shop.example/{number}" for number in range(1, len(moments_s)))]
        transactions = [HttpTransaction(HttpRequest("GET", url)) for url in urls]
        async with PluginExecutor(PluginMetadata(id="stall"), MARKED_STALL) as executor:
            arrivals = Arrivals(executor, transactions, most)
            await arrivals.run(moments_s)
            return arrivals

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(run())


def test_no_coordinated_omission() -> None:
    """While the plugin stalls calls arrive on, and each counts what it waited since it was due."""
    moments_s = [number * 0.001 for number in range(50)]
    arrivals = arrive(moments_s, "http://shop.example/stall", None)
    assert len(arrivals.taken_s) == 50
    assert min(arrivals.taken_s) > STALL_S - moments_s[-1] - 0.01
    assert arrivals.outstanding_peak == 50


def test_refused_calls_are_counted() -> None:
    """With a bound on what is outstanding, every further call is refused and none goes missing."""
    arrivals = arrive([0.0] * 20, "http://shop.example/stall", 5)
    assert arrivals.refused == 15
    assert len(arrivals.taken_s) == 5
    assert arrivals.outstanding_peak == 5


@pytest.mark.parametrize(
    ("throughput", "executor_peak", "words"),
    [
        (950.0, 100, ("holds", "within")),
        (800.0, 100, ("falls", "within")),
        (500.0, 100, ("COLLAPSES", "within")),
        (950.0, 2000, ("holds", "BEYOND")),
    ],
)
def test_overload_is_judged(throughput: float, executor_peak: int, words: tuple[str, str]) -> None:
    """A collapse and a queue without bounds are said, not left to be found in a table."""
    said = verdicts(load_curve(load_round(1000.0, throughput, executor_peak)))
    assert words[0] in said[0]
    assert words[1] in said[1]


def test_what_is_missing_is_said() -> None:
    """A setting that was not reached, one that failed, and a part that failed are not empty cells."""
    report = ScalingReport(
        started_at="2026-03-01T12:00:00+00:00", duration_s=1.0, is_quick=True, is_complete=False,
        machine=describe(),
    )  # fmt: skip
    lines = [
        Line(title="broken | off", reference="1", settings=[Setting(label="1"), Setting(label="2")]),
        Line(title="no", reference="1", settings=[Setting(label="1")], failure="ConfigError: too <b>small"),
    ]
    report.curves = [Curve(name="c", title="c", about="", axis="x", lines=lines)]
    report.loads = [load_curve()]
    report.memory = [MemoryRecord(name="idle", title="Idle", about="", failure="exit code 1: gone")]
    rows = markdown(report).splitlines()
    assert "| broken \\| off | 1 | not reached |  |" in rows
    assert "| no | 1 | failed |  |" in rows
    assert any("exit code 1: gone" in row for row in rows)
    assert any("150%" in row and "not reached" in row for row in rows)
    assert "<b>" not in page(report)
    assert len(scaling.failures_of(report)) == 2


@pytest.mark.parametrize("is_log", [False, True])
def test_plot_stays_in_its_frame(is_log: bool) -> None:
    """Zeros, one place alone and huge values give a picture, and no coordinate is not a number."""
    for points in ([(0.0, 0.0)], [(0.0, 1e-6), (1.0, 1e12)], [(0.0, 5.0), (1.0, 5.0)]):
        places = [(place, "<place>") for place, _ in points]
        svg = draw(
            Picture(
                name="p",
                title="t",
                axis="x",
                unit="u",
                places=places,
                traces=[Trace("a & b", points)],
                is_log=is_log,
            )
        )
        assert "nan" not in svg
        assert "inf" not in svg
        assert "<place>" not in svg
        assert "a &amp; b" in svg
