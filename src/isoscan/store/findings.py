"""What commands ask of a store: findings by status and severity, decisions, runs, what may be forgotten."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self

import msgspec
from msgspec import Struct

from ..coverage import PluginCoverage
from ..models import Finding, HttpTransaction, PluginMetadata, Severity
from ..record import Place, RunRecord
from ..redact import Redactor, shareable_fingerprint
from . import codec
from .claim import RunLock
from .database import StoreError, explained, open_existing, writing
from .keeper import drop_unused_traffic
from .results import read_results
from .schema import STATUS

Status = Literal["open", "accepted"]
_MIN_PREFIX = 4
_MATCHES_SHOWN = 10
_FINDINGS = (
    "SELECT findings.id, finding, fingerprint, shared_fingerprint, "  # noqa: S608  # constants only
    f"{STATUS}, reason, decided_by, decided_at, accepted_until, first_run, first_seen, last_run, "
    "last_seen, hits, traffic_id, sources.name, entry, unit, offset_bytes, length_bytes FROM findings "
    "LEFT JOIN scans ON scans.run_id = traffic_run AND scans.position = traffic_position "
    "LEFT JOIN sources ON sources.id = source_id"
)
_WORST_FIRST = "ORDER BY severity DESC, plugin_id, findings.id"


class StoredFinding(Struct, frozen=True, kw_only=True):
    """A finding and what is known of it. `shared_fingerprint` is the one in masked reports."""

    number: int
    finding: Finding
    fingerprint: str
    shared_fingerprint: str | None
    status: Status
    reason: str | None
    decided_by: str | None
    decided_at: str | None
    accepted_until: str | None
    first_run: int
    first_seen: str
    last_run: int
    last_seen: str
    hits: int
    traffic_id: int | None
    place: Place | None


class StoredRun(Struct, frozen=True, kw_only=True):
    """One run. `is_alive`: somebody works on it just now."""

    number: int
    state: str
    outcome: str | None
    started_at: str
    ended_at: str | None
    elapsed_s: float
    resumptions: int
    options: dict[str, Any]
    inputs: list[str]
    transactions: int
    findings: int
    is_alive: bool


class StoredPlugin(NamedTuple):
    """A plugin as a run had it."""

    plugin_id: str
    version: str
    path: str | None
    code_hash: bytes
    options: dict[str, Any]


class FindingStore:
    """An existing store, opened for questions and decisions: `with FindingStore(path) as store:`.

    Everything raises `StoreError`.
    """

    def __init__(self, path: Path, *, is_default: bool = False) -> None:
        self.path = path
        self._connection = open_existing(path, is_default=is_default)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        with explained(self.path):
            return self._connection.execute(query, values).fetchall()

    # ---- findings ----------------------------------------------------------

    def find(
        self,
        *,
        status: Status | None = None,
        at_least: Severity = Severity.INFO,
        plugins: Sequence[str] = (),
        is_new: bool = False,
    ) -> list[StoredFinding]:
        """Findings, worst first. `is_new`: those that came in the last run for the first time."""
        conditions, values = ["severity >= ?"], [at_least.rank]
        wanted: list[Any] = list(values)
        if status is not None:
            conditions.append(f"{STATUS} = ?")
            wanted.append(status)
        if plugins:
            conditions.append(f"plugin_id IN ({', '.join('?' * len(plugins))})")
            wanted += plugins
        if is_new:
            conditions.append("first_run = (SELECT max(id) FROM runs)")
        query = f"{_FINDINGS} WHERE {' AND '.join(conditions)} {_WORST_FIRST}"
        return [self._finding(row) for row in self._rows(query, wanted)]

    def _finding(self, row: Any) -> StoredFinding:
        number, finding, *plain, traffic_id, source, entry, unit, offset_bytes, length_bytes = row
        try:
            decoded = codec.finding_of(codec.decode(finding))
        except ValueError as error:
            raise StoreError(f"{self.path}: is damaged: finding {number}: {error}") from error
        names = StoredFinding.__struct_fields__[2:-2]
        return StoredFinding(
            number=number,
            finding=decoded,
            traffic_id=traffic_id,
            place=None if source is None else Place(source, entry, unit, offset_bytes, length_bytes),
            **dict(zip(names, plain, strict=True)),
        )

    def one(self, prefix: str) -> StoredFinding:
        """The finding whose fingerprint, its own or the one in masked reports, begins like this."""
        prefix = prefix.strip().lower()
        if len(prefix) < _MIN_PREFIX:
            raise StoreError(f"{prefix!r} is too short: give at least {_MIN_PREFIX} digits of a fingerprint")
        shared = self._shared_fingerprints()
        numbers = [
            number
            for number, fingerprint in self._rows("SELECT id, fingerprint FROM findings ORDER BY id")
            if fingerprint.startswith(prefix) or shared[number].startswith(prefix)
        ]
        if not numbers:
            raise StoreError(f"{self.path}: no finding has a fingerprint that begins with {prefix!r}")
        found = [self._by_number(number) for number in numbers[:_MATCHES_SHOWN]]
        if len(numbers) > 1:
            lines = [f"{one.fingerprint}  {one.finding.plugin_id}: {one.finding.title}" for one in found]
            more = [f"and {len(numbers) - len(found)} more"] if len(numbers) > len(found) else []
            raise StoreError("\n".join([f"{prefix!r} stands for several findings:", *lines, *more]))
        return found[0]

    def _by_number(self, number: int) -> StoredFinding:
        return self._finding(self._rows(f"{_FINDINGS} WHERE findings.id = ?", (number,))[0])

    def _shared_fingerprints(self) -> dict[int, str]:
        """The fingerprints in masked reports; worked out once for each finding."""
        shared: dict[int, str] = dict(self._rows("SELECT id, coalesce(shared_fingerprint, '') FROM findings"))
        missing = [number for number, fingerprint in shared.items() if not fingerprint]
        redactor = Redactor()
        for number in missing:
            stored = self._by_number(number)
            masked = redactor.finding(stored.finding, self.transaction(stored))
            shared[number] = shareable_fingerprint(masked)
        # A store that cannot be written is asked anew each time; one that is locked is not worth waiting for.
        with contextlib.suppress(sqlite3.OperationalError), writing(self._connection):
            self._connection.executemany(
                "UPDATE findings SET shared_fingerprint = ? WHERE id = ?",
                [(shared[number], number) for number in missing],
            )
        return shared

    def is_new(self, stored: StoredFinding) -> bool:
        """Whether the last run was the first to find it."""
        return bool(self._rows("SELECT 1 WHERE ? = (SELECT max(id) FROM runs)", (stored.first_run,)))

    def transaction(self, stored: StoredFinding) -> HttpTransaction | None:
        """A transaction the finding was found in."""
        rows = self._rows("SELECT content FROM traffic WHERE id = ?", (stored.traffic_id,))
        try:
            return codec.decode_traffic(rows[0][0]) if rows else None
        except Exception as error:
            raise StoreError(f"{self.path}: is damaged: a stored transaction cannot be read") from error

    def places(self, stored: StoredFinding, limit: int) -> list[str]:
        """Where it came, the newest first: `run 3: capture.har#17`."""
        query = (
            "SELECT hits.run_id, coalesce(transaction_id, name || '#' || entry) FROM hits "
            "JOIN scans USING (run_id, position) JOIN sources ON sources.id = source_id "
            "WHERE finding_id = ? ORDER BY hits.run_id DESC, position LIMIT ?"
        )
        return [f"run {run}: {name}" for run, name in self._rows(query, (stored.number, limit))]

    # ---- decisions ---------------------------------------------------------

    def accept(self, findings: Sequence[StoredFinding], reason: str, until: date | None, who: str) -> None:
        """Accepts them, through the day `until` (UTC) or for good."""
        last_day = None if until is None else until.isoformat()
        self._decide(findings, ("accepted", reason, who, datetime.now(UTC).isoformat(), last_day))

    def reopen(self, findings: Sequence[StoredFinding], who: str) -> None:
        """Takes the acceptance back."""
        self._decide(findings, ("open", None, who, datetime.now(UTC).isoformat(), None))

    def _decide(self, findings: Sequence[StoredFinding], decision: tuple[str | None, ...]) -> None:
        with explained(self.path):
            self._connection.execute("PRAGMA synchronous = FULL")
            with writing(self._connection):
                self._connection.executemany(
                    "UPDATE findings SET status = ?, reason = ?, decided_by = ?, decided_at = ?, "
                    "accepted_until = ? WHERE id = ?",
                    [(*decision, stored.number) for stored in findings],
                )

    # ---- runs --------------------------------------------------------------

    def runs(self) -> list[StoredRun]:
        """All runs, the newest first."""
        rows = self._rows(
            "SELECT id, state, outcome, started_at, ended_at, elapsed_s, resumptions, options, "
            "(SELECT count(*) FROM scans WHERE run_id = runs.id), "
            "(SELECT count(DISTINCT finding_id) FROM hits WHERE run_id = runs.id) "
            "FROM runs ORDER BY id DESC"
        )
        return [self._run(*row) for row in rows]

    def _run(self, number: int, *rest: Any) -> StoredRun:
        state, outcome, started_at, ended_at, elapsed_s, resumptions, options, transactions, findings = rest
        inputs = self._rows("SELECT name FROM inputs WHERE run_id = ? ORDER BY number", (number,))
        return StoredRun(
            number=number,
            state=state,
            outcome=outcome,
            started_at=started_at,
            ended_at=ended_at,
            elapsed_s=elapsed_s,
            resumptions=resumptions,
            options=msgspec.json.decode(options),
            inputs=[row[0] for row in inputs],
            transactions=transactions,
            findings=findings,
            is_alive=state == "running" and self._is_alive(number),
        )

    def _is_alive(self, number: int) -> bool:
        with contextlib.suppress(OSError):
            lock = RunLock.take(self.path, number)
            if lock is None:
                return True
            lock.release()
        return False

    def plugin_of(self, stored: StoredFinding) -> StoredPlugin | None:
        """The plugin that found it, as the last run that did had it."""
        rows = self._rows(
            "SELECT plugin_id, version, path, code_hash, options FROM plugins "
            "WHERE plugin_id = ? AND run_id <= ? ORDER BY run_id DESC LIMIT 1",
            (codec.storable(stored.finding.plugin_id), stored.last_run),
        )
        if not rows:
            return None
        plugin_id, version, path, code_hash, options = rows[0]
        return StoredPlugin(plugin_id, version, path, code_hash, msgspec.json.decode(options))

    def last_record(self) -> RunRecord:
        """The last run as reports take it, its findings left out. Empty when there is none."""
        runs = self.runs()[:1]
        if not runs:
            return RunRecord()
        run = runs[0]
        plugins = self._rows(
            "SELECT plugin_id, version FROM plugins WHERE run_id = ? ORDER BY number", (run.number,)
        )
        entries, rejected, out_of_scope, input_error = self._rows(
            "SELECT entries, rejected, out_of_scope, input_error FROM runs WHERE id = ?", (run.number,)
        )[0]
        record = RunRecord(
            inputs=run.inputs,
            plugins=[PluginMetadata(id=name, version=version) for name, version in plugins],
            started_at=datetime.fromisoformat(run.started_at),
            elapsed_s=run.elapsed_s,
            entries=run.transactions if entries is None else entries,
            rejected_count=rejected or 0,
            out_of_scope=out_of_scope or 0,
            input_error=input_error,
            is_interrupted=run.state != "finished",
        )
        record.coverage.plugins = {name: PluginCoverage() for name, _ in plugins}
        for stored in self._results_of(run, [name for name, _ in plugins]):
            record.coverage.transactions += 1
            for result in stored.results:
                record.coverage.add(result)
        return record

    def _results_of(self, run: StoredRun, plugin_ids: Sequence[str]) -> Iterator[Any]:
        with explained(self.path):
            try:
                yield from read_results(
                    self._connection, run.number, plugin_ids, run.transactions, has_findings=False
                )
            except (LookupError, ValueError) as error:
                raise StoreError(f"{self.path}: is damaged: {error}") from error

    # ---- forgetting --------------------------------------------------------

    def prune(self, before: datetime) -> tuple[int, int]:
        """Forgets runs that began before then and nobody works on, and open findings not seen since.

        Returns how many of each. The last run stays.
        """
        moment = before.astimezone(UTC).isoformat().replace("+00:00", "Z")
        with explained(self.path):
            with writing(self._connection):
                old = [run for run in self.runs()[1:] if run.started_at < moment and not run.is_alive]
                execute = self._connection.execute
                for run in old:
                    for table in ("hits", "incidents", "scans", "plugins", "inputs"):
                        execute(f"DELETE FROM {table} WHERE run_id = ?", (run.number,))  # noqa: S608
                    execute("DELETE FROM runs WHERE id = ?", (run.number,))
                forgotten = execute(
                    "DELETE FROM findings WHERE status = 'open' "
                    "AND id NOT IN (SELECT finding_id FROM hits) AND last_seen < ?",
                    (moment,),
                ).rowcount
                drop_unused_traffic(self._connection)
                execute("DELETE FROM sources WHERE id NOT IN (SELECT source_id FROM scans)")
            with contextlib.suppress(sqlite3.OperationalError):  # a run goes on: the space is used again
                self._connection.execute("VACUUM")
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return len(old), forgotten
