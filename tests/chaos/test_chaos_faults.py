"""The owner's own calls fail, one after the other, and its processes are stopped and killed.

Whatever fails: the answer is right or a typed error, nothing goes wrong in the event loop, and
nothing is left behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import sys
import traceback
from typing import Any

import psutil
import pytest

from isoscan import IsoscanError, PluginExecutor, Verdict
from isoscan.sandbox.linux.client import shared_server
from support.builders import is_echo, make_executor, make_transaction
from support.faults import ERRORS, TARGETS, Fault, failing
from support.watching import Belongings, belongings

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="of the sandbox on Linux")

DEADLINE_S = 20.0
#: More calls of one kind than any scenario makes.
MOST = 200
#: Works for longer than the clock needs to tick, so that its reading of /proc is there to fail.
SLOW_ECHO = """
export function scan_transaction(t) {
  for (const end = performance.now() + 40; performance.now() < end;);
  return { title: t.id };
}"""
#: One way of failing for each kind of call, the likeliest; all others are slow.
LIKELY = {
    "read": (errno.EIO, errno.EAGAIN),
    "recv_into": (errno.EAGAIN, errno.EIO),
    "pipe": (errno.EMFILE,),
    "socketpair": (errno.EMFILE, errno.ENOMEM),
    "open_descriptor": (errno.EMFILE,),
    "open_file": (errno.EMFILE,),
    "sendmsg": (errno.EAGAIN, errno.EPIPE, errno.ENOMEM),
    "recvmsg": (errno.EIO,),
    "recv": (errno.EIO,),
    "fork_server": (errno.EMFILE, errno.EAGAIN),
    "prlimit": (errno.EIO,),
    "fork": (errno.EAGAIN,),
}


async def scan_a_little(executor: PluginExecutor, *, has_restart: bool) -> list[str]:
    """Scans, perhaps with a restart between; what is wrong with the answers."""
    wrong = []
    for _ in range(1 + has_restart):
        results = [r async for r in executor.scan_many([make_transaction(), make_transaction()])]
        wrong += [
            f"a wrong answer: {result}"
            for result in results
            if result.verdict in (Verdict.FINDINGS, Verdict.CLEAN) and not is_echo(result)
        ]
        if has_restart:
            await executor.restart()
    return wrong


async def live_through(fault: Fault, before: Belongings, *, has_restart: bool) -> list[str]:
    """What one life of an executor leaves to complain of when the call fails."""
    wrong: list[str] = []

    def note(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        wrong.append(f"in the loop: {context.get('exception') or context['message']!r}")

    asyncio.get_running_loop().set_exception_handler(note)
    executor = make_executor(SLOW_ECHO)
    try:
        with failing(fault):
            async with asyncio.timeout(DEADLINE_S):
                async with executor:
                    wrong += await scan_a_little(executor, has_restart=has_restart)
    except IsoscanError:
        pass
    except Exception as error:  # noqa: BLE001  # whatever else comes out is what the test reports
        wrong.append(f"not typed: {error!r} {traceback.extract_tb(error.__traceback__)[-6:]}")
    after = belongings()
    left = {
        "children": after.children - before.children,
        "descriptors": max(after.descriptors - before.descriptors, 0),
        "tasks": after.tasks - before.tasks,
        "files": after.files - before.files,
    }
    wrong += [f"left behind: {name}: {what}" for name, what in left.items() if what]
    if any(left.values()):
        clear_away(after.children - before.children)
    return [f"{fault}: {text}" for text in wrong]


def clear_away(children: frozenset[int]) -> None:
    """Ends what was left, so that the next life is not blamed for it."""
    server = shared_server()
    server._users = 0  # whoever was forgotten to be one
    server.close()
    for pid in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            process.kill()
            process.wait(DEADLINE_S)


def combinations() -> list[Any]:
    """Every kind of call with every error; all but the likely ones are slow."""
    return [
        pytest.param(target, error, marks=() if error in LIKELY[target] else pytest.mark.slow,
                     id=f"{target}-{errno.errorcode[error]}")
        for target in TARGETS
        for error in ERRORS
    ]  # fmt: skip


async def fail_each(target: str, error: int, *, has_restart: bool) -> list[str]:
    """Fails the first call, then the second, until there is no such call."""
    async with make_executor():
        pass  # what is looked up once only is found now
    before = belongings()
    wrong: list[str] = []
    for number in range(1, MOST):
        fault = Fault(target, number, error)
        wrong += await live_through(fault, before, has_restart=has_restart)
        if not fault.has_struck:
            assert number > 1, f"no call of {target} was ever made"
            return wrong
        before = belongings()  # what is left was said once
    raise AssertionError(f"{target}: more than {MOST} calls")


@pytest.mark.parametrize(("target", "error"), combinations())
async def test_nth_call_fails(target: str, error: int) -> None:
    """Start, scan, shut down: each call of a kind fails once."""
    wrong = await fail_each(target, error, has_restart=False)
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("error", ERRORS, ids=errno.errorcode.get)
@pytest.mark.parametrize("target", TARGETS)
async def test_nth_call_fails_with_a_restart(target: str, error: int) -> None:
    """The same with a restart between two rounds of scans."""
    wrong = await fail_each(target, error, has_restart=True)
    assert not wrong, "\n".join(wrong)
