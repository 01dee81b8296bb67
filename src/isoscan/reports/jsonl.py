"""JSON Lines: one finding a line, written as it is found."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from ..record import ReportedFinding, RunRecord
from . import ByteSink

#: Characters JSON allows raw but that act on a terminal or an editor: DEL, C1, bidirectional marks.
_ACTING = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class JsonlReport:
    """Writes each finding's fields and its `fingerprint` as one JSON object per line."""

    def __init__(self, file: ByteSink) -> None:
        self._file = file

    def add(self, reported: ReportedFinding) -> None:
        """Writes one finding at once, so that it survives whatever comes next."""
        fields: dict[str, Any] = msgspec.to_builtins(reported.finding)
        fields["fingerprint"] = reported.fingerprint
        text = _encoded(fields)
        self._file.write(_ACTING.sub(_escaped, text).encode() + b"\n")
        self._file.flush()

    def finish(self, run: RunRecord) -> None:
        """Nothing is kept back."""


def _encoded(fields: dict[str, Any]) -> str:
    try:
        return msgspec.json.encode(fields).decode()
    except UnicodeEncodeError:  # a lone surrogate, which UTF-8 cannot hold but JSON can write out
        return json.dumps(fields)


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
