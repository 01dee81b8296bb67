"""Reads HAR, entry by entry, in the dialects of the tools that write it.

Accepted around the entries: `{"log": {"entries": […]}}`, `{"entries": […]}`, a bare
list, and several such documents one after another. A damaged or truncated file gives
every entry that can be told apart, then raises `InputError`; a damaged entry between
sound ones is one rejected entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..errors import InputError
from ..models import HttpTransaction
from ._attachments import Attachments, nothing_attached
from ._document import Document
from ._entry import Entry, NotJson, OutOfScope, Rejected, transaction_id
from ._har_entry import HarEntry, har_transaction
from ._json_decode import NestedTooDeeply, TolerantDecoder
from ._json_scan import Buffer, JsonCursor, JsonDamage

_DECODER = TolerantDecoder(HarEntry)
# Looking for the end of a damaged entry can read the rest of the file, so not for ever.
_MAX_RESUMPTIONS = 100
# How entries begin in the tools' own output; what a file's own entries begin with is added.
_USUAL_FIRST_KEYS = (b"startedDateTime", b"pageref", b"request", b"time")
_MAX_FIRST_KEYS = 32
_MAX_WRONG_GUESSES = 16
_MAX_SEPARATORS = 64
_FIRST_KEY = re.compile(rb'\{\s*"([\w$.\-]{1,64})"\s*:')


def read_har(document: Document) -> Iterator[Entry]:
    """The entries of a HAR file. Raises `InputError` where the file is damaged beyond recovery."""
    return _HarReader(document).read()


def har_entry_transaction(
    raw: memoryview, id_: str, notes: list[str], attached: Attachments = nothing_attached
) -> HttpTransaction:
    """The transaction of one HAR entry's JSON. Raises `Rejected`."""
    return har_transaction(_DECODER.decode(raw, notes), id_, notes, attached)


class _HarReader:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._cursor = JsonCursor(document.data, document.start)
        self._text = memoryview(document.data)
        self._index = 0
        self._landmarks = _Landmarks(document.data)
        self._resumptions = 0
        self._is_in_step = True

    def read(self) -> Iterator[Entry]:
        cursor = self._cursor
        try:
            cursor.skip_space()
            while cursor.peek() in (b"{", b"["):
                yield from self._value(may_hold_log=True)
                cursor.skip_space()
        except JsonDamage as damage:
            if damage.is_truncated:
                raise self._error("JSON is truncated", damage.offset, "; export it again") from None
            raise self._error("JSON is damaged", damage.offset, "; what follows is not read") from None
        if cursor.peek():
            raise self._error("unexpected data", cursor.position, "; remove it, or repair the JSON before it")

    def _error(self, what: str, offset: int, advice: str) -> InputError:
        return self._document.error(
            f"{what} at {self._document.byte(offset)}, after {self._index} entries{advice}"
        )

    def _value(self, *, may_hold_log: bool) -> Iterator[Entry]:
        """A document, the object under `log`, or a list of entries."""
        if self._cursor.peek() == b"[":
            yield from self._elements()
            return
        is_found = False
        for key in self._cursor.members():
            following = self._cursor.peek()
            is_log = may_hold_log and key == "log" and following == b"{"
            if is_log or (key == "entries" and following == b"["):
                is_found = True
                yield from self._value(may_hold_log=False)
        if not is_found:
            raise self._error("no list of entries in the HAR object that ends", self._cursor.position, "")

    def _elements(self) -> Iterator[Entry]:
        cursor = self._cursor
        cursor.position += 1
        while True:
            cursor.skip_separators()
            start = cursor.position
            if cursor.peek() == b"]":
                # Out of step, this may be a bracket inside an entry.
                resumed_at = None if self._is_in_step else self._landmarks.next_entry(start)
                if resumed_at is None:
                    cursor.position += 1
                    return
                cursor.position = resumed_at
                continue
            if self._is_in_step:
                self._landmarks.learn(start)
                if (guessed := self._guessed(start)) is not None:
                    yield guessed
                    self._document.release(start)
                    continue
            try:
                cursor.skip_value()
            except JsonDamage:
                resumed_at = self._landmarks.next_entry(start + 1)
                self._resumptions += 1
                if resumed_at is None or self._resumptions > _MAX_RESUMPTIONS:
                    raise
                self._is_in_step = False
                cursor.position = resumed_at
                problem = f"JSON is damaged from {self._document.byte(start)} on"
                yield self._entry(start, resumed_at, problem=problem)
                continue
            yield self._decoded(start, cursor.position)
            self._document.release(start)

    def _guessed(self, start: int) -> Entry | None:
        """The entry that ends where the next one seems to begin; None when that is no entry.

        To walk to an entry's end takes longer than to decode it, and what decodes ends there.
        """
        end = self._landmarks.likely_end(start)
        if end is None:
            return None
        try:
            entry = self._read_entry(start, end)
        except (NotJson, NestedTooDeeply):
            self._landmarks.was_wrong()
            return None
        except Rejected as error:
            entry = self._rejected(start, end, error)
        self._cursor.position = end
        return entry

    def _decoded(self, start: int, end: int) -> Entry:
        try:
            return self._read_entry(start, end)
        except NotJson as error:
            self._get_in_step(start, end)
            problem = f"{error}; the entry begins at {self._document.byte(start)}"
            return self._entry(start, end, problem=problem)
        except Rejected as error:
            return self._rejected(start, end, error)

    def _read_entry(self, start: int, end: int) -> Entry:
        notes: list[str] = []
        id_ = transaction_id(self._document.source, self._index)
        transaction = har_entry_transaction(self._text[start:end], id_, notes, self._document.attached)
        return self._entry(start, end, transaction, notes=notes)

    def _rejected(self, start: int, end: int, error: Rejected) -> Entry:
        return self._entry(start, end, problem=str(error), is_out_of_scope=isinstance(error, OutOfScope))

    def _entry(
        self,
        start: int,
        end: int,
        transaction: HttpTransaction | None = None,
        *,
        problem: str | None = None,
        notes: Iterable[str] = (),
        is_out_of_scope: bool = False,
    ) -> Entry:
        index = self._index
        self._index += 1
        return Entry(
            source=self._document.source,
            index=index,
            unit="entry",
            transaction=transaction,
            problem=problem,
            notes=tuple(dict.fromkeys(notes)),
            is_out_of_scope=is_out_of_scope,
            offset_bytes=start,
            length_bytes=end - start,
        )

    def _get_in_step(self, start: int, end: int) -> None:
        """After bytes that are no JSON: their end may lie inside another entry, or before their own."""
        following = self._landmarks.next_entry(start + 1)
        if following is None:
            return
        self._cursor.skip_separators()
        if following < end or self._cursor.peek() not in (b"{", b"]"):
            self._cursor.position = following
        if following < end or self._cursor.position != following:
            self._is_in_step = False


class _Landmarks:
    """Finds where an entry begins in text that is out of step.

    JSON text holds no bare quote, so `{"startedDateTime":` stands only where an object begins,
    never in a body.
    """

    def __init__(self, data: Buffer) -> None:
        self._data = data
        self._keys = dict.fromkeys(_USUAL_FIRST_KEYS)
        self._searched: tuple[int, int | None] | None = None
        #: The bytes that the first entry begins with, up to its first key: tools write all of them alike.
        self._opening: bytes | None = None
        self._guesses_left = _MAX_WRONG_GUESSES

    def likely_end(self, start: int) -> int | None:
        """Where the entry that begins at `start` ends if the next one begins as the first did."""
        if self._opening is None:
            if self._guesses_left and (first := _FIRST_KEY.match(self._data, start)):
                self._opening = first[0]
            else:
                return None
        opening = self._opening
        if self._guesses_left <= 0 or self._data[start : start + len(opening)] != opening:
            return None
        following = self._data.find(opening, start + len(opening))
        if following < 0:
            self._guesses_left = 0  # the last one, or others follow: to look again would be to read them all
            return None
        behind = bytes(self._data[max(start, following - _MAX_SEPARATORS) : following])
        entrys = len(behind.rstrip(b" \t\r\n,"))
        return following - len(behind) + entrys if entrys else None

    def was_wrong(self) -> None:
        """What ended there was no entry."""
        self._guesses_left -= 1

    def learn(self, start: int) -> None:
        """Takes the first key of an entry as a mark of entries."""
        if len(self._keys) < _MAX_FIRST_KEYS and (key := _FIRST_KEY.match(self._data, start)):
            self._keys[key[1]] = None

    def next_entry(self, position: int) -> int | None:
        """Where the next entry from `position` on begins."""
        if self._searched is not None:
            searched_from, found = self._searched
            if searched_from <= position and (found is None or found >= position):
                return found  # a text with nothing to find is searched once, not for each bad entry
        keys = b"|".join(map(re.escape, self._keys))
        match = re.compile(rb'\{\s*"(?:' + keys + rb')"\s*:').search(self._data, position)
        self._searched = (position, match.start() if match else None)
        return self._searched[1]
