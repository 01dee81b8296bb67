"""The nouns: transactions, findings, verdicts, limits. Plain data, no I/O.

All structs are frozen `msgspec` structs; `json_schema()` exports their JSON schema. Those that
come with every scan are not tracked by the garbage collector: they hold plain data and cannot
be part of a cycle.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any, Literal
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec
from msgspec import Struct, field
from msgspec.structs import force_setattr

from .errors import ConfigError
from .permissions import Denial, Permissions

MIB = 1024 * 1024
TIMEOUT_MAX_S = 86_400.0
_MAX_CLOCK_MS = 8_640_000_000_000_000

_ID_PREFIX = secrets.token_hex(4)
#: The next id at every call, without a line of Python: findings come by the thousand.
_next_id: Callable[[], str] = map(f"{_ID_PREFIX}-%08x".__mod__, itertools.count(1)).__next__
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_PERCENT = re.compile("%([0-9A-Fa-f]{2})")
_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def new_id() -> str:
    """An id no other object of this or another process has: `<8 hex>-<counter>`."""
    return _next_id()


class Severity(StrEnum):
    """How bad it is if the finding is true; ordered by `rank`."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 (info) to 4 (critical)."""
        return _SEVERITY_RANK[self]


_SEVERITY_RANK = {severity: rank for rank, severity in enumerate(Severity)}


class Confidence(StrEnum):
    """How sure the plugin is that the finding is true."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Verdict(StrEnum):
    """How a scan ended. Exactly one per scan."""

    CLEAN = "clean"
    FINDINGS = "findings"
    ERROR = "error"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    CRASHED = "crashed"
    INTERRUPTED = "interrupted"
    SKIPPED = "skipped"
    INVALID_FINDINGS = "invalid_findings"

    #: An enum's own is written in Python, and verdicts are counted with every scan.
    __hash__ = str.__hash__

    @property
    def is_complete(self) -> bool:
        """Whether the plugin ran to its end on the transaction."""
        return self in _COMPLETE


_COMPLETE = (Verdict.CLEAN, Verdict.FINDINGS)


#: Which of the operating system's layers must hold a generation: all that isoscan needs, those
#: that are there, or none beside limits, Deno's permissions and the realm.
SandboxLevel = Literal["strict", "available", "permissions"]

#: What shares an isolate: the scans of an executor, nothing, or all plugins of a scanner that say so.
IsolatePer = Literal["executor", "transaction", "group"]


class RestartReason(StrEnum):
    """Why a generation was replaced."""

    MANUAL = "manual"
    MAX_EXECUTIONS = "max_executions"
    MAX_MEMORY = "max_memory"
    MAX_AGE = "max_age"
    ADAPTIVE = "adaptive"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    CRASH = "crash"
    RELOAD = "reload"


Headers = tuple[tuple[str, str], ...]


def header_pairs(headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> Headers:
    """Ordered `(name, value)` pairs, duplicates kept, from a mapping or pairs."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return tuple([(name, value) for name, value in pairs])


def header_value(headers: Headers, name: str) -> str | None:
    """The first value of a header, the name compared without case."""
    wanted = name.lower()
    for key, value in headers:
        if key.lower() == wanted:
            return value
    return None


def _aware(moment: datetime | None) -> datetime:
    if moment is None:
        return datetime.now(UTC)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _body_bytes(body: bytes | bytearray | memoryview | str) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body)


class HttpRequest(Struct, frozen=True, gc=False):
    """One HTTP request. Only `method` and `url` are needed, the rest is derived.

    `headers` are ordered pairs with duplicates kept (a mapping is accepted);
    `body` is the decoded content; `query_params` holds the last value per name.
    """

    method: str
    url: str
    headers: Headers = ()
    body: bytes = b""
    content_type: str | None = None
    query_params: dict[str, str] | None = None
    is_https: bool | None = None
    timestamp: datetime | None = None
    was_edited: bool = False
    id: str = ""

    def __post_init__(self) -> None:
        if type(self.headers) is not tuple or self.headers:
            force_setattr(self, "headers", header_pairs(self.headers))
        if type(self.body) is not bytes:
            force_setattr(self, "body", _body_bytes(self.body))
        if self.content_type is None:
            force_setattr(self, "content_type", header_value(self.headers, "content-type"))
        if self.query_params is None:
            force_setattr(self, "query_params", _query_params(self.url))
        if self.is_https is None:
            scheme = self.url[:8].lower()
            force_setattr(self, "is_https", scheme.startswith(("https:", "wss:")))
        force_setattr(self, "timestamp", _aware(self.timestamp))
        if not self.id:
            force_setattr(self, "id", new_id())


class HttpResponse(Struct, frozen=True, gc=False):
    """One HTTP response. Only `status` is needed, the rest is derived."""

    status: int
    headers: Headers = ()
    body: bytes = b""
    content_type: str | None = None
    timestamp: datetime | None = None
    request_id: str = ""

    def __post_init__(self) -> None:
        if type(self.headers) is not tuple or self.headers:
            force_setattr(self, "headers", header_pairs(self.headers))
        if type(self.body) is not bytes:
            force_setattr(self, "body", _body_bytes(self.body))
        if self.content_type is None:
            force_setattr(self, "content_type", header_value(self.headers, "content-type"))
        force_setattr(self, "timestamp", _aware(self.timestamp))


class HttpTransaction(Struct, frozen=True, gc=False):
    """One request and, mostly, its response."""

    request: HttpRequest
    response: HttpResponse | None = None

    def __post_init__(self) -> None:
        if self.response is not None and not self.response.request_id:
            force_setattr(self.response, "request_id", self.request.id)

    @property
    def id(self) -> str:
        """The request's id, which names the transaction everywhere."""
        return self.request.id


def _query_params(url: str) -> dict[str, str]:
    _, mark, rest = url.partition("?")
    if not mark:
        return {}
    return dict(parse_qsl(rest.partition("#")[0], keep_blank_values=True))


def normalised_url(url: str) -> str:
    """A URL in the one form fingerprints use.

    Scheme and host in lower case, default port and fragment dropped, empty path
    as `/`, percent-encoding unified, query pairs sorted. Host, path and query
    values are kept, so two hosts (or two pages) never become one.
    """
    url = _LONE_SURROGATE.sub("\ufffd", url)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return url
    scheme = parts.scheme.lower()
    host = (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    if port is not None and port != _DEFAULT_PORTS.get(scheme):
        host = f"{host}:{port}"
    path = _requoted(parts.path)
    pairs = parts.query.replace("+", "%20").split("&")
    query = "&".join(sorted(map(_requoted, pairs))) if parts.query else ""
    return f"{scheme}://{host}{path or '/'}" + (f"?{query}" if query else "")


def _requoted(text: str) -> str:
    """Percent-encoding in one form (RFC 3986, 6.2.2): what needs none is decoded, the rest in upper case."""
    decoded = _PERCENT.sub(_unreserved, text)
    return quote(decoded, safe="%/:@!$&'()*+,;=~?[]", errors="replace")


def _unreserved(match: re.Match[str]) -> str:
    char = chr(int(match[1], 16))
    return char if char.isascii() and (char.isalnum() or char in "-._~") else match[0].upper()


class Finding(Struct, frozen=True, kw_only=True, gc=False):
    """What a plugin reports about one transaction.

    `title` comes from the plugin; `plugin_id`, `url`, `method`, `transaction_id`,
    `id` and `created_at` are filled by isoscan. Fields a plugin adds of its own
    are kept in `extra` as plain JSON values.
    """

    title: str
    plugin_id: str
    vuln_type: str
    url: str
    method: str
    transaction_id: str
    severity: Severity = Severity.INFO
    confidence: Confidence = Confidence.MEDIUM
    description: str = ""
    evidence: str = ""
    location: str = ""
    cwe: str = ""
    owasp: str = ""
    remediation: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=_next_id)
    created_at: datetime = field(default_factory=partial(datetime.now, UTC))

    @property
    def fingerprint(self) -> str:
        """32 hex digits that name the same finding in every run.

        SHA-256 over the JSON list of plugin id, vulnerability type, method,
        normalised url, location and title, cut to 128 bits.
        """
        identity = [
            self.plugin_id,
            self.vuln_type,
            self.method.upper(),
            normalised_url(self.url),
            self.location,
            self.title,
        ]
        encoded = msgspec.json.encode([part.encode("utf-8", "surrogatepass").hex() for part in identity])
        return hashlib.sha256(encoded).hexdigest()[:32]


class PluginMetadata(Struct, frozen=True):
    """Who a plugin is. Only `id` is needed; unknown fields of a plugin are ignored."""

    id: str
    name: str = ""
    version: str = "0.0.0"
    author: str | None = None
    description: str | None = None
    category: str | None = None
    main_category: str | None = None
    default_severity: Severity | None = None
    tags: tuple[str, ...] = ()
    idempotent: bool = False
    permissions: Permissions | None = None
    #: JSON schema of what the plugin's `init` takes as its configuration.
    config_schema: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if not self.id or len(self.id) > 128 or any(c.isspace() or not c.isprintable() for c in self.id):
            raise ConfigError(f"plugin id {self.id!r}: must be 1 to 128 printable characters without spaces")
        if not self.name:
            force_setattr(self, "name", self.id)
        if type(self.tags) is not tuple:
            force_setattr(self, "tags", tuple(self.tags))


class Limits(Struct, frozen=True, kw_only=True):
    """Every bound of an executor, in one place. Wrong values raise `ConfigError`.

    `timeout_s`: wall clock of one scan. `load_timeout_s`: spawn to ready.
    `memory_bytes`: resident memory of a generation, hard (kill).
    `heap_bytes`: V8 heap; half of `memory_bytes` when not given.
    `queue_size`: scans that wait; the next caller is held back.
    `max_attempts`: runs a scan gets when its generation dies under it.
    `max_findings`, `max_findings_bytes`: per scan, all findings together.
    `max_finding_field_bytes`: one text field. `max_console_bytes`: per scan.
    `max_load_failures`, `max_consecutive_deaths`: deaths in a row, before ready
    and in scans without one success between, that lead to quarantine.
    `quarantine_s`: first back-off; doubles up to `quarantine_max_s`.
    `regexp_backtracks`: steps back after which a regular expression goes on in V8's linear-time
    engine, so that one that would run for ever ends in milliseconds. V8 calls that engine
    experimental: None, the default, never uses it.
    `is_jitless`: V8 compiles nothing to machine code, where most of its flaws are found; code then runs
    2 to 10 times slower, and there is no WebAssembly.
    """

    timeout_s: float = 5.0
    load_timeout_s: float = 10.0
    memory_bytes: int = 512 * MIB
    heap_bytes: int | None = None
    queue_size: int = 100
    max_attempts: int = 2
    max_findings: int = 1000
    max_findings_bytes: int = MIB
    max_finding_field_bytes: int = 65_536
    max_console_bytes: int = 65_536
    max_load_failures: int = 5
    max_consecutive_deaths: int = 10
    quarantine_s: float = 1.0
    quarantine_max_s: float = 300.0
    regexp_backtracks: int | None = None
    is_jitless: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.is_jitless, bool):
            raise ConfigError(f"Limits.is_jitless is {self.is_jitless!r}: must be True or False")
        for name, low, high in _LIMIT_RANGES:
            value = getattr(self, name)
            if name == "heap_bytes" and value is None:
                value = self.memory_bytes // 2
                force_setattr(self, name, value)
            if name == "regexp_backtracks" and value is None:
                continue
            kinds = int | float if name.endswith("_s") else int
            if not isinstance(value, kinds) or isinstance(value, bool) or not low <= value <= high:
                kind = "" if name.endswith("_s") else "a whole number "
                raise ConfigError(f"Limits.{name} is {value!r}: must be {kind}between {low} and {high}")
        if self.heap_bytes is not None and self.heap_bytes > self.memory_bytes:
            raise ConfigError(
                f"Limits.heap_bytes is {self.heap_bytes}: must not exceed memory_bytes ({self.memory_bytes})"
            )


_LIMIT_RANGES: tuple[tuple[str, float, float], ...] = (
    ("timeout_s", 0.001, TIMEOUT_MAX_S),
    ("load_timeout_s", 0.001, TIMEOUT_MAX_S),
    ("memory_bytes", 48 * MIB, 1 << 40),
    ("heap_bytes", 16 * MIB, 1 << 40),
    ("queue_size", 1, 1_000_000),
    ("max_attempts", 1, 100),
    ("max_findings", 1, 1_000_000),
    ("max_findings_bytes", 1024, 64 * MIB),
    ("max_finding_field_bytes", 256, 16 * MIB),
    ("max_console_bytes", 0, 16 * MIB),
    ("max_load_failures", 1, 1000),
    ("max_consecutive_deaths", 1, 1_000_000),
    ("quarantine_s", 0.0, TIMEOUT_MAX_S),
    ("quarantine_max_s", 0.0, TIMEOUT_MAX_S),
    ("regexp_backtracks", 1, 1_000_000_000),
)


class Determinism(Struct, frozen=True):
    """A world that does not change from run to run, for a plugin that must do the same twice.

    Its clock stands at `clock_ms` (since 1970, UTC), and chance begins at `seed` with every scan.
    """

    clock_ms: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if abs(self.clock_ms) > _MAX_CLOCK_MS:
            raise ConfigError(f"Determinism.clock_ms is {self.clock_ms}: no date that JavaScript has")
        if not 0 <= self.seed < 1 << 32:
            raise ConfigError(f"Determinism.seed is {self.seed}: must be between 0 and {(1 << 32) - 1}")


class ConsoleLine(Struct, frozen=True, array_like=True, gc=False):
    """One line a plugin wrote to its console while it scanned."""

    level: str
    text: str


class ScanFailure(Struct, frozen=True, kw_only=True, gc=False):
    """Why a scan has no result: whose fault, where in the plugin, and what to do."""

    kind: str
    message: str
    fault: str
    is_started: bool
    file: str | None = None
    line: int | None = None
    column: int | None = None
    stack: str | None = None

    def __str__(self) -> str:
        place = ""
        if self.file is not None:
            place = self.file if self.line is None else f"{self.file}:{self.line}:{self.column}"
            place = f" ({place})"
        return f"{self.message}{place}"


class ScanResult(Struct, frozen=True, kw_only=True, gc=False):
    """The one outcome of one plugin on one transaction."""

    transaction_id: str
    plugin_id: str
    verdict: Verdict
    findings: list[Finding] = field(default_factory=list)
    error: ScanFailure | None = None
    duration_ms: float = 0.0
    generation: int = 0
    attempts: int = 0
    console: tuple[ConsoleLine, ...] = ()
    denials: tuple[Denial, ...] = ()
    sandbox: SandboxLevel = "strict"


class RestartReport(Struct, frozen=True, kw_only=True):
    """What one restart did. `pause_ms`: how long no generation took new work.

    `text` is the policy's reason in words and numbers, when a policy asked for it.
    """

    generation: int
    previous_generation: int
    reason: RestartReason
    duration_ms: float
    pause_ms: float
    rss_before_bytes: int | None = None
    rss_after_bytes: int | None = None
    waiting: int = 0
    text: str = ""


class Percentiles(Struct, frozen=True):
    """Latency of finished scans in milliseconds; all None before the first."""

    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    max_ms: float | None = None


class ExecutorStats(Struct, frozen=True, kw_only=True):
    """A snapshot of one executor, taken without waiting for any work.

    `total_executions` counts scans that ended in a generation's answer or death;
    `current_instance_executions` those of the generation serving now.
    `growth_bytes_per_execution` with its interval is None until it is measured.
    `rss_bytes` and `pss_bytes` are the kernel's: resident, and resident with what is shared
    divided among those who share it, the latter as of the last measurement. `heap_used_bytes`
    and `external_bytes` are V8's. `policy_text` is what the restart policy knows and when it
    would act, in words. Of a plugin to which a scanner gave further isolates, counts, latencies and
    `rss_bytes` are of all together, and what is of one generation is the first isolate's.
    """

    plugin_id: str
    state: str
    generation: int
    total_executions: int
    current_instance_executions: int
    max_executions_before_restart: int
    restart_count: int
    last_restart_time: datetime | None
    queued: int
    in_flight: int
    verdicts: dict[Verdict, int]
    restarts: dict[RestartReason, int]
    rss_bytes: int | None
    heap_used_bytes: int | None
    growth_bytes_per_execution: float | None
    growth_interval_bytes: tuple[float, float] | None
    is_growth_significant: bool
    policy_text: str
    scan_latency: Percentiles
    queue_latency: Percentiles
    last_restart: RestartReport | None
    longest_pause_ms: float
    quarantined_for_s: float | None
    late_errors: int
    denials: tuple[Denial, ...] = ()
    permissions: Permissions = Permissions()
    sandbox: SandboxLevel = "strict"
    sandbox_layers: tuple[str, ...] = ()
    sandbox_missing: dict[str, str] = {}
    external_bytes: int | None = None
    pss_bytes: int | None = None


SCHEMA_MODELS: tuple[type[Struct], ...] = (
    HttpTransaction,
    Finding,
    ScanResult,
    PluginMetadata,
    Limits,
    Permissions,
    ExecutorStats,
    RestartReport,
)


def json_schema(*more: type[Struct]) -> dict[str, Any]:
    """JSON schema (2020-12) of all public models, and of `more`, under `$defs` by name."""
    _, components = msgspec.json.schema_components((*SCHEMA_MODELS, *more), ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "isoscan models",
        "$defs": components,
    }
