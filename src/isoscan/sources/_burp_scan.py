"""Finds the items of a Burp XML file and their fields, as bytes.

No XML parser reads what Burp writes: it puts raw messages into CDATA sections, with NUL and other
bytes that no version of XML allows. The layout around them is fixed, so it is scanned for here.
No document type is processed and no entity but XML's own five is replaced, so a file cannot make
this read other files or grow.
"""

from __future__ import annotations

import re

from msgspec import Struct

from ._json_scan import Buffer

_BETWEEN = re.compile(
    rb"[\s\0]+|<!--.*?-->|<\?.*?\?>|<!DOCTYPE\b[^\[>]*(?:\[.*?\]\s*)?>|<(?P<open>items)\b[^>]*>|</(?P<close>items)\s*>",
    re.DOTALL,
)
_ITEM = re.compile(rb"<item(?:\s[^>]*)?>")
_END = re.compile(rb"\s*+</item\s*>")
_FIELD = re.compile(rb"\s*+<(?P<name>[A-Za-z]\w{0,63})(?P<attributes>\s[^<>]{0,4096}?)?(?P<empty>/?)>")
_CDATA = re.compile(rb"\s*+<!\[CDATA\[")
_SPLIT_CDATA = b"]]]]><![CDATA[>"
_BASE64 = re.compile(rb"\sbase64\s*=\s*[\"']true[\"']", re.IGNORECASE)
_CDATA_END = rb"\]\]>(?!<!\[CDATA\[)"
_NO_MARKUP = re.compile(rb"[^<]*+")
_NO_SECTION_END = re.compile(rb"[^<\]]*+")
_ENTITY = re.compile(rb"&(lt|gt|amp|quot|apos|#\d{1,7}|#x[0-9A-Fa-f]{1,6});")
_ENTITIES = {b"lt": b"<", b"gt": b">", b"amp": b"&", b"quot": b'"', b"apos": b"'"}
# What is not a message is short; a field whose end is missing must not cost a search through the file.
_SHORT_FIELD_BYTES = 1024 * 1024
_MESSAGES = (b"request", b"response")


class BurpDamage(Exception):
    """The file does not go on as a Burp file does. `is_cut`: it ends within an item or before the end."""

    def __init__(self, offset: int, *, is_cut: bool) -> None:
        super().__init__(offset)
        self.offset = offset
        self.is_cut = is_cut


class BurpField(Struct, frozen=True):
    """One field of an item: its bytes, still in base64 if so marked."""

    content: bytes
    is_base64: bool = False


class BurpCursor:
    """A place in a Burp file that moves from item to item."""

    def __init__(self, data: Buffer, position: int) -> None:
        self._data = data
        self.position = position
        self._is_open = False

    def find_item(self) -> bool:
        """Moves to the next item; False at the end of the file. Raises `BurpDamage`."""
        while self.position < len(self._data):
            if _ITEM.match(self._data, self.position):
                return True
            between = _BETWEEN.match(self._data, self.position)
            if between is None:
                raise self._damage(self.position)
            if between["open"] or between["close"]:
                self._is_open = between["open"] is not None
            self.position = between.end()
        if self._is_open:
            raise BurpDamage(self.position, is_cut=True)
        return False

    def skip_to_item(self, position: int) -> bool:
        """Moves to where an item seems to begin, from `position` on; False if there is none."""
        item = _ITEM.search(self._data, position)
        if item is None:
            return False
        self.position = item.start()
        return True

    def fields(self) -> dict[str, BurpField]:
        """The fields of the item here, the first of each name; moves behind it. Raises `BurpDamage`."""
        item = _ITEM.match(self._data, self.position)
        position = item.end() if item else self.position
        fields: dict[str, BurpField] = {}
        while not (end := _END.match(self._data, position)):
            tag = _FIELD.match(self._data, position)
            if tag is None or tag["name"] == b"item":
                raise self._damage(position)
            name = tag["name"]
            if tag["empty"]:
                field, position = BurpField(b""), tag.end()
            else:
                is_base64 = _BASE64.search(tag["attributes"] or b"") is not None
                field, position = self._field(name, tag.end(), is_base64=is_base64)
            fields.setdefault(name.decode().lower(), field)
        self.position = end.end()
        return fields

    def _field(self, name: bytes, start: int, *, is_base64: bool) -> tuple[BurpField, int]:
        data = self._data
        cdata = _CDATA.match(data, start)
        if cdata is None:
            content_end = _end_of(_NO_MARKUP, data, start)
        else:
            start = cdata.end()
            if is_base64:
                content_end = _end_of(_NO_SECTION_END, data, start)
            else:
                # A raw message may hold what ends a section, so it ends where its element does.
                close = rb"\]\]>\s*</" + name + rb"\s*>" if name in _MESSAGES else _CDATA_END
                limit = len(data) if name in _MESSAGES else start + _SHORT_FIELD_BYTES
                section_end = re.compile(close).search(data, start, limit)
                if section_end is None:
                    raise BurpDamage(start, is_cut=limit >= len(data))
                content_end = section_end.start()
        close = (rb"\]\]>\s*</" if cdata else rb"</") + name + rb"\s*>"
        end = re.compile(close).match(data, content_end)
        if end is None:
            raise self._damage(content_end)
        content = bytes(data[start:content_end])
        if not is_base64:
            content = content.replace(_SPLIT_CDATA, b"]]>") if cdata else _ENTITY.sub(_entity, content)
        return BurpField(content, is_base64), end.end()

    def _damage(self, offset: int) -> BurpDamage:
        # A tag may be cut off in its midst, but nothing that is whole follows it then.
        rest = bytes(self._data[offset : offset + _SHORT_FIELD_BYTES]).removeprefix(b"]]>")
        return BurpDamage(offset, is_cut=b">" not in rest)


def _end_of(pattern: re.Pattern[bytes], data: Buffer, start: int) -> int:
    match = pattern.match(data, start)
    return match.end() if match else start


def _entity(match: re.Match[bytes]) -> bytes:
    name = match[1]
    if name[:1] != b"#":
        return _ENTITIES[name]
    code = int(name[2:], 16) if name[1:2] == b"x" else int(name[1:])
    return chr(code).encode("utf-8", "replace") if code < 0x110000 else match[0]
