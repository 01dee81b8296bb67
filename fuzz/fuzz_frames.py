"""Fuzzes the reader of a generation's replies: `python fuzz/fuzz_frames.py --seconds 60`.

An input is read twice: as the stream itself, and as the payload of a reply whose head is right.
Nothing but `ProtocolError` may come out, however the stream is cut.
"""

from __future__ import annotations

import struct
import sys

from _loop import run

from isoscan.sandbox.frames import Kind, ProtocolError, Reply, ReplyReader

NONCE = bytes(range(1, 17))
READY = b'{"plugins":[{"metadata":"null","console":[]}],"urls":["blob:x"],"heap":[1,2]}'
FAILED = b'{"kind":"throw","error":{"name":"E","message":"m","stack":"s"},"urls":[],"console":[["info","x"]]}'
RESULTS = (
    b'[1,0,[3,{"d":4,"f":[[0,"{\\"title\\":\\"x\\"}"]],"c":[["info","a\\ud800b"]],"x":1}],0,[1,2]]',
    b'[1,0,[{"d":1,"s":true},{"d":1,"i":"why"},{"d":2,"e":{"name":"E","message":"m","stack":"s"}}],9]',
)
MEMORY = b"[1,2,3]"


def reply(sequence: int, kind: int, payload: bytes) -> bytes:
    """One reply with a right head."""
    nonce = NONCE if sequence else bytes(16)
    return struct.pack("<I16sIB", 21 + len(payload), nonce, sequence, kind) + payload


GREETING = reply(0, Kind.HELLO, b"{}") + reply(1, Kind.READY, READY)
SEEDS = (
    GREETING + reply(2, Kind.RESULTS, RESULTS[0]) + reply(3, Kind.MEMORY, MEMORY),
    GREETING + reply(2, Kind.RESULTS, RESULTS[1]) + reply(3, Kind.RESULTS, RESULTS[0]),
    reply(0, Kind.HELLO, b"{}") + reply(1, Kind.LOAD_FAILED, FAILED),
    *RESULTS,
    READY,
    FAILED,
    MEMORY,
)
TOKENS = (
    b"[", b"]", b"{", b"}", b'"', b",", b":", b"\\ud800", b"\\u0000", b"\xff", b"\xed\xa0\x80",
    b"1e999", b"-1", b"NaN", b"null", b"true", b"9" * 30, bytes(4), b"\xff" * 4, NONCE,
    b'"d":', b'"metadata":', b'["\\ud800",',
)  # fmt: skip


def read(chunks: list[bytes]) -> list[Reply]:
    """The replies before the first deviation."""
    reader = ReplyReader(NONCE)
    found: list[Reply] = []
    for chunk in chunks:
        try:
            found += reader.feed(chunk)
        except ProtocolError:
            break
    return found


def check(data: bytes) -> None:
    """Fails when an input does what none may do."""
    middle = len(data) // 2
    streams = [data, GREETING + reply(2, Kind.RESULTS, data), GREETING + reply(2, Kind.MEMORY, data)]
    streams += [reply(0, Kind.HELLO, b"{}") + reply(1, kind, data) for kind in (Kind.READY, Kind.LOAD_FAILED)]
    for stream in streams:
        whole = read([stream])
        if len(read([stream[:middle], stream[middle:]])) != len(whole):
            raise AssertionError("the reads' cuts change what is read")
        if len(whole) > len(stream) // 25:
            raise AssertionError("more replies than there is room for")


if __name__ == "__main__":
    sys.exit(run(check, SEEDS, TOKENS))
