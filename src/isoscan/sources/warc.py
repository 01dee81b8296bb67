"""Reads WARC files, of wget, browsers' archivers and crawlers: a request record and its response.

Needs FastWARC, the extra `warc`. Records belong together by `WARC-Concurrent-To`, else when they
stand side by side and have the same target. Records may be compressed one by one (gzip, Zstandard);
behind a damaged one the next one is looked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from ..models import HttpRequest, HttpTransaction
from ._bodies import BODY_LIMIT_BYTES, CUT_AT_LIMIT
from ._compression import Compression, Unpacking, ZstdMissing, compression_of
from ._dates import read_date
from ._document import BufferFile, Document
from ._entry import (
    Entry,
    OutOfScope,
    Rejected,
    has_foreign_scheme,
    is_http_url,
    printable,
    shown_url,
    transaction_id,
)
from ._exchange import NO_ANSWER, exchange, read_response
from ._http_message import BODY_TOO_SHORT

if TYPE_CHECKING:
    from fastwarc.warc import ArchiveIterator, WarcRecord

NO_REQUEST = "a response without its request: taken for the answer to a GET"
REVISIT = "a response body is in another record (revisit): not read"
CUT_WHEN_RECORDED = "a message was cut when it was recorded (WARC-Truncated)"
SEGMENTED = "a message is spread over several records: only its first part is read"

_MAX_RESUMPTIONS = 100
# Halves of exchanges whose other half has not come yet.
_MAX_WAITING = 500
_MAX_WAITING_BYTES = 64 * 1024 * 1024
_PLAIN_RECORD = re.compile(rb"WARC/\d\.\d\r?\n[A-Za-z]")
_GZIP_RECORD = re.compile(rb"\x1f\x8b\x08")
_ZSTD_RECORD = re.compile(rb"\x28\xb5\x2f\xfd")
_PROBE_BYTES = 64 * 1024
_VERSION = re.compile(rb"WARC/(\d{1,4}\.\d{1,4})\s")
_VERSION_BYTES = 16
# The first two are drafts, which differ in nothing that is read here.
_VERSIONS = (b"0.17", b"0.18", b"1.0", b"1.1")


class _Half(Struct):
    """A request record, or a response record."""

    index: int
    offset_bytes: int | None
    id: str
    concurrent: tuple[str, ...]
    target: str
    is_request: bool
    is_revisit: bool
    moment: datetime | None
    raw: bytes
    notes: list[str]


class _Damaged(Exception):
    """A record is not what its header says."""


def read_warc(document: Document) -> Iterator[Entry]:
    """The exchanges of a WARC file.

    Raises `InputError` at once without FastWARC, and at the end if the file is truncated.
    """
    try:
        from fastwarc.warc import ArchiveIterator
    except ImportError:
        raise document.error("is a WARC archive, which needs FastWARC; pip install 'isoscan[warc]'") from None
    return _WarcReader(document, ArchiveIterator).read()


class _WarcReader:
    def __init__(self, document: Document, iterator: type[ArchiveIterator]) -> None:
        self._document = document
        self._iterator = iterator
        self._pairing = _Pairing()
        self._count = 0
        #: Where the record that is read now begins; where it ends, if it is not compressed.
        self._position = self._end = document.start
        head = bytes(document.data[document.start : document.start + 2])
        self._check_version()
        self._mark = {b"\x1f\x8b": _GZIP_RECORD, b"WA": _PLAIN_RECORD}.get(head, _ZSTD_RECORD)

    def _check_version(self) -> None:
        data, start = self._document.data, self._document.start
        compression = compression_of(data, start)
        head = (
            bytes(data[start : start + _VERSION_BYTES])
            if compression is None
            else Unpacking(data, compression, start).head(_VERSION_BYTES)
        )
        version = _VERSION.match(head)
        if version is not None and version[1] not in _VERSIONS:
            raise self._document.error(
                f"is of WARC version {version[1].decode()}; 1.0 and 1.1 are read, so write it again as such"
            )

    def read(self) -> Iterator[Entry]:
        """Record after record; behind a damaged one from the next that can be found."""
        for _ in range(_MAX_RESUMPTIONS):
            began_at, count = self._position, self._count
            try:
                yield from self._run(began_at)
            except (OSError, _Damaged):
                damaged_at = self._position
                following = self._mark.search(self._document.data, damaged_at + 1)
                if following is None:
                    break
                self._position = following.start()
                # What only looked like a record is no further one that is lost.
                if self._count > count or began_at == self._document.start:
                    self._count += 1
                    yield self._rejected(
                        self._count - 1, f"a record is damaged behind {self._document.byte(damaged_at)}"
                    )
                continue
            yield from self._rest()
            if self._is_cut():
                break
            return
        yield from self._rest()
        place = self._document.byte(self._position)
        raise self._document.error(
            f"is truncated or damaged behind {place}, after {self._count} records; copy it again"
        )

    def _run(self, start: int) -> Iterator[Entry]:
        file = BufferFile(self._document, start)
        for record in self._iterator(file, parse_http=False, fsspec_args=False):
            position = start + record.stream_pos
            is_exact = self._mark.match(self._document.data, position) is not None
            # A file compressed as a whole has no places of records.
            if is_exact:
                self._position = position
                if self._mark is _PLAIN_RECORD:  # in compressed data the search would not end soon
                    head_end = self._document.data.find(b"\r\n\r\n", position)
                    self._end = head_end + 4 + record.content_length
            entry = self._record(record, self._count, position if is_exact else None)
            self._count += 1
            yield from entry

    def _record(self, record: WarcRecord, index: int, offset_bytes: int | None) -> list[Entry]:
        headers = record.headers
        kind = (headers.get("WARC-Type") or "").lower()
        if headers.get("Content-Length") is None:
            raise _Damaged
        raw = bytearray()
        notes: list[str] = []
        is_http = kind in ("request", "response", "revisit") and "http" in (
            headers.get("Content-Type") or "http"
        )
        if is_http:
            raw += record.reader.read(min(record.content_length, BODY_LIMIT_BYTES))
            if record.content_length > BODY_LIMIT_BYTES:
                notes.append(CUT_AT_LIMIT)
        if len(raw) + record.reader.consume() < record.content_length:
            raise _Damaged
        target = (headers.get("WARC-Target-URI") or "").strip().removeprefix("<").removesuffix(">")
        if not is_http or (kind == "revisit" and not raw):
            problem = f"a {printable(kind, 40) or 'nameless'} record, not an HTTP exchange"
            return [self._rejected(index, problem, offset_bytes, is_out_of_scope=True)]
        if headers.get("WARC-Truncated"):
            notes.append(CUT_WHEN_RECORDED)
        if headers.get("WARC-Segment-Number"):
            notes.append(SEGMENTED)
        half = _Half(
            index=index,
            offset_bytes=offset_bytes,
            id=headers.get("WARC-Record-ID") or f"#{index}",
            concurrent=tuple(headers.get_multiple("WARC-Concurrent-To")),
            target=target,
            is_request=kind == "request",
            is_revisit=kind == "revisit",
            moment=read_date(headers.get("WARC-Date")),
            raw=bytes(raw),
            notes=notes,
        )
        return [self._exchange(*pair) for pair in self._pairing.add(half)]

    def _rest(self) -> Iterator[Entry]:
        for pair in self._pairing.rest():
            yield self._exchange(*pair)

    def _exchange(self, request: _Half | None, response: _Half | None) -> Entry:
        halves = [half for half in (request, response) if half is not None]
        first = min(halves, key=lambda half: half.index)
        notes = [note for half in halves for note in half.notes]
        id_ = transaction_id(self._document.source, first.index)
        try:
            transaction = _transaction(id_, request, response, first.target, notes)
        except Rejected as error:
            is_out_of_scope = isinstance(error, OutOfScope)
            return self._rejected(
                first.index, str(error), first.offset_bytes, is_out_of_scope=is_out_of_scope
            )
        return Entry(
            self._document.source,
            first.index,
            "record",
            transaction,
            notes=tuple(dict.fromkeys(notes)),
            offset_bytes=first.offset_bytes,
        )

    def _rejected(
        self, index: int, problem: str, offset_bytes: int | None = None, *, is_out_of_scope: bool = False
    ) -> Entry:
        return Entry(
            self._document.source,
            index,
            "record",
            problem=problem,
            is_out_of_scope=is_out_of_scope,
            offset_bytes=offset_bytes,
        )

    def _is_cut(self) -> bool:
        """Whether the last record does not end, or something behind it is none: FastWARC ends silently."""
        data = self._document.data
        if self._mark is _PLAIN_RECORD:
            return bool(bytes(data[self._end : self._end + _PROBE_BYTES]).strip(b"\r\n\0"))
        try:
            inside = Unpacking(data, compression_of(data, self._position) or Compression.GZIP, self._position)
        except ZstdMissing:
            return False
        for _ in inside.pieces():
            pass
        return inside.damage is not None or bool(
            bytes(data[inside.end : inside.end + _PROBE_BYTES]).strip(b"\0")
        )


class _Pairing:
    """Brings requests and responses together as they come, whichever comes first."""

    def __init__(self) -> None:
        self._waiting: dict[str, _Half] = {}
        self._wanted: dict[str, str] = {}
        self._waiting_bytes = 0

    def add(self, half: _Half) -> list[tuple[_Half | None, _Half | None]]:
        """The exchange this half completes, or those that have waited too long."""
        other = self._other(half)
        if other is not None:
            self._take(other)
            return [(half, other) if half.is_request else (other, half)]
        if half.id in self._waiting:
            half.id = f"{half.id}#{half.index}"  # a duplicate; the first one keeps the name
        self._waiting[half.id] = half
        self._waiting_bytes += len(half.raw)
        for id_ in half.concurrent:
            self._wanted.setdefault(id_, half.id)
        alone = []
        while len(self._waiting) > _MAX_WAITING or self._waiting_bytes > _MAX_WAITING_BYTES:
            alone.append(self._alone(next(iter(self._waiting.values()))))
        return alone

    def rest(self) -> Iterator[tuple[_Half | None, _Half | None]]:
        """The halves that stay alone."""
        while self._waiting:
            yield self._alone(next(iter(self._waiting.values())))

    def _other(self, half: _Half) -> _Half | None:
        names = [*half.concurrent, self._wanted.get(half.id, "")]
        for other in map(self._waiting.get, names):
            if other is not None and other.is_request != half.is_request:
                return other
        if self._waiting:
            latest = next(reversed(self._waiting.values()))
            is_near = latest.index == half.index - 1 and latest.target == half.target
            if is_near and latest.is_request != half.is_request:
                return latest
        return None

    def _take(self, half: _Half) -> None:
        del self._waiting[half.id]
        self._waiting_bytes -= len(half.raw)
        for id_ in half.concurrent:
            if self._wanted.get(id_) == half.id:
                del self._wanted[id_]

    def _alone(self, half: _Half) -> tuple[_Half | None, _Half | None]:
        self._take(half)
        return (half, None) if half.is_request else (None, half)


def _transaction(
    id_: str, request: _Half | None, response: _Half | None, target: str, notes: list[str]
) -> HttpTransaction:
    if target and not is_http_url(target):
        kind = OutOfScope if has_foreign_scheme(target) else Rejected
        raise kind(f"not an HTTP URL: {shown_url(target)}")
    own_notes: list[str] = []
    if request is not None:
        transaction = exchange(
            id_,
            request.raw,
            response.raw if response else None,
            own_notes,
            url=target,
            requested_at=request.moment,
            answered_at=response.moment if response else None,
        )
    else:
        assert response is not None
        answer = read_response(response.raw, "GET", response.moment, own_notes)
        if answer is None or not target:
            raise Rejected("neither its request nor the response can be read")
        own_notes.append(NO_REQUEST)
        transaction = HttpTransaction(HttpRequest("GET", target, timestamp=response.moment, id=id_), answer)
    if response is not None and response.is_revisit and NO_ANSWER not in own_notes:
        own_notes = [note for note in own_notes if note != BODY_TOO_SHORT]
        own_notes.append(REVISIT)
    notes.extend(own_notes)
    return transaction
