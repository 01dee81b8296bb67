"""What nothing can beat, measured in the same run: the isolate alone, Python alone, a bare exchange.

The isolate alone is isoscan's own host program whose channel lies in memory: the same bytes are
decoded, scanned and encoded, and none travels. Python alone is all of isoscan with a child that
does nothing. The bare exchange is one message each way between two processes.
"""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec

from benchmarks.contender import JS, Contender, Findings, Outcome, Tally, Wire, adapter, batches, decoded
from benchmarks.workloads import PluginText, Workload
from isoscan import Limits, Permissions
from isoscan.sandbox import deno
from isoscan.sandbox.frames import (
    Results,
    ScanEntry,
    encode_batch,
    encode_load,
    encode_scan,
)

from .ours import AsyncSession

#: A plugin's part of a round is at least this long where many take turns.
_LEAST_S = 0.02
#: Lengths of a batch's rows and of its bodies, as `bare_loop.js` reads them.
_BARE_HEAD = struct.Struct("<II")
#: Where the main module begins in the built host.
_MAIN_MODULE = "// src/isoscan/sandbox/runtime/host.ts\n"
_results = msgspec.json.Decoder(Results)


class _Loop:
    """One process with one plugin and all orders in memory."""

    def __init__(self, plugin: PluginText, workload: Workload, folder: Path) -> None:
        file = folder / f"{plugin.id}.orders"
        file.write_bytes(self._input(plugin, workload))
        binary = deno.find_deno()
        command = deno.generation_command(binary, Limits(), Permissions())
        v8_flags = next(word for word in command if word.startswith("--v8-flags="))
        flags = ("--quiet", "--no-prompt", "--no-remote", "--no-config", "--no-lock", "--no-check", v8_flags)
        self._process = subprocess.Popen(
            [binary, "run", *flags, f"--allow-read={file}", *self._program(plugin, folder), file],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=deno.generation_environment(),
        )
        if (said := self._answer()) != "ready":
            raise RuntimeError(f"the loop's plugin {plugin.id} did not load: {said}")

    def _input(self, plugin: PluginText, workload: Workload) -> bytes:
        """What lies in memory."""
        return _orders(plugin, workload)

    def _program(self, plugin: PluginText, folder: Path) -> tuple[str | Path, ...]:
        """The host, with a channel that lies in memory."""
        del plugin  # it comes with the first order
        channel = (deno.RUNTIME / "channel.ts").as_uri()
        imports = folder / "imports.json"
        imports.write_bytes(msgspec.json.encode({"imports": {channel: (JS / "loop_channel.ts").as_uri()}}))
        return f"--import-map={imports}", deno.RUNTIME / "host.ts"

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the loop ended with code {self._process.wait()}")
        return msgspec.json.decode(line)

    def ask(self, command: str) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(command.encode() + b"\n")
        self._process.stdin.flush()
        return self._answer()

    def findings(self) -> list[Findings]:
        """What the plugin finds in each transaction."""
        found: list[Findings] = []
        for reply in self.ask("results"):
            for entry in _results.decode(reply).entries:
                if isinstance(entry, ScanEntry) and (entry.error or entry.invalid):
                    raise RuntimeError(entry.invalid or str(entry.error))
                raw = entry.findings if isinstance(entry, ScanEntry) else []
                found.append([msgspec.json.decode(text) for _, text in raw])
        return found

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


class _BareLoop(_Loop):
    """The same traffic and the same plugin without isoscan's host."""

    def _input(self, plugin: PluginText, workload: Workload) -> bytes:
        del plugin  # it is in the program
        frames = []
        for batch in batches(workload.transactions):
            wire = Wire.of(batch)
            head, bodies = wire.heads.encode(), b"".join(wire.bodies)
            frames.append(_BARE_HEAD.pack(len(head), len(bodies)) + head + bodies)
        return b"".join(frames)

    def _program(self, plugin: PluginText, folder: Path) -> tuple[str | Path, ...]:
        script = folder / f"{plugin.id}.js"
        loop = (JS / "bare_loop.js").read_text(encoding="utf-8")
        script.write_text(f"{adapter([plugin])}\n{loop}", encoding="utf-8")
        return (script,)

    def findings(self) -> list[Findings]:
        return [row[0] if row else [] for rows in self.ask("results") for row in decoded(rows)]


def _orders(plugin: PluginText, workload: Workload) -> bytes:
    """What a generation would be sent: its plugin, then every transaction once."""
    limits = Limits()
    settings: dict[str, Any] = {
        "plugins": [
            {
                "modules": [{"name": plugin.id, "type": "text/javascript", "parts": [plugin.code]}],
                "config": {},
                "assets": {},
            }
        ],
        "nonce": "00" * 16,
        "has_network": False,
        "has_wasm": False,
        "determinism": None,
        "max_findings": limits.max_findings,
        "max_findings_bytes": limits.max_findings_bytes,
        "max_console_bytes": limits.max_console_bytes,
    }
    orders = [encode_load(0, settings)]
    orders += [
        encode_scan(number, [encode_batch(batch)])
        for number, batch in enumerate(batches(workload.transactions))
    ]
    return b"".join(orders)


class _LoopSession:
    """A loop for each plugin; they take turns."""

    def __init__(self, workload: Workload, make: type[_Loop] = _Loop) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="isoscan-bench-"))
        self._loops = [make(plugin, workload, self._folder) for plugin in workload.plugins]

    def outcomes(self, count: int) -> list[Outcome]:
        by_plugin = [loop.findings()[:count] for loop in self._loops]
        return [Outcome(list(row)) for row in zip(*by_plugin, strict=True)]

    def run(self, seconds: float) -> Tally:
        each_s = max(seconds / len(self._loops), _LEAST_S)
        # Every plugin scans the same transactions, so what counts is the time for one scan of each.
        scan_s = 0.0
        for loop in self._loops:
            scans, took_s = loop.ask(f"run {each_s}")
            scan_s += took_s / scans
        return Tally(len(self._loops), scan_s)

    def latencies_us(self, seconds: float) -> list[float]:
        raise NotImplementedError

    def close(self) -> None:
        for loop in self._loops:
            loop.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _null_host() -> str:
    """The host's own channel with a main module that does nothing."""
    modules, mark, _ = (deno.RUNTIME / "host.js").read_text(encoding="utf-8").partition(_MAIN_MODULE)
    if not mark:
        raise RuntimeError(
            f"host.js has no line {_MAIN_MODULE.strip()!r}: build it with tools/build_runtime.py"
        )
    return modules + (JS / "null_host.js").read_text(encoding="utf-8")


class _PythonSession(AsyncSession):
    """isoscan with children that call every transaction clean."""

    def __init__(self, workload: Workload) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="isoscan-bench-"))
        # The unprivileged user that a generation of root becomes must be able to read it.
        self._folder.chmod(0o755)
        host = self._folder / "null_host.js"
        host.write_text(_null_host(), encoding="utf-8")
        files = (deno.RUNTIME_FILES[0], host)
        with patch("isoscan.sandbox.generation.RUNTIME_FILES", files):
            super().__init__(workload)

    def close(self) -> None:
        super().close()
        shutil.rmtree(self._folder, ignore_errors=True)


class _EchoSession:
    """A message of one transaction's size each way, over a pair of sockets, blocking on both ends."""

    def __init__(self, workload: Workload) -> None:
        self._order = encode_scan(1, [encode_batch(workload.transactions[:1])])
        self._ours, theirs = socket.socketpair()
        reply = b"r" * 48
        self._child = os.fork()
        if self._child == 0:
            self._ours.close()
            while theirs.recv(1 << 20):
                theirs.send(reply)
            os._exit(0)
        theirs.close()

    def outcomes(self, count: int) -> list[Outcome]:
        del count
        return []

    def run(self, seconds: float) -> Tally:
        took = self.latencies_us(seconds)
        return Tally(len(took), sum(took) / 1e6)

    def latencies_us(self, seconds: float) -> list[float]:
        took: list[float] = []
        deadline = time.perf_counter() + seconds
        while True:
            began = time.perf_counter()
            self._ours.send(self._order)
            self._ours.recv(1 << 16)
            now = time.perf_counter()
            took.append((now - began) * 1e6)
            if now >= deadline:
                return took

    def close(self) -> None:
        self._ours.close()
        os.waitpid(self._child, 0)


_NONE = "not asked: it is a limit, not a sandbox"

LOOP = Contender(
    name="limit",
    title="limit: the isolate alone",
    kind="limit",
    cores="one",
    open=_LoopSession,
    isolation=_NONE,
)
LOOPS = Contender(
    name="limit-all",
    title="limit: an isolate alone on every core",
    kind="limit",
    cores="all",
    open=_LoopSession,
    isolation=_NONE,
    copies=True,
)
BARE = Contender(
    name="bare-limit",
    title="limit: an isolate without any guard",
    kind="limit",
    cores="one",
    open=lambda workload: _LoopSession(workload, _BareLoop),
    isolation=_NONE,
)
PYTHON = Contender(
    name="python-side",
    title="limit: the Python side alone",
    kind="limit",
    cores="one",
    open=_PythonSession,
    isolation=_NONE,
    checks=0,
)
ECHO = Contender(
    name="echo",
    title="limit: a bare exchange between two processes",
    kind="limit",
    cores="one",
    open=_EchoSession,
    isolation=_NONE,
    checks=0,
    has_rate=False,
    has_latency=True,
)
