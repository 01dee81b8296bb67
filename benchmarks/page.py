"""The report as one HTML page that needs nothing else: no network, no script."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from .bars import Bar, draw
from .records import ContenderRecord, Report, Spread, WorkloadRecord
from .words import about, facts, note, ratio, verdicts


def page(report: Report) -> str:
    """The whole page. Its policy allows its own style sheet, by hash, and nothing else."""
    style = files("isoscan.bench").joinpath("page.css").read_text(encoding="utf-8")
    style += Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    people = {record.name: record for record in report.contenders}
    state, word = ("good", "complete") if report.is_complete else ("bad", "incomplete: broken off")
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>isoscan benchmark, {escape(report.started_at[:10])}</title>",
        f"<style>{style}</style></head><body><main>",
        f'<h1>isoscan benchmark <span class="badge {state}">{word}</span></h1>',
        f'<p class="facts">{escape(facts(report))}</p>',
        *(part for workload in report.workloads for part in _section(workload, people)),
        *_latencies(report, people),
        *_isolation(report, people),
        _NOTES,
        "</main></body></html>\n",
    ]
    return "\n".join(parts)


#: A limit so many times the next bar would press the others flat, and is in the table only.
_TALLEST = 2.0
#: Longer ones are in the table only.
_LONGEST_BAR_US = 5000.0
_NOTES = (
    '<section aria-labelledby="reading"><h2 id="reading">How to read this</h2>'
    "<p>Everybody ran the same plugin text on the same transactions in this one run, in turns. A bar is the "
    "median of the rounds, the thin line their range. Quotients are taken round by round, so what slowed a "
    "whole round down is not in them. A contender whose findings differ is wrong and has no rate.</p>"
    '<p class="fine">The limit is the isolate with the same bytes and nothing to wait for. Peers that run '
    "in the program share its fate: the last table shows what that means.</p></section>"
)


def _section(workload: WorkloadRecord, people: dict[str, ContenderRecord]) -> list[str]:
    bars = [
        Bar(people[cell.contender].title, people[cell.contender].kind, *_three(cell.rate))
        for cell in workload.cells
        if cell.state == "measured" and cell.rate is not None
    ]
    bars.sort(key=lambda bar: -bar.value)
    if len(bars) > 1 and bars[0].value > _TALLEST * bars[1].value:
        del bars[0]
    rows = []
    for cell in workload.cells:
        contender = people[cell.contender]
        figures: tuple[str, ...] = ()
        if cell.state == "measured" and cell.rate is not None:
            times = ratio(cell.ours_times) if cell.ours_times else ""
            figures = (f"{cell.rate.median:,.0f}", ratio(cell.to_limit), times)
        rows.append((contender, figures, note(cell)))
    name = escape(workload.name)
    return [
        f'<section aria-labelledby="{name}"><h2 id="{name}">{name}</h2>',
        f'<p class="about">{escape(about(workload))}</p>',
        f'<div class="wide">{draw(name, f"Scans per second, {workload.name}", "scans/s", bars)}</div>'
        if bars
        else "",
        "<ul>",
        *(f"<li>{escape(line)}</li>" for line in verdicts(workload, people)),
        "</ul>",
        *_table(("contender", "scans/s", "of the limit", "isoscan is, times", "note"), rows),
        "</section>",
    ]


def _latencies(report: Report, people: dict[str, ContenderRecord]) -> list[str]:
    if not report.latencies:
        return []
    measured = [record for record in report.latencies if record.state == "measured" and record.p50_us]
    # A process per scan takes a thousand times as long: it would press the others flat.
    bars = [
        Bar(people[record.contender].title, people[record.contender].kind, *_three(record.p50_us))
        for record in measured
        if record.p50_us is not None and record.p50_us.median < _LONGEST_BAR_US
    ]
    bars.sort(key=lambda bar: bar.value)
    rows = []
    for record in report.latencies:
        figures: tuple[str, ...] = ()
        if record.state == "measured" and record.p50_us and record.p99_us:
            medians = (record.p50_us.median, record.p99_us.median)
            figures = (*(f"{median:,.0f}" for median in medians), ratio(record.to_echo))
        rows.append((people[record.contender], figures, note(record)))
    return [
        '<section aria-labelledby="latency"><h2 id="latency">One call at a time</h2>',
        '<p class="about">p50 and p99 in microseconds, url workload</p>',
        f'<div class="wide">{draw("latency-plot", "Latency of one call, p50", "us", bars)}</div>'
        if bars
        else "",
        *_table(("contender", "p50", "p99", "of a bare exchange", "note"), rows),
        "</section>",
    ]


def _isolation(report: Report, people: dict[str, ContenderRecord]) -> list[str]:
    if not report.isolation:
        return []
    head = "".join(
        f'<th scope="col" class="text">{escape(probe.probe)}</th>' for probe in report.isolation[0].probes
    )
    lines = [
        '<section aria-labelledby="isolation"><h2 id="isolation">What a hostile plugin achieves</h2>',
        f'<div class="wide"><table><thead><tr><th></th>{head}</tr></thead><tbody>',
    ]
    for record in report.isolation:
        cells = "".join(
            f'<td class="text"><span class="{ {True: "good", False: "bad", None: ""}[probe.is_contained] }">'
            f"{ {True: 'held', False: 'not held', None: '-'}[probe.is_contained] }</span> "
            f"{escape(probe.text)}</td>"
            for probe in record.probes
        )
        person = people[record.contender]
        lines.append(
            f'<tr class="{person.kind}"><th scope="row" class="text">{escape(person.title)}'
            f'<br><span class="fine">{escape(record.about)}</span></th>{cells}</tr>'
        )
    return [*lines, "</tbody></table></div></section>"]


def _table(headings: Sequence[str], rows: Sequence[tuple[ContenderRecord, Sequence[str], str]]) -> list[str]:
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in headings)
    lines = [f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>']
    for contender, figures, text in rows:
        if figures:
            cells = "".join(f"<td>{escape(figure)}</td>" for figure in figures)
            cells += f'<td class="text fine">{escape(text)}</td>'
        else:
            cells = f'<td class="text fine" colspan="{len(headings) - 1}">{escape(text)}</td>'
        lines.append(
            f'<tr class="{contender.kind}"><th scope="row">{escape(contender.title)}</th>{cells}</tr>'
        )
    return [*lines, "</tbody></table></div>"]


def _three(value: Spread | None) -> tuple[float, float, float]:
    assert value is not None
    return value.median, value.low, value.high
