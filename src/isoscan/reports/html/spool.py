"""Records kept outside memory until the run ends."""

from __future__ import annotations

import os
import struct
import tempfile
import weakref
from typing import IO

from ...errors import InputError

_LENGTH = struct.Struct("<I")


class Spool:
    """Byte records by the number of their first byte.

    The file has no name and mode 0600: it holds traffic, which nobody else may open, and nothing of it is
    left when the process ends, however it ends. Raises `InputError` when the disk is full.
    """

    def __init__(self) -> None:
        self.size_bytes = 0
        self._file: IO[bytes] | None = None
        self._closer: weakref.finalize[..., Spool] | None = None

    def append(self, record: bytes) -> int:
        """Keeps a record; returns where it is."""
        place = at = self.size_bytes
        view = memoryview(_LENGTH.pack(len(record)) + record)
        try:
            while view:
                written = os.pwrite(self._fd(), view, at)
                view, at = view[written:], at + written
        except OSError as error:
            raise _failed(error) from error
        self.size_bytes = at
        return place

    def _fd(self) -> int:
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  # lives as long as the spool
            self._closer = weakref.finalize(self, self._file.close)
        return self._file.fileno()

    def read(self, place: int) -> bytes:
        """The record at a place that `append` returned."""
        try:
            return os.pread(self._fd(), self.length_bytes(place), place + _LENGTH.size)
        except OSError as error:
            raise _failed(error) from error

    def length_bytes(self, place: int) -> int:
        """How long the record at a place is."""
        (length,) = _LENGTH.unpack(os.pread(self._fd(), _LENGTH.size, place))
        return int(length)

    def close(self) -> None:
        """Forgets everything."""
        if self._closer is not None:
            self._closer()
            self._file = self._closer = None


def _failed(error: OSError) -> InputError:
    folder = tempfile.tempdir or "no folder for temporary files"
    return InputError(
        f"{folder}: the HTML report cannot keep its findings there: {error.strerror}; make room or set TMPDIR"
    )
