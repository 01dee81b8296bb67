"""The blocking twin: the same classes for scripts and threads that have no event loop.

One background thread runs one event loop for all of them. Every method may be
called from any thread, and blocks only the thread that calls it.

    from isoscan.sync import PluginExecutor

    with PluginExecutor.from_file("plugin.ts") as executor:
        findings = executor.scan_transaction(transaction)
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import weakref
from collections.abc import Coroutine, Iterable, Iterator
from concurrent.futures import Future
from itertools import islice
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from . import executor as _async
from ._options import ExecutorOptions
from .models import (
    ExecutorStats,
    Finding,
    HttpTransaction,
    PluginMetadata,
    RestartReason,
    RestartReport,
    ScanResult,
)
from .permissions import Permissions

__all__ = ["PluginExecutor"]

_T = TypeVar("_T")
_MAX_CHUNK = 256


class _BackgroundLoop:
    """An event loop on a thread of its own, started when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._executors: weakref.WeakSet[_async.PluginExecutor] = weakref.WeakSet()

    def submit(self, coroutine: Coroutine[Any, Any, _T]) -> Future[_T]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._running())

    def run(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        future = self.submit(coroutine)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # Ctrl-C in the waiting thread: nobody wants the rest
            raise

    def watch(self, executor: _async.PluginExecutor) -> None:
        """Ends the executor with the interpreter, if nobody did before."""
        self._executors.add(executor)

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                thread = threading.Thread(target=self._loop.run_forever, name="isoscan-loop", daemon=True)
                thread.start()
                atexit.register(self._stop, self._loop, thread)
            return self._loop

    def _stop(self, loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
        executors = list(self._executors)

        async def end() -> None:
            await asyncio.gather(*(executor.shutdown(drain=False) for executor in executors))

        self.run(end())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


_background = _BackgroundLoop()


def _take(source: Iterator[HttpTransaction], size: int) -> tuple[list[HttpTransaction], Exception | None]:
    """Up to `size` items, and the error that broke the source off."""
    taken: list[HttpTransaction] = []
    try:
        for transaction in islice(source, size):
            taken.append(transaction)  # noqa: PERF402  # extend would lose what came before an error
    except Exception as error:  # noqa: BLE001  # the caller's own input: raised to them in its turn
        return taken, error
    return taken, None


class PluginExecutor:
    """Blocking twin of `isoscan.PluginExecutor`; same arguments, verbs, results and errors."""

    def __init__(
        self,
        metadata: PluginMetadata,
        code: str,
        max_executions_before_restart: int = 1000,
        **options: Unpack[ExecutorOptions],
    ) -> None:
        self._executor = _async.PluginExecutor(metadata, code, max_executions_before_restart, **options)

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        max_executions_before_restart: int = 1000,
        **options: Unpack[ExecutorOptions],
    ) -> Self:
        """An executor for a plugin file; `options` as in the constructor."""
        twin = cls.__new__(cls)
        twin._executor = _async.PluginExecutor.from_file(path, max_executions_before_restart, **options)
        return twin

    def __repr__(self) -> str:
        return f"<sync {self._executor!r}>"

    @property
    def metadata(self) -> PluginMetadata:
        """Who the plugin is."""
        return self._executor.metadata

    @property
    def state(self) -> str:
        """What the executor is doing; see `ExecutorStats.state`."""
        return self._executor.state

    def start(self) -> None:
        """Makes the first generation ready."""
        _background.watch(self._executor)
        _background.run(self._executor.start())

    def shutdown(self, *, drain: bool = True) -> None:
        """Ends everything; nothing is left."""
        _background.run(self._executor.shutdown(drain=drain))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown(drain=error is None)

    def scan_transaction(self, transaction: HttpTransaction) -> list[Finding]:
        """The plugin's findings on one transaction, or the typed error of a failed scan."""
        return _background.run(self._executor.scan_transaction(transaction))

    def scan_many(self, transactions: Iterable[HttpTransaction]) -> Iterator[ScanResult]:
        """One `ScanResult` per transaction, in input order.

        The input is read by the calling thread, in chunks that grow to 256, one chunk
        ahead of what was handed out. An error it raises comes after the results of all it gave.
        """
        source = iter(transactions)
        size = 1
        running: Future[list[ScanResult]] | None = None
        try:
            while True:
                chunk, error = _take(source, size)
                following = _background.submit(self._scan_chunk(chunk)) if chunk else None
                if running is not None:
                    done, running = running, following
                    yield from done.result()
                running = following
                if error is not None or not chunk:
                    break
                size = min(2 * size, _MAX_CHUNK)
            if running is not None:
                yield from running.result()
            if error is not None:
                raise error
        finally:
            if running is not None:
                running.cancel()

    async def _scan_chunk(self, chunk: list[HttpTransaction]) -> list[ScanResult]:
        return [result async for result in self._executor.scan_many(chunk)]

    def restart(self, *, overlap: bool = True, reason: RestartReason = RestartReason.MANUAL) -> RestartReport:
        """Replaces the occupant; no accepted scan is lost."""
        return _background.run(self._executor.restart(overlap=overlap, reason=reason))

    @property
    def permissions(self) -> Permissions:
        """What is in force."""
        return self._executor.permissions

    def reload(self, new_code: str | None = None, *, permissions: Permissions | None = None) -> RestartReport:
        """Replaces the plugin's code; a bad version leaves the old one serving."""
        return _background.run(self._executor.reload(new_code, permissions=permissions))

    def terminate_execution(self) -> bool:
        """Aborts what runs now; the executor serves on."""
        return _background.run(self._executor.terminate_execution())

    def get_stats(self) -> ExecutorStats:
        """A snapshot, taken without waiting for any work."""

        async def snapshot() -> ExecutorStats:
            return self._executor.get_stats()

        return _background.run(snapshot())
