"""Nothing of a transaction leaves the product but as evidence: not by logs, events, statistics or files."""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from isoscan import (
    Event,
    EventKind,
    HttpRequest,
    HttpResponse,
    HttpTransaction,
    IsoscanError,
    PluginExecutor,
    RestartReason,
    ScanResult,
    Verdict,
)
from support.builders import MIB, make_executor, scan
from support.faking import make_faked
from support.watching import begin, until

CANARY = "c4n4ry-7f3a"
FORMS = (CANARY.encode(), CANARY.encode().hex().encode(), b"YzRuNHJ5LTdmM2E")

#: Keeps all it is given, quotes it on its console, and ends as the path says.
PLUGIN = """
const kept = [];
export function scan_transaction(t) {
  const all = t.request.url + t.request.text() + t.response.text();
  kept.push(all);
  console.log(all);
  const path = new URL(t.request.url).pathname;
  if (path === "/throw") throw new Error(all);
  if (path === "/reject") return Promise.reject(all);
  if (path === "/late") queueMicrotask(() => { throw new TypeError(all); });
  if (path === "/loop") for (;;);
  if (path === "/memory") for (;;) kept.push(new Array(1e5).fill(kept));
  if (path === "/untitled") return { evidence: all };
  if (path === "/severity") return { title: "x", severity: all };
  if (path === "/type") return { title: [all] };
  if (path === "/finding") return { title: "x", evidence: all };
}
"""
PATHS = {
    "/clean": Verdict.CLEAN,
    "/finding": Verdict.FINDINGS,
    "/throw": Verdict.ERROR,
    "/reject": Verdict.ERROR,
    "/late": Verdict.ERROR,
    "/untitled": Verdict.INVALID_FINDINGS,
    "/severity": Verdict.INVALID_FINDINGS,
    "/type": Verdict.INVALID_FINDINGS,
    "/loop": Verdict.TIMEOUT,
    "/memory": Verdict.OUT_OF_MEMORY,
}
#: What the fake in Deno's place does with a frame, and how its scan ends.
FAULTS = {
    "exit:1": Verdict.CRASHED,
    "signal:11": Verdict.CRASHED,
    "stall": Verdict.TIMEOUT,
    "garbage": Verdict.CRASHED,
    "half_exit": Verdict.CRASHED,
    "not_json": Verdict.CRASHED,
    "deep_finding": Verdict.INVALID_FINDINGS,
    "finding_not_json": Verdict.INVALID_FINDINGS,
    "stderr_flood": Verdict.FINDINGS,
}


def transaction(path: str) -> HttpTransaction:
    """One that holds the canary wherever it can but in its id."""
    headers = [("Authorization", f"Bearer {CANARY}"), ("Cookie", f"a={CANARY}"), (CANARY, CANARY)]
    return HttpTransaction(
        HttpRequest("POST", f"http://shop.example{path}?q={CANARY}", headers, f"request {CANARY}"),  # type: ignore[arg-type]
        HttpResponse(200, [*headers, ("Content-Type", "text/html")], f"response {CANARY}"),  # type: ignore[arg-type]
    )


class Watch:
    """Everything the product says of itself while a test runs."""

    def __init__(self, caplog: pytest.LogCaptureFixture, folder: Path) -> None:
        self.events: list[Event] = []
        self._caplog = caplog
        self._folder = folder
        self._files = self._sizes()

    def listen(self, executor: PluginExecutor) -> None:
        """Takes part in every event of the executor."""
        executor._slot.chronicle.events.add(self.events.append)

    def _sizes(self) -> dict[Path, int]:
        found = {}
        for folder, _, names in os.walk(self._folder):
            for name in names:
                path = Path(folder, name)
                if path.is_file():
                    found[path] = path.stat().st_size
        return found

    def said(self, executor: PluginExecutor) -> Iterator[tuple[str, str]]:
        """`(where, text)` of each thing said."""
        for record in self._caplog.records:
            yield "log", f"{record.getMessage()} {record.__dict__}"
            if record.exc_info:
                yield "traceback", "".join(traceback.format_exception(*record.exc_info))
        for event in self.events:
            yield "event", f"{event.line()} {event!r}"
        yield "stats", repr(executor.get_stats())
        yield "repr", f"{executor!r} {executor.metadata!r}"
        for path, size in self._sizes().items():
            if self._files.get(path) != size:
                yield "file", f"{path} {path.read_bytes()!r}"

    def check(self, executor: PluginExecutor) -> None:
        """Fails and names every place that holds the canary."""
        said = list(self.said(executor))
        assert {where for where, _ in said} >= {"log", "event", "stats"}, "nothing was watched"
        found = [f"{where}: {text[:300]}" for where, text in said if any(f.decode() in text for f in FORMS)]
        assert found == []


@pytest.fixture
def watch(
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> Watch:
    """All loggers at DEBUG, and a folder for temporary files that only this test uses."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "isoscan")
    return Watch(caplog, folder)


def check_failure(result: ScanResult) -> None:
    """The product's own words about a failed scan quote nothing; a plugin's error says what it likes."""
    if result.error is not None and result.verdict is not Verdict.ERROR:
        assert CANARY not in repr(result.error)


def aborting(executor: PluginExecutor) -> Callable[[], bool]:
    """Aborts what runs, as often as it is asked, and says whether anything ran."""
    tasks: list[asyncio.Task[bool]] = []

    def has_aborted() -> bool:
        if not tasks or (tasks[-1].done() and not tasks[-1].result()):
            tasks.append(begin(executor.terminate_execution()))
        return tasks[-1].done() and tasks[-1].result()

    return has_aborted


@pytest.mark.parametrize(("path", "verdict"), PATHS.items())
async def test_verdicts(watch: Watch, path: str, verdict: Verdict) -> None:
    """Whatever becomes of a scan, only its result holds anything of its transaction."""
    timeout_s = 1.0 if verdict is Verdict.TIMEOUT else 60.0
    executor = make_executor(PLUGIN, timeout_s=timeout_s, memory_bytes=96 * MIB)
    watch.listen(executor)
    async with executor:
        result = await scan(executor, transaction(path))
        await executor.restart(reason=RestartReason.MANUAL)
        watch.check(executor)
    assert result.verdict is verdict
    check_failure(result)
    watch.check(executor)


@pytest.mark.parametrize(("fault", "verdict"), FAULTS.items())
async def test_deaths(watch: Watch, tmp_path: Path, fault: str, verdict: Verdict) -> None:
    """A generation that dies, hangs or breaks the protocol over a transaction betrays nothing of it."""
    executor = make_faked(tmp_path, {"paths": {"/bad": fault}}, timeout_s=1.0)
    watch.listen(executor)
    async with executor:
        result = await scan(executor, transaction("/bad"))
        await executor.restart(reason=RestartReason.MANUAL)
        watch.check(executor)
    assert result.verdict is verdict
    check_failure(result)
    watch.check(executor)


async def test_quarantine(watch: Watch, tmp_path: Path) -> None:
    """Neither the deaths that lead to quarantine nor the scans refused in it betray anything."""
    executor = make_faked(
        tmp_path, {"paths": {"/bad": "exit:1"}}, max_consecutive_deaths=2, max_attempts=1, quarantine_s=60.0
    )
    watch.listen(executor)
    async with executor:
        results = [await scan(executor, transaction("/bad")) for _ in range(3)]
        with pytest.raises(IsoscanError) as refused:
            await executor.scan_transaction(transaction("/bad"))
        assert CANARY not in f"{refused.value}"
        watch.check(executor)
    assert [result.verdict for result in results] == [Verdict.CRASHED, Verdict.CRASHED, Verdict.SKIPPED]
    assert EventKind.QUARANTINE in {event.kind for event in watch.events}
    for result in results:
        check_failure(result)


async def test_aborted_scan(watch: Watch) -> None:
    """A scan that is aborted, and one that waits when the executor is closed, betray nothing."""
    executor = make_executor(PLUGIN, timeout_s=600.0)
    watch.listen(executor)
    async with executor:
        aborted = begin(scan(executor, transaction("/loop")))
        await until(lambda: executor.get_stats().in_flight == 1, "the scan runs")
        await until(aborting(executor), "the scan was aborted")
        assert (await aborted).verdict is Verdict.INTERRUPTED
        waiting = begin(scan(executor, transaction("/loop")))
        await until(lambda: executor.get_stats().in_flight == 1, "the second scan runs")
        await executor.shutdown(drain=False)
        assert (await waiting).verdict is Verdict.INTERRUPTED
    for task in (aborted, waiting):
        check_failure(task.result())
    watch.check(executor)


async def test_reply_that_cannot_be_turned_into_a_result(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of the product's own, logged with its traceback, quotes nothing of the transaction."""

    def fail(*_: object) -> None:
        raise RuntimeError("a fault of its own")

    monkeypatch.setattr("isoscan._dispatch.result_of_entry", fail)
    executor = make_executor(PLUGIN)
    watch.listen(executor)
    async with executor:
        result = await scan(executor, transaction("/finding"))
        await executor.restart(reason=RestartReason.MANUAL)
        watch.check(executor)
    assert result.verdict is Verdict.ERROR
    assert CANARY not in repr(result)


async def test_watch_sees(watch: Watch) -> None:
    """The watch would notice: a log line, an event or a file that holds the canary."""
    executor = make_executor(PLUGIN)
    watch.listen(executor)
    async with executor:
        await executor.restart(reason=RestartReason.MANUAL)
        watch.check(executor)
        logging.getLogger("isoscan").debug("scanned %s", CANARY)
        with pytest.raises(AssertionError, match="log"):
            watch.check(executor)
        (Path(tempfile.gettempdir()) / "dump").write_text(CANARY, encoding="utf-8")
        with pytest.raises(AssertionError, match="file"):
            watch.check(executor)
