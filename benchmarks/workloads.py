"""The six workloads: plugins and transactions, the same bytes in every run."""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec import Struct

from isoscan import HttpRequest, HttpResponse, HttpTransaction
from isoscan.sandbox.deno import find_deno
from isoscan.sources import open_source

ROOT = Path(__file__).parent.parent
CAPTURE = ROOT / "examples/shop.har"
BUNDLED = ROOT / "src/isoscan/plugins"
_SEED = 20_260_301
_BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)
_BUNDLE_S = 60.0


class WorkloadUnavailable(Exception):
    """A workload that cannot be made here; the message says why."""


class PluginText(Struct, frozen=True):
    """A plugin as one ES module of plain JavaScript."""

    id: str
    code: str


class Bounds(Struct, frozen=True):
    """What a contender shall hold a plugin to, as far as it can; only probes ask for it."""

    timeout_s: float = 1.0
    memory_bytes: int = 64 * 1024 * 1024


class Workload(Struct, frozen=True, kw_only=True):
    """Every plugin is run on every transaction."""

    name: str
    about: str
    plugins: list[PluginText]
    transactions: list[HttpTransaction]
    bounds: Bounds | None = None

    @property
    def scans(self) -> int:
        """How many scans one pass over it is."""
        return len(self.plugins) * len(self.transactions)


URL_PLUGIN = """
export function scan_transaction(transaction) {
  if (transaction.request.url.includes("/admin/")) return { title: "Admin page", severity: "info" };
}
"""

REGEX_PLUGIN = r"""
const PATTERNS = [
  ["AWS key", /\bAKIA[0-9A-Z]{16}\b/],
  ["Password in markup", /password\s*=\s*["'][^"']{6,}["']/i],
  ["Private key", /-----BEGIN (?:RSA |EC )?PRIVATE KEY-----/],
  ["Bearer token", /bearer\s+[a-z0-9_-]{20,}\.[a-z0-9_-]{20,}/i],
  ["Inline handler", /<[a-z]+[^>]+\bon(?:error|load|click)\s*=\s*["']?[^"'>]*(?:alert|eval)\(/i],
  ["Script source from a parameter", /<script[^>]+src\s*=\s*["'][^"']*[?&](?:cb|callback)=/i],
];
export function scan_transaction(transaction) {
  const text = transaction.response.text();
  const findings = [];
  for (const [title, pattern] of PATTERNS) {
    const match = pattern.exec(text);
    if (match !== null) findings.push({ title, severity: "medium", evidence: match[0].slice(0, 80) });
  }
  return findings;
}
"""

CPU_PLUGIN = """
export function scan_transaction(transaction) {
  const url = transaction.request.url;
  let hash = 0x811c9dc5;
  for (let i = 0; i < 450_000; i++) {
    hash = Math.imul(hash ^ url.charCodeAt(i % url.length) ^ i, 0x01000193);
    hash ^= hash >>> 15;
  }
  if ((hash & 15) === 0) return { title: "Hash", severity: "info", evidence: String(hash >>> 0) };
}
"""

#: Each of the fan-out's plugins looks at something else.
FAN_OUT_PLUGIN = r"""
const pattern = /\b%(word)s-[0-9a-f]{4,}\b/;
export function scan_transaction(transaction) {
  const response = transaction.response;
  if (response.headers["x-%(word)s"] !== undefined) return { title: "Header %(word)s", severity: "low" };
  const match = pattern.exec(response.text());
  if (match !== null) return { title: "Id of %(word)s", severity: "info", evidence: match[0] };
}
"""
FAN_OUT_WORDS = (
    *("order", "cart", "user", "token", "trace", "build", "cache", "node", "shard", "queue"),
    *("stock", "price", "page", "asset", "theme", "layout", "event", "batch", "draft", "session"),
)

_HEADERS = (
    ("Host", "shop.example"),
    ("Accept", "text/html,application/xhtml+xml"),
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0"),
)
_RESPONSE_HEADERS = (
    ("Content-Type", "text/html; charset=utf-8"),
    ("Server", "nginx"),
    ("Cache-Control", "private, max-age=0"),
)
_WORDS = (
    *("chair", "table", "lamp", "delivery", "basket", "wood", "oak", "price", "review", "colour", "fabric"),
    *("return", "order", "warranty", "today", "stock", "shipping", "customer", "garden", "kitchen", "shelf"),
)
#: One in so many bodies holds something to find.
_FOUND_EVERY = 8
_PLANTED = (
    "<!-- AKIAQ3EGRVT5PXSLD2KJ -->",
    '<input name="password" data-default="" password = "letmein-2026">',
    '<img src="/x.png" onerror="alert(\'x\')">',
    '<script src="/widget.js?callback=render"></script>',
)


def _html(chance: random.Random, size_bytes: int, planted: str = "") -> bytes:
    """Markup of exactly so many bytes, with `planted` somewhere in it."""
    parts: list[str] = ["<!doctype html><html><body>\n"]
    length = len(parts[0])
    at = chance.randrange(size_bytes // 2, size_bytes * 3 // 4) if planted else size_bytes
    while length < size_bytes:
        if planted and length >= at:
            line, planted = planted + "\n", ""
        else:
            words = " ".join(chance.choices(_WORDS, k=12))
            line = (
                f'<p class="row" id="r{chance.randrange(10_000)}">{words} &amp; {chance.random():.3f}</p>\n'
            )
        parts.append(line)
        length += len(line)
    return "".join(parts).encode()[:size_bytes]


def _transactions(
    count: int, bodies: Sequence[bytes] = (), extra: Sequence[tuple[tuple[str, str], ...]] = ()
) -> list[HttpTransaction]:
    """Distinct transactions; without bodies, requests alone."""
    found = []
    for number in range(count):
        area = "admin" if number % _FOUND_EVERY == 0 else "products"
        moment = _BEGAN + timedelta(milliseconds=number)
        request = HttpRequest(
            "GET",
            f"https://shop.example/{area}/item-{number:05d}?page={number % 7}&sort=price",
            headers=_HEADERS,
            timestamp=moment,
            id=f"t{number:05d}",
        )
        response = None
        if bodies:
            headers = _RESPONSE_HEADERS + (extra[number % len(extra)] if extra else ())
            response = HttpResponse(200, headers=headers, body=bodies[number % len(bodies)], timestamp=moment)
        found.append(HttpTransaction(request, response))
    return found


def _bodies(count: int, size_bytes: int, planted: Sequence[str] = _PLANTED) -> list[bytes]:
    chance = random.Random(_SEED + size_bytes)  # noqa: S311  # the same pages in every run
    return [
        _html(chance, size_bytes, planted[i // _FOUND_EVERY % len(planted)] if i % _FOUND_EVERY == 0 else "")
        for i in range(count)
    ]


def url() -> Workload:
    """The cost of a scan itself: next to no work, about 300 bytes."""
    return Workload(
        name="url",
        about="a trivial plugin that looks at the URL of a request of about 300 bytes",
        plugins=[PluginText("url", URL_PLUGIN)],
        transactions=_transactions(512),
    )


def regex() -> Workload:
    """The ordinary plugin."""
    return Workload(
        name="regex",
        about="six expressions for secrets and script injection over an HTML body of 4 KB",
        plugins=[PluginText("regex", REGEX_PLUGIN)],
        transactions=_transactions(256, _bodies(256, 4096)),
    )


def large() -> Workload:
    """Bodies that are worth copying once."""
    return Workload(
        name="large",
        about="the same six expressions over an HTML body of 256 KB",
        plugins=[PluginText("large", REGEX_PLUGIN)],
        transactions=_transactions(16, _bodies(16, 256 * 1024)),
    )


def cpu() -> Workload:
    """The plugin works, everything else should not matter."""
    return Workload(
        name="cpu",
        about="about a millisecond of arithmetic over the URL",
        plugins=[PluginText("cpu", CPU_PLUGIN)],
        transactions=_transactions(32),
    )


def mixed() -> Workload:
    """What `isoscan run` does."""
    entries = [entry.transaction for entry in open_source(CAPTURE) if entry.transaction is not None]
    paths = sorted(BUNDLED.glob("*/plugin.ts"))
    return Workload(
        name="mixed",
        about=f"the recorded capture {CAPTURE.name} and the {len(paths)} bundled plugins",
        plugins=[PluginText(path.parent.name, bundled_code(path)) for path in paths],
        transactions=entries,
    )


def fan_out() -> Workload:
    """Many plugins, each of which does little."""
    extra = [((f"X-{word}", "1"),) for word in FAN_OUT_WORDS]
    planted = [f"<i>{word}-{number:04x}</i>" for number, word in enumerate(FAN_OUT_WORDS)]
    return Workload(
        name="fan-out",
        about=f"{len(FAN_OUT_WORDS)} small plugins, each on every transaction with an HTML body of 2 KB",
        plugins=[PluginText(word, FAN_OUT_PLUGIN % {"word": word}) for word in FAN_OUT_WORDS],
        transactions=_transactions(128, _bodies(160, 2048, planted), extra),
    )


WORKLOADS: dict[str, Callable[[], Workload]] = {
    "url": url,
    "regex": regex,
    "large": large,
    "cpu": cpu,
    "mixed": mixed,
    "fan-out": fan_out,
}


def bundled_code(path: Path) -> str:
    """A plugin with its neighbours as one module of plain JavaScript, for engines that know no TypeScript.

    Raises `WorkloadUnavailable`: Deno fetches its bundler when it is first asked for it.
    """
    command = [str(find_deno()), "bundle", "--quiet", "--no-config", str(path)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=_BUNDLE_S
        )
    except subprocess.TimeoutExpired:
        raise WorkloadUnavailable(
            f"deno bundle {path.parent.name}: not done within {_BUNDLE_S:.0f} s"
        ) from None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise WorkloadUnavailable(f"deno bundle {path.parent.name}: {lines[0][:200]}")
    return done.stdout


_EXPORT_LIST = re.compile(r"^[ \t]*export\s*\{[^}]*\};?\s*$", re.MULTILINE)
_EXPORT_WORD = re.compile(r"^[ \t]*export\s+(?=(?:async\s+)?(?:function|const|let|class)\b)", re.MULTILINE)


def as_function(code: str) -> str:
    """A module's text as an expression whose value is its `scan_transaction`, for engines without modules."""
    body = _EXPORT_WORD.sub("", _EXPORT_LIST.sub("", code))
    return f'(() => {{ "use strict";\n{body}\nreturn scan_transaction; }})()'
