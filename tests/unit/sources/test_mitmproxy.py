"""mitmproxy dumps: what flows become, old formats, and how damage is reported.

Dumps of the current format are written by mitmproxy itself, those of old formats by hand.
"""

from __future__ import annotations

import gzip
import importlib
import mmap
import sys
from pathlib import Path

import pytest

from isoscan.errors import InputError
from isoscan.models import HttpTransaction
from isoscan.sources import Entry, _bodies, _mitmproxy_flow
from isoscan.sources._document import Document
from isoscan.sources.mitmproxy import read_mitmproxy
from support.mitmproxy_flows import START_S, Mitm, flow_4, flow_of_format, old_socket, python2_flow


@pytest.fixture
def mitm() -> Mitm:
    """mitmproxy, if it is installed."""
    pytest.importorskip("mitmproxy.io")
    return Mitm()


def read(data: bytes) -> list[Entry]:
    """The entries of a dump."""
    return list(read_mitmproxy(Document("c.mitm", data)))


def read_broken(data: bytes) -> tuple[list[Entry], str]:
    """The entries of a dump, and the error that ends them."""
    entries: list[Entry] = []
    with pytest.raises(InputError) as error:
        for entry in read_mitmproxy(Document("c.mitm", data)):
            entries.append(entry)  # noqa: PERF402 - the entries before the error count
    return entries, str(error.value)


def read_one(data: bytes) -> tuple[HttpTransaction, tuple[str, ...]]:
    """The transaction of a dump with one flow, and its notes."""
    [entry] = read(data)
    assert entry.problem is None
    assert entry.transaction is not None
    return entry.transaction, entry.notes


def test_without_mitmproxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, the error says how to install it and what to do else."""
    monkeypatch.setitem(sys.modules, "mitmproxy.io.tnetstring", None)
    entries, error = read_broken(b"1:~")
    assert entries == []
    assert "isoscan[mitmproxy]" in error
    assert "hardump" in error


def test_exchange(mitm: Mitm) -> None:
    """A flow is a transaction with all that was captured."""
    txn, notes = read_one(mitm.dump(mitm.exchange()))
    assert (txn.request.method, txn.request.url, txn.id) == ("POST", "https://a.test/p?q=1", "c.mitm#0")
    assert txn.request.headers == (("A", "1"), ("content-length", "4"))
    assert txn.request.body == b"sent"
    assert txn.request.timestamp is not None
    assert txn.request.timestamp.timestamp() == START_S
    assert not txn.request.was_edited
    assert txn.response is not None
    assert (txn.response.status, txn.response.body, txn.response.content_type) == (200, b"got", "text/html")
    assert txn.response.timestamp is not None
    assert txn.response.timestamp.timestamp() == START_S + 1
    assert notes == ()


def test_flows_in_order(mitm: Mitm) -> None:
    """Every flow is counted from 0, blank space between flows is skipped, and a mapped file is read."""
    flow = mitm.dump(mitm.exchange())
    entries = read(b"\n" + flow + b"\r\n" + flow + flow + b"\n")
    assert [(entry.index, entry.unit, entry.problem) for entry in entries] == [
        (0, "flow", None),
        (1, "flow", None),
        (2, "flow", None),
    ]


def test_places(mitm: Mitm) -> None:
    """Entries say where in the dump their flow stands; WebSocket messages stand in that of theirs."""
    first, second = mitm.dump(mitm.exchange()), mitm.dump(mitm.socket((1, True, b"a")))
    entries = read(first + b"\n" + second + b"junk" + first)
    places = [(entry.offset_bytes, entry.length_bytes) for entry in entries]
    after = len(first) + 1 + len(second)
    assert places[0] == (0, len(first))
    assert places[1] == places[2] == (len(first) + 1, len(second))
    assert places[3:] == [(after, 4), (after + 4, len(first))]


def test_mapped_file(mitm: Mitm, tmp_path: Path) -> None:
    """A mapped file is read like bytes in memory."""
    path = tmp_path / "c.mitm"
    path.write_bytes(mitm.dump(*[mitm.exchange()] * 3))
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        document = Document("c.mitm", mapped)
        assert [entry.index for entry in read_mitmproxy(document)] == [0, 1, 2]
        del document


def test_edited_request(mitm: Mitm) -> None:
    """A flow edited in mitmproxy is read as it was sent, marked as edited."""
    flow = mitm.exchange()
    flow.backup()
    flow.request.path = "/other"
    txn, _ = read_one(mitm.dump(flow))
    assert txn.request.url == "https://a.test/other"
    assert txn.request.was_edited


def test_flows_without_a_response(mitm: Mitm) -> None:
    """The request is kept; a failed connection is noted, with or without a response."""
    waiting, killed, cut = mitm.exchange(response=None), mitm.exchange(response=None), mitm.exchange()
    killed.error = cut.error = mitm.flow.Error("Connection killed. secret")
    entries = read(mitm.dump(waiting, killed, cut))
    assert [entry.notes for entry in entries] == [
        (),
        (_mitmproxy_flow.FAILED,),
        (_mitmproxy_flow.FAILED_LATER,),
    ]
    responses = [entry.transaction.response is None for entry in entries if entry.transaction]
    assert responses == [True, True, False]


def test_http2_and_transparent_mode(mitm: Mitm) -> None:
    """The host is the name the client asked for, be it in a header or in HTTP/2's authority."""
    for version, authority in (("HTTP/1.1", ""), ("HTTP/2.0", "a.test:8443")):
        flow = mitm.exchange("https://192.0.2.3:8443/p")
        flow.request.http_version = version
        flow.request.data.authority = authority.encode()
        if not authority:
            flow.request.headers["Host"] = "a.test:8443"
        txn, _ = read_one(mitm.dump(flow))
        assert txn.request.url == "https://a.test:8443/p"
        assert not any(name.startswith(":") for name, _ in txn.request.headers)


def test_bytes_that_are_no_text(mitm: Mitm) -> None:
    """Bytes outside of UTF-8 are percent-encoded in a URL and Latin-1 in a header."""
    flow = mitm.answer(((b"X", b"\xe9"), (b"", b"nameless")), b"")
    flow.request.data.path = b"/\xff?\xc3\xa9"
    txn, notes = read_one(mitm.dump(flow))
    assert txn.request.url == "https://a.test/%FF?é"
    assert txn.response is not None
    assert txn.response.headers == (("X", "é"),)
    assert len(notes) == 1


def test_trailers(mitm: Mitm) -> None:
    """Trailers stand behind the headers."""
    flow = mitm.answer(((b"A", b"1"),), b"")
    flow.response.trailers = mitm.http.Headers(((b"B", b"2"),))
    txn, _ = read_one(mitm.dump(flow))
    assert txn.response is not None
    assert txn.response.headers == (("A", "1"), ("B", "2"))


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_content_codings(mitm: Mitm, coding: str) -> None:
    """Bodies are the content, without its coding."""
    flow = mitm.exchange()
    flow.response.text = "content " * 50
    flow.response.encode(coding)
    assert flow.response.raw_content != b"content " * 50
    txn, notes = read_one(mitm.dump(flow))
    assert txn.response is not None
    assert txn.response.body == b"content " * 50
    assert notes == ()


@pytest.mark.parametrize(
    ("content", "kept", "note"),
    [
        (b"\xff\xfe not gzip", b"\xff\xfe not gzip", _bodies.MAY_BE_COMPRESSED),
        (gzip.compress(b"content", mtime=0)[:-4], b"content", _bodies.INCOMPLETE),
        (None, b"", _mitmproxy_flow.NOT_RECORDED),
    ],
)
def test_broken_and_missing_content(mitm: Mitm, content: bytes | None, kept: bytes, note: str) -> None:
    """A body that cannot be decoded is kept, one that was streamed is missing; both are noted."""
    txn, notes = read_one(mitm.dump(mitm.answer(((b"content-encoding", b"gzip"),), content)))
    assert txn.response is not None
    assert txn.response.body == kept
    assert notes == (note,)


def test_websocket_messages(mitm: Mitm) -> None:
    """Messages follow their handshake, each a transaction with the body on the side that sent it."""
    dump = mitm.dump(
        mitm.exchange(),
        mitm.socket((1, True, b"hello"), (1, False, b' {"a": 1}'), (2, False, b"\x00")),
        mitm.exchange(),
    )
    entries = read(dump)
    assert [entry.index for entry in entries] == [0, 1, 1, 1, 1, 2]
    transactions = [entry.transaction for entry in entries if entry.transaction]
    assert [txn.id for txn in transactions[1:5]] == ["c.mitm#1", *(f"c.mitm#1/ws{n}" for n in range(3))]
    handshake, sent, received, binary = transactions[1:5]
    assert handshake.request.url == "https://a.test/socket"
    for message in (sent, received, binary):
        assert (message.request.method, message.request.url) == ("GET", "wss://a.test/socket")
        assert message.request.headers == ()
        assert message.request.timestamp is not None
        assert message.request.timestamp.timestamp() == START_S
    assert (sent.request.body, sent.response) == (b"hello", None)
    assert sent.request.content_type == "text/plain; charset=utf-8"
    for message, body, type_ in (
        (received, b' {"a": 1}', "application/json"),
        (binary, b"\x00", "application/octet-stream"),
    ):
        assert message.request.body == b""
        assert message.response is not None
        assert (message.response.status, message.response.body) == (101, body)
        assert message.response.content_type == type_


def test_dropped_and_injected_messages(mitm: Mitm) -> None:
    """A message that mitmproxy dropped is noted, one it put in counts as edited."""
    flow = mitm.socket((1, True, b"a"), (1, True, b"b"))
    flow.websocket.messages[0].dropped = True
    flow.websocket.messages[1].injected = True
    _, dropped, injected = read(mitm.dump(flow))
    assert dropped.notes == (_mitmproxy_flow.DROPPED,)
    assert injected.transaction is not None
    assert injected.transaction.request.was_edited


def test_what_is_no_exchange(mitm: Mitm) -> None:
    """TCP, UDP and DNS flows and tunnels are out of scope; the rest is read."""
    flows = []
    for kind in ("tcp", "udp", "dns"):
        module = importlib.import_module(f"mitmproxy.{kind}")
        flow = getattr(module, f"{kind.upper()}Flow")(*mitm.connections())
        if kind == "dns":
            flow.request = importlib.import_module("mitmproxy.test.tutils").tdnsreq()
        flows.append(flow)
    tunnel = mitm.exchange()
    tunnel.request.method = "CONNECT"
    entries = read(mitm.dump(*flows, tunnel, mitm.exchange()))
    assert [entry.is_out_of_scope for entry in entries] == [True] * 4 + [False]
    assert all(entry.problem for entry in entries[:4])
    assert entries[4].transaction is not None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"type": "carrier-pigeon"}, "unknown type carrier-pigeon"),
        ({"request": None}, "TypeError"),
        ({"request": {}}, "cannot read"),
        ({"websocket": {"messages": [["secret"]]}}, "ValueError"),
        ({"websocket": {"messages": [[2, True, 10**12, 0, False, False]]}}, "not bytes"),
        ({"version": 9999}, "newer"),
        ({"version": [0, 10]}, "0.10"),
        ({"version": "secret"}, "not one that"),
    ],
)
def test_bad_flow_is_rejected_alone(mitm: Mitm, change: dict[str, object], reason: str) -> None:
    """A sound tnetstring that makes no flow is named with its reason; the others arrive."""
    good = mitm.exchange()
    entries = read(mitm.dump(good, {**mitm.exchange().get_state(), **change}, good))
    [bad] = [entry for entry in entries if entry.problem]
    assert bad.index == 1
    assert bad.problem is not None
    assert reason in bad.problem
    assert "secret" not in bad.problem or "version" in change
    assert entries[0].transaction is not None
    assert (entries[-1].index, entries[-1].problem) == (2, None)


def test_flow_of_no_http_scheme(mitm: Mitm) -> None:
    """A URL that is none is rejected without its query."""
    flow = mitm.exchange()
    flow.request.data.scheme = b"secret"
    [entry] = read(mitm.dump(flow))
    assert entry.problem is not None
    assert "not an HTTP URL" in entry.problem


def test_newer_format(mitm: Mitm) -> None:
    """A dump of a newer format is one error with what to do about it."""
    state = {**mitm.exchange().get_state(), "version": 9999}
    entries, error = read_broken(mitm.dump(state, state))
    assert entries == []
    assert "9999" in error
    assert mitm.version.VERSION in error
    assert "hardump" in error


def test_cut_at_every_byte(mitm: Mitm) -> None:
    """A dump cut anywhere yields the flows before the cut, then an error that says so."""
    flow = mitm.exchange()
    flow.response.raw_content = b"x" * 50
    first, second = mitm.dump(flow), mitm.dump(flow)
    for cut in [*range(len(first) + 1, len(first) + 60), *range(len(first) + 60, len(first + second), 37)]:
        entries, error = read_broken((first + second)[:cut])
        assert [entry.problem for entry in entries] == [None]
        assert "truncated" in error
        assert f"byte {len(first)}, after 1 flows" in error


@pytest.mark.parametrize(
    "junk", [b"junk", b"\x00" * 5000, b"12345", b"12:abc", b"99999:1:a,", b"9:1:a;1:b;}"]
)
def test_junk_between_flows(mitm: Mitm, junk: bytes) -> None:
    """Junk costs one entry, named by its place; the flows around it arrive."""
    flow = mitm.dump(mitm.exchange())
    entries = read(flow + junk + flow)
    assert [entry.problem is None for entry in entries] == [True, False, True]
    assert [entry.index for entry in entries] == [0, 1, 2]
    assert entries[1].problem is not None
    assert str(len(flow)) in entries[1].problem or "not a flow" in entries[1].problem


def test_edited_flow_that_is_cut_off(mitm: Mitm) -> None:
    """What a flow was before it was edited, which is within it, is not taken for a flow."""
    flow = mitm.exchange()
    flow.backup()
    flow.request.path = "/other"
    whole = mitm.dump(mitm.exchange())
    edited = mitm.dump(flow)
    assert b"6:backup;" in edited
    for cut in range(1, 40):
        entries, _ = read_broken(whole + edited[:-cut])
        assert [entry.problem for entry in entries] == [None]


def test_junk_at_the_end(mitm: Mitm) -> None:
    """Junk behind the last flow is an error behind it."""
    entries, error = read_broken(mitm.dump(mitm.exchange()) + b"\xff junk")
    assert len(entries) == 1
    assert "damaged" in error


def test_any_byte_changed_costs_one_flow(mitm: Mitm) -> None:
    """One byte changed in a flow costs that flow at most, and never in silence."""
    flow = mitm.dump(mitm.exchange())
    for at in range(0, len(flow), 7):
        for byte in (b"9", b":", b"}", b"\xff"):
            entries = read(flow + flow[:at] + byte + flow[at + 1 :] + flow)
            assert entries[0].problem is None
            assert entries[-1].problem is None
            assert entries[-1].transaction is not None
            assert entries[-1].transaction.request.url == "https://a.test/p?q=1"
            assert len(entries) == 3


def test_search_for_sound_flows_is_bounded(mitm: Mitm) -> None:
    """After too much damage the rest is given up."""
    flow = mitm.dump(mitm.exchange())
    entries, error = read_broken((flow + b"junk") * 150)
    assert sum(entry.problem is not None for entry in entries) == 100
    assert "damaged" in error


def test_deeply_nested_data(mitm: Mitm) -> None:
    """Data nested deeper than Python's stack is a damaged flow."""
    data = b"0:]"
    for _ in range(3000):
        data = b"%d:%b]" % (len(data), data)
    data = b"1:a;" + data
    flow = mitm.dump(mitm.exchange())
    entries = read(flow + b"%d:%b}" % (len(data), data) + flow)
    assert [entry.problem is None for entry in entries] == [True, False, True]


@pytest.mark.parametrize("version", ["0.11", "4", "19", "20", "21"])
def test_formats(mitm: Mitm, version: str) -> None:
    """Dumps of every age that mitmproxy migrates give the same transaction."""
    state = {"0.11": python2_flow, "4": flow_4}.get(version, lambda: flow_of_format(mitm, int(version)))()
    txn, notes = read_one(mitm.dump(state))
    assert (txn.request.method, txn.request.url) == ("POST", "https://a.test/p?q=1")
    assert txn.request.headers[0] == ("A", "1")
    assert txn.request.body == b"sent"
    assert txn.request.timestamp is not None
    assert txn.request.timestamp.timestamp() == START_S
    assert txn.response is not None
    assert (txn.response.status, txn.response.body) == (200, b"got")
    assert notes == ()


@pytest.mark.parametrize("version", ["0.11", "4"])
def test_killed_flows_of_old_formats(mitm: Mitm, version: str) -> None:
    """A flow of an old format whose connection was never made keeps its request."""
    if version == "4":
        state = flow_4()
        state["server_conn"]["source_address"] = state["server_conn"]["ip_address"] = None
        state["response"], state["error"] = None, {"msg": "killed", "timestamp": START_S}
    else:
        state = python2_flow()
        state[b"server_conn"][b"source_address"] = None
        state[b"response"], state[b"error"] = None, {b"msg": b"killed", b"timestamp": START_S}
    txn, notes = read_one(mitm.dump(state))
    assert txn.request.url == "https://a.test/p?q=1"
    assert txn.response is None
    assert notes == (_mitmproxy_flow.FAILED,)


def test_websockets_of_old_formats(mitm: Mitm) -> None:
    """The handshake, a flow of its own there, is read once; its messages have their own index."""
    handshake, end = old_socket([1, True, "hello", START_S, False])
    first, message = read(mitm.dump(handshake, end))
    assert first.transaction is not None
    assert first.transaction.request.url == "https://a.test/p?q=1"
    assert message.transaction is not None
    assert message.transaction.id == "c.mitm#1/ws0"
    assert message.transaction.request.url == "wss://a.test/p?q=1"
    assert message.transaction.request.body == b"hello"


def test_old_websocket_without_handshake_or_messages(mitm: Mitm) -> None:
    """Messages without their handshake are kept, noted; a WebSocket without messages misses nothing."""
    handshake, end = old_socket()
    _, empty = read(mitm.dump(handshake, end))
    assert empty.is_out_of_scope
    _, end = old_socket([1, True, b"hello", START_S, False])
    [message] = read(mitm.dump(end))
    assert message.notes == (_mitmproxy_flow.NO_HANDSHAKE,)
