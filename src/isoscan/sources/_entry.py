"""What a source yields: one `Entry` per transaction it holds, good or rejected."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

from ..models import HttpTransaction

#: What the index of an entry counts: entries of HAR and Caido, lines, flows of mitmproxy, items of
#: Burp, records of WARC, messages of raw HTTP; or a whole file.
Unit = Literal["entry", "line", "flow", "item", "record", "message", "file"]

_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.\-]{0,40}):")
_HTTP_URL = re.compile(r"(?:https?|wss?)://[^/?#]", re.IGNORECASE)
_USER_INFO = re.compile(r"(?<=//)[^/?#]*@")
_URL_SHOWN_CHARS = 200


class Entry(Struct, frozen=True):
    """One entry of an input, in input order.

    `source` is the path as given, `-` for standard input, `archive.zip:inner.har` for
    a file in an archive. `index` counts as `unit` says: `line` from 1, all others from
    0; a `file` is a whole file that could not be read, or not to its end. Exactly one
    of `transaction` and `problem` is set: `problem` is the one sentence that says why
    the entry was rejected. `notes` name what was degraded but kept. Neither holds
    bodies, header values or query strings. `is_out_of_scope`: it was rejected because
    it is no HTTP exchange at all, such as a `data:` URL, so nothing was missed.

    `offset_bytes` and `length_bytes` say where the entry stands, if its reader knows:
    in the file, or in its content if the file is compressed or in an archive. A WARC
    file whose records are compressed one by one is the exception: there it is the
    place of the compressed record in the file.
    """

    source: str
    index: int
    unit: Unit
    transaction: HttpTransaction | None = None
    problem: str | None = None
    notes: tuple[str, ...] = ()
    is_out_of_scope: bool = False
    offset_bytes: int | None = None
    length_bytes: int | None = None

    @property
    def place(self) -> str:
        """Where the entry stands, for messages: `capture.har, entry 3`."""
        if self.unit == "file":
            return self.source
        return f"{self.source}, {self.unit} {self.index}"


class Rejected(Exception):
    """An entry cannot become a transaction; the text says why."""


class OutOfScope(Rejected):
    """The entry is no HTTP exchange, so leaving it out misses nothing."""


class NotJson(Rejected):
    """The entry's bytes are not JSON at all, so its end may be wrong too."""


def transaction_id(source: str, index: int) -> str:
    """The id of a transaction that brought none: it points back at the capture."""
    return f"{source}#{index}"


def is_http_url(url: str) -> bool:
    """Whether the URL is absolute, of an HTTP or WebSocket scheme, and names a host."""
    return _HTTP_URL.match(url) is not None


def has_foreign_scheme(url: str) -> bool:
    """Whether the URL is absolute and of a scheme that is not HTTP's, such as `data:`."""
    scheme = _SCHEME.match(url)
    return scheme is not None and scheme[1].lower() not in ("http", "https", "ws", "wss")


def shown_url(url: str) -> str:
    """A URL fit for a message: no credentials, query or fragment, 200 characters at most.

    A URL that is no HTTP URL is shown by its scheme alone: `data:` URLs are bodies.
    """
    if not is_http_url(url):
        scheme = _SCHEME.match(url)
        return f"{scheme[1].lower()}:" if scheme else "no scheme"
    cut = re.split(r"[?#]", url, maxsplit=1)[0]
    return printable(_USER_INFO.sub("", cut), _URL_SHOWN_CHARS)


def printable(text: str, limit_chars: int) -> str:
    """Text from a capture fit for a terminal: one line, no control characters, bounded."""
    return "".join(char if char.isprintable() else "?" for char in text[:limit_chars])
