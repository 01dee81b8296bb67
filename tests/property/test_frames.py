"""The frame codec: what is sent arrives, and what must not be sent is refused and nothing else."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoscan import HttpRequest, HttpResponse, HttpTransaction
from isoscan.sandbox.frames import (
    Batch,
    ProtocolError,
    Ready,
    Reply,
    ReplyReader,
    Results,
    encode_batch,
    encode_load,
    encode_scan,
    read_batch,
)
from support import wire

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
HEADERS = st.lists(st.tuples(TEXT, TEXT), max_size=4).map(tuple)
MOMENTS = st.datetimes(min_value=datetime(1971, 1, 1), timezones=st.just(UTC))
REQUESTS = st.builds(
    HttpRequest,
    method=TEXT,
    url=TEXT,
    headers=HEADERS,
    body=st.binary(max_size=200),
    content_type=st.none() | TEXT,
    is_https=st.booleans(),
    was_edited=st.booleans(),
    timestamp=MOMENTS,
)
RESPONSES = st.builds(
    HttpResponse,
    status=st.integers(-1, 1000),
    headers=HEADERS,
    body=st.binary(max_size=200),
    content_type=st.none() | TEXT,
    timestamp=MOMENTS,
)
TRANSACTIONS = st.builds(HttpTransaction, request=REQUESTS, response=st.none() | RESPONSES)

ENTRIES = st.lists(
    st.integers(0, 10**9)
    | st.fixed_dictionaries(
        {"d": st.integers(0, 10**9)},
        optional={
            "s": st.booleans(),
            "f": st.lists(st.tuples(st.integers(0, 1), TEXT), max_size=3),
            "i": TEXT,
            "e": st.fixed_dictionaries({"name": TEXT, "message": TEXT, "stack": TEXT}),
            "c": st.lists(st.tuples(st.sampled_from(["log", "warn"]), TEXT), max_size=3),
            "x": st.integers(0, 9),
        },
    ),
    max_size=5,
)


@st.composite
def reply_lists(draw: st.DrawFn) -> list[bytes]:
    """The replies of a generation that keeps every promise, one bytes object each."""
    replies = [wire.reply(0, wire.HELLO, b"{}"), wire.reply(1, wire.READY, wire.READY_JSON)]
    for index, entries in enumerate(draw(st.lists(ENTRIES, max_size=5))):
        replies.append(wire.results(index + 2, index + 1, 0, entries))
    return replies


def read_all(chunks: Sequence[bytes]) -> list[Reply]:
    """What a fresh reader makes of these chunks; a deviation behind good replies is raised here."""
    reader = ReplyReader(wire.NONCE)
    replies = [reply for chunk in chunks for reply in reader.feed(chunk)]
    if reader.damage is not None:
        raise reader.damage
    return replies


def read_or_refuse(stream: bytes) -> list[Reply] | None:
    """All replies of a stream, or None when it is refused; any other exception is a failure."""
    try:
        return read_all([stream])
    except ProtocolError:
        return None


def in_batches(transactions: list[HttpTransaction], cuts: set[int]) -> list[Batch]:
    """The transactions, a batch from each cut to the next."""
    edges = sorted({0, *(cut for cut in cuts if cut < len(transactions)), len(transactions)})
    return [encode_batch(transactions[first:end]) for first, end in itertools.pairwise(edges)]


def body_bytes(transaction: HttpTransaction) -> int:
    """How much its bodies are."""
    response = transaction.response
    return len(transaction.request.body) + (len(response.body) if response is not None else 0)


# ---- orders ------------------------------------------------------------------


@given(st.lists(TRANSACTIONS, min_size=1, max_size=5), st.integers(0, 2**32 - 1), st.sets(st.integers(1, 4)))
def test_scan_order_says_what_the_transactions_say(
    transactions: list[HttpTransaction], number: int, cuts: set[int]
) -> None:
    """However they are batched, an independent decoder finds every field and body, in order."""
    (frame,) = wire.split_orders(encode_scan(number, in_batches(transactions, cuts)))
    assert (frame.order, frame.number) == (2, number)
    found = wire.split_scan(frame.payload)
    assert len(found) == len(transactions)
    for transaction, (request, response) in zip(transactions, found, strict=True):
        sent = transaction.request
        assert request.fields[:5] == [sent.id, sent.method, sent.url, sent.content_type, sent.is_https]
        assert datetime.fromisoformat(request.fields[5]) == sent.timestamp
        assert request.fields[6] == sent.was_edited
        headers, query = request.details
        assert headers == [list(pair) for pair in sent.headers]
        assert query == (sent.query_params or None)
        assert request.body == sent.body
        answer = transaction.response
        if answer is None:
            assert response is None
            continue
        assert response is not None
        assert response.fields[:3] == [answer.request_id, answer.status, answer.content_type]
        assert datetime.fromisoformat(response.fields[3]) == answer.timestamp
        assert response.details == [list(pair) for pair in answer.headers]
        assert response.body == answer.body


@given(st.lists(TRANSACTIONS, min_size=1, max_size=3))
def test_orders_follow_each_other(transactions: list[HttpTransaction]) -> None:
    """Frames written one behind the other are cut apart by their lengths alone."""
    encoded = [encode_batch([t]) for t in transactions]
    stream = encode_load(0, {"a": [1]}) + encode_scan(1, encoded) + encode_scan(2, encoded[:1])
    frames = wire.split_orders(stream)
    assert [(f.order, f.number) for f in frames] == [(1, 0), (2, 1), (2, 2)]
    assert json.loads(frames[0].payload) == {"a": [1]}
    assert len(wire.split_scan(frames[1].payload)) == len(transactions)


@given(st.lists(TRANSACTIONS, min_size=1, max_size=4))
def test_size_counts_every_byte_that_travels(transactions: list[HttpTransaction]) -> None:
    """`size_bytes` is what one more batch adds to a frame."""
    one = encode_batch(transactions)
    grown = len(encode_scan(1, [one, one])) - len(encode_scan(1, [one]))
    assert grown == one.size_bytes + 1  # and a comma


@given(st.lists(TRANSACTIONS, min_size=1, max_size=5), st.data())
def test_part_of_a_batch_is_its_transactions(
    transactions: list[HttpTransaction], data: st.DataObject
) -> None:
    """Some of a batch travel as if they had been encoded by themselves."""
    first = data.draw(st.integers(0, len(transactions) - 1))
    end = data.draw(st.integers(first + 1, len(transactions)))
    part = encode_batch(transactions).part(first, end)
    assert len(part) == end - first
    assert encode_scan(1, [part]) == encode_scan(1, [encode_batch(transactions[first:end])])


@given(st.lists(TRANSACTIONS, max_size=8), st.integers(1, 8), st.integers(1, 600))
def test_a_read_batch_is_bounded(transactions: list[HttpTransaction], count: int, max_bytes: int) -> None:
    """A batch ends at its count, or with the transaction that fills its bytes; nothing is dropped between."""
    source = iter(transactions)
    found: list[HttpTransaction] = []
    while True:
        batch, error = read_batch(source, count, max_bytes)
        assert error is None
        if batch is None:
            break
        assert 1 <= len(batch) <= count
        assert sum(map(body_bytes, batch.transactions[:-1])) < max_bytes
        is_full = len(batch) == count or sum(map(body_bytes, batch.transactions)) >= max_bytes
        found += batch.transactions
        assert is_full or len(found) == len(transactions)
    assert found == transactions


@given(st.lists(TRANSACTIONS, max_size=6), st.booleans())
def test_what_comes_before_an_error_is_kept(before: list[HttpTransaction], is_raised: bool) -> None:
    """The transactions in front of one that cannot be encoded, or of an input's error, travel."""
    unencodable = HttpTransaction(HttpRequest("GET", "https://example.com/"))
    msgspec.structs.force_setattr(unencodable.request, "timestamp", object())

    def source() -> Iterator[HttpTransaction]:
        yield from before
        if is_raised:
            raise OSError("the disk is gone")
        yield unencodable

    batch, error = read_batch(source(), 64, 1 << 30)
    assert (batch.transactions if batch is not None else []) == before
    assert isinstance(error, OSError if is_raised else TypeError)
    if batch is not None:
        assert encode_scan(1, [batch]) == encode_scan(1, [encode_batch(before)])


# ---- replies that keep the promises --------------------------------------------


@given(reply_lists(), st.data())
def test_chunks_do_not_matter(replies: list[bytes], data: st.DataObject) -> None:
    """However the stream is cut, the same replies come out."""
    stream = b"".join(replies)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    edges = [0, *cuts, len(stream)]
    chunks = [stream[a:b] for a, b in itertools.pairwise(edges)]
    whole = read_all([stream])
    assert read_all(chunks) == whole
    assert len(whole) == len(replies)


@settings(max_examples=20)
@given(reply_lists())
def test_byte_by_byte(replies: list[bytes]) -> None:
    """One byte at a time gives the same replies, each with its last byte."""
    stream = b"".join(replies)
    reader = ReplyReader(wire.NONCE)
    found: list[Reply] = []
    for index in range(len(stream)):
        found += reader.feed(stream[index : index + 1])
    assert found == read_all([stream])
    assert not reader.has_partial


def test_replies_in_front_of_a_deviation_count() -> None:
    """Good replies in the same read as a broken one are handed out; the next read is refused."""
    reader = ReplyReader(wire.NONCE)
    assert len(reader.feed(wire.greeting() + b"\xff" * 64)) == 2
    assert reader.damage is not None
    with pytest.raises(ProtocolError):
        reader.feed(b"")


@given(reply_lists(), st.data())
def test_cut_stream_is_partial(replies: list[bytes], data: st.DataObject) -> None:
    """A stream cut anywhere gives the whole replies before the cut and says that it stopped inside one."""
    stream = b"".join(replies)
    cut = data.draw(st.integers(0, len(stream)))
    reader = ReplyReader(wire.NONCE)
    found = reader.feed(stream[:cut])
    ends = [sum(map(len, replies[: n + 1])) for n in range(len(replies))]
    assert len(found) == sum(end <= cut for end in ends)
    assert reader.has_partial == (cut not in (0, *ends))


def test_types_of_replies() -> None:
    """Hello is nothing, ready and results are what they say."""
    hello, ready, results = read_all([wire.greeting() + wire.results(2, 1, 0, [3, {"d": 4}])])
    assert hello is None
    assert isinstance(ready, Ready)
    assert ready.heap == (1, 2)
    assert isinstance(results, Results)
    assert results.entries[0] == 3


def test_lone_surrogates_are_replaced() -> None:
    """A lone surrogate, legal in JavaScript text, becomes U+FFFD and condemns nobody."""
    text = '[1,0,[{"d":1,"c":[["info","a\\ud800b"]]}],0]'
    (*_, results) = read_all([wire.greeting() + wire.reply(2, wire.RESULTS, text)])
    assert isinstance(results, Results)
    (entry,) = results.entries
    assert not isinstance(entry, int)
    assert entry.console == [("info", "a\ufffdb")]


# ---- replies that break them ---------------------------------------------------

DEVIATIONS: dict[str, bytes] = {
    "wrong nonce": wire.greeting() + wire.reply(2, 3, b"[1,0,[1],0]", nonce=b"\x09" * 16),
    "zero nonce after hello": wire.greeting() + wire.reply(2, 3, b"[1,0,[1],0]", nonce=bytes(16)),
    "right nonce at hello": wire.reply(0, 0, b"{}", nonce=wire.NONCE),
    "sequence skipped": wire.greeting() + wire.reply(3, 3, b"[1,0,[1],0]"),
    "sequence repeated": wire.greeting() + wire.reply(1, 3, b"[1,0,[1],0]"),
    "sequence from 1": wire.reply(1, 0, b"{}", nonce=bytes(16)),
    "results before hello": wire.reply(0, 3, b"[1,0,[1],0]"),
    "results before ready": wire.reply(0, 0, b"{}") + wire.reply(1, 3, b"[1,0,[1],0]"),
    "hello twice": wire.greeting() + wire.reply(2, 0, b"{}"),
    "ready twice": wire.greeting() + wire.reply(2, 1, wire.READY_JSON),
    "load failed after ready": wire.greeting()
    + wire.reply(2, 2, b'{"kind":"x","error":{},"urls":[],"console":[]}'),
    "unknown kind": wire.greeting() + wire.reply(2, 5, b"[1,0,[1],0]"),
    "kind 255": wire.greeting() + wire.reply(2, 255, b"{}"),
    "length 0": bytes(4),
    "length 20": b"\x14\0\0\0" + bytes(20),
    "length over the limit": b"\x01\0\0\x10",
    "length 4 GiB": b"\xff\xff\xff\xff",
    "empty JSON": wire.greeting() + wire.reply(2, 3, b""),
    "cut JSON": wire.greeting() + wire.reply(2, 3, b"[1,0,[1],"),
    "two JSON values": wire.greeting() + wire.reply(2, 3, b"[1,0,[1],0][1,0,[1],0]"),
    "deep JSON": wire.greeting() + wire.reply(2, 3, b"[" * 500_000),
    "deep closed JSON": wire.greeting() + wire.reply(2, 3, b"[" * 100_000 + b"]" * 100_000),
    "deep objects": wire.greeting() + wire.reply(2, 3, b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "deep behind a surrogate": wire.greeting()
    + wire.reply(2, 3, b'["\\ud800",' + b"[" * 100_000 + b"]" * 100_000 + b"]"),
    "deep ready": wire.reply(0, 0, b"{}") + wire.reply(1, 1, b'{"plugins":' + b"[" * 100_000),
    "deep hello": wire.reply(0, 0, b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "not UTF-8": wire.greeting() + wire.reply(2, 3, b'[1,0,[{"d":1,"i":"\xff\xfe"}],0]'),
    "UTF-16": wire.greeting() + wire.reply(2, 3, "[1,0,[1],-0.5]".encode("utf-16")),
    "NaN": wire.greeting() + wire.reply(2, 3, b"[1,0,[NaN],0]"),
    "infinite number": wire.greeting() + wire.reply(2, 3, b"[1,0,[1e999],0]"),
    "number of 10,000 digits": wire.greeting() + wire.reply(2, 3, b"[1,0,[" + b"9" * 10_000 + b"],0]"),
    "digits behind a surrogate": wire.greeting() + wire.reply(2, 3, b'["\\ud800",' + b"9" * 10_000 + b"]"),
    "text as entry": wire.greeting() + wire.reply(2, 3, b'[1,0,["x"],0]'),
    "boolean as entry": wire.greeting() + wire.reply(2, 3, b"[1,0,[true],0]"),
    "object as results": wire.greeting() + wire.reply(2, 3, b'{"frame":1}'),
    "ready without heap": wire.reply(0, 0, b"{}") + wire.reply(1, 1, b'{"plugins":[],"urls":[]}'),
}


@pytest.mark.parametrize("stream", DEVIATIONS.values(), ids=DEVIATIONS)
def test_deviation_is_refused(stream: bytes) -> None:
    """Every broken promise is a `ProtocolError`, whatever it would have been underneath."""
    with pytest.raises(ProtocolError):
        read_all([stream])


def test_limit_is_checked_before_the_body_is_there() -> None:
    """Four bytes are enough to refuse a reply that is too long."""
    reader = ReplyReader(wire.NONCE, max_reply_bytes=1000)
    with pytest.raises(ProtocolError):
        reader.feed((1001).to_bytes(4, "little"))


def test_replies_before_the_deviation_are_not_needed_to_refuse() -> None:
    """A deviation fed later is refused as well as one fed at once."""
    reader = ReplyReader(wire.NONCE)
    assert len(reader.feed(wire.greeting())) == 2
    with pytest.raises(ProtocolError):
        reader.feed(wire.reply(1, 1, wire.READY_JSON))


@given(reply_lists(), st.data())
def test_replayed_reply_is_refused(replies: list[bytes], data: st.DataObject) -> None:
    """The same reply twice never passes."""
    index = data.draw(st.integers(0, len(replies) - 1))
    later = data.draw(st.integers(index + 1, len(replies)))
    assert read_or_refuse(b"".join([*replies[:later], replies[index], *replies[later:]])) is None


@given(reply_lists(), st.data())
def test_exchanged_replies_are_refused(replies: list[bytes], data: st.DataObject) -> None:
    """Two replies in each other's place never pass."""
    one = data.draw(st.integers(0, len(replies) - 2))
    other = data.draw(st.integers(one + 1, len(replies) - 1))
    replies[one], replies[other] = replies[other], replies[one]
    assert read_or_refuse(b"".join(replies)) is None


@given(reply_lists(), st.data())
def test_dropped_reply_is_refused(replies: list[bytes], data: st.DataObject) -> None:
    """A stream with a reply missing in the middle never passes."""
    index = data.draw(st.integers(0, len(replies) - 2))
    del replies[index]
    assert read_or_refuse(b"".join(replies)) is None


@settings(max_examples=300)
@given(reply_lists(), st.data())
def test_mutations_never_escape(replies: list[bytes], data: st.DataObject) -> None:
    """Bytes changed, inserted or deleted anywhere are read or refused; nothing else comes out."""
    stream = bytearray(b"".join(replies))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(stream) - 1))
        change = data.draw(st.sampled_from(["set", "insert", "delete"]))
        if change == "delete":
            del stream[at : at + data.draw(st.integers(1, 4))]
        elif change == "insert":
            stream[at:at] = data.draw(st.binary(min_size=1, max_size=4))
        else:
            stream[at] = data.draw(st.integers(0, 255))
        if not stream:
            return
    read_or_refuse(bytes(stream))


@settings(max_examples=300)
@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | TEXT,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    ),
    st.sampled_from([wire.READY, wire.LOAD_FAILED, wire.RESULTS, wire.MEMORY, wire.HELLO]),
)
def test_any_payload_is_read_or_refused(payload: Any, kind: int) -> None:
    """Arbitrary bytes and arbitrary JSON as payload never raise anything but `ProtocolError`."""
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    if kind == wire.HELLO:
        read_or_refuse(wire.reply(0, kind, data))
    elif kind in (wire.RESULTS, wire.MEMORY):
        read_or_refuse(wire.greeting() + wire.reply(2, kind, data))
    else:
        read_or_refuse(wire.reply(0, 0, b"{}") + wire.reply(1, kind, data))
