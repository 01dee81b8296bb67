"""Findings and runs to report, hostile ones among them."""

from __future__ import annotations

import io
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from isoscan import (
    Confidence,
    Coverage,
    Finding,
    HttpRequest,
    HttpResponse,
    HttpTransaction,
    PluginMetadata,
    ScanFailure,
    ScanResult,
    Severity,
    Verdict,
)
from isoscan.record import Place, ReportedFinding, RunRecord
from isoscan.reports.formats import make_report
from isoscan.sources import Entry

#: What breaks one format or another.
NASTY = [
    "\x00", "\x1b]0;owned\x07", "\x1b[2J", "\u202e\u2066", "\ud800", "\udfff\ud800", "\ufffe\uffff",
    "\r\n", "\n\n", "\t", "]]>", "<!--", "-->", "</failure>", "&amp;&#0;", "\"'", "<script>alert(1)</script>",
    "<details>", "</details>", "|", "\\|", "`", "```", "`````", "``` \n```", "~~~", "@octocat", "#1",
    "[x](javascript:alert(1))", "![i](http://x/y.png)", "https://evil.example", "www.evil.example",
    "::error::x", "\n::set-env name=A::b", "##[error]", "%0A::error::", "%25", ",file=x", "{0}", "{{", "\\",
    "\\]", "\\\\](1)", "CWE-79", "cwe-0", "a" * 3000, "\U000e0041", "\u2028", "\u0085", "\x7f", " ", "",
]  # fmt: skip
#: The texts of a finding that a plugin may fill.
TEXTS = (
    "title", "vuln_type", "url", "method", "location", "evidence", "description", "remediation",
    "cwe", "owasp",
)  # fmt: skip

hostile = (
    st.text(st.characters(exclude_categories=()), max_size=30)
    | st.sampled_from(NASTY)
    | st.lists(st.sampled_from(NASTY), max_size=4).map("".join)
)
plugin_ids = st.sampled_from(["probe", "a|b`<i>@x]]>\"'&", "::error::"])
places = st.none() | st.builds(
    Place,
    hostile,
    st.integers(0, 10**6),
    st.sampled_from(["entry", "line", "file"]),
    st.none() | st.integers(0, 10**12),
    st.none() | st.integers(0, 10**6),
)
headers = st.lists(st.tuples(hostile, hostile), max_size=3).map(tuple)
transactions = st.builds(
    HttpTransaction,
    st.builds(HttpRequest, hostile, hostile, headers, st.binary(max_size=20), content_type=hostile),
    st.none() | st.builds(HttpResponse, st.integers(0, 999), headers, st.binary(max_size=20)),
)
values = st.recursive(
    st.none() | st.booleans() | hostile | st.integers(-(2**70), 2**70) | st.floats(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(hostile, inner, max_size=2),
    max_leaves=4,
)
findings = st.builds(
    Finding,
    plugin_id=plugin_ids,
    severity=st.sampled_from(Severity),
    confidence=st.sampled_from(Confidence),
    extra=st.dictionaries(hostile, values, max_size=2),
    **dict.fromkeys((*TEXTS, "transaction_id"), hostile),
)
reports = st.builds(
    lambda finding, transaction, place, is_new: ReportedFinding(
        finding=finding,
        fingerprint=finding.fingerprint,
        traffic=transaction,
        place=place,
        is_new=is_new,
    ),
    findings,
    st.none() | transactions,
    places,
    st.none() | st.booleans(),
)


@st.composite
def runs(draw: st.DrawFn) -> RunRecord:
    """A run with failed scans, rejected entries and names that are all hostile."""
    results = draw(
        st.lists(
            st.builds(
                lambda plugin_id, verdict, transaction_id, message, kind: ScanResult(
                    transaction_id=transaction_id,
                    plugin_id=plugin_id,
                    verdict=verdict,
                    error=ScanFailure(kind=kind, message=message, fault="plugin", is_started=True),
                ),
                plugin_ids,
                st.sampled_from(Verdict),
                hostile,
                hostile,
                st.sampled_from(["timeout", "not_applicable", "\ud800|"]),
            ),
            max_size=4,
        )
    )
    return run_of(
        results=results,
        inputs=draw(st.lists(hostile, max_size=2)),
        plugins=draw(
            st.lists(
                st.builds(
                    PluginMetadata,
                    plugin_ids,
                    hostile,
                    hostile,
                    hostile,
                    hostile,
                    category=hostile,
                    tags=st.tuples(hostile),
                ),
                max_size=2,
            )
        ),
        rejected=draw(
            st.lists(
                st.builds(Entry, hostile, st.integers(0, 9), st.just("entry"), problem=hostile), max_size=2
            )
        ),
        input_error=draw(st.none() | hostile),
        is_interrupted=draw(st.booleans()),
    )


def finding(**fields: Any) -> Finding:
    """A finding with the least it needs."""
    needed = {
        "title": "Title",
        "plugin_id": "probe",
        "vuln_type": "probe",
        "url": "http://shop.example/",
        "method": "GET",
        "transaction_id": "in.har#0",
        "created_at": datetime(2026, 3, 1, tzinfo=UTC),
    }
    return Finding(**{**needed, **fields})


def reported(one: Finding | None = None, **fields: Any) -> ReportedFinding:
    """A finding as a report gets it; fields of the report or of the finding."""
    own = {name: fields.pop(name) for name in ("traffic", "place", "is_new") if name in fields}
    one = one or finding(**fields)
    return ReportedFinding(finding=one, fingerprint=one.fingerprint, **own)


def run_of(
    *added: ReportedFinding,
    results: list[ScanResult] | None = None,
    rejected: list[Entry] | None = None,
    **fields: Any,
) -> RunRecord:
    """The record of a run that had these findings, results and rejected entries."""
    coverage = Coverage(transactions=len(results or ()))
    for result in results or ():
        coverage.add(result)
    return RunRecord(
        coverage=coverage,
        rejected=rejected or [],
        rejected_count=fields.pop("rejected_count", len(rejected or ())),
        findings=Counter(one.finding.severity for one in added),
        fingerprints={one.fingerprint for one in added},
        **fields,
    )


def failure(
    plugin_id: str = "probe", verdict: Verdict = Verdict.TIMEOUT, text: str = "too slow"
) -> ScanResult:
    """A scan that did not end as it should."""
    return ScanResult(
        transaction_id="in.har#7",
        plugin_id=plugin_id,
        verdict=verdict,
        error=ScanFailure(kind=verdict.value, message=text, fault="plugin", is_started=True),
    )


def scan(plugin_id: str = "probe", verdict: Verdict = Verdict.CLEAN) -> ScanResult:
    """A scan that ended."""
    return ScanResult(transaction_id="in.har#0", plugin_id=plugin_id, verdict=verdict, duration_ms=1.5)


def written(format_: str, *added: ReportedFinding, run: RunRecord | None = None) -> bytes:
    """What a report of some findings writes."""
    file = io.BytesIO()
    report = make_report(format_, file)
    for one in added:
        report.add(one)
    report.finish(run_of(*added) if run is None else run)
    return file.getvalue()
