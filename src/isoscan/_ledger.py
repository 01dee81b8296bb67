"""Who owns each scan. Pure: no I/O, no clock, no event loop.

Every live scan belongs to one job, and that is in the queue or in exactly one assignment (a
frame sent to a generation), never both, never neither. The hand-off window between "assigned"
and "answered" is all here, and so are the rules of blame and replay.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import islice
from typing import Any

from msgspec import Struct

from .models import Verdict


class Cause(StrEnum):
    """Why a generation ended."""

    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    CRASH = "crash"
    PROTOCOL = "protocol"
    TERMINATED = "terminated"
    RETIRED = "retired"


class LedgerError(Exception):
    """A generation answered what it was not asked: it is condemned."""


class Job(Struct, gc=False, eq=False):
    """Scans that were accepted together, mostly one; they stay together until one of them makes trouble.

    `payload` travels: it has `count` scans and a `size_bytes`, and `part(first, end)` is some of it. Whoever
    wants the outcomes overrides `deliver`. A method, not a callback: a job that held one of its holder's
    would be a reference cycle, and cycles by the hundred thousand make the garbage collector stop
    everything again and again.
    """

    payload: Any
    count: int = 1
    accepted_at: float = 0.0
    #: Which of the plugins of a generation is to scan: its place among them.
    plugin: int = 0
    #: What it is a part of, and which scan of that is its first.
    whole: Job | None = None
    place: int = 0
    #: Runs that ended with a generation's death while only this scan can have caused it.
    attempts: int = 0
    #: Suspected: runs with nothing else in flight, so that blame is exact. It is one scan then.
    is_alone: bool = False
    #: Was perhaps running when execution was terminated: is aborted if it turns out slow.
    is_aborting: bool = False
    is_withdrawn: bool = False
    has_parts: bool = False
    #: Some of its scans are not wanted any more, others are.
    has_gaps: bool = False

    def deliver(self, first: int, results: list[Any]) -> None:
        """Takes the outcomes of the scans from `first` on: of each once, unless the job is withdrawn."""

    def is_unwanted(self, first: int, end: int) -> bool:
        """Whether nobody waits for these of its scans any more, although others are waited for."""
        del first, end
        return False

    def apart(self, first: int = 0) -> list[Job]:
        """Its scans from `first` on, each a job of its own."""
        if self.count == 1:
            return [self][first:]
        return [self._part(place, place + 1) for place in range(first, self.count)]

    def wanted(self) -> list[Job]:
        """What of it somebody waits for: itself, each scan where some are not wanted, or nothing."""
        parts = self.apart() if (self.whole or self).has_gaps else [self]
        return [part for part in parts if not part.is_withdrawn]

    def rest(self, first: int) -> Job:
        """Its scans from `first` on, as one job."""
        return self._part(first, self.count) if first else self

    def _part(self, first: int, end: int) -> Job:
        whole = self.whole or self
        whole.has_parts = True
        return _Part(
            self.payload.part(first, end),
            end - first,
            self.accepted_at,
            self.plugin,
            whole=whole,
            place=self.place + first,
            is_withdrawn=self.is_withdrawn or whole.is_unwanted(self.place + first, self.place + end),
        )


class _Part(Job, gc=False, eq=False):
    """Scans that were accepted together with others."""

    def deliver(self, first: int, results: list[Any]) -> None:
        """Hands the outcomes to those who wait for the whole."""
        assert self.whole is not None
        self.whole.deliver(self.place + first, results)


#: Scans of a job that were answered: from which one on, and how many.
Answered = tuple[Job, int, int]


class Frame:
    """Jobs sent together, their scans answered in order."""

    __slots__ = ("_begun", "answered", "count", "jobs", "number", "payloads", "plugins")

    def __init__(self, number: int, jobs: list[Job], count: int, *, is_one_payload: bool = False) -> None:
        self.number = number
        #: Those with scans that are not answered.
        self.jobs = deque(jobs)
        #: What travels, and which plugins scan all of it: one of the two is one.
        self.payloads = [jobs[0].payload] if is_one_payload else [job.payload for job in jobs]
        self.plugins = [job.plugin for job in jobs] if is_one_payload else [jobs[0].plugin]
        #: Of the scans of all its jobs.
        self.count = count
        self.answered = 0
        #: How many scans of the first job are answered.
        self._begun = 0

    @property
    def unanswered(self) -> list[Job]:
        """Jobs of the scans whose outcome is still to come."""
        head, *others = self.jobs
        return [head.rest(self._begun), *others]

    def answer(self, count: int) -> list[Answered]:
        """The next scans are answered, no more than there are."""
        found: list[Answered] = []
        first = self._begun
        self.answered += count
        while count:
            job = self.jobs[0]
            left = job.count - first
            if count < left:
                found.append((job, first, count))
                first += count
                break
            found.append((job, first, left))
            count -= left
            self.jobs.popleft()
            first = 0
        self._begun = first
        return found


class Aftermath:
    """What the end of a generation means for its scans."""

    def __init__(self) -> None:
        #: Scans that end now, with the verdict they deserve.
        self.ended: list[tuple[Job, Verdict]] = []
        #: Scans back in the queue, in their old order.
        self.requeued = 0


class Ledger:
    """The queue and all assignments of one executor."""

    def __init__(self, *, max_attempts: int, is_replayable: bool = True) -> None:
        self.is_replayable = is_replayable
        self._max_attempts = max_attempts
        self._queue: deque[Job] = deque()
        #: Scans that wait, and those that are assigned to any generation and not answered.
        self.queued = 0
        self.in_flight = 0
        self._assigned: dict[int, deque[Frame]] = {}
        self._frame_number = 0

    def in_flight_of(self, generation: int) -> int:
        """Scans assigned to one generation and not answered."""
        frames = self._assigned.get(generation, ())
        return sum(frame.count - frame.answered for frame in frames)

    def frames_of(self, generation: int) -> int:
        """Frames a generation has not fully answered."""
        return len(self._assigned.get(generation, ()))

    def head_of(self, generation: int) -> Job | None:
        """The job of the scan a generation has to answer next."""
        frames = self._assigned.get(generation)
        return frames[0].jobs[0] if frames else None

    def live(self) -> list[Job]:
        """Every scan that is not over: assigned ones first, then the queue."""
        assigned = [job for frames in self._assigned.values() for frame in frames for job in frame.unanswered]
        return [*assigned, *self._queue]

    def accept(self, jobs: Iterable[Job]) -> None:
        """Takes scans in, at the end of the queue."""
        for job in jobs:
            self._queue.append(job)
            self.queued += job.count

    def extend(self, job: Job) -> bool:
        """One scan more for a job; only the last in the queue can grow."""
        if not self._queue or self._queue[-1] is not job:
            return False
        job.count += 1
        self.queued += 1
        return True

    def replace(self, job: Job, others: Iterable[Job]) -> None:
        """Puts others in the place of a job that waits; nothing happens if it does not."""
        if job in self._queue:
            place = self._queue.index(job)
            jobs = list(self._queue)
            jobs[place : place + 1] = others
            self._requeue(jobs)

    def withdraw_scan(self, job: Job, place: int) -> None:
        """Nobody wants the outcome of one scan, which the job calls unwanted from here on.

        What waits is gone, what is assigned is dropped later.
        """
        if job.is_unwanted(0, job.count):
            self.withdraw(job)
            return
        job.has_gaps = True
        if not job.has_parts and job in self._queue:
            self.replace(job, job.wanted())
        for assigned in self._assigned_jobs():
            if assigned.whole is job and assigned.place == place:
                assigned.is_withdrawn = True
        for waiting in self._queue:
            if waiting.whole is job and waiting.place == place:
                self._queue.remove(waiting)
                self.queued -= 1
                break

    def withdraw(self, job: Job) -> None:
        """The caller no longer wants the outcomes: queued scans are gone, assigned ones are dropped later."""
        if job.is_withdrawn:
            return
        job.is_withdrawn = True
        if job in self._queue:  # else it is assigned: its answers are dropped when they come
            self._queue.remove(job)
            self.queued -= job.count
        if job.has_parts:
            for assigned in self._assigned_jobs():
                if assigned.whole is job:
                    assigned.is_withdrawn = True
            self._requeue([queued for queued in self._queue if queued.whole is not job])

    def withdraw_all(self) -> list[Job]:
        """Every job that somebody still waits for: nobody is to, from here on."""
        jobs = [wanted for job in self.live() for wanted in job.wanted()]
        for assigned in self._assigned_jobs():
            assigned.is_withdrawn = True
        self._requeue(())
        return jobs

    def _assigned_jobs(self) -> Iterator[Job]:
        return (job for frames in self._assigned.values() for frame in frames for job in frame.jobs)

    def _requeue(self, jobs: Iterable[Job]) -> None:
        self._queue = deque(jobs)
        self.queued = sum([job.count for job in self._queue])

    def assign(self, generation: int, *, max_frames: int, max_scans: int, max_bytes: int) -> Frame | None:
        """Moves scans from the queue into a frame for `generation`; None when it must not get any.

        A frame is for one plugin, or several plugins' scans of one payload, which travels once then.
        A suspected scan goes alone: nothing is in flight before it and nothing follows it. So does
        every scan of a plugin that must not be replayed.
        """
        queue = self._queue
        frames = self._assigned.get(generation)
        if not queue or (frames is not None and len(frames) >= max_frames):
            return None
        if queue[0].is_alone or not self.is_replayable:
            if frames:
                return None
            max_scans = 1
        elif frames and frames[-1].jobs[0].is_alone:
            return None
        first = queue.popleft()
        if first.count > max_scans:
            queue.extendleft(reversed(first.apart()))
            first = queue.popleft()
        jobs = [first]
        count, size_bytes = first.count, first.payload.size_bytes
        is_one_payload = bool(queue) and queue[0].payload is first.payload
        while queue and not first.is_alone:
            job = queue[0]
            if is_one_payload:
                is_fitting = job.payload is first.payload
            else:
                size_bytes += job.payload.size_bytes
                is_fitting = job.plugin == first.plugin and size_bytes <= max_bytes
            if not is_fitting or job.is_alone or count + job.count > max_scans:
                break
            jobs.append(queue.popleft())
            count += job.count
        self.queued -= count
        self.in_flight += count
        self._frame_number += 1
        frame = Frame(self._frame_number, jobs, count, is_one_payload=is_one_payload)
        if frames is None:
            frames = self._assigned[generation] = deque()
        frames.append(frame)
        return frame

    def answer(self, generation: int, frame_number: int, first: int, count: int) -> list[Answered]:
        """The scans that `count` outcomes, from index `first` of a frame on, belong to.

        They leave the ledger. Anything but the next unanswered scans of the
        generation's oldest frame raises `LedgerError`, and nothing changes.
        """
        frames = self._assigned.get(generation)
        if not frames:
            raise LedgerError(f"results for frame {frame_number} from a generation with nothing to do")
        frame = frames[0]
        if frame.number != frame_number or frame.answered != first:
            raise LedgerError(
                f"results for frame {frame_number} from index {first} on, "
                f"where frame {frame.number} index {frame.answered} was due"
            )
        if not 0 < count <= frame.count - first:
            raise LedgerError(f"{count} results where at most {frame.count - first} were due")
        answered = frame.answer(count)
        self.in_flight -= count
        if not frame.jobs:
            frames.popleft()
            if not frames:
                del self._assigned[generation]
        return answered

    def end(self, generation: int, cause: Cause, *, was_fresh: bool) -> Aftermath:
        """A generation is over: settles blame and replays the innocent.

        `was_fresh`: it had answered nothing before, so memory it ran out of was
        not piled up by earlier scans. Frames behind the oldest were never begun:
        they return to the front of the queue, uncounted. In the oldest, results
        may have been lost with the generation, so a single unanswered scan is the
        culprit, and several are suspects that run alone next.
        """
        aftermath = Aftermath()
        frames = self._assigned.pop(generation, None)
        if not frames:
            return aftermath
        self.in_flight -= sum([frame.count - frame.answered for frame in frames])
        oldest = frames[0]
        suspects = [scan for job in oldest.unanswered for scan in job.apart() if not scan.is_withdrawn]
        waiting = [
            wanted for frame in islice(frames, 1, None) for job in frame.jobs for wanted in job.wanted()
        ]
        replayed: list[Job] = []
        if cause is Cause.RETIRED:
            if self.is_replayable:
                replayed = suspects
            else:
                aftermath.ended += [(scan, Verdict.INTERRUPTED) for scan in suspects]
        elif oldest.count - oldest.answered == 1:
            for scan in suspects:
                scan.attempts += 1
                verdict = self._verdict(scan, cause, was_fresh)
                if verdict is None:
                    scan.is_alone = True
                    replayed.append(scan)
                else:
                    aftermath.ended.append((scan, verdict))
            if cause is Cause.TERMINATED:
                for job in self._queue:
                    job.is_aborting = False
        else:
            for scan in suspects:
                scan.is_alone = True
                scan.is_aborting = cause is Cause.TERMINATED
            replayed = suspects
        returning = [job for job in (*replayed, *waiting) if not job.is_withdrawn]
        self._requeue((*returning, *self._queue))
        aftermath.requeued = sum([job.count for job in returning])
        return aftermath

    def _verdict(self, scan: Job, cause: Cause, was_fresh: bool) -> Verdict | None:
        """The verdict of the scan that ended its generation; None to run it again."""
        if cause is Cause.TIMEOUT:
            return Verdict.TIMEOUT
        if cause is Cause.TERMINATED:
            return Verdict.INTERRUPTED
        may_replay = self.is_replayable and scan.attempts < self._max_attempts
        if cause is Cause.OUT_OF_MEMORY:
            return None if may_replay and not was_fresh else Verdict.OUT_OF_MEMORY
        if may_replay:
            return None
        if cause is Cause.CRASH and not self.is_replayable:
            return Verdict.INTERRUPTED
        return Verdict.CRASHED

    def take_queued(self) -> list[Job]:
        """Empties the queue."""
        jobs = list(self._queue)
        self._requeue(())
        return jobs
