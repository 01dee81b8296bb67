"""The seed's patterns A and B: restarts from outside, on a schedule or before a scan."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from ._lifecycle import State
from .errors import ConfigError, ExecutorStateError, IsoscanError
from .executor import PluginExecutor
from .models import Finding, HttpTransaction, RestartReason
from .policies import MaxExecutions, RestartPolicy

logger = logging.getLogger("isoscan")


class RestartScheduler:
    """Looks at executors at an interval and restarts those its policy says are due.

    One task for any number of executors, one restart at a time. Without a policy,
    an executor is due at its `max_executions_before_restart`. An error of one
    executor is logged, counted in `errors`, and does not stop the others. Use it
    as `async with` or call `start()` and `await stop()`.
    """

    def __init__(
        self,
        executors: Iterable[PluginExecutor],
        policy: RestartPolicy | None = None,
        interval_s: float = 60.0,
    ) -> None:
        if not 0.001 <= interval_s <= 86_400:
            raise ConfigError(f"interval_s is {interval_s!r}: must be between 0.001 and 86400")
        self.executors = list(executors)
        self.policy = policy
        self.interval_s = interval_s
        self.rounds = 0
        self.restarts = 0
        self.errors = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins; the first look is one interval away."""
        if self._task is not None:
            raise ExecutorStateError("the scheduler is already started")
        self._task = asyncio.create_task(self._run(), name="isoscan-scheduler")

    async def stop(self) -> None:
        """Ends the task; a restart that runs is finished by its executor. Safe to repeat."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def check(self) -> int:
        """One look at every executor, now; returns how many were restarted."""
        restarted = 0
        for executor in list(self.executors):
            try:
                restarted += await self._restart_if_due(executor)
            except IsoscanError as error:
                self.errors += 1
                logger.warning("the scheduler could not restart %s: %s", executor.metadata.id, error)
            except Exception:  # a policy is the caller's code: its fault must not end the schedule
                self.errors += 1
                logger.exception("the scheduler's policy failed on %s", executor.metadata.id)
        self.rounds += 1
        self.restarts += restarted
        return restarted

    async def _restart_if_due(self, executor: PluginExecutor) -> bool:
        if executor.state != State.SERVING.value:
            return False
        policy = self.policy or MaxExecutions(executor.max_executions_before_restart, jitter=0.0)
        snapshot = executor.snapshot()
        decision = policy.decide(snapshot) if snapshot is not None else None
        if decision is None:
            return False
        if decision.is_futile:
            logger.warning("restarting %s cannot help: %s", executor.metadata.id, decision.text)
            return False
        await executor.restart(reason=decision.reason)
        return True

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self.interval_s
        while True:
            await asyncio.sleep(max(0.0, due - loop.time()))
            await self.check()
            # Counted from when it was due, so slow restarts do not shift the schedule.
            due = max(due + self.interval_s, loop.time())


async def scan_with_restart(executor: PluginExecutor, transaction: HttpTransaction) -> list[Finding]:
    """Restarts the executor first when it has reached `max_executions_before_restart`, then scans.

    The replacement is made ready before the old generation retires, so unlike the
    seed's version this delays one caller, not all. Raises what `restart` and
    `scan_transaction` raise.
    """
    if executor.get_stats().current_instance_executions >= executor.max_executions_before_restart:
        await executor.restart(reason=RestartReason.MAX_EXECUTIONS)
    return await executor.scan_transaction(transaction)
