"""Cases as they lie on disk, and what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from isoscan import Finding, Verdict
from isoscan.kit.cases import BrokenCase, Case, fixtures_folder, read_cases
from isoscan.kit.snapshots import changes, updated, write

REQUEST: dict[str, Any] = {"method": "GET", "url": "https://shop.example/"}


def write_files(folder: Path, files: dict[str, Any]) -> Path:
    """A plugin with these fixtures; returns the plugin file."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
    return folder / "plugin.ts"


def only_case(plugin: Path) -> Case:
    """The one case of a plugin, which must be sound."""
    (case,) = read_cases(plugin)
    assert isinstance(case, Case), case
    return case


@pytest.mark.parametrize(
    ("name", "content", "count"),
    [
        ("a.json", {"request": REQUEST, "response": {"status": 200, "body": "x"}}, 1),
        ("a.json", [{"request": REQUEST}, {"request": REQUEST}], 2),
        ("a.jsonl", json.dumps({"request": REQUEST}) + "\n\n" + json.dumps({"request": REQUEST}), 2),
        (
            "a.har",
            {"log": {"entries": [{"request": {**REQUEST, "headers": []}, "response": {"status": 200}}]}},
            1,
        ),
        (
            "a.json",
            {"log": {"entries": [{"request": {**REQUEST, "headers": []}, "response": {"status": 200}}]}},
            1,
        ),
    ],
)
def test_forms_of_a_fixture(tmp_path: Path, name: str, content: Any, count: int) -> None:
    """A transaction, a list, JSON Lines and HAR are cases, JSON over as many lines as one likes."""
    plugin = write_files(tmp_path, {f"fixtures/{name}": content})
    case = only_case(plugin)
    assert case.name == "a"
    assert len(case.transactions) == count
    assert case.expectation is None


def test_a_named_plugin_has_a_folder_of_its_own(tmp_path: Path) -> None:
    """Plugins side by side do not share cases."""
    assert fixtures_folder(tmp_path / "plugin.ts") == tmp_path / "fixtures"
    assert fixtures_folder(tmp_path / "cors.ts") == tmp_path / "fixtures/cors"


def test_forms_of_an_expectation(tmp_path: Path) -> None:
    """A list is findings; an object can also have config, verdict and error."""
    plugin = write_files(
        tmp_path,
        {
            "fixtures/a.json": {"request": REQUEST},
            "fixtures/a.findings.json": {"config": {"x": 1}, "error": "no", "findings": []},
        },
    )
    expectation = only_case(plugin).expectation
    assert expectation is not None
    assert expectation.config == {"x": 1}
    assert expectation.failure is Verdict.ERROR


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"a.json": "{"}, ["a.json:1:2: is not JSON"]),
        ({"a.json": "[]"}, ["a.json: holds no transaction"]),
        ({"a.json": "7"}, ["is no transaction but a JSON number"]),
        ({"a.json": {"response": {"status": 200}}}, ["has no request"]),
        ({"a.json": {"request": {"url": "x"}}}, ["the request has no method"]),
        ({"a.json": {"request": {**REQUEST, "boddy": ""}}}, ["'boddy'", "did you mean 'body'?"]),
        ({"a.json": {"request": REQUEST, "respons": {}}}, ["'respons'", "did you mean 'response'?"]),
        ({"a.json": {"request": REQUEST, "response": {"staus": 1}}}, ["'staus'", "'status'"]),
        ({"a.json": {"request": REQUEST, "response": {"status": "x"}}}, ["is no transaction", "status"]),
        ({"a.json": [{"request": REQUEST}, {"request": {}}]}, ["element 1", "no method"]),
        ({"a.jsonl": json.dumps({"request": REQUEST}) + "\n{"}, ["a.jsonl:2:2: is not JSON"]),
        ({"a.har": {"log": {"entries": []}}}, ["a.har: holds no transaction"]),
        ({"a.har": "<html>"}, ["a.har", "HTML"]),
        ({"a.bin": "x"}, ["a.bin: is no fixture"]),
        ({"b.findings.json": "[]"}, ["b.findings.json: belongs to no fixture"]),
        ({"a.json": {"request": REQUEST}, "a.findings.json": "{"}, ["a.findings.json:1:2: is not JSON"]),
        ({"a.json": {"request": REQUEST}, "a.findings.json": "null"}, ["a JSON null", "[] for none"]),
        ({"a.json": {"request": REQUEST}, "a.findings.json": {"verdct": "error"}}, ["'verdict'?"]),
        ({"a.json": {"request": REQUEST}, "a.findings.json": {"verdict": "eror"}}, ["'error'?"]),
        ({"a.json": {"request": REQUEST}, "a.findings.json": [1]}, ["a.findings.json", "object"]),
    ],
)
def test_what_is_no_case_is_told_with_its_place(
    tmp_path: Path, files: dict[str, Any], words: list[str]
) -> None:
    """Every wrong file gives one broken case that names file, place and what to write."""
    plugin = write_files(tmp_path, {f"fixtures/{name}": content for name, content in files.items()})
    (broken,) = read_cases(plugin)
    assert isinstance(broken, BrokenCase)
    for word in words:
        assert word in broken.reason


def test_lines_of_cases(tmp_path: Path) -> None:
    """`cases.jsonl` holds one case a line, and names the line of a bad one."""
    lines = [
        {"name": "one", "transaction": {"request": REQUEST}, "expect": []},
        {"name": "two", "transactions": [{"request": REQUEST}] * 2, "verdict": "timeout"},
        {"name": "one", "transaction": {"request": REQUEST}, "expect": []},
        {"nam": "three"},
    ]
    plugin = write_files(tmp_path, {"cases.jsonl": "\n".join(map(json.dumps, lines))})
    one, two, again, three = read_cases(plugin)
    assert isinstance(one, Case)
    assert isinstance(two, Case)
    assert len(two.transactions) == 2
    assert isinstance(again, BrokenCase)
    assert "cases.jsonl:3: a second case is called 'one'" in again.reason
    assert isinstance(three, BrokenCase)
    assert "did you mean 'name'?" in three.reason


def test_readmes_are_no_cases(tmp_path: Path) -> None:
    """Notes beside the cases are left alone."""
    plugin = write_files(tmp_path, {"fixtures/README.md": "x", "fixtures/.hidden": "x"})
    assert read_cases(plugin) == []


def finding(title: str) -> Finding:
    """A finding as an executor returns it."""
    return Finding(
        title=title, plugin_id="p", vuln_type="p", url="https://a/", method="GET", transaction_id="t"
    )


def test_update_keeps_what_the_author_wrote(tmp_path: Path) -> None:
    """Expectations that still hold stay as written, others go, new findings come, config stays."""
    files = {
        "fixtures/a.json": {"request": REQUEST},
        "fixtures/a.findings.json": {"config": {"x": 1}, "findings": [{"title": "A"}, {"title": "gone"}]},
    }
    plugin = write_files(tmp_path, files)
    case = only_case(plugin)
    now = updated(case, [finding("B"), finding("A")])
    assert changes(case, now) == "1 added, 1 removed, 1 kept"
    write(case, now)
    written = json.loads((tmp_path / "fixtures/a.findings.json").read_text())
    assert written["config"] == {"x": 1}
    assert written["findings"] == [
        {"title": "B", "severity": "info", "confidence": "medium"},
        {"title": "A"},
    ]
    again = only_case(plugin)
    assert changes(again, updated(again, [finding("B"), finding("A")])) is None


def test_a_new_expectation_is_its_owners_alone(tmp_path: Path) -> None:
    """What quotes traffic is written with mode 0600."""
    case = only_case(write_files(tmp_path, {"fixtures/a.json": {"request": REQUEST}}))
    write(case, updated(case, [finding("lone \ud800")]))
    assert case.expected_path.stat().st_mode & 0o777 == 0o600
    assert only_case(tmp_path / "plugin.ts").expectation is not None


def test_update_of_a_line_leaves_the_others(tmp_path: Path) -> None:
    """In `cases.jsonl` only the line of the case changes."""
    first = json.dumps({"name": "one", "transaction": {"request": REQUEST}, "expect": []})
    second = json.dumps({"name": "two", "transaction": {"request": REQUEST}, "config": {"x": 1}})
    plugin = write_files(tmp_path, {"cases.jsonl": f"{first}\n{second}\n"})
    _, case = read_cases(plugin)
    assert isinstance(case, Case)
    write(case, updated(case, [finding("A")]))
    lines = (tmp_path / "cases.jsonl").read_text().split("\n")
    assert lines[0] == first
    assert json.loads(lines[1])["expect"][0]["title"] == "A"
    assert lines[2:] == [""]
