"""From a plugin's JSON to findings: each wrong field is named, nothing is guessed."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoscan import Confidence, Finding, Limits, Severity
from isoscan.sandbox.findings import build_findings
from support.builders import make_transaction

TRANSACTION = make_transaction("/page?q=1")
TEXT_FIELDS = (
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
WRONG = [1, 1.5, True, [], ["x"], {}, {"toString": "x"}]


def build(
    *texts: str, is_historic: bool = False, severity: Severity | None = None, limits: Limits | None = None
) -> tuple[list[Finding], str]:
    """What becomes of these JSON texts."""
    raw = [(int(is_historic), text) for text in texts]
    return build_findings(raw, TRANSACTION, "plug", severity, limits or Limits())


def build_one(*, is_historic: bool = False, **fields: Any) -> Finding:
    """The one valid finding made of these fields."""
    findings, reason = build(json.dumps(fields), is_historic=is_historic)
    assert reason == ""
    (finding,) = findings
    return finding


def reason_of(**fields: Any) -> str:
    """Why these fields are no finding."""
    findings, reason = build(json.dumps({"title": "t", **fields}))
    assert findings == []
    return reason


def test_title_is_enough() -> None:
    """Everything else is filled or empty."""
    finding = build_one(title="t")
    request = TRANSACTION.request
    assert (finding.title, finding.plugin_id, finding.vuln_type) == ("t", "plug", "plug")
    assert (finding.url, finding.method, finding.transaction_id) == (request.url, "GET", TRANSACTION.id)
    assert (finding.severity, finding.confidence) == (Severity.INFO, Confidence.MEDIUM)
    assert finding.extra == {}
    assert finding.id


def test_every_field_is_taken() -> None:
    """All optional fields arrive as they were given."""
    fields: dict[str, Any] = {name: f"<{name}>" for name in TEXT_FIELDS}
    finding = build_one(**fields, severity="HIGH", confidence="Low")
    assert {name: getattr(finding, name) for name in TEXT_FIELDS} == fields
    assert (finding.severity, finding.confidence) == (Severity.HIGH, Confidence.LOW)


@pytest.mark.parametrize("name", [*TEXT_FIELDS, "severity", "confidence"])
@pytest.mark.parametrize("value", WRONG)
def test_wrong_type_names_the_field(name: str, value: object) -> None:
    """A value that is not text is refused, never converted."""
    assert name in reason_of(**{name: value})


@pytest.mark.parametrize("name", TEXT_FIELDS)
def test_too_large_names_the_field(name: str) -> None:
    """The bound counts bytes, not characters."""
    limits = Limits(max_finding_field_bytes=256)
    fits = json.dumps({"title": "t", name: "é" * 128})
    assert build(fits, limits=limits)[1] == ""
    findings, reason = build(json.dumps({"title": "t", name: "é" * 128 + "x"}), limits=limits)
    assert findings == []
    assert name in reason


@pytest.mark.parametrize("name", ["severity", "confidence"])
@pytest.mark.parametrize("value", ["", "urgent", "h\u0131gh", "high ", "0", "none", "null", "x" * 10_000])
def test_unknown_choice_names_the_field(name: str, value: str) -> None:
    """A word that is none of the levels is refused and shown, cut short."""
    reason = reason_of(**{name: value})
    assert name in reason
    assert len(reason) < 300


@pytest.mark.parametrize("name", [*TEXT_FIELDS[1:], "severity", "confidence"])
def test_null_is_absent(name: str) -> None:
    """`null` means the same as leaving the field out."""
    fields: dict[str, Any] = {name: None}
    assert build_one(title="t", **fields).title == "t"


@pytest.mark.parametrize("title", [None, "", "  ", "\n\t"])
def test_title_is_needed(title: str | None) -> None:
    """A finding without a title is refused."""
    assert "title" in reason_of(title=title)


@pytest.mark.parametrize("text", ["1", "null", "true", '"x"', "[]", "[{}]", '[{"title":"t"}]'])
def test_only_objects_are_findings(text: str) -> None:
    """Any other JSON value is refused."""
    findings, reason = build(text)
    assert findings == []
    assert reason


@pytest.mark.parametrize("text", ["", "{", "undefined", '{"title":NaN}', '{"title":"t"}x', "\ufeff{}"])
def test_broken_json_is_refused(text: str) -> None:
    """Text that is not JSON is a reason, not an exception."""
    findings, reason = build(text)
    assert findings == []
    assert reason


@pytest.mark.parametrize(
    "text",
    [
        '{"title":"t","x":' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"title":"t","x":' + '{"a":' * 100_000 + "1" + "}" * 100_000 + "}",
        '{"title":"\\ud800","x":' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"title":"t","x":' + "9" * 5000 + "}",
        '{"title":"\\ud800","x":' + "9" * 5000 + "}",
        '{"title":"t","x":1e999}',
        '{"title":"\\ud800","x":1e999}',
    ],
)
def test_extreme_json_is_a_reason_or_a_finding(text: str) -> None:
    """Deep nesting and enormous numbers never raise."""
    findings, reason = build(text)
    assert bool(findings) != bool(reason)


def test_lone_surrogates_are_replaced() -> None:
    """A lone surrogate becomes U+FFFD, in known and in extra fields, and all of it can be encoded."""
    findings, reason = build('{"title":"a\\ud800b","x":{"\\udfff":"\\udc00"}}')
    assert reason == ""
    assert findings[0].title == "a\ufffdb"
    assert findings[0].extra == {"x": {"\ufffd": "\ufffd"}}


def test_surrogate_pairs_are_kept() -> None:
    """A real pair is one character."""
    assert build('{"title":"\\ud83d\\ude00"}')[0][0].title == "😀"


def test_extra_fields_are_kept() -> None:
    """A plugin's own fields arrive as plain JSON values."""
    extra: dict[str, Any] = {"param": "q", "score": 3, "list": [1, {"a": None}], "flag": False}
    assert build_one(title="t", **extra).extra == extra


@pytest.mark.parametrize("name", ["plugin_id", "transaction_id", "id", "created_at", "fingerprint", "extra"])
def test_our_fields_cannot_be_set(name: str) -> None:
    """Who reported what on which transaction is ours to say."""
    fields: dict[str, Any] = {name: "forged"}
    finding = build_one(title="t", **fields)
    assert "forged" not in (finding.plugin_id, finding.transaction_id, finding.id, finding.fingerprint)
    assert name not in finding.extra


def test_default_severity_of_the_plugin() -> None:
    """The metadata's severity counts where the finding names none."""
    assert build('{"title":"t"}', severity=Severity.CRITICAL)[0][0].severity is Severity.CRITICAL
    assert build('{"title":"t","severity":"low"}', severity=Severity.CRITICAL)[0][0].severity is Severity.LOW


def test_valid_ones_are_kept_beside_wrong_ones() -> None:
    """The reason is the first wrong one's, and its index is named."""
    findings, reason = build('{"title":"a"}', '{"title":1}', '{"title":"b"}', '{"cwe":[]}')
    assert [finding.title for finding in findings] == ["a", "b"]
    assert "1" in reason
    assert "title" in reason
    assert "cwe" not in reason


# ---- the historic forms ------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "title"),
    [
        ({"description": "First line\nsecond"}, "First line"),
        ({"vuln_type": "xss"}, "xss detected"),
        ({}, "Vulnerability detected"),
        ({"title": "own", "description": "d"}, "own"),
    ],
)
def test_historic_title_is_derived(fields: dict[str, Any], title: str) -> None:
    """The older call forms may leave the title out."""
    assert build_one(is_historic=True, **fields).title == title


def test_historic_place_and_evidence_are_derived() -> None:
    """Parameter name and value become location and evidence, and stay in `extra`."""
    finding = build_one(is_historic=True, param_name="q", param_value="<x>")
    assert finding.location == "param:q"
    assert "<x>" in finding.evidence
    assert finding.extra["param_name"] == "q"


def test_historic_own_values_win() -> None:
    """What is given is not derived."""
    finding = build_one(is_historic=True, param_name="q", param_value="v", location="l", evidence="e")
    assert (finding.location, finding.evidence) == ("l", "e")


@pytest.mark.parametrize("value", WRONG)
def test_historic_parameter_of_a_wrong_type_is_left_alone(value: object) -> None:
    """Extra fields are not checked; only text is used to derive from."""
    assert build_one(is_historic=True, param_name=value, param_value=value).location == ""


def test_current_form_derives_nothing() -> None:
    """Outside the historic forms a description is no title."""
    findings, reason = build('{"description":"d","param_name":"q"}')
    assert findings == []
    assert "title" in reason


# ---- anything ---------------------------------------------------------------------------

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from([*TEXT_FIELDS, "severity", "confidence", "param_name", "x"]), JSON_VALUES
    ),
    st.booleans(),
)
def test_any_object_is_a_finding_or_a_reason(fields: dict[str, Any], is_historic: bool) -> None:
    """Whatever a plugin writes, exactly one of both comes out."""
    findings, reason = build(json.dumps(fields), is_historic=is_historic)
    assert bool(findings) != bool(reason)
    for finding in findings:
        for name in TEXT_FIELDS:
            getattr(finding, name).encode()


@given(st.text(max_size=40))
def test_any_text_is_a_finding_or_a_reason(text: str) -> None:
    """Text that is no JSON at all never raises."""
    findings, reason = build(text)
    assert bool(findings) != bool(reason)


@given(
    st.dictionaries(
        st.sampled_from([*TEXT_FIELDS, "severity", "confidence", "own", "id", "plugin_id"]),
        st.one_of(
            st.none(), st.text(max_size=8), st.integers(), st.sampled_from(["high", "HIGH", "info", " "])
        ),
        max_size=8,
    )
)
def test_short_and_long_findings_are_judged_alike(fields: dict[str, Any]) -> None:
    """Findings that can be read at once, and those that are looked at field by field, come out the same."""
    text = json.dumps(fields)
    at_once, reason = build(text)
    # So long a text that its length alone does not prove every field to be short enough.
    looked_at, same_reason = build(text + " " * 256, limits=Limits(max_finding_field_bytes=256))
    assert reason == same_reason

    def shown(findings: list[Finding]) -> list[dict[str, Any]]:
        return [{**msgspec.to_builtins(one), "id": "", "created_at": ""} for one in findings]

    assert shown(at_once) == shown(looked_at)
