"""Compressed files, recognised by their first bytes and unpacked in small pieces."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any, Protocol

from ._json_scan import Buffer
from ._pages import Pages

# Small, because a file of many tiny members hands the rest of the chunk back at each.
_CHUNK_BYTES = 32 * 1024
_PIECE_BYTES = 1024 * 1024
_XZ_MEMORY_BYTES = 256 * 1024 * 1024


class Compression(StrEnum):
    """The compressed formats that are read."""

    GZIP = "gzip"
    ZLIB = "zlib"
    BZIP2 = "bzip2"
    XZ = "xz"
    ZSTD = "Zstandard"


_MAGIC = {
    Compression.GZIP: (b"\x1f\x8b\x08",),
    # mitmproxy writes .zhar files so. Not "x^", with which text may begin.
    Compression.ZLIB: (b"x\x9c", b"x\xda", b"x\x01"),
    Compression.BZIP2: (b"BZh",),
    Compression.XZ: (b"\xfd7zXZ\x00",),
    Compression.ZSTD: (b"\x28\xb5\x2f\xfd",),
}
_ZLIB_WBITS = {Compression.GZIP: 31, Compression.ZLIB: 15}
_BZIP2_BLOCKS = (b"1AY&SY", b"\x17rE8P\x90")


class ZstdMissing(Exception):
    """No module of this Python reads Zstandard."""


class _Decompressor(Protocol):
    """What the modules of bzip2, xz and Zstandard have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ...) -> bytes: ...


def compression_of(data: Buffer, at: int = 0) -> Compression | None:
    """How the bytes from `at` on are compressed, by their magic number."""
    head = bytes(data[at : at + 10])
    for compression, magic in _MAGIC.items():
        if head.startswith(magic):
            # BZh alone also begins text.
            if compression is Compression.BZIP2 and not head[4:].startswith(_BZIP2_BLOCKS):
                return None
            return compression
    return None


def zstd_module() -> Any:
    """The standard library's module for Zstandard or its backport. Raises `ZstdMissing`."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError:
            continue
    raise ZstdMissing


class Unpacking:
    """One compressed content on its way out, from `start` of the data on.

    `damage` says afterwards what was wrong with it.
    """

    def __init__(self, data: Buffer, compression: Compression, start: int = 0) -> None:
        self.damage: str | None = None
        #: Where the compressed data ends, once all is unpacked.
        self.end = start
        self._data = data
        self._compression = compression
        self._new, self._errors = _decompressor(compression)

    def head(self, limit_bytes: int) -> bytes:
        """The first bytes of the content, as far as they can be read."""
        content = bytearray()
        for piece in Unpacking(self._data, self._compression, self.end).pieces():
            content += piece
            if len(content) >= limit_bytes:
                break
        return bytes(content[:limit_bytes])

    def pieces(self) -> Iterator[bytes]:
        """The content in pieces of 1 MiB at most; ends at damage, after all that came before it."""
        position = self.end
        unit = self._new()
        pages = Pages(self._data)
        while position < len(self._data):
            pages.release(position)
            chunk = self._data[position : position + _CHUNK_BYTES]
            spare = unit.copy() if isinstance(unit, _Inflater) else None
            given_bytes = 0
            try:
                rest = bytes(chunk)
                while True:
                    piece = unit.decompress(rest, _PIECE_BYTES)
                    rest = b""
                    given_bytes += len(piece)
                    if piece:
                        yield piece
                    if unit.eof or unit.needs_input or not piece:
                        break
            except self._errors:
                if spare is not None:
                    yield _readable_part(spare, bytes(chunk))[given_bytes:]
                self.damage = f"its {self._compression} data is damaged behind byte {position}"
                return
            position += len(chunk)
            if unit.eof:
                self.end = position - len(unit.unused_data)
                position = self._next_member(self.end)
                if position < 0:
                    return
                unit = self._new()
        self.damage = f"its {self._compression} data is truncated"

    def _next_member(self, position: int) -> int:
        """Where a further member begins, -1 without one: anything else behind the last one is padding."""
        while self._data[position : position + 4] == b"\0\0\0\0":
            position += 4
        return position if compression_of(self._data, position) is self._compression else -1


class _Inflater:
    """zlib's decompressor in the manner of the other modules."""

    def __init__(self, inflater: zlib._Decompress) -> None:
        self._inflater = inflater
        self._is_cut = False

    @property
    def eof(self) -> bool:
        return self._inflater.eof

    @property
    def needs_input(self) -> bool:
        # A call that was cut at its length can leave output inside, even with no input left.
        return not self._is_cut

    @property
    def unused_data(self) -> bytes:
        return self._inflater.unused_data

    def decompress(self, data: bytes, max_length: int = 0) -> bytes:
        piece = self._inflater.decompress(self._inflater.unconsumed_tail + data, max_length)
        self._is_cut = len(piece) == max_length
        return piece

    def copy(self) -> _Inflater:
        return _Inflater(self._inflater.copy())


def _readable_part(unit: _Inflater, chunk: bytes) -> bytes:
    """What a damaged chunk holds before its damage; an error hides the output of its whole call."""
    content = bytearray()
    try:
        for byte in chunk:
            content += unit.decompress(bytes([byte]), _PIECE_BYTES)
    except zlib.error:
        pass
    return bytes(content)


def _decompressor(
    compression: Compression,
) -> tuple[Callable[[], _Decompressor], tuple[type[Exception], ...]]:
    """What makes a decompressor, and the errors it raises for damaged data."""
    if (wbits := _ZLIB_WBITS.get(compression)) is not None:
        return lambda: _Inflater(zlib.decompressobj(wbits=wbits)), (zlib.error,)
    if compression is Compression.BZIP2:
        import bz2

        return bz2.BZ2Decompressor, (OSError,)
    if compression is Compression.XZ:
        import lzma

        return lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY_BYTES), (lzma.LZMAError,)
    module = zstd_module()
    return module.ZstdDecompressor, (module.ZstdError,)
