"""The frames between an owner and its generation. Pure: bytes in, structs out.

Order: u32 length of what follows, u8 order, u32 frame number, payload.
Reply: u32 length of what follows, 16-byte nonce, u32 sequence, u8 kind, JSON.
Little-endian. The generation's side of both is `runtime/channel.ts`.

A scan order's payload is u32 how many of the generation's plugins are to scan, for each a u32 which
one, u32 head length, u32 details length, the head (a JSON array with one flat row per transaction),
the details (headers and query: a line of JSON for each request and each response), and all bodies as
they are, whose lengths the rows give. Each plugin scans all transactions, one plugin after the other.
"""

from __future__ import annotations

import json
import re
import struct
import sys
from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import islice
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from ..models import MIB, HttpRequest, HttpResponse, HttpTransaction, Limits

NONCE_BYTES = 16
#: Transactions that are encoded together at most.
MAX_BATCH = 64
#: Bodies that are larger on average are sent from where they lie; smaller ones are joined first.
_LARGE_BODY_BYTES = 1024
#: Room in a reply for what no limit counts: an error, attempts, the scans that were silent.
_REPLY_BYTES = 3 * MIB
#: The same for what each plugin tells of itself.
_PLUGIN_BYTES = MIB
#: A character of a finding takes three bytes and is quoted twice, one of a console line takes six.
_CHAR_BYTES = 6
_FINDING_HEAD_BYTES = 8
_ORDER_HEAD = struct.Struct("<IBI")
_SCAN_HEADS: dict[int, struct.Struct] = {}
_REPLY_HEAD = struct.Struct("<I16sIB")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_ORDER_REST = _ORDER_HEAD.size - 4
_REPLY_REST = _REPLY_HEAD.size - 4


class Order(IntEnum):
    """What the owner asks of a generation."""

    LOAD = 1
    SCAN = 2
    MEASURE = 3


class Kind(IntEnum):
    """What a generation answers."""

    HELLO = 0
    READY = 1
    LOAD_FAILED = 2
    RESULTS = 3
    MEMORY = 4


class ProtocolError(Exception):
    """A generation sent what it must never send: it is condemned."""


#: Microseconds and amounts as JavaScript can count them. Without a bound a forged number could be too
#: large for what is calculated with it later, when its scans have left the ledger.
Micros = Annotated[int, Meta(ge=-(2**31), lt=2**31)]
Amount = Annotated[int, Meta(ge=0, le=2**53)]
ConsoleLevel = Literal["log", "info", "warn", "error", "debug"]
PermissionName = Literal["read", "write", "net", "env", "run", "ffi", "sys", "worker", "storage", "wasm"]
#: Permission, target as the plugin named it, attempts.
Denied = tuple[PermissionName, Annotated[str, Meta(max_length=256)], Amount]


class ThrownError(Struct):
    """A JavaScript error as the host describes and cuts it; places are blob URLs still."""

    name: Annotated[str, Meta(max_length=128)] = ""
    message: Annotated[str, Meta(max_length=4096)] = ""
    stack: Annotated[str, Meta(max_length=16_384)] = ""


class Loaded(Struct):
    """One plugin is loaded: its metadata as JSON, and what it did meanwhile."""

    metadata: str
    console: list[tuple[ConsoleLevel, str]]
    denials: list[Denied] = []


class Ready(Struct):
    """All plugins are loaded, in their order; `urls` are their modules' blob URLs in load order."""

    plugins: list[Loaded]
    urls: list[str]
    heap: tuple[Amount, Amount]


class LoadFailed(Struct):
    """A plugin reported that it cannot be loaded: `plugin` is its place among those of the generation."""

    kind: str
    error: ThrownError
    urls: list[str]
    console: list[tuple[ConsoleLevel, str]]
    denials: list[Denied] = []
    plugin: int = 0


class ScanEntry(
    Struct,
    rename={
        "duration_us": "d",
        "is_skipped": "s",
        "findings": "f",
        "invalid": "i",
        "error": "e",
        "console": "c",
        "console_dropped": "x",
        "denials": "n",
    },
):
    """One scan's outcome. Findings are `[is_historic, JSON text]`, not yet looked at."""

    duration_us: Micros
    is_skipped: bool = False
    findings: list[tuple[int, str]] = []
    invalid: Annotated[str, Meta(max_length=1024)] = ""
    error: ThrownError | None = None
    console: list[tuple[ConsoleLevel, str]] = []
    console_dropped: Amount = 0
    denials: list[Denied] = []


class Memory(Struct, array_like=True):
    """What lives after a full garbage collection, in bytes, and how long that took."""

    heap: Amount
    external: Amount
    duration_us: Micros


class Results(Struct, array_like=True):
    """Entries of frame `frame` from index `first` on; a bare integer is a clean scan's microseconds."""

    frame: int
    first: int
    entries: list[Micros | ScanEntry]
    late_errors: Amount
    heap: tuple[Amount, Amount] | None = None


#: What may come as first, second, and any later reply.
_KINDS_DUE = ((Kind.HELLO,), (Kind.READY, Kind.LOAD_FAILED), (Kind.RESULTS, Kind.MEMORY))
Reply = Ready | LoadFailed | Results | Memory | None


_decoders: dict[int, msgspec.json.Decoder[Any]] = {
    Kind.HELLO: msgspec.json.Decoder(dict[str, Any]),
    Kind.READY: msgspec.json.Decoder(Ready),
    Kind.LOAD_FAILED: msgspec.json.Decoder(LoadFailed),
    Kind.RESULTS: msgspec.json.Decoder(Results),
    Kind.MEMORY: msgspec.json.Decoder(Memory),
}
_encoder = msgspec.json.Encoder()
_encode, _encode_lines = _encoder.encode, _encoder.encode_lines


def decode_json(decoder: msgspec.json.Decoder[Any], payload: bytes | str) -> Any:
    """Decodes strictly; a lone surrogate, legal in JavaScript text, becomes U+FFFD.

    Raises `ValueError` (`msgspec.ValidationError` for a wrong shape) or `RecursionError`.
    """
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeError):
        text = json.dumps(json.loads(payload), ensure_ascii=False)
        return decoder.decode(_LONE_SURROGATE.sub("\ufffd", text))


def longest_reply_bytes(limits: Limits, plugins: int = 1) -> int:
    """How long a reply can be that keeps these limits; when it is ready, each plugin has its part in one."""
    counted_chars = limits.max_findings_bytes + plugins * limits.max_console_bytes
    return (
        plugins * _PLUGIN_BYTES
        + _REPLY_BYTES
        + _CHAR_BYTES * counted_chars
        + _FINDING_HEAD_BYTES * limits.max_findings
    )


_DEFAULT_REPLY_BYTES = longest_reply_bytes(Limits())


class ReplyReader:
    """Cuts a generation's byte stream into replies and checks every promise of the format.

    Feed it with `feed(bytes)`; it returns the replies that are complete. The first
    deviation raises `ProtocolError`, and no further byte is looked at.
    """

    def __init__(self, nonce: bytes, *, max_reply_bytes: int = _DEFAULT_REPLY_BYTES) -> None:
        self._nonce = nonce
        self._max_reply_bytes = max_reply_bytes
        self._buffer = bytearray()
        self._sequence = 0
        #: The first deviation, once there was one.
        self.damage: ProtocolError | None = None

    def feed(self, data: bytes | bytearray | memoryview) -> list[Reply]:
        """The replies that `data` completes, in order.

        Replies in front of a deviation are still returned; `damage` holds it then, and
        the next call raises it.
        """
        if self.damage is not None:
            raise self.damage
        buffer = self._buffer
        buffer += data
        replies: list[Reply] = []
        start = 0
        while len(buffer) - start >= 4:
            try:
                end = self._end_of(buffer, start)
                if len(buffer) < end:
                    break
                replies.append(self._reply(buffer, start, end))
            except ProtocolError as error:
                self.damage = error
                if replies:
                    break
                raise
            start = end
        del buffer[:start]
        return replies

    @property
    def has_partial(self) -> bool:
        """Whether the stream stands in the middle of a reply."""
        return bool(self._buffer)

    def _end_of(self, buffer: bytearray, start: int) -> int:
        length = int.from_bytes(buffer[start : start + 4], "little")
        if not _REPLY_REST <= length <= self._max_reply_bytes:
            raise ProtocolError(f"a reply of {length} bytes")
        return start + 4 + length

    def _reply(self, buffer: bytearray, start: int, end: int) -> Reply:
        _, nonce, sequence, kind = _REPLY_HEAD.unpack_from(buffer, start)
        wanted = bytes(NONCE_BYTES) if self._sequence == 0 else self._nonce
        if nonce != wanted:
            raise ProtocolError("a reply with a wrong nonce")
        if sequence != self._sequence:
            raise ProtocolError(f"reply {sequence} where {self._sequence} was due")
        self._sequence += 1
        due = _KINDS_DUE[min(sequence, 2)]
        if kind not in due:
            raise ProtocolError(f"a reply of kind {kind} as number {sequence}")
        try:
            decoded = decode_json(_decoders[kind], bytes(memoryview(buffer)[start + _REPLY_HEAD.size : end]))
        except (KeyError, ValueError, RecursionError) as error:
            reason = type(error).__name__  # its text may quote the reply
            raise ProtocolError(f"a reply of kind {kind} that cannot be read: {reason}") from error
        return None if kind == Kind.HELLO else decoded


class Batch(Struct, gc=False, eq=False):
    """Some transactions in the form that travels: encoded together and once, sent to every plugin.

    `head` is their rows, JSON without the brackets. `details` is what few plugins look at, a line of
    JSON for each request and each response; it and the bodies travel as bytes, and are decoded only
    when a plugin asks for them.
    """

    transactions: list[HttpTransaction]
    head: bytes
    details: bytes
    bodies: list[bytes]
    size_bytes: int

    def __len__(self) -> int:
        return len(self.transactions)

    def part(self, first: int, end: int) -> Batch:
        """Some of them, encoded anew."""
        return encode_batch(self.transactions[first:end])


def bodies_bytes(transaction: HttpTransaction) -> int:
    """How long the bodies of a transaction are."""
    response = transaction.response
    return len(transaction.request.body) + (len(response.body) if response is not None else 0)


def encode_batch(transactions: Sequence[HttpTransaction]) -> Batch:
    """Encodes some transactions, or raises what keeps one of them from being encoded."""
    batch, error = read_batch(iter(transactions), len(transactions), sys.maxsize)
    if error is not None:
        raise error
    assert batch is not None
    return batch


def encode_one(transaction: HttpTransaction) -> Batch:
    """As `encode_batch`, for one transaction, of which many come by themselves."""
    request, response = transaction.request, transaction.response
    row, detail, body = _request_row(request), (request.headers, request.query_params or None), request.body
    bodies = [body] if body else []
    if response is None:
        head, details = _encode_text(row), _encode_details((detail,))
    else:
        answer = response.body
        if answer:
            bodies.append(answer)
        head = _encode_text(row + _response_row(response))
        details = _encode_details((detail, response.headers))
    size_bytes = len(head) + len(details)
    for each in bodies:
        size_bytes += len(each)
    return Batch([transaction], head, details, bodies, size_bytes)


def _request_row(request: HttpRequest) -> tuple[Any, ...]:
    """Its fields in the order of `transaction.ts`, its body's length last."""
    return (
        request.id,
        request.method,
        request.url,
        request.content_type,
        request.is_https,
        request.timestamp,
        request.was_edited,
        len(request.body),
    )


def _response_row(response: HttpResponse) -> tuple[Any, ...]:
    return (
        response.request_id,
        response.status,
        response.content_type,
        response.timestamp,
        len(response.body),
    )


def read_batch(
    source: Iterator[HttpTransaction], count: int, max_bytes: int
) -> tuple[Batch | None, Exception | None]:
    """Takes up to `count` transactions, until their bodies are `max_bytes` or more, and encodes them.

    With the batch, None when there is nothing in it, comes what `source` raised or what kept the
    transaction behind it from being encoded.
    """
    transactions: list[HttpTransaction] = []
    rows: list[tuple[Any, ...]] = []
    details: list[Any] = []
    bodies: list[bytes] = []
    bodies_bytes = 0
    error: Exception | None = None
    try:
        for transaction in islice(source, count):
            request, response = transaction.request, transaction.response
            body = request.body
            row = _request_row(request)
            detail = (request.headers, request.query_params or None)
            if response is None:
                rows.append(row)
                details.append(detail)
            else:
                answer = response.body
                rows.append(row + _response_row(response))
                details += (detail, response.headers)
            transactions.append(transaction)
            if body:
                bodies.append(body)
                bodies_bytes += len(body)
            if response is not None and answer:
                bodies.append(answer)
                bodies_bytes += len(answer)
            if bodies_bytes >= max_bytes:
                break
    except Exception as raised:  # noqa: BLE001  # the caller's input: told together with what it gave
        error = raised
    if not transactions:
        return None, error
    try:
        head, lines = _encode_text(rows)[1:-1], _encode_details(details)
    except Exception as raised:  # noqa: BLE001  # a value that no JSON has: found and told
        if len(transactions) == 1:
            return None, raised
        return _read_singly(transactions, error)
    return Batch(transactions, head, lines, bodies, len(head) + len(lines) + bodies_bytes), error


def _read_singly(
    transactions: list[HttpTransaction], error: Exception | None
) -> tuple[Batch | None, Exception | None]:
    """A batch of the transactions in front of the one that cannot be encoded, and why it cannot."""
    singles: list[Batch] = []
    for transaction in transactions:
        single, unencodable = read_batch(iter((transaction,)), 1, sys.maxsize)
        if single is None:
            error = unencodable
            break
        singles.append(single)
    if not singles:
        return None, error
    joined = Batch(
        transactions[: len(singles)],
        b",".join([single.head for single in singles]),
        b"".join([single.details for single in singles]),
        [body for single in singles for body in single.bodies],
        sum(single.size_bytes for single in singles),
    )
    return joined, error


def _encode_details(details: Sequence[Any]) -> bytes:
    try:
        return _encode_lines(details)
    except UnicodeEncodeError:
        return b"".join([_encode_text(detail) + b"\n" for detail in details])


def _encode_text(value: Any) -> bytes:
    """JSON of anything; a lone surrogate, which UTF-8 cannot hold, becomes U+FFFD."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        text = json.dumps(msgspec.to_builtins(value), ensure_ascii=False)
        return _LONE_SURROGATE.sub("\ufffd", text).encode()


def encode_load(number: int, settings: dict[str, Any]) -> bytes:
    """The order that makes a generation load its plugin."""
    payload = _encode(settings)
    return _ORDER_HEAD.pack(len(payload) + _ORDER_REST, Order.LOAD, number) + payload


def encode_measure() -> bytes:
    """The order that makes a generation collect its garbage and say what is left."""
    return _ORDER_HEAD.pack(_ORDER_REST, Order.MEASURE, 0)


def scan_parts(number: int, batches: Sequence[Batch], plugins: Sequence[int] = (0,)) -> list[bytes]:
    """The order that makes some of a generation's plugins scan some transactions, in this order.

    In parts that travel one behind the other: bodies are copied by whoever sends them, once.
    """
    if len(batches) == 1:
        head, details, bodies = batches[0].head, batches[0].details, batches[0].bodies
    else:
        head = b",".join([batch.head for batch in batches])
        details = b"".join([batch.details for batch in batches])
        bodies = [body for batch in batches for body in batch.bodies]
    head_length, details_length, bodies_length = len(head) + 2, len(details), sum(map(len, bodies))
    layout = _scan_head(len(plugins))
    length = layout.size - 4 + head_length + details_length + bodies_length
    preamble = layout.pack(length, Order.SCAN, number, len(plugins), *plugins, head_length, details_length)
    front = b"".join((preamble, b"[", head, b"]", details))
    if not bodies:
        return [front]
    if bodies_length < _LARGE_BODY_BYTES * len(bodies):
        return [front, b"".join(bodies)]
    return [front, *bodies]


def _scan_head(plugins: int) -> struct.Struct:
    layout = _SCAN_HEADS.get(plugins)
    if layout is None:
        layout = _SCAN_HEADS[plugins] = struct.Struct(f"<IBII{plugins}III")
    return layout


def encode_scan(number: int, batches: Sequence[Batch], plugins: Sequence[int] = (0,)) -> bytes:
    """The same in one piece."""
    return b"".join(scan_parts(number, batches, plugins))
