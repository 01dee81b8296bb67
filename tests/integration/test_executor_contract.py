"""The plugin contract: every way to write a plugin, and what it sees of a transaction."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from isoscan import (
    HttpRequest,
    HttpResponse,
    HttpTransaction,
    PluginExecutor,
    PluginLoadError,
    PluginMetadata,
    ScanResult,
    ScanSkipped,
    Severity,
    Verdict,
)
from support.builders import make_executor, make_transaction, scan

FORMS = {
    "exported function": "export function scan_transaction(t) { return { title: t.id }; }",
    "exported constant": "export const scan_transaction = (t) => ({ title: t.id });",
    "camel case": "export function scanTransaction(t) { return { title: t.id }; }",
    "async": "export async function scan_transaction(t) { await null; return { title: t.id }; }",
    "array": "export const scan_transaction = (t) => [{ title: t.id }];",
    "promise of an array": "export const scan_transaction = async (t) => [{ title: t.id }];",
    "thenable": "export const scan_transaction = (t) => ({ then(done) { done({ title: t.id }); } });",
    "timer": (
        "export const scan_transaction =\n"
        "  (t) => new Promise((done) => setTimeout(done, 5, { title: t.id }));"
    ),
    "default function": "export default function (t) { return { title: t.id }; }",
    "default async arrow": "export default async (t) => ({ title: t.id });",
    "default object": (
        "export default {\n"
        "  scan_transaction(t) { return { title: this.name(t) }; },\n  name: (t) => t.id,\n};"
    ),
    "default object, camel case": "export default { scanTransaction: (t) => ({ title: t.id }) };",
    "default instance": (
        "class P { prefix = ''; scan_transaction(t) { return { title: this.prefix + t.id }; } }\n"
        "export default new P();"
    ),
    "global function": "globalThis.scan_transaction = (t) => ({ title: t.id });",
    "declared, not exported": "function scan_transaction(t) { return { title: t.id }; }",
    "constant, not exported": "const scan_transaction = (t) => ({ title: t.id });",
    "TypeScript": (
        "interface T { id: string }\nenum E { A = 'x' }\n"
        "export function scan_transaction(t: T): { title: string } { return { title: t.id as string }; }"
    ),
    "report": "export function scan_transaction(t) { isoscan.report({ title: t.id }); }",
    "report after await": (
        "export async function scan_transaction(t) { await null; isoscan.report({ title: t.id }); }"
    ),
    "emitFinding": "export function scan_transaction(t) { Sentinel.emitFinding({ title: t.id }); }",
    "historic op": "export function scan_transaction(t) { Deno.core.ops.op_emit_finding({ title: t.id }); }",
    "historic request": (
        "function scan_request(ctx) { Sentinel.emitFinding({ title: ctx.id, description: ctx.url }); }"
    ),
    "historic request, nested": (
        "globalThis.scan_request = (ctx) => {\n"
        "  if (ctx.request.url !== ctx.url) throw new Error('two urls');\n"
        "  Deno.core.ops.op_emit_finding({ title: ctx.request.id });\n};"
    ),
    "historic response": (
        "export function scan_response(t) {\n"
        "  Sentinel.emitFinding({ title: t.request.id + (t.response ? '' : '?') });\n}"
    ),
    "historic pair": (
        "function scan_request(ctx) {}\n"
        "async function scan_response(t) { await null; Sentinel.emitFinding({ title: t.request.id }); }"
    ),
    "historic pair returning": (
        "const scan_request = (r) => [{ title: r.id }];\nconst scan_response = () => null;"
    ),
    "no semicolons": ("const x = 1\nexport const scan_transaction = (t) => ({ title: t.id })\n// end"),
}


async def result_of(code: str, transaction: HttpTransaction | None = None, **options: Any) -> ScanResult:
    """One scan on a plugin of its own."""
    async with make_executor(code, **options) as executor:
        return await scan(executor, transaction or make_transaction())


async def seen(expression: str, transaction: HttpTransaction) -> Any:
    """The value of an expression in `t`, as the plugin sees it."""
    code = f"export function scan_transaction(t) {{ return {{ title: 'x', value: {expression} }}; }}"
    result = await result_of(code, transaction)
    assert result.verdict is Verdict.FINDINGS, result.error
    return result.findings[0].extra.get("value")


@pytest.mark.parametrize("form", FORMS)
async def test_every_form_of_plugin(form: str) -> None:
    """Current and historic ways to write a plugin all report on the transaction they were given."""
    transaction = make_transaction("/a?b=c")
    result = await result_of(FORMS[form], transaction)
    assert [finding.title for finding in result.findings] == [transaction.id]


@pytest.mark.parametrize(
    "returned", ["undefined", "null", "[]", "Promise.resolve()", "Promise.resolve([])", "(async () => {})()"]
)
async def test_nothing_found_is_clean(returned: str) -> None:
    """Nothing, in every form, is a clean scan without an error."""
    result = await result_of(f"export const scan_transaction = () => {returned};")
    assert (result.verdict, result.error, result.findings) == (Verdict.CLEAN, None, [])


async def test_returned_and_reported_findings_are_joined() -> None:
    """Reported findings come first, returned ones after them, in order."""
    code = """
    export async function scan_transaction() {
      isoscan.report({ title: "1" });
      Sentinel.emitFinding({ title: "2" });
      await null;
      Deno.core.ops.op_emit_finding({ title: "3" });
      return [{ title: "4" }, { title: "5" }];
    }"""
    result = await result_of(code)
    assert [finding.title for finding in result.findings] == ["1", "2", "3", "4", "5"]


async def test_a_finding_is_what_it_was_when_reported() -> None:
    """Changing an object after it was reported changes nothing."""
    code = """
    export function scan_transaction() {
      const found = { title: "before" };
      isoscan.report(found);
      found.title = "after";
    }"""
    assert [finding.title for finding in (await result_of(code)).findings] == ["before"]


async def test_response_only_plugin_skips() -> None:
    """A plugin that looks at responses only says so for a transaction without one."""
    async with make_executor("export function scan_response() {}") as executor:
        result = await scan(executor, make_transaction(has_response=False))
        assert result.verdict is Verdict.SKIPPED
        with pytest.raises(ScanSkipped):
            await executor.scan_transaction(make_transaction(has_response=False))
        assert await executor.scan_transaction(make_transaction()) == []


async def test_pair_without_response_scans_the_request() -> None:
    """With both historic functions a transaction without a response is no reason to skip."""
    code = "function scan_request(r) { return { title: r.url }; }\nfunction scan_response() { throw 1; }"
    result = await result_of(code, make_transaction(has_response=False))
    assert result.verdict is Verdict.FINDINGS


async def test_error_in_the_second_of_the_pair() -> None:
    """What the first function found is kept when the second throws."""
    code = (
        "function scan_request() { return { title: 'kept' }; }\n"
        "function scan_response() { throw new Error('second'); }"
    )
    result = await result_of(code)
    assert result.verdict is Verdict.ERROR
    assert [finding.title for finding in result.findings] == ["kept"]


async def test_config_reaches_init() -> None:
    """`init` gets the configuration, once per generation, and may be async."""
    code = """
    let words = [];
    export async function init(config) { await null; words.push(config.word); }
    export function scan_transaction() { return { title: words.join() }; }"""
    async with make_executor(code, config={"word": "é"}) as executor:
        assert (await executor.scan_transaction(make_transaction()))[0].title == "é"
        await executor.restart()
        assert (await executor.scan_transaction(make_transaction()))[0].title == "é"


METADATA = {
    "constant": "export const metadata = {0};",
    "function": "export function get_metadata() {{ return {0}; }}",
    "async function": "export async function get_metadata() {{ return {0}; }}",
    "historic": "function get_metadata() {{ return {0}; }}",
    "default object": "export default {{ metadata: {0} }};",
}


@pytest.mark.parametrize("form", METADATA)
async def test_metadata_of_a_file(form: str, tmp_path: Any) -> None:
    """Without given metadata the plugin's own counts, and its severity is the default."""
    text = (
        "{ id: 'own-id', name: 'Own', version: '1.2.3', default_severity: 'High', tags: ['a'], unknown: 1 }"
    )
    path = tmp_path / "plugin.ts"
    path.write_text(
        METADATA[form].format(text) + "\nfunction scan_transaction() { return { title: 't' }; }\n"
    )
    async with PluginExecutor.from_file(path) as executor:
        assert executor.metadata.id == "own-id"
        assert executor.metadata.version == "1.2.3"
        assert executor.metadata.tags == ("a",)
        (finding,) = await executor.scan_transaction(make_transaction())
    assert finding.plugin_id == "own-id"
    assert finding.severity is Severity.HIGH


async def test_file_without_metadata(tmp_path: Any) -> None:
    """The file's name is the id then."""
    path = tmp_path / "my plugin.ts"
    path.write_text("export function scan_transaction() {}")
    async with PluginExecutor.from_file(path) as executor:
        assert executor.metadata.id == "myplugin"


@pytest.mark.parametrize(
    "metadata",
    [
        "{ id: 1 }",
        "{ id: '' }",
        "{ id: 'a b' }",
        "'text'",
        "[1]",
        "{ id: 'a', default_severity: 'urgent' }",
        "{ id: 'a', tags: 'x' }",
        "{ id: 'a', name: 'x'.repeat(100000) }",
        "{ get id() { throw new Error('no'); } }",
    ],
)
async def test_wrong_metadata_is_a_load_error(metadata: str, tmp_path: Any) -> None:
    """Metadata that is none is refused at start, by name."""
    path = tmp_path / "plugin.ts"
    path.write_text(f"export const metadata = {metadata};\nexport function scan_transaction() {{}}\n")
    executor = PluginExecutor.from_file(path)
    with pytest.raises(PluginLoadError):
        await executor.start()
    await executor.shutdown()


async def test_given_metadata_wins() -> None:
    """The caller's metadata stands against the plugin's own."""
    code = "export const metadata = { id: 'own' };\nexport const scan_transaction = () => ({ title: 't' });"
    result = await result_of(code, metadata=PluginMetadata(id="given", default_severity=Severity.LOW))
    assert result.plugin_id == "given"
    assert result.findings[0].severity is Severity.LOW


# ---- what a plugin sees --------------------------------------------------------------------

WHOLE = HttpTransaction(
    request=HttpRequest(
        method="POST",
        url="https://shop.example/a/b?q=1&q=2&e=%C3%A9&plus=a+b#part",
        headers=(("Host", "shop.example"), ("X-Two", "1"), ("x-two", "2"), ("Content-Type", "text/plain")),
        body=bytes(range(256)),
        was_edited=True,
        id="the-id",
    ),
    response=HttpResponse(
        status=201,
        headers=(
            ("Content-Type", "text/html; charset=ISO-8859-1"),
            ("Set-Cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("__proto__", "polluted"),
            ("constructor", "c"),
        ),
        body="é".encode("latin-1"),
    ),
)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("t.id", "the-id"),
        ("t.request.id", "the-id"),
        ("t.request.method", "POST"),
        ("t.request.url", "https://shop.example/a/b?q=1&q=2&e=%C3%A9&plus=a+b#part"),
        ("t.request.is_https", True),
        ("t.request.was_edited", True),
        ("t.request.content_type", "text/plain"),
        ("t.request.query_params", {"q": "2", "e": "é", "plus": "a b"}),
        ("t.request.headers['x-two']", "1, 2"),
        ("t.request.headers['X-Two'] === undefined", True),
        ("t.request.rawHeaders[2]", ["x-two", "2"]),
        ("t.request.body instanceof Uint8Array", True),
        ("Array.from(t.request.body)", list(range(256))),
        ("Array.from(new Uint8Array(t.request.body)).length", 256),
        ("t.request.bodyLength", 256),
        ("t.request.body === t.request.body", True),
        ("typeof t.request.timestamp", "string"),
        ("Number.isNaN(Date.parse(t.request.timestamp))", False),
        ("t.response.request_id", "the-id"),
        ("t.response.status", 201),
        ("t.response.content_type", "text/html; charset=ISO-8859-1"),
        ("t.response.text()", "é"),
        ("t.response.text() === t.response.text()", True),
        ("t.response.headers['set-cookie']", "a=1\nb=2"),
        ("t.response.headers['constructor']", "c"),
        ("Object.hasOwn(t.response.headers, '__proto__')", True),
        ("({}).polluted === undefined", True),
        ("t.response.rawHeaders.length", 5),
        ("JSON.parse(JSON.stringify(t.response)).body", "é"),
    ],
)
async def test_transaction_as_seen(expression: str, value: object) -> None:
    """Each field arrives as the contract says."""
    assert await seen(expression, WHOLE) == value


async def test_no_response_is_null() -> None:
    """A transaction without a response has `null` there."""
    assert await seen("t.response === null", make_transaction(has_response=False)) is True


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/html; charset=windows-1251", "привет".encode("cp1251"), "привет"),
        ('text/html; charset="Shift_JIS"', "日本".encode("shift_jis"), "日本"),
        ("text/html; charset=utf-16le", "é".encode("utf-16-le"), "é"),
        ("text/html;CHARSET = latin1 ; x=y", b"\xe9", "é"),
        ("text/html; charset=nonsense", "é".encode(), "é"),
        ("text/html; charset=", "é".encode(), "é"),
        ("text/html", "é".encode(), "é"),
        ("", b"\xff", "\ufffd"),
    ],
)
async def test_text_follows_the_charset(content_type: str, body: bytes, text: str) -> None:
    """`text()` decodes by the declared charset, and by UTF-8 when there is none it knows."""
    assert await seen("t.response.text()", make_transaction(body=body, content_type=content_type)) == text


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 1 << 20, (1 << 20) + 1, 5_000_001])
async def test_bodies_of_every_size(size: int) -> None:
    """A body arrives whole, whatever its size."""
    body = (bytes(range(251)) * (size // 251 + 1))[:size]
    transaction = make_transaction(body=body, request_body=body[::-1])
    expression = "[t.request.body, t.response.body].map((b) => [b.length, b[0] ?? -1, b[b.length - 1] ?? -1])"
    first, last = (body[0], body[-1]) if size else (-1, -1)
    assert await seen(expression, transaction) == [[size, last, first], [size, first, last]]


async def test_body_is_the_plugins_own() -> None:
    """A plugin may write into a body; no other transaction sees it."""
    code = """
    export function scan_transaction(t) {
      const before = t.response.body[0];
      t.response.body.fill(7);
      return { title: String(before) };
    }"""
    async with make_executor(code) as executor:
        transactions = [make_transaction(body=bytes([n] * 10)) for n in range(20)]
        results = [result async for result in executor.scan_many(transactions)]
    assert [result.findings[0].title for result in results] == [str(n) for n in range(20)]


@pytest.mark.parametrize(
    "transaction",
    [
        HttpTransaction(HttpRequest("GET", "http://a/\ud800")),
        HttpTransaction(HttpRequest("GET", "http://a/", headers=(("X", "\udcff"),))),
        HttpTransaction(HttpRequest("GET", "http://a/?q=\ud800")),
        HttpTransaction(HttpRequest("G\ud800", "http://a/"), HttpResponse(200, (("\udfff", ""),))),
    ],
)
async def test_lone_surrogates_in_traffic(transaction: HttpTransaction) -> None:
    """Text that is no valid Unicode, as sloppy captures hold it, is scanned and stops no other scan."""
    async with make_executor() as executor:
        results = [
            result
            async for result in executor.scan_many([make_transaction(), transaction, make_transaction()])
        ]
    assert [result.verdict for result in results] == [Verdict.FINDINGS] * 3


@pytest.mark.parametrize(
    "url",
    ["", "?", "not a url", "http://[::1", "//x", "http://a/?%zz=%", "http://a/\0\n", "x" * 200_000, "é"],
)
async def test_odd_urls(url: str) -> None:
    """Traffic may hold any URL."""
    code = (
        "export const scan_transaction = (t) =>\n"
        "  ({ title: 't', n: t.request.url.length, q: t.request.query_params });"
    )
    result = await result_of(code, HttpTransaction(HttpRequest("GET", url)))
    assert result.findings[0].extra["n"] == len(url)


# ---- console ---------------------------------------------------------------------------------


async def test_console_is_captured_per_scan() -> None:
    """Each scan has its own lines with their levels."""
    code = """
    console.log("while loading");
    export async function scan_transaction(t) {
      console.log("log", t.id, { a: [1, "x"] });
      console.info("info"); console.warn("warn"); console.debug("debug");
      await null;
      console.error(new Error("oops").message);
      Sentinel.log("warn", "historic");
    }"""
    async with make_executor(code) as executor:
        transactions = [make_transaction() for _ in range(3)]
        results = [result async for result in executor.scan_many(transactions)]
    for transaction, result in zip(transactions, results, strict=True):
        assert result.verdict is Verdict.CLEAN
        levels = [line.level for line in result.console]
        assert levels == ["log", "info", "warn", "debug", "error", "warn"]
        assert transaction.id in result.console[0].text
        assert "while loading" not in str(result.console)


@pytest.mark.parametrize(
    "flood", ["'x'.repeat(100)", "'é'.repeat(100)", "'x'.repeat(10_000_000)", "''", "{a:1}"]
)
async def test_console_is_bounded(flood: str) -> None:
    """A flood is cut at the limit, and the cut is told."""
    code = f"export function scan_transaction() {{ for (let i = 0; i < 3000; i++) console.log({flood}); }}"
    result = await result_of(
        code.replace("3000", "20" if "000_000" in flood else "3000"), max_console_bytes=2000
    )
    assert result.verdict is Verdict.CLEAN
    assert sum(len(line.text) for line in result.console) < 4000
    assert len(result.console) < 3000
    assert "cut" in result.console[-1].text


async def test_no_console_at_all() -> None:
    """A limit of nothing keeps nothing."""
    result = await result_of("export function scan_transaction() { console.log('x'); }", max_console_bytes=0)
    assert result.verdict is Verdict.CLEAN
    assert all("x" not in line.text for line in result.console)


async def test_console_of_odd_values() -> None:
    """Values that throw when they are looked at do not end the scan."""
    code = """
    export function scan_transaction() {
      console.log(new Proxy({}, { get() { throw new Error("no"); } }), Symbol("s"), 1n, undefined, null);
      console.log({ get a() { throw new Error("no"); }, toString() { throw new Error("no"); } });
      const circle = {}; circle.circle = circle;
      console.log(circle, () => 1, new Map([[1, circle]]));
    }"""
    result = await result_of(code)
    assert result.verdict is Verdict.CLEAN
    assert len(result.console) == 3


# ---- what is available ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "expression",
    [
        "new URL('/x', 'http://a/').href === 'http://a/x'",
        "new TextDecoder().decode(new TextEncoder().encode('é')) === 'é'",
        "atob(btoa('x')) === 'x'",
        "structuredClone({ a: [1] }).a[0] === 1",
        "typeof crypto.randomUUID() === 'string'",
        "new URLPattern({ pathname: '/:id' }).test('http://a/1')",
        "new AbortController().signal.aborted === false",
        "performance.now() > 0",
        "/(?<y>\\d{4})/v.exec('2024').groups.y === '2024'",
        "[3, 1].toSorted()[0] === 1",
        "Intl.NumberFormat('en').format(1) === '1'",
        "eval('1 + 1') === 2",
        "new Function('return 2')() === 2",
        "(function () { return this; })() === undefined",
        "globalThis === self",
        "new Intl.Segmenter().segment('a')[Symbol.iterator] !== undefined",
    ],
)
async def test_the_language_is_there(expression: str) -> None:
    """Plugins have the language and the pure parts of the web platform."""
    assert await seen(expression, make_transaction()) is True


async def test_web_crypto_works() -> None:
    """Asynchronous parts that need the event loop work inside a scan."""
    code = """
    export async function scan_transaction(t) {
      const digest = await crypto.subtle.digest("SHA-256", t.response.body);
      return { title: btoa(String.fromCharCode(...new Uint8Array(digest))) };
    }"""
    result = await result_of(code, make_transaction(body=b"abc"))
    expected = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
    assert result.findings[0].title == expected == base64.b64encode(base64.b64decode(expected)).decode()


async def test_state_lives_as_long_as_the_generation() -> None:
    """Module state survives scans and ends with a restart."""
    code = "let n = 0;\nexport const scan_transaction = () => ({ title: String(++n) });"
    async with make_executor(code) as executor:
        titles = [(await executor.scan_transaction(make_transaction()))[0].title for _ in range(3)]
        await executor.restart()
        titles.append((await executor.scan_transaction(make_transaction()))[0].title)
    assert titles == ["1", "2", "3", "1"]
