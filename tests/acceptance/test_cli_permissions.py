"""`isoscan run`: what plugins are allowed, what they tried, and how well they are held."""

from __future__ import annotations

from ._command import Workspace

ASKS = """
export const metadata = { id: "asks", permissions: { read: ["words.txt"], net: ["a.example:443"] } };
export function scan_transaction(t) {
  try { Deno.readTextFile("/etc/passwd"); } catch {}
  return { title: isoscan.readAssetText("words.txt") };
}"""


def test_denials_are_in_the_summary(workspace: Workspace) -> None:
    """What was tried without being granted, how often, and what to allow."""
    workspace.write("asks.ts", ASKS)
    workspace.write("words.txt", "alpha")
    done = workspace.run("run", "one.har", "--plugin", "asks.ts")
    assert done.code == 3
    assert "asks: denied read Deno.readTextFile (1), read words.txt (1)" in done.stderr
    assert (
        "asks: asks for more than it was granted (--allow): net=a.example:443, read=words.txt" in done.stderr
    )


def test_allowed(workspace: Workspace) -> None:
    """With --allow the plugin gets what it asks for."""
    workspace.write("asks.ts", ASKS)
    workspace.write("words.txt", "alpha")
    grants = ("--allow", "read=words.txt", "--allow", "net=a.example:443", "--allow", "wasm")
    done = workspace.run("run", "one.har", "--plugin", "asks.ts", *grants)
    assert done.code == 0
    assert "alpha" in done.text
    assert "asks for more" not in done.stderr


def test_weaker_sandbox_is_said(workspace: Workspace) -> None:
    """A level below strict runs, and standard error says so."""
    strict = workspace.run("run", "one.har", "--plugin", "probe.ts")
    weaker = workspace.run("run", "one.har", "--plugin", "probe.ts", "--sandbox", "permissions")
    assert weaker.code == strict.code == 0
    assert "sandbox" not in strict.stderr
    assert "sandbox: permissions" in weaker.stderr
