"""Hostile reply streams: whatever is done to a valid one, the reader gives a valid prefix or refuses."""

from __future__ import annotations

import contextlib
import itertools
import json
import struct

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isoscan.sandbox.frames import ProtocolError, Reply, ReplyReader
from support import wire

#: The first text drawn on a machine takes Hypothesis a second.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
TEXT = st.text(max_size=20)
COUNTS = st.integers(0, 2**31 - 1)
LINES = st.lists(st.tuples(st.sampled_from(["info", "error"]), TEXT), max_size=2)
ENTRY = COUNTS | st.fixed_dictionaries(
    {"d": COUNTS},
    optional={
        "s": st.booleans(),
        "f": st.lists(st.tuples(st.integers(0, 1), TEXT), max_size=2),
        "i": TEXT,
        "e": st.fixed_dictionaries({"name": TEXT, "message": TEXT, "stack": TEXT}),
        "c": LINES,
        "x": COUNTS,
    },
)
FAILED_JSON = '{"kind":"throw","error":{"name":"E"},"urls":["blob:x"],"console":[["info","x"]]}'
TOKENS = [b"[", b"]", b"{", b"}", b'"', b"\\ud800", b"\xff", b"1e999", b"-", b"null", bytes(16), b"\xff" * 4]


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    """The replies of a generation that keeps every promise, one bytes object each."""
    replies = [wire.reply(0, wire.HELLO, b"{}")]
    if draw(st.integers(0, 9)) == 0:
        return [*replies, wire.reply(1, wire.LOAD_FAILED, FAILED_JSON)]
    replies.append(wire.reply(1, wire.READY, wire.READY_JSON))
    for _ in range(draw(st.integers(0, 4))):
        sequence = len(replies)
        if draw(st.booleans()):
            replies.append(
                wire.reply(sequence, wire.MEMORY, json.dumps(draw(st.tuples(COUNTS, COUNTS, COUNTS))))
            )
        else:
            replies.append(wire.results(sequence, sequence, 0, draw(st.lists(ENTRY, max_size=4))))
    return replies


@st.composite
def damaged(draw: st.DrawFn) -> tuple[list[bytes], bytes]:
    """A valid stream, and what became of it by a few cuts, splices and mutations."""
    replies = draw(streams())
    stream = b"".join(replies)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(stream)))
        to = draw(st.integers(at, min(len(stream), at + 64)))
        kind = draw(st.sampled_from(["set", "insert", "delete", "truncate", "repeat", "splice", "length"]))
        if kind == "set":
            stream = stream[:at] + draw(st.binary(min_size=1, max_size=4)) + stream[at + 1 :]
        elif kind == "insert":
            stream = stream[:at] + draw(st.sampled_from(TOKENS) | st.binary(max_size=40)) + stream[at:]
        elif kind == "delete":
            stream = stream[:at] + stream[to:]
        elif kind == "truncate":
            stream = stream[:at]
        elif kind == "repeat":
            stream = stream[:to] + stream[at:]
        elif kind == "splice":
            other = b"".join(draw(streams()))
            stream = stream[:at] + other[draw(st.integers(0, len(other))) :]
        else:
            stream = stream[:at] + struct.pack("<I", draw(st.integers(0, 2**32 - 1))) + stream[at + 4 :]
    return replies, stream


def read(chunks: list[bytes]) -> list[Reply]:
    """What a reader hands out before it refuses; any exception but `ProtocolError` comes out."""
    reader = ReplyReader(wire.NONCE)
    replies: list[Reply] = []
    for chunk in chunks:
        try:
            replies += reader.feed(chunk)
        except ProtocolError:
            break
    return replies


def untouched(replies: list[bytes], stream: bytes) -> int:
    """How many of the first replies stand in the stream as they were."""
    ends = itertools.accumulate(map(len, replies))
    whole = b"".join(replies)
    return sum(stream[:end] == whole[:end] and len(stream) >= end for end in ends)


def well_headed(stream: bytes) -> int:
    """How many of the first replies are complete and have the length, nonce and number they must have."""
    count = 0
    while len(stream) >= 25:
        length, nonce, sequence = struct.unpack_from("<I16sI", stream)
        right = wire.NONCE if count else wire.ZERO_NONCE
        if length < 21 or len(stream) < 4 + length or nonce != right or sequence != count:
            break
        stream = stream[4 + length :]
        count += 1
    return count


@settings(PATIENT, max_examples=600)
@given(damaged())
def test_damaged_streams(case: tuple[list[bytes], bytes]) -> None:
    """A damaged stream gives every reply before the damage and none behind the first wrong head."""
    replies, stream = case
    found = read([stream])
    intact = untouched(replies, stream)
    assert intact <= len(found) <= well_headed(stream)
    assert found[:intact] == read(replies[:intact])


@settings(PATIENT, max_examples=200)
@given(damaged(), st.lists(st.integers(0, 4000), max_size=6))
def test_damage_in_pieces(case: tuple[list[bytes], bytes], cuts: list[int]) -> None:
    """Where the reads cut a damaged stream makes no difference to what comes out of it."""
    _, stream = case
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    assert read([stream[a:b] for a, b in itertools.pairwise(edges)]) == read([stream])


@settings(PATIENT, max_examples=200)
@given(streams(), streams(), st.binary(min_size=16, max_size=16))
def test_another_generation_is_refused(one: list[bytes], other: list[bytes], nonce: bytes) -> None:
    """Replies of a generation with another nonce never pass, in whatever place they stand."""
    forged = [reply[:4] + nonce + reply[20:] for reply in other[1:]]
    assert read([b"".join(one), *forged]) == read([b"".join(one)])
    if nonce != wire.NONCE:
        assert len(read([one[0], *forged])) == 1


@settings(PATIENT, max_examples=100)
@given(streams())
def test_nothing_is_read_behind_damage(replies: list[bytes]) -> None:
    """Once refused, a reader gives nothing more, not even for a valid stream."""
    reader = ReplyReader(wire.NONCE)
    with contextlib.suppress(ProtocolError):
        reader.feed(b"\xff" * 25)
    assert reader.damage is not None
    for reply in replies:
        try:
            assert reader.feed(reply) == []
        except ProtocolError:
            continue
        raise AssertionError("a refused stream was read on")
