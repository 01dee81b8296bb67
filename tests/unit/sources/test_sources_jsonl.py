"""JSON Lines: what a line may hold, and how bad lines are reported."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest

from isoscan.models import HttpRequest, HttpResponse, HttpTransaction
from isoscan.sources import Entry, encode_transaction_line, open_source, write_jsonl

PLAIN = {"request": {"method": "GET", "url": "https://a.test/"}}


def read(*lines: object) -> list[Entry]:
    """The entries of these lines."""
    texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    return list(open_source("-", stdin=io.BytesIO(b"\n".join(texts))))


def read_one(line: object) -> HttpTransaction:
    """The transaction of a single line."""
    [entry] = read(line)
    assert entry.problem is None
    assert entry.transaction is not None
    return entry.transaction


def request(**fields: object) -> dict[str, Any]:
    """A line whose request has these fields."""
    return {"request": {"method": "POST", "url": "https://a.test/", **fields}}


def test_method_and_url_are_enough() -> None:
    """A line needs nothing but a method and a URL; the id names the line."""
    txn = read_one(PLAIN)
    assert (txn.request.method, txn.request.url, txn.response) == ("GET", "https://a.test/", None)
    assert txn.id == "-#1"


def test_full_line() -> None:
    """Every field a line gives is taken as it is, unknown ones are ignored."""
    fields = {
        "id": 17,
        "headers": [["A", "1"], ["a", "2"]],
        "body": "é",
        "content_type": "text/x",
        "query_params": {"q": "1"},
        "is_https": False,
        "timestamp": "2024-01-02T03:04:05+01:00",
        "was_edited": True,
        "mood": "fine",
    }
    txn = read_one({**request(**fields), "response": {"status": "201", "headers": {"B": ["1", "2"]}}, "x": 1})
    assert txn.id == "17"
    assert txn.request.headers == (("A", "1"), ("a", "2"))
    assert txn.request.body == "é".encode()
    assert txn.request.content_type == "text/x"
    assert txn.request.query_params == {"q": "1"}
    assert txn.request.is_https is False
    assert txn.request.was_edited
    assert txn.request.timestamp is not None
    assert txn.request.timestamp.isoformat() == "2024-01-02T03:04:05+01:00"
    assert txn.response is not None
    assert (txn.response.status, txn.response.request_id) == (201, "17")
    assert txn.response.headers == (("B", "1"), ("B", "2"))


@pytest.mark.parametrize(
    "fields",
    [{"body": [0, 255]}, {"body_base64": base64.b64encode(b"\x00\xff").decode()}, {"body_base64": "AP8"}],
)
def test_binary_bodies(fields: dict[str, object]) -> None:
    """Bytes come as base64 or as a list of numbers."""
    assert read_one(request(**fields)).request.body == b"\x00\xff"


def test_blank_lines_line_ends_and_a_last_line_without_one() -> None:
    """Blank lines count but yield nothing; CRLF and a missing last line feed are fine."""
    line = json.dumps(PLAIN).encode()
    entries = list(open_source("-", stdin=io.BytesIO(b"\r\n" + line + b"\r\n\r\n \t\n" + line)))
    assert [(entry.index, entry.problem) for entry in entries] == [(2, None), (5, None)]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"request": {"method": "GET"', "JSON"),
        (b"nonsense", "JSON"),
        (b"[]", "object"),
        (b"null", "object"),
        ({}, "request"),
        (request(method=None), "method"),
        (request(method=""), "empty"),
        (request(url=""), "empty"),
        (request(url=5), "url"),
        (request(body={"a": 1}), "body"),
        (request(body=[256]), "bytes"),
        (request(body_base64="@@"), "base64"),
        (request(body="a", body_base64="YQ=="), "both"),
        (request(headers=[["a"]]), "header"),
        ({**PLAIN, "response": {}}, "status"),
        ({**PLAIN, "response": {"status": "ok"}}, "status"),
        (b'{"request": {"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}", "nested"),
        (b'{"request": {"method": "GET", "url": "http://a/"}} {}', "JSON"),
    ],
)
def test_bad_line_is_rejected_alone(bad: object, reason: str) -> None:
    """A bad line is named with its number and reason; the others arrive."""
    first, second, third = read(PLAIN, bad, PLAIN)
    assert (second.index, second.unit, second.transaction) == (2, "line", None)
    assert second.problem is not None
    assert reason in second.problem
    assert first.transaction is not None
    assert third.transaction is not None


def test_broken_text_is_replaced_and_noted() -> None:
    """Invalid UTF-8 and unpaired surrogates cost characters, not the line."""
    for raw in (rb"\udc00", b"\xff"):
        line = json.dumps(request(body="@")).encode().replace(b"@", raw)
        [entry] = read(line)
        assert entry.transaction is not None
        assert entry.transaction.request.body == "\ufffd".encode()
        assert entry.notes


def test_unreadable_date_is_noted() -> None:
    """A time stamp that is none costs itself alone."""
    [entry] = read(request(timestamp="yesterday"))
    assert entry.transaction is not None
    assert len(entry.notes) == 1


def test_har_entry_as_a_line() -> None:
    """A line that is a HAR entry keeps its body, which JSON Lines spell differently."""
    txn = read_one(
        {
            "startedDateTime": "2024-01-02T03:04:05Z",
            "request": {"method": "GET", "url": "https://a.test/", "headers": []},
            "response": {"status": 200, "headers": [], "content": {"text": "hi"}},
        }
    )
    assert txn.response is not None
    assert txn.response.body == b"hi"


def test_very_long_line() -> None:
    """A line of many megabytes is one transaction."""
    assert len(read_one(request(body="x\n" * 4_000_000)).request.body) == 8_000_000


def test_body_is_written_as_text_only_if_it_is_text() -> None:
    """Text bodies stay readable, others are base64, empty ones are left out."""
    for body, key in ((b"plain \x00", "body"), (b"\xff", "body_base64"), (b"", None)):
        line = json.loads(
            encode_transaction_line(HttpTransaction(HttpRequest("GET", "http://a/", body=body)))
        )
        assert {"body", "body_base64"} & line["request"].keys() == ({key} if key else set())


def test_write_counts_lines(tmp_path: Path) -> None:
    """Writing says how many transactions it wrote, one line each."""
    path = tmp_path / "out.jsonl"
    txn = HttpTransaction(HttpRequest("GET", "http://a/\n"), HttpResponse(200))
    with path.open("wb") as file:
        assert write_jsonl([txn, txn], file) == 2
    assert path.read_bytes().count(b"\n") == 2
    assert [entry.transaction for entry in open_source(path)] == [txn, txn]


def test_unpaired_surrogate_can_be_written() -> None:
    """Text that UTF-8 cannot hold is written escaped instead of failing the run."""
    line = encode_transaction_line(HttpTransaction(HttpRequest("GET", "http://a/\ud800")))
    assert json.loads(line)["request"]["url"] == "http://a/\ud800"
