"""One setting of a line of throughput: how it is opened, patched and measured."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import cycle
from typing import Literal
from unittest.mock import patch

from isoscan import (
    Limits,
    PluginExecutor,
    PluginExecutorPool,
    PluginMetadata,
    Scanner,
    ScanResult,
)

from .contenders.ours import checked, until
from .workloads import Workload

_NEVER = 10**12
_HELPERS_S = 0.25
CALLERS = 256
_DEFAULTS = Limits()
#: Through which of isoscan's doors.
Door = Literal["scan_many", "callers", "pool", "scanner"]


class Subject:
    """One setting of a line: how it is opened, and what is different while it is measured."""

    def __init__(
        self,
        label: str,
        workload: Workload,
        *,
        executors: int = 1,
        door: Door = "scan_many",
        limits: Limits = _DEFAULTS,
        plugins: int = 1,
        patches: Sequence[tuple[str, int]] = (),
        per_scan: float | None = None,
    ) -> None:
        self.label = label
        #: See `Setting`.
        self.per_scan = per_scan
        self._workload = workload
        self._executors = executors
        self._door = door
        self._limits = limits
        self._plugins = plugins
        self._patches = patches

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Starts what is measured, and ends it."""
        texts = self._workload.plugins[: self._plugins]
        if self._door == "pool":
            self._pool = PluginExecutorPool(
                PluginMetadata(id=texts[0].id),
                texts[0].code,
                self._executors,
                max_executions_before_restart=_NEVER,
                limits=self._limits,
            )
            async with self._pool:
                yield
            return
        members = [
            PluginExecutor(PluginMetadata(id=text.id), text.code, limits=self._limits) for text in texts
        ]
        self._scanner = Scanner(members, workers=self._executors)
        async with self._scanner:
            yield

    def _stream(self, seconds: float) -> AsyncIterator[ScanResult]:
        transactions = until(self._workload.transactions, time.perf_counter() + seconds)
        if self._door == "pool":
            return self._pool.scan_many(transactions)
        if self._door == "scanner":
            return self._scanner.scan(transactions)
        return self._scanner.executors[0].scan_many(transactions)

    async def rate(self, seconds: float) -> float:
        """Scans per second, everything up to Python objects included. Raises when a scan failed."""
        with self._patched():
            began = time.perf_counter()
            if self._door == "callers":
                scans = await self._call(began + seconds)
            else:
                scans = 0
                async for result in self._stream(seconds):
                    if result.error is not None:
                        checked(result)
                    scans += 1
            return scans / (time.perf_counter() - began)

    async def warm_up(self, seconds: float) -> None:
        """Code is compiled, frames reach their size, and a scanner's helpers wake."""
        await self.rate(seconds if self._door != "scanner" else max(seconds, _HELPERS_S))

    async def _call(self, deadline: float) -> int:
        executor = self._scanner.executors[0]
        ring = cycle(self._workload.transactions)

        async def caller() -> int:
            scans = 0
            while time.perf_counter() < deadline:
                await executor.scan_transaction(next(ring))
                scans += 1
            return scans

        return sum(await asyncio.gather(*(caller() for _ in range(CALLERS))))

    @contextlib.contextmanager
    def _patched(self) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for name, value in self._patches:
                stack.enter_context(patch(name, value))
            yield
