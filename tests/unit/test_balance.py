"""Which plugins get another isolate while processors are idle."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from isoscan._balance import Balance, Effort

SECOND = 1_000_000


def grown(
    shares: Sequence[float], workers: int, *, isolates: Sequence[int] = (), has_work: bool = True
) -> tuple[int, int]:
    """Who gets how many when each computed for a share of a second, summed over its isolates."""
    counts = isolates or [1] * len(shares)
    balance = Balance(workers)
    balance.look(10.0, [Effort(count, 0, has_work) for count in counts])
    efforts = [
        Effort(count, int(share * SECOND), has_work) for count, share in zip(counts, shares, strict=True)
    ]
    return balance.look(11.0, efforts)


@pytest.mark.parametrize(
    ("shares", "workers", "who", "how_many"),
    [
        ([1.0], 1, 0, 0),  # no processor is idle
        ([1.0], 2, 0, 1),
        ([1.0, 0.1], 2, 0, 1),
        ([0.1, 1.0], 4, 1, 1),
        ([0.7], 4, 0, 0),  # something else holds it up
        ([1.0, 1.0], 2, 0, 0),
        ([1.0, 0.6], 2, 0, 0),  # what is left is not worth a start
        ([0.05, 0.05, 0.05, 0.95], 4, 3, 1),
    ],
)
def test_the_slowest_grows_while_processors_are_idle(
    shares: list[float], workers: int, who: int, how_many: int
) -> None:
    """One that computes all the time gets a processor that nobody needs."""
    chosen, count = grown(shares, workers)
    assert count == how_many
    assert chosen == who or not count


@pytest.mark.parametrize(("isolates", "how_many"), [(1, 1), (2, 2), (4, 4), (7, 1), (8, 0)])
def test_it_doubles_up_to_the_workers(isolates: int, how_many: int) -> None:
    """Eight processors are busy after three looks; there are never more isolates than that."""
    assert grown([float(isolates)], 8, isolates=[isolates])[1] == how_many


def test_never_more_than_workers() -> None:
    """Isolates that have just started leave a processor idle for a moment: that is no reason for more."""
    assert grown([3.4], 4, isolates=[4])[1] == 0


def test_all_together_stay_below_the_workers() -> None:
    """One after the other may be the slowest: what was added for the first counts for the next."""
    assert grown([0.1, 1.0], 4, isolates=[3, 1]) == (1, 1)
    assert grown([0.1, 1.0], 4, isolates=[4, 1])[1] == 0


def test_who_finishes_nothing_is_busy() -> None:
    """A scan that takes longer than a look is long, and no idle plugin."""
    assert grown([0.0, 0.1], 4) == (0, 1)
    assert grown([0.0, 0.1], 4, has_work=False)[1] == 0


def test_who_is_ahead_holds_nobody_up() -> None:
    """On a busy machine all look busy: the one that is behind is the slow one."""
    balance = Balance(4)
    balance.look(10.0, [Effort(1, 0, True), Effort(1, 0, True)])
    assert balance.look(11.0, [Effort(1, SECOND, True, 2000), Effort(1, SECOND, True, 100)]) == (1, 1)
    assert balance.look(12.0, [Effort(1, 2 * SECOND, True, 2100), Effort(1, SECOND, False, 200)])[1] == 0


def test_first_look_knows_nothing() -> None:
    """What was done before anybody looked tells nothing of now."""
    balance = Balance(8)
    assert balance.look(5.0, [Effort(1, 900 * SECOND, True)])[1] == 0
    assert balance.look(6.0, [Effort(1, 901 * SECOND, True)]) == (0, 1)
    assert balance.look(6.0, [Effort(1, 901 * SECOND, True)])[1] == 0, "no time passed"
