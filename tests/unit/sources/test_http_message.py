"""Raw HTTP messages: the forms tools save them in, and what is kept of broken ones."""

from __future__ import annotations

import gzip
import os
import sys
import zlib

import pytest

from isoscan.sources import _bodies, _content_coding, _http_message
from isoscan.sources._content_coding import decode_content
from isoscan.sources._entry import OutOfScope, Rejected
from isoscan.sources._http_message import message_url, parse_request, parse_response

TEXT = b"<p>some content</p>" * 50
OK = b"HTTP/1.1 200 OK\r\n"


def test_request() -> None:
    """Request line, headers in order with duplicates, and body."""
    notes: list[str] = []
    raw = b"POST /a?b=c HTTP/1.1\r\nHost: a.test\r\nX: 1\r\nx:2\r\nContent-Length: 2\r\n\r\nhi"
    message = parse_request(memoryview(raw), notes)
    assert (message.method, message.target, message.version) == ("POST", "/a?b=c", "HTTP/1.1")
    assert message.headers == (("Host", "a.test"), ("X", "1"), ("x", "2"), ("Content-Length", "2"))
    assert message.body == b"hi"
    assert notes == []


def test_response() -> None:
    """Status line, headers and body; bytes outside of UTF-8 in a header are Latin-1."""
    notes: list[str] = []
    message = parse_response(OK + b"A: \xc3\xa9\r\nB: \xe9\r\n\r\n\x00\xff", notes)
    assert (message.version, message.status, message.reason) == ("HTTP/1.1", 200, "OK")
    assert message.headers == (("A", "é"), ("B", "é"))
    assert message.body == b"\x00\xff"
    assert notes == []


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        (b"GET / HTTP/2", ("GET", "/", "HTTP/2")),
        (b"get /a b HTTP/1.0", ("get", "/a b", "HTTP/1.0")),
        (b"GET /a", ("GET", "/a", "")),
        (b"GET  http://a.test/  HTTP/1.1 ", ("GET", "http://a.test/", "HTTP/1.1")),
        (b"\r\n\nM-SEARCH * HTTP/1.1", ("M-SEARCH", "*", "HTTP/1.1")),
    ],
)
def test_request_lines(line: bytes, parts: tuple[str, str, str]) -> None:
    """Request lines that tools write and people edit."""
    message = parse_request(line + b"\r\n\r\n", [])
    assert (message.method, message.target, message.version) == parts


@pytest.mark.parametrize(
    "raw", [b"", b"\r\n\r\n", b"hello", b"GET\r\n\r\n", b"\x00 / HTTP/1.1\r\n\r\n", b"{} x"]
)
def test_no_request(raw: bytes) -> None:
    """What does not begin with a request line is rejected."""
    with pytest.raises(Rejected, match="request line"):
        parse_request(raw, [])


@pytest.mark.parametrize(
    ("line", "status", "reason"),
    [
        (b"HTTP/2 204", 204, ""),
        (b"HTTP/1.1 404 Not  Found", 404, "Not  Found"),
        (b"http/1.0  200 ", 200, ""),
        (b"HTTP/1.1 999 \xff", 999, "ÿ"),
    ],
)
def test_status_lines(line: bytes, status: int, reason: str) -> None:
    """Status lines with and without a reason."""
    message = parse_response(line + b"\n\n", [])
    assert (message.status, message.reason) == (status, reason)


@pytest.mark.parametrize("raw", [b"", b"HTTP/1.1 OK\r\n\r\n", b"HTTP/1.1 2000 OK\r\n\r\n", b"<html>"])
def test_no_response(raw: bytes) -> None:
    """What does not begin with a status line is rejected."""
    with pytest.raises(Rejected, match="status line"):
        parse_response(raw, [])


@pytest.mark.parametrize(
    "interim",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 Connection established\r\n\r\n",
    ],
)
def test_interim_responses(interim: bytes) -> None:
    """The final response counts; a switch of protocols is final."""
    assert parse_response(interim + b"HTTP/1.1 201 Created\r\n\r\nx", []).status == 201
    assert parse_response(b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x00", []).status == 101


def test_line_feeds_and_folded_headers() -> None:
    """Line feeds alone end lines, and a folded header is one header."""
    notes: list[str] = []
    message = parse_request(b"GET / HTTP/1.1\nA: 1\n  2\n\t3\nB : 4\n\nx\r\n\r\ny", notes)
    assert message.headers == (("A", "1 2 3"), ("B", "4"))
    assert message.body == b"x\r\n\r\ny"
    assert notes == []


def test_pseudo_headers() -> None:
    """HTTP/2 pseudo-headers are no headers, but name the host."""
    message = parse_request(b"GET /p HTTP/2\r\n:authority: a.test\r\n:scheme: http\r\nB: c:d\r\n\r\n", [])
    assert message.headers == (("B", "c:d"),)
    assert message_url(message, scheme="https") == "http://a.test/p"


@pytest.mark.parametrize("line", [b"no colon", b": nameless", b":", b"::"])
def test_lines_that_are_no_headers(line: bytes) -> None:
    """A header line without name or colon is left out, noted."""
    notes: list[str] = []
    assert parse_request(b"GET / HTTP/1.1\r\n" + line + b"\r\nA: b\r\n\r\n", notes).headers == (("A", "b"),)
    assert notes == [_http_message.NOT_A_HEADER]


def test_cut_within_the_headers() -> None:
    """A message without an empty line has headers and no body, noted."""
    for end in (b"", b"\r\n"):
        notes: list[str] = []
        message = parse_request(b"GET / HTTP/1.1\r\nHost: a.test" + end, notes)
        assert message.headers == (("Host", "a.test"),)
        assert notes == [_http_message.NO_EMPTY_LINE]


def test_headers_are_bounded() -> None:
    """Megabytes without an end of the headers are no message."""
    with pytest.raises(Rejected, match="1 MiB"):
        parse_request(b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 300_000, [])


@pytest.mark.parametrize(
    ("chunked", "body", "trailers"),
    [
        (b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n", b"hello world", ()),
        (b"5\nhello\n0\n\n", b"hello", ()),
        (b"005 \r\nhello\r\n0\r\nX-Sum: 1\r\n\r\nrest", b"hello", (("X-Sum", "1"),)),
        (b"0\r\n\r\n", b"", ()),
        (b"", b"", ()),
        (b"hello", b"hello", ()),
        (b"cafe\nhello", b"cafe\nhello", ()),
        (b"2\r\nhello", b"2\r\nhello", ()),
        (b'{"a": 1}', b'{"a": 1}', ()),
    ],
)
def test_chunked(chunked: bytes, body: bytes, trailers: tuple[tuple[str, str], ...]) -> None:
    """Chunking is removed, trailers become headers; a body without chunking stays."""
    notes: list[str] = []
    message = parse_response(OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunked, notes)
    assert message.body == body
    assert message.headers[1:] == trailers
    assert notes == []


@pytest.mark.parametrize(
    "chunked",
    [b"5\r\nhello\r\n6\r\n wor", b"5\r\nhello\r\n", b"5\r\nhello\r\nxx\r\n", b"ff\r\nhello", b"5\r\nhello"],
)
def test_damaged_chunks(chunked: bytes) -> None:
    """Chunking that breaks off keeps what was there, noted."""
    notes: list[str] = []
    message = parse_response(OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunked, notes)
    assert message.body in (b"hello", b"hello wor")
    assert notes == [_http_message.CHUNKS_DAMAGED]


@pytest.mark.parametrize(
    ("body", "kept", "note"),
    [
        (b"hello", b"hello", None),
        (b"hello\r\n", b"hello", None),
        (b"hello\n\n", b"hello", None),
        (b"hell", b"hell", _http_message.BODY_TOO_SHORT),
        (b"hello you", b"hello you", _http_message.BODY_TOO_LONG),
    ],
)
def test_content_length(body: bytes, kept: bytes, note: str | None) -> None:
    """An editor's last line feed is no body; other differences are noted, nothing is lost."""
    notes: list[str] = []
    assert parse_response(OK + b"Content-Length: 5\r\n\r\n" + body, notes).body == kept
    assert notes == ([note] if note else [])


@pytest.mark.parametrize(("status", "method"), [(b"200", "HEAD"), (b"304", "GET")])
def test_length_of_a_body_that_is_not_sent(status: bytes, method: str) -> None:
    """Answers to HEAD and `304` name a length and have no body; nothing is missing."""
    notes: list[str] = []
    parse_response(b"HTTP/1.1 " + status + b"\r\nContent-Length: 5\r\n\r\n", notes, method=method)
    assert notes == []


def test_content_and_transfer_codings_are_removed() -> None:
    """A gzipped body in chunks is the content."""
    packed = gzip.compress(TEXT, mtime=0)
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(packed), packed)
    for header in (
        b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked",
    ):
        notes: list[str] = []
        assert parse_response(OK + header + b"\r\n\r\n" + chunked, notes).body == TEXT
        assert notes == []


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("body", "codings"),
    [
        (gzip.compress(TEXT, mtime=0), ["gzip"]),
        (gzip.compress(TEXT, mtime=0), ["x-gzip, identity"]),
        (zlib.compress(TEXT), ["deflate"]),
        (_raw_deflate(TEXT), ["Deflate"]),
        (gzip.compress(zlib.compress(TEXT), mtime=0), ["deflate", "gzip"]),
        (TEXT, ["gzip"]),
        (TEXT, ["deflate"]),
        (TEXT, ["br"]),
        (TEXT, ["zstd"]),
        (TEXT, ["identity"]),
    ],
)
def test_content_codings(body: bytes, codings: list[str]) -> None:
    """Codings come off in reverse order; text that was decoded already stays."""
    notes: list[str] = []
    assert decode_content(body, codings, notes) == TEXT
    assert notes == []


@pytest.mark.parametrize("coding", ["gzip", "deflate", "compress", "x-unknown"])
def test_content_that_cannot_be_decoded(coding: str) -> None:
    """A body that is not what its header says, or of an unknown coding, is kept raw, noted."""
    notes: list[str] = []
    assert decode_content(b"\xff\xfe\x00nothing", [coding], notes) == b"\xff\xfe\x00nothing"
    assert notes == [_bodies.MAY_BE_COMPRESSED]


def test_truncated_gzip() -> None:
    """What a cut body still holds is kept, noted."""
    notes: list[str] = []
    assert TEXT.startswith(decode_content(gzip.compress(TEXT, mtime=0)[:-10], ["gzip"], notes))
    assert notes == [_bodies.INCOMPLETE]


@pytest.mark.parametrize(("coding", "module"), [("br", "brotli"), ("zstd", "zstandard")])
def test_codings_without_a_module(coding: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the module the body is kept raw, and the note names the coding."""
    monkeypatch.setitem(sys.modules, module, None)
    for other in ("compression.zstd", "backports.zstd"):
        monkeypatch.setitem(sys.modules, other, None)
    notes: list[str] = []
    body = b"\x28\xb5\x2f\xfd\x00\x58\xff"
    assert decode_content(body, [coding], notes) == body
    assert notes == [_content_coding.NO_MODULE.format("Brotli" if coding == "br" else "Zstandard")]


def test_brotli(monkeypatch: pytest.MonkeyPatch) -> None:
    """Brotli is decoded, whole or cut, up to the limit; damage keeps it raw."""
    brotli = pytest.importorskip("brotli")
    packed = brotli.compress(bytes(range(256)) * 40)
    notes: list[str] = []
    assert decode_content(packed, ["br"], notes) == bytes(range(256)) * 40
    assert notes == []
    assert (bytes(range(256)) * 40).startswith(decode_content(packed[:-9], ["br"], notes))
    assert notes.pop() == _bodies.INCOMPLETE
    assert decode_content(b"\xff" * 50, ["br"], notes) == b"\xff" * 50
    assert notes.pop() == _bodies.MAY_BE_COMPRESSED
    monkeypatch.setattr(_bodies, "BODY_LIMIT_BYTES", 5000)
    assert len(decode_content(brotli.compress(b"\0" * 1_000_000), ["br"], notes)) == 5000
    assert notes == [_bodies.CUT_AT_LIMIT]


@pytest.mark.parametrize("module", ["compression.zstd", "backports.zstd", "zstandard"])
def test_zstandard(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zstandard is decoded, several frames together, whole or cut, up to the limit; damage keeps it raw."""
    own = pytest.importorskip(module)
    compress = own.ZstdCompressor().compress if module == "zstandard" else own.compress
    for other in {"compression.zstd", "backports.zstd", "zstandard"} - {module}:
        monkeypatch.setitem(sys.modules, other, None)
    notes: list[str] = []
    assert decode_content(compress(TEXT) + compress(TEXT), ["zstd"], notes) == TEXT * 2
    assert notes == []
    packed = compress(os.urandom(200_000))
    assert len(decode_content(packed[:-5], ["zstd"], notes)) > 100_000
    assert notes.pop() == _bodies.INCOMPLETE
    for broken in (packed[:5], b"\x28\xb5\x2f\xfd" + b"\xff" * 50):
        assert decode_content(broken, ["zstd"], notes) == broken
        assert notes.pop() == _bodies.MAY_BE_COMPRESSED
    monkeypatch.setattr(_bodies, "BODY_LIMIT_BYTES", 5000)
    assert len(decode_content(compress(b"\0" * 1_000_000), ["zstd"], notes)) == 5000
    assert notes == [_bodies.CUT_AT_LIMIT]


@pytest.mark.parametrize(
    ("line", "authority", "url"),
    [
        (b"GET /a?b HTTP/1.1\r\nHost: h.test:81", "", "https://h.test:81/a?b"),
        (b"GET /a HTTP/1.1\r\nHost: h.test", "other.test:82", "https://other.test:82/a"),
        (b"GET http://h.test/ HTTP/1.1\r\nHost: x", "", "http://h.test/"),
        (b"OPTIONS * HTTP/1.1\r\nHost: h.test", "", "https://h.test"),
        (b"GET a HTTP/1.1\r\nHost: h.test", "", "https://h.test/a"),
    ],
)
def test_urls(line: bytes, authority: str, url: str) -> None:
    """The URL comes from the target, the place it was sent to, or the headers."""
    assert message_url(parse_request(line + b"\r\n\r\n", []), scheme="https", authority=authority) == url


def test_requests_without_a_url() -> None:
    """A tunnel is out of scope; a request that names no host is rejected."""
    with pytest.raises(OutOfScope):
        message_url(parse_request(b"CONNECT a.test:443 HTTP/1.1\r\n\r\n", []), scheme="https")
    with pytest.raises(Rejected, match="host"):
        message_url(parse_request(b"GET / HTTP/1.1\r\n\r\n", []), scheme="https")
