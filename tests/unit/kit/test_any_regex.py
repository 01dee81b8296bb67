"""Whatever a plugin's author writes as a regular expression, the parser stays within its bounds."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from isoscan.kit.regex_attacks import attacks_on, sample
from isoscan.kit.regex_syntax import RegexSyntaxError, parse_regex

_PIECES = st.sampled_from(
    ["a", "b", "-", ".", "\\d", "\\w", "\\s", "[a-c]", "[^a]", "(", ")", "(?:", "|", "*", "+", "?", "{2,3}"]
)
_SYMBOLS = st.text(alphabet="()[]{}\\|*+?.^$-,:<>=!abdpkuxBcPwsW019 \ud800é\0", max_size=40)


@given(_SYMBOLS, st.sampled_from(["", "i", "s", "u", "v", "gimsuy"]))
def test_any_text_is_a_tree_or_a_syntax_error(pattern: str, flags: str) -> None:
    """No other error, no endless loop, and a bounded number of inputs to try."""
    try:
        node = parse_regex(pattern, flags)
    except RegexSyntaxError:
        return
    attacks = attacks_on(node)
    assert len(attacks) <= 240
    assert all(attack.pump for attack in attacks)


@given(st.lists(_PIECES, max_size=12).map("".join))
def test_a_sample_matches_its_pattern(pattern: str) -> None:
    """What JavaScript and Python read alike: the sample of the tree matches the pattern."""
    try:
        compiled = re.compile(pattern)
    except re.error:
        return
    if "?+" in pattern or "*+" in pattern or "++" in pattern or "}+" in pattern:
        return  # possessive in Python, not an expression in JavaScript
    assert compiled.fullmatch(sample(parse_regex(pattern)))
