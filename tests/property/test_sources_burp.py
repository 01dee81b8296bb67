"""Whatever happens to a Burp file or a raw message, reading it ends in entries or an `InputError`."""

from __future__ import annotations

import base64
import contextlib
import gzip

from hypothesis import example, given
from hypothesis import strategies as st

from isoscan.errors import InputError
from isoscan.sources import Entry
from isoscan.sources._content_coding import decode_content
from isoscan.sources._document import Document
from isoscan.sources._entry import Rejected
from isoscan.sources._http_message import message_url, parse_request, parse_response
from isoscan.sources.burp import read_burp


def _item(number: int) -> bytes:
    response = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<item\r\n0\r\n\r\n"
    request = base64.b64encode(b"GET /%d HTTP/1.1\r\nHost: a.test\r\n\r\n" % number)
    return (
        b"<item><time>Mon Aug 30 09:59:32 BST 2021</time><url><![CDATA[http://a.test/%d]]></url>"
        b'<host ip="">a.test</host><port>80</port><protocol>http</protocol>'
        b'<request base64="true"><![CDATA[%b]]></request><status>200</status>'
        b'<response base64="false"><![CDATA[%b]]></response><comment/></item>' % (number, request, response)
    )


HEAD = b'<?xml version="1.0"?>\n<!DOCTYPE items [\n<!ELEMENT items (item*)>\n]>\n<items burpVersion="1">\n'
ITEMS = [_item(number) for number in range(4)]
SOUND = HEAD + b"\n".join(ITEMS) + b"\n</items>\n"
ENDS = [SOUND.index(one) + len(one) for one in ITEMS]


def read(data: bytes) -> tuple[list[Entry], InputError | None]:
    """The entries, and the error that ended them."""
    entries: list[Entry] = []
    try:
        for entry in read_burp(Document("b.xml", data)):
            entries.append(entry)  # noqa: PERF402 - the entries before the error count
    except InputError as error:
        return entries, error
    return entries, None


UNHARMED, _ = read(SOUND)


def assert_entries_before(offset: int, entries: list[Entry]) -> None:
    """Items that end before `offset` are as in the sound file."""
    count = sum(end <= offset for end in ENDS)
    assert entries[:count] == UNHARMED[:count]
    for entry in entries:
        assert (entry.transaction is None) == (entry.problem is not None)


def test_sound_file() -> None:
    """The file the damage is done to is sound."""
    assert [entry.problem for entry in UNHARMED] == [None] * 4


@given(st.integers(0, len(SOUND)), st.binary(min_size=1, max_size=8))
def test_inserted_bytes(at: int, inserted: bytes) -> None:
    """Bytes inserted anywhere leave the items before them alone."""
    entries, _ = read(SOUND[:at] + inserted + SOUND[at:])
    if at > len(HEAD):
        assert_entries_before(at, entries)


@given(st.integers(0, len(SOUND) - 1), st.integers(1, 30))
def test_removed_bytes(at: int, count: int) -> None:
    """Bytes removed anywhere leave the items before them alone."""
    entries, _ = read(SOUND[:at] + SOUND[at + count :])
    if at > len(HEAD):
        assert_entries_before(at, entries)


@given(st.integers(ENDS[0], ENDS[2]), st.sampled_from(b"<>/]![&;=\"' \x00\xffa\n"))
def test_one_byte_changed_loses_two_items_at_most(at: int, byte: int) -> None:
    """One byte changed costs its item, and, in the end of a raw message, the one it runs on into."""
    entries, error = read(SOUND[:at] + bytes([byte]) + SOUND[at + 1 :])
    assert error is None
    urls = [entry.transaction.request.url for entry in entries if entry.transaction]
    assert urls[0] == "http://a.test/0"
    assert urls[-1] == "http://a.test/3" or len(urls) >= 3
    assert len(urls) >= 2


@given(st.binary(max_size=200))
def test_any_bytes_in_a_file(data: bytes) -> None:
    """Bytes of no kind at all end in an error or in entries."""
    read(data)
    read(HEAD + data)


PIECES = (
    b"GET / HTTP/1.1",
    b"HTTP/1.1 200 OK",
    b"HTTP/1.1 100 ",
    b"\r\n",
    b"\n",
    b" ",
    b":",
    b"Host: a",
    b":path: /",
    b"Transfer-Encoding: chunked",
    b"Content-Encoding: gzip, br",
    b"Content-Length: 3",
    b"5\r\nhello",
    b"0\r\n",
    b"ffffffffffffffff\r\n",
    gzip.compress(b"x", mtime=0),
)
MESSAGES = st.lists(st.sampled_from(PIECES) | st.binary(max_size=6), max_size=14).map(b"".join)


@given(MESSAGES)
@example(b"HTTP/1.1 100 \r\n\r\n" * 50)
def test_any_message(raw: bytes) -> None:
    """Any bytes are a message or rejected, with nothing else raised."""
    notes: list[str] = []
    with contextlib.suppress(Rejected):
        message_url(parse_request(memoryview(raw), notes), scheme="http")
    with contextlib.suppress(Rejected):
        parse_response(raw, notes)


@given(
    st.binary(max_size=100),
    st.lists(st.sampled_from(["gzip", "deflate", "br", "zstd", "x", ","]), max_size=6),
)
def test_any_content(body: bytes, codings: list[str]) -> None:
    """Any bytes with any codings give bytes."""
    assert isinstance(decode_content(body, codings, []), bytes)


def test_hostile_repetitions_take_linear_time() -> None:
    """What could make a pattern go back and forth for ever is read before the test's time is up."""
    for piece in (
        b" ",
        b"\n",
        b"<",
        b"<!--",
        b"<?",
        b"<!DOCTYPE [",
        b"]]>",
        b"]]> ",
        b"<a ",
        b"<item>",
        b"</items>",
        b"&#",
    ):
        read(piece * 50_000)
        read(HEAD + piece * 50_000)
        read(HEAD + b"<item><request><![CDATA[" + piece * 50_000)
        with contextlib.suppress(Rejected):
            parse_response(b"HTTP/1.1 200 OK\r\n" + piece * 50_000, [])
        with contextlib.suppress(Rejected):
            parse_request(b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + piece * 50_000, [])
