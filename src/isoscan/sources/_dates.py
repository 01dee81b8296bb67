"""Time stamps in the dialects that capture tools write."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

# A date alone would also match ISO weeks and plain numbers, so a time of day is asked for.
_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ]+(\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)\s*([Zz]|[+-]\d\d:?\d\d(?::\d\d(?:\.\d+)?)?|)"
)
#: What browsers write, and Python reads as it stands.
_USUAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_NUMBER = re.compile(r"\d{9,19}(?:\.\d+)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Seconds reach this in the year 5138, milliseconds did in 1973, microseconds are above 1e14.
_MILLISECONDS_FROM = 1e11
_MICROSECONDS_FROM = 1e14


def read_date(raw: object) -> datetime | None:
    """The moment a capture's time stamp names, or None if it names none.

    Understands ISO 8601 with `Z`, `+02:00`, `+0200` or no zone (taken as UTC),
    any number of fraction digits (cut to microseconds), a space for the `T`, and
    seconds, milliseconds or microseconds since 1970, as number or text.
    """
    if isinstance(raw, datetime):
        moment = raw
    elif isinstance(raw, str):
        text = raw.strip()
        if _USUAL.fullmatch(text):
            try:
                return datetime.fromisoformat(text)
            except ValueError:
                return None
        iso = _ISO.fullmatch(text)
        if iso is None:
            return _from_epoch(float(text)) if _NUMBER.fullmatch(text) else None
        try:
            moment = datetime.fromisoformat(f"{iso[1]}T{iso[2]}{iso[3].upper()}")
        except ValueError:
            return None
    elif isinstance(raw, int | float) and not isinstance(raw, bool):
        return _from_epoch(raw)
    else:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def later(moment: datetime | None, elapsed_ms: object) -> datetime | None:
    """`moment` plus a duration in milliseconds; `moment` itself if that is no duration."""
    if moment is None or not isinstance(elapsed_ms, int | float) or not elapsed_ms > 0:
        return moment
    try:
        return moment + timedelta(milliseconds=elapsed_ms)
    except (OverflowError, ValueError):
        return moment


def _from_epoch(value: float) -> datetime | None:
    if not 0 < value < 1e18:  # also false for NaN
        return None
    if value >= _MICROSECONDS_FROM:
        value /= 1e6
    elif value >= _MILLISECONDS_FROM:
        value /= 1e3
    try:
        return _EPOCH + timedelta(seconds=value)
    except OverflowError:
        return None
