"""What a run leaves out and withholds, and that it says so: plugins, transactions, findings."""

from __future__ import annotations

import json
import stat
from typing import Any

import pytest

from acceptance._command import Done, Workspace, assert_refused, entry, har

SECRET = "hunter2-correct-horse-91"


def plugin(plugin_id: str, *, severity: str = "low", tags: str = "", title: str = "Seen") -> str:
    """A plugin that reports one finding on every transaction."""
    metadata = {
        "id": plugin_id,
        "default_severity": severity,
        "tags": tags.split(),
        "category": "test",
    }
    found = {"title": title, "severity": severity}
    return (
        f"export const metadata = {json.dumps(metadata)};\n"
        f"export function scan_transaction() {{ return {json.dumps(found)}; }}\n"
    )


@pytest.fixture
def project(workspace: Workspace) -> Workspace:
    """Three plugins in a folder, where the search for a configuration ends."""
    (workspace.folder / ".git").mkdir()
    workspace.write("set/alpha.ts", plugin("alpha", severity="high", tags="xss web"))
    workspace.write("set/beta.ts", plugin("beta", severity="low", tags="web"))
    workspace.write("set/gamma.ts", plugin("gamma", severity="info"))
    return workspace


def run(project: Workspace, *arguments: str, capture: str = "one.har") -> Done:
    """A run with the three plugins."""
    return project.run("run", capture, "-p", "set", "-f", "jsonl", *arguments)


def ids(done: Done) -> set[str]:
    """Ids of the plugins that reported something."""
    return {finding["plugin_id"] for finding in done.findings}


# ---- plugins -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--select", "alpha"], {"alpha"}),
        (["--select", "tag:xss", "--select", "gamma"], {"alpha", "gamma"}),
        (["--exclude", "severity:info"], {"alpha", "beta"}),
        (["--select", "tag:web", "--exclude", "alpha"], {"beta"}),
    ],
)
def test_selected(project: Workspace, arguments: list[str], expected: set[str]) -> None:
    """Only what was selected runs, and the coverage counts only that."""
    done = run(project, *arguments)
    assert done.code == 0
    assert ids(done) == expected
    assert f"1 transactions x {len(expected)} plugins = {len(expected)} scans" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], {"alpha", "beta", "gamma"}),
        (["--exclude", "severity:info"], {"alpha", "beta"}),
        (["--exclude", "alpha"], {"beta", "gamma"}),
        (["--select", "gamma"], {"gamma"}),
    ],
)
def test_selected_of_a_group(project: Workspace, arguments: list[str], expected: set[str]) -> None:
    """Leaving a plugin out does not end those that would share an isolate with it."""
    done = run(project, "--isolate-per", "group", *arguments)
    assert done.code == 0, done.stderr
    assert ids(done) == expected
    assert f"1 transactions x {len(expected)} plugins = {len(expected)} scans" in done.stderr


def test_group_without_a_plugin_that_cannot_load(project: Workspace) -> None:
    """One that its name leaves out is no part of the group; otherwise the error names its file."""
    project.write("set/broken.ts", "export function scan_transaction( {")
    done = run(project, "--isolate-per", "group", "--exclude", "broken")
    assert done.code == 0, done.stderr
    assert ids(done) == {"alpha", "beta", "gamma"}
    assert_refused(run(project, "--isolate-per", "group"), "broken.ts")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--select", "alhpa"], ["'alhpa'", "did you mean alpha?"]),
        (["--select", "tag:sqli"], ["'tag:sqli'", "web, xss"]),
        (["--select", "colour:red"], ["--select", "colour:red", "tag:"]),
        (["--exclude", "*"], ["no plugin is left", "alpha, beta, gamma"]),
        (["--exclude", "severity:awful"], ["--exclude", "awful", "critical"]),
    ],
)
def test_wrong_selection(project: Workspace, arguments: list[str], words: list[str]) -> None:
    """A selection that means nothing is refused, and the message says what there is."""
    assert_refused(run(project, *arguments), *words)


def test_broken_plugin_that_is_left_out(project: Workspace) -> None:
    """A plugin that cannot be loaded does no harm once it is left out by its name."""
    project.write("set/broken.ts", "export function (")
    assert_refused(run(project), "broken.ts")
    done = run(project, "--exclude", "broken", "--exclude", "tag:gone")
    assert done.code == 0
    assert ids(done) == {"alpha", "beta", "gamma"}
    assert "exclude tag:gone: no plugin matches" in done.stderr


def test_switched_off(project: Workspace) -> None:
    """A plugin that the configuration switches off does not run."""
    project.write("isoscan.toml", "[plugins.alpha]\nenabled = false\n")
    assert ids(run(project)) == {"beta", "gamma"}


# ---- transactions --------------------------------------------------------------------


@pytest.fixture
def mixed(project: Workspace) -> Workspace:
    """A capture of six transactions that differ in all the scope knows."""
    entries = [
        entry("http://shop.example/api/a"),
        entry("http://shop.example/static/b.js"),
        entry("http://ads.example/api/c"),
        entry("http://shop.example/api/d", status=404),
        entry("http://shop.example/api/e", text="x" * 5000),
        entry("http://shop.example/api/f"),
    ]
    entries[5]["request"]["method"] = "POST"
    entries[1]["response"]["headers"] = [{"name": "Content-Type", "value": "text/javascript"}]
    entries[1]["response"]["content"]["mimeType"] = "text/javascript"
    project.write("mixed.har", har(*entries))
    return project


@pytest.mark.parametrize(
    ("arguments", "paths", "summary"),
    [
        (["--scope-host", "shop.*"], "abdef", "1 of 6 transactions left out: 1 by host"),
        (["--scope-host", "!ads.*"], "abdef", "1 of 6 transactions left out: 1 by host"),
        (["--scope-path", "/api/*"], "acdef", "1 of 6 transactions left out: 1 by path"),
        (["--scope-status", "2xx"], "abcef", "1 of 6 transactions left out: 1 by status"),
        (["--scope-type", "!*/javascript"], "acdef", "1 of 6 transactions left out: 1 by type"),
        (["--scope-method", "post"], "f", "5 of 6 transactions left out: 5 by method"),
        (["--scope-max-body", "4KB"], "abcdf", "1 of 6 transactions left out: 1 by body size"),
        (["--scope-path", "/api/*", "--scope-host", "shop.*", "--scope-status", "200"], "aef", "3 of 6"),
    ],
)
def test_scope(mixed: Workspace, arguments: list[str], paths: str, summary: str) -> None:
    """What is out of scope is not scanned, and counted by reason."""
    done = run(mixed, "--select", "alpha", *arguments, capture="mixed.har")
    assert done.code == 0
    assert [finding["url"].rpartition("/")[2][0] for finding in done.findings] == list(paths)
    assert f"scope: {summary}" in done.stderr


def test_scope_of_the_file(mixed: Workspace) -> None:
    """The configuration and the command line say together what is in scope."""
    mixed.write("isoscan.toml", "[scope]\nhosts = ['shop.example']\nstatuses = [200]\nmax_body = '1KB'\n")
    done = run(mixed, "--select", "alpha", "--scope-status", "404", capture="mixed.har")
    assert [finding["url"] for finding in done.findings] == ["http://shop.example/api/d"]


def test_nothing_in_scope(mixed: Workspace) -> None:
    """A scope that leaves everything out is no clean result."""
    done = run(mixed, "--scope-host", "shpo.example", capture="mixed.har")
    assert done.code == 3
    assert done.findings == []
    assert "scope: 6 of 6 transactions left out: 6 by host" in done.stderr
    assert "NOTHING SCANNED" in done.stderr


# ---- findings ------------------------------------------------------------------------


def test_suppressions(project: Workspace) -> None:
    """A suppressed finding is counted, not reported, and fails no run; expired and idle ones are named."""
    project.write(
        "isoscan.toml",
        '[[suppressions]]\nplugin = "alpha"\nhost = "shop.*"\nreason = "accepted by Jo"\nuntil = 2999-01-31\n'
        '[[suppressions]]\nplugin = "beta"\nreason = "was fixed"\nuntil = 2020-01-31\n'
        '[[suppressions]]\ntitle = "never seen"\nreason = "left over"\n',
    )
    done = run(project, "--fail-on", "medium")
    assert done.code == 0
    assert ids(done) == {"beta", "gamma"}
    assert "suppressed: 1 by isoscan.toml:1 (accepted by Jo, until 2999-01-31)" in done.stderr
    assert "suppression isoscan.toml:6 expired on 2020-01-31" in done.stderr
    assert "suppression isoscan.toml:10 (left over) matched nothing" in done.stderr
    assert run(project, "--fail-on", "medium", "--no-config").code == 1


def leaking(project: Workspace) -> list[str]:
    """A capture with a password in a URL that shows in findings, and the arguments to find it."""
    project.write(
        "leak.ts",
        'export const metadata = { id: "leak" };\n'
        "export function scan_transaction(t: IsoscanTransaction) {\n"
        '  const password = new URL(t.request.url).searchParams.get("password");\n'
        '  return { title: `Password ${password} in the URL`, severity: "high" };\n'
        "}\n",
    )
    project.write("leak.har", har(entry(f"http://shop.example/login?user=jo&password={SECRET}")))
    return ["run", "leak.har", "-p", "leak.ts", "--fail-on", "low"]


@pytest.mark.parametrize("is_redacted", [True, False])
def test_baseline(project: Workspace, is_redacted: bool) -> None:
    """What an earlier report holds, redacted or not, is known to a run of the other kind."""
    command = leaking(project)
    reports = ["first.jsonl", "first.json", "first.sarif"]
    own, other = ("--redact", "--no-redact") if is_redacted else ("--no-redact", "--redact")
    outputs = [word for name in reports for word in ("--output", name)]
    first = project.run(*command, own, *outputs, "--write-baseline", "known.json")
    assert first.code == 1, first.stderr
    for name in (*reports, "known.json"):
        path = project.folder / name
        assert (SECRET in path.read_text()) is (not is_redacted and name != "known.json")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        done = project.run(*command, other, "--baseline", name, "-f", "jsonl", "--new-only")
        assert (done.code, done.findings) == (0, []), done.stderr
        assert "known: 1 not reported" in done.stderr
    done = project.run(*command, own, "--baseline", "known.json", "-f", "jsonl")
    assert (done.code, len(done.findings)) == (0, 1)
    assert "known: 1 of these are in the baseline" in done.stderr


def test_new_findings_beside_known_ones(project: Workspace) -> None:
    """What is not in the baseline is reported as new and fails the run."""
    done = run(project, "--select", "beta", "--write-baseline", "known.json")
    assert "baseline: 1 findings written to known.json" in done.stderr
    done = run(project, "--baseline", "known.json", "--new-only", "--fail-on", "low")
    assert done.code == 1
    assert ids(done) == {"alpha", "gamma"}
    done = run(project, "--baseline", "known.json", "--fail-on", "high", "--exclude", "alpha")
    assert done.code == 0
    assert ids(done) == {"beta", "gamma"}


def test_baseline_is_brought_up_to_date(project: Workspace) -> None:
    """The file that is read may be the one that is written."""
    run(project, "--write-baseline", "known.json")
    before = json.loads((project.folder / "known.json").read_text())
    done = run(project, "--baseline", "known.json", "--write-baseline", "known.json", "--exclude", "gamma")
    assert done.code == 0
    after = json.loads((project.folder / "known.json").read_text())

    def names(document: Any) -> list[str]:
        return [finding["plugin_id"] for finding in document["findings"]]

    assert (names(before), names(after)) == (["alpha", "beta", "gamma"], ["alpha", "beta"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--baseline", "gone.json"], ["--baseline gone.json", "cannot be read"]),
        (["--baseline", "one.har"], ["--baseline one.har", "holds no findings"]),
        (["--write-baseline", "nowhere/x.json"], ["--write-baseline nowhere/x.json", "cannot write"]),
        (["--write-baseline", "one.har"], ["--write-baseline one.har", "which this run reads"]),
        (["--write-baseline", "-"], ["--write-baseline -", "name one"]),
        (["--new-only", "--no-store"], ["--new-only", "--baseline"]),
        (["--output", "known.json", "--baseline", "known.json"], ["--output known.json", "reads"]),
    ],
)
def test_wrong_baseline(project: Workspace, arguments: list[str], words: list[str]) -> None:
    """A baseline that cannot be read or written is known before anything is scanned."""
    project.write("known.json", '{"findings": []}')
    done = project.run("run", "one.har", "-p", "set", *arguments)
    assert_refused(done, *words)
    assert (project.folder / "known.json").read_text() == '{"findings": []}'
    assert list(project.folder.glob("*.part")) == []


def test_broken_input_leaves_the_baseline(project: Workspace) -> None:
    """A run that was broken off does not replace a baseline by half of one."""
    project.write("known.json", '{"findings": []}')
    project.write("cut.har", har(entry(), entry())[:-400])
    done = run(project, "--write-baseline", "known.json", capture="cut.har")
    assert done.code == 2
    assert "known.json was not written" in done.stderr
    assert (project.folder / "known.json").read_text() == '{"findings": []}'
    assert list(project.folder.glob("*.part")) == []


def test_folders_and_globs_of_captures(project: Workspace) -> None:
    """A folder or a glob stands for the captures in it."""
    for name in ("a", "b"):
        project.capture(f"captures/{name}.har", "clean")
    project.write("captures/notes.txt", "not a capture")
    for name in ("captures", "captures/*.har"):
        done = run(project, "--select", "alpha", capture=name)
        assert (done.code, len(done.findings)) == (0, 2), done.stderr
