"""The life of an executor as one table. Pure."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """What an executor is doing. Exactly one at a time."""

    NEW = "new"
    STARTING = "starting"
    SERVING = "serving"
    RESTARTING = "restarting"
    RECOVERING = "recovering"
    ASLEEP = "asleep"
    QUARANTINED = "quarantined"
    FAILED = "failed"
    CLOSING = "closing"
    CLOSED = "closed"


class Event(StrEnum):
    """What can happen to an executor."""

    START = "start"
    READY = "ready"
    LOAD_FAILED = "load_failed"
    DIED = "died"
    RESTART = "restart"
    RESTART_FAILED = "restart_failed"
    TRIPPED = "tripped"
    PROBE = "probe"
    SHUT_DOWN = "shut_down"
    GONE = "gone"
    SLEEP = "sleep"
    WAKE = "wake"


class IllegalTransition(Exception):
    """An event that cannot happen in this state: a bug of isoscan."""


#: state → event → next state. What is not here cannot happen.
TRANSITIONS: dict[State, dict[Event, State]] = {
    State.NEW: {Event.START: State.STARTING, Event.SHUT_DOWN: State.CLOSING},
    State.STARTING: {
        Event.READY: State.SERVING,
        Event.SLEEP: State.ASLEEP,
        Event.LOAD_FAILED: State.FAILED,
        Event.SHUT_DOWN: State.CLOSING,
    },
    State.SERVING: {
        Event.RESTART: State.RESTARTING,
        Event.DIED: State.RECOVERING,
        Event.SLEEP: State.ASLEEP,
        Event.SHUT_DOWN: State.CLOSING,
    },
    # No generation, because there is nothing to do; the next scan makes one.
    State.ASLEEP: {
        Event.WAKE: State.RECOVERING,
        Event.RESTART: State.RESTARTING,
        Event.SHUT_DOWN: State.CLOSING,
    },
    # The occupant may die while its replacement is made ready: the replacement then serves.
    # A failed restart leaves the old occupant serving, or, without one, has to recover.
    State.RESTARTING: {
        Event.READY: State.SERVING,
        Event.RESTART_FAILED: State.SERVING,
        Event.DIED: State.RECOVERING,
        Event.LOAD_FAILED: State.FAILED,
        Event.SHUT_DOWN: State.CLOSING,
    },
    State.RECOVERING: {
        Event.READY: State.SERVING,
        Event.LOAD_FAILED: State.FAILED,
        Event.TRIPPED: State.QUARANTINED,
        Event.RESTART: State.RESTARTING,
        Event.SHUT_DOWN: State.CLOSING,
    },
    State.QUARANTINED: {
        Event.PROBE: State.RECOVERING,
        Event.RESTART: State.RESTARTING,
        Event.SHUT_DOWN: State.CLOSING,
    },
    State.FAILED: {
        Event.START: State.STARTING,
        Event.RESTART: State.RESTARTING,
        Event.SHUT_DOWN: State.CLOSING,
    },
    State.CLOSING: {Event.GONE: State.CLOSED},
    State.CLOSED: {},
}


def next_state(state: State, event: Event) -> State:
    """The state after `event`; raises `IllegalTransition` when it cannot happen."""
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise IllegalTransition(f"{event} in state {state}") from None
