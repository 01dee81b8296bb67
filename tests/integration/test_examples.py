"""The example plugins that bring npm packages and data with them, in the strict sandbox."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from acceptance._command import Workspace, make_workspace
from isoscan import (
    Finding,
    HttpRequest,
    HttpResponse,
    HttpTransaction,
    Permissions,
    PluginExecutor,
    ScanResult,
    Severity,
    Verdict,
)
from isoscan.sources import open_source
from support.builders import scan

EXAMPLES = Path(__file__).parents[2] / "examples"
DATA = "jsrepository.json"
GRANTED = Permissions(read=(DATA,))
MAX_VENDORED_BYTES = 1_000_000
LARGE = 256 * 1024

pytestmark = pytest.mark.skipif(not EXAMPLES.is_dir(), reason="not in the project's own folder")


def example(name: str, permissions: Permissions | None = None) -> PluginExecutor:
    """One of the examples in the strict sandbox."""
    granted = permissions or Permissions()
    return PluginExecutor.from_file(EXAMPLES / name / "plugin.ts", permissions=granted, sandbox="strict")


@pytest.fixture
async def retire() -> AsyncIterator[PluginExecutor]:
    """The example `retire` with the data it asks for."""
    async with example("retire", GRANTED) as executor:
        yield executor


@pytest.fixture
async def secretlint() -> AsyncIterator[PluginExecutor]:
    """The example `secretlint`."""
    async with example("secretlint") as executor:
        yield executor


def served(
    body: str,
    url: str = "https://shop.example/assets/app.js",
    *,
    content_type: str = "text/javascript",
    status: int = 200,
    sent: str = "",
) -> HttpTransaction:
    """A response with this text; `sent` is the request's."""
    return HttpTransaction(
        HttpRequest("POST" if sent else "GET", url, body=sent.encode()),
        HttpResponse(status, headers=(("Content-Type", content_type),), body=body.encode()),
    )


# ---- retire --------------------------------------------------------------------------

JQUERY = "/*! jQuery v1.8.1 jquery.com | jquery.org/license */\n(function(a,b){})(window);\n"
DOJO = "dojo.version={major:1,minor:4,patch:0,flag:''};"


async def test_old_library_is_found_with_its_cves(retire: PluginExecutor) -> None:
    """jQuery 1.8.1: one finding with what is known of it, the proof and the repair."""
    [finding] = await retire.scan_transaction(served(JQUERY))
    assert finding.title == "jquery 1.8.1 has known vulnerabilities"
    assert finding.severity is Severity.MEDIUM
    assert finding.location == "response.body"
    assert finding.evidence == "/*! jQuery v1.8.1"
    assert finding.remediation == "Update jquery to 3.5.0 or later."
    assert {"CVE-2012-6708", "CVE-2015-9251", "CVE-2020-11022"} <= set(finding.extra["cve"])
    assert "CVE-2020-11022" in finding.description
    known = finding.extra["vulnerabilities"]
    assert {"below": "3.4.0", "severity": "medium"}.items() <= next(
        flaw for flaw in known if "CVE-2019-11358" in flaw["identifiers"].get("CVE", ())
    ).items()


@pytest.mark.parametrize(
    ("transaction", "library", "detected_by"),
    [
        (served(JQUERY), "jquery 1.8.1", ["filecontent"]),
        (served(JQUERY.replace("\n", "\r\n")), "jquery 1.8.1", ["filecontent"]),
        (served("", "https://a.example/jquery-1.8.1.min.js?v=2"), "jquery 1.8.1", ["filename"]),
        (served("var a;", "https://a.example/1.8.1/jquery.js"), "jquery 1.8.1", ["uri"]),
        (served(JQUERY, "https://a.example/jquery-1.8.1.js"), "jquery 1.8.1", ["filecontent", "filename"]),
        (
            served(f"<p>shop<script>{JQUERY}</script>", "https://a.example/", content_type="text/html"),
            "jquery 1.8.1",
            ["filecontent"],
        ),
        (served(DOJO), "dojo 1.4.0", ["filecontentreplace"]),
        (served(JQUERY, content_type="application/octet-stream"), "jquery 1.8.1", ["filecontent"]),
    ],
    ids=["content", "crlf", "file-name", "url", "two-ways", "inline", "put-together", "by-suffix"],
)
async def test_ways_to_recognise(
    retire: PluginExecutor, transaction: HttpTransaction, library: str, detected_by: list[str]
) -> None:
    """Content, file name and URL; several ways make one finding that names them."""
    [finding] = await retire.scan_transaction(transaction)
    assert f"{finding.extra['component']} {finding.extra['version']}" == library
    assert finding.extra["detected_by"] == detected_by
    assert finding.extra["version"] in finding.evidence or "patch:0" in finding.evidence


@pytest.mark.parametrize(
    "transaction",
    [
        served("/*! jQuery v3.7.1 | (c) */", "https://a.example/jquery-3.7.1.min.js"),
        served("not found", "https://a.example/jquery-1.8.1.min.js", content_type="text/html", status=404),
        served("<p>home", "https://a.example/jquery-1.8.1.min.js", content_type="text/html"),
        served(JQUERY, "https://a.example/changes.txt", content_type="text/plain"),
        HttpTransaction(HttpRequest("GET", "https://a.example/jquery-1.8.1.min.js")),
    ],
    ids=["current", "missing", "page-under-its-name", "plain-text", "no-response"],
)
async def test_nothing_known(retire: PluginExecutor, transaction: HttpTransaction) -> None:
    """A current version, and what is no script that was served, is clean."""
    assert (await scan(retire, transaction)).verdict is Verdict.CLEAN


@pytest.mark.parametrize("offset", [0, 16_380, 12_284, 100_000, 300_000])
async def test_anywhere_in_a_large_body(retire: PluginExecutor, offset: int) -> None:
    """A banner is found wherever it stands, also where one window of the search ends."""
    findings = await retire.scan_transaction(served("a;" * (offset // 2) + JQUERY + "b;" * 10_000))
    assert [finding.evidence for finding in findings] == ["/*! jQuery v1.8.1"]


async def test_several_versions_in_one_bundle(retire: PluginExecutor) -> None:
    """Each version of each library once."""
    bundle = JQUERY + JQUERY.replace("1.8.1", "3.4.0") + "/*! Bootstrap v3.3.7 */" + JQUERY
    findings = await retire.scan_transaction(served(bundle))
    found = {f"{finding.extra['component']} {finding.extra['version']}" for finding in findings}
    assert found == {"jquery 1.8.1", "jquery 3.4.0", "bootstrap 3.3.7"}
    assert len(findings) == 3
    [bootstrap] = [finding for finding in findings if finding.extra["component"] == "bootstrap"]
    assert bootstrap.remediation == "Update bootstrap to 4.0.0 or later."


#: Text on which single expressions of the data take time that grows with the square of its length.
HOSTILE = {
    "blanks": " ",
    "slashes": "/",
    "lines": "\n",
    "just-short-runs": " " * 64 + "x",
    "editor": "tinyMCEPreInit",
    "editor-version": "majorVersion:'1',minorVersion:'1',",
    "assignments": 'f="1",',
    "toolkit": '"dojox"',
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_large_hostile_body(retire: PluginExecutor, name: str) -> None:
    """256 KiB made to be slow end well within the default limit."""
    text = (HOSTILE[name] * LARGE)[:LARGE]
    assert (await scan(retire, served(text))).verdict is Verdict.CLEAN


async def test_data_is_an_asset_of_the_folder(tmp_path: Path) -> None:
    """Other data in the folder is used at the next start; here one library known by its hash."""
    folder = tmp_path / "retire"
    shutil.copytree(EXAMPLES / "retire", folder)
    text = "function ours() {}\r\n"
    sha1 = hashlib.sha1(text.replace("\r\n", "\n").encode(), usedforsecurity=False).hexdigest()
    flaw = {"below": "999.999.999", "severity": "critical", "cwe": ["CWE-506"], "info": []}
    ours = {"vulnerabilities": [flaw], "extractors": {"hashes": {sha1: "1.0.0"}}}
    (folder / DATA).write_text(json.dumps({"ours": ours}), encoding="utf-8")
    async with PluginExecutor.from_file(folder / "plugin.ts", permissions=GRANTED) as executor:
        [finding] = await executor.scan_transaction(served(text))
        assert await executor.scan_transaction(served(JQUERY)) == []
    assert finding.title == "ours 1.0.0 has known vulnerabilities"
    assert finding.severity is Severity.CRITICAL
    assert finding.extra["detected_by"] == ["hash"]
    assert "replace the library" in finding.remediation


async def test_without_the_grant() -> None:
    """Without its data the plugin fails and says which file it wants: never clean."""
    async with example("retire") as executor:
        result = await scan(executor, served(JQUERY))
    assert result.verdict is Verdict.ERROR
    assert f'Requires read access to "{DATA}", which the plugin was not granted' in str(result.error)
    assert [(denial.permission, denial.target) for denial in result.denials] == [("read", DATA)]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A folder in which the command runs."""
    return make_workspace(tmp_path)


def test_retire_on_the_command_line(workspace: Workspace) -> None:
    """As examples/README.md says: with `--allow` three libraries, without it one message for the plugin."""
    capture = str(EXAMPLES / "retire/fixtures/old-libraries.jsonl")
    words = ("run", capture, "-p", str(EXAMPLES / "retire"), "--format", "jsonl")
    allowed = workspace.run(*words, "--allow", f"read={DATA}")
    assert allowed.code == 0
    assert {finding["title"].partition(" has ")[0] for finding in allowed.findings} == {
        "jquery 1.8.1",
        "moment.js 2.18.1",
        "bootstrap 3.3.7",
    }
    refused = workspace.run(*words)
    assert refused.code == 3
    assert refused.findings == []
    assert refused.stderr.count("which the plugin was not granted") == 1
    assert f"retire: asks for more than it was granted (--allow): read={DATA}" in refused.stderr


# ---- secretlint ----------------------------------------------------------------------

#: In halves, so that nobody takes them for real ones.
AWS_KEY = "wJalrXUtnFEMI" + "/K7MDENG/bPxRfiCYzT5Nq8Lm2V"
AWS = "AWS_SECRET_" + f'ACCESS_KEY = "{AWS_KEY}"'
PEM_BODY = "MIIEpAIBAAKCAQEAuVbT3zqN0l8sK1fYcXwRj6m9GdLhQe2PtUo4aI7vBxZnCyEk"
PRIVATE_KEY = "\n".join(
    ["-----BEGIN RSA " + "PRIVATE KEY-----", *[PEM_BODY] * 4, "-----END RSA " + "PRIVATE KEY-----"]
)
GITHUB = "ghp_" + "wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx"
SLACK = "xoxb-" + "23984754863-2348975623103-a7Kd93LmQz0PxW4tVbYc81Ne"
DATABASE = "postgresql://shop:" + "Wq8Lm2VbT3zq@db.shop.example:5432/orders"
CREDENTIALS = "https://deploy:" + "Wq8Lm2VbT3zq@git.shop.example/shop.git"
SERVICE_ACCOUNT = json.dumps(
    {"type": "service_account", "private_key_id": "5f2db032839669107579d7dad", "private_key": PRIVATE_KEY}
)


@pytest.mark.parametrize(
    ("body", "content_type", "rule", "secret"),
    [
        (f"const {AWS};", "text/javascript", "aws", AWS_KEY),
        (PRIVATE_KEY, "application/octet-stream", "privatekey", PEM_BODY),
        (f'{{"token": "{GITHUB}"}}', "application/json", "github", GITHUB),
        (f"<p>{SLACK}</p>", "text/html", "slack", SLACK),
        (f"DB={DATABASE}", "text/plain", "database-connection-string", "Wq8Lm2VbT3zq"),
        (f"git clone {CREDENTIALS}", "", "basicauth", "Wq8Lm2VbT3zq"),
        (SERVICE_ACCOUNT, "application/json", "gcp", PEM_BODY),
    ],
    ids=["aws", "private-key", "github", "slack", "database", "basic-auth", "service-account"],
)
async def test_secrets_are_found(
    secretlint: PluginExecutor, body: str, content_type: str, rule: str, secret: str
) -> None:
    """Each rule finds its secret, and what is reported does not hold the secret itself."""
    findings = await secretlint.scan_transaction(
        served(body, "https://shop.example/x", content_type=content_type)
    )
    [finding] = [finding for finding in findings if finding.vuln_type == f"secretlint-{rule}"]
    assert finding.severity is Severity.HIGH
    assert finding.location.startswith("response.body:")
    assert secret not in everything(finding)


def everything(finding: Finding) -> str:
    """All texts of a finding."""
    return json.dumps([finding.title, finding.description, finding.evidence, finding.location, finding.extra])


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("<!doctype html><title>Shop</title><p>Set AWS_SECRET_ACCESS_KEY first.", "text/html"),
        (
            '{"sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}',
            "application/json",
        ),
        (PRIVATE_KEY, "image/png"),
        ("", "text/html"),
    ],
    ids=["page", "hash", "picture", "empty"],
)
async def test_clean_bodies(secretlint: PluginExecutor, body: str, content_type: str) -> None:
    """Names of keys, hashes, and what is no text are clean."""
    assert (await scan(secretlint, served(body, content_type=content_type))).verdict is Verdict.CLEAN


async def test_place_and_repetition(secretlint: PluginExecutor) -> None:
    """The same secret three times is one finding, with its first line and column."""
    body = f"let a;\n  // {AWS}\n{AWS}\n{AWS}\n"
    [finding] = await secretlint.scan_transaction(served(body))
    place = {name: finding.extra[name] for name in ("line", "column", "times")}
    assert place == {"line": 2, "column": 6, "times": 3}
    assert finding.evidence == "wJal…Lm2V (40 characters, line 2, column 6)"


async def test_request_bodies(secretlint: PluginExecutor) -> None:
    """A secret that is sent weighs less than one that is served."""
    [finding] = await secretlint.scan_transaction(served("ok", sent=f"note={AWS}"))
    assert finding.location.startswith("request.body:")
    assert finding.severity is Severity.MEDIUM


@pytest.mark.parametrize("comment", ["// secretlint-disable", "/* secretlint-disable */"])
async def test_pages_cannot_switch_rules_off(secretlint: PluginExecutor, comment: str) -> None:
    """secretlint's own comments in a body change nothing."""
    body = f"{comment}\n{AWS} // secretlint-disable-line\n"
    assert len(await secretlint.scan_transaction(served(body))) == 1


async def test_many_scans_at_once_keep_apart(secretlint: PluginExecutor) -> None:
    """The asynchronous library is asked for many transactions, and each gets its own result."""
    transactions = [served(f"{AWS}\n" * (n % 2), f"https://a.example/{n}.js") for n in range(200)]
    results: list[ScanResult] = [result async for result in secretlint.scan_many(transactions)]
    expected = [Verdict.FINDINGS if n % 2 else Verdict.CLEAN for n in range(200)]
    assert [result.verdict for result in results] == expected
    assert [finding.url for result in results for finding in result.findings] == [
        f"https://a.example/{n}.js" for n in range(200) if n % 2
    ]


# ---- both ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["retire", "secretlint"])
async def test_the_shop_has_none_of_it(name: str) -> None:
    """Every transaction of the recorded visit is scanned and clean, without anything denied."""
    async with example(name, GRANTED) as executor:
        transactions = [
            entry.transaction for entry in open_source(EXAMPLES / "shop.har") if entry.transaction is not None
        ]
        results = [result async for result in executor.scan_many(transactions)]
    assert len(results) > 70
    assert {result.verdict for result in results} == {Verdict.CLEAN}
    assert [result.denials for result in results if result.denials] == []


@pytest.mark.parametrize("name", ["retire", "secretlint"])
def test_own_cases(workspace: Workspace, name: str) -> None:
    """`isoscan test` is content with the example's fixtures."""
    done = workspace.run("test", str(EXAMPLES / name))
    assert done.code == 0, done.text


VENDORED = {
    "retire": ["retire"],
    "secretlint": ["@secretlint/core", "@secretlint/secretlint-rule-preset-recommend"],
}


@pytest.mark.parametrize("name", VENDORED)
def test_vendored_as_locked(name: str) -> None:
    """The bundle names the versions that are locked, its licences lie beside it, and it is small."""
    folder = EXAMPLES / name
    wanted: dict[str, Any] = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    locked = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    bundle = (folder / f"vendor/{name}.js").read_text(encoding="utf-8")
    licences = (folder / "vendor/LICENSES.txt").read_text(encoding="utf-8")
    for package in VENDORED[name]:
        version = locked[f"node_modules/{package}"]["version"]
        assert wanted["devDependencies"][package] == version
        assert f"{package} {version}" in bundle[:1000]
        assert f"==== {package} {version}" in licences
    assert re.findall(r"\bfrom ?[\"']|\brequire\([\"']|\bimport ?\(", bundle) == []
    shipped = [path for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in shipped) < MAX_VENDORED_BYTES
