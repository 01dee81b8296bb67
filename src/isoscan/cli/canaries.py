"""Plugins that try to break out, run for real: what `isoscan doctor` believes of a sandbox.

Each is run in an executor of its own over two transactions, and told in a header where the bait
lies. Whether it was stopped is judged from outside wherever that can be seen: by a secret in its
results, a file, a connection, or the verdict.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from ..errors import IsoscanError
from ..executor import PluginExecutor
from ..models import (
    MIB,
    HttpRequest,
    HttpResponse,
    HttpTransaction,
    Limits,
    PluginMetadata,
    SandboxLevel,
    ScanResult,
    Verdict,
)

_VARIABLE = "ISOSCAN_CANARY"
_THROUGH = "THROUGH"
#: More than the memory canary may have: it says so when it gets there.
_BOMB_MIB = 512
#: `each` runs attempts and reports what they brought back; `bait` is what the header says.
PRELUDE = """
const bait = (t) => JSON.parse(t.request.headers["x-bait"]);
const each = async (...attempts) => {
  for (const attempt of attempts) {
    try {
      const got = await attempt();
      isoscan.report({ title: "tried", evidence: String(got).slice(0, 4096) });
    } catch {}
  }
};
const through = () => isoscan.report({ title: "THROUGH" });
"""


class Canary(NamedTuple):
    """One attack: what it tries, its code, and the verdicts that mean it was stopped (None: any)."""

    name: str
    tries: str
    code: str
    limits: Limits
    verdicts: frozenset[Verdict] | None = None


class Outcome(Struct, frozen=True):
    """What came of one canary. `is_stopped` is None when it could not be run."""

    name: str
    tries: str
    is_stopped: bool | None
    detail: str


class _Bait(NamedTuple):
    folder: Path
    secret: str
    server: socket.socket


_SHORT = Limits(timeout_s=5.0, memory_bytes=256 * MIB)
_TIMED_OUT = frozenset({Verdict.TIMEOUT})
_NO_MEMORY = frozenset({Verdict.OUT_OF_MEMORY, Verdict.ERROR})

CANARIES = (
    Canary(
        "read",
        "read a file of this user",
        """export async function scan_transaction(t) {
  const { file } = bait(t);
  await each(
    () => Deno.readTextFileSync(file),
    async () => (await import("node:fs")).readFileSync(file, "utf8"),
    async () => JSON.stringify(await import("file://" + file, { with: { type: "json" } })),
    async () => (await fetch("file://" + file)).text(),
    () => isoscan.readAssetText(file),
  );
}""",
        _SHORT,
    ),
    Canary(
        "write",
        "leave a file behind",
        """export async function scan_transaction(t) {
  const { folder } = bait(t);
  await each(
    () => Deno.writeTextFileSync(folder + "/left", "x"),
    async () => (await import("node:fs")).writeFileSync(folder + "/left", "x"),
    () => { localStorage.setItem("left", "x"); through(); },
  );
}""",
        _SHORT,
    ),
    Canary(
        "network",
        "connect to a server on this machine",
        """export async function scan_transaction(t) {
  const { port } = bait(t);
  await each(
    () => Deno.connect({ port }),
    () => fetch("http://127.0.0.1:" + port),
    async () => (await import("node:net")).connect(port, "127.0.0.1"),
    () => new WebSocket("ws://127.0.0.1:" + port),
    () => import("http://127.0.0.1:" + port + "/x.js"),
  );
}""",
        _SHORT,
    ),
    Canary(
        "environment",
        "read an environment variable",
        """export async function scan_transaction(t) {
  const { variable } = bait(t);
  await each(
    () => Deno.env.get(variable),
    () => process.env[variable],
    async () => (await import("node:process")).env[variable],
    () => Deno.readTextFileSync("/proc/self/environ"),
  );
}""",
        _SHORT,
    ),
    Canary(
        "process",
        "start a program or a worker",
        """export async function scan_transaction(t) {
  const { folder } = bait(t);
  const arguments_ = ["-c", "echo x > " + folder + "/left"];
  await each(
    () => new Deno.Command("/bin/sh", { args: arguments_ }).outputSync(),
    async () => (await import("node:child_process")).spawnSync("/bin/sh", arguments_),
    () => { new Worker("data:text/javascript,", { type: "module" }); through(); },
  );
}""",
        _SHORT,
    ),
    Canary(
        "memory",
        "use more than its limit of 64 MiB",
        f"""export function scan_transaction(t) {{
  const kept = [];
  for (let mib = 0; mib < {_BOMB_MIB}; mib += 8) kept.push(new Uint8Array(8 << 20).fill(1));
  through();
}}""",
        Limits(timeout_s=10.0, memory_bytes=64 * MIB, max_attempts=1),
        _NO_MEMORY,
    ),
    Canary(
        "loop",
        "run on after its time limit",
        "export function scan_transaction(t) { for (;;) {} }",
        Limits(timeout_s=0.3, memory_bytes=256 * MIB, max_attempts=1),
        _TIMED_OUT,
    ),
    Canary(
        "transaction",
        "read a transaction it was not given, or is no longer given",
        """let kept = null;
const seen = [];
const hooked = [[Uint8Array.prototype, "set"], [TextDecoder.prototype, "decode"], [JSON, "parse"]];
for (const [owner, name] of hooked) {
  const real = owner[name];
  owner[name] = function (...given) { seen.push(this, ...given); return real.apply(this, given); };
}
const text = (bytes) => Array.from(new Uint8Array(bytes), (code) => String.fromCharCode(code)).join("");
export async function scan_transaction(t) {
  if (kept === null) {
    kept = t;
    // Everything around its own body, which is left alone for the second scan.
    await each(
      () => text(t.request.body.buffer),
      () => seen.map((value) => ArrayBuffer.isView(value) ? text(value.buffer) : String(value)).join(),
    );
  } else {
    await each(() => kept.response.text(), () => text(kept.response.body));
  }
}""",
        _SHORT,
    ),
)


async def fly(canary: Canary, deno: str, sandbox: SandboxLevel) -> Outcome:
    """Runs one canary and looks at what it left behind; every failure is an outcome."""
    try:
        with _lay_bait() as bait:
            first, second = (_transaction(bait, mark) for mark in ("first", "second"))
            executor = PluginExecutor(
                PluginMetadata(id=f"canary-{canary.name}"),
                PRELUDE + canary.code,
                limits=canary.limits,
                deno=deno,
                sandbox=sandbox,
            )
            async with executor:
                results = [result async for result in executor.scan_many([first, second])]
            why = _breach(canary, results, bait)
    except (IsoscanError, OSError) as error:
        return Outcome(canary.name, canary.tries, None, str(error))
    if why:
        return Outcome(canary.name, canary.tries, False, why)
    return Outcome(canary.name, canary.tries, True, _shown(results))


def _breach(canary: Canary, results: list[ScanResult], bait: _Bait) -> str:
    """What it reached, in words; empty when it was stopped."""
    if any(finding.title == _THROUGH for result in results for finding in result.findings):
        return "it went through"
    texts = [_everything(result) for result in results]
    if any(bait.secret in text for text in texts):
        return "its result holds the secret"
    if _mark(bait, "second") in texts[0] or _mark(bait, "first") in texts[1]:
        return "its result holds bytes of another transaction"
    if any(path.name != "secret.json" for path in bait.folder.iterdir()):
        return "it left a file behind"
    with contextlib.suppress(BlockingIOError):
        bait.server.accept()[0].close()
        return "it connected"
    wrong = [
        result.verdict for result in results if canary.verdicts and result.verdict not in canary.verdicts
    ]
    return f"its verdict is {wrong[0].value}" if wrong else ""


def _shown(results: list[ScanResult]) -> str:
    """Verdicts, and what was recorded as denied."""
    verdicts = ", ".join(dict.fromkeys(result.verdict.value for result in results))
    denied = sorted({denial.permission for result in results for denial in result.denials})
    return f"verdict {verdicts}" + (f"; recorded as denied: {', '.join(denied)}" if denied else "")


def _everything(result: ScanResult) -> str:
    parts = [line.text for line in result.console] + [str(result.error)]
    return "\n".join(parts + [f"{finding.title}\n{finding.evidence}" for finding in result.findings])


def _mark(bait: _Bait, name: str) -> str:
    return f"{name}-{bait.secret[::-1]}"


def _transaction(bait: _Bait, mark: str) -> HttpTransaction:
    places = {
        "file": str(bait.folder / "secret.json"),
        "folder": str(bait.folder),
        "port": bait.server.getsockname()[1],
        "variable": _VARIABLE,
    }
    return HttpTransaction(
        HttpRequest(
            "GET", "http://canary.example/", headers=(("X-Bait", json.dumps(places)),), body=b"request"
        ),
        HttpResponse(200, body=_mark(bait, mark).encode()),
    )


@contextlib.contextmanager
def _lay_bait() -> Iterator[_Bait]:
    """A secret in a file and in the environment, a folder to write to, a server to connect to."""
    secret = secrets.token_hex(12)
    with (
        tempfile.TemporaryDirectory(prefix="isoscan-doctor-") as name,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        server.setblocking(False)
        folder = Path(name)
        folder.chmod(0o777)  # whatever user the generation runs as, its rights are not what stops it
        (folder / "secret.json").write_text(f'{{"secret": "{secret}"}}', encoding="utf-8")
        (folder / "secret.json").chmod(0o644)
        os.environ[_VARIABLE] = secret
        try:
            yield _Bait(folder, secret, server)
        finally:
            os.environ.pop(_VARIABLE, None)
