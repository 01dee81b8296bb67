"""piscina: a pool of Node's worker threads; every thread holds all plugins."""

from __future__ import annotations

from benchmarks.contender import Contender

from .node import NodeSession, missing, version_of

PISCINA = Contender(
    name="piscina",
    title="piscina (Node)",
    kind="peer",
    cores="all",
    open=lambda workload: NodeSession("piscina.mjs", workload),
    isolation="an isolate on a thread, with all of Node's modules, shared by all plugins",
    missing=missing("piscina"),
    find_version=version_of("piscina"),
    is_shared=True,
    has_latency=True,
)
