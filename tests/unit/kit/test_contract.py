"""What a plugin says of itself against what its code uses."""

from __future__ import annotations

from typing import Any

import pytest

from isoscan.kit.contract import Places, metadata_problems, permission_problems
from isoscan.kit.problems import Level
from isoscan.kit.workshop import Fact
from isoscan.permissions import Denial


def use(name: str, kind: str = "use", line: int = 3) -> Fact:
    """A fact of a file."""
    return Fact(kind=kind, name=name, line=line, column=5)


def codes(asked: Any, *facts: Fact, denials: tuple[Denial, ...] = ()) -> list[str]:
    """Codes of the problems with permissions of a plugin of one file."""
    own = {"plugin.ts": list(facts)}
    exported = {"id": "p", "permissions": asked} if asked is not None else None
    found = permission_problems(exported, own, denials, Places(own, "plugin.ts"))
    return [problem.code for problem in found]


@pytest.mark.parametrize(
    ("asked", "facts", "expected"),
    [
        (None, (), []),
        (None, (use("fetch"),), ["IS401"]),
        ({"net": ["a.example:443"]}, (use("fetch"),), []),
        ({"net": ["a.example:443"]}, (use("WebSocket", "guarded_use"),), []),
        ({"net": ["a.example:443"]}, (), ["IS402"]),
        ({"net": []}, (), []),
        ({"read": ["x"]}, (use("isoscan.readAssetText"),), []),
        ({"read": ["x"], "wasm": True}, (use("isoscan.readAsset"),), ["IS402"]),
        (None, (use("isoscan.report"),), []),
        (None, (use("process"),), ["IS404"]),
        (None, (use("process", "guarded_use"), use("process")), []),
        (None, (use("Deno.core"),), []),
        (None, (use("Deno.readFile"),), ["IS404"]),
    ],
)
def test_asked_against_used(asked: Any, facts: tuple[Fact, ...], expected: list[str]) -> None:
    """What is used must be asked for, what is asked for used; what nobody has is said."""
    assert codes(asked, *facts) == expected


def test_attempts_while_loading() -> None:
    """A refusal while loading is told, unless the use itself already is."""
    denial = Denial("worker", "Worker", 1)
    assert codes(None, denials=(denial,)) == ["IS403"]
    assert codes(None, use("Worker"), denials=(denial,)) == ["IS404"]
    assert codes(None, use("fetch"), denials=(Denial("net", "fetch", 2),)) == ["IS401"]


def test_metadata_in_order() -> None:
    """Every wrong field is told at its own place, not only the first."""
    facts = {"plugin.ts": [use("tags", "metadata", 7), use("permissions.nett", "metadata", 9)]}
    exported = {"id": "p", "tags": "x", "version": 1, "permissions": {"nett": []}}
    found = metadata_problems(exported, "p", Places(facts, "plugin.ts"))
    assert [(problem.code, problem.line) for problem in found] == [("IS302", 9), ("IS301", 0), ("IS301", 7)]
    assert "did you mean 'net'?" in found[0].message


@pytest.mark.parametrize("exported", [None, {}, {"name": "x"}, {"id": None}])
def test_no_id_is_a_warning(exported: Any) -> None:
    """A plugin without an id runs under its file's name; that is said."""
    (problem,) = metadata_problems(exported, "leaked", Places({}, "plugin.ts"))
    assert (problem.code, problem.level) == ("IS303", Level.WARNING)
    assert "'leaked'" in problem.message


@pytest.mark.parametrize(
    "exported",
    [
        {"id": "p"},
        {"id": "p", "tags": ["a"], "default_severity": "HIGH", "idempotent": True, "description": None},
    ],
)
def test_sound_metadata(exported: Any) -> None:
    """What isoscan accepts has no problem."""
    assert metadata_problems(exported, "p", Places({}, "plugin.ts")) == []
