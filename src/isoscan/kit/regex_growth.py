"""Measures how the time of a regular expression grows, in a sandboxed isolate of its own."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
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
#: True degrees are whole numbers: one this near to a limit is likely to come from an interruption.
_DOUBTFUL_DEGREE = 0.25
_MOST_REPETITIONS = 6

#: Lengthens each attack step by step until a match takes `ENOUGH_MS`; then the last length, its half, quarter
#: and eighth are measured again, the least of many times each: what takes a few milliseconds is sometimes
#: not interrupted even on a busy machine, what takes long always is. With `lengths` it measures just those of
#: the first attack, in turns, so that what disturbs for a while spoils none of them. Times are milliseconds.
_PROBE = r"""
const ENOUGH_MS = 30, MAX_CHARS = 24576, SHORT_CHARS = 128, MAX_SLOW = 4;
const MAX_SLOW_PER_PUMP = 2, BUDGET_MS = 5000, REPEAT_MS = 200, TURNS = 15;
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
function again(regex, attack, lengths) {
  const texts = lengths.map((chars) => build(attack, chars / attack[1].length));
  const times = lengths.map(() => Infinity), spent = lengths.map(() => 0);
  for (let turn = 0; turn < TURNS; turn++) {
    texts.forEach((text, at) => {
      if (spent[at] >= REPEAT_MS) return;
      const time = least(regex, text, 1);
      spent[at] += time;
      times[at] = Math.min(times[at], time);
    });
  }
  return times;
}
export function scan_transaction(transaction) {
  const { pattern, flags, attacks, lengths } = JSON.parse(transaction.request.text());
  const regex = new RegExp(pattern, flags);
  if (lengths) return { title: "measured", evidence: JSON.stringify(again(regex, attacks[0], lengths)) };
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
    """Lengths of one attack with their times, as `judge` takes them."""

    attack: int
    points: list[tuple[int, float]]
    halves: list[tuple[int, float]]
    further_ms: float | None

    @property
    def lengths(self) -> list[int]:
        """All that a judgement rests on."""
        chars = {length for length, _ in (*_short(self.points), *self.halves)}
        return sorted(chars if self.further_ms is None else chars | {self._further_chars})

    @property
    def _further_chars(self) -> int:
        return 2 * self.halves[-1][0]

    def learn(self, times: Mapping[int, float]) -> None:
        """Interruptions only lengthen: of two times for one length the shorter is nearer to the truth."""
        self.points, self.halves = (
            [(length, min(time, times.get(length, time))) for length, time in series]
            for series in (self.points, self.halves)
        )
        if self.further_ms is not None:
            self.further_ms = min(self.further_ms, times.get(self._further_chars, self.further_ms))


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
        expression = {"pattern": pattern, "flags": flags}
        order = {**expression, "attacks": [_spelled(attack) for attack in attacks]}
        measured = msgspec.json.decode(await self._ask(order), type=_Measured)
        growths = [_judged(slow, attacks) for slow in measured.slow]
        settled: set[int] = set()
        while growths:
            at = max(range(len(growths)), key=lambda number: _badness(growths[number]))
            if at in settled:
                return growths[at]
            growths[at] = await self._settle(expression, measured.slow[at], attacks)
            settled.add(at)
        return None

    async def _settle(
        self, expression: Mapping[str, str], slow: _Slow, attacks: Sequence[Attack]
    ) -> Growth | None:
        """Measures the same lengths again until the verdict stays and is in no doubt."""
        growth = _judged(slow, attacks)
        lengths = slow.lengths
        order = {**expression, "attacks": [_spelled(attacks[slow.attack])], "lengths": lengths}
        for _ in range(_MOST_REPETITIONS):
            times = msgspec.json.decode(await self._ask(order), type=list[float])
            slow.learn(dict(zip(lengths, times, strict=True)))
            before, growth = growth, _judged(slow, attacks)
            if _kind(before) is _kind(growth) and not _is_doubtful(growth):
                break
        return growth

    async def _ask(self, order: Mapping[str, object]) -> str:
        """What the probe measured, as JSON."""
        request = HttpRequest("POST", "probe:/", body=json.dumps(order).encode())
        try:
            findings = await self._executor.scan_transaction(HttpTransaction(request))
        except (ScanTimeout, ScanOutOfMemory) as error:
            raise RuntimeFault(f"its growth could not be measured: {error}") from error
        return findings[0].evidence


def _spelled(attack: Attack) -> tuple[str, str, str]:
    return attack.prefix, attack.pump, attack.suffix


def _judged(slow: _Slow, attacks: Sequence[Attack]) -> Growth | None:
    return judge(attacks[slow.attack], slow.points, slow.halves, slow.further_ms)


def _kind(growth: Growth | None) -> Kind | None:
    return None if growth is None else growth.kind


def _is_doubtful(growth: Growth | None) -> bool:
    if growth is None or growth.degree is None:
        return False
    limits = (_LEAST_DEGREE, _CUBIC_DEGREE)
    return min(abs(growth.degree - limit) for limit in limits) < _DOUBTFUL_DEGREE


def _badness(growth: Growth | None) -> tuple[float, int, int]:
    """Worse first by whole degrees; among equals the plainest attack. Linear is none at all."""
    if growth is None:
        return (0, 0, 0)
    attack = growth.attack
    degree = math.inf if growth.degree is None else round(growth.degree)
    return (degree, -len(attack.prefix) - len(attack.suffix), -len(attack.pump))
