"""What verdicts are called in reports and summaries."""

from __future__ import annotations

from ..models import Verdict

#: What became of scans, after a count: `3 timed out`.
VERDICT_WORDS = {
    Verdict.CLEAN: "clean",
    Verdict.FINDINGS: "with findings",
    Verdict.ERROR: "ended in an error",
    Verdict.TIMEOUT: "timed out",
    Verdict.OUT_OF_MEMORY: "ran out of memory",
    Verdict.CRASHED: "crashed",
    Verdict.INTERRUPTED: "interrupted",
    Verdict.SKIPPED: "skipped",
    Verdict.INVALID_FINDINGS: "with invalid findings",
}
