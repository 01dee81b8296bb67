"""Reads captured HTTP traffic, entry by entry, and writes it as JSON Lines.

    for entry in open_source("capture.har"):
        if entry.transaction is not None: ...

HAR, gzipped HAR and JSON Lines are recognised by their content.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ._document import Document, open_document
from ._entry import Entry
from ._recognise import Format, recognise
from .har import read_har
from .jsonl import encode_transaction_line, read_jsonl, write_jsonl

__all__ = ["Entry", "encode_transaction_line", "open_source", "write_jsonl"]

_READERS = {Format.HAR: read_har, Format.JSONL: read_jsonl}


def open_source(path: str | Path, *, stdin: BinaryIO | None = None) -> Iterator[Entry]:
    """Opens a capture, `-` for standard input, and yields its entries in order.

    Raises `InputError` at once if the input cannot be read or is no known format. While
    it yields, a bad entry is an `Entry` with a `problem`; if the file itself is truncated
    or damaged, `InputError` comes after every entry that could be read.

    A plain file is mapped, not loaded: it must not be truncated while it is read.
    """
    document = open_document(path, stdin)
    return _entries(document, recognise(document))


def _entries(document: Document, format_: Format) -> Iterator[Entry]:
    yield from _READERS[format_](document)
    if document.damage is not None:
        raise document.error("is damaged after the last entry")
