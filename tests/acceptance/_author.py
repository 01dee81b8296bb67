"""A command that stays, and what it says while it does."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator

from acceptance._command import DEADLINE_S, Done, Workspace


class Staying:
    """A running command whose standard error is read line by line."""

    def __init__(self, workspace: Workspace, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.said = ""
        self._workspace = workspace
        self._seen = 0

    def wait_for(self, text: str) -> str:
        """What it says up to the end of the next line with this text in it."""
        end = time.monotonic() + DEADLINE_S
        assert self.process.stderr is not None
        stream = self.process.stderr.fileno()
        while True:
            at = self.said.find(text, self._seen)
            stop = self.said.find("\n", at) if at >= 0 else -1
            if stop >= 0:
                found, self._seen = self.said[self._seen : stop + 1], stop + 1
                return found
            ready, _, _ = select.select([stream], [], [], max(end - time.monotonic(), 0))
            assert ready, f"it did not say {text!r} but {self.said!r}"
            data = os.read(stream, 65_536)
            assert data, f"it ended without saying {text!r} but {self.said!r}"
            self.said += data.decode()

    def stop(self) -> Done:
        """Ends it as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        return self.finish()

    def finish(self) -> Done:
        """Waits for its end; `stderr` is all it ever said."""
        done = self._workspace.finish(self.process)
        return Done(done.code, done.stdout, self.said + done.stderr)


@contextlib.contextmanager
def staying(workspace: Workspace, *arguments: str) -> Iterator[Staying]:
    """The command, started."""
    with workspace.started(*arguments) as process:
        yield Staying(workspace, process)
