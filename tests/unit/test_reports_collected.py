"""What a report keeps of a long run: every hit counted, memory bounded, the worst never lost."""

from __future__ import annotations

import io
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoscan import HttpTransaction, Severity
from isoscan.record import Place, RunRecord
from isoscan.reports._collected import MAX_HITS_LISTED, Collected
from isoscan.reports.formats import FORMATS, SHOWING_TRAFFIC, make_report
from isoscan.reports.table import TableReport
from support.builders import make_transaction
from support.reporting import reported

hits = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(Severity)), max_size=60)


@given(hits=hits, max_findings=st.integers(1, 8))
def test_every_hit_is_counted(hits: list[tuple[str, Severity]], max_findings: int) -> None:
    """A hit is either with its finding or among those left out, and there are no more findings than asked."""
    collected = Collected(max_findings=max_findings)
    for title, severity in hits:
        collected.add(reported(title=title, severity=severity))
    groups = collected.worst_first()
    assert len(groups) <= max_findings
    assert sum(group.hits for group in groups) + collected.left_out.total() == len(hits)
    assert all(group.hits >= len(group.listed) for group in groups)
    ranks = [group.finding.severity.rank for group in groups]
    assert ranks == sorted(ranks, reverse=True)


@given(hits=hits)
def test_with_room_nothing_is_left_out(hits: list[tuple[str, Severity]]) -> None:
    """Each finding is there with its hits and its worst severity."""
    collected = Collected()
    worst: dict[str, Severity] = {}
    for title, severity in hits:
        collected.add(reported(title=title, severity=severity))
        worst[title] = max(worst.get(title, severity), severity, key=lambda one: one.rank)
    counts = Counter(title for title, _ in hits)
    found = {group.finding.title: group for group in collected.worst_first()}
    assert {title: group.hits for title, group in found.items()} == counts
    assert {title: group.finding.severity for title, group in found.items()} == worst
    assert not collected.left_out


def test_the_worst_stay_whatever_their_order() -> None:
    """Among ten thousand findings in any order the five worst are those that are kept."""
    severities = [Severity.INFO] * 6000 + [Severity.MEDIUM] * 3995 + [Severity.CRITICAL] * 5
    random.Random(3).shuffle(severities)
    collected = Collected(max_findings=20)
    for number, severity in enumerate(severities):
        collected.add(reported(title=str(number), severity=severity))
    kept = Counter(group.finding.severity for group in collected.worst_first())
    assert kept == {Severity.CRITICAL: 5, Severity.MEDIUM: 15}
    assert collected.left_out == {Severity.INFO: 6000, Severity.MEDIUM: 3980}


def test_text_is_bounded() -> None:
    """Long texts take the room of many short ones."""
    collected = Collected(max_text_bytes=1_000_000)
    for number in range(100):
        collected.add(reported(title=str(number), evidence="x" * 50_000))
    assert 10 < len(collected) < 20
    assert collected.left_out.total() == 100 - len(collected)


def test_hits_are_listed_up_to_a_bound() -> None:
    """A finding on every page of a site is counted on, and its first places are kept."""
    collected = Collected()
    for number in range(1000):
        collected.add(reported(transaction_id=f"in#{number}", place=Place("in", number, "entry")))
    (group,) = collected.worst_first()
    assert group.hits == 1000
    assert [hit.transaction_id for hit in group.listed] == [f"in#{n}" for n in range(MAX_HITS_LISTED)]


def test_the_worst_hit_comes_first() -> None:
    """A finding is shown as its most severe hit, in the place of that hit."""
    collected = Collected()
    for number, severity in enumerate([Severity.LOW, Severity.HIGH, Severity.LOW, Severity.HIGH]):
        collected.add(reported(severity=severity, transaction_id=f"in#{number}"))
    (group,) = collected.worst_first()
    assert group.finding.transaction_id == "in#1"
    assert [hit.transaction_id for hit in group.listed] == ["in#1", "in#0", "in#2", "in#3"]


def test_table_counts_what_it_leaves_out() -> None:
    """A last line says how many hits have no row."""
    file = io.BytesIO()
    report = TableReport(file, is_terminal=False)
    report._collected = Collected(max_findings=2)
    for number in range(5):
        report.add(reported(title=f"Title {number}"))
    report.finish(RunRecord())
    text = file.getvalue().decode()
    assert text.count("Title") == 2
    assert "3 hits of less severe findings not shown" in text


def test_traffic_is_not_kept() -> None:
    """The transaction goes with the hit; it would keep the whole capture in memory."""
    collected = Collected()
    collected.add(reported(traffic=make_transaction()))
    assert collected.worst_first()[0].reported.transaction is None


@pytest.mark.parametrize("format_", FORMATS)
def test_traffic_is_only_made_to_be_shown(format_: str) -> None:
    """Most findings come again and again: to mask a transaction for each would take most of a run."""
    made: list[HttpTransaction] = []

    def make() -> HttpTransaction:
        made.append(make_transaction())
        return made[-1]

    report = make_report(format_, io.BytesIO())
    for _ in range(100):
        report.add(reported(title="The same", traffic=make))
    report.finish(RunRecord())
    assert len(made) <= 3
    assert bool(made) == (format_ in SHOWING_TRAFFIC)
