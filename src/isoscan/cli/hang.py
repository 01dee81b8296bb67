"""Where a plugin hangs: its stack while it does, and the smallest slice of the input it still hangs on.

Both run the transaction again. The slice is found in the sandbox the run has. A stack can only be asked for
through an inspector, whose socket the strict sandbox forbids: for it the plugin runs in the level
"permissions", which is for its author to allow.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, get_args

import psutil
from msgspec import Struct, field
from msgspec.structs import replace

from .._options import ExecutorOptions
from ..errors import IsoscanError, RuntimeFault
from ..executor import PluginExecutor
from ..models import TIMEOUT_MAX_S, HttpTransaction, Limits, ScanResult, Verdict
from ..sandbox.frames import ThrownError
from .devtools import DevTools, Target
from .inspect import inspected_executor

#: A scan that takes longer than this, or than its own limit if that is less, counts as hanging here.
PROBE_S = 0.5
_MAX_PROBES = 48
_MAX_SLICE_S = 20.0
_SAMPLES = 5
_BETWEEN_SAMPLES_S = 0.05
_PAUSE_S = 2.0
_FRAMES = 50
_EXCERPT_BYTES = 120
_STACK_EXPRESSION = (
    f"(() => {{ const limit = Error.stackTraceLimit; Error.stackTraceLimit = {_FRAMES};"
    "const { stack } = new Error(); Error.stackTraceLimit = limit; return stack; })()"
)


Part = Literal["response body", "request body"]


class Slice(Struct, frozen=True, kw_only=True):
    """Bytes `start` to `stop` of a body, which alone still hang; `excerpt` is how they begin."""

    part: Part
    start: int
    stop: int
    body_bytes: int
    #: No shorter slice hangs that begins or ends there; else the attempts were used up.
    is_smallest: bool
    excerpt: str


class Hang(Struct, kw_only=True):
    """What was found out about one transaction a plugin hung on; a note says what was not, and why."""

    transaction_id: str
    limit_s: float
    stack: list[str] = field(default_factory=list)
    stack_note: str = ""
    slice: Slice | None = None
    slice_note: str = ""
    #: How often the plugin ran again for the slice, and how long all of it took.
    scans: int = 0
    elapsed_s: float = 0.0


async def explain_hang(
    executor: PluginExecutor, options: ExecutorOptions, transaction: HttpTransaction, *, may_inspect: bool
) -> Hang:
    """Runs the plugin of an executor on a transaction it hung on, with the options it had then."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    hang = Hang(transaction_id=transaction.id, limit_s=executor.limits.timeout_s)
    if executor.permissions.net and not executor.metadata.idempotent:
        hang.stack_note = hang.slice_note = (
            "the plugin has network and is not idempotent: it is not run again"
        )
        return hang
    if may_inspect:
        try:
            await _find_stack(hang, executor, options, transaction)
        except (RuntimeFault, TimeoutError, OSError) as error:
            hang.stack_note = f"no stack: {error or 'the inspector does not answer'}"
    else:
        hang.stack_note = "no stack: it takes an inspector, which --sandbox strict forbids"
    try:
        await _find_slice(hang, executor, options, transaction)
    except IsoscanError as error:
        hang.slice_note = f"no slice: {error}"
    hang.elapsed_s = loop.time() - began
    return hang


# ---- the slice ---------------------------------------------------------------


class Probes:
    """How often it may still be tried."""

    def __init__(
        self, hangs: Callable[[int, int], Awaitable[bool]], most: int, until: Callable[[], bool]
    ) -> None:
        self._hangs = hangs
        self._most = most
        self._until = until
        self.count = 0

    @property
    def are_used_up(self) -> bool:
        """Whether nothing more may be tried."""
        return self.count >= self._most or self._until()

    async def hangs(self, start: int, stop: int) -> bool:
        """Tries one slice."""
        self.count += 1
        return await self._hangs(start, stop)


async def shrink(length: int, probes: Probes) -> tuple[int, int, bool]:
    """Where a slice begins and ends that still hangs, of a body that hangs whole and not when empty.

    First its end is found, then its beginning, each by halving the distance between what hangs and what
    does not. The last value: whether the search came to its end before the probes did.
    """
    short, stop = 0, length
    while stop - short > 1 and not probes.are_used_up:
        middle = (short + stop) // 2
        if await probes.hangs(0, middle):
            stop = middle
        else:
            short = middle
    is_end_found = stop - short <= 1
    start, late = 0, stop
    while late - start > 1 and not probes.are_used_up:
        middle = (start + late) // 2
        if await probes.hangs(middle, stop):
            start = middle
        else:
            late = middle
    return start, stop, is_end_found and late - start <= 1


async def _find_slice(
    hang: Hang, like: PluginExecutor, options: ExecutorOptions, transaction: HttpTransaction
) -> None:
    path = like._plugin.path
    assert path is not None, "plugins of a run are files"
    probe_s = min(PROBE_S, like.limits.timeout_s)
    limits = replace(like.limits, timeout_s=probe_s, max_attempts=1, max_consecutive_deaths=1_000_000)
    until = asyncio.get_running_loop().time() + _MAX_SLICE_S
    options = _with_limits(options, limits)
    async with PluginExecutor.from_file(path, **options) as executor:
        for part in get_args(Part):
            body = _body(transaction, part)
            if not body:
                continue

            async def hangs(start: int, stop: int, part: Part = part, body: bytes = body) -> bool:
                result = await _scan(executor, _with_body(transaction, part, body[start:stop]))
                return result.verdict is Verdict.TIMEOUT

            probes = Probes(hangs, _MAX_PROBES, lambda: asyncio.get_running_loop().time() > until)
            if hang.scans == 0 and not await probes.hangs(0, len(body)):
                hang.scans += probes.count
                hang.slice_note = f"run alone it took less than {probe_s:g} s"
                return
            if await probes.hangs(0, 0):
                hang.scans += probes.count
                continue
            start, stop, is_smallest = await shrink(len(body), probes)
            hang.scans += probes.count
            hang.slice = Slice(
                part=part,
                start=start,
                stop=stop,
                body_bytes=len(body),
                is_smallest=is_smallest,
                excerpt=body[start : min(stop, start + _EXCERPT_BYTES)].decode("utf-8", "replace"),
            )
            return
    hang.slice_note = "it hangs without the bodies too: look at the URL, the headers, or the plugin alone"


def _with_limits(options: ExecutorOptions, limits: Limits) -> ExecutorOptions:
    options = options.copy()
    options["limits"] = limits
    return options


def _body(transaction: HttpTransaction, part: Part) -> bytes:
    if part == "request body":
        return transaction.request.body
    return transaction.response.body if transaction.response is not None else b""


def _with_body(transaction: HttpTransaction, part: Part, body: bytes) -> HttpTransaction:
    if part == "request body":
        return replace(transaction, request=replace(transaction.request, body=body))
    assert transaction.response is not None
    return replace(transaction, response=replace(transaction.response, body=body))


async def _scan(executor: PluginExecutor, transaction: HttpTransaction) -> ScanResult:
    async for result in executor.scan_many([transaction]):
        return result
    raise RuntimeFault("a scan ended without a result")


# ---- the stack ---------------------------------------------------------------


async def _find_stack(
    hang: Hang, like: PluginExecutor, options: ExecutorOptions, transaction: HttpTransaction
) -> None:
    loop = asyncio.get_running_loop()
    found: asyncio.Future[Target] = loop.create_future()

    def take(target: Target) -> None:
        if not found.done():
            found.set_result(target)

    limits = replace(like.limits, timeout_s=TIMEOUT_MAX_S, max_attempts=1)
    executor = inspected_executor(like, _with_limits(options, limits), stops=False, announce=take)
    starting = asyncio.create_task(executor.start(), name="isoscan-hang-start")
    scanning: asyncio.Task[ScanResult] | None = None
    devtools: DevTools | None = None
    try:
        either: list[asyncio.Future[Any]] = [starting, found]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not found.done():
            await starting  # raises why it did not start
        devtools = await DevTools.attach(found.result().web_socket_debugger_url)
        await devtools.call("Debugger.enable")
        await devtools.call("Runtime.runIfWaitingForDebugger")
        await starting
        scanning = asyncio.create_task(_scan(executor, transaction), name="isoscan-hang-scan")
        await asyncio.wait([scanning], timeout=min(PROBE_S, like.limits.timeout_s))
        samples = await _sample(devtools, executor, scanning)
        if scanning.done() and not samples:
            hang.stack_note = "no stack: run once more it did not hang"
        elif samples:
            hang.stack = common_frames(samples)
            hang.stack_note = f"the same in {len(samples)} samples"
        else:
            hang.stack_note = await _why_silent(executor)
    finally:
        if devtools is not None:
            await devtools.close()
        tasks: list[asyncio.Task[Any]] = [starting, *filter(None, [scanning])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)  # what they raise was raised above
        await executor.shutdown(drain=False)


async def _sample(
    devtools: DevTools, executor: PluginExecutor, scanning: asyncio.Task[ScanResult]
) -> list[list[str]]:
    samples: list[list[str]] = []
    for _ in range(_SAMPLES):
        if scanning.done():
            break
        try:
            await asyncio.wait_for(devtools.call("Debugger.pause"), _PAUSE_S)
            paused = await devtools.event("Debugger.paused", _PAUSE_S)
        except TimeoutError:
            break
        told = await devtools.call(
            "Debugger.evaluateOnCallFrame",
            callFrameId=paused["callFrames"][0]["callFrameId"],
            expression=_STACK_EXPRESSION,
            returnByValue=True,
        )
        frames = _frames(executor, told.get("result", {}).get("value"))
        if frames:
            samples.append(frames)
        await devtools.call("Debugger.resume")
        await asyncio.sleep(_BETWEEN_SAMPLES_S)
    return samples


def _frames(executor: PluginExecutor, stack: object) -> list[str]:
    """Frames of the plugin's own files, innermost first: `name (file:line:column)`."""
    occupant = executor._slot.occupant
    if not isinstance(stack, str) or occupant is None:
        return []
    shown = occupant.describe(ThrownError(name="Error", message="", stack=stack)).stack
    names = occupant.source.names
    lines = [line.strip().removeprefix("at ") for line in shown.splitlines()[1:]]
    own = [line for line in lines if any(f"{name}:" in line for name in names)]
    return [line for line in own if not line.startswith("eval ")]


def common_frames(samples: Sequence[Sequence[str]]) -> list[str]:
    """The outer frames all samples share, innermost first; where lines differ, all of them are named."""
    shared: list[str] = []
    for frames in zip(*(reversed(sample) for sample in samples), strict=False):
        if len({_without_place(frame) for frame in frames}) > 1:
            break
        shared.append(_merged(frames))
    return shared[::-1]


def _without_place(frame: str) -> str:
    return frame.rsplit(":", 2)[0]


def _merged(frames: Sequence[str]) -> str:
    """One frame for the same function at several lines: `walk (plugin.ts:4-7)`."""
    if len(set(frames)) == 1:
        return frames[0]
    head = _without_place(frames[0])
    lines = [int(frame.rsplit(":", 2)[1]) for frame in frames]
    low, high = min(lines), max(lines)
    close = ")" if frames[0].endswith(")") else ""
    return f"{head}:{low}{close}" if low == high else f"{head}:{low}-{high}{close}"


async def _why_silent(executor: PluginExecutor) -> str:
    """Nothing stopped: either no JavaScript runs at all, or none returns from one built-in call."""
    occupant = executor._slot.occupant
    used_s = 0.0
    if occupant is not None:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(occupant.pid)
            before = sum(process.cpu_times()[:2])
            await asyncio.sleep(_BETWEEN_SAMPLES_S * 4)
            used_s = sum(process.cpu_times()[:2]) - before
    if used_s > _BETWEEN_SAMPLES_S:
        return "no stack: the time goes into one built-in call, which cannot be stopped"
    return "no stack: nothing of the plugin runs, it waits for a promise or a timer"
