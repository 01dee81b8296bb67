"""Events as data: the log line, the levels, and hooks that misbehave."""

from __future__ import annotations

import json
import logging

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoscan import Event, EventKind
from isoscan.events import EventStream

LOUD = {EventKind.QUARANTINE, EventKind.FUTILE, EventKind.RESTART_FAILED, EventKind.ALERT}


def make_event(kind: EventKind = EventKind.RESTART, *, text: str = "", reason: str = "") -> Event:
    """An event of the plugin `probe`."""
    return Event(kind=kind, plugin_id="probe", generation=7, text=text, reason=reason)


@given(st.text())
def test_line_is_one_line(text: str) -> None:
    """Whatever the text holds, the log gets one line, from which the text can be read back."""
    line = make_event(text=text).line()
    assert len(line.splitlines()) == 1
    assert line.isprintable()
    if text:
        assert json.loads(line.split(" text=", 1)[1]) == text


def test_line_names_and_numbers() -> None:
    """The line has the kind, plugin and generation first, then what is known, floats in short."""
    event = Event(
        kind=EventKind.RESTART,
        plugin_id="probe",
        generation=3,
        reason="max_memory",
        text='two\nlines and "quotes"',
        rss_before_bytes=100,
        rss_after_bytes=50,
        waiting=4,
        pause_ms=0.0,
        duration_ms=41.26,
    )
    assert event.line() == (
        "event=restart plugin=probe generation=3 reason=max_memory rss_before_bytes=100 rss_after_bytes=50 "
        'pause_ms=0.0 duration_ms=41.3 waiting=4 text="two\\nlines and \\"quotes\\""'
    )


def test_line_leaves_out_what_is_not_known() -> None:
    """An event without details has a short line."""
    assert make_event(EventKind.START).line() == "event=start plugin=probe generation=7"


def test_event_is_aware_of_its_time_and_serialisable() -> None:
    """The moment has a time zone, and the event goes to JSON as it is."""
    event = make_event()
    assert event.at.tzinfo is not None
    data = json.loads(msgspec.json.encode(event))
    assert (data["kind"], data["plugin_id"], data["generation"]) == ("restart", "probe", 7)


@pytest.mark.parametrize("kind", EventKind)
def test_level(kind: EventKind, caplog: pytest.LogCaptureFixture) -> None:
    """What an operator should see is a warning, all else is for debugging."""
    with caplog.at_level(logging.DEBUG, logger="isoscan"):
        EventStream().emit(make_event(kind))
    (record,) = caplog.records
    assert record.levelno == (logging.WARNING if kind in LOUD else logging.DEBUG)
    assert record.getMessage() == make_event(kind).line()


def test_quiet_by_default(caplog: pytest.LogCaptureFixture) -> None:
    """Ordinary events cost no log record unless debugging is on."""
    with caplog.at_level(logging.INFO, logger="isoscan"):
        EventStream().emit(make_event(EventKind.READY))
    assert not caplog.records


def test_every_hook_gets_every_event() -> None:
    """Hooks given at the start and added later are called in order."""
    heard: list[tuple[int, EventKind]] = []
    stream = EventStream((lambda event: heard.append((0, event.kind)),))
    stream.emit(make_event(EventKind.START))
    stream.add(lambda event: heard.append((1, event.kind)))
    stream.emit(make_event(EventKind.READY))
    assert heard == [(0, EventKind.START), (0, EventKind.READY), (1, EventKind.READY)]


def test_hook_that_raises_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """The other hooks are called all the same, and the fault is logged with its traceback."""
    heard: list[Event] = []

    def bad(event: Event) -> None:
        raise ZeroDivisionError

    stream = EventStream((bad, heard.append))
    with caplog.at_level(logging.ERROR, logger="isoscan"):
        stream.emit(make_event())
        stream.emit(make_event())
    assert len(heard) == 2
    assert [record.exc_info is not None for record in caplog.records] == [True, True]


def test_hook_may_add_a_hook() -> None:
    """A hook that adds another while it is called breaks nothing."""
    heard: list[Event] = []
    stream = EventStream()
    stream.add(lambda event: stream.add(heard.append) if event.kind is EventKind.START else None)
    stream.emit(make_event(EventKind.START))
    heard.clear()
    stream.emit(make_event(EventKind.READY))
    assert [event.kind for event in heard] == [EventKind.READY]


def test_hook_that_blocks_is_complained_of(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow hook holds every scan back: the log says how long, and on what."""
    clock = iter((10.0, 12.5))
    monkeypatch.setattr("isoscan.events.time.perf_counter", lambda: next(clock))
    with caplog.at_level(logging.WARNING, logger="isoscan"):
        EventStream((lambda event: None,)).emit(make_event(EventKind.READY))
    (record,) = caplog.records
    assert "2.5 s on ready" in record.getMessage()
