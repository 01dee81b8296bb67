"""The report as one HTML page that needs nothing else: no network, no script."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from html import escape
from pathlib import Path

from .curves import mode_plot, seed_plot
from .figures import milliseconds, plural, seconds, size
from .plot import draw
from .records import SEED, GrowthRecord, ModeRecord, SoakReport

_STYLE = Path(__file__).parent / "page.css"
#: Up to here growth is given in bytes, to be compared.
_IN_BYTES = 10_000
_LEAKING, _OURS = "seed-leak", "seed-ours"
_HEADINGS = (
    "mode", "scans", "scans/s", "lost", "failed", "restarts", "pause", "standstill",
    "memory", "peak", "growth per scan",
)  # fmt: skip


def page(report: SoakReport) -> str:
    """The whole page. Its policy allows its own style sheet, by hash, and nothing else."""
    style = _STYLE.read_text(encoding="utf-8")
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    records = {record.mode: record for record in report.modes}
    leaking = records.get(_LEAKING)
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>isoscan soak, {escape(report.started_at[:10])}</title>",
        f"<style>{style}</style></head><body><main>",
        *_head(report),
        *_table(report.modes),
        *(_seed_section(leaking, records.get(_OURS)) if leaking else ()),
        *(part for record in report.modes for part in _section(record)),
        *_notes(),
        "</main></body></html>\n",
    ]
    return "\n".join(parts)


def _head(report: SoakReport) -> list[str]:
    machine, modes = report.machine, report.modes
    lost = sum(record.lost for record in modes)
    longest = max((record.pauses.max_ms for record in modes), default=0.0)
    state, word = ("good", "nothing lost") if report.is_complete else ("bad", "incomplete")
    stopped = '<span class="badge bad">stopped early</span>' if report.is_interrupted else ""
    load = f", load {machine.load_average:.1f} at the start" if machine.load_average is not None else ""
    tiles = (
        ("scans", f"{sum(record.scans for record in modes):,}", ""),
        ("lost", f"{lost:,}", "bad" if lost else "good"),
        ("restarts", f"{sum(record.restart_count for record in modes):,}", ""),
        ("longest pause", milliseconds(longest), ""),
        ("largest generation", size(max((r.rss.peak_bytes or 0 for r in modes), default=0)), ""),
    )
    return [
        f'<h1>isoscan soak <span class="badge {state}">{word}</span>{stopped}</h1>',
        f'<p class="facts">{escape(report.started_at)} · isoscan {escape(machine.isoscan)}, '
        f"Deno {escape(machine.deno)}, Python {escape(machine.python)} · {plural(machine.cpus, 'CPU')}, "
        f"{size(machine.memory_bytes)}, {escape(machine.system)}{load} · "
        f"{seconds(report.options.duration_s)} per mode, policy {escape(report.options.policy)}</p>",
        '<dl class="tiles">',
        *(f'<div><dt>{name}</dt><dd class="{kind}">{value}</dd></div>' for name, value, kind in tiles),
        "</dl>",
    ]


def _table(records: Sequence[ModeRecord]) -> list[str]:
    head = "".join(f'<th scope="col">{name}</th>' for name in _HEADINGS)
    return [
        '<section aria-labelledby="figures"><h2 id="figures">All modes</h2><div class="wide">',
        f"<table><thead><tr>{head}</tr></thead><tbody>",
        *(_row(record) for record in records),
        "</tbody></table></div></section>",
    ]


def _row(record: ModeRecord) -> str:
    cells = (
        f"{record.scans:,}",
        f"{record.scans_per_s:,.0f}",
        _count(record.lost),
        _count(record.failed),
        f"{record.restart_count:,}",
        milliseconds(record.pauses.max_ms),
        milliseconds(record.longest_standstill_ms),
        size(record.rss.end_bytes),
        size(record.rss.peak_bytes),
        growth_text(record.growth),
    )
    name = f'<th scope="row"><a href="#{record.mode}">{escape(record.mode)}</a></th>'
    return f"<tr>{name}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _count(number: int) -> str:
    return f'<span class="bad">{number:,}</span>' if number else "0"


def growth_text(growth: GrowthRecord | None) -> str:
    """Growth with half its interval; what is not more than noise says so."""
    if growth is None:
        return "not measured"
    if not growth.is_significant:
        return "none"
    margin = (growth.high - growth.low) / 2
    if growth.bytes_per_scan < _IN_BYTES:
        return f"{growth.bytes_per_scan:,.0f} ± {margin:,.0f} B"
    return f"{size(growth.bytes_per_scan)} ± {size(margin)}"


def _seed_section(leaking: ModeRecord, ours: ModeRecord | None) -> list[str]:
    before = (
        f"The design isoscan grew from was measured without a restart: {size(SEED.start_bytes)} to "
        f"{size(SEED.end_bytes)} in {SEED.duration_s:.0f} s, {SEED.executions:,} executions, "
        f"{SEED.bytes_per_execution:,.0f} bytes each. "
    )
    now = (
        f"The same leak here: {growth_text(leaking.growth)} per scan, {leaking.scans_per_s:,.0f} scans/s, "
        f"{plural(leaking.restart_count, 'restart')}, {leaking.lost:,} scans lost; memory peaks at "
        f"{size(leaking.rss.peak_bytes)}, where the seed, after as many executions, held "
        f"{size(SEED.bytes_after(leaking.scans))}."
    )
    if ours is not None and ours.growth is not None:
        kept = growth_text(ours.growth) if ours.growth.is_significant else "nothing"
        now += f" With the transaction passed as data, the same work keeps {kept}."
    return [
        '<section aria-labelledby="seed"><h2 id="seed">The leak it all began with</h2>',
        f'<p class="about">{before}{now}</p>',
        f'<div class="wide">{draw(seed_plot(leaking, ours))}</div></section>',
    ]


def _section(record: ModeRecord) -> list[str]:
    reasons = ", ".join(f"{count:,} {reason.value}" for reason, count in record.restarts.items())
    verdicts = ", ".join(f"{count:,} {verdict.value}" for verdict, count in record.verdicts.items())
    figures = (
        ("scans", f"{record.scans:,} of {record.asked:,} asked"),
        ("verdicts", verdicts or "none"),
        ("rate", f"{record.scans_per_s:,.0f} scans/s"),
        ("restarts", reasons or "none"),
        (
            "pauses",
            f"{milliseconds(record.pauses.max_ms)} longest, {milliseconds(record.pauses.total_ms)} in all",
        ),
        ("longest standstill", milliseconds(record.longest_standstill_ms)),
        ("resident memory", _span_text(record.rss.start_bytes, record.rss.end_bytes, record.rss.peak_bytes)),
        ("with the replacement", f"peak {size(record.all_rss.peak_bytes)}"),
        ("growth per scan", growth_text(record.growth)),
    )
    lines = [
        f'<section aria-labelledby="{record.mode}"><h2 id="{record.mode}">{escape(record.title)}</h2>',
        f'<p class="about">{escape(record.about)}</p>',
        f'<div class="wide">{draw(mode_plot(record))}</div>',
        '<dl class="figures">',
        *(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in figures),
        "</dl>",
    ]
    for label, text in (
        ("The policy at the end", record.explanation),
        ("Last restart", record.marks[-1].text if record.marks else ""),
        ("Alert", record.alert),
        ("First failure", record.failure),
    ):
        if text:
            lines.append(f'<p class="fine">{label}: <code>{escape(text)}</code></p>')
    return [*lines, "</section>"]


def _span_text(start: int | None, end: int | None, peak: int | None) -> str:
    return f"{size(start)} → {size(end)}, peak {size(peak)}"


def _notes() -> list[str]:
    return [
        '<section aria-labelledby="reading"><h2 id="reading">How to read this</h2>',
        "<p>A plugin runs in a process of its own, a generation. A triangle marks the moment a replacement "
        "took over; point at it for the reason. It was made ready before, so a pause of 0 ms means that "
        "somebody took work all the time. A standstill is the longest time in which scans waited and none "
        "ended, whatever held them up: a garbage collection inside, or a busy machine.</p>",
        '<p class="fine">Memory is the serving generation\'s, resident, at the end of the mode; about 33 MB '
        "of it are the Deno binary, shared by all. Growth comes from live memory after garbage collections, "
        "or from the sampled heap where generations live too short for that. Lost is asked minus ended. "
        "Units are powers of 1024.</p>",
        "</section>",
    ]
