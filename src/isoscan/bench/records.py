"""What a soak writes down. Plain data: the JSON report is these structs as they stand."""

from __future__ import annotations

from msgspec import Struct, field

from ..models import RestartReason, Verdict

FORMAT = "isoscan-soak/1"


class SeedRun(Struct, frozen=True, kw_only=True):
    """The published pressure test of the design isoscan grew from: no restart, 30 s."""

    duration_s: float = 30.0
    start_bytes: int = round(56.91 * 1024 * 1024)
    end_bytes: int = round(1287.19 * 1024 * 1024)
    executions: int = 789_196
    bytes_per_execution: float = 1635.0
    executions_per_s: float = 26_306.5

    def bytes_at(self, time_s: float) -> float:
        """Memory after so many seconds; its growth was reported as even."""
        share = min(max(time_s / self.duration_s, 0.0), 1.0)
        return self.start_bytes + share * (self.end_bytes - self.start_bytes)

    def bytes_after(self, executions: int) -> float:
        """Memory after so many executions, however long they took."""
        return self.start_bytes + executions * self.bytes_per_execution


SEED = SeedRun()


class Series(Struct, kw_only=True):
    """One value per moment in every list.

    `rss_bytes` and `heap_bytes` are the serving generation's, None while none serves;
    `all_rss_bytes` counts all its processes, a replacement that is made ready included;
    `owner_rss_bytes` is the Python process. `executions` counts scans that have ended.
    """

    time_s: list[float] = field(default_factory=list)
    rss_bytes: list[int | None] = field(default_factory=list)
    heap_bytes: list[int | None] = field(default_factory=list)
    all_rss_bytes: list[int] = field(default_factory=list)
    owner_rss_bytes: list[int] = field(default_factory=list)
    executions: list[int] = field(default_factory=list)
    generation: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)


class RestartMark(Struct, frozen=True, kw_only=True):
    """One restart and when the replacement took over, in seconds since the mode began."""

    time_s: float
    generation: int
    reason: RestartReason
    text: str
    pause_ms: float
    duration_ms: float
    rss_before_bytes: int | None
    rss_after_bytes: int | None


class Pauses(Struct, frozen=True, kw_only=True):
    """How long no generation took new work because of restarts."""

    max_ms: float
    total_ms: float


class MemorySpan(Struct, frozen=True, kw_only=True):
    """One kind of memory over a mode, in bytes; None where it was never seen."""

    start_bytes: int | None
    end_bytes: int | None
    peak_bytes: int | None


class GrowthRecord(Struct, frozen=True, kw_only=True):
    """Growth in bytes per scan within its 95 % interval.

    `method`: `collections`, measured on live memory after garbage collections, or `curve`, from the
    sampled heap, where no generation lived long enough for the former.
    """

    bytes_per_scan: float
    low: float
    high: float
    is_significant: bool
    method: str


class ModeRecord(Struct, frozen=True, kw_only=True):
    """One mode from its first scan to its last.

    `longest_standstill_ms`: the longest time in which scans waited and none ended, whatever held them
    up: a restart, a garbage collection inside, or a busy machine.
    """

    mode: str
    title: str
    about: str
    policy: str
    restart_rss_bytes: int | None
    duration_s: float
    asked: int
    scans: int
    lost: int
    failed: int
    scans_per_s: float
    verdicts: dict[Verdict, int]
    failure: str
    restarts: dict[RestartReason, int]
    pauses: Pauses
    longest_standstill_ms: float
    kills: int
    rss: MemorySpan
    heap: MemorySpan
    all_rss: MemorySpan
    owner_rss: MemorySpan
    growth: GrowthRecord | None
    explanation: str
    alert: str
    marks: list[RestartMark]
    series: Series

    @property
    def restart_count(self) -> int:
        """Restarts of all reasons."""
        return sum(self.restarts.values())


class Machine(Struct, frozen=True, kw_only=True):
    """Where a soak ran. `load_average`: of one minute, when it began, so the company it had."""

    cpus: int
    memory_bytes: int
    system: str
    python: str
    deno: str
    isoscan: str
    load_average: float | None


class SoakOptions(Struct, frozen=True, kw_only=True):
    """What a soak was asked to do, in seconds and bytes."""

    modes: tuple[str, ...]
    duration_s: float
    policy: str
    memory_budget_bytes: int
    max_executions: int
    memory_limit_bytes: int


class SoakReport(Struct, frozen=True, kw_only=True):
    """A whole soak."""

    format: str = FORMAT
    started_at: str
    is_interrupted: bool
    machine: Machine
    options: SoakOptions
    seed: SeedRun = SEED
    modes: list[ModeRecord]

    @property
    def is_complete(self) -> bool:
        """Whether every scan that was asked for ended as it should."""
        return all(record.lost == 0 and record.failed == 0 for record in self.modes)
