"""JSON Lines written and read again are the same transactions."""

from __future__ import annotations

import io
from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from isoscan.models import HttpRequest, HttpResponse, HttpTransaction
from isoscan.sources import encode_transaction_line, open_source, write_jsonl

TEXT = st.text(max_size=20)
NAME = st.text(min_size=1, max_size=20)
ZONES = st.integers(-86_399, 86_399).map(lambda seconds: timezone(timedelta(seconds=seconds)))
DATES = st.none() | st.datetimes(
    min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29), timezones=ZONES
)
HEADERS = st.lists(st.tuples(NAME, TEXT), max_size=4).map(tuple)
BODIES = st.binary(max_size=50) | TEXT.map(str.encode)
REQUESTS = st.builds(
    HttpRequest,
    method=NAME,
    url=NAME | st.just("https://a.test/p?x=1&x=2"),
    headers=HEADERS,
    body=BODIES,
    content_type=st.none() | TEXT,
    query_params=st.none() | st.dictionaries(TEXT, TEXT, max_size=3),
    is_https=st.none() | st.booleans(),
    timestamp=DATES,
    was_edited=st.booleans(),
    id=TEXT,
)
RESPONSES = st.builds(
    HttpResponse,
    status=st.integers(-(2**63), 2**63 - 1),
    headers=HEADERS,
    body=BODIES,
    content_type=st.none() | TEXT,
    timestamp=DATES,
    request_id=TEXT,
)
TRANSACTIONS = st.builds(HttpTransaction, REQUESTS, st.none() | RESPONSES)


@given(st.lists(TRANSACTIONS, min_size=1, max_size=4))
def test_round_trip(transactions: list[HttpTransaction]) -> None:
    """Ids, time stamps, binary bodies, repeated headers and marks survive, in order."""
    file = io.BytesIO()
    assert write_jsonl(transactions, file) == len(transactions)
    file.seek(0)
    entries = list(open_source("-", stdin=file))
    assert [entry.transaction for entry in entries] == transactions
    assert [(entry.problem, entry.notes) for entry in entries] == [(None, ())] * len(transactions)


@given(TRANSACTIONS, st.binary(max_size=40), st.data())
def test_damaged_line_leaves_its_neighbours_alone(
    transaction: HttpTransaction, junk: bytes, data: st.DataObject
) -> None:
    """Any bytes inside one line cost that line at most."""
    line = encode_transaction_line(transaction)
    at = data.draw(st.integers(0, len(line) - 1))
    middle = (line[:at] + junk + line[at:]).replace(b"\n", b" ") + b"\n"
    entries = list(open_source("-", stdin=io.BytesIO(line + middle + line)))
    assert entries[0].transaction == transaction
    assert entries[-1].transaction == transaction
    assert entries[-1].index == 3
