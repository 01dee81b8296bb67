"""Where a module's text imports others, and that no text makes looking for it expensive."""

from __future__ import annotations

import pytest

from isoscan.sandbox.imports import find_imports, may_import

MANY = 1_000_000


def found(code: str) -> list[str]:
    """What is found at the places given, by what stands there."""
    careful, _ = find_imports(code)
    places = sorted(span for spans in careful.values() for span in spans)
    return [code[start:stop] for start, stop in places]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import './a.js'; import x from \"./b.js\"", ["'./a.js'", '"./b.js"']),
        ("await import ( './a.js' )", ["'./a.js'"]),
        ("// import './a.js'\nimport './b.js'", ["'./b.js'"]),
        ("/* import './a.js' */ import './b.js'", ["'./b.js'"]),
        ("`import './a.js'`; import './b.js'", ["'./b.js'"]),
        ("\"import './a.js'\"; import './b.js'", ["'./b.js'"]),
        ("'\\'import'; import './b.js'", ["'./b.js'"]),
        ("const r = /[/*x]/; import './b.js'", ["'./b.js'"]),
        ("const r = /[`]/; import './b.js'", ["'./b.js'"]),
        ("const r = /[\"]/; import './b.js'", ["'./b.js'"]),
        ("transform './a.js'", []),
    ],
)
def test_where(code: str, expected: list[str]) -> None:
    """Imports are found; comments, templates and strings are passed over; an opening without end is none."""
    assert found(code) == expected


def test_specifiers_that_are_hidden_are_found_plainly() -> None:
    """What a quote in a regular expression hides is still among the plain ones."""
    careful, plain = find_imports("const r = /[`]/; import './a.js'; const s = `x`;")
    assert "./a.js" not in careful
    assert len(plain["./a.js"]) == 1


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import './a.js'", True),
        ('export * from "./a.js"', True),
        ("export function scan_transaction() {}", False),
        ("const a = 'x'; export { a }", False),
        ("const important = 'x'", False),
    ],
)
def test_may_import(code: str, expected: bool) -> None:
    """Code without a statement that could import is known as such."""
    assert may_import(code) is expected


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "code",
    [
        "import" + " " * MANY + "x",
        "import " * MANY,
        "from " * MANY + "'",
        "/[" + "/*x" * MANY + "]/",
        "/[" + "\\`" * MANY + "]/",
        "/[" + '\\"' * MANY + "]/",
        "/[" + "\\'" * MANY + "]/",
        "/*" + "*" * MANY,
        "import '" * MANY,
    ],
    ids=["spaces", "words", "from", "comments", "templates", "quotes", "apostrophes", "stars", "specifiers"],
)
def test_no_text_takes_for_ever(code: str) -> None:
    """A million openings that nothing closes are passed in one go."""
    assert isinstance(may_import(code), bool)
    careful, _ = find_imports(code)
    assert "./a.js" not in careful
