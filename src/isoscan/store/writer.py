"""The thread that writes, so that a slow disk holds up no scan."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from pathlib import Path

from ..models import HttpTransaction
from .batch import BatchWriter, Scanned
from .database import explain, is_busy

_BATCH_SCANS = 1000
_BATCH_S = 0.2
#: What may wait to be written before a run is held back.
_WAITING_SCANS = 20_000
_WAITING_BYTES = 64 * 1024 * 1024
#: How long another process may hold the store in mid-run.
_PATIENCE_S = 30.0


class Writer:
    """Takes finished transactions and commits them soon: after 1000 scans or 0.2 s.

    `problem` says why it has stopped writing; from then on it takes everything and keeps nothing.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, run_id: int, plugins: int) -> None:
        self.problem: str | None = None
        self._connection = connection
        self._path = path
        self._batches = BatchWriter(connection, run_id)
        self._plugins = plugins
        self._waiting: deque[Scanned] = deque()
        #: Each is changed by one thread only: what was handed over, and what is done with.
        self._put_bytes = 0
        self._taken_bytes = 0
        self._wake = threading.Event()
        self._has_moved = threading.Event()
        self._is_ending = False
        self._thread = threading.Thread(target=self._run, name="isoscan-store", daemon=True)
        self._thread.start()

    def put(self, scanned: Scanned) -> None:
        """Hands over one transaction; returns at once."""
        if self.problem is not None:
            return
        self._waiting.append(scanned)
        if scanned.transaction is not None:
            self._put_bytes += _body_bytes(scanned.transaction)
        if len(self._waiting) * self._plugins >= _BATCH_SCANS and not self._wake.is_set():
            self._wake.set()

    @property
    def is_behind(self) -> bool:
        """Whether so much waits that the run should."""
        is_much = len(self._waiting) * self._plugins >= _WAITING_SCANS
        return (is_much or self._put_bytes - self._taken_bytes >= _WAITING_BYTES) and self.problem is None

    def wait_for_room(self) -> None:
        """Blocks until it is not behind any more; for another thread than the event loop's."""
        while self.is_behind and self._thread.is_alive():
            self._has_moved.clear()
            self._wake.set()
            self._has_moved.wait(1.0)

    def close(self) -> None:
        """Writes what waits and ends the thread. The connection is the caller's again."""
        self._is_ending = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        is_last = False
        while not is_last:
            self._wake.wait(_BATCH_S)
            self._wake.clear()
            is_last = self._is_ending  # what was put before that is there by now
            batch = [self._waiting.popleft() for _ in range(len(self._waiting))]
            if batch and self.problem is None:
                self._write(batch)
            self._taken_bytes += sum(
                _body_bytes(one.transaction) for one in batch if one.transaction is not None
            )
            self._has_moved.set()

    def _write(self, batch: list[Scanned]) -> None:
        patient_until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                self._batches.write(batch)
            except sqlite3.Error as error:
                if is_busy(error) and time.monotonic() < patient_until and not self._is_ending:
                    continue
                self.problem = f"{self._path}: {explain(error)}"
            except Exception as error:  # noqa: BLE001  # a thread's error has nobody above it
                self.problem = f"{self._path}: cannot be written: {type(error).__name__}: {error}"
            return


def _body_bytes(transaction: HttpTransaction) -> int:
    response = transaction.response
    return len(transaction.request.body) + (0 if response is None else len(response.body))
