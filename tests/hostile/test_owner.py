"""What a hostile plugin can do to its owner with nothing but text: hold it up, or make it fail oddly."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from isoscan import IsoscanError, PluginExecutor, PluginLoadError
from isoscan.sandbox.places import translate

from ._watching import generations

#: Longest error texts that a generation sends.
STACK_CHARS = 16_384
MESSAGE_CHARS = 4_096
PIECES = (
    "\n",
    "\n ",
    " \n",
    "\t\n",
    " ",
    "\n at ",
    "at ",
    "\n at x",
    "file:///",
    "\n at file:///",
    "p.ts:1:",
    "p.ts:1:1",
)


@pytest.mark.parametrize("piece", PIECES, ids=repr)
@pytest.mark.parametrize("prefix", ["", "SyntaxError: ", "TypeError: SyntaxError: "])
def test_error_texts_are_read_quickly(piece: str, prefix: str) -> None:
    """No error text makes the owner, whose loop serves all plugins, think for long."""
    stack = (prefix + piece * STACK_CHARS)[:STACK_CHARS]
    message = (prefix + piece * MESSAGE_CHARS)[:MESSAGE_CHARS]
    began = time.process_time()
    translate("Error", message, stack, ["blob:null/1"], ["p.ts"])
    assert time.process_time() - began < 0.1


async def test_deep_metadata_is_the_plugins_fault(tmp_path: Path) -> None:
    """Metadata of whatever depth loads or ends in a typed error that says whose fault it is."""
    path = tmp_path / "deep.js"
    wrong = []
    for depth in (100, *range(930, 1000, 3), 5000):
        path.write_text(
            f"let deep = 1;\nfor (let level = 0; level < {depth}; level++) deep = [deep];\n"
            "export const metadata = { id: 'deep', deep };\n"
            "export function scan_transaction(t) {}\n",
            encoding="utf-8",
        )
        executor = PluginExecutor.from_file(path)
        try:
            await executor.start()
        except PluginLoadError:
            pass
        except (IsoscanError, RecursionError) as error:
            wrong.append(f"{depth} levels: {error!r}")
        finally:
            await executor.shutdown()
        for left in generations():
            wrong.append(f"{depth} levels: generation {left.pid} is left, {left.status()}")
            left.kill()
    assert wrong == []
