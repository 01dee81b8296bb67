"""Plugins that fill memory, each in its own way, until they are ended or the engine refuses. Pure."""

from __future__ import annotations

#: Bodies of a loop that goes on for ever; `i` counts, and what is pushed on `kept` stays alive.
BOMBS = {
    "heap_arrays": (
        "const a = new Array(1 << 16); for (let k = 0; k < a.length; k++) a[k] = k + 0.5; kept.push(a);"
    ),
    "strings": "kept.push(String.fromCharCode(65 + i % 26).repeat(1 << 18) + i); /#/.test(kept[i]);",
    "flattened_ropes": (
        "let s = `${i}ab`; while (s.length < 1 << 20) s = s + i + s; /#/.test(s); kept.push(s);"
    ),
    "buffers_touched": "kept.push(new Uint8Array(1 << 20).fill(7));",
    "buffers_untouched": "kept.push(new ArrayBuffer(1 << 20));",
    "typed_arrays": "kept.push(new Float64Array(1 << 16).fill(i + 0.5));",
    "maps": "const m = new Map(); for (let k = 0; k < 1 << 12; k++) m.set(k, { k }); kept.push(m);",
    "sets": "const m = new Set(); for (let k = 0; k < 1 << 12; k++) m.add(`${i}:${k}`); kept.push(m);",
    "closures": (
        "for (let k = 0; k < 1 << 12; k++) { const own = [i, k]; kept.push(() => own[0] + own[1]); }"
    ),
    "regex_results": "kept.push([...'abcdefgh'.repeat(512).matchAll(/(?<one>.)(.)(.)/gd)]);",
    "parsed_json": "kept.push(JSON.parse(text));",
    "structured_clones": "kept.push(structuredClone(tree));",
    "big_ints": "kept.push((1n << 1_000_000n) + BigInt(i));",
    "error_stacks": "Error.stackTraceLimit = 200; kept.push(deep(100, i).stack);",
    "urls": "for (let k = 0; k < 256; k++) kept.push(new URL(`http://host${k}.example/${i}?q=${k}#f`));",
    "intl": "kept.push(new Intl.NumberFormat('en', { minimumFractionDigits: i % 20 }));",
    "promises": (
        "for (let k = 0; k < 1 << 10; k++) kept.push(new Promise(() => {}).then(() => [i, k], () => k));"
    ),
}
_PLUGIN = """
let kept = [];
const tree = Array.from({ length: 2000 }, (_, n) => ({ n, text: `leaf ${n}`, list: [n, n + 1] }));
const text = JSON.stringify(tree);
const deep = (depth, i) => depth === 0 ? new Error(`number ${i}`) : deep(depth - 1, i);
export function scan_transaction(t) {
  if (!t.request.url.includes("/bad")) return { title: t.id };
  try {
    for (let i = 0;; i++) {
      %s
    }
  } catch (error) {
    kept = [];
    return { title: `caught ${error.name}` };
  }
}
"""


def plugin(kind: str) -> str:
    """A plugin that fills memory when it scans `/bad`, and echoes otherwise."""
    return _PLUGIN % BOMBS[kind]
