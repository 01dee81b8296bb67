"""Where the Deno binary is and with which command line a generation runs."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

from ..errors import ConfigError, DenoNotFound
from ..models import MIB, Limits
from ..permissions import Permissions

ENVIRONMENT_VARIABLE = "ISOSCAN_DENO"
RUNTIME = Path(__file__).parent / "runtime"
MINIMUM_VERSION = (2, 9, 8)
#: Descriptors 3 and 4 of a generation.
RUNTIME_FILES = (RUNTIME / "import_map.json", RUNTIME / "host.js")
_VERSION_TIMEOUT_S = 30.0


def find_deno(explicit: str | os.PathLike[str] | None = None) -> Path:
    """The Deno binary: the explicit path, `ISOSCAN_DENO`, the `deno` wheel, or `PATH`.

    An explicit path or variable that names no executable is an error, not a
    reason to look further.
    """
    for origin, value in (
        ("deno=", explicit),
        (f"environment variable {ENVIRONMENT_VARIABLE}", os.environ.get(ENVIRONMENT_VARIABLE)),
    ):
        if value:
            # A name without a folder would be looked for on PATH when it is run.
            path = Path(value).absolute()
            if path.is_file() and os.access(path, os.X_OK):
                return path
            raise DenoNotFound(f"{origin} names {os.fspath(value)!r}, which is not an executable file")
    for candidate in (_wheel_binary(), shutil.which("deno")):
        if candidate and os.access(candidate, os.X_OK):
            return Path(candidate).absolute()
    raise DenoNotFound(
        "no Deno binary found: looked at the deno= option, the environment variable "
        f"{ENVIRONMENT_VARIABLE}, the 'deno' package of this Python, and PATH. "
        "Install it with: pip install deno"
    )


def _wheel_binary() -> str | None:
    try:
        from deno import find_deno_bin
    except ImportError:
        return None
    try:
        return str(find_deno_bin())
    except FileNotFoundError:
        return None


@functools.cache
def deno_version(binary: Path) -> tuple[int, int, int]:
    """The version of a Deno binary, asked once; too old or not Deno is an error."""
    try:
        shown = subprocess.run(
            [binary, "--version"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_VERSION_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
            env=generation_environment(),
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DenoNotFound(f"{binary} cannot be run: {error}") from error
    match = re.match(r"deno (\d+)\.(\d+)\.(\d+)", shown)
    if match is None:
        raise DenoNotFound(f"{binary} is not Deno: its --version says {shown[:80]!r}")
    version = (int(match[1]), int(match[2]), int(match[3]))
    if version < MINIMUM_VERSION:
        wanted = ".".join(map(str, MINIMUM_VERSION))
        raise DenoNotFound(f"{binary} is Deno {match[0][5:]}: isoscan needs {wanted} or newer")
    return version


def generation_environment() -> dict[str, str]:
    """The whole environment of a generation.

    `DENO_DIR` lies below a device, where nothing can be created even by root, so
    every cache and storage of Deno fails instead of writing to disk. The emit cache
    is switched off by name, because Deno retries its failing writes for 150 ms.
    """
    return {
        "DENO_DIR": "/dev/null/isoscan",
        "DENO_EMIT_CACHE_MODE": "disable",
        "DENO_NO_UPDATE_CHECK": "1",
        "NO_COLOR": "1",
    }


def generation_command(binary: Path, limits: Limits, permissions: Permissions) -> list[str]:
    """The command line of a generation: everything denied but what was granted.

    It names `RUNTIME_FILES` by descriptor, as they come to the child: wherever isoscan is installed,
    the plugin cannot tell from a stack, and needs no permission to get there.

    Raises `ConfigError` for WebAssembly without a compiler, which V8 would drop in silence.
    """
    if permissions.wasm and limits.is_jitless:
        raise ConfigError("Limits.is_jitless leaves no WebAssembly, and the plugin is granted it: drop one")
    heap_bytes = limits.heap_bytes or limits.memory_bytes // 2
    v8_flags: tuple[str, ...] = (
        f"--max-heap-size={max(heap_bytes // MIB, 1)}",
        "--stack-size=512",
        *(() if permissions.wasm else ("--wasm-max-module-size=0",)),
        "--enable-sharedarraybuffer-per-context",
        "--expose-gc",  # taken and removed by the host before a plugin loads
    )
    if limits.regexp_backtracks is not None:
        v8_flags += (
            "--enable-experimental-regexp-engine-on-excessive-backtracks",
            f"--regexp-backtracks-before-fallback={limits.regexp_backtracks}",
        )
    if limits.is_jitless:
        v8_flags += ("--jitless",)
    net = (f"--allow-net={','.join(permissions.net)}",) if permissions.net else ("--deny-net",)
    return [
        str(binary),
        "run",
        "--quiet",
        "--no-prompt",
        "--no-remote",
        "--no-npm",
        "--cached-only",
        "--no-config",
        "--no-lock",
        "--no-check",
        "--no-code-cache",
        "--import-map=/dev/fd/3",
        "--deny-read",
        "--deny-write",
        *net,
        "--deny-env",
        "--deny-run",
        "--deny-ffi",
        "--deny-sys",
        "--deny-import",
        f"--v8-flags={','.join(v8_flags)}",
        "--ext=js",
        "/dev/fd/4",
    ]
