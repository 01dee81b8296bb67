"""Alert rules as data: evaluated here, exported for elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec import Struct

from .errors import ConfigError
from .models import ExecutorStats, Limits, Verdict


class AlertRule(Struct, frozen=True, kw_only=True):
    """Fires when `metric` is at or above `threshold`; both are ratios or counts as the metric says."""

    name: str
    metric: str
    threshold: float
    severity: str = "warning"
    text: str = ""

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise ConfigError(
                f"alert {self.name!r}: no metric {self.metric!r}; there are {', '.join(METRICS)}"
            )


class Alert(Struct, frozen=True, kw_only=True):
    """A rule that fires now."""

    rule: str
    severity: str
    plugin_id: str
    value: float
    threshold: float
    text: str

    def __str__(self) -> str:
        return f"{self.text} ({self.rule}: {self.value:.3g}, alarm at {self.threshold:.3g})"


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _failed_share(stats: ExecutorStats, limits: Limits) -> float:
    fine = stats.verdicts.get(Verdict.CLEAN, 0) + stats.verdicts.get(Verdict.FINDINGS, 0)
    total = sum(stats.verdicts.values())
    return _share(total - fine, total)


#: Name → value of it. Ratios are of the limit named.
METRICS: dict[str, Callable[[ExecutorStats, Limits], float]] = {
    "executions_of_threshold": lambda s, _: _share(
        s.current_instance_executions, s.max_executions_before_restart
    ),
    "rss_of_limit": lambda s, limits: _share(s.rss_bytes or 0, limits.memory_bytes),
    "queue_of_limit": lambda s, limits: _share(s.queued, limits.queue_size),
    "failed_share": _failed_share,
    "p95_of_timeout": lambda s, limits: _share((s.scan_latency.p95_ms or 0) / 1000, limits.timeout_s),
    "quarantined": lambda s, _: float(s.quarantined_for_s is not None),
    "growth_bytes_per_execution": lambda s, _: s.growth_bytes_per_execution or 0.0,
}

#: The seed's alert, placed before its restart instead of behind it, and what else an operator wakes up for.
DEFAULT_RULES: tuple[AlertRule, ...] = (
    AlertRule(
        name="executions near threshold",
        metric="executions_of_threshold",
        threshold=0.9,
        text="the generation is close to its advised number of executions",
    ),
    AlertRule(
        name="memory", metric="rss_of_limit", threshold=0.8, text="resident memory is close to its hard limit"
    ),
    AlertRule(name="queue", metric="queue_of_limit", threshold=0.9, text="callers are about to be held back"),
    AlertRule(
        name="errors",
        metric="failed_share",
        threshold=0.05,
        text="many scans do not end clean or with findings",
    ),
    AlertRule(
        name="slow scans", metric="p95_of_timeout", threshold=0.5, text="scans come close to their time limit"
    ),
    AlertRule(
        name="quarantine",
        metric="quarantined",
        threshold=1.0,
        severity="critical",
        text="the plugin's generations keep dying; its scans are refused",
    ),
)


def evaluate(stats: ExecutorStats, limits: Limits, rules: Iterable[AlertRule] = DEFAULT_RULES) -> list[Alert]:
    """The rules that fire on this snapshot, in the order given."""
    alerts: list[Alert] = []
    for rule in rules:
        value = METRICS[rule.metric](stats, limits)
        if value >= rule.threshold:
            alerts.append(
                Alert(
                    rule=rule.name,
                    severity=rule.severity,
                    plugin_id=stats.plugin_id,
                    value=value,
                    threshold=rule.threshold,
                    text=rule.text,
                )
            )
    return alerts


class AlertWatch:
    """Tells of each rule once when it begins to fire, and again only after it had stopped."""

    def __init__(self, rules: Iterable[AlertRule] = DEFAULT_RULES) -> None:
        self._rules = tuple(rules)
        self._firing: frozenset[str] = frozenset()

    def began(self, stats: ExecutorStats, limits: Limits) -> list[Alert]:
        """The rules that fire on this snapshot and did not fire on the last."""
        firing = evaluate(stats, limits, self._rules)
        before, self._firing = self._firing, frozenset(alert.rule for alert in firing)
        return [alert for alert in firing if alert.rule not in before]


def export_rules(rules: Iterable[AlertRule] = DEFAULT_RULES) -> list[dict[str, Any]]:
    """The rules as plain data, for JSON or a monitoring system's configuration."""
    return [msgspec.to_builtins(rule) for rule in rules]
