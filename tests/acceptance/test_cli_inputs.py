"""Several inputs of one run: each is read as far as it goes, and what is none is named."""

from __future__ import annotations

from acceptance._command import Workspace, entry, har


def test_a_damaged_input_does_not_hide_the_next(workspace: Workspace) -> None:
    """What stands behind a truncated file is scanned all the same; the exit code tells."""
    whole = har(entry("http://shop.example/low"), entry("http://shop.example/low?2"))
    workspace.write("cut.har", whole[: whole.rindex("http://shop.example/low?2")])
    workspace.capture("good.har", "medium", "high")
    done = workspace.run("run", "cut.har", "good.har", "-p", "probe.ts", "-f", "jsonl")
    assert [one["severity"] for one in done.findings] == ["low", "medium", "high"]
    assert "cut.har" in done.stderr
    assert "truncated" in done.stderr
    assert "coverage: 3 transactions" in done.stderr
    assert done.code == 2


def test_two_damaged_inputs_are_both_named(workspace: Workspace) -> None:
    """The second error is no less said than the first."""
    for name in ("one", "two"):
        whole = har(entry("http://shop.example/low"))
        workspace.write(f"{name}.cut", whole[:-20])
    done = workspace.run("run", "one.cut", "two.cut", "-p", "probe.ts", "-f", "jsonl")
    assert "one.cut" in done.stderr
    assert "two.cut" in done.stderr
    assert done.code == 2


def test_folder_with_other_files(workspace: Workspace) -> None:
    """Captures of a folder are scanned wherever they are in it; what is none is named and costs nothing."""
    workspace.capture("captures/a.har", "low")
    workspace.capture("captures/deep/er/b.har", "medium")
    workspace.write("captures/notes.txt", "just some text, two\nlines of it\n")
    done = workspace.run("run", "captures", "-p", "probe.ts", "-f", "jsonl")
    assert [one["severity"] for one in done.findings] == ["low", "medium"]
    assert "notes.txt" in done.stderr
    assert done.code == 0


def test_glob_is_expanded(workspace: Workspace) -> None:
    """A quoted glob means what it would mean to a shell."""
    for name in ("a", "b"):
        workspace.capture(f"{name}.har", "low")
    done = workspace.run("run", "[ab].har", "-p", "probe.ts", "-f", "jsonl")
    assert len(done.findings) == 2
    assert done.code == 0


def test_glob_that_matches_nothing(workspace: Workspace) -> None:
    """Nothing to scan is an error, said before anything runs."""
    done = workspace.run("run", "*.warc", "-p", "probe.ts")
    assert "*.warc" in done.stderr
    assert done.code == 2
