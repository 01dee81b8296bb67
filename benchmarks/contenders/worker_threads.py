"""Node's worker threads, each with one plugin; as many as there are CPUs when there is but one."""

from __future__ import annotations

from benchmarks.contender import Contender

from .node import NodeSession, missing

WORKER_THREADS = Contender(
    name="worker-threads",
    title="Node worker_threads",
    kind="peer",
    cores="all",
    open=lambda workload: NodeSession("worker_threads.mjs", workload),
    isolation="an isolate on a thread, with all of Node's modules",
    missing=missing(None),
    has_latency=True,
)
