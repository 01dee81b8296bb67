"""Plugins that hang, eat memory, reach for the machine or flood their console."""

from __future__ import annotations

import asyncio

import pytest

from isoscan import (
    Limits,
    MaxMemory,
    PluginExecutor,
    PluginLoadError,
    PluginMetadata,
    RestartReason,
    ScanError,
    ScanInterrupted,
    ScanTimeout,
    Verdict,
)
from scenarios._shared import LOOPS, assert_serves, collect
from support.builders import MIB, is_echo, make_executor, make_transaction, scan
from support.watching import begin, until

# ---- hanging ---------------------------------------------------------------------------------


async def test_infinite_loop_times_out() -> None:
    """A looping scan ends as `timeout`; the executor serves on."""
    async with make_executor(LOOPS, timeout_s=0.3) as executor:
        with pytest.raises(ScanTimeout):
            await executor.scan_transaction(make_transaction("/loop"))
        await assert_serves(executor)


async def test_promise_that_never_resolves() -> None:
    """What can never settle is an error at once, however long the timeout is."""
    code = """
    export function scan_transaction(t) {
      return t.request.url.includes("/never") ? new Promise(() => {}) : { title: t.id };
    }"""
    async with make_executor(code, timeout_s=3600.0) as executor:
        with pytest.raises(ScanError):
            await executor.scan_transaction(make_transaction("/never"))
        await assert_serves(executor)
        assert executor.get_stats().generation == 1


async def test_promise_that_a_timer_keeps_waiting() -> None:
    """A promise that could still settle, but does not, times out."""
    code = """
    export function scan_transaction(t) {
      if (!t.request.url.includes("/never")) return { title: t.id };
      setInterval(() => {}, 10);
      return new Promise(() => {});
    }"""
    async with make_executor(code, timeout_s=0.3) as executor:
        assert (await scan(executor, make_transaction("/never"))).verdict is Verdict.TIMEOUT
        await assert_serves(executor)


async def test_blocking_cpu_in_one_executor_while_others_serve() -> None:
    """While one plugin burns CPU without end, two others answer everything."""
    async with (
        make_executor(LOOPS, timeout_s=3600.0) as busy,
        make_executor() as first,
        make_executor() as second,
    ):
        looping = begin(busy.scan_transaction(make_transaction("/loop")))
        await until(lambda: busy.get_stats().in_flight == 1, "the loop running")
        for batch in await asyncio.gather(
            *(collect(e, [make_transaction() for _ in range(300)]) for e in (first, second))
        ):
            assert all(map(is_echo, batch))
        assert not looping.done()
        await busy.terminate_execution()
        with pytest.raises(ScanInterrupted):
            await looping


async def test_stack_overflow_is_an_error_with_its_place() -> None:
    """Endless recursion is the plugin's error, not the death of its generation."""
    code = """
    function deeper(n) { return deeper(n + 1) + 1; }
    export function scan_transaction(t) {
      return { title: t.request.url.includes("/deep") ? String(deeper(0)) : t.id };
    }"""
    async with make_executor(code) as executor:
        result = await scan(executor, make_transaction("/deep"))
        assert result.verdict is Verdict.ERROR
        assert result.error is not None
        assert (result.error.kind, result.error.file, result.error.line) == ("RangeError", "probe.ts", 2)
        await assert_serves(executor)
        assert executor.get_stats().generation == 1


# ---- memory ----------------------------------------------------------------------------------


async def test_256_megabytes_are_given_back_by_a_restart() -> None:
    """Memory that a plugin keeps is gone with its generation: resident memory is near its start."""
    code = """
    const kept = [];
    export function scan_transaction(t) {
      if (t.request.url.includes("/big")) kept.push(new Uint8Array(256 * 1024 * 1024).fill(1));
      return { title: t.id };
    }"""
    async with make_executor(code, memory_bytes=1024 * MIB) as executor:
        await assert_serves(executor)
        baseline = executor.get_stats().rss_bytes
        assert is_echo(await scan(executor, make_transaction("/big")))
        grown = executor.get_stats().rss_bytes
        await executor.restart()
        await assert_serves(executor)
        after = executor.get_stats().rss_bytes
    assert baseline is not None
    assert grown is not None
    assert after is not None
    assert grown > baseline + 200 * MIB
    assert 0.8 * baseline < after < 1.2 * baseline


async def test_gradual_leak_is_restarted_by_memory() -> None:
    """A plugin that keeps a little of each scan is replaced at its soft limit, with the numbers."""
    code = """
    const kept = [];
    export function scan_transaction(t) {
      kept.push(new Uint8Array(262144).fill(1));
      return { title: t.id };
    }"""
    async with make_executor(code) as fresh:
        await collect(fresh, [make_transaction() for _ in range(30)])
        young = fresh.get_stats().rss_bytes
    assert young is not None
    executor = PluginExecutor(
        PluginMetadata(id="probe"),
        code,
        limits=Limits(memory_bytes=1024 * MIB),
        restart_policy=MaxMemory(young + 64 * MIB),
    )
    async with executor:
        while not (restarts := executor.get_stats().restarts):
            assert all(map(is_echo, await collect(executor, [make_transaction() for _ in range(50)])))
        assert set(restarts) == {RestartReason.MAX_MEMORY}
        report = executor.get_stats().last_restart
    assert report is not None
    assert "resident memory" in report.text


async def test_gradual_leak_shows_in_the_stats() -> None:
    """Long before a policy's limit is reached, growth per scan is measured, significant and about right."""
    code = """
    const kept = [];
    export async function scan_transaction(t) {
      kept.push(new Array(256).fill(t.request.url.length + 0.5));
      return { title: t.id };
    }"""
    executor = PluginExecutor(
        PluginMetadata(id="probe"),
        code,
        limits=Limits(memory_bytes=1024 * MIB),
        restart_policy=MaxMemory(1000 * MIB),
    )
    async with executor:
        for _ in range(1000):
            await collect(executor, [make_transaction() for _ in range(100)])
            if executor.get_stats().is_growth_significant:
                break
        stats = executor.get_stats()
    assert stats.is_growth_significant
    assert stats.growth_interval_bytes is not None
    low, high = stats.growth_interval_bytes
    assert 1000 < low < high < 4000
    assert stats.restart_count == 0


async def test_fragmentation_stays_within_the_limit() -> None:
    """Thousands of buffers of every size, every second one freed, fit the limit in one generation."""
    code = """
    let seed = 1;
    const ring = new Array(64);
    export function scan_transaction(t) {
      for (let n = 0; n < 4; n++) {
        seed = (seed * 48271) % 2147483647;
        const buffer = new Uint8Array(64 + seed % 400_000).fill(seed);
        if (n % 2) ring[seed % ring.length] = buffer;
      }
      return { title: t.id };
    }"""
    async with make_executor(code, memory_bytes=384 * MIB) as executor:
        peak = 0
        for _ in range(10):
            assert all(map(is_echo, await collect(executor, [make_transaction() for _ in range(100)])))
            peak = max(peak, executor.get_stats().rss_bytes or 0)
        assert 0 < peak < 384 * MIB
        assert executor.get_stats().generation == 1


async def test_string_of_100_megabytes() -> None:
    """A plugin may build such a string; as a finding it is refused, and said so."""
    code = """
    export function scan_transaction(t) {
      if (t.request.url === "http://shop.example/") return { title: t.id };
      const text = "x".repeat(100 * 1024 * 1024);
      if (t.request.url.includes("/measure")) return { title: t.id, length: (text + t.id).indexOf(t.id) };
      return { title: t.id, evidence: text };
    }"""
    async with make_executor(code, memory_bytes=1024 * MIB) as executor:
        (finding,) = await executor.scan_transaction(make_transaction("/measure"))
        assert finding.extra["length"] == 100 * MIB
        result = await scan(executor, make_transaction("/evidence"))
        assert (result.verdict, result.findings) == (Verdict.INVALID_FINDINGS, [])
        assert result.error is not None
        assert "evidence" in result.error.message
        await assert_serves(executor)


# ---- reaching out ----------------------------------------------------------------------------

REACHES = [
    "fetch('http://127.0.0.1:9/')",
    "new WebSocket('ws://127.0.0.1:9/')",
    "new EventSource('http://127.0.0.1:9/')",
    "new XMLHttpRequest()",
    "new Worker('data:text/javascript,1', { type: 'module' })",
    "Deno.readTextFileSync('/etc/passwd')",
    "Deno.writeTextFileSync('/tmp/x', 'x')",
    "Deno.env.get('HOME')",
    "Deno.connect({ port: 9 })",
    "Deno.listen({ port: 0 })",
    "new Deno.Command('id').outputSync()",
    "Deno.run({ cmd: ['id'] })",
    "Deno.kill(Deno.ppid, 'SIGTERM')",
    "Deno.exit(0)",
    "Deno.dlopen('libc.so.6', {})",
    "Deno.hostname()",
    "Deno.core.ops.op_read_file_sync('/etc/passwd')",
    "process.exit(0)",
    "process.env.HOME.length",
    "require('fs').readFileSync('/etc/passwd')",
    "import('node:fs')",
    "import('node:child_process')",
    "import('node:net')",
    "import('fs')",
    "import('npm:left-pad')",
    "import('jsr:@std/fs')",
    "import('file:///etc/passwd')",
    "import('https://example.com/x.js')",
    "new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))",
    "localStorage.setItem('a', 'b')",
    "caches.open('x')",
]


async def test_files_network_and_processes_are_denied() -> None:
    """Every way out throws or is not there, also through eval, and the generation serves on."""
    attempts = ",\n".join(f"[{name!r}, async () => await ({name})]" for name in REACHES)
    code = f"""
    const attempts = [\n{attempts}\n];
    export async function scan_transaction(t) {{
      const reached = [];
      for (const [name, attempt] of attempts) {{
        try {{ await attempt(); reached.push(name); }} catch {{}}
        try {{ await (0, eval)(name); reached.push("eval " + name); }} catch {{}}
      }}
      return {{ title: t.id, reached, tried: attempts.length }};
    }}"""
    async with make_executor(code) as executor:
        (finding,) = await executor.scan_transaction(make_transaction())
        assert finding.extra == {"reached": [], "tried": len(REACHES)}
        assert executor.get_stats().generation == 1


@pytest.mark.parametrize("module", ["node:fs", "node:child_process", "node:net", "npm:left-pad"])
async def test_forbidden_import_is_a_load_error(module: str) -> None:
    """A static import of what is not granted refuses the plugin before it runs."""
    executor = make_executor(f"import x from '{module}';\nexport const scan_transaction = () => x;")
    with pytest.raises(PluginLoadError):
        await executor.start()
    await executor.shutdown()


async def test_eval_and_function_stay_inside() -> None:
    """Evaluated code runs in the plugin's own realm and finds there what the plugin finds: nothing."""
    code = """
    export function scan_transaction(t) {
      const doors = [
        (text) => (0, eval)(text),
        (text) => Function("return (" + text + ")")(),
        (text) => (async () => {}).constructor.constructor("return (" + text + ")")(),
        (text) => t.constructor.constructor("return (" + text + ")")(),
        (text) => t.response.body.constructor.constructor("return (" + text + ")")(),
        (text) => console.log.constructor("return (" + text + ")")(),
      ];
      return {
        title: t.id,
        sums: doors.map((run) => run("1 + 1")),
        own: doors.map((run) => run("globalThis") === globalThis),
        outside: doors.map((run) => run("[typeof fetch, typeof process, typeof require].join()")),
      };
    }"""
    async with make_executor(code) as executor:
        (finding,) = await executor.scan_transaction(make_transaction(body=b"x"))
    assert finding.extra["sums"] == [2] * 6
    assert finding.extra["own"] == [True] * 6
    assert set(finding.extra["outside"]) == {"undefined,undefined,undefined"}


async def test_code_in_a_data_url_reaches_nothing() -> None:
    """A module written into its own URL, where it loads at all, has no more than the plugin has."""
    code = """
    const text = "export default [typeof fetch, typeof process, typeof require, typeof Deno?.open].join()";
    export async function scan_transaction(t) {
      const seen = await import("data:text/javascript," + text).then((m) => m.default, () => "refused");
      return { title: t.id, seen };
    }"""
    async with make_executor(code) as executor:
        (finding,) = await executor.scan_transaction(make_transaction())
    assert finding.extra["seen"] in ("refused", "undefined,undefined,undefined,undefined")


# ---- console ---------------------------------------------------------------------------------


async def test_console_flood_is_bounded() -> None:
    """A hundred thousand lines and one of 20 MB are cut to the limit, and the cut is said."""
    code = """
    export function scan_transaction(t) {
      for (let n = 0; n < 100_000; n++) console.log("line " + n);
      console.error("x".repeat(20_000_000));
      return { title: t.id };
    }"""
    async with make_executor(code, max_console_bytes=4096) as executor:
        result = await scan(executor, make_transaction())
        assert is_echo(result)
        assert 0 < len(result.console) < 4096
        assert "cut" in result.console[-1].text
        assert sum(len(line.text) for line in result.console[:-1]) <= 4096


async def test_console_flood_without_end_times_out() -> None:
    """A plugin that only logs is a loop like any other."""
    code = LOOPS.replace("for (;;);", "for (;;) console.log('noise'.repeat(100));")
    async with make_executor(code, timeout_s=0.3) as executor:
        assert (await scan(executor, make_transaction("/loop"))).verdict is Verdict.TIMEOUT
        await assert_serves(executor)


async def test_circular_and_unserialisable_console_values() -> None:
    """Whatever is logged, a scan goes on and each call leaves a line."""
    code = """
    export function scan_transaction(t) {
      const circle = { name: "circle" };
      circle.self = circle;
      const gone = Proxy.revocable({}, {});
      gone.revoke();
      const values = [circle, 10n, Symbol("s"), () => 1, undefined, null, new WeakMap(),
        new Map([[circle, 1]]),
        { get trap() { throw new Error("getter"); } }, { toString() { throw new Error("text"); } },
        { toJSON() { throw new Error("json"); } }, Object.create(null), gone.proxy,
        new Proxy({}, { ownKeys() { throw new Error("keys"); }, get() { throw new Error("get"); } })];
      let failed = 0;
      for (const value of values) { try { console.log(value); } catch { failed += 1; } }
      return { title: t.id, failed, count: values.length };
    }"""
    async with make_executor(code) as executor:
        result = await scan(executor, make_transaction())
        assert is_echo(result)
        assert result.findings[0].extra["failed"] == 0
        assert len(result.console) == result.findings[0].extra["count"]
        await assert_serves(executor)
