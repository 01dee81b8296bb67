"""Which store a command means, and times as options give them."""

from __future__ import annotations

import getpass
import os
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from ..errors import ConfigError

if TYPE_CHECKING:
    from ..store.findings import FindingStore

#: The default of text options. Were None one of their types, the word "none" would be taken for it.
NOT_GIVEN: Any = None
Database = Annotated[str, Parameter(name="--db")]

_AGE = re.compile(r"(\d{1,6})\s*([hdw])", re.IGNORECASE)
_HOURS = {"h": 1, "d": 24, "w": 24 * 7}


def open_store(db: str | None) -> FindingStore:
    """The store that was named, else the project's own. Raises `IsoscanError` when there is none."""
    from ..store.findings import FindingStore
    from ..store.places import default_store

    if db is not None:
        return FindingStore(Path(db))
    return FindingStore(default_store(Path.cwd()), is_default=True)


def parse_day(text: str, option: str) -> date:
    """A day that is not over, `2026-12-31`."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{option}: {text!r} is not a day; write for example 2026-12-31") from None
    if day < datetime.now(UTC).date():
        raise ConfigError(f"{option}: {text} is over")
    return day


def moment_before(text: str, option: str) -> datetime:
    """The moment that lies an age such as `90d`, `12h` or `4w` back."""
    match = _AGE.fullmatch(text.strip())
    if match is None:
        raise ConfigError(f"{option}: {text!r} is not an age; write for example 90d, 12h or 4w")
    try:
        return datetime.now(UTC) - timedelta(hours=int(match[1]) * _HOURS[match[2].lower()])
    except OverflowError:
        raise ConfigError(f"{option}: {text!r} is longer ago than there are dates") from None


def user_name() -> str:
    """Who decides, for the store."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"user {os.getuid()}"
