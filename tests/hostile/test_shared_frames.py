"""A plugin against its mates in one frame: what each scans is its own, although it is decoded once.

Plugins of a group trust each other with the language they share. The transactions are the host's: each
plugin has its own of everything, and what a finished scan left behind reaches nobody else's.
"""

from __future__ import annotations

import pytest

from isoscan import (
    HttpRequest,
    HttpResponse,
    HttpTransaction,
    Verdict,
)
from isoscan.sandbox.generation import MAX_FRAME_SCANS
from support.groups import results_of, told

#: Tells all it sees of a transaction; what it needs of the language it took before anybody scanned.
WITNESS = """
const { stringify } = JSON;
const { from } = Array;
const texts = (part) => [part.headers, part.rawHeaders, from(part.body), part.text()];
export function scan_transaction(t) {
  const seen = [t.request.url, t.request.query_params, texts(t.request), texts(t.response)];
  return { title: t.id, evidence: stringify(seen) };
}
"""
#: The same with nothing but operators: whatever became of the built-ins, it works.
PLAIN_WITNESS = """
export function scan_transaction(t) {
  const { headers, query_params } = t.request;
  return {
    title: t.id,
    evidence: headers["x-name"] + "|" + headers["0"] + "|" + headers.constructor + "|" + query_params.q +
      "|" + t.response.headers["set-cookie"] + "|" + t.response.text() + "|" + t.response.body[1],
  };
}
"""

#: What it does to its transaction `t`; `kept` are those of its earlier scans, and `each` is every part of it.
DATA_ATTACKS = {
    "change_headers": (
        "for (const part of each) {"
        "  for (const name of Object.keys(part.headers)) part.headers[name] = 'BREACH';"
        "  part.headers.added = 'BREACH'; }"
    ),
    "delete_headers": "for (const { headers } of each) for (const name in headers) delete headers[name];",
    "headers_with_getters": (
        "for (const { headers } of each) for (const name in headers)"
        "  Object.defineProperty(headers, name, { get: () => 'BREACH' });"
    ),
    "headers_with_a_parent": (
        "for (const { headers } of each) Object.setPrototypeOf(headers, { parent: 'BREACH' });"
    ),
    "frozen_headers": "for (const { headers } of each) Object.freeze(headers);",
    "change_pairs_first": (
        "for (const { rawHeaders } of each) { for (const pair of rawHeaders) pair[1] = 'BREACH';"
        "  rawHeaders.push(['added', 'BREACH']); }"
    ),
    "change_pairs_last": (
        "for (const part of each) { part.headers; for (const pair of part.rawHeaders) pair[0] = 'BREACH';"
        "  part.rawHeaders.length = 1; }"
    ),
    "names_that_are_objects": (
        "for (const { rawHeaders } of each) rawHeaders[0][0] = { toString: () => 'X-Name', length: 1 };"
        "for (const { headers } of each) headers;"
    ),
    "change_query": "t.request.query_params.q = 'BREACH'; t.request.query_params.added = 'BREACH';",
    "empty_body_then_text": "for (const part of each) { part.body.fill(0); part.text(); }",
    "text_then_empty_body": "for (const part of each) { part.text(); part.body.fill(0); }",
    "detached_body": (
        "for (const part of each) { part.body.buffer.transfer(); try { part.text(); } catch {} }"
    ),
    "change_fields": (
        "for (const part of each) Object.assign(part, { content_type: 'x; charset=utf-16', bodyLength: 1,"
        "  text: () => 'BREACH' });"
        "for (const part of each) { part.headers; Object.getPrototypeOf(part).text.call(part); }"
    ),
    "released_by_itself": (
        "for (const part of each) part.constructor.release(part);"
        "for (const part of each) try { part.headers; } catch {}"
    ),
    "made_by_itself": (
        "for (const part of each) try { new part.constructor(['a'], { details: 1 }, 0, 0).headers; } catch {}"
    ),
    "full_stack": (
        "const reads = [(p) => p.text(), (p) => p.headers, (p) => p.rawHeaders, (p) => p.body,"
        "  (p) => p.query_params];"
        "for (const part of each) for (const read of reads) {"
        "  let left = 5;"
        "  const dig = () => { try { dig(); } catch { /* the stack is full */ }"
        "    if (left > 0) try { read(part); left = 0; } catch { left--; } };"
        "  dig(); }"
    ),
    "kept_from_before": (
        "for (const before of kept) for (const part of [before.request, before.response])"
        "  for (const read of [() => part.text(), () => part.headers, () => part.body])"
        "    try { read(); throw 'BREACH'; } catch (error) { if (error === 'BREACH') throw error; }"
    ),
}
ATTACKER = """
const kept = [];
export function scan_transaction(t) {
  const each = [t.request, t.response];
  %s
  kept.push(t);
}
"""
#: What it does to the language in its first scan; `seen` is what was handed to it, of which nothing may be
#: another plugin's or the host's.
SPOILERS = {
    "setters_of_header_names": (
        "const setter = Object.assign(Object.create(null), { set() { seen.push(this); }, get() {} });"
        "for (const name of ['x-name', 'set-cookie', 'content-type', '0', 'q', 'value', 'get', 'set'])"
        "  Object.defineProperty(Object.prototype, name, setter);"
    ),
    "fields_of_header_names": (
        "for (const name of ['x-name', 'set-cookie', 'content-type', '0', 'q'])"
        "  Object.defineProperty(Object.prototype, name, { configurable: true, value: 'BREACH' });"
    ),
    "map_methods": (
        "for (const name of ['get', 'set', 'has', 'delete'])"
        "  Map.prototype[name] = function (...values) { seen.push(this, ...values); return 'BREACH'; };"
    ),
    "string_methods": (
        "for (const name of ['toLowerCase', 'slice', 'match', 'valueOf', 'toString'])"
        "  String.prototype[name] = function () { seen.push(this); return 'BREACH'; };"
    ),
    "iterators": (
        "for (const type of [Array, Map, String])"
        "  type.prototype[Symbol.iterator] = function* () { seen.push(this); };"
        "Object.getPrototypeOf([][Symbol.iterator]()).next = () => ({ done: true });"
    ),
    "array_setters": (
        "for (let index = 0; index < 16; index++)"
        "  Object.defineProperty(Array.prototype, index, { configurable: true, set() { seen.push(this); } });"
    ),
    "decoders": (
        "TextDecoder.prototype.decode = function () { seen.push(this); return 'BREACH'; };"
        "RegExp.prototype.exec = function () { seen.push(this); return ['', 'utf-16']; };"
        "Object.prototype.lastIndex = 7;"
    ),
    "statics": (
        "for (const name of ['keys', 'assign', 'create', 'defineProperty', 'hasOwn', 'entries'])"
        "  Object[name] = (...values) => { seen.push(...values); return {}; };"
        "Reflect.defineProperty = Reflect.apply = (...values) => { seen.push(...values); };"
    ),
}
SPOILER = """
const { push } = Array.prototype;
const seen = { count: 0, push(...things) { for (let i = 0; i < things.length; i++) this.count++; } };
let isSpoilt = false;
export function scan_transaction(t) {
  if (isSpoilt) { if (seen.count > before) return { title: "BREACH", evidence: `${seen.count}` }; return; }
  isSpoilt = true;
  %s
  before = seen.count;
}
let before = 0;
"""


@pytest.fixture(autouse=True)
def full_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first frame of a generation is as large as later ones: all plugins scan all transactions in it."""
    monkeypatch.setattr("isoscan.sandbox.generation._FIRST_FRAME_SCANS", MAX_FRAME_SCANS)


def traffic(count: int = 6) -> list[HttpTransaction]:
    """Transactions with something of everything, whose text is not UTF-8."""
    return [
        HttpTransaction(
            request=HttpRequest(
                method="POST",
                url=f"http://shop.example/{number}?q=asked{number}",
                headers=(
                    ("X-Name", f"name {number}"),
                    ("0", "zero"),
                    ("constructor", "a header"),
                    ("__proto__", "another"),
                    ("X-Name", "again"),
                ),
                body=f"sent {number}".encode(),
            ),
            response=HttpResponse(
                status=200,
                headers=(
                    ("Content-Type", f"text/plain; charset=iso-8859-1; number={number}"),
                    ("Set-Cookie", "a=1"),
                    ("Set-Cookie", "b=2"),
                ),
                body=f"gr\N{LATIN SMALL LETTER U WITH DIAERESIS}n {number}".encode("latin-1"),
            ),
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("attack", DATA_ATTACKS)
async def test_what_a_mate_does_to_its_transaction(attack: str) -> None:
    """Those before and after it in a frame see every transaction as it was sent, down to its last byte."""
    transactions = traffic()
    expected = told((await results_of([WITNESS], transactions))[0])
    assert len(expected) == len(transactions)
    first, attacker, last = await results_of(
        [WITNESS, ATTACKER % DATA_ATTACKS[attack], WITNESS], transactions
    )
    assert told(first) == expected
    assert told(last) == expected
    assert {result.verdict for result in attacker} == {Verdict.CLEAN}, attacker[-1].error


@pytest.mark.parametrize("spoiler", SPOILERS)
async def test_what_a_mate_does_to_the_language(spoiler: str) -> None:
    """Built-ins that were replaced neither change what others are given, nor get hold of it on its way."""
    transactions = traffic()
    expected = told((await results_of([PLAIN_WITNESS], transactions))[0])
    assert expected[1][1] == "name 1, again|zero|a header|asked1|a=1\nb=2|grün 1|114"
    first, spoilt, last = await results_of(
        [PLAIN_WITNESS, SPOILER % SPOILERS[spoiler], PLAIN_WITNESS], transactions
    )
    assert told(first) == expected
    assert told(last) == expected
    assert {result.verdict for result in spoilt} == {Verdict.CLEAN}, told(spoilt)


async def test_full_stack_spoils_no_text_of_others() -> None:
    """Text decoded where the stack leaves no room for its decoder is nobody else's text, now or later."""
    attacker = """
    export function scan_transaction(t) {
      let text;
      const dig = () => {
        try { dig(); } catch { /* the stack is full */ }
        if (text === undefined) try { text = t.response.text(); } catch { /* still too full */ }
      };
      const start = (count, ...rest) => count === 0 ? dig() : start(count - 1, ...rest);
      const number = Number(/\\d+/.exec(t.request.url)[0]);
      start(number % 17, ...new Array(number % 13).fill(0));
    }
    """
    honest = "export function scan_transaction(t) { return { title: t.id, evidence: t.response.text() }; }"
    transactions = traffic(60)
    _, witness = await results_of([attacker, honest], transactions)
    assert told(witness) == [
        (t.id, f"gr\N{LATIN SMALL LETTER U WITH DIAERESIS}n {n}") for n, t in enumerate(transactions)
    ]
