"""What happens to generations, as data: for hooks, logs and dashboards."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum

from msgspec import Struct, field

logger = logging.getLogger("isoscan")
logger.addHandler(logging.NullHandler())  # a library speaks only when its user configured logging


class EventKind(StrEnum):
    """What happened. The set is closed."""

    #: A generation's process was started.
    START = "start"
    #: A generation is loaded and takes the slot.
    READY = "ready"
    #: A generation takes no more work because a newer one serves.
    RETIRE = "retire"
    #: A generation was killed, or died.
    KILL = "kill"
    #: A generation was replaced; `reason` says why.
    RESTART = "restart"
    #: A restart failed; the old generation serves on, or recovery goes on.
    RESTART_FAILED = "restart_failed"
    #: Restarting cannot help: a fresh generation is already over its limit.
    FUTILE = "futile"
    #: The plugin's generations keep dying; its scans are refused for a while.
    QUARANTINE = "quarantine"
    #: The back-off is over; one scan is let through.
    PROBATION = "probation"
    #: A rule of `alert_rules` begins to fire; `reason` is its name.
    ALERT = "alert"


class Event(Struct, frozen=True, kw_only=True):
    """One thing that happened to one executor. Holds nothing of any transaction.

    `executions`, `pss_bytes`, `heap_used_bytes`, `external_bytes` and `growth_bytes_per_execution` are of the
    generation it is about, as last measured.
    """

    kind: EventKind
    plugin_id: str
    generation: int
    reason: str = ""
    text: str = ""
    executions: int | None = None
    rss_before_bytes: int | None = None
    rss_after_bytes: int | None = None
    pss_bytes: int | None = None
    heap_used_bytes: int | None = None
    external_bytes: int | None = None
    growth_bytes_per_execution: float | None = None
    waiting: int = 0
    pause_ms: float | None = None
    duration_ms: float | None = None
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def line(self) -> str:
        """One structured log line: `event=restart plugin=… generation=… …`."""
        pairs = [f"event={self.kind.value}", f"plugin={self.plugin_id}", f"generation={self.generation}"]
        for name in _LOGGED:
            value = getattr(self, name)
            if value not in (None, ""):
                pairs.append(f"{name}={value:.1f}" if isinstance(value, float) else f"{name}={value}")
        if self.waiting:
            pairs.append(f"waiting={self.waiting}")
        if self.text:
            pairs.append(f"text={json.dumps(self.text)}")
        return " ".join(pairs)


_LOGGED = (
    "reason",
    "executions",
    "rss_before_bytes",
    "rss_after_bytes",
    "pss_bytes",
    "heap_used_bytes",
    "external_bytes",
    "growth_bytes_per_execution",
    "pause_ms",
    "duration_ms",
)
#: A hook runs on the event loop: one that takes longer than this is complained of.
_HOOK_S = 0.1
EventHook = Callable[[Event], None]
_WARNINGS = frozenset((EventKind.QUARANTINE, EventKind.FUTILE, EventKind.RESTART_FAILED, EventKind.ALERT))


class EventStream:
    """Hands every event to the log and to the hooks; a hook that raises harms nobody else."""

    def __init__(self, hooks: tuple[EventHook, ...] = ()) -> None:
        self._hooks = list(hooks)

    def add(self, hook: EventHook) -> None:
        """Calls `hook` with every event from now on, on the executor's event loop."""
        self._hooks.append(hook)

    def emit(self, event: Event) -> None:
        """Something happened."""
        level = logging.WARNING if event.kind in _WARNINGS else logging.DEBUG
        if logger.isEnabledFor(level):
            logger.log(level, "%s", event.line())
        for hook in self._hooks:
            began = time.perf_counter()
            try:
                hook(event)
            except Exception:  # a hook is the caller's code: its fault is logged with its traceback
                logger.exception("an event hook failed on %s", event.kind.value)
            blocked_s = time.perf_counter() - began
            if blocked_s > _HOOK_S:
                logger.warning(
                    "an event hook blocked all scans for %.1f s on %s: hooks must hand slow work on",
                    blocked_s,
                    event.kind.value,
                )
