"""What several scenarios use."""

from __future__ import annotations

from isoscan import HttpTransaction, PluginExecutor, ScanResult
from support.builders import is_echo, make_transaction, scan

#: Loops on `/loop`, echoes elsewhere.
LOOPS = """
export function scan_transaction(t) {
  if (t.request.url.includes("/loop")) for (;;);
  return { title: t.id };
}"""


async def collect(executor: PluginExecutor, transactions: list[HttpTransaction]) -> list[ScanResult]:
    """All results of a `scan_many`, checked to be in order."""
    results = [result async for result in executor.scan_many(transactions)]
    assert [r.transaction_id for r in results] == [t.id for t in transactions]
    return results


async def assert_serves(executor: PluginExecutor) -> None:
    """A plain scan gets its own finding."""
    assert is_echo(await scan(executor, make_transaction()))
