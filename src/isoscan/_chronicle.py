"""What a slot tells the world: events of its generations, reports of restarts, alerts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ._dispatch import Dispatch
from ._keeper import Keeper
from ._options import Settings
from .alerts import AlertWatch
from .events import Event, EventKind, EventStream
from .models import ExecutorStats, RestartReason, RestartReport
from .sandbox.generation import Generation


class Chronicle:
    """Tells hooks and the log, and keeps count of what it told."""

    def __init__(
        self,
        settings: Settings,
        dispatch: Dispatch,
        keeper: Keeper,
        read_stats: Callable[[], ExecutorStats],
    ) -> None:
        self.last_restart_time: datetime | None = None
        self.events = EventStream(() if settings.on_event is None else (settings.on_event,))
        self._alerts = AlertWatch(settings.alert_rules)
        self._dispatch = dispatch
        self._keeper = keeper
        self._read_stats = read_stats

    def tell(self, kind: EventKind, generation: int, **details: Any) -> None:
        """Something happened to a generation; `details` are fields of `Event`."""
        name = self._dispatch.name
        self.events.emit(Event(kind=kind, plugin_id=name, generation=generation, **details))

    def tell_end(self, kind: EventKind, generation: Generation, **details: Any) -> None:
        """A generation retires or died, with what it held when it was last looked at."""
        growth = self._keeper.measured_growth(generation)
        self.tell(
            kind,
            generation.number,
            executions=generation.executions,
            rss_before_bytes=generation.last_rss_bytes,
            pss_bytes=generation.last_pss_bytes,
            heap_used_bytes=generation.heap_used_bytes,
            external_bytes=generation.external_bytes,
            growth_bytes_per_execution=growth.bytes_per_execution if growth else None,
            **details,
        )

    def tell_restart(
        self,
        generation: Generation,
        previous: int,
        reason: RestartReason,
        duration_ms: float,
        pause_ms: float,
        *,
        rss_before_bytes: int | None = None,
        waiting: int = 0,
        text: str = "",
    ) -> RestartReport:
        """A generation took the slot from another; returns the report of it."""
        report = RestartReport(
            generation=generation.number,
            previous_generation=previous,
            reason=reason,
            duration_ms=duration_ms,
            pause_ms=pause_ms,
            rss_before_bytes=rss_before_bytes,
            rss_after_bytes=generation.rss_bytes(),
            waiting=waiting,
            text=text,
        )
        self._dispatch.counters.record_restart(report)
        self._keeper.record_cost(duration_ms)
        self.last_restart_time = datetime.now(UTC)
        self.tell(
            EventKind.RESTART,
            generation.number,
            reason=reason.value,
            text=text,
            rss_before_bytes=rss_before_bytes,
            rss_after_bytes=report.rss_after_bytes,
            waiting=waiting,
            pause_ms=pause_ms,
            duration_ms=duration_ms,
        )
        return report

    def tell_alerts(self, generation: int) -> None:
        """Looks at the rules; those that begin to fire are told."""
        for alert in self._alerts.began(self._read_stats(), self._dispatch.limits):
            self.tell(EventKind.ALERT, generation, reason=alert.rule, text=f"{alert.severity}: {alert}")
