"""Gives the pages of a mapped file back once they are read, so that its size is not held in memory."""

from __future__ import annotations

import mmap

from ._json_scan import Buffer

RELEASE_BYTES = 32 * 1024 * 1024


class Pages:
    """The pages of a buffer that is read from its beginning to its end. Read again, they come back."""

    def __init__(self, data: Buffer) -> None:
        self._data = data
        self._released = 0

    def release(self, offset: int) -> None:
        """Gives back what lies before `offset`, if that is worth it and the buffer is a mapped file."""
        if not isinstance(self._data, mmap.mmap) or offset - self._released < RELEASE_BYTES:
            return
        if hasattr(mmap, "MADV_DONTNEED"):
            length = (offset - self._released) // mmap.PAGESIZE * mmap.PAGESIZE
            self._data.madvise(mmap.MADV_DONTNEED, self._released, length)
            self._released += length
