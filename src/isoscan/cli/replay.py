"""`isoscan replay`: runs a plugin again on the transaction a finding came from."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ..errors import ConfigError
from ..reports.text import printable
from .exits import Exit
from .output import write_stdout
from .store_options import NOT_GIVEN, Database, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..executor import PluginExecutor
    from ..models import Finding, HttpTransaction
    from ..store.findings import StoredFinding, StoredPlugin

_OTHERS_SHOWN = 10


def replay_command(
    finding: str,
    /,
    *,
    plugin: Annotated[str, Parameter(name=["--plugin", "-p"])] = NOT_GIVEN,
    redact: Annotated[bool, Parameter(name="--redact", negative="--no-redact")] = True,
    db: Database = NOT_GIVEN,
) -> int:
    """Run the plugin again on the transaction a finding came from.

    Exit code 0 when it is found again, 1 when it is not, 2 when that cannot be tried.

    Parameters
    ----------
    finding
        The first digits of the finding's fingerprint, at least four.
    plugin
        The plugin file, if it is not where it was.
    redact
        Mask secrets in what is shown (default).
    db
        The store. Default: the project's own.
    """
    from ..redact import Redactor
    from ..store.database import StoreError

    with open_store(db) as store:
        stored = store.one(finding)
        transaction = store.transaction(stored)
        earlier = store.plugin_of(stored)
    if transaction is None:
        raise StoreError(f"{stored.fingerprint}: its transaction is not in the store")
    if earlier is None:
        raise StoreError(f"{stored.fingerprint}: the run that found it is not in the store any more")
    executor = _executor(stored, earlier, plugin)
    found, is_changed = asyncio.run(_scan(executor, transaction, earlier))
    redactor = Redactor() if redact else None
    shown = [one if redactor is None else redactor.finding(one, transaction) for one in found]
    lines: list[str] = []
    if is_changed:
        lines.append("note: the plugin has changed since")
    is_found = any(one.fingerprint == stored.fingerprint for one in found)
    lines.append(f"{'found again' if is_found else 'not found'}: {stored.fingerprint}")
    lines += _report(shown)
    write_stdout("".join(f"{line}\n" for line in lines))
    return Exit.OK if is_found else Exit.FINDINGS


def _executor(stored: StoredFinding, earlier: StoredPlugin, named: str | None) -> PluginExecutor:
    """The plugin under the limits and with the grants of the run that found it."""
    from msgspec import convert

    from ..executor import PluginExecutor
    from ..models import Determinism, Limits
    from ..permissions import Permissions
    from ..plugin_files import find_plugins

    if named is None and (earlier.path is None or not Path(earlier.path).is_file()):
        place = f" at {earlier.path}" if earlier.path else ""
        raise ConfigError(
            f"the plugin {earlier.plugin_id} is not there any more{place}; name it with --plugin"
        )
    paths = find_plugins([named or earlier.path or ""])
    if len(paths) > 1:
        raise ConfigError(f"--plugin {named}: holds {len(paths)} plugins; name one")
    options = earlier.options
    return PluginExecutor.from_file(
        paths[0],
        limits=convert(options["limits"], Limits),
        permissions=convert(options["permissions"], Permissions),
        sandbox=options["sandbox"],
        config=options["config"],
        determinism=Determinism(
            clock_ms=round(stored.finding.created_at.timestamp() * 1000), seed=int(stored.fingerprint[:8], 16)
        ),
    )


async def _scan(
    executor: PluginExecutor, transaction: HttpTransaction, earlier: StoredPlugin
) -> tuple[list[Finding], bool]:
    """What it finds now, and whether it is another plugin than it was. Raises what ended the scan."""
    from .pipeline import identity_of

    async with executor:
        if executor.metadata.id != earlier.plugin_id:
            raise ConfigError(f"the plugin has the id {executor.metadata.id!r}, not {earlier.plugin_id!r}")
        is_changed = identity_of(executor).code_hash != earlier.code_hash
        return await executor.scan_transaction(transaction), is_changed


def _report(found: list[Finding]) -> Iterator[str]:
    if not found:
        yield "  the plugin finds nothing"
    for one in found[:_OTHERS_SHOWN]:
        evidence = f": {printable(one.evidence, 200)}" if one.evidence else ""
        yield f"  {one.severity.value}: {printable(one.title, 200)}{evidence}"
    if len(found) > _OTHERS_SHOWN:
        yield f"  … and {len(found) - _OTHERS_SHOWN} more"
