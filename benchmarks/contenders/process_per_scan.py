"""A process per scan: `deno run` for each plugin on each transaction, with no permission."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.contender import JS, Contender, IsolateSession, Rows, Wire, adapter, decoded
from benchmarks.workloads import PluginText, Workload
from isoscan.sandbox.deno import find_deno, generation_environment

_TIMEOUT_S = 30.0


class _Isolate:
    def __init__(self, plugins: Sequence[PluginText], workload: Workload) -> None:
        self._bounds = workload.bounds
        self._folder = Path(tempfile.mkdtemp(prefix="isoscan-bench-"))
        script = self._folder / "scan.js"
        script.write_text(
            adapter(plugins) + "\n" + (JS / "one_scan.js").read_text(encoding="utf-8"), encoding="utf-8"
        )
        heap = (f"--v8-flags=--max-heap-size={self._bounds.memory_bytes >> 20}",) if self._bounds else ()
        flags = ("--quiet", "--no-prompt", "--no-remote", "--no-npm", "--no-config", "--no-lock", *heap)
        self._command = [str(find_deno()), "run", *flags, str(script)]

    def scan(self, wire: Wire) -> Rows:
        try:
            done = subprocess.run(
                self._command,
                input=b"".join((wire.heads.encode(), b"\n", *wire.bodies)),
                capture_output=True,
                timeout=self._bounds.timeout_s if self._bounds else _TIMEOUT_S,
                check=False,
                env=generation_environment(),
            )
        except subprocess.TimeoutExpired:
            raise RuntimeError("no answer in time: killed") from None
        if done.returncode != 0:
            lines = done.stderr.decode(errors="replace").strip().splitlines() or ["nothing said"]
            raise RuntimeError(f"exit {done.returncode}: {lines[0][:160]}")
        return decoded(done.stdout)

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


PROCESS_PER_SCAN = Contender(
    name="process-per-scan",
    title="a Deno process per scan",
    kind="peer",
    cores="all",
    open=lambda workload: IsolateSession(workload, _Isolate, batch_scans=1),
    isolation="a process of its own for each scan, Deno's permissions denied",
    copies=True,
    checks=40,
    has_latency=True,
)
