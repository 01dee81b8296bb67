"""What of a message is shown: its body as text, where evidence stands in it, and what is around. Pure."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Sequence
from html import escape
from urllib.parse import quote, unquote

from msgspec import Struct

from .bounds import AROUND_CHARS, BODY_CHARS, SEARCHED_BYTES

_CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:\-]{1,40})""", re.IGNORECASE)
_META_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?([\w.:\-]{1,40})""", re.IGNORECASE)
_META_BYTES = 1024
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xfe\xff", "utf-16-be"), (b"\xff\xfe", "utf-16-le"))
#: Labels that browsers read as a wider charset than Python does.
_WIDER = {
    "latin1": "cp1252", "latin-1": "cp1252", "iso-8859-1": "cp1252", "us-ascii": "cp1252", "ascii": "cp1252",
    "iso-8859-9": "cp1254", "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "shift-jis": "cp932",
    "sjis": "cp932", "windows-31j": "cp932", "euc-kr": "cp949", "ks_c_5601-1987": "cp949",
    "utf-16": "utf-16-le", "utf8": "utf-8",
}  # fmt: skip
#: Nothing else is looked up: some of Python's codecs take quadratic time, some do not make text.
_KNOWN = re.compile(
    r"utf-(?:8|16-?[bl]e|32-?[bl]e)|cp\d{3,4}|windows-\d{3,4}|iso-8859-\d{1,2}|gb18030|big5(?:-hkscs)?|euc-jp|"
    r"iso-2022-jp|koi8-[ru]|macintosh|tis-620"
)
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\ufffd]")
_JUDGED_CHARS = 2048
_MAX_CONTROLS_SHARE = 0.02

_MAX_LINES = 12
_MAX_NEEDLE_CHARS = 2000
_MIN_NEEDLE_CHARS = 3
#: Of what is left of a quote without its label: "true" stands in too many places.
_MIN_PIECE_CHARS = 6
_MAX_GAP_CHARS = 2048
_LABEL = re.compile(r"[^\n]{1,60}?(?:: | = )")
_QUERY_PLACE = re.compile(r"request\.query:(.+)", re.DOTALL)
_MAX_PLACES = 8


class Text(Struct, frozen=True):
    """A body as text: what was decoded of it, and by which charset."""

    text: str
    charset: str
    decoded_bytes: int


def decoded(body: bytes, content_type: str | None) -> Text | None:
    """The first 512 KiB of a body as text, as a browser would read it; None for one that is no text.

    The charset is that of the byte order mark, the content type, a `<meta>`, else UTF-8, else Windows-1252.
    """
    head = body[:SEARCHED_BYTES]
    charset, skipped = _declared(head, content_type)
    if charset is None:
        try:
            text, charset = head.decode("utf-8"), "utf-8"
        except UnicodeDecodeError as error:
            is_cut = error.start > len(head) - 4 and len(head) < len(body)
            charset = "utf-8" if is_cut else "cp1252"
            text = head.decode(charset, "replace")
    else:
        text = head[skipped:].decode(charset, "replace")
    judged = text[:_JUDGED_CHARS]
    if judged and len(_CONTROLS.findall(judged)) > _MAX_CONTROLS_SHARE * len(judged):
        return None
    return Text(text, charset, len(head))


def _declared(head: bytes, content_type: str | None) -> tuple[str | None, int]:
    for mark, charset in _MARKS:
        if head.startswith(mark):
            return charset, len(mark)
    match = _CHARSET.search(content_type or "")
    label = match[1] if match else None
    if label is None and (meta := _META_CHARSET.search(head[:_META_BYTES])):
        label = meta[1].decode("ascii", "replace")
    label = (label or "").lower()
    label = _WIDER.get(label, label)
    if _KNOWN.fullmatch(label):
        try:
            codecs.lookup(label)
        except LookupError:
            return None, 0
        return label, 0
    return None, 0


def needles(evidence: str, location: str, texts: Sequence[str]) -> list[str]:
    """The pieces of `texts` that a finding's evidence quotes, as they stand there.

    Plugins quote in several ways: literally, line by line with a label before (`received: …`), with the
    middle left out (`AKIA…B2NV (20 characters)`), percent-decoded or as HTML. When nothing of it is there,
    the parameter that the location names counts.
    """
    found = _quoted(evidence, texts) if evidence else []
    if not found and "\n" in evidence:
        for line in evidence.split("\n", _MAX_LINES)[:_MAX_LINES]:
            found += _quoted(line.strip("\r"), texts)
    if not found and (place := _QUERY_PLACE.fullmatch(location)):
        parameter = re.compile(rf"(?<=[?&]){re.escape(place[1][:200])}(?:=[^&#]*)?(?=[&#]|$)")
        found = [match[0] for text in texts[:1] if (match := parameter.search(text))]
    return list(dict.fromkeys(found))


def _quoted(quote_: str, texts: Sequence[str]) -> list[str]:
    """One quote: the first spelling of it that stands in one of the texts."""
    candidates = _candidates(quote_[:_MAX_NEEDLE_CHARS])
    for candidate in candidates:
        if any(candidate in text for text in texts):
            return [candidate]
        # Names of headers are written in every case.
        if ": " in candidate and (found := _in_any_case(candidate, texts[:3])):
            return [found]
    for candidate in candidates:
        head, gap, tail = candidate.partition("…")
        if gap and (found := _around_gap(head, tail, texts)):
            return [found]
    return []


def _candidates(quote_: str) -> list[str]:
    stripped = quote_.strip()
    label = _LABEL.match(stripped)
    bare = stripped[label.end() :] if label else stripped
    encoded = quote(bare, safe="", errors="replace")
    spellings = (
        quote_, stripped, escape(stripped), bare, bare.rstrip("…"), unquote(bare), encoded,
        encoded.replace("%20", "+"), escape(bare),
    )  # fmt: skip
    least = min(len(stripped), _MIN_PIECE_CHARS) if label else _MIN_NEEDLE_CHARS
    return [text for text in dict.fromkeys(spellings) if len(text) >= least]


def _in_any_case(candidate: str, texts: Iterable[str]) -> str | None:
    folded = candidate.lower()
    for text in texts:
        at = text.lower().find(folded)
        if at >= 0 and (found := text[at : at + len(candidate)]).lower() == folded:
            return found
    return None


def _around_gap(head: str, tail: str, texts: Iterable[str]) -> str | None:
    """The stretch from `head` to `tail` on one line, where the quote leaves out what is between."""
    head = head[-200:]
    if len(head.strip()) < 2:
        return None
    tails = [end for end in dict.fromkeys((tail, tail.split(" ", 1)[0])) if end and "…" not in end]
    for text in texts:
        start = text.find(head)
        for _ in range(_MAX_PLACES):
            if start < 0:
                break
            begin = start + len(head)
            line = text[begin : begin + _MAX_GAP_CHARS].split("\n", 1)[0]
            if line.startswith("…(") and ")" in line:  # the run has masked it
                return head + line[: line.index(")") + 1]
            for end in tails:
                if (at := line.find(end)) >= 0:
                    return head + line[: at + len(end)]
            start = text.find(head, start + 1)
    return None


def excerpt(text: str, wanted: Iterable[str], limit_chars: int = BODY_CHARS) -> list[tuple[int, int]]:
    """The stretches `(start, end)` of a text that are shown, in order, apart, `limit_chars` in all.

    Its head, and what is around each of the `wanted` pieces.
    """
    if len(text) <= limit_chars:
        return [(0, len(text))]
    around: list[tuple[int, int]] = []
    left = limit_chars
    for start, end in _places(text, wanted):
        low, high = max(0, start - AROUND_CHARS), min(len(text), end + AROUND_CHARS)
        new = high - low - sum(max(0, min(high, b) - max(low, a)) for a, b in around)
        if new > left:
            break
        around = _merged([*around, (low, high)])
        left -= new
    first = around[0][0] if around else len(text)
    return _merged([(0, min(first, left)), *around]) if left else around


def _places(text: str, wanted: Iterable[str]) -> Iterable[tuple[int, int]]:
    for piece in wanted:
        start = text.find(piece)
        for _ in range(_MAX_PLACES):
            if start < 0:
                break
            yield start, start + len(piece)
            start = text.find(piece, start + len(piece))


def _merged(stretches: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(stretches):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif end > start:
            merged.append((start, end))
    return merged
