"""A plugin's options against the schema it declares."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoscan.config.plugin_options import option_problems
from isoscan.errors import ConfigError

SCHEMA = {
    "type": "object",
    "properties": {
        "words": {"type": "array", "items": {"type": "string", "minLength": 2}, "maxItems": 3},
        "level": {"enum": ["low", "high", 1]},
        "limit": {"type": "integer", "minimum": 1, "maximum": 10, "default": 3},
        "ratio": {"type": "number"},
        "nested": {
            "type": "object",
            "properties": {"on": {"type": "boolean", "description": "x"}},
            "required": ["on"],
        },
        "free": {"type": "object"},
        "typed": {"additionalProperties": {"type": "integer"}, "properties": {}},
        "open": {"properties": {"a": {"type": "string"}}, "additionalProperties": True},
        "either": {"type": ["string", "null", "integer"]},
    },
}


def problems(options: Any, schema: Any = SCHEMA) -> list[str]:
    """What is wrong, as text."""
    return [str(problem) for problem in option_problems(options, schema, ("options",))]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"words": ["ab", "cd"], "level": "low", "limit": 10, "ratio": 1, "either": "x"},
        {"level": 1, "ratio": 0.5, "either": 3, "nested": {"on": True}},
        {"free": {"anything": [1, {"goes": True}]}, "typed": {"a": 1}, "open": {"a": "x", "b": 1}},
    ],
)
def test_right(options: Any) -> None:
    """What fits the schema has no problems."""
    assert problems(options) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"wrods": []}, ["options.wrods", "did you mean words?"]),
        ({"words": "ab"}, ["options.words", "'ab'", "array"]),
        ({"words": ["ab", 1]}, ["options.words[1]", "string"]),
        ({"words": ["a"]}, ["options.words[0]", "characters", "2"]),
        ({"words": ["ab"] * 4}, ["options.words", "elements", "3"]),
        ({"level": "mid"}, ["options.level", "'mid'", "low"]),
        ({"level": True}, ["options.level", "True"]),
        ({"limit": 0}, ["options.limit", "at least 1"]),
        ({"limit": 11}, ["options.limit", "at most 10"]),
        ({"limit": 1.5}, ["options.limit", "integer"]),
        ({"limit": True}, ["options.limit", "integer"]),
        ({"nested": {}}, ["options.nested", "lacks on"]),
        ({"nested": {"on": 1}}, ["options.nested.on", "boolean"]),
        ({"typed": {"a": "x"}}, ["options.typed.a", "integer"]),
        ({"open": {"a": 1}}, ["options.open.a", "string"]),
        ({"either": []}, ["options.either", "string or null or integer"]),
    ],
)
def test_wrong(options: Any, words: list[str]) -> None:
    """Each mistake is named with its key."""
    (text,) = problems(options)
    for word in words:
        assert word in text


NESTED: Any = {}
for _ in range(50):
    NESTED = {"items": NESTED}
DEEP: Any = "x"
for _ in range(40):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("schema", "options"),
    [
        ("text", {}),
        (None, {}),
        ({"type": "text"}, {}),
        ({"type": 3}, {}),
        ({"properties": []}, {}),
        ({"required": "a"}, {}),
        ({"required": [{}]}, {}),
        ({"enum": 1}, {}),
        ({"pattern": "(a+)+$"}, {}),
        ({"$ref": "#"}, {}),
        ({"minimum": "1"}, 3),
        ({"properties": {"a": 1}}, {"a": 1}),
        (NESTED, DEEP),
    ],
)
def test_wrong_schema(schema: Any, options: Any) -> None:
    """A schema that cannot be followed is the plugin's mistake and said to be one."""
    with pytest.raises(ConfigError):
        problems(options, schema)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYWORDS = st.sampled_from(sorted({*SCHEMA, "items", "required", "enum", "const", "minimum", "maxLength"}))


@given(JSON, JSON | st.dictionaries(KEYWORDS, JSON))
def test_whatever_a_plugin_declares(options: Any, schema: Any) -> None:
    """Any schema gives problems or says that it is wrong; nothing else is raised."""
    try:
        assert all(isinstance(text, str) for text in problems(options, schema))
    except ConfigError as error:
        assert len(str(error)) < 1000
