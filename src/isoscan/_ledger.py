"""Who owns each scan. Pure: no I/O, no clock, no event loop.

Every live scan is in the queue or in exactly one assignment (a frame sent to a
generation), never both, never neither. The hand-off window between "assigned"
and "answered" is all here, and so are the rules of blame and replay.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterable
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


class Scan(Struct, gc=False, eq=False):
    """One accepted scan. `payload` travels and has a `size_bytes`.

    Whoever wants the outcome overrides `finish`. A method, not a callback: a scan that
    held one of its holder's would be a reference cycle, and cycles by the hundred thousand
    make the garbage collector stop everything again and again.
    """

    payload: Any
    accepted_at: float = 0.0
    #: Runs that ended with a generation's death while only this scan can have caused it.
    attempts: int = 0
    #: Suspected: runs with nothing else in flight, so that blame is exact.
    is_alone: bool = False
    #: Was perhaps running when execution was terminated: is aborted if it turns out slow.
    is_aborting: bool = False
    is_withdrawn: bool = False

    def finish(self, result: Any) -> None:
        """Takes the outcome. Called exactly once, unless the scan is withdrawn."""


class Frame:
    """Scans sent together, answered in order."""

    __slots__ = ("answered", "number", "scans")

    def __init__(self, number: int, scans: list[Scan]) -> None:
        self.number = number
        self.scans = scans
        self.answered = 0

    @property
    def unanswered(self) -> list[Scan]:
        """Scans whose outcome is still to come."""
        return self.scans[self.answered :]


class Aftermath:
    """What the end of a generation means for its scans."""

    def __init__(self) -> None:
        #: Scans that end now, with the verdict they deserve.
        self.ended: list[tuple[Scan, Verdict]] = []
        #: Scans back in the queue, in their old order.
        self.requeued = 0


class Ledger:
    """The queue and all assignments of one executor."""

    def __init__(self, *, max_attempts: int, is_replayable: bool = True) -> None:
        self.is_replayable = is_replayable
        self._max_attempts = max_attempts
        self._queue: deque[Scan] = deque()
        self._assigned: dict[int, deque[Frame]] = {}
        self._frame_number = 0

    @property
    def queued(self) -> int:
        """Scans that wait."""
        return len(self._queue)

    @property
    def in_flight(self) -> int:
        """Scans assigned to any generation and not answered."""
        return sum(self.in_flight_of(generation) for generation in self._assigned)

    def in_flight_of(self, generation: int) -> int:
        """Scans assigned to one generation and not answered."""
        frames = self._assigned.get(generation, ())
        return sum(len(frame.scans) - frame.answered for frame in frames)

    def frames_of(self, generation: int) -> int:
        """Frames a generation has not fully answered."""
        return len(self._assigned.get(generation, ()))

    def head_of(self, generation: int) -> Scan | None:
        """The scan a generation has to answer next."""
        frames = self._assigned.get(generation)
        return frames[0].scans[frames[0].answered] if frames else None

    def live(self) -> list[Scan]:
        """Every scan that is not over: assigned ones first, then the queue."""
        assigned = [
            scan for frames in self._assigned.values() for frame in frames for scan in frame.unanswered
        ]
        return [*assigned, *self._queue]

    def accept(self, scans: Iterable[Scan]) -> None:
        """Takes scans in, at the end of the queue."""
        self._queue.extend(scans)

    def withdraw(self, scan: Scan) -> None:
        """The caller no longer wants the outcome: a queued scan is gone, an assigned one is dropped later."""
        scan.is_withdrawn = True
        with contextlib.suppress(ValueError):  # assigned: its answer is dropped when it comes
            self._queue.remove(scan)

    def assign(self, generation: int, *, max_frames: int, max_scans: int, max_bytes: int) -> Frame | None:
        """Moves scans from the queue into a frame for `generation`; None when it must not get any.

        A suspected scan goes alone: nothing is in flight before it and nothing follows it.
        So does every scan of a plugin that must not be replayed.
        """
        queue = self._queue
        frames = self._assigned.get(generation)
        if not queue or (frames is not None and len(frames) >= max_frames):
            return None
        head = queue[0]
        if head.is_alone or not self.is_replayable:
            if frames:
                return None
            count = 1
        else:
            if frames and frames[-1].scans[0].is_alone:
                return None
            count = size_bytes = 0
            for scan in islice(queue, max_scans):
                size_bytes += scan.payload.size_bytes
                if scan.is_alone or (count and size_bytes > max_bytes):
                    break
                count += 1
        self._frame_number += 1
        frame = Frame(self._frame_number, [queue.popleft() for _ in range(count)])
        if frames is None:
            frames = self._assigned[generation] = deque()
        frames.append(frame)
        return frame

    def answer(self, generation: int, frame_number: int, first: int, count: int) -> list[Scan]:
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
        if not 0 < count <= len(frame.scans) - first:
            raise LedgerError(f"{count} results where at most {len(frame.scans) - first} were due")
        scans = frame.scans[first : first + count]
        frame.answered += count
        if frame.answered == len(frame.scans):
            frames.popleft()
            if not frames:
                del self._assigned[generation]
        return scans

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
        suspects = [scan for scan in frames[0].unanswered if not scan.is_withdrawn]
        waiting = [scan for frame in islice(frames, 1, None) for scan in frame.scans]
        replayed: list[Scan] = []
        if cause is Cause.RETIRED:
            if self.is_replayable:
                replayed = suspects
            else:
                aftermath.ended += [(scan, Verdict.INTERRUPTED) for scan in suspects]
        elif len(frames[0].unanswered) == 1:
            for scan in suspects:
                scan.attempts += 1
                verdict = self._verdict(scan, cause, was_fresh)
                if verdict is None:
                    scan.is_alone = True
                    replayed.append(scan)
                else:
                    aftermath.ended.append((scan, verdict))
            if cause is Cause.TERMINATED:
                for scan in self._queue:
                    scan.is_aborting = False
        else:
            for scan in suspects:
                scan.is_alone = True
                scan.is_aborting = cause is Cause.TERMINATED
            replayed = suspects
        returning = [scan for scan in (*replayed, *waiting) if not scan.is_withdrawn]
        self._queue.extendleft(reversed(returning))
        aftermath.requeued = len(returning)
        return aftermath

    def _verdict(self, scan: Scan, cause: Cause, was_fresh: bool) -> Verdict | None:
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

    def take_queued(self) -> list[Scan]:
        """Empties the queue."""
        scans = list(self._queue)
        self._queue.clear()
        return scans
