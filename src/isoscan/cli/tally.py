"""What a run counts besides its scans."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct, field

from ..models import Severity
from ..sources import Entry


class Tally(Struct):
    """Entries, findings, and how the run ended."""

    entries: int = 0
    rejected: list[Entry] = field(default_factory=list)
    rejected_count: int = 0
    out_of_scope: int = 0
    notes: Counter[str] = field(default_factory=Counter)
    findings: Counter[Severity] = field(default_factory=Counter)
    fingerprints: set[str] = field(default_factory=set)
    input_error: str | None = None
    is_interrupted: bool = False
    is_output_closed: bool = False
    elapsed_s: float = 0.0
