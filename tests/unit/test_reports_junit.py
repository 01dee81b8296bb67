"""JUnit XML: what fails, what passes, what did not run, and names a server can tell apart."""

from __future__ import annotations

from xml.etree.ElementTree import Element, fromstring

import pytest

from isoscan import PluginMetadata, ScanFailure, ScanResult, Severity, Verdict
from isoscan.record import Place, ReportedFinding, RunRecord
from isoscan.sources import Entry
from support.reporting import NASTY, failure, reported, run_of, scan, written


def suites(*added: ReportedFinding, run: RunRecord | None = None) -> dict[str, Element]:
    """The suites by name, their counts checked."""
    root = fromstring(written("junit", *added, run=run))
    found = {suite.attrib["name"]: suite for suite in root}
    for element in (root, *found.values()):
        assert int(element.attrib["tests"]) == len(list(element.iter("testcase")))
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(element.attrib[name]) == len(list(element.iter(tag)))
    for suite in found.values():
        names = [case.attrib["name"] for case in suite]
        assert len(set(names)) == len(names)
    return found


def outcomes(suite: Element) -> dict[str, str]:
    """What became of each test case; `passed` for one without an outcome."""
    found = {}
    for case in suite:
        tags = [child.tag for child in case if child.tag != "system-out"]
        found[case.attrib["name"]] = tags[0] if tags else "passed"
    return found


def test_findings_fail() -> None:
    """Each different finding is a failing case of its plugin, with what a person needs to see it."""
    place = Place("in.har", 4, "entry")
    hits = [reported(title="Leak", location="body", evidence="a\nb", place=place, severity=Severity.HIGH)] * 3
    found = suites(*hits, reported(plugin_id="other"), run=run_of(results=[scan(verdict=Verdict.FINDINGS)]))
    assert outcomes(found["probe"]) == {
        "Leak: GET http://shop.example/ (body)": "failure",
        "scans: finished": "passed",
    }
    failed = found["probe"].find("testcase/failure")
    assert failed is not None
    assert failed.attrib == {"message": "Leak", "type": "high: probe"}
    assert failed.text is not None
    for words in ("hits: 3", "first at: in.har, entry 4", "evidence: a\nb", hits[0].fingerprint):
        assert words in failed.text
    assert set(outcomes(found["other"]).values()) == {"failure", "skipped"}


def test_plugin_that_found_nothing_passes() -> None:
    """A case says over how many transactions nothing was found, and how long it took."""
    found = suites(run=run_of(results=[scan(), scan()], plugins=[PluginMetadata("probe")], entries=2))
    assert outcomes(found["probe"]) == {"scans: finished": "passed"}
    assert found["probe"].findtext("testcase/system-out") == "2 transactions scanned"
    assert found["probe"].attrib["time"] == "0.003"
    assert outcomes(found["isoscan"]) == {"input": "passed"}


def test_failed_scans_are_errors() -> None:
    """Scans that did not end are errors, one for each way, whatever else the plugin did."""
    run = run_of(results=[scan(), failure(), failure(), failure(verdict=Verdict.CRASHED)])
    found = suites(run=run)
    assert outcomes(found["probe"]) == {
        "scans: timeout": "error",
        "scans: crashed": "error",
        "scans: finished": "passed",
    }
    error = found["probe"].find("testcase/error")
    assert error is not None
    assert error.attrib["message"] == "2 scans timed out"
    assert error.text == "first at in.har#7: too slow"


def test_not_applicable_is_skipped() -> None:
    """A plugin that had nothing to run is skipped, not passed and not failed."""
    skipped = ScanResult(
        transaction_id="in.har#0",
        plugin_id="probe",
        verdict=Verdict.SKIPPED,
        error=ScanFailure(kind="not_applicable", message="no response", fault="input", is_started=False),
    )
    found = suites(run=run_of(results=[skipped]))
    assert set(outcomes(found["probe"]).values()) == {"skipped"}


def test_plugin_that_scanned_nothing_is_skipped() -> None:
    """A run without transactions does not look like one in which all passed."""
    found = suites(run=run_of(plugins=[PluginMetadata("probe")]))
    assert outcomes(found["probe"]) == {"scans: finished": "skipped"}
    assert outcomes(found["isoscan"]) == {"input": "skipped"}


def test_what_could_not_be_read_is_an_error() -> None:
    """Rejected entries, a broken input and an interruption are errors of the run."""
    run = run_of(
        results=[scan()],
        rejected=[Entry("in.har", index, "entry", problem="bad") for index in range(2)],
        rejected_count=5,
        input_error="in.har: is cut off",
        is_interrupted=True,
    )
    found = outcomes(suites(run=run)["isoscan"])
    assert list(found.values()) == ["error"] * 5 + ["passed"]
    assert "entry-rejected: 3 more entries could not be read" in found


def test_names_that_were_cut_stay_apart() -> None:
    """Servers tell cases apart by their names."""
    url = "http://shop.example/" + "a" * 1000
    suites(*(reported(url=url + str(number)) for number in range(3)))


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_text_is_shown_not_markup(text: str) -> None:
    """Markup in a title or an evidence is text; a document has no element of a plugin's making."""
    found = suites(reported(title=f"a{text}", evidence=text), run=run_of(results=[failure(text=text)]))
    tags = {element.tag for element in found["probe"].iter()}
    assert tags == {"testsuite", "testcase", "failure", "error", "skipped"}
