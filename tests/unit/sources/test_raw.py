"""Raw HTTP messages in text files."""

from __future__ import annotations

from pathlib import Path

import pytest

from isoscan.errors import InputError
from isoscan.models import HttpTransaction
from isoscan.sources import Entry, open_source

REQUEST = "POST /a?b=1 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello"
RESPONSE = "HTTP/1.1 201 Created\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


def read(path: Path, text: str | bytes) -> list[Entry]:
    """The entries of a file with this text."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(open_source(path))


def read_one(path: Path, text: str | bytes) -> HttpTransaction:
    """The one transaction of a file with this text."""
    [entry] = read(path, text)
    assert entry.problem is None
    assert (entry.unit, entry.index, entry.offset_bytes) == ("message", 0, 0)
    assert entry.transaction is not None
    return entry.transaction


@pytest.mark.parametrize("newline", ["\r\n", "\n"])
@pytest.mark.parametrize("between", ["", "\n", "\r\n\r\n", "\n---- ↑ Request ---- Response ↓ ----\n\n"])
def test_request_and_response(tmp_path: Path, newline: str, between: str) -> None:
    """Both messages are told apart, however lines end and whatever a tool wrote between them."""
    text = (REQUEST + between + RESPONSE + "\n").replace("\r\n", "\n").replace("\n", newline)
    txn = read_one(tmp_path / "x.txt", text)
    assert (txn.request.method, txn.request.url) == ("POST", "https://a.test/a?b=1")
    assert txn.request.body == b"hello"
    assert txn.response is not None
    assert (txn.response.status, txn.response.body, txn.response.content_type) == (201, b"ok", "text/plain")


def test_request_alone(tmp_path: Path) -> None:
    """A request needs no response; white space before it is nothing."""
    txn = read_one(tmp_path / "x.txt", f"\n\n{REQUEST}")
    assert txn.request.body == b"hello"
    assert txn.response is None


@pytest.mark.parametrize(
    ("request_", "url"),
    [
        ("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", "https://a.test/"),
        ("GET /x HTTP/2\nHost: a.test:8443\n\n", "https://a.test:8443/x"),
        ("GET /x HTTP/1.1\nHost: a.test:80\n\n", "http://a.test:80/x"),
        ("GET http://a.test/y HTTP/1.1\r\n\r\n", "http://a.test/y"),
        ("http://a.test:8080/x\n\n\nGET /x HTTP/1.1\nHost: a.test:8080\n\n", "http://a.test:8080/x"),
        (
            "[id] Dumped HTTP request for http://b.test/x\n\nGET /x HTTP/1.1\nHost: b.test\n\n",
            "http://b.test/x",
        ),
    ],
)
def test_url(tmp_path: Path, request_: str, url: str) -> None:
    """The URL is that of the request line, with the scheme of a line before it, else https."""
    assert read_one(tmp_path / "x", request_).request.url == url


def test_long_url(tmp_path: Path) -> None:
    """A request is recognised however long its URL is, within reason."""
    path = "/" + "x" * 30_000
    assert read_one(tmp_path / "x", f"GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n").request.url.endswith(path)


def test_much_white_space(tmp_path: Path) -> None:
    """Megabytes of white space where a response could begin are nothing but that."""
    text = REQUEST + "\n[x] Dumped HTTP response http://a.test/" + " " * 4_000_000 + "x"
    assert len(read(tmp_path / "x", text)) == 1
    assert read_one(tmp_path / "x", REQUEST + "\r\n" * 2_000_000 + RESPONSE).response is not None


def test_body_that_quotes_a_response(tmp_path: Path) -> None:
    """Where the request's length is right, a status line inside its body is body."""
    body = "HTTP/1.1 200 OK\r\n\r\nquoted"
    request = f"PUT /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    txn = read_one(tmp_path / "x", f"{request}\r\n{RESPONSE}")
    assert txn.request.body == body.encode()
    assert txn.response is not None
    assert txn.response.status == 201
    assert read_one(tmp_path / "x", request).request.body == body.encode()


@pytest.mark.parametrize("length", [3, 5000])
def test_edited_request_with_a_wrong_length(tmp_path: Path, length: int) -> None:
    """A body whose length was not corrected is kept whole, and the response is found."""
    txn = read_one(tmp_path / "x", REQUEST.replace(": 5", f": {length}") + f"\n\n{RESPONSE}")
    assert txn.request.body == b"hello"
    assert txn.response is not None
    assert txn.response.status == 201


def test_nuclei_dumps(tmp_path: Path) -> None:
    """Several exchanges that nuclei wrote into one file are told apart."""
    one = (
        "[INF] [tech] Dumped HTTP request for http://a.test:81/{n}\n\nGET /{n} HTTP/1.1\nHost: a.test:81\n\n"
        "[DBG] [tech] Dumped HTTP response http://a.test:81/{n}\n\nHTTP/1.1 200 OK\n\nbody {n}\n"
    )
    entries = read(tmp_path / "x", "".join(one.replace("{n}", str(n)) for n in range(3)))
    assert [(entry.index, entry.problem) for entry in entries] == [(0, None), (1, None), (2, None)]
    assert [entry.transaction.request.url for entry in entries if entry.transaction] == [
        f"http://a.test:81/{n}" for n in range(3)
    ]
    bodies = [
        entry.transaction.response.body
        for entry in entries
        if entry.transaction and entry.transaction.response
    ]
    assert [body.strip() for body in bodies] == [b"body 0", b"body 1", b"body 2"]


def test_binary_response(tmp_path: Path) -> None:
    """A body of any bytes stays what it is."""
    body = bytes(range(256))
    txn = read_one(tmp_path / "x", REQUEST.encode() + b"\nHTTP/1.1 200 OK\r\n\r\n" + body)
    assert txn.response is not None
    assert txn.response.body == body


def test_request_without_a_host(tmp_path: Path) -> None:
    """A request whose URL cannot be known is rejected, not guessed."""
    [entry] = read(tmp_path / "x", "GET / HTTP/1.0\r\n\r\n")
    assert entry.problem == "the request names no host"


def test_response_alone(tmp_path: Path) -> None:
    """A response alone, as curl -i prints it, is refused with what is missing."""
    with pytest.raises(InputError, match="put the request it answers before it"):
        read(tmp_path / "x", RESPONSE)


def test_connect_is_out_of_scope(tmp_path: Path) -> None:
    """A tunnel is no exchange."""
    [entry] = read(tmp_path / "x", "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n")
    assert entry.is_out_of_scope
