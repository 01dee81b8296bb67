"""Begins a run in the store, or takes up one that was broken off; never one that is still going on."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from pathlib import Path
from typing import Any, NamedTuple, Self

from .codec import MISSING, encode, storable
from .database import writing
from .identity import RunIdentity


class RunLock:
    """Held as long as a run goes on. The kernel lets go of it when the process ends, however it ends.

    A process id would not do: it is used again, and means nothing in another container.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def take(cls, store: Path, run_id: int) -> Self | None:
        """The lock of a run; None when another process holds it. Raises `OSError`."""
        path = store.with_name(f"{store.name}.run-{run_id}.lock")
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_file(path, descriptor):
                    return cls(path, descriptor)
            except BlockingIOError:
                os.close(descriptor)
                return None
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)  # its last holder removed it between the two steps

    def release(self) -> None:
        """Lets go, and leaves no file."""
        with contextlib.suppress(OSError):
            self._path.unlink()
        os.close(self._descriptor)


def _is_file(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


class Claim(NamedTuple):
    """A run that is ours. `done`: how many transactions, from the first on, need no scan any more."""

    run_id: int
    done: int
    is_resumed: bool
    lock: RunLock


def claim_run(
    connection: sqlite3.Connection, store: Path, identity: RunIdentity, now: str, *, resumes: bool
) -> Claim:
    """Takes up the newest unfinished run with the same key, or begins one.

    Those with the same key that are not taken up, although nobody works on them, are abandoned: what
    begins now stands in for them. Raises `sqlite3.Error` and `OSError`.
    """
    key = identity.key
    with contextlib.ExitStack() as on_error:
        with writing(connection):
            claim = None
            for run_id in _unfinished(connection, key):
                lock = RunLock.take(store, run_id)
                if lock is None:
                    continue  # it is still going on
                if resumes and claim is None:
                    on_error.callback(lock.release)
                    claim = Claim(run_id, _rewind(connection, run_id), True, lock)
                    connection.execute(
                        "UPDATE runs SET state = 'running', ended_at = NULL, resumptions = resumptions + 1 "
                        "WHERE id = ?",
                        (run_id,),
                    )
                else:
                    connection.execute("UPDATE runs SET state = 'abandoned' WHERE id = ?", (run_id,))
                    lock.release()
            if claim is None:
                run_id = _insert(connection, identity, key, now)
                lock = RunLock.take(store, run_id)
                assert lock is not None, "a new run's lock is held by somebody"
                on_error.callback(lock.release)
                claim = Claim(run_id, 0, False, lock)
        on_error.pop_all()
    return claim


def _unfinished(connection: sqlite3.Connection, key: bytes | None) -> list[int]:
    query = "SELECT id FROM runs WHERE key = ? AND state IN ('running', 'interrupted') ORDER BY id DESC"
    return [] if key is None else [row[0] for row in connection.execute(query, (key,))]


def _insert(connection: sqlite3.Connection, identity: RunIdentity, key: bytes | None, now: str) -> int:
    run_id = connection.execute(
        "INSERT INTO runs (key, state, started_at, isoscan_version, options) VALUES (?, 'running', ?, ?, ?)",
        (key, now, identity.isoscan_version, _json(identity.options)),
    ).lastrowid
    assert run_id is not None
    connection.executemany(
        "INSERT INTO inputs VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (run_id, number, one.name, one.path, one.size_bytes, one.mtime_ns, one.digest)
            for number, one in enumerate(identity.inputs)
        ],
    )
    connection.executemany(
        "INSERT INTO plugins VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (run_id, number, storable(one.plugin_id), storable(one.version), one.path, one.code_hash, options)
            for number, one, options in (
                (number, one, _json(one.options)) for number, one in enumerate(identity.plugins)
            )
        ],
    )
    return run_id


def _json(value: Any) -> str:
    return encode(value).decode()


def _rewind(connection: sqlite3.Connection, run_id: int) -> int:
    """Forgets what was kept beyond the last transaction that is done; returns how many are."""
    first = connection.execute(
        "SELECT position FROM scans WHERE run_id = ? AND instr(verdicts, ?) ORDER BY position LIMIT 1",
        (run_id, MISSING),
    ).fetchone()
    done: int = (
        connection.execute("SELECT count(*) FROM scans WHERE run_id = ?", (run_id,)).fetchone()[0]
        if first is None
        else first[0]
    )
    beyond = (run_id, done)
    lost = connection.execute(
        "SELECT finding_id, count(*) FROM hits WHERE run_id = ? AND position >= ? GROUP BY finding_id", beyond
    ).fetchall()
    for table in ("scans", "incidents", "hits"):
        connection.execute(f"DELETE FROM {table} WHERE run_id = ? AND position >= ?", beyond)  # noqa: S608
    for finding_id, count in lost:
        connection.execute(
            "UPDATE findings SET hits = hits - ?1, "
            "last_run = coalesce((SELECT max(run_id) FROM hits WHERE finding_id = ?2), last_run) "
            "WHERE id = ?2",
            (count, finding_id),
        )
        connection.execute(
            "DELETE FROM findings WHERE id = ? AND hits <= 0 AND status = 'open'", (finding_id,)
        )
    return done
