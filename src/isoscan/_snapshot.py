"""What an executor tells of itself: of one isolate, and of all that a scanner gave its plugin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from ._slot import Slot
from .models import ExecutorStats, RestartReason, Verdict
from .permissions import Denials
from .stats import Counters, Histogram


def stats_of_one(slot: Slot, place: int, max_executions_before_restart: int) -> ExecutorStats:
    """The statistics of one of a slot's plugins."""
    dispatch = slot.dispatch
    ledger, whole, counters = dispatch.ledger, dispatch.counters, dispatch.accounts[place].counters
    occupant = slot.occupant
    growth = slot.keeper.growth_of(occupant)
    return ExecutorStats(
        plugin_id=dispatch.accounts[place].metadata.id,
        state=slot.state.value,
        generation=slot.generation_number,
        total_executions=counters.executions,
        current_instance_executions=occupant.executions if occupant else 0,
        max_executions_before_restart=max_executions_before_restart,
        restart_count=sum(whole.restarts.values()),
        last_restart_time=slot.chronicle.last_restart_time,
        queued=ledger.queued,
        in_flight=ledger.in_flight,
        verdicts=dict(counters.verdicts),
        restarts=dict(whole.restarts),
        rss_bytes=occupant.rss_bytes() if occupant else None,
        heap_used_bytes=occupant.heap_used_bytes if occupant else None,
        growth_bytes_per_execution=growth.bytes_per_execution if growth else None,
        growth_interval_bytes=(growth.low, growth.high) if growth else None,
        is_growth_significant=growth is not None and growth.is_significant,
        policy_text=slot.keeper.explain(occupant),
        scan_latency=counters.scan_latency.percentiles(),
        queue_latency=counters.queue_latency.percentiles(),
        last_restart=whole.last_restart,
        longest_pause_ms=whole.longest_pause_ms,
        quarantined_for_s=slot.quarantined_for_s,
        external_bytes=occupant.external_bytes if occupant else None,
        pss_bytes=occupant.last_pss_bytes if occupant else None,
        late_errors=whole.late_errors + (occupant.late_errors if occupant else 0),
        denials=counters.denials.all(),
        permissions=slot.permissions,
        sandbox=dispatch.sandbox,
        sandbox_layers=occupant.layers if occupant else (),
        sandbox_missing=dict(occupant.missing_layers) if occupant else {},
    )


def stats_of_all(every: Sequence[ExecutorStats], counters: Sequence[Counters]) -> ExecutorStats:
    """Those of several isolates of a plugin in one; what is of one generation is the first's."""
    if len(every) == 1:
        return every[0]
    denials = Denials()
    for stats in every:
        denials.record((each.permission, each.target, each.count) for each in stats.denials)
    rss_bytes = [stats.rss_bytes for stats in every if stats.rss_bytes is not None]
    return replace(
        every[0],
        total_executions=sum(stats.total_executions for stats in every),
        restart_count=sum(stats.restart_count for stats in every),
        queued=sum(stats.queued for stats in every),
        in_flight=sum(stats.in_flight for stats in every),
        verdicts=dict(sum((Counter(stats.verdicts) for stats in every), Counter[Verdict]())),
        restarts=dict(sum((Counter(stats.restarts) for stats in every), Counter[RestartReason]())),
        rss_bytes=sum(rss_bytes) if rss_bytes else None,
        scan_latency=Histogram.together(each.scan_latency for each in counters).percentiles(),
        queue_latency=Histogram.together(each.queue_latency for each in counters).percentiles(),
        late_errors=sum(stats.late_errors for stats in every),
        denials=denials.all(),
    )
