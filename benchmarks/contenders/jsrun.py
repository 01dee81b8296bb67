"""jsrun: a Rust binding of Deno's core, a runtime on a thread of its own.

All plugins share one: its threads spin while they wait, and several on one core starve each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from benchmarks.contender import Contender, IsolateSession, Rows, Wire, adapter, decoded
from benchmarks.workloads import PluginText, Workload


class _Isolate:
    def __init__(self, plugins: Sequence[PluginText], workload: Workload) -> None:
        jsrun: Any = import_module("jsrun")
        bounds = workload.bounds
        config = (
            jsrun.RuntimeConfig(max_heap_size=bounds.memory_bytes, timeout=bounds.timeout_s)
            if bounds
            else jsrun.RuntimeConfig()
        )
        self._runtime: Any = jsrun.Runtime(config)
        self._runtime.eval(adapter(plugins))
        self._scan = self._runtime.eval("globalThis.benchScan")

    def scan(self, wire: Wire) -> Rows:
        return decoded(self._scan(wire.heads, *wire.texts))

    def close(self) -> None:
        self._runtime.close()


JSRUN = Contender(
    name="jsrun",
    title="jsrun",
    kind="peer",
    cores="all",
    open=lambda workload: IsolateSession(workload, _Isolate, is_shared=True),
    isolation="an isolate on a thread inside the program, shared by all plugins",
    needs=("jsrun",),
    install="pip install jsrun",
    distributions=("jsrun",),
    copies=True,
    is_shared=True,
    has_latency=True,
)
