"""What a run was, as plain data for the page: what it read, whether it covered everything, and how. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from ...coverage import PluginCoverage
from ...models import Finding, PluginMetadata, Severity, Verdict
from ...record import Place, ReportedFinding, RunRecord
from ..words import VERDICT_WORDS
from .bounds import TEXT_CHARS, TITLE_CHARS, URL_CHARS
from .exchange import clipped

_MAX_LISTED = 200
#: Rows of a table that is built when the page opens.
_MAX_REJECTED = 1000
_STACK_CHARS = 4000


def account(run: RunRecord, version: str) -> dict[str, Any]:
    """The whole run but its findings. Keys are those of `Run` in the page's `model.js`."""
    coverage = run.coverage
    known = {plugin.id: plugin for plugin in run.plugins}
    names = dict.fromkeys([*known, *coverage.plugins])
    return {
        "version": version,
        "started": run.started_at.isoformat(),
        "elapsedS": run.elapsed_s,
        "inputs": [clipped(name, URL_CHARS) for name in run.inputs[:_MAX_LISTED]],
        "inputCount": len(run.inputs),
        "outcome": run.outcome,
        "why": list(_why(run)),
        "isRedacted": run.is_redacted,
        "entries": run.entries,
        "transactions": coverage.transactions,
        "scans": coverage.scans,
        "total": run.findings.total(),
        "severities": {severity.value: run.findings[severity] for severity in Severity},
        "plugins": [
            _plugin(name, known.get(name), coverage.plugins.get(name, PluginCoverage())) for name in names
        ],
        "sandbox": coverage.sandbox,
        "sandboxMissing": [
            [clipped(name, TITLE_CHARS), clipped(why, TEXT_CHARS)]
            for name, why in coverage.sandbox_missing.items()
        ],
        "rejected": [
            [clipped(entry.place, URL_CHARS), clipped(entry.problem or "", TEXT_CHARS)]
            for entry in run.rejected[:_MAX_REJECTED]
        ],
        "rejectedCount": run.rejected_count,
        "outOfScope": run.out_of_scope,
        "scopeLeftOut": _counts(run.left_out),
        "suppressed": _counts(run.suppressed),
        "isNewOnly": run.is_new_only,
        "known": run.known.total(),
        "remarks": [clipped(remark, TEXT_CHARS) for remark in run.remarks[:_MAX_LISTED]],
        "notes": _counts(run.notes),
    }


def _counts(counter: Counter[str]) -> list[list[Any]]:
    """Texts and how often each came, most often first."""
    return [[clipped(text, TEXT_CHARS), count] for text, count in counter.most_common(_MAX_LISTED)]


def _why(run: RunRecord) -> Iterator[str]:
    """Sentences that say what of the input was not scanned; none when everything was."""
    coverage = run.coverage
    if run.is_interrupted:
        yield "The run was interrupted. What was finished is here; the rest was not scanned."
    if run.input_error is not None:
        yield f"An input could not be read to its end: {clipped(run.input_error, TEXT_CHARS)}"
    if run.is_output_closed and not run.is_interrupted:
        yield "An output was closed before everything was written, which ended the run."
    if run.is_scope_empty:
        yield "The scope left out every transaction: nothing was scanned."
    if coverage.failed:
        failed = ", ".join(f"{count:,} {word}" for word, count in _failed(coverage.plugins.values()).items())
        yield f"{_counted(coverage.failed, 'scan')} of {coverage.scans:,} did not run to the end: {failed}."
    if run.rejected_count:
        yield f"{_counted(run.rejected_count, 'entry', 'entries')} of the input could not be read."


def _failed(plugins: Iterable[PluginCoverage]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for plugin in plugins:
        for verdict, word in VERDICT_WORDS.items():
            if not verdict.is_complete and (count := _failures(plugin, verdict)):
                counts[word] = counts.get(word, 0) + count
    return counts


def _failures(plugin: PluginCoverage, verdict: Verdict) -> int:
    skipped = plugin.not_applicable if verdict is Verdict.SKIPPED else 0
    return plugin.verdicts[verdict] - skipped


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _plugin(name: str, metadata: PluginMetadata | None, plugin: PluginCoverage) -> dict[str, Any]:
    scans = plugin.verdicts.total()
    return {
        "id": name,
        "name": clipped(metadata.name, TITLE_CHARS) if metadata else name,
        "version": clipped(metadata.version, 100) if metadata else "",
        "description": clipped(metadata.description or "", TEXT_CHARS) if metadata else "",
        "scans": scans,
        "clean": plugin.verdicts[Verdict.CLEAN],
        "findings": plugin.verdicts[Verdict.FINDINGS],
        "notApplicable": plugin.not_applicable,
        "failed": plugin.failed,
        "totalMs": plugin.total_ms,
        "slowest": [[ms, clipped(id_, URL_CHARS)] for ms, id_ in reversed(plugin.slowest)],
        "failures": [
            {
                "verdict": VERDICT_WORDS[verdict],
                "count": _failures(plugin, verdict),
                "transaction": clipped(example.transaction_id, URL_CHARS),
                "text": clipped(str(example.error) if example.error else "", TEXT_CHARS),
                "stack": clipped((example.error.stack if example.error else None) or "", _STACK_CHARS),
            }
            for verdict, example in plugin.first_failures.items()
        ],
        "denials": [
            [denial.permission, clipped(denial.target, TITLE_CHARS), denial.count]
            for denial in plugin.denials[:_MAX_LISTED]
        ],
        "notGranted": [clipped(word, TITLE_CHARS) for word in plugin.not_granted[:_MAX_LISTED]],
    }


def finding_data(reported: ReportedFinding) -> dict[str, Any]:
    """A finding without its occurrences. Keys are those of `Finding` in the page's `model.js`."""
    finding = reported.finding
    return {
        "fingerprint": reported.fingerprint,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "plugin": finding.plugin_id,
        "title": clipped(finding.title, TITLE_CHARS),
        "type": clipped(finding.vuln_type, TITLE_CHARS),
        "method": clipped(finding.method, 100),
        "url": clipped(finding.url, URL_CHARS),
        "description": clipped(finding.description, TEXT_CHARS),
        "evidence": clipped(finding.evidence, TEXT_CHARS),
        "location": clipped(finding.location, TITLE_CHARS),
        "cwe": clipped(finding.cwe, 100),
        "owasp": clipped(finding.owasp, 100),
        "remediation": clipped(finding.remediation, TEXT_CHARS),
        "extra": clipped(_json(finding.extra), TEXT_CHARS),
        "isNew": reported.is_new,
    }


def _json(extra: dict[str, Any]) -> str:
    """The fields a plugin added of its own; the page shows them as text."""
    if not extra:
        return ""
    try:
        return json.dumps(extra, ensure_ascii=False)
    except RecursionError:
        return "(nested too deeply to be shown)"


def hit_data(finding: Finding, place: Place | None) -> dict[str, Any]:
    """One occurrence of a finding: its transaction and where in the capture that stands."""
    return {
        "id": clipped(finding.transaction_id, URL_CHARS),
        "url": clipped(finding.url, URL_CHARS),
        "method": clipped(finding.method, 100),
        "place": "" if place is None else f"{clipped(place.source, URL_CHARS)}, {place.unit} {place.index}",
        "offset": None if place is None else place.offset_bytes,
    }
