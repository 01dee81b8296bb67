"""Traffic nobody would send on purpose: URLs, headers, content types and bodies."""

from __future__ import annotations

import asyncio

import pytest

from isoscan import HttpRequest, HttpResponse, HttpTransaction, Verdict
from scenarios._shared import assert_serves, collect
from support.builders import MIB, is_echo, make_executor, make_transaction, scan

#: Everything a plugin reads of a URL, and whether `URL` takes it.
READS_URL = """
export function scan_transaction(t) {
  return {
    title: t.id,
    seen: t.request.url.length > 500 ? String(t.request.url.length) : t.request.url,
    parses: URL.canParse(t.request.url),
    parameters: Object.keys(t.request.query_params).length,
  };
}"""
READS_HEADERS = """
export function scan_transaction(t) {
  const { headers, rawHeaders } = t.response;
  return {
    title: t.id,
    count: rawHeaders.length,
    names: Object.keys(headers).length,
    longest: Math.max(0, ...rawHeaders.map(([, value]) => value.length)),
    last: rawHeaders.at(-1)[1].slice(-8),
  };
}"""
READS_TEXT = """
export function scan_transaction(t) {
  const text = t.response.text();
  return {
    title: t.id,
    type: t.response.content_type ?? "none",
    length: t.response.bodyLength,
    bytes: [...t.response.body.slice(0, 8)],
    text: text.slice(0, 64),
  };
}"""


def answered(headers: tuple[tuple[str, str], ...] = (), body: bytes = b"") -> HttpTransaction:
    """A transaction whose response has these headers and this body."""
    return HttpTransaction(
        HttpRequest("GET", "http://shop.example/"), HttpResponse(200, headers=headers, body=body)
    )


@pytest.mark.parametrize(
    "url",
    [
        "",
        "not a url",
        "http://",
        "http://[::1",
        "http://host:99999999/",
        "http://%zz/%",
        "://?#",
        "http://a/?&&=&=x&%ff=%",
        "javascript:alert(1)",
        "http://a\x00b/\r\n\t",
        "http://пример.example/☃?q=\u202e",
    ],
)
async def test_malformed_url_reaches_the_plugin_unchanged(url: str) -> None:
    """A URL that is none is data like any other: the plugin sees it as it is."""
    async with make_executor(READS_URL) as executor:
        result = await scan(executor, HttpTransaction(HttpRequest("GET", url), HttpResponse(200)))
        assert is_echo(result)
        assert result.findings[0].extra["seen"] == url
        assert result.findings[0].url == url


async def test_url_of_ten_kilobytes() -> None:
    """A very long URL with thousands of parameters arrives whole."""
    path = "/?" + "&".join(f"p{n}={n}" for n in range(1200))
    path += "x" * (10 * 1024 - len(path))
    transaction = make_transaction(path)
    async with make_executor(READS_URL) as executor:
        (finding,) = await executor.scan_transaction(transaction)
        assert finding.extra["seen"] == str(len(transaction.request.url))
        assert (finding.extra["parses"], finding.extra["parameters"]) == (True, 1200)


async def test_ten_thousand_headers() -> None:
    """All headers arrive, in order and none twice."""
    headers = tuple((f"X-Header-{n}", f"value {n:08d}") for n in range(10_000))
    async with make_executor(READS_HEADERS) as executor:
        (finding,) = await executor.scan_transaction(answered(headers))
    assert (finding.extra["count"], finding.extra["names"]) == (10_000, 10_000)
    assert finding.extra["last"] == "00009999"


async def test_header_values_of_a_megabyte() -> None:
    """Eight header values of 1 MB each arrive whole."""
    headers = tuple((f"X-{n}", "v" * (MIB - 8) + f"{n:08d}") for n in range(8))
    async with make_executor(READS_HEADERS) as executor:
        (finding,) = await executor.scan_transaction(answered(headers))
    assert (finding.extra["count"], finding.extra["longest"]) == (8, MIB)
    assert finding.extra["last"] == "00000007"


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "/",
        ";;;",
        "text/html; charset=",
        "text/html; charset=no-such-charset",
        'text/html; charset="unclosed',
        "text/html; charset=utf-8; charset=utf-16",
        "application/json\x00; x",
        "t" * 100_000,
    ],
)
async def test_invalid_content_type_does_not_hide_the_body(content_type: str) -> None:
    """Whatever the type says, an ASCII body is read as what it is."""
    async with make_executor(READS_TEXT) as executor:
        (finding,) = await executor.scan_transaction(
            make_transaction(body=b"plain", content_type=content_type)
        )
    assert finding.extra["type"] == content_type
    assert (finding.extra["length"], finding.extra["text"]) == (5, "plain")


async def test_body_of_100_megabytes_that_nobody_reads() -> None:
    """A plugin that looks elsewhere serves on, and the next scan is right."""
    big = make_transaction(body=bytes(100 * MIB))
    async with make_executor() as executor:
        assert all(map(is_echo, await collect(executor, [make_transaction(), big, make_transaction()])))
        assert executor.get_stats().generation == 1


async def test_body_of_100_megabytes_whose_length_is_read() -> None:
    """The length is right and free, and the next scan does not see it."""
    code = "export const scan_transaction = (t) => ({ title: t.id, length: t.response.bodyLength });"
    async with make_executor(code) as executor:
        big, small = await collect(
            executor, [make_transaction(body=bytes(100 * MIB)), make_transaction(body=b"abc")]
        )
        assert is_echo(big)
        assert is_echo(small)
        assert big.findings[0].extra["length"] == 100 * MIB
        assert small.findings[0].extra["length"] == 3


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe\xfd\x80",
        b"\xc3\x28\xa0\xa1",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        bytes(range(256)),
        b"\x00",
    ],
)
async def test_body_that_is_not_utf8(body: bytes) -> None:
    """The bytes arrive as they are, and as text they are replaced rather than refused."""
    transaction = answered((("Content-Type", "text/html; charset=utf-8"),), body)
    async with make_executor(READS_TEXT) as executor:
        (finding,) = await executor.scan_transaction(transaction)
        assert finding.extra["bytes"] == list(body[:8])
        assert finding.extra["length"] == len(body)
        assert finding.extra["text"] == body.decode("utf-8", "replace")[:64]


@pytest.mark.parametrize(
    "text",
    [
        "admin\u202etxt.exe",
        "\u2066left\u2067right\u2069",
        "zero\u200bwidth\u200d\u200c\u2060",
        "e\u0301" * 20,
        "👩\u200d👩\u200d👧",
        "line\u2028separator\u2029",
    ],
)
async def test_bidi_and_zero_width_characters(text: str) -> None:
    """Characters that cannot be seen come back from the plugin unchanged."""
    transaction = answered((("Content-Type", "text/plain; charset=utf-8"),), text.encode())
    async with make_executor(READS_TEXT) as executor:
        (finding,) = await executor.scan_transaction(transaction)
    assert finding.extra["text"] == text


async def test_strange_traffic_side_by_side() -> None:
    """Scans of very different sizes at once never get each other's findings."""
    bodies = [b"", b"\xff" * 7, bytes(MIB), "\u202e".encode(), bytes(5 * MIB)] * 6
    transactions = [make_transaction(f"/%zz/{n}", body=body) for n, body in enumerate(bodies)]
    code = "export const scan_transaction = (t) => ({ title: t.id, length: t.response.body.length });"
    async with make_executor(code) as executor:
        found = await asyncio.gather(*map(executor.scan_transaction, transactions))
        assert [f.title for (f,) in found] == [t.id for t in transactions]
        assert [f.extra["length"] for (f,) in found] == [len(body) for body in bodies]
        assert executor.get_stats().verdicts == {Verdict.FINDINGS: len(bodies)}
        await assert_serves(executor)
