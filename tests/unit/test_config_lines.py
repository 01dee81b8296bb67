"""In which line of a TOML file a key stands."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoscan.config.lines import KeyPath, key_lines

TEXT = '''# a comment with [brackets] and = signs
top = 1 # and "quotes"
"quoted key" = """
[not.a.table]
x = 1
"""
literal = \'\'\'
[[nor.this]]
\'\'\'
escaped = "a \\" # ] }"
array = [
  1, # one ]
  [2, 3],
  { inline = "x", deep = [
    4 ] },
]
a.b . "c d" = 2027-01-31

[table]
key = true
  [ table . inner ]
key = 1.5

[[many]]
key = 1
[many.inner]
key = 2
[[many]]
[[many.more]]
key = 3
[[many.more]]
key = 4
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("quoted key",), 3),
        (("literal",), 7),
        (("escaped",), 10),
        (("array",), 11),
        (("array", 0), 12),
        (("array", 1), 13),
        (("array", 1, 1), 13),
        (("array", 2, "inline"), 14),
        (("array", 2, "deep", 0), 15),
        (("a",), 17),
        (("a", "b", "c d"), 17),
        (("table",), 19),
        (("table", "key"), 20),
        (("table", "inner"), 21),
        (("table", "inner", "key"), 22),
        (("many",), 24),
        (("many", 0, "key"), 25),
        (("many", 0, "inner", "key"), 27),
        (("many", 1), 28),
        (("many", 1, "more", 0, "key"), 30),
        (("many", 1, "more", 1, "key"), 32),
    ],
)
def test_line(path: KeyPath, line: int) -> None:
    """Every kind of key and value is found, and what only looks like one is not."""
    lines = key_lines(TEXT)
    assert lines[path] == line
    assert ("not",) not in lines
    assert ("nor",) not in lines


def paths_of(value: Any, path: KeyPath = ()) -> set[KeyPath]:
    """Every path in a parsed document."""
    found: set[KeyPath] = {path} if path else set()
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in pairs:
        found |= paths_of(each, (*path, key))
    return found


def test_every_path_of_the_parser_has_a_line() -> None:
    """The parser of the standard library and the scanner see the same keys."""
    assert set(key_lines(TEXT)) == paths_of(tomllib.loads(TEXT))


KEYS = st.one_of(
    st.from_regex(r"\A[A-Za-z0-9_-]{1,6}\Z"),
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=6),
)
SCALARS = st.one_of(
    st.integers(-1000, 1000), st.booleans(), st.text(st.sampled_from("a\"'#[]{}=,\n\\ \t."), max_size=8)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


def toml(value: Any) -> str:
    """A value in TOML, on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
        return f'"{escaped}"'
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(each)}" for key, each in value.items()) + "}"
    return str(value)


@given(st.dictionaries(KEYS, VALUES, max_size=4), st.dictionaries(KEYS, VALUES, max_size=4))
def test_whatever_is_written(top: dict[str, Any], table: dict[str, Any]) -> None:
    """Of any document that the parser takes, every key has the line it was written in."""
    lines = [f"{toml(key)} = {toml(value)}" for key, value in top.items()]
    text = "\n".join([*lines, '["a table"]', *(f"{toml(key)} = {toml(each)}" for key, each in table.items())])
    if "a table" in top:
        return
    found = key_lines(text)
    assert set(found) == paths_of(tomllib.loads(text))
    for number, key in enumerate(top, 1):
        assert found[(key,)] == number
    for number, key in enumerate(table, len(top) + 2):
        assert found[("a table", key)] == number


@given(st.text(st.sampled_from("a\"'#[]{}=,\n\\ \t.1"), max_size=40))
def test_anything_ends(text: str) -> None:
    """Whatever text comes, the scanner ends; what the parser takes, it reads the same."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert set(key_lines(text)) == paths_of(document)
