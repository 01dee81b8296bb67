"""What a plugin of a group does too late, in the turn of a mate: it reaches nobody in the mate's name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from isoscan import (
    HttpTransaction,
    Permissions,
    PluginExecutor,
    Scanner,
    Verdict,
)
from isoscan.sandbox.generation import MAX_FRAME_SCANS
from support.builders import make_transaction
from support.groups import results_of, told


@pytest.fixture(autouse=True)
def full_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first frame of a generation is as large as later ones: all plugins scan all transactions in it."""
    monkeypatch.setattr("isoscan.sandbox.generation._FIRST_FRAME_SCANS", MAX_FRAME_SCANS)


def made(count: int) -> list[HttpTransaction]:
    """Transactions that make one frame."""
    return [make_transaction(f"/{number}") for number in range(count)]


WAITS = """
export async function scan_transaction(t) {
  globalThis.isBegun = true;
  globalThis.wake?.();
  await new Promise((done) => setTimeout(done, 20));
  return { title: t.id };
}
"""


@pytest.mark.parametrize(
    "leaves_behind",
    [
        "new Promise((done) => (globalThis.wake = done)).then(() => isoscan.report({ title: 'BREACH' }));",
        "new Promise((done) => (globalThis.wake = done)).then(() => { throw new Error('BREACH'); })"
        "  .catch((error) => { console.log(error); return Promise.reject(error); }).catch(() => {});",
        "new Promise((done) => (globalThis.wake = done)).then(() =>"
        "  setTimeout(() => isoscan.report({ title: 'BREACH' }), 0));",
        "new Promise((done) => (globalThis.wake = done)).then(() => fetch('https://BREACH.example/'))"
        "  .catch(() => {});",
        "setTimeout(() => isoscan.report({ title: 'BREACH' }), 5);",
        "setInterval(() => { throw new Error('BREACH'); }, 5);",
        "const again = () => Promise.resolve()"
        "  .then(() => { console.log('BREACH'); if (--left > 0) again(); });"
        "let left = 3; new Promise((done) => (globalThis.wake = done)).then(again);",
    ],
    ids=["report", "throw", "timer_of_later", "attempt", "timer", "interval", "chain"],
)
async def test_what_a_scan_left_behind(leaves_behind: str) -> None:
    """What wakes up in the next plugin's turn says nothing in that plugin's name."""
    leaver = f"export function scan_transaction(t) {{ {leaves_behind} }}"
    transactions = made(3)
    left, waited = await results_of([leaver, WAITS], transactions)
    assert {result.verdict for result in left} == {Verdict.CLEAN}
    assert [title for title, _ in told(waited)] == [t.id for t in transactions]
    assert not any(result.console or result.denials or result.error for result in waited)


async def test_late_request_half_calls_no_other_plugin() -> None:
    """A `scan_request` that settles when its scan is over leads to no `scan_response`, least to another's."""
    late = """
    export function scan_request(request) {
      Promise.reject(new Error("ends this scan"));
      return new Promise((done) => (globalThis.wake = done));
    }
    export function scan_response(t) { globalThis.calls.push(`late ${t.request.url}`); }
    """
    counts = """
    globalThis.calls = [];
    export async function scan_response(t) {
      globalThis.calls.push(t.request.url);
      globalThis.wake();
      await new Promise((done) => setTimeout(done, 5));
      return { title: t.id, evidence: JSON.stringify(globalThis.calls) };
    }
    """
    transactions = made(3)
    failed, counted = await results_of([late, counts], transactions)
    assert [result.verdict for result in failed] == [Verdict.ERROR] * 3
    urls = [t.request.url for t in transactions]
    assert json.loads(told(counted)[-1][1]) == urls


@pytest.mark.parametrize(
    "timer",
    [
        "setInterval(() => { if (globalThis.isBegun) isoscan.report({ title: 'of the other' }); }, 1);",
        "setInterval(() => { if (globalThis.isBegun) console.log('of the other'); }, 1);",
        "setInterval(() => { if (globalThis.isBegun) throw new Error('of the other'); }, 1);",
        "setInterval(() => { try { if (globalThis.isBegun) Deno.readTextFileSync('/x'); } catch {} }, 1);",
        "const again = () => setTimeout(() => {"
        "  again(); if (globalThis.isBegun) isoscan.report({ title: 'of the other' }); }, 1);"
        "again();",
    ],
    ids=["report", "console", "throw", "attempt", "chain"],
)
async def test_timers_of_loading_speak_for_their_own_plugin(timer: str) -> None:
    """What a plugin set going while it was loaded is charged to scans of its own, never to a mate's."""
    own, waited = await results_of([f"{timer}\n{WAITS}", WAITS], made(2))
    assert [title for title, _ in told(waited)] == [result.transaction_id for result in waited]
    assert not any(result.console or result.denials or result.error for result in waited)
    assert own[0].console or own[0].denials or own[0].error or len(own[0].findings) > 1


async def test_late_reader_gets_no_file_of_another(tmp_path: Path) -> None:
    """A file read too late is refused: by then it would be the file of whoever scans."""
    codes = {
        "late": """
        globalThis.read = "nothing";
        const read = () => { globalThis.read = isoscan.readAssetText("words.txt"); };
        export function scan_transaction(t) {
          new Promise((done) => (globalThis.wake = done)).then(read)
            .catch((error) => { globalThis.read = error.message; });
        }
        """,
        "owner": """
        export async function scan_transaction(t) {
          globalThis.wake();
          await new Promise((done) => setTimeout(done, 5));
          return { title: isoscan.readAssetText("words.txt"), evidence: globalThis.read };
        }
        """,
    }
    executors = []
    for name, code in codes.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "words.txt").write_text(f"words of {name}", encoding="utf-8")
        asks = "export const metadata = { permissions: { read: ['words.txt'] } };\n"
        (folder / f"{name}.js").write_text(asks + code, encoding="utf-8")
        executors.append(
            PluginExecutor.from_file(
                folder / f"{name}.js", isolate_per="group", permissions=Permissions(read=("words.txt",))
            )
        )
    async with Scanner(executors) as scanner:
        _, result = [result async for result in scanner.scan([make_transaction("/")])]
    assert told([result]) == [
        ("words of owner", "a file can only be read while its plugin is loaded or scans")
    ]
