"""Inputs that may make a regular expression slow, guessed generously from its syntax. Pure.

A backtracking engine is slow where it can split the same text in many ways: a repetition in
a repetition, neighbours that take the same characters, or a start that is tried at every position
of a long run. Each guess is a prefix, a pump many times and a suffix; whether it works is measured,
not argued.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from .regex_syntax import (
    LINE_ENDS,
    WORD,
    Chars,
    Choice,
    Empty,
    Look,
    Node,
    Ranges,
    Repeat,
    Sequence,
    inverted,
    united,
)

#: A bounded repetition of fewer rounds cannot get slow on its own.
_MANY_ROUNDS = 25
_MAX_SAMPLES = 6
_MAX_PUMPS = 24
_MAX_PUMP_CHARS = 64
_MAX_ATTACKS = 240
_PREFERRED = "a0 _A-/.=<\"'x\t\n!"


class Attack(Struct, frozen=True):
    """An input that can be made as long as wanted: the prefix, the pump again and again, the suffix."""

    prefix: str
    pump: str
    suffix: str


def attacks_on(node: Node) -> list[Attack]:
    """Attacks worth trying on a pattern, the likeliest first; none for one that repeats nothing."""
    repeats = list(_repeats(node, ""))
    if not repeats:
        return []
    sets = united_sets(node)
    atoms = _atoms(sets)
    found: dict[Attack, int] = {}
    for prefix, repeat in repeats:
        own = united_sets(repeat.body)
        # What ends the run, what ends any run, and what may be special at an end.
        suffixes = list(dict.fromkeys(["", _outside(own), _outside(sets), "\n", "\0"]))
        for pump in _pumps(prefix, repeat, atoms):
            for start in dict.fromkeys((prefix, "", "\0")):
                for rank, suffix in enumerate(suffixes):
                    found.setdefault(Attack(start, pump, suffix), rank)
    # Without a suffix first: most patterns that are slow are so for a plain run.
    return sorted(found, key=lambda attack: (found[attack], len(attack.pump)))[:_MAX_ATTACKS]


def _repeats(node: Node, before: str) -> Iterator[tuple[str, Repeat]]:
    """Every repetition of many rounds, with a text that leads the engine to it."""
    if isinstance(node, Sequence):
        for part in node.parts:
            yield from _repeats(part, before)
            before += sample(part)
    elif isinstance(node, Choice):
        for branch in node.branches:
            yield from _repeats(branch, before)
    elif isinstance(node, Look):
        yield from _repeats(node.body, before)
    elif isinstance(node, Repeat):
        if node.most is None or node.most >= _MANY_ROUNDS:
            yield before, node
        yield from _repeats(node.body, before)


def sample(node: Node) -> str:
    """A short text that the node matches, as far as lookarounds and backreferences let it."""
    return next(iter(_samples(node)), "")


def _samples(node: Node, liked: str = "", *, is_first: bool = False) -> list[str]:
    """Short texts that the node matches; sets give one character, and those of `liked` they hold."""
    if isinstance(node, Chars):
        if not node.ranges:
            return []
        held = [char for char in liked if _holds(node.ranges, char)]
        usual = [_char_of(node.ranges)]
        return list(dict.fromkeys(held + usual if is_first else usual + held))
    if isinstance(node, Empty | Look):
        return [""]
    if isinstance(node, Choice):
        texts = [text for branch in node.branches for text in _samples(branch, liked, is_first=is_first)]
    elif isinstance(node, Repeat):
        rounds = min(node.least, _MAX_PUMP_CHARS)
        texts = [text * rounds for text in _samples(node.body, liked, is_first=is_first)] or [""]
    else:
        texts = [""]
        for part in node.parts:
            options = _samples(part, liked, is_first=is_first) or [""]
            texts = [text + option for text in texts for option in options][:_MAX_SAMPLES]
    return list(dict.fromkeys(texts))[:_MAX_SAMPLES]


def _pumps(prefix: str, repeat: Repeat, atoms: list[str]) -> Iterator[str]:
    """Texts whose repetition may cost more each time: characters, rounds of the body, whole starts."""
    own = united_sets(repeat.body)
    chars = [atom for atom in atoms if any(_holds(ranges, atom) for ranges in own)]
    # A round that holds the character a match begins with is a place where the engine begins again.
    rounds = [text for text in _samples(repeat.body, prefix[:1]) if text]
    whole = _at_least_once(repeat.body)
    full = [text for text in _samples(whole, prefix[:1]) if text]
    # Rounds of the character that most parts of the pattern take.
    full += [text for char in chars[:3] if (text := next(iter(_samples(whole, char, is_first=True)), ""))]
    starts = [prefix + char for char in chars[:2]] if prefix else []
    if prefix:
        starts.append(prefix)
    # Two by two: rounds of different branches, and characters with a word border between them.
    parts = [*rounds[:3], *chars[:3]]
    pairs = [one + two for one in parts for two in parts if one != two]
    found = dict.fromkeys([*chars, *rounds, *full, *starts, *pairs])
    usable = [pump for pump in found if 0 < len(pump) <= _MAX_PUMP_CHARS]
    yield from usable[:_MAX_PUMPS]


def _at_least_once(node: Node) -> Node:
    """The node with every repetition taken once where it could be left out."""
    if isinstance(node, Repeat):
        return Repeat(_at_least_once(node.body), max(node.least, 1), node.most)
    if isinstance(node, Sequence):
        return Sequence(tuple(map(_at_least_once, node.parts)))
    if isinstance(node, Choice):
        return Choice(tuple(map(_at_least_once, node.branches)))
    return node


def united_sets(node: Node) -> list[Ranges]:
    """The sets of characters that the node takes from, each once."""
    return list(dict.fromkeys(_sets(node)))


def _sets(node: Node) -> Iterator[Ranges]:
    if isinstance(node, Chars):
        yield node.ranges
    elif isinstance(node, Repeat | Look):
        yield from _sets(node.body)
    elif isinstance(node, Sequence):
        for part in node.parts:
            yield from _sets(part)
    elif isinstance(node, Choice):
        for branch in node.branches:
            yield from _sets(branch)


def _atoms(sets: Iterable[Ranges]) -> list[str]:
    """One character for each way of being in some of the sets and not in others; most shared first."""
    sets = list(sets)
    candidates = {*_PREFERRED}
    for ranges in sets:
        for low, high in ranges:
            candidates |= {chr(code) for code in (low, high) if not 0xD800 <= code <= 0xDFFF}
    groups: dict[tuple[bool, ...], str] = {}
    for char in sorted(candidates, key=_rank):
        membership = tuple(_holds(ranges, char) for ranges in sets)
        if any(membership):
            # Letters and line ends apart from others, for the borders of words and lines.
            groups.setdefault((*membership, _holds(WORD, char), _holds(LINE_ENDS, char)), char)
    return [char for _, char in sorted(groups.items(), key=lambda item: -sum(item[0]))][:_MAX_PUMPS]


def _rank(char: str) -> tuple[int, int]:
    place = _PREFERRED.find(char)
    return (place if place >= 0 else len(_PREFERRED), ord(char))


def _holds(ranges: Ranges, char: str) -> bool:
    code = ord(char)
    return any(low <= code <= high for low, high in ranges)


def _char_of(ranges: Ranges) -> str:
    """A character of the set, a readable one if there is one."""
    for char in _PREFERRED:
        if _holds(ranges, char):
            return char
    low = next((low for low, high in ranges if high >= 0x21), ranges[0][0])
    return chr(low) if not 0xD800 <= low <= 0xDFFF else "\ufffd"


def _outside(sets: list[Ranges]) -> str:
    """A character in none of the sets, or else one in few of them."""
    free = inverted(united([pair for ranges in sets for pair in ranges]))
    readable = next((char for char in "!~\x01€" if _holds(free, char)), None)
    return readable or (_char_of(free) if free else "\x01")
