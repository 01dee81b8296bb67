"""The report as JSON, as Markdown tables, and with `page.py` as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from isoscan.errors import ConfigError

from .page import page
from .records import Cell, ContenderRecord, LatencyRecord, Report
from .words import about, facts, note, ratio, verdicts

_PIPE = str.maketrans({"|": "\\|", "\n": " "})


def write_all(report: Report, folder: Path) -> list[Path]:
    """Writes `benchmark.json`, `.md` and `.html`; the paths. Raises `ConfigError`."""
    texts = {
        "benchmark.json": msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n",
        "benchmark.md": markdown(report),
        "benchmark.html": page(report),
    }
    return write_files(texts, folder)


def write_files(texts: Mapping[str, str], folder: Path) -> list[Path]:
    """Writes texts by name into a folder; the paths. Raises `ConfigError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--output {folder}: cannot be written: {error.strerror}") from None
    return [folder / name for name in texts]


def markdown(report: Report) -> str:
    """All tables."""
    lines = ["# isoscan benchmark", "", facts(report), ""]
    if not report.is_complete:
        lines += ['**Incomplete: the run was broken off. What is missing says "not reached".**', ""]
    people = {record.name: record for record in report.contenders}
    for workload in report.workloads:
        lines += [f"## {workload.name}", "", about(workload), ""]
        lines += _table(
            ("contender", "scans/s", "range", "of the limit", "isoscan is, times", "note"),
            [_workload_row(cell, people[cell.contender]) for cell in workload.cells],
        )
        lines += [*(f"- {line}" for line in verdicts(workload, people)), ""]
    if report.latencies:
        lines += ["## One call at a time", ""]
        lines += _table(
            ("contender", "p50", "range", "p99", "of a bare exchange", "note"),
            [_latency_row(record, people[record.contender]) for record in report.latencies],
        )
    if report.isolation:
        lines += ["## What a hostile plugin achieves", ""]
        probes = [probe.probe for probe in report.isolation[0].probes]
        rows = []
        for record in report.isolation:
            cells = [
                {True: "held", False: "**not held**", None: "-"}[probe.is_contained] + f": {probe.text}"
                for probe in record.probes
            ]
            rows.append((people[record.contender].title, record.about, *cells))
        lines += _table(("contender", "isolation", *probes), rows)
    return "\n".join(lines)


def _workload_row(cell: Cell, contender: ContenderRecord) -> tuple[str, ...]:
    if cell.rate is None or cell.state != "measured":
        return contender.title, "-", "-", "-", "-", note(cell)
    return (
        contender.title,
        f"{cell.rate.median:,.0f}",
        f"{cell.rate.low:,.0f}-{cell.rate.high:,.0f}",
        ratio(cell.to_limit),
        ratio(cell.ours_times) if cell.ours_times else "",
        note(cell),
    )


def _latency_row(record: LatencyRecord, contender: ContenderRecord) -> tuple[str, ...]:
    if record.p50_us is None or record.p99_us is None or record.state != "measured":
        return contender.title, "-", "-", "-", "-", note(record)
    return (
        contender.title,
        f"{record.p50_us.median:,.0f} us",
        f"{record.p50_us.low:,.0f}-{record.p50_us.high:,.0f}",
        f"{record.p99_us.median:,.0f} us",
        ratio(record.to_echo),
        note(record),
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(cell.translate(_PIPE) for cell in row)} |" for row in rows]
    return [*lines, ""]
