"""Turns what a capture holds of a body into the content's bytes."""

from __future__ import annotations

import base64
import binascii
import importlib
import re
import zlib
from collections.abc import Callable, Sequence

from ._compression import zstd_module

BODY_LIMIT_BYTES = 64 * 1024 * 1024
BROTLI_STEP_BYTES = 64
_MAX_GZIP_MEMBERS = 100

NOT_BASE64 = "a body is not valid base64: kept as text"
CHARSET_TOO_SMALL = "a body does not fit its declared charset: kept as UTF-8"
STILL_COMPRESSED = "a body was still compressed: decompressed"
CUT_AT_LIMIT = f"a body is larger than {BODY_LIMIT_BYTES >> 20} MiB decompressed: cut there"
INCOMPLETE = "a compressed body is incomplete or damaged: kept what could be decompressed"
MAY_BE_COMPRESSED = "a body may still be compressed: kept as it is"

_GZIP_MAGIC = b"\x1f\x8b\x08"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_URL_SAFE = str.maketrans("-_", "+/")
_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([\w.:\-]+)", re.IGNORECASE)
# Plugins decode a body by its charset the way browsers do, so text is encoded the same
# way: these labels mean a larger code page there than in Python.
_BROWSER_CODECS = {
    "ascii": ("cp1252", "latin-1"),
    "us-ascii": ("cp1252", "latin-1"),
    "latin1": ("cp1252", "latin-1"),
    "iso-8859-1": ("cp1252", "latin-1"),
    "iso8859-1": ("cp1252", "latin-1"),
    "windows-1252": ("cp1252", "latin-1"),
    "iso-8859-9": ("cp1254",),
    "utf-16": ("utf-16-le",),
    "utf-16le": ("utf-16-le",),
    "utf-16be": ("utf-16-be",),
    "shift_jis": ("cp932",),
    "shift-jis": ("cp932",),
    "euc-kr": ("cp949",),
    "gb2312": ("gb18030",),
    "gbk": ("gb18030",),
    "gb18030": ("gb18030",),
    "big5": ("big5hkscs", "big5"),
    "euc-jp": ("euc_jp",),
    "iso-2022-jp": ("iso2022_jp",),
}
_CODE_PAGE = re.compile(r"windows-125\d|iso-8859-\d\d?|koi8-[ru]")
# A download that is an archive is meant to stay one, whatever its transfer was.
_ARCHIVE_TYPE = re.compile(r"[^;]*\b(?:gzip|x-tar|tgz|compress|zstd)\b", re.IGNORECASE)


def encode_text(text: str, content_type: str | None, notes: list[str]) -> bytes:
    """Text as bytes in its declared charset, else in UTF-8.

    Captures hold decoded text next to the original `Content-Type`; only bytes in
    that charset let a plugin decode the body again.
    """
    charset = _CHARSET.search(content_type) if content_type else None
    if charset is not None:
        label = charset[1].lower()
        codecs = _BROWSER_CODECS.get(label) or ((label,) if _CODE_PAGE.fullmatch(label) else ())
        for codec in codecs:
            try:
                return text.encode(codec)
            except (UnicodeEncodeError, LookupError):
                continue
        if codecs:
            notes.append(CHARSET_TOO_SMALL)
    return text.encode("utf-8", "replace")


def decode_base64(text: str) -> bytes | None:
    """The bytes base64 text stands for, or None if it is none.

    White space, missing padding and the URL-safe alphabet are accepted.
    """
    try:
        return binascii.a2b_base64(text, strict_mode=True) if text else b""
    except ValueError:
        pass
    compact = "".join(text.split()).translate(_URL_SAFE).rstrip("=")
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except ValueError:
        return None


def decompress(body: bytes, encodings: Sequence[str], content_type: str | None, notes: list[str]) -> bytes:
    """A body without the content encodings its first bytes show it still has.

    `encodings` are the values of `Content-Encoding`, in order. Captures normally
    hold bodies decoded and keep the header, so only a body that begins like the
    named format is decompressed, to `BODY_LIMIT_BYTES` at most.
    """
    if not body or (content_type and _ARCHIVE_TYPE.match(content_type)):
        return body
    names = [name.strip().lower() for value in encodings for name in value.split(",")]
    for name in reversed(names[:4]):
        if name in ("gzip", "x-gzip", "deflate"):
            is_named_format = _is_zlib(body) if name == "deflate" else body[:3] == _GZIP_MAGIC
            if is_named_format:
                body = _inflate(body, notes)
        elif name == "zstd" and body[:4] == _ZSTD_MAGIC:
            body = _decompress_optional(_unzstd, body, notes)
        # Brotli has no magic bytes: it is assumed where text was announced and none is there.
        elif name == "br" and _is_text_type(content_type) and not _is_utf8(body):
            body = _decompress_optional(_unbrotli, body, notes)
    return body


def _is_zlib(body: bytes) -> bool:
    return len(body) > 2 and body[0] & 0x8F == 0x08 and int.from_bytes(body[:2], "big") % 31 == 0


def _inflate(body: bytes, notes: list[str]) -> bytes:
    content = bytearray()
    rest = body
    is_whole = False
    for _ in range(_MAX_GZIP_MEMBERS):
        if not rest or len(content) > BODY_LIMIT_BYTES:
            break
        member = zlib.decompressobj(wbits=47)  # gzip or zlib, by their own header
        try:
            content += member.decompress(rest, BODY_LIMIT_BYTES + 1 - len(content))
        except zlib.error:
            # Bytes behind a whole member are padding; without one, nothing was compressed.
            if not is_whole:
                notes.append(MAY_BE_COMPRESSED)
                return body
            break
        is_whole = member.eof
        rest = member.unused_data
    notes.append(STILL_COMPRESSED)
    if len(content) > BODY_LIMIT_BYTES:
        notes.append(CUT_AT_LIMIT)
        del content[BODY_LIMIT_BYTES:]
    elif not is_whole or rest[:3] == _GZIP_MAGIC:
        notes.append(INCOMPLETE)
    return bytes(content)


def _decompress_optional(unpack: Callable[[bytes], bytes], body: bytes, notes: list[str]) -> bytes:
    """Brotli or Zstandard, if this Python has a module for it that bounds its output."""
    try:
        content = unpack(body)
    except Exception:  # noqa: BLE001 - modules of others: missing, too old, or an error of their own
        notes.append(MAY_BE_COMPRESSED)
        return body
    notes.append(STILL_COMPRESSED)
    if len(content) > BODY_LIMIT_BYTES:
        notes.append(CUT_AT_LIMIT)
    return content[:BODY_LIMIT_BYTES]


def _unbrotli(body: bytes) -> bytes:
    decoder = importlib.import_module("brotli").Decompressor()
    content = bytearray()
    # Not all versions can bound what they give back, so they are given little at once.
    for start in range(0, len(body), BROTLI_STEP_BYTES):
        content += decoder.process(body[start : start + BROTLI_STEP_BYTES])
        if decoder.is_finished() or len(content) > BODY_LIMIT_BYTES:
            return bytes(content)
    raise EOFError


def _unzstd(body: bytes) -> bytes:
    decoder = zstd_module().ZstdDecompressor()
    content = bytes(decoder.decompress(body, BODY_LIMIT_BYTES + 1))
    if not decoder.eof and len(content) <= BODY_LIMIT_BYTES:
        raise EOFError
    return content


def _is_text_type(content_type: str | None) -> bool:
    return (
        content_type is not None and re.match(r"text/|[^;]*(?:json|xml|javascript)", content_type) is not None
    )


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
