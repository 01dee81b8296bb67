"""Which reader reads which format; a reader is imported when its format was recognised."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator

from ._document import Document
from ._entry import Entry
from ._recognise import Format, recognise

_READERS = {
    Format.HAR: ("har", "read_har"),
    Format.JSONL: ("jsonl", "read_jsonl"),
    Format.PROXIFY: ("proxify", "read_proxify"),
    Format.HTTPX: ("httpx", "read_httpx"),
    Format.KATANA: ("katana", "read_katana"),
    Format.CAIDO: ("caido", "read_caido"),
    Format.MITMPROXY: ("mitmproxy", "read_mitmproxy"),
    Format.BURP: ("burp", "read_burp"),
    Format.WARC: ("warc", "read_warc"),
    Format.RAW: ("raw", "read_raw"),
    Format.ZIP: ("archives", "read_zip"),
    Format.TAR: ("archives", "read_tar"),
}


def read_document(document: Document) -> Iterator[Entry]:
    """The entries of a document of any format.

    Raises `InputError` at once if it is of none, and behind its last entry if it is damaged there.
    """
    module, function = _READERS[recognise(document)]
    reader: Callable[[Document], Iterator[Entry]] = getattr(
        importlib.import_module(f".{module}", __package__), function
    )
    return _to_the_end(document, reader(document))


def _to_the_end(document: Document, entries: Iterator[Entry]) -> Iterator[Entry]:
    yield from entries
    if document.damage is not None:
        raise document.error("is damaged after the last entry")
