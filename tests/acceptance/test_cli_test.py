"""`isoscan test`: a plugin's cases pass, fail, break or are written, and each is told with its reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from acceptance._command import Workspace, assert_refused

PLUGIN = """\
export const metadata = { id: "mine", version: "1.0.0" };
let word = "bad";
export function init(config: { word?: string }): void {
  word = config.word ?? word;
}
export function scan_transaction({ request, response }: IsoscanTransaction): IsoscanReturn {
  console.log("looking at", request.method, "\\x1b[31m");
  if (request.url.endsWith("/throw")) throw new Error("thrown on purpose");
  if (request.url.endsWith("/loop")) while (true);
  if (response?.text().includes(word)) {
    return { title: "Bad word", severity: "low", evidence: word, location: "response.body", depth: 1 };
  }
}
"""


def case(path: str = "/", body: str = "") -> dict[str, Any]:
    """A transaction with that path and response body."""
    return {
        "request": {"method": "GET", "url": f"https://shop.example{path}"},
        "response": {"status": 200, "headers": {"content-type": "text/plain"}, "body": body},
    }


@pytest.fixture
def plugin(workspace: Workspace) -> Workspace:
    """A workspace with the plugin `mine` and no cases."""
    workspace.write("mine/plugin.ts", PLUGIN)
    return workspace


def add(workspace: Workspace, name: str, transaction: Any, expected: Any = None) -> Path:
    """A case and, unless it is None, what is expected of it."""
    path = workspace.folder / f"mine/fixtures/{name}.findings.json"
    workspace.write(f"mine/fixtures/{name}.json", json.dumps(transaction, indent=2))
    if expected is not None:
        path.write_text(json.dumps(expected))
    return path


def test_cases_that_pass(plugin: Workspace) -> None:
    """Findings by some of their fields, none, config, an expected error and an expected timeout."""
    add(plugin, "bad", case(body="a bad word"), [{"title": "Bad word", "depth": 1}])
    add(plugin, "clean", case(body="a good word"), [])
    add(plugin, "two", [case(body="bad"), case(), case(body="bad")], [{"severity": "low"}] * 2)
    add(plugin, "config", case(body="evil"), {"config": {"word": "evil"}, "findings": [{"evidence": "evil"}]})
    add(plugin, "throws", case("/throw"), {"error": "on purpose"})
    add(plugin, "loops", case("/loop"), {"verdict": "timeout"})
    done = plugin.run("test", "mine", "--timeout", "0.5")
    assert done.text.splitlines()[-1] == "1 plugin, 6 cases: 6 passed", done.text
    assert done.code == 0
    assert plugin.run("test", "mine", "--timeout", "0.5", "--isolate").code == 0


def test_cases_that_fail(plugin: Workspace) -> None:
    """Each failure says what differs, with the plugin's line and console; nothing writes to the terminal."""
    add(plugin, "differs", case(body="bad"), [{"title": "Bad word", "severity": "high"}])
    add(plugin, "surplus", case(body="bad"), [])
    add(plugin, "missing", case(), [{"title": "Bad word"}])
    add(plugin, "unexpected-error", case("/throw"), [])
    add(plugin, "no-error", case(), {"verdict": "error"})
    add(plugin, "other-error", case("/throw"), {"error": "something else"})
    add(plugin, "unsaid", case())
    done = plugin.run("test", "mine")
    assert done.code == 1
    assert "7 failed" in done.text
    for line in (
        'severity: expected "high", found "low"',
        'not expected: {"title": "Bad word"',
        'missing: {"title": "Bad word"}',
        "error: Error: thrown on purpose (plugin.ts:8:",
        "expected the verdict 'error', it was clean",
        "expected an error with 'something else'",
        "unsaid.findings.json is missing; isoscan test --update writes it (no findings now)",
        "console.log: looking at GET \\x1b[31m",
    ):
        assert line in done.text
    assert "\x1b" not in done.text


def test_update_writes_and_tells(plugin: Workspace) -> None:
    """What is new is written, what still holds is kept, errors are never written down as expected."""
    new = add(plugin, "new", case(body="bad"))
    kept = add(plugin, "kept", case(body="bad"), [{"title": "Bad word"}])
    changed = add(plugin, "changed", case(), {"config": {}, "findings": [{"title": "Old"}]})
    failing = add(plugin, "failing", case("/throw"))
    before = kept.read_bytes()
    done = plugin.run("test", "mine", "--update")
    assert done.code == 1
    assert "new.findings.json: new: 1 finding" in done.text
    assert "changed.findings.json: 0 added, 1 removed, 0 kept" in done.text
    assert kept.read_bytes() == before
    assert json.loads(changed.read_text()) == {"config": {}, "findings": []}
    assert not failing.exists()
    written = json.loads(new.read_text())
    assert written[0]["evidence"] == "bad"
    assert "created_at" not in written[0]
    failing.with_name("failing.json").unlink()
    assert plugin.run("test", "mine").code == 0
    assert "updated" not in plugin.run("test", "mine", "--update").text


LEAKY = """\
export const metadata = { id: "mine" };
const seen = new Set<string>();
export function scan_transaction({ request }: IsoscanTransaction): IsoscanReturn {
  const host = new URL(request.url).host;
  if (seen.has(host)) return;
  seen.add(host);
  return { title: "First of its host" };
}
"""
CHANCE = """\
export const metadata = { id: "mine" };
export function scan_transaction(): IsoscanReturn {
  return { title: `At ${Math.random()}` };
}
"""


@pytest.mark.parametrize(
    ("code", "words"), [(LEAKY, "keeps state between scans"), (CHANCE, "from run to run, even alone")]
)
def test_results_that_depend_on_order_or_chance(plugin: Workspace, code: str, words: str) -> None:
    """A case that would pass or fail by luck fails, with the cause."""
    plugin.write("mine/plugin.ts", code)
    add(plugin, "a", case(), [{}])
    add(plugin, "b", case(), [])
    done = plugin.run("test", "mine")
    assert done.text.count(words) == 2
    assert done.code == 1


def test_cases_by_name(plugin: Workspace) -> None:
    """Only cases with the text in their name run; a name that fits none is told with a near one."""
    add(plugin, "one", case(), [])
    add(plugin, "two", case(body="bad"), [])
    assert plugin.run("test", "mine", "-k", "one").code == 0
    assert_refused(plugin.run("test", "mine", "-k", "mine/onne"), "-k", "did you mean 'mine/one'?")


def test_broken_cases(plugin: Workspace) -> None:
    """Sound cases run, broken ones are named with place and repair, and the run does not pass."""
    add(plugin, "sound", case(), [])
    plugin.write("mine/fixtures/typo.json", '{"request": {"metod": "GET"}}')
    plugin.write("mine/fixtures/cut.jsonl", '{"request": {"method": "GET", "url": "https://a/"}}\n{"req')
    done = plugin.run("test", "mine")
    assert "ok    mine/sound" in done.text
    assert "mine/fixtures/typo.json: a request has no 'metod'; did you mean 'method'?" in done.text
    assert "mine/fixtures/cut.jsonl:2:2: is not JSON" in done.text
    assert done.code == 2


def test_permissions_of_a_case(plugin: Workspace) -> None:
    """The plugin's own files are granted as it asks; network only as allowed."""
    plugin.write(
        "mine/plugin.ts",
        'export const metadata = { id: "mine", permissions: { read: ["words.txt"] } };\n'
        "export function scan_transaction(): IsoscanReturn {\n"
        '  return { title: isoscan.readAssetText("words.txt") };\n}\n',
    )
    plugin.write("mine/words.txt", "from a file")
    add(plugin, "a", case(), [{"title": "from a file"}])
    assert plugin.run("test", "mine", "--coverage").code == 0
    refused = plugin.run("test", "mine", "--allow", "read=words.txt")
    assert_refused(refused, "--allow", "net=HOST:PORT")


def test_coverage_tells_lines_no_case_ran(plugin: Workspace) -> None:
    """Lines of all files of the plugin, those that only loading ran included."""
    plugin.write(
        "mine/lib/words.ts", "export function first(list: string[]): string {\n  return list[0];\n}\n"
    )
    code = PLUGIN.replace(
        'let word = "bad";', 'import { first } from "./lib/words.ts"; let word = first(["bad"]);'
    )
    plugin.write("mine/plugin.ts", code)
    add(plugin, "a", case(body="bad"), [{"title": "Bad word"}])
    done = plugin.run("test", "mine", "--coverage", "--format", "json")
    (report,) = json.loads(done.text)["plugins"]
    by_file = {file["file"]: (file["lines"], file["missed"]) for file in report["coverage"]}
    assert by_file == {"lib/words.ts": (1, []), "plugin.ts": (6, [])}
    add(plugin, "b", case("/x"), [])
    (plugin.folder / "mine/fixtures/a.json").unlink()
    (plugin.folder / "mine/fixtures/a.findings.json").unlink()
    text = plugin.run("test", "mine", "--coverage").text
    assert "83.3 % of 6 lines  mine/plugin.ts, never run: 11" in text


def test_junit(plugin: Workspace) -> None:
    """A CI server gets every case with its failure and console."""
    add(plugin, "good", case(), [])
    add(plugin, "bad", case(body="bad"), [])
    plugin.write("mine/fixtures/broken.json", "{")
    done = plugin.run("test", "mine", "--format", "junit")
    (suite,) = ElementTree.fromstring(done.text)
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    kinds = {test.get("name"): [child.tag for child in test] for test in suite}
    assert kinds == {"bad": ["failure", "system-out"], "broken": ["error"], "good": []}


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("syntax (", "mine/plugin.ts:1:"),
        ("export const x = 1;", "no scan_transaction"),
        ('import "./gone.ts"; export function scan_transaction() {}', "gone.ts does not exist"),
    ],
)
def test_a_plugin_that_does_not_load(plugin: Workspace, code: str, words: str) -> None:
    """Nothing ran: exit code 2, and why."""
    plugin.write("mine/plugin.ts", code)
    add(plugin, "a", case(), [])
    done = plugin.run("test", "mine")
    assert "ERROR mine/plugin.ts" in done.text
    assert words in done.text
    assert done.code == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("mine",), ("mine/plugin.ts: the plugin has no cases", "mine/fixtures does not exist", "--update")),
        (("nowhere",), ("nowhere: no such plugin",)),
        (("mine", "--timeout", "0"), ("--timeout",)),
        (("mine", "--allow", "net=everything"), ("--allow net", "host:port")),
        (("mine", "--updat"), ("--updat", "--update")),
    ],
)
def test_what_cannot_be_tested(plugin: Workspace, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    """Nothing to run is an error that says what to do, never a green run."""
    assert_refused(plugin.run("test", *arguments), *words)
