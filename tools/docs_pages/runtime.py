"""Pages of what runs: limits, statistics, events, errors, the store."""

from __future__ import annotations

import isoscan
from isoscan import ExecutorStats, IsoscanError, Limits, Percentiles, PoolStats, RestartReport
from isoscan._outcomes import _ERRORS
from isoscan.alerts import METRICS
from isoscan.events import _WARNINGS, Event, EventKind
from isoscan.models import _LIMIT_RANGES
from isoscan.store import schema as store_schema

from .inspection import MIB, default_cell, fields, member_comments
from .markdown import block, code, line, page, prose, table

#: What each field means, where its class says it in prose or not at all. One without fails the build.
LIMITS = {
    "timeout_s": "Wall clock of one scan, seconds; then the generation is killed.",
    "load_timeout_s": "From the start of the process until the plugin is loaded, seconds.",
    "memory_bytes": "Resident memory of a generation; beyond it is killed.",
    "heap_bytes": "V8's heap; half of `memory_bytes` when not given.",
    "queue_size": "Scans that wait; the next caller is held back.",
    "max_attempts": "Runs a scan gets when its generation dies under it.",
    "max_findings": "Findings of one scan.",
    "max_findings_bytes": "All findings of one scan together.",
    "max_finding_field_bytes": "One text field of a finding.",
    "max_console_bytes": "Console output of one scan; the rest is cut, and the cut is told.",
    "max_load_failures": "Deaths in a row before ready that lead to quarantine.",
    "max_consecutive_deaths": "Deaths in a row in scans, no success between, that lead to quarantine.",
    "quarantine_s": "First back-off of a quarantined plugin, seconds; it doubles each time.",
    "quarantine_max_s": "The longest back-off, seconds.",
    "regexp_backtracks": "Steps back after which a regular expression goes on in V8's linear-time engine, "
    "which V8 calls experimental; None: never.",
    "is_jitless": "V8 compiles nothing to machine code, where most of its flaws are: many times slower, "
    "and without WebAssembly.",
}

STATS = {
    "plugin_id": "Whose statistics these are.",
    "state": "What the executor is doing; [the states](../executor.md#life) are a table.",
    "generation": "Number of the generation that serves; the first is 1.",
    "total_executions": "Scans that ended in a generation's answer or death, since `start()`.",
    "current_instance_executions": "The same, of the generation that serves now.",
    "max_executions_before_restart": "The advice the executor was made with.",
    "restart_count": "Generations replaced, for any reason.",
    "last_restart_time": "When the last one was, UTC; None before the first.",
    "queued": "Scans that wait.",
    "in_flight": "Scans handed to a generation and not answered yet.",
    "verdicts": "Finished scans by verdict; verdicts that never came are missing.",
    "restarts": "Restarts by reason.",
    "rss_bytes": "Resident memory of the generation, as the kernel counts it, read now.",
    "heap_used_bytes": "V8's heap in use, as of the last measurement.",
    "growth_bytes_per_execution": "Robust slope of live memory over scans; None until it is measured.",
    "growth_interval_bytes": "Its 95 % interval, (low, high).",
    "is_growth_significant": "Whether that is growth and not noise; "
    "[how it is judged](../restart-policies.md#what-counts-as-growth).",
    "policy_text": "What the restart policy knows and when it would act, in words.",
    "scan_latency": "Time of the scans themselves.",
    "queue_latency": "Time they waited before.",
    "last_restart": "Report of the last restart; None before the first.",
    "longest_pause_ms": "The longest time in which no generation took new work because of a restart.",
    "quarantined_for_s": "Seconds until scans are let through again; None when it is not quarantined.",
    "late_errors": "Errors a plugin raised outside any scan.",
    "denials": "What the plugin tried without being granted it, most often first.",
    "permissions": "What is in force.",
    "sandbox": "The level that holds the generation.",
    "sandbox_layers": "The layers of the operating system that hold it.",
    "sandbox_missing": "Layers this system lacks, each with the reason.",
    "external_bytes": "Memory outside V8's heap that JavaScript objects hold, as of the last measurement.",
    "pss_bytes": "Resident memory with what is shared divided among those who share it; "
    "as of the last measurement.",
}
POOL = {
    "size": "Members.",
    "serving": "Members that take work now.",
    "total_executions": "Of all members.",
    "restart_count": "Of all members.",
    "queued": "Of all members.",
    "in_flight": "Of all members.",
    "rss_bytes": "Of all members.",
    "members": "Each member's statistics.",
}
RESTART = {
    "generation": "The new one.",
    "previous_generation": "The one it replaced.",
    "reason": "Why.",
    "duration_ms": "From the beginning to the first moment the new one serves.",
    "pause_ms": "How long no generation took new work; 0 with overlap.",
    "rss_before_bytes": "Resident memory of the old one at its end.",
    "rss_after_bytes": "Resident memory of the new one at its birth.",
    "waiting": "Scans that waited when it served.",
    "text": "The policy's reason in words and numbers, when a policy asked for it.",
}
METRIC = {
    "executions_of_threshold": "`current_instance_executions` / `max_executions_before_restart`",
    "rss_of_limit": "`rss_bytes` / `Limits.memory_bytes`",
    "queue_of_limit": "`queued` / `Limits.queue_size`",
    "failed_share": "Share of finished scans that ended neither clean nor with findings",
    "p95_of_timeout": "95th percentile of `scan_latency` / `Limits.timeout_s`",
    "quarantined": "1 while the plugin is quarantined, else 0",
    "growth_bytes_per_execution": "The statistic of that name, 0 until it is measured",
}


def pages() -> dict[str, str]:
    """Path below `docs/` → text."""
    return {
        "reference/limits.md": _limits(),
        "reference/statistics.md": _statistics(),
        "reference/events.md": _events(),
        "reference/errors.md": _errors(),
        "reference/store.md": _store(),
    }


def _limits() -> str:
    _check(Limits, LIMITS)
    ranges = {name: (low, high) for name, low, high in _LIMIT_RANGES}
    rows = []
    for one in fields(Limits):
        if one.name in ranges:
            low, high = ranges[one.name]
            span = f"{_number(low)} to {_number(high)}"
        else:
            span = f"{code(True)}, {code(False)}"
        rows.append((code(one.name), LIMITS[one.name], code(one.default), span))
    return page(
        "Limits",
        "`isoscan.Limits` holds every bound of an executor. A value out of range raises "
        "`ConfigError`. On the command line `--timeout` and `--memory` set two of them, "
        "[the configuration](config.md) some more.",
        table(("Limit", "Meaning", "Default", "Range"), rows),
        "`heap_bytes` is half of `memory_bytes` when it is None. How each is held: "
        "[the sandbox](../sandbox.md#limits). Of inputs: [their limits](../inputs.md#limits).",
    )


def _number(value: float) -> str:
    if value >= MIB and value % MIB == 0 and not float(value / 1_000_000).is_integer():
        return f"{value / MIB:,.0f} MiB"
    return f"{value:,}".removesuffix(".0")


def _meant(data: type, meanings: dict[str, str]) -> str:
    """A table of fields with their meanings."""
    _check(data, meanings)
    rows = [(code(one.name), code(one.type), meanings[one.name]) for one in fields(data)]
    return table(("Field", "Type", "Meaning"), rows)


def _check(data: type, meanings: dict[str, str]) -> None:
    """Fails when a field has no meaning, or a meaning no field."""
    differing = {one.name for one in fields(data)} ^ set(meanings)
    if differing:
        raise LookupError(f"{data.__name__}: see tools/docs_pages/runtime.py for {sorted(differing)}")


def _statistics() -> str:
    if set(METRICS) != set(METRIC):
        raise LookupError(f"metrics without a meaning or a metric: {sorted(set(METRICS) ^ set(METRIC))}")
    percentiles = ", ".join(code(one.name) for one in fields(Percentiles))
    return page(
        "Statistics",
        "`get_stats()` answers at once, never behind work: `ExecutorStats` of an executor, "
        "`PoolStats` of a pool.",
        "## ExecutorStats",
        _meant(ExecutorStats, STATS),
        f"Latencies are `Percentiles`: {percentiles}, in milliseconds, None before the first scan. They are "
        "upper bounds of buckets 12.5 % wide.",
        "## PoolStats",
        _meant(PoolStats, POOL),
        "## RestartReport",
        prose(RestartReport.__doc__),
        _meant(RestartReport, RESTART),
        "## Metrics of alert rules",
        "An [`AlertRule`](python/what-to-watch.md#alertrule) names one of these and a threshold.",
        table(("Metric", "Value"), [(code(name), METRIC[name]) for name in METRICS]),
    )


def _events() -> str:
    meanings = member_comments(EventKind)
    rows = [
        (code(kind.value), meanings[kind.name], "warning" if kind in _WARNINGS else "debug")
        for kind in EventKind
    ]
    example = Event(
        kind=EventKind.RESTART, plugin_id="secrets", generation=2, reason="max_executions", executions=10_000,
        rss_before_bytes=61_865_984, rss_after_bytes=34_603_008, waiting=3, pause_ms=0.0, duration_ms=31.4,
        text="10,000 scans, at most 10,000",
    )  # fmt: skip
    data = [(code(one.name), code(one.type), default_cell(one)) for one in fields(Event)]
    return page(
        "Events",
        "`on_event=` of executors and pools is called with each `Event`; the logger `isoscan` gets "
        "the same as one line. Neither holds anything of a transaction.",
        table(("Kind", "What happened", "Log level"), rows),
        "## Fields",
        prose(Event.__doc__),
        table(("Field", "Type", "Default"), data),
        "## As a log line",
        block("text", example.line()),
    )


def _errors() -> str:
    by_fault: dict[str, list[type[IsoscanError]]] = {"plugin": [], "runtime": [], "caller": []}
    for name in isoscan.__all__:
        value = getattr(isoscan, name)
        if isinstance(value, type) and issubclass(value, IsoscanError) and value is not IsoscanError:
            by_fault[value.fault].append(value)
    verdicts = {error: verdict.value for verdict, error in _ERRORS.items()}
    titles = {
        "plugin": "The plugin's fault",
        "runtime": "The machine's, Deno's or isoscan's own",
        "caller": "The caller's or its input's",
    }
    parts = []
    for fault, errors in by_fault.items():
        rows = [
            (
                f"[`{error.__name__}`](python/errors-by-whose-fault.md#{error.__name__.lower()})",
                line(error.__doc__),
                code(verdicts.get(error, "")),
                code(error.__bases__[0].__name__),
            )
            for error in errors
        ]
        errors_table = table(("Error", "", "Verdict", "Base"), rows)
        parts += [f"## {titles[fault]}", f'`fault == "{fault}"`', errors_table]
    names = ("plugin_id", "generation", "attempt", "is_started", "result", "file", "line", "column", "stack")
    assert all(hasattr(IsoscanError("probe"), name) for name in names)
    return page(
        "Errors",
        f"Every error is an `IsoscanError`, with {', '.join(map(code, names))}; what is not known is None. "
        "`file`, `line` and `column` point into the plugin's own source. "
        "`scan_many` and `Scanner` raise none of those with a verdict: there they are in `ScanResult.error`.",
        *parts,
    )


def _store() -> str:
    return page(
        "Store schema",
        "One SQLite file. Generated from `isoscan.store.schema`; [the store](../store.md) says how it is "
        "used, and what the letters of `scans.verdicts` mean.",
        f"`PRAGMA application_id` is `{store_schema.APPLICATION_ID:#x}`, `PRAGMA user_version` is "
        f"{store_schema.VERSION}.",
        store_schema.as_markdown().replace("\n### ", "\n## ").replace("### runs", "## runs", 1),
        "## SQL",
        block("sql", "\n".join(f"{statement};" for statement in store_schema.statements())),
    )
