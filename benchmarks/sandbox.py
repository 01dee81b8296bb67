"""What each layer of the sandbox costs: `python -m benchmarks.sandbox [--quick]`.

Each figure is a ratio to the same work with another layer setting, interleaved in rounds of one
run; the median round is shown, with the least and the greatest. Nothing is written.

"Bare" is the least that still speaks the protocol: no permissions, no closed realm, no layer of
the operating system, and a loop that calls the plugin with plain objects.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import psutil

from isoscan import HttpRequest, HttpResponse, HttpTransaction, PluginExecutor, PluginMetadata, Verdict
from isoscan.models import Limits, SandboxLevel
from isoscan.permissions import Permissions
from isoscan.sandbox import deno
from isoscan.sandbox.linux import client

TRIVIAL = "export function scan_transaction(t) {}"
REGEX = r"""
const patterns = [/password\s*=\s*"([^"]+)"/i, /AKIA[0-9A-Z]{16}/, /<!--[\s\S]*?(secret|token)[\s\S]*?-->/i];
export function scan_transaction(t) {
  const text = t.response.text();
  for (const pattern of patterns) if (pattern.test(text)) return { title: "found" };
}"""
BYTES = """
export function scan_transaction(t) {
  const { body } = t.response;
  for (let i = 0, sum = 0; i < body.length; i++) sum = (sum * 31 + body[i]) | 0;
}"""
BODY = (b"<p class='row'>An ordinary line of text, with numbers 12345 and words.</p>\n" * 60)[:4096]
#: Every layer that can be left out; the network's has nothing to do without a grant.
LAYERS = (
    "seccomp",
    "landlock_files",
    "landlock_scope",
    "limits",
    "uid",
    "capabilities",
    "no_new_privs",
    "pdeathsig",
    "oom_score",
)
#: The same frames as `host.js`, and nothing that guards them.
BARE_HOST = """
const input = Deno.stdin, output = Deno.stdout;
const utf8 = new TextDecoder(), encoder = new TextEncoder();
let pending = new Uint8Array(1 << 20), start = 0, end = 0, sequence = 0, nonce = new Uint8Array(16);
function need(count) {
  if (start + count > pending.length) {
    const larger = new Uint8Array(Math.max(count, pending.length));
    larger.set(pending.subarray(start, end));
    pending = larger; end -= start; start = 0;
  }
  while (end - start < count) {
    const got = input.readSync(pending.subarray(end));
    if (got === null) Deno.exit(0);
    end += got;
  }
}
function readFrame() {
  if (start === end) start = end = 0;
  need(9);
  const view = new DataView(pending.buffer, start);
  const length = view.getUint32(0, true) + 4;
  need(length);
  const at = start;
  start += length;
  const head = new DataView(pending.buffer, at);
  const bytes = pending.subarray(at + 9, at + length);
  return { order: head.getUint8(4), number: head.getUint32(5, true), bytes };
}
function send(kind, json) {
  const body = encoder.encode(json);
  const reply = new Uint8Array(25 + body.length);
  const view = new DataView(reply.buffer);
  view.setUint32(0, reply.length - 4, true);
  reply.set(nonce, 4);
  view.setUint32(20, sequence++, true);
  reply[24] = kind;
  reply.set(body, 25);
  for (let sent = 0; sent < reply.length;) sent += output.writeSync(reply.subarray(sent));
}
class Part {
  constructor(head, bytes) { this.head = head; this.bytes = bytes; }
  text() { return utf8.decode(this.bytes); }
}
send(0, "{}");
const settings = JSON.parse(utf8.decode(readFrame().bytes));
nonce = Uint8Array.fromHex(settings.nonce);
const code = settings.plugins[0].modules.at(-1).parts.join("");
const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
const { scan_transaction: scan } = await import(url);
send(1, '{"plugins":[{"metadata":"null","console":[]}],"urls":[],"heap":[1,1]}');
for (;;) {
  const { order, number, bytes } = readFrame();
  if (order !== 2) { send(4, "[1,1,1]"); continue; }
  const lengths = new DataView(bytes.buffer, bytes.byteOffset);
  const headEnd = 16 + lengths.getUint32(8, true);
  let offset = headEnd + lengths.getUint32(12, true);
  const entries = [];
  for (const row of JSON.parse(utf8.decode(bytes.subarray(16, headEnd)))) {
    const middle = offset + row[7], last = middle + (row[12] ?? 0);
    const began = performance.now();
    const found = scan({
      id: row[0],
      request: new Part(row, bytes.subarray(offset, middle)),
      response: row.length > 8 ? new Part(row, bytes.subarray(middle, last)) : null,
    });
    const took = Math.trunc((performance.now() - began) * 1000);
    entries.push(found ? { d: took, f: [[0, JSON.stringify(found)]] } : took);
    offset = last;
  }
  send(3, JSON.stringify([number, 0, entries, 0]));
}
"""


class Setting(NamedTuple):
    """Which layers are on."""

    name: str
    sandbox: SandboxLevel = "strict"
    without: str = ""
    is_bare: bool = False
    limits: Limits = Limits()


class Cost(NamedTuple):
    """What some scans took: a second each counts, processor time of the generation and of all."""

    scans_per_s: float
    child_cpu_s: float
    cpu_s: float


STRICT = Setting("strict")
PERMISSIONS = Setting("permissions", sandbox="permissions")
JITLESS = Setting("without V8's compilers", limits=Limits(is_jitless=True))
BARE = Setting("bare", sandbox="permissions", is_bare=True)


def bare_command(binary: Path, limits: Limits, permissions: Permissions) -> list[str]:
    """The command line without what Deno forbids."""
    words = [w for w in deno.generation_command(binary, limits, permissions) if not w.startswith("--deny-")]
    return [*words[:3], "--allow-all", *words[3:]]


@contextlib.contextmanager
def applied(setting: Setting, folder: Path) -> Iterator[SandboxLevel]:
    """While it lasts, generations are begun with this setting; gives the level to ask for."""
    with contextlib.ExitStack() as stack:
        if setting.without:
            left_out = functools.partial(client.Confinement, without=(setting.without,))
            stack.enter_context(patch.object(client, "Confinement", left_out))
        if setting.is_bare:
            files = (deno.RUNTIME_FILES[0], folder / "bare.js")
            stack.enter_context(patch("isoscan.sandbox.generation.generation_command", bare_command))
            stack.enter_context(patch("isoscan.sandbox.generation.RUNTIME_FILES", files))
        yield "available" if setting.without else setting.sandbox


def transactions(count: int, body: bytes = b"") -> Iterator[HttpTransaction]:
    """Distinct transactions."""
    response = HttpResponse(200, body=body) if body else None
    for number in range(count):
        yield HttpTransaction(HttpRequest("GET", "http://bench.example/", id=str(number)), response)


def generation_cpu_s() -> float:
    """Processor time of the generations that run now, to the nanosecond."""
    total_s = 0.0
    for child in psutil.Process().children(recursive=True):
        # One may end meanwhile; and the clock is named as clock_getcpuclockid(3) does: /proc counts in 10 ms.
        with contextlib.suppress(psutil.NoSuchProcess, OSError):
            total_s += time.clock_gettime((~child.pid << 3) | 2) if child.name() == "deno" else 0.0
    return total_s


async def run(
    setting: Setting, folder: Path, code: str, count: int, body: bytes = b"", isolate_per: str = "executor"
) -> Cost:
    """Scans and says what that took, start and end left out."""
    with applied(setting, folder) as level:
        executor = PluginExecutor(
            PluginMetadata(id="bench"),
            code,
            limits=setting.limits,
            sandbox=level,
            isolate_per="transaction" if isolate_per == "transaction" else "executor",
        )
        async with executor:
            async for _ in executor.scan_many(transactions(min(count, 2000), body)):
                pass  # the code is compiled, and frames are as large as they get
            began, own, child = time.perf_counter(), time.process_time(), generation_cpu_s()
            async for result in executor.scan_many(transactions(count, body)):
                if result.verdict is not Verdict.CLEAN:
                    raise SystemExit(f"{setting.name}: {result.verdict}: {result.error}")
            took_s = time.perf_counter() - began
            child_s = generation_cpu_s() - child
            own_s = time.process_time() - own
    return Cost(count / took_s, child_s, child_s + own_s)


async def start_s(setting: Setting, folder: Path) -> float:
    """From `start` to ready, while another executor keeps the fork server and what it has ready."""
    with applied(setting, folder) as level:
        async with PluginExecutor(PluginMetadata(id="bench"), TRIVIAL, sandbox=level):
            await asyncio.sleep(0.15)
            executor = PluginExecutor(PluginMetadata(id="bench"), TRIVIAL, sandbox=level)
            began = time.perf_counter()
            await executor.start()
            took_s = time.perf_counter() - began
            await executor.shutdown()
    return took_s


def show(name: str, ratios: list[float]) -> None:
    """One line."""
    print(
        f"{name} = {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f} of {len(ratios)})",
        flush=True,
    )


async def scanning(folder: Path, rounds: int, count: int) -> None:
    """Throughput and processor time of a scan with all layers, against fewer."""
    for name, code, body, scans in (("tiny", TRIVIAL, b"", count), ("4 KB regex", REGEX, BODY, count // 4)):
        costs: dict[Setting, list[Cost]] = {STRICT: [], PERMISSIONS: [], BARE: []}
        for _ in range(rounds):
            for setting, found in costs.items():
                found.append(await run(setting, folder, code, scans, body))
        for other in (PERMISSIONS, BARE):
            for what, cost in (("scans/s", 0), ("CPU of generation", 1), ("CPU of owner and generation", 2)):
                pairs = zip(costs[STRICT], costs[other], strict=True)
                show(f"{name}: {what}, strict : {other.name}", [a[cost] / b[cost] for a, b in pairs])
        pairs = zip(costs[PERMISSIONS], costs[BARE], strict=True)
        show(
            f"{name}: CPU of generation, permissions and realm : bare",
            [a.child_cpu_s / b.child_cpu_s for a, b in pairs],
        )


async def starting(folder: Path, rounds: int) -> None:
    """Time to start with all layers, against fewer."""
    settings = [STRICT, PERMISSIONS, BARE]
    settings += [Setting(f"strict without {layer}", without=layer) for layer in LAYERS]
    times: dict[Setting, list[float]] = {setting: [] for setting in settings}
    for _ in range(rounds):
        for setting, took in times.items():
            took.append(await start_s(setting, folder))
    print(f"start, strict: median {statistics.median(times[STRICT]) * 1000:.1f} ms of {rounds}")
    for setting in settings[1:]:
        pairs = zip(times[STRICT], times[setting], strict=True)
        show(f"start, strict : {setting.name}", [a / b for a, b in pairs])


async def layer_by_layer(folder: Path, rounds: int, count: int) -> None:
    """Throughput of tiny scans with all layers, against all but one."""
    settings = [Setting(f"strict without {layer}", without=layer) for layer in LAYERS]
    ratios: dict[Setting, list[float]] = {setting: [] for setting in settings}
    for _ in range(rounds):
        all_layers = await run(STRICT, folder, TRIVIAL, count)
        for setting, found in ratios.items():
            found.append(all_layers.scans_per_s / (await run(setting, folder, TRIVIAL, count)).scans_per_s)
    for setting, found in ratios.items():
        show(f"tiny: scans/s, strict : {setting.name}", found)


async def without_compilers(folder: Path, rounds: int, count: int) -> None:
    """Throughput when V8 interprets everything, against compiled code."""
    work = (("tiny", TRIVIAL, b"", 1), ("4 KB regex", REGEX, BODY, 8), ("4 KB bytes", BYTES, BODY, 16))
    for name, code, body, share in work:
        ratios = []
        for _ in range(rounds):
            plain = await run(STRICT, folder, code, count // share, body)
            slow = await run(JITLESS, folder, code, count // share, body)
            ratios.append(slow.scans_per_s / plain.scans_per_s)
        show(f"{name}: scans/s, {JITLESS.name} : with", ratios)


async def one_isolate_each(folder: Path, rounds: int, count: int) -> None:
    """Throughput when each transaction has a generation of its own."""
    ratios: dict[str, list[float]] = {"strict": [], "permissions": []}
    for _ in range(rounds):
        for setting in (STRICT, PERMISSIONS):
            shared = await run(setting, folder, TRIVIAL, count * 200)
            own = await run(setting, folder, TRIVIAL, count, isolate_per="transaction")
            ratios[setting.name].append(shared.scans_per_s / own.scans_per_s)
    for name, found in ratios.items():
        show(f"{name}: scans/s, one isolate for all : one for each transaction", found)


BOMBS = {
    "loop": "for (;;);",
    "buffers": "for (const kept = [];;) kept.push(new Uint8Array(1 << 20).fill(7));",
    "heap": "for (const kept = [];;) kept.push(new Array(1 << 12).fill(0).map(Math.random));",
    "strings": "for (let text = 'x'.repeat(1 << 10), kept = [];; ) kept.push((text += 'y') + Math.random());",
}
_BOMB_LIMIT_BYTES = 256 << 20
_BOMB_TIMEOUT_S = 0.5


async def killing(rounds: int) -> None:
    """How late a plugin that takes too much is stopped, and how soon the next scan is answered.

    Memory that is refused ends the scan before the limit is reached: then nothing was late.
    """
    print("milliseconds from the limit to the verdict, and from there to the next result")
    good = HttpTransaction(HttpRequest("GET", "http://bench.example/good"))
    bad = HttpTransaction(HttpRequest("GET", "http://bench.example/bad"))
    for name, bomb in BOMBS.items():
        code = f"export function scan_transaction(t) {{ if (t.request.url.endsWith('/bad')) {bomb} }}"
        timeout_s = _BOMB_TIMEOUT_S if name == "loop" else 30.0
        limits = Limits(timeout_s=timeout_s, memory_bytes=_BOMB_LIMIT_BYTES, max_attempts=1)
        late: list[float] = []
        following: list[float] = []
        verdicts: set[str] = set()
        for _ in range(rounds):
            async with PluginExecutor(PluginMetadata(id="bomb"), code, limits=limits) as executor:
                await executor.scan_transaction(good)
                generation = executor._slot.occupant
                assert generation is not None
                watch = _Watch(psutil.Process(generation.pid), _BOMB_LIMIT_BYTES)
                watching = asyncio.create_task(asyncio.to_thread(watch.run))
                begun = time.perf_counter()
                (result,) = [result async for result in executor.scan_many([bad])]
                ended = time.perf_counter()
                watch.is_over = True
                await watching
                await executor.scan_transaction(good)
                following.append((time.perf_counter() - ended) * 1000)
                verdicts.add(result.verdict.value)
                over = begun + timeout_s if name == "loop" else watch.crossed_at
                late.append(0.0 if over is None else max(0.0, (ended - over) * 1000))
        print(
            f"{name:8} {', '.join(sorted(verdicts)):14} late {statistics.median(late):6.1f}"
            f" (at most {max(late):6.1f})   next result {statistics.median(following):6.1f}"
            f" (at most {max(following):6.1f})"
        )


class _Watch:
    """Looks at the memory of a process a thousand times a second."""

    def __init__(self, process: psutil.Process, limit_bytes: int) -> None:
        self._process = process
        self._limit_bytes = limit_bytes
        self.crossed_at: float | None = None
        self.is_over = False

    def run(self) -> None:
        """Returns when it is told that all is over, or the limit was passed."""
        with contextlib.suppress(psutil.NoSuchProcess):
            while not self.is_over and self.crossed_at is None:
                if self._process.memory_info().rss > self._limit_bytes:
                    self.crossed_at = time.perf_counter()
                time.sleep(0.001)


async def main(folder: Path, quick: bool) -> None:
    """All of it, one line each."""
    rounds = 5 if quick else 9
    count = 50_000 if quick else 300_000
    parts: tuple[Callable[[Path], Coroutine[object, object, None]], ...] = (
        lambda folder: scanning(folder, rounds, count),
        lambda folder: layer_by_layer(folder, rounds, count // 2),
        lambda folder: starting(folder, rounds * 3),
        lambda folder: without_compilers(folder, rounds, count),
        lambda folder: one_isolate_each(folder, rounds, 20 if quick else 100),
        lambda folder: killing(rounds),
    )
    for part in parts:
        await part(folder)


if __name__ == "__main__":
    if sys.platform != "linux":
        raise SystemExit("the operating system's layers are Linux's")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, fewer rounds")
    is_quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as name:
        # The unprivileged user that a generation of root becomes must be able to read it.
        Path(name).chmod(0o755)
        (Path(name) / "bare.js").write_text(BARE_HOST, encoding="utf-8")
        asyncio.run(main(Path(name), is_quick))
