"""Contenders that run in Node: a script beside `package.json`, which is asked over a pipe."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.contender import Outcome, Tally, Wire, adapter
from benchmarks.workloads import Workload

NODE = Path(__file__).parent.parent / "node"


def node_binary() -> str | None:
    """Node, where there is one."""
    return shutil.which("node")


def missing(package: str | None) -> Callable[[], str | None]:
    """Says what has to be installed for a script that needs `package`."""

    def why() -> str | None:
        if node_binary() is None:
            return "not installed: Node 20 or newer from https://nodejs.org"
        if package is not None and not (NODE / "node_modules" / package).is_dir():
            return f"not installed: npm ci --prefix benchmarks/node ({package})"
        return None

    return why


def version_of(package: str) -> Callable[[], str]:
    """Says which version of an npm package is installed."""

    def version() -> str:
        try:
            described = (NODE / "node_modules" / package / "package.json").read_bytes()
        except FileNotFoundError:
            return ""
        return f"{package} {msgspec.json.decode(described)['version']}"

    return version


class NodeSession:
    """A Node program that holds the transactions and owns the isolates, as its users' programs do."""

    def __init__(self, script: str, workload: Workload) -> None:
        binary = node_binary()
        assert binary is not None
        self._folder = Path(tempfile.mkdtemp(prefix="isoscan-bench-"))
        file = self._folder / "workload.json"
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(msgspec.json.encode(self._spec(workload)))
        self._process = subprocess.Popen(
            [binary, NODE / script, file],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._answer()

    @staticmethod
    def _spec(workload: Workload) -> dict[str, Any]:
        wires = [Wire.of([transaction]) for transaction in workload.transactions]
        return {
            "adapters": [adapter([plugin]) for plugin in workload.plugins],
            "transactions": [{"head": wire.heads[1:-1], "bodies": wire.bodies} for wire in wires],
            "bounds": workload.bounds,
        }

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"node ended with code {self._process.wait()}")
        answer = msgspec.json.decode(line)
        if isinstance(answer, dict) and "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def _ask(self, **command: Any) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(command) + b"\n")
        self._process.stdin.flush()
        return self._answer()

    def outcomes(self, count: int) -> list[Outcome]:
        """See `Session`."""
        return msgspec.convert(self._ask(verb="outcomes", count=count), list[Outcome])

    def run(self, seconds: float) -> Tally:
        """See `Session`."""
        scans, took_s = self._ask(verb="run", seconds=seconds)
        return Tally(scans, took_s)

    def latencies_us(self, seconds: float) -> list[float]:
        """See `Session`."""
        return msgspec.convert(self._ask(verb="latencies", seconds=seconds), list[float])

    def close(self) -> None:
        """Ends the program."""
        self._process.kill()
        self._process.communicate()
        shutil.rmtree(self._folder, ignore_errors=True)
