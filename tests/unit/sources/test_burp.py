"""Burp XML: the forms Burp and its imitators write, and how bad items are reported."""

from __future__ import annotations

import base64
import gzip
from pathlib import Path

import pytest

from isoscan.errors import InputError
from isoscan.models import HttpTransaction
from isoscan.sources import Entry, _http_message, burp
from isoscan.sources._document import Document
from isoscan.sources.burp import read_burp

HEAD = b"""<?xml version="1.0"?>
<!DOCTYPE items [
<!ELEMENT items (item*)>
<!ATTLIST items burpVersion CDATA "">
<!ELEMENT item (time, url, host, port, request, response, comment)>
<!ATTLIST request base64 (true|false) "false">
]>
<items burpVersion="2026.1" exportTime="Mon Aug 30 10:00:00 BST 2021">
"""
REQUEST = b"POST /a?b=1 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nhi"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>\x00\xff</p>"
DATA = Path(__file__).parent / "data" / "burp"


def message(name: str, raw: bytes, *, is_base64: bool = True) -> bytes:
    """A message element as Burp writes it."""
    text = base64.b64encode(raw) if is_base64 else raw.replace(b"]]>", b"]]]]><![CDATA[>")
    flag = b"true" if is_base64 else b"false"
    return b'    <%b base64="%b"><![CDATA[%b]]></%b>\n' % (name.encode(), flag, text, name.encode())


def item(
    request: bytes | None = REQUEST,
    response: bytes | None = RESPONSE,
    *,
    url: bytes = b"https://a.test/a?b=1",
    time: bytes = b"Mon Aug 30 09:59:32 BST 2021",
    status: bytes = b"200",
    mimetype: bytes = b"HTML",
    is_base64: bool = True,
) -> bytes:
    """An item with these messages."""
    return (
        b"  <item>\n    <time>" + time + b"</time>\n    <url><![CDATA[" + url + b"]]></url>\n"
        b'    <host ip="192.0.2.1">a.test</host>\n    <port>8443</port>\n    <protocol>https</protocol>\n'
        b"    <method><![CDATA[POST]]></method>\n    <extension>null</extension>\n"
        + (b"" if request is None else message("request", request, is_base64=is_base64))
        + b"    <status>"
        + status
        + b"</status>\n    <mimetype>"
        + mimetype
        + b"</mimetype>\n"
        + (b"" if response is None else message("response", response, is_base64=is_base64))
        + b"    <comment></comment>\n  </item>\n"
    )


def file(*items: bytes) -> bytes:
    """A Burp file of these items."""
    return HEAD + b"".join(items) + b"</items>\n"


def read(data: bytes) -> list[Entry]:
    """The entries of a file."""
    return list(read_burp(Document("b.xml", data)))


def read_broken(data: bytes) -> tuple[list[Entry], str]:
    """The entries of a file, and the error that ends them."""
    entries: list[Entry] = []
    with pytest.raises(InputError) as error:
        for entry in read_burp(Document("b.xml", data)):
            entries.append(entry)  # noqa: PERF402 - the entries before the error count
    return entries, str(error.value)


def read_one(data: bytes) -> tuple[HttpTransaction, tuple[str, ...]]:
    """The transaction of a file with one item, and its notes."""
    [entry] = read(file(data))
    assert entry.problem is None
    assert entry.transaction is not None
    return entry.transaction, entry.notes


@pytest.mark.parametrize("is_base64", [True, False])
def test_item(is_base64: bool) -> None:
    """An item is a transaction, whether its messages are in base64 or raw, with bytes XML forbids."""
    txn, notes = read_one(item(is_base64=is_base64))
    assert (txn.request.method, txn.request.url, txn.id) == ("POST", "https://a.test/a?b=1", "b.xml#0")
    assert txn.request.headers == (("Host", "a.test"), ("Content-Length", "2"))
    assert txn.request.body == b"hi"
    assert txn.request.timestamp is not None
    assert txn.request.timestamp.isoformat() == "2021-08-30T08:59:32+00:00"
    assert txn.response is not None
    assert (txn.response.status, txn.response.content_type) == (200, "text/html")
    assert txn.response.body == b"<p>\x00\xff</p>"
    assert notes == ()


def test_items_in_order() -> None:
    """Every item is one entry, counted from 0."""
    entries = read(file(item(), item(url=b"http://b.test/"), item()))
    assert [(entry.index, entry.unit) for entry in entries] == [(0, "item"), (1, "item"), (2, "item")]
    assert [e.transaction.request.url for e in entries if e.transaction][1] == "http://b.test/"


def test_places() -> None:
    """Entries say where in the file their item stands."""
    data = file(item(), b"junk" + item(), item())
    entries = read(data)
    pieces = [data[e.offset_bytes or 0 :][: e.length_bytes] for e in entries]
    for entry, piece in zip(entries, pieces, strict=True):
        assert (b"junk" in piece) if entry.problem else piece.startswith(b"<item>")
        assert entry.problem or piece.endswith(b"</item>")


def test_empty_file() -> None:
    """A file without items has no entries."""
    assert read(file()) == []


@pytest.mark.parametrize(
    "body",
    [
        b"<item></item></items><request>",
        b"a ]]> b ]]> <![CDATA[ c",
        b"]]",
        b"<!-- --> <?xml?> &amp; &lt;",
        bytes(range(256)),
    ],
)
def test_raw_bodies_that_look_like_markup(body: bytes) -> None:
    """Nothing in a raw message is taken for markup or replaced."""
    txn, notes = read_one(item(response=b"HTTP/1.1 200 OK\r\n\r\n" + body, is_base64=False))
    assert txn.response is not None
    assert txn.response.body == body
    assert notes == ()


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    """A document type that names files or grows is not processed; XML's own entities are replaced."""
    secret = tmp_path / "secret"
    secret.write_text("key")
    head = (
        b'<?xml version="1.1"?><!DOCTYPE items [<!ENTITY x SYSTEM "file://%b"><!ENTITY y "&x;&x;&x;">]>'
        % bytes(secret)
    )
    data = b'<items burpVersion="1"><item><url>http://a.test/?q=&x;&y;&amp;&#33;&#x41;</url>'
    data += message("request", b"GET /a HTTP/1.1\r\n\r\n") + b"</item></items>"
    [entry] = read(head + data)
    assert entry.transaction is not None
    assert entry.transaction.request.url == "http://a.test/?q=&x;&y;&!A"


def test_layout_of_other_tools() -> None:
    """No declaration, no CDATA, fields in any order or missing, comments, line breaks, self-closed tags."""
    raw = base64.encodebytes(REQUEST)
    data = b'\n<!-- x > y --><items burpVersion="">\n<item id="1"><response/>'
    data += b"<request base64='true'>\n%b\n</request>"
    data += b"<port>8443</port><host>a.test</host><protocol>https</protocol><new>x</new></item><item>"
    data += b"<request>GET /&amp; HTTP/1.1\nHost: b.test\n\n</request></item></items>"
    first, second = read(data % raw)
    assert first.transaction is not None
    assert first.transaction.request.url == "https://a.test:8443/a?b=1"
    assert first.transaction.response is None
    assert second.transaction is not None
    assert second.transaction.request.url == "http://b.test/&"


def test_several_files_in_one() -> None:
    """Files put one behind the other are read through."""
    assert len(read(file(item()) + file(item(), item()))) == 3


def test_content_of_a_response() -> None:
    """Chunking and content coding are taken off; HTTP/2 has no reason."""
    packed = gzip.compress(b"content", mtime=0)
    raw = b"HTTP/2 200\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
    txn, notes = read_one(item(response=raw % (len(packed), packed)))
    assert txn.response is not None
    assert txn.response.body == b"content"
    assert notes == ()


@pytest.mark.parametrize(("mimetype", "content_type"), [(b"JSON", "application/json"), (b"PNG", None)])
def test_guessed_type(mimetype: bytes, content_type: str | None) -> None:
    """Where the response names no type, Burp's guess is used."""
    txn, _ = read_one(item(response=b"HTTP/1.1 200 OK\r\n\r\n{}", mimetype=mimetype))
    assert txn.response is not None
    assert txn.response.content_type == content_type


@pytest.mark.parametrize("response", [None, b""])
@pytest.mark.parametrize(("status", "notes"), [(b"", ()), (b"0", ()), (b"200", (burp.NOT_RECORDED,))])
def test_without_a_response(response: bytes | None, status: bytes, notes: tuple[str, ...]) -> None:
    """A missing or empty response is none, noted if Burp knew one."""
    txn, own_notes = read_one(item(response=response, status=status))
    assert txn.response is None
    assert own_notes == notes


@pytest.mark.parametrize(
    ("time", "moment", "note"),
    [
        (b"Tue Jan 10 17:55:22 EST 2023", "2023-01-10T22:55:22+00:00", None),
        (b"Tue Jan 10 17:55:22 GMT-03:30 2023", "2023-01-10T21:25:22+00:00", None),
        (b"Tue Jan 10 17:55:22 ECT 2023", "2023-01-10T17:55:22+00:00", burp.NO_ZONE),
        (b"Tue Foo 10 17:55:22 UTC 2023", None, burp.NO_DATE),
        (b"Tue Feb 30 17:55:22 UTC 2023", None, burp.NO_DATE),
        (b"yesterday", None, burp.NO_DATE),
        (b"", None, None),
    ],
)
def test_times(time: bytes, moment: str | None, note: str | None) -> None:
    """Java's dates are read; what is not known of them is noted."""
    txn, notes = read_one(item(time=time))
    assert txn.request.timestamp is not None
    if moment is not None:
        assert txn.request.timestamp.isoformat() == moment
    assert notes == ((note,) if note else ())


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (item().replace(b"UE9TV", b"UE9T*"), "request is not valid base64"),
        (item().replace(b"SFRUUC8xLjEgMjAw", b"SFRU\xff"), "response is not valid base64"),
        (item(b"\x00\x01"), "request line"),
        (item(response=b"<html>"), "status line"),
        (item(None), "no request"),
        (item(url=b"", request=b"GET / HTTP/1.1\r\n\r\n").replace(b"a.test", b""), "no host"),
    ],
)
def test_bad_item_is_rejected_alone(bad: bytes, reason: str) -> None:
    """A bad item is named with its reason, which holds nothing of its content; the others arrive."""
    first, second, third = read(file(item(), bad, item()))
    assert second.index == 1
    assert second.problem is not None
    assert reason in second.problem
    assert first.transaction is not None
    assert third.transaction is not None


@pytest.mark.parametrize(
    "damaged",
    [
        item().replace(b"</request>", b"</reqest>"),
        item().replace(b"<port>", b"<po rt"),
        item().replace(b"</url>", b""),
        item().replace(b"</item>", b""),
        item().replace(b"  <item>", b"  <itm>"),
        b"junk" + item(),
        item() + b"\xff\xfe junk\n",
    ],
)
def test_damage_costs_its_item(damaged: bytes) -> None:
    """Damage in or around an item is one rejected entry, named by its place; those around arrive."""
    entries = read(file(item(url=b"http://first.test/"), damaged, item(url=b"http://last.test/")))
    assert entries[0].transaction is not None
    assert entries[-1].transaction is not None
    assert entries[-1].transaction.request.url == "http://last.test/"
    [problem] = [entry.problem for entry in entries if entry.problem]
    assert "damaged at byte" in problem


def test_items_that_were_never_requested() -> None:
    """An item of the site map without messages misses nothing."""
    [entry] = read(file(item(None, None)))
    assert entry.is_out_of_scope


def test_cut_at_every_byte() -> None:
    """A file cut anywhere yields the items before the cut, then an error that says so."""
    for is_base64 in (True, False):
        data = file(item(is_base64=is_base64), item(is_base64=is_base64))
        ends = [data.index(b"</item>") + 7, data.rindex(b"</item>") + 7]
        for cut in range(data.index(b"<items ") + 60, data.index(b"</items>")):
            entries, error = read_broken(data[:cut])
            assert len(entries) == sum(end <= cut for end in ends)
            assert all(entry.transaction for entry in entries)
            assert "truncated" in error


def test_damage_without_end() -> None:
    """After damage with no item behind it, and after too much of it, the file is given up."""
    entries, error = read_broken(file(item(), b"junk"))
    assert len(entries) == 1
    assert "damaged" in error
    entries, error = read_broken(file(item(), *[b"<item><x" + b" " * 9 + b">< y></item>"] * 500, item()))
    assert len(entries) == 101
    assert "damaged" in error


def test_unclosed_section_is_searched_for_a_bounded_distance() -> None:
    """A field without an end costs its item, and no search through all of the file."""
    bad = b"<item><url><![CDATA[" + b"x" * 2_000_000 + b"</url></item>"
    entries = read(file(bad, item()))
    assert [entry.problem is None for entry in entries] == [False, True]


def test_issues_export_is_refused() -> None:
    """A file of issues says what it is and what to save instead."""
    head = b'<?xml version="1.0"?>\n<!DOCTYPE issues [\n<!ELEMENT issues (issue*)>\n]>\n'
    _, error = read_broken(head + b'<issues burpVersion="2026.1"><issue></issue></issues>')
    assert "issues export" in error
    assert "Save items" in error


def test_notes_come_through() -> None:
    """What the message parser notes is noted at the entry, once."""
    _, notes = read_one(item(b"GET / HTTP/1.1\r\nHost: a.test\r\njunk\r\njunk\r\n\r\n"))
    assert notes == (_http_message.NOT_A_HEADER,)


def test_sample_file() -> None:
    """A file as Burp lays it out, on disk."""
    data = (DATA / "history.xml").read_bytes()
    entries = read(data)
    assert [entry.problem for entry in entries] == [None, None, None]
    urls = [entry.transaction.request.url for entry in entries if entry.transaction]
    assert urls == ["https://shop.test/", "https://shop.test/api/cart?id=7", "http://shop.test:8080/old"]
