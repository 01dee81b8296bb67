"""Opens a store: makes it, brings it up to date, and says in one sentence why it cannot be used."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

from ..errors import CallerError
from . import schema

#: How long another process may hold the store before that is an error.
BUSY_TIMEOUT_S = 5.0
_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


class StoreError(CallerError):
    """The store cannot be used; the text says why and what to do."""


def open_database(path: Path) -> tuple[sqlite3.Connection, str]:
    """A connection to the store, made if it is not there, and a note for the user (mostly empty).

    The file is its owner's alone, as are the two SQLite keeps beside it. Transactions are begun by
    hand (`writing`). Raises `StoreError`.
    """
    with explained(path):
        if not os.path.lexists(path):
            with contextlib.suppress(FileExistsError):
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        _check_file(path)
        connection = _connect(f"{path.absolute().as_uri()}?mode=rw")
        try:
            version = _version(connection, path)
            _make_private(path)
            # Readers and the writer do not hold each other up. Where the file system cannot do that, every
            # commit is synced instead: without the log, a lost one could leave half of a transaction.
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            connection.execute(f"PRAGMA synchronous = {'NORMAL' if mode == 'wal' else 'FULL'}")
            return connection, _bring_up_to_date(connection, path, version)
        except BaseException:
            connection.close()
            raise


def open_existing(path: Path, *, is_default: bool = False) -> sqlite3.Connection:
    """A connection to a store that must be there; where nothing may be written, for reading only.

    Raises `StoreError`.
    """
    if not os.path.lexists(path):
        advice = "; run isoscan run first" if is_default else ""
        raise StoreError(f"{path}: no such store{advice}")
    if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        return open_database(path)[0]
    with explained(path):
        _check_file(path)
        log = path.with_name(f"{path.name}-wal")
        if log.exists() and log.stat().st_size:
            raise StoreError(f"{path}: a run was not finished with it; make it and its folder writable")
        connection = _connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1")
        try:
            version = _version(connection, path)
        except BaseException:
            connection.close()
            raise
        if version < schema.VERSION:
            connection.close()
            raise StoreError(f"{path}: is of an older version; make it writable to bring it up to date")
        return connection


@contextlib.contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing: commits at the end, rolls back after an error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):  # SQLite may have rolled back by itself
            connection.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns errors of SQLite and of the file system into `StoreError`."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {explain(error)}") from error
    except OSError as error:
        raise StoreError(f"{path}: cannot be used as a store: {error.strerror}") from error


def explain(error: sqlite3.Error) -> str:
    """What went wrong with a store, and what to do."""
    code = _code(error)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return "is locked by another process; try again when that is done, or use another store (--db)"
    if code in _FULL:
        return f"cannot be written: {error}; is the disk full?"
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return f"cannot be written: {error}; make it and its folder writable, or use another store (--db)"
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return f"is damaged: {error}; move it away, or rescue it with: sqlite3 STORE .recover"
    return f"cannot be used as a store: {error}"


def is_busy(error: sqlite3.Error) -> bool:
    """Whether somebody else holds the store, so that trying again may help."""
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary code; 0 when the error is Python's own."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _connect(uri: str) -> sqlite3.Connection:
    # The writer's thread takes a connection over from the one that opened it; never both at a time.
    connection = sqlite3.connect(
        uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def _make_private(path: Path) -> None:
    status = path.stat()
    if status.st_mode & 0o077 and status.st_uid == os.geteuid():
        path.chmod(0o600)


def _check_file(path: Path) -> None:
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise StoreError(f"{path}: is a folder; name a file in it")
    if not stat.S_ISREG(mode):
        raise StoreError(f"{path}: is no plain file")
    # Nor is it opened to look at its first bytes: closing it would drop all locks this process has on it,
    # and the next reader that comes and goes would take the log away from a run that writes to it.


def _bring_up_to_date(connection: sqlite3.Connection, path: Path, version: int) -> str:
    if version == schema.VERSION:
        return ""
    note = ""
    if version:
        backup = path.with_name(f"{path.name}.v{version}")
        _back_up(connection, backup)
        note = f"store: {path} was brought from version {version} to {schema.VERSION}; before it is {backup}"
    with writing(connection):
        # Another process may have done it meanwhile.
        version = _version(connection, path)
        steps = schema.statements() if version == 0 else _steps(version)
        for statement in steps if version < schema.VERSION else ():
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {schema.VERSION}")
    return note


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """The store's version, 0 when it is empty. Raises `StoreError` for what this program cannot read."""
    try:
        application, version, objects = (
            int(connection.execute(query).fetchone()[0])
            for query in (
                "PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_schema",
            )
        )  # fmt: skip
    except sqlite3.DatabaseError as error:
        if _code(error) != sqlite3.SQLITE_NOTADB:
            raise
        raise StoreError(f"{path}: is no isoscan store; name another file with --db") from error
    if objects == 0 and version == 0:
        return 0
    if application != schema.APPLICATION_ID:
        raise StoreError(f"{path}: is a database of another program; name another file with --db")
    if version > schema.VERSION:
        raise StoreError(
            f"{path}: was written by a newer isoscan (store version {version}, this one knows "
            f"{schema.VERSION}); update isoscan, or use another store (--db)"
        )
    return version


def _steps(version: int) -> Iterator[str]:
    for number in range(version, schema.VERSION):
        yield from schema.MIGRATIONS[number]


def _back_up(connection: sqlite3.Connection, backup: Path) -> None:
    os.close(os.open(backup, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600))
    target = sqlite3.connect(backup)
    try:
        connection.backup(target)
    finally:
        target.close()
