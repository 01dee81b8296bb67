"""A run and its store: what is kept, what is given back, whose run it is, and what happens when it fails."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from isoscan import Finding, HttpRequest, HttpResponse, HttpTransaction, ScanResult, Severity, Verdict
from isoscan.coverage import NOT_APPLICABLE
from isoscan.models import ScanFailure
from isoscan.permissions import Denial
from isoscan.record import RunRecord
from isoscan.sources import Entry
from isoscan.store import database, writer
from isoscan.store.batch import Kept
from isoscan.store.database import StoreError
from isoscan.store.findings import FindingStore
from isoscan.store.identity import PluginIdentity
from isoscan.store.keeper import RunKeeper, StoreOptions

PLUGINS = ("one", "two")
ODD = "ü \udc80 \x00 \U0001f600"


def plugin(name: str, code: bytes = b"code", **options: Any) -> PluginIdentity:
    """A plugin as if it were loaded."""
    return PluginIdentity(name, "1.0", f"/plugins/{name}.ts", code, options)


def entry(index: int, source: str = "in.har", id_: str | None = None, body: bytes = b"body") -> Entry:
    """An entry with a transaction."""
    request = HttpRequest("GET", f"http://shop.example/{index}", id=id_ or f"{source}#{index}")
    return Entry(source, index, "entry", HttpTransaction(request, HttpResponse(200, body=body)))


def finding(one: Entry, title: str = "Title", **fields: Any) -> Finding:
    """A finding of plugin `one`."""
    assert one.transaction is not None
    needed = {"plugin_id": "one", "vuln_type": "x", "url": "http://shop.example/", "method": "GET"}
    return Finding(title=title, transaction_id=one.transaction.id, **{**needed, **fields})


def result(one: Entry, name: str, *findings: Finding, **fields: Any) -> Kept:
    """What a plugin made of an entry."""
    assert one.transaction is not None
    verdict = Verdict.FINDINGS if findings else Verdict.CLEAN
    made = ScanResult(
        transaction_id=one.transaction.id,
        plugin_id=name,
        findings=list(findings),
        **{"verdict": verdict, "duration_ms": 0.25, **fields},
    )
    return Kept(made, [each.fingerprint for each in findings])


class Runs:
    """Runs on one store, with one input."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "store.db"
        self.input = folder / "in.har"
        self.input.write_bytes(b"x" * 300_000)
        self._opened: list[RunKeeper] = []

    def begin(
        self,
        inputs: Sequence[str] | None = None,
        plugins: Sequence[PluginIdentity] | None = None,
        settings: dict[str, Any] | None = None,
        *,
        resumes: bool = True,
    ) -> RunKeeper:
        """A run that has begun."""
        names = [str(self.input)] if inputs is None else inputs
        keeper = RunKeeper(StoreOptions(str(self.path), resumes=resumes), names, settings or {})
        self._opened.append(keeper)
        keeper.begin([plugin(name) for name in PLUGINS] if plugins is None else plugins)
        return keeper

    def rows(self, query: str) -> list[Any]:
        """What the store says."""
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(query).fetchall()

    def close(self) -> None:
        """Ends all of them."""
        for keeper in self._opened:
            keeper.close()


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    """Runs that end with the test."""
    runs = Runs(tmp_path)
    yield runs
    runs.close()


def add_clean(keeper: RunKeeper, positions: range) -> None:
    """Transactions in which nothing was found."""
    for position in positions:
        one = entry(position)
        keeper.add(position, one, [result(one, name) for name in PLUGINS])


# ---- what is given back --------------------------------------------------------------

FAILURE = ScanFailure(
    kind="Error",
    message=f"boom {ODD}",
    fault="plugin",
    is_started=True,
    file="a.ts",
    line=3,
    stack="at a.ts:3",
)
SKIPPED = ScanFailure(kind=NOT_APPLICABLE, message="nothing to run", fault="runtime", is_started=False)
RESULTS: dict[str, dict[str, Any]] = {
    "clean": {},
    "error": {"verdict": Verdict.ERROR, "error": FAILURE, "attempts": 2, "generation": 7},
    "not applicable": {"verdict": Verdict.SKIPPED, "error": SKIPPED},
    "denials": {"denials": (Denial("net", "evil.example:443", 3),)},
    **{verdict.value: {"verdict": verdict} for verdict in Verdict},
}


@pytest.mark.parametrize("kind", RESULTS)
def test_results_come_back_as_they_were(runs: Runs, kind: str) -> None:
    """Every verdict, with its error, denials and duration."""
    one = entry(0)
    kept = [result(one, "one", **RESULTS[kind]), result(one, "two")]
    keeper = runs.begin()
    keeper.add(0, one, kept)
    keeper.close()
    resumed = runs.begin()
    (stored,) = resumed.stored()
    assert stored.transaction_id == "in.har#0"
    for back, each in zip(stored.results, kept, strict=True):
        for name in ("plugin_id", "verdict", "findings", "error", "denials", "duration_ms"):
            assert getattr(back, name) == getattr(each.result, name)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"evidence": ODD, "description": ODD},
        {"extra": {"big": 2**80, "nested": [{"a": None}, 1.5, True], ODD: ODD}},
        {"severity": Severity.CRITICAL, "cwe": "CWE-79", "remediation": "fix it"},
    ],
    ids=["plain", "odd text", "extra", "all"],
)
def test_findings_come_back_as_they_were(runs: Runs, fields: dict[str, Any]) -> None:
    """Also the second of a kind, of which only the differences are kept."""
    first, second = entry(0), entry(1, id_=f"own id {ODD}")
    kept = [
        (first, finding(first, **fields), finding(first, **{**fields, "evidence": "other"})),
        (second, finding(second, **{**fields, "extra": {}}), finding(second, "Another", **fields)),
    ]
    keeper = runs.begin()
    for position, (one, *found) in enumerate(kept):
        keeper.add(position, one, [result(one, "one", *found), result(one, "two")])
    keeper.close()
    resumed = runs.begin()
    assert [stored.results[0].findings for stored in resumed.stored()] == [found for _, *found in kept]
    assert [hits for (hits,) in runs.rows("SELECT hits FROM findings ORDER BY hits")] == [1, 3]


def test_first_transactions_are_given_back_in_order(runs: Runs) -> None:
    """More than is written or read at a time."""
    keeper = runs.begin()
    add_clean(keeper, range(1234))
    keeper.close()
    resumed = runs.begin()
    assert resumed.is_resumed
    assert resumed.done == 1234
    assert [stored.transaction_id for stored in resumed.stored()] == [f"in.har#{n}" for n in range(1234)]


def test_what_is_behind_the_first_gap_is_scanned_again(runs: Runs) -> None:
    """Results of some plugins are kept as findings, but the transaction is not done."""
    entries = [entry(n) for n in range(4)]
    keeper = runs.begin()
    keeper.add(0, entries[0], [result(entries[0], "one", finding(entries[0])), result(entries[0], "two")])
    for position in (1, 2, 3):
        one = entries[position]
        found = [finding(one), finding(one, f"only in {position}")]
        keeper.add(position, one, [result(one, "one", *found), None])
    keeper.finish(RunRecord(is_interrupted=True))
    keeper.close()
    with FindingStore(runs.path) as store:
        assert {one.finding.title: one.hits for one in store.find()} == {
            "Title": 4, "only in 1": 1, "only in 2": 1, "only in 3": 1,
        }  # fmt: skip
    resumed = runs.begin()
    assert resumed.done == 1
    assert [len(stored.results) for stored in resumed.stored()] == [2]
    assert runs.rows("SELECT hits, last_run FROM findings") == [(1, 1)]
    assert runs.rows("SELECT count(*) FROM scans") == [(1,)]
    one = entries[1]
    resumed.add(1, one, [result(one, "one", finding(one)), result(one, "two")])
    resumed.finish(RunRecord())
    assert runs.rows("SELECT hits FROM findings") == [(2,)]
    assert runs.rows("SELECT state, outcome, resumptions FROM runs") == [("finished", "complete", 1)]


def test_traffic_is_kept_for_findings_only(runs: Runs) -> None:
    """One copy of a transaction, and none of those without findings."""
    keeper = runs.begin()
    same = entry(0, body=bytes(range(256)) * 10)
    keeper.add(0, same, [result(same, "one", finding(same), finding(same, "Second")), result(same, "two")])
    add_clean(keeper, range(1, 10))
    keeper.finish(RunRecord())
    assert runs.rows("SELECT count(*) FROM traffic") == [(1,)]
    with FindingStore(runs.path) as store:
        for stored in store.find():
            assert store.transaction(stored) == same.transaction
            assert stored.place is not None
            assert (stored.place.source, stored.place.index, stored.place.unit) == ("in.har", 0, "entry")


def test_new_findings(runs: Runs) -> None:
    """New is what no earlier run has found, also when this one finds it twice or is resumed."""
    one = entry(0)
    old, new = finding(one), finding(one, "New")
    keeper = runs.begin()
    assert keeper.is_new(old.fingerprint) is True
    keeper.add(0, one, [result(one, "one", old), result(one, "two")])
    keeper.finish(RunRecord())
    keeper.close()
    later = runs.begin()
    later.add(0, one, [result(one, "one", old, new), result(one, "two")])
    later.close()
    resumed = runs.begin()
    assert resumed.is_resumed
    assert resumed.is_new(old.fingerprint) is False
    assert resumed.is_new(new.fingerprint) is True
    with FindingStore(runs.path) as store:
        assert [stored.finding.title for stored in store.find(is_new=True)] == ["New"]


# ---- whose run it is -----------------------------------------------------------------


def test_finished_run_is_not_resumed(runs: Runs) -> None:
    """The same again is a new run."""
    for _ in range(2):
        keeper = runs.begin()
        add_clean(keeper, range(3))
        keeper.finish(RunRecord())
        keeper.close()
        assert not keeper.is_resumed
    assert runs.rows("SELECT state FROM runs") == [("finished",)] * 2


def change_input(runs: Runs) -> dict[str, Any]:
    """The same size and time, but another content."""
    status = runs.input.stat()
    runs.input.write_bytes(b"y" + b"x" * 299_999)
    os.utime(runs.input, ns=(status.st_atime_ns, status.st_mtime_ns))
    return {}


def change_end(runs: Runs) -> dict[str, Any]:
    """The same size and time, but another end."""
    status = runs.input.stat()
    runs.input.write_bytes(b"x" * 299_999 + b"y")
    os.utime(runs.input, ns=(status.st_atime_ns, status.st_mtime_ns))
    return {}


def touch_input(runs: Runs) -> dict[str, Any]:
    """The content is the same, the time is not."""
    os.utime(runs.input, ns=(0, 0))
    return {}


CHANGES: dict[str, Callable[[Runs], dict[str, Any]]] = {
    "content": change_input,
    "end": change_end,
    "time": touch_input,
    "code": lambda runs: {"plugins": [plugin("one"), plugin("two", b"other")]},
    "config": lambda runs: {"plugins": [plugin("one"), plugin("two", config={"a": 1})]},
    "order": lambda runs: {"plugins": [plugin("two"), plugin("one")]},
    "fewer plugins": lambda runs: {"plugins": [plugin("one")]},
    "options": lambda runs: {"settings": {"scope": "shop.example"}},
    "inputs": lambda runs: {"inputs": [str(runs.input), str(runs.path.parent / "other.har")]},
    "name": lambda runs: {"inputs": [os.path.relpath(runs.input)]},
    "no resume": lambda runs: {"resumes": False},
}


@pytest.mark.parametrize("what", CHANGES)
def test_anything_else_is_another_run(runs: Runs, what: str) -> None:
    """Whatever would change results, or where they point, begins anew."""
    (runs.path.parent / "other.har").write_bytes(b"other")
    first = runs.begin()
    add_clean(first, range(3))
    first.close()
    second = runs.begin(**CHANGES[what](runs))
    assert not second.is_resumed
    assert second.done == 0
    assert runs.rows("SELECT count(*) FROM runs") == [(2,)]


def test_same_again_is_resumed(runs: Runs) -> None:
    """The control for what is another run."""
    runs.begin().close()
    assert runs.begin().is_resumed


def test_starting_afresh_abandons_the_unfinished(runs: Runs) -> None:
    """After `--no-resume`, the run that was given up is never taken up again."""
    runs.begin().close()
    afresh = runs.begin(resumes=False)
    afresh.finish(RunRecord())
    afresh.close()
    assert not runs.begin().is_resumed
    assert runs.rows("SELECT state FROM runs") == [("abandoned",), ("finished",), ("running",)]


@pytest.mark.parametrize("name", ["-", os.devnull, "missing.har"])
def test_what_cannot_be_recognised_is_not_resumed(runs: Runs, name: str) -> None:
    """Of standard input and devices nobody knows whether they are the same; they are kept."""
    runs.begin([name]).close()
    assert not runs.begin([name]).is_resumed
    assert runs.rows("SELECT count(*), count(key) FROM runs") == [(2, 0)]


def test_a_run_that_goes_on_is_not_taken_over(runs: Runs) -> None:
    """Two identical runs at once are two runs, and both are kept whole."""
    first, second = runs.begin(), runs.begin()
    assert not second.is_resumed
    threads = [threading.Thread(target=add_clean, args=(keeper, range(700))) for keeper in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for keeper in (first, second):
        keeper.finish(RunRecord())
        assert keeper.problem is None
        keeper.close()
    assert runs.rows("SELECT run_id, count(*) FROM scans GROUP BY run_id") == [(1, 700), (2, 700)]
    assert [path.name for path in runs.path.parent.glob("*.lock")] == []


def test_a_killed_process_lets_go(runs: Runs) -> None:
    """The run of a process that was killed is taken up, also while its parent lives on."""
    script = (
        "import os, sys\n"
        "from isoscan.store.identity import PluginIdentity\n"
        "from isoscan.store.keeper import RunKeeper, StoreOptions\n"
        "keeper = RunKeeper(StoreOptions(sys.argv[1]), [sys.argv[2]], {})\n"
        "keeper.begin([PluginIdentity(n, '1.0', f'/plugins/{n}.ts', b'code', {}) for n in ('one', 'two')])\n"
        "print('ready', flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, str(runs.path), str(runs.input)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert not runs.begin(resumes=True).is_resumed
        with FindingStore(runs.path) as store:
            assert [run.is_alive for run in store.runs()] == [True, True]
        runs.close()
        process.kill()
        process.wait()
    assert runs.begin().is_resumed


# ---- when it fails -------------------------------------------------------------------


def fill(keeper: RunKeeper) -> None:
    """Lets the store grow no further, as on a full disk."""
    assert keeper._connection is not None
    pages = keeper._connection.execute("PRAGMA page_count").fetchone()[0]
    keeper._connection.execute(f"PRAGMA max_page_count = {pages + 2}")


def add_found(keeper: RunKeeper, positions: range) -> None:
    """Transactions with a large body and a finding each."""
    for position in positions:
        one = entry(position, body=os.urandom(3000))
        keeper.add(position, one, [result(one, "one", finding(one, f"no {position}")), result(one, "two")])


def test_full_disk(runs: Runs) -> None:
    """What was kept before stays and can be resumed; the run is told, and nothing is raised."""
    keeper = runs.begin()
    add_found(keeper, range(5))
    keeper._stop_writing()
    assert keeper._claim is not None
    assert keeper._connection is not None
    fill(keeper)
    keeper._writer = writer.Writer(keeper._connection, runs.path, keeper._claim.run_id, 2)
    add_found(keeper, range(5, 50))
    keeper.finish(RunRecord())
    assert keeper.has_failed
    assert "disk full" in str(keeper.problem)
    assert [line for line in keeper.summary(50) if "not kept" in line]
    keeper.close()
    resumed = runs.begin()
    assert resumed.done == 5
    assert len(list(resumed.stored())) == 5
    assert runs.rows("SELECT count(*) FROM findings") == [(5,)]
    assert runs.rows("PRAGMA integrity_check") == [("ok",)]


def test_locked_in_mid_run(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who holds the store for long ends the keeping, not the run."""
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.05)
    monkeypatch.setattr(writer, "_PATIENCE_S", 0.2)
    keeper = runs.begin()
    with contextlib.closing(sqlite3.connect(runs.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        add_clean(keeper, range(10))
        keeper.finish(RunRecord())
    assert "locked" in str(keeper.problem)


def test_locked_for_a_while(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than the time-out, but not for good: it is tried again."""
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.02)
    keeper = runs.begin()
    tries = threading.Event()
    with contextlib.closing(sqlite3.connect(runs.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        is_busy = database.is_busy

        def tried(error: sqlite3.Error) -> bool:
            tries.set()
            return is_busy(error)

        monkeypatch.setattr(writer, "is_busy", tried)
        add_clean(keeper, range(600))
        assert tries.wait(30)
        other.execute("ROLLBACK")
    keeper.finish(RunRecord())
    assert keeper.problem is None
    assert runs.rows("SELECT count(*) FROM scans") == [(600,)]


def test_run_waits_for_a_store_that_is_behind(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not more waits to be written than is bounded, and waiting ends when it is written."""
    monkeypatch.setattr(writer, "_WAITING_SCANS", 100)
    keeper = runs.begin()
    assert keeper._writer is not None
    most = 0
    for position in range(3000):
        add_clean(keeper, range(position, position + 1))
        if keeper.is_behind:
            keeper._writer.wait_for_room()
            assert not keeper.is_behind
        most = max(most, len(keeper._writer._waiting))
    assert most * 2 <= 102
    keeper.finish(RunRecord())
    assert runs.rows("SELECT count(*) FROM scans") == [(3000,)]


def test_damaged_results_are_scanned_again(runs: Runs) -> None:
    """What cannot be read back ends what is resumed, not the run."""
    keeper = runs.begin()
    add_found(keeper, range(700))
    keeper.close()
    with contextlib.closing(sqlite3.connect(runs.path)) as connection, connection:
        connection.execute("UPDATE hits SET difference = '{' WHERE position = 600")
    resumed = runs.begin()
    assert len(list(resumed.stored())) == 500
    assert resumed.has_failed
    assert "damaged" in str(resumed.problem)


def test_removed_in_mid_run(runs: Runs) -> None:
    """A store that is gone at the end was not kept."""
    keeper = runs.begin()
    runs.path.unlink()
    keeper.finish(RunRecord())
    assert "removed" in str(keeper.problem)


def test_store_is_no_input(runs: Runs) -> None:
    """A run does not write into what it reads."""
    with pytest.raises(StoreError, match="is an input of this run"):
        RunKeeper(StoreOptions(str(runs.input)), [str(runs.input)], {})


def test_no_store() -> None:
    """Nothing is kept, and everything that asks is told so."""
    keeper = RunKeeper(StoreOptions(is_kept=False), ["in.har"], {})
    keeper.begin([plugin("one")])
    add_clean(keeper, range(3))
    assert keeper.is_new("f" * 32) is None
    assert list(keeper.stored()) == []
    keeper.finish(RunRecord())
    keeper.close()
    assert list(keeper.summary(3)) == []
    assert not keeper.has_failed
