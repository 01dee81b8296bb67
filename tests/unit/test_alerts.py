"""Alert rules: each fires at its threshold and not below, and all of them are plain data."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from isoscan import DEFAULT_RULES, AlertRule, ConfigError, ExecutorStats, Limits, Percentiles, Verdict
from isoscan.alerts import METRICS, AlertWatch, evaluate, export_rules

MIB = 1024 * 1024
LIMITS = Limits(memory_bytes=100 * MIB, queue_size=100, timeout_s=5.0)


def make_stats(**changes: Any) -> ExecutorStats:
    """The stats of an executor that has nothing to complain about, with these changes."""
    calm = ExecutorStats(
        plugin_id="probe",
        state="serving",
        generation=1,
        total_executions=0,
        current_instance_executions=0,
        max_executions_before_restart=1000,
        restart_count=0,
        last_restart_time=None,
        queued=0,
        in_flight=0,
        verdicts={},
        restarts={},
        rss_bytes=None,
        heap_used_bytes=None,
        growth_bytes_per_execution=None,
        growth_interval_bytes=None,
        is_growth_significant=False,
        policy_text="",
        scan_latency=Percentiles(),
        queue_latency=Percentiles(),
        last_restart=None,
        longest_pause_ms=0.0,
        quarantined_for_s=None,
        late_errors=0,
    )
    return msgspec.structs.replace(calm, **changes)


#: Rule, what makes it fire exactly at its threshold, and what is the nearest below.
EDGES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "executions near threshold",
        {"current_instance_executions": 900},
        {"current_instance_executions": 899},
    ),
    ("memory", {"rss_bytes": 80 * MIB}, {"rss_bytes": 80 * MIB - 1}),
    ("queue", {"queued": 90}, {"queued": 89}),
    (
        "errors",
        {"verdicts": {Verdict.CLEAN: 90, Verdict.FINDINGS: 5, Verdict.ERROR: 3, Verdict.TIMEOUT: 2}},
        {"verdicts": {Verdict.CLEAN: 91, Verdict.FINDINGS: 5, Verdict.ERROR: 3, Verdict.TIMEOUT: 1}},
    ),
    (
        "slow scans",
        {"scan_latency": Percentiles(1.0, 2500.0, 2500.0, 2500.0)},
        {"scan_latency": Percentiles(1.0, 2499.0, 4999.0, 4999.0)},
    ),
    ("quarantine", {"state": "quarantined", "quarantined_for_s": 0.0}, {"quarantined_for_s": None}),
]


def fired(stats: ExecutorStats) -> list[str]:
    """Names of the default rules that fire."""
    return [alert.rule for alert in evaluate(stats, LIMITS)]


def test_every_default_rule_has_its_edge() -> None:
    """No default rule is without a case below."""
    assert [name for name, _, _ in EDGES] == [rule.name for rule in DEFAULT_RULES]


def test_a_calm_executor_fires_nothing() -> None:
    """Fresh stats, with nothing measured and nothing run, are no reason for an alert."""
    assert fired(make_stats()) == []


@pytest.mark.parametrize(("name", "at", "below"), EDGES)
def test_edge(name: str, at: dict[str, Any], below: dict[str, Any]) -> None:
    """At the threshold exactly this rule fires, just below it none does."""
    assert fired(make_stats(**at)) == [name]
    assert fired(make_stats(**below)) == []


@pytest.mark.parametrize(("name", "at", "below"), EDGES)
def test_alert_says_what_and_how_much(name: str, at: dict[str, Any], below: dict[str, Any]) -> None:
    """An alert carries its rule's words, the plugin, and value and threshold as numbers."""
    (alert,) = evaluate(make_stats(**at), LIMITS)
    (rule,) = (rule for rule in DEFAULT_RULES if rule.name == name)
    assert (alert.severity, alert.text, alert.threshold) == (rule.severity, rule.text, rule.threshold)
    assert alert.plugin_id == "probe"
    assert alert.value >= alert.threshold
    assert alert.text


def test_only_quarantine_is_critical() -> None:
    """A refused plugin is worse than any warning."""
    assert [rule.name for rule in DEFAULT_RULES if rule.severity == "critical"] == ["quarantine"]


def test_alerts_come_in_the_order_of_the_rules() -> None:
    """When everything fires, the order is that of the rules given."""
    stats = make_stats(**{field: value for _, at, _ in EDGES for field, value in at.items()})
    assert fired(stats) == [rule.name for rule in DEFAULT_RULES]
    turned = tuple(reversed(DEFAULT_RULES))
    assert [alert.rule for alert in evaluate(stats, LIMITS, turned)] == [rule.name for rule in turned]


def test_the_limits_given_are_the_measure() -> None:
    """The same stats fire under small limits and not under large ones."""
    stats = make_stats(rss_bytes=90 * MIB, queued=95)
    assert {alert.rule for alert in evaluate(stats, LIMITS)} == {"memory", "queue"}
    assert evaluate(stats, Limits(memory_bytes=1024 * MIB, queue_size=1000)) == []


def test_own_rule() -> None:
    """A rule of the user's is evaluated like the default ones."""
    rule = AlertRule(
        name="leak", metric="growth_bytes_per_execution", threshold=1024.0, severity="info", text="it grows"
    )
    (alert,) = evaluate(make_stats(growth_bytes_per_execution=2048.0), LIMITS, [rule])
    assert (alert.rule, alert.severity, alert.value, alert.text) == ("leak", "info", 2048.0, "it grows")
    assert evaluate(make_stats(growth_bytes_per_execution=1000.0), LIMITS, [rule]) == []
    assert evaluate(make_stats(), LIMITS, [rule]) == []


def test_no_rules_no_alerts() -> None:
    """Without rules nothing fires, whatever the stats."""
    assert evaluate(make_stats(quarantined_for_s=1.0), LIMITS, []) == []


@pytest.mark.parametrize("metric", ["", "rss", "RSS_OF_LIMIT", "__class__"])
def test_unknown_metric(metric: str) -> None:
    """A metric nobody measures is refused when the rule is made, and the known ones are named."""
    with pytest.raises(ConfigError) as caught:
        AlertRule(name="typo", metric=metric, threshold=1.0)
    assert "typo" in str(caught.value)
    assert all(name in str(caught.value) for name in METRICS)


def test_export_is_json() -> None:
    """The export is plain data that survives JSON and makes the same rules again."""
    data = json.loads(json.dumps(export_rules()))
    assert data == export_rules()
    assert tuple(AlertRule(**fields) for fields in data) == DEFAULT_RULES


def test_export_of_own_rules() -> None:
    """Only the rules given are exported."""
    rule = AlertRule(name="mine", metric="quarantined", threshold=1.0)
    (exported,) = export_rules([rule])
    assert exported == {
        "name": "mine",
        "metric": "quarantined",
        "threshold": 1.0,
        "severity": "warning",
        "text": "",
    }


def test_watch_tells_once() -> None:
    """A rule is told of when it begins to fire, not while it goes on, and again after a calm look."""
    watch = AlertWatch()
    bad = make_stats(quarantined_for_s=1.0)
    assert [alert.rule for alert in watch.began(bad, LIMITS)] == ["quarantine"]
    assert watch.began(bad, LIMITS) == []
    assert watch.began(make_stats(), LIMITS) == []
    (alert,) = watch.began(bad, LIMITS)
    assert "quarantine: 1, alarm at 1" in str(alert)
