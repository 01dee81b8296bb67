"""Placeholder until the policies are written."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from .growth import Growth
from .models import RestartReason


class GenerationSnapshot(Struct, frozen=True, kw_only=True):
    """Snapshot."""

    generation: int
    age_s: float
    executions: int
    jitter: float
    rss_bytes: int | None = None
    birth_rss_bytes: int | None = None
    memory_bytes: int | None = None
    growth: Growth | None = None
    learned: Growth | None = None
    restart_cost_ms: float | None = None
    scans_per_s: float | None = None


class Decision(Struct, frozen=True):
    """Decision."""

    reason: RestartReason
    text: str
    is_futile: bool = False


class RestartPolicy(Protocol):
    """Policy."""

    def decide(self, snapshot: GenerationSnapshot) -> Decision | None: ...


class MaxExecutions:
    """N."""

    def __init__(self, n: int, *, jitter: float = 0.1) -> None:
        self.n = n
        self.jitter = jitter

    def decide(self, snapshot: GenerationSnapshot) -> Decision | None:
        """Decide."""
        if snapshot.executions >= self.n * (1 - self.jitter * snapshot.jitter):
            return Decision(RestartReason.MAX_EXECUTIONS, f"{snapshot.executions} executions")
        return None
