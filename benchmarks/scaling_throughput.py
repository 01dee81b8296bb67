"""Throughput against one quantity at a time: all settings of a line are open and take turns in rounds."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

from isoscan.errors import IsoscanError

from .scaling_curves import plans
from .scaling_records import Line, ScalingReport, Setting
from .scaling_subject import Subject


async def measure(
    report: ScalingReport, names: Sequence[str], rounds: int, round_s: float, say: Callable[[str], None]
) -> None:
    """These curves, one after the other; what is measured is in the report at once."""
    for curve, lines in plans():
        if curve.name not in names:
            continue
        report.curves.append(curve)
        for title, reference, make in lines:
            say(f"throughput against {curve.name}: {title}")
            subjects = make()
            settings = [Setting(label=subject.label, per_scan=subject.per_scan) for subject in subjects]
            line = Line(title=title, reference=reference, settings=settings)
            curve.lines.append(line)
            try:
                await _line(line, subjects, rounds, round_s)
            except (IsoscanError, RuntimeError, ExceptionGroup) as error:
                # A machine too small for a pool, for example: the other lines can still be measured.
                line.failure = f"{type(error).__name__}: {error}"
            finally:
                line.sum_up()


async def _line(line: Line, subjects: Sequence[Subject], rounds: int, round_s: float) -> None:
    turns = list(zip(subjects, line.settings, strict=True))
    async with contextlib.AsyncExitStack() as stack:
        for subject in subjects:
            await stack.enter_async_context(subject.open())
            await subject.warm_up(round_s)
        for number in range(rounds):
            for subject, setting in turns if number % 2 == 0 else reversed(turns):
                setting.rates.append(None)
                setting.rates[number] = await subject.rate(round_s)
