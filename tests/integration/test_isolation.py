"""`isolate_per="transaction"`: no isolate ever sees two transactions."""

from __future__ import annotations

import asyncio

import pytest

from isoscan import (
    ConfigError,
    Limits,
    PluginExecutor,
    PluginExecutorPool,
    PluginMetadata,
    ScanResult,
    Verdict,
)
from support.builders import make_transaction
from support.watching import child_pids

#: Keeps what it sees, and reports all of it: one id alone shows that nothing else was there.
KEEPS = """
const seen = [];
export async function scan_transaction(t) {
  seen.push(t.id);
  globalThis.kept ??= t.id;
  if (t.request.url.includes("/loop")) for (;;);
  if (t.request.url.includes("/wait")) await new Promise((done) => setTimeout(done, 20));
  return { title: `${seen.join()} ${globalThis.kept}` };
}"""


def make_isolating(code: str = KEEPS, timeout_s: float = 5.0) -> PluginExecutor:
    """An executor with a fresh generation per transaction."""
    metadata = PluginMetadata(id="keeps")
    return PluginExecutor(metadata, code, limits=Limits(timeout_s=timeout_s), isolate_per="transaction")


def assert_alone(result: ScanResult) -> None:
    """The plugin saw this transaction and no other."""
    (finding,) = result.findings
    assert finding.title == f"{result.transaction_id} {result.transaction_id}"


async def test_each_transaction_alone() -> None:
    """Many at once and in order: each in a generation of its own, and none is left."""
    async with make_isolating() as executor:
        transactions = [make_transaction("/wait" if number % 3 else "/") for number in range(20)]
        results = [result async for result in executor.scan_many(transactions)]
        assert [r.transaction_id for r in results] == [t.id for t in transactions]
        for result in results:
            assert_alone(result)
        assert len({result.generation for result in results}) == 20
        found = await asyncio.gather(*(executor.scan_transaction(make_transaction()) for _ in range(10)))
        assert len({findings[0].title for findings in found}) == 10
    assert not child_pids()


async def test_a_hang_costs_one() -> None:
    """A loop ends as a timeout, and its neighbours are still alone."""
    async with make_isolating(timeout_s=0.2) as executor:
        transactions = [make_transaction(path) for path in ("/", "/loop", "/", "/loop", "/")]
        results = [result async for result in executor.scan_many(transactions)]
        assert [r.verdict for r in results] == [
            Verdict.TIMEOUT if number % 2 else Verdict.FINDINGS for number in range(5)
        ]
        for result in results[::2]:
            assert_alone(result)


async def test_reload_and_restart_between() -> None:
    """Restarts asked for from outside do not get in the way."""
    async with make_isolating() as executor:
        pending = [asyncio.create_task(executor.scan_transaction(make_transaction())) for _ in range(8)]
        await executor.restart()
        await executor.reload(KEEPS.replace("${seen", "new ${seen"))
        await asyncio.gather(*pending)
        (finding,) = await executor.scan_transaction(make_transaction(transaction_id="last"))
        assert finding.title == "new last last"


async def test_pool() -> None:
    """Members take turns, and each keeps the promise."""
    metadata = PluginMetadata(id="keeps")
    async with PluginExecutorPool(metadata, KEEPS, 2, isolate_per="transaction") as pool:
        async for result in pool.scan_many(make_transaction() for _ in range(12)):
            assert_alone(result)


def test_unknown_isolation() -> None:
    """A wrong word is refused with the right ones."""
    with pytest.raises(ConfigError, match="'executor', 'transaction' or 'group'"):
        PluginExecutor(PluginMetadata(id="keeps"), KEEPS, isolate_per="scan")  # type: ignore[arg-type]
