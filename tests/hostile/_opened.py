"""Generations whose two inner layers are off: Deno's permissions and the closed realm.

What is left to hold them is the operating system.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from isoscan.models import Limits
from isoscan.permissions import Permissions
from isoscan.sandbox import deno

#: What `host.js` does to the global object, and what an open one does instead.
OPENINGS = (
    ("const stuck = lockDown(globalThis, allowedGlobals(settings.has_network, settings.has_wasm));",
     "const stuck = [];"),
    ("    Deno: tellingNamespace({", "    DenoStandIn: tellingNamespace({"),
    ("  tellOfGlobals(globalThis, tell);\n", ""),
)  # fmt: skip


def open_host(code: str) -> str:
    """The host's code with a realm that keeps all that Deno gives; raises when it is not as expected."""
    for closed, opened in OPENINGS:
        if code.count(closed) != 1:
            raise ValueError(f"host.js has {code.count(closed)} times {closed!r}")
        code = code.replace(closed, opened)
    return code


def open_command(binary: Path, limits: Limits, permissions: Permissions) -> list[str]:
    """The command line of a generation that may do everything, as far as Deno is concerned."""
    words = [w for w in deno.generation_command(binary, limits, permissions) if not w.startswith("--deny-")]
    words = [word for word in words if not word.startswith("--allow-")]
    words.insert(words.index("--import-map=/dev/fd/3"), "--allow-all")
    return words


@contextlib.contextmanager
def open_generations() -> Iterator[None]:
    """While it lasts, every generation that begins is an open one."""
    _, host = deno.RUNTIME_FILES
    with tempfile.TemporaryDirectory(prefix="open-") as name:
        folder = Path(name)
        # The unprivileged user that a generation of root becomes must be able to read them.
        folder.chmod(0o755)
        files = (folder / "import_map.json", folder / "host.js")
        files[0].write_text('{"imports": {}}', encoding="utf-8")
        files[1].write_text(open_host(host.read_text(encoding="utf-8")), encoding="utf-8")
        for file in files:
            file.chmod(0o644)
        with (
            patch("isoscan.sandbox.generation.generation_command", open_command),
            patch("isoscan.sandbox.generation.RUNTIME_FILES", files),
        ):
            yield
