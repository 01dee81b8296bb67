"""isolated-vm: bare V8 isolates inside a Node program, as many as there are CPUs, or one per plugin."""

from __future__ import annotations

from benchmarks.contender import Contender

from .node import NodeSession, missing, version_of

ISOLATED_VM = Contender(
    name="isolated-vm",
    title="isolated-vm (Node)",
    kind="peer",
    cores="all",
    open=lambda workload: NodeSession("isolated_vm.mjs", workload),
    isolation="a bare isolate on a thread inside the program",
    missing=missing("isolated-vm"),
    find_version=version_of("isolated-vm"),
    has_latency=True,
)
