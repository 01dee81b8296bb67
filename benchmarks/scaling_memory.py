"""What isoscan keeps in memory: each part is measured in a process of its own (`scaling_parts`)."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable

import msgspec
import psutil

from .scaling_records import MemoryRecord, ScalingReport, Sizes
from .workloads import ROOT

_BOUND_S = 300.0
_NOT_REACHED = "not reached"
#: Title and description of each part; the names are those of `scaling_parts.PARTS`.
_PARTS = {
    "idle": ("An idle executor", "A trivial plugin that has scanned once and waits."),
    "eager": ("Plugins, started at once", "{plugins} executors of the regex plugin, loaded."),
    "group": ("Plugins, one isolate", 'The same with `isolate_per="group"`, in a `Scanner`.'),
    "lazy": ("Plugins, lazy start", "The same with `lazy_start=True`, nothing scanned yet."),
    "after-idle": (
        "Plugins, after idle shutdown",
        "The same, each has scanned, and `idle_shutdown_s` has passed.",
    ),
    "growth": ("Growth over scans", "Resident memory over {growth_scans:,} scans of the url plugin."),
    "restarts": ("Growth over restarts", "The owner, with a scan after each restart."),
    "capture": ("A large capture", "A JSONL file of {capture_mib:,} MiB, one trivial plugin."),
}


def _ask(name: str, sizes: Sizes) -> MemoryRecord:
    """Runs a part in a process of its own; what goes wrong is in the record's `failure`."""

    def failed(why: str) -> MemoryRecord:
        return MemoryRecord(name=name, title="", about="", failure=why)

    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.scaling_parts", name, msgspec.json.encode(sizes).decode()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
        start_new_session=True,  # Ctrl-C is this process's affair
    )
    try:
        out, err = process.communicate(timeout=_BOUND_S)
    except subprocess.TimeoutExpired:
        return failed(f"not done within {_BOUND_S:.0f} s: killed")
    finally:
        if process.poll() is None:
            children = psutil.Process(process.pid).children(recursive=True)
            process.kill()
            for child in children:
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
            process.communicate()
    if process.returncode != 0:
        lines = err.decode(errors="replace").strip().splitlines() or ["no reason given"]
        return failed(f"exit code {process.returncode}: {lines[-1][:200]}")
    return msgspec.json.decode(out, type=MemoryRecord)


def measure(report: ScalingReport, sizes: Sizes, say: Callable[[str], None]) -> None:
    """All parts, one after the other."""
    with tempfile.TemporaryDirectory(prefix="isoscan-scaling-") as folder:
        sizes = msgspec.structs.replace(sizes, folder=folder)
        words = {**msgspec.structs.asdict(sizes), "capture_mib": sizes.capture_bytes >> 20}
        report.memory = [
            MemoryRecord(name=name, title=title, about=about.format(**words), failure=_NOT_REACHED)
            for name, (title, about) in _PARTS.items()
        ]
        for record in report.memory:
            say(f"memory: {record.title.lower()}")
            told = _ask(record.name, sizes)
            record.figures, record.failure = told.figures, told.failure
            record.axis, record.series = told.axis, told.series
