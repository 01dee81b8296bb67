"""Rebuilds a request body from the form fields a capture lists in its place."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote_plus

from ._entry import Rejected

REBUILT = "a request body was rebuilt from its form fields"
FILES_MISSING = "a request body lacks the contents of its uploaded files: the capture does not hold them"

_ALREADY_ENCODED = re.compile(r"(?:[A-Za-z0-9\-._~*+!'()/:@,;$]|%[0-9A-Fa-f]{2})*")
_BOUNDARY = re.compile(r";\s*boundary\s*=\s*(?:\"([^\"]+)\"|([^\s;,]+))", re.IGNORECASE)
_OWN_BOUNDARY = "----isoscan-rebuilt-form"


def rebuild_form(params: object, content_type: str, notes: list[str]) -> tuple[str, str]:
    """The body and content type that fields make: multipart if so named, else urlencoded.

    Raises `Rejected` when `params` is no list of objects.
    """
    if not isinstance(params, list) or not all(isinstance(param, dict) for param in params):
        raise Rejected("the form fields of the request are not a list of objects")
    named = [param for param in params if param.get("name")]
    if not named:
        return "", content_type
    notes.append(REBUILT)
    if "multipart/" in content_type.lower():
        return _multipart(named, content_type, notes)
    return "&".join(f"{_encoded(p.get('name'))}={_encoded(p.get('value'))}" for p in named), content_type


def _encoded(value: object) -> str:
    # Some tools list fields as sent, others decoded: what can stand in a body as it is, stays.
    text = _text(value)
    return text if _ALREADY_ENCODED.fullmatch(text) else quote_plus(text)


def _multipart(params: list[dict[str, Any]], content_type: str, notes: list[str]) -> tuple[str, str]:
    found = _BOUNDARY.search(content_type)
    boundary = (found[1] or found[2]) if found else _OWN_BOUNDARY
    if not found:
        content_type = f"{content_type}; boundary={boundary}"
    parts: list[str] = []
    for param in params:
        head = f'Content-Disposition: form-data; name="{_quoted(param.get("name"))}"'
        if param.get("fileName"):
            head += f'; filename="{_quoted(param["fileName"])}"'
            if not param.get("value"):
                notes.append(FILES_MISSING)
        if param.get("contentType"):
            head += f"\r\nContent-Type: {_one_line(param['contentType'])}"
        parts.append(f"--{boundary}\r\n{head}\r\n\r\n{_text(param.get('value'))}\r\n")
    return f"{''.join(parts)}--{boundary}--\r\n", content_type


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _one_line(value: object) -> str:
    return _text(value).replace("\r", " ").replace("\n", " ")


def _quoted(value: object) -> str:
    return _text(value).replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
