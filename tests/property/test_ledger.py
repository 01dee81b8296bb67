"""The ledger under every order of events: each scan has one owner and one end."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

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
from msgspec import field

from isoscan import Verdict
from isoscan._ledger import Answered, Cause, Frame, Job, Ledger, LedgerError

GENERATIONS = (1, 2, 3)
BLAMING = [cause for cause in Cause if cause is not Cause.RETIRED]

#: One scan, whatever job it is in: a test's own number.
Scan = int


class Parcel:
    """A payload of some scans, all of one size."""

    def __init__(self, scans: list[Scan], each_bytes: int = 1) -> None:
        self.scans = scans
        self.each_bytes = each_bytes

    def __len__(self) -> int:
        return len(self.scans)

    @property
    def size_bytes(self) -> int:
        """What all of them together have to carry."""
        return self.each_bytes * len(self.scans)

    def part(self, first: int, end: int) -> Parcel:
        """Some of them."""
        return Parcel(self.scans[first:end], self.each_bytes)


def scans_of(jobs: Iterable[Job]) -> list[Scan]:
    """The scans of some jobs, in order."""
    return [scan for job in jobs for scan in job.payload.scans]


def scans_answered(answered: list[Answered]) -> list[Scan]:
    """The scans an answer is for, in order."""
    return [scan for job, first, count in answered for scan in job.payload.scans[first : first + count]]


def fill(ledger: Ledger, count: int, *, together: int = 1) -> list[Scan]:
    """Accepts `count` scans, `together` in a job."""
    scans = list(range(count))
    parcels = [Parcel(scans[first : first + together]) for first in range(0, count, together)]
    ledger.accept(Job(parcel, len(parcel)) for parcel in parcels)
    return scans


def give(ledger: Ledger, generation: int = 1, *, max_frames: int = 3, max_scans: int = 10) -> Frame:
    """Assigns a frame that must come about."""
    frame = ledger.assign(generation, max_frames=max_frames, max_scans=max_scans, max_bytes=1000)
    assert frame is not None
    return frame


class Told(Job, gc=False, eq=False):
    """A job that notes which of its scans it was told the outcome of, if somebody wants it."""

    told: list[int] = field(default_factory=list)
    unwanted: set[int] = field(default_factory=set)

    def deliver(self, first: int, results: list[object]) -> None:
        self.told += [place for place in range(first, first + len(results)) if place not in self.unwanted]

    def is_unwanted(self, first: int, end: int) -> bool:
        return self.unwanted.issuperset(range(first, end))


class LedgerMachine(RuleBasedStateMachine):
    """Plays the executor and its generations, and keeps a plain copy of who owns what."""

    jobs = Bundle("jobs")

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
        self.plugins: list[int] = []
        self.withdrawn: set[Scan] = set()
        self.last_number = 0

    def over(self, scan: Scan) -> None:
        self.ends[scan] = self.ends.get(scan, 0) + 1

    def job_of(self) -> dict[Scan, Job]:
        """The job each live scan is in now."""
        return {scan: job for job in self.ledger.live() for scan in job.payload.scans}

    @rule(target=jobs, count=st.integers(1, 5), each_bytes=st.integers(0, 60), plugin=st.integers(0, 1))
    def accept(self, count: int, each_bytes: int, plugin: int) -> Told:
        scans = list(range(len(self.accepted), len(self.accepted) + count))
        job = Told(Parcel(scans, each_bytes), count, plugin=plugin)
        self.plugins += [plugin] * count
        self.ledger.accept((job,))
        self.queue += scans
        self.accepted += scans
        return job

    @rule(job=jobs)
    def extend(self, job: Told) -> None:
        scan = len(self.accepted)
        is_last = bool(self.queue) and self.queue[-1] in job.payload.scans and not job.has_parts
        # As a caller does: the payload grows with the job.
        assert self.ledger.extend(job) is is_last
        if is_last:
            job.payload.scans.append(scan)
            self.plugins.append(job.plugin)
            self.queue.append(scan)
            self.accepted.append(scan)

    @rule(
        generation=st.sampled_from(GENERATIONS),
        max_frames=st.integers(1, 3),
        max_scans=st.integers(1, 6),
        max_bytes=st.integers(1, 100),
    )
    def assign(self, generation: int, max_frames: int, max_scans: int, max_bytes: int) -> None:
        held = self.frames[generation]
        job_of = self.job_of()
        frame = self.ledger.assign(
            generation, max_frames=max_frames, max_scans=max_scans, max_bytes=max_bytes
        )
        if frame is None:
            is_reserved = (
                any(job_of[scans[-1]].is_alone for _, scans in held if scans) or not self.is_replayable
            )
            assert (
                not self.queue
                or len(held) >= max_frames
                or (held and (is_reserved or job_of[self.queue[0]].is_alone))
            )
            return
        scans = scans_of(frame.jobs)
        assert len(held) < max_frames
        assert 1 <= len(scans) == frame.count <= max_scans
        assert scans == self.queue[: len(scans)]
        assert frame.number > self.last_number
        assert len(frame.jobs) == 1 or sum(job.payload.size_bytes for job in frame.jobs) <= max_bytes
        assert {self.plugins[scan] for scan in scans} == {frame.jobs[0].plugin}, "a frame of two plugins"
        for job in frame.jobs:
            if job.is_alone or not self.is_replayable:
                assert frame.count == 1
                assert not held
        assert not any(job_of[scan].is_alone for _, others in held for scan in others)
        self.last_number = frame.number
        del self.queue[: len(scans)]
        if not held:
            self.first[generation] = 0
        held.append((frame.number, scans))

    @precondition(lambda self: any(self.frames.values()))
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        generation = data.draw(st.sampled_from([g for g, held in self.frames.items() if held]))
        number, waiting = self.frames[generation][0]
        count = data.draw(st.integers(1, len(waiting)))
        answered = self.ledger.answer(generation, number, self.first[generation], count)
        assert scans_answered(answered) == waiting[:count]
        self.deliver(answered)
        del waiting[:count]
        self.first[generation] += count
        if not waiting:
            self.frames[generation].pop(0)
            self.first[generation] = 0

    def deliver(self, answered: list[Answered]) -> None:
        """As an executor does: outcomes reach whoever still wants them, at the place they belong to."""
        for job, first, count in answered:
            scans = job.payload.scans[first : first + count]
            wanted = [scan for scan in scans if scan not in self.withdrawn]
            if job.is_withdrawn:
                assert not wanted
            else:
                whole = job.whole or job
                assert isinstance(whole, Told)
                whole.told = []
                job.deliver(first, [None] * count)
                assert [whole.payload.scans[place] for place in whole.told] == wanted
                for scan in wanted:
                    self.over(scan)

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
        begun = [scan for scan in oldest if scan not in self.withdrawn]
        untouched = [scan for _, scans in held[1:] for scan in scans if scan not in self.withdrawn]
        job_of = self.job_of()
        attempts = {scan: job_of[scan].attempts for scan in (*begun, *untouched)}
        was_alone = {scan: job_of[scan].is_alone for scan in (*begun, *untouched)}

        aftermath = self.ledger.end(generation, cause, was_fresh=was_fresh)

        job_of = self.job_of()
        ended = {scan: verdict for job, verdict in aftermath.ended for scan in job.payload.scans}
        for job, _ in aftermath.ended:
            assert job.count == 1, "scans were blamed together"
            job_of[job.payload.scans[0]] = job
        assert len(ended) == len(aftermath.ended)
        is_exact = len(oldest) == 1 and cause is not Cause.RETIRED
        may_end = is_exact or not self.is_replayable
        assert set(ended) <= (set(begun) if may_end else set()), "a batch-mate was blamed"
        for scan in untouched:
            assert job_of[scan].attempts == attempts[scan], "a frame that was never begun was counted"
            assert job_of[scan].is_alone == was_alone[scan]
        for scan in begun:
            job = job_of[scan]
            assert job.attempts == attempts[scan] + is_exact or (scan in ended and not is_exact)
            assert job.attempts <= self.max_attempts
            if cause is not Cause.RETIRED and scan not in ended:
                assert job.is_alone, "a suspect would run in company again"
                assert job.count == 1
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

    @rule(job=jobs)
    def withdraw(self, job: Told) -> None:
        scans = [scan for scan in job.payload.scans if scan not in self.ends]
        if job.is_withdrawn or not scans:
            return
        self.ledger.withdraw(job)
        self.withdrawn.update(scans)
        for scan in scans:
            self.over(scan)
            if scan in self.queue:
                self.queue.remove(scan)

    @rule(job=jobs, data=st.data())
    def withdraw_scan(self, job: Told, data: st.DataObject) -> None:
        scans = [scan for scan in job.payload.scans if scan not in self.ends]
        if job.is_withdrawn or not scans:
            return
        scan = data.draw(st.sampled_from(scans))
        place = job.payload.scans.index(scan)
        job.unwanted.add(place)
        self.ledger.withdraw_scan(job, place)
        self.withdrawn.add(scan)
        self.over(scan)
        if scan in self.queue:
            self.queue.remove(scan)

    @rule()
    def withdraw_all(self) -> None:
        assigned = [scan for held in self.frames.values() for _, scans in held for scan in scans]
        wanted = [scan for scan in (*assigned, *self.queue) if scan not in self.withdrawn]
        assert sorted(scans_of(self.ledger.withdraw_all())) == sorted(wanted)
        for scan in wanted:
            self.over(scan)
        self.withdrawn.update(wanted)
        self.queue.clear()

    @rule()
    def take_queued(self) -> None:
        assert scans_of(self.ledger.take_queued()) == self.queue
        for scan in self.queue:
            self.over(scan)
        self.queue.clear()

    @invariant()
    def each_live_scan_has_one_owner(self) -> None:
        if not hasattr(self, "ledger"):
            return
        assigned = [scan for held in self.frames.values() for _, scans in held for scan in scans]
        live = scans_of(self.ledger.live())
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

    @invariant()
    def the_counts_of_each_generation_agree(self) -> None:
        if not hasattr(self, "ledger"):
            return
        for generation, held in self.frames.items():
            assert self.ledger.frames_of(generation) == len(held)
            assert self.ledger.in_flight_of(generation) == sum(len(scans) for _, scans in held)
            head = self.ledger.head_of(generation)
            assert (head is not None) == bool(held)
            if head is not None:
                assert held[0][1][0] in head.payload.scans

    def teardown(self) -> None:
        """Whatever happened, honest generations finish the rest."""
        if not hasattr(self, "ledger"):
            return
        for generation in GENERATIONS:
            self.end(generation, Cause.RETIRED, False)
        for _ in range(len(self.queue)):
            frame = self.ledger.assign(1, max_frames=1, max_scans=1, max_bytes=1)
            assert frame is not None, "a scan waits although nothing is in its way"
            self.deliver(self.ledger.answer(1, frame.number, 0, 1))
        assert set(self.ends) == set(self.accepted)
        assert not self.ledger.live()


LedgerMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestLedger = LedgerMachine.TestCase


@pytest.mark.parametrize("cause", BLAMING)
def test_culprit_is_found_among_innocents(cause: Cause) -> None:
    """Whichever of ten scans kills its generation, it alone is blamed, and the others are answered."""
    for culprit, together in itertools.product(range(10), (1, 3, 10)):
        ledger = Ledger(max_attempts=2)
        scans = fill(ledger, 10, together=together)
        blamed: list[Scan] = []
        answered: list[Scan] = []
        generation = 1
        while ledger.live():
            frame = give(ledger, generation, max_frames=1)
            if culprit in scans_of(frame.jobs):
                aftermath = ledger.end(generation, cause, was_fresh=True)
                blamed += scans_of(job for job, _ in aftermath.ended)
                generation += 1
            else:
                answered += scans_answered(ledger.answer(generation, frame.number, 0, frame.count))
        assert blamed == [culprit]
        assert answered == [scan for scan in scans if scan is not culprit]


@pytest.mark.parametrize("together", [1, 2, 6])
def test_partial_answers_narrow_the_suspects(together: int) -> None:
    """Scans answered before the death are over; only the rest of the oldest frame is suspected."""
    ledger = Ledger(max_attempts=2)
    scans = fill(ledger, 6, together=together)
    frame = give(ledger, max_scans=4)
    give(ledger, max_scans=2)
    assert scans_answered(ledger.answer(1, frame.number, 0, 2)) == scans[:2]
    aftermath = ledger.end(1, Cause.CRASH, was_fresh=False)
    assert not aftermath.ended
    live = ledger.live()
    assert scans_of(live) == scans[2:]
    assert scans_of(job for job in live if job.is_alone) == scans[2:4]
    assert not any(job.attempts for job in live)


def test_crash_is_replayed_up_to_max_attempts() -> None:
    """A scan that crashes alone gets exactly `max_attempts` runs, then the verdict crashed."""
    ledger = Ledger(max_attempts=3)
    fill(ledger, 1)
    runs = 0
    ended: list[tuple[Job, Verdict]] = []
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
    assert [(scans_of([job]), ended_as) for job, ended_as in aftermath.ended] == [(scans[:1], verdict)]
    assert scans_of(ledger.live()) == scans[1:]


def test_withdrawn_culprit_is_dropped() -> None:
    """A scan whose caller left is not run again after its generation died."""
    ledger = Ledger(max_attempts=2)
    scans = fill(ledger, 3)
    for job in give(ledger).jobs:
        if job.payload.scans != scans[2:]:
            ledger.withdraw(job)
    aftermath = ledger.end(1, Cause.CRASH, was_fresh=True)
    assert not aftermath.ended
    assert scans_of(ledger.live()) == scans[2:]


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
    assert scans_of(ledger.live()) == scans
    assert (ledger.queued, ledger.in_flight) == (0, 5)


def test_who_left_before_is_not_told_of_the_end() -> None:
    """When everything is given up, a scan that nobody wanted any more is not among what is."""
    ledger = Ledger(max_attempts=2)
    job = Told(Parcel([0, 1, 2]), 3)
    ledger.accept((job,))
    give(ledger)
    job.unwanted.add(1)
    ledger.withdraw_scan(job, 1)
    assert scans_of(ledger.withdraw_all()) == [0, 2]
    assert not ledger.end(1, Cause.RETIRED, was_fresh=False).ended
    assert not ledger.live()
