"""Millions of replies with bytes changed: the owner reads them or refuses them, and nothing else happens."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from isoscan import Limits
from isoscan.sandbox.findings import build_findings
from isoscan.sandbox.frames import ProtocolError, ReplyReader, Results, ScanEntry
from support import wire
from support.builders import make_transaction

FRAMES = int(os.environ.get("ISOSCAN_MUTATED_FRAMES", "5000000"))
TRANSACTION = make_transaction()
LIMITS = Limits()
FINDING = '{"title":"a \\ud83d\\ude00","severity":"high","own":[1,{"b":null}],"evidence":"\\u0000"}'
ENTRIES: list[list[Any]] = [
    [1, 2, 3],
    [5, {"d": 7, "f": [[0, FINDING], [1, '{"description":"historic"}']]}],
    [{"d": 1, "e": {"name": "Error", "message": "m", "stack": "at blob:x:1:2"}, "c": [["log", "text"]]}],
    [{"d": 1, "n": [["net", "a.example:443", 3]], "x": 9, "i": "no title", "s": True}],
]
HEAD = wire.reply(0, wire.HELLO, b"{}") + wire.reply(1, wire.READY, wire.READY_JSON)
REPLIES = [wire.results(2, 1, 0, entries) for entries in ENTRIES] + [wire.reply(2, wire.MEMORY, "[1,2,3]")]
#: What JSON and the frame's head give a meaning to.
TELLING = b'{}[]",:0123456789-eE.\\utfn\x00\x01\x7f\x80\xc3\xed\xff'


def mutated(reply: bytes, dice: random.Random) -> bytes:
    """The reply with some bytes changed, left out, doubled or exchanged for telling ones."""
    data = bytearray(reply)
    for _ in range(dice.choice((1, 1, 1, 2, 4, 16))):
        place = dice.randrange(len(data))
        kind = dice.randrange(6)
        if kind == 0:
            data[place] ^= 1 << dice.randrange(8)
        elif kind == 1:
            data[place] = dice.choice(TELLING)
        elif kind == 2:
            del data[place : place + dice.randrange(1, 9)]
        elif kind == 3:
            data[place:place] = data[place : place + dice.randrange(1, 33)]
        elif kind == 4:
            data[place:place] = bytes((dice.choice(TELLING),)) * dice.randrange(1, 5)
        else:
            data[place] = dice.randrange(256)
        if not data:
            break
    # Half keep a right length, so that what is behind the head is looked at.
    if len(data) >= 4 and dice.random() < 0.5:
        data[:4] = (len(data) - 4).to_bytes(4, "little")
    return bytes(data)


def read(stream: bytes) -> int:
    """How many replies are accepted; findings are built from what they hold. Refusal is no failure."""
    reader = ReplyReader(wire.NONCE)
    reader.feed(HEAD)
    try:
        replies = reader.feed(stream)
    except ProtocolError:
        return 0
    for reply in replies:
        if isinstance(reply, Results):
            for entry in reply.entries:
                if isinstance(entry, ScanEntry):
                    build_findings(entry.findings, TRANSACTION, "probe", None, LIMITS)
    return len(replies)


def read_many(count: int, seed: int) -> int:
    """Reads that many; returns how many were accepted all the same."""
    dice = random.Random(seed)
    return sum(read(mutated(dice.choice(REPLIES), dice)) for _ in range(count))


def test_mutated_frames() -> None:
    """A short run of it; some are still replies, most are refused."""
    assert 0 < read_many(30_000, 7) < 30_000


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_millions_of_mutated_frames() -> None:
    """Five million, unless the environment says another number."""
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    accepted = read_many(FRAMES, seed)
    print(f"{FRAMES:,} mutated replies, {accepted:,} still accepted")
    assert 0 < accepted < FRAMES
