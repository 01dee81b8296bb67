"""Writes finished transactions of a run into the store, many in one SQLite transaction."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..models import HttpTransaction, ScanResult
from ..sources import Entry
from . import codec
from .database import writing

#: Findings whose first form is kept at hand, to compare others with.
_KNOWN_KEPT = 4096


class Kept(NamedTuple):
    """One scan's result and the fingerprints of its findings."""

    result: ScanResult
    fingerprints: Sequence[str]


class Scanned(NamedTuple):
    """One transaction and what the plugins made of it.

    `verdicts` and `durations_ms` are as the table `scans` has them. `results` is empty when they say it
    all, else one for each plugin, None for those that were broken off. `transaction` is there when
    something was found in it.
    """

    position: int
    source: str
    unit: str
    entry: int
    offset_bytes: int | None
    length_bytes: int | None
    transaction_id: str | None
    verdicts: str
    durations_ms: bytes
    results: Sequence[Kept | None]
    transaction: HttpTransaction | None


def scanned(position: int, entry: Entry, results: Sequence[Kept | None]) -> Scanned:
    """What is to be written of a transaction, and no more, so that nothing else is kept in memory."""
    assert entry.transaction is not None
    has_more = is_found = False
    letters = ""
    durations_ms: list[float] = []
    for kept in results:
        if kept is None:
            letters += codec.MISSING
            durations_ms.append(0.0)
            continue
        result = kept.result
        letters += codec.letter_of(result)
        durations_ms.append(result.duration_ms)
        if result.findings:
            has_more = is_found = True
        elif result.error is not None or result.denials:
            has_more = True
    transaction_id = entry.transaction.id
    return Scanned(
        position,
        entry.source,
        entry.unit,
        entry.index,
        entry.offset_bytes,
        entry.length_bytes,
        None if transaction_id == f"{entry.source}#{entry.index}" else codec.storable(transaction_id),
        letters,
        codec.pack_durations(durations_ms),
        results if has_more else (),
        entry.transaction if is_found else None,
    )


class _Known:
    """A finding of this batch or an earlier one: its row and its first form."""

    __slots__ = ("fields", "finding_id")

    def __init__(self, finding_id: int, fields: dict[str, Any]) -> None:
        self.finding_id = finding_id
        self.fields = fields


class BatchWriter:
    """Writes for one run. Results and the mark that they are done are one commit, so one is never
    there without the other."""

    def __init__(self, connection: sqlite3.Connection, run_id: int) -> None:
        self._connection = connection
        self._run_id = run_id
        self._sources: dict[tuple[str, str], int] = {}
        self._known: OrderedDict[str, _Known] = OrderedDict()
        #: Findings this run has met already, so that their traffic is this run's.
        self._met: set[int] = set()

    def write(self, batch: Sequence[Scanned]) -> None:
        """All of it or nothing. Raises `sqlite3.Error`."""
        try:
            with writing(self._connection):
                self._write(batch)
        except BaseException:
            # What was remembered of rows that are not there now.
            self._sources.clear()
            self._known.clear()
            self._met.clear()
            raise

    def _write(self, batch: Sequence[Scanned]) -> None:
        run_id = self._run_id
        sources = {name: self._source_id(*name) for name in {(one.source, one.unit) for one in batch}}
        self._connection.executemany(
            "INSERT INTO scans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(run_id, one[0], sources[one[1], one[2]], *one[3:9]) for one in batch],
        )
        incidents: list[tuple[Any, ...]] = []
        hits: list[tuple[Any, ...]] = []
        seen: dict[int, tuple[int, str]] = {}
        for one in batch:
            traffic = _Traffic(self._connection, one)
            for plugin, kept in enumerate(one.results):
                if kept is None:
                    continue
                detail = codec.encode_incident(kept.result)
                if detail is not None:
                    incidents.append((run_id, one.position, plugin, detail))
                for number, finding in enumerate(kept.result.findings):
                    fields = codec.fields_of(finding)
                    known = self._know(kept.fingerprints[number], fields, finding.severity.rank, traffic)
                    finding_id = known.finding_id
                    seen[finding_id] = (seen.get(finding_id, (0, ""))[0] + 1, fields["created_at"])
                    changed = b"{}" if fields is known.fields else codec.encode_changes(fields, known.fields)
                    hits.append((run_id, one.position, plugin, number, finding_id, changed))
        self._connection.executemany("INSERT INTO incidents VALUES (?, ?, ?, ?)", incidents)
        self._connection.executemany("INSERT INTO hits VALUES (?, ?, ?, ?, ?, ?)", hits)
        self._connection.executemany(
            "UPDATE findings SET hits = hits + ?, last_seen = max(last_seen, ?), last_run = max(last_run, ?) "
            "WHERE id = ?",
            [(count, last, run_id, finding_id) for finding_id, (count, last) in seen.items()],
        )

    def _source_id(self, source: str, unit: str) -> int:
        known = self._sources.get((source, unit))
        if known is None:
            name = (codec.storable(source), unit)
            self._connection.execute(
                "INSERT INTO sources (name, unit) VALUES (?, ?) ON CONFLICT DO NOTHING", name
            )
            query = "SELECT id FROM sources WHERE name = ? AND unit = ?"
            known = self._sources[source, unit] = int(self._connection.execute(query, name).fetchone()[0])
        return known

    def _know(self, fingerprint: str, fields: dict[str, Any], severity: int, traffic: _Traffic) -> _Known:
        """The finding with this fingerprint, made of `fields` if it comes for the first time."""
        known = self._known.get(fingerprint)
        if known is not None:
            self._known.move_to_end(fingerprint)
        else:
            query = "SELECT id, finding FROM findings WHERE fingerprint = ?"
            row = self._connection.execute(query, (fingerprint,)).fetchone()
            if row is None:
                known = _Known(self._insert(fingerprint, fields, severity, traffic), fields)
                self._met.add(known.finding_id)
            else:
                known = _Known(row[0], codec.decode(row[1]))
            self._known[fingerprint] = known
            if len(self._known) > _KNOWN_KEPT:
                self._known.popitem(last=False)
        if known.finding_id not in self._met:
            self._met.add(known.finding_id)
            self._connection.execute(
                "UPDATE findings SET traffic_id = ?, traffic_run = ?, traffic_position = ? WHERE id = ?",
                (traffic.row_id(), self._run_id, traffic.position, known.finding_id),
            )
        return known

    def _insert(self, fingerprint: str, fields: dict[str, Any], severity: int, traffic: _Traffic) -> int:
        run_id, seen_at = self._run_id, fields["created_at"]
        finding_id = self._connection.execute(
            "INSERT INTO findings (fingerprint, plugin_id, severity, finding, first_run, first_seen, "
            "last_run, last_seen, hits, traffic_id, traffic_run, traffic_position) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)",
            (
                fingerprint,
                codec.storable(fields["plugin_id"]),
                severity,
                codec.encode(fields),
                run_id,
                seen_at,
                run_id,
                seen_at,
                traffic.row_id(),
                run_id,
                traffic.position,
            ),
        ).lastrowid
        assert finding_id is not None
        return finding_id


class _Traffic:
    """The transaction a batch is at: stored once, and only if a finding wants it."""

    def __init__(self, connection: sqlite3.Connection, scanned: Scanned) -> None:
        self.position = scanned.position
        self._connection = connection
        self._transaction = scanned.transaction
        self._row_id: int | None = None

    def row_id(self) -> int:
        """The row of the transaction a finding is shown and replayed with."""
        if self._row_id is None:
            assert self._transaction is not None
            self._row_id = self._store(self._transaction)
        return self._row_id

    def _store(self, transaction: HttpTransaction) -> int:
        digest, content = codec.encode_traffic(transaction)
        query = "SELECT id FROM traffic WHERE digest = ?"
        found = self._connection.execute(query, (digest,)).fetchone()
        if found is not None:
            return int(found[0])
        inserted = self._connection.execute(
            "INSERT INTO traffic (digest, content) VALUES (?, ?)", (digest, codec.compress(content))
        ).lastrowid
        assert inserted is not None
        return inserted
