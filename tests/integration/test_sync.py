"""The blocking twin: the same verbs from threads that have no event loop."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import isoscan
from isoscan import (
    ConfigError,
    ExecutorStateError,
    HttpTransaction,
    Limits,
    PluginLoadError,
    PluginMetadata,
    RestartReason,
    ScanError,
    ScanInterrupted,
    ScanTimeout,
    Verdict,
)
from isoscan.sync import PluginExecutor
from support.builders import ECHO, is_echo, make_transaction

FICKLE = """
export function scan_transaction(t) {
  if (t.request.url.includes("/throw")) throw new Error("no");
  if (t.request.url.includes("/loop")) for (;;);
  return { title: t.id };
}"""


def make_twin(code: str = ECHO, *, config: dict[str, Any] | None = None, **limits: Any) -> PluginExecutor:
    """A blocking executor with the id `probe`."""
    return PluginExecutor(PluginMetadata(id="probe"), code, config=config, limits=Limits(**limits))


def is_served(twin: PluginExecutor) -> bool:
    """Whether a scan of `ECHO` gets its own finding."""
    transaction = make_transaction()
    return [f.title for f in twin.scan_transaction(transaction)] == [transaction.id]


@pytest.fixture(autouse=True, scope="module")
def background() -> None:
    """The one background loop lives from here on: its descriptors belong to no single test."""
    make_twin().get_stats()


def test_scan() -> None:
    """No event loop is needed, and the stats come at once."""
    with make_twin() as twin:
        assert is_served(twin)
        stats = twin.get_stats()
        assert (stats.state, stats.total_executions, twin.state) == ("serving", 1, "serving")
        assert "probe" in repr(twin)
        assert twin.metadata.id == "probe"
    assert twin.state == "closed"


def test_same_verbs_and_arguments() -> None:
    """The twin has every public verb of the original, with the same arguments."""
    names = {name for name in vars(isoscan.PluginExecutor) if not name.startswith("_")}
    missing = names - {name for name in vars(PluginExecutor) if not name.startswith("_")}
    assert missing <= {"load", "snapshot"}
    for name in names - missing - {"from_file", "metadata", "permissions", "state"}:
        original = inspect.signature(getattr(isoscan.PluginExecutor, name))
        assert list(inspect.signature(getattr(PluginExecutor, name)).parameters) == list(original.parameters)


def test_same_constructor() -> None:
    """Whatever the original can be made with, the twin can."""
    original = inspect.signature(isoscan.PluginExecutor.__init__).parameters
    assert list(inspect.signature(PluginExecutor.__init__).parameters) == list(original)


def test_several_threads_at_once() -> None:
    """Scans, restarts, reloads and stats from eight threads: each scan gets its own finding."""
    with make_twin(queue_size=20) as twin, ThreadPoolExecutor(8) as threads:
        scans = [threads.submit(is_served, twin) for _ in range(300)]
        others = [
            threads.submit(verb)
            for verb in (twin.restart, twin.get_stats, lambda: twin.reload(ECHO), twin.restart)
        ]
        scans += [threads.submit(is_served, twin) for _ in range(300)]
        assert all(scan.result() for scan in scans)
        for other in others:
            other.result()
        stats = twin.get_stats()
    assert stats.verdicts == {Verdict.FINDINGS: 600}
    assert stats.restarts[RestartReason.RELOAD] == 1


def test_streams_in_several_threads() -> None:
    """Each thread's stream keeps its own order."""

    def stream(twin: PluginExecutor) -> bool:
        transactions = [make_transaction() for _ in range(300)]
        results = list(twin.scan_many(transactions))
        return [r.transaction_id for r in results] == [t.id for t in transactions] and all(
            map(is_echo, results)
        )

    with make_twin() as twin, ThreadPoolExecutor(4) as threads:
        assert all(future.result() for future in [threads.submit(stream, twin) for _ in range(4)])


@pytest.mark.parametrize("count", [0, 1, 2, 3, 600])
def test_stream_is_in_order(count: int) -> None:
    """One result per transaction, in input order, whatever the length."""
    transactions = [make_transaction() for _ in range(count)]
    with make_twin() as twin:
        results = list(twin.scan_many(iter(transactions)))
    assert [r.transaction_id for r in results] == [t.id for t in transactions]
    assert all(map(is_echo, results))


def test_stream_is_read_lazily_by_the_caller() -> None:
    """The input is taken in the calling thread, and never far ahead of what was handed out."""
    taken: list[str] = []

    def source() -> Iterator[HttpTransaction]:
        for _ in range(10_000):
            taken.append(threading.current_thread().name)
            yield make_transaction()

    with make_twin() as twin:
        for index, result in enumerate(twin.scan_many(source())):
            assert is_echo(result)
            assert len(taken) <= 4 * (index + 1) + 4
            if index == 50:
                break
    assert set(taken) == {threading.current_thread().name}


def test_stream_left_early() -> None:
    """After a break nothing waits or runs, and the executor serves on."""
    with make_twin() as twin:
        stream = twin.scan_many(make_transaction() for _ in range(100_000))
        for _, result in zip(range(300), stream, strict=False):
            assert is_echo(result)
        stream.close()  # type: ignore[attr-defined]
        assert is_served(twin)
        assert twin.get_stats().queued == 0


def test_failures_in_a_stream() -> None:
    """A stream gives failures as verdicts, in their places."""
    paths = ["/", "/throw", "/", "/loop", "/"]
    with make_twin(FICKLE, timeout_s=0.2) as twin:
        verdicts = [result.verdict for result in twin.scan_many(map(make_transaction, paths))]
    fine = Verdict.FINDINGS
    assert verdicts == [fine, Verdict.ERROR, fine, Verdict.TIMEOUT, fine]


def test_input_that_breaks_off() -> None:
    """An error the input raises comes after the results of all it gave, as in the original."""

    def source() -> Iterator[HttpTransaction]:
        for _ in range(5):
            yield make_transaction()
        raise ZeroDivisionError

    results: list[object] = []
    with make_twin() as twin:
        with pytest.raises(ZeroDivisionError):
            results.extend(twin.scan_many(source()))
        assert is_served(twin)
    assert len(results) == 5


def test_typed_errors() -> None:
    """Errors are those of the original, with the whole result."""
    with make_twin(FICKLE, timeout_s=0.2) as twin:
        with pytest.raises(ScanError) as caught:
            twin.scan_transaction(make_transaction("/throw"))
        assert caught.value.result is not None
        assert caught.value.result.verdict is Verdict.ERROR
        with pytest.raises(ScanTimeout):
            twin.scan_transaction(make_transaction("/loop"))
        with pytest.raises(ConfigError):
            twin.reload()
        with pytest.raises(PluginLoadError):
            twin.reload("throw new Error('no');")
        assert is_served(twin)


def test_not_started_and_shut_down() -> None:
    """Before the start and after the end every verb is refused, in the calling thread."""
    twin = make_twin()
    with pytest.raises(ExecutorStateError):
        twin.scan_transaction(make_transaction())
    with pytest.raises(ExecutorStateError):
        list(twin.scan_many([make_transaction()]))
    twin.start()
    with pytest.raises(ExecutorStateError):
        twin.start()
    assert is_served(twin)
    twin.shutdown()
    twin.shutdown()
    with pytest.raises(ExecutorStateError):
        twin.restart()
    with pytest.raises(ExecutorStateError):
        twin.scan_transaction(make_transaction())


def test_failed_start() -> None:
    """A plugin that cannot be loaded fails `start()` with the original's error."""
    with pytest.raises(PluginLoadError), make_twin("export const x = 1;"):
        pass


def test_restart() -> None:
    """The report is the original's."""
    with make_twin() as twin:
        report = twin.restart(reason=RestartReason.MAX_AGE)
        assert (report.generation, report.reason) == (2, RestartReason.MAX_AGE)
        assert twin.restart(overlap=False).generation == 3
        assert is_served(twin)


def test_terminate_from_another_thread() -> None:
    """A thread that waits for a looping scan is freed by another."""
    with make_twin(FICKLE, timeout_s=60.0) as twin, ThreadPoolExecutor(1) as threads:
        assert twin.terminate_execution() is False
        call = threads.submit(twin.scan_transaction, make_transaction("/loop"))
        while not twin.terminate_execution():
            assert not call.done()
        with pytest.raises(ScanInterrupted):
            call.result()
        assert is_served(twin)


def test_shutdown_frees_other_threads() -> None:
    """Without draining, a thread that waits for a scan gets its error."""
    twin = make_twin(FICKLE, timeout_s=60.0)
    twin.start()
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(twin.scan_transaction, make_transaction("/loop"))
        while not twin.get_stats().in_flight:
            assert not call.done()
        twin.shutdown(drain=False)
        with pytest.raises(ScanInterrupted):
            call.result()


def test_error_in_the_block_does_not_drain() -> None:
    """The block's error comes at once, not after the queue."""
    with ThreadPoolExecutor(1) as threads:
        with pytest.raises(ZeroDivisionError), make_twin(FICKLE, timeout_s=600.0) as twin:
            call = threads.submit(twin.scan_transaction, make_transaction("/loop"))
            while not twin.get_stats().in_flight:
                assert not call.done()
            raise ZeroDivisionError
        with pytest.raises(ScanInterrupted):
            call.result()


def test_from_file(tmp_path: Path) -> None:
    """A plugin file knows its own metadata and is read again."""
    path = tmp_path / "plugin.ts"
    text = (
        'export const metadata = {{ id: "filed", name: "F", version: "1.0.0" }};\n'
        "export const scan_transaction = () => ({{ title: '{}' }});"
    )
    path.write_text(text.format("old"), encoding="utf-8")
    with PluginExecutor.from_file(path, 7, limits=Limits(timeout_s=2.0)) as twin:
        assert twin.metadata.id == "filed"
        assert twin.get_stats().max_executions_before_restart == 7
        assert twin.scan_transaction(make_transaction())[0].title == "old"
        path.write_text(text.format("new"), encoding="utf-8")
        assert twin.reload().reason is RestartReason.RELOAD
        assert twin.scan_transaction(make_transaction())[0].title == "new"


async def test_beside_an_event_loop() -> None:
    """In a thread of a program whose main thread runs asyncio; the loop goes on meanwhile."""
    turns = 0

    def work() -> bool:
        with make_twin() as twin:
            return all(map(is_echo, twin.scan_many(make_transaction() for _ in range(200))))

    async with isoscan.PluginExecutor(PluginMetadata(id="probe"), ECHO) as executor:
        thread = asyncio.ensure_future(asyncio.to_thread(work))
        while not thread.done():
            turns += 1
            transaction = make_transaction()
            (finding,) = await executor.scan_transaction(transaction)
            assert finding.title == transaction.id
    assert await thread
    assert turns > 1
    await asyncio.get_running_loop().shutdown_default_executor()


def test_two_twins_share_one_thread() -> None:
    """However many executors there are, there is one background thread."""
    with make_twin() as one, make_twin() as two:
        assert is_served(one)
        assert is_served(two)
        names = [thread.name for thread in threading.enumerate()]
    assert names.count("isoscan-loop") == 1


def test_the_interpreter_ends_clean(tmp_path: Path) -> None:
    """Nothing of the background loop is left open: with all warnings on, a script says nothing."""
    script = tmp_path / "script.py"
    script.write_text(
        "import atexit, time\n"
        "atexit.register(time.sleep, 0.3)  # runs last: the loop has ended by then, closed or not\n"
        "from isoscan import PluginMetadata\n"
        "from isoscan.sync import PluginExecutor\n"
        "PluginExecutor(PluginMetadata(id='probe'), 'export function scan_transaction() {}').start()\n"
    )
    done = subprocess.run(
        [sys.executable, "-X", "dev", str(script)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
