"""What restarts cost and that they lose nothing: `python -m benchmarks.restarts [--quick]`.

Each line is measured in this run. Ratios compare with the same work without restarts,
interleaved in rounds; the median round is shown.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Iterator
from itertools import pairwise

from isoscan import (
    AdaptiveInterval,
    HttpRequest,
    HttpTransaction,
    MaxExecutions,
    PluginExecutor,
    PluginMetadata,
    Verdict,
)
from isoscan.policies import RestartPolicy

ECHO = "export function scan_transaction(t) { return { title: t.id }; }"
CLEAN = "export function scan_transaction(t) {}"
LEAK = "const kept = []; export function scan_transaction(t) { kept.push(new Array(256).fill(0.5)); }"
MIB = 1024 * 1024


def transactions(count: int) -> Iterator[HttpTransaction]:
    """Distinct small transactions."""
    for number in range(count):
        yield HttpTransaction(HttpRequest("GET", "http://bench.example/", id=str(number)))


async def run(
    code: str, count: int, policy: RestartPolicy | None = None
) -> tuple[PluginExecutor, list[float]]:
    """Scans `count` transactions; the ended executor and the moments its results came."""
    executor = PluginExecutor(PluginMetadata(id="bench"), code, restart_policy=policy)
    moments: list[float] = []
    async with executor:
        async for result in executor.scan_many(transactions(count)):
            moments.append(time.perf_counter())
            if result.verdict not in (Verdict.CLEAN, Verdict.FINDINGS):
                raise SystemExit(f"scan {result.transaction_id} ended as {result.verdict}: {result.error}")
            if result.transaction_id != str(len(moments) - 1) or any(
                finding.title != result.transaction_id for finding in result.findings
            ):
                raise SystemExit(f"result {len(moments) - 1} belongs to {result.transaction_id}")
    return executor, moments


def rate(moments: list[float]) -> float:
    """Scans per second between the first and the last result."""
    return (len(moments) - 1) / (moments[-1] - moments[0])


async def none_lost(count: int) -> None:
    """A restart every 1,000 scans: every outcome once, in order, of its own transaction."""
    executor, moments = await run(ECHO, count, MaxExecutions(1000, jitter=0.0))
    stats = executor.get_stats()
    lost = count - len(moments)
    print(f"restart at 1,000: {count:,} scans, {stats.restart_count} restarts, {lost} lost or doubled")


async def throughput(count: int, rounds: int) -> None:
    """Throughput with restarts against none, interleaved."""
    ratios: dict[int, list[float]] = {10_000: [], 1_000: []}
    for _ in range(rounds):
        never = rate((await run(CLEAN, count))[1])
        for every, found in ratios.items():
            found.append(rate((await run(CLEAN, count, MaxExecutions(every, jitter=0.0)))[1]) / never)
    for every, found in ratios.items():
        print(f"throughput, restart every {every:,} : never = {statistics.median(found):.2f}")


async def gap(count: int) -> None:
    """Longest gap between two results with and without restarts, as a ratio."""
    _, steady = await run(CLEAN, count)
    executor, restarted = await run(CLEAN, count, MaxExecutions(max(count // 10, 1), jitter=0.0))
    usual = sorted(b - a for a, b in pairwise(steady))[int(len(steady) * 0.999)]
    longest = max(b - a for a, b in pairwise(restarted))
    most = max(b - a for a, b in pairwise(steady))
    restarts = executor.get_stats().restart_count
    print(
        f"longest gap, {restarts} restarts : steady p99.9 = {longest / usual:.1f}, "
        f": steady longest = {longest / most:.1f}"
    )


async def leak(count: int) -> None:
    """A 2 kB leak under the adaptive policy stays within its budget."""
    budget_bytes = 96 * MIB
    executor, _ = await run(LEAK, count, AdaptiveInterval(memory_budget_bytes=budget_bytes))
    stats = executor.get_stats()
    print(f"2 kB leak, {count:,} scans, budget {budget_bytes // MIB} MiB: restarts {dict(stats.restarts)}")


async def well_behaved(count: int) -> None:
    """A plugin that does not leak is never restarted."""
    executor, _ = await run(CLEAN, count, AdaptiveInterval(memory_budget_bytes=96 * MIB))
    print(f"no leak, {count:,} scans: {executor.get_stats().restart_count} restarts")


async def first_result(rounds: int) -> None:
    """From the call of restart to the first result of the new generation."""
    took_ms: list[float] = []
    async with PluginExecutor(PluginMetadata(id="bench"), CLEAN) as executor:
        for transaction in transactions(rounds):
            began = time.perf_counter()
            await executor.restart()
            await executor.scan_transaction(transaction)
            took_ms.append((time.perf_counter() - began) * 1000)
    print(f"restart to first result: median {statistics.median(took_ms):.0f} ms of {rounds}")


async def main(quick: bool) -> None:
    """All of it, one line each."""
    scale = 1 if quick else 20
    await first_result(15)
    await throughput(30_000 * scale // 4 or 1, 3)
    await gap(50_000 * scale)
    await none_lost(50_000 * scale)
    await leak(100_000 * scale)
    await well_behaved(100_000 * scale)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a twentieth of the work")
    asyncio.run(main(parser.parse_args().quick))
