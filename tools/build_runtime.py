"""Builds `runtime/host.js`, the one file a generation runs, from the TypeScript beside it.

One file, because every module of the loaded graph can be imported by a plugin,
and JavaScript, because Deno would otherwise transpile at every start. The first
line holds a hash of the sources; a test compares it.

    python tools/build_runtime.py
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
RUNTIME = ROOT / "src/isoscan/sandbox/runtime"
OUTPUT = RUNTIME / "host.js"


def source_hash() -> str:
    """SHA-256 over names and contents of the TypeScript sources."""
    digest = hashlib.sha256()
    for path in sorted(RUNTIME.glob("*.ts")):
        if not path.name.endswith(".d.ts"):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def header() -> str:
    """The first line of an up-to-date build."""
    return f"// Built by tools/build_runtime.py from the .ts files beside it, sha256 {source_hash()}\n"


def main() -> int:
    """Bundles and writes; the exit code is Deno's."""
    from isoscan.sandbox.deno import find_deno

    done = subprocess.run(
        [find_deno(), "bundle", "--quiet", RUNTIME / "host.ts"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        print(done.stderr, file=sys.stderr)
        return done.returncode
    OUTPUT.write_text(header() + "// deno-lint-ignore-file\n" + done.stdout, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
