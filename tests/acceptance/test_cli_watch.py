"""`isoscan run --watch`: a changed plugin is loaded again, and its findings are compared."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from acceptance._author import Staying, staying
from acceptance._command import Workspace, assert_gone, assert_refused, generations_of

PLUGIN = """
export const metadata = { id: "watched" };
export function scan_transaction(t: IsoscanTransaction): IsoscanReturn {
  console.log("watched looks");
  const found = [{ title: "always" }];
  if (t.request.url.includes("/a")) found.push({ title: "TITLE" });
  return found;
}
"""
OTHER = """
export const metadata = { id: "other" };
export function scan_transaction(t: unknown): null { console.log("other looks"); return null; }
"""
STARTED = "Ctrl-C ends it"


def plugin(title: str) -> str:
    """The plugin with that title for what only some transactions have."""
    return PLUGIN.replace("TITLE", title)


@pytest.fixture
def watched(workspace: Workspace) -> Workspace:
    """Three transactions, two of which are `/a…`, and the plugin."""
    workspace.capture("in.har", "a1", "a2", "z")
    workspace.write("watched.ts", plugin("first"))
    return workspace


def changed(watch: Staying, workspace: Workspace, text: str, name: str = "watched.ts") -> str:
    """Saves a version; what is said until its findings are compared."""
    workspace.write(name, text)
    return watch.wait_for(" unchanged")


def test_findings_are_compared(watched: Workspace) -> None:
    """New, gone and unchanged are counted and listed; Ctrl-C is a good end, and nothing is left."""
    with staying(watched, "run", "in.har", "-p", "watched.ts", "--watch") as watch:
        assert "findings: 5" in watch.wait_for(STARTED)
        generations = generations_of(watch.process)
        assert "+ 2 new, - 2 gone, 3 unchanged" in changed(watch, watched, plugin("second"))
        lines = watch.wait_for("- info     first  GET http://shop.example/a2")
        assert "  + info     second  GET http://shop.example/a1\n" in lines
        assert "always" not in lines
        assert "+ 0 new, - 2 gone, 3 unchanged" in changed(watch, watched, plugin("always"))
        done = watch.stop()
    assert done.code == 0
    assert done.text.count("first") == 2
    assert_gone(generations)


def test_what_does_not_load(watched: Workspace) -> None:
    """A version that does not load is told with its place; the next is compared with the one before it."""
    with staying(watched, "run", "in.har", "-p", "watched.ts", "--watch") as watch:
        watch.wait_for(STARTED)
        watched.write("watched.ts", plugin("second") + "throw new Error('not yet');\n")
        said = watch.wait_for("not yet")
        assert "watched: not loaded, the version before stays: watched.ts:9:7: Error: not yet" in said
        watched.write("watched.ts", plugin("second") + "import { x } from './later.ts';\nconsole.log(x);")
        assert "watched.ts:9" in watch.wait_for("later.ts")
        # Nothing of what was loaded changes now: the missing file comes.
        watched.write("later.ts", "export const x = 1;\n")
        assert "+ 2 new, - 2 gone, 3 unchanged" in watch.wait_for(" unchanged")
        assert watch.stop().code == 0


def test_only_the_changed_plugin(watched: Workspace) -> None:
    """The others are not scanned again, and a file that says the same as before is no change."""
    watched.write("other.ts", OTHER)
    with staying(
        watched, "run", "in.har", "-p", "watched.ts", "-p", "other.ts", "--watch", "--console"
    ) as watch:
        first = watch.wait_for(STARTED)
        assert first.count("watched looks") == first.count("other looks") == 3
        os.utime(watched.folder / "other.ts", (1, 1))
        said = changed(watch, watched, plugin("second"))
        assert said.count("watched in.har#") == 3
        assert "other looks" not in said
        done = watch.stop()
    assert done.stderr.count("reloaded") == 1


def test_imported_files_are_watched(workspace: Workspace) -> None:
    """Every file the plugin is made of counts, also one that a later version brings."""
    workspace.write("p/words.ts", "export const word = 'one';")
    entry = (
        "import { word } from './words.ts';\nexport function scan_transaction(t: unknown) "
        "{ return { title: word }; }\n"
    )
    workspace.write("p/plugin.ts", entry)
    with staying(workspace, "run", "one.har", "-p", "p", "--watch") as watch:
        assert "watch: 2 files of 1 plugin" in watch.wait_for(STARTED)
        assert "+ 1 new, - 1 gone" in changed(watch, workspace, "export const word = 'two';", "p/words.ts")
        workspace.write("p/more.ts", "export const word = 'two';")
        said = changed(watch, workspace, entry.replace("words", "more"), "p/plugin.ts")
        assert "+ 0 new, - 0 gone, 1 unchanged" in said
        assert "+ 1 new, - 1 gone" in changed(watch, workspace, "export const word = 'three';", "p/more.ts")
        assert watch.stop().code == 0


def test_scans_that_fail(watched: Workspace) -> None:
    """A version that loads and throws is told with the place of the throw, and when that is over."""
    broken = PLUGIN.replace(
        "const found", 'if (t.request.url.includes("z")) throw new Error("boom");\n const found'
    )
    with staying(watched, "run", "in.har", "-p", "watched.ts", "--watch") as watch:
        watch.wait_for(STARTED)
        changed(watch, watched, broken)
        said = watch.wait_for("failed, first")
        assert "! 1 scan failed, first: error at in.har#2: Error: boom (watched.ts:5:" in said
        changed(watch, watched, plugin("first"))
        watch.wait_for("no scan fails any more")
        assert watch.stop().code == 0


def test_wider_permissions_wait(watched: Workspace) -> None:
    """A version that would get more than the one before is not loaded, and what to do is said."""
    allow = ("--allow", "net=127.0.0.1:1", "--allow", "wasm")
    asks = plugin("first").replace(
        '"watched" }', '"watched", permissions: { wasm: true, net: ["127.0.0.1:1"] } }'
    )
    with staying(watched, "run", "in.har", "-p", "watched.ts", "--watch", *allow) as watch:
        watch.wait_for(STARTED)
        watched.write("watched.ts", asks)
        assert "the version before stays" in watch.wait_for("start again with --allow")
        assert "+ 2 new, - 2 gone, 3 unchanged" in changed(watch, watched, plugin("second"))
        assert watch.stop().code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-", "--watch"), ("standard input", "name a file")),
        (("in.fifo", "--watch"), ("in.fifo", "no plain file")),
        (("one.har", "--watch", "--inspect", "probe"), ("--watch", "--inspect", "one of the two")),
    ],
)
def test_what_cannot_be_watched(
    workspace: Workspace, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    """Said before anything is scanned."""
    os.mkfifo(workspace.folder / "in.fifo")
    assert_refused(workspace.run("run", *arguments, "-p", "probe.ts"), *words)


def test_a_first_version_that_does_not_load(workspace: Workspace) -> None:
    """There is nothing to stay for: the error, and exit code 2."""
    workspace.write("bad.ts", "export function scan_transaction( {")
    assert_refused(workspace.run("run", "one.har", "-p", "bad.ts", "--watch"), "bad.ts:1")


def test_the_newest_version_counts(watched: Workspace) -> None:
    """A version that comes while the one before it scans is not kept waiting."""
    slow = plugin("second").replace(
        "const found", "for (const end = Date.now() + 40; Date.now() < end;);\n  const found"
    )
    watched.capture("many.har", *["a"] * 150)
    with staying(watched, "run", "many.har", "-p", "watched.ts", "--watch") as watch:
        watch.wait_for(STARTED)
        watched.write("watched.ts", slow)
        watch.wait_for("scanning again")
        said = changed(watch, watched, plugin("third"))
        assert "changed again, starting over" in said
        assert "+ 1 new, - 1 gone, 1 unchanged" in said
        assert "first" in watch.wait_for("- info")
        assert watch.stop().code == 0


def test_nothing_goes_into_the_store(watched: Workspace) -> None:
    """Versions under work leave no trace among the results; a store that was named is told of."""
    with staying(watched, "run", "in.har", "-p", "watched.ts", "--watch", "--db", "own.db") as watch:
        assert "--db: not used, --watch keeps nothing in a store" in watch.wait_for(STARTED)
        assert watch.stop().code == 0
    assert not (watched.folder / "own.db").exists()
    assert not [path for path in Path(watched.data).rglob("*") if path.is_file()]
