"""STPyV8: a Boost binding of V8; its contexts share one isolate on the program's own thread."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from benchmarks.contender import Contender, IsolateSession, Rows, Wire, adapter, decoded
from benchmarks.workloads import PluginText, Workload


class _Isolate:
    def __init__(self, plugins: Sequence[PluginText], workload: Workload) -> None:
        stpyv8: Any = import_module("STPyV8")
        del workload  # it has no bounds to set
        self._context: Any = stpyv8.JSContext()
        with self._context as context:
            context.eval(adapter(plugins))
            self._scan = context.locals.benchScan

    def scan(self, wire: Wire) -> Rows:
        with self._context:
            return decoded(self._scan(wire.heads, *wire.texts))

    def close(self) -> None:
        self._scan = None


STPYV8 = Contender(
    name="stpyv8",
    title="STPyV8",
    kind="peer",
    cores="all",
    open=lambda workload: IsolateSession(workload, _Isolate),
    isolation="a context on the program's own thread; all contexts share an isolate",
    needs=("STPyV8",),
    install="pip install stpyv8",
    distributions=("stpyv8",),
    copies=True,
    has_latency=True,
)
