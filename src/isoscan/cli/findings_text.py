"""Stored findings as text: a table, a page about one of them, JSON. Nothing in it acts on a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..models import Finding, HttpTransaction
from ..reports.text import printable

if TYPE_CHECKING:
    from ..store.findings import StoredFinding

_SHOWN_DIGITS = 12
_SHOWN_BODY_CHARS = 4000
#: JSON in ASCII leaves this one character that a terminal acts on.
_DELETE = "\x7f"


def fields_of(stored: StoredFinding, finding: Finding, fingerprint: str) -> dict[str, Any]:
    """A finding's own fields and what the store knows of it."""
    import msgspec

    fields: dict[str, Any] = msgspec.to_builtins(finding)
    fields["fingerprint"] = fingerprint
    for name in ("status", "reason", "decided_by", "decided_at", "accepted_until"):
        fields[name] = getattr(stored, name)
    for name in ("first_seen", "last_seen", "first_run", "last_run", "hits"):
        fields[name] = getattr(stored, name)
    return fields


def as_json(fields: dict[str, Any]) -> str:
    """One line of ASCII."""
    return json.dumps(fields, ensure_ascii=True).replace(_DELETE, "\\u007f")


def findings_table(found: list[tuple[StoredFinding, Finding, str]]) -> str:
    """The table of `isoscan findings list`; empty when there are none."""
    rows = [
        [
            fingerprint[:_SHOWN_DIGITS],
            finding.severity.value,
            stored.status,
            finding.plugin_id,
            f"{printable(finding.title, 200)}\n{printable(f'{finding.method} {finding.url}', 300)}",
            str(stored.hits),
            stored.last_seen[:10],
        ]
        for stored, finding, fingerprint in found
    ]
    headings = ("fingerprint", "severity", "status", "plugin", "finding", "hits", "last seen")
    return table_text(headings, rows) if rows else ""


def table_text(headings: tuple[str, ...], rows: list[list[str]]) -> str:
    """A table as wide as the terminal, or as a pipe allows."""
    import sys

    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    table = Table(box=box.SIMPLE_HEAD if is_terminal else box.ASCII2, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading not in ("finding", "inputs"))
    for row in rows:
        table.add_row(*(Text("\n".join(printable(line, 500) for line in cell.split("\n"))) for cell in row))
    console = Console(highlight=False, width=None if is_terminal else 200)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def description(
    stored: StoredFinding, finding: Finding, fingerprint: str, places: list[str]
) -> Iterator[str]:
    """All that is known of one finding, line by line."""
    yield f"{finding.severity.value}: {printable(finding.title)}"
    pairs = {
        "fingerprint": fingerprint,
        "plugin": finding.plugin_id,
        "type": finding.vuln_type,
        "confidence": finding.confidence.value,
        "request": f"{finding.method} {finding.url}",
        "location": finding.location,
        "evidence": finding.evidence,
        "description": finding.description,
        "remediation": finding.remediation,
        "cwe": finding.cwe,
        "owasp": finding.owasp,
        "extra": as_json(finding.extra) if finding.extra else "",
        "status": _status(stored),
        "first seen": f"{stored.first_seen}, run {stored.first_run}",
        "last seen": f"{stored.last_seen}, run {stored.last_run}",
        "hits": str(stored.hits),
    }
    for name, value in pairs.items():
        if value:
            yield f"  {name + ':':13}{printable(value)}"
    for place in places:
        yield f"    {printable(place, 300)}"
    if stored.hits > len(places):
        yield f"    … and {stored.hits - len(places)} more"


def _status(stored: StoredFinding) -> str:
    if stored.decided_by is None:
        return stored.status
    day = (stored.decided_at or "")[:10]
    if stored.reason is None:
        return f"open again, by {stored.decided_by} on {day}"
    until = f" through {stored.accepted_until}" if stored.accepted_until else ""
    ran_out = ", which is over" if stored.status == "open" else ""
    return f"{stored.status}: accepted{until}{ran_out} by {stored.decided_by} on {day}: {stored.reason}"


def traffic_lines(transaction: HttpTransaction) -> Iterator[str]:
    """A request and its response, line by line."""
    request, response = transaction.request, transaction.response
    yield f"> {printable(request.method)} {printable(request.url)}"
    yield from _message(">", request.headers, request.body)
    if response is None:
        yield "< no response was recorded"
        return
    yield f"< {response.status}"
    yield from _message("<", response.headers, response.body)


def _message(mark: str, headers: tuple[tuple[str, str], ...], body: bytes) -> Iterator[str]:
    for name, value in headers:
        yield f"{mark} {printable(name)}: {printable(value)}"
    if not body:
        return
    yield mark
    text = body[:_SHOWN_BODY_CHARS].decode("utf-8", "replace")
    for line in text.split("\n"):
        yield f"{mark} {printable(line)}"
    if len(body) > _SHOWN_BODY_CHARS:
        yield f"{mark} … {len(body) - _SHOWN_BODY_CHARS} bytes more"
