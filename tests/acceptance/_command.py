"""Runs the real command in a folder of its own, with captures and plugins written as text."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, NamedTuple

import psutil

COMMAND = (sys.executable, "-m", "isoscan")
#: Bounds every wait, so that a hang fails one test and not the whole run.
DEADLINE_S = 60.0
#: What the terminal, the user or the test run itself may have set and would change the output.
_UNWANTED = ("FORCE_COLOR", "NO_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE", "PYTHONDEVMODE")

#: A plugin that answers as the transaction's path says.
PROBE = """
export const metadata = { id: "probe" };

const cycle: Record<string, unknown> = { title: "a circle" };
cycle.self = cycle;

const answers: Record<string, () => unknown> = {
  clean: () => null,
  info: () => ({ title: "Seen", severity: "info" }),
  low: () => ({ title: "Seen", severity: "low" }),
  medium: () => ({ title: "Seen", severity: "medium" }),
  high: () => ({ title: "Seen", severity: "high" }),
  critical: () => ({ title: "Seen", severity: "critical" }),
  slow: () => {
    const end = Date.now() + 20;
    while (Date.now() < end) {}
    return { title: "Seen", severity: "medium" };
  },
  loop: () => { while (true) {} },
  throw: () => { throw new Error("thrown on purpose"); },
  never: () => new Promise(() => {}),
  cycle: () => cycle,
  bigint: () => ({ title: "a number", extra: 1n }),
  function: () => () => 1,
  number: () => 7,
  untitled: () => ({ description: "no title" }),
  severity: () => ({ title: "Seen", severity: "awful" }),
  huge: () => ({ title: "x".repeat(200_000_000) }),
  memory: () => { const kept = []; while (true) kept.push(new Array(1_000_000).fill(kept)); },
};

export function scan_transaction(transaction: { request: { url: string } }): unknown {
  const [, name] = new URL(transaction.request.url).pathname.split("/");
  return answers[name]();
}
"""


def entry(url: str = "http://shop.example/clean", *, text: str = "", status: int = 200) -> dict[str, Any]:
    """One HAR entry with the given response body."""
    return {
        "startedDateTime": "2026-03-01T12:00:00.000Z",
        "time": 1,
        "request": {"method": "GET", "url": url, "httpVersion": "HTTP/1.1", "headers": []},
        "response": {
            "status": status,
            "statusText": "",
            "httpVersion": "HTTP/1.1",
            "headers": [{"name": "Content-Type", "value": "text/plain"}],
            "content": {"size": len(text), "mimeType": "text/plain", "text": text},
        },
    }


def har(*entries: dict[str, Any]) -> str:
    """A HAR document."""
    log = {"version": "1.2", "creator": {"name": "test", "version": "1"}, "entries": list(entries)}
    return json.dumps({"log": log})


class Done(NamedTuple):
    """A command that ended."""

    code: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        """Standard output as text."""
        return self.stdout.decode()

    @property
    def findings(self) -> list[dict[str, Any]]:
        """Standard output as JSON Lines."""
        return parse_lines(self.stdout)


def parse_lines(data: bytes) -> list[dict[str, Any]]:
    """JSON Lines, every line an object."""
    assert data == b"" or data.endswith(b"\n")
    found = [json.loads(line) for line in data.splitlines()]
    assert all(isinstance(item, dict) for item in found)
    return found


class Workspace:
    """A folder the command runs in. Its temporary files would lie in a folder that must stay empty."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "work"
        self.temporary = folder / "temporary"
        self.home = folder / "home"
        self.data = folder / "data"
        for path in (self.folder, self.temporary, self.home, self.data):
            path.mkdir()

    def write(self, name: str, content: str | bytes) -> Path:
        """A file below the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def capture(self, name: str, *names: str) -> Path:
        """A HAR file whose entries tell `PROBE` what to do."""
        return self.write(name, har(*(entry(f"http://shop.example/{path}") for path in names)))

    def environment(self, **changes: str) -> dict[str, str]:
        """The environment of the command."""
        kept = {name: value for name, value in os.environ.items() if name not in _UNWANTED}
        return {
            **kept,
            "TMPDIR": str(self.temporary),
            "HOME": str(self.home),
            "XDG_DATA_HOME": str(self.data),
            **changes,
        }

    def run(self, *arguments: str, stdin: bytes = b"", **environment: str) -> Done:
        """Runs the command to its end; fails if it left a temporary file."""
        done = subprocess.run(
            [*COMMAND, *arguments],
            input=stdin,
            capture_output=True,
            cwd=self.folder,
            env=self.environment(**environment),
            timeout=DEADLINE_S,
            check=False,
        )
        return self.done(done.returncode, done.stdout, done.stderr)

    def run_without(self, descriptor: int, *arguments: str) -> Done:
        """Runs the command with one of its standard streams closed."""
        script = f'exec "$@" {descriptor}{"<" if descriptor == 0 else ">"}&-'
        done = subprocess.run(
            ["/bin/sh", "-c", script, "sh", *COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=self.folder,
            env=self.environment(),
            timeout=DEADLINE_S,
            check=False,
        )
        return self.done(done.returncode, done.stdout, done.stderr)

    def done(self, code: int, stdout: bytes, stderr: bytes) -> Done:
        """What every run owes, checked: no traceback, nothing left in the folders for it."""
        text = stderr.decode()
        assert "Traceback" not in text
        assert "Exception ignored" not in text
        assert list(self.temporary.iterdir()) == []
        assert list(self.home.iterdir()) == []
        return Done(code, stdout, text)

    @contextlib.contextmanager
    def started(
        self, *arguments: str, stdout: int | IO[bytes] = subprocess.PIPE, stdin: int = subprocess.DEVNULL
    ) -> Iterator[subprocess.Popen[bytes]]:
        """The running command, in a process group of its own; killed if the test gives up."""
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=self.environment(),
            process_group=0,
        )
        with process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    for child in psutil.Process(process.pid).children(recursive=True):
                        with contextlib.suppress(psutil.NoSuchProcess):
                            child.kill()
                    process.kill()

    def finish(self, process: subprocess.Popen[bytes]) -> Done:
        """Waits for the end of a started command; `stdout` is what was not read yet."""
        stdout, stderr = process.communicate(timeout=DEADLINE_S)
        return self.done(process.returncode, stdout or b"", stderr)


class Batch:
    """Many runs that touch none of each other's files, as many at a time as there are processors."""

    def __init__(self, workspace: Workspace, commands: Iterable[Sequence[str]]) -> None:
        self._pool = ThreadPoolExecutor(os.cpu_count() or 1)
        self._runs = {tuple(words): self._pool.submit(workspace.run, *words) for words in commands}

    def done(self, *arguments: str) -> Done:
        """What became of one of the commands."""
        return self._runs[arguments].result()

    def close(self) -> None:
        """Runs nothing more."""
        self._pool.shutdown(cancel_futures=True)


def make_workspace(folder: Path) -> Workspace:
    """A workspace with `probe.ts` and the capture `one.har`, on which the probe finds nothing."""
    workspace = Workspace(folder)
    workspace.write("probe.ts", PROBE)
    workspace.capture("one.har", "clean")
    return workspace


def generations_of(process: subprocess.Popen[bytes], count: int = 1) -> list[psutil.Process]:
    """The generations of a running command, as soon as there are that many."""
    parent = psutil.Process(process.pid)
    end = time.monotonic() + DEADLINE_S
    while len(found := [child for child in parent.children(recursive=True) if _is_generation(child)]) < count:
        assert process.poll() is None, "the command ended before it started a generation"
        assert time.monotonic() < end, "the command started no generation"
        time.sleep(0.002)
    return found


def _is_generation(process: psutil.Process) -> bool:
    try:
        return any(word.startswith("/dev/fd/") for word in process.cmdline())
    except psutil.Error:
        return False


def wait_until_busy(*processes: psutil.Process, cpu_s: float = 1.0) -> None:
    """Returns when one of them has used that much processor time: far more than loading takes."""
    end = time.monotonic() + DEADLINE_S
    while max(sum(process.cpu_times()[:2]) for process in processes) < cpu_s:
        assert time.monotonic() < end, "no process got busy"
        time.sleep(0.01)


def assert_gone(processes: Sequence[psutil.Process], deadline_s: float = DEADLINE_S) -> None:
    """Fails if one of them outlives the deadline."""
    assert processes
    _, alive = psutil.wait_procs(list(processes), timeout=deadline_s)
    assert alive == []


def assert_refused(done: Done, *words: str, code: int = 2) -> None:
    """One message that names what is wrong, nothing on standard output, the exit code."""
    assert done.stderr.startswith("isoscan: ")
    for word in words:
        assert word in done.stderr
    assert done.stdout == b""
    assert done.code == code
