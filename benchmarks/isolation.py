"""What a hostile plugin can do to the program that runs it: six probes per contender."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from msgspec import Struct

from isoscan import HttpRequest, HttpTransaction

from .contender import Contender, Outcome
from .process import MEMORY_BOUND_BYTES, ContenderFailed, ContenderHung, Process
from .records import IsolationRecord, ProbeRecord
from .worker import Command
from .workloads import Bounds, PluginText, Workload

_START_S = 30.0
_PROBE_S = 4.0
#: So long that not the timeout but a limit of memory ends the attack, where there is one.
_MEMORY_S = 4.0
_SERVED = "served"
_SAID_CHARS = 70
_SIDE_BY_SIDE = 4

_FILE = r"""
const PATH = %(path)s, SECRET = %(secret)s;
const ways = [
  () => Deno.readTextFileSync(PATH),
  () => Deno.core.ops.op_fs_read_file_text_sync(PATH),
  () => require("fs").readFileSync(PATH, "utf8"),
  () => process.getBuiltinModule("fs").readFileSync(PATH, "utf8"),
  () => process.mainModule.require("fs").readFileSync(PATH, "utf8"),
  () => process.binding("fs").readFileUtf8(PATH, 0),
  () => std.loadFile(PATH),
  () => read(PATH),
  () => load(PATH),
];
function attack() {
  for (const way of ways) {
    try {
      if (String(way()).includes(SECRET)) return { title: "read a file", evidence: String(way).slice(6) };
    } catch {}
  }
}
"""
_OBJECTS = r"""
const names = [
  "process.exit", "process.kill", "require", "Buffer", "Deno.exit", "Deno.Command", "Deno.readTextFileSync",
  "Deno.core.ops.op_panic", "Deno.core.ops.op_eval_context", "Deno.core.opNames", "os", "std",
];
function attack() {
  const found = names.filter((name) => {
    let value = globalThis;
    for (const part of name.split(".")) value = value?.[part];
    return typeof value === "function" || (typeof value === "object" && value !== null);
  });
  if (found.length > 0) return { title: "reaches objects of the host", evidence: found.join(", ") };
}
"""
_END = """
function attack() {
  const ways = [
    () => process.kill(process.pid, "SIGKILL"),
    () => process.exit(7),
    () => Deno.exit(7),
    () => Deno.core.ops.op_exit(),
    () => Deno.core.ops.op_panic("ended"),
    () => std.exit(7),
    () => quit(7),
  ];
  for (const way of ways) {
    try {
      way();
    } catch {}
  }
}
"""
_LOOP = "function attack() { while (true) {} }"
_HEAP = """
function attack() {
  const kept = [];
  while (true) kept.push(new Array(100_000).fill(kept.length + 0.5));
}
"""
_BUFFERS = """
function attack() {
  const kept = [];
  for (let i = 0; i < 512; i++) kept.push(new Uint8Array(1 << 20).fill(1));
  return { title: `holds ${kept.length} MiB of buffers` };
}
"""
_FRAME = """
export function scan_transaction(transaction) {
  if (transaction.request.url.endsWith("/harmless")) return { title: "served" };
  return attack();
}
"""


class Probe(Struct, frozen=True):
    """`may_return`: the attack ends by itself, and has failed when it found nothing.

    `timeout_s` is what contenders that have a timeout are given.
    """

    name: str
    code: str
    may_return: bool = False
    timeout_s: float = 1.0


def _workload(probe: Probe) -> Workload:
    """The attack, then an ordinary transaction for whoever survives it."""
    return Workload(
        name="probe",
        about="",
        plugins=[PluginText("probe", probe.code + _FRAME)],
        transactions=[
            HttpTransaction(HttpRequest("GET", f"https://shop.example/{name}", id=name))
            for name in ("hostile", "harmless")
        ],
        bounds=Bounds(timeout_s=probe.timeout_s),
    )


def _judge(probe: Probe, outcomes: list[Outcome]) -> ProbeRecord:
    hostile, harmless = outcomes
    serves_on = any(found["title"] == _SERVED for plugin in harmless.findings for found in plugin)
    findings = [found for plugin in hostile.findings for found in plugin]
    if findings:
        evidence = findings[0].get("evidence") or ""
        text = f"{findings[0]['title']}{f': {evidence}' if evidence else ''}"
        return ProbeRecord(probe=probe.name, is_contained=False, text=text)
    if not serves_on:
        return ProbeRecord(
            probe=probe.name,
            is_contained=False,
            text=f"serves no more afterwards ({(harmless.error or hostile.error or 'no answer')[:120]})",
        )
    if hostile.error:
        return ProbeRecord(
            probe=probe.name, is_contained=True, text=f"stopped ({hostile.error[:_SAID_CHARS]}), serves on"
        )
    text = "nothing found" if probe.may_return else "passed without being stopped"
    return ProbeRecord(probe=probe.name, is_contained=probe.may_return, text=text)


def _try(contender: Contender, probe: Probe, folder: Path, watch: Callable[[Process], None]) -> ProbeRecord:
    file = folder / f"{contender.name}-{probe.name.replace(' ', '-')}.json"
    file.write_bytes(msgspec.json.encode(_workload(probe)))
    process = Process(contender.name, file)
    watch(process)
    try:
        process.answer(_START_S)
    except (ContenderFailed, ContenderHung) as failure:
        process.kill()
        return ProbeRecord(probe=probe.name, is_contained=None, text=f"could not be tried: {failure}")
    try:
        raw = process.ask(Command("outcomes", count=2), _PROBE_S + probe.timeout_s, MEMORY_BOUND_BYTES)
        return _judge(probe, msgspec.convert(raw, list[Outcome]))
    except ContenderHung as hung:
        return ProbeRecord(probe=probe.name, is_contained=False, text=f"the program hangs: {hung}")
    except ContenderFailed as failure:
        return ProbeRecord(probe=probe.name, is_contained=False, text=f"the program fails: {failure}")
    finally:
        process.kill()


def probe_all(contenders: Iterable[Contender], watch: Callable[[Process], None]) -> list[IsolationRecord]:
    """Tries every probe on every contender, each in a process of its own, some side by side.

    `watch` hears of each process, so that whoever breaks the run off can end them.
    """
    with tempfile.TemporaryDirectory(prefix="isoscan-bench-") as name:
        folder = Path(name)
        # Isolates that run as another user must be able to reach the file, or its mode would protect it.
        folder.chmod(0o755)
        secret = secrets.token_hex(16)
        (folder / "secret.txt").write_text(secret, encoding="utf-8")
        path = msgspec.json.encode(str(folder / "secret.txt")).decode()
        probes = (
            Probe("read a file", _FILE % {"path": path, "secret": f'"{secret}"'}, may_return=True),
            Probe("reach the host", _OBJECTS, may_return=True),
            Probe("end the program", _END, may_return=True),
            Probe("loop for ever", _LOOP),
            Probe("fill the heap", _HEAP, timeout_s=_MEMORY_S),
            Probe("fill buffers", _BUFFERS, timeout_s=_MEMORY_S),
        )
        chosen = list(contenders)
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as threads:
            try:
                tried = [
                    [threads.submit(_try, contender, probe, folder, watch) for probe in probes]
                    for contender in chosen
                ]
                return [
                    IsolationRecord(
                        contender=contender.name,
                        about=contender.isolation,
                        probes=[future.result() for future in futures],
                    )
                    for contender, futures in zip(chosen, tried, strict=True)
                ]
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                raise
