"""The ledger under every order of events: each scan has one owner and one end."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from isoscan import Verdict
from isoscan._ledger import Cause, Frame, Ledger, LedgerError, Scan

GENERATIONS = (1, 2, 3)
BLAMING = [cause for cause in Cause if cause is not Cause.RETIRED]


class Parcel:
    """A payload of some size."""

    def __init__(self, size_bytes: int = 1) -> None:
        self.size_bytes = size_bytes


def new_scan(size_bytes: int = 1) -> Scan:
    """A scan nobody waits for."""
    return Scan(Parcel(size_bytes))


def fill(ledger: Ledger, count: int) -> list[Scan]:
    """Accepts `count` scans."""
    scans = [new_scan() for _ in range(count)]
    for scan in scans:
        ledger.accept((scan,))
    return scans


def give(ledger: Ledger, generation: int = 1, *, max_frames: int = 3, max_scans: int = 10) -> Frame:
    """Assigns a frame that must come about."""
    frame = ledger.assign(generation, max_frames=max_frames, max_scans=max_scans, max_bytes=1000)
    assert frame is not None
    return frame


class LedgerMachine(RuleBasedStateMachine):
    """Plays the executor and its generations, and keeps a plain copy of who owns what."""

    scans = Bundle("scans")

    @initialize(max_attempts=st.integers(1, 4), is_replayable=st.booleans())
    def open(self, max_attempts: int, is_replayable: bool) -> None:
        self.max_attempts = max_attempts
        self.is_replayable = is_replayable
        self.ledger = Ledger(max_attempts=max_attempts, is_replayable=is_replayable)
        self.queue: list[Scan] = []
        self.frames: dict[int, list[tuple[int, list[Scan]]]] = {g: [] for g in GENERATIONS}
        self.first: dict[int, int] = dict.fromkeys(GENERATIONS, 0)
        self.ends: dict[Scan, int] = {}
        self.accepted: list[Scan] = []
        self.last_number = 0

    def over(self, scan: Scan) -> None:
        self.ends[scan] = self.ends.get(scan, 0) + 1

    @rule(target=scans, size_bytes=st.integers(0, 60))
    def accept(self, size_bytes: int) -> Scan:
        scan = new_scan(size_bytes)
        self.ledger.accept((scan,))
        self.queue.append(scan)
        self.accepted.append(scan)
        return scan

    @rule(
        generation=st.sampled_from(GENERATIONS),
        max_frames=st.integers(1, 3),
        max_scans=st.integers(1, 6),
        max_bytes=st.integers(1, 100),
    )
    def assign(self, generation: int, max_frames: int, max_scans: int, max_bytes: int) -> None:
        held = self.frames[generation]
        frame = self.ledger.assign(
            generation, max_frames=max_frames, max_scans=max_scans, max_bytes=max_bytes
        )
        if frame is None:
            is_reserved = any(scans[-1].is_alone for _, scans in held) or not self.is_replayable
            assert (
                not self.queue
                or len(held) >= max_frames
                or (held and (is_reserved or self.queue[0].is_alone))
            )
            return
        count = len(frame.scans)
        assert len(held) < max_frames
        assert 1 <= count <= max_scans
        assert frame.scans == self.queue[:count]
        assert frame.number > self.last_number
        assert count == 1 or sum(scan.payload.size_bytes for scan in frame.scans) <= max_bytes
        for scan in frame.scans:
            if scan.is_alone or not self.is_replayable:
                assert count == 1
                assert not held
        assert not any(scan.is_alone for _, scans in held for scan in scans)
        self.last_number = frame.number
        del self.queue[:count]
        if not held:
            self.first[generation] = 0
        held.append((frame.number, list(frame.scans)))

    @precondition(lambda self: any(self.frames.values()))
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        generation = data.draw(st.sampled_from([g for g, held in self.frames.items() if held]))
        number, waiting = self.frames[generation][0]
        count = data.draw(st.integers(1, len(waiting)))
        answered = self.ledger.answer(generation, number, self.first[generation], count)
        assert answered == waiting[:count]
        for scan in answered:
            if not scan.is_withdrawn:
                self.over(scan)
        del waiting[:count]
        self.first[generation] += count
        if not waiting:
            self.frames[generation].pop(0)
            self.first[generation] = 0

    @rule(generation=st.sampled_from(GENERATIONS), data=st.data())
    def answer_wrongly(self, generation: int, data: st.DataObject) -> None:
        held = self.frames[generation]
        number = held[0][0] if held else self.last_number
        first = self.first[generation]
        wrong = [(number + 1, first, 1), (number, first + 1, 1), (number, first, 0), (number, first, -1)]
        if held:
            wrong.append((number, first, len(held[0][1]) + 1))
        frame_number, index, count = data.draw(st.sampled_from(wrong))
        with pytest.raises(LedgerError):
            self.ledger.answer(generation, frame_number, index, count)

    @rule(generation=st.sampled_from(GENERATIONS), cause=st.sampled_from(Cause), was_fresh=st.booleans())
    def end(self, generation: int, cause: Cause, was_fresh: bool) -> None:
        held = self.frames[generation]
        oldest = held[0][1] if held else []
        begun = [scan for scan in oldest if not scan.is_withdrawn]
        untouched = [scan for _, scans in held[1:] for scan in scans if not scan.is_withdrawn]
        attempts = {scan: scan.attempts for scan in (*begun, *untouched)}
        was_alone = {scan: scan.is_alone for scan in (*begun, *untouched)}

        aftermath = self.ledger.end(generation, cause, was_fresh=was_fresh)

        ended = dict(aftermath.ended)
        assert len(ended) == len(aftermath.ended)
        is_exact = len(oldest) == 1 and cause is not Cause.RETIRED
        may_end = is_exact or not self.is_replayable
        assert set(ended) <= (set(begun) if may_end else set()), "a batch-mate was blamed"
        for scan in untouched:
            assert scan.attempts == attempts[scan], "a frame that was never begun was counted"
            assert scan.is_alone == was_alone[scan]
        for scan in begun:
            assert scan.attempts == attempts[scan] + is_exact or (scan in ended and not is_exact)
            if cause is not Cause.RETIRED and scan not in ended:
                assert scan.is_alone, "a suspect would run in company again"
        for scan, verdict in ended.items():
            assert verdict in self.possible_verdicts(cause)
            self.over(scan)
        returned = [scan for scan in (*begun, *untouched) if scan not in ended]
        assert aftermath.requeued == len(returned)
        self.queue[:0] = returned
        self.frames[generation] = []
        self.first[generation] = 0

    def possible_verdicts(self, cause: Cause) -> set[Verdict]:
        """The verdicts a culprit may get."""
        return {
            Cause.TIMEOUT: {Verdict.TIMEOUT},
            Cause.TERMINATED: {Verdict.INTERRUPTED},
            Cause.OUT_OF_MEMORY: {Verdict.OUT_OF_MEMORY},
            Cause.CRASH: {Verdict.CRASHED} if self.is_replayable else {Verdict.INTERRUPTED},
            Cause.PROTOCOL: {Verdict.CRASHED},
            Cause.RETIRED: {Verdict.INTERRUPTED},
        }[cause]

    @rule(scan=scans)
    def withdraw(self, scan: Scan) -> None:
        if self.ends.get(scan) or scan.is_withdrawn:
            return
        self.ledger.withdraw(scan)
        self.over(scan)
        if scan in self.queue:
            self.queue.remove(scan)

    @rule()
    def take_queued(self) -> None:
        assert self.ledger.take_queued() == self.queue
        for scan in self.queue:
            self.over(scan)
        self.queue.clear()

    @invariant()
    def each_live_scan_has_one_owner(self) -> None:
        if not hasattr(self, "ledger"):
            return
        assigned = [scan for held in self.frames.values() for _, scans in held for scan in scans]
        live = self.ledger.live()
        assert len(live) == len(set(live)), "a scan has two owners"
        assert set(live) == {*assigned, *self.queue}
        assert live[len(assigned) :] == self.queue
        assert self.ledger.queued == len(self.queue)
        assert self.ledger.in_flight == len(assigned)
        missing = [s for s in self.accepted if s not in self.ends and s not in live]
        assert not missing, "a scan has no owner"

    @invariant()
    def each_scan_ends_at_most_once(self) -> None:
        if hasattr(self, "ledger"):
            assert all(count == 1 for count in self.ends.values())
            assert all(scan.attempts <= self.max_attempts for scan in self.accepted)

    @invariant()
    def the_counts_of_each_generation_agree(self) -> None:
        if not hasattr(self, "ledger"):
            return
        for generation, held in self.frames.items():
            assert self.ledger.frames_of(generation) == len(held)
            assert self.ledger.in_flight_of(generation) == sum(len(scans) for _, scans in held)
            assert self.ledger.head_of(generation) is (held[0][1][0] if held else None)

    def teardown(self) -> None:
        """Whatever happened, honest generations finish the rest."""
        if not hasattr(self, "ledger"):
            return
        for generation in GENERATIONS:
            self.end(generation, Cause.RETIRED, False)
        for _ in range(len(self.queue)):
            frame = self.ledger.assign(1, max_frames=1, max_scans=1, max_bytes=1)
            assert frame is not None, "a scan waits although nothing is in its way"
            self.ledger.answer(1, frame.number, 0, 1)
            self.over(frame.scans[0])
        assert set(self.ends) == set(self.accepted)
        assert not self.ledger.live()


LedgerMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestLedger = LedgerMachine.TestCase


@pytest.mark.parametrize("cause", BLAMING)
def test_culprit_is_found_among_innocents(cause: Cause) -> None:
    """Whichever of ten scans kills its generation, it alone is blamed, and the others are answered."""
    for culprit_index in range(10):
        ledger = Ledger(max_attempts=2)
        scans = fill(ledger, 10)
        culprit = scans[culprit_index]
        blamed: list[tuple[Scan, Verdict]] = []
        answered: list[Scan] = []
        generation = 1
        while ledger.live():
            frame = give(ledger, generation, max_frames=1)
            if culprit in frame.scans:
                aftermath = ledger.end(generation, cause, was_fresh=True)
                blamed += aftermath.ended
                generation += 1
            else:
                answered += ledger.answer(generation, frame.number, 0, len(frame.scans))
        assert [scan for scan, _ in blamed] == [culprit]
        assert answered == [scan for scan in scans if scan is not culprit]


def test_partial_answers_narrow_the_suspects() -> None:
    """Scans answered before the death are over; only the rest of the oldest frame is suspected."""
    ledger = Ledger(max_attempts=2)
    scans = fill(ledger, 6)
    frame = give(ledger, max_scans=4)
    give(ledger, max_scans=2)
    assert ledger.answer(1, frame.number, 0, 2) == scans[:2]
    aftermath = ledger.end(1, Cause.CRASH, was_fresh=False)
    assert not aftermath.ended
    assert ledger.live() == scans[2:]
    assert [scan.is_alone for scan in scans] == [False, False, True, True, False, False]
    assert [scan.attempts for scan in scans] == [0] * 6


def test_crash_is_replayed_up_to_max_attempts() -> None:
    """A scan that crashes alone gets exactly `max_attempts` runs, then the verdict crashed."""
    ledger = Ledger(max_attempts=3)
    fill(ledger, 1)
    runs = 0
    ended: list[tuple[Scan, Verdict]] = []
    while not ended:
        give(ledger, generation=runs)
        ended = ledger.end(runs, Cause.CRASH, was_fresh=True).ended
        runs += 1
    assert runs == 3
    assert [verdict for _, verdict in ended] == [Verdict.CRASHED]


@pytest.mark.parametrize(("was_fresh", "is_over"), [(True, True), (False, False)])
def test_memory_piled_up_before_is_not_charged(was_fresh: bool, is_over: bool) -> None:
    """A lone scan on a used generation is run again; on a fresh one it needs too much itself."""
    ledger = Ledger(max_attempts=2)
    fill(ledger, 1)
    give(ledger)
    aftermath = ledger.end(1, Cause.OUT_OF_MEMORY, was_fresh=was_fresh)
    assert [verdict for _, verdict in aftermath.ended] == ([Verdict.OUT_OF_MEMORY] if is_over else [])


@pytest.mark.parametrize(
    ("cause", "verdict"),
    [
        (Cause.CRASH, Verdict.INTERRUPTED),
        (Cause.TIMEOUT, Verdict.TIMEOUT),
        (Cause.OUT_OF_MEMORY, Verdict.OUT_OF_MEMORY),
        (Cause.PROTOCOL, Verdict.CRASHED),
        (Cause.TERMINATED, Verdict.INTERRUPTED),
        (Cause.RETIRED, Verdict.INTERRUPTED),
    ],
)
def test_network_plugin_is_never_replayed(cause: Cause, verdict: Verdict) -> None:
    """A begun scan that must not run twice ends with its generation, whatever ended that."""
    ledger = Ledger(max_attempts=5, is_replayable=False)
    scans = fill(ledger, 3)
    give(ledger)
    assert ledger.assign(1, max_frames=3, max_scans=10, max_bytes=100) is None, "two in flight"
    aftermath = ledger.end(1, cause, was_fresh=False)
    assert aftermath.ended == [(scans[0], verdict)]
    assert ledger.live() == scans[1:]


def test_withdrawn_culprit_is_dropped() -> None:
    """A scan whose caller left is not run again after its generation died."""
    ledger = Ledger(max_attempts=2)
    scans = fill(ledger, 3)
    give(ledger)
    for scan in scans[:2]:
        ledger.withdraw(scan)
    aftermath = ledger.end(1, Cause.CRASH, was_fresh=True)
    assert not aftermath.ended
    assert ledger.live() == [scans[2]]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda ledger: ledger.answer(2, 1, 0, 1),
        lambda ledger: ledger.answer(1, 2, 0, 1),
        lambda ledger: ledger.answer(1, 1, 1, 1),
        lambda ledger: ledger.answer(1, 1, -1, 1),
        lambda ledger: ledger.answer(1, 1, 0, 0),
        lambda ledger: ledger.answer(1, 1, 0, 4),
    ],
)
def test_wrong_answer_changes_nothing(wrong: Callable[[Ledger], object]) -> None:
    """An answer nobody asked for raises, and every scan stays where it was."""
    ledger = Ledger(max_attempts=2)
    scans = fill(ledger, 5)
    give(ledger, max_scans=3)
    give(ledger, max_scans=2)
    with pytest.raises(LedgerError):
        wrong(ledger)
    assert ledger.live() == scans
    assert (ledger.queued, ledger.in_flight) == (0, 5)
