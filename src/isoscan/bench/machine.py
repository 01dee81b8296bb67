"""Facts about the machine a soak runs on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

import psutil

from ..sandbox.deno import deno_version, find_deno
from .records import Machine


def machine_facts() -> Machine:
    """Asked once, before anything runs. Raises `DenoNotFound`."""
    return Machine(
        cpus=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        deno=".".join(map(str, deno_version(find_deno()))),
        isoscan=version("isoscan"),
        load_average=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    )


class Scales:
    """Weighs this process and the generations it has started."""

    def __init__(self) -> None:
        self._owner = psutil.Process()

    def owner_bytes(self) -> int:
        """Resident memory of this process."""
        return int(self._owner.memory_info().rss)

    def all_bytes(self) -> int:
        """Resident memory of all its children together; pages they share count for each."""
        total = 0
        for child in self._owner.children(recursive=True):
            try:
                total += child.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        return total
