"""isoscan.toml as a user meets it: found, obeyed, shown, and refused where it is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from acceptance._command import Workspace, assert_refused
from isoscan import PluginMetadata

#: Reports what it was configured with.
TELLER = """
export const metadata = {
  id: "teller",
  config_schema: { type: "object", properties: { word: { type: "string" }, loud: { type: "boolean" } } },
};
let told: unknown = "nothing";
export function init(config: unknown) { told = config; }
export function scan_transaction() { return { title: JSON.stringify(told), severity: "high" }; }
"""

SPINNER = """
export const metadata = { id: "spinner" };
export function scan_transaction() { while (true) {} }
"""


@pytest.fixture
def project(workspace: Workspace) -> Workspace:
    """A workspace where the search for files ends, with a plugin that tells its options."""
    (workspace.folder / ".git").mkdir()
    workspace.write("teller.ts", TELLER)
    return workspace


def told(project: Workspace, *arguments: str) -> Any:
    """The options the plugin was given."""
    done = project.run("run", "one.har", "--plugin", "teller.ts", "--format", "jsonl", *arguments)
    assert done.code == 0, done.stderr
    (finding,) = done.findings
    return json.loads(finding["title"])


# ---- what it does --------------------------------------------------------------------


def test_whole_run_from_a_file(project: Workspace) -> None:
    """Plugins, reports, limits and the exit code come from the file; the summary names it."""
    project.write(
        "isoscan.toml",
        'plugin = ["teller.ts"]\noutput = ["found.jsonl"]\nfail_on = "high"\n'
        '[plugins.teller]\noptions = { word = "hello", loud = true }\n',
    )
    done = project.run("run", "one.har")
    assert done.code == 1
    assert "config: isoscan.toml" in done.stderr.splitlines()
    (line,) = (project.folder / "found.jsonl").read_text().splitlines()
    assert json.loads(json.loads(line)["title"]) == {"word": "hello", "loud": True}


def test_file_above_with_paths_of_its_own(project: Workspace) -> None:
    """Started in a folder below, the plugins and reports of the file are those beside it."""
    project.write("isoscan.toml", 'plugin = ["*.ts"]\nexclude = ["probe"]\noutput = ["found.jsonl"]\n')
    project.capture("deep/er/in.har", "clean")
    project.folder /= "deep/er"
    done = project.run("run", "in.har")
    assert done.code == 0
    assert "config: ../../isoscan.toml" in done.stderr
    assert len((project.folder.parents[1] / "found.jsonl").read_text().splitlines()) == 1


def test_command_line_wins(project: Workspace) -> None:
    """An option counts more than the file, and --no-config takes the file away."""
    project.write(
        "isoscan.toml", 'format = "table"\nfail_on = "low"\n[plugins.teller]\noptions = { word = "x" }\n'
    )
    done = project.run("run", "one.har", "-p", "teller.ts", "--format", "jsonl", "--fail-on", "critical")
    assert done.code == 0
    assert len(done.findings) == 1
    assert told(project, "--no-config") == {}


def test_two_files(project: Workspace) -> None:
    """Of two files the one of its own wins, and the summary says so."""
    project.write("isoscan.toml", '[plugins.teller]\noptions = { word = "own" }\n')
    project.write("pyproject.toml", "[tool.isoscan]\nfail_on = 'low'\n")
    done = project.run("run", "one.har", "-p", "teller.ts")
    assert done.code == 0
    assert "config: isoscan.toml; [tool.isoscan] of pyproject.toml beside it is not used" in done.stderr


def test_named_file(project: Workspace) -> None:
    """--config reads another file."""
    project.write("isoscan.toml", "= broken")
    project.write("ci/scan.toml", '[plugins.teller]\noptions = { word = "ci" }\n')
    assert told(project, "--config", "ci/scan.toml") == {"word": "ci"}


def test_limits_of_one_plugin(project: Workspace) -> None:
    """A plugin's own timeout ends it early; the others keep theirs."""
    project.write("spinner.ts", SPINNER)
    project.write("isoscan.toml", "timeout_s = 50\n[plugins.spinner]\ntimeout_s = 0.2\n")
    done = project.run("run", "one.har", "-p", "spinner.ts", "-p", "teller.ts")
    assert done.code == 3
    assert "spinner: 1 timed out" in done.stderr
    assert "0.2" in done.stderr


def test_plugin_that_is_named_otherwise(project: Workspace) -> None:
    """A table counts by the id in the metadata, whatever the file is called."""
    project.write("another-name.ts", TELLER)
    project.write("isoscan.toml", '[plugins.teller]\noptions = { word = "x" }\n')
    done = project.run("run", "one.har", "-p", "another-name.ts", "-f", "jsonl")
    assert done.code == 0
    assert json.loads(done.findings[0]["title"]) == {"word": "x"}


def test_permissions_of_one_plugin(project: Workspace) -> None:
    """What one plugin may reach, the other may not."""
    for name in ("first", "second"):
        project.write(
            f"{name}/plugin.ts",
            f"export const metadata = {{ id: '{name}', permissions: {{ read: ['words.txt'] }} }};\n"
            "export function scan_transaction() { return { title: isoscan.readAssetText('words.txt') }; }\n",
        )
        project.write(f"{name}/words.txt", name)
    project.write("isoscan.toml", '[plugins.first]\nallow = ["read=words.txt"]\n')
    done = project.run("run", "one.har", "-p", "first", "-p", "second", "-f", "jsonl")
    assert done.code == 3
    assert [finding["title"] for finding in done.findings] == ["first"]
    assert "second: asks for more than it was granted" in done.stderr


@pytest.mark.parametrize("option", ["--fail-on", "--sandbox", "--timeout", "--format", "--memory"])
def test_none_is_no_value(project: Workspace, option: str) -> None:
    """No word on the command line stands for "not given"."""
    assert_refused(project.run("run", "one.har", option, "none"), option, "none")


# ---- what it refuses -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("timout_s = 3\n", ["isoscan.toml:1: timout_s", "did you mean timeout_s?"]),
        ("\ntimeout_s = '5s'\n", ["isoscan.toml:2: timeout_s", "'5s'", "a number"]),
        ("[plugins.corz]\nenabled = false\n", ["isoscan.toml:1: plugins.corz", "did you mean cors?"]),
        ("[[suppressions]]\nplugin = 'cors'\n", ["isoscan.toml:1: suppressions[0]", "reason"]),
        ("select = ['corz']\n", ["select", "'corz'", "did you mean cors?"]),
        ("exclude = ['id:*']\n", ["no plugin is left to run", "cors", "secrets"]),
        ("x = \n", ["isoscan.toml:1:", "not valid TOML"]),
        ("baseline = 'gone.json'\n", ["gone.json", "cannot be read"]),
        ("new_only = true\nstore = false\n", ["isoscan.toml:1: new_only", "--baseline"]),
        ("output = ['isoscan.toml']\nformat = 'jsonl'\n", ["isoscan.toml", "which this run reads"]),
    ],
)
def test_wrong_file(project: Workspace, text: str, words: list[str]) -> None:
    """One message with the place and the fix, exit code 2, nothing scanned or written."""
    project.write("isoscan.toml", text)
    assert_refused(project.run("run", "one.har"), *words)
    assert (project.folder / "isoscan.toml").read_text() == text


def test_table_for_a_plugin_that_was_not_asked_for(project: Workspace) -> None:
    """With plugins named by hand, a table for another plugin is told and not refused."""
    project.write("isoscan.toml", "[plugins.elsewhere]\nenabled = false\n")
    done = project.run("run", "one.har", "-p", "teller.ts")
    assert done.code == 0
    assert "isoscan.toml:1: plugins.elsewhere: the plugin is not part of this run" in done.stderr


@pytest.mark.skipif(
    "config_schema" not in PluginMetadata.__struct_fields__, reason="plugins cannot declare a schema yet"
)
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ('{ wrod = "x" }', ["isoscan.toml:2: plugins.teller.options.wrod", "did you mean word?"]),
        ("{ word = 3 }", ["isoscan.toml:2: plugins.teller.options.word", "string"]),
    ],
)
def test_options_the_plugin_does_not_know(project: Workspace, options: str, words: list[str]) -> None:
    """Options are checked by the schema in the plugin's metadata."""
    project.write("isoscan.toml", f"[plugins.teller]\noptions = {options}\n")
    assert_refused(project.run("run", "one.har", "-p", "teller.ts"), *words)


def test_options_that_nothing_can_check(project: Workspace) -> None:
    """A plugin that does not say what its options are may ignore them, so that is told."""
    project.write("isoscan.toml", "[plugins.cors]\noptions = { wrod = 1 }\n")
    done = project.run("run", "one.har", "--select", "cors")
    assert done.code == 0
    assert "isoscan.toml:2: plugins.cors.options: not checked" in done.stderr


def test_options_of_a_new_plugin(project: Workspace) -> None:
    """The plugin that `isoscan new` makes says what its options are."""
    project.run("new", "mine")
    project.write("isoscan.toml", 'plugin = ["mine"]\n[plugins.mine]\noptions = { header = ["via"] }\n')
    assert_refused(project.run("run", "one.har"), "plugins.mine.options.header", "did you mean headers?")


# ---- what it shows -------------------------------------------------------------------


def test_show(project: Workspace) -> None:
    """Every value is shown with where it comes from."""
    project.write("isoscan.toml", "# mine\ntimeout_s = 2\n[scope]\nhosts = ['a']\n")
    done = project.run("config", "show")
    assert done.code == 0
    lines = {line.split(" = ")[0]: line for line in done.text.splitlines()}
    assert lines["timeout_s"].split() == ["timeout_s", "=", "2.0", "#", "isoscan.toml:2"]
    assert lines["scope.hosts"].endswith("# isoscan.toml:4")
    assert lines["memory"].endswith("# default")
    found = json.loads(project.run("config", "show", "--format", "json").text)
    assert found["file"] == "isoscan.toml"
    assert {"key": "timeout_s", "value": 2.0, "origin": "isoscan.toml:2"} in found["settings"]


def test_show_is_a_configuration(project: Workspace) -> None:
    """What is shown can be kept as a file that means the same."""
    project.write(
        "isoscan.toml",
        'select = ["cors", "ü😀"]\n[plugins.cors]\noptions = { "a b" = ["x\\n", 1.5, true] }\n'
        '[plugins."x y"]\nenabled = false\n'
        '[[suppressions]]\nreason = "one"\nplugin = "a"\nuntil = 2030-01-31\n'
        '[[suppressions]]\nreason = "two"\nhost = "*"\n',
    )
    shown = project.run("config", "show").text
    project.write("other.toml", shown)
    again = project.run("config", "show", "--config", "other.toml")
    assert again.code == 0

    def values(text: str) -> list[str]:
        return [line.split("  #")[0].strip() for line in text.splitlines()]

    assert values(again.text) == values(shown)


def test_show_without_a_file(project: Workspace) -> None:
    """Without a file the defaults are shown, and that there is none."""
    done = project.run("config", "show")
    assert done.code == 0
    assert "no configuration file" in done.text
    project.write("isoscan.toml", "timout_s = 3")
    assert_refused(project.run("config", "show"), "isoscan.toml:1:")
    assert project.run("config", "show", "--no-config").code == 0


def test_schema(project: Workspace) -> None:
    """The schema that is printed is a JSON schema."""
    done = project.run("config", "schema")
    assert done.code == 0
    jsonschema.Draft202012Validator.check_schema(json.loads(done.text))


def test_example_of_the_documentation(project: Workspace) -> None:
    """The file in docs/configuration.md is read without a word of complaint."""
    page = Path(__file__).parents[2] / "docs/configuration.md"
    text = page.read_text(encoding="utf-8")
    example = text.split("```toml\n", 1)[1].split("```", 1)[0]
    project.write("isoscan.toml", example)
    done = project.run("config", "show")
    assert (done.code, done.stderr) == (0, "")
