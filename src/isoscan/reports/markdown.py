"""Markdown for a pull request's comment or a job's summary, within the length GitHub takes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import starmap

from ..coverage import PluginCoverage
from ..models import Severity, Verdict
from ..record import ReportedFinding, RunRecord
from . import ByteSink
from ._collected import Collected, Group
from ._paths import shown_place
from ._problems import Problem, incomplete_sentence, problems, remarks
from .text import counted, printable, printable_lines

#: Of one comment; GitHub counts what it stores, so two for a character beyond 16 bits.
MAX_CHARS = 65_536
#: Kept free for the sentence that says what is left out.
_TAIL_CHARS = 400
#: Of the whole, for coverage and what failed, so that hostile names leave room for findings.
_COVERAGE_CHARS = 16_000
#: More than fit: the least of a finding is 150 characters.
_KEPT = 500
_TITLE_CHARS = 200
_URL_CHARS = 500
_PROSE_CHARS = 1_000
_EVIDENCE_CHARS = 1_000

_BACKTICKS = re.compile("`+")
_PUNCTUATION = {
    code: f"&#{code};" for code in range(0x21, 0x7F) if not chr(code).isalnum() and chr(code) != "-"
}
#: A line that means itself to every reader of Markdown: no marks, addresses, mentions or references.
_PLAIN = re.compile(
    r"""(?!.*\b(?:GH-[0-9]|[0-9a-f]{7,40}\b))[^\W\d_](?:[^\W_]|[ ,;()'"!?%-]|[.:](?= |$))*""", re.IGNORECASE
)


class MarkdownReport:
    """Writes at the end the summary, what was not scanned, and as many findings as fit, worst first.

    Whatever comes from plugins and traffic stands in code, where it makes no links, mentions or HTML.
    """

    def __init__(self, file: ByteSink) -> None:
        self._file = file
        self._collected = Collected(max_findings=_KEPT)

    def add(self, reported: ReportedFinding) -> None:
        """Keeps one finding."""
        self._collected.add(reported)

    def finish(self, run: RunRecord) -> None:
        """Writes the document, also when nothing was found."""
        self._file.write(_document(run, self._collected).encode())
        self._file.flush()


class _Page:
    """Text up to a length."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._chars = 0

    def add(self, part: str, limit_chars: int = MAX_CHARS - _TAIL_CHARS) -> bool:
        """Adds a part if the whole stays within the limit; says whether it did."""
        chars = _length(part)
        if self._chars + chars > limit_chars:
            return False
        self._chars += chars
        self.parts.append(part)
        return True


def _document(run: RunRecord, collected: Collected) -> str:
    page = _Page()
    different = len(run.fingerprints)
    total = run.findings.total()
    hits = f" ({counted(total, 'hit')})" if total != different else ""
    page.add(f"## isoscan: {counted(different, 'finding') if different else 'no findings'}{hits}\n\n")
    sentence = incomplete_sentence(run)
    if sentence:
        page.add(f"> [!WARNING]\n> {sentence}\n\n")
    if different:
        page.add("| Severity | Hits |\n|---|--:|\n")
        for severity in reversed(Severity):
            if run.findings[severity]:
                page.add(f"| {severity.value} | {run.findings[severity]:,} |\n")
        page.add("\n")
    _add_coverage(page, run)
    groups = collected.worst_first()
    is_known_told = any(group.reported.is_new is False for group in groups)
    shown = 0
    if groups:
        page.add("### Findings\n\n")
    for group in groups:
        if not page.add(_details(group, is_known_told=is_known_told)):
            break
        shown += 1
    more = (max(different, len(groups)) if collected.left_out else len(groups)) - shown
    if more:
        reason = f"a comment holds {MAX_CHARS:,} characters"
        page.add(
            f"**{counted(more, 'more finding')}** not shown: {reason}. `--output report.html` or "
            "`--output findings.json` beside this report has them.\n",
            MAX_CHARS,
        )
    return "".join(page.parts)


def _add_bounded(page: _Page, lines: Iterable[str], limit_chars: int) -> None:
    """Adds lines while the page is below the limit, and says how many were too many."""
    left_out = 0
    for line in lines:
        if left_out or not page.add(line, limit_chars):
            left_out += 1
    if left_out:
        page.add(f"\n{counted(left_out, 'more line')} left out.\n")


def _add_coverage(page: _Page, run: RunRecord) -> None:
    coverage = run.coverage
    page.add(
        f"{counted(coverage.transactions, 'transaction')}, {counted(len(coverage.plugins), 'plugin')}, "
        f"{counted(coverage.scans, 'scan')} in {run.elapsed_s:.1f} s.\n\n"
    )
    items = [*map(_problem, problems(run)), *(f"- {_prose(remark)}\n" for remark in remarks(run))]
    if items:
        _add_bounded(page, items, _COVERAGE_CHARS // 2)
        page.add("\n")
    page.add(
        "<details>\n<summary>Coverage</summary>\n\n"
        "| Plugin | Scans | Finished | Failed | Not applicable |\n|---|--:|--:|--:|--:|\n"
    )
    _add_bounded(page, starmap(_coverage_row, coverage.plugins.items()), _COVERAGE_CHARS)
    page.add("\n</details>\n\n")


def _problem(problem: Problem) -> str:
    plugin = "" if problem.plugin_id is None else f"{_code(printable(problem.plugin_id))}: "
    title = _code(problem.title) if problem.place else problem.title
    text = f": {_code(problem.text)}" if problem.text else ""
    return f"- {plugin}{title}{text}\n"


def _coverage_row(plugin_id: str, scans: PluginCoverage) -> str:
    finished = scans.verdicts[Verdict.CLEAN] + scans.verdicts[Verdict.FINDINGS]
    numbers = scans.verdicts.total(), finished, scans.failed, scans.not_applicable
    return (
        f"| {_html_code(printable(plugin_id, 128))} | {' | '.join(f'{number:,}' for number in numbers)} |\n"
    )


def _details(group: Group, *, is_known_told: bool) -> str:
    finding = group.finding
    hits = f" · {counted(group.hits, 'hit')}" if group.hits > 1 else ""
    new = " · new" if is_known_told and group.reported.is_new else ""
    lines = [
        "<details>",
        f"<summary><b>{finding.severity.value}</b> · {_html_code(printable(finding.plugin_id))} · "
        f"{_title(printable(finding.title, _TITLE_CHARS))}{hits}{new}</summary>",
        "",
        f"- Request: {_code(f'{printable(finding.method, 20)} {printable(finding.url, _URL_CHARS)}')}",
    ]
    for name, value in (("Location", finding.location), ("CWE", finding.cwe), ("OWASP", finding.owasp)):
        if value:
            lines.append(f"- {name}: {_code(printable(value, _TITLE_CHARS))}")
    lines.append(f"- Confidence: {finding.confidence.value}")
    if group.listed and group.listed[0].place is not None:
        place = _code(printable(shown_place(group.listed[0].place), _URL_CHARS))
        lines.append(f"- {'First at' if group.hits > 1 else 'At'}: {place}")
    lines += [f"- Fingerprint: {_code(printable(group.fingerprint, 64))}", ""]
    if finding.description:
        lines += [_prose(finding.description), ""]
    if finding.evidence:
        lines += [_fenced(printable_lines(finding.evidence, _EVIDENCE_CHARS)), ""]
    if finding.remediation:
        lines += ["Fix:", "", _prose(finding.remediation), ""]
    return "\n".join([*lines, "</details>", "", ""])


def _prose(text: str) -> str:
    """Sentences, each line of them on a line of its own; those that could mean more than they say as code."""
    lines = printable_lines(text, _PROSE_CHARS).split("\n")
    shown = [line if _PLAIN.fullmatch(line) else _code(line) for line in map(str.strip, lines) if line]
    return "\\\n".join(shown) or _code(" ")


def _title(line: str) -> str:
    return line if _PLAIN.fullmatch(line) else _html_code(line)


def _code(line: str) -> str:
    """One printable line as a code span: nothing in it means anything."""
    marks = "`" * (_longest_run(line) + 1)
    if not line.strip():
        return "` `"
    # A backtick at the edge would join the marks; a space at both edges is taken for one that parts them.
    edge = " " if {line[0], line[-1]} & {"`", " "} else ""
    return f"{marks}{edge}{line}{edge}{marks}"


def _fenced(lines: str) -> str:
    """Printable lines as a block of code."""
    marks = "`" * max(_longest_run(lines) + 1, 3)
    return f"{marks}text\n{lines}\n{marks}"


def _html_code(line: str) -> str:
    """One printable line as code where Markdown's own marks do not hold: in tables and summaries."""
    return f"<code>{line.translate(_PUNCTUATION)}</code>"


def _longest_run(text: str) -> int:
    return max(map(len, _BACKTICKS.findall(text)), default=0)


def _length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
