"""Bodies that stand in files of their own beside a HAR file, as Playwright saves them.

Their names are hashes (`_file` in the entry), those of a WebSocket's messages shorter ones; no other
name is looked up, so a hostile capture cannot have files read that are none of its own.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from . import _bodies

#: The bytes of an attachment by its name, one more than the limit of a body at most; None if there is none.
Attachments = Callable[[str], bytes | None]

_NAME = re.compile(r"(?:[0-9a-f]{32}|[0-9a-f]{40})(?:\.[A-Za-z0-9]{1,16})?")
_HAR_SUFFIX = ".har"


def is_attachment(name: str) -> bool:
    """Whether a file of this name can be an attachment."""
    return _NAME.fullmatch(name) is not None


def without_attachments(paths: Iterable[str]) -> list[str]:
    """The paths that are no attachments: files named by a hash beside a HAR file are."""
    every = {path: PurePosixPath(path) for path in paths}
    folders = {path.parent for path in every.values() if path.suffix.lower() == _HAR_SUFFIX}
    return [
        name for name, path in every.items() if path.parent not in folders or not is_attachment(path.name)
    ]


def nothing_attached(_: str) -> bytes | None:
    """The attachments of a capture that can have none."""
    return None


def attached_beside(path: str | Path) -> Attachments:
    """The attachments in the folder of a HAR file."""
    folder = Path(path).parent

    def read(name: str) -> bytes | None:
        if not is_attachment(name):
            return None
        try:
            descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return None  # noted by the caller: the body is missing
        with open(descriptor, "rb") as file:  # noqa: PTH123  # opened without following links
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            return file.read(_bodies.BODY_LIMIT_BYTES + 1)

    return read
