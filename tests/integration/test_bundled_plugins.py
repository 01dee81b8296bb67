"""The bundled plugins against the cases that lie beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import isoscan
from isoscan import Finding, HttpTransaction, PluginExecutor, Severity
from isoscan.sources import open_source

EXAMPLES = Path(__file__).parents[2] / "examples"
PLUGINS = Path(isoscan.__file__).parent / "plugins"
NAMES = sorted(path.parent.name for path in PLUGINS.glob("*/plugin.ts"))
EXPECTED_NAMES = [
    "cookie-flags",
    "cors",
    "mixed-content",
    "reflected-params",
    "secrets",
    "security-headers",
    "url-secrets",
    "verbose-errors",
]


def read_cases(plugin: str) -> list[dict[str, Any]]:
    """The plugin's `cases.jsonl`, one dictionary per line."""
    text = (PLUGINS / plugin / "cases.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def read_transactions(path: Path) -> list[HttpTransaction]:
    """All transactions of a capture; a bad entry fails the test."""
    transactions = []
    for entry in open_source(path):
        assert entry.transaction is not None, entry
        transactions.append(entry.transaction)
    return transactions


def case_transactions(plugin: str, folder: Path) -> list[HttpTransaction]:
    """The transactions of a plugin's cases, through the JSON Lines reader that users use."""
    lines = [json.dumps(case["transaction"]) for case in read_cases(plugin)]
    path = folder / "cases.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_transactions(path)


def covers(finding: Finding, expected: dict[str, Any]) -> bool:
    """Whether the finding has every expected field with the expected value."""
    return all(str(getattr(finding, name)) == value for name, value in expected.items())


def difference(findings: list[Finding], expected: list[dict[str, Any]]) -> str | None:
    """What is missing or too many, or None when each finding meets one expectation."""
    left = list(findings)
    missing = []
    for wanted in expected:
        match = next((finding for finding in left if covers(finding, wanted)), None)
        if match is None:
            missing.append(wanted)
        else:
            left.remove(match)
    if not missing and not left:
        return None
    extra = [
        (finding.vuln_type, str(finding.severity), finding.location, finding.evidence) for finding in left
    ]
    return f"missing {missing}, not expected {extra}"


def test_all_plugins_are_bundled() -> None:
    """The folder holds exactly the plugins the documentation lists."""
    assert NAMES == EXPECTED_NAMES


@pytest.mark.parametrize("plugin", NAMES)
def test_plugin_is_documented_and_covered(plugin: str) -> None:
    """Each plugin explains itself and has at least six cases of either kind."""
    readme = (PLUGINS / plugin / "README.md").read_text(encoding="utf-8")
    assert f"`{plugin}`" in readme
    for heading in ("## Finds", "## Leaves out", "## Reads", "## Repair", "## References"):
        assert heading in readme
    cases = read_cases(plugin)
    positive = [case for case in cases if case["expect"]]
    assert len(positive) >= 6
    assert len(cases) - len(positive) >= 6
    assert len({case["name"] for case in cases}) == len(cases)


@pytest.mark.parametrize("plugin", NAMES)
async def test_cases_give_exactly_the_expected_findings(plugin: str, tmp_path: Path) -> None:
    """Every case of a plugin gives its expected findings, no more and no fewer."""
    failures: dict[str, str] = {}
    async with PluginExecutor.from_file(PLUGINS / plugin / "plugin.ts") as executor:
        assert executor.metadata.id == plugin
        assert executor.metadata.default_severity is not None
        assert executor.metadata.description
        for case, transaction in zip(read_cases(plugin), case_transactions(plugin, tmp_path), strict=True):
            findings = await executor.scan_transaction(transaction)
            problem = difference(findings, case["expect"])
            if problem is not None:
                failures[case["name"]] = problem
    assert failures == {}


@pytest.mark.parametrize("plugin", NAMES)
async def test_findings_carry_what_a_report_needs(plugin: str, tmp_path: Path) -> None:
    """Findings of the positive cases have class, advice and place, and fingerprints that differ."""
    async with PluginExecutor.from_file(PLUGINS / plugin / "plugin.ts") as executor:
        for transaction in case_transactions(plugin, tmp_path):
            findings = await executor.scan_transaction(transaction)
            assert len({finding.fingerprint for finding in findings}) == len(findings)
            for finding in findings:
                assert finding.cwe.startswith("CWE-")
                assert finding.owasp.endswith(":2021")
                assert finding.remediation
                assert finding.description
                assert finding.location.startswith(("request.", "response."))


async def test_secrets_are_masked_in_findings() -> None:
    """No finding of the two secret plugins repeats the secret it found."""
    token = "Zk4" + "qW7tR2yP9sD1fG6hJ3kL8" + "xC5vB0nM"
    url = f"https://shop.example/api?access_token={token}"
    script = f'var o = {{ clientSecret: "{token}" }};'.encode()
    transaction = HttpTransaction(
        request=isoscan.HttpRequest(method="GET", url=url),
        response=isoscan.HttpResponse(
            status=200, headers=(("Content-Type", "text/javascript"),), body=script
        ),
    )
    for plugin in ("secrets", "url-secrets"):
        async with PluginExecutor.from_file(PLUGINS / plugin / "plugin.ts") as executor:
            findings = await executor.scan_transaction(transaction)
            assert len(findings) == 1
            shown = [findings[0].evidence, findings[0].location, findings[0].title, findings[0].description]
            if plugin == "url-secrets":
                shown.append(findings[0].url)
            assert not any(token in text for text in shown)


async def test_cuts_are_stated() -> None:
    """A body beyond the limit and a surplus of findings are named in the description."""
    key = "".join(("gl", "pat-"))
    alphabet = "aB3dE5gH7jK9mN1pQ2sT"
    keys = " ".join(
        f"{key}{alphabet[index % 20 :]}{alphabet[: index % 20]}{index:02d}" for index in range(60)
    )
    body = keys + " " * (3 * 1024 * 1024)
    transaction = HttpTransaction(
        request=isoscan.HttpRequest(method="GET", url="https://shop.example/keys.txt"),
        response=isoscan.HttpResponse(
            status=200, headers=(("Content-Type", "text/plain"),), body=body.encode()
        ),
    )
    async with PluginExecutor.from_file(PLUGINS / "secrets" / "plugin.ts") as executor:
        findings = await executor.scan_transaction(transaction)
    assert len(findings) == 50
    assert "Only the first 2097152 of" in findings[0].description
    assert "findings of this transaction are reported" in findings[-1].description


@pytest.mark.parametrize("plugin", NAMES)
async def test_example_recordings_tell_flawed_from_hardened(plugin: str) -> None:
    """Every plugin finds something in the flawed shop and nothing but hints in the hardened one."""
    flawed = read_transactions(EXAMPLES / "shop.har")
    hardened = read_transactions(EXAMPLES / "shop-hardened.har")
    async with PluginExecutor.from_file(PLUGINS / plugin / "plugin.ts") as executor:
        found = [
            finding for transaction in flawed for finding in await executor.scan_transaction(transaction)
        ]
        alarms = [
            finding for transaction in hardened for finding in await executor.scan_transaction(transaction)
        ]
    assert found
    assert [finding for finding in alarms if finding.severity is not Severity.INFO] == []
