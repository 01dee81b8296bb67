"""The way isoscan's predecessor took: each transaction is pasted into the source of a new script."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import msgspec

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

    def scan(self, wire: Wire) -> Rows:
        arguments = [wire.heads, *wire.texts]
        pasted = ",".join(msgspec.json.encode(argument).decode() for argument in arguments)
        return decoded(self._runtime.eval(f"benchScan({pasted})"))

    def close(self) -> None:
        self._runtime.close()


PASTED = Contender(
    name="pasted",
    title="script pasted per call (jsrun)",
    kind="peer",
    cores="all",
    open=lambda workload: IsolateSession(workload, _Isolate, batch_scans=1, is_shared=True),
    isolation="an isolate on a thread inside the program, shared by all plugins",
    needs=("jsrun",),
    install="pip install jsrun",
    distributions=("jsrun",),
    copies=True,
    is_shared=True,
    has_latency=True,
)
