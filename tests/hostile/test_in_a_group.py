"""The hostile corpus in a group: its mates may see a spoilt language, but nothing is lost or mixed up.

Plugins of a group trust each other, so what a mate finds may be wrong. Whose result it is, of which
transaction, and that there is exactly one, is the host's and the owner's affair and must hold.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from isoscan import Limits, PluginExecutor, PluginLoadError, PluginMetadata, Scanner, ScanResult
from support.builders import MIB, make_transaction

PLUGINS = sorted((Path(__file__).parent / "plugins").rglob("*.js"))
GOOD = "export const scan_transaction = ({ request }) => ({ title: 'good', evidence: request.url });"
PATHS = ("/good/a", "/bad", "/good/b", "/bad", "/good/c")
LIMITS = Limits(timeout_s=1.0, load_timeout_s=10.0, memory_bytes=160 * MIB)
DEADLINE_S = 120.0


def member(plugin_id: str, code: str) -> PluginExecutor:
    """A plugin of the group."""
    return PluginExecutor(PluginMetadata(id=plugin_id), code, isolate_per="group", limits=LIMITS)


@pytest.mark.slow
@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: f"{path.parent.name}/{path.name}")
async def test_every_scan_of_every_mate_ends_once_as_its_own(plugin: Path) -> None:
    """Results come once, in order, under the right plugin and transaction, whatever a mate does."""
    code = plugin.read_text(encoding="utf-8")
    executors = [member("first", GOOD), member("hostile", code), member("last", GOOD)]
    transactions = [make_transaction(path) for path in PATHS]
    results: list[ScanResult] | None = None
    try:
        async with asyncio.timeout(DEADLINE_S), Scanner(executors) as scanner:
            results = [result async for result in scanner.scan(transactions)]
    except* PluginLoadError:
        assert results is None
    if results is None:
        return  # it cannot be loaded, and said so: nothing was begun
    expected = [(t.id, name) for t in transactions for name in ("first", "hostile", "last")]
    assert [(result.transaction_id, result.plugin_id) for result in results] == expected
    for result in results:
        for finding in result.findings:
            assert (finding.transaction_id, finding.plugin_id) == (result.transaction_id, result.plugin_id)
