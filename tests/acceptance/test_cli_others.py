"""`isoscan plugins` and `isoscan schema`."""

from __future__ import annotations

import json

from jsonschema import Draft202012Validator

from acceptance._command import Workspace, assert_refused

BUNDLED = (
    "cookie-flags", "cors", "mixed-content", "reflected-params", "secrets", "security-headers", "url-secrets",
    "verbose-errors",
)  # fmt: skip


def test_bundled_plugins(workspace: Workspace) -> None:
    """Without arguments the bundled plugins are listed with what they say of themselves."""
    done = workspace.run("plugins")
    rows = [line.split() for line in done.text.splitlines()]
    assert rows[0] == ["id", "version", "severity", "category", "tags", "description"]
    assert tuple(row[0] for row in rows[1:] if row[0] in BUNDLED) == BUNDLED
    assert done.stderr == ""
    assert done.code == 0


def test_own_plugins(workspace: Workspace) -> None:
    """Files, folders and globs are listed, with defaults where the plugin says nothing."""
    workspace.write("lib/a.ts", "export function scan_transaction() {}")
    workspace.write("lib/b/plugin.ts", "export const metadata = { id: 'bee', version: '1.2.3', "
                    "default_severity: 'HIGH' };\nexport function scan_transaction() {}")  # fmt: skip
    done = workspace.run("plugins", "lib", "probe.ts")
    assert [line.split()[:3] for line in done.text.splitlines()[1:]] == [
        ["a", "0.0.0"],
        ["bee", "1.2.3", "high"],
        ["probe", "0.0.0"],
    ]
    assert done.code == 0


def test_wrong_plugin_among_good_ones(workspace: Workspace) -> None:
    """The good ones are listed, the wrong one is an error on standard error."""
    workspace.write("p.ts", "\nthrow new Error('at load');")
    done = workspace.run("plugins", "p.ts", "probe.ts")
    assert "probe" in done.text
    assert done.stderr.startswith("isoscan: p.ts:2:7: ")
    assert done.code == 2


def test_no_such_plugin(workspace: Workspace) -> None:
    """A spec that finds nothing is an error."""
    assert_refused(workspace.run("plugins", "missing.ts"), "missing.ts")


def test_schema_describes_findings(workspace: Workspace) -> None:
    """The schema is valid, and the findings of a run fit it."""
    workspace.capture("in.har", "high", "low")
    schema = json.loads(workspace.run("schema").stdout)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator({**schema, "$ref": "#/$defs/Finding"})
    findings = workspace.run("run", "in.har", "-p", "probe.ts", "-f", "jsonl").findings
    assert len(findings) == 2
    for finding in findings:
        assert list(validator.iter_errors(finding)) == []
    assert list(validator.iter_errors({"title": 5})) != []
