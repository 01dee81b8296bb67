"""How a command ends: exit codes, one meaning each, and what an error looks like."""

from __future__ import annotations

import sys
from enum import IntEnum

from ..reports.text import printable

#: How a lone dash travels through the option parser: as a name no file can have.
STANDARD_STREAM = "\0"


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


def complain(message: str, code: int = Exit.USAGE) -> int:
    """Writes one error message and gives back the exit code that goes with it."""
    lines = [printable(line) for line in message.replace(STANDARD_STREAM, "-").splitlines()] or [""]
    sys.stderr.write("isoscan: " + "\n  ".join(lines) + "\n")
    return code
