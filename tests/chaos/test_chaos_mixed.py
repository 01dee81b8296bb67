"""Good and hostile plugins side by side: the good ones notice nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

from isoscan import PluginExecutor, PluginMetadata, ScanResult, Verdict
from support.builders import ECHO, MIB, is_echo, make_executor, make_transaction
from support.watching import belongings

PLUGINS = Path(__file__).parent / "plugins"
LEAKS = """
const kept = [];
export function scan_transaction(t) {
  const leak = new Array(131072);
  for (let i = 0; i < leak.length; i++) leak[i] = i + 0.5;
  kept.push(leak);
  return { title: t.id };
}"""
HOSTILE = {
    "loops": "export function scan_transaction() { for (;;); }",
    "bombs": (
        "const kept = [];\n"
        "export function scan_transaction() { for (;;) kept.push(new Uint8Array(1 << 24).fill(7)); }"
    ),
    "leaks": LEAKS,
    "exits": (PLUGINS / "reach_exit.js").read_text(encoding="utf-8"),
}
WANTED = {
    "loops": {Verdict.TIMEOUT, Verdict.SKIPPED},
    "bombs": {Verdict.OUT_OF_MEMORY, Verdict.SKIPPED},
    "leaks": {Verdict.FINDINGS},
    "exits": {Verdict.CLEAN},
}
COUNTS = {"loops": 3, "bombs": 3, "leaks": 150, "exits": 100}
GOOD_COUNT = 1500


def executor_of(name: str, code: str | None = None) -> PluginExecutor:
    """An executor with tight limits; without code it echoes."""
    # Whoever does not loop has long enough on a machine that is busy with all the others.
    timeout_s = 1.5 if name == "loops" else 20.0
    return make_executor(
        ECHO if code is None else code,
        metadata=PluginMetadata(id=name),
        timeout_s=timeout_s,
        memory_bytes=96 * MIB,
    )


async def run(executor: PluginExecutor, count: int, path: str) -> list[ScanResult]:
    """Starts, scans, shuts down."""
    async with executor:
        return [r async for r in executor.scan_many(make_transaction(path) for _ in range(count))]


async def test_nine_side_by_side() -> None:
    """Five good executors complete beside four that loop, leak, bomb and try to exit."""
    before = belongings()
    hostile = [run(executor_of(name, code), COUNTS[name], "/bad") for name, code in HOSTILE.items()]
    good = [run(executor_of(f"good-{n}"), GOOD_COUNT, "/good") for n in range(5)]
    outcomes = await asyncio.gather(*hostile, *good)
    for name, results in zip(HOSTILE, outcomes, strict=False):
        assert len(results) == COUNTS[name]
        assert {result.verdict for result in results} <= WANTED[name], name
        assert results[0].verdict is not Verdict.SKIPPED
        assert {result.plugin_id for result in results} == {name}
    assert all(map(is_echo, outcomes[list(HOSTILE).index("leaks")]))
    for results in outcomes[len(HOSTILE) :]:
        assert len(results) == GOOD_COUNT
        assert all(map(is_echo, results))
    assert belongings() == before
