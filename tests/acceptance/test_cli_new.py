"""`isoscan new`: a plugin that is green from the first minute, and nothing written over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from acceptance._command import Workspace, assert_refused, entry, har


@pytest.mark.parametrize("options", [(), ("--javascript",)], ids=["typescript", "javascript"])
def test_a_new_plugin_is_green_and_runs(workspace: Workspace, options: tuple[str, ...]) -> None:
    """Made, checked (types too), tested with every line run, and used on a capture."""
    made = workspace.run("new", "leaked-versions", *options)
    assert made.code == 0
    assert "isoscan test leaked-versions" in made.text
    checked = workspace.run("check", "leaked-versions", "--check-js", "--strict")
    assert checked.text == "1 plugin checked: no problems\n"
    assert checked.code == 0
    tested = workspace.run("test", "leaked-versions", "--coverage")
    assert tested.code == 0, tested.text
    assert "4 cases: 4 passed" in tested.text
    assert "100.0 %" in tested.text
    response = entry("https://shop.example/")
    response["response"]["headers"].append({"name": "Server", "value": "nginx/1.2.3"})
    workspace.write("one.har", har(response))
    run = workspace.run("run", "one.har", "--plugin", "leaked-versions", "--format", "jsonl")
    assert [finding["plugin_id"] for finding in run.findings] == ["leaked-versions"]


def test_what_is_made(workspace: Workspace) -> None:
    """Code, types for editors, cases, a README; the id is the name."""
    assert workspace.run("new", "mine", "--folder", ".").code == 0
    folder = workspace.folder / "mine"
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"plugin.ts", "isoscan.d.ts", "deno.json", "README.md", "fixtures/version.json"} <= names
    assert 'id: "mine"' in (folder / "plugin.ts").read_text()
    assert json.loads((folder / "deno.json").read_text())["compilerOptions"]["types"] == ["./isoscan.d.ts"]
    assert "@" not in (folder / "README.md").read_text()


def test_nothing_is_written_over(workspace: Workspace) -> None:
    """A folder, a file or a dead link of that name is left as it is."""
    (workspace.folder / "folder").mkdir()
    workspace.write("file", "kept")
    (workspace.folder / "link").symlink_to("nowhere")
    for name in ("folder", "file", "link"):
        assert_refused(workspace.run("new", name), name, "is there already")
    assert list((workspace.folder / "folder").iterdir()) == []
    assert (workspace.folder / "file").read_text() == "kept"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("MyPlugin",), ("'MyPlugin'", "for example 'my-plugin'")),
        (("mine", "--folder", "nowhere"), ("--folder nowhere", "no such folder")),
        (("mine", "--javscript"), ("--javscript", "--javascript")),
        ((), ("NAME",)),
    ],
)
def test_what_cannot_be_made(
    workspace: Workspace, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    """A wrong name, folder or option is one message, and nothing is made."""
    before = sorted(workspace.folder.iterdir())
    assert_refused(workspace.run("new", *arguments), *words)
    assert sorted(workspace.folder.iterdir()) == before


def test_a_folder_that_cannot_be_written(workspace: Workspace) -> None:
    """The system's reason is told."""
    target = workspace.write("full", "")
    assert Path(target).is_file()
    assert_refused(workspace.run("new", "mine", "--folder", "full"), "full", "no such folder")
