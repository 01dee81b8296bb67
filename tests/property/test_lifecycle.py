"""The executor's life as a table: closed, without dead ends, and strict."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoscan._lifecycle import TRANSITIONS, Event, IllegalTransition, State, next_state

ILLEGAL = [
    (State.NEW, Event.READY),
    (State.NEW, Event.RESTART),
    (State.STARTING, Event.START),
    (State.STARTING, Event.RESTART),
    (State.SERVING, Event.START),
    (State.SERVING, Event.READY),
    (State.SERVING, Event.TRIPPED),
    (State.RESTARTING, Event.RESTART),
    (State.QUARANTINED, Event.READY),
    (State.CLOSING, Event.READY),
    (State.CLOSING, Event.RESTART),
    (State.CLOSING, Event.START),
]


def test_table_is_closed() -> None:
    """Every state has a row, and rows hold only states and events there are."""
    assert set(TRANSITIONS) == set(State)
    for row in TRANSITIONS.values():
        assert set(row) <= set(Event)
        assert set(row.values()) <= set(State)


def test_every_event_is_used() -> None:
    """No event is listed that can never happen."""
    assert {event for row in TRANSITIONS.values() for event in row} == set(Event)


@pytest.mark.parametrize("state", State)
def test_every_state_can_close(state: State) -> None:
    """From everywhere there is a way to closed."""
    reached = {state}
    while True:
        more = {after for s in reached for after in TRANSITIONS[s].values()} | reached
        if more == reached:
            break
        reached = more
    assert State.CLOSED in reached


@pytest.mark.parametrize("state", [s for s in State if s not in (State.CLOSING, State.CLOSED)])
def test_shutdown_is_possible_at_once(state: State) -> None:
    """Shutting down needs no detour."""
    assert next_state(state, Event.SHUT_DOWN) is State.CLOSING


def test_every_state_is_reached_from_new() -> None:
    """No row describes a state nobody can be in."""
    reached = {State.NEW}
    for _ in State:
        reached |= {after for s in reached for after in TRANSITIONS[s].values()}
    assert reached == set(State)


@pytest.mark.parametrize("event", Event)
def test_closed_is_final(event: Event) -> None:
    """Nothing happens after the end."""
    with pytest.raises(IllegalTransition):
        next_state(State.CLOSED, event)


@pytest.mark.parametrize(("state", "event"), ILLEGAL)
def test_illegal_transition_raises(state: State, event: Event) -> None:
    """What cannot happen is an error, not a guess."""
    with pytest.raises(IllegalTransition):
        next_state(state, event)


@given(st.lists(st.sampled_from(Event), max_size=30))
def test_any_sequence_stays_inside(events: list[Event]) -> None:
    """Whatever is tried, the state is one of the table's and a refused event changes nothing."""
    state = State.NEW
    for event in events:
        try:
            after = next_state(state, event)
        except IllegalTransition:
            assert event not in TRANSITIONS[state]
        else:
            assert after is TRANSITIONS[state][event]
            state = after
