"""Every curve of throughput against one quantity: its lines and their settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from isoscan import HttpResponse, HttpTransaction, Limits

from .scaling_records import Curve
from .scaling_subject import CALLERS, Door, Subject
from .workloads import REGEX_PLUGIN, URL_PLUGIN, Workload, cpu, fan_out, regex, url

_BODY_SIZES = (0, 1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20)
_BODY_DIFFERENT_BYTES = 8 << 20
_PLUGINS = (1, 2, 5, 10, 20)
_BATCHES = (1, 4, 16, 64, 128, 256, 512, 1024, 2048)
_FRAMES = (1, 2, 3, 4, 6, 8)
_QUEUES = (1, 10, 100, 1000, 10_000)
_PROCESSES = (1, 2, 3, 4)


def _batch(size: int) -> list[tuple[str, int]]:
    return [(f"isoscan.{module}.MAX_FRAME_SCANS", size) for module in ("sandbox.generation", "_slot")]


def _frames(count: int) -> list[tuple[str, int]]:
    return [(f"isoscan.{module}.MAX_FRAMES", count) for module in ("_dispatch", "_slot")]


def _with_bodies(plugin: str, size_bytes: int) -> Workload:
    """Requests of `regex` with bodies of exactly so many bytes, each another stretch of one text."""
    base = regex()
    text = b"".join(each.response.body for each in base.transactions if each.response is not None)
    text *= -(-2 * size_bytes // len(text)) or 1
    count = max(1, min(len(base.transactions), _BODY_DIFFERENT_BYTES // max(size_bytes, 1)))
    transactions = []
    for number, each in enumerate(base.transactions[:count]):
        assert each.response is not None
        at = number * 977 % max(len(text) - size_bytes, 1)
        response = HttpResponse(200, headers=each.response.headers, body=text[at : at + size_bytes])
        transactions.append(HttpTransaction(each.request, response))
    texts = [type(base.plugins[0])("body", plugin)]
    return Workload(name="body", about="", plugins=texts, transactions=transactions)


def _size(count: int) -> str:
    if count < 1024:
        return str(count)
    return f"{count >> 10} KiB" if count < 1 << 20 else f"{count >> 20} MiB"


def _by_processes(workload: Workload, door: Door) -> list[Subject]:
    return [Subject(str(count), workload, executors=count, door=door) for count in _PROCESSES]


def _by_plugins() -> list[Subject]:
    workload = fan_out()
    return [
        Subject(str(count), workload, plugins=count, door="scanner", per_scan=1 / count) for count in _PLUGINS
    ]


def _by_body(plugin: str) -> list[Subject]:
    return [
        Subject(_size(size), _with_bodies(plugin, size), per_scan=size / (1 << 20)) for size in _BODY_SIZES
    ]


def _by_batch(workload: Workload) -> list[Subject]:
    return [Subject(str(size), workload, patches=_batch(size)) for size in _BATCHES]


def _by_frames(workload: Workload) -> list[Subject]:
    return [Subject(str(count), workload, patches=_frames(count)) for count in _FRAMES]


def _by_queue(door: Door) -> list[Subject]:
    return [Subject(str(size), url(), door=door, limits=Limits(queue_size=size)) for size in _QUEUES]


class LinePlan(NamedTuple):
    """A line's title, the label of its reference setting, and how its settings are made."""

    title: str
    reference: str
    make: Callable[[], Sequence[Subject]]


class CurvePlan(NamedTuple):
    """A curve and its lines."""

    curve: Curve
    lines: Sequence[LinePlan]


def plans() -> list[CurvePlan]:
    """Every curve, in the order of the report."""
    return [
        CurvePlan(
            Curve(
                name="workers",
                title="Throughput against workers",
                about="One plugin on several processes: the size of a pool, or the workers of a scanner.",
                axis="processes",
            ),
            [
                LinePlan("url, pool", "1", lambda: _by_processes(url(), "pool")),
                LinePlan("regex, pool", "1", lambda: _by_processes(regex(), "pool")),
                LinePlan("cpu, pool", "1", lambda: _by_processes(cpu(), "pool")),
                LinePlan("cpu, scanner", "1", lambda: _by_processes(cpu(), "scanner")),
            ],
        ),
        CurvePlan(
            Curve(
                name="plugins",
                title="Throughput against plugins",
                about="A scanner with several small plugins, each on every transaction (HTML of 2 KB). "
                "A scan is one plugin on one transaction.",
                axis="plugins",
                derived="transactions/s",
            ),
            [LinePlan("fan-out, scanner", "1", _by_plugins)],
        ),
        CurvePlan(
            Curve(
                name="body",
                title="Throughput against the size of the body",
                about="A plugin that looks at the URL only, so that the body is carried and never read, and "
                "six expressions over the whole body.",
                axis="bytes of the body",
                has_rates=True,
                derived="MiB of bodies/s",
            ),
            [
                LinePlan("carried", "0", lambda: _by_body(URL_PLUGIN)),
                LinePlan("searched", "0", lambda: _by_body(REGEX_PLUGIN)),
            ],
        ),
        CurvePlan(
            Curve(
                name="batch",
                title="Throughput against the size of a batch",
                about="The most scans that travel in one frame (512 as shipped). A frame holds about 4 ms of "
                "work or 4 MiB, so slow plugins never fill large ones.",
                axis="scans in a frame, at most",
            ),
            [
                LinePlan("url", "512", lambda: _by_batch(url())),
                LinePlan("regex", "512", lambda: _by_batch(regex())),
            ],
        ),
        CurvePlan(
            Curve(
                name="frames",
                title="Throughput against frames in flight",
                about="How many frames a process has at once (3 as shipped).",
                axis="frames in flight, at most",
            ),
            [
                LinePlan("url", "3", lambda: _by_frames(url())),
                LinePlan("regex", "3", lambda: _by_frames(regex())),
            ],
        ),
        CurvePlan(
            Curve(
                name="queue",
                title="Throughput against the queue",
                about=f"`Limits.queue_size` (100 as shipped) for `scan_many` and for {CALLERS} callers of "
                "`scan_transaction`, trivial plugin.",
                axis="queue_size",
            ),
            [
                LinePlan("scan_many", "100", lambda: _by_queue("scan_many")),
                LinePlan(f"{CALLERS} callers", "100", lambda: _by_queue("callers")),
            ],
        ),
    ]
