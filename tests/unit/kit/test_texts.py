"""Small pure parts of the kit: the checker's output, ignored codes, hints, counting steps, names."""

from __future__ import annotations

from pathlib import Path

import pytest

from isoscan.errors import ConfigError
from isoscan.kit.coverage import FileCoverage, with_steps
from isoscan.kit.problems import Problem, hint, without_ignored
from isoscan.kit.scaffold import check_name, write_plugin
from isoscan.kit.typing_problems import type_problems
from isoscan.kit.workshop import Fact, neighbour
from isoscan.models import Severity

CHECKED = """\
TS2322 [ERROR]: Type '{ titel: number; }' is not assignable to type 'IsoscanReturn'.
  Types of property 'severity' are incompatible.
  return { titel: 1,
  ~~~~~~
    at file:///w/plugin.ts:5:3

TS1308 [ERROR]: 'await' is not allowed here.
  await x;
  ~~~~~
    at file:///w/lib/a.ts:10:3

TS1356 [ERROR]:     Did you mean to mark this function as 'async'?
    function f() {
             ~
        at file:///w/lib/a.ts:4:17

Found 2 errors.

error: Type checking failed.
"""


def test_type_errors_become_problems() -> None:
    """Message with its details, no quoted source, place in the plugin's own file."""
    found = type_problems(CHECKED, "plugin.ts", lambda url: url.removeprefix("file:///w/"))
    first, second = found[:2]
    assert (first.file, first.line, first.column, first.code) == ("plugin.ts", 5, 3, "TS2322")
    assert first.message.endswith("type 'IsoscanReturn'. Types of property 'severity' are incompatible.")
    assert (second.file, second.line, second.code) == ("lib/a.ts", 10, "TS1308")


def test_a_checker_that_fails_is_not_silence() -> None:
    """Output without a list of errors is told, not taken for "no errors"."""
    (problem,) = type_problems("error: out of luck\n", "plugin.ts", lambda _: None)
    assert problem.code == "IS901"
    assert "out of luck" in problem.message
    assert type_problems("", "plugin.ts", lambda _: None) == []


@pytest.mark.parametrize(
    ("lines", "is_kept"),
    [
        (["x; // isoscan-ignore IS503"], False),
        (["x; // isoscan-ignore IS501, IS503 measured on 2 MB"], False),
        (["x; // isoscan-ignore IS501"], True),
        (["x;"], True),
    ],
)
def test_a_comment_on_the_line_leaves_a_code_out(lines: list[str], is_kept: bool) -> None:
    """Only the codes that are named are left out."""
    problem = Problem("p.ts", 1, 1, "IS503", "slow")
    assert (without_ignored([problem], {"p.ts": lines}) == [problem]) is is_kept


def test_a_comment_line_above_counts_and_code_above_does_not() -> None:
    """The line above counts if it is a comment alone."""
    problem = Problem("p.ts", 2, 1, "IS503", "slow")
    assert without_ignored([problem], {"p.ts": ["// isoscan-ignore IS503", "x"]}) == []
    assert without_ignored([problem], {"p.ts": ["y; // isoscan-ignore IS503", "x"]}) == [problem]


def test_hints() -> None:
    """The nearest name, or all of them when none is near."""
    assert hint("titel", ["title", "cwe"]) == "; did you mean 'title'?"
    assert hint("zzz", ["title", "cwe"]) == "; known are cwe, title"
    assert hint("hgih", Severity) == "; did you mean 'high'?"


@pytest.mark.parametrize(
    ("importer", "specifier", "path"),
    [
        ("plugin.ts", "./lib/a.ts", "lib/a.ts"),
        ("lib/a.ts", "../b.ts", "b.ts"),
        ("lib/a.ts", "../../b.ts", None),
        ("plugin.ts", "./", None),
    ],
)
def test_neighbours(importer: str, specifier: str, path: str | None) -> None:
    """Relative imports stay in the plugin's folder or are none."""
    assert neighbour(importer, specifier) == path


def step(text: str, part: str, kind: str) -> Fact:
    """A step on a part of a text, counted as JavaScript counts."""
    start = len(text[: text.index(part)].encode("utf-16-le")) // 2
    return Fact(kind=kind, name="x", start=start, end=start + len(part.encode("utf-16-le")) // 2)


def test_steps_are_counted_where_they_are() -> None:
    """Counters stand before statements and around bodies; nothing moves to another line."""
    text = 'const f = (x) => x;\nfunction g() {\n  s("😀"); if (a) b()\n}'
    steps = [
        step(text, "x;", "expression"),
        step(text, 's("😀");', "statement"),
        step(text, "if (a) b()", "statement"),
        step(text, "b()", "body"),
    ]
    steps[0] = Fact(kind="expression", name="x", start=steps[0].start, end=steps[0].start + 1)
    counting = with_steps(text, steps, 0, "secret")
    assert counting.count("\n") == text.count("\n")
    body = counting.partition("})(); ")[2]
    assert body == (
        "const f = (x) => ($isoscan_step(0),x);\nfunction g() {\n"
        '  $isoscan_step(1);s("😀"); $isoscan_step(2);if (a) {$isoscan_step(3);b()}\n}'
    )


def test_missed_lines_are_ranges() -> None:
    """Neighbouring lines are one range; the share is of lines with code."""
    coverage = FileCoverage("a.ts", 10, [3, 7, 8, 9])
    assert coverage.missed_text == "3, 7-9"
    assert coverage.percent == 60.0
    assert FileCoverage("b.ts", 0, []).percent == 100.0


@pytest.mark.parametrize("name", ["a", "leaked-tokens", "x509-check2"])
def test_names_of_plugins(name: str) -> None:
    """Lower-case words with dashes are names."""
    check_name(name)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("MyPlugin", "my-plugin"),
        ("my_plugin", "my-plugin"),
        ("../up", "up"),
        ("-x", "x"),
        ("", "leaked-tokens"),
        ("1st", "leaked-tokens"),
        ("ä", "leaked-tokens"),
        ("x" * 65, "x" * 64),
        ("a--b", "a-b"),
    ],
)
def test_other_names_are_refused_with_a_near_one(name: str, near: str) -> None:
    """What is no name is told with one that is."""
    with pytest.raises(ConfigError, match=f"for example '{near}'"):
        check_name(name)


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up in the middle leaves no half of a plugin."""
    written: list[Path] = []
    real = Path.write_text

    def write_text(path: Path, text: str, **options: str) -> int:
        written.append(path)
        if len(written) == 4:
            raise OSError(28, "No space left on device")
        return real(path, text, **options)

    monkeypatch.setattr(Path, "write_text", write_text)
    with pytest.raises(ConfigError, match="No space left on device"):
        write_plugin(tmp_path, "mine", is_javascript=False)
    assert list(tmp_path.iterdir()) == []
