"""Bodies: base64, charsets, and bodies that a capture holds still compressed."""

from __future__ import annotations

import base64
import gzip
import sys
import zlib

import pytest

from isoscan.sources import _bodies
from isoscan.sources._bodies import decode_base64, decompress, encode_text
from isoscan.sources._compression import ZstdMissing, zstd_module

TEXT = b"<p>some content</p>" * 50


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("aGk=", b"hi"),
        ("aGk", b"hi"),
        ("aG\r\nk=\n", b"hi"),
        ("-_-_", b"\xfb\xff\xbf"),
        ("", b""),
        ("a", None),
        ("é===", None),
        ("hello world!", None),
    ],
)
def test_base64(text: str, expected: bytes | None) -> None:
    """Line breaks, missing padding and the URL-safe alphabet are fine; anything else is no base64."""
    assert decode_base64(text) == expected


@pytest.mark.parametrize(
    ("content_type", "text", "codec"),
    [
        (None, "é", "utf-8"),
        ("text/html", "é", "utf-8"),
        ("text/html; charset=utf-8", "é", "utf-8"),
        ("text/html; Charset='ISO-8859-1'", "é€", "cp1252"),
        ("text/html;charset=us-ascii", "é", "cp1252"),
        ("text/html; charset=shift_jis", "日本", "cp932"),
        ("text/html; charset=GB2312", "中", "gb18030"),
        ("text/html; charset=windows-1251", "ж", "cp1251"),
        ("text/plain; charset=utf-16", "é", "utf-16-le"),
        ("text/plain; charset=rot13", "é", "utf-8"),
        ("text/plain; charset=idna", "é", "utf-8"),
    ],
)
def test_charsets(content_type: str | None, text: str, codec: str) -> None:
    """Text goes back into its declared charset as browsers read it; unknown labels mean UTF-8."""
    notes: list[str] = []
    assert encode_text(text, content_type, notes) == text.encode(codec)
    assert notes == []


def test_text_its_charset_cannot_hold() -> None:
    """Text that does not fit its charset is kept as UTF-8, noted."""
    notes: list[str] = []
    assert encode_text("日", "text/html; charset=iso-8859-5", notes) == "日".encode()
    assert notes == [_bodies.CHARSET_TOO_SMALL]


@pytest.mark.parametrize(
    ("packed", "encodings"),
    [
        (gzip.compress(TEXT, mtime=0), ["gzip"]),
        (gzip.compress(TEXT, mtime=0), ["X-GZIP"]),
        (zlib.compress(TEXT), ["deflate"]),
        (gzip.compress(TEXT[:99], mtime=0) + gzip.compress(TEXT[99:], mtime=0), ["gzip"]),
        (gzip.compress(TEXT, mtime=0) + b"\0\0\0", ["gzip"]),
        (gzip.compress(zlib.compress(TEXT), mtime=0), ["deflate, gzip"]),
        (gzip.compress(zlib.compress(TEXT), mtime=0), ["deflate", "gzip"]),
    ],
)
def test_compressed_bodies(packed: bytes, encodings: list[str]) -> None:
    """A body that still has the encoding its header names is decompressed, noted."""
    notes: list[str] = []
    assert decompress(packed, encodings, "text/html", notes) == TEXT
    assert set(notes) == {_bodies.STILL_COMPRESSED}


@pytest.mark.parametrize(
    ("body", "encodings", "content_type"),
    [
        (TEXT, ["gzip"], "text/html"),
        (TEXT, ["deflate"], "text/html"),
        (TEXT, ["br"], "text/html"),
        (gzip.compress(TEXT, mtime=0), [], "text/html"),
        (gzip.compress(TEXT, mtime=0), ["identity"], None),
        (gzip.compress(TEXT, mtime=0), ["gzip"], "application/gzip"),
        (b"", ["gzip"], None),
    ],
)
def test_decoded_bodies_are_left_alone(body: bytes, encodings: list[str], content_type: str | None) -> None:
    """Bodies that are decoded already, or meant to be archives, stay as they are."""
    notes: list[str] = []
    assert decompress(body, encodings, content_type, notes) == body
    assert notes == []


def test_truncated_compressed_body() -> None:
    """What a cut body still holds is kept, noted."""
    notes: list[str] = []
    content = decompress(gzip.compress(TEXT, mtime=0)[:-10], ["gzip"], None, notes)
    assert TEXT.startswith(content)
    assert _bodies.INCOMPLETE in notes


def test_body_that_only_looks_compressed() -> None:
    """A body with the magic bytes and nothing behind them is kept raw, noted."""
    notes: list[str] = []
    body = b"\x1f\x8b\x08 not at all"
    assert decompress(body, ["gzip"], None, notes) == body
    assert notes == [_bodies.MAY_BE_COMPRESSED]


def test_decompression_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bomb is cut at the limit, noted; many members count together."""
    monkeypatch.setattr(_bodies, "BODY_LIMIT_BYTES", 5000)
    for bomb in (gzip.compress(b"\0" * 1_000_000, mtime=0), gzip.compress(b"\0" * 1000, mtime=0) * 50):
        notes: list[str] = []
        assert len(decompress(bomb, ["gzip"], None, notes)) == 5000
        assert _bodies.CUT_AT_LIMIT in notes


def test_members_are_bounded() -> None:
    """Endless tiny members are given up, noted."""
    notes: list[str] = []
    assert decompress(gzip.compress(b"", mtime=0) * 10_000, ["gzip"], None, notes) == b""
    assert _bodies.INCOMPLETE in notes


def test_brotli_and_zstandard_without_a_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a module for them, such bodies are kept raw, noted."""
    monkeypatch.setitem(sys.modules, "brotli", None)
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    monkeypatch.setitem(sys.modules, "backports.zstd", None)
    for body, name in ((b"\x8b\x02\x80\xff", "br"), (b"\x28\xb5\x2f\xfd\x04", "zstd")):
        notes: list[str] = []
        assert decompress(body, [name], "text/html", notes) == body
        assert notes == [_bodies.MAY_BE_COMPRESSED]


def test_zstandard_with_a_module() -> None:
    """With a module, Zstandard is decompressed; an incomplete body is kept as it is, noted."""
    try:
        packed = bytes(zstd_module().compress(TEXT))
    except ZstdMissing:
        pytest.skip("no module for Zstandard")
    notes: list[str] = []
    assert decompress(packed, ["zstd"], "text/html", notes) == TEXT
    assert notes == [_bodies.STILL_COMPRESSED]
    notes.clear()
    assert decompress(packed[:-3], ["zstd"], "text/html", notes) == packed[:-3]
    assert notes == [_bodies.MAY_BE_COMPRESSED]


def test_brotli_with_a_module() -> None:
    """With a module, Brotli text is decompressed; an incomplete body is kept as it is, noted."""
    packed = pytest.importorskip("brotli").compress(TEXT * 50)
    notes: list[str] = []
    assert decompress(packed, ["br"], "application/json", notes) == TEXT * 50
    assert notes == [_bodies.STILL_COMPRESSED]
    notes.clear()
    assert decompress(packed[:-3], ["br"], "application/json", notes) == packed[:-3]
    assert notes == [_bodies.MAY_BE_COMPRESSED]


def test_brotli_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    """Brotli that unpacks to far more than the limit is cut there, noted."""
    module = pytest.importorskip("brotli")
    monkeypatch.setattr(_bodies, "BODY_LIMIT_BYTES", 1 << 20)
    packed = b"\x0b" + module.compress(b"a" * (64 << 20))[1:]
    notes: list[str] = []
    content = decompress(packed, ["br"], "text/html", notes)
    assert len(content) <= 1 << 20
    assert notes


def test_base64_round_trip_of_long_text() -> None:
    """Base64 broken into lines, as mail tools write it, is read."""
    body = bytes(range(256)) * 20
    assert decode_base64(base64.encodebytes(body).decode()) == body
