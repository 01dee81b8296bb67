"""Content of known kinds that are not read, by how it begins, each with what to do."""

from __future__ import annotations

import re

_HAR_EXPORT = "export a HAR file instead"
_XML = rb"(?:<\?xml.{0,200}?\?>\s*)?"
_COMMENT = rb"(?:<!--.{0,1000}?-->\s*)?"

#: The pattern is matched where the content begins and behind its white space.
REFUSED: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL | re.IGNORECASE), text)
    for pattern, text in (
        (
            rb"(?:/\*.{0,200}?\*/\s*)?[a-z_$][\w$.]*\s*\(\s*[{\[]",
            "is JSONP, not JSON; remove the function call around it",
        ),
        (
            _XML + rb"(?:<!DOCTYPE\s+issues\b|<issues\s[^>]*burpVersion)",
            "is a Burp issues export, which holds findings and no traffic;"
            " save the items themselves (Proxy > HTTP history > Save items)",
        ),
        (
            _XML + rb"<(?:\?charles\b|charles-session)",
            f"is a Charles session, which is not supported; {_HAR_EXPORT}",
        ),
        (
            _XML + rb"<owaspzapreport\b",
            "is a ZAP report, which holds findings and no traffic; export the history as HAR instead",
        ),
        (
            _XML + rb"<(?:!DOCTYPE\s+)?nmaprun\b",
            "is an Nmap report, which holds no HTTP traffic",
        ),
        (
            _COMMENT + rb"<(?:!doctype\s+html|html|head|body)\b",
            "is an HTML page, not a capture",
        ),
        (rb"<", "is XML or HTML, not a capture"),
        (rb"%PDF-", "is a PDF document, not a capture"),
        (
            rb"HTTP/\d(?:\.\d)?[ \t]+\d{3}\b",
            "is an HTTP response alone; put the request it answers before it, with an empty line between",
        ),
        (
            rb"(?:\*|[<>]) (?:\s*Trying |Host |Connected to |[A-Z]+ \S+ HTTP/)",
            "is the log of curl -v, which is not read; record a HAR file or save the raw messages instead",
        ),
        (
            rb"\xd4\xc3\xb2\xa1|\xa1\xb2\xc3\xd4|\x4d\x3c\xb2\xa1|\n\r\r\n.{4}(?:\x1a\x2b\x3c\x4d|\x4d\x3c\x2b\x1a)",
            f"is a packet capture, not HTTP traffic; {_HAR_EXPORT}",
        ),
        (
            rb"SQLite format 3\x00",
            f"is a SQLite database, such as a proxy's project; {_HAR_EXPORT}",
        ),
        (
            rb"PK\x05\x06",
            "is an empty ZIP archive; there is no capture in it",
        ),
        (
            rb"7z\xbc\xaf\x27\x1c|Rar!\x1a\x07|\x04\x22\x4d\x18|\x1f\x9d|\x89LZO|LZIP",
            "is compressed in a way that is not read; unpack it first"
            " (gzip, bzip2, xz, zstd, ZIP and tar are read)",
        ),
        (
            rb"-----BEGIN PGP MESSAGE|age-encryption\.org/|-----BEGIN AGE ENCRYPTED FILE|Salted__"
            rb"|\$ANSIBLE_VAULT|\x85[\x01-\x04].\x03",
            "is encrypted; decrypt it first",
        ),
    )
)
