"""The scaling report as JSON, Markdown and one HTML page without scripts or network."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from html import escape
from importlib.resources import files
from pathlib import Path

import msgspec

from .scaling_plot import draw
from .scaling_records import ScalingReport
from .scaling_words import Section, facts, sections
from .write import write_files

_PIPE = str.maketrans({"|": "\\|", "\n": " "})
_BROKEN_OFF = "Incomplete: the run was broken off. What is missing was not reached."
_READING = (
    "A figure is the median of the rounds of this run, with their range in brackets. Quotients are taken "
    "within a round. Latencies count from when a call was due, not from when it was made."
)


def write_all(report: ScalingReport, folder: Path) -> list[Path]:
    """Writes `scaling.json`, `.md` and `.html`; the paths. Raises `ConfigError`."""
    texts = {
        "scaling.json": msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n",
        "scaling.md": markdown(report),
        "scaling.html": page(report),
    }
    return write_files(texts, folder)


def markdown(report: ScalingReport) -> str:
    """All tables."""
    lines = ["# How isoscan scales", "", facts(report), "", _READING, ""]
    if not report.is_complete:
        lines += [f"**{_BROKEN_OFF}**", ""]
    for section in sections(report):
        lines += [f"## {section.title}", "", section.about, ""]
        lines += [f"| {' | '.join(section.head)} |", f"|{'---|' * len(section.head)}"]
        lines += [f"| {' | '.join(cell.translate(_PIPE) for cell in row)} |" for row in section.rows]
        lines += ["", *(f"- {note}" for note in section.notes), *([""] if section.notes else [])]
    return "\n".join(lines)


def page(report: ScalingReport) -> str:
    """The whole page. Its policy allows its own style sheet, by hash, and nothing else."""
    style = files("isoscan.bench").joinpath("page.css").read_text(encoding="utf-8")
    style += Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    state, word = ("good", "complete") if report.is_complete else ("bad", "incomplete: broken off")
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>How isoscan scales, {escape(report.started_at[:10])}</title>",
        f"<style>{style}</style></head><body><main>",
        f'<h1>How isoscan scales <span class="badge {state}">{word}</span></h1>',
        f'<p class="facts">{escape(facts(report))}</p><p>{escape(_READING)}</p>',
        *(part for section in sections(report) for part in _section(section)),
        "</main></body></html>\n",
    ]
    return "\n".join(parts)


def _section(section: Section) -> list[str]:
    name = escape(section.name)
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in section.head)
    lines = [
        f'<section aria-labelledby="{name}"><h2 id="{name}">{escape(section.title)}</h2>',
        f'<p class="about">{escape(section.about)}</p>',
        *(f'<div class="wide">{draw(picture)}</div>' for picture in section.pictures),
    ]
    if section.notes:
        lines += ["<ul>", *(f"<li>{escape(note)}</li>" for note in section.notes), "</ul>"]
    lines.append(f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>')
    for first, *cells in section.rows:
        row = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        lines.append(f'<tr><th scope="row">{escape(first)}</th>{row}</tr>')
    return [*lines, "</tbody></table></div></section>"]
