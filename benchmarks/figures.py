"""From rounds to figures. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from .records import Cell, Spread


def spread(values: Sequence[float | None]) -> Spread | None:
    """Median and range of what was measured; None if nothing was."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return Spread(statistics.median(known), min(known), max(known), len(known))


def paired(values: Sequence[float | None], others: Sequence[float | None]) -> list[float | None]:
    """Quotients of what was measured in the same round; rounds that lack either are None."""
    return [
        value / other if value is not None and other else None
        for value, other in zip(values, others, strict=False)  # a run that broke off has uneven ends
    ]


def best(cells: Sequence[Cell]) -> Cell | None:
    """The cell with the highest median among those that may be compared."""
    measured = [cell for cell in cells if cell.state == "measured" and cell.rate is not None]
    return max(measured, key=lambda cell: cell.rate.median if cell.rate else 0.0, default=None)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]
