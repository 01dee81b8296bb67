"""Any damage to any format ends in entries and at most one `InputError`, never in another exception."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import tarfile
import tempfile
import zipfile
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoscan.errors import InputError
from isoscan.sources import Entry, open_source

REQUEST = b"POST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nx=1"
RESPONSE = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
LINE = b'{"request": {"method": "GET", "url": "https://a.test/"}, "response": {"status": 200}}\n'


def _record(kind: str, block: bytes) -> bytes:
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: http://a.test/a\r\n"
        f"WARC-Record-ID: <urn:{kind}>\r\nWARC-Date: 2024-01-02T03:04:05Z\r\n"
        f"Content-Type: application/http\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def _zip(method: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name in ("a.jsonl", "b/c.jsonl"):
            archive.writestr(name, LINE * 5)
    return file.getvalue()


def _tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name in ("a.jsonl", "b/c.jsonl"):
            info = tarfile.TarInfo(name)
            info.size = len(LINE) * 5
            archive.addfile(info, io.BytesIO(LINE * 5))
    return file.getvalue()


@cache
def samples() -> dict[str, bytes]:
    """One sound file of each format."""
    records = [_record("request", REQUEST), _record("response", RESPONSE)] * 2
    caido = {
        "host": "a.test",
        "is_tls": True,
        "raw": base64.b64encode(REQUEST).decode(),
        "response": {"raw": base64.b64encode(RESPONSE).decode()},
    }
    return {
        "gzip": gzip.compress(LINE * 5, mtime=0),
        "bzip2": bz2.compress(LINE * 5),
        "xz": lzma.compress(LINE * 5),
        "zip": _zip(zipfile.ZIP_DEFLATED),
        "zip stored": _zip(zipfile.ZIP_STORED),
        "zip xz": _zip(zipfile.ZIP_LZMA),
        "zip bzip2": _zip(zipfile.ZIP_BZIP2),
        "tar": _tar(),
        "warc": b"".join(records),
        "warc.gz": b"".join(map(gzip.compress, records)),
        "caido": json.dumps([caido] * 3).encode(),
        "proxify": json.dumps({"url": "http://a.test/", "request": {"raw": REQUEST.decode()}}).encode(),
        "httpx": json.dumps({"url": "http://a.test/", "request": REQUEST.decode(), "response": "x"}).encode(),
        "raw": REQUEST + b"\r\n" + RESPONSE,
        "jsonl": LINE * 5,
    }


def read(data: bytes) -> tuple[list[Entry], InputError | None]:
    """The entries of a file with these bytes, and the error that ended it."""
    entries: list[Entry] = []
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(data)
        try:
            for entry in open_source(file.name):
                entries.append(entry)  # noqa: PERF402  # those before the error count
        except InputError as error:
            return entries, error
    return entries, None


def check(entries: list[Entry], error: InputError | None) -> None:
    """Each entry is good or says in one line why not; so does the error."""
    for entry in entries:
        assert (entry.transaction is None) != (entry.problem is None)
        assert (entry.problem or "").isprintable()
        assert entry.source.isprintable()
    assert str(error or "").isprintable()
    assert entries or error


NAMES = st.sampled_from(sorted(samples()))


@pytest.mark.parametrize("name", sorted(samples()))
def test_samples_are_sound(name: str) -> None:
    """What is damaged below was sound before."""
    if "warc" in name:
        pytest.importorskip("fastwarc")
    entries, error = read(samples()[name])
    assert error is None
    assert all(entry.transaction is not None for entry in entries)


@settings(max_examples=400, deadline=None)
@given(NAMES, st.data())
def test_bytes_replaced_removed_and_added(name: str, data: st.DataObject) -> None:
    """Bytes replaced, removed and added anywhere."""
    raw = bytearray(samples()[name])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw)))
        removed = data.draw(st.integers(0, 6))
        raw[at : at + removed] = data.draw(st.binary(max_size=6))
    check(*read(bytes(raw)))


@settings(max_examples=200, deadline=None)
@given(NAMES, st.floats(0, 1), st.floats(0, 1))
def test_a_piece_of_a_file(name: str, first: float, second: float) -> None:
    """Any piece cut out of a file."""
    raw = samples()[name]
    begin, end = sorted((int(first * len(raw)), int(second * len(raw))))
    check(*read(raw[begin:end]))


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(
        [
            b"WARC/1.0\r\n",
            b"PK\x03\x04",
            b"\x1f\x8b\x08",
            b"GET / HTTP/1.1\n",
            b'[{"host":1,"is_tls":1},',
            b"",
        ]
    ),
    st.binary(max_size=200),
)
def test_any_bytes(beginning: bytes, rest: bytes) -> None:
    """Any bytes behind the beginning of any format."""
    check(*read(beginning + rest))
