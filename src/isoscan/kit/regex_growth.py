"""Measures how the time of a regular expression grows, in a sandboxed isolate of its own."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from enum import StrEnum

import msgspec
from msgspec import Struct

from ..errors import RuntimeFault, ScanOutOfMemory, ScanTimeout
from ..executor import PluginExecutor
from ..models import HttpRequest, HttpTransaction, Limits, PluginMetadata, SandboxLevel
from ..reports.text import printable
from .regex_attacks import Attack

_TIMEOUT_S = 20.0
#: Shorter times are mostly those of starting a match.
_LEAST_MS = 0.1
#: Longer ones are likely to be interrupted on a busy machine.
_SHORT_MS = 6.0
#: What the clock can tell apart.
_TICK_MS = 0.001
_LEAST_DEGREE = 1.6
_CUBIC_DEGREE = 2.5
_EXPONENTIAL_DEGREE = 7.0

#: Lengthens each attack step by step until a match takes `ENOUGH_MS`; then the last length, its half, quarter
#: and eighth are measured again, the least of many times each: what takes a few milliseconds is sometimes
#: not interrupted even on a busy machine, what takes long always is. Times are milliseconds.
_PROBE = r"""
const ENOUGH_MS = 30, MAX_CHARS = 24576, SHORT_CHARS = 128, MAX_SLOW = 4;
const MAX_SLOW_PER_PUMP = 2, BUDGET_MS = 5000, REPEAT_MS = 200;
function least(regex, text, times) {
  let least = Infinity;
  const ends = performance.now() + REPEAT_MS;
  for (let i = 0; i < times; i++) {
    regex.lastIndex = 0;
    const began = performance.now();
    regex.test(text);
    const now = performance.now();
    least = Math.min(least, now - began);
    if (now > ends) break;
  }
  return least;
}
function build([prefix, pump, suffix], n) {
  const text = prefix + pump.repeat(n) + suffix;
  text.charCodeAt(text.length >> 1);  // flattens it before the clock runs
  return text;
}
function lengthen(regex, attack, maxChars) {
  const size = attack[1].length;
  const points = [];
  for (let n = 4; n * size <= maxChars; n = Math.ceil(n * 1.25)) {
    const text = build(attack, n);
    let time = least(regex, text, 1);
    if (time >= 0.05) time = Math.min(time, least(regex, text, time < 6 ? 5 : 2));
    points.push([n * size, time]);
    if (time < ENOUGH_MS) continue;
    const halves = [8, 4, 2, 1].map((part) => {
      const m = Math.max(1, Math.floor(n / part));
      return [m * size, least(regex, build(attack, m), part === 1 ? 3 : 15)];
    });
    if (halves[3][1] < ENOUGH_MS / 2) continue;  // it was interrupted, not slow
    // Whether it goes on like this: a bounded repetition does not.
    const isMild = halves[3][1] < 32 * halves[2][1];
    const further_ms = isMild ? least(regex, build(attack, 2 * n), 2) : null;
    return { points, halves, further_ms };
  }
  return null;
}
export function scan_transaction(transaction) {
  const { pattern, flags, attacks } = JSON.parse(transaction.request.text());
  const regex = new RegExp(pattern, flags);
  const slow = [];
  const slowWith = new Map();
  const began = performance.now();
  // What explodes does so on short inputs: looked for first, so that nothing milder hides it.
  for (const maxChars of [SHORT_CHARS, MAX_CHARS]) {
    for (let number = 0; number < attacks.length; number++) {
      const pump = attacks[number][1];
      const count = slowWith.get(pump) ?? 0;
      if (count >= MAX_SLOW_PER_PUMP) continue;
      const found = lengthen(regex, attacks[number], maxChars);
      if (found !== null) {
        slow.push({ attack: number, ...found });
        slowWith.set(pump, count + 1);
      }
      if (slow.length >= MAX_SLOW || performance.now() - began > BUDGET_MS) break;
    }
    if (slow.length > 0) break;
  }
  return { title: "measured", evidence: JSON.stringify({ slow }) };
}
"""


class Kind(StrEnum):
    """How bad the growth is."""

    SQUARE = "square"
    POLYNOMIAL = "polynomial"
    EXPONENTIAL = "exponential"


class Growth(Struct, frozen=True):
    """A measured growth. `degree` is the exponent of the length, or None when it is exponential.

    `doubling_chars`: after how many more characters an exponential one takes twice as long.
    `chars` and `duration_ms`: the longest input that was measured.
    """

    kind: Kind
    attack: Attack
    chars: int
    duration_ms: float
    degree: float | None = None
    doubling_chars: float | None = None

    @property
    def text(self) -> str:
        """The growth in words, with the input's shape."""
        if self.degree is None:
            chars = max(1, round(self.doubling_chars or 1))
            rate = f"time doubles with every {'character' if chars == 1 else f'{chars} characters'}"
        else:
            power = round(self.degree)
            rate = f"time grows with {_POWERS.get(power, f'the {power}th power')} of the input"
        return f"{rate}: {self.duration_ms:.0f} ms for {self.chars} characters: {shape(self.attack)}"


_POWERS = {2: "the square", 3: "the cube", 4: "the fourth power", 5: "the fifth power"}


Points = Sequence[tuple[int, float]]


class _Slow(Struct):
    attack: int
    points: list[tuple[int, float]]
    halves: list[tuple[int, float]]
    further_ms: float | None


class _Measured(Struct):
    slow: list[_Slow]


def shape(attack: Attack) -> str:
    """An attack in words: `"<a", then "x" repeated, then "!"`."""
    parts = [_quoted(attack.prefix)] if attack.prefix else []
    parts.append(f"{_quoted(attack.pump)} repeated")
    if attack.suffix:
        parts.append(_quoted(attack.suffix))
    return ", then ".join(parts)


def _quoted(text: str) -> str:
    return json.dumps(printable(text), ensure_ascii=False).replace("\\\\", "\\")


def judge(attack: Attack, points: Points, halves: Points, further_ms: float | None = None) -> Growth | None:
    """The growth that lengths and times show; None for one that is linear.

    `points` is a series of growing lengths. `halves` are an eighth, a quarter, a half and all of the last
    one, measured with more care: their ratios tell the degree, or that there is none. `further_ms` is the
    time for twice the length, where that is bearable.
    """
    eighth_ms, quarter_ms, half_ms, full_ms = (max(time, _TICK_MS) for _, time in halves)
    chars = halves[-1][0]
    if math.log2(full_ms / half_ms) >= _EXPONENTIAL_DEGREE and _steepest(points) >= _EXPONENTIAL_DEGREE:
        (shorter, shorter_ms), (longer, longer_ms) = _short(points)
        doublings = math.log2(max(longer_ms / shorter_ms, 2))
        return Growth(Kind.EXPONENTIAL, attack, chars, full_ms, None, (longer - shorter) / doublings)
    estimates = [math.log2(full_ms / half_ms)]
    if quarter_ms >= _LEAST_MS:
        estimates.append(math.log2(half_ms / quarter_ms))
        if eighth_ms >= _LEAST_MS:
            estimates.append(math.log2(half_ms / eighth_ms) / 2)
    if further_ms is not None:
        estimates.append(math.log2(further_ms / half_ms) / 2)
    # What is interrupted takes longer, never shorter, and a bounded repetition is linear in the end:
    # the mildest estimate is the one to believe.
    degree = min(estimates)
    if degree < _LEAST_DEGREE:
        return None
    kind = Kind.POLYNOMIAL if degree >= _CUBIC_DEGREE else Kind.SQUARE
    return Growth(kind, attack, chars, full_ms, degree)


def _steepest(points: Points) -> float:
    (shorter, shorter_ms), (longer, longer_ms) = _short(points)
    return math.log(longer_ms / shorter_ms) / math.log(longer / shorter)


def _short(points: Points) -> Points:
    """The last two lengths that took little enough not to be interrupted, with their times."""
    short = [point for point in points if _LEAST_MS / 10 <= point[1] <= _SHORT_MS]
    return [(length, max(time, _TICK_MS)) for length, time in (short if len(short) > 1 else points)[-2:]]


class RegexProbe:
    """Measures regular expressions one after the other; `async with` it."""

    def __init__(self, sandbox: SandboxLevel) -> None:
        metadata = PluginMetadata(id="regex-probe")
        limits = Limits(timeout_s=_TIMEOUT_S)
        self._executor = PluginExecutor(metadata, _PROBE, limits=limits, sandbox=sandbox)

    async def __aenter__(self) -> RegexProbe:
        await self._executor.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._executor.shutdown(drain=False)

    async def worst(self, pattern: str, flags: str, attacks: Sequence[Attack]) -> Growth | None:
        """The worst super-linear growth that any of the attacks shows; None when all are linear.

        Raises `RuntimeFault` when it could not be measured.
        """
        growths = await self._measure(pattern, flags, attacks)
        found = max(growths, key=_badness, default=None)
        if found is None or found.kind is Kind.SQUARE:
            return found
        # Interruptions can only make it look worse: of two measurements the milder one counts.
        again = await self._measure(pattern, flags, [found.attack])
        return min([found, *again], key=_badness)

    async def _measure(self, pattern: str, flags: str, attacks: Sequence[Attack]) -> list[Growth]:
        """The growths that are not linear; an attack that shows none is left out."""
        order = {
            "pattern": pattern,
            "flags": flags,
            "attacks": [(attack.prefix, attack.pump, attack.suffix) for attack in attacks],
        }
        request = HttpRequest("POST", "probe:/", body=json.dumps(order).encode())
        try:
            findings = await self._executor.scan_transaction(HttpTransaction(request))
        except (ScanTimeout, ScanOutOfMemory) as error:
            raise RuntimeFault(f"its growth could not be measured: {error}") from error
        measured = msgspec.json.decode(findings[0].evidence, type=_Measured)
        growths = [
            judge(attacks[slow.attack], slow.points, slow.halves, slow.further_ms) for slow in measured.slow
        ]
        return [growth for growth in growths if growth is not None]


def _badness(growth: Growth) -> tuple[float, int, int]:
    """Worse first by whole degrees; among equals the plainest attack."""
    attack = growth.attack
    degree = math.inf if growth.degree is None else round(growth.degree)
    return (degree, -len(attack.prefix) - len(attack.suffix), -len(attack.pump))
