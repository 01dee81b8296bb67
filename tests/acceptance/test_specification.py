"""SPECIFICATION.md: every promise has a test, and every test named there exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPECIFICATION = ROOT / "SPECIFICATION.md"
CORPUS = ROOT / "tests/hostile/plugins"
_ROW = re.compile(r"\| (?P<promise>[^|]+) \| (?P<tests>[^|]+) \|")
_NAME = re.compile(r"`(?P<file>[\w/]+)::(?P<test>test_\w+)`|`(?P<plugin>[a-z_]+/[a-z_]+\.js)`")
GROUPS = (
    "Command line and environment", "Realm", "Channel", "Operating system", "Owner", "Limits",
    "Permissions", "Secrets", "No lost request", "Restart intelligence",
)  # fmt: skip

pytestmark = pytest.mark.skipif(not SPECIFICATION.is_file(), reason="not in the project's own folder")


def rows() -> list[tuple[str, str, str]]:
    """Group, promise and tests of each line of the tables."""
    found = []
    group = ""
    for line in SPECIFICATION.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            group = line[3:]
        match = _ROW.fullmatch(line)
        if match and group in GROUPS and match["promise"] not in ("Promise", "---"):
            found.append((group, match["promise"], match["tests"]))
    return found


def functions_of(path: Path) -> set[str]:
    """The test functions of a file."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_group_has_promises() -> None:
    """No group is forgotten, and no promise stands twice."""
    found = rows()
    assert {group for group, _, _ in found} == set(GROUPS)
    promises = [promise for _, promise, _ in found]
    assert len(promises) == len(set(promises))
    assert len(promises) >= 60


def test_every_promise_names_tests_that_exist() -> None:
    """Each line names at least one test; each name is a test of the tree or a plugin of the corpus."""
    wrong = []
    for _, promise, tests in rows():
        names = list(_NAME.finditer(tests))
        if not names:
            wrong.append(f"no test: {promise}")
        for name in names:
            if name["plugin"]:
                is_there = (CORPUS / name["plugin"]).is_file()
            else:
                path = ROOT / "tests" / f"{name['file']}.py"
                is_there = path.is_file() and name["test"] in functions_of(path)
            if not is_there:
                wrong.append(f"{promise}: {name.group()} does not exist")
        if re.sub(_NAME, "", tests).strip(" ,"):
            wrong.append(f"{promise}: not understood: {re.sub(_NAME, '', tests)}")
    assert wrong == []
