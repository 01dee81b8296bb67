"""One self-contained HTML page: findings with their traffic, and what was and was not scanned.

The page opens from a file, offline, under a policy that lets nothing but its own script run.
docs/html-report.md tells how it is read and what bounds it has.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import version

from msgspec import Struct

from ...models import Severity
from ...record import ReportedFinding, RunRecord
from .. import ByteSink
from .account import account, finding_data, hit_data
from .bounds import (
    ALL_HITS_LISTED,
    EXCHANGES,
    FINDINGS,
    FINDINGS_BYTES,
    HITS_LISTED,
    HITS_WITH_TRAFFIC,
    PAGE_BYTES,
    SPOOL_BYTES,
    TRAFFIC_SPOOL_BYTES,
)
from .exchange import Exchange
from .page import PageWriter, encoded
from .spool import Spool
from .traffic import TrafficBlocks

__all__ = ["HtmlReport"]

_SORT_CHARS = 80


class _Group(Struct, gc=False):
    """A finding and its occurrences: where their records lie in the spool."""

    order: tuple[str, str, str]
    place: int
    count: int
    hits: list[int]


def _is_urgent(severity: Severity) -> bool:
    """Whether a finding has room where others have none any more."""
    return severity.rank >= Severity.HIGH.rank


class HtmlReport:
    """Collects findings in a spool and writes the page at the end, worst first.

    Findings with the same fingerprint are one entry; the worst of them stands for all. Memory is bounded by
    `bounds.py`, whatever the run finds.
    """

    def __init__(self, file: ByteSink) -> None:
        self._file = file
        self._spool = Spool()
        #: By severity, the worst first, and fingerprint.
        self._groups: dict[Severity, dict[str, _Group]] = {severity: {} for severity in reversed(Severity)}
        self._listed_hits = 0
        #: Hits of findings there was no room for.
        self._left_out = 0
        #: Number of an exchange to its place in the spool.
        self._exchanges: dict[int, int] = {}
        self._exchange_bytes = 0
        self._open: Exchange | None = None
        self._next_exchange = 0

    def add(self, reported: ReportedFinding) -> None:
        """Keeps one finding; those of one transaction are expected one after the other."""
        finding, severity = reported.finding, reported.finding.severity
        group = self._group(reported)
        if group is None:
            self._left_out += 1
            return
        group.count += 1
        is_listed = len(group.hits) < HITS_LISTED and self._listed_hits < ALL_HITS_LISTED
        if not is_listed or self._is_full(is_urgent=_is_urgent(severity)):
            return
        self._listed_hits += 1
        hit = hit_data(finding, reported.place)
        exchange = self._exchange_of(reported) if len(group.hits) < HITS_WITH_TRAFFIC else None
        if exchange is not None:
            exchange.is_urgent |= _is_urgent(severity)
            hit["quotes"] = exchange.quoted(finding)
            hit["exchange"] = exchange.number
        group.hits.append(self._spool.append(encoded(hit)))

    def _group(self, reported: ReportedFinding) -> _Group | None:
        """The entry of a finding, under its worst severity; None when there is no room for one more."""
        fingerprint, severity = reported.fingerprint, reported.finding.severity
        own = self._groups[severity]
        for known, groups in self._groups.items():
            if fingerprint in groups:
                if known.rank >= severity.rank:
                    return groups[fingerprint]
                group = own[fingerprint] = groups.pop(fingerprint)
                if not self._is_full(is_urgent=_is_urgent(severity)):
                    group.place = self._keep(reported)
                return group
        if not self._has_room(severity):
            return None
        finding = reported.finding
        order = (finding.plugin_id, finding.title[:_SORT_CHARS], finding.url[:_SORT_CHARS])
        group = own[fingerprint] = _Group(order, self._keep(reported), 0, [])
        return group

    def _has_room(self, severity: Severity) -> bool:
        """Whether one more finding can be kept; a less severe one is given up for it."""
        if self._is_full(is_urgent=_is_urgent(severity)):
            return False
        if sum(map(len, self._groups.values())) < FINDINGS:
            return True
        lowest = next(known for known in Severity if self._groups[known])
        if lowest.rank >= severity.rank:
            return False
        _, given_up = self._groups[lowest].popitem()
        self._left_out += given_up.count
        self._listed_hits -= len(given_up.hits)
        return True

    def _is_full(self, *, is_urgent: bool) -> bool:
        """Whether the spool takes no more; its second half is for what is severe."""
        return self._spool.size_bytes >= SPOOL_BYTES // (1 if is_urgent else 2)

    def _keep(self, reported: ReportedFinding) -> int:
        return self._spool.append(encoded(finding_data(reported)))

    def _exchange_of(self, reported: ReportedFinding) -> Exchange | None:
        transaction = reported.transaction
        if transaction is None:
            return None
        if self._open is None or self._open.transaction is not transaction:
            self._close_exchange()
            self._open = Exchange(transaction, self._next_exchange)
            self._next_exchange += 1
        return self._open

    def _close_exchange(self) -> None:
        """The next finding is of another transaction: what is quoted of this one is known."""
        exchange, self._open = self._open, None
        if exchange is None or len(self._exchanges) >= EXCHANGES:
            return
        is_full = self._is_full(is_urgent=exchange.is_urgent)
        room_bytes = TRAFFIC_SPOOL_BYTES // (1 if exchange.is_urgent else 2)
        if not is_full and self._exchange_bytes < room_bytes:
            record = encoded(exchange.as_data())
            self._exchange_bytes += len(record)
            self._exchanges[exchange.number] = self._spool.append(record)

    def finish(self, run: RunRecord) -> None:
        """Writes the page."""
        self._close_exchange()
        data = account(run, version("isoscan"))
        traffic = TrafficBlocks(self._spool, self._exchanges)
        page = PageWriter(self._file)
        page.write_findings(self._findings(traffic))
        data["hitsLeftOut"] = self._left_out
        traffic.keep_within(PAGE_BYTES - page.size_with(data))
        data["trafficLeftOut"] = traffic.left_out
        page.write_run(data)
        page.write_traffic(traffic.blocks())
        page.end()
        self._spool.close()

    def _findings(self, traffic: TrafficBlocks) -> Iterator[bytes]:
        """The findings of the page, each with its occurrences, as many as there is room for."""
        left_bytes = FINDINGS_BYTES
        for severity, groups in self._groups.items():
            for group in sorted(groups.values(), key=lambda group: group.order):
                if left_bytes <= 0:
                    self._left_out += group.count
                    continue
                finding = json.loads(self._spool.read(group.place))
                hits = [json.loads(self._spool.read(place)) for place in group.hits]
                for hit in hits:
                    if "exchange" in hit:
                        hit["exchange"] = traffic.place_of(hit["exchange"])
                record = encoded({**finding, "severity": severity, "count": group.count, "hits": hits})
                left_bytes -= len(record)
                if left_bytes >= 0:
                    yield record
                else:
                    self._left_out += group.count
