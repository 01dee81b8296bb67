"""Slow regular expressions: the parser, the guesses, and the judgement of measured times."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from isoscan.kit.regex_attacks import Attack, attacks_on, sample
from isoscan.kit.regex_growth import Kind, RegexProbe, judge, shape
from isoscan.kit.regex_syntax import Chars, RegexSyntaxError, Repeat, parse_regex

RUN = Attack("", "a", "!")


@pytest.mark.parametrize(
    ("pattern", "flags", "text"),
    [
        ("abc", "", "abc"),
        ("a|b", "", "a"),
        (r"\d{3}-[x-z]", "", "000-x"),
        (r"(?<year>\d+)\.\k<year>", "", "0."),
        (r"(?:a(?=b)){2}(?!c)", "", "aa"),
        (r"\x41\u0042\u{43}\cJ", "u", "ABC\n"),
        (r"[^\]a]", "", "0"),
        (r"[\b\-]", "", "-"),
        ("x{2,}y{z", "", "xxy{z"),
        ("[]a", "", "a"),
        (r"^\bfoo$", "m", "foo"),
        (r"\p{L}\P{L}", "u", "a0"),
        ("<[^>]*>", "", "<>"),
        (".", "s", "a"),
    ],
)
def test_sample_is_a_text_the_pattern_means(pattern: str, flags: str, text: str) -> None:
    """A short text is read off the tree, so the tree means what the pattern says."""
    assert sample(parse_regex(pattern, flags)) == text


def test_case_is_ignored_with_its_flag() -> None:
    """The flag i adds the other case to a set."""
    node = parse_regex("[a-c]", "i")
    assert isinstance(node, Chars)
    assert node.ranges == ((0x41, 0x43), (0x61, 0x63))


def test_bounds_are_kept() -> None:
    """A counted repetition keeps its bounds, lazy or not."""
    assert parse_regex("a{2,40}?") == Repeat(Chars(((97, 97),)), 2, 40)


@pytest.mark.parametrize("pattern", ["(a", "a)", "[a", "a\\", "(?<a", "(" * 5000])
def test_what_is_not_understood_is_said(pattern: str) -> None:
    """A pattern beyond the parser is an error of its own, not a wrong tree and not a crash."""
    with pytest.raises(RegexSyntaxError):
        parse_regex(pattern)


@pytest.mark.parametrize("pattern", ["abc", r"AKIA[0-9A-Z]{16}", "a?b?c?", r"\d{1,20}"])
def test_nothing_to_try_without_a_long_repetition(pattern: str) -> None:
    """What takes a bounded number of characters cannot get slow."""
    assert attacks_on(parse_regex(pattern)) == []


@pytest.mark.parametrize(
    ("pattern", "pump"),
    [
        ("(a+)+$", "a"),
        ("(?:a|ab|b)*c", "ab"),
        ("<script[^>]*>", "<script"),
        (r"\w*\d*x", "0"),
        (r"(?:\d+,)+;", "0,"),
    ],
)
def test_the_telling_pump_is_among_the_guesses(pattern: str, pump: str) -> None:
    """Each kind of slowness has its pump tried."""
    assert pump in {attack.pump for attack in attacks_on(parse_regex(pattern))}


def test_guesses_are_bounded() -> None:
    """A large pattern does not lead to thousands of guesses."""
    pattern = "|".join(f"(?:{chr(97 + n)}+[{chr(97 + n)}-z]*)+" for n in range(20))
    assert 0 < len(attacks_on(parse_regex(pattern))) <= 240


def series(*pairs: tuple[int, float]) -> tuple[tuple[int, float], ...]:
    """Lengths with their times."""
    return pairs


def power(degree: float, length: int = 1000, full_ms: float = 40.0) -> tuple[tuple[int, float], ...]:
    """An eighth, a quarter, a half and all of a length whose time grows with that power."""
    return tuple((length // part, full_ms / part**degree) for part in (8, 4, 2, 1))


@pytest.mark.parametrize(
    ("degree", "kind", "words"),
    [
        (2.0, Kind.SQUARE, "time grows with the square of the input: 40 ms for 1000 characters"),
        (3.0, Kind.POLYNOMIAL, "time grows with the cube of the input"),
        (4.0, Kind.POLYNOMIAL, "time grows with the fourth power of the input"),
    ],
)
def test_growth_is_named_by_its_degree(degree: float, kind: Kind, words: str) -> None:
    """Halves tell the power."""
    growth = judge(RUN, power(degree), power(degree))
    assert growth is not None
    assert growth.kind is kind
    assert growth.text.startswith(words)
    assert growth.text.endswith('"a" repeated, then "!"')


@pytest.mark.parametrize("halves", [power(1.0), power(1.3), series((1, 5.0), (2, 9.0), (4, 20.0), (8, 90.0))])
def test_linear_time_is_no_growth(halves: tuple[tuple[int, float], ...]) -> None:
    """Linear, nearly linear and unmeasurable times are not reported."""
    assert judge(RUN, halves, halves) is None


def test_a_hiccup_is_no_growth() -> None:
    """An eighth that took long enough must agree, or the quarter was only lucky."""
    assert (
        judge(
            RUN, series((800, 30.0), (1000, 40.0)), series((125, 9.0), (250, 5.0), (500, 20.0), (1000, 40.0))
        )
        is None
    )


def test_a_bounded_repetition_is_linear_in_the_end() -> None:
    """Growth that ends within the measured lengths is not reported."""
    assert judge(RUN, power(2.0), series((125, 1.0), (250, 4.0), (500, 15.0), (1000, 34.0))) is None
    assert judge(RUN, power(2.0), power(2.0), further_ms=60.0) is None
    assert judge(RUN, power(2.0), power(2.0), further_ms=160.0) is not None


def test_an_interrupted_whole_does_not_raise_the_degree() -> None:
    """On a busy machine the longest run takes twice its time; shorter ones tell the truth."""
    growth = judge(
        RUN, series((800, 30.0), (1000, 40.0)), series((125, 0.5), (250, 2.0), (500, 8.0), (1000, 99.0))
    )
    assert growth is not None
    assert growth.kind is Kind.SQUARE


def test_a_high_power_is_not_exponential() -> None:
    """The fourth power stays one although its longest run was interrupted for long."""
    points = tuple((length, (length / 60) ** 4) for length in (60, 75, 94, 118))
    growth = judge(RUN, points, series((15, 0.004), (30, 0.06), (59, 0.95), (118, 200.0)))
    assert growth is not None
    assert growth.kind is Kind.POLYNOMIAL


def test_exponential_growth_tells_what_doubles_it() -> None:
    """Time that doubles with two characters is said to."""
    points = series((20, 1.0), (22, 2.0), (24, 4.0), (28, 16.0), (34, 128.0))
    growth = judge(RUN, points, series((4, 0.001), (8, 0.001), (17, 0.3), (34, 128.0)))
    assert growth is not None
    assert growth.kind is Kind.EXPONENTIAL
    assert "doubles with every 2 characters" in growth.text


def test_shape_is_fit_for_a_terminal() -> None:
    """Control characters of an attack are written out."""
    assert shape(Attack("<", "\x1b", "\n")) == '"<", then "\\x1b" repeated, then "\\n"'


class DisturbedProbe(RegexProbe):
    """Measures times that grow with a power, and some of the first ones are lengthened."""

    def __init__(self, degree: float, *disturbed: Mapping[int, float]) -> None:
        super().__init__("strict")
        self.degree = degree
        self.disturbed = list(disturbed)

    async def _ask(self, order: Mapping[str, Any]) -> str:
        longer = self.disturbed.pop(0) if self.disturbed else {}

        def time_ms(length: int) -> float:
            return float(40.0 * (length / 1000) ** self.degree * longer.get(length, 1.0))

        if "lengths" in order:
            return json.dumps([time_ms(length) for length in order["lengths"]])
        halves = [(length, time_ms(length)) for length in (125, 250, 500, 1000)]
        points = [(length, time_ms(length)) for length in (640, 800, 1000)]
        slow = {"attack": 0, "points": points, "halves": halves, "further_ms": time_ms(2000)}
        return json.dumps({"slow": [slow]})


@pytest.mark.parametrize(
    ("degree", "disturbed", "kind"),
    [
        (3.0, [{500: 2.1}], Kind.POLYNOMIAL),  # looks like the square once
        (3.0, [{500: 1.5}, {500: 1.4}], Kind.POLYNOMIAL),  # twice, both times near the limit
        (2.0, [{500: 2.0}], Kind.SQUARE),  # looks linear once
        (2.0, [{500: 2.0, 1000: 4.0, 2000: 16.0}], Kind.SQUARE),  # looks like the cube once
        (1.0, [{1000: 4.0, 2000: 4.0}], None),
    ],
)
def test_an_interruption_does_not_decide(
    degree: float, disturbed: list[dict[int, float]], kind: Kind | None
) -> None:
    """What interrupts a measurement is gone in the next: the least of all times of a length counts."""
    growth = asyncio.run(DisturbedProbe(degree, *disturbed).worst("a*a*x", "", [RUN]))
    assert (None if growth is None else growth.kind) is kind
