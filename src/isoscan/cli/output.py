"""Where findings go: standard output or a file, written without buffering in between."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

from ..errors import ConfigError, InputError

_STDOUT_FD = 1
#: Of the name, in the name of the new file: with a suffix it must stay a name.
_BASE_CHARS = 50


class OutputClosed(Exception):
    """Nobody reads the output any more."""


class Output:
    """A place to write bytes to; findings quote traffic, so a file is its owner's alone from the first byte.

    What is written to a file goes to a new one beside it, which takes the name in `commit`: a run that
    breaks off never replaces a good report by half of one. Whatever is no plain file under its own
    name is written in place: devices, pipes, and links, which the kernel alone may follow.

    `is_writing` tells a signal handler that a write may be blocked.
    """

    def __init__(self, name: str) -> None:
        self.is_writing = False
        self.is_stdout = name == "-"
        self.shown_name = "standard output" if self.is_stdout else name
        self._name = name
        #: The new file, until it takes the name.
        self._temporary: str | None = None
        #: What was there under the name when the run was asked for.
        self._earlier: os.stat_result | None = None
        self._has_failed = False
        if self.is_stdout:
            self._fd = _STDOUT_FD
            return
        try:
            self._fd = self._open()
        except OSError as error:
            raise ConfigError(f"--output {name}: cannot write there: {error.strerror}") from error

    def _open(self) -> int:
        path = Path(self._name)
        if not os.path.lexists(self._name):
            return self._open_temporary()
        # With O_CREAT the kernel makes the file that a link to nowhere names.
        opened = os.open(self._name, os.O_WRONLY | os.O_CREAT, 0o600)
        self._earlier = os.fstat(opened)
        if path.is_symlink() or not stat.S_ISREG(self._earlier.st_mode):
            return opened
        try:
            temporary = self._open_temporary()
        except PermissionError:
            return opened  # the file may be written and its folder not
        os.close(opened)
        return temporary

    def _open_temporary(self) -> int:
        folder, base = os.path.split(self._name)
        if base in ("", ".", ".."):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        temporary = os.path.join(  # noqa: PTH118  # a Path would lose "./"
            folder, f"{base[:_BASE_CHARS]}.{secrets.token_hex(4)}.part"
        )
        opened = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        self._temporary = temporary
        return opened

    @property
    def was_there(self) -> bool:
        """Whether there was something under its name when the run was asked for."""
        return self._earlier is not None

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads it as it is written."""
        return os.isatty(self._fd)

    def check_is_not(self, paths: Iterable[str]) -> None:
        """Refuses to write over a file that the run reads."""
        own = self._earlier or os.fstat(self._fd)
        for path in paths:
            try:
                same = os.path.samestat(own, Path(path).stat())
            except OSError:
                continue  # it is not there, or not readable: whoever reads it says so
            if same and stat.S_ISREG(own.st_mode):
                raise ConfigError(f"--output {self.shown_name}: is {path}, which this run reads")

    def begin(self) -> None:
        """Empties a file that is written in place and makes it its owner's alone."""
        if self.is_stdout or self._temporary is not None:
            return
        if stat.S_ISREG(os.fstat(self._fd).st_mode):
            os.fchmod(self._fd, 0o600)
            os.ftruncate(self._fd, 0)

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
            self._has_failed = True
            raise InputError(f"{self.shown_name}: cannot write: {error.strerror}") from error
        finally:
            self.is_writing = False
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""

    def commit(self) -> None:
        """All is written: the new file takes its name. Not after a write failed."""
        if self._temporary is None or self._has_failed:
            return
        try:
            os.fsync(self._fd)  # the name must not be there before the content is
            os.replace(self._temporary, self._name)  # noqa: PTH105  # pairs with os.open above
        except OSError as error:
            raise InputError(f"{self.shown_name}: cannot write: {error.strerror}") from error
        self._temporary = None

    def close(self) -> str | None:
        """Closes a file. Without `commit` it says where the unfinished one is, unless it is empty."""
        if self.is_stdout:
            return None
        is_empty = os.fstat(self._fd).st_size == 0
        os.close(self._fd)
        if self._temporary is not None and is_empty:
            os.unlink(self._temporary)  # noqa: PTH108  # pairs with os.open above
            return None
        return self._temporary


def open_file(name: str, option: str, read: Iterable[str]) -> Output:
    """The file of another option than `--output`, opened early so that a wrong place is known early.

    `option` is what stands before the name in an error; `read` are the files the run reads.
    """
    try:
        file = Output(name)
        try:
            file.check_is_not(read)
        except ConfigError:
            file.close()
            raise
    except ConfigError as error:
        raise ConfigError(str(error).replace("--output ", option, 1)) from error
    return file


def write_stdout(text: str) -> None:
    """Text for a person on standard output, in one go."""
    if sys.stdout is not None:
        sys.stdout.flush()
    Output("-").write(text.encode("utf-8", "replace"))
