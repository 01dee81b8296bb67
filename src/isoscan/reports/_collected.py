"""What a report that is written at the end keeps of a run: each finding once, in bounded memory."""

from __future__ import annotations

import sys
from collections import Counter

from msgspec import Struct, field
from msgspec.structs import replace

from ..models import Finding, Severity
from ..record import Place, ReportedFinding

MAX_FINDINGS = 100_000
MAX_TEXT_BYTES = 64 * 1024 * 1024
MAX_HITS_LISTED = 100
_MAX_HIT_BYTES = 32 * 1024 * 1024
#: The objects around the text of a finding and of a hit, roughly.
_FINDING_BYTES = 1_500
_HIT_BYTES = 250


class Hit(Struct, frozen=True):
    """One transaction a finding was made on."""

    transaction_id: str
    place: Place | None


class Group(Struct):
    """All hits of one fingerprint. `reported` is the first of the most severe, without its traffic.

    `hits` counts all; `listed` names a hundred at most, that of `reported` first.
    """

    reported: ReportedFinding
    hits: int = 0
    listed: list[Hit] = field(default_factory=list)

    @property
    def finding(self) -> Finding:
        """What was found."""
        return self.reported.finding

    @property
    def fingerprint(self) -> str:
        """What all hits have in common."""
        return self.reported.fingerprint


class Collected:
    """Findings by fingerprint. When the bounds are reached, the least severe give way.

    `left_out` counts the hits, by severity, of findings for which there was no room.
    """

    def __init__(self, max_findings: int = MAX_FINDINGS, max_text_bytes: int = MAX_TEXT_BYTES) -> None:
        self._max_findings = max_findings
        self._max_text_bytes = max_text_bytes
        self._groups: dict[str, Group] = {}
        self._order: dict[Severity, dict[str, int]] = {severity: {} for severity in Severity}
        self._text_bytes = 0
        self._hit_bytes = 0
        self.left_out: Counter[Severity] = Counter()

    def __len__(self) -> int:
        return len(self._groups)

    def add(self, reported: ReportedFinding) -> Group | None:
        """Counts one hit; None when there is no room for the finding."""
        finding = reported.finding
        former = self._groups.get(reported.fingerprint)
        is_worst = former is None or finding.severity.rank > former.finding.severity.rank
        group = self._put(reported, former) if is_worst else former
        if group is None:
            self.left_out[finding.severity] += 1
            return None
        group.hits += 1
        hit_bytes = _HIT_BYTES + sys.getsizeof(finding.transaction_id)
        if self._hit_bytes + hit_bytes <= _MAX_HIT_BYTES and (
            is_worst or len(group.listed) < MAX_HITS_LISTED
        ):
            self._hit_bytes += hit_bytes
            group.listed.insert(
                0 if is_worst else len(group.listed), Hit(finding.transaction_id, reported.place)
            )
            del group.listed[MAX_HITS_LISTED:]
        return group

    def worst_first(self) -> list[Group]:
        """All findings, the most severe first, in an order that does not depend on the input's."""
        return sorted(
            self._groups.values(),
            key=lambda group: (
                -group.finding.severity.rank,
                group.finding.plugin_id,
                group.finding.title,
                group.finding.url,
                group.fingerprint,
            ),
        )

    def _put(self, reported: ReportedFinding, former: Group | None) -> Group | None:
        """Makes room for a finding and keeps it, in place of the same one that was less severe."""
        reported = replace(reported, traffic=None)
        severity, fingerprint = reported.finding.severity, reported.fingerprint
        if former is not None:
            self._remove(former)
        text_bytes = _text_bytes(reported.finding)
        while len(self) >= self._max_findings or self._text_bytes + text_bytes > self._max_text_bytes:
            lower = next((one for one in Severity if self._order[one]), severity)
            if lower.rank >= severity.rank:
                if former is not None:
                    self.left_out[former.finding.severity] += former.hits
                return None
            last = self._groups[next(reversed(self._order[lower]))]
            self._remove(last)
            self.left_out[lower] += last.hits
        group = Group(reported) if former is None else Group(reported, former.hits, former.listed)
        self._groups[fingerprint] = group
        self._order[severity][fingerprint] = text_bytes
        self._text_bytes += text_bytes
        return group

    def _remove(self, group: Group) -> None:
        del self._groups[group.fingerprint]
        self._text_bytes -= self._order[group.finding.severity].pop(group.fingerprint)


def _text_bytes(finding: Finding) -> int:
    """The memory of a finding."""
    texts = (
        finding.title,
        finding.url,
        finding.description,
        finding.evidence,
        finding.location,
        finding.remediation,
        finding.vuln_type,
        finding.method,
        finding.cwe,
        finding.owasp,
    )
    extra_bytes = 4 * sys.getsizeof(repr(finding.extra)) if finding.extra else 0
    return _FINDING_BYTES + sum(map(sys.getsizeof, texts)) + extra_bytes
