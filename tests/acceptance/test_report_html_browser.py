"""The HTML report in a real browser: that it is read well, and that nothing of the traffic ever acts."""

from __future__ import annotations

import contextlib
import io
import json
import re
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import force_setattr

from acceptance._command import Workspace, entry, generations_of, har, wait_until_busy
from isoscan import (
    Confidence,
    Denial,
    Finding,
    HttpRequest,
    HttpResponse,
    HttpTransaction,
    PluginMetadata,
    ScanFailure,
    ScanResult,
    Severity,
    Verdict,
)
from isoscan.record import Place, ReportedFinding, RunRecord
from isoscan.reports.html import HtmlReport
from isoscan.sources import Entry
from support.chromium import Browser, Page, PageError, chromium, find_chromium

BINARY = find_chromium()
pytestmark = pytest.mark.skipif(
    BINARY is None, reason="no Chromium on PATH; on Debian: apt-get install --no-install-recommends chromium"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests of this file."""
    assert BINARY is not None
    with chromium(BINARY, tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Any]:
    """Opens a page, as text or as a file, with nothing kept of earlier ones."""
    pages: list[Page] = []

    def opened(content: str | bytes | Path, *, fragment: str = "", **size: int) -> Page:
        path = content if isinstance(content, Path) else tmp_path / "report.html"
        if not isinstance(content, Path):
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        browser.events.clear()
        pages.append(browser.open(path.as_uri() + fragment, **size))
        return pages[-1]

    yield opened
    for page in pages:
        page.close()


def make_finding(number: int, **fields: Any) -> Finding:
    """One of many findings that differ in everything a reader may filter by."""
    own: dict[str, Any] = {
        "title": f"Title {number}",
        "plugin_id": f"plugin-{number % 3}",
        "vuln_type": "kind",
        "url": f"https://host-{number % 5}.example/path/{number}?a=1",
        "method": "GET",
        "transaction_id": f"shop.har#{number}",
        "severity": list(Severity)[number % 5],
        "confidence": list(Confidence)[number % 2],
        "description": f"What it means {number}.",
        "evidence": f"evidence-{number}-end",
        "location": "response.body",
        "cwe": "CWE-79",
        "owasp": "A03:2021",
    }
    return Finding(**{**own, **fields})


def written(found: list[ReportedFinding], run: RunRecord | None = None) -> bytes:
    """The report of these findings."""
    file = io.BytesIO()
    report = HtmlReport(file)
    run = run or RunRecord(inputs=["shop.har"])
    for reported in found:
        run.findings[reported.finding.severity] += 1
        run.fingerprints.add(reported.fingerprint)
        report.add(reported)
    report.finish(run)
    return file.getvalue()


def many(count: int, **more: Any) -> list[ReportedFinding]:
    """That many findings, each on a transaction of its own that holds its evidence."""
    found = []
    for number in range(count):
        finding = make_finding(number)
        body = f"<p>{'before ' * 10}{finding.evidence}{' after' * 10}</p>".encode()
        transaction = HttpTransaction(
            HttpRequest("GET", finding.url), HttpResponse(200, (("Content-Type", "text/html"),), body)
        )
        place = Place("shop.har", number, "entry")
        found.append(
            ReportedFinding(
                finding=finding,
                fingerprint=finding.fingerprint,
                traffic=transaction,
                place=place,
                is_new=more["is_new"](number) if "is_new" in more else None,
            )
        )
    return found


def text_of(page: Page, selector: str) -> str:
    """What a reader sees of the first element a selector names."""
    return str(page.evaluate(f"document.querySelector({json.dumps(selector)}).innerText"))


def texts_of(page: Page, selector: str) -> list[str]:
    """The texts of all elements a selector names."""
    found = page.evaluate(
        f"[...document.querySelectorAll({json.dumps(selector)})].map(element => element.textContent)"
    )
    return [str(text) for text in found]


def choose(page: Page, control: str, value: str) -> None:
    """Chooses an option as a person does."""
    page.evaluate(
        f"(() => {{ const e = document.querySelector({json.dumps(control)}); e.value = {json.dumps(value)};"
        "e.dispatchEvent(new Event('change')); })()"
    )


# ---- what people read ----------------------------------------------------------------


def test_run_writes_a_page_that_opens(workspace: Workspace, show: Any) -> None:
    """The real command's report of good and bad entries: verdict, findings, traffic, failures."""
    workspace.write(
        "mixed.har",
        har(
            entry("http://shop.example/high", text="<b>body of high</b>"),
            entry("http://shop.example/low"),
            entry("http://shop.example/throw"),
            {"request": {}},
        ),
    )
    done = workspace.run("run", "mixed.har", "--plugin", "probe.ts", "--output", "report.html")
    assert done.code == 3, done.stderr
    path = workspace.folder / "report.html"
    assert path.stat().st_mode & 0o777 == 0o600
    page = show(path)
    assert text_of(page, "h1") == "mixed.har"
    verdict = text_of(page, ".verdict")
    assert "INCOMPLETE" in verdict
    assert "1 scan of 3" in verdict
    assert "1 entry of the input" in verdict
    assert texts_of(page, ".tile .number") == ["0", "1", "0", "1", "0"]
    assert texts_of(page, ".row .title") == ["Seen", "Seen"]
    assert "<b>body of high</b>" in text_of(page, ".response .body")
    assert "mixed.har, entry 0" in text_of(page, ".detail .facts")
    page.click('.tabs a[href="#coverage"]')
    coverage = text_of(page, "#app > .coverage")
    assert "thrown on purpose" in coverage
    assert "mixed.har, entry 3" in coverage
    assert page.complaints() == []
    assert page.requests() == [path.as_uri()]


def test_interrupted_and_empty_runs_say_so(show: Any) -> None:
    """A page without findings tells "nothing found" from "not scanned"."""
    page = show(written([]))
    assert "Complete" in text_of(page, ".verdict")
    assert text_of(page, ".empty") == "Nothing was found, and everything was scanned."
    page = show(written([], RunRecord(inputs=["a.har", "-"], is_interrupted=True)))
    assert text_of(page, ".verdict b") == "INTERRUPTED"
    assert "the rest was not scanned" in text_of(page, ".verdict")
    assert "not everything" in text_of(page, ".empty")
    assert page.complaints() == []


def test_ctrl_c_leaves_a_page(workspace: Workspace, show: Any) -> None:
    """A run that is broken off writes what it found, and that it was broken off."""
    workspace.capture("in.har", "high", "slow", "loop", "critical")
    arguments = ("run", "in.har", "-p", "probe.ts", "--output", "report.html", "--timeout", "3600")
    with workspace.started(*arguments) as process:
        wait_until_busy(*generations_of(process))
        process.send_signal(signal.SIGINT)
        done = workspace.finish(process)
    assert done.code == 130, done.stderr
    page = show(workspace.folder / "report.html")
    assert text_of(page, ".verdict b") == "INTERRUPTED"
    assert texts_of(page, ".tile .number")[1] == "1"
    assert page.complaints() == []


def test_evidence_is_marked(show: Any) -> None:
    """Evidence is marked in URL, headers and deep in a long body, which is scrolled to it."""
    body = "line\n" * 20_000 + "found: the secret & <b>\n" + "line\n" * 20_000
    finding = make_finding(
        3,
        evidence="q: a b&c\nheader: x-powered-by: Old\nbody: the secret & <b>",
        location="response.header:server",
    )
    transaction = HttpTransaction(
        HttpRequest("GET", "https://shop.example/?q=a%20b%26c"),
        HttpResponse(200, (("X-Powered-By", "Old"), ("Server", "x")), body.encode()),
    )
    page = show(written([ReportedFinding(finding=finding, fingerprint="f" * 32, traffic=transaction)]))
    assert texts_of(page, ".request .start mark") == ["a%20b%26c"]
    assert texts_of(page, ".response .header mark") == ["X-Powered-By: Old"]
    assert texts_of(page, ".response .body mark") == ["the secret & <b>"]
    assert texts_of(page, ".header.here") == ["Server: x"]
    gaps = texts_of(page, ".response .gap")
    assert len(gaps) == 2
    assert all("bytes more" in gap for gap in gaps)
    offset = page.evaluate(
        "(() => { const body = document.querySelector('.response .body').getBoundingClientRect();"
        "const mark = document.querySelector('.response .body mark').getBoundingClientRect();"
        "return [mark.top - body.top, body.bottom - mark.bottom]; })()"
    )
    assert min(offset) > 0
    assert text_of(page, ".jump").startswith("4 marks")
    for expected in ("a%20b%26c", "X-Powered-By: Old", "Server: x", "the secret & <b>", "a%20b%26c"):
        page.press("n")
        assert text_of(page, ".current") == expected


def test_traffic_of_every_kind(show: Any) -> None:
    """Declared charsets are decoded, binary bodies shown as bytes, a missing response and header named."""
    cases = [
        (
            HttpResponse(200, (("Content-Type", "text/html; charset=koi8-r"),), "привет".encode("koi8-r")),
            "привет",
        ),
        (
            HttpResponse(200, (("Content-Type", "image/png"),), b"\x89PNG\r\n\x1a\n" + bytes(400)),
            "89 50 4e 47",
        ),
        (HttpResponse(204), "strict-transport-security: not there"),
        (None, "There is no response in the capture."),
    ]
    found = [
        ReportedFinding(
            finding=make_finding(
                0, title=f"case {number}", location="response.header:strict-transport-security"
            ),
            fingerprint=f"{number:032x}",
            traffic=HttpTransaction(HttpRequest("POST", "http://shop.example/", body=b"a=1"), response),
        )
        for number, (response, _) in enumerate(cases)
    ]
    page = show(written(found))
    for number, (_, text) in enumerate(cases):
        page.evaluate(f"location.hash = '{number:032x}'")
        page.settle()
        assert text in text_of(page, ".traffic")
    assert page.complaints() == []


def test_same_finding_lists_its_hits(show: Any) -> None:
    """One row for all hits; each of the first can be looked at."""
    found = []
    for number in range(5):
        transaction = HttpTransaction(
            HttpRequest("GET", "http://shop.example/"), HttpResponse(200, (), f"body {number}".encode())
        )
        finding = make_finding(0, transaction_id=f"t{number}")
        found.append(ReportedFinding(finding=finding, fingerprint="a" * 32, traffic=transaction))
    page = show(written(found))
    assert texts_of(page, ".row .hits") == ["\N{MULTIPLICATION SIGN}5"]
    assert texts_of(page, ".occurrences li") == [f"t{number}" for number in range(5)]
    assert "body 0" in text_of(page, ".response")
    page.click(".occurrences li:nth-child(3) button")
    assert "body 2" in text_of(page, ".response")


# ---- finding one's way ---------------------------------------------------------------


def test_filters_and_groups(show: Any) -> None:
    """Severity, plugin, host, confidence, new only and words narrow the list; groups order it."""
    page = show(written(many(60, is_new=lambda number: number < 15)))
    assert text_of(page, ".count") == "60 findings"
    assert texts_of(page, ".group bdi")[0] == "critical"
    page.click(".tile.high")
    assert text_of(page, ".count") == "12 of 60 findings"
    choose(page, "select[name=plugin]", "plugin-0")
    assert text_of(page, ".count") == "4 of 60 findings"
    page.click(".clear")
    choose(page, "select[name=host]", "host-2.example")
    assert text_of(page, ".count") == "12 of 60 findings"
    page.click(".clear")
    choose(page, "select[name=confidence]", "medium")
    assert text_of(page, ".count") == "30 of 60 findings"
    page.click(".clear")
    page.click("input[name=new]")
    assert text_of(page, ".count") == "15 of 60 findings"
    page.click(".clear")
    choose(page, "select[name=group]", "plugin")
    assert texts_of(page, ".group bdi")[0].startswith("plugin-")
    assert text_of(page, ".count") == "60 findings"
    page.press("/", *"EVIDENCE-7-")
    assert text_of(page, ".count") == "1 of 60 findings"
    page.press("Escape")
    assert text_of(page, ".count") == "60 findings"
    page.press(*"title nothing")
    assert text_of(page, ".empty") == "No finding matches."
    assert page.complaints() == []


def test_plots_lead_to_what_they_show(show: Any) -> None:
    """A bar of a plot, clicked, shows its findings; one of the scans shows coverage."""
    run = RunRecord(inputs=["shop.har"])
    for number in range(3):
        run.coverage.add(ScanResult(transaction_id="t", plugin_id=f"plugin-{number}", verdict=Verdict.CLEAN))
    page = show(written(many(60), run))
    page.click(".plot:nth-child(1) .bar:nth-child(2)")
    assert text_of(page, ".count") == "20 of 60 findings"
    page.click(".plot:nth-child(2) .bar:nth-child(1)")
    assert text_of(page, ".count") == "12 of 60 findings"
    page.click(".plot:nth-child(3) .bar")
    assert page.evaluate("document.querySelector('#app > .coverage').checkVisibility()")


def test_keys_and_links(show: Any) -> None:
    """j and k walk, the address follows, and an address opens the finding it names."""
    found = many(30)
    page = show(written(found))
    order = texts_of(page, ".row .title")
    page.press("j", "j", "k")
    assert text_of(page, ".detail h2") == order[1]
    fragment = page.evaluate("location.hash")
    assert fragment == f"#{next(item.fingerprint for item in found if item.finding.title == order[1])}"
    page.press("Enter")
    assert page.evaluate("document.activeElement.className") == "detail"
    page.press("Escape")
    assert page.evaluate("location.hash") == ""
    last = next(item for item in found if item.finding.severity is Severity.INFO)
    page = show(written(found), fragment=f"#{last.fingerprint}")
    assert text_of(page, ".detail h2") == last.finding.title
    row = page.evaluate(
        "(() => { const box = document.querySelector('.row[aria-current]').getBoundingClientRect();"
        "return [box.top, innerHeight - box.bottom]; })()"
    )
    assert min(row) >= 0
    assert page.complaints() == []


def test_unknown_address_is_no_error(show: Any) -> None:
    """An address that names nothing shows the list."""
    page = show(written(many(3)), fragment="#%zz<img src=x onerror=alert(1)>")
    assert text_of(page, ".count") == "3 findings"
    assert page.complaints() == []


def test_narrow_window_opens_over_the_list(show: Any) -> None:
    """On a small screen a finding covers the list, and goes away again; nothing is wider than the screen."""
    page = show(written(many(10_000)), width=400, height=800)
    page.click(".row")
    assert page.evaluate("document.querySelector('.pane').getBoundingClientRect().width") == 400
    page.click(".close")
    assert page.evaluate("document.querySelector('.pane').checkVisibility()") is False
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_print_has_every_finding(show: Any) -> None:
    """On paper the findings stand one after the other, and the coverage after them."""
    page = show(written(many(40)))
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert len(texts_of(page, ".printed article")) == 40
    assert "The run" in " ".join(texts_of(page, ".printed h2"))
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.querySelector('.printed').childElementCount") == 0
    assert len(page.print()) > 10_000
    assert page.complaints() == []


def test_ten_thousand_findings(show: Any) -> None:
    """Only what is near the window is drawn, wherever the list is scrolled to; filters see all."""
    run = RunRecord(inputs=["shop.har"])
    for number in range(10_000):
        run.coverage.add(ScanResult(transaction_id=f"{number}", plugin_id="plugin-0", verdict=Verdict.CLEAN))
    page = show(written(many(10_000), run))
    assert text_of(page, ".count") == "10,000 findings"
    assert "10,000" in texts_of(page, ".plot .value")
    boxes = "[...document.querySelectorAll('.plot .value')].map(value => value.getBBox())"
    assert page.evaluate(f"Math.max(...{boxes}.map(box => box.x + box.width))") <= 400  # of its drawing
    for place in (0, 200_000, 10_000_000):
        page.evaluate(f"scrollTo(0, {place})")
        page.settle()
        rows = page.evaluate(
            "[...document.querySelectorAll('.row')].filter(row => { const box = row.getBoundingClientRect();"
            "return box.bottom > 0 && box.top < innerHeight; }).length"
        )
        assert rows >= 3
        assert page.evaluate("document.querySelectorAll('.row').length") < 100
    page.press("/", *"evidence-9999-")
    assert text_of(page, ".count") == "1 of 10,000 findings"
    page.press("Enter")
    assert texts_of(page, ".response .body mark") == ["evidence-9999-end"]


# ---- hostile traffic -----------------------------------------------------------------


@contextlib.contextmanager
def listener() -> Iterator[tuple[str, list[bytes]]]:
    """An address of this machine, and what was sent to it."""
    heard: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))

    def listen() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection:
                    connection.settimeout(5)
                    heard.append(connection.recv(200))

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}", heard
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


def hostile(address: str) -> str:
    """Text that acts in every place where text is taken for markup, script, style or an address."""
    call = f"fetch('{address}/script');document.title='owned';globalThis.owned=1"
    return "".join(
        (
            f"</script><script>{call}</script>",
            f"<img src='{address}/image' onerror=\"{call}\">",
            f'"><svg onload="{call}"><style>@import "{address}/style";',
            f"*{{background:url({address}/css)}}</style>",
            f"'><iframe src='{address}/frame' srcdoc=\"<script>{call}</script>\"></iframe>",
            f"<link rel=stylesheet href={address}/link>",
            f"<meta http-equiv=refresh content='9;url={address}/meta'><base href='{address}/base/'>",
            f"<form action='{address}/form'><input autofocus onfocus=\"{call}\">",
            f"--><!--<script>{call}//]]><![CDATA[",
            f"</title></textarea></style></noscript><object data='{address}/object'></object>",
            f"javascript:{call}\u2028{call}\u2029\r\n{call}\u202e\u0000\u001b[31m\ud800\\u003cimg\\x3c&lt;img&#60;",
            "${alert(1)}{{constructor.constructor('alert(1)')()}}__proto__",
        )
    )


#: Every kind of element the page makes of its own.
OWN_KINDS = set(
    re.findall(
        r"\w+",
        """a article b bdi body button code dd div dl dt figcaption figure footer g h1 h2 h3 h4 head header
        html i input kbd label li link main mark meta nav noscript ol option p pre rect script section select
        span style svg table tbody td text th thead title tr ul""",
    )
)
KINDS = "[...new Set([...document.querySelectorAll('*')].map(element => element.localName))]"


def hostile_page(text: str) -> bytes:
    """A report in which every field of the capture and of the plugins is hostile."""
    bare = "".join(char for char in text if char.isprintable() and not char.isspace())[:128]
    header = text.replace("\r", "").replace("\n", "")
    found = []
    for severity in Severity:
        finding = Finding(
            title=text, plugin_id=text, vuln_type=text, url=text, method=text, transaction_id=text,
            severity=severity, description=text, evidence=text, location=f"response.header:{text}", cwe=text,
            owasp=text, remediation=text, extra={text: [text, {"__proto__": text}]},
        )  # fmt: skip
        transaction = HttpTransaction(
            HttpRequest(text, text, ((header, header),), text.encode("utf-8", "replace"), id=text),
            HttpResponse(200, ((text, text), ("Content-Type", text)), text.encode("utf-8", "replace")),
        )
        place = Place(text, 1, text)
        found += [
            ReportedFinding(
                finding=finding, fingerprint=fingerprint, traffic=transaction, place=place, is_new=True
            )
            for fingerprint in (text + severity, f"javascript:{severity}")
        ]
    metadata = PluginMetadata(bare, name=text, version=text, author=text, description=text, tags=(text,))
    run = RunRecord(inputs=[text, text], plugins=[metadata], input_error=text, is_redacted=True)
    failure = ScanFailure(
        kind=text,
        message=text,
        fault=text,
        is_started=True,
        file=text,
        line=1,
        column=1,
        stack=f"  at {text}",
    )
    for verdict in Verdict:
        run.coverage.add(
            ScanResult(transaction_id=text, plugin_id=text, verdict=verdict, error=failure, duration_ms=1.0)
        )
    run.coverage.plugins[text].denials = (Denial(text, text, 3),)
    run.coverage.plugins[text].not_granted = [text]
    run.coverage.sandbox = "permissions"
    run.coverage.sandbox_missing = {text: text}
    rejected = Entry("a", 1, "entry", problem=text)
    force_setattr(rejected, "source", text)
    run.rejected, run.rejected_count = [rejected], 2
    run.notes[text] = run.suppressed[text] = run.left_out[text] = 1
    run.remarks = [text]
    return written(found, run)


def test_hostile_text_never_acts(show: Any) -> None:
    """With hostile text in every field nothing runs, nothing is asked for, and the policy is never needed."""
    with listener() as (address, heard):
        page = show(hostile_page(hostile(address)))
        title = page.evaluate("document.title")
        assert title.endswith("isoscan report")
        for _ in range(12):
            page.press("j")
        page.evaluate("for (const select of document.querySelectorAll('select')) select.selectedIndex = 1")
        for name in ("host", "plugin", "severity"):
            choose(page, "select[name=group]", name)
        page.click(".clear")
        page.press("/", *"alert")
        page.press("Escape", "Escape")
        page.evaluate("document.querySelectorAll('.row')[3].click()")
        page.click('.tabs a[href="#coverage"]')
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.resize(400, 800)
        page.settle()
        assert page.evaluate("globalThis.owned") is None
        assert page.evaluate("document.title") == title
        assert set(page.evaluate(KINDS)) <= OWN_KINDS
        assert page.complaints() == []
        assert len(page.requests()) == 1
        assert heard == []


def test_hostile_links_lead_nowhere(show: Any) -> None:
    """Every link is one of the page's own or to the two public catalogues, and tells them nothing."""
    with listener() as (address, _):
        page = show(hostile_page(hostile(address)))
        links = page.evaluate("[...document.querySelectorAll('a')].map(a => a.getAttribute('href'))")
        assert links
        assert all(link.startswith("#") for link in links)
    page = show(written(many(2)))
    outside = page.evaluate(
        "[...document.querySelectorAll('a:not([href^=\"#\"])')].map(a => [a.href, a.rel, a.textContent])"
    )
    assert outside == [
        ["https://cwe.mitre.org/data/definitions/79.html", "noreferrer noopener", "CWE-79"],
        ["https://owasp.org/Top10/", "noreferrer noopener", "OWASP A03:2021"],
    ]


def test_hostile_text_would_act_elsewhere(show: Any) -> None:
    """The same text in a page without escapes and policy does act, so the test above can fail."""
    with listener() as (address, heard):
        page = show(
            f"<!doctype html><meta charset=utf-8><title>x</title>{hostile(address)}".encode(
                "utf-8", "replace"
            )
        )
        assert page.evaluate("globalThis.owned") == 1
        page.evaluate(f"fetch('{address}/last').catch(() => 0)")
        assert heard
        assert page.complaints() != []


@pytest.mark.parametrize(
    "attempt",
    [
        "fetch('ADDRESS/x')",
        "new Promise((y, n) => { const i = new Image(); i.onload = y; i.onerror = n; i.src = 'ADDRESS/i'; })",
        "new Promise((y, n) => { const l = document.createElement('link'); l.rel = 'stylesheet';"
        "l.onload = y; l.onerror = n; l.href = 'ADDRESS/l'; document.head.append(l); })",
        "document.body.innerHTML = '<b>x</b>'",
        "(() => { const s = document.createElement('script'); s.src = 'ADDRESS/s'; })()",
        "(() => { const s = document.createElement('script'); s.textContent = 'owned = 1'; })()",
        "new Function('return 1')()",
        "eval('1 + 1')",
        "document.write('x')",
    ],
)
def test_policy_holds(show: Any, attempt: str) -> None:
    """Even a script within the page can load nothing, run no text and write no markup."""
    with listener() as (address, heard):
        page = show(written(many(2)))
        with pytest.raises(PageError):
            page.evaluate(attempt.replace("ADDRESS", address))
        assert heard == []
