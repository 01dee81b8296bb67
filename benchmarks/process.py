"""The benchmark's side of a contender's process: asked with a bound, ended with everything it started."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import psutil

from .worker import Answer, Command

ROOT = Path(__file__).parent.parent
_POLL_S = 0.05
#: More than this and a contender endangers the machine; only hostile plugins get there.
MEMORY_BOUND_BYTES = 1536 * 1024 * 1024


class ContenderFailed(Exception):
    """It said why it cannot go on, or died."""


class ContenderHung(Exception):
    """It did not answer in time, or grew beyond all bounds, and was killed."""


class Process:
    """A contender with one workload in a process group of its own, out of reach of Ctrl-C."""

    def __init__(self, contender: str, workload: Path) -> None:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as this object
        path = os.pathsep.join(filter(None, (str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", contender, str(workload)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            # What it leaves when it is killed goes away with the run's own folder.
            env={**os.environ, "PYTHONPATH": path, "TMPDIR": str(workload.parent)},
            cwd=ROOT,
            start_new_session=True,
        )
        self._unread = b""
        self.is_over = False

    @property
    def pid(self) -> int:
        """The process id, which is also its group's."""
        return self._process.pid

    def pause(self) -> None:
        """Stops it until `wake`: some spin while they wait, and would slow the others down."""
        if not self.is_over:
            os.killpg(self._process.pid, signal.SIGSTOP)

    def wake(self) -> None:
        """It may run again."""
        if not self.is_over:
            os.killpg(self._process.pid, signal.SIGCONT)

    def send(self, command: Command) -> None:
        """Asks; several processes may be asked before the first is listened to."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # the answer will tell
            self._process.stdin.write(msgspec.json.encode(command) + b"\n")
            self._process.stdin.flush()

    def answer(self, bound_s: float, memory_bound_bytes: int | None = None) -> Any:
        """What it answers. Raises `ContenderFailed` or `ContenderHung`; it is gone then."""
        deadline = time.monotonic() + bound_s
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        while b"\n" not in self._unread:
            if not select.select([descriptor], [], [], _POLL_S)[0]:
                if time.monotonic() > deadline:
                    self.kill()
                    raise ContenderHung(f"no answer within {bound_s:.0f} s: killed")
                if memory_bound_bytes is not None and self._rss_bytes() > memory_bound_bytes:
                    self.kill()
                    raise ContenderHung(f"grew beyond {memory_bound_bytes >> 20} MiB: killed")
                continue
            data = os.read(descriptor, 1 << 20)
            if not data:
                code = self._process.wait()
                how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
                words = self._last_words()
                self.kill()
                raise ContenderFailed(f"its process died: {how}{words}")
            self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        answer = msgspec.json.decode(line, type=Answer)
        if answer.error:
            self.kill()
            raise ContenderFailed(answer.error)
        return answer.value

    def ask(self, command: Command, bound_s: float, memory_bound_bytes: int | None = None) -> Any:
        """Both."""
        self.send(command)
        return self.answer(bound_s, memory_bound_bytes)

    def _family(self) -> list[psutil.Process]:
        try:
            root = psutil.Process(self._process.pid)
            return [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _rss_bytes(self) -> int:
        total = 0
        for process in self._family():
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
        return total

    def _last_words(self) -> str:
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        telling = [line.strip() for line in lines if "ERROR" in line or "FATAL" in line or "Error" in line]
        return f" ({(telling or lines)[0].strip()[:160]})" if lines else ""

    def end(self) -> None:
        """Kills it and all it started; whoever waits for its answer is told that it died."""
        for process in self._family():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def kill(self) -> None:
        """Kills it and lets go of it: nobody asks it any more."""
        if self.is_over:
            return
        self.is_over = True
        self.end()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._stderr):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):
                stream.close()
