"""From what a plugin handed over to `Finding`s, or to one reason why not. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from ..models import Confidence, Finding, HttpTransaction, Limits, Severity
from .frames import decode_json

_TEXT_FIELDS = (
    "title",
    "vuln_type",
    "description",
    "evidence",
    "location",
    "url",
    "method",
    "cwe",
    "owasp",
    "remediation",
)
#: Ours to fill, whatever a plugin writes there.
_OURS = frozenset(("plugin_id", "transaction_id", "id", "created_at", "fingerprint", "extra"))
_SEVERITIES = {severity.value: severity for severity in Severity}
_CONFIDENCES = {confidence.value: confidence for confidence in Confidence}
_decoder = msgspec.json.Decoder(dict[str, Any])


class _Plain(Struct, forbid_unknown_fields=True, gc=False):
    """What most findings are: known fields, each of its type, and no others."""

    title: str
    vuln_type: str | None = None
    url: str | None = None
    method: str | None = None
    severity: Severity | None = None
    confidence: Confidence | None = None
    description: str | None = None
    evidence: str | None = None
    location: str | None = None
    cwe: str | None = None
    owasp: str | None = None
    remediation: str | None = None


_plain_decoder = msgspec.json.Decoder(_Plain)
_MAX_CHAR_BYTES = 4


class InvalidFindingError(ValueError):
    """A finding breaks the contract; the message names the field."""


def build_findings(
    raw: Sequence[tuple[int, str]],
    transaction: HttpTransaction,
    plugin_id: str,
    default_severity: Severity | None,
    limits: Limits,
) -> tuple[list[Finding], str]:
    """The valid findings in the order they were reported, and why the first wrong one is wrong.

    `raw` holds `(is_historic, JSON text)`: the historic call forms may leave the
    title out. The reason names the field and is empty when all are valid.
    """
    if len(raw) > limits.max_findings:  # the host would have stopped at that
        return [], f"more than {limits.max_findings} findings from one scan"
    findings: list[Finding] = []
    reason = ""
    plain_chars = limits.max_finding_field_bytes // _MAX_CHAR_BYTES
    for index, (is_historic, text) in enumerate(raw):
        if not is_historic and len(text) <= plain_chars:  # then no field is too long
            plain = _build_plain(text, transaction, plugin_id, default_severity)
            if plain is not None:
                findings.append(plain)
                continue
        try:
            findings.append(
                _build(index, text, bool(is_historic), transaction, plugin_id, default_severity, limits)
            )
        except InvalidFindingError as invalid:
            reason = reason or str(invalid)
    return findings, reason


def _build_plain(
    text: str, transaction: HttpTransaction, plugin_id: str, default_severity: Severity | None
) -> Finding | None:
    """The finding, if there is nothing to object and nothing to add; decides on nothing else.

    A plugin may report thousands a second, and everybody waits while they are looked at.
    """
    try:
        raw = _plain_decoder.decode(text)
    except (ValueError, RecursionError):  # of any kind: `_build` finds out which
        return None
    if not raw.title.strip():
        return None
    request = transaction.request
    return Finding(
        title=raw.title,
        plugin_id=plugin_id,
        vuln_type=raw.vuln_type or plugin_id,
        url=raw.url or request.url,
        method=raw.method or request.method,
        transaction_id=request.id,
        severity=raw.severity or default_severity or Severity.INFO,
        confidence=raw.confidence or Confidence.MEDIUM,
        description=raw.description or "",
        evidence=raw.evidence or "",
        location=raw.location or "",
        cwe=raw.cwe or "",
        owasp=raw.owasp or "",
        remediation=raw.remediation or "",
    )


def _build(
    index: int,
    text: str,
    is_historic: bool,
    transaction: HttpTransaction,
    plugin_id: str,
    default_severity: Severity | None,
    limits: Limits,
) -> Finding:
    where = f"finding {index}"
    try:
        fields: dict[str, Any] = decode_json(_decoder, text)
    except msgspec.ValidationError:
        raise InvalidFindingError(f"{where}: must be an object") from None
    except RecursionError:
        raise InvalidFindingError(f"{where}: nested too deeply") from None
    except ValueError as error:
        raise InvalidFindingError(f"{where}: is not JSON: {error}") from None
    known: dict[str, str] = {}
    for name in _TEXT_FIELDS:
        value = fields.pop(name, None)
        if value is None:
            continue
        if not isinstance(value, str):
            raise InvalidFindingError(f"{where}: {name} must be a string, not {_kind(value)}")
        size_bytes = len(value.encode())
        if size_bytes > limits.max_finding_field_bytes:
            raise InvalidFindingError(
                f"{where}: {name} has {size_bytes} bytes, more than {limits.max_finding_field_bytes}"
            )
        known[name] = value
    severity = _choice(where, "severity", fields.pop("severity", None), _SEVERITIES)
    confidence = _choice(where, "confidence", fields.pop("confidence", None), _CONFIDENCES)
    if is_historic:
        _derive_historic(known, fields)
    if not known.get("title", "").strip():
        raise InvalidFindingError(f"{where}: title is missing")
    request = transaction.request
    return Finding(
        title=known["title"],
        plugin_id=plugin_id,
        vuln_type=known.get("vuln_type") or plugin_id,
        url=known.get("url") or request.url,
        method=known.get("method") or request.method,
        transaction_id=transaction.id,
        severity=severity or default_severity or Severity.INFO,
        confidence=confidence or Confidence.MEDIUM,
        description=known.get("description", ""),
        evidence=known.get("evidence", ""),
        location=known.get("location", ""),
        cwe=known.get("cwe", ""),
        owasp=known.get("owasp", ""),
        remediation=known.get("remediation", ""),
        extra={name: value for name, value in fields.items() if name not in _OURS},
    )


def _choice(where: str, name: str, value: object, choices: dict[str, Any]) -> Any:
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidFindingError(f"{where}: {name} must be a string, not {_kind(value)}")
    chosen = choices.get(value.lower())
    if chosen is None:
        raise InvalidFindingError(f"{where}: {name} is {value[:40]!r}, not one of {', '.join(choices)}")
    return chosen


def _derive_historic(known: dict[str, str], fields: dict[str, Any]) -> None:
    """The historic system's rules: title from description or type, place from the parameter."""
    if not known.get("title"):
        first_line = known.get("description", "").strip().partition("\n")[0]
        known["title"] = first_line or f"{known.get('vuln_type') or 'Vulnerability'} detected"
    parameter = fields.get("param_name")
    if not known.get("location") and isinstance(parameter, str) and parameter:
        known["location"] = f"param:{parameter}"
    value = fields.get("param_value")
    if not known.get("evidence") and isinstance(value, str) and value:
        known["evidence"] = f"Parameter value: {value}"


def _kind(value: object) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", list: "an array", dict: "an object"}
    return names.get(type(value), type(value).__name__)
