"""Wrong command lines, inputs, plugins and outputs: one message, exit code 2, nothing scanned."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance._command import (
    COMMAND,
    Batch,
    Workspace,
    assert_gone,
    assert_refused,
    entry,
    generations_of,
    har,
    make_workspace,
    parse_lines,
)

# ---- the command itself --------------------------------------------------------------


def test_console_script_is_the_module() -> None:
    """The installed command and `python -m isoscan` say the same."""
    script = shutil.which("isoscan", path=str(Path(sys.executable).parent))
    assert script is not None
    outputs = [
        subprocess.run([*command, "--version"], capture_output=True, check=True).stdout
        for command in ((script,), COMMAND)
    ]
    assert outputs[0] == outputs[1]
    assert outputs[0].strip()


@pytest.mark.parametrize(
    "arguments", [[], ["--help"], ["run", "--help"], ["plugins", "-h"], ["schema", "-h"]]
)
def test_help(workspace: Workspace, arguments: list[str]) -> None:
    """Help goes to standard output and is no error."""
    done = workspace.run(*arguments)
    assert done.code == 0
    assert "Usage: isoscan" in done.text
    assert done.stderr == ""


def test_help_names_every_option(workspace: Workspace) -> None:
    """What `run` takes is in its help."""
    text = workspace.run("run", "--help").text
    for option in (
        "INPUT",
        "--plugin",
        "--format",
        "--output",
        "--fail-on",
        "--timeout",
        "--memory",
        "--allow",
        "--sandbox",
        "--redact",
        "--config",
        "--select",
        "--exclude",
        "--scope-host",
        "--scope-max-body",
        "--baseline",
        "--new-only",
        "--db",
        "--no-resume",
    ):
        assert option in text


WRONG_LINES = [
    (["frobnicate"], ["frobnicate"]),
    (["--frobnicate"], ["--frobnicate"]),
    (["run"], ["INPUT"]),
    (["run", "one.har", "--frobnicate"], ["--frobnicate"]),
    (["run", "one.har", "--plugin"], ["--plugin"]),
    (["run", "one.har", "--timeout"], ["--timeout"]),
    (["run", "one.har", "--timeout", "soon"], ["--timeout", "soon"]),
    (["run", "one.har", "--timeout", "0"], ["--timeout"]),
    (["run", "one.har", "--timeout", "-1"], ["--timeout"]),
    (["run", "one.har", "--timeout", "nan"], ["--timeout", "nan"]),
    (["run", "one.har", "--memory", "lots"], ["--memory", "lots"]),
    (["run", "one.har", "--memory", ""], ["--memory"]),
    (["run", "one.har", "--memory", "-256MB"], ["--memory"]),
    (["run", "one.har", "--memory", "٣MB"], ["--memory"]),
    (["run", "one.har", "--memory", "1KB"], ["--memory", "1024"]),
    (["run", "one.har", "--memory", "9999TB"], ["--memory"]),
    (["run", "one.har", "--memory", f"{'9' * 400}TB"], ["--memory"]),
    (["run", "one.har", "--allow", "everything"], ["--allow", "everything", "net=HOST:PORT"]),
    (["run", "one.har", "--allow", "net=*.example:443"], ["--allow net", "*.example:443"]),
    (["run", "one.har", "--allow", "net"], ["--allow", "net=HOST:PORT"]),
    (["run", "one.har", "--allow", "read=/etc"], ["--allow read", "/etc"]),
    (["run", "one.har", "--allow", "wasm=yes"], ["--allow", "wasm=yes"]),
    (["run", "one.har", "--sandbox", "none"], ["--sandbox", "none", "strict"]),
    (["run", "one.har", "--format", "xml"], ["--format", "xml", "table", "jsonl"]),
    (["run", "one.har", "--fail-on", "catastrophic"], ["--fail-on", "catastrophic", "critical"]),
    (["plugins", "--frobnicate"], ["--frobnicate"]),
    (["schema", "one.har"], ["one.har"]),
]


@pytest.fixture(scope="module")
def wrong_lines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    """All of them, run."""
    batch = Batch(make_workspace(tmp_path_factory.mktemp("lines")), [words for words, _ in WRONG_LINES])
    yield batch
    batch.close()


@pytest.mark.parametrize(("arguments", "words"), WRONG_LINES, ids=lambda value: " ".join(value)[:60])
def test_wrong_command_line(wrong_lines: Batch, arguments: list[str], words: list[str]) -> None:
    """Every wrong word is named."""
    assert_refused(wrong_lines.done(*arguments), *words)


@pytest.mark.parametrize(
    "arguments", [["-"], ["plugins", "-"], ["run", "one.har", "--plugin", "-"], ["run", "-", "-"]]
)
def test_dash_where_it_means_nothing(workspace: Workspace, arguments: list[str]) -> None:
    """A lone dash that is no input is shown as the dash it is."""
    done = workspace.run(*arguments)
    assert_refused(done, "-")
    assert "\\x00" not in done.stderr


# ---- inputs --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("page.har", "<!DOCTYPE html>\n<html><body>404</body></html>", ["HTML"]),
        ("binary.har", bytes(range(256)) * 8, ["binary"]),
        ("text.har", "just some text, two\nlines of it\n", ["text"]),
        ("callback.har", f"callback({har(entry())});", ["JSONP"]),
        ("empty.har", "", ["empty"]),
        ("blank.har", " \n\n", ["empty"]),
        ("other.har", '{"name": "a package", "version": "1"}', ["name"]),
        ("list.har", "[1, 2, 3]", ["list"]),
        ("cut.har", '{"requ', ["truncated"]),
        ("archive.har", b"PK\x03\x04" + bytes(64), ["ZIP"]),
    ],
    ids=lambda value: value if isinstance(value, str) and value.endswith(".har") else "",
)
def test_input_that_is_no_capture(
    workspace: Workspace, name: str, content: str | bytes, words: list[str]
) -> None:
    """The message names the file and says what it is instead."""
    workspace.write(name, content)
    assert_refused(workspace.run("run", name, "--plugin", "probe.ts"), name, *words)


@pytest.mark.parametrize("name", ["missing.har", "folder", "one.har/below", "n" * 300, ""])
def test_input_that_is_no_file(workspace: Workspace, name: str) -> None:
    """A missing file, a folder and a name no file can have are told apart from captures."""
    (workspace.folder / "folder").mkdir()
    assert_refused(workspace.run("run", name, "--plugin", "probe.ts"), name)


def test_wrong_input_behind_a_good_one(workspace: Workspace) -> None:
    """All inputs are opened before anything is scanned."""
    assert_refused(workspace.run("run", "one.har", "missing.har", "--plugin", "probe.ts"), "missing.har")


@pytest.mark.parametrize("name", ["one.har", "-"])
def test_same_input_twice(workspace: Workspace, name: str) -> None:
    """An input named twice is a mistake, not twice the findings."""
    assert_refused(workspace.run("run", name, name, "--plugin", "probe.ts", stdin=b"{}"), name, "twice")


def test_truncated_capture_gives_what_it_holds(workspace: Workspace) -> None:
    """Entries before the cut are scanned and reported; the cut is an input error all the same."""
    whole = har(entry("http://shop.example/high"), entry("http://shop.example/low"))
    workspace.write("cut.har", whole[: whole.index("/low")])
    done = workspace.run("run", "cut.har", "--plugin", "probe.ts", "--format", "jsonl")
    assert [finding["severity"] for finding in done.findings] == ["high"]
    assert "isoscan: cut.har: " in done.stderr
    assert "truncated" in done.stderr
    assert "1 scans" in done.stderr
    assert done.code == 2


def test_capture_truncated_before_its_entries(workspace: Workspace) -> None:
    """A capture that ends before its first entry is an input error too."""
    workspace.write("cut.har", '{"log": {"version')
    done = workspace.run("run", "cut.har", "--plugin", "probe.ts")
    assert "isoscan: cut.har: JSON is truncated" in done.stderr
    assert done.stdout == b""
    assert done.code == 2


def test_closed_standard_input(workspace: Workspace) -> None:
    """`-` without any standard input is an input error."""
    assert_refused(workspace.run_without(0, "run", "-", "--plugin", "probe.ts"))


# ---- plugins -------------------------------------------------------------------------


WRONG_PLUGINS = {
    "syntax": (
        "export const a = 1;\nexport function scan_transaction(t) {\n  const b = ;\n}\n",
        ["p.ts:3:13"],
    ),
    "unclosed": (
        "export function scan_transaction(t) { return 1;",
        ["p.ts:1:"],
    ),
    "no entry": (
        "// nothing\n",
        ["p.ts", "scan_transaction"],
    ),
    "entry is no function": (
        "export const scan_transaction = 5;\n",
        ["p.ts", "scan_transaction"],
    ),
    "throws": (
        "const a = 1;\nthrow new Error('at load');\n",
        ["p.ts:2:7", "at load"],
    ),
    "throws null": (
        "throw null;\nexport function scan_transaction() {}",
        ["p.ts"],
    ),
    "never settles": (
        "await new Promise(() => {});\nexport function scan_transaction() {}",
        ["p.ts", "never settles"],
    ),
    "out of memory": (
        "const a = [];\nwhile (true) a.push(new Array(1e6).fill(a));",
        ["p.ts", "memory"],
    ),
    "exits": (
        "Deno.exit(0);\nexport function scan_transaction() {}",
        ["p.ts:1:"],
    ),
    "node import": (
        "import fs from 'node:fs';\nexport function scan_transaction() {}",
        ["p.ts:1", "node:fs"],
    ),
    "remote import": (
        "import a from 'https://x.example/a';\nexport function scan_transaction() {}",
        ["p.ts:1", "https"],
    ),
    "missing import": (
        "\nimport a from './gone.ts';\nexport function scan_transaction() {}",
        ["p.ts:2", "gone.ts"],
    ),
    "id with a space": (
        "export const metadata = { id: 'a b' };\nexport function scan_transaction() {}",
        ["p.ts", "a b"],
    ),
    "id is a number": (
        "export const metadata = { id: 5 };\nexport function scan_transaction() {}",
        ["p.ts", "id"],
    ),
    "metadata is no JSON": (
        "export const metadata = { id: 1n };\nexport function scan_transaction() {}",
        ["p.ts", "BigInt"],
    ),
    "metadata is text": (
        "export const metadata = 'me';\nexport function scan_transaction() {}",
        ["p.ts", "metadata"],
    ),
    "init throws": (
        "export function init() { throw new Error('in init'); }\nexport function scan_transaction() {}",
        ["p.ts:1:", "in init"],
    ),
}


@pytest.fixture(scope="module")
def wrong_plugins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    """Each of them, run on its own."""
    workspace = make_workspace(tmp_path_factory.mktemp("plugins"))
    for name, (code, _) in WRONG_PLUGINS.items():
        workspace.write(f"{name}/p.ts", code)
    batch = Batch(workspace, [_run_of(name) for name in WRONG_PLUGINS])
    yield batch
    batch.close()


def _run_of(name: str) -> tuple[str, ...]:
    return ("run", "one.har", "--memory", "256MB", "--plugin", f"{name}/p.ts")


@pytest.mark.parametrize("name", WRONG_PLUGINS)
def test_plugin_that_cannot_be_loaded(wrong_plugins: Batch, name: str) -> None:
    """The message names the plugin's file, and line and column where there are any."""
    assert_refused(wrong_plugins.done(*_run_of(name)), *WRONG_PLUGINS[name][1])


def test_syntax_error_in_a_neighbour(workspace: Workspace) -> None:
    """The file that is wrong is named, not only the one that imports it."""
    workspace.write("p.ts", "import { a } from './_b.ts';\nexport function scan_transaction() { return a; }")
    workspace.write("_b.ts", "\nexport const a = ;\n")
    assert_refused(workspace.run("run", "one.har", "--plugin", "p.ts"), "_b.ts:2:18")


def test_two_wrong_plugins(workspace: Workspace) -> None:
    """Each of them is named, and the good one does not run."""
    workspace.write("a.ts", "throw new Error('first');")
    workspace.write("b.ts", "throw new Error('second');")
    done = workspace.run("run", "one.har", *_plugins("a.ts", "probe.ts", "b.ts"))
    assert_refused(done, "a.ts", "first", "b.ts", "second")


def test_same_id_twice(workspace: Workspace) -> None:
    """Two plugins with one id could not be told apart."""
    shutil.copy(workspace.folder / "probe.ts", workspace.folder / "copy.ts")
    assert_refused(workspace.run("run", "one.har", *_plugins("probe.ts", "copy.ts")), "probe", "unique")


@pytest.mark.parametrize(
    "spec", ["missing.ts", "one.har", "folder", "x*.ts", "types.d.ts*", "n" * 300, ""], ids=lambda s: s[:12]
)
def test_plugin_spec_that_finds_nothing(workspace: Workspace, spec: str) -> None:
    """A spec without a plugin is an error that names it."""
    workspace.write("folder/_helper.ts", "export const a = 1;")
    workspace.write("types.d.ts", "export {};")
    assert_refused(workspace.run("run", "one.har", "--plugin", spec), spec)


def test_interrupt_while_a_plugin_loads(workspace: Workspace) -> None:
    """Ctrl-C ends a command whose plugin loops at load, and its process."""
    workspace.write("p.ts", "while (true) {}\nexport function scan_transaction() {}")
    with workspace.started("run", "one.har", "--plugin", "p.ts") as process:
        generations = generations_of(process)
        process.send_signal(signal.SIGINT)
        done = workspace.finish(process)
    assert done.code == 130
    assert "interrupted" in done.stderr
    assert_gone(generations)


@pytest.mark.slow
def test_plugin_that_loops_at_load(workspace: Workspace) -> None:
    """A plugin that is not ready in time is refused; the command has no option for that time."""
    workspace.write("p.ts", "while (true) {}\nexport function scan_transaction() {}")
    assert_refused(workspace.run("run", "one.har", "--plugin", "p.ts"), "p.ts", "not ready")


def test_no_deno(workspace: Workspace) -> None:
    """A Deno that is not there is named."""
    done = workspace.run("run", "one.har", "--plugin", "probe.ts", ISOSCAN_DENO="/no/such/deno")
    assert_refused(done, "/no/such/deno", "ISOSCAN_DENO")


# ---- outputs -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["no/such/folder/out.jsonl", ".", "one.har/out.jsonl", ""])
def test_output_that_cannot_be_opened(workspace: Workspace, name: str) -> None:
    """Said before anything is scanned."""
    assert_refused(
        workspace.run("run", "one.har", "--plugin", "probe.ts", "--output", name), "--output", name
    )


@pytest.mark.parametrize(("name", "meant"), [("out.sarf", ".sarif"), ("out.jsno", ".json")])
def test_output_with_a_misspelt_suffix(workspace: Workspace, name: str, meant: str) -> None:
    """A suffix that is nearly a format's is no wish for a table, unless a format is named as well."""
    arguments = ("run", "one.har", "--plugin", "probe.ts", "--output", name)
    assert_refused(workspace.run(*arguments), f"--output {name}", f"did you mean {meant}?")
    assert not (workspace.folder / name).exists()
    assert workspace.run(*arguments, "--format", "table").code == 0


@pytest.mark.parametrize("name", ["out", "out.log", "out.js"])
def test_output_with_another_suffix(workspace: Workspace, name: str) -> None:
    """A name that says nothing of a format is a table."""
    assert workspace.run("run", "one.har", "--plugin", "probe.ts", "--output", name).code == 0
    assert (workspace.folder / name).exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("form", ["jsonl", "table"])
def test_output_file_that_is_full(workspace: Workspace, form: str) -> None:
    """A disk without room is an error with its reason, whenever it shows."""
    workspace.capture("two.har", "high", "low")
    done = workspace.run("run", "two.har", "--plugin", "probe.ts", "--format", form, "--output", "/dev/full")
    assert "isoscan: /dev/full: " in done.stderr
    assert os.strerror(28) in done.stderr
    assert done.code in (2, 3)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("form", ["jsonl", "html"])
def test_one_full_output_of_several(workspace: Workspace, form: str) -> None:
    """A report that cannot be written does not cost the others, whether it fails early or at the end."""
    workspace.capture("two.har", "high", "low")
    names = ["/dev/full", "out.json", "out.jsonl"]
    options = [word for name in names for word in ("--output", name)]
    done = workspace.run("run", "two.har", "--plugin", "probe.ts", "--format", form, *options)
    assert done.code == 2
    assert "isoscan: /dev/full: cannot write" in done.stderr
    assert "coverage: 2 transactions" in done.stderr
    document = json.loads((workspace.folder / "out.json").read_bytes())
    assert (document["outcome"], len(document["findings"])) == ("complete", 2)
    assert len(parse_lines((workspace.folder / "out.jsonl").read_bytes())) == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "two.har", "--plugin", "probe.ts", "--format", "jsonl"],
        ["run", "two.har", "--plugin", "probe.ts"],
        ["schema"],
        ["plugins", "probe.ts"],
        ["--help"],
        ["--version"],
    ],
    ids=["jsonl", "table", "schema", "plugins", "help", "version"],
)
def test_standard_output_that_is_full(workspace: Workspace, arguments: list[str]) -> None:
    """So is a full standard output, for every command."""
    workspace.capture("two.har", "high", "low")
    with (
        Path("/dev/full").open("wb") as full,
        workspace.started(*arguments, stdout=full) as process,
    ):
        done = workspace.finish(process)
    assert "isoscan: " in done.stderr
    assert os.strerror(28) in done.stderr
    assert done.code in (2, 3)


@pytest.mark.parametrize("descriptor", [1, 2])
def test_closed_standard_stream(workspace: Workspace, descriptor: int) -> None:
    """A command started without standard output or standard error does not break down."""
    workspace.capture("two.har", "high", "low")
    done = workspace.run_without(descriptor, "run", "two.har", "--plugin", "probe.ts")
    assert done.code in ((0,) if descriptor == 2 else (2, 3))


@pytest.mark.parametrize("name", ["two.har", "./two.har", "link.har"])
def test_output_onto_the_input(workspace: Workspace, name: str) -> None:
    """An output that is one of the inputs is refused, and the capture is left as it was."""
    capture = workspace.capture("two.har", "high", "low")
    (workspace.folder / "link.har").symlink_to("two.har")
    before = capture.read_bytes()
    done = workspace.run("run", "two.har", "--plugin", "probe.ts", "--output", name)
    assert capture.read_bytes() == before
    assert_refused(done, "--output", name)


def test_output_onto_a_plugin(workspace: Workspace) -> None:
    """An output that is one of the plugins is refused, and the plugin is left as it was."""
    before = (workspace.folder / "probe.ts").read_bytes()
    done = workspace.run("run", "one.har", "--plugin", "probe.ts", "--output", "probe.ts")
    assert (workspace.folder / "probe.ts").read_bytes() == before
    assert_refused(done, "--output", "probe.ts")


def test_earlier_output_survives_a_plugin_that_does_not_load(workspace: Workspace) -> None:
    """The last run's findings are not lost to a run that never began."""
    workspace.write("p.ts", "throw new Error('at load');")
    earlier = workspace.write("out.jsonl", '{"title": "earlier"}\n')
    assert_refused(workspace.run("run", "one.har", "--plugin", "p.ts", "--output", "out.jsonl"), "p.ts")
    assert parse_lines(earlier.read_bytes()) == [{"title": "earlier"}]


def test_earlier_output_is_made_private(workspace: Workspace) -> None:
    """A file that was there and readable by others no longer is: findings quote traffic."""
    workspace.capture("two.har", "high", "low")
    output = workspace.write("out.jsonl", "earlier\n")
    output.chmod(0o644)
    workspace.run("run", "two.har", "--plugin", "probe.ts", "--output", "out.jsonl")
    assert len(parse_lines(output.read_bytes())) == 2
    assert stat.S_IMODE(output.stat().st_mode) == 0o600


def _plugins(*names: str) -> list[str]:
    return [word for name in names for word in ("--plugin", name)]
