"""What the owner promises of a generation from its first moment, looked at from outside and inside."""

from __future__ import annotations

import logging
import os
import sys
from functools import partial
from pathlib import Path

import psutil
import pytest

from isoscan import ConfigError, IsoscanError, Permissions, Verdict
from isoscan.sandbox.deno import generation_environment
from support.builders import is_echo, make_executor, make_transaction, scan
from support.watching import until

GLOBALS = """
export function scan_transaction(t) {
  const names = new Set();
  for (let at = globalThis; at !== null; at = Object.getPrototypeOf(at))
    for (const key of Reflect.ownKeys(at)) if (typeof key === "string") names.add(key);
  const is_there = (name) => { try { return globalThis[name] !== undefined; } catch { return false; } };
  const held = [...names].filter(is_there);
  return { title: held.join(" ") };
}"""
#: What would be a way out, or a second realm, if it were there.
POWERS = {
    "Atomics", "BroadcastChannel", "Buffer", "EventSource", "MessageChannel", "ShadowRealm",
    "SharedArrayBuffer", "WebAssembly", "WebSocket", "Worker", "XMLHttpRequest", "caches", "fetch", "gc",
    "global", "indexedDB", "localStorage", "navigator", "process", "require", "sessionStorage",
}  # fmt: skip


def generations() -> list[psutil.Process]:
    """The Deno processes below this one."""
    return [child for child in psutil.Process().children(recursive=True) if child.name() == "deno"]


async def test_command_line_and_environment_tell_nothing() -> None:
    """Neither holds the plugin's code or a secret of the owner; the environment is ours alone."""
    code = "export function scan_transaction(t) { return { title: 'in-the-code' }; }"
    async with make_executor(code) as executor:
        assert (await scan(executor, make_transaction())).verdict is Verdict.FINDINGS
        (generation,) = [child for child in generations() if child.pid]
        assert "in-the-code" not in " ".join(generation.cmdline())
        if sys.platform == "linux":
            environment = {name: value for name, value in generation.environ().items() if name}
            assert environment == generation_environment()


async def test_globals_hold_no_power() -> None:
    """Nothing on the global object, own or inherited, leads out of the realm."""
    async with make_executor(GLOBALS) as executor:
        (finding,) = (await scan(executor, make_transaction())).findings
    held = set(finding.title.split())
    assert {"Object", "URL", "TextDecoder", "crypto", "isoscan"} <= held
    assert held & POWERS == set()


async def test_weaker_level_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """A level below strict stands in every result, in the stats, and once in the log."""
    with caplog.at_level(logging.WARNING, logger="isoscan"):
        async with make_executor(sandbox="permissions") as executor:
            results = [await scan(executor, make_transaction()) for _ in range(2)]
            await executor.restart()
            stats = executor.get_stats()
    assert {result.sandbox for result in results} == {"permissions"}
    assert (stats.sandbox, stats.sandbox_layers) == ("permissions", ())
    assert stats.sandbox_missing
    assert sum("holds it less" in record.getMessage() for record in caplog.records) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="strict is Linux's")
async def test_strict_is_the_default_and_complete() -> None:
    """Without a word the required layers hold a generation, and the result says so."""
    from isoscan.sandbox.linux.lockdown import REQUIRED

    async with make_executor() as executor:
        assert (await scan(executor, make_transaction())).sandbox == "strict"
        assert set(REQUIRED) <= set(executor.get_stats().sandbox_layers)


def makes_machine_code(generation: psutil.Process) -> bool:
    """Whether it has memory that can be written and run, where machine code is made."""
    maps = Path(f"/proc/{generation.pid}/maps").read_text(encoding="utf-8")
    return any(line.split()[1].startswith("rwx") for line in maps.splitlines())


@pytest.mark.skipif(sys.platform != "linux", reason="looks at the memory map in /proc")
async def test_without_a_compiler_no_machine_code_is_made() -> None:
    """With `is_jitless` a generation has no memory that is both written and run, and scans all the same."""
    has_such_memory = {}
    for is_jitless in (False, True):
        async with make_executor(is_jitless=is_jitless, regexp_backtracks=50_000) as executor:
            assert is_echo(await scan(executor, make_transaction()))
            (generation,) = generations()
            has_such_memory[is_jitless] = makes_machine_code(generation)
    assert has_such_memory == {False: True, True: False}


async def test_granted_webassembly_needs_the_compiler() -> None:
    """Both together are an error of the caller, said at the start."""
    with pytest.raises(ConfigError, match="is_jitless"):
        async with make_executor(is_jitless=True, permissions=Permissions(wasm=True)):
            pass


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors are opened by name there")
async def test_without_proc_nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where /proc is not mounted, starting fails at every level and the error says what is missing."""
    monkeypatch.setattr("isoscan.sandbox.children.DESCRIPTORS", Path("/no/such/folder"))
    for sandbox in ("strict", "available", "permissions"):
        with pytest.raises(IsoscanError, match="Is /proc mounted"):
            async with make_executor(sandbox=sandbox, max_load_failures=1):
                pass


def lacks(pid: int, wanted: bytes) -> bool:
    """Whether these bytes lie nowhere in memory that the process can write."""
    maps = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").splitlines()
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:  # noqa: PTH123  # not a file to be read whole
        for line in maps:
            span, rights, *_ = line.split()
            if not rights.startswith("rw-"):
                continue
            start, stop = (int(address, 16) for address in span.split("-"))
            memory.seek(start)
            if wanted in (memory.read(stop - start) or b""):
                return False
    return True


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root may look into the memory of a generation"
)
async def test_a_frame_is_wiped_when_it_is_answered() -> None:
    """A body that a plugin did not keep is nowhere in its process once the transaction is scanned."""
    held = {}
    for keeps in (True, False):
        code = f"let kept; export function scan_transaction(t) {{ {'kept = t.response.body;' * keeps} }}"
        secret = os.urandom(24).hex().encode()
        async with make_executor(code) as executor:
            await scan(executor, make_transaction(body=secret))
            (generation,) = generations()
            if not keeps:  # it answers first
                await until(partial(lacks, generation.pid, secret), "the frame is wiped")
            held[keeps] = not lacks(generation.pid, secret)
    assert held == {True: True, False: False}
