"""Where findings go: standard output or a file, written without buffering in between."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

from ..errors import ConfigError, InputError

_STDOUT_FD = 1


class OutputClosed(Exception):
    """Nobody reads the output any more."""


class Output:
    """A place to write bytes to. A file is opened at once and emptied only when the run begins.

    `is_writing` tells a signal handler that a write may be blocked.
    """

    def __init__(self, name: str) -> None:
        self.is_writing = False
        self.is_stdout = name == "-"
        self.shown_name = "standard output" if self.is_stdout else name
        self._is_new = False
        if self.is_stdout:
            self._fd = _STDOUT_FD
            return
        try:
            self._is_new = not os.path.lexists(name)
            # Findings quote traffic, so the file is its owner's alone from the first byte on.
            self._fd = os.open(name, os.O_WRONLY | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigError(f"--output {name}: cannot write there: {error.strerror}") from error
        self._name = name

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads it as it is written."""
        return os.isatty(self._fd)

    def check_is_not(self, paths: Iterable[str]) -> None:
        """Refuses to write over a file that the run reads."""
        own = os.fstat(self._fd)
        for path in paths:
            try:
                same = os.path.samestat(own, Path(path).stat())
            except OSError:
                continue  # it is not there, or not readable: whoever reads it says so
            if same and stat.S_ISREG(own.st_mode):
                raise ConfigError(f"--output {self.shown_name}: is {path}, which this run reads")

    def begin(self) -> None:
        """Empties a file that was there before and makes it its owner's alone."""
        if not self.is_stdout and stat.S_ISREG(os.fstat(self._fd).st_mode):
            os.fchmod(self._fd, 0o600)
            os.ftruncate(self._fd, 0)
            self._is_new = False

    def write(self, data: bytes) -> int:
        """Writes everything; raises `OutputClosed` or `InputError`."""
        view = memoryview(data)
        self.is_writing = True
        try:
            while view:
                view = view[os.write(self._fd, view) :]
        except BrokenPipeError as error:
            raise OutputClosed from error
        except OSError as error:
            raise InputError(f"{self.shown_name}: cannot write: {error.strerror}") from error
        finally:
            self.is_writing = False
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""

    def close(self) -> None:
        """Closes a file; one that was made for a run that never began is taken away again."""
        if self.is_stdout:
            return
        if self._is_new and os.fstat(self._fd).st_size == 0:
            os.unlink(self._name)  # noqa: PTH108  # pairs with os.open above
        os.close(self._fd)


def write_stdout(text: str) -> None:
    """Text for a person on standard output, in one go."""
    if sys.stdout is not None:
        sys.stdout.flush()
    Output("-").write(text.encode("utf-8", "replace"))
