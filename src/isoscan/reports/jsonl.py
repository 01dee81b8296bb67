"""JSON Lines: one finding a line, written as it is found."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from ..record import ReportedFinding, RunRecord
from . import ByteSink
from ._json_text import escape_acting


class JsonlReport:
    """Writes each finding's fields and its `fingerprint` as one JSON object per line."""

    def __init__(self, file: ByteSink) -> None:
        self._file = file

    def add(self, reported: ReportedFinding) -> None:
        """Writes one finding at once, so that it survives whatever comes next."""
        fields: dict[str, Any] = msgspec.to_builtins(reported.finding)
        fields["fingerprint"] = reported.fingerprint
        self._file.write(escape_acting(_encoded(fields)).encode() + b"\n")
        self._file.flush()

    def finish(self, run: RunRecord) -> None:
        """Nothing is kept back."""


def _encoded(fields: dict[str, Any]) -> str:
    try:
        return msgspec.json.encode(fields).decode()
    except UnicodeEncodeError:  # a lone surrogate, which UTF-8 cannot hold but JSON can write out
        return json.dumps(fields)
