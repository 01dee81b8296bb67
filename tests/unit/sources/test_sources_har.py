"""HAR files: entries in every dialect, bad entries, damage and truncation."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from isoscan.errors import InputError
from isoscan.models import HttpTransaction
from isoscan.sources import Entry, open_source


def har(*entries: object, **log: object) -> dict[str, Any]:
    """A HAR document of these entries."""
    return {"log": {"version": "1.2", "creator": {"name": "test", "version": "1"}, **log, "entries": entries}}


def entry(url: str = "https://shop.test/", **request: object) -> dict[str, Any]:
    """A plain entry; arguments go into its request."""
    return {
        "startedDateTime": "2024-01-02T03:04:05.678Z",
        "time": 250,
        "request": {"method": "GET", "url": url, "headers": [], **request},
        "response": {
            "status": 200,
            "headers": [],
            "content": {"size": 2, "mimeType": "text/plain", "text": "ok"},
        },
    }


def answered(**response: object) -> dict[str, Any]:
    """A plain entry whose response has these fields."""
    return {**entry(), "response": {"status": 200, "headers": [], "content": {}, **response}}


def read(path: Path, content: object) -> list[Entry]:
    """The entries of a file with this content."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    path.write_bytes(data)
    return list(open_source(path))


def read_one(path: Path, content: object) -> tuple[HttpTransaction, tuple[str, ...]]:
    """The transaction and notes of a single entry."""
    [only] = read(path, har(content))
    assert only.problem is None
    assert only.transaction is not None
    return only.transaction, only.notes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the capture is written."""
    return tmp_path / "capture.har"


def test_entry_becomes_a_transaction(path: Path) -> None:
    """Every field of a plain entry arrives."""
    txn, notes = read_one(
        path, entry("https://shop.test/cart?a=1", headers=[{"name": "Accept", "value": "*/*"}])
    )
    assert (txn.request.method, txn.request.url) == ("GET", "https://shop.test/cart?a=1")
    assert txn.request.headers == (("Accept", "*/*"),)
    assert txn.request.query_params == {"a": "1"}
    assert txn.request.timestamp == datetime(2024, 1, 2, 3, 4, 5, 678000, UTC)
    assert txn.response is not None
    assert (txn.response.status, txn.response.body, txn.response.content_type) == (200, b"ok", "text/plain")
    assert txn.response.timestamp == txn.request.timestamp + timedelta(milliseconds=250)
    assert notes == ()


def test_ids_name_the_capture_and_the_entry(path: Path) -> None:
    """A transaction's id points back at its place in the file, and its response carries it."""
    entries = read(path, har(entry(), entry()))
    assert [e.transaction.id for e in entries if e.transaction] == [f"{path}#0", f"{path}#1"]
    assert [e.place for e in entries] == [f"{path}, entry 0", f"{path}, entry 1"]
    assert entries[1].transaction is not None
    assert entries[1].transaction.response is not None
    assert entries[1].transaction.response.request_id == f"{path}#1"


@pytest.mark.parametrize(
    "wrapped",
    [
        har(entry()),
        har(entry(), pages=[{"id": "entries", "title": '"entries":[{}]'}], _entries=[1, {"entries": [2]}]),
        {"entries": [entry()]},
        [entry()],
        {"comment": {"log": {"entries": []}}, "log": {"pages": [{"entries": [3]}], "entries": [entry()]}},
    ],
)
def test_entries_are_found_only_where_they_belong(path: Path, wrapped: object) -> None:
    """The list of entries is that of the log, the top level or the bare list, never a namesake."""
    [only] = read(path, wrapped)
    assert only.transaction is not None


def test_several_documents_in_one_file_are_all_read(path: Path) -> None:
    """HAR documents written one after another count on, none is dropped."""
    entries = read(path, b"\n".join(json.dumps(har(entry(), entry())).encode() for _ in range(2)))
    assert [e.index for e in entries] == [0, 1, 2, 3]


def test_body_text_that_looks_like_har_stays_text(path: Path) -> None:
    """Brackets, quotes and keys inside a body never count as structure."""
    text = '"]}}, {"startedDateTime": "x", "request": {}} \\" [[[ {{{ \\\\'
    entries = read(path, har(answered(content={"text": text}), entry()))
    assert [e.problem for e in entries] == [None, None]
    assert entries[0].transaction is not None
    assert entries[0].transaction.response is not None
    assert entries[0].transaction.response.body == text.encode()


# --- dialects ---------------------------------------------------------------------------


def test_chrome_http2_headers_and_websocket(path: Path) -> None:
    """Chrome: pseudo-headers go, repeated headers stay in order, WebSocket messages are noted."""
    socket = entry("wss://chat.test/ws")
    socket["request"]["headers"] = [
        {"name": ":authority", "value": "chat.test"},
        {"name": ":method", "value": "GET"},
        {"name": "x-a", "value": "1"},
        {"name": "X-A", "value": "2"},
    ]
    socket["_webSocketMessages"] = [{"type": "send", "time": 1.5, "opcode": 1, "data": "hello"}]
    socket["response"] = {"status": 101, "headers": [], "content": {"size": 0, "mimeType": "x-unknown"}}
    txn, notes = read_one(path, socket)
    assert txn.request.headers == (("x-a", "1"), ("X-A", "2"))
    assert txn.request.is_https
    assert txn.response is not None
    assert (txn.response.status, txn.response.content_type) == (101, None)
    assert any("WebSocket" in note for note in notes)


def test_chrome_blocked_request_has_no_response(path: Path) -> None:
    """Status 0, as browsers write it for aborted requests, is no response."""
    txn, notes = read_one(path, answered(status=0, _error="net::ERR_BLOCKED_BY_CLIENT"))
    assert txn.response is None
    assert any("aborted" in note for note in notes)


@pytest.mark.parametrize("response", [None, "absent"])
def test_entry_without_response(path: Path, response: object) -> None:
    """A request nobody answered is a transaction all the same."""
    raw = entry()
    if response is None:
        raw["response"] = None
    else:
        del raw["response"]
    assert read_one(path, raw)[0].response is None


def test_safari_base64_body(path: Path) -> None:
    """Web Inspector and Chrome hold binary bodies in base64."""
    image = bytes(range(256))
    content = {"mimeType": "image/png", "encoding": "base64", "text": base64.b64encode(image).decode()}
    txn, notes = read_one(path, answered(content=content))
    assert txn.response is not None
    assert txn.response.body == image
    assert notes == ()


def test_proxy_bodies_that_are_still_compressed(path: Path) -> None:
    """Some proxies store the compressed bytes, of responses and of requests."""
    packed = {"encoding": "base64", "text": base64.b64encode(gzip.compress(b"<p>hi</p>", mtime=0)).decode()}
    header = {"name": "content-encoding", "value": "gzip"}
    raw = answered(headers=[header], content={"mimeType": "text/html", **packed})
    raw["request"].update(headers=[header], postData={"mimeType": "text/html", **packed})
    txn, notes = read_one(path, raw)
    assert txn.response is not None
    assert txn.request.body == txn.response.body == b"<p>hi</p>"
    assert len(notes) == 1


def test_invalid_base64_is_kept_as_text(path: Path) -> None:
    """A body that claims base64 and is not is kept, with a note that does not quote it."""
    txn, notes = read_one(path, answered(content={"encoding": "base64", "text": "sécret!"}))
    assert txn.response is not None
    assert txn.response.body == "sécret!".encode()
    assert len(notes) == 1
    assert "cret" not in notes[0]


def test_firebug_joined_cookies_are_split(path: Path) -> None:
    """Cookies that a tool joined by line feeds are several headers again."""
    txn, _ = read_one(path, answered(headers=[{"name": "Set-Cookie", "value": "a=1; Path=/\nb=2"}]))
    assert txn.response is not None
    assert txn.response.headers == (("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2"))


def test_charles_form_fields_become_the_body(path: Path) -> None:
    """Charles lists form fields without text: they are sent again as a form would be."""
    params = [{"name": "user name", "value": "a&b"}, {"name": "sent", "value": "x%20y+z"}, {"name": "empty"}]
    post = {"mimeType": "application/x-www-form-urlencoded", "params": params}
    txn, notes = read_one(path, entry(method="POST", postData=post))
    assert txn.request.body == b"user+name=a%26b&sent=x%20y+z&empty="
    assert txn.request.content_type == "application/x-www-form-urlencoded"
    assert any("rebuilt" in note for note in notes)


def test_multipart_fields_become_the_body(path: Path) -> None:
    """Multipart fields use the boundary of the request; a missing file is noted."""
    params = [
        {"name": "text", "value": "hi"},
        {"name": "file", "fileName": 'a"b.png', "contentType": "image/png\r\nX: y"},
    ]
    header = {"name": "Content-Type", "value": "multipart/form-data; boundary=XX"}
    post = {"mimeType": "multipart/form-data", "params": params}
    txn, notes = read_one(path, entry(method="POST", headers=[header], postData=post))
    assert txn.request.body == (
        b'--XX\r\nContent-Disposition: form-data; name="text"\r\n\r\nhi\r\n'
        b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a%22b.png"\r\n'
        b"Content-Type: image/png  X: y\r\n\r\n\r\n--XX--\r\n"
    )
    assert any("files" in note for note in notes)


def test_multipart_without_boundary_gets_one(path: Path) -> None:
    """A rebuilt multipart body and its content type agree on a boundary."""
    post = {"mimeType": "multipart/form-data", "params": [{"name": "a", "value": "1"}]}
    request = read_one(path, entry(method="POST", postData=post))[0].request
    assert request.content_type is not None
    boundary = request.content_type.partition("boundary=")[2]
    assert boundary
    assert request.body.startswith(f"--{boundary}\r\n".encode())


def test_zap_empty_form_is_an_empty_body(path: Path) -> None:
    """ZAP writes one nameless field for an empty form."""
    post = {
        "mimeType": "application/x-www-form-urlencoded",
        "params": [{"name": "", "value": ""}],
        "text": "",
    }
    assert read_one(path, entry(method="POST", postData=post))[0].request.body == b""


def test_playwright_base64_request_and_external_body(path: Path) -> None:
    """Playwright: binary request bodies in base64; bodies in other files are noted."""
    raw = answered(content={"size": 9, "_file": "abc.bin"})
    raw["request"]["postData"] = {"mimeType": "image/gif", "encoding": "base64", "text": "R0lGAA=="}
    txn, notes = read_one(path, raw)
    assert txn.request.body == b"GIF\x00"
    assert txn.request.content_type == "image/gif"
    assert any("separate file" in note for note in notes)


def test_body_that_was_not_recorded_is_noted(path: Path) -> None:
    """WebPagetest and browsertime hold sizes without bodies; no body is expected for HEAD or 204."""
    assert len(read_one(path, answered(content={"size": 100}))[1]) == 1
    assert read_one(path, answered(status=204, content={"size": 100}))[1] == ()
    assert (
        read_one(path, {**answered(content={"size": 9}), "request": {"method": "HEAD", "url": "http://a/"}})[
            1
        ]
        == ()
    )


def test_fiddler_dates(path: Path) -> None:
    """Fiddler writes seven fraction digits and a local zone."""
    txn, _ = read_one(path, {**entry(), "startedDateTime": "2020-06-23T17:14:02.5961840+05:30"})
    zone = timezone(timedelta(hours=5, minutes=30))
    assert txn.request.timestamp == datetime(2020, 6, 23, 17, 14, 2, 596184, zone)


def test_unreadable_date_is_noted(path: Path) -> None:
    """A date in some local form costs the time stamp, not the entry."""
    _, notes = read_one(path, {**entry(), "startedDateTime": "23.06.2020 17:14:02"})
    assert len(notes) == 1


def test_method_and_url_are_repaired_from_pseudo_headers(path: Path) -> None:
    """HTTP/2 pseudo-headers fill in what the entry itself leaves out."""
    pseudo = {":method": "PUT", ":scheme": "https", ":authority": "api.test", ":path": "/v1?x=1"}
    headers = [{"name": name, "value": value} for name, value in pseudo.items()]
    txn, notes = read_one(path, entry(method="", url="", headers=headers))
    assert (txn.request.method, txn.request.url) == ("PUT", "https://api.test/v1?x=1")
    assert len(notes) == 1


def test_relative_url_is_repaired_from_the_host_header(path: Path) -> None:
    """A path alone is completed by the Host header."""
    txn, notes = read_one(path, entry("/a", headers=[{"name": "Host", "value": "old.test"}]))
    assert txn.request.url == "http://old.test/a"
    assert len(notes) == 1


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"A": "1", "B": ["2", "3"]}, (("A", "1"), ("B", "2"), ("B", "3"))),
        ([["A", "1"], ["A", "2"]], (("A", "1"), ("A", "2"))),
        ([{"name": "Age", "value": 5}, {"name": "X", "value": None}], (("Age", "5"), ("X", ""))),
        ([{"name": "", "value": "lost"}, {"name": "A", "value": True}], (("A", "true"),)),
        (None, ()),
    ],
)
def test_header_shapes(path: Path, headers: object, expected: object) -> None:
    """Objects, pairs, numbers and missing values are read where they have one reading."""
    assert read_one(path, entry(headers=headers))[0].request.headers == expected


@pytest.mark.parametrize(("status", "expected"), [("404", 404), (301.0, 301), (999, 999)])
def test_status_shapes(path: Path, status: object, expected: int) -> None:
    """A status may be text or a whole float."""
    response = read_one(path, answered(status=status))[0].response
    assert response is not None
    assert response.status == expected


def test_body_that_is_json_is_written_out(path: Path) -> None:
    """Some tools put parsed JSON where the text belongs."""
    txn, notes = read_one(path, answered(content={"text": {"a": [1]}}))
    assert txn.response is not None
    assert txn.response.body == b'{"a":[1]}'
    assert len(notes) == 1


def test_text_is_encoded_in_its_declared_charset(path: Path) -> None:
    """A plugin that decodes by charset gets the captured text back."""
    header = {"name": "Content-Type", "value": "text/html; charset=ISO-8859-1"}
    response = read_one(path, answered(headers=[header], content={"text": "5 € café"}))[0].response
    assert response is not None
    assert response.body.decode("cp1252") == "5 € café"


# --- bad entries ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (None, "object"),
        (7, "object"),
        ([], "object"),
        ({}, "request"),
        ({"request": None}, "request"),
        ({"request": "GET /"}, "object"),
        (entry("data:text/html,<b>secret</b>"), "data:"),
        (entry("chrome-extension://abc/x.js"), "chrome-extension:"),
        (entry("about:blank"), "about:"),
        (entry("blob:https://a.test/1"), "blob:"),
        (entry(""), "no URL"),
        (entry("https:///nohost"), "https:"),
        (entry("a.test:443", method="CONNECT"), "CONNECT"),
        (entry(method=None), "method"),
        (entry(method=["GET"]), "method"),
        (entry(headers="a: b"), "headers"),
        (entry(headers=[1]), "header"),
        (entry(headers=[{"name": "a", "value": {}}]), "header"),
        (entry(headers=[{"name": 5, "value": "x"}]), "header"),
        (entry(postData={"params": "a=b"}), "form"),
        (answered(status="fine"), "status"),
        (answered(status=True), "status"),
    ],
)
def test_bad_entry_is_rejected_alone(path: Path, bad: object, reason: str) -> None:
    """A bad entry is named with its index and reason; its neighbours arrive."""
    first, second, third = read(path, har(entry(), bad, entry()))
    assert second.index == 1
    assert second.transaction is None
    assert second.problem is not None
    assert reason in second.problem
    assert "secret" not in second.problem
    assert first.transaction is not None
    assert third.transaction is not None


def test_problem_text_holds_no_secrets(path: Path) -> None:
    """What is said about a bad entry quotes neither bodies nor header values."""
    bad = entry(headers=[{"name": "Cookie", "value": {"sid": "hush"}}], postData={"text": "hush"})
    [only] = read(path, har(bad))
    assert only.problem is not None
    assert "hush" not in repr(only)


@pytest.mark.parametrize(
    ("raw", "note"),
    [
        (rb'"\ud800 x"', "surrogate"),
        (b'"\xff\xfe x"', "UTF-8"),
    ],
)
def test_broken_text_is_replaced_and_noted(path: Path, raw: bytes, note: str) -> None:
    """Unpaired surrogates and invalid UTF-8 cost characters, not the entry."""
    data = json.dumps(har(entry(), answered(content={"text": "@"}), entry())).encode().replace(b'"@"', raw)
    entries = read(path, data)
    assert [e.problem for e in entries] == [None] * 3
    assert entries[1].transaction is not None
    assert entries[1].transaction.response is not None
    assert entries[1].transaction.response.body.startswith("\ufffd".encode())
    assert any(note in text for text in entries[1].notes)
    assert entries[0].notes == entries[2].notes == ()


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1e999", "9" * 5000, '"a\tb"', "[" * 900 + "]" * 900])
def test_odd_json_values_do_no_harm(path: Path, value: str) -> None:
    """NaN, huge numbers and raw control characters in fields nobody needs are read over."""
    data = json.dumps(har({**entry(), "_x": "@", "time": "@"}, entry())).replace('"@"', value)
    entries = read(path, data.encode())
    assert len(entries) == 2
    assert entries[1].transaction is not None
    if "[" not in value:
        assert entries[0].transaction is not None


def test_deep_nesting_is_rejected(path: Path) -> None:
    """Nesting beyond every sense is one rejected entry."""
    data = json.dumps(har({**entry(), "_x": "@"}, entry())).replace('"@"', "[" * 100_000 + "]" * 100_000)
    first, second = read(path, data.encode())
    assert first.problem is not None
    assert second.transaction is not None


def test_duplicate_keys_take_the_last(path: Path) -> None:
    """Duplicate keys are read as JSON readers do: the last one counts."""
    data = json.dumps(har(entry())).replace('"method": "GET"', '"method": "GET", "method": "PUT"')
    [only] = read(path, data.encode())
    assert only.transaction is not None
    assert only.transaction.request.method == "PUT"


# --- damage -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sound", "broken"),
    [
        ('"status": 299', '"status": tru'),
        ('"status": 299', '"status" 299'),
        ('"status": 299,', '"status: 299,'),
        ('"status": 299,', '"status": 299, "x": [,'),
        ('"status": 299,', '"status": 299 }, '),
        ('"status": 299,', '"status": 299, " '),
        ('{"status": 299,', '"status": 299,'),
    ],
)
def test_damage_inside_one_entry_spares_the_others(path: Path, sound: str, broken: str) -> None:
    """Missing quotes and brackets in one entry: it is rejected, all the others are read."""
    entries = [entry(f"https://shop.test/{n}") for n in range(5)]
    entries[2]["response"]["status"] = 299
    data = json.dumps(har(*entries))
    assert data.count(sound) == 1
    path.write_text(data.replace(sound, broken))
    urls = []
    problems = 0
    try:
        for one in open_source(path):
            if one.transaction is not None:
                urls.append(one.transaction.request.url)
            else:
                problems += 1
    except InputError:
        problems += 1
    assert {f"https://shop.test/{n}" for n in (0, 1, 3, 4)} <= set(urls)
    assert problems


def test_stray_text_between_entries_is_reported(path: Path) -> None:
    """Something that is no entry between entries is one rejected entry."""
    data = json.dumps(har(entry(), "@", entry())).replace('"@"', "oops")
    first, stray, last = read(path, data.encode())
    assert (first.problem, last.problem) == (None, None)
    assert stray.problem is not None


def test_truncated_file_yields_whole_entries_then_says_where(path: Path) -> None:
    """Entries before the cut arrive; the error names the byte and how many there were."""
    data = json.dumps(har(entry(), entry(), entry())).encode()
    cut = data.rindex(b'"status"')
    path.write_bytes(data[:cut])
    reader = open_source(path)
    assert next(reader).transaction is not None
    assert next(reader).transaction is not None
    with pytest.raises(InputError) as caught:
        next(reader)
    for fact in (str(path), "truncated", f"byte {cut}", "2 entries"):
        assert fact in str(caught.value)


def test_data_behind_the_document_is_not_ignored(path: Path) -> None:
    """Bytes behind the end of the JSON are an error, after all entries."""
    path.write_bytes(json.dumps(har(entry())).encode() + b" garbage")
    reader = open_source(path)
    assert next(reader).transaction is not None
    with pytest.raises(InputError, match="unexpected data"):
        next(reader)


def test_log_without_entries_is_an_error(path: Path) -> None:
    """A log that has no list of entries is no capture."""
    with pytest.raises(InputError, match="no list of entries"):
        read(path, {"log": {"version": "1.2", "entries": None}})


@pytest.mark.parametrize("empty", [har(), {"entries": []}, []])
def test_capture_without_entries_is_empty_not_wrong(path: Path, empty: object) -> None:
    """A capture of nothing has no entries."""
    assert read(path, empty) == []


def test_every_entry_damaged_ends_in_an_error_soon(path: Path) -> None:
    """A file of entries that never close is given up, not searched for ever."""
    path.write_bytes(b'{"log": {"entries": [' + b'{"startedDateTime": "x", "request": {,\n' * 2000)
    with pytest.raises(InputError):
        list(open_source(path))


@pytest.mark.parametrize(
    ("text", "expected", "is_noted"),
    [
        ("\x00\x01\xff\xfe\x80", b"\x00\x01\xff\xfe\x80", True),
        ('{"a": "\xfc"}', '{"a": "\xfc"}'.encode(), False),
        ("\x00\u20ac", "\x00\u20ac".encode(), False),
        ("\x00abc", b"\x00abc", False),
    ],
)
def test_binary_request_bodies(path: Path, text: str, expected: bytes, is_noted: bool) -> None:
    """Browsers and mitmproxy write binary request bodies as text, each byte a character."""
    txn, notes = read_one(path, entry(method="PUT", postData={"mimeType": "", "text": text}))
    assert txn.request.body == expected
    assert any("binary" in note for note in notes) is is_noted


@pytest.mark.parametrize("post", [None, {"mimeType": "application/octet-stream", "text": "", "params": []}])
def test_request_body_that_was_not_recorded(path: Path, post: object) -> None:
    """A request that had a body, which the capture has not, is no request without one."""
    _, notes = read_one(path, entry(method="PUT", bodySize=6, postData=post))
    assert notes == ("a request body was not recorded in the capture",)
