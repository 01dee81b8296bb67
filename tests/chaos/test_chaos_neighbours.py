"""Hostile plugins beside good ones, and a program that is killed: neither leaves a trace on others."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

import psutil
import pytest

from isoscan import PluginExecutor, PluginMetadata, Verdict
from support.builders import ECHO, MIB, is_echo, make_executor, make_transaction
from support.watching import begin, belongings

GOOD = 8
ROOT = Path(__file__).parents[2]
#: Eight ways to be a bad neighbour.
HOSTILE = {
    "loops": "for (;;);",
    "fills_buffers": "for (const kept = [];;) kept.push(new Uint8Array(1 << 20).fill(7));",
    "fills_heap": "for (const kept = [];;) kept.push(new Array(1 << 12).fill(0).map(Math.random));",
    "throws": "throw new Error('x'.repeat(1 << 16));",
    "floods_findings": "return Array.from({ length: 1000 }, (_, n) => ({ title: `number ${n}` }));",
    "floods_console": "for (let n = 0; n < 1e4; n++) console.log('x'.repeat(1000));",
    "backtracks": "return /(a+)+$/.test('a'.repeat(40) + '!') ? {} : null;",
    "never_settles": "return new Promise(() => setInterval(() => {}, 1));",
}
#: A plugin that is not through with its input for long, for a program to be killed in.
SLOW = """
export const metadata = { id: "slow" };
export function scan_transaction(t) {
  for (const end = performance.now() + 20; performance.now() < end;);
  return { title: t.id };
}"""


async def be_neighbour(name: str, body: str | None) -> int:
    """Scans with a hostile plugin until it is cancelled; without a body it only lies there."""
    code = ECHO if body is None else f"export function scan_transaction(t) {{ {body} }}"
    executor = make_executor(
        code, metadata=PluginMetadata(id=name), timeout_s=0.3, memory_bytes=96 * MIB, quarantine_s=0.1
    )
    count = 0
    try:
        async with executor:
            while body is not None:
                async for _ in executor.scan_many(make_transaction() for _ in range(100)):
                    count += 1
                await asyncio.sleep(0.001)
            await asyncio.Event().wait()
    except asyncio.CancelledError:
        pass
    return count


async def be_good(executor: PluginExecutor, until_s: float) -> int:
    """Scans until then; every answer must be right."""

    def transactions() -> object:
        while time.monotonic() < until_s:
            yield make_transaction()

    count = 0
    async for result in executor.scan_many(transactions()):  # type: ignore[arg-type]
        assert is_echo(result), result
        count += 1
    assert executor.get_stats().verdicts.keys() == {Verdict.FINDINGS}
    return count


async def throughput(neighbours: dict[str, str | None], seconds: float) -> tuple[int, int]:
    """Scans of eight good executors beside these, and the least of any one of them."""
    beside = [begin(be_neighbour(name, body)) for name, body in neighbours.items()]
    async with AsyncExitStack() as stack:
        good = [
            await stack.enter_async_context(
                make_executor(metadata=PluginMetadata(id=f"good-{n}"), timeout_s=20.0)
            )
            for n in range(GOOD)
        ]
        await asyncio.sleep(0.5)
        counts = await asyncio.gather(*(be_good(executor, time.monotonic() + seconds) for executor in good))
    for neighbour in beside:
        neighbour.cancel()
    done = await asyncio.gather(*beside)
    assert all(count > 0 for count, body in zip(done, neighbours.values(), strict=True) if body is not None)
    return sum(counts), min(counts)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_good_keep_their_share() -> None:
    """Eight good executors give no wrong answer and keep 70 % of their share beside eight hostile ones.

    Their share is what they get beside eight more good ones that work as hard as they do. What
    they get beside idle ones is shown too: there are more processors in that than anybody's share.
    """
    before = belongings()
    idle: dict[str, str | None] = dict.fromkeys(HOSTILE)
    peers: dict[str, str | None] = dict.fromkeys(HOSTILE, "return { title: t.id };")
    to_idle, to_peers, least = [], [], []
    for _ in range(3):
        beside_idle, _ = await throughput(idle, 3.0)
        beside_peers, _ = await throughput(peers, 3.0)
        beside_hostile, lowest = await throughput(dict(HOSTILE), 3.0)
        to_idle.append(beside_hostile / beside_idle)
        to_peers.append(beside_hostile / beside_peers)
        least.append(lowest * GOOD / beside_hostile)
    for name, ratios in (("idle", to_idle), ("good", to_peers)):
        print(
            f"beside hostile : beside {name} = {statistics.median(ratios):.2f}", [f"{r:.2f}" for r in ratios]
        )
    print(f"the least of the good : their average = {statistics.median(least):.2f}")
    assert statistics.median(to_peers) >= 0.7
    assert statistics.median(least) >= 0.5
    assert belongings() == before


def descendants(pid: int) -> list[psutil.Process]:
    """The fork server, what it has ready, and the generations of a program."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def kill_a_run(folder: Path, number: int) -> tuple[int, list[str]]:
    """Kills `isoscan run` at some moment; how many processes it had, and which outlive it by a second."""
    program = subprocess.Popen(
        [sys.executable, "-m", "isoscan", "run", str(folder / "input.jsonl"), "-p", str(folder / "slow.js")],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "XDG_DATA_HOME": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    family: list[psutil.Process] = []
    end = time.monotonic() + 30
    while not any(map(is_generation, family)):
        assert time.monotonic() < end, "no generation ever ran"
        family = descendants(program.pid)
        time.sleep(0.005)
    time.sleep(number % 10 * 0.02)
    assert program.poll() is None, f"it ended before it could be killed: {program.returncode}"
    family = descendants(program.pid) or family
    program.send_signal(signal.SIGKILL)
    program.wait()
    time.sleep(1.0)
    return len(family), [repr(process) for process in family if is_alive(process)]


def is_alive(process: psutil.Process) -> bool:
    """Whether it still runs: a zombie does not, and is for whoever inherited it to reap."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def is_generation(process: psutil.Process) -> bool:
    """Whether it runs a plugin by now; Deno is also asked for its version."""
    try:
        return process.name() == "deno" and "run" in process.cmdline()
    except psutil.NoSuchProcess:
        return False


def kill_runs(folder: Path, count: int) -> None:
    """Kills that many runs, one after the other; nothing of any is left."""
    (folder / "slow.js").write_text(SLOW, encoding="utf-8")
    lines = [
        json.dumps({"request": {"method": "GET", "url": f"http://shop.example/{n}"}}) for n in range(2000)
    ]
    (folder / "input.jsonl").write_text("\n".join(lines), encoding="utf-8")
    for number in range(count):
        size, left = kill_a_run(folder, number)
        assert size >= 2, "neither fork server nor generation was seen"
        assert left == []


@pytest.mark.skipif(sys.platform != "linux", reason="children of a killed owner die with it on Linux")
def test_killed_program_leaves_no_orphan(tmp_path: Path) -> None:
    """`isoscan run` killed with SIGKILL: neither generation nor fork server is there a second later."""
    kill_runs(tmp_path, 3)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(sys.platform != "linux", reason="children of a killed owner die with it on Linux")
def test_often_killed_program_leaves_no_orphan(tmp_path: Path) -> None:
    """The same 200 times, at moments from the birth of the generation on."""
    kill_runs(tmp_path, 200)
