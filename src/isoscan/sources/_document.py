"""Opens an input and presents its bytes as UTF-8 text, copied as little as possible."""

from __future__ import annotations

import codecs
import mmap
import os
import stat
import sys
import zlib
from pathlib import Path
from typing import BinaryIO

from ..errors import InputError
from ._json_scan import Buffer

STDIN = "-"
GZIP_LIMIT_BYTES = 2 * 1024 * 1024 * 1024
_GZIP_MAGIC = b"\x1f\x8b\x08"
# Small, because a file of many tiny members hands the rest of the chunk back at each.
_CHUNK_BYTES = 32 * 1024
_RELEASE_BYTES = 32 * 1024 * 1024
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Document:
    """The bytes of one input. A plain file is mapped, anything else held in memory.

    `start` is where the text begins behind a byte order mark. `damage` says what
    was wrong with a container whose readable part is presented all the same.
    """

    def __init__(self, source: str, data: Buffer, *, unpacked: str = "", damage: str | None = None) -> None:
        self.source = source
        self.data = data
        self.start = len(codecs.BOM_UTF8) if data[:3] == codecs.BOM_UTF8 else 0
        self.damage = damage
        self._unpacked = unpacked
        self._released = 0

    def byte(self, offset: int) -> str:
        """Names a place in the input, for messages."""
        return f"byte {offset} of its {self._unpacked} content" if self._unpacked else f"byte {offset}"

    def error(self, text: str) -> InputError:
        """An `InputError` that names this input."""
        return InputError(f"{self.source}: {text}" + (f" ({self.damage})" if self.damage else ""))

    def release(self, offset: int) -> None:
        """Gives the pages of a mapped file before `offset` back; read again, they come back."""
        if not isinstance(self.data, mmap.mmap) or offset - self._released < _RELEASE_BYTES:
            return
        if hasattr(mmap, "MADV_DONTNEED"):
            length = (offset - self._released) // mmap.PAGESIZE * mmap.PAGESIZE
            self.data.madvise(mmap.MADV_DONTNEED, self._released, length)
            self._released += length


def source_name(path: str | Path) -> str:
    """The path as given, as text that can be written anywhere."""
    return os.fsencode(path).decode("utf-8", "replace")


def open_document(path: str | Path, stdin: BinaryIO | None) -> Document:
    """Opens a file, or standard input for `-`. Raises `InputError`."""
    source = source_name(path)
    try:
        data = (stdin or sys.stdin.buffer).read() if path == STDIN else _read(Path(path))
    except FileNotFoundError:
        raise InputError(f"{source}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{source}: is a directory; name the capture files in it") from None
    except PermissionError:
        raise InputError(f"{source}: permission denied; make it readable for this user") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{source}: cannot be read: {error}") from None
    return _unpack(source, data)


def _read(path: Path) -> Buffer:
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        # Pipes and the files of /proc have no size to map.
        if stat.S_ISREG(status.st_mode) and status.st_size > 0:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return file.read()


def _unpack(source: str, data: Buffer) -> Document:
    damage = None
    unpacked = ""
    if data[:3] == _GZIP_MAGIC:
        data, damage = _gunzip(source, data)
        unpacked = "decompressed"
    codec = _wide_codec(bytes(data[:4]))
    if codec is not None:
        data = str(data, codec, "replace").encode("utf-8", "replace")
        unpacked = f"{unpacked} UTF-8".strip()
    return Document(source, data, unpacked=unpacked, damage=damage)


def _gunzip(source: str, data: Buffer) -> tuple[bytearray, str | None]:
    content = bytearray()
    position = 0
    inflater = zlib.decompressobj(wbits=31)
    while position < len(data):
        chunk = data[position : position + _CHUNK_BYTES]
        before_chunk = inflater.copy()
        try:
            content += inflater.decompress(chunk, GZIP_LIMIT_BYTES + 1 - len(content))
        except zlib.error:
            content += _readable_part(before_chunk, chunk)
            return content, f"its gzip data is damaged behind byte {position}"
        position += len(chunk)
        if len(content) > GZIP_LIMIT_BYTES:
            raise InputError(
                f"{source}: holds more than {GZIP_LIMIT_BYTES >> 20} MiB;"
                " decompress it first (gunzip) and name the result"
            )
        if inflater.eof:
            position -= len(inflater.unused_data)
            # Further members may follow; anything else behind the last one is padding.
            if data[position : position + 3] != _GZIP_MAGIC:
                return content, None
            inflater = zlib.decompressobj(wbits=31)
    return content, "its gzip data is truncated"


def _readable_part(inflater: zlib._Decompress, chunk: bytes | bytearray) -> bytearray:
    """What a damaged chunk holds before its damage; an error hides the output of its whole call."""
    content = bytearray()
    try:
        for byte in chunk:
            content += inflater.decompress(bytes([byte]))
    except zlib.error:
        pass
    return content


def _wide_codec(head: bytes) -> str | None:
    for mark, codec in _BOMS:
        if head.startswith(mark):
            return codec
    if len(head) >= 2 and head[:2] in (b"{\0", b"[\0"):
        return "utf-16-le"
    return "utf-16-be" if head[:2] in (b"\0{", b"\0[") else None
