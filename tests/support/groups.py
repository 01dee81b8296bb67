"""Plugins that share an isolate, and what each of them reported."""

from __future__ import annotations

from collections.abc import Sequence

from isoscan import HttpTransaction, PluginExecutor, PluginMetadata, Scanner, ScanResult


async def results_of(codes: Sequence[str], transactions: Sequence[HttpTransaction]) -> list[list[ScanResult]]:
    """The results of each plugin of one group."""
    executors = [
        PluginExecutor(PluginMetadata(id=f"plugin-{place}"), code, isolate_per="group")
        for place, code in enumerate(codes)
    ]
    async with Scanner(executors) as scanner:
        results = [result async for result in scanner.scan(transactions)]
    assert [(r.transaction_id, r.plugin_id) for r in results] == [
        (t.id, f"plugin-{place}") for t in transactions for place in range(len(codes))
    ]
    return [results[place :: len(codes)] for place in range(len(codes))]


def told(results: Sequence[ScanResult]) -> list[tuple[str, str]]:
    """What a plugin reported."""
    return [(finding.title, finding.evidence) for result in results for finding in result.findings]
