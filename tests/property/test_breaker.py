"""When a plugin is quarantined, for how long, and what ends it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from isoscan._breaker import Breaker

COUNTS = st.integers(1, 8)


def make(deaths: int = 3, loads: int = 2, backoff_s: float = 1.0, backoff_max_s: float = 10.0) -> Breaker:
    """A breaker with small numbers."""
    return Breaker(
        max_load_failures=loads, max_scan_deaths=deaths, backoff_s=backoff_s, backoff_max_s=backoff_max_s
    )


@given(COUNTS)
def test_trips_at_the_threshold_and_not_before(count: int) -> None:
    """The n-th death in a row trips; n - 1 do not."""
    breaker = make(deaths=count)
    assert [breaker.record_scan_death(0.0) for _ in range(count)] == [False] * (count - 1) + [True]


@given(COUNTS)
def test_load_failures_have_their_own_threshold(count: int) -> None:
    """Deaths before ready count apart from deaths in scans."""
    breaker = make(loads=count, deaths=100)
    for _ in range(50):
        assert not breaker.record_scan_death(0.0)
    assert [breaker.record_load_failure(0.0) for _ in range(count)] == [False] * (count - 1) + [True]


@given(st.floats(0.01, 10), st.floats(0.01, 100), st.integers(1, 12))
def test_backoff_doubles_up_to_the_cap(backoff_s: float, cap_s: float, trips: int) -> None:
    """Each trip in a row waits twice as long, never longer than the maximum."""
    breaker = make(deaths=1, backoff_s=backoff_s, backoff_max_s=cap_s)
    for index in range(trips):
        assert breaker.record_scan_death(100.0)
        wanted = min(backoff_s * 2**index, cap_s)
        assert abs(breaker.remaining_s(100.0) - wanted) < 1e-6
        assert breaker.remaining_s(100.0 + wanted) == 0.0
        breaker.begin_probation()
        assert breaker.remaining_s(100.0) == 0.0


def test_hundreds_of_trips_do_not_overflow() -> None:
    """A plugin that has been failing for months still gets a finite back-off."""
    breaker = make(deaths=1)
    for _ in range(3000):
        assert breaker.record_scan_death(0.0)
        assert breaker.remaining_s(0.0) <= 10.0
        breaker.begin_probation()


def test_one_death_on_probation_trips() -> None:
    """During probation there is no second chance."""
    breaker = make(deaths=3)
    for _ in range(3):
        breaker.record_scan_death(0.0)
    breaker.begin_probation()
    assert breaker.is_on_probation
    assert breaker.record_scan_death(5.0)
    assert breaker.remaining_s(5.0) == 2.0
    assert not breaker.is_on_probation


def test_load_failure_on_probation_trips() -> None:
    """A generation that does not even become ready ends probation too."""
    breaker = make(deaths=1, loads=5)
    breaker.record_scan_death(0.0)
    breaker.begin_probation()
    assert breaker.record_load_failure(0.0)


def test_an_answer_clears_everything() -> None:
    """One answered scan ends probation, and counting and back-off start anew."""
    breaker = make(deaths=2)
    for _ in range(2):
        breaker.record_scan_death(0.0)
    breaker.begin_probation()
    breaker.record_answer()
    assert not breaker.is_on_probation
    assert not breaker.record_scan_death(0.0)
    assert breaker.record_scan_death(0.0)
    assert breaker.remaining_s(0.0) == 1.0


def test_ready_clears_load_failures_only() -> None:
    """A plugin that loads but dies in every scan is still counted."""
    breaker = make(deaths=2, loads=2)
    breaker.record_load_failure(0.0)
    breaker.record_scan_death(0.0)
    breaker.record_ready()
    assert not breaker.record_load_failure(0.0)
    assert breaker.record_scan_death(0.0)


def test_reset_ends_the_quarantine() -> None:
    """New code starts with a clean record."""
    breaker = make(deaths=1)
    breaker.record_scan_death(0.0)
    breaker.reset()
    assert breaker.remaining_s(0.0) == 0.0
    assert breaker.until is None


@given(st.lists(st.sampled_from(["death", "load", "answer", "ready", "probe"]), max_size=60))
def test_remaining_time_is_never_negative_nor_above_the_cap(events: list[str]) -> None:
    """Whatever happens in whatever order, the back-off stays within its bounds."""
    breaker = make()
    for now, event in enumerate(events):
        if event == "death":
            breaker.record_scan_death(float(now))
        elif event == "load":
            breaker.record_load_failure(float(now))
        elif event == "answer":
            breaker.record_answer()
        elif event == "ready":
            breaker.record_ready()
        else:
            breaker.begin_probation()
        assert 0.0 <= breaker.remaining_s(float(now)) <= 10.0
