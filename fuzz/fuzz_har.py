"""Fuzzes the reader of captures: `python fuzz/fuzz_har.py --seconds 60`.

Any input gives entries and at most an `InputError`, never another exception.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import sys

from _loop import run

from isoscan.errors import InputError
from isoscan.sources import encode_transaction_line, open_source

ENTRY = {
    "startedDateTime": "2024-01-02T03:04:05.678+02:00",
    "time": 12.5,
    "request": {
        "method": "POST",
        "url": "https://a.test/x?q=1&q=2#f",
        "httpVersion": "HTTP/2",
        "headers": [{"name": "Content-Type", "value": "application/json; charset=latin1"}],
        "queryString": [{"name": "q", "value": "1"}],
        "postData": {
            "mimeType": "application/json",
            "text": '{"a":"é"}',
            "params": [{"name": "a", "value": "b"}],
        },
    },
    "response": {
        "status": 200,
        "headers": [{"name": "Content-Encoding", "value": "gzip"}, {"name": "Set-Cookie", "value": "a=b"}],
        "content": {
            "size": 5,
            "mimeType": "text/html",
            "text": base64.b64encode(gzip.compress(b"<b>", mtime=0)).decode(),
            "encoding": "base64",
        },
    },
    "_webSocketMessages": [{"type": "send", "time": 1.5, "opcode": 1, "data": "x"}],
}
FORM = {
    "startedDateTime": 1704164645,
    "request": {
        "method": "POST",
        "url": "http://b.test/",
        "headers": {"Host": "b.test"},
        "postData": {
            "mimeType": "multipart/form-data; boundary=x",
            "params": [{"name": "f", "fileName": "a", "value": "v"}],
        },
    },
    "response": {"status": 0, "content": {"text": "\ud800 \u0000"}},
}
LOG = {
    "log": {
        "version": "1.2",
        "creator": {"name": "x"},
        "pages": [{"id": "p"}],
        "entries": [ENTRY, FORM, ENTRY],
    }
}
LINE = b'{"request":{"method":"GET","url":"http://a.test/","body_base64":"YQ=="},"response":{"status":200,"body":"b"}}\n'


def _with_lines() -> bytes:
    entries = open_source("-", stdin=io.BytesIO(json.dumps(LOG).encode()))
    lines = [encode_transaction_line(entry.transaction) for entry in entries if entry.transaction is not None]
    return b"".join([LINE, *lines])


SEEDS = (
    json.dumps(LOG).encode(),
    json.dumps(LOG, indent=1, ensure_ascii=True).encode("utf-8-sig"),
    json.dumps([ENTRY, FORM]).encode(),
    json.dumps({"entries": [FORM]}).encode("utf-16"),
    gzip.compress(json.dumps(LOG).encode(), mtime=0),
    json.dumps(LOG).encode() + b"\n" + json.dumps({"entries": [ENTRY]}).encode(),
    _with_lines(),
)
TOKENS = (
    b"[", b"]", b"{", b"}", b'"', b",", b":", b"\\", b"\n", b"\0", b"\xff", b"/*", b"//",
    b"\xef\xbb\xbf", b"\xff\xfe", b"\x1f\x8b\x08", b"\\ud800", b"1e999", b"-0", b"9" * 40, b"NaN",
    b"null", b"true", b'{"startedDateTime":', b'{"request":', b'"entries":[', b'{"log":', b'"text":',
    b'"encoding":"base64"', b'"url":"http://[', b'"url":"\\u0000"', b'"status":-1',
    b'"headers":[{}]', b'"9999-99-99T99:99:99Z"', b'"charset=utf-7"',
)  # fmt: skip


def check(data: bytes) -> None:
    """Fails when an input does what none may do."""
    try:
        for entry in open_source("-", stdin=io.BytesIO(data)):
            if (entry.transaction is None) != (entry.problem is not None):
                raise AssertionError("an entry is neither a transaction nor a problem, or both")
            if entry.transaction is not None:
                encode_transaction_line(entry.transaction)
    except InputError:
        return


if __name__ == "__main__":
    sys.exit(run(check, SEEDS, TOKENS))
