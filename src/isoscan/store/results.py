"""Reads what a run made of its transactions, exactly as it was handed out."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ..models import ScanResult
from . import codec

_READ_AT_ONCE = 500
_INCIDENTS = (
    "SELECT position, plugin, detail FROM incidents WHERE run_id = ? AND position >= ? AND position < ?"
)
_HITS = (
    "SELECT position, plugin, finding, difference FROM hits JOIN findings ON finding_id = findings.id "
    "WHERE run_id = ? AND position >= ? AND position < ? ORDER BY position, plugin, number"
)
_SCANS = (
    "SELECT position, coalesce(transaction_id, name || '#' || entry), verdicts, durations_ms "
    "FROM scans JOIN sources ON source_id = sources.id "
    "WHERE run_id = ? AND position >= ? AND position < ? ORDER BY position"
)


class StoredTransaction(NamedTuple):
    """One transaction of an earlier run, and the results of the plugins that were done with it."""

    transaction_id: str
    results: list[ScanResult]


def read_results(
    connection: sqlite3.Connection,
    run_id: int,
    plugin_ids: Sequence[str],
    end: int,
    *,
    has_findings: bool = True,
) -> Iterator[StoredTransaction]:
    """The first `end` transactions of a run, in order; without their findings if so wanted.

    Raises `sqlite3.Error`, `ValueError`, and `LookupError` when one is missing.
    """
    for start in range(0, end, _READ_AT_ONCE):
        bounds = (run_id, start, min(start + _READ_AT_ONCE, end))
        chunk = list(_read(connection, plugin_ids, bounds, has_findings))
        if len(chunk) != bounds[2] - start:
            raise LookupError(f"transactions {start} to {bounds[2] - 1} of run {run_id} are not all there")
        yield from chunk


def _read(
    connection: sqlite3.Connection,
    plugin_ids: Sequence[str],
    bounds: tuple[int, int, int],
    has_findings: bool,
) -> Iterator[StoredTransaction]:
    incidents = {
        (position, plugin): codec.decode_incident(detail)
        for position, plugin, detail in connection.execute(_INCIDENTS, bounds)
    }
    findings: dict[tuple[int, int], list[dict[str, Any]]] = {}
    if has_findings:
        for position, plugin, finding, difference in connection.execute(_HITS, bounds):
            fields = codec.decode(finding) | codec.decode(difference)
            findings.setdefault((position, plugin), []).append(fields)
    for position, transaction_id, letters, durations in connection.execute(_SCANS, bounds):
        durations_ms = codec.unpack_durations(durations)
        results: list[ScanResult] = []
        for number, plugin_id in enumerate(plugin_ids):
            if letters[number] == codec.MISSING:
                continue
            incident = incidents.get((position, number), codec.NO_INCIDENT)
            results.append(
                ScanResult(
                    transaction_id=transaction_id,
                    plugin_id=plugin_id,
                    verdict=codec.VERDICTS[letters[number]],
                    findings=[codec.finding_of(one) for one in findings.get((position, number), ())],
                    error=incident.error,
                    duration_ms=durations_ms[number],
                    generation=incident.generation,
                    attempts=incident.attempts,
                    denials=incident.denials,
                )
            )
        yield StoredTransaction(transaction_id, results)
