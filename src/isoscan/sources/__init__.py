"""Reads captured HTTP traffic, entry by entry, and writes it as JSON Lines.

    for entry in open_source("capture.har"):
        if entry.transaction is not None: ...

Formats are recognised by their content, compressed or not: HAR, JSON Lines, mitmproxy dumps, Burp
items, WARC and WACZ, raw HTTP messages, the JSON of proxify, httpx, katana and Caido, and archives of them.
`find_inputs` and `open_inputs` do the same for files, folders and globs on a command line.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ._document import NotACapture, open_document
from ._entry import Entry
from ._readers import read_document
from .inputs import Input, find_inputs, open_inputs
from .jsonl import encode_transaction_line, write_jsonl

__all__ = [
    "Entry",
    "Input",
    "NotACapture",
    "encode_transaction_line",
    "find_inputs",
    "open_inputs",
    "open_source",
    "write_jsonl",
]


def open_source(path: str | Path, *, stdin: BinaryIO | None = None) -> Iterator[Entry]:
    """Opens a capture, `-` for standard input, and yields its entries in order.

    Raises `InputError` at once if the input cannot be read, `NotACapture` if it is of no format
    that is read. While it yields, a bad entry is an `Entry` with a `problem`; if the file itself
    is truncated or damaged, `InputError` comes after every entry that could be read.

    A plain file is mapped, not loaded: it must not be truncated while it is read.
    """
    return read_document(open_document(path, stdin))
