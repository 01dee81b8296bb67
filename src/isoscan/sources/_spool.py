"""Holds bytes that come as a stream: in memory while they are few, else in a file nobody can open.

Traffic holds secrets, so the file has no name from the start and mode 0600; it is mapped, so its
pages can be given back, and it ends with the last reference to the mapping.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from ..errors import InputError
from ._json_scan import Buffer

MIB = 1024 * 1024
#: What is held in memory at most.
MEMORY_BYTES = 16 * MIB
#: What one input may grow to.
LIMIT_BYTES = 32 * 1024 * MIB
#: Beyond this size content must not be more than `MAX_RATIO` times as large as what it was made from.
RATIO_FROM_BYTES = 1024 * MIB
MAX_RATIO = 250
_KEEP_FREE_BYTES = 256 * MIB
_LOOK_EVERY_BYTES = 64 * MIB


def spool(source: str, chunks: Iterable[bytes], *, packed_bytes: int | None = None) -> Buffer:
    """All chunks as one buffer that can be read anywhere.

    `packed_bytes` is the size of what the chunks are unpacked from, if they are. Raises `InputError`
    when they grow beyond every plausible size or the disk has no room.
    """
    content = bytearray()
    rest = iter(chunks)
    for chunk in rest:
        content += chunk
        if len(content) > MEMORY_BYTES:
            return _in_file(source, content, rest, packed_bytes)
    return content


def _in_file(source: str, content: bytearray, rest: Iterable[bytes], packed_bytes: int | None) -> mmap.mmap:
    import tempfile

    folder = _folder()
    size_bytes, looked_at_bytes = 0, 0
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            size_bytes += _write(file, content)
            content.clear()
            for chunk in rest:
                size_bytes += _write(file, chunk)
                if size_bytes - looked_at_bytes > _LOOK_EVERY_BYTES or size_bytes > LIMIT_BYTES:
                    looked_at_bytes = size_bytes
                    _check(source, size_bytes, packed_bytes, folder)
            file.flush()
            _check(source, size_bytes, packed_bytes, folder)
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise InputError(
            f"{source}: its content does not fit into {folder} ({error.strerror});"
            " let TMPDIR name a folder with more room"
        ) from None


def _write(file: IO[bytes], chunk: bytes | bytearray) -> int:
    file.write(chunk)
    return len(chunk)


def _check(source: str, size_bytes: int, packed_bytes: int | None, folder: str) -> None:
    if size_bytes > LIMIT_BYTES:
        raise InputError(
            f"{source}: holds more than {LIMIT_BYTES // MIB} MiB; decompress it yourself and name the result"
        )
    if packed_bytes is not None and size_bytes > max(RATIO_FROM_BYTES, packed_bytes * MAX_RATIO):
        raise InputError(
            f"{source}: grows more than {MAX_RATIO} times when it is decompressed, as a bomb does;"
            " if you trust it, decompress it yourself and name the result"
        )
    disk = os.statvfs(folder)
    if disk.f_bavail * disk.f_frsize < _KEEP_FREE_BYTES:
        raise InputError(
            f"{source}: its content leaves too little room in {folder};"
            " let TMPDIR name a folder with more room"
        )


def _folder() -> str:
    """Where large files go: `TMPDIR`, else /var/tmp, for /tmp is often held in memory."""
    import tempfile

    if "TMPDIR" not in os.environ and os.access("/var/tmp", os.W_OK | os.X_OK) and Path("/var/tmp").is_dir():  # noqa: S108
        return "/var/tmp"  # noqa: S108  # the file has no name there
    return tempfile.gettempdir()
