"""`isoscan run --inspect`: a real debugger session over a WebSocket."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from acceptance._author import Staying, staying
from acceptance._command import Workspace, assert_gone, assert_refused, generations_of
from isoscan.cli.devtools import DevTools
from isoscan.errors import RuntimeFault

HELPER = """
export interface Unused { a: number }

export function checked(url: string): string {
  if (url.endsWith("/bad")) throw new Error("not this one");
  return url;
}
"""
PLUGIN = """import { checked } from "./helper.ts";

interface Local { url: string }
export const metadata = { id: "inspected" };

export function scan_transaction(t: IsoscanTransaction): IsoscanReturn {
  const local: Local = { url: checked(t.request.url) };
  return { title: "Seen", evidence: local.url };
}
"""
#: Of the assignment to `local`, in the JavaScript that is left of the plugin.
JAVASCRIPT_LINE = 6
ADDRESS = re.compile(r"ws://127\.0\.0\.1:\d+/\S+")


@pytest.fixture
def inspected(workspace: Workspace) -> Workspace:
    """A plugin of two files, and a capture with one transaction it throws on."""
    workspace.write("inspected/helper.ts", HELPER)
    workspace.write("inspected/plugin.ts", PLUGIN)
    workspace.capture("in.har", "good", "bad")
    return workspace


def attached(run: Staying, session: Callable[[DevTools], Awaitable[Any]]) -> Any:
    """Attaches to the address the command prints, as a debugger does, and has the session."""
    found = ADDRESS.search(run.wait_for("waiting for a debugger"))
    assert found is not None

    async def attach() -> Any:
        tools = await DevTools.attach(found[0])
        try:
            await tools.call("Debugger.enable")
            await tools.call("Runtime.runIfWaitingForDebugger")
            return await session(tools)
        finally:
            await tools.close()

    return asyncio.run(attach())


async def let_go(tools: DevTools) -> None:
    """Lets the plugin run on; the run may be over before the inspector has said that it does."""
    with contextlib.suppress(RuntimeFault):
        await tools.call("Debugger.disable")


async def scripts(tools: DevTools) -> dict[str, dict[str, Any]]:
    """The plugin's scripts by the file their source map names: event and map."""
    found: dict[str, dict[str, Any]] = {}
    while len(found) < 2:
        script = await tools.event("Debugger.scriptParsed", 30)
        _, _, encoded = script["sourceMapURL"].partition("base64,")
        if script["url"].startswith("blob:") and encoded:
            map_ = json.loads(base64.b64decode(encoded))
            found[map_["sources"][0]] = {**script, "map": map_}
    return found


def test_breakpoint(inspected: Workspace) -> None:
    """The run waits, stops where the plugin begins and at a breakpoint, however long, and is completed."""

    async def session(tools: DevTools) -> tuple[dict[str, Any], dict[str, Any]]:
        await tools.event("Debugger.paused", 30)
        by_file = await scripts(tools)
        own = by_file[str(inspected.folder / "inspected/plugin.ts")]
        await tools.call("Debugger.setBreakpointByUrl", url=own["url"], lineNumber=JAVASCRIPT_LINE - 1)
        await tools.call("Debugger.resume")
        hit = await tools.event("Debugger.paused", 30)
        frame = hit["callFrames"][0]
        told = await tools.call(
            "Debugger.evaluateOnCallFrame",
            callFrameId=frame["callFrameId"],
            # Longer than a scan may take.
            expression="for (const end = Date.now() + 700; Date.now() < end;); t.request.url",
        )
        await let_go(tools)
        return by_file, {**frame, "value": told["result"]["value"]}

    arguments = ("run", "in.har", "-p", "inspected", "-p", "probe.ts", "--inspect", "inspected")
    with staying(inspected, *arguments, "--timeout", "0.2", "--format", "jsonl") as run:
        by_file, hit = attached(run, session)
        done = run.finish()
    assert hit["functionName"] == "scan_transaction"
    assert hit["value"] == "http://shop.example/good"
    own = by_file[str(inspected.folder / "inspected/plugin.ts")]
    assert own["map"]["sourcesContent"] == [PLUGIN]
    helper = by_file[str(inspected.folder / "inspected/helper.ts")]
    assert helper["map"]["sourcesContent"] == [HELPER]
    assert [finding["evidence"] for finding in done.findings] == ["http://shop.example/good"]
    assert "without time limits and in the weaker sandbox 'permissions'" in done.stderr
    assert "sandbox: permissions, weaker than strict" in done.stderr
    # The place of the throw is that of the TypeScript, although JavaScript was loaded.
    assert (
        "inspected: 1 ended in an error, first at in.har#1: Error: not this one (helper.ts:5:" in done.stderr
    )
    assert done.code == 3


@pytest.mark.parametrize("name", ["inspected/plugin.ts", "inspected"])
def test_by_its_file(inspected: Workspace, name: str) -> None:
    """A plugin can be named by its file or folder too; a plain JavaScript one is mapped line by line."""
    (inspected.folder / "inspected/plugin.ts").unlink()
    inspected.write(
        "inspected/plugin.js", "export const metadata = { id: 'js' };\nfunction scan_transaction(t) {}\n"
    )
    name = name.replace(".ts", ".js")

    async def session(tools: DevTools) -> str:
        paused = await tools.event("Debugger.paused", 30)
        script = paused["callFrames"][0]["location"]["scriptId"]
        await tools.call("Debugger.setBreakpoint", location={"scriptId": script, "lineNumber": 1})
        await tools.call("Debugger.resume")
        hit = await tools.event("Debugger.paused", 30)
        await let_go(tools)
        return str(hit["callFrames"][0]["functionName"])

    with staying(inspected, "run", "one.har", "-p", "inspected", "--inspect", name) as run:
        assert attached(run, session) == "scan_transaction"
        assert run.finish().code == 0


def test_interrupted_while_it_waits(inspected: Workspace) -> None:
    """Ctrl-C ends a run nobody attached to, and its generations."""
    with staying(inspected, "run", "one.har", "-p", "inspected", "--inspect", "inspected") as run:
        run.wait_for("waiting for a debugger")
        generations = generations_of(run.process)
        assert run.stop().code == 130
    assert_gone(generations)


def test_a_session_that_goes_away(inspected: Workspace) -> None:
    """The run goes on when the debugger is closed while it holds the plugin."""

    async def session(tools: DevTools) -> None:
        await tools.event("Debugger.paused", 30)

    with staying(inspected, "run", "one.har", "-p", "inspected", "--inspect", "inspected") as run:
        attached(run, session)
        assert run.finish().code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--inspect", "probe", "--sandbox", "strict"), ("--inspect", "socket", "--sandbox")),
        (("--inspect", "prove"), ("--inspect prove", "no plugin of this run", "did you mean probe?")),
        (("--inspect", ""), ("--inspect", "empty")),
    ],
)
def test_refused(workspace: Workspace, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    """One sentence, and nothing is scanned."""
    assert_refused(workspace.run("run", "one.har", "-p", "probe.ts", *arguments), *words)


def test_strict_in_the_configuration(workspace: Workspace) -> None:
    """What is written in a configuration counts as asked for."""
    workspace.write("isoscan.toml", 'sandbox = "strict"\n')
    done = workspace.run("run", "one.har", "-p", "probe.ts", "--inspect", "probe")
    assert_refused(done, "--inspect", "isoscan.toml:1")
