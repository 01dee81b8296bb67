"""The plugin catalogue: each bundled plugin with its text, its cases and a finding of the example capture."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import isoscan
from isoscan import Finding, PluginExecutor, PluginMetadata
from isoscan.sources import open_source

from .markdown import block, code, page, prose, table

PLUGINS = Path(isoscan.__file__).parent / "plugins"
EXAMPLE = "examples/shop.har"
_SHOWN = ("title", "severity", "confidence", "vuln_type", "method", "url", "location", "evidence", "cwe")


def pages(root: Path) -> dict[str, str]:
    """Path below `docs/` → text. Runs the plugins on the example capture."""
    made = {}
    rows = []
    for metadata, findings in asyncio.run(_run_all(root / EXAMPLE)):
        made[f"plugin-catalogue/{metadata.id}.md"] = _page(metadata, findings)
        severity = metadata.default_severity.value if metadata.default_severity else ""
        link = f"[`{metadata.id}`]({metadata.id}.md)"
        rows.append((link, prose(metadata.description), metadata.category or "", severity))
    made["plugin-catalogue/index.md"] = page(
        "Plugin catalogue",
        "The plugins that `isoscan run` runs when none are named. They only read recorded traffic and send "
        "nothing. `--select` and `--exclude` choose among them by id, tag, category or severity.",
        table(("Plugin", "Finds", "Category", "Default severity"), rows),
        "Each page has a finding in the project's example capture, and names the cases in which the plugin "
        "must find nothing: tests run all of them.",
    )
    return made


async def _run_all(capture: Path) -> list[tuple[PluginMetadata, list[Finding]]]:
    transactions = [entry.transaction for entry in open_source(capture) if entry.transaction is not None]
    return [await _run(path, transactions) for path in sorted(PLUGINS.glob("*/plugin.ts"))]


async def _run(path: Path, transactions: list[Any]) -> tuple[PluginMetadata, list[Finding]]:
    findings: list[Finding] = []
    async with PluginExecutor.from_file(path, sandbox="available") as executor:
        async for result in executor.scan_many(transactions):
            if result.error is not None:
                raise RuntimeError(f"{path}: {result.transaction_id}: {result.error}")
            findings += result.findings
        return executor.metadata, findings


def _page(metadata: PluginMetadata, findings: list[Finding]) -> str:
    folder = PLUGINS / metadata.id
    text = (folder / "README.md").read_text(encoding="utf-8")
    title, _, body = text.partition("\n")
    head = ("Id", "Version", "Category", "Default severity", "Tags", "Permissions")
    row = (
        code(metadata.id),
        metadata.version,
        metadata.category or "",
        metadata.default_severity.value if metadata.default_severity else "",
        ", ".join(map(code, metadata.tags)),
        "none" if not metadata.permissions else "asks for some, see its metadata",
    )
    return page(
        title.removeprefix("# "),
        table(head, [row]),
        body,
        "## Example",
        _example(metadata, findings),
        "## Cases in which it finds nothing",
        "\n".join(f"- {name}" for name in _silent_cases(folder)),
    )


def _example(metadata: PluginMetadata, findings: list[Finding]) -> str:
    """The worst finding in the example capture, the first of equals."""
    if not findings:
        raise LookupError(f"{metadata.id} finds nothing in {EXAMPLE}: its page needs an example")
    worst = max(findings, key=lambda one: one.severity.rank)
    shown = {name: str(getattr(worst, name)) for name in _SHOWN if getattr(worst, name)}
    return "\n\n".join(
        [
            f"`isoscan run {EXAMPLE} --select {metadata.id}` has {len(findings)} "
            f"finding{'s' * (len(findings) != 1)}. One of the worst:",
            block("json", json.dumps(shown, indent=2, ensure_ascii=False)),
            f"{prose(worst.description)}",
            f"**Repair:** {prose(worst.remediation)}" if worst.remediation else "",
        ]
    )


def _silent_cases(folder: Path) -> list[str]:
    cases = [json.loads(row) for row in (folder / "cases.jsonl").read_text(encoding="utf-8").splitlines()]
    return [prose(case["name"]) for case in cases if not case["expect"]]
