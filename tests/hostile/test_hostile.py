"""Runs every hostile plugin of the corpus: no breach, the verdict it should have, and good scans after it.

The plugins selected run at the first test, a few at a time, each in an executor of its own;
every test then looks at what came of one of them. A breach is told by the plugin itself (a
finding or console line that begins with `BREACH`) or seen from outside: a secret of this
process, a file, a connection, or bytes of a transaction that the plugin was not given yet.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import tempfile
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from isoscan import (
    GenerationStartError,
    HttpRequest,
    HttpResponse,
    HttpTransaction,
    Limits,
    Permissions,
    PluginExecutor,
    PluginLoadError,
    PluginMetadata,
    ScanResult,
    Verdict,
)
from support.builders import MIB, is_echo, make_executor, make_transaction, scan

from ._corpus import NOT_LOADED, Case, load_corpus
from ._watching import generations

CASES = load_corpus()
#: Plugins that run at the same time.
LANES = 3
DEADLINE_S = 90.0
PATHS = ("/good/before", "/bad", "/good/after", "/good/last")
BAD = PATHS.index("/bad")
#: A scan that may kill its generation is asked for alone, so that it is not run twice.
LETHAL = {Verdict.TIMEOUT, Verdict.OUT_OF_MEMORY, Verdict.CRASHED}
PLUGIN_ID = "hostile"


class Bait(NamedTuple):
    """What a plugin may be after, outside of its generation."""

    folder: Path
    secret: str
    server: socket.socket

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Where it all is; a plugin is told, so that it need not guess."""
        return (
            ("X-Canary-Folder", str(self.folder)),
            ("X-Canary-Text", str(self.folder / "canary.txt")),
            ("X-Canary-Json", str(self.folder / "canary.json")),
            ("X-Canary-Map", str(self.folder / "canary.map")),
            ("X-Canary-Port", str(self.server.getsockname()[1])),
        )

    def damage(self) -> list[str]:
        """What happened to it."""
        found = []
        names = sorted(path.name for path in self.folder.iterdir())
        if names != ["canary.json", "canary.map", "canary.txt"]:
            found.append(f"the folder holds {names}")
        with contextlib.suppress(BlockingIOError):
            self.server.accept()[0].close()
            found.append("somebody connected")
        return found


@contextlib.contextmanager
def lay_bait() -> Iterator[Bait]:
    """A folder, an environment variable and a server to be found out by."""
    secret = f"CANARY-{os.urandom(8).hex()}"
    with tempfile.TemporaryDirectory() as name, socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        bait = Bait(Path(name), secret, server)
        source_map = {"version": 3, "sources": [f"file:///{secret}"], "names": [], "mappings": "AAAA;AAAA"}
        (bait.folder / "canary.txt").write_text(secret, encoding="utf-8")
        (bait.folder / "canary.json").write_text(json.dumps({"secret": secret}), encoding="utf-8")
        (bait.folder / "canary.map").write_text(json.dumps(source_map), encoding="utf-8")
        os.environ["HOSTILE_CANARY"] = secret
        try:
            yield bait
        finally:
            del os.environ["HOSTILE_CANARY"]


def make_marked(path: str, marker: str, bait: Bait) -> HttpTransaction:
    """A transaction that can be told by its marker wherever its bytes turn up."""
    url = f"http://shop.example{path}?q={marker}"
    headers = (*bait.headers, ("X-Own-Marker", marker))
    return HttpTransaction(
        request=HttpRequest(method="POST", url=url, headers=headers, body=f"request {marker}".encode()),
        response=HttpResponse(
            status=200,
            headers=(("Content-Type", "text/plain; charset=iso-8859-1"),),
            body=f"response {marker}".encode(),
        ),
    )


# ---- one plugin ----------------------------------------------------------------------


def text_of(result: ScanResult) -> str:
    """Everything a plugin brought out of one scan."""
    parts = [*(line.text for line in result.console), repr(result.error)]
    for finding in result.findings:
        parts += [finding.title, finding.evidence, finding.description]
        with contextlib.suppress(RecursionError):  # some nest their fields as deeply as the parser takes
            parts.append(repr(finding.extra))
    return "\n".join(parts)


def breaches(result: ScanResult, sent: HttpTransaction, unseen: list[str], bait: Bait) -> list[str]:
    """What a result says that it must not say."""
    path = sent.request.url.split("?")[0]
    found = [f"{path}: {f.title[:300]}" for f in result.findings if f.title.startswith("BREACH")]
    found += [f"{path}: console: {c.text[:300]}" for c in result.console if c.text.startswith("BREACH")]
    text = text_of(result)
    if bait.secret in text:
        found.append(f"{path}: the result holds a secret from outside")
    if any(marker in text for marker in unseen):
        found.append(f"{path}: the result holds bytes of a transaction that was not scanned yet")
    if result.transaction_id != sent.id or result.plugin_id != PLUGIN_ID:
        found.append(f"{path}: the result is of {result.plugin_id} on {result.transaction_id}")
    for finding in result.findings:
        named = (finding.plugin_id, finding.transaction_id, finding.url, finding.method)
        if named != (PLUGIN_ID, sent.id, sent.request.url, sent.request.method):
            found.append(f"{path}: a finding is filed under {named}")
        if abs(datetime.now(UTC) - finding.created_at) > timedelta(minutes=10):
            found.append(f"{path}: a finding is dated {finding.created_at}")
    return found


def is_right(result: ScanResult, sent: HttpTransaction) -> bool:
    """Whether a good scan says exactly what well-behaved code says."""
    assert sent.response is not None
    says = [(finding.title, finding.evidence) for finding in result.findings]
    return not result.console and says == [(sent.id, sent.response.body.decode())]


async def run_scans(executor: PluginExecutor, case: Case, bait: Bait) -> list[str]:
    """Scans good, bad, good, good; what was wrong with it."""
    markers = [f"marker-{os.urandom(6).hex()}" for _ in PATHS]
    sent = [make_marked(path, marker, bait) for path, marker in zip(PATHS, markers, strict=True)]
    if case.expect & LETHAL:
        results = [await scan(executor, transaction) for transaction in sent]
    else:
        results = [result async for result in executor.scan_many(sent[:-1])]
        results.append(await scan(executor, sent[-1]))
    problems = []
    for index, (result, transaction) in enumerate(zip(results, sent, strict=True)):
        problems += breaches(result, transaction, markers[index + 1 :], bait)
        shown = (
            f"{PATHS[index]}: {result.verdict}: {result.error} {[f.title[:80] for f in result.findings[:3]]}"
        )
        if index == BAD:
            if result.verdict not in case.expect:
                problems.append(f"{shown} instead of {sorted(case.expect)}")
        elif index > BAD and case.then:
            if result.verdict not in case.then:
                problems.append(f"{shown} instead of {sorted(case.then)}")
        elif not is_right(result, transaction):
            problems.append(f"{shown} instead of the right answer")
    return problems


async def run_case(case: Case, bait: Bait) -> list[str]:
    """Everything that went wrong with one plugin; empty when all is well."""
    limits = Limits(**{"timeout_s": 30.0, "memory_bytes": 160 * MIB, **case.limits})
    executor = PluginExecutor(
        PluginMetadata(id=PLUGIN_ID), case.code, limits=limits, permissions=Permissions(net=case.net)
    )
    try:
        async with asyncio.timeout(DEADLINE_S), executor:
            if case.expect == {NOT_LOADED}:
                return ["it was loaded"]
            return await run_scans(executor, case, bait)
    except (PluginLoadError, GenerationStartError) as error:
        shown = str(error)
        problems = [] if NOT_LOADED in case.expect else [f"it was not loaded: {shown}"]
        return problems + ["the error holds a secret from outside"] * (bait.secret in shown)
    except Exception as error:  # noqa: BLE001  # whatever else comes out is what the test reports
        return [f"an exception came out: {error!r}"]


# ---- all of them ---------------------------------------------------------------------


async def run_lane(waiting: deque[Case], bait: Bait, problems: dict[str, list[str]]) -> None:
    """Runs one plugin after the other, each followed by a scan of a good neighbour."""
    async with make_executor() as neighbour:
        while waiting:
            case = waiting.popleft()
            found = await run_case(case, bait)
            if not is_echo(await scan(neighbour, make_transaction("/neighbour"))):
                found.append("a neighbour's scan went wrong")
            problems[case.id] = list(dict.fromkeys(found + bait.damage()))


async def run_all(cases: list[Case]) -> dict[str, list[str]]:
    """What went wrong, for each plugin."""
    problems: dict[str, list[str]] = {}
    waiting = deque(sorted(cases, key=lambda case: (not case.expect & LETHAL, case.id)))
    with lay_bait() as bait:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(LANES, len(cases))):
                group.create_task(run_lane(waiting, bait, problems))
    return problems


@pytest.fixture(scope="module")
def problems(request: pytest.FixtureRequest) -> dict[str, list[str]]:
    """Runs the plugins whose tests were selected; what went wrong with each."""
    chosen = {item.name for item in request.session.items if item.path == request.path}
    found = asyncio.run(run_all([case for case in CASES if f"test_plugin[{case.id}]" in chosen]))
    assert not generations()
    return found


@pytest.mark.timeout(400)
@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES])
def test_plugin(case: Case, problems: dict[str, list[str]]) -> None:
    """The plugin breaches nothing, gets the verdict it should have, and spoils no good scan."""
    found = problems[case.id]
    if found:
        pytest.fail("\n  ".join([f"{case.id}: {case.tries}", *found]), pytrace=False)
