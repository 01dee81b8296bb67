"""When a plugin that keeps killing its generations is quarantined. Pure: time is passed in."""

from __future__ import annotations


class Breaker:
    """Counts deaths in a row; trips at a threshold, with doubling back-off and probation.

    Deaths before ready and deaths in scans are counted apart. One answered scan
    clears both. After the back-off, one probation is allowed; another death
    during it trips at once, for twice as long.
    """

    def __init__(
        self, *, max_load_failures: int, max_scan_deaths: int, backoff_s: float, backoff_max_s: float
    ) -> None:
        self._max_load_failures = max_load_failures
        self._max_scan_deaths = max_scan_deaths
        self._backoff_s = backoff_s
        self._backoff_max_s = backoff_max_s
        self.load_failures = 0
        self.scan_deaths = 0
        self.trips = 0
        self.until: float | None = None
        self.is_on_probation = False

    def record_answer(self) -> None:
        """A scan was answered: the plugin works."""
        self.load_failures = self.scan_deaths = self.trips = 0
        self.is_on_probation = False

    def record_ready(self) -> None:
        """A generation became ready."""
        self.load_failures = 0

    def record_load_failure(self, now: float) -> bool:
        """A generation died before it was ready; returns whether that trips."""
        self.load_failures += 1
        return self._trip_if(self.load_failures >= self._max_load_failures, now)

    def record_scan_death(self, now: float) -> bool:
        """A generation died by a scan's doing; returns whether that trips."""
        self.scan_deaths += 1
        return self._trip_if(self.scan_deaths >= self._max_scan_deaths, now)

    def remaining_s(self, now: float) -> float:
        """Seconds until probation; 0 when it may begin or nothing is tripped."""
        return max(0.0, self.until - now) if self.until is not None else 0.0

    def describe(self, now: float) -> str:
        """The quarantine in words."""
        deaths = max(self.scan_deaths, self.load_failures)
        return (
            f"the plugin is quarantined: its generations died {deaths} times in a row; "
            f"next attempt in {self.remaining_s(now):.1f} s"
        )

    def begin_probation(self) -> None:
        """The back-off is over, or an operator restarted the plugin."""
        self.until = None
        self.is_on_probation = True

    def reset(self) -> None:
        """New code: everything before is forgotten."""
        self.record_answer()
        self.until = None

    def _trip_if(self, is_over: bool, now: float) -> bool:
        if not is_over and not self.is_on_probation:
            return False
        # The exponent is bounded: a plugin that trips for months must not overflow a float.
        self.until = now + min(self._backoff_s * 2.0 ** min(self.trips, 64), self._backoff_max_s)
        self.trips += 1
        self.is_on_probation = False
        return True
