"""`isolate_per="group"`: plugins that share one isolate, and what each of them can count on still."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

from isoscan import (
    ConfigError,
    HttpTransaction,
    Limits,
    Permissions,
    PluginExecutor,
    PluginLoadError,
    PluginMetadata,
    Scanner,
    ScanResult,
    Verdict,
)
from isoscan.events import Event
from support.builders import make_transaction

SAY = """
globalThis.seen = (globalThis.seen ?? 0) + 1;
export function init(config) { globalThis[`config ${config.name}`] = true; }
export function scan_transaction({ request }) {
  console.log(`NAME sees ${request.url}`);
  return { title: "NAME", evidence: String(globalThis.seen) };
}
"""


def say(name: str, **options: Any) -> PluginExecutor:
    """A plugin that tells its name and how many plugins it shares its isolate with."""
    code = SAY.replace("NAME", name)
    return PluginExecutor(PluginMetadata(id=name), code, isolate_per="group", **options)


def made(name: str, code: str, **options: Any) -> PluginExecutor:
    """A plugin of a group."""
    return PluginExecutor(PluginMetadata(id=name), code, isolate_per="group", **options)


def generations() -> list[psutil.Process]:
    """Deno processes below this one."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "deno" in child.name()]


async def results_of(scanner: Scanner, transactions: list[HttpTransaction]) -> list[ScanResult]:
    """All results, in their order."""
    return [result async for result in scanner.scan(transactions)]


async def test_many_plugins_one_process() -> None:
    """Twelve plugins that say so run in one process, and each reports as itself."""
    names = [f"p{number}" for number in range(12)]
    before = len(generations())
    async with Scanner([say(name) for name in names]) as scanner:
        assert len(generations()) - before == 1
        transactions = [make_transaction(f"/{number}") for number in range(30)]
        results = await results_of(scanner, transactions)
        stats = [executor.get_stats() for executor in scanner.executors]
    assert [result.plugin_id for result in results] == names * 30
    assert [result.transaction_id for result in results] == [t.id for t in transactions for _ in names]
    for result in results:
        (finding,) = result.findings
        assert finding.plugin_id == finding.title == result.plugin_id
        assert finding.evidence == "12", "they do not share an isolate"
        (line,) = result.console
        assert line.text.startswith(f"{result.plugin_id} sees ")
    assert {each.plugin_id: each.total_executions for each in stats} == dict.fromkeys(names, 30)
    assert {each.verdicts[Verdict.FINDINGS] for each in stats} == {30}
    assert {name: len(scanner.coverage.plugins[name].verdicts) for name in names} == dict.fromkeys(names, 1)


async def test_only_those_that_say_so_and_are_alike() -> None:
    """Other options, or another choice of isolation, mean another process."""
    executors = [
        say("a"),
        say("b", limits=Limits(timeout_s=3)),
        PluginExecutor(PluginMetadata(id="c"), SAY.replace("NAME", "c")),
        say("d", config={"name": "d"}),
    ]
    async with Scanner(executors) as scanner:
        results = await results_of(scanner, [make_transaction("/")])
        assert [result.findings[0].evidence for result in results] == ["2", "1", "1", "2"]
        numbers = {executor.get_stats().rss_bytes is not None for executor in executors}
    assert numbers == {True}


async def test_each_has_its_own_configuration() -> None:
    """`init` gets what was given to the plugin itself."""
    code = "let mine; export function init(c) { mine = c.word; }\n" + (
        "export const scan_transaction = () => ({ title: mine });"
    )
    executors = [made(word, code, config={"word": word}) for word in ("one", "two", "three")]
    async with Scanner(executors) as scanner:
        results = await results_of(scanner, [make_transaction("/")])
    assert [result.findings[0].title for result in results] == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("bad", "verdict"),
    [
        ("while (true) {}", Verdict.TIMEOUT),
        ("const kept = []; while (true) kept.push(new Array(1e6).fill(1.5));", Verdict.OUT_OF_MEMORY),
        ("throw new Error('no')", Verdict.ERROR),
        ("return { title: 5 }", Verdict.INVALID_FINDINGS),
    ],
)
async def test_only_the_culprit_is_charged(bad: str, verdict: Verdict) -> None:
    """One plugin fails on one transaction; its mates and its own other scans are answered truly."""
    code = f"export function scan_transaction(t) {{ if (t.request.url.endsWith('/bad')) {{ {bad} }} }}"
    timeout_s = 0.5 if verdict is Verdict.TIMEOUT else 60.0
    limits = Limits(timeout_s=timeout_s, memory_bytes=128 * 2**20)
    executors = [say("before", limits=limits), made("bad", code, limits=limits), say("after", limits=limits)]
    paths = ["/1", "/2", "/bad", "/3", "/4"]
    async with Scanner(executors) as scanner:
        results = await results_of(scanner, [make_transaction(path) for path in paths])
        stats = {each.plugin_id: each.verdicts for each in (e.get_stats() for e in executors)}
    found: dict[str, list[Verdict]] = {"before": [], "bad": [], "after": []}
    for result in results:
        found[result.plugin_id].append(result.verdict)
    assert found["before"] == found["after"] == [Verdict.FINDINGS] * 5
    assert found["bad"] == [Verdict.CLEAN, Verdict.CLEAN, verdict, Verdict.CLEAN, Verdict.CLEAN]
    assert stats["before"] == stats["after"] == {Verdict.FINDINGS: 5}
    assert stats["bad"] == Counter(found["bad"])


async def test_one_call_at_a_time() -> None:
    """Executors of a group answer by themselves too, also while the others work."""
    executors = [say("a"), say("b")]
    async with Scanner(executors):
        for executor in executors:
            (finding,) = await executor.scan_transaction(make_transaction("/x"))
            assert finding.title == executor.metadata.id
            async for result in executor.scan_many([make_transaction(f"/{n}") for n in range(200)]):
                assert result.findings[0].title == executor.metadata.id


async def test_restart_is_everybodys() -> None:
    """A restart of one replaces the isolate of all, and nobody loses a scan."""
    executors = [say("a"), say("b")]
    async with Scanner(executors) as scanner:
        report = await executors[1].restart()
        assert {executor.get_stats().generation for executor in executors} == {report.generation}
        assert {executor.get_stats().restart_count for executor in executors} == {1}
        results = await results_of(scanner, [make_transaction("/")])
    assert [result.verdict for result in results] == [Verdict.FINDINGS] * 2


async def test_reload_of_one() -> None:
    """New code of one plugin leaves the others as they are; a bad version leaves all as they are."""
    executors = [say("a"), say("b"), say("c")]
    async with Scanner(executors) as scanner:
        await executors[1].reload("export const scan_transaction = () => ({ title: 'new b' });")
        results = await results_of(scanner, [make_transaction("/")])
        assert [result.findings[0].title for result in results] == ["a", "new b", "c"]
        with pytest.raises(PluginLoadError):
            await executors[2].reload("export const nothing = 1;")
        results = await results_of(scanner, [make_transaction("/")])
        assert [result.findings[0].title for result in results] == ["a", "new b", "c"]


async def test_who_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    """A plugin that does not load is named with its own file and line; nothing is left running."""
    file = tmp_path / "broken.ts"
    file.write_text("export const x = 1;\nthrow new Error('not today');\n", encoding="utf-8")
    before = len(generations())
    executors = [say("a"), PluginExecutor.from_file(file, isolate_per="group"), say("c")]
    with pytest.raises(ExceptionGroup) as caught:
        async with Scanner(executors):
            pass
    (error,) = caught.value.exceptions
    assert isinstance(error, PluginLoadError)
    assert error.failure is not None
    assert (error.failure.file, error.failure.line) == ("broken.ts", 2)
    assert len(generations()) == before


async def test_error_in_a_scan_names_the_plugins_own_file(tmp_path: Path) -> None:
    """Stacks name file and line of the plugin that threw."""
    file = tmp_path / "thrower.ts"
    file.write_text(
        "\nexport function scan_transaction() {\n  throw new Error('here');\n}\n", encoding="utf-8"
    )
    executors = [say("a"), PluginExecutor.from_file(file, isolate_per="group")]
    async with Scanner(executors) as scanner:
        _, failed = await results_of(scanner, [make_transaction("/")])
    assert failed.error is not None
    assert (failed.error.file, failed.error.line) == ("thrower.ts", 3)


async def test_files_are_each_plugins_own(tmp_path: Path) -> None:
    """A granted file is the one beside the plugin that reads it."""
    executors = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "words.txt").write_text(f"words of {name}", encoding="utf-8")
        (folder / f"{name}.js").write_text(
            "export const metadata = { permissions: { read: ['words.txt'] } };\n"
            "export const scan_transaction = () => ({ title: isoscan.readAssetText('words.txt') });\n",
            encoding="utf-8",
        )
        executors.append(
            PluginExecutor.from_file(
                folder / f"{name}.js", isolate_per="group", permissions=Permissions(read=("words.txt",))
            )
        )
    async with Scanner(executors) as scanner:
        results = await results_of(scanner, [make_transaction("/")])
    assert [result.findings[0].title for result in results] == ["words of one", "words of two"]


async def test_other_permissions_other_isolate(tmp_path: Path) -> None:
    """Plugins that ask for different things are refused one isolate, by name and with what to do."""
    (tmp_path / "words.txt").write_text("words", encoding="utf-8")
    executors = []
    for name, asked in (("asks", "['words.txt']"), ("asks-not", "[]")):
        file = tmp_path / f"{name}.js"
        file.write_text(
            f"export const metadata = {{ permissions: {{ read: {asked} }} }};\n"
            "export const scan_transaction = () => {};\n",
            encoding="utf-8",
        )
        executors.append(
            PluginExecutor.from_file(file, isolate_per="group", permissions=Permissions(read=("words.txt",)))
        )
    with pytest.raises(ExceptionGroup) as caught:
        async with Scanner(executors):
            pass
    (error,) = caught.value.exceptions
    assert isinstance(error, ConfigError)
    assert "asks and asks-not" in str(error)


async def test_denials_are_each_plugins_own() -> None:
    """What a plugin tried without being granted it is recorded under its own name, loading included."""
    loads = "try { fetch('https://example.com'); } catch {}\nexport const scan_transaction = () => {};"
    scans = "export const scan_transaction = () => { try { Deno.readTextFileSync('/x'); } catch {} };"
    executors = [say("quiet"), made("loads", loads), made("scans", scans)]
    async with Scanner(executors) as scanner:
        results = await results_of(scanner, [make_transaction("/")])
        denied = {e.metadata.id: {d.permission for d in e.get_stats().denials} for e in executors}
    assert denied == {"quiet": set(), "loads": {"net"}, "scans": {"read"}}
    assert [bool(result.denials) for result in results] == [False, False, True]


async def test_alone_it_is_an_executor_like_others() -> None:
    """Outside a scanner there is nobody to share with."""
    async with say("alone") as executor:
        (finding,) = await executor.scan_transaction(make_transaction("/"))
    assert finding.evidence == "1"


async def test_events_tell_of_the_group() -> None:
    """Events of a shared isolate name its first plugin and how many others there are."""
    events: list[Event] = []
    executors = [say(name, on_event=events.append) for name in ("a", "b", "c")]
    async with Scanner(executors):
        pass
    assert {event.plugin_id for event in events} == {"a+2"}


async def test_standby_is_warm_for_all() -> None:
    """With a spare, a restart of a group that has worked costs no scan."""
    executors = [say(name, warm_standby=True) for name in ("a", "b")]
    async with Scanner(executors) as scanner:
        await results_of(scanner, [make_transaction(f"/{n}") for n in range(5)])
        await executors[0].restart()
        await executors[0].restart()
        results = await results_of(scanner, [make_transaction("/")])
    assert [result.verdict for result in results] == [Verdict.FINDINGS] * 2
