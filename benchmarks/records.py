"""What a run of the benchmarks writes down; the JSON report is these structs as they are."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

#: "limit": nothing that isolates and answers a Python caller can be faster. "ours": isoscan.
ContenderKind = Literal["limit", "ours", "peer"]
#: "all": it uses every CPU there is, by itself or as one process each.
Cores = Literal["one", "all"]
#: What became of a cell. Only "measured" has a rate that may be compared; "wrong" found something else.
CellState = Literal["measured", "wrong", "failed", "hung", "not installed", "not applicable", "not reached"]


class Machine(Struct, frozen=True, kw_only=True):
    """Where it ran. `versions` names every engine and library that took part."""

    cpus: int
    cpu_model: str
    memory_bytes: int
    system: str
    versions: dict[str, str]
    load_average: float | None = None


class Spread(Struct, frozen=True):
    """The middle one of some rounds, and the range of all."""

    median: float
    low: float
    high: float
    rounds: int


class Cell(Struct, kw_only=True):
    """One contender on one workload.

    `rates` are scans per second, one per round, None where a round broke off. `to_limit` divides
    by the limit's rate of the same round; `ours_times` is how many times as fast as this
    isoscan was in the same round, with the same cores.
    """

    contender: str
    state: CellState
    detail: str = ""
    rates: list[float | None] = []
    rate: Spread | None = None
    to_limit: Spread | None = None
    ours_times: Spread | None = None


class WorkloadRecord(Struct, kw_only=True):
    """All contenders on one workload."""

    name: str
    about: str
    plugins: int
    transactions: int
    findings: int
    cells: list[Cell]


class LatencyRecord(Struct, kw_only=True):
    """One call at a time, in microseconds. `to_echo` divides the p50 by the raw echo's of the same round."""

    contender: str
    state: CellState
    detail: str = ""
    p50_us: Spread | None = None
    p99_us: Spread | None = None
    to_echo: Spread | None = None


class ProbeRecord(Struct, kw_only=True):
    """What a hostile plugin achieved. `is_contained` is None when that could not be tried."""

    probe: str
    is_contained: bool | None
    text: str


class IsolationRecord(Struct, kw_only=True):
    """How one contender isolates, in words, and how the probes ended."""

    contender: str
    about: str
    probes: list[ProbeRecord]


class ContenderRecord(Struct, frozen=True, kw_only=True):
    """Who took part."""

    name: str
    title: str
    kind: ContenderKind
    cores: Cores
    is_shared: bool
    version: str


class Report(Struct, kw_only=True):
    """One run. It is not complete when it was interrupted: what was measured until then is in it."""

    started_at: str
    duration_s: float
    is_quick: bool
    is_complete: bool
    rounds: int
    round_s: float
    machine: Machine
    contenders: list[ContenderRecord]
    workloads: list[WorkloadRecord]
    latencies: list[LatencyRecord]
    isolation: list[IsolationRecord]
