"""What was asked of the plugins and what became of it. Plain data."""

from __future__ import annotations

from bisect import insort
from collections import Counter

from msgspec import Struct, field

from .models import SandboxLevel, ScanResult, Verdict
from .permissions import Denial

#: Kind of a `skipped` scan that had nothing to run; every other kind means coverage is missing.
NOT_APPLICABLE = "not_applicable"

_SLOWEST_KEPT = 5
_CLEAN, _FINDINGS = Verdict.CLEAN, Verdict.FINDINGS


class PluginCoverage(Struct):
    """What became of one plugin's scans; `first_failures` holds one example per verdict.

    `total_ms`: the time of all its scans together. `slowest`: `(ms, transaction id)` of its five
    slowest, the slowest last. `denials`: what it tried without being granted it. `not_granted`: what
    its metadata asks for and it did not get. The last two are known at the end.
    """

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    not_applicable: int = 0
    total_ms: float = 0.0
    slowest: list[tuple[float, str]] = field(default_factory=list)
    first_failures: dict[Verdict, ScanResult] = field(default_factory=dict)
    denials: tuple[Denial, ...] = ()
    not_granted: list[str] = field(default_factory=list)

    def add(self, result: ScanResult) -> None:
        """Counts one result of this plugin."""
        verdict, duration_ms = result.verdict, result.duration_ms
        self.verdicts[verdict] += 1
        self.total_ms += duration_ms
        if len(self.slowest) < _SLOWEST_KEPT or duration_ms > self.slowest[0][0]:
            insort(self.slowest, (duration_ms, result.transaction_id))
            del self.slowest[:-_SLOWEST_KEPT]
        if verdict is _CLEAN or verdict is _FINDINGS:
            return
        if result.error is not None and result.error.kind == NOT_APPLICABLE:
            self.not_applicable += 1
        else:
            self.first_failures.setdefault(result.verdict, result)

    @property
    def failed(self) -> int:
        """Scans that should have run to their end and did not."""
        complete = self.verdicts[Verdict.CLEAN] + self.verdicts[Verdict.FINDINGS]
        return self.verdicts.total() - complete - self.not_applicable


class Coverage(Struct):
    """What was asked and what became of it. A scan that did not run is never "clean"."""

    transactions: int = 0
    scans: int = 0
    plugins: dict[str, PluginCoverage] = field(default_factory=dict)
    #: How well the plugins were held, and what that level does without; known once they run.
    sandbox: SandboxLevel = "strict"
    sandbox_missing: dict[str, str] = field(default_factory=dict)

    def add(self, result: ScanResult) -> None:
        """Counts one result."""
        self.scans += 1
        self.of(result.plugin_id).add(result)

    def of(self, plugin_id: str) -> PluginCoverage:
        """One plugin's part."""
        return self.plugins.setdefault(plugin_id, PluginCoverage())

    @property
    def verdicts(self) -> Counter[Verdict]:
        """Verdicts of all plugins together."""
        total: Counter[Verdict] = Counter()
        for plugin in self.plugins.values():
            total.update(plugin.verdicts)
        return total

    @property
    def failed(self) -> int:
        """Scans that should have run to their end and did not, of all plugins."""
        return sum(plugin.failed for plugin in self.plugins.values())
