"""JSON Lines: one finding a line, written as it is found."""

from __future__ import annotations

from typing import Any, BinaryIO

import msgspec

from ..models import Finding


class JsonlReport:
    """Writes each finding's fields and its `fingerprint` as one JSON object per line."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def add(self, finding: Finding) -> None:
        """Writes one finding at once, so that it survives whatever comes next."""
        fields: dict[str, Any] = msgspec.to_builtins(finding)
        fields["fingerprint"] = finding.fingerprint
        self._file.write(msgspec.json.encode(fields) + b"\n")
        self._file.flush()

    def finish(self) -> None:
        """Nothing is kept back."""
