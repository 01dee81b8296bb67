"""Reads what Burp's "Save items" writes: XML with one raw request, and mostly a response, per item.

The messages may be in base64 or raw. Their headers come from the raw message; what Burp says
beside it fills the gaps: the URL and, where the response names no type, the type Burp guessed.
Burp does not say whether a request was edited. A damaged item between sound ones is one rejected
entry; a truncated file gives every whole item, then raises `InputError`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, timezone

from ..models import HttpRequest, HttpResponse, HttpTransaction, header_value
from ._bodies import decode_base64
from ._burp_scan import BurpCursor, BurpDamage, BurpField
from ._document import Document
from ._entry import Entry, OutOfScope, Rejected, is_http_url, transaction_id
from ._http_message import message_url, parse_request, parse_response

NO_DATE = "the time of an item could not be read"
NO_ZONE = "the time zone of an item is not known: its time is taken as UTC"
NOT_RECORDED = "a response was not saved with its item"

_ISSUES = re.compile(
    rb"(?:[\s\0]++|<!--.*?-->|<\?.*?\?>|<!DOCTYPE\b[^\[>]*(?:\[.*?\]\s*)?>)*+<issues\b", re.DOTALL
)
_HEAD_BYTES = 65_536
# Each search for a sound item can read the rest of the file, so not for ever.
_MAX_RESUMPTIONS = 100
# As Java writes dates: Mon Aug 30 09:59:32 BST 2021.
_DATE = re.compile(
    r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d\d) (\d\d):(\d\d):(\d\d)"
    r" (?:([A-Z][A-Za-z]{0,5})|GMT([+-]\d\d):(\d\d)) (\d{4})"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ZONE_HOURS = {
    **dict.fromkeys(("UTC", "GMT", "WET", "Z"), 0.0),
    **dict.fromkeys(("BST", "CET", "WEST"), 1.0),
    **dict.fromkeys(("CEST", "EET", "SAST"), 2.0),
    **dict.fromkeys(("EEST", "MSK", "TRT"), 3.0),
    **{"GST": 4.0, "PKT": 5.0, "IST": 5.5, "ICT": 7.0, "SGT": 8.0, "HKT": 8.0, "JST": 9.0, "KST": 9.0},
    **{"AEST": 10.0, "AEDT": 11.0, "NZST": 12.0, "NZDT": 13.0, "BRT": -3.0, "ART": -3.0},
    **{
        "EDT": -4.0,
        "EST": -5.0,
        "CDT": -5.0,
        "CST": -6.0,
        "MDT": -6.0,
        "MST": -7.0,
        "PDT": -7.0,
        "PST": -8.0,
    },
}
_MEDIA_TYPES = {
    "html": "text/html",
    "json": "application/json",
    "xml": "application/xml",
    "script": "text/javascript",
    "css": "text/css",
    "text": "text/plain",
}


def read_burp(document: Document) -> Iterator[Entry]:
    """The entries of a Burp XML file. Raises `InputError` where it is damaged beyond recovery.

    Raises it at once for an export of issues, which has the same look and no traffic.
    """
    if _ISSUES.match(bytes(document.data[document.start : document.start + _HEAD_BYTES])):
        raise document.error(
            "is a Burp issues export, which holds findings and no traffic;"
            " in Burp select the items in Proxy > HTTP history and use Save items"
        )
    return _BurpReader(document).read()


class _BurpReader:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._cursor = BurpCursor(document.data, document.start)
        self._index = 0
        self._resumptions = 0

    def read(self) -> Iterator[Entry]:
        cursor = self._cursor
        while True:
            start = cursor.position
            try:
                if not cursor.find_item():
                    return
                start = cursor.position
                fields = cursor.fields()
            except BurpDamage as damage:
                self._resume(damage)
                problem = f"the Burp XML is damaged at {self._document.byte(damage.offset)}"
                yield self._entry(start, problem=problem)
            else:
                yield self._decoded(fields, start)
            self._index += 1
            self._document.release(start)

    def _resume(self, damage: BurpDamage) -> None:
        """Moves behind what is damaged. Raises `InputError` if no item follows it."""
        self._resumptions += 1
        if damage.is_cut:
            what, advice = "truncated", "save the items again"
        elif self._resumptions > _MAX_RESUMPTIONS or not self._cursor.skip_to_item(damage.offset):
            what, advice = "damaged", "what follows is not read"
        else:
            return
        place = self._document.byte(damage.offset)
        raise self._document.error(
            f"the Burp XML is {what} at {place}, after {self._index} items; {advice}"
        ) from None

    def _decoded(self, fields: dict[str, BurpField], start: int) -> Entry:
        notes: list[str] = []
        try:
            id_ = transaction_id(self._document.source, self._index)
            transaction = _transaction(fields, id_, notes)
        except Rejected as error:
            is_out_of_scope = isinstance(error, OutOfScope)
            return self._entry(start, problem=str(error), is_out_of_scope=is_out_of_scope)
        return self._entry(start, transaction, notes=notes)

    def _entry(
        self,
        start: int,
        transaction: HttpTransaction | None = None,
        *,
        problem: str | None = None,
        notes: Iterable[str] = (),
        is_out_of_scope: bool = False,
    ) -> Entry:
        return Entry(
            source=self._document.source,
            index=self._index,
            unit="item",
            transaction=transaction,
            problem=problem,
            notes=tuple(dict.fromkeys(notes)),
            is_out_of_scope=is_out_of_scope,
            offset_bytes=start,
            length_bytes=self._cursor.position - start,
        )


def _transaction(fields: dict[str, BurpField], id_: str, notes: list[str]) -> HttpTransaction:
    raw_request, raw_response = _message(fields, "request"), _message(fields, "response")
    if not raw_request:
        if raw_response:
            raise Rejected("the item has a response but no request")
        raise OutOfScope("the item has no messages: nothing was requested")
    message = parse_request(raw_request, notes)
    url = _text(fields, "url")
    if not is_http_url(url):
        host, port = _text(fields, "host"), _text(fields, "port")
        authority = f"{host}:{port}" if host and port not in ("", "80", "443") else host
        url = message_url(message, scheme=_text(fields, "protocol") or "http", authority=authority)
    moment = _moment(_text(fields, "time"), notes)
    request = HttpRequest(
        method=message.method,
        url=url,
        headers=message.headers,
        body=message.body,
        timestamp=moment,
        id=id_,
    )
    if not raw_response:
        if _text(fields, "status") not in ("", "0"):
            notes.append(NOT_RECORDED)
        return HttpTransaction(request)
    answer = parse_response(raw_response, notes, method=message.method)
    response = HttpResponse(
        status=answer.status,
        headers=answer.headers,
        body=answer.body,
        content_type=header_value(answer.headers, "content-type")
        or _MEDIA_TYPES.get(_text(fields, "mimetype").lower()),
        timestamp=moment,
    )
    return HttpTransaction(request, response)


def _message(fields: dict[str, BurpField], name: str) -> bytes:
    field = fields.get(name)
    if field is None:
        return b""
    if not field.is_base64:
        return field.content
    content = decode_base64(field.content.decode("latin-1"))
    if content is None:
        raise Rejected(f"the {name} is not valid base64")
    return content


def _text(fields: dict[str, BurpField], name: str) -> str:
    field = fields.get(name)
    text = field.content.decode("utf-8", "replace").strip() if field else ""
    return "" if text == "null" else text


def _moment(text: str, notes: list[str]) -> datetime | None:
    date = _DATE.fullmatch(text)
    if date is None:
        if text:
            notes.append(NO_DATE)
        return None
    zone_name = date[6]
    if zone_name is None:
        hours = int(date[7]) + (int(date[8]) / 60) * (-1 if date[7][0] == "-" else 1)
    elif zone_name in _ZONE_HOURS:
        hours = _ZONE_HOURS[zone_name]
    else:
        hours = 0.0
        notes.append(NO_ZONE)
    try:
        month = _MONTHS.index(date[1]) + 1
        zone = timezone(timedelta(hours=hours))
        day, hour, minute, second = (int(date[group]) for group in (2, 3, 4, 5))
        return datetime(int(date[9]), month, day, hour, minute, second, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        notes.append(NO_DATE)
        return None
