"""quickjs: a binding of the QuickJS interpreter, one runtime per plugin on the program's own thread."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from benchmarks.contender import Contender, IsolateSession, Rows, Wire, adapter, decoded
from benchmarks.workloads import PluginText, Workload


class _Isolate:
    def __init__(self, plugins: Sequence[PluginText], workload: Workload) -> None:
        quickjs: Any = import_module("quickjs")
        self._context: Any = quickjs.Context()
        if workload.bounds:
            self._context.set_memory_limit(workload.bounds.memory_bytes)
            self._context.set_time_limit(workload.bounds.timeout_s)
        self._context.eval(adapter(plugins))
        self._scan = self._context.get("benchScan")

    def scan(self, wire: Wire) -> Rows:
        return decoded(self._scan(wire.heads, *wire.texts))

    def close(self) -> None:
        self._scan = self._context = None


QUICKJS = Contender(
    name="quickjs",
    title="quickjs",
    kind="peer",
    cores="all",
    open=lambda workload: IsolateSession(workload, _Isolate),
    isolation="an interpreter on the program's own thread",
    needs=("quickjs",),
    install="pip install quickjs",
    distributions=("quickjs",),
    copies=True,
    has_latency=True,
)
