"""The JSON of other tools: Caido, proxify, httpx, nuclei and katana."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from isoscan.errors import InputError
from isoscan.models import HttpTransaction
from isoscan.sources import Entry, open_source

REQUEST = "POST /a HTTP/1.1\r\nHost: a.test\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n"
RESPONSE = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"


def b64(text: str) -> str:
    """Text in base64, as JSON can hold it."""
    return base64.b64encode(text.encode()).decode()


def caido(**fields: Any) -> dict[str, Any]:
    """One request of Caido's export with its response."""
    response = {
        "id": 7, "status_code": 200, "length": 9, "alteration": "none", "edited": False,
        "created_at": 1704164645500, "raw": b64(RESPONSE + "2\r\nhi\r\n0\r\n\r\n"),
    }  # fmt: skip
    return {
        "id": 3, "host": "a.test", "method": "POST", "path": "/a", "query": "", "length": 9, "port": 443,
        "is_tls": True, "source": "intercept", "alteration": "none", "edited": False, "parent_id": None,
        "file_extension": None, "created_at": 1704164645000, "raw": b64(REQUEST + "x=1"),
        "response": response, **fields,
    }  # fmt: skip


def proxify(**fields: Any) -> dict[str, Any]:
    """One line of proxify."""
    return {
        "timestamp": "2024-01-02T03:04:05Z",
        "url": "http://a.test/a",
        "request": {
            "header": {
                "scheme": "http",
                "method": "POST",
                "path": "/a",
                "host": "a.test",
                "Cookie": "a=1, b=2",
            },
            "body": "x=1",
            "raw": REQUEST,
        },
        "response": {"header": {"Content-Type": "text/plain"}, "body": "hi", "raw": RESPONSE},
        **fields,
    }


def httpx(**fields: Any) -> dict[str, Any]:
    """One line of httpx with its traffic."""
    return {
        "timestamp": "2024-01-02T03:04:05.0Z", "port": "80", "url": "http://a.test/a", "host": "1.2.3.4",
        "request": REQUEST + "x=1", "header": {"content_type": "text/plain"}, "raw_header": RESPONSE,
        "body": "hi", "status_code": 200, **fields,
    }  # fmt: skip


def nuclei(**fields: Any) -> dict[str, Any]:
    """One result of nuclei."""
    return {
        "template-id": "tech", "type": "http", "host": "a.test", "matched-at": "http://a.test/a",
        "request": REQUEST + "x=1", "response": RESPONSE + "hi", "timestamp": "2024-01-02T03:04:05Z",
        **fields,
    }  # fmt: skip


def katana(**fields: Any) -> dict[str, Any]:
    """One line of katana."""
    return {
        "timestamp": "2024-01-02T03:04:05Z",
        "request": {"method": "POST", "endpoint": "http://a.test/a", "tag": "form", "raw": REQUEST + "x=1"},
        "response": {
            "status_code": 200,
            "headers": {"content_type": "x"},
            "body": "hi",
            "raw": RESPONSE + "hi",
        },
        **fields,
    }


def read(path: Path, *values: object, is_list: bool = False) -> list[Entry]:
    """The entries of a file with these values, one per line or as a list."""
    path.write_text(json.dumps(values) if is_list else "".join(f"{json.dumps(value)}\n" for value in values))
    return list(open_source(path))


def transaction(entry: Entry) -> HttpTransaction:
    """The transaction of a good entry."""
    assert entry.problem is None
    assert entry.transaction is not None
    return entry.transaction


@pytest.mark.parametrize(
    "line", [proxify(), httpx(), nuclei(), katana()], ids=["proxify", "httpx", "nuclei", "katana"]
)
def test_lines(tmp_path: Path, line: dict[str, Any]) -> None:
    """Every field of a line arrives, and so does its place in the file."""
    path = tmp_path / "x"
    entries = read(path, line, line)
    assert [(entry.unit, entry.index) for entry in entries] == [("line", 1), ("line", 2)]
    for entry in entries:
        txn = transaction(entry)
        assert (txn.request.method, txn.request.url, txn.request.body) == ("POST", "http://a.test/a", b"x=1")
        assert txn.request.headers == (("Host", "a.test"), ("Cookie", "a=1"), ("Cookie", "b=2"))
        assert txn.request.timestamp == datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
        assert txn.response is not None
        assert (txn.response.status, txn.response.body, txn.response.content_type) == (
            200,
            b"hi",
            "text/plain",
        )
        assert txn.id == f"{path}#{entry.index}"
        assert entry.offset_bytes is not None
        assert entry.length_bytes is not None
        raw = path.read_bytes()[entry.offset_bytes : entry.offset_bytes + entry.length_bytes]
        assert json.loads(raw) == line


def test_caido(tmp_path: Path) -> None:
    """Every field of an export arrives."""
    entries = read(tmp_path / "x", caido(), caido(is_tls=False, port=8080, edited=True), is_list=True)
    assert [(entry.unit, entry.index) for entry in entries] == [("entry", 0), ("entry", 1)]
    first, second = map(transaction, entries)
    assert (first.request.url, first.request.body, first.request.was_edited) == (
        "https://a.test/a",
        b"x=1",
        False,
    )
    assert first.request.timestamp == datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert first.response is not None
    assert first.response.body == b"hi"
    assert first.response.timestamp == datetime(2024, 1, 2, 3, 4, 5, 500_000, UTC)
    assert (second.request.url, second.request.was_edited) == ("http://a.test:8080/a", True)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"raw": None}, "no raw request"),
        ({"raw": "%%%"}, "not valid base64"),
        ({"raw": b64("hello")}, "request line"),
        ({"host": 5}, "host"),
    ],
)
def test_bad_caido_entries(tmp_path: Path, fields: dict[str, Any], problem: str) -> None:
    """A bad entry is named; the others are read."""
    entries = read(tmp_path / "x", caido(), caido(**fields), caido(), is_list=True)
    assert [entry.problem is None for entry in entries] == [True, False, True]
    assert problem in (entries[1].problem or "")


def test_caido_without_a_response(tmp_path: Path) -> None:
    """No response is a transaction without one; a response without its bytes is noted."""
    entries = read(tmp_path / "x", caido(response=None), caido(response={"status_code": 200}), is_list=True)
    assert [transaction(entry).response for entry in entries] == [None, None]
    assert [len(entry.notes) for entry in entries] == [0, 1]


def test_truncated_caido_export(tmp_path: Path) -> None:
    """Entries before the cut arrive; then the error names the place."""
    path = tmp_path / "x"
    text = json.dumps([caido()] * 3)
    path.write_text(text[:-50])
    found = 0
    with pytest.raises(InputError, match=r"truncated at byte .* after 2 entries"):
        for entry in open_source(path):
            found += entry.problem is None
    assert found == 2


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (proxify(request={"header": {"a": "b"}}), "neither raw nor"),
        (proxify(request={"raw": "junk"}), "request line"),
        (httpx(request="junk"), "request line"),
        (httpx(request=5), "request"),
        (katana(request={"endpoint": 5}), "endpoint"),
    ],
)
def test_bad_lines(tmp_path: Path, line: dict[str, Any], problem: str) -> None:
    """A bad line is named; the others are read."""
    good = (
        katana() if "endpoint" in str(line["request"]) else proxify() if "raw_header" not in line else httpx()
    )
    entries = read(tmp_path / "x", good, line, good)
    assert [entry.problem is None for entry in entries] == [True, False, True]
    assert problem in (entries[1].problem or "")


def test_proxify_without_raw_request(tmp_path: Path) -> None:
    """Without the raw head the request is made of its parts."""
    line = proxify(request={"header": {"method": "PUT", "host": "a.test", "Accept": "*/*"}, "body": "z"})
    [entry] = read(tmp_path / "x", line)
    txn = transaction(entry)
    assert (txn.request.method, txn.request.url) == ("PUT", "http://a.test/a")
    assert (txn.request.headers, txn.request.body) == ((("Accept", "*/*"),), b"z")


def test_bodies_that_were_not_text(tmp_path: Path) -> None:
    """Bytes that the tool replaced are noted: the body is not what was sent."""
    [entry] = read(tmp_path / "x", httpx(body="\ufffdPNG"))
    assert len(entry.notes) == 1
    assert "damaged" in entry.notes[0]


def test_other_protocols_of_nuclei(tmp_path: Path) -> None:
    """A result of a DNS template is no exchange, and nothing was missed."""
    entries = read(tmp_path / "x", nuclei(), nuclei(type="dns", request="; <<>> query"))
    assert [(entry.problem is None, entry.is_out_of_scope) for entry in entries] == [
        (True, False),
        (False, True),
    ]


def test_katana_without_raw_messages(tmp_path: Path) -> None:
    """What `-omit-raw` leaves is read, and what is missing noted."""
    line = katana(
        request={"method": "GET", "endpoint": "http://a.test/b", "headers": {"Accept": "*/*"}},
        response={"status_code": 404, "body": "no"},
    )
    [entry] = read(tmp_path / "x", line)
    txn = transaction(entry)
    assert (txn.request.url, txn.request.headers) == ("http://a.test/b", (("Accept", "*/*"),))
    assert txn.response is not None
    assert (txn.response.status, txn.response.body) == (404, b"no")
    assert len(entry.notes) == 1


def test_first_line_may_be_the_bad_one(tmp_path: Path) -> None:
    """The format is known by the first line that holds a transaction."""
    path = tmp_path / "x"
    for line in (proxify(), httpx(), katana()):
        path.write_text(f'{{"x": 1}}\n{json.dumps(line)}\n')
        assert [entry.problem is None for entry in open_source(path)] == [False, True]
