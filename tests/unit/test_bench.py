"""The pure parts of `isoscan bench soak`: modes, figures, records, plots and the page."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise

import msgspec
import pytest
from rich.console import Console

from isoscan.bench.curves import rate_of, seed_plot
from isoscan.bench.figures import milliseconds, parse_duration, plural, size, sparkline, thinned, ticks
from isoscan.bench.modes import MODES, modes_named
from isoscan.bench.page import growth_text, page
from isoscan.bench.plot import Line, Mark, Plot, draw, spread
from isoscan.bench.recorder import Recorder, growth_of_curve
from isoscan.bench.records import (
    SEED,
    GrowthRecord,
    Machine,
    ModeRecord,
    Series,
    SoakOptions,
    SoakReport,
)
from isoscan.bench.screen import line, render
from isoscan.bench.soak import BASE_RSS_BYTES, Moment, make_policy
from isoscan.errors import ConfigError
from isoscan.events import Event, EventKind
from isoscan.growth import Growth
from isoscan.models import MIB, ExecutorStats, Percentiles, RestartReason, ScanResult, Verdict
from isoscan.policies import MaxExecutions

_VOID = {"meta", "br", "link", "img", "hr", "input"}
_NO_LATENCY = Percentiles()


class Checker(HTMLParser):
    """Fails on tags that are not closed in order; collects attributes and ids."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            self.open.append(tag)
        self._seen(tag, attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._seen(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def _seen(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]


def check_html(text: str) -> Checker:
    """A page that is well-formed, with ids that are there once."""
    checker = Checker()
    checker.feed(text)
    checker.close()
    assert checker.open == []
    assert len(set(checker.ids)) == len(checker.ids)
    return checker


def stats(generation: int = 1, rss_bytes: int | None = 60 * MIB, heap_bytes: int = 5 * MIB) -> ExecutorStats:
    """What an executor says of itself."""
    return ExecutorStats(
        plugin_id="p",
        state="serving",
        generation=generation,
        total_executions=0,
        current_instance_executions=0,
        max_executions_before_restart=1000,
        restart_count=0,
        last_restart_time=None,
        queued=2,
        in_flight=3,
        verdicts={},
        restarts={},
        rss_bytes=rss_bytes,
        heap_used_bytes=heap_bytes,
        growth_bytes_per_execution=None,
        growth_interval_bytes=None,
        is_growth_significant=False,
        policy_text="",
        scan_latency=_NO_LATENCY,
        queue_latency=_NO_LATENCY,
        last_restart=None,
        longest_pause_ms=0.0,
        quarantined_for_s=None,
        late_errors=0,
    )


def restart(generation: int, text: str = "because", pause_ms: float = 0.0) -> Event:
    """A restart that is complete."""
    return Event(
        kind=EventKind.RESTART,
        plugin_id="p",
        generation=generation,
        reason=RestartReason.ADAPTIVE.value,
        text=text,
        pause_ms=pause_ms,
        duration_ms=40.0,
        rss_before_bytes=100 * MIB,
        rss_after_bytes=50 * MIB,
    )


def result(verdict: Verdict = Verdict.CLEAN) -> ScanResult:
    """The outcome of one scan."""
    return ScanResult(transaction_id="t", plugin_id="p", verdict=verdict)


def recorded(mode: str = "seed-leak", *, restarts: int = 2, grown: Growth | None = None) -> Recorder:
    """A mode of 10 s: 100 scans in each of 100 samples, memory rising."""
    recorder = Recorder(modes_named([mode])[0], "adaptive", 192 * MIB)
    for i in range(100):
        for _ in range(100):
            recorder.ask(i / 10)
            recorder.count(result(), i / 10)
        recorder.sample(i / 10, stats(rss_bytes=(50 + i) * MIB), grown, 80 * MIB, 30 * MIB)
    for i in range(restarts):
        recorder.happened(restart(i + 2, text=f"<b>reason</b> {i}", pause_ms=1.5 * i), 3.0 * (i + 1))
    return recorder


def report(*records: ModeRecord, is_interrupted: bool = False) -> SoakReport:
    """A report of these modes."""
    return SoakReport(
        started_at="2026-03-01 12:00 UTC",
        is_interrupted=is_interrupted,
        machine=Machine(
            cpus=2,
            memory_bytes=8 << 30,
            system="Linux <x86_64>",
            python="3.11.7",
            deno="2.9.8",
            isoscan="0.1.0",
            load_average=None,
        ),
        options=options(),
        modes=list(records),
    )


def options(policy: str = "adaptive") -> SoakOptions:
    """What was asked for."""
    return SoakOptions(
        modes=("seed-leak",),
        duration_s=10.0,
        policy=policy,
        memory_budget_bytes=128 * MIB,
        max_executions=500,
        memory_limit_bytes=512 * MIB,
    )


class TestModes:
    def test_files_are_there(self) -> None:
        """Every mode has its plugin in the package, and a name of its own."""
        assert all(mode.path.is_file() for mode in MODES)
        assert len({mode.name.lower() for mode in MODES}) == len(MODES)

    def test_by_name(self) -> None:
        """Names are found without regard to case, once each, in the order given; none means all."""
        assert [mode.name for mode in modes_named(["LEAK-1mb", "bursts", "leak-1MB"])] == [
            "leak-1MB",
            "bursts",
        ]
        assert modes_named([]) == MODES

    def test_unknown(self) -> None:
        """An unknown name is refused with the known ones."""
        with pytest.raises(ConfigError, match=r"'nope'.*seed-leak"):
            modes_named(["nope"])

    def test_policies(self) -> None:
        """Each policy's name gives that policy; only the adaptive one acts on resident memory."""
        adaptive, limit = make_policy(options())
        assert limit == 128 * MIB + BASE_RSS_BYTES
        assert "AdaptiveInterval" in repr(adaptive)
        assert make_policy(options("max-executions")) == (MaxExecutions(500), None)
        assert make_policy(options("none")) == (None, None)


class TestFigures:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [("60", 60), ("60s", 60), ("0.5s", 0.5), ("1.5m", 90), ("2H", 7200), ("500ms", 0.5)],
    )
    def test_duration(self, text: str, expected: float) -> None:
        """Seconds, minutes and hours."""
        assert parse_duration(text, "--duration") == expected

    @pytest.mark.parametrize("text", ["", "s", "-1", "0", "1d", "nan", "1e9", "99999h", "1 s 2"])
    def test_wrong_duration(self, text: str) -> None:
        """What is no duration is refused with the option's name."""
        with pytest.raises(ConfigError, match="--duration"):
            parse_duration(text, "--duration")

    def test_words(self) -> None:
        """Sizes, durations and counts as people read them."""
        assert [size(n) for n in (None, 0, 999, 1000, 1536, 200 * MIB)] == [
            "-", "0 B", "999 B", "1.0 kB", "1.5 kB", "200 MB",
        ]  # fmt: skip
        assert size(-2048) == "-2.0 kB"
        assert [milliseconds(n) for n in (0, 0.04, 12.34, 1234.5)] == [
            "0 ms",
            "0.0 ms",
            "12.3 ms",
            "1,234 ms",
        ]
        assert [plural(1, "scan"), plural(1200, "scan")] == ["1 scan", "1,200 scans"]

    def test_sparkline(self) -> None:
        """From nothing to the largest value, never wider than asked, peaks kept."""
        assert sparkline([], 10) == ""
        assert sparkline([0, 0], 10) == "▁▁"
        assert sparkline([0, 50, None, 100], 10) == "▁▅▁█"
        assert sparkline([1] * 999 + [8], 20) == "▂" * 19 + "█"

    def test_thinned_keeps_the_teeth(self) -> None:
        """A saw-tooth keeps its ends, its peaks and its valleys; order is kept."""
        saw = [(float(i), float(i % 100)) for i in range(10_000)]
        kept = thinned(saw, 400)
        assert len(kept) <= 402
        assert kept[0] == saw[0]
        assert kept[-1] == saw[-1]
        assert sum(value == 99 for _, value in kept) >= 90
        assert all(a[0] < b[0] for a, b in pairwise(kept))

    @pytest.mark.parametrize("top", [0.0, 0.3, 1.0, 9.9, 10.0, 467.2, 1e9, float("inf"), float("nan")])
    def test_ticks(self, top: float) -> None:
        """From 0 over the top in even steps, few of them."""
        found = ticks(top, 4)
        assert found[0] == 0
        assert 2 <= len(found) <= 7
        if 0 < top < float("inf"):
            assert found[-1] >= top * (1 - 1e-6)
            assert found[-2] < top


class TestRecorder:
    def test_lost_is_asked_minus_ended(self) -> None:
        """A scan that was asked for and did not end is lost; one that failed is not."""
        recorder = Recorder(MODES[0], "none", None)
        for _ in range(4):
            recorder.ask(0.0)
        for verdict in (Verdict.CLEAN, Verdict.FINDINGS, Verdict.TIMEOUT):
            recorder.count(result(verdict), 1.0)
        record = recorder.record(2.0)
        assert (record.asked, record.scans, record.lost, record.failed) == (4, 3, 1, 1)
        assert record.scans_per_s == 1.5
        assert record.failure == "timeout"
        assert not report(record).is_complete

    def test_standstill_counts_only_while_scans_wait(self) -> None:
        """Time in which nothing was asked for is no standstill."""
        recorder = Recorder(MODES[0], "none", None)
        recorder.ask(10.0)
        recorder.count(result(), 10.25)
        recorder.ask(20.0)
        recorder.ask(20.25)
        recorder.count(result(), 20.5)
        assert recorder.standstill_s == 0.5

    def test_restarts_and_pauses(self) -> None:
        """Restarts are counted by reason, pauses summed, memory spanned."""
        record = recorded(restarts=3).record(10.0)
        assert record.restarts == {RestartReason.ADAPTIVE: 3}
        assert (record.pauses.max_ms, record.pauses.total_ms) == (3.0, 4.5)
        assert (record.rss.start_bytes, record.rss.end_bytes) == (50 * MIB, 149 * MIB)
        assert record.rss.peak_bytes == 149 * MIB

    def test_open_restart(self) -> None:
        """A restart is open from the moment the replacement serves until it is reported."""
        recorder = Recorder(MODES[0], "none", None)
        seen = []
        for event in (
            Event(kind=EventKind.READY, plugin_id="p", generation=1),
            Event(kind=EventKind.READY, plugin_id="p", generation=2),
            restart(2),
        ):
            recorder.happened(event, 0.0)
            seen.append(recorder.is_restart_open)
        assert seen == [False, True, False]

    def test_restart_is_marked_where_memory_falls(self) -> None:
        """A mark stands where the replacement took over, not where the old generation was gone."""
        recorder = Recorder(MODES[0], "none", None)
        recorder.happened(Event(kind=EventKind.READY, plugin_id="p", generation=2), 3.0)
        recorder.happened(restart(2), 3.5)
        assert recorder.marks[0].time_s == 3.0

    def test_alerts_and_kills(self) -> None:
        """The last alert's text is kept, kills are counted."""
        recorder = Recorder(MODES[0], "none", None)
        for kind in (EventKind.KILL, EventKind.FUTILE):
            recorder.happened(Event(kind=kind, plugin_id="p", generation=1, text=kind.value), 0.0)
        record = recorder.record(1.0)
        assert (record.kills, record.alert) == (1, "futile")

    def test_measured_growth_comes_first(self) -> None:
        """Growth after collections is taken before what the curve shows."""
        grown = Growth(1635.0, 1600.0, 1670.0, 5 * MIB, 20, True)
        record = recorded(grown=grown).record(10.0)
        assert record.growth == GrowthRecord(
            bytes_per_scan=1635.0, low=1600.0, high=1670.0, is_significant=True, method="collections"
        )

    def test_growth_of_a_curve(self) -> None:
        """Without it the sampled heap of each generation is used; a standing heap says nothing."""
        series = Series()
        for i in range(60):
            series.generation.append(1 + i // 30)
            series.executions.append(i * 1000)
            series.heap_bytes.append(5 * MIB + (i % 30) * 2_000_000)
        growth = growth_of_curve(series)
        assert growth is not None
        assert growth.bytes_per_scan == pytest.approx(2000, rel=0.01)
        assert growth.method == "curve"
        assert growth_of_curve(recorded().series) is None

    def test_json_round_trip(self) -> None:
        """The report is the structs as they stand."""
        made = report(recorded().record(10.0))
        assert msgspec.json.decode(msgspec.json.encode(made), type=SoakReport) == made


class TestPlot:
    def test_seed_line(self) -> None:
        """The published figures: from 56.91 to 1287.19 MB in 30 s, or with 789,196 executions."""
        assert size(SEED.bytes_at(0)) == "56.9 MB"
        assert SEED.bytes_at(30) == SEED.bytes_at(99) == SEED.end_bytes
        assert SEED.bytes_after(SEED.executions) == pytest.approx(SEED.end_bytes, rel=0.001)

    def test_seed_plot(self) -> None:
        """The seed's line ends with our run, below it what it holds after as many executions."""
        record = recorded().record(10.0)
        plot = seed_plot(record, recorded("seed-ours").record(10.0))
        assert [line.label for line in plot.lines] == [
            "the seed, published", "the seed, at our rate", "its leak, isoscan", "data as data",
        ]  # fmt: skip
        assert plot.lines[0].points[-1] == (10.0, SEED.bytes_at(10))
        assert plot.lines[1].points[-1][1] == SEED.bytes_after(10_000)
        assert len(seed_plot(record, None).lines) == 3

    def test_rate(self) -> None:
        """Scans per second of an even run are even."""
        assert {round(rate) for _, rate in rate_of(recorded().series)} == {1000}

    def test_empty(self) -> None:
        """A run that was stopped before its first sample still gives a picture."""
        svg = draw(Plot(name="p", title="t", description="d", duration_s=0.0, lines=[Line("a", "rss", [])]))
        check_html(svg)

    def test_description_and_tooltips_are_escaped(self) -> None:
        """Text is text; a limit far above the curve is left out."""
        plot = Plot(
            name="p",
            title="<t>",
            description="a & b",
            duration_s=1.0,
            lines=[Line("a<b", "rss", [(0, 1.0 * MIB), (1, 2.0 * MIB)])],
            marks=[Mark(0.5, "<script>")],
            limit_bytes=1 << 40,
            limit_label="never",
        )
        svg = draw(plot)
        check_html(svg)
        assert "<script>" not in svg
        assert "&lt;t&gt;" in svg
        assert "never" not in svg

    def test_labels_keep_apart(self) -> None:
        """Labels that want the same place get places of their own, inside the picture."""
        places = spread([100.0, 100.0, 101.0], 20, 0, 110)
        assert all(b - a >= 20 for a, b in pairwise(places))
        assert places[-1] <= 110


class TestPage:
    def test_well_formed_and_alone(self) -> None:
        """No script, no URL, no inline style: what its own policy allows; every picture has its words."""
        records = [recorded(mode.name).record(10.0) for mode in MODES]
        text = page(report(*records))
        checker = check_html(text)
        assert re.search(r"https?:|//[a-z]", text) is None
        assert "script" not in checker.tags
        assert not {"style", "src", "onclick", "onload"} & {name for name, _ in checker.attributes}
        assert all(value.startswith("#") for name, value in checker.attributes if name == "href")
        assert checker.tags.count("svg") == len(MODES) + 1 == checker.tags.count("desc")
        labels = [value.split() for name, value in checker.attributes if name == "aria-labelledby"]
        assert {part for parts in labels for part in parts} <= set(checker.ids)

    def test_texts_are_escaped(self) -> None:
        """What policies, errors and the machine say cannot become markup."""
        text = page(report(recorded().record(10.0)))
        assert "<b>reason" not in text
        assert "Linux &lt;x86_64&gt;" in text

    def test_bad_news_are_said(self) -> None:
        """Lost scans and an early end are in the head."""
        recorder = recorded()
        recorder.ask(9.0)
        text = page(report(recorder.record(10.0), is_interrupted=True))
        assert "incomplete" in text
        assert "stopped early" in text

    def test_nothing_ran(self) -> None:
        """A soak that was stopped at once has a page, too."""
        check_html(page(report(is_interrupted=True)))

    def test_growth_in_words(self) -> None:
        """Small growth in bytes, large in words, noise as none."""
        small = GrowthRecord(bytes_per_scan=1635.4, low=1600, high=1670, is_significant=True, method="curve")
        assert growth_text(small) == "1,635 ± 35 B"
        assert growth_text(msgspec.structs.replace(small, is_significant=False)) == "none"
        assert growth_text(None) == "not measured"


class TestScreen:
    def test_panel(self) -> None:
        """The mode, its figures and the last reason, in the same height from the first moment on."""
        console = Console(width=100, record=True, quiet=True)
        heights = set()
        for recorder in (Recorder(MODES[1], "adaptive", None), recorded()):
            with console.capture() as captured:
                console.quiet = False
                console.print(render(Moment(recorder, 2.0, 1, options())))
            heights.add(captured.get().count("\n"))
        shown = captured.get()
        assert len(heights) == 1
        for words in ("seed-leak", "10,000", "149 MB", "2 adaptive", "<b>reason</b> 1", "2.0 s of 10.0 s"):
            assert words in shown

    def test_line(self) -> None:
        """One line, with what a log needs."""
        text = line(recorded().record(10.0))
        assert "\n" not in text
        assert text.startswith("seed-leak: 10000 scans, 1000/s, lost 0, failed 0, restarts 2 (adaptive=2)")
