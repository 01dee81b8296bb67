"""What a run did, for its summary, its reports and the store. Plain data, filled while it runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct, field

from .coverage import Coverage
from .models import Finding, HttpTransaction, PluginMetadata, Severity
from .sources import Entry

#: Entries that could not be read, of which a run keeps the place and the reason; a few megabytes.
REJECTED_KEPT = 10_000


class Place(Struct, frozen=True):
    """Where in which input a transaction stands; `offset_bytes` where the reader knows it."""

    source: str
    index: int
    unit: str
    offset_bytes: int | None = None
    length_bytes: int | None = None


class ReportedFinding(Struct, frozen=True, kw_only=True):
    """A finding as reports show it: masked already, with its transaction, if the run masks secrets.

    `fingerprint` is the one to show: that of a masked finding does not change with the key of the
    masks. `traffic` is the transaction to show, or makes it: most of them are shown by no report.
    `is_new` is None where nothing is known of earlier runs.
    """

    finding: Finding
    fingerprint: str
    traffic: HttpTransaction | Callable[[], HttpTransaction] | None = None
    place: Place | None = None
    is_new: bool | None = None

    @property
    def transaction(self) -> HttpTransaction | None:
        """The transaction to show; None when reports show none."""
        return self.traffic() if callable(self.traffic) else self.traffic


class RunRecord(Struct, kw_only=True):
    """One run: what it read, what it found, how it ended. `coverage` says what was scanned."""

    inputs: list[str] = field(default_factory=list)
    plugins: list[PluginMetadata] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Coverage)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    elapsed_s: float = 0.0
    is_redacted: bool = False

    entries: int = 0
    #: The first `REJECTED_KEPT` of the entries that could not be read.
    rejected: list[Entry] = field(default_factory=list)
    rejected_count: int = 0
    out_of_scope: int = 0
    notes: Counter[str] = field(default_factory=Counter)

    #: Transactions the scope left out, by reason: nothing was asked of them.
    left_out: Counter[str] = field(default_factory=Counter)

    #: Of what is reported.
    findings: Counter[Severity] = field(default_factory=Counter)
    fingerprints: set[str] = field(default_factory=set)

    #: Findings not reported, by the place of the suppression and its reason.
    suppressed: Counter[str] = field(default_factory=Counter)
    #: Findings known from earlier, which are reported too unless `is_new_only`.
    known: Counter[Severity] = field(default_factory=Counter)
    is_new_only: bool = False
    #: What else the user should know of the configuration, in sentences.
    remarks: list[str] = field(default_factory=list)

    input_error: str | None = None
    is_interrupted: bool = False
    is_output_closed: bool = False

    @property
    def alarming(self) -> Counter[Severity]:
        """Findings that may fail the run: reported and not known from earlier."""
        return self.findings.copy() if self.is_new_only else self.findings - self.known

    @property
    def is_scope_empty(self) -> bool:
        """Whether there were transactions and the scope left out every one."""
        return bool(self.left_out) and not self.coverage.transactions

    @property
    def is_complete(self) -> bool:
        """Whether everything that was asked for was scanned, and that was not nothing."""
        is_cut = self.input_error is not None or self.is_interrupted or self.is_output_closed
        if self.is_scope_empty:
            return False
        return not (is_cut or self.coverage.failed or self.rejected_count)

    @property
    def outcome(self) -> Literal["complete", "incomplete", "interrupted"]:
        """How it ended, in a word."""
        if self.is_interrupted:
            return "interrupted"
        return "complete" if self.is_complete else "incomplete"
