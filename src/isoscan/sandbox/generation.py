"""One generation: a process, its protocol, and the limits its owner holds it to.

Born with a number, it is loaded once, answers frames, and ends exactly once:
`on_end` is called after its last byte was read and its process is reaped.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .._ledger import Cause
from ..errors import GenerationStartError, PluginLoadError, PluginLoadTimeout
from ..growth import MemorySample, with_sample
from ..models import Determinism, Limits, SandboxLevel, ScanFailure
from ..policies import YOUNG_EXECUTIONS
from .deno import RUNTIME_FILES, deno_version, generation_command, generation_environment
from .frames import (
    NONCE_BYTES,
    Batch,
    LoadFailed,
    Memory,
    ProtocolError,
    Ready,
    Reply,
    ReplyReader,
    Results,
    ThrownError,
    encode_load,
    encode_measure,
    longest_reply_bytes,
    scan_parts,
)
from .modules import PluginSource
from .places import PluginStack, translate
from .process import Exit, Opened, Process, open_child
from .proximity import Proximity
from .turns import Turn

#: How often a busy generation is looked at, and the most that one look may count:
#: an owner that was itself stopped or blocked must not charge that to the plugin.
_TICK_S = 0.025
_MAX_TICK_S = 0.25
#: Of the time that passes, however busy the machine is: a limit is passed by a third at most.
_LEAST_CHARGED = 0.75
#: A scan that takes longer gives way to those that do not, until it ends.
_LONG_S = 0.05
MAX_FRAME_SCANS = 512
_FIRST_FRAME_SCANS = 4
_FRAME_US = 4000
#: CPU time a generation may use before its owner renews it, every second while it is busy.
_CPU_AHEAD_S = 10.0
_PSS_EVERY_S = 1.0
_WARM_UP_FRAME = 0xFFFF_FFFF
_OUT_OF_MEMORY_MARKS = ("out of memory", "heap limit", "Allocation failed", "memory allocation of")


class End(NamedTuple):
    """How a generation ended. `detail` says it in words, without any of the traffic."""

    cause: Cause
    detail: str


class Generation:
    """The isolate that occupies an executor's slot for one life."""

    def __init__(
        self,
        number: int,
        source: PluginSource,
        limits: Limits,
        opened: Opened,
        *,
        on_results: Callable[[Generation, Results], None],
        on_end: Callable[[Generation, End], None],
    ) -> None:
        self.number = number
        self.source = source
        self.executions = 0
        #: How many scans a frame for it should hold. Begins small and follows the scans'
        #: duration: when a frame hangs, what it had finished must be run again.
        self.frame_scans = _FIRST_FRAME_SCANS
        self.in_flight_frames = 0
        self.heap_used_bytes: int | None = None
        self.external_bytes: int | None = None
        self.late_errors = 0
        #: Why a plugin said that it cannot be loaded.
        self.load_failure: LoadFailed | None = None
        #: Live memory after each collection that was asked for, oldest first.
        self.samples: tuple[MemorySample, ...] = ()
        self.collection_s = 0.0
        #: Drawn once, so that siblings with the same policy do not retire together.
        self.jitter = random.random()  # noqa: S311  # spreads load, hides nothing
        self.born_at = 0.0
        self.birth_rss_bytes: int | None = None
        self.young_rss_bytes: int | None = None
        self.last_rss_bytes: int | None = None
        self.last_pss_bytes: int | None = None
        self._pss_read_at = -math.inf
        self.end: End | None = None
        self.ready: Ready | None = None
        self._limits = limits
        self._on_results = on_results
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._loading: asyncio.Future[Ready | LoadFailed] = self._loop.create_future()
        self._gone = asyncio.Event()
        self._cause: End | None = None
        self._nonce = os.urandom(NONCE_BYTES)
        self._replies = ReplyReader(
            self._nonce, max_reply_bytes=longest_reply_bytes(limits, len(source.plugins))
        )
        self._spent_s = 0.0
        self._ticked_at = self._loop.time()
        self._waited_s = 0.0
        self._ticker: asyncio.TimerHandle | None = None
        self._cpu_allowed_at = -math.inf
        self._is_hello_due = True
        self._configs: Sequence[dict[str, Any]] = ()
        self._determinism: Determinism | None = None
        self._is_measuring = False
        self._is_light = False
        self._warming: asyncio.Future[None] | None = None
        self._warm_left = 0
        self._urls: list[str] = []
        self._process = Process(opened, on_data=self._receive, on_exit=self._exited)
        self._proximity: Proximity | None = None
        self._slowest_us = 0
        self._turn = Turn(self._loop, pause=self._process.pause, resume=self._process.resume)

    @classmethod
    async def start(
        cls,
        number: int,
        source: PluginSource,
        deno: Path,
        limits: Limits,
        *,
        sandbox: SandboxLevel,
        is_low_latency: bool = False,
        on_results: Callable[[Generation, Results], None],
        on_end: Callable[[Generation, End], None],
    ) -> Generation:
        """A generation whose process runs; to be loaded next.

        Raises `DenoNotFound`, `GenerationStartError` or `SandboxUnavailable`; there is none then.
        """
        deno_version(deno)
        opened = await open_child(
            generation_command(deno, limits, source.permissions),
            generation_environment(),
            sandbox=sandbox,
            files=RUNTIME_FILES,
            connect_ports=source.permissions.ports,
        )
        generation = cls(number, source, limits, opened, on_results=on_results, on_end=on_end)
        if is_low_latency:
            generation._proximity = Proximity.of(generation._loop)
        return generation

    def __repr__(self) -> str:
        state = "over" if self.end else "ready" if self.ready else "loading"
        return f"<Generation {self.number} {state} pid={self._process.pid} executions={self.executions}>"

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def layers(self) -> tuple[str, ...]:
        """The operating system's layers that hold it."""
        return self._process.layers

    @property
    def missing_layers(self) -> Mapping[str, str]:
        """Why each other one does not."""
        return self._process.missing

    @property
    def is_alive(self) -> bool:
        """Whether it may still be given work: nobody decided to end it."""
        return self.end is None and self._cause is None

    def rss_bytes(self) -> int | None:
        """Resident memory now; None when it is gone."""
        return None if self.end else self._process.rss_bytes()

    def weigh(self) -> None:
        """Looks at its resident memory now; at its PSS, which costs a millisecond, once a second at most."""
        self.last_rss_bytes = self._process.rss_bytes()
        now = self._loop.time()
        if now - self._pss_read_at >= _PSS_EVERY_S:
            self._pss_read_at = now
            self.last_pss_bytes = self._process.pss_bytes()

    async def load(self, configs: Sequence[dict[str, Any]], determinism: Determinism | None = None) -> Ready:
        """Makes it load its plugins, each with its configuration.

        Raises `PluginLoadError` (the plugin's fault, and final), `PluginLoadTimeout`,
        or `GenerationStartError` when it died before it was ready. It is gone then.
        """
        self._configs = configs
        self._determinism = determinism
        self._tick()
        try:
            loaded = await self._loading
        except BaseException:
            self.kill(Cause.RETIRED, "loading was given up")
            await self._gone.wait()
            raise
        if isinstance(loaded, LoadFailed):
            self.kill(Cause.RETIRED, "the plugin could not be loaded")
            await self._gone.wait()
            self._urls = loaded.urls
            self.load_failure = loaded
            raise self._load_error(loaded)
        self.ready = loaded
        self._urls = loaded.urls
        self.heap_used_bytes, self.external_bytes = loaded.heap
        self.born_at = self._loop.time()
        # Not its PSS too: the kernel takes 1.6 ms to add that up, and scans may be waiting.
        self.birth_rss_bytes = self.last_rss_bytes = self._process.rss_bytes()
        return loaded

    async def warm_up(self, batch: Batch) -> None:
        """Scans some transactions and discards what comes of it; returns also when it dies of them."""
        if self.end is not None:
            return
        self._warming = self._loop.create_future()
        plugins = range(len(self.source.plugins))
        self._warm_left = len(plugins) * len(batch)
        self.send(_WARM_UP_FRAME, (batch,), plugins)
        await self._warming

    def measure(self) -> None:
        """Asks for its live memory after a full collection, behind all work it has."""
        if not self._is_measuring and self.is_alive:
            self._is_measuring = True
            self._process.write(encode_measure())

    def send(self, number: int, batches: Sequence[Batch], plugins: Sequence[int] = (0,)) -> None:
        """Gives some of its plugins a frame of work. Its clock runs from the first frame on."""
        if self.in_flight_frames == 0:
            self._spent_s = 0.0
            self._turn.enter()
        self.in_flight_frames += 1
        if self._proximity is not None:
            self._proximity.sent(self.pid, sum(map(len, batches)) * len(plugins))
        self._process.write(*scan_parts(number, batches, plugins))
        if self._ticker is None:
            # What it waited for a processor is known from the last look: idle it waited for none.
            self._ticked_at = self._loop.time()
            self._ticker = self._loop.call_later(self._tick_s, self._tick)

    def record_scans(self, durations_us: Sequence[int], total_us: int) -> None:
        """It has answered some scans, which took `total_us` together."""
        self.executions += len(durations_us)
        if self._proximity is not None:
            self._slowest_us = max(self._slowest_us, *durations_us)
        if self.young_rss_bytes is None and self.executions >= YOUNG_EXECUTIONS:
            self.young_rss_bytes = self._process.rss_bytes()
        fitting = _FRAME_US * len(durations_us) // max(total_us, 1)
        # By half at most: on a busy machine a scan may have waited long for a processor.
        least = max(self.frame_scans // 2, 1)
        self.frame_scans = max(least, min(fitting, 2 * self.frame_scans, MAX_FRAME_SCANS))

    def frame_done(self) -> None:
        """The owner has all answers of its oldest frame."""
        self.in_flight_frames -= 1
        if self.in_flight_frames == 0:
            self._turn.leave()
        if self._proximity is not None:
            self._proximity.answered(self._slowest_us)
            self._slowest_us = 0

    @property
    def spent_s(self) -> float:
        """Seconds since it last made progress on what it was given."""
        return self._spent_s

    def kill(self, cause: Cause, detail: str) -> None:
        """Ends it now. The first cause given is the one that counts."""
        if self._cause is None and self.end is None:
            self._cause = End(cause, detail)
            if cause is Cause.PROTOCOL:
                self._process.mute()
        self._process.kill()
        self._turn.end_pause()

    async def wait_gone(self) -> None:
        """Returns when its process is reaped and all its bytes are read."""
        await self._gone.wait()

    def describe(self, error: ThrownError) -> PluginStack:
        """A JavaScript error in terms of the plugin's files."""
        names: list[str] = []
        for plugin in self.source.plugins:
            # One URL more than modules: the entry as it stands, tried when it does not parse.
            names += [*plugin.names, plugin.name]
        return translate(error.name, error.message, error.stack, self._urls, names)

    # ---- the clock and the scales ------------------------------------------

    @property
    def _tick_s(self) -> float:
        limit_s = self._limits.timeout_s if self.ready else self._limits.load_timeout_s
        return min(_TICK_S, limit_s / 4)

    def _tick(self) -> None:
        self._ticker = None
        now = self._loop.time()
        self._charge(now)
        if self._cause is not None or self.end is not None:
            return
        is_loading = not self._loading.done()
        if not is_loading and self.in_flight_frames == 0:
            return
        limit_s = self._limits.load_timeout_s if is_loading else self._limits.timeout_s
        if self._spent_s > limit_s:
            what = "loading" if is_loading else "a scan"
            self.kill(Cause.TIMEOUT, f"{what} took longer than {limit_s:g} s")
            return
        if self._spent_s > _LONG_S and not is_loading:
            self._weigh(is_light=True)
        rss_bytes = self.last_rss_bytes = self._process.rss_bytes()
        if rss_bytes is not None and rss_bytes > self._limits.memory_bytes:
            self.kill(
                Cause.OUT_OF_MEMORY,
                f"{rss_bytes} bytes resident, limit {self._limits.memory_bytes}",
            )
            return
        if now - self._cpu_allowed_at >= 1.0:
            self._cpu_allowed_at = now
            self._process.allow_cpu(_CPU_AHEAD_S)
        self._ticker = self._loop.call_later(self._tick_s, self._tick)

    def _charge(self, now: float) -> None:
        """Counts the time since the last look, but not what a busy machine had it wait for a processor."""
        before_s, self._waited_s = self._waited_s, self._process.waited_s()
        elapsed_s = min(now - self._ticked_at, _MAX_TICK_S)
        self._ticked_at = now
        if not self._turn.is_paused:  # what it may have answered lies unread then
            self._spent_s += max(elapsed_s - max(self._waited_s - before_s, 0.0), elapsed_s * _LEAST_CHARGED)

    def _weigh(self, *, is_light: bool) -> None:
        if self._is_light != is_light:
            self._is_light = is_light
            self._process.weigh(is_light=is_light)

    # ---- what the process does ---------------------------------------------

    def _receive(self, data: memoryview) -> None:
        began = self._loop.time()
        try:
            for reply in self._replies.feed(data):
                if self._cause is not None and self._cause.cause is Cause.PROTOCOL:
                    return
                self._accept(reply)
            if self._replies.damage is not None:
                self.kill(Cause.PROTOCOL, str(self._replies.damage))
        except ProtocolError as error:
            self.kill(Cause.PROTOCOL, str(error))
        if self._cause is None:
            self._turn.spend(self._loop.time() - began)

    def _accept(self, reply: Reply) -> None:
        if reply is None:
            self._is_hello_due = False
            is_limited = self._process.limit_data(self._limits.memory_bytes)
            if not is_limited and self.layers:
                self.kill(Cause.CRASH, "its memory could not be limited")
                return
            self._process.write(encode_load(0, self._load_settings()))
        elif isinstance(reply, Results):
            self._spent_s = 0.0
            self._weigh(is_light=False)
            if reply.heap is not None:
                self.heap_used_bytes, self.external_bytes = reply.heap
            self.late_errors = reply.late_errors
            if self._warming is not None and not self._warming.done():
                self._take_warm_up(reply)
            else:
                self._on_results(self, reply)
        elif isinstance(reply, Memory):
            self._take_memory(reply)
        elif not self._loading.done():
            count = len(self.source.plugins)
            if 0 <= reply.plugin < count if isinstance(reply, LoadFailed) else len(reply.plugins) == count:
                self._spent_s = 0.0
                self._loading.set_result(reply)
            else:
                self.kill(Cause.PROTOCOL, "it answered for plugins that it was not given")

    def _take_warm_up(self, reply: Results) -> None:
        self._warm_left -= len(reply.entries)
        if reply.frame != _WARM_UP_FRAME or self._warm_left < 0:
            self.kill(Cause.PROTOCOL, f"results for frame {reply.frame} during warm-up")
        elif self._warm_left == 0 and self._warming is not None:
            self.frame_done()
            self._warming.set_result(None)

    def _take_memory(self, memory: Memory) -> None:
        if not self._is_measuring:
            self.kill(Cause.PROTOCOL, "a memory reply nobody asked for")
            return
        # The reply stands behind all answers sent before it, so this is the count it belongs to.
        sample = MemorySample(self.executions, memory.heap + memory.external)
        self.samples = with_sample(self.samples, sample)
        self.heap_used_bytes, self.external_bytes = memory.heap, memory.external
        self.weigh()
        self.collection_s = memory.duration_us / 1e6
        self._is_measuring = False

    def _load_settings(self) -> dict[str, Any]:
        limits = self._limits
        return {
            "plugins": [
                # Bytes travel as base64.
                {"modules": plugin.modules, "config": config, "assets": plugin.assets}
                for plugin, config in zip(self.source.plugins, self._configs, strict=True)
            ],
            "nonce": self._nonce.hex(),
            "has_network": bool(self.source.permissions.net),
            "has_wasm": self.source.permissions.wasm,
            "determinism": self._determinism,
            "max_findings": limits.max_findings,
            "max_findings_bytes": limits.max_findings_bytes,
            "max_console_bytes": limits.max_console_bytes,
        }

    def _exited(self, exit_: Exit) -> None:
        self._turn.leave()
        self._turn.end_pause()
        if self._proximity is not None:
            self._proximity.gone(self.pid, self.in_flight_frames)
        self.end = self._cause or _end_of(exit_, self._replies.has_partial)
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None
        if not self._loading.done():
            self._loading.set_exception(self._end_while_loading(exit_))
            self._loading.exception()  # an owner that gave up loading asks no more
        if self._warming is not None and not self._warming.done():
            self._warming.set_result(None)
        self._gone.set()
        self._on_end(self, self.end)

    def _end_while_loading(self, exit_: Exit) -> Exception:
        assert self.end is not None
        name = self.source.name
        if self.end.cause is Cause.TIMEOUT:
            return PluginLoadTimeout(f"{name}: not ready within {self._limits.load_timeout_s:g} s")
        if "promise never resolved" in exit_.stderr:
            return PluginLoadError(f"{name}: loading awaits a promise that never settles")
        if self.end.cause is Cause.OUT_OF_MEMORY:
            return PluginLoadError(
                f"{name}: loading needs more memory than the limit of {self._limits.memory_bytes} bytes"
            )
        lines = exit_.stderr.strip().splitlines()
        # Before the plugin is sent Deno's own words are safe to show; later they may hold traffic.
        first = f": {lines[0]}" if lines and self._is_hello_due else ""
        return GenerationStartError(f"{name}: the generation died while loading ({self.end.detail}){first}")

    def _load_error(self, failed: LoadFailed) -> PluginLoadError:
        shown = self.describe(failed.error)
        name = self.source.plugins[failed.plugin].name
        file, line, column = shown.place
        place = f"{file}:{line}:{column}" if file else name
        failure = ScanFailure(
            kind=failed.kind,
            message=shown.message,
            fault="plugin",
            is_started=False,
            file=file or name,
            line=line,
            column=column,
            stack=shown.stack,
        )
        return PluginLoadError(f"{place}: {shown.message}", failure=failure, generation=self.number)


def _end_of(exit_: Exit, is_cut: bool) -> End:
    """Why a process ended that nobody killed."""
    if any(mark in exit_.stderr for mark in _OUT_OF_MEMORY_MARKS):
        return End(Cause.OUT_OF_MEMORY, "V8 ran out of memory")
    if exit_.returncode == -signal.SIGABRT and not exit_.stderr.strip():
        # Deno's own panics speak; silence is an allocation that its limit refused.
        return End(Cause.OUT_OF_MEMORY, "an allocation was refused")
    cut = " in the middle of a reply" if is_cut else ""
    if exit_.returncode < 0:
        return End(Cause.CRASH, f"killed by signal {-exit_.returncode}{cut}")
    return End(Cause.CRASH, f"exited with code {exit_.returncode}{cut}")
