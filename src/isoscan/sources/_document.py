"""Opens an input and presents its bytes as UTF-8 text, copied as little as possible."""

from __future__ import annotations

import codecs
import io
import mmap
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ..errors import InputError
from ._attachments import Attachments, attached_beside, nothing_attached
from ._compression import Compression, Unpacking, ZstdMissing, compression_of
from ._entry import printable
from ._json_scan import Buffer
from ._pages import Pages
from ._spool import spool

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

STDIN = "-"
_READ_BYTES = 1024 * 1024
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WARC_MARK = b"WARC/"


class NotACapture(InputError):
    """The input is of no format that is read."""


class Document:
    """The bytes of one input. A plain file is mapped; so is large content of anything else.

    `start` is where the text begins behind a byte order mark. `damage` says what
    was wrong with a container whose readable part is presented all the same.
    `is_packed_warc`: a WARC file whose records are compressed one by one, as it is on disk.
    `attached` gives the bodies that stand in files beside it.
    """

    def __init__(
        self,
        source: str,
        data: Buffer,
        *,
        unpacked: str = "",
        damage: str | None = None,
        is_packed_warc: bool = False,
    ) -> None:
        self.source = source
        self.data = data
        self.start = len(codecs.BOM_UTF8) if data[:3] == codecs.BOM_UTF8 else 0
        self.damage = damage
        self.is_packed_warc = is_packed_warc
        self.attached: Attachments = nothing_attached
        self._unpacked = unpacked
        self._pages = Pages(data)

    def byte(self, offset: int) -> str:
        """Names a place in the input, for messages."""
        return f"byte {offset} of its {self._unpacked} content" if self._unpacked else f"byte {offset}"

    def error(self, text: str) -> InputError:
        """An `InputError` that names this input."""
        return InputError(self._message(text))

    def refusal(self, text: str) -> InputError:
        """The error for an input that is something else than a capture, as far as it can be read."""
        return self.error(text) if self.damage else NotACapture(self._message(text))

    def _message(self, text: str) -> str:
        return f"{self.source}: {text}" + (f" ({self.damage})" if self.damage else "")

    def release(self, offset: int) -> None:
        """Gives the pages of a mapped file before `offset` back; read again, they come back."""
        self._pages.release(offset)


class BufferFile(io.RawIOBase):
    """The bytes of a document from `start` on as a file, for libraries that read files.

    Gives the pages of a mapped file back on the way.
    """

    def __init__(self, document: Document, start: int = 0) -> None:
        super().__init__()
        self._document = document
        self._view = memoryview(document.data)[start:]
        self._start = start
        self._position = 0

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """Any place of it can be read."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Moves to a place and returns it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: len(self._view)}[whence]
        if base + offset < 0:
            raise OSError("a place before the beginning of the file")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        """The place where it is read next."""
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Reads as much as there is and fits."""
        target = memoryview(buffer).cast("B")
        piece = self._view[self._position : self._position + len(target)]
        target[: len(piece)] = piece
        self._position += len(piece)
        self._document.release(self._start + self._position)
        return len(piece)


def source_name(path: str | Path) -> str:
    """The path as given, as text that can be written anywhere; names in a folder may be hostile."""
    text = os.fsencode(path).decode("utf-8", "replace")
    return printable(text, len(text))


def open_document(path: str | Path, stdin: BinaryIO | None) -> Document:
    """Opens a file, or standard input for `-`. Raises `InputError`."""
    source = source_name(path)
    try:
        if path == STDIN:
            data = _read(source, stdin or sys.stdin.buffer)
        else:
            with Path(path).open("rb") as file:
                data = _read(source, file)
    except FileNotFoundError:
        raise InputError(f"{source}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{source}: is a directory; name the capture files in it") from None
    except PermissionError:
        raise InputError(f"{source}: permission denied; make it readable for this user") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{source}: cannot be read: {error}") from None
    document = unpack(source, data)
    if path != STDIN:
        document.attached = attached_beside(path)
    return document


def _read(source: str, file: BinaryIO) -> Buffer:
    try:
        descriptor = file.fileno()
        status = os.fstat(descriptor)
        # Pipes and the files of /proc have no size to map; of a redirection, only the rest is meant.
        if stat.S_ISREG(status.st_mode) and status.st_size > 0 and file.tell() == 0:
            return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    except io.UnsupportedOperation:
        pass  # a file that lives in memory
    return spool(source, iter(lambda: file.read(_READ_BYTES), b""))


def unpack(source: str, data: Buffer) -> Document:
    """The document these bytes are, decompressed and as UTF-8. Raises `InputError`."""
    damage = None
    unpacked = ""
    compression = compression_of(data)
    if compression is not None:
        try:
            unpacking = Unpacking(data, compression)
        except ZstdMissing:
            raise InputError(
                f"{source}: is compressed with Zstandard, which this Python cannot read;"
                " pip install 'isoscan[zstd]', or decompress it first (zstd -d)"
            ) from None
        # Its records are compressed one by one, so it is read from where it is, damage and all.
        if compression in (Compression.GZIP, Compression.ZSTD) and unpacking.head(5) == _WARC_MARK:
            return Document(source, data, is_packed_warc=True)
        data = spool(source, unpacking.pieces(), packed_bytes=len(data))
        damage = unpacking.damage
        if compression_of(data) is not None:
            raise InputError(f"{source}: is compressed twice; decompress it once and name the result")
        unpacked = "decompressed"
    codec = _wide_codec(bytes(data[:4]))
    if codec is not None:
        data = spool(source, _as_utf8(data, codec))
        unpacked = f"{unpacked} UTF-8".strip()
    return Document(source, data, unpacked=unpacked, damage=damage)


def _as_utf8(data: Buffer, codec: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(codec)("replace")
    pages = Pages(data)
    for start in range(0, len(data), _READ_BYTES):
        pages.release(start)
        yield decoder.decode(data[start : start + _READ_BYTES]).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")


def _wide_codec(head: bytes) -> str | None:
    for mark, codec in _BOMS:
        if head.startswith(mark):
            return codec
    if len(head) >= 2 and head[:2] in (b"{\0", b"[\0"):
        return "utf-16-le"
    return "utf-16-be" if head[:2] in (b"\0{", b"\0[") else None
