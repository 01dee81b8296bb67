"""JUnit XML, as CI servers show it: a suite for each plugin, a failing test case for each finding."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from msgspec import Struct, field

from ..coverage import PluginCoverage
from ..models import Finding, Verdict
from ..record import ReportedFinding, RunRecord
from . import ByteSink
from ._collected import Collected, Group
from ._paths import shown_place
from ._problems import Problem, problems, remarks
from .text import counted, printable, printable_lines

#: Servers hold a whole file in memory; the most severe are kept.
_MAX_FINDINGS = 10_000
_NAME_CHARS = 400
_TEXT_CHARS = 2_000
_RUN_SUITE = "isoscan"


class _Case(Struct):
    """A test case. `outcome` is the name of its element, empty when it passed."""

    name: str
    outcome: str = ""
    type: str = ""
    message: str = ""
    text: str = ""
    time_s: float = 0.0


class _Suite(Struct):
    name: str
    cases: list[_Case] = field(default_factory=list)


class JunitReport:
    """Writes one XML document at the end.

    In the suite of a plugin each finding is a failure, scans that did not end are errors, and one case
    says how many transactions it scanned. What concerns the whole run is in the suite `isoscan`.
    """

    def __init__(self, file: ByteSink) -> None:
        self._file = file
        self._collected = Collected(max_findings=_MAX_FINDINGS)

    def add(self, reported: ReportedFinding) -> None:
        """Keeps one finding for the document."""
        self._collected.add(reported)

    def finish(self, run: RunRecord) -> None:
        """Writes the document."""
        suites = _suites(run, self._collected)
        counts = _counts(case for suite in suites for case in suite.cases)
        self._write(
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<testsuites name="isoscan" {counts} time="{run.elapsed_s:.3f}">\n'
        )
        for suite in suites:
            time_s = sum(case.time_s for case in suite.cases)
            self._write(
                f"  <testsuite name={quoteattr(suite.name)} {_counts(suite.cases)}"
                f' time="{time_s:.3f}" timestamp="{run.started_at.isoformat(timespec="seconds")}">\n'
            )
            for case in suite.cases:
                self._write(_case_xml(suite.name, case))
            self._write("  </testsuite>\n")
        self._write("</testsuites>\n")
        self._file.flush()

    def _write(self, text: str) -> None:
        self._file.write(text.encode())


def _suites(run: RunRecord, collected: Collected) -> list[_Suite]:
    groups: dict[str, list[Group]] = defaultdict(list)
    for group in collected.worst_first():
        groups[group.finding.plugin_id].append(group)
    failures: dict[str, list[Problem]] = defaultdict(list)
    others: list[Problem] = []
    for problem in problems(run):
        (others if problem.plugin_id is None else failures[problem.plugin_id]).append(problem)
    ids = dict.fromkeys([*(plugin.id for plugin in run.plugins), *run.coverage.plugins, *groups])
    suites = [
        _Suite(
            printable(id_),
            _plugin_cases(run.coverage.plugins.get(id_) or PluginCoverage(), groups[id_], failures[id_]),
        )
        for id_ in ids
    ]
    suites.append(_Suite(_RUN_SUITE, _run_cases(run, others, collected)))
    for suite in suites:
        _make_names_unique(suite.cases)
    return suites


def _plugin_cases(coverage: PluginCoverage, groups: list[Group], failures: list[Problem]) -> list[_Case]:
    cases = [_finding_case(group) for group in groups]
    cases += [
        _Case(f"scans: {problem.verdict}", "error", str(problem.verdict), problem.title, problem.text)
        for problem in failures
    ]
    if coverage.not_applicable:
        transactions = counted(coverage.not_applicable, "transaction")
        cases.append(_Case("scans: not applicable", "skipped", message=f"not applicable to {transactions}"))
    scanned = coverage.verdicts[Verdict.CLEAN] + coverage.verdicts[Verdict.FINDINGS]
    done = _Case("scans: finished", text=f"{counted(scanned, 'transaction')} scanned")
    if not scanned:
        done.outcome, done.message = "skipped", "no transaction was scanned"
    done.time_s = coverage.total_ms / 1000
    return [*cases, done]


def _finding_case(group: Group) -> _Case:
    finding = group.finding
    lines = [
        f"severity: {finding.severity.value} (confidence {finding.confidence.value})",
        f"request: {printable(finding.method, 20)} {printable(finding.url, _TEXT_CHARS)}",
        f"hits: {group.hits}",
    ]
    if group.listed and group.listed[0].place is not None:
        lines.append(f"first at: {printable(shown_place(group.listed[0].place), _NAME_CHARS)}")
    lines += [
        f"{name}: {printable_lines(value, _TEXT_CHARS)}"
        for name in ("location", "evidence", "description", "remediation", "cwe", "owasp")
        if (value := getattr(finding, name))
    ]
    if group.reported.is_new is False:
        lines.append("known from earlier")
    lines.append(f"fingerprint: {group.fingerprint}")
    return _Case(
        _finding_name(finding),
        "failure",
        f"{finding.severity.value}: {printable(finding.vuln_type, 100)}",
        printable(finding.title, _NAME_CHARS),
        "\n".join(lines),
    )


def _finding_name(finding: Finding) -> str:
    name = f"{finding.title}: {finding.method} {finding.url}"
    if finding.location:
        name += f" ({finding.location})"
    return printable(name, _NAME_CHARS)


def _run_cases(run: RunRecord, others: list[Problem], collected: Collected) -> list[_Case]:
    cases = [
        _Case(f"{problem.kind}: {problem.title}", "error", problem.kind, problem.title, problem.text)
        for problem in others
    ]
    if collected.left_out:
        hits = counted(collected.left_out.total(), "hit")
        message = f"{hits} of less severe findings are not in this file"
        cases.append(_Case("findings left out", "failure", "left-out", message))
    parts = [
        counted(run.entries, "entry", "entries"),
        counted(run.coverage.transactions, "transaction"),
        f"{run.rejected_count:,} rejected",
        f"{run.out_of_scope:,} out of scope",
    ]
    done = _Case("input", text="\n".join([", ".join(parts), *remarks(run)]))
    if not run.coverage.transactions:
        done.outcome, done.message = "skipped", "there was no transaction to scan"
    return [*cases, done]


def _make_names_unique(cases: list[_Case]) -> None:
    """Servers tell cases apart by name; names that were cut may have become the same."""
    seen: Counter[str] = Counter()
    for case in cases:
        seen[case.name] += 1
        if seen[case.name] > 1:
            case.name += f" #{seen[case.name]}"


def _counts(cases: Iterable[_Case]) -> str:
    outcomes = Counter(case.outcome for case in cases)
    return (
        f'tests="{outcomes.total()}" failures="{outcomes["failure"]}" '
        f'errors="{outcomes["error"]}" skipped="{outcomes["skipped"]}"'
    )


def _case_xml(suite: str, case: _Case) -> str:
    head = f'    <testcase classname={quoteattr(suite)} name={quoteattr(case.name)} time="{case.time_s:.3f}"'
    if not case.outcome:
        return f"{head}>\n      <system-out>{escape(case.text)}</system-out>\n    </testcase>\n"
    attributes = f" message={quoteattr(case.message)}"
    if case.type:
        attributes += f" type={quoteattr(case.type)}"
    return (
        f"{head}>\n      <{case.outcome}{attributes}>{escape(case.text)}</{case.outcome}>\n    </testcase>\n"
    )
