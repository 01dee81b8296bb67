"""Findings, failures and transactions as bytes, exactly, and back."""

from __future__ import annotations

import hashlib
import json
import zlib
from array import array
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ..coverage import NOT_APPLICABLE
from ..models import Finding, HttpTransaction, ScanFailure, ScanResult, Verdict
from ..permissions import Denial

#: No verdict yet: the run was broken off while the plugin was behind the others.
MISSING = "-"
_SKIPPED_AS_NOT_APPLICABLE = "n"
_LETTERS = {
    Verdict.CLEAN: "c",
    Verdict.FINDINGS: "f",
    Verdict.ERROR: "e",
    Verdict.TIMEOUT: "t",
    Verdict.OUT_OF_MEMORY: "m",
    Verdict.CRASHED: "x",
    Verdict.INTERRUPTED: "i",
    Verdict.SKIPPED: "s",
    Verdict.INVALID_FINDINGS: "v",
}
VERDICTS = {letter: verdict for verdict, letter in _LETTERS.items()} | {
    _SKIPPED_AS_NOT_APPLICABLE: Verdict.SKIPPED
}
#: What each letter in `scans.verdicts` stands for, for the documentation.
LETTERS = {letter: verdict.value for verdict, letter in _LETTERS.items()} | {
    _SKIPPED_AS_NOT_APPLICABLE: "skipped: the plugin has nothing to run on this transaction",
    MISSING: "none: broken off before it ended",
}
_DIGEST_BYTES = 16
_ZLIB_LEVEL = 1


class Incident(Struct, frozen=True, omit_defaults=True, gc=False):
    """What a scan's verdict does not say."""

    error: ScanFailure | None = None
    denials: tuple[Denial, ...] = ()
    attempts: int = 1
    generation: int = 0


NO_INCIDENT = Incident()


class _Head(Struct, frozen=True, gc=False):
    transaction: HttpTransaction
    request_bytes: int


_INCIDENT = msgspec.json.Decoder(Incident)
_HEAD = msgspec.json.Decoder(_Head)


def encode(value: Any) -> bytes:
    """JSON that keeps lone surrogates and integers of any size."""
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, OverflowError):
        return json.dumps(msgspec.to_builtins(value)).encode()


def decode(data: bytes) -> Any:
    """What `encode` wrote, as plain values."""
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError:
        return json.loads(data)


def encode_incident(result: ScanResult) -> bytes | None:
    """What is to be kept of a scan beyond verdict and findings; None when there is nothing."""
    if result.error is None and not result.denials:
        return None
    return encode(Incident(result.error, result.denials, result.attempts, result.generation))


def decode_incident(data: bytes) -> Incident:
    """The inverse of `encode_incident`."""
    incident: Incident = _decode_as(_INCIDENT, data)
    return incident


def _decode_as(decoder: msgspec.json.Decoder[Any], data: bytes) -> Any:
    try:
        return decoder.decode(data)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        return msgspec.convert(json.loads(data), decoder.type)


def fields_of(finding: Finding) -> dict[str, Any]:
    """A finding as plain values."""
    fields: dict[str, Any] = msgspec.to_builtins(finding)
    return fields


def encode_changes(fields: dict[str, Any], first: dict[str, Any]) -> bytes:
    """The fields that differ from the finding's first form; all findings have the same ones."""
    return encode({name: value for name, value in fields.items() if first.get(name) != value})


def finding_of(fields: dict[str, Any]) -> Finding:
    """The inverse of `fields_of`."""
    return msgspec.convert(fields, Finding)


def letter_of(result: ScanResult) -> str:
    """The letter for a scan's verdict."""
    if result.verdict is Verdict.CLEAN:
        return "c"
    if result.error is not None and result.error.kind == NOT_APPLICABLE:
        return _SKIPPED_AS_NOT_APPLICABLE
    return _LETTERS[result.verdict]


def pack_durations(durations_ms: list[float]) -> bytes:
    """Durations in milliseconds as 32-bit floats."""
    packed = array("f", durations_ms)
    if _IS_BIG_ENDIAN:
        packed.byteswap()
    return packed.tobytes()


def unpack_durations(data: bytes) -> list[float]:
    """The inverse of `pack_durations`."""
    packed = array("f", data)
    if _IS_BIG_ENDIAN:
        packed.byteswap()
    return packed.tolist()


_IS_BIG_ENDIAN = array("H", [1]).tobytes() == b"\0\1"


def encode_traffic(transaction: HttpTransaction) -> tuple[bytes, bytes]:
    """A transaction's digest and its content, not compressed yet.

    One line of JSON, the bodies left out, then the bodies: base64 would spoil the compression.
    """
    request, response = transaction.request, transaction.response
    bodies = [request.body, b"" if response is None else response.body]
    head = _Head(
        HttpTransaction(
            replace(request, body=b""), None if response is None else replace(response, body=b"")
        ),
        len(request.body),
    )
    content = b"".join((encode(head), b"\n", *bodies))
    return hashlib.sha256(content).digest()[:_DIGEST_BYTES], content


def compress(content: bytes) -> bytes:
    """For speed rather than size: text shrinks to a quarter either way."""
    return zlib.compress(content, _ZLIB_LEVEL)


def decode_traffic(compressed: bytes) -> HttpTransaction:
    """The transaction of a `traffic` row."""
    line, _, bodies = zlib.decompress(compressed).partition(b"\n")
    head: _Head = _decode_as(_HEAD, line)
    request, response = head.transaction.request, head.transaction.response
    return HttpTransaction(
        replace(request, body=bodies[: head.request_bytes]),
        None if response is None else replace(response, body=bodies[head.request_bytes :]),
    )


def storable(text: str) -> str:
    """Text SQLite can hold: lone surrogates become `?`."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
