"""Facts about the machine and the engines a run took place on."""

from __future__ import annotations

import contextlib
import platform
import subprocess
from importlib import metadata
from pathlib import Path

from isoscan.bench.machine import machine_facts

from .contenders.node import node_binary
from .records import Machine

_VERSION_TIMEOUT_S = 10.0


def describe() -> Machine:
    """Asked once, before anything runs. Raises `DenoNotFound`."""
    known = machine_facts()
    versions = {"isoscan": known.isoscan, "Deno": known.deno, "Python": known.python}
    with contextlib.suppress(metadata.PackageNotFoundError):
        versions["uvloop"] = metadata.version("uvloop")
    if (node := node_binary()) is not None:
        done = subprocess.run(
            [node, "--version"], capture_output=True, text=True, check=False, timeout=_VERSION_TIMEOUT_S
        )
        versions["Node"] = done.stdout.strip().removeprefix("v") or "unknown"
    return Machine(
        cpus=known.cpus,
        cpu_model=_cpu_model(),
        memory_bytes=known.memory_bytes,
        system=known.system,
        versions=versions,
        load_average=known.load_average,
    )


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
