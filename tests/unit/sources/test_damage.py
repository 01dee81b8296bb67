"""Every format, damaged in every way: one clear error, what was whole is read, nothing is silent."""

from __future__ import annotations

import base64
import bz2
import gzip
import importlib
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from isoscan.errors import InputError
from isoscan.sources import Entry, NotACapture, _compression, open_source

SECRET = "hunter2"
COUNT = 7
# Does not compress well, is text, and holds a secret that no message may quote.
BODY = SECRET + base64.b64encode(bytes((i * i * 31 + i // 7) % 256 for i in range(900))).decode()
REQUEST = f"GET /{{n}} HTTP/1.1\r\nHost: a.test\r\nCookie: sid={SECRET}\r\n\r\n"
RESPONSE = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}"


def b64(text: str) -> str:
    """Text in base64."""
    return base64.b64encode(text.encode()).decode()


def har() -> bytes:
    """A HAR file."""
    entries = [
        {
            "startedDateTime": "2024-01-02T03:04:05Z",
            "request": {
                "method": "GET",
                "url": f"https://a.test/{n}",
                "headers": [{"name": "Cookie", "value": SECRET}],
            },
            "response": {"status": 200, "headers": [], "content": {"text": BODY}},
        }
        for n in range(COUNT)
    ]
    return json.dumps({"log": {"version": "1.2", "entries": entries}}).encode()


def lines(make: Callable[[int], dict[str, Any]]) -> bytes:
    """One JSON value per line."""
    return "".join(f"{json.dumps(make(n))}\n" for n in range(COUNT)).encode()


def jsonl() -> bytes:
    """isoscan's own JSON Lines."""
    return lines(
        lambda n: {
            "request": {"method": "GET", "url": f"https://a.test/{n}"},
            "response": {"status": 200, "body": BODY},
        }
    )


def proxify() -> bytes:
    """JSON Lines of proxify."""
    return lines(
        lambda n: {
            "url": "http://a.test/",
            "request": {"raw": REQUEST.format(n=n)},
            "response": {"raw": RESPONSE},
        }
    )


def httpx() -> bytes:
    """JSON Lines of httpx."""
    return lines(lambda n: {"url": "http://a.test/", "request": REQUEST.format(n=n), "response": RESPONSE})


def katana() -> bytes:
    """JSON Lines of katana."""
    return lines(
        lambda n: {
            "request": {"endpoint": f"http://a.test/{n}", "raw": REQUEST.format(n=n)},
            "response": {"raw": RESPONSE},
        }
    )


def caido() -> bytes:
    """An export of Caido."""
    return json.dumps(
        [
            {
                "host": "a.test", "is_tls": True, "port": 443,
                "raw": b64(REQUEST.format(n=n)),
                "response": {"raw": b64(RESPONSE)},
            }
            for n in range(COUNT)
        ]
    ).encode()  # fmt: skip


def raw() -> bytes:
    """A raw request and its response."""
    return (REQUEST.format(n=0) + "\r\n" + RESPONSE).encode()


def burp() -> bytes:
    """Items of Burp."""
    items = "".join(
        f"<item><time>Tue Jan 02 03:04:05 UTC 2024</time><url><![CDATA[https://a.test/{n}]]></url>"
        f'<request base64="true"><![CDATA[{b64(REQUEST.format(n=n))}]]></request>'
        f'<response base64="true"><![CDATA[{b64(RESPONSE)}]]></response></item>\n'
        for n in range(COUNT)
    )
    return f'<?xml version="1.0"?>\n<items burpVersion="2024.1" exportTime="x">\n{items}</items>\n'.encode()


def mitmproxy() -> bytes:
    """A dump of mitmproxy."""
    pytest.importorskip("mitmproxy.io")
    http, connection, flow_io = (
        importlib.import_module(f"mitmproxy.{name}") for name in ("http", "connection", "io")
    )
    file = io.BytesIO()
    writer = flow_io.FlowWriter(file)
    for n in range(COUNT):
        client = connection.Client(
            peername=("192.0.2.1", 5000), sockname=("192.0.2.2", 8080), timestamp_start=1.0
        )
        flow = http.HTTPFlow(client, connection.Server(address=("192.0.2.3", 443)))
        flow.request = http.Request.make("GET", f"https://a.test/{n}", b"", {"Cookie": SECRET})
        flow.response = http.Response.make(200, BODY.encode(), {"Content-Type": "text/plain"})
        writer.add(flow)
    return file.getvalue()


def warc_records() -> list[bytes]:
    """WARC records, each request before its response."""
    pytest.importorskip("fastwarc")
    records = []
    for n in range(COUNT):
        for kind, block in (("request", REQUEST.format(n=n).encode()), ("response", RESPONSE.encode())):
            head = (
                f"WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:{kind}{n}>\r\n"
                f"WARC-Target-URI: http://a.test/{n}\r\nWARC-Date: 2024-01-02T03:04:05Z\r\n"
                f"Content-Type: application/http\r\nContent-Length: {len(block)}\r\n\r\n"
            )
            records.append(head.encode() + block + b"\r\n\r\n")
    return records


def zip_() -> bytes:
    """A ZIP archive of captures."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(COUNT):
            archive.writestr(f"{n}.har", har())
    return file.getvalue()


def wacz() -> bytes:
    """A WACZ file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("datapackage.json", b"{}")
        archive.writestr("archive/a.warc.gz", b"".join(map(gzip.compress, warc_records())))
    return file.getvalue()


def tar() -> bytes:
    """A tar archive of captures."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for n in range(COUNT):
            info = tarfile.TarInfo(f"{n}.har")
            info.size = len(har())
            archive.addfile(info, io.BytesIO(har()))
    return file.getvalue()


def zstd() -> bytes:
    """A HAR file in Zstandard, with a checksum as the tool writes it."""
    try:
        module = _compression.zstd_module()
    except _compression.ZstdMissing:
        pytest.skip("no module for Zstandard")
    return bytes(module.compress(har(), options={module.CompressionParameter.checksum_flag: 1}))


FORMATS: dict[str, Callable[[], bytes]] = {
    "har": har,
    "jsonl": jsonl,
    "proxify": proxify,
    "httpx": httpx,
    "katana": katana,
    "caido": caido,
    "raw": raw,
    "burp": burp,
    "mitmproxy": mitmproxy,
    "warc": lambda: b"".join(warc_records()),
    "warc.gz": lambda: b"".join(map(gzip.compress, warc_records())),
    "wacz": wacz,
    "zip": zip_,
    "tar": tar,
    "har.gz": lambda: gzip.compress(har(), mtime=0),
    "har.bz2": lambda: bz2.compress(har()),
    "har.xz": lambda: lzma.compress(har()),
    "har.zst": zstd,
    "tar.gz": lambda: gzip.compress(tar(), mtime=0),
    "utf-16": lambda: har().decode().encode("utf-16"),
}
#: What a byte changed anywhere cannot be told from: no format of text has a checksum.
WITHOUT_CHECKSUM = {
    "har",
    "jsonl",
    "proxify",
    "httpx",
    "katana",
    "caido",
    "raw",
    "burp",
    "mitmproxy",
    "warc",
    "tar",
    "utf-16",
}
SUFFIXES = ("", ".har", ".gz", ".zip", ".warc.gz", ".txt", ".xml")


def read(path: Path, data: bytes) -> tuple[list[Entry], InputError | None]:
    """The entries of a file with these bytes, and the error that ended it."""
    path.write_bytes(data)
    entries: list[Entry] = []
    try:
        for entry in open_source(path):
            entries.append(entry)  # noqa: PERF402  # those before the error count
    except InputError as error:
        return entries, error
    return entries, None


def check_words(path: Path, entries: list[Entry], error: InputError | None) -> None:
    """Messages are one printable line each, name the file, and quote nothing of the traffic."""
    messages = [text for entry in entries for text in (entry.problem, *entry.notes) if text]
    if error is not None:
        assert str(error).startswith(f"{path}")
        messages.append(str(error))
    for message in messages:
        assert message.isprintable()
        assert len(message) < 500
        assert SECRET not in message
        assert BODY[20:40] not in message


def is_noticed(entries: list[Entry], error: InputError | None) -> bool:
    """Whether the user learns that something is wrong."""
    return error is not None or any(
        entry.notes or (entry.problem and not entry.is_out_of_scope) for entry in entries
    )


@pytest.fixture(params=FORMATS)
def name(request: pytest.FixtureRequest) -> str:
    """Each format in turn."""
    return str(request.param)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_sound_file_with_any_suffix(tmp_path: Path, name: str, suffix: str) -> None:
    """A file is what its content says, whatever its suffix says."""
    entries, error = read(tmp_path / f"capture{suffix}", FORMATS[name]())
    assert error is None
    assert [entry.problem for entry in entries if not entry.is_out_of_scope] == [None] * len(entries)
    assert not any(entry.notes for entry in entries)
    expected = {"raw": 1, "zip": COUNT * COUNT, "tar": COUNT * COUNT, "tar.gz": COUNT * COUNT}
    assert len(entries) == expected.get(name, COUNT)
    for entry in entries:
        assert entry.transaction is not None
        assert entry.transaction.response is not None
        assert entry.transaction.response.body == BODY.encode()


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.8, 0.97])
def test_truncated(tmp_path: Path, name: str, share: float) -> None:
    """A file that was cut is noticed wherever it was cut, and what stands before the cut is read."""
    path = tmp_path / "capture"
    data = FORMATS[name]()
    if name == "raw" and share < 0.1:
        pytest.skip("a request without a length may have any body")
    whole, _ = read(path, data)
    content = data.rstrip(b"\0") if name == "tar" else data  # an archive is filled up with zeros
    entries, error = read(path, data[: int(len(content) * share)])
    assert is_noticed(entries, error)
    check_words(path, entries, error)
    # Beside the one that was cut, those that are there are the same.
    good = [
        entry for entry in entries if entry.transaction is not None and entry.transaction.response is not None
    ]
    for entry, original in zip(good[:-1], whole, strict=False):
        assert entry.transaction is not None
        assert original.transaction is not None
        assert entry.transaction.request.url == original.transaction.request.url


@pytest.mark.parametrize("share", [0.02, 0.4, 0.6, 0.9])
def test_bytes_overwritten(tmp_path: Path, name: str, share: float) -> None:
    """Overwritten bytes end in an error or a rejected entry, wherever the format can tell."""
    path = tmp_path / "capture"
    data = bytearray(FORMATS[name]())
    at = int(len(data) * share)
    data[at : at + 24] = bytes(range(24))
    entries, error = read(path, bytes(data))
    check_words(path, entries, error)
    if name not in WITHOUT_CHECKSUM:
        assert is_noticed(entries, error)
    elif error is None:
        # Some entry took the damage; no more than a few did.
        assert len([entry for entry in entries if entry.transaction is not None]) >= min(COUNT - 2, 1)


def test_beginning_overwritten(tmp_path: Path, name: str) -> None:
    """A file whose beginning was destroyed is refused, or read from where it can be."""
    path = tmp_path / "capture"
    data = FORMATS[name]()
    entries, error = read(path, b"\x00\x01\x02garbage\xff" + data[40:])
    check_words(path, entries, error)
    assert is_noticed(entries, error)


@pytest.mark.parametrize("junk", [b"\n", b"\0" * 5000, b"junk" * 50, b"\x1f\x8b\x08junk"])
def test_junk_behind(tmp_path: Path, name: str, junk: bytes) -> None:
    """What stands behind a capture costs none of its entries."""
    path = tmp_path / "capture"
    data = FORMATS[name]()
    entries, error = read(path, data + junk)
    check_words(path, entries, error)
    good = [entry for entry in entries if entry.transaction is not None]
    # A ZIP archive is found from its end, which may be too far away.
    if error is None or good or name not in ("zip", "wacz"):
        assert len(good) >= (1 if name == "raw" else COUNT)


def test_empty_file(tmp_path: Path) -> None:
    """An empty file is called empty."""
    with pytest.raises(NotACapture, match="is empty"):
        (tmp_path / "x.har").touch()
        open_source(tmp_path / "x.har")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_nothing(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """Nothing that was compressed is called empty."""
    entries, error = read(tmp_path / "x", pack(b""))
    assert not entries
    assert isinstance(error, NotACapture)
    assert "is empty" in str(error)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"WARC/9.9\r\nWARC-Type: warcinfo\r\nContent-Length: 0\r\n\r\n\r\n\r\n", "of WARC version 9.9"),
        (b"WARC/1.0\r\nX: y\r\n\r\n", "damaged"),
        (b"PK\x03\x04junkjunkjunk", "ZIP"),
        (b"\x1f\x8b\x08\x00junk", "gzip"),
        (b"BZh91AY&SYjunkjunkjunk", "bzip2"),
        (b"\xfd7zXZ\x00junkjunk", "xz"),
        (b'[{"host": "a", "is_tls": true', "truncated"),
        (b'<?xml version="1.0"?><items burpVersion="1">', "truncated"),
    ],
)
def test_hardly_begun(tmp_path: Path, data: bytes, problem: str) -> None:
    """A file that only begins like a capture is named for what it began to be."""
    if data.startswith(b"WARC"):
        pytest.importorskip("fastwarc")
    path = tmp_path / "capture"
    entries, error = read(path, data)
    check_words(path, entries, error)
    assert not [entry for entry in entries if entry.transaction]
    assert error is not None
    assert problem in str(error)
