"""The corpus itself: complete, readable, and not shrinking unnoticed."""

from __future__ import annotations

from collections import Counter

import pytest

from isoscan import Limits

from ._corpus import CATEGORIES, LEVELS, load_corpus, parse

HEAD = "// Tries a thing.\n// expect: clean\n// level: realm\n\nexport {};\n"


def test_every_head_is_readable() -> None:
    """Every plugin's head parses and its limits are ones the executor accepts."""
    for case in load_corpus():
        Limits(**case.limits)
        assert case.expect


def test_corpus_is_large_enough() -> None:
    """There are many plugins, a good share of them against the operating system's layer."""
    cases = load_corpus()
    assert len(cases) >= 430
    assert {case.level for case in cases} == set(LEVELS)
    assert sum(case.level == "host" for case in cases) >= 80


def test_every_category_is_there() -> None:
    """Each category holds at least four plugins, and none is unknown."""
    counts = Counter(case.category for case in load_corpus())
    assert set(counts) == set(CATEGORIES)
    assert [name for name, count in counts.items() if count < 4] == []


def test_no_trick_twice() -> None:
    """No two plugins say that they try the same, or do."""
    cases = load_corpus()
    for texts in ([case.tries for case in cases], [case.code.partition("\n\n")[2] for case in cases]):
        assert [text for text, count in Counter(texts).items() if count > 1] == []


def test_breach_can_be_told() -> None:
    """A plugin that reaches for the machine and may go on after it says when it got there."""
    silent = [
        case.id
        for case in load_corpus()
        if case.category in ("env", "process", "ffi", "worker", "storage", "fingerprinting", "internals")
        and "BREACH" not in case.code
    ]
    assert silent == ["internals/freeze_and_seal.js"]


@pytest.mark.parametrize(
    "code",
    [
        HEAD.replace("// Tries a thing.\n", ""),
        HEAD.replace("thing.", "thing"),
        HEAD.replace("clean", "nice"),
        HEAD.replace("// expect: clean\n", ""),
        HEAD.replace("realm", "moon"),
        HEAD.replace("// level: realm\n", ""),
        HEAD.replace("// level", "// limits: timeout_s\n// level"),
        HEAD.replace("// level", "// permissions: read\n// level"),
        HEAD.replace("// level", "// expect: clean\n// level"),
        HEAD.replace("// level", "// something else\n// level"),
        HEAD.replace("// level: realm", "// level: realm\n// then: clean"),
    ],
)
def test_wrong_head_is_refused(code: str) -> None:
    """A head that is not in the format names its plugin in an error."""
    parse("a/b.js", HEAD)
    with pytest.raises(ValueError, match=r"a/b\.js"):
        parse("a/b.js", code)
