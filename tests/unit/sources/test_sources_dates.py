"""Time stamps of captures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from isoscan.sources._dates import later, read_date

BASE = datetime(2013, 10, 5, 14, 22, 33, tzinfo=UTC)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("2013-10-05T14:22:33Z", BASE),
        ("2013-10-05t14:22:33z", BASE),
        ("2013-10-05T16:22:33+02:00", BASE),
        ("2013-10-05T16:22:33 +0200", BASE),
        ("2013-10-05T09:22:33-05:00", BASE),
        (" 2013-10-05 14:22:33 ", BASE),
        ("2013-10-05T14:22Z", BASE.replace(second=0)),
        ("2013-10-05T14:22:33.5Z", BASE.replace(microsecond=500_000)),
        ("2013-10-05T14:22:33,25Z", BASE.replace(microsecond=250_000)),
        ("2013-10-05T14:22:33.1234567Z", BASE.replace(microsecond=123_456)),
        ("2013-10-05T14:22:33.123456789+00:00", BASE.replace(microsecond=123_456)),
        (1380982953, BASE),
        (1380982953000, BASE),
        (1380982953000000, BASE),
        ("1380982953000", BASE),
        (1380982953.5, BASE.replace(microsecond=500_000)),
        (BASE, BASE),
    ],
)
def test_dialects(raw: object, expected: datetime) -> None:
    """Every form that tools write names the same moment."""
    assert read_date(raw) == expected


def test_zone_is_kept() -> None:
    """A zone of the capture is kept, none means UTC."""
    with_zone = read_date("2013-10-05T14:22:33+05:30")
    without = read_date("2013-10-05T14:22:33")
    assert with_zone is not None
    assert without is not None
    assert with_zone.utcoffset() == timedelta(hours=5, minutes=30)
    assert without.tzinfo is UTC


@pytest.mark.parametrize(
    "raw",
    [
        None,
        "",
        "05.10.2013 14:22:33",
        "10/5/2013 2:22:33 PM",
        "Sat, 05 Oct 2013",
        "2013-10-05",
        "2013-13-45T99:99:99Z",
        "2013-10-05T14:22:33+99:99",
        "20131005",
        0,
        -1,
        1e30,
        float("nan"),
        float("inf"),
        True,
        [],
        {},
    ],
)
def test_garbage(raw: object) -> None:
    """What names no moment is None, never an error."""
    assert read_date(raw) is None


@pytest.mark.parametrize(
    ("elapsed_ms", "expected"),
    [
        (1500, BASE + timedelta(seconds=1.5)),
        (0, BASE),
        (-1, BASE),
        (float("nan"), BASE),
        (1e300, BASE),
        ("9", BASE),
    ],
)
def test_later(elapsed_ms: object, expected: datetime) -> None:
    """A duration is added if it is one."""
    assert later(BASE, elapsed_ms) == expected


def test_later_at_the_end_of_time() -> None:
    """A moment that would leave the calendar stays."""
    last = datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
    assert later(last, 1e12) == last
    assert later(None, 5) is None
