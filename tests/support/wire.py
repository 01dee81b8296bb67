"""The frame formats once more, written from their description and not from the code under test."""

from __future__ import annotations

import json
import struct
from typing import Any, NamedTuple

NONCE = bytes(range(1, 17))
ZERO_NONCE = bytes(16)
HELLO, READY, LOAD_FAILED, RESULTS, MEMORY = range(5)
READY_JSON = b'{"plugins":[{"metadata":"null","console":[]}],"urls":[],"heap":[1,2]}'


class OrderFrame(NamedTuple):
    """One order as the generation sees it."""

    order: int
    number: int
    payload: bytes


def split_orders(stream: bytes) -> list[OrderFrame]:
    """All orders in a byte stream that ends with a whole one."""
    frames = []
    while stream:
        length = int.from_bytes(stream[:4], "little")
        assert len(stream) >= 4 + length
        body, stream = stream[4 : 4 + length], stream[4 + length :]
        frames.append(OrderFrame(body[0], int.from_bytes(body[1:5], "little"), body[5:]))
    return frames


class Message(NamedTuple):
    """A request or a response as it travels: its fields of the row, its details, its body."""

    fields: list[Any]
    details: Any
    body: bytes


_REQUEST_FIELDS = 8


def split_scan(payload: bytes) -> list[tuple[Message, Message | None]]:
    """Request and response of each transaction; the last field of each is its body's length."""
    (plugins,) = struct.unpack_from("<I", payload)
    lengths = 4 + 4 * plugins
    head_length, details_length = struct.unpack_from("<II", payload, lengths)
    rest = payload[lengths + 8 :]
    rows, rest = json.loads(rest[:head_length]), rest[head_length:]
    details, rest = rest[:details_length], rest[details_length:]
    assert details.endswith(b"\n") or not details
    lines = iter(details.split(b"\n")[:-1])

    def message(fields: list[Any]) -> Message:
        nonlocal rest
        *own, body_length = fields
        body, rest = rest[:body_length], rest[body_length:]
        return Message(own, json.loads(next(lines)), body)

    found = []
    for row in rows:
        request = message(row[:_REQUEST_FIELDS])
        found.append((request, message(row[_REQUEST_FIELDS:]) if row[_REQUEST_FIELDS:] else None))
    assert not rest, "bytes behind the last body"
    assert next(lines, None) is None, "details of nobody"
    return found


def reply(sequence: int, kind: int, payload: bytes | str, *, nonce: bytes | None = None) -> bytes:
    """One reply; the nonce is the right one unless given."""
    body = payload.encode() if isinstance(payload, str) else payload
    right = ZERO_NONCE if sequence == 0 else NONCE
    head = struct.pack("<16sIB", right if nonce is None else nonce, sequence, kind)
    return struct.pack("<I", len(head) + len(body)) + head + body


def results(sequence: int, frame: int, first: int, entries: list[Any], late_errors: int = 0) -> bytes:
    """A results reply."""
    return reply(sequence, RESULTS, json.dumps([frame, first, entries, late_errors]))


def greeting() -> bytes:
    """The two replies before any results."""
    return reply(0, HELLO, b"{}") + reply(1, READY, READY_JSON)
