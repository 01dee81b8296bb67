"""The walk over JSON text that is not decoded."""

from __future__ import annotations

import json

import pytest

from isoscan.sources._json_scan import JsonCursor, JsonDamage


@pytest.mark.parametrize(
    "value",
    [
        "{}",
        "[]",
        "1",
        "-1.5e3",
        "true",
        "null",
        '""',
        r'"a\"b\\"',
        '{"a": {"b": [1, {"]": "}"}]}}',
        "[[], [[]], {}]",
    ],
)
def test_values_end_where_they_end(value: str) -> None:
    """The cursor stops right behind a value of any kind."""
    cursor = JsonCursor(f"{value} , 1".encode(), 0)
    cursor.skip_value()
    assert cursor.position == len(value)


def test_members_with_and_without_reading() -> None:
    """Members come in order whether or not their values are read."""
    cursor = JsonCursor(json.dumps({"a": [1], "b\n": {"c": 2}, "d": "}"}).encode() + b"x", 0)
    keys = []
    for key in cursor.members():
        keys.append(key)
        if key == "a":
            cursor.skip_value()
    assert keys == ["a", "b\n", "d"]
    assert cursor.peek() == b"x"


@pytest.mark.parametrize("text", ["{", '{"a": [', '{"a": "', '{"a": "\\', '{"a": {}', '"', '["\\'])
def test_truncation(text: str) -> None:
    """Text that ends too early is told from text that is wrong."""
    cursor = JsonCursor(text.encode(), 0)
    with pytest.raises(JsonDamage) as caught:
        if text.startswith("{"):
            list(cursor.members())
        cursor.skip_value()
    assert caught.value.is_truncated


@pytest.mark.parametrize("text", ['{"a" 1}', "{1: 2}", '{"a": :}', '{"a": 1]'])
def test_damage(text: str) -> None:
    """Text that cannot go on is damaged at a place inside it."""
    with pytest.raises(JsonDamage) as caught:
        list(JsonCursor(text.encode(), 0).members())
    assert not caught.value.is_truncated
    assert 0 < caught.value.offset < len(text)


def test_long_strings_of_escapes() -> None:
    """Strings of millions of escapes need neither recursion nor memory per escape."""
    value = b'{"a": "' + b'\\n\\"' * 1_000_000 + b'"}'
    cursor = JsonCursor(value, 0)
    cursor.skip_value()
    assert cursor.position == len(value)


def test_many_unclosed_quotes_are_linear() -> None:
    """A text that never closes is searched once, not once per byte."""
    cursor = JsonCursor(b'{"a": ' + b'"x" ' * 200_000 + b'"', 0)
    with pytest.raises(JsonDamage):
        cursor.skip_value()
