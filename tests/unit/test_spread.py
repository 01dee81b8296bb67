"""Over how many members a stream is spread."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from isoscan._spread import Spread


def after(shares: Sequence[float], *, looks: int = 8, has_work: bool = True) -> int | None:
    """How many members are wanted when each was busy for a share of the time, look after look."""
    spread = Spread()
    for look in range(looks):
        now = look * 0.1
        members = [(who, int(share * now * 1e6), has_work) for who, share in enumerate(shares)]
        spread.look(now, members)
    return spread.wanted


@pytest.mark.parametrize(
    ("shares", "wanted"),
    [
        ([0.05, 0.05], 1),
        ([0.3, 0.3], 2),
        ([0.1, 0.1, 0.1, 0.1], 1),
        ([0.9, 0.001, 0.001, 0.001], 2),
        ([0.7, 0.7, 0.001, 0.001], 3),
        ([1.0, 1.0, 1.0, 1.0], 4),
    ],
)
def test_as_many_as_are_busy(shares: list[float], wanted: int) -> None:
    """A member for each half of a processor's time."""
    assert after(shares) == wanted


def test_all_while_nothing_is_known() -> None:
    """The first stretch of a stream goes to everybody."""
    assert after([0.0, 0.0], looks=1) is None


def test_who_finishes_nothing_is_busy() -> None:
    """Scans that take longer than a look do not make a plugin look idle."""
    assert after([0.0, 0.0, 0.0]) == 3
    assert after([0.0, 0.0, 0.0], has_work=False) == 1


def test_fewer_one_by_one() -> None:
    """One quiet look takes one member from a stream, not all but one."""
    spread = Spread()
    spread.look(0.0, [(who, 0, False) for who in range(4)])
    spread.look(0.1, [(who, 0, False) for who in range(4)])
    assert spread.wanted == 3


def test_other_members_begin_anew() -> None:
    """After a resize nothing is known."""
    spread = Spread()
    spread.look(0.0, [(1, 0, False), (2, 0, False)])
    spread.look(0.1, [(1, 0, False), (2, 0, False)])
    assert spread.wanted == 1
    spread.look(0.2, [(1, 0, False), (2, 0, False), (3, 0, False)])
    assert spread.wanted is None


def test_looks_now_and_then() -> None:
    """Not with every batch."""
    spread = Spread()
    assert spread.is_due(0.0)
    spread.look(0.0, [(1, 0, False)])
    assert not spread.is_due(0.01)
    assert spread.is_due(0.1)
