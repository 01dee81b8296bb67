"""Exit codes, one meaning each."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What a command's exit code says."""

    #: Everything was scanned; nothing at or above `--fail-on`.
    OK = 0
    #: A finding at or above `--fail-on`.
    FINDINGS = 1
    #: A wrong option, plugin or input.
    USAGE = 2
    #: Not everything that should have been scanned was.
    INCOMPLETE = 3
    #: Ctrl-C.
    INTERRUPTED = 130
