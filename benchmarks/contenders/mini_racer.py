"""mini-racer: a ctypes binding of V8, one isolate per plugin inside the program."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from benchmarks.contender import Contender, IsolateSession, Rows, Wire, adapter, decoded
from benchmarks.workloads import PluginText, Workload


class _Isolate:
    def __init__(self, plugins: Sequence[PluginText], workload: Workload) -> None:
        make: Any = import_module("py_mini_racer").MiniRacer
        self._bounds = workload.bounds
        self._engine: Any = make()
        self._engine.eval(adapter(plugins))
        if self._bounds:
            self._engine.set_hard_memory_limit(self._bounds.memory_bytes)
        self._scan: Any = self._engine.eval("globalThis.benchScan")

    def scan(self, wire: Wire) -> Rows:
        bodies = wire.texts
        if self._bounds:
            return decoded(self._scan(wire.heads, *bodies, timeout_sec=self._bounds.timeout_s))
        return decoded(self._scan(wire.heads, *bodies))

    def close(self) -> None:
        self._engine.close()


MINI_RACER = Contender(
    name="mini-racer",
    title="mini-racer",
    kind="peer",
    cores="all",
    open=lambda workload: IsolateSession(workload, _Isolate),
    isolation="an isolate on a thread inside the program",
    needs=("py_mini_racer",),
    install="pip install mini-racer",
    distributions=("mini-racer",),
    copies=True,
    has_latency=True,
)
