"""WARC and WACZ files: pairing of records, compression, damage."""

from __future__ import annotations

import gzip
import io
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from isoscan.errors import InputError
from isoscan.models import HttpTransaction
from isoscan.sources import Entry, _bodies, _compression, open_source, warc

pytest.importorskip("fastwarc")

REQUEST = b"GET /%s HTTP/1.1\r\nHost: a.test\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
WHEN = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)


def record(
    kind: str,
    block: bytes = b"",
    *,
    id_: str = "",
    to: str = "",
    target: str = "http://a.test/1",
    version: str = "1.0",
    **fields: str,
) -> bytes:
    """One record, uncompressed. `to` is what it is concurrent to."""
    headers = {
        "WARC-Type": kind,
        "WARC-Target-URI": target,
        "WARC-Date": "2024-01-02T03:04:05Z",
        "WARC-Record-ID": f"<urn:uuid:{id_}>" if id_ else "",
        "WARC-Concurrent-To": f"<urn:uuid:{to}>" if to else "",
        "Content-Type": f"application/http; msgtype={kind}",
        **{name.replace("_", "-"): value for name, value in fields.items()},
        "Content-Length": str(len(block)),
    }
    lines = [f"WARC/{version}", *[f"{name}: {value}" for name, value in headers.items() if value]]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def request(n: int, **fields: str) -> bytes:
    """A request record for the page `n`."""
    return record("request", REQUEST % str(n).encode(), id_=f"q{n}", target=f"http://a.test/{n}", **fields)


def response(n: int, **fields: str) -> bytes:
    """A response record for the page `n`."""
    return record("response", RESPONSE, id_=f"p{n}", target=f"http://a.test/{n}", **fields)


INFO = record("warcinfo", b"software: test\r\n", target="", Content_Type="application/warc-fields")


def zstd_each(records: list[bytes]) -> bytes:
    """Records compressed one by one with Zstandard."""
    try:
        module = _compression.zstd_module()
    except _compression.ZstdMissing:
        pytest.skip("no module for Zstandard")
    return b"".join(module.compress(one) for one in records)


def gzip_each(records: list[bytes]) -> bytes:
    """Records compressed one by one."""
    return b"".join(gzip.compress(one, mtime=0) for one in records)


PACKERS: dict[str, Callable[[list[bytes]], bytes]] = {
    "plain": b"".join,
    "gzip": gzip_each,
    "gzip as a whole": lambda records: gzip.compress(b"".join(records), mtime=0),
    "zstd": zstd_each,
    "zstd as a whole": lambda records: zstd_each([b"".join(records)]),
}


def read(path: Path, data: bytes) -> list[Entry]:
    """The entries of a file with these bytes."""
    path.write_bytes(data)
    return list(open_source(path))


def good(entries: list[Entry]) -> list[HttpTransaction]:
    """The transactions of the entries, in the order of their records."""
    for entry in entries:
        assert entry.unit == "record"
    ordered = sorted(entries, key=lambda entry: entry.index)
    return [entry.transaction for entry in ordered if entry.transaction is not None]


def shape(entries: list[Entry]) -> list[tuple[str, bool]]:
    """The path and whether there is a response, per transaction."""
    return [(txn.request.url.rpartition("/")[2], txn.response is not None) for txn in good(entries)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the capture is written."""
    return tmp_path / "x.warc"


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_exchanges(path: Path, pack: Callable[[list[bytes]], bytes], version: str) -> None:
    """Requests and responses come together, compressed in whatever way; other records are out of scope."""
    records = [INFO]
    for n in range(3):
        records += [request(n, version=version), response(n, to=f"q{n}", version=version)]
    records.append(record("metadata", b"x", Content_Type="text/plain", version=version))
    data = pack(records)
    entries = read(path, data)
    assert shape(entries) == [("0", True), ("1", True), ("2", True)]
    assert [entry.index for entry in entries if entry.is_out_of_scope] == [0, 7]
    first = good(entries)[0]
    assert first.id == f"{path}#1"
    assert first.response is not None
    assert (first.response.body, first.response.timestamp, first.request.timestamp) == (b"ok", WHEN, WHEN)


@pytest.mark.parametrize("name", ["plain", "gzip"])
def test_place_in_the_file(path: Path, name: str) -> None:
    """An entry's offset is where its first record begins in the file, compressed or not."""
    pack = PACKERS[name]
    entries = read(path, pack([INFO, request(1), response(1, to="q1"), request(2), response(2, to="q2")]))
    assert [entry.offset_bytes for entry in entries] == [
        0,
        len(pack([INFO])),
        len(pack([INFO, request(1), response(1, to="q1")])),
    ]


@pytest.mark.parametrize(
    ("records", "found"),
    [
        ([request(1), response(1, to="q1")], [("1", True)]),
        ([response(1), request(1, to="p1")], [("1", True)]),
        ([request(1, to="p1"), response(1)], [("1", True)]),
        ([response(1, to="q1"), request(1)], [("1", True)]),
        ([request(1), response(1)], [("1", True)]),
        ([response(1), request(1)], [("1", True)]),
        ([request(1), request(2), response(1, to="q1"), response(2, to="q2")], [("1", True), ("2", True)]),
        ([request(1), response(2)], [("1", False), ("2", True)]),
        ([request(1), INFO, response(1)], [("1", False), ("1", True)]),
        ([request(1), response(1, to="q1"), request(1), response(1, to="q1")], [("1", True), ("1", True)]),
        ([request(1), request(1), response(1, to="q1")], [("1", True), ("1", False)]),
        ([request(1)], [("1", False)]),
        ([response(1)], [("1", True)]),
    ],
)
def test_pairing(path: Path, records: list[bytes], found: list[tuple[str, bool]]) -> None:
    """Records pair by their ids in either direction, else as neighbours of one target."""
    assert shape(read(path, b"".join(records))) == found


def test_halves_do_not_wait_for_ever(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded: a request whose response is too far away goes alone, and none is lost."""
    monkeypatch.setattr(warc, "_MAX_WAITING", 10)
    requests = [request(n) for n in range(50)]
    responses = [response(n, to=f"q{n}") for n in range(50)]
    entries = read(path, b"".join(requests + responses))
    assert len(entries) > 50
    assert {n for n, _ in shape(entries)} == {str(n) for n in range(50)}
    assert {txn.response is not None for txn in good(entries)} == {True, False}


def test_response_alone(path: Path) -> None:
    """A response without a request is taken for the answer to a GET, and that is noted."""
    [entry] = read(path, response(1))
    [txn] = good([entry])
    assert (txn.request.method, txn.request.url) == ("GET", "http://a.test/1")
    assert entry.notes == (warc.NO_REQUEST,)


def test_chunked_and_compressed_payload(path: Path) -> None:
    """Payloads stand in the record as they were sent, and are decoded."""
    body = gzip.compress(b"hello", mtime=0)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:])) + b"0\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    [txn] = good(read(path, request(1) + record("response", head + chunks, to="q1")))
    assert txn.response is not None
    assert txn.response.body == b"hello"


def test_post(path: Path) -> None:
    """Request bodies arrive; a target in angle brackets, as wget writes it, is that target."""
    block = b"POST /1 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\na=1"
    [txn] = good(read(path, record("request", block, target="<http://a.test/1>")))
    assert (txn.request.method, txn.request.url, txn.request.body) == ("POST", "http://a.test/1", b"a=1")


def test_revisit(path: Path) -> None:
    """A revisit gives its headers; that its body is elsewhere is noted. Without headers it gives nothing."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\nX-A: b\r\n\r\n"
    entries = read(path, request(1) + record("revisit", head, to="q1") + record("revisit"))
    [txn] = good(entries)
    assert txn.response is not None
    assert ("X-A", "b") in txn.response.headers
    assert entries[0].notes == (warc.REVISIT,)
    assert [entry.is_out_of_scope for entry in entries] == [False, True]


@pytest.mark.parametrize(
    "other",
    [
        record("response", b"20240102 1.2.3.4", target="dns:a.test", Content_Type="text/dns"),
        record("response", RESPONSE, target="ftp://a.test/x"),
        record("resource", b"<p>", Content_Type="text/html"),
        record("conversion", b"text", Content_Type="text/plain"),
        record("strange", b"text"),
    ],
)
def test_other_records_are_out_of_scope(path: Path, other: bytes) -> None:
    """What is no HTTP exchange is counted, and nothing was missed."""
    entries = sorted(read(path, other + request(1) + response(1, to="q1")), key=lambda entry: entry.index)
    assert [(entry.problem is not None, entry.is_out_of_scope) for entry in entries] == [
        (True, True),
        (False, False),
    ]


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ({"WARC_Truncated": "length"}, warc.CUT_WHEN_RECORDED),
        ({"WARC_Segment_Number": "1"}, warc.SEGMENTED),
    ],
)
def test_incomplete_records_are_noted(path: Path, fields: dict[str, str], note: str) -> None:
    """What was not recorded whole is read and noted."""
    [entry] = read(path, request(1) + response(1, to="q1", **fields))
    assert note in entry.notes


def test_huge_payload_is_cut(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A payload beyond the limit of a body is cut there, not loaded."""
    monkeypatch.setattr(warc, "BODY_LIMIT_BYTES", 1000)
    block = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5000
    [entry] = read(path, request(1) + record("response", block, to="q1"))
    [txn] = good([entry])
    assert txn.response is not None
    assert len(txn.response.body) < 1000
    assert _bodies.CUT_AT_LIMIT in entry.notes


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize("share", [0.45, 0.7, 0.95])
def test_truncated_file(path: Path, name: str, share: float) -> None:
    """Exchanges before the cut arrive, then the error; never silence."""
    records = [INFO]
    for n in range(20):
        noise = bytes((i * 37 + n * 11 + i * i // 7) % 251 for i in range(1500))
        block = b"HTTP/1.1 200 OK\r\n\r\n" + noise
        records += [request(n), record("response", block, to=f"q{n}", target=f"http://a.test/{n}")]
    data = PACKERS[name](records)
    path.write_bytes(data[: int(len(data) * share)])
    entries = []
    with pytest.raises(InputError, match="truncated"):
        for entry in open_source(path):
            entries.append(entry)  # noqa: PERF402  # those before the error count
    # A block of Zstandard is whole or lost.
    if name != "zstd as a whole":
        assert len([txn for txn in good(entries) if txn.response is not None]) >= int(20 * share) - 2


@pytest.mark.parametrize("name", ["plain", "gzip", "zstd"])
def test_every_cut_is_noticed(path: Path, name: str) -> None:
    """Wherever within its last record a file ends, that is an error."""
    records = [INFO, request(1), response(1, to="q1")]
    data = PACKERS[name](records)
    begin = len(PACKERS[name](records[:2]))
    # White space is all that follows the last record's block.
    for end in range(begin + 1, len(data) - (4 if name == "plain" else 0)):
        path.write_bytes(data[:end])
        with pytest.raises(InputError):
            list(open_source(path))


@pytest.mark.parametrize("name", ["plain", "gzip", "zstd"])
def test_damaged_record_in_the_middle(path: Path, name: str) -> None:
    """A damaged record is one rejected entry; the others are read."""
    pack = PACKERS[name]
    records = [
        request(1),
        response(1, to="q1"),
        request(2),
        response(2, to="q2"),
        request(3),
        response(3, to="q3"),
    ]
    data = bytearray(pack(records))
    at = len(pack(records[:2]))
    data[at + 4 : at + 12] = b"\xff" * 8
    entries = read(path, bytes(data))
    assert shape(entries) == [("1", True), ("2", True), ("3", True)]
    [bad] = [entry for entry in entries if entry.problem]
    assert "damaged behind byte" in (bad.problem or "")
    assert not bad.is_out_of_scope


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_version_that_is_not_read(path: Path, pack: Callable[[list[bytes]], bytes]) -> None:
    """A file of another version is named by it, and is not called damaged."""
    with pytest.raises(InputError, match=r"x\.warc: is of WARC version 2\.0; 1\.0 and 1\.1 are read"):
        read(path, pack([request(1, version="2.0"), response(1, to="q1", version="2.0")]))


@pytest.mark.parametrize("length", ["1", "99999999999", "-5", "x"])
def test_wrong_length(path: Path, length: str) -> None:
    """A record that lies about its length costs itself, at most."""
    lying = request(2).replace(b"Content-Length: 33", f"Content-Length: {length}".encode())
    assert lying != request(2)
    entries = read(path, request(1) + response(1, to="q1") + lying + request(3) + response(3, to="q3"))
    assert {("1", True), ("3", True)} <= set(shape(entries))
    assert any(entry.problem and not entry.is_out_of_scope for entry in entries)


def test_bad_messages(path: Path) -> None:
    """Blocks that are no HTTP messages are named; the others are read."""
    entries = read(
        path,
        record("request", b"junk", id_="q9", target="http://a.test/9")
        + request(1)
        + response(1, to="q1")
        + record("response", b"junk", target="http://a.test/8"),
    )
    assert shape(entries) == [("1", True)]
    assert [entry.index for entry in entries if entry.problem] == [0, 3]


def test_without_fastwarc(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra it is named at once."""
    monkeypatch.setitem(sys.modules, "fastwarc.warc", None)
    path.write_bytes(request(1))
    with pytest.raises(InputError, match=r"isoscan\[warc\]"):
        open_source(path)


def test_written_by_fastwarc(path: Path) -> None:
    """What FastWARC's own writer makes is read."""
    from fastwarc.stream_io import GzipWriter
    from fastwarc.warc import WarcRecord, WarcRecordType

    with path.open("wb") as file:
        writer = GzipWriter(file)
        for kind, block in ((WarcRecordType.request, REQUEST % b"1"), (WarcRecordType.response, RESPONSE)):
            one = WarcRecord()
            one.init_headers(record_type=kind, content_length=len(block))
            one.headers["WARC-Target-URI"] = "http://a.test/1"
            one.headers["Content-Type"] = "application/http"
            one.record_date = WHEN + timedelta(seconds=1)
            one.set_bytes_content(block)
            one.write(writer)
        writer.close()
    entries = list(open_source(path))
    assert shape(entries) == [("1", True)]


def test_wacz(tmp_path: Path) -> None:
    """Of a WACZ file the WARC files in its archive folder are read, and nothing else is missed."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("datapackage.json", b"{}")
        archive.writestr("pages/pages.jsonl", b'{"format": "json-pages-1.0"}\n')
        archive.writestr("indexes/index.cdx.gz", gzip.compress(b"x", mtime=0))
        for n in (1, 2):
            archive.writestr(f"archive/{n}.warc.gz", gzip_each([INFO, request(n), response(n, to=f"q{n}")]))
    path = tmp_path / "x.wacz"
    entries = read(path, file.getvalue())
    assert [entry.source for entry in entries if entry.transaction] == [
        f"{path}:archive/1.warc.gz",
        f"{path}:archive/2.warc.gz",
    ]
    assert all(entry.unit == "record" for entry in entries)
