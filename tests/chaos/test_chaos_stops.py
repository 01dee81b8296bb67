"""Processes are stopped, and the fork server is killed, while scans run: nobody is blamed for it."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import psutil
import pytest

from isoscan import PluginExecutor, ScanResult, Verdict
from isoscan.sandbox.linux.client import shared_server
from support.builders import ECHO, is_echo, make_executor, make_transaction, scan
from support.faults import Fault, failing
from support.watching import begin, belongings, generation_pids, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="of the sandbox on Linux")

TIMEOUT_S = 0.8
STOPPED_S = 1.6
ROOT = Path(__file__).parents[2]
#: Awaits for ever, without using the processor, so that only the owner's clock ends it.
NEVER = """
export function scan_transaction(t) {
  if (t.request.url.includes("/never")) return new Promise(() => setInterval(() => {}, 10));
  return { title: t.id };
}"""
#: A program of its own, to be stopped: scans for four seconds, and says what came of it.
OWNER = """
import asyncio, collections, json, sys, time
from isoscan import HttpRequest, HttpTransaction, Limits, PluginExecutor, PluginMetadata

async def main():
    seen = collections.Counter()
    limits = Limits(timeout_s=0.8, load_timeout_s=0.8, max_consecutive_deaths=2)
    async with PluginExecutor(PluginMetadata(id="probe"), sys.argv[1], limits=limits) as executor:
        print("ready", flush=True)
        end = time.monotonic() + 4
        while time.monotonic() < end:
            await executor.scan_transaction(HttpTransaction(HttpRequest("GET", "http://a.example/")))
            seen["scans"] += 1
        stats = executor.get_stats()
    print(json.dumps({"verdicts": {v.value: n for v, n in stats.verdicts.items()},
                      "restarts": stats.restart_count, "scans": seen["scans"]}))

asyncio.run(main())
"""


async def stop_for(pid: int, seconds: float) -> None:
    """Stops a process and lets it go on, by a thread: the loop may be held up meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    threading.Timer(seconds, lambda: os.kill(pid, signal.SIGCONT)).start()


async def scan_until(executor: PluginExecutor, is_done: Callable[[], bool]) -> list[ScanResult]:
    """Streams scans until then, and at least a few."""

    def transactions() -> object:
        while not is_done():
            yield make_transaction()

    return [result async for result in executor.scan_many(transactions())]  # type: ignore[arg-type]


async def test_stopped_generation_is_replaced() -> None:
    """A generation stopped under a batch for longer than the timeout costs no scan of it anything."""
    async with make_executor(timeout_s=TIMEOUT_S, max_consecutive_deaths=2) as executor:
        end = time.monotonic() + 2 * STOPPED_S
        scanning = begin(scan_until(executor, lambda: time.monotonic() > end))
        await until(lambda: executor.get_stats().total_executions > 1000, "scans run")
        for pid in generation_pids():
            os.kill(pid, signal.SIGSTOP)  # it is never continued: SIGKILL must do
        results = await scanning
        assert executor.state == "serving"
        assert executor.get_stats().restart_count == 1
    assert [result for result in results if not is_echo(result)] == []


async def test_generation_stopped_shortly() -> None:
    """A generation stopped for less than the timeout goes on as if nothing had been."""
    async with make_executor(timeout_s=4 * STOPPED_S) as executor:
        end = time.monotonic() + 2 * STOPPED_S
        scanning = begin(scan_until(executor, lambda: time.monotonic() > end))
        await until(lambda: executor.get_stats().total_executions > 1000, "scans run")
        (pid,) = generation_pids()
        await stop_for(pid, STOPPED_S)
        results = await scanning
        assert executor.get_stats().restart_count == 0
    assert [result for result in results if not is_echo(result)] == []


async def test_stopped_fork_server() -> None:
    """While the fork server is stopped, beyond the timeout, a restart waits and no scan is charged."""
    async with make_executor(timeout_s=TIMEOUT_S) as executor:
        pid = shared_server().pid
        assert pid is not None
        end = time.monotonic() + 2 * STOPPED_S
        scanning = begin(scan_until(executor, lambda: time.monotonic() > end))
        await until(lambda: executor.get_stats().total_executions > 1000, "scans run")
        await stop_for(pid, STOPPED_S)
        report = await executor.restart()
        results = await scanning
        assert report.generation > report.previous_generation
        assert executor.get_stats().restart_count == 1
    assert [result for result in results if not is_echo(result)] == []


def test_stopped_owner() -> None:
    """An owner stopped for three seconds charges nobody for the time it did not see."""
    done = subprocess.Popen(
        [sys.executable, "-c", OWNER, ECHO],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert done.stdout is not None
    with done:
        assert done.stdout.readline() == "ready\n"
        time.sleep(0.5)
        done.send_signal(signal.SIGSTOP)
        time.sleep(3.0)
        done.send_signal(signal.SIGCONT)
        said = json.loads(done.stdout.read())
    assert done.returncode == 0
    assert said["verdicts"] == {"findings": said["scans"]}
    assert said["restarts"] == 0


async def test_killed_fork_server() -> None:
    """Whenever the fork server is killed under scans, all of them end once and rightly."""
    before = belongings()
    kills = 5
    async with make_executor(max_attempts=20, max_consecutive_deaths=100) as executor:
        is_over = False
        scanning = begin(scan_until(executor, lambda: is_over))
        for _ in range(kills):
            number = executor.get_stats().total_executions
            await until(lambda n=number: executor.get_stats().total_executions > n + 500, "scans run")  # type: ignore[misc]
            pid = shared_server().pid
            assert pid is not None
            psutil.Process(pid).kill()
            number = executor.get_stats().generation
            await until(lambda n=number: executor.get_stats().generation > n, "a new generation")  # type: ignore[misc]
        is_over = True
        results = await scanning
        stats = executor.get_stats()
    assert [result for result in results if not is_echo(result)] == []
    assert stats.verdicts == {Verdict.FINDINGS: len(results)}
    assert len({result.transaction_id for result in results}) == len(results)
    assert belongings() == before


@pytest.mark.parametrize("error", [errno.EMFILE, errno.ENOMEM, errno.EIO], ids=errno.errorcode.get)
async def test_clock_outlives_a_failed_look(error: int) -> None:
    """A look at the generation's memory that fails does not stop the clock of the scan that runs."""
    async with make_executor(NEVER, timeout_s=TIMEOUT_S) as executor:
        assert is_echo(await scan(executor, make_transaction()))
        errors: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
        # The first file opened from here on is the one in which the kernel tells the memory.
        with failing(Fault("open_file", 1, error)):
            async with asyncio.timeout(20 * TIMEOUT_S):
                result = await scan(executor, make_transaction("/never"))
        assert result.verdict is Verdict.TIMEOUT
        assert errors == []


async def test_failed_look_at_birth_leaves_nothing() -> None:
    """When the new child cannot be looked up, it goes on without, and nothing is left."""
    before = belongings()
    with patch("isoscan.sandbox.process.psutil.Process", side_effect=OSError(errno.EMFILE, "none left")):
        async with make_executor() as executor:
            assert is_echo(await scan(executor, make_transaction()))
    assert belongings() == before
