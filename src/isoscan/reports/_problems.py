"""What a run did not do, as every report must say it: unscanned must not look like clean. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from ..models import ScanFailure, Verdict
from ..record import Place, RunRecord
from .text import counted, printable

Kind = Literal[
    "scan-failed", "entry-rejected", "input-error", "interrupted", "output-closed", "nothing-in-scope"
]

_TEXT_CHARS = 300
_MAX_REASONS = 10
_MAX_REJECTED = 20

#: How a scan ended, for `3 scans …`.
ENDED = {
    Verdict.CLEAN: "found nothing",
    Verdict.FINDINGS: "had findings",
    Verdict.ERROR: "ended in an error",
    Verdict.TIMEOUT: "timed out",
    Verdict.OUT_OF_MEMORY: "ran out of memory",
    Verdict.CRASHED: "crashed",
    Verdict.INTERRUPTED: "were interrupted",
    Verdict.SKIPPED: "were skipped",
    Verdict.INVALID_FINDINGS: "had invalid findings",
}


class Problem(Struct, frozen=True, kw_only=True):
    """One way in which a run is not complete. `title` and `text` are printable; `text` may be empty."""

    kind: Kind
    title: str
    text: str = ""
    count: int = 1
    plugin_id: str | None = None
    verdict: Verdict | None = None
    error: ScanFailure | None = None
    place: Place | None = None


def problems(run: RunRecord) -> Iterator[Problem]:
    """All that kept the run from being complete, the most sweeping first; nothing for a complete one."""
    if run.input_error is not None:
        yield Problem(
            kind="input-error",
            title="An input could not be read to its end",
            text=printable(run.input_error, _TEXT_CHARS),
        )
    if run.is_interrupted:
        yield Problem(
            kind="interrupted",
            title="The run was interrupted",
            text="What was finished is here, the rest was not scanned.",
        )
    elif run.is_output_closed:
        yield Problem(kind="output-closed", title="The run ended early because one of its outputs was closed")
    if run.is_scope_empty:
        yield Problem(kind="nothing-in-scope", title="The scope left out every transaction")
    yield from _failed_scans(run)
    yield from _rejected_entries(run)


def _failed_scans(run: RunRecord) -> Iterator[Problem]:
    for plugin_id, plugin in run.coverage.plugins.items():
        for verdict, example in plugin.first_failures.items():
            count = plugin.verdicts[verdict]
            if verdict is Verdict.SKIPPED:
                count -= plugin.not_applicable
            why = "" if example.error is None else f": {printable(str(example.error), _TEXT_CHARS)}"
            yield Problem(
                kind="scan-failed",
                title=f"{counted(count, 'scan')} {ENDED[verdict]}",
                text=f"first at {printable(example.transaction_id, _TEXT_CHARS)}{why}",
                count=count,
                plugin_id=plugin_id,
                verdict=verdict,
                error=example.error,
            )


def _rejected_entries(run: RunRecord) -> Iterator[Problem]:
    for entry in run.rejected[:_MAX_REJECTED]:
        yield Problem(
            kind="entry-rejected",
            title=f"{printable(entry.place, _TEXT_CHARS)} was rejected",
            text=printable(str(entry.problem), _TEXT_CHARS),
            place=Place(entry.source, entry.index, entry.unit, entry.offset_bytes, entry.length_bytes),
        )
    more = run.rejected_count - min(len(run.rejected), _MAX_REJECTED)
    if more > 0:
        yield Problem(
            kind="entry-rejected",
            title=f"{counted(more, 'more entry', 'more entries')} could not be read",
            count=more,
        )


def remarks(run: RunRecord) -> list[str]:
    """What a reader should know of a run that is complete all the same, in printable sentences."""
    sentences = []
    if run.left_out:
        reasons = _reasons(run.left_out)
        sentences.append(f"{counted(run.left_out.total(), 'transaction')} left out by the scope: {reasons}.")
    if run.out_of_scope:
        sentences.append(
            f"{counted(run.out_of_scope, 'entry', 'entries')} left out, being no HTTP exchanges."
        )
    if run.suppressed:
        reasons = _reasons(run.suppressed)
        sentences.append(f"{counted(run.suppressed.total(), 'finding')} suppressed: {reasons}.")
    if run.is_new_only and run.known:
        sentences.append(f"{counted(run.known.total(), 'finding')} known from earlier, not shown.")
    if run.coverage.sandbox != "strict":
        sentences.append(f"The sandbox was {run.coverage.sandbox}, weaker than strict.")
    return sentences + [printable(remark, _TEXT_CHARS) for remark in run.remarks[:_MAX_REASONS]]


def _reasons(counts: Counter[str]) -> str:
    shown = [f"{printable(reason, _TEXT_CHARS)} ({count:,})" for reason, count in counts.most_common()]
    more = len(shown) - _MAX_REASONS
    return ", ".join(shown[:_MAX_REASONS]) + (f" and {more:,} more" if more > 0 else "")


def incomplete_sentence(run: RunRecord) -> str:
    """One sentence that says a run is not complete; empty for a complete one."""
    if run.is_complete:
        return ""
    parts = []
    if run.is_interrupted:
        parts.append("the run was interrupted")
    elif run.is_output_closed:
        parts.append("an output was closed")
    if run.input_error is not None:
        parts.append("an input could not be read to its end")
    if run.is_scope_empty:
        parts.append("the scope left out every transaction")
    if run.coverage.failed:
        parts.append(f"{counted(run.coverage.failed, 'scan')} failed")
    if run.rejected_count:
        parts.append(f"{counted(run.rejected_count, 'entry', 'entries')} could not be read")
    return f"Incomplete: {', '.join(parts)}. What was not scanned may hold more findings."
