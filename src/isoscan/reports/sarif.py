"""SARIF 2.1.0, for code scanning and viewers: one run, within the limits of GitHub."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Any

from msgspec import Struct

from ..record import Place, ReportedFinding, RunRecord
from . import ByteSink
from ._collected import Collected, Group
from ._json_text import json_bytes
from ._package import homepage, isoscan_version
from ._paths import line_of, uri
from ._problems import Problem, problems, remarks
from ._sarif_exchange import exchange
from ._sarif_rules import LEVELS, Rules, message, taxonomy
from .text import counted, printable, printable_lines

SCHEMA_URI = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
#: GitHub refuses a run with more.
MAX_RESULTS = 25_000
#: GitHub refuses a file that is larger than 10 MB as gzip; the rest is for what stands around the results.
MAX_COMPRESSED_BYTES = 8_500_000
#: Of requests and responses in memory.
_MAX_TRAFFIC_BYTES = 64 * 1024 * 1024
_TITLE_CHARS = 300
_TEXT_CHARS = 1_000
_URL_CHARS = 2_000

_NOTIFICATIONS = {
    "scan-failed": "Scans that should have run to their end and did not.",
    "entry-rejected": "An entry of an input that could not be read.",
    "input-error": "An input that could not be read to its end.",
    "interrupted": "The run was interrupted.",
    "output-closed": "The run ended because one of its outputs was closed.",
    "nothing-in-scope": "The scope left out every transaction.",
    "remark": "What a reader should know of the run.",
    "left-out": "Something was left out of this file to keep it within the limits of its readers.",
}


class SarifReport:
    """Writes one SARIF log at the end, with the requests and responses behind the findings."""

    def __init__(self, file: ByteSink) -> None:
        self._file = file
        self._collected = Collected(max_findings=MAX_RESULTS)
        #: By fingerprint: the members of a result that quote its traffic, encoded; empty without room.
        self._traffic: dict[str, bytes] = {}
        self._traffic_bytes = 0

    def add(self, reported: ReportedFinding) -> None:
        """Keeps one finding, and the traffic it is shown with in the length it is shown."""
        group = self._collected.add(reported)
        if group is None or reported.traffic is None or group.finding is not reported.finding:
            return
        self._traffic_bytes -= len(self._traffic.pop(reported.fingerprint, b""))
        has_room = self._traffic_bytes < _MAX_TRAFFIC_BYTES
        transaction = reported.transaction if has_room else None
        members = b"" if transaction is None else json_bytes(exchange(transaction))
        self._traffic[reported.fingerprint] = members
        self._traffic_bytes += len(members)

    def finish(self, run: RunRecord) -> None:
        """Writes the log, also when nothing was found."""
        artifacts = _Artifacts(run)
        rules = Rules(run.plugins)
        groups = self._collected.worst_first()
        results = [json_bytes(_result(group, rules, artifacts)) for group in groups]
        kept = _fitting(results, 0)
        cut = len(results) - kept.count
        del results[kept.count :]
        traffic = [self._traffic.get(group.fingerprint) for group in groups[: kept.count]]
        quoted = _fitting([members or b"" for members in traffic], kept.compressed_bytes).count
        traffic[quoted:] = [members and b"" for members in traffic[quoted:]]
        left_out = _left_out(cut, self._collected, traffic.count(b""))
        head = json_bytes(_run(run, rules, artifacts, left_out))
        # The results are the bulk: they are put in one by one, behind everything else.
        start = b'{"$schema":"%s","version":"2.1.0","runs":[' % SCHEMA_URI.encode()
        self._file.write(start + head[:-1] + b',"results":[')
        for number, (result, members) in enumerate(zip(results, traffic, strict=True)):
            whole = result[:-1] + b"," + members[1:] if members else result
            self._file.write((b",\n" if number else b"\n") + whole)
        self._file.write(b"]}]}\n")
        self._file.flush()


class _Fitting(Struct, frozen=True):
    count: int
    compressed_bytes: int


def _fitting(parts: list[bytes], compressed_bytes: int) -> _Fitting:
    """How many of the first parts stay within what GitHub takes, given what is there already."""
    compressor = zlib.compressobj(1)  # what is uploaded is compressed better
    for count, part in enumerate(parts):
        compressed_bytes += len(compressor.compress(part))
        if compressed_bytes > MAX_COMPRESSED_BYTES:
            return _Fitting(count, compressed_bytes)
    return _Fitting(len(parts), compressed_bytes + len(compressor.flush()))


def _left_out(cut: int, collected: Collected, without_traffic: int) -> list[str]:
    sentences = []
    if cut:
        sentences.append(
            f"{counted(cut, 'finding')}, the least severe, left out: GitHub takes files of 10 MB, compressed."
        )
    if hits := collected.left_out.total():
        sentences.append(
            f"{counted(hits, 'hit')} of less severe findings left out: GitHub takes {MAX_RESULTS:,} results."
        )
    if without_traffic:
        sentences.append(
            f"{counted(without_traffic, 'finding')} without request and response: "
            "GitHub takes files of 10 MB, compressed."
        )
    return sentences


class _Artifacts:
    """The captures, numbered."""

    def __init__(self, run: RunRecord) -> None:
        self._numbers: dict[str, int] = {}
        self._default = run.inputs[0] if run.inputs else "-"
        for name in run.inputs:
            self._number(name)

    def _number(self, source: str) -> int:
        return self._numbers.setdefault(uri(source), len(self._numbers))

    def location(self, place: Place | None) -> dict[str, Any]:
        """A `physicalLocation` in a capture; GitHub refuses a result without one, so it is always one."""
        source = self._default if place is None else place.source
        return {
            "artifactLocation": {"uri": uri(source), "index": self._number(source)},
            "region": _region(place),
        }

    def all(self) -> list[dict[str, Any]]:
        """The run's `artifacts`."""
        return [{"location": {"uri": name}, "roles": ["analysisTarget"]} for name in self._numbers]


def _region(place: Place | None) -> dict[str, int]:
    """GitHub refuses a result without a line, so there is one even where entries are no lines."""
    region = {"startLine": line_of(place)}
    if place is not None and place.offset_bytes is not None:
        region["byteOffset"] = place.offset_bytes
        if place.length_bytes is not None:
            region["byteLength"] = place.length_bytes
    return region


def _result(group: Group, rules: Rules, artifacts: _Artifacts) -> dict[str, Any]:
    finding = group.finding
    rule = rules.of(finding)
    target = f"{printable(finding.method, 20)} {printable(finding.url, _URL_CHARS)}"
    location = printable(finding.location, _TITLE_CHARS)
    first = group.listed[0] if group.listed else None
    texts = [f"{printable(finding.title, _TITLE_CHARS)}: {target}" + (f" ({location})" if location else "")]
    texts += [printable_lines(text, _TEXT_CHARS) for text in (finding.description, finding.evidence) if text]
    result: dict[str, Any] = {
        "ruleId": rule.id,
        "ruleIndex": rule.index,
        "level": LEVELS[finding.severity],
        "message": message("\n".join(texts)),
        "locations": [
            {
                "physicalLocation": artifacts.location(None if first is None else first.place),
                "logicalLocations": [
                    {
                        "name": location or target,
                        "fullyQualifiedName": f"{target} {location}".rstrip(),
                        "kind": "resource",
                    }
                ],
            }
        ],
        "partialFingerprints": {
            "isoscan/v1": group.fingerprint,
            # The only one GitHub looks at. Its own would be a hash of the line, the same for all of a HAR.
            "primaryLocationLineHash": f"{group.fingerprint}:1",
        },
        "occurrenceCount": group.hits,
        "properties": {
            "plugin": printable(finding.plugin_id),
            "severity": finding.severity.value,
            "confidence": finding.confidence.value,
            "transactionId": printable(finding.transaction_id, _TITLE_CHARS),
            **({"owasp": printable(finding.owasp, 100)} if finding.owasp else {}),
        },
    }
    others = group.listed[1:]
    if others:
        result["relatedLocations"] = [
            {
                "id": number,
                "physicalLocation": artifacts.location(hit.place),
                "message": message(printable(hit.transaction_id, _TITLE_CHARS)),
            }
            for number, hit in enumerate(others, 1)
        ]
    if group.reported.is_new is not None:
        result["baselineState"] = "new" if group.reported.is_new else "unchanged"
    if rule.cwes:
        result["taxa"] = [{"id": cwe, "toolComponent": {"name": "CWE"}} for cwe in rule.cwes]
    return result


def _run(run: RunRecord, rules: Rules, artifacts: _Artifacts, left_out: list[str]) -> dict[str, Any]:
    notifications = [
        *map(_notification, problems(run)),
        *(_said("left-out", "warning", sentence) for sentence in left_out),
        *(_said("remark", "note", sentence) for sentence in remarks(run)),
    ]
    driver: dict[str, Any] = {
        "name": "isoscan",
        "version": isoscan_version(),
        "semanticVersion": isoscan_version(),
        "rules": rules.all(),
        "notifications": [_notification_descriptor(id_, text) for id_, text in _NOTIFICATIONS.items()],
    }
    if address := homepage():
        driver["informationUri"] = address
    taxonomies = taxonomy(rules)
    if taxonomies:
        driver["supportedTaxonomies"] = [{"name": "CWE"}]
    ended_at = run.started_at + timedelta(seconds=run.elapsed_s)
    coverage = run.coverage
    return {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "defaultEncoding": "utf-8",
        "invocations": [
            {
                "executionSuccessful": run.is_complete,
                "startTimeUtc": _utc(run.started_at),
                "endTimeUtc": _utc(ended_at),
                "toolExecutionNotifications": notifications,
            }
        ],
        "artifacts": artifacts.all(),
        **({"taxonomies": taxonomies} if taxonomies else {}),
        "properties": {
            "outcome": run.outcome,
            "isRedacted": run.is_redacted,
            "transactions": coverage.transactions,
            "rejectedEntries": run.rejected_count,
            "plugins": list(_plugins(run)),
        },
    }


def _plugins(run: RunRecord) -> Iterator[dict[str, Any]]:
    versions = {plugin.id: plugin.version for plugin in run.plugins}
    for id_ in dict.fromkeys([*versions, *run.coverage.plugins]):
        plugin = run.coverage.plugins.get(id_)
        verdicts: Counter[str] = Counter()
        if plugin is not None:
            verdicts.update({verdict.value: count for verdict, count in plugin.verdicts.items() if count})
        yield {
            "id": printable(id_),
            "version": printable(versions.get(id_, ""), 100),
            "verdicts": dict(verdicts),
            "failed": 0 if plugin is None else plugin.failed,
        }


def _notification_descriptor(id_: str, text: str) -> dict[str, Any]:
    shown = {"text": text}
    return {"id": id_, "shortDescription": shown, "fullDescription": shown, "help": shown}


def _notification(problem: Problem) -> dict[str, Any]:
    plugin = "" if problem.plugin_id is None else f"{printable(problem.plugin_id)}: "
    details = f": {problem.text}" if problem.text else ""
    notification: dict[str, Any] = {
        "descriptor": {"id": problem.kind},
        "level": "error",
        "message": message(f"{plugin}{problem.title}{details}"),
    }
    if problem.place is not None:
        artifact = {"uri": uri(problem.place.source)}
        physical = {"artifactLocation": artifact, "region": _region(problem.place)}
        notification["locations"] = [{"physicalLocation": physical}]
    if problem.error is not None:
        notification["exception"] = {
            "kind": printable(problem.error.kind, 100),
            "message": printable(problem.error.message, _TEXT_CHARS),
        }
    return notification


def _said(id_: str, level: str, sentence: str) -> dict[str, Any]:
    return {"descriptor": {"id": id_}, "level": level, "message": message(sentence)}


def _utc(moment: Any) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
