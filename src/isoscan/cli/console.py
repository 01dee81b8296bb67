"""`isoscan run --console`: what plugins write while they scan, line by line on standard error."""

from __future__ import annotations

import sys

from ..models import ScanResult
from ..redact import Redactor
from ..reports.text import printable
from ..sources import Entry

_ID_CHARS = 200
_TEXT_CHARS = 2000


class ConsolePrinter:
    """Prints `plugin transaction level text`, one line for each call of the plugin's console."""

    def __init__(self, redactor: Redactor | None) -> None:
        self._redactor = redactor

    def print(self, result: ScanResult, entry: Entry) -> None:
        """The lines of one scan."""
        for line in result.console:
            text = line.text if self._redactor is None else self._redactor.text(line.text, entry.transaction)
            place = f"{printable(result.plugin_id)} {printable(result.transaction_id, _ID_CHARS)}"
            sys.stderr.write(f"{place} {printable(line.level)} {printable(text, _TEXT_CHARS)}\n")
