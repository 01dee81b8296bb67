"""Takes the content codings off a body as it went over the wire (RFC 9110, 8.4).

HAR holds bodies mostly decoded, so `_bodies.decompress` asks for evidence before it touches one.
A raw message holds them as sent: here the header is believed, and an evidently plain body is the
exception. Brotli and Zstandard need a module for them; without one the body stays as it is, noted.
"""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from . import _bodies
from ._bodies import (
    BROTLI_STEP_BYTES,
    CUT_AT_LIMIT,
    INCOMPLETE,
    MAY_BE_COMPRESSED,
    STILL_COMPRESSED,
    decompress,
)

NO_MODULE = "a body is compressed with {}, for which no Python module is installed: kept as it is"

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_MAX_CODINGS = 4
# What a module that cannot bound its output gets at once, so that a bomb overshoots the limit by
# some tens of MiB at most.
_ZSTD_STEP_BYTES = 1024


class _Broken(Exception):
    """The body is not what its coding says."""


def decode_content(body: bytes, codings: Iterable[str], notes: list[str]) -> bytes:
    """The content of a body whose `Content-Encoding` values are `codings`, in order.

    Gives `_bodies.BODY_LIMIT_BYTES` at most. What cannot be decoded stays as it is, noted, as does
    text that some tool has decoded already, which needs no note.
    """
    names = [name.strip().lower() for value in codings for name in value.split(",")]
    for name in reversed([name for name in names if name not in ("", "identity")][-_MAX_CODINGS:]):
        if not body:
            return body
        decoded = _decode_one(name.removeprefix("x-"), body, notes)
        if decoded is None:
            return body
        body = decoded
    return body


def _decode_one(name: str, body: bytes, notes: list[str]) -> bytes | None:
    """The body without one coding; None if it could not be taken off."""
    try:
        if name == "gzip":
            return _ungzip(body, notes)
        if name == "deflate":
            return _undeflate(body, notes)
        if name in ("br", "zstd"):
            unpack = _unbrotli if name == "br" else _unzstd
            content, is_whole = unpack(body)
            if not content and not is_whole:
                raise _Broken  # noqa: TRY301 - as if the module had said so
            if len(content) > _bodies.BODY_LIMIT_BYTES:
                notes.append(CUT_AT_LIMIT)
                del content[_bodies.BODY_LIMIT_BYTES :]
            elif not is_whole:
                notes.append(INCOMPLETE)
            return bytes(content)
    except ImportError:
        if not _is_text(body):
            notes.append(NO_MODULE.format("Brotli" if name == "br" else "Zstandard"))
        return None
    except _Broken:
        pass
    if not _is_text(body):
        notes.append(MAY_BE_COMPRESSED)
    return None


def _ungzip(body: bytes, notes: list[str]) -> bytes:
    own_notes: list[str] = []
    content = decompress(body, ["gzip"], None, own_notes)
    if STILL_COMPRESSED not in own_notes:
        raise _Broken
    # That it was compressed is the rule here, nothing to remark on.
    notes.extend(note for note in own_notes if note != STILL_COMPRESSED)
    return content


def _undeflate(body: bytes, notes: list[str]) -> bytes:
    own_notes: list[str] = []
    content = decompress(body, ["deflate"], None, own_notes)
    if STILL_COMPRESSED in own_notes:
        notes.extend(note for note in own_notes if note != STILL_COMPRESSED)
        return content
    # Without zlib's header, as some servers send it. It has no magic bytes, so only a body that
    # ends where its data ends is taken for it.
    inflater = zlib.decompressobj(wbits=-15)
    try:
        content = inflater.decompress(body, _bodies.BODY_LIMIT_BYTES + 1)
    except zlib.error:
        raise _Broken from None
    if len(content) > _bodies.BODY_LIMIT_BYTES:
        notes.append(CUT_AT_LIMIT)
        return content[: _bodies.BODY_LIMIT_BYTES]
    if not inflater.eof or inflater.unused_data:
        raise _Broken
    return content


def _unbrotli(body: bytes) -> tuple[bytearray, bool]:
    module: Any = importlib.import_module("brotli")
    decoder = module.Decompressor()
    content = bytearray()
    try:
        for start in range(0, len(body), BROTLI_STEP_BYTES):
            content += decoder.process(body[start : start + BROTLI_STEP_BYTES])
            if decoder.is_finished() or len(content) > _bodies.BODY_LIMIT_BYTES:
                break
        is_whole = decoder.is_finished()
    except module.error:
        raise _Broken from None
    # A text that was decoded already may begin like Brotli, but does not end like it.
    if not is_whole and _is_text(body):
        raise _Broken
    return content, is_whole


def _unzstd(body: bytes) -> tuple[bytearray, bool]:
    if body[:4] != _ZSTD_MAGIC:
        raise _Broken
    module = _zstd_module()
    error: Any = getattr(module, "ZstdError", None)
    content = bytearray()
    rest = body
    is_whole = True
    try:
        while rest[:4] == _ZSTD_MAGIC and len(content) <= _bodies.BODY_LIMIT_BYTES:
            frame, rest, is_whole = _zstd_frame(module, rest, _bodies.BODY_LIMIT_BYTES - len(content))
            content += frame
    except error:
        if not content:
            raise _Broken from None
        is_whole = False
    return content, is_whole


def _zstd_frame(module: Any, body: bytes, limit_bytes: int) -> tuple[bytearray, bytes, bool]:
    """The content of the first frame, what stands behind it, and whether the frame is whole."""
    decoder = module.ZstdDecompressor()
    if hasattr(decoder, "decompressobj"):
        decoder = decoder.decompressobj()
    content = bytearray()
    position = 0
    while position < len(body) and not decoder.eof and len(content) <= limit_bytes:
        content += decoder.decompress(body[position : position + _ZSTD_STEP_BYTES])
        position += _ZSTD_STEP_BYTES
    return content, decoder.unused_data + body[position:], decoder.eof


def _zstd_module() -> ModuleType:
    """Python's own from 3.14 on, else its backport or the package `zstandard`."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return importlib.import_module("zstandard")


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
