"""The summary of a run: what was asked, what ran, what did not, and why. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ..models import Severity, Verdict
from ..permissions import Denial
from ..record import RunRecord
from ..reports.text import printable
from ..reports.words import VERDICT_WORDS

_REASON_CHARS = 300
_MAX_DENIALS_SHOWN = 10
_MAX_REJECTED_SHOWN = 20


def summarise(run: RunRecord, output_name: str) -> Iterator[str]:
    """Lines for standard error, the verdict on coverage last."""
    coverage = run.coverage
    for remark in run.remarks:
        yield printable(remark, _REASON_CHARS)
    total = sum(run.findings.values())
    if total:
        worst_first = [severity for severity in reversed(Severity) if run.findings[severity]]
        counts = ", ".join(f"{run.findings[severity]} {severity.value}" for severity in worst_first)
        unique = len(run.fingerprints)
        yield f"findings: {total} ({unique} different): {counts}"
    else:
        yield "findings: none"
    yield from _withheld(run)
    verdicts = coverage.verdicts
    parts = [f"{verdicts[verdict]} {VERDICT_WORDS[verdict]}" for verdict in Verdict if verdicts[verdict]]
    yield (
        f"coverage: {coverage.transactions} transactions x {len(coverage.plugins)} plugins = "
        f"{coverage.scans} scans in {run.elapsed_s:.1f} s" + (f": {', '.join(parts)}" if parts else "")
    )
    for plugin_id, plugin in coverage.plugins.items():
        for verdict, example in plugin.first_failures.items():
            count = plugin.verdicts[verdict]
            if verdict is Verdict.SKIPPED:
                count -= plugin.not_applicable
            yield (
                f"  {printable(plugin_id)}: {count} {VERDICT_WORDS[verdict]}, first at "
                f"{printable(example.transaction_id, 200)}: {printable(str(example.error), _REASON_CHARS)}"
            )
        if plugin.denials:
            tried = [_attempt(denial) for denial in plugin.denials[:_MAX_DENIALS_SHOWN]]
            more = len(plugin.denials) - len(tried)
            yield (
                f"  {printable(plugin_id)}: denied {', '.join(tried)}" + (f" and {more} more" if more else "")
            )
        if plugin.not_granted:
            words = ", ".join(printable(word.replace(" ", "=", 1), 200) for word in plugin.not_granted)
            yield f"  {printable(plugin_id)}: asks for more than it was granted (--allow): {words}"
    if run.left_out:
        left_out = run.left_out.total()
        reasons = ", ".join(f"{count} by {reason}" for reason, count in run.left_out.most_common())
        total = run.entries + left_out - run.rejected_count - run.out_of_scope
        yield f"  scope: {left_out} of {total} transactions left out: {reasons}"
    for entry in run.rejected[:_MAX_REJECTED_SHOWN]:
        yield f"  rejected: {printable(entry.place)}: {printable(str(entry.problem), _REASON_CHARS)}"
    if (more := run.rejected_count - _MAX_REJECTED_SHOWN) > 0:
        yield f"  … and {more} more rejected entries; reports in json and html list them"
    if run.out_of_scope:
        yield f"  {run.out_of_scope} entries are no HTTP exchanges and were left out"
    if coverage.sandbox != "strict":
        lacks = "; ".join(f"{name}: {why}" for name, why in coverage.sandbox_missing.items())
        yield f"  sandbox: {coverage.sandbox}, weaker than strict" + (
            f" ({printable(lacks)})" if lacks else ""
        )
    for note, count in run.notes.most_common():
        yield f"  note: {printable(note, _REASON_CHARS)} ({count})"
    if run.input_error is not None:
        yield f"isoscan: {printable(run.input_error)}"
    if run.is_output_closed and not run.is_interrupted:
        yield f"isoscan: {printable(output_name)} was closed before everything was written"
    if run.is_interrupted:
        yield "isoscan: interrupted; what was finished is written, the rest was not scanned"
    elif run.is_scope_empty:
        yield "NOTHING SCANNED: the scope leaves out every transaction of the input"
    elif coverage.failed or run.rejected_count:
        yield f"INCOMPLETE: {coverage.failed} scans failed, {run.rejected_count} entries were rejected"


def _withheld(run: RunRecord) -> Iterator[str]:
    """Findings that are not reported, or do not count, and why."""
    for label, count in run.suppressed.most_common():
        if count:
            yield f"  suppressed: {count} by {printable(label, _REASON_CHARS)}"
    if known := run.known.total():
        yield f"  known: {known} {'not reported' if run.is_new_only else 'of these are in the baseline'}"


def _attempt(denial: Denial) -> str:
    """`net api.example.com:443 (3)`."""
    target = f" {printable(denial.target, 200)}" if denial.target else ""
    return f"{denial.permission}{target} ({denial.count})"
