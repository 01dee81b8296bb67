"""Frames that plugins of a group share: whatever strikes in the middle, each scan ends once, as its own."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from itertools import product
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from isoscan import (
    HttpRequest,
    HttpResponse,
    HttpTransaction,
    IsoscanError,
    Limits,
    PluginExecutor,
    PluginMetadata,
    ScanInterrupted,
    Scanner,
    ScanResult,
    Verdict,
)
from isoscan.sandbox.generation import MAX_FRAME_SCANS
from support.builders import MIB, make_transaction
from support.faking import install_fake_deno, lives_begun, script
from support.watching import until

ECHO = "export function scan_transaction(t) { return { title: t.id, evidence: 'NAME' }; }"
PLUGINS = 3
ROWS = 4
POSITIONS = list(product(range(PLUGINS), range(ROWS)))
HANG = "while (true) {}"
WAIT = "return new Promise((done) => setTimeout(done, 3_600_000));"
HOARD = "const kept = []; while (true) kept.push(new Array(1e6).fill(1.5));"


@pytest.fixture
def full_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first frame of a generation is as large as later ones."""
    monkeypatch.setattr("isoscan.sandbox.generation._FIRST_FRAME_SCANS", MAX_FRAME_SCANS)


def group(count: int, code: str = ECHO, **options: Any) -> list[PluginExecutor]:
    """Plugins `0`, `1`, … that share an isolate; NAME in their code is their name."""
    names = [str(place) for place in range(count)]
    return [
        PluginExecutor(PluginMetadata(id=name), code.replace("NAME", name), isolate_per="group", **options)
        for name in names
    ]


def traffic(count: int) -> list[HttpTransaction]:
    """Transactions with the ids `t0`, `t1`, …, which are also the last part of their URL."""
    return [make_transaction(f"/t{n}", transaction_id=f"t{n}") for n in range(count)]


async def results_of(
    executors: Sequence[PluginExecutor], transactions: Sequence[HttpTransaction], *, workers: int = 1
) -> list[ScanResult]:
    """All results; they come by transaction, then by plugin."""
    async with Scanner(executors, workers=workers) as scanner:
        results = [result async for result in scanner.scan(transactions)]
        for executor in executors:
            stats = executor.get_stats()
            assert (stats.queued, stats.in_flight) == (0, 0)
    expect_order(results, transactions, executors)
    return results


async def first_of(scanner: Scanner, transactions: Sequence[HttpTransaction], count: int) -> list[ScanResult]:
    """The first results of a scan that is then broken off."""
    results: list[ScanResult] = []
    async with aclosing(scanner.scan(transactions)) as scanning:  # type: ignore[type-var]  # it is a generator
        async for result in scanning:
            if len(results) == count:
                break
            results.append(result)
    return results


def expect_order(
    results: Sequence[ScanResult],
    transactions: Sequence[HttpTransaction],
    executors: Sequence[PluginExecutor],
) -> None:
    """Each plugin has one result of each transaction, in the order of both."""
    expected = [(t.id, executor.metadata.id) for t in transactions for executor in executors]
    assert [(r.transaction_id, r.plugin_id) for r in results] == expected


def is_own(result: ScanResult) -> bool:
    """Whether it holds what its plugin says of its transaction, and nothing else."""
    told = [(finding.title, finding.evidence) for finding in result.findings]
    filed = {(finding.transaction_id, finding.plugin_id) for finding in result.findings}
    own = (result.transaction_id, result.plugin_id)
    return told == [own] and filed == {own}


def expect_one_culprit(results: Sequence[ScanResult], plugin: int, row: int, verdict: Verdict) -> None:
    """One scan ended with a verdict of its own; all others are answered truly."""
    wrong = [result for result in results if not is_own(result)]
    assert [(r.plugin_id, r.transaction_id, r.verdict) for r in wrong] == [
        (str(plugin), f"t{row}", verdict)
    ], [r.error for r in wrong]


# ---- deaths --------------------------------------------------------------------------


@pytest.mark.usefixtures("full_frames")
@pytest.mark.parametrize(
    ("fault", "position"),
    [*product(["signal:9"], POSITIONS), *product(["wrong_entry"], POSITIONS[::4])],
    ids=str,
)
async def test_death_at_every_place_of_a_frame(tmp_path: Path, fault: str, position: tuple[int, int]) -> None:
    """Whichever plugin's scan of whichever transaction kills the isolate, it alone is charged."""
    plugin, row = position
    life = {"plugins": {str(plugin): {f"/t{row}": fault}}}
    executors = group(
        PLUGINS, script(life), deno=install_fake_deno(tmp_path), sandbox="permissions", limits=Limits()
    )
    results = await results_of(executors, traffic(ROWS))
    expect_one_culprit(results, plugin, row, Verdict.CRASHED)
    assert lives_begun(tmp_path) <= 4, "more isolates were lost than one scan can cost"


@pytest.mark.usefixtures("full_frames")
@pytest.mark.parametrize(
    ("bad", "verdict", "position"),
    [
        (HANG, Verdict.TIMEOUT, (0, 0)),
        (HANG, Verdict.TIMEOUT, (2, 3)),
        (WAIT, Verdict.TIMEOUT, (1, 2)),
        (HOARD, Verdict.OUT_OF_MEMORY, (0, 3)),
        (HOARD, Verdict.OUT_OF_MEMORY, (2, 0)),
    ],
    ids=["hang_first", "hang_last", "wait", "hoard_first", "hoard_last"],
)
async def test_culprits_in_a_shared_frame(bad: str, verdict: Verdict, position: tuple[int, int]) -> None:
    """What hangs or eats memory first, in the middle or last in a frame is found; its mates never notice."""
    plugin, row = position
    code = f"""
    export function scan_transaction(t) {{
      if ("NAME" === "{plugin}" && t.request.url.endsWith("/t{row}")) {{ {bad} }}
      return {{ title: t.id, evidence: "NAME" }};
    }}
    """
    timeout_s = 0.3 if verdict is Verdict.TIMEOUT else 60.0
    limits = Limits(timeout_s=timeout_s, memory_bytes=96 * MIB)
    results = await results_of(group(PLUGINS, code, limits=limits), traffic(ROWS))
    expect_one_culprit(results, plugin, row, verdict)


@pytest.mark.usefixtures("full_frames")
async def test_every_plugin_kills_on_its_own_transaction(tmp_path: Path) -> None:
    """Several culprits in one frame are all found."""
    life = {"plugins": {str(n): {f"/t{n}": "signal:9"} for n in range(PLUGINS)}}
    executors = group(PLUGINS, script(life), deno=install_fake_deno(tmp_path), sandbox="permissions")
    results = await results_of(executors, traffic(ROWS))
    wrong = {(r.plugin_id, r.transaction_id): r.verdict for r in results if not is_own(r)}
    assert wrong == {(str(n), f"t{n}"): Verdict.CRASHED for n in range(PLUGINS)}


# ---- changes in the middle -----------------------------------------------------------


@pytest.mark.parametrize("change", ["restart", "restart_without_overlap", "reload", "terminate"])
async def test_changes_while_frames_are_shared(change: str) -> None:
    """Restarts and reloads cost no scan; what is terminated is told as interrupted, once."""
    executors = group(PLUGINS)
    transactions = traffic(5000)  # more than is read ahead
    results: list[ScanResult] = []
    changes = 0

    async def alter(executor: PluginExecutor) -> None:
        if change == "terminate":
            await executor.terminate_execution()
        elif change == "reload":
            await executor.reload(ECHO.replace("NAME", executor.metadata.id))
        else:
            await executor.restart(overlap=change == "restart")

    async with Scanner(executors) as scanner:
        async for result in scanner.scan(transactions):
            results.append(result)
            if len(results) % 2500 == 1:
                await alter(executors[changes % PLUGINS])
                changes += 1
    assert len({result.generation for result in results}) > 1
    expect_order(results, transactions, executors)
    wrong = [result for result in results if not is_own(result)]
    assert {result.verdict for result in wrong} <= ({Verdict.INTERRUPTED} if change == "terminate" else set())
    assert len(wrong) <= changes, "one call interrupts one scan"


@pytest.mark.parametrize("taken", [0, 1, 3, 4, 192, 500])
async def test_breaking_off(taken: int) -> None:
    """Wherever a scan is left, what was handed out and what was finished are different results, in order."""
    executors = group(PLUGINS)
    transactions = traffic(400)
    async with Scanner(executors) as scanner:
        results = await first_of(scanner, transactions, taken)
        left = [(r.transaction_id, r.plugin_id) for r in (*results, *scanner.unclaimed)]
        assert [count for count in Counter(left).values() if count > 1] == []
        expect_order(
            [result async for result in scanner.scan(transactions[:70])], transactions[:70], executors
        )
        for executor in executors:
            stats = executor.get_stats()
            assert (stats.queued, stats.in_flight) == (0, 0)
    expected = [(t.id, str(place)) for t in transactions for place in range(PLUGINS)]
    assert [(r.transaction_id, r.plugin_id) for r in results] == expected[:taken]


# ---- sizes ---------------------------------------------------------------------------


@pytest.mark.parametrize("frame_scans", [1, 2, 3, 5, 64, 100])
@pytest.mark.parametrize("queue_size", [1, 100])
async def test_frames_and_queues_of_any_size(
    monkeypatch: pytest.MonkeyPatch, frame_scans: int, queue_size: int
) -> None:
    """A batch need not fit into a frame, nor all plugins' scans of a transaction into the queue."""
    monkeypatch.setattr("isoscan.sandbox.generation._FIRST_FRAME_SCANS", min(frame_scans, 4))
    monkeypatch.setattr("isoscan.sandbox.generation.MAX_FRAME_SCANS", frame_scans)
    results = await results_of(group(5, limits=Limits(queue_size=queue_size)), traffic(150))
    assert all(is_own(result) for result in results)


@pytest.mark.parametrize("count", [1, 2, 40, 520])
async def test_groups_of_any_size(count: int) -> None:
    """One plugin in a group, a few, and more than a frame has scans."""
    results = await results_of(group(count), traffic(30 if count < 100 else 3))
    assert all(is_own(result) for result in results)


BUSY = """
globalThis.isolate ??= crypto.randomUUID();
export function scan_transaction(t) {
  const number = Number(t.id.slice(1));
  for (const end = performance.now() + (number % 7) / 20; performance.now() < end;);
  return { title: t.id, evidence: "NAME", description: isolate };
}
"""


@pytest.mark.parametrize("isolates", [2, 3, 5])
@pytest.mark.parametrize("taken", [700, 1])
async def test_several_isolates_of_a_group(isolates: int, taken: int) -> None:
    """However many isolates do the work, results come in the order of the input and of the plugins."""
    executors, transactions = group(PLUGINS, BUSY), traffic(300)
    async with Scanner(executors, workers=isolates) as scanner:
        (crew,) = scanner._crews
        for _ in range(isolates - 1):
            await crew.grow()
        broken_off = await first_of(scanner, transactions, taken)
        results = [result async for result in scanner.scan(transactions)]
    assert all(is_own(result) for result in broken_off)
    expect_order(results, transactions, executors)
    assert all(is_own(result) for result in results)
    assert 1 < len({result.findings[0].description for result in results}) <= isolates


async def test_all_ways_of_asking_at_once() -> None:
    """Scans of the whole group, streams of single plugins and single calls share frames, and no results."""
    executors = group(PLUGINS)

    def own_traffic(mark: str, count: int) -> list[HttpTransaction]:
        return [make_transaction(transaction_id=f"{mark}{n}") for n in range(count)]

    async def whole(scanner: Scanner) -> list[ScanResult]:
        transactions = own_traffic("whole", 300)
        results = [result async for result in scanner.scan(transactions)]
        expect_order(results, transactions, executors)
        return results

    async def stream(mark: str, place: int) -> list[ScanResult]:
        transactions = own_traffic(mark, 300)
        results = [result async for result in executors[place].scan_many(transactions)]
        expect_order(results, transactions, executors[place : place + 1])
        return results

    async def calls(place: int) -> list[ScanResult]:
        for transaction in own_traffic("call", 60):
            (finding,) = await executors[place].scan_transaction(transaction)
            assert (finding.title, finding.evidence) == (transaction.id, str(place))
        return []

    async with Scanner(executors) as scanner:
        asked = (whole(scanner), stream("a", 0), stream("b", 0), stream("c", 2), calls(1), calls(0))
        for results in await asyncio.gather(*asked):
            assert all(is_own(result) for result in results)


@pytest.mark.parametrize("isolate_per", ["executor", "group"])
async def test_reload_reaches_every_isolate(isolate_per: Literal["executor", "group"]) -> None:
    """After a reload no isolate answers with the code from before, also one that started meanwhile."""
    code = BUSY.replace('evidence: "NAME"', 'evidence: "old"')
    executors = [
        PluginExecutor(PluginMetadata(id=name), code, isolate_per=isolate_per) for name in ("changed", "same")
    ]
    transactions = traffic(200)
    async with Scanner(executors, workers=8) as scanner:
        crew = scanner._crews[0]
        await crew.grow()
        await asyncio.gather(crew.grow(), executors[0].reload(code.replace("old", "new")))
        results = [result async for result in scanner.scan(transactions)]
    expect_order(results, transactions, executors)
    said = {(result.plugin_id, result.findings[0].evidence) for result in results}
    assert said == {("changed", "new"), ("same", "old")}
    assert len({r.findings[0].description for r in results if r.plugin_id == "changed"}) > 1


async def test_a_restart_reaches_every_isolate() -> None:
    """Who restarts a plugin has none of its isolates go on as it was."""
    executors, transactions = group(PLUGINS, BUSY), traffic(200)
    async with Scanner(executors, workers=8) as scanner:
        crew = scanner._crews[0]
        await crew.grow()
        before = {result.findings[0].description async for result in scanner.scan(transactions)}
        await executors[0].restart()
        after = {result.findings[0].description async for result in scanner.scan(transactions)}
    assert len(before) > 1, "one isolate did all the work"
    assert not before & after


async def test_terminate_reaches_every_isolate() -> None:
    """Whatever isolate hangs, to terminate its plugin's execution ends the scan."""
    hang = """export async function scan_transaction(transaction) {
      if (transaction.id.startsWith("hang")) await new Promise((done) => setTimeout(done, 3_600_000));
    }"""
    executor = PluginExecutor(PluginMetadata(id="hang"), hang, limits=Limits(timeout_s=3600))
    transactions = [make_transaction(transaction_id=f"hang {number}") for number in range(2)]
    async with Scanner([executor], workers=2) as scanner:
        twin = await scanner._crews[0].grow()
        calls = [
            asyncio.create_task(member.scan_transaction(one))
            for member, one in zip((executor, twin), transactions, strict=True)
        ]
        await until(lambda: executor.load == twin.load == 1, "both isolates hang")
        while not all(call.done() for call in calls):
            await executor.terminate_execution()
            await asyncio.wait(calls, timeout=0.2)
        for call in calls:
            with pytest.raises(ScanInterrupted):
                call.result()


@pytest.mark.parametrize("turns", [0, 1, 5, 50])
async def test_an_isolate_that_never_came_is_forgotten(turns: int) -> None:
    """When a scan is broken off while another isolate starts, none that cannot work is counted or asked."""
    executors, transactions = group(PLUGINS, BUSY), traffic(100)
    async with Scanner(executors, workers=2) as scanner:
        crew = scanner._crews[0]
        growing = asyncio.create_task(crew.grow())
        for _ in range(turns):
            await asyncio.sleep(0)
        growing.cancel()
        await asyncio.wait([growing])
        assert growing.cancelled()
        assert {member.state for member in crew.members} == {"serving"}
        assert crew.effort.isolates == 1
        await executors[1].reload(BUSY.replace("NAME", "1"))
        results = [result async for result in scanner.scan(transactions)]
    expect_order(results, transactions, executors)
    assert all(is_own(result) for result in results)


async def test_two_groups_and_loners_side_by_side() -> None:
    """Results keep the given order of plugins, whoever shares an isolate with whom."""
    one = group(3)
    other = group(6, limits=Limits(timeout_s=9))[3:]
    alone = PluginExecutor(PluginMetadata(id="alone"), ECHO.replace("NAME", "alone"))
    executors = [one[0], other[0], alone, one[1], other[1], other[2], one[2]]
    results = await results_of(executors, traffic(200), workers=4)
    assert all(is_own(result) for result in results)


async def test_what_cannot_be_encoded_ends_the_input() -> None:
    """All plugins scan everything in front of a transaction that no JSON has; then its error comes."""
    odd = make_transaction("/odd")
    msgspec.structs.force_setattr(odd.request, "timestamp", object())
    executors = group(PLUGINS)
    transactions = traffic(100)

    def source() -> Iterator[HttpTransaction]:
        yield from transactions
        yield odd
        yield from transactions

    results: list[ScanResult] = []
    async with Scanner(executors) as scanner:
        with pytest.raises(TypeError):
            async for result in scanner.scan(source()):
                results += (result,)
    expect_order(results, transactions, executors)
    assert all(is_own(result) for result in results)


# ---- kinds of plugins in one frame ---------------------------------------------------


async def test_synchronous_historic_and_waiting_plugins_in_one_frame() -> None:
    """However a plugin answers, and if it scans responses alone, its results are its own and in order."""
    codes = {
        "sync": "export function scan_transaction(t) { return { title: t.id, evidence: 'sync' }; }",
        "waits": (
            "export async function scan_transaction(t) { await new Promise((done) => setTimeout(done, 1));"
            "return { title: t.id, evidence: 'waits' }; }"
        ),
        "micro": (
            "export async function scan_transaction(t) { await null; await null;"
            "isoscan.report({ title: t.id, evidence: 'micro' }); }"
        ),
        "responses": "export function scan_response(t) { return { title: t.id, evidence: 'responses' }; }",
        "both": (
            "export async function scan_request(r) { await null; }\n"
            "export function scan_response(t) { return { title: t.id, evidence: 'both' }; }"
        ),
        "requests": "export function scan_request(r) { return { title: r.id, evidence: 'requests' }; }",
        "throws": "export function scan_transaction(t) { throw new Error(t.id); }",
    }
    executors = [
        PluginExecutor(PluginMetadata(id=name), code, isolate_per="group") for name, code in codes.items()
    ]
    transactions = [
        make_transaction(f"/t{n}", transaction_id=f"t{n}", has_response=n % 3 > 0) for n in range(60)
    ]
    results = await results_of(executors, transactions)
    with_response = {t.id for t in transactions if t.response is not None}
    for result in results:
        if result.plugin_id == "throws":
            assert result.error is not None
            assert (result.verdict, result.error.message) == (
                Verdict.ERROR,
                f"Error: {result.transaction_id}",
            )
        elif result.plugin_id in ("responses", "both") and result.transaction_id not in with_response:
            wanted = Verdict.SKIPPED if result.plugin_id == "responses" else Verdict.CLEAN
            assert result.verdict is wanted
        else:
            assert is_own(result), result


#: Asks for the parts of a transaction in an order of its own, and spoils each when it has it.
READER = """
const reads = {
  text: (part) => part.text(),
  body: (part) => { const seen = [...part.body]; part.body.fill(1); return seen; },
  headers: (part) => { const seen = { ...part.headers }; delete part.headers["content-type"]; return seen; },
  pairs: (part) => JSON.parse(JSON.stringify(part.rawHeaders)),
};
const order = "NAME".split("-");
export function scan_transaction(t) {
  const seen = {};
  for (const part of ["request", "response"]) {
    if (t[part] === null) continue;
    for (const name of order) seen[`${part} ${name}`] = reads[name](t[part]);
  }
  seen.query = Object.entries(t.request.query_params);
  return { title: t.id, evidence: JSON.stringify(seen, Object.keys(seen).sort()) + JSON.stringify(seen) };
}
"""


def odd_traffic() -> list[HttpTransaction]:
    """Names, values, types and bodies as nobody should send them."""
    headers: list[tuple[tuple[str, str], ...]] = [
        (
            ("__proto__", "a"),
            ("__PROTO__", "b"),
            ("constructor", "c"),
            ("toString", "d"),
            ("hasOwnProperty", ""),
        ),
        (("0", "zero"), ("00", "x"), ("4294967295", "big"), ("-1", "less"), ("1", "one"), ("0", "again")),
        (("", "no name"), (" ", "blank"), ("\ud800", "half"), ("x", "\udfff"), ("\U0001f600", "\u0130")),
        (("Set-Cookie", "a"), ("SET-COOKIE", "b"), ("set-cookie", "c"), ("X", "1"), ("x", "2")),
        (("\u0130", "dotted"), ("i\u0307", "two"), ("\u212a", "kelvin"), ("k", "plain")),
        tuple((f"Name-{n}", str(n)) for n in range(3000)),
        (("N" * 100_000, "long"), ("n" * 100_000, "longer"), ("x", "y" * 100_000)),
        (),
    ]
    types = [
        "text/html; charset=iso-8859-1",
        "text/html; charset=ISO-8859-1; x=" + "y" * 1000,
        "text/html; charset=\ud800",
        "text/html; charset=" + "z" * 10_000,
        'text/html; charset="utf-16le"',
        "text/html; charset=__proto__",
        "text/html; charset=utf-8; charset=latin1",
        "",
    ]
    bodies = [
        b"gr\xfcn",
        b"\xff\xfe\x00\xd8",
        b"",
        b"\xef\xbb\xbfBOM",
        b"\x00" * 10,
        b"\xf0\x9f\x98",
        b"a" * 5000,
    ]
    return [
        HttpTransaction(
            request=HttpRequest(
                method="POST",
                url=f"http://shop.example/?q={n}&__proto__=x&q=\ud800&=",
                headers=headers[n % len(headers)],
                body=bodies[n % len(bodies)],
                id=f"t{n}",
            ),
            response=HttpResponse(
                status=200,
                headers=(*headers[-1 - n % len(headers)], ("Content-Type", types[n % len(types)])),
                body=bodies[-1 - n % len(bodies)],
            )
            if n % 5
            else None,
        )
        for n in range(56)
    ]


@pytest.mark.usefixtures("full_frames")
async def test_parts_in_any_order_are_what_a_loner_sees() -> None:
    """Mates that ask for the same parts in different orders see what each would see by itself."""
    names = [
        "text-body-headers-pairs",
        "body-text-pairs-headers",
        "headers-pairs-text-body",
        "pairs-body-text",
    ]
    transactions = odd_traffic()
    limits = Limits(max_findings_bytes=16 * MIB, max_finding_field_bytes=4 * MIB)
    alone: dict[str, list[list[tuple[str, str]]]] = {}
    shared: dict[str, list[list[tuple[str, str]]]] = {name: [] for name in names}

    def made(name: str, **options: Any) -> PluginExecutor:
        return PluginExecutor(PluginMetadata(id=name), READER.replace("NAME", name), limits=limits, **options)

    for name in names:
        async with made(name) as executor:
            alone[name] = [told(r) async for r in executor.scan_many(transactions)]
    for result in await results_of([made(name, isolate_per="group") for name in names], transactions):
        assert result.verdict is Verdict.FINDINGS, result.error
        shared[result.plugin_id].append(told(result))
    assert shared == alone


def told(result: ScanResult) -> list[tuple[str, str]]:
    """What a plugin said."""
    return [(finding.title, finding.evidence) for finding in result.findings]


async def test_a_thousand_content_types() -> None:
    """No number of content types or names, however odd, mixes up whose text is whose."""
    charsets = ("utf-8", "iso-8859-1", "windows-1251", "koi8-r", "shift_jis", "unknown")
    code = """
    export function scan_transaction(t) {
      return { title: t.id, evidence: t.response.text() + t.response.headers[`x-${t.id}`] };
    }
    """
    texts = [f"\u0430{n}" if n % 6 in (0, 2, 3) else str(n) for n in range(1000)]
    transactions = [
        HttpTransaction(
            request=HttpRequest(method="GET", url="http://shop.example/", id=f"t{n}"),
            response=HttpResponse(
                status=200,
                headers=(
                    ("Content-Type", f"text/html; n={n}; charset={charsets[n % 6]}"),
                    (f"X-T{n}", str(n)),
                ),
                body=text.encode({2: "cp1251", 3: "koi8-r"}.get(n % 6, "utf-8")),
            ),
        )
        for n, text in enumerate(texts)
    ]
    results = await results_of(group(2, code), transactions)
    assert [told(result) for result in results] == [
        [(f"t{n}", f"{text}{n}")] for n, text in enumerate(texts) for _ in range(2)
    ]


# ---- quarantine ----------------------------------------------------------------------


async def test_quarantine_of_a_group_leaves_no_scan_behind(tmp_path: Path) -> None:
    """When a plugin kills every isolate, all scans end: truly, as its deaths, or as skipped for it."""
    life = {"plugins": {"1": {"/": "signal:9"}}}
    limits = Limits(max_consecutive_deaths=3, quarantine_s=3600, quarantine_max_s=3600, max_attempts=1)
    executors = group(
        PLUGINS, script(life), deno=install_fake_deno(tmp_path), sandbox="permissions", limits=limits
    )
    results = await results_of(executors, traffic(40))
    for result in results:
        if result.plugin_id == "1":
            assert result.verdict in (Verdict.CRASHED, Verdict.SKIPPED)
        else:
            assert is_own(result) or result.verdict is Verdict.SKIPPED
    with pytest.raises(IsoscanError):
        await executors[0].scan_transaction(make_transaction())
