"""Errors of a plugin: typed, with file, TypeScript line and column; and plugins that cannot be loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from isoscan import (
    ExecutorStateError,
    InvalidFindings,
    IsoscanError,
    PluginExecutor,
    PluginLoadError,
    PluginLoadTimeout,
    ScanError,
    ScanOutOfMemory,
    ScanTimeout,
    Verdict,
)
from support.builders import MIB, make_executor, make_transaction, scan

#: Types before the throw: transpiled JavaScript has other columns than this text.
THROWS = """interface Unused { a: string; b: number }
type Also = { c: boolean };

export function scan_transaction(t: { id: string }): void {
  const value: string = t.id as string; fail(value as unknown as string);
}

function fail(x: string): never { throw new TypeError("bad " + (x as string).length); }
"""


async def test_place_of_a_throw() -> None:
    """File, line and column are those of the TypeScript source."""
    async with make_executor(THROWS) as executor:
        with pytest.raises(ScanError) as caught:
            await executor.scan_transaction(make_transaction())
    error = caught.value
    lines = THROWS.splitlines()
    assert error.file == "probe.ts"
    assert error.line == 8
    assert error.column == lines[7].index("new TypeError") + 1
    assert error.stack is not None
    assert "fail" in error.stack
    assert f"probe.ts:5:{lines[4].index('fail(value') + 1}" in error.stack
    assert "host.js" not in error.stack
    assert "blob:" not in error.stack
    assert (error.plugin_id, error.generation, error.attempt, error.is_started) == ("probe", 1, 1, True)
    assert error.failure is not None
    assert error.failure.kind == "TypeError"
    assert error.fault == error.failure.fault == "plugin"
    assert error.result is not None
    assert error.result.verdict is Verdict.ERROR


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("export async function scan_transaction() {\n  await null;\n  throw new Error('x');\n}", 3),
        ("export const scan_transaction = () =>\n  Promise.reject(new Error('x'));", 2),
        ("export function scan_transaction() {\n  null.x;\n}", 2),
        ("export function scan_transaction() {\n\n  undefinedName();\n}", 3),
        (
            "export function scan_transaction() {\n  setTimeout(() => {\n    throw new Error('x');\n  });\n"
            "  return new Promise(() => {});\n}",
            3,
        ),
        (
            "export function scan_transaction() {\n  queueMicrotask(() => {\n"
            "    throw new Error('x');\n  });\n}",
            3,
        ),
        ("export function scan_transaction() {\n  Promise.reject(new Error('x'));\n}", 2),
    ],
)
async def test_line_of_every_kind_of_error(code: str, line: int) -> None:
    """Thrown, rejected, from a timer, a microtask or a promise nobody caught: the line is known."""
    async with make_executor(code) as executor:
        result = await scan(executor, make_transaction())
    assert result.verdict is Verdict.ERROR
    assert result.error is not None
    assert (result.error.file, result.error.line) == ("probe.ts", line)


async def test_error_in_a_neighbour(tmp_path: Path) -> None:
    """An error in an imported file names that file, by its path in the plugin's folder."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/deep.ts").write_text(
        "export interface A { a: string }\n\n"
        "export function deep(a: A): never {\n  throw new Error(a.a);\n}\n"
    )
    (tmp_path / "plugin.ts").write_text(
        'import { deep, type A } from "./lib/deep.ts";\n\n'
        'export function scan_transaction(): void {\n  const a: A = { a: "x" };\n  deep(a);\n}\n'
    )
    async with PluginExecutor.from_file(tmp_path / "plugin.ts") as executor:
        result = await scan(executor, make_transaction())
    assert result.error is not None
    assert (result.error.file, result.error.line, result.error.column) == ("lib/deep.ts", 4, 9)
    assert result.error.stack is not None
    assert "plugin.ts:5:3" in result.error.stack
    assert str(tmp_path) not in result.error.stack


async def test_modules_work_together(tmp_path: Path) -> None:
    """Neighbours, JSON and a dynamic import run as they would outside."""
    (tmp_path / "a.ts").write_text("export const a: number = 1;\nexport const id = {};\n")
    (tmp_path / "b.js").write_text(
        'import { a, id } from "./a.ts";\nexport const b = a + 1;\nexport { id };\n'
    )
    (tmp_path / "d.json").write_text('{"word": "é"}')
    (tmp_path / "plugin.ts").write_text(
        '\ufeffimport { b, id } from "./b.js";\nimport * as a from "./a.ts";\n'
        'import d from "./d.json" with { type: "json" };\n'
        "export async function scan_transaction() {\n"
        '  const again = await import("./a.ts");\n'
        "  return { title: [b, a.id === id, again.id === id, d.word].join() };\n}\n",
        encoding="utf-8",
    )
    async with PluginExecutor.from_file(tmp_path / "plugin.ts") as executor:
        findings = await executor.scan_transaction(make_transaction())
    assert findings[0].title == "2,true,true,é"


@pytest.mark.parametrize(
    ("code", "error", "verdict"),
    [
        ("export const scan_transaction = () => { throw new Error('x'); };", ScanError, Verdict.ERROR),
        ("export const scan_transaction = () => { for (;;); };", ScanTimeout, Verdict.TIMEOUT),
        ("export const scan_transaction = () => ({ title: 1 });", InvalidFindings, Verdict.INVALID_FINDINGS),
        (
            "const a = [];\n"
            "export const scan_transaction = () => { for (;;) a.push(new Array(1e5).fill(a)); };",
            ScanOutOfMemory,
            Verdict.OUT_OF_MEMORY,
        ),
    ],
)
async def test_each_verdict_has_its_error(code: str, error: type[IsoscanError], verdict: Verdict) -> None:
    """`scan_transaction` raises the type that belongs to the verdict, with the whole result."""
    async with make_executor(
        code, timeout_s=0.5 if verdict is Verdict.TIMEOUT else 5.0, memory_bytes=128 * MIB
    ) as executor:
        with pytest.raises(error) as caught:
            await executor.scan_transaction(make_transaction())
    assert caught.value.result is not None
    assert caught.value.result.verdict is verdict
    assert caught.value.is_started


# ---- loading ---------------------------------------------------------------------------


async def load_error(code: str, **limits: float) -> PluginLoadError:
    """The error `start()` raises for this code; the executor is closed again."""
    executor = make_executor(code, **limits)
    try:
        with pytest.raises(PluginLoadError) as caught:
            await executor.start()
        assert executor.get_stats().state == "failed"
        with pytest.raises(IsoscanError):
            await executor.scan_transaction(make_transaction())
    finally:
        await executor.shutdown()
    return caught.value


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("export function scan_transaction( {", 1),
        ("const a: number = 1;\nlet = = 2;\nexport function scan_transaction() {}", 2),
        ("\n\nexport const x = 'unclosed;\n", 3),
    ],
)
async def test_syntax_error(code: str, line: int) -> None:
    """The line of a syntax error is that of the TypeScript."""
    error = await load_error(code)
    assert (error.file, error.line) == ("probe.ts", line)


@pytest.mark.parametrize(
    "code", ["", "export const x = 1;", "export function other() {}", "export default 3;"]
)
async def test_no_entry(code: str) -> None:
    """A plugin without an entry function says what is missing."""
    error = await load_error(code)
    assert "scan_transaction" in str(error)


@pytest.mark.parametrize("value", ["1", "'x'", "{}", "null"])
async def test_entry_that_is_no_function(value: str) -> None:
    """An entry of another type is refused at start, not at the first scan."""
    error = await load_error(f"export const scan_transaction = {value};")
    assert "scan_transaction" in str(error)


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("const a: string = 'x';\nthrow new RangeError(a);\nexport function scan_transaction() {}", 2),
        ("await Promise.reject(new Error('x'));\nexport function scan_transaction() {}", 1),
        ("export function scan_transaction() {}\nexport function init() {\n  throw new Error('x');\n}", 3),
        (
            "export function scan_transaction() {}\nsetTimeout(() => { throw new Error('x'); });\n"
            "await new Promise((r) => setTimeout(r, 50));",
            2,
        ),
    ],
)
async def test_throw_while_loading(code: str, line: int) -> None:
    """A throw at load, in `init` or in a timer of the load is a load error with its line."""
    error = await load_error(code)
    assert (error.file, error.line) == ("probe.ts", line)


async def test_loop_while_loading() -> None:
    """A plugin that loops at load is given up after the load timeout."""
    assert isinstance(
        await load_error("for (;;);\nexport function scan_transaction() {}", load_timeout_s=0.5),
        PluginLoadTimeout,
    )


@pytest.mark.parametrize(
    "code",
    [
        "await new Promise(() => {});\nexport function scan_transaction() {}",
        "export function scan_transaction() {}\nexport function init() { return new Promise(() => {}); }",
        "export function scan_transaction() {}\nexport const get_metadata = () => new Promise(() => {});",
    ],
)
async def test_loading_that_never_settles(code: str) -> None:
    """A promise that can never settle is told at once, not after the timeout."""
    error = await load_error(code, load_timeout_s=60.0)
    assert not isinstance(error, PluginLoadTimeout)


async def test_out_of_memory_while_loading() -> None:
    """A plugin that fills the heap at load is a load error about memory."""
    error = await load_error(
        "const a = []; for (;;) a.push(new Array(1e5).fill(a));\nexport function scan_transaction() {}",
        memory_bytes=96 * MIB,
    )
    assert "memory" in str(error)


@pytest.mark.parametrize(
    "specifier", ["./a.ts", "node:fs", "fs", "https://example.com/x.js", "npm:x", "file:///etc/passwd"]
)
async def test_import_from_text(specifier: str) -> None:
    """A plugin given as text has no neighbours, and nothing else can be imported."""
    await load_error(f"import x from '{specifier}';\nexport function scan_transaction() {{ return x; }}")
    await load_error(f"import '{specifier}';\nexport function scan_transaction() {{}}")
    await load_error(f"await import('{specifier}');\nexport function scan_transaction() {{}}")


async def test_not_started() -> None:
    """Using an executor before start or after shutdown is the caller's error."""
    executor = make_executor()
    for use in (
        executor.scan_transaction(make_transaction()),
        executor.restart(),
        executor.terminate_execution(),
    ):
        with pytest.raises(ExecutorStateError):
            await use
    assert executor.get_stats().state == "new"
    await executor.shutdown()
    with pytest.raises(ExecutorStateError):
        await executor.start()
    with pytest.raises(ExecutorStateError):
        await executor.scan_transaction(make_transaction())


async def test_started_twice() -> None:
    """A second start is the caller's error and changes nothing."""
    async with make_executor() as executor:
        with pytest.raises(ExecutorStateError):
            await executor.start()
        assert await executor.scan_transaction(make_transaction())


@pytest.mark.parametrize("file", ["plugin.ts", "helper.ts"])
async def test_parse_error_of_a_file_names_its_place(tmp_path: Path, file: str) -> None:
    """File, line and column come first, as of every other error, also for a file that is imported."""
    texts = {
        "plugin.ts": 'import { helper } from "./helper.ts";\nexport const scan_transaction = () => helper;\n',
        "helper.ts": "export const helper = 1;\n",
    }
    texts[file] += "const broken = { a: 1, +b: : 2 };\n"
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(PluginLoadError) as raised:
        await PluginExecutor.from_file(tmp_path / "plugin.ts").start()
    line = texts[file].count("\n")
    assert str(raised.value).startswith(f"{file}:{line}:")
    assert "SyntaxError" in str(raised.value)
