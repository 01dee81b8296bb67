"""What a contender is: facts about it, and a session in which it runs one workload."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec
from msgspec import Struct

from isoscan import HttpTransaction

from .records import ContenderKind, Cores
from .workloads import PluginText, Workload, as_function

JS = Path(__file__).parent / "js"
#: A batch of a peer holds at most so much, as isoscan's own frames do.
BATCH_SCANS = 64
BATCH_BYTES = 1024 * 1024

#: What a plugin reported, as plain JSON values; for each transaction, for each plugin.
Findings = list[dict[str, Any]]


class Outcome(Struct):
    """All findings on one transaction by plugin, or why there are none."""

    findings: list[Findings] = []
    error: str = ""


class Tally(NamedTuple):
    """How much was done in how long."""

    scans: int
    seconds: float


class Session(Protocol):
    """One contender with one workload, ready to scan."""

    def outcomes(self, count: int) -> list[Outcome]:
        """The first so many transactions. With bounds each is tried alone, and an error is an outcome."""

    def run(self, seconds: float) -> Tally:
        """Scans for about so long, as many at a time as suits it. Raises on the first failure."""

    def latencies_us(self, seconds: float) -> list[float]:
        """One call at a time for about so long; what each took."""

    def close(self) -> None:
        """Ends whatever it started."""


class Contender(Struct, frozen=True, kw_only=True):
    """Facts, and how to begin.

    `needs` are importable modules (or nothing), `install` the command that brings them. `copies`
    says that one process runs on one core, so that as many as there are CPUs are started. `checks`
    is how many scans its findings are compared in, where comparing all would take too long.
    `is_shared`: several plugins have one isolate together.
    `excludes` are workloads it has no part in, with the reason. `isolation` says in words what
    stands between a plugin and the program that runs it.
    """

    name: str
    title: str
    kind: ContenderKind
    cores: Cores
    open: Callable[[Workload], Session]
    isolation: str
    needs: tuple[str, ...] = ()
    install: str = ""
    distributions: tuple[str, ...] = ()
    copies: bool = False
    is_shared: bool = False
    checks: int | None = None
    has_rate: bool = True
    has_latency: bool = False
    excludes: dict[str, str] = {}
    missing: Callable[[], str | None] = lambda: None
    find_version: Callable[[], str] = lambda: ""

    @property
    def version(self) -> str:
        """Versions of the packages it consists of."""
        found = [self.find_version()] if self.find_version() else []
        for name in self.distributions:
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                found.append(f"{name} {importlib.metadata.version(name)}")
        return ", ".join(found)

    def is_available(self) -> str | None:
        """Why it cannot take part; None if it can."""
        for module in self.needs:
            if importlib.util.find_spec(module) is None:
                return f"not installed: {self.install}"
        return self.missing()


_encoder = msgspec.json.Encoder()


def _row(transaction: HttpTransaction) -> tuple[Any, ...]:
    """What the adapter makes a transaction of, bodies left out."""
    request, response = transaction.request, transaction.response
    return (
        (
            request.id,
            request.method,
            request.url,
            request.headers,
            request.content_type,
            request.is_https,
            request.timestamp,
            request.was_edited,
            len(request.body),
            request.query_params or None,
        ),
        None
        if response is None
        else (
            response.request_id,
            response.status,
            response.headers,
            response.content_type,
            response.timestamp,
            len(response.body),
        ),
    )


class Wire(NamedTuple):
    """A batch as peers get it: JSON of `[request, response]` rows, and the bodies that are not empty."""

    heads: str
    bodies: list[bytes]
    transactions: int

    @property
    def texts(self) -> Iterator[str]:
        """The bodies for engines that cannot decode bytes themselves."""
        return (body.decode(errors="replace") for body in self.bodies)

    @classmethod
    def of(cls, transactions: Sequence[HttpTransaction]) -> Wire:
        """Encodes some transactions."""
        rows = [_encoder.encode(_row(transaction)).decode() for transaction in transactions]
        bodies = [
            message.body
            for transaction in transactions
            for message in (transaction.request, transaction.response)
            if message is not None and message.body
        ]
        return cls(f"[{','.join(rows)}]", bodies, len(transactions))


def batches(
    transactions: Sequence[HttpTransaction], batch_scans: int = BATCH_SCANS
) -> list[list[HttpTransaction]]:
    """The transactions in runs of at most so many and about `BATCH_BYTES`."""
    found: list[list[HttpTransaction]] = []
    room = 0
    for transaction in transactions:
        size = sum(
            len(message.body)
            for message in (transaction.request, transaction.response)
            if message is not None
        )
        if not found or room < size or len(found[-1]) == batch_scans:
            found.append([])
            room = BATCH_BYTES
        found[-1].append(transaction)
        room -= size
    return found


def adapter(plugins: Sequence[PluginText]) -> str:
    """A classic script that defines `benchScan` for these plugins."""
    lines = [(JS / "adapter.js").read_text(encoding="utf-8")]
    lines += [f"benchPlugins.push({as_function(plugin.code)});" for plugin in plugins]
    return "\n".join(lines)


#: Per transaction: None, or what each plugin found.
Rows = list[list[Findings] | None]
_rows = msgspec.json.Decoder(Rows)


def decoded(text: str | bytes) -> Rows:
    """What `benchScan` returned."""
    return _rows.decode(text)


class Isolate(Protocol):
    """An engine's isolate, context or process that some plugins were loaded into."""

    def scan(self, wire: Wire) -> Rows:
        """Runs its plugins on a batch."""

    def close(self) -> None:
        """Ends it."""


class IsolateSession:
    """A session of isolates that are called one after the other; one per plugin, or one for all."""

    def __init__(
        self,
        workload: Workload,
        make: Callable[[Sequence[PluginText], Workload], Isolate],
        batch_scans: int = BATCH_SCANS,
        *,
        is_shared: bool = False,
    ) -> None:
        self._workload = workload
        self._make = make
        self._batch_scans = batch_scans
        self._batches = batches(workload.transactions, batch_scans)
        self._groups = [workload.plugins] if is_shared else [[plugin] for plugin in workload.plugins]
        self._isolates = [make(group, workload) for group in self._groups]

    def _scan(self, transactions: Sequence[HttpTransaction]) -> Iterator[list[Findings]]:
        wire = Wire.of(transactions)
        answers = [isolate.scan(wire) for isolate in self._isolates]
        if any(len(rows) != wire.transactions for rows in answers):
            raise RuntimeError("fewer results than transactions")
        nothing: list[list[Findings]] = [[[] for _ in group] for group in self._groups]
        return (
            [found for row, none in zip(rows, nothing, strict=True) for found in row or none]
            for rows in zip(*answers, strict=True)
        )

    def outcomes(self, count: int) -> list[Outcome]:
        """In batches, unless there are bounds; see `Session`."""
        transactions = self._workload.transactions[:count]
        if self._workload.bounds is None:
            together = batches(transactions, self._batch_scans)
            return [Outcome(found) for batch in together for found in self._scan(batch)]
        found = []
        for transaction in transactions:
            try:
                found.append(Outcome(next(iter(self._scan([transaction])))))
            except Exception as error:  # noqa: BLE001  # whatever a binding raises is what a probe asks for
                found.append(Outcome(error=f"{type(error).__name__}: {str(error)[:200]}"))
                self._isolates = [self._make(group, self._workload) for group in self._groups]
        return found

    def run(self, seconds: float) -> Tally:
        """Batches, one after the other; see `Session`."""
        scans, plugins = 0, len(self._workload.plugins)
        began = now = time.perf_counter()
        while True:
            for batch in self._batches:
                for _ in self._scan(batch):
                    scans += plugins
                now = time.perf_counter()
                if now - began >= seconds:
                    return Tally(scans, now - began)

    def latencies_us(self, seconds: float) -> list[float]:
        """Single transactions; see `Session`."""
        took: list[float] = []
        until = time.perf_counter() + seconds
        while True:
            for transaction in self._workload.transactions:
                began = time.perf_counter()
                for _ in self._scan([transaction]):
                    pass
                now = time.perf_counter()
                took.append((now - began) * 1e6)
                if now >= until:
                    return took

    def close(self) -> None:
        """Ends every isolate."""
        for isolate in self._isolates:
            isolate.close()
