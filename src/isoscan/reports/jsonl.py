"""JSON Lines: one finding a line, written as it is found."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import msgspec

from ..models import Finding
from . import ByteSink

#: Characters JSON allows raw but that act on a terminal or an editor: DEL, C1, bidirectional marks.
_ACTING = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class JsonlReport:
    """Writes each finding's fields and its `fingerprint` as one JSON object per line.

    `fingerprint_of` is given for findings that were redacted: their own fingerprint changes with the key.
    """

    def __init__(self, file: ByteSink, *, fingerprint_of: Callable[[Finding], str] | None = None) -> None:
        self._file = file
        self._fingerprint_of = fingerprint_of or _own_fingerprint

    def add(self, finding: Finding) -> None:
        """Writes one finding at once, so that it survives whatever comes next."""
        fields: dict[str, Any] = msgspec.to_builtins(finding)
        fields["fingerprint"] = self._fingerprint_of(finding)
        text = _encoded(fields)
        self._file.write(_ACTING.sub(_escaped, text).encode() + b"\n")
        self._file.flush()

    def finish(self) -> None:
        """Nothing is kept back."""


def _own_fingerprint(finding: Finding) -> str:
    return finding.fingerprint


def _encoded(fields: dict[str, Any]) -> str:
    try:
        return msgspec.json.encode(fields).decode()
    except UnicodeEncodeError:  # a lone surrogate, which UTF-8 cannot hold but JSON can write out
        return json.dumps(fields)


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
