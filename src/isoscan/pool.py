"""The seed's pattern C: several executors of one plugin behind one door."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

import psutil
from msgspec import Struct

from ._ledger import Job
from ._lifecycle import State
from ._options import ExecutorOptions
from ._spread import Spread
from ._stream import Bulk, Transactions, scan_bulks, scan_stream
from ._waiting import WaitingLine
from .errors import ConfigError, ExecutorStateError
from .executor import PluginExecutor
from .models import (
    MIB,
    ExecutorStats,
    Finding,
    HttpTransaction,
    Limits,
    PluginMetadata,
    RestartReason,
    RestartReport,
    ScanResult,
)
from .permissions import Permissions
from .policies import MaxExecutions

_MAX_SIZE = 1024


class PoolStats(Struct, frozen=True, kw_only=True):
    """A snapshot of a pool: its members' stats, and their sums."""

    size: int
    serving: int
    total_executions: int
    restart_count: int
    queued: int
    in_flight: int
    rss_bytes: int
    members: tuple[ExecutorStats, ...]


class PluginExecutorPool:
    """Several executors of one plugin with the verbs of one.

    A scan goes to the member with the least to do; a member that is restarting or
    recovering is never chosen while another serves. Members restart in the
    background, one at a time, by `restart_policy` (default: at
    `max_executions_before_restart`). `memory_ceiling_bytes` (default: the machine's
    memory) must hold every member and one replacement at their limit, or `start()`
    refuses. The other options are each member's `ExecutorOptions`.
    """

    def __init__(
        self,
        metadata: PluginMetadata,
        code: str,
        size: int = 3,
        max_executions_before_restart: int = 1000,
        *,
        memory_ceiling_bytes: int | None = None,
        **options: Unpack[ExecutorOptions],
    ) -> None:
        make = partial(PluginExecutor, metadata, code)
        self._set_up(make, size, max_executions_before_restart, memory_ceiling_bytes, options)

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        size: int = 3,
        max_executions_before_restart: int = 1000,
        *,
        memory_ceiling_bytes: int | None = None,
        **options: Unpack[ExecutorOptions],
    ) -> Self:
        """A pool for a plugin file; `options` as in the constructor."""
        pool = cls.__new__(cls)
        make = partial(PluginExecutor.from_file, Path(path))
        pool._set_up(make, size, max_executions_before_restart, memory_ceiling_bytes, options)
        return pool

    @classmethod
    def _around(cls, members: list[PluginExecutor]) -> Self:
        """A pool of executors that were started before and are ended by whoever started them."""
        pool = cls.__new__(cls)
        pool.limits = members[0].limits
        pool._members = members
        pool._room = WaitingLine()
        pool._turn = 0
        pool._spread = Spread()
        pool._is_open = True
        for member in members:
            member._slot.dispatch.on_room = pool._offer_room
        return pool

    def _join(self, member: PluginExecutor) -> None:
        """One more of them."""
        self._members.append(member)
        member._slot.dispatch.on_room = self._offer_room
        self._offer_room()

    def _set_up(
        self,
        make: Any,
        size: int,
        max_executions_before_restart: int,
        memory_ceiling_bytes: int | None,
        options: ExecutorOptions,
    ) -> None:
        _check_size(size)
        self.limits = options.get("limits") or Limits()
        self._ceiling_bytes = memory_ceiling_bytes or psutil.virtual_memory().total
        self._has_standby = bool(options.get("warm_standby"))
        policy = options.get("restart_policy") or MaxExecutions(max_executions_before_restart)
        members_options: ExecutorOptions = {**options, "restart_policy": policy}
        self._make = partial(
            make, max_executions_before_restart=max_executions_before_restart, **members_options
        )
        self._members = [self._new_member() for _ in range(size)]
        self._leaving: set[asyncio.Task[None]] = set()
        self._room = WaitingLine()
        self._turn = 0
        self._spread = Spread()
        self._is_open = False
        self._is_starting = False
        self._rolling = asyncio.Lock()

    def _new_member(self) -> PluginExecutor:
        member: PluginExecutor = self._make()
        member._slot.may_restart = self._may_restart
        member._slot.dispatch.on_room = self._offer_room
        return member

    def __repr__(self) -> str:
        states = ", ".join(f"{member.state}:{member.load}" for member in self._members)
        return f"<PluginExecutorPool {self.metadata.id} [{states}]>"

    @property
    def metadata(self) -> PluginMetadata:
        """Who the plugin is."""
        return self._members[0].metadata

    @property
    def size(self) -> int:
        """How many members there are."""
        return len(self._members)

    async def start(self) -> None:
        """Starts all members side by side; if one fails, none is left running and its error is raised."""
        if self._is_open or self._is_starting:
            raise ExecutorStateError(f"{self.metadata.id}: the pool is already started")
        self._check_memory(self.size)
        self._is_starting = True
        try:
            await _start_all(self._members)
        except BaseException:
            self._members = [self._new_member() for _ in self._members]
            raise
        finally:
            self._is_starting = False
        self._is_open = True

    async def shutdown(self, *, drain: bool = True) -> None:
        """Ends all members; nothing is left."""
        self._is_open = False
        await asyncio.gather(*(member.shutdown(drain=drain) for member in self._members))
        if self._leaving:
            await asyncio.wait(self._leaving)
        self._room.let_all_in()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.shutdown(drain=error is None)

    # ---- scanning ----------------------------------------------------------

    async def scan_transaction(self, transaction: HttpTransaction) -> list[Finding]:
        """As `PluginExecutor.scan_transaction`, on the member with the least to do."""
        self._check_open()
        while (member := self._least_loaded())._slot.dispatch.room <= 0:
            await self.wait_for_room()
            self._check_open()
        return await member.scan_transaction(transaction)

    def scan_many(self, transactions: Transactions) -> AsyncIterator[ScanResult]:
        """As `PluginExecutor.scan_many`, over all members: results in input order."""
        self._check_open()
        return scan_stream(self, transactions)

    def _scan_bulks(self, bulks: AsyncIterable[Bulk]) -> AsyncIterator[tuple[int, list[ScanResult]]]:
        """As `scan_many`, for an input that comes in batches and by all plugins that share the isolates.

        Results come several at a time, each with the place of their plugin among those.
        """
        return scan_bulks(self, bulks, range(len(self._members[0]._slot.plugins)))

    def _least_loaded(self) -> PluginExecutor:
        """A serving member if there is one; equals take turns."""
        self._turn += 1
        count = len(self._members)
        order = [self._members[(self._turn + offset) % count] for offset in range(count)]
        return min(order, key=_cost_of)

    def _next_for_stream(self) -> PluginExecutor:
        """The least loaded of those a stream is spread over, while all of them serve."""
        some = self._members[: self._spread.wanted]
        if any(member._slot.state is not State.SERVING for member in some):
            return self._least_loaded()
        return min(some, key=_cost_of)

    # ---- what `scan_many` needs: see `_stream.Intake` ------------------------

    @property
    def room(self) -> int:
        """How many scans a stream may admit now: what the member that is next takes."""
        now = asyncio.get_running_loop().time()
        if self._spread.is_due(now):  # here alone: who is asked for room is who is then given the scans
            self._spread.look(
                now,
                [
                    (id(m), m._slot.dispatch.busy_us, m._slot.dispatch.ledger.in_flight > 0)
                    for m in self._members
                ],
            )
        return self._next_for_stream()._slot.room

    @property
    def window(self) -> int:
        """How many scans may be between what was read and what was handed out."""
        return sum(member._slot.window for member in self._members)

    async def wait_for_room(self) -> None:
        """Returns when there may be room."""
        await self._room.wait(asyncio.get_running_loop().create_future(), self._offer_room)

    def admit(self, jobs: Sequence[Job]) -> None:
        """Takes scans; each ends exactly once. Together they are no more than one member takes."""
        self._check_open()
        self._next_for_stream()._slot.admit(jobs)

    def withdraw(self, job: Job) -> None:
        """Nobody wants the outcomes any more."""
        for member in self._members:
            member._slot.withdraw(job)

    def _offer_room(self) -> None:
        self._room.let_in(1)

    def _check_open(self) -> None:
        if not self._is_open:
            raise ExecutorStateError(f"{self.metadata.id}: the pool is not started, or is shut down")

    # ---- replacing ---------------------------------------------------------

    def _may_restart(self) -> bool:
        """Whether a member may restart by itself now: only while none is being replaced."""
        return not self._rolling.locked() and not any(member._slot.is_replacing for member in self._members)

    async def _until_steady(self) -> None:
        """Returns when no member is being replaced."""
        for member in list(self._members):
            await member._slot.until_replaced()

    async def restart(
        self, *, overlap: bool = True, reason: RestartReason = RestartReason.MANUAL
    ) -> list[RestartReport]:
        """Restarts all members, one after the other; the others serve meanwhile."""
        self._check_open()
        async with self._rolling:
            await self._until_steady()
            return [await member.restart(overlap=overlap, reason=reason) for member in list(self._members)]

    async def reload(
        self, new_code: str | None = None, *, permissions: Permissions | None = None
    ) -> list[RestartReport]:
        """New code for all members, one after the other.

        The first member is the trial: a bad version raises there, and all serve on as they were.
        """
        self._check_open()
        async with self._rolling:
            await self._until_steady()
            reports = [
                await member.reload(new_code, permissions=permissions) for member in list(self._members)
            ]
            if permissions is not None:
                self._make = partial(self._make, permissions=permissions)
            if new_code is not None:
                self._make = partial(_with_code, self._make, new_code)
            return reports

    async def terminate_execution(self) -> bool:
        """Aborts what runs now on any member. Returns whether anything ran."""
        self._check_open()
        ended = await asyncio.gather(*(member.terminate_execution() for member in self._members))
        return any(ended)

    async def resize(self, size: int) -> None:
        """Grows or shrinks while scans run: members that leave finish what they have."""
        self._check_open()
        _check_size(size)
        self._check_memory(size)
        async with self._rolling:
            added = [self._new_member() for _ in range(size - len(self._members))]
            await _start_all(added)
            self._members += added
            leaving, self._members = self._members[size:], self._members[:size]
            for member in leaving:
                task = asyncio.create_task(member.shutdown(), name=f"isoscan-leave-{member.metadata.id}")
                self._leaving.add(task)
                task.add_done_callback(self._leaving.discard)

    def _check_memory(self, size: int) -> None:
        each = self.limits.memory_bytes
        places = size * 2 if self._has_standby else size
        needed = (places + 1) * each
        if needed > self._ceiling_bytes:
            standby = f" + {size} standbys" if self._has_standby else ""
            raise ConfigError(
                f"{self.metadata.id}: ({size} members{standby} + 1 replacement) x {each // MIB} MiB = "
                f"{needed // MIB} MiB, more than the ceiling of {self._ceiling_bytes // MIB} MiB: "
                "lower the size or Limits.memory_bytes, or raise memory_ceiling_bytes"
            )

    def get_stats(self) -> PoolStats:
        """A snapshot, taken without waiting for any work."""
        members = tuple(member.get_stats() for member in self._members)
        return PoolStats(
            size=len(members),
            serving=sum(member._slot.state is State.SERVING for member in self._members),
            total_executions=sum(stats.total_executions for stats in members),
            restart_count=sum(stats.restart_count for stats in members),
            queued=sum(stats.queued for stats in members),
            in_flight=sum(stats.in_flight for stats in members),
            rss_bytes=sum(stats.rss_bytes or 0 for stats in members),
            members=members,
        )


def _cost_of(member: PluginExecutor) -> tuple[int, int]:
    """Who costs least is chosen."""
    state = member._slot.state
    return _RANKS.get(state, 3), member.load + (_WAKING_LOAD if state is State.ASLEEP else 0)


#: Scans that wait before it is worth waking another member for them.
_WAKING_LOAD = 64
#: Lower is chosen first; a restarting member only when nobody serves.
_RANKS = {State.SERVING: 0, State.ASLEEP: 0, State.RESTARTING: 1, State.RECOVERING: 2}


def _with_code(make: Any, code: str, **options: Any) -> PluginExecutor:
    member: PluginExecutor = make(**options)
    member._plugin.code = code
    return member


async def _start_all(members: list[PluginExecutor]) -> None:
    """Starts members side by side; when one cannot or the caller is cancelled, ends them all."""
    starts = [asyncio.create_task(member.start(), name="isoscan-start") for member in members]
    try:
        await asyncio.gather(*starts)
    except BaseException:
        for start in starts:
            start.cancel()
        await asyncio.wait(starts)
        await asyncio.shield(asyncio.gather(*(member.shutdown(drain=False) for member in members)))
        raise


def _check_size(size: int) -> None:
    if not 1 <= size <= _MAX_SIZE:
        raise ConfigError(f"a pool of {size!r}: size must be between 1 and {_MAX_SIZE}")
