"""The JSON document: what it holds, that its schema says so, and what it leaves out."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoscan import PluginMetadata, Severity, Verdict
from isoscan.record import Place, ReportedFinding, RunRecord
from isoscan.reports import _collected
from isoscan.reports.json_document import RunDocument
from isoscan.sources import Entry
from support import reporting
from support.reporting import failure, finding, reported, run_of, scan, written

_, COMPONENTS = msgspec.json.schema_components([RunDocument], ref_template="#/$defs/{name}")
VALIDATOR = jsonschema.Draft202012Validator({"$ref": "#/$defs/RunDocument", "$defs": COMPONENTS})


def document(*added: ReportedFinding, run: RunRecord | None = None) -> dict[str, Any]:
    """The document, which its own schema allows."""
    data = written("json", *added, run=run)
    found: dict[str, Any] = json.loads(data)
    assert [f"{error.json_path}: {error.message[:200]}" for error in VALIDATOR.iter_errors(found)] == []
    msgspec.json.decode(data, type=RunDocument)
    return found


@given(added=st.lists(reporting.reports, max_size=3), run=reporting.runs())
@settings(max_examples=60, deadline=None)
def test_always_valid(added: list[ReportedFinding], run: RunRecord) -> None:
    """Whatever texts findings and run hold, the document is valid and has every finding."""
    found = document(*added, run=run)
    assert sum(one["hits"] for one in found["findings"]) == len(added)


def test_finding_with_its_hits() -> None:
    """A finding is there once, with all its fields, the count and where it was made."""
    added = [
        reported(
            transaction_id=f"in#{number}", place=Place("in.har", number, "entry", 10 * number, 5), is_new=True
        )
        for number in range(3)
    ]
    (one,) = document(*added)["findings"]
    assert one["fingerprint"] == added[0].fingerprint
    assert one["is_new"] is True
    assert one["hits"] == 3
    assert one["places"][2] == {
        "transaction_id": "in#2",
        "source": "in.har",
        "index": 2,
        "unit": "entry",
        "offset_bytes": 20,
        "length_bytes": 5,
    }
    assert msgspec.convert(one["finding"], type(added[0].finding)) == added[0].finding


def test_run() -> None:
    """Inputs, plugins with their coverage and failures, rejected entries, outcome."""
    run = run_of(
        reported(severity=Severity.HIGH),
        results=[scan(), failure(text="looped"), scan("other")],
        rejected=[Entry("in.har", 3, "entry", problem="no request")],
        rejected_count=4,
        plugins=[PluginMetadata("probe", version="1.2.3"), PluginMetadata("idle")],
        inputs=["in.har"],
        entries=7,
    )
    found = document(run=run)
    assert found["outcome"] == "incomplete"
    assert found["inputs"] == ["in.har"]
    assert found["summary"]["findings"]["high"] == 1
    assert found["summary"]["verdicts"] == {"clean": 2, "timeout": 1}
    assert (found["summary"]["failed"], found["summary"]["rejected"]) == (1, 4)
    assert [(one["index"], one["problem"]) for one in found["rejected"]] == [(3, "no request")]
    probe, idle, other = found["plugins"]
    assert (probe["id"], probe["metadata"]["version"], probe["scans"], probe["failed"]) == (
        "probe",
        "1.2.3",
        2,
        1,
    )
    (failed,) = probe["failures"]
    assert (failed["verdict"], failed["count"], failed["error"]["message"]) == ("timeout", 1, "looped")
    assert (idle["scans"], other["metadata"]) == (0, None)


def test_complete_run() -> None:
    """Found nothing and did not run are told apart by the outcome."""
    assert document(run=run_of(results=[scan()]))["outcome"] == "complete"
    assert document(run=run_of(results=[failure(verdict=Verdict.CRASHED)]))["outcome"] == "incomplete"
    assert document(run=run_of(is_interrupted=True))["outcome"] == "interrupted"


def test_what_is_not_listed_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound the least severe go, and their hits are counted by severity."""
    monkeypatch.setattr(_collected.Collected.__init__, "__defaults__", (5, 10**9))
    added = [reported(title=f"t{number}", severity=Severity.LOW) for number in range(5)]
    added += [reported(title="t0", severity=Severity.LOW), reported(title="new", severity=Severity.HIGH)]
    found = document(*added)
    assert [one["finding"]["title"] for one in found["findings"]] == ["new", "t0", "t1", "t2", "t3"]
    assert found["findings"][1]["hits"] == 2
    assert found["summary"]["not_listed"]["low"] == 1


def test_big_numbers_and_lone_surrogates() -> None:
    """Numbers stay what they are; what UTF-8 cannot hold becomes the replacement character."""
    extra = {"n": 2**80, "\ud800": ["\udfff", 1.5, None]}
    (one,) = document(reported(finding(extra=extra)))["findings"]
    assert one["finding"]["extra"] == {"n": 2**80, "\ufffd": ["\ufffd", 1.5, None]}
