"""JSON: one document that says what a run did and what it found. The structs are its schema."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

from ..coverage import PluginCoverage
from ..models import Finding, PluginMetadata, SandboxLevel, ScanFailure, Severity, Verdict
from ..record import ReportedFinding, RunRecord
from . import ByteSink
from ._collected import Collected, Group, Hit
from ._json_text import json_bytes
from ._package import isoscan_version

#: Grows when a field changes its meaning or goes; new fields may come without it.
FORMAT_VERSION = 1


class DocumentPlace(Struct, kw_only=True):
    """Where a finding was made. All but the transaction is null where it is not known."""

    transaction_id: str
    source: str | None = None
    index: int | None = None
    unit: str | None = None
    offset_bytes: int | None = None
    length_bytes: int | None = None


class DocumentFinding(Struct, kw_only=True):
    """One finding with all its hits. `hits` counts them, `places` holds the first hundred.

    `is_new` is null when nothing is known of earlier runs. Hits differ in their transaction, and may
    in what the fingerprint does not cover; `finding` is the first of the most severe.
    """

    fingerprint: str
    is_new: bool | None
    hits: int
    places: list[DocumentPlace]
    finding: Finding


class DocumentFailure(Struct, kw_only=True):
    """Scans of one plugin that ended alike and should not have: how many, and the first of them."""

    verdict: Verdict
    count: int
    transaction_id: str
    error: ScanFailure | None


class DocumentSlowScan(Struct, kw_only=True):
    """One of a plugin's slowest scans."""

    transaction_id: str
    duration_ms: float


class DocumentDenial(Struct, kw_only=True):
    """What a plugin tried without being granted it, and how often."""

    permission: str
    target: str
    count: int


class DocumentPlugin(Struct, kw_only=True):
    """One plugin and what became of its scans. `failed` counts those that should have run to their end."""

    id: str
    metadata: PluginMetadata | None
    scans: int
    verdicts: dict[Verdict, int]
    failed: int
    not_applicable: int
    total_ms: float
    slowest: list[DocumentSlowScan]
    failures: list[DocumentFailure]
    denials: list[DocumentDenial]
    not_granted: list[str]


class DocumentRejected(Struct, kw_only=True):
    """An entry of an input that could not be read."""

    source: str
    index: int
    unit: str
    problem: str
    offset_bytes: int | None = None
    length_bytes: int | None = None


class DocumentSummary(Struct, kw_only=True):
    """The run in numbers. `findings` counts hits by severity, `different` those that are not the same.

    `known` counts those known from earlier, `suppressed` those not reported, by the place of the
    suppression. `not_listed` counts the hits of findings that are not in the document, which holds the
    100,000 most severe at most. `left_out` counts transactions the scope left out, by reason.
    """

    findings: dict[Severity, int]
    different: int
    known: dict[Severity, int]
    suppressed: dict[str, int]
    not_listed: dict[Severity, int]
    left_out: dict[str, int]
    entries: int
    rejected: int
    out_of_scope: int
    transactions: int
    scans: int
    failed: int
    verdicts: dict[Verdict, int]


class RunDocument(Struct, kw_only=True):
    """One run. `outcome` is `complete` only if everything that was asked for was scanned."""

    format: Literal["isoscan.run"] = "isoscan.run"
    format_version: int = FORMAT_VERSION
    isoscan_version: str
    started_at: datetime
    elapsed_s: float
    inputs: list[str]
    is_redacted: bool
    is_new_only: bool
    outcome: Literal["complete", "incomplete", "interrupted"]
    input_error: str | None
    sandbox: SandboxLevel
    sandbox_missing: dict[str, str]
    notes: dict[str, int]
    remarks: list[str]
    summary: DocumentSummary
    plugins: list[DocumentPlugin]
    rejected: list[DocumentRejected]
    findings: list[DocumentFinding]


class JsonReport:
    """Writes one `RunDocument` at the end."""

    def __init__(self, file: ByteSink) -> None:
        self._file = file
        self._collected = Collected()

    def add(self, reported: ReportedFinding) -> None:
        """Keeps one finding for the document."""
        self._collected.add(reported)

    def finish(self, run: RunRecord) -> None:
        """Writes the document, also when nothing was found."""
        encoded = json_bytes(run_document(run, self._collected))
        self._file.write(msgspec.json.format(encoded, indent=2) + b"\n")
        self._file.flush()


def run_document(run: RunRecord, collected: Collected) -> RunDocument:
    """The document of a run."""
    coverage = run.coverage
    metadata = {plugin.id: plugin for plugin in run.plugins}
    ids = dict.fromkeys([*metadata, *coverage.plugins])
    return RunDocument(
        isoscan_version=isoscan_version(),
        started_at=run.started_at,
        elapsed_s=run.elapsed_s,
        inputs=run.inputs,
        is_redacted=run.is_redacted,
        is_new_only=run.is_new_only,
        outcome=run.outcome,
        input_error=run.input_error,
        sandbox=coverage.sandbox,
        sandbox_missing=coverage.sandbox_missing,
        notes=dict(run.notes),
        remarks=run.remarks,
        summary=DocumentSummary(
            findings=_by_severity(run.findings),
            different=len(run.fingerprints),
            known=_by_severity(run.known),
            suppressed=dict(run.suppressed),
            not_listed=_by_severity(collected.left_out),
            left_out=dict(run.left_out),
            entries=run.entries,
            rejected=run.rejected_count,
            out_of_scope=run.out_of_scope,
            transactions=coverage.transactions,
            scans=coverage.scans,
            failed=coverage.failed,
            verdicts=_counts(coverage.verdicts),
        ),
        plugins=[
            _plugin(id_, metadata.get(id_), coverage.plugins.get(id_) or PluginCoverage()) for id_ in ids
        ],
        rejected=[
            DocumentRejected(
                source=entry.source,
                index=entry.index,
                unit=entry.unit,
                problem=str(entry.problem),
                offset_bytes=entry.offset_bytes,
                length_bytes=entry.length_bytes,
            )
            for entry in run.rejected
        ],
        findings=[_finding(group) for group in collected.worst_first()],
    )


def _finding(group: Group) -> DocumentFinding:
    return DocumentFinding(
        fingerprint=group.fingerprint,
        is_new=group.reported.is_new,
        hits=group.hits,
        places=[_place(hit) for hit in group.listed],
        finding=group.finding,
    )


def _place(hit: Hit) -> DocumentPlace:
    place = hit.place
    if place is None:
        return DocumentPlace(transaction_id=hit.transaction_id)
    return DocumentPlace(
        transaction_id=hit.transaction_id,
        source=place.source,
        index=place.index,
        unit=place.unit,
        offset_bytes=place.offset_bytes,
        length_bytes=place.length_bytes,
    )


def _plugin(id_: str, metadata: PluginMetadata | None, coverage: PluginCoverage) -> DocumentPlugin:
    failures = []
    for verdict, example in coverage.first_failures.items():
        count = coverage.verdicts[verdict]
        if verdict is Verdict.SKIPPED:
            count -= coverage.not_applicable
        failures.append(
            DocumentFailure(
                verdict=verdict, count=count, transaction_id=example.transaction_id, error=example.error
            )
        )
    return DocumentPlugin(
        id=id_,
        metadata=metadata,
        scans=coverage.verdicts.total(),
        verdicts=_counts(coverage.verdicts),
        failed=coverage.failed,
        not_applicable=coverage.not_applicable,
        total_ms=coverage.total_ms,
        slowest=[
            DocumentSlowScan(transaction_id=transaction_id, duration_ms=duration_ms)
            for duration_ms, transaction_id in reversed(coverage.slowest)
        ],
        failures=failures,
        denials=[
            DocumentDenial(permission=one.permission, target=one.target, count=one.count)
            for one in coverage.denials
        ],
        not_granted=coverage.not_granted,
    )


def _by_severity(counts: Counter[Severity]) -> dict[Severity, int]:
    return {severity: counts[severity] for severity in Severity}


def _counts(verdicts: dict[Verdict, int]) -> dict[Verdict, int]:
    """Those that came, in the order of the enum."""
    return {verdict: verdicts[verdict] for verdict in Verdict if verdicts[verdict]}
