"""The executor: a stable place that runs one plugin, whatever becomes of its isolate."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack

from ._options import ExecutorOptions, Settings
from ._outcomes import error_of
from ._plugin import Plugin
from ._slot import Slot
from ._snapshot import stats_of_all, stats_of_one
from ._stream import Transactions, scan_stream
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
from .policies import GenerationSnapshot
from .sandbox.modules import PluginSource


class PluginExecutor:
    """Runs one plugin in a sandboxed isolate that can be replaced at any moment.

    `code` is JavaScript or TypeScript text; `from_file` reads a plugin file with
    its neighbours. `max_executions_before_restart` is advice for schedulers and
    shows in the stats; it restarts nothing by itself, a `restart_policy` does.
    `options` are `ExecutorOptions`.

    Use it as `async with executor:` or call `start()` and `shutdown()`. It lives on
    the event loop that started it; no method is thread-safe.
    """

    def __init__(
        self,
        metadata: PluginMetadata,
        code: str,
        max_executions_before_restart: int = 1000,
        **options: Unpack[ExecutorOptions],
    ) -> None:
        self._set_up(metadata, code, None, Settings.of(max_executions_before_restart, options))

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        max_executions_before_restart: int = 1000,
        **options: Unpack[ExecutorOptions],
    ) -> Self:
        """An executor for a plugin file; its metadata is the module's own, known once it runs."""
        path = Path(path)
        metadata = PluginMetadata(id="".join(path.stem.split()) or "plugin")
        executor = cls.__new__(cls)
        executor._set_up(metadata, None, path, Settings.of(max_executions_before_restart, options))
        return executor

    def _set_up(
        self, metadata: PluginMetadata, code: str | None, path: Path | None, settings: Settings
    ) -> None:
        self._settings = settings
        self._plugin = Plugin(
            metadata,
            code=code,
            path=path,
            config=settings.config,
            deno=settings.deno,
            determinism=settings.determinism,
        )
        self.limits = settings.limits
        self.max_executions_before_restart = settings.max_executions_before_restart
        #: Of further isolates of its plugin: they run the code that this one runs.
        self._followers: list[PluginExecutor] = []
        self._enter(Slot((self._plugin,), settings, read_stats=self._own_stats), 0)

    def _enter(self, slot: Slot, place: int) -> None:
        """From here on it is the executor of one of a slot's plugins."""
        self._slot = slot
        self._dispatch = slot.dispatch
        self._place = place

    @classmethod
    def _share(cls, executors: Sequence[Self]) -> None:
        """Executors alike but for their plugins, and not started yet, have one slot from here on."""
        first = executors[0]
        slot = Slot([each._plugin for each in executors], first._settings, read_stats=first._own_stats)
        for place, executor in enumerate(executors):
            executor._enter(slot, place)

    def _twin(self) -> Self:
        """Another executor of the same plugin."""
        plugin = self._plugin
        twin = type(self).__new__(type(self))
        twin._set_up(self.metadata, plugin.code, plugin.path, replace(self._settings, lazy_start=False))
        return twin

    @property
    def _source(self) -> PluginSource | None:
        """What it runs, as it was read; None before the start."""
        source = self._slot.source
        return None if source is None else source.plugins[self._place]

    def __repr__(self) -> str:
        ledger = self._dispatch.ledger
        return (
            f"<PluginExecutor {self.metadata.id} {self.state} generation={self._slot.generation_number} "
            f"queued={ledger.queued} in_flight={ledger.in_flight}>"
        )

    @property
    def metadata(self) -> PluginMetadata:
        """Who the plugin is."""
        return self._dispatch.accounts[self._place].metadata

    @property
    def permissions(self) -> Permissions:
        """What is in force: what was granted, and if a plugin file says what it wants, no more than that."""
        return self._slot.permissions

    @property
    def state(self) -> str:
        """What the executor is doing; see `ExecutorStats.state`."""
        return self._slot.state.value

    async def start(self) -> None:
        """Makes the first generation ready.

        Raises `DenoNotFound`, `PluginLoadError` or `GenerationStartError`; nothing
        is left running then, and `start()` may be called again.
        """
        await self._slot.start()

    async def shutdown(self, *, drain: bool = True) -> None:
        """Ends everything: no process, task, pipe or file is left.

        With `drain`, accepted scans are finished first; without, they end with the
        verdict `interrupted`. New scans are refused at once. Safe to repeat.
        """
        await self._slot.close(drain=drain)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.shutdown(drain=error is None)

    async def scan_transaction(self, transaction: HttpTransaction) -> list[Finding]:
        """The plugin's findings on one transaction; empty means it ran and found nothing.

        Raises the typed error of a failed scan (`ScanError`, `ScanTimeout`, …), which
        carries the whole `ScanResult` as `.result`. Waits while the queue is full.
        """
        while (calls := self._slot.ask(transaction, self._place)) is None:
            await self._dispatch.wait_for_room()
        outcome = calls.outcomes[-1]
        try:
            result = await outcome
        except asyncio.CancelledError:
            self._dispatch.forget(calls, outcome)
            raise
        error = error_of(result)
        if error is not None:
            raise error
        return result.findings

    def scan_many(self, transactions: Transactions) -> AsyncIterator[ScanResult]:
        """One `ScanResult` per transaction, in input order, failures included.

        `transactions` is any iterable or async iterable of `HttpTransaction`. It is read
        lazily: never more than the queue and the frames in flight hold are taken ahead of
        what was handed out. An error it raises comes after the results of all it gave.
        """
        self._slot.check_open()
        return scan_stream(self._slot, transactions, self._place)

    async def restart(
        self, *, overlap: bool = True, reason: RestartReason = RestartReason.MANUAL
    ) -> RestartReport:
        """Replaces the occupant; no accepted scan is lost.

        Makes before it breaks: the replacement is ready before the old generation
        takes no more work. With `overlap=False` the old one is drained and ended
        first, for tight memory. Concurrent calls share one restart and its result.
        Raises `RestartFailed`; with overlap the old generation then serves on.
        """
        report = await self._slot.restart(None, overlap, reason)
        for follower in self._followers:
            await follower.restart(overlap=overlap, reason=reason)
        return report

    async def reload(
        self, new_code: str | None = None, *, permissions: Permissions | None = None
    ) -> RestartReport:
        """Replaces the plugin's code without losing a scan; None reads the file again.

        Raises `PluginLoadError` when the new version is bad, and `PermissionsWidened` when it
        would get more than is in force: the old one serves on. `permissions` is a new grant,
        and allows it.
        """
        report = await self._slot.reload(self._place, new_code, permissions)
        for follower in self._followers:
            await follower._follow(self)
        return report

    async def _follow(self, leader: PluginExecutor) -> None:
        """Runs what another executor of the same plugins runs."""
        slot = self._slot
        while slot.source is not leader._slot.source:
            await slot.until_replaced()
            await slot.restart(leader._slot.source, True, RestartReason.RELOAD)

    async def terminate_execution(self) -> bool:
        """Aborts what runs now; the executor serves on. Returns whether anything ran.

        The aborted scan ends with the verdict `interrupted`. Scans that were sent
        with it but not begun are run again.
        """
        ended = await asyncio.gather(*(each._slot.terminate() for each in (self, *self._followers)))
        return any(ended)

    @property
    def load(self) -> int:
        """Scans that wait or run."""
        return self._dispatch.ledger.queued + self._dispatch.ledger.in_flight

    def snapshot(self) -> GenerationSnapshot | None:
        """What a restart policy is asked about; None while no generation serves."""
        occupant = self._slot.occupant
        if occupant is None:
            return None
        return self._slot.keeper.snapshot(occupant, asyncio.get_running_loop().time())

    def get_stats(self) -> ExecutorStats:
        """A snapshot, taken without waiting for any work."""
        members = (self, *self._followers)
        return stats_of_all(
            [member._own_stats() for member in members],
            [member._dispatch.accounts[member._place].counters for member in members],
        )

    def _own_stats(self) -> ExecutorStats:
        """The same of this isolate alone."""
        return stats_of_one(self._slot, self._place, self.max_executions_before_restart)
