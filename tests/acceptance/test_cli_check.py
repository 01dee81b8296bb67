"""`isoscan check`: every problem of a plugin at its place, before anybody runs it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from acceptance._command import Done, Workspace, assert_gone, assert_refused, generations_of, make_workspace

GOOD = """\
import { limit } from "./lib/limit.ts";
export const metadata = { id: "good", name: "Good", version: "1.0.0", permissions: { read: ["words.txt"] } };
const words = () => isoscan.readAssetText("words.txt");
export function scan_transaction({ request, response }: IsoscanTransaction): IsoscanReturn {
  const all = new URL(request.url).searchParams;
  if (response !== null && /^[a-z]{1,9}$/.test(words()) && all.size > limit) return { title: "Many" };
}
"""

WRONG = """\
/// <reference path="./gone/isoscan.d.ts" />
// deno-lint-ignore-file
export const metadata = {
  id: "two words", titel: "x", version: 7, default_severity: "awful",
  permissions: { net: ["api.example.com:443"], reed: ["x"] },
};
const nested = /^(?:a+)+$/;
const cubic = new RegExp("a*a*x");
const trailing = /\\s+$/;
const known = /\\s+$/; // isoscan-ignore IS503 only ever sees a header
const linear = /^[^>]{1,50}>/;
export function scan_transaction({ response }: IsoscanTransaction): IsoscanReturn {
  const n: number = "no";
  if (typeof WebSocket === "undefined") Deno.readTextFileSync("/etc/passwd");
  const fetch = () => process.exit(nested.test("") ? n : 0);
  isoscan.readAsset("words.txt");
  return { title: "x", severity: "bad" };
}
"""


class Wanted(NamedTuple):
    """A problem that must be told: where, which, and words of its message."""

    place: str
    code: str
    words: str


#: What each plugin is, its files, and what must be told of it.
REFUSED: dict[str, tuple[dict[str, str], list[Wanted]]] = {
    "syntax": (
        {"plugin.ts": "export function scan_transaction( {\n  return }\nsyntax ("},
        [Wanted(r"plugin.ts:\d+:\d+", "IS101", "SyntaxError")],
    ),
    "imports": (
        {
            "plugin.ts": 'import a from "npm:left-pad";\nimport b from "./lib";\nimport c from "../up.ts";\n'
            'import d from "./gone.ts";\nimport e from "https://example.com/e.ts";\n'
            "export function scan_transaction() {}\n",
            "lib.ts": "export default 1;",
        },
        [
            Wanted("plugin.ts:1:15", "IS102", "npm:left-pad"),
            Wanted("plugin.ts:2:15", "IS102", "write the ending: './lib.ts'"),
            Wanted("plugin.ts:3:15", "IS102", "outside the plugin's folder"),
            Wanted("plugin.ts:4:15", "IS102", "gone.ts does not exist"),
            Wanted("plugin.ts:5:15", "IS102", "https://example.com/e.ts"),
        ],
    ),
    "no-entry": ({"plugin.ts": "export const x = 1;"}, [Wanted("plugin.ts", "IS202", "scan_transaction")]),
    "throws": (
        {"plugin.ts": 'export const metadata = { id: "t" };\nthrow new Error("boom");'},
        [Wanted("plugin.ts:2:7", "IS201", "boom")],
    ),
    "nameless": (
        {"plugin.ts": "export function scan_transaction(): void {}"},
        [Wanted("plugin.ts", "IS303", "warning: metadata is missing")],
    ),
    "bytes": ({"plugin.ts": "\x00\ud8ff"}, [Wanted("plugin.ts", "IS101", "not UTF-8 text (byte 1)")]),
}


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Every plugin of `REFUSED`, a good and a very wrong one, checked in one go."""
    workspace = make_workspace(tmp_path_factory.mktemp("check"))
    for name, (files, _) in REFUSED.items():
        for file, content in files.items():
            workspace.write(f"{name}/{file}", content.encode("utf-8", "surrogatepass"))
    workspace.write("wrong/plugin.ts", WRONG)
    workspace.write("good/plugin.ts", GOOD)
    workspace.write("good/words.txt", "word")
    workspace.write("good/lib/limit.ts", "export const limit: number = 3;")
    return workspace.run("check", *REFUSED, "wrong", "good")


Told = list[tuple[str, str, str]]


def problems_of(done: Done, folder: str = "") -> Told:
    """Place, code and message of each line of a folder's plugin."""
    found = []
    for line in done.text.splitlines()[:-1]:
        match = re.fullmatch(r"(\S+): ([A-Z]+\d+) (.*)", line)
        assert match is not None, line
        if match[1].startswith(folder):
            found.append((match[1], match[2], match[3]))
    return found


def assert_told(problems: Told, folder: str, wanted: list[Wanted]) -> None:
    """Exactly the wanted problems are there."""
    for place, code, words in wanted:
        found = [
            message
            for at, of, message in problems
            if of == code and re.fullmatch(f"{folder}/{place}", at) and words in message
        ]
        assert len(found) == 1, (place, code, words, problems)
    assert len(problems) == len(wanted), problems


@pytest.mark.parametrize("name", REFUSED)
def test_one_thing_wrong_is_one_problem(checked: Done, name: str) -> None:
    """Exactly what is wrong is told, at its place, and nothing that follows from it."""
    assert_told(problems_of(checked, f"{name}/"), name, REFUSED[name][1])


def test_nothing_wrong(checked: Done) -> None:
    """Own files, asked permissions and an anchored expression are fine."""
    assert problems_of(checked, "good/") == []


def test_the_summary_counts(checked: Done) -> None:
    """Plugins, errors and warnings are counted, and errors fail the check."""
    assert checked.text.splitlines()[-1] == "8 plugins checked: 21 errors, 2 warnings"
    assert (checked.stderr, checked.code) == ("", 1)


def test_everything_wrong(checked: Done) -> None:
    """Types, metadata, permissions and expressions are told at once, with line, column and what to do."""
    wanted = [
        Wanted("plugin.ts:4:3", "IS301", "two words"),
        Wanted("plugin.ts:4:20", "IS302", "'titel'"),
        Wanted("plugin.ts:4:32", "IS301", "Expected 'str', got 'int'"),
        Wanted("plugin.ts:4:44", "IS301", "'awful'; known are critical, high, info, low, medium"),
        Wanted("plugin.ts:5:48", "IS302", "did you mean 'read'?"),
        Wanted("plugin.ts:7:16", "IS501", "time doubles with every character"),
        Wanted("plugin.ts:8:15", "IS502", "time grows with the"),
        Wanted("plugin.ts:9:18", "IS503", "warning: /\\s+$/: time grows with the square of the input"),
        Wanted("plugin.ts:13:9", "TS2322", "'string' is not assignable to type 'number'"),
        Wanted("plugin.ts:14:41", "IS404", "Deno.readTextFileSync"),
        Wanted("plugin.ts:15:23", "IS404", "process"),
        Wanted("plugin.ts:16:3", "IS401", 'read: ["words.txt"]'),
        Wanted("plugin.ts:17:3", "TS2322", "IsoscanSeverity"),
    ]
    assert_told(problems_of(checked, "wrong/"), "wrong", wanted)


BROKEN = {"plugin.js": "export const x = 1;", "second.js": 'import "npm:left-pad";'}


def write_broken(workspace: Workspace) -> None:
    """Two plugins in plain JavaScript, so that nothing is checked for types."""
    for name, content in BROKEN.items():
        workspace.write(f"{name[:-3]}/plugin.js", content)


def test_json(workspace: Workspace) -> None:
    """One document with every problem's file, line, column, code, level and message."""
    write_broken(workspace)
    done = workspace.run("check", "plugin", "second", "--format", "json")
    found = json.loads(done.text)
    assert found["checked"] == 2
    assert [(problem["code"], problem["level"], problem["file"]) for problem in found["problems"]] == [
        ("IS202", "error", "plugin/plugin.js"),
        ("IS102", "error", "second/plugin.js"),
    ]
    assert (found["problems"][1]["line"], found["problems"][1]["column"]) == (1, 8)
    assert done.code == 1


def test_github(workspace: Workspace) -> None:
    """Annotations of a workflow."""
    write_broken(workspace)
    lines = workspace.run("check", "plugin", "second", "--format", "github").text.splitlines()
    assert lines[0].startswith("::error file=plugin/plugin.js,title=IS202::no entry function")
    assert lines[1].startswith("::error file=second/plugin.js,line=1,col=8,title=IS102::cannot import")


def test_types_of_javascript_on_demand(workspace: Workspace) -> None:
    """Plain JavaScript is not checked for types unless asked for."""
    code = 'export const metadata = { id: "js" };\nexport function scan_transaction() { "x".foo(); }\n'
    workspace.write("js.js", code)
    assert workspace.run("check", "js.js").code == 0
    done = workspace.run("check", "js.js", "--check-js")
    assert [problem[:2] for problem in problems_of(done)] == [("js.js:2:42", "TS2339")]
    assert done.code == 1


def test_strict_and_ignore(workspace: Workspace) -> None:
    """Warnings fail with --strict, and codes can be left out by how they begin."""
    workspace.write("here/plugin.js", "export function scan_transaction() {}")
    assert workspace.run("check", "here").code == 0
    assert workspace.run("check", "here", "--strict").code == 1
    assert workspace.run("check", "here", "--strict", "--ignore", "IS30").code == 0


def test_an_old_copy_of_the_types(workspace: Workspace) -> None:
    """The check goes by the types of this isoscan, and says when those beside the plugin are others."""
    workspace.run("new", "mine")
    (workspace.folder / "mine/isoscan.d.ts").write_text("type IsoscanTransaction = number;\n")
    done = workspace.run("check", "mine")
    assert [problem[:2] for problem in problems_of(done)] == [("mine/isoscan.d.ts", "IS304")]
    assert done.code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere",), ("nowhere: no such plugin file or folder",)),
        (("empty",), ("empty: the folder holds no plugin files",)),
        (("one.har",), ("one.har: not a plugin file",)),
        (("probe.ts", "--ignore", "IS999"), ("--ignore", "'IS999'", "known are")),
        (("probe.ts", "--fromat", "json"), ("--fromat", "--format")),
    ],
)
def test_what_cannot_be_checked(
    workspace: Workspace, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    """A wrong path or option is one message and exit code 2."""
    (workspace.folder / "empty").mkdir()
    assert_refused(workspace.run("check", *arguments), *words)


def test_without_deno(workspace: Workspace) -> None:
    """A missing Deno is told with how it was looked for; nothing passes for checked."""
    done = workspace.run("check", "probe.ts", ISOSCAN_DENO=str(Path("/nowhere/deno")))
    assert_refused(done, "ISOSCAN_DENO", "/nowhere/deno")


def test_an_end_from_outside_leaves_nothing(workspace: Workspace) -> None:
    """Terminated while a plugin hangs, the check removes its private copy and its processes."""
    workspace.write("hangs/plugin.js", "while (true);")
    with workspace.started("check", "hangs") as process:
        generations = generations_of(process)
        process.terminate()
        done = workspace.finish(process)
    assert_gone(generations)
    assert (done.stdout, done.code) == (b"", 130)
