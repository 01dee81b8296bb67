"""What a run talks to: keeps what it finishes, and gives back what an earlier attempt finished."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from ..errors import IsoscanError
from ..record import RunRecord
from ..sources import Entry
from . import codec
from .batch import Kept, scanned
from .claim import Claim, claim_run
from .database import StoreError, explain, explained, open_database, writing
from .identity import InputIdentity, PluginIdentity, RunIdentity
from .places import default_store
from .results import StoredTransaction, read_results
from .schema import STATUS
from .writer import Writer

_ACCEPTED = f"SELECT fingerprint, reason FROM findings WHERE {STATUS} = 'accepted'"  # noqa: S608  # a constant


class StoreOptions(Struct, frozen=True):
    """Where a run keeps its results. `db` None is the project's own store."""

    db: str | None = None
    is_kept: bool = True
    #: Take up an unfinished run with the same inputs, plugins and options.
    resumes: bool = True


class RunKeeper:
    """The store as one run sees it: `open`, `begin`, then `stored` and `add`, `finish`, `close`.

    Once the store fails, `problem` says why, the run goes on and nothing more is kept.
    `done`: how many transactions from the first on are in the store already.
    """

    def __init__(self, options: StoreOptions, inputs: Sequence[str], settings: dict[str, Any]) -> None:
        self.is_named = options.db is not None
        self.problem: str | None = None
        self.note = ""
        self.done = 0
        self.is_resumed = False
        #: Why findings were accepted, by their fingerprints, as it was when the run began.
        self.accepted: dict[str, str] = {}
        self._resumes = options.resumes
        self._settings = settings
        self._inputs: list[InputIdentity] = []
        self._plugins: Sequence[PluginIdentity] = ()
        self.path: Path | None = None
        self._connection: sqlite3.Connection | None = None
        #: A second one, because the first is the writer's while that runs.
        self._reader: sqlite3.Connection | None = None
        self._claim: Claim | None = None
        self._writer: Writer | None = None
        self._has_earlier = False
        self._is_report_lost = False
        self._began = datetime.now(UTC)
        if options.is_kept:
            self._open(options, inputs)

    def _open(self, options: StoreOptions, inputs: Sequence[str]) -> None:
        """Opens the store. One that was named must be usable, else `StoreError` is raised."""
        self._inputs = [InputIdentity.of(name) for name in inputs]
        try:
            if options.db is not None:
                self.path = Path(options.db)
                _check_is_no_input(self.path, inputs)
            else:
                self.path = default_store(Path.cwd())
                with explained(self.path):
                    self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._connection, self.note = open_database(self.path)
            self._reader, _ = open_database(self.path)
        except (IsoscanError, OSError) as error:
            self._close_connections()
            if self.is_named:
                raise
            self.problem = str(error)

    def begin(self, plugins: Sequence[PluginIdentity]) -> None:
        """Takes up an unfinished run, or begins a new one. A store that was named may raise `StoreError`."""
        if self._connection is None or self.path is None:
            return
        identity = RunIdentity(self._inputs, plugins, self._settings, version("isoscan"))
        self._plugins = plugins
        try:
            with explained(self.path):
                self._claim = claim_run(
                    self._connection, self.path, identity, _iso(self._began), resumes=self._resumes
                )
                query = "SELECT 1 FROM findings WHERE first_run < ? LIMIT 1"
                earlier = self._connection.execute(query, (self._claim.run_id,)).fetchone()
                self._has_earlier = earlier is not None
                self.accepted = dict(self._connection.execute(_ACCEPTED))
        except StoreError as error:
            self._close_connections()
            if self.is_named:
                raise
            self.problem = str(error)
            return
        self.done, self.is_resumed = self._claim.done, self._claim.is_resumed
        self._writer = Writer(self._connection, self.path, self._claim.run_id, len(plugins))

    def stored(self) -> Iterator[StoredTransaction]:
        """What is done already, from the first transaction on. Ends early when it cannot be read."""
        if self._reader is None or self._claim is None:
            return
        plugin_ids = [plugin.plugin_id for plugin in self._plugins]
        try:
            yield from read_results(self._reader, self._claim.run_id, plugin_ids, self.done)
        except sqlite3.Error as error:
            self.give_up(f"{self.path}: {explain(error)}")
        except (ValueError, LookupError) as error:
            self.give_up(f"{self.path}: is damaged: {error}")

    def is_new(self, fingerprint: str) -> bool | None:
        """Whether no earlier run has found this; None when that is not known."""
        if self._claim is None or self._reader is None or self.problem is not None:
            return None
        if not self._has_earlier:
            return True
        query = "SELECT 1 FROM findings WHERE fingerprint = ? AND first_run < ?"
        try:
            return self._reader.execute(query, (fingerprint, self._claim.run_id)).fetchone() is None
        except sqlite3.Error as error:
            self.give_up(f"{self.path}: {explain(error)}")
            return None

    def add(self, position: int, entry: Entry, results: Sequence[Kept | None]) -> None:
        """What the plugins made of one transaction; None for those that were broken off. Never blocks."""
        if self._writer is None or self.problem is not None:
            return
        self._writer.put(scanned(position, entry, results))
        if self._writer.problem is not None:
            self.give_up(self._writer.problem)

    @property
    def is_behind(self) -> bool:
        """Whether so much waits to be written that the run should wait."""
        return self._writer is not None and self._writer.is_behind

    async def wait_for_room(self) -> None:
        """Returns when little enough waits to be written."""
        if self._writer is not None:
            await asyncio.to_thread(self._writer.wait_for_room)

    def give_up(self, problem: str) -> None:
        """Keeps nothing from here on. What is in the store stays, so the run can be taken up later."""
        if self.problem is None:
            self.problem = problem

    def lose_report(self) -> None:
        """A report could not be written, so the run is not finished: it can be taken up for another."""
        self._is_report_lost = True

    def finish(self, record: RunRecord) -> None:
        """The run has ended and its reports are written: says so in the store, for good."""
        self._stop_writing()
        if self._connection is None or self._claim is None or self.problem is not None:
            return
        assert self.path is not None
        is_cut = record.is_interrupted or record.is_output_closed or self._is_report_lost
        try:
            # Who reads that a run is kept may pull the plug.
            self._connection.execute("PRAGMA synchronous = FULL")
            with writing(self._connection):
                self._connection.execute(
                    "UPDATE runs SET state = ?, outcome = ?, ended_at = ?, elapsed_s = elapsed_s + ?, "
                    "entries = ?, rejected = ?, out_of_scope = ?, input_error = ? WHERE id = ?",
                    (
                        "interrupted" if is_cut else "finished",
                        record.outcome,
                        _iso(datetime.now(UTC)),
                        record.elapsed_s,
                        record.entries,
                        record.rejected_count,
                        record.out_of_scope,
                        None if record.input_error is None else codec.storable(record.input_error),
                        self._claim.run_id,
                    ),
                )
                drop_unused_traffic(self._connection)
            _check_is_there(self.path)
        except sqlite3.Error as error:
            self.give_up(f"{self.path}: {explain(error)}")
        except StoreError as error:
            self.give_up(str(error))

    def _stop_writing(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
            if writer.problem is not None:
                self.give_up(writer.problem)

    def close(self) -> None:
        """Lets go of the store. A run that was not finished can be taken up by the next one at once."""
        self._stop_writing()
        if self._claim is not None:
            self._claim.lock.release()
            self._claim = None
        self._close_connections()

    def _close_connections(self) -> None:
        for connection in (self._reader, self._connection):
            if connection is not None:
                with contextlib.suppress(sqlite3.Error):  # all that matters was committed before
                    connection.close()
        self._reader = self._connection = None

    @property
    def files(self) -> list[Path]:
        """The store's files, which no report may be written over."""
        return [] if self.path is None else [self.path]

    @property
    def has_failed(self) -> bool:
        """Whether a store that was named could not be kept."""
        return self.is_named and self.problem is not None

    def summary(self, transactions: int) -> Iterator[str]:
        """Lines for the run's summary."""
        if self.note:
            yield self.note
        if self.is_resumed:
            yield f"resumed: {self.done} of {transactions} transactions were done before"
        if self.problem is not None:
            yield f"store: not kept: {self.problem}"


def drop_unused_traffic(connection: sqlite3.Connection) -> None:
    """Forgets transactions that no finding points at any more."""
    connection.execute(
        "DELETE FROM traffic WHERE id NOT IN (SELECT traffic_id FROM findings WHERE traffic_id IS NOT NULL)"
    )


def _check_is_no_input(path: Path, inputs: Sequence[str]) -> None:
    for name in inputs:
        with contextlib.suppress(OSError):
            if os.path.samestat(path.stat(), Path(name).stat()):
                raise StoreError(f"{path}: is an input of this run; name another file with --db")


def _check_is_there(path: Path) -> None:
    if not path.exists():
        raise StoreError(f"{path}: was removed while the run went on")


def _iso(moment: datetime) -> str:
    text: str = msgspec.to_builtins(moment)
    return text
