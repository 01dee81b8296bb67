"""A corpus of misbehaving plugins: each bad transaction gets its verdict, and the good ones around it theirs.

Each file's first line names the verdicts its trick may end with. Plugins that look for
a capability report a finding when they reach it, so `clean` means they did not. A second
line `// then:` names the verdicts of the last good transaction where a plugin has
broken its own findings for good.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from isoscan import Limits, PluginExecutor, Verdict
from support.builders import MIB, is_echo, make_transaction, scan
from support.watching import child_pids

FOLDER = Path(__file__).parent / "plugins"
PLUGINS = sorted(path.name for path in FOLDER.iterdir())
#: Cousins of quicker ones, which take seconds to fill memory or to time out.
SLOW = (
    "array_length_bomb.ts",
    "clone_bomb.ts",
    "encoder_bomb.ts",
    "map_bomb.ts",
    "promise_bomb.ts",
    "returns_array_of_holes.ts",
    "slow_console.js",
    "slow_getter_finding.js",
    "string_bomb.ts",
    "timer_storm.ts",
)
LIMITS = Limits(timeout_s=0.5, memory_bytes=160 * MIB, max_console_bytes=10_000)
#: They reach their end only by filling memory, which takes its time.
SLOW_LIMITS = Limits(timeout_s=15.0, memory_bytes=160 * MIB)
VERDICTS = r"// {}: ([a-z_]+(?:, [a-z_]+)*)"


def expected(path: Path) -> tuple[set[Verdict], set[Verdict] | None]:
    """The verdicts of the bad transaction, and those of the good one after it when that is spoilt."""
    first, second = path.read_text(encoding="utf-8").splitlines()[:2]
    match = re.fullmatch(VERDICTS.format("expect"), first)
    assert match is not None, f"{path.name}: no `// expect:` in the first line"
    then = re.fullmatch(VERDICTS.format("then"), second)
    return {Verdict(w) for w in match[1].split(", ")}, then and {Verdict(w) for w in then[1].split(", ")}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in PLUGINS]
)
async def test_misbehaving_plugin(name: str) -> None:
    """Good, bad, good: the bad transaction gets its verdict, and both good ones are right."""
    verdicts, spoilt = expected(FOLDER / name)
    limits = SLOW_LIMITS if Verdict.OUT_OF_MEMORY in verdicts else LIMITS
    executor = PluginExecutor.from_file(FOLDER / name, limits=limits)
    async with asyncio.timeout(8 * limits.timeout_s + 5.0), executor:
        before = await scan(executor, make_transaction("/good", body=b"before", request_body=b"before"))
        bad = await scan(executor, make_transaction("/bad", body=b"bad", request_body=b"bad"))
        after = await scan(executor, make_transaction("/good", body=b"after", request_body=b"after"))
    assert is_echo(before)
    assert not [f.title for f in bad.findings if f.title.startswith(("reached", "forged", "late", "from"))]
    assert bad.verdict in verdicts, bad.error
    assert not after.console
    if spoilt is None:
        assert is_echo(after), after.error
    else:
        assert after.verdict in spoilt
    assert not child_pids()


def test_corpus_is_large_enough() -> None:
    """The corpus does not shrink unnoticed."""
    assert len(PLUGINS) >= 100
