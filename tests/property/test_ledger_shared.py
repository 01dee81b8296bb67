"""The ledger with payloads that several plugins scan: each frame is one payload for some, or some for one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from isoscan._ledger import Cause, Frame, Job, Ledger

#: A scan: which plugin scans which transaction.
Scan = tuple[int, int]


class Parcel:
    """A payload: some transactions, told by their numbers."""

    def __init__(self, numbers: list[int], each_bytes: int) -> None:
        self.numbers = numbers
        self.each_bytes = each_bytes

    @property
    def size_bytes(self) -> int:
        """What all of them together have to carry."""
        return self.each_bytes * len(self.numbers)

    def part(self, first: int, end: int) -> Parcel:
        """Some of them."""
        return Parcel(self.numbers[first:end], self.each_bytes)


def scans_of(job: Job) -> list[Scan]:
    """What is scanned by whom, in order."""
    return [(job.plugin, number) for number in job.payload.numbers]


def product_of(frame: Frame) -> list[Scan]:
    """What a generation does with a frame: each plugin scans all payloads, one plugin after the other."""
    return [
        (plugin, number)
        for plugin in frame.plugins
        for payload in frame.payloads
        for number in payload.numbers
    ]


@dataclass
class Play:
    """A ledger, its generation, and what became of every scan."""

    ledger: Ledger
    live: list[Job] = field(default_factory=list)
    wanted: list[Scan] = field(default_factory=list)
    ends: Counter[Scan] = field(default_factory=Counter)
    frames: list[tuple[Frame, list[Scan]]] = field(default_factory=list)
    generation: int = 1
    next_number: int = 0
    #: Where the oldest frame's answers stand.
    answered: int = 0

    def accept(self, count: int, plugins: list[int], each_bytes: int) -> None:
        """Some plugins are to scan one payload."""
        numbers = list(range(self.next_number, self.next_number + count))
        self.next_number += count
        parcel = Parcel(numbers, each_bytes)
        jobs = [Job(parcel, count, plugin=plugin) for plugin in plugins]
        self.ledger.accept(jobs)
        self.live += jobs
        self.wanted += [scan for job in jobs for scan in scans_of(job)]

    def assign(self, max_frames: int, max_scans: int, max_bytes: int) -> None:
        """The next frame, and what must hold of each."""
        before = [scan for job in self.ledger.live() for scan in scans_of(job)]
        queued = before[len(before) - self.ledger.queued :]
        frame = self.ledger.assign(
            self.generation, max_frames=max_frames, max_scans=max_scans, max_bytes=max_bytes
        )
        if frame is None:
            return
        scans = [scan for job in frame.jobs for scan in scans_of(job)]
        assert scans == queued[: len(scans)], "scans were passed over"
        assert product_of(frame) == scans, "the generation would answer in another order"
        assert len(frame.payloads) == 1 or len(frame.plugins) == 1
        assert 1 <= frame.count == len(scans) <= max_scans
        size_bytes = sum(payload.size_bytes for payload in frame.payloads)
        assert len(frame.payloads) == 1 or size_bytes <= max_bytes
        assert frame.count == 1 or not any(job.is_alone for job in frame.jobs)
        self.frames.append((frame, scans))

    def answer(self, count: int) -> None:
        """The oldest frame's next scans are answered."""
        if not self.frames:
            return
        frame, scans = self.frames[0]
        count = min(count, len(scans))
        found: list[Scan] = []
        for job, first, several in self.ledger.answer(self.generation, frame.number, self.answered, count):
            part = scans_of(job)[first : first + several]
            found += part
            if not job.is_withdrawn:
                self.ends.update(part)
        assert found == scans[:count], "an answer was given to another scan"
        del scans[:count]
        self.answered += count
        if not scans:
            self.frames.pop(0)
            self.answered = 0

    def die(self, cause: Cause) -> None:
        """The generation ends, and another takes its place."""
        aftermath = self.ledger.end(self.generation, cause, was_fresh=False)
        for job, _ in aftermath.ended:
            assert job.count == 1
            self.ends.update(scans_of(job))
        if cause is not Cause.RETIRED and self.frames and len(self.frames[0][1]) > 1:
            assert not aftermath.ended, "who did it is not known yet"
        self.frames.clear()
        self.answered = 0
        self.generation += 1

    def withdraw(self, index: int) -> None:
        """Nobody wants what one plugin says of one payload."""
        if self.live:
            job = self.live.pop(index % len(self.live))
            self.ledger.withdraw(job)
            # What had ended stays as it is; the rest is over now.
            self.ends.update(scan for scan in scans_of(job) if not self.ends[scan])

    def check(self) -> None:
        """Each scan has one owner or one end."""
        live = [scan for job in self.ledger.live() if not job.is_withdrawn for scan in scans_of(job)]
        assert len(live) == len(set(live)), "a scan has two owners"
        assert set(live) | set(self.ends) == set(self.wanted), "a scan was lost"
        assert not set(live) & set(self.ends), "a scan that is over runs again"
        assert set(self.ends.values()) <= {1}, "a scan ended twice"


steps = st.one_of(
    st.tuples(
        st.just("accept"),
        st.integers(1, 6),
        st.lists(st.integers(0, 5), min_size=1, max_size=6, unique=True),
        st.integers(0, 60),
    ),
    st.tuples(st.just("assign"), st.integers(1, 3), st.integers(1, 14), st.integers(1, 200)),
    st.tuples(st.just("answer"), st.integers(1, 9)),
    st.tuples(st.just("die"), st.sampled_from(Cause)),
    st.tuples(st.just("withdraw"), st.integers(0, 20)),
)


@settings(max_examples=300, deadline=None)
@given(is_replayable=st.booleans(), max_attempts=st.integers(1, 3), taken=st.lists(steps, max_size=40))
def test_shared_payloads_in_any_order_of_events(
    is_replayable: bool,
    max_attempts: int,
    taken: list[tuple[str, ...]],
) -> None:
    """However payloads are shared, cut and replayed, each plugin's scan of each transaction ends once."""
    play = Play(Ledger(max_attempts=max_attempts, is_replayable=is_replayable))
    for name, *values in taken:
        getattr(play, name)(*values)
        play.check()
    play.die(Cause.RETIRED)
    while play.ledger.queued:
        play.assign(1, 7, 100)
        play.answer(7)
        play.check()
    assert sorted(play.ends) == sorted(play.wanted)


@given(
    batches=st.lists(st.integers(1, 8), min_size=1, max_size=6),
    plugins=st.integers(1, 9),
    max_scans=st.integers(1, 80),
)
def test_a_payload_travels_once_for_as_many_plugins_as_fit(
    batches: list[int], plugins: int, max_scans: int
) -> None:
    """A batch that fits is sent to as many plugins at once as the frame has room for, and no more."""
    ledger = Ledger(max_attempts=2)
    parcels = [Parcel(list(range(count)), 1) for count in batches]
    ledger.accept(
        Job(parcel, count, plugin=plugin)
        for parcel, count in zip(parcels, batches, strict=True)
        for plugin in range(plugins)
    )
    sent: Counter[int] = Counter()
    while frame := ledger.assign(1, max_frames=1, max_scans=max_scans, max_bytes=1_000_000):
        for payload in frame.payloads:
            sent[id(payload)] += 1
        ledger.answer(1, frame.number, 0, frame.count)
    for parcel, count in zip(parcels, batches, strict=True):
        fitting = max_scans // count
        if fitting and plugins > 1:
            assert sent[id(parcel)] == -(-plugins // fitting)
