"""Who takes part. One module each; `CONTENDERS` is the order of the tables."""

from __future__ import annotations

from benchmarks.contender import Contender

from . import (
    isolated_vm,
    jsrun,
    limits,
    mini_racer,
    ours,
    pasted,
    piscina,
    process_per_scan,
    quickjs,
    stpyv8,
    worker_threads,
)

CONTENDERS: dict[str, Contender] = {
    contender.name: contender
    for contender in (
        limits.LOOP,
        limits.LOOPS,
        limits.BARE,
        limits.PYTHON,
        limits.ECHO,
        ours.SCAN_MANY,
        ours.CALLERS,
        ours.ONE_CALLER,
        ours.LOW_LATENCY,
        ours.BLOCKING,
        ours.ALL_CORES,
        ours.GROUPS,
        jsrun.JSRUN,
        mini_racer.MINI_RACER,
        stpyv8.STPYV8,
        quickjs.QUICKJS,
        worker_threads.WORKER_THREADS,
        piscina.PISCINA,
        isolated_vm.ISOLATED_VM,
        process_per_scan.PROCESS_PER_SCAN,
        pasted.PASTED,
    )
}
