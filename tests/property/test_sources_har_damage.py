"""Whatever happens to a HAR file, reading it ends in entries and at most an `InputError`."""

from __future__ import annotations

import io
import json
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from isoscan.errors import InputError
from isoscan.sources import Entry, har, open_source

ENTRIES = [
    {
        "startedDateTime": "2024-01-02T03:04:05.678Z",
        "time": 12.5,
        "request": {
            "method": "GET",
            "url": f"https://a.test/{n}?q=1",
            "headers": [{"name": "A", "value": "é"}],
        },
        "response": {
            "status": 200,
            "headers": [{"name": "Content-Encoding", "value": "gzip"}],
            "content": {"text": 'say "hi" {[', "encoding": "base64" if n == 2 else ""},
        },
    }
    for n in range(4)
]
LOG = {"log": {"version": "1.2", "pages": [{"id": "p"}], "entries": ENTRIES, "comment": "end"}}
SOUND = json.dumps(LOG, ensure_ascii=False).encode()
# Where each entry ends: damage behind it must not reach it.
ENDS = [
    SOUND.index(json.dumps(one, ensure_ascii=False).encode())
    + len(json.dumps(one, ensure_ascii=False).encode())
    for one in ENTRIES
]


def read(data: bytes) -> tuple[list[Entry], InputError | None]:
    """The entries, and the error that ended them."""
    entries: list[Entry] = []
    try:
        for entry in open_source("-", stdin=io.BytesIO(data)):
            entries.append(entry)  # noqa: PERF402 - the entries before the error count
    except InputError as error:
        return entries, error
    return entries, None


UNHARMED, _ = read(SOUND)


def assert_entries_before(offset: int, entries: list[Entry]) -> None:
    """Entries that end before `offset` are as in the sound file."""
    count = sum(end <= offset for end in ENDS)
    assert entries[:count] == UNHARMED[:count]
    for entry in entries:
        assert (entry.transaction is None) == (entry.problem is not None)


def test_cut_at_every_byte() -> None:
    """A file cut anywhere yields the entries before the cut, then an error."""
    for cut in range(len(SOUND)):
        entries, error = read(SOUND[:cut])
        assert error is not None
        assert len(entries) == sum(end <= cut for end in ENDS)
        assert_entries_before(cut, entries)


@given(st.integers(0, len(SOUND)), st.binary(min_size=1, max_size=8))
def test_inserted_bytes(at: int, inserted: bytes) -> None:
    """Bytes inserted anywhere leave the entries before them alone."""
    entries, _ = read(SOUND[:at] + inserted + SOUND[at:])
    if at > SOUND.index(b"entries"):
        assert_entries_before(at, entries)


@given(st.integers(0, len(SOUND) - 1), st.integers(1, 30))
def test_removed_bytes(at: int, count: int) -> None:
    """Bytes removed anywhere leave the entries before them alone."""
    entries, _ = read(SOUND[:at] + SOUND[at + count :])
    if at > SOUND.index(b"entries"):
        assert_entries_before(at, entries)


@given(st.integers(0, len(SOUND) - 1), st.sampled_from(b'"{}[],:\\ \x00\xff\n1e'))
def test_one_byte_changed_loses_at_most_its_entry(at: int, byte: int) -> None:
    """One byte changed inside an entry costs that entry at most, and never in silence."""
    entries, error = read(SOUND[:at] + bytes([byte]) + SOUND[at + 1 :])
    if ENDS[0] < at < ENDS[2]:
        sound = [entry.transaction.request.url for entry in entries if entry.transaction]
        first, last = UNHARMED[0].transaction, UNHARMED[3].transaction
        assert first is not None
        assert last is not None
        assert first.request.url in sound
        assert last.request.url in sound or error is not None
        assert len(sound) >= 4 or error is not None or any(entry.problem for entry in entries)


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["base64", "http://a/"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["name", "value", "text", "encoding", "params", "status", "url", "method", "mimeType", "size"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(
    st.sampled_from(["request", "response", "startedDateTime", "time", "_webSocketMessages"]),
    st.sampled_from([None, "method", "url", "headers", "postData", "status", "content"]),
    JSON_VALUES,
)
def test_any_value_in_any_field(field: str, member: str | None, value: object) -> None:
    """An entry with any JSON in any field is a transaction or a rejected entry between its neighbours."""
    odd = json.loads(json.dumps(ENTRIES[0]))
    if member is not None and isinstance(odd.get(field), dict):
        odd[field][member] = value
    else:
        odd[field] = value
    entries, error = read(json.dumps({"log": {"entries": [ENTRIES[0], odd, ENTRIES[1]]}}).encode())
    assert error is None
    assert len(entries) == 3
    assert entries[0].transaction is not None
    assert entries[2].transaction is not None


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    """Bytes of no kind at all end in an error or in entries."""
    read(data)


def known_of(data: bytes) -> tuple[list[tuple[object, ...]], str]:
    """All that can be told of what is read, but for moments that no entry names."""
    entries, error = read(data)
    told: list[tuple[object, ...]] = []
    for entry in entries:
        parts: tuple[object, ...] = (entry.index, entry.problem, entry.notes, entry.offset_bytes)
        parts += (entry.length_bytes, entry.is_out_of_scope)
        if entry.transaction is not None:
            request, response = entry.transaction.request, entry.transaction.response
            parts += (request.method, request.url, request.headers, request.body)
            parts += () if response is None else (response.status, response.headers, response.body)
        told.append(parts)
    return told, str(error)


def walked(data: bytes) -> tuple[list[tuple[object, ...]], str]:
    """The same without a guess at where an entry ends."""
    with patch.object(har, "_MAX_WRONG_GUESSES", 0):
        return known_of(data)


ODD = [
    {**ENTRIES[0], "_again": {"startedDateTime": "2024-01-02T03:04:05.678Z", "time": 1}},
    {"startedDateTime": "2024-01-02T03:04:05.678Z", "_deep": json.loads("[" * 900 + "]" * 900)},
    {"time": 1, "startedDateTime": "2024-01-02T03:04:05.678Z", "request": ENTRIES[1]["request"]},
    {"startedDateTime": "x", "request": {"method": "CONNECT", "url": "a:443"}},
    {"startedDateTime": "x", "request": 17},
]
ANY = [*ENTRIES, *ODD]
#: By their numbers: an example with the deep one could not be printed.
CHOSEN = st.lists(st.integers(0, len(ANY) - 1), min_size=1, max_size=8)


@given(
    CHOSEN, st.sampled_from([None, 0, 2]), st.lists(st.tuples(st.integers(0, 9999), st.binary(max_size=3)))
)
def test_where_entries_end_is_no_guess(
    chosen: list[int], indent: int | None, damages: list[tuple[int, bytes]]
) -> None:
    """An entry that is taken to end where the next one begins is the one that a walk finds."""
    data = json.dumps({"log": {"entries": [ANY[number] for number in chosen]}}, indent=indent).encode()
    for at, inserted in damages:
        at %= len(data) + 1
        data = data[:at] + inserted + data[at + 1 :]
    assert known_of(data) == walked(data)


def test_too_deep_an_entry_hides_none_of_its_parts() -> None:
    """What nobody can decode is one rejected entry, whatever seems to begin inside."""
    inner = json.dumps(ENTRIES[0])
    deep = '{"startedDateTime": ' + "[" * 100_000 + inner + "]" * 100_000 + "}"
    data = f'{{"log": {{"entries": [{inner}, {deep}, {inner}]}}}}'.encode()
    assert known_of(data) == walked(data)
    entries, _ = read(data)
    assert [entry.problem for entry in entries] == [None, "nested too deeply", None]
