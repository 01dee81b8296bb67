"""Drives headless Chromium through the shop and writes what its network events say as a HAR.

    python examples/shop/record.py examples/shop.har
    python examples/shop/record.py --hardened examples/shop-hardened.har

Needs `chromium` (or the path in CHROMIUM) and `openssl`; nothing but loopback is reached.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qsl, urlsplit

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--ignore-certificate-errors",
    # Else plain http addresses are tried over https first.
    "--disable-features=HttpsUpgrades,HttpsFirstBalancedMode,HttpsFirstBalancedModeAutoEnable",
    "--remote-debugging-pipe",
]
QUIET_S = 0.6
PATIENCE_S = 20.0

LOGIN = """
document.querySelector("[name=user]").value = "ann";
document.querySelector("[name=password]").value = "Lamp-4711-shade";
document.querySelector("main form").submit();
"""
SUBSCRIBE = """
document.querySelector("[name=email]").value = "ann@mail.internal";
document.querySelector("main form").submit();
"""

# A page to open, or a script to run on the open page.
STEPS = [
    ("open", "http://shop.example/"),
    ("open", "https://shop.example/catalogue.html"),
    ("open", "https://shop.example/products/desk-lamp"),
    ("open", "https://shop.example/products/reading-chair"),
    ("open", "https://shop.example/search?q=lamp"),
    ("open", "https://shop.example/search?q=%3Cimg+src%3Dx+onerror%3Ddocument.title%3D7%3E"),
    ("open", "https://shop.example/about"),
    ("open", "https://shop.example/products/sofa"),
    ("open", "https://shop.example/account"),
    ("run", LOGIN),
    ("open", "https://shop.example/checkout"),
    ("open", "https://shop.example/products/tea-pot"),
    ("run", SUBSCRIBE),
    ("open", "https://deals.example/"),
]
# Links only the flawed shop sends out.
FLAWED_STEPS = [("open", "https://shop.example/newsletter?email=ann%40mail.internal")]


class Browser:
    """Chromium over its debugging pipe: JSON messages that end with a NUL byte."""

    def __init__(self, command: list[str]) -> None:
        to_read, to_write = os.pipe()
        from_read, from_write = os.pipe()

        def connect() -> None:
            # Chromium reads from descriptor 3 and writes to 4. Move both out of the way first.
            read, write = os.dup(to_read), os.dup(from_write)
            source, sink = os.dup2(read, 100), os.dup2(write, 101)
            os.dup2(source, 3)
            os.dup2(sink, 4)

        self.process = subprocess.Popen(
            command, preexec_fn=connect, pass_fds=(3, 4), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(to_read)
        os.close(from_write)
        self.sink: BinaryIO = os.fdopen(to_write, "wb", buffering=0)
        self.source = from_read
        os.set_blocking(from_read, False)
        self.buffer = b""
        self.events: list[dict[str, Any]] = []
        self.replies: dict[int, dict[str, Any]] = {}
        self.session: str | None = None
        self.count = 0

    def pump(self, seconds: float) -> bool:
        """Take in what arrives within the time; whether anything did."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                data = os.read(self.source, 1 << 20)
            except BlockingIOError:
                time.sleep(0.005)
                continue
            if not data:
                raise SystemExit("Chromium went away")
            *whole, self.buffer = (self.buffer + data).split(b"\0")
            for raw in whole:
                message = json.loads(raw)
                if "id" in message:
                    self.replies[message["id"]] = message
                else:
                    self.events.append(message)
            return True
        return False

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its result."""
        self.count += 1
        message: dict[str, Any] = {"id": self.count, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        self.sink.write(json.dumps(message).encode() + b"\0")
        until = time.monotonic() + PATIENCE_S
        while self.count not in self.replies:
            if time.monotonic() > until:
                raise SystemExit(f"{method} was not answered within {PATIENCE_S} s")
            self.pump(1.0)
        reply = self.replies.pop(self.count)
        if "error" in reply:
            raise LookupError(f"{method}: {reply['error']['message']}")
        result: dict[str, Any] = reply["result"]
        return result

    def close(self) -> None:
        """Ask it to leave, then make sure."""
        self.session = None
        try:
            self.call("Browser.close")
            self.process.wait(10)
        finally:
            self.process.kill()
            self.process.wait()
            self.sink.close()
            os.close(self.source)


class Recorder:
    """Turns network events into HAR entries. One entry per hop of a redirect."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.seen = 0
        self.hops: dict[str, list[dict[str, Any]]] = {}
        self.order: list[dict[str, Any]] = []
        self.pages: list[dict[str, Any]] = []

    def settle(self) -> None:
        """Wait until all requests have ended and stayed so for a moment."""
        until = time.monotonic() + PATIENCE_S
        quiet_since = time.monotonic()
        while time.monotonic() < until:
            if self.browser.pump(0.05):
                quiet_since = time.monotonic()
            self.take()
            is_open = any(not hop["is_done"] for hop in self.order)
            if not is_open and time.monotonic() - quiet_since > QUIET_S:
                return
        open_urls = [hop["request"]["url"] for hop in self.order if not hop["is_done"]]
        raise SystemExit(f"the page did not come to rest: {open_urls}")

    def take(self) -> None:
        """Work through new events; bodies are fetched while the page still has them."""
        while self.seen < len(self.browser.events):
            event = self.browser.events[self.seen]
            self.seen += 1
            handler = getattr(self, "on_" + event["method"].replace(".", "_"), None)
            if handler:
                handler(event["params"])

    def hop(self, key: str, field: str) -> dict[str, Any]:
        """The first hop that still lacks a field, which extra events fill in order."""
        hops = self.hops.setdefault(key, [])
        for hop in hops:
            if field not in hop:
                return hop
        hop = {"is_done": False, "is_orphan": True}
        hops.append(hop)
        return hop

    def on_Network_requestWillBeSent(self, params: dict[str, Any]) -> None:  # noqa: N802
        """A request, or the next hop of a redirected one."""
        key = params["requestId"]
        if params["request"]["url"].startswith(("data:", "blob:", "chrome")):
            return
        if "redirectResponse" in params:
            previous = [hop for hop in self.hops[key] if "request" in hop][-1]
            previous.update(response=params["redirectResponse"], ended=params["timestamp"], is_done=True)
        hop = self.hop(key, "request")
        hop.pop("is_orphan", None)
        hop.update(
            request=params["request"],
            started=params["timestamp"],
            wall=params["wallTime"],
            type=params.get("type", "Other"),
            page=len(self.pages),
        )
        self.order.append(hop)

    def on_Network_requestWillBeSentExtraInfo(self, params: dict[str, Any]) -> None:  # noqa: N802
        """The headers that were really sent."""
        self.hop(params["requestId"], "sent")["sent"] = params["headers"]

    def on_Network_responseReceivedExtraInfo(self, params: dict[str, Any]) -> None:  # noqa: N802
        """The headers and the status that really came."""
        self.hop(params["requestId"], "received").update(
            received=params["headers"], code=params["statusCode"]
        )

    def on_Network_responseReceived(self, params: dict[str, Any]) -> None:  # noqa: N802
        """Everything else about a response."""
        hop = self.last(params["requestId"])
        if hop is not None:
            hop["response"] = params["response"]

    def on_Network_loadingFinished(self, params: dict[str, Any]) -> None:  # noqa: N802
        """The end of a response; its body is fetched at once."""
        hop = self.last(params["requestId"])
        if hop is None:
            return
        hop.update(is_done=True, ended=params["timestamp"], size=params["encodedDataLength"])
        try:
            hop["body"] = self.browser.call("Network.getResponseBody", requestId=params["requestId"])
        except LookupError:
            hop["body"] = {"body": "", "base64Encoded": False}

    def on_Network_loadingFailed(self, params: dict[str, Any]) -> None:  # noqa: N802
        """The end of a request that got no response."""
        hop = self.last(params["requestId"])
        if hop is not None:
            hop.update(is_done=True, ended=params["timestamp"], error=params["errorText"])

    def last(self, key: str) -> dict[str, Any] | None:
        """The latest hop of a request that was announced."""
        hops = [hop for hop in self.hops.get(key, []) if "request" in hop]
        return hops[-1] if hops else None

    def har(self, version: str) -> dict[str, Any]:
        """Everything recorded, as HAR 1.2."""
        return {
            "log": {
                "version": "1.2",
                "creator": {"name": "isoscan example recorder", "version": "1"},
                "browser": {"name": "Chromium", "version": version},
                "pages": self.pages,
                "entries": [entry(hop) for hop in self.order],
            }
        }


def pairs(headers: dict[str, str]) -> list[dict[str, str]]:
    """Header objects of a HAR; Chromium joins repeated ones with line breaks."""
    return [
        {"name": name, "value": value}
        for name, joined in headers.items()
        for value in str(joined).split("\n")
    ]


def stamp(wall: float) -> str:
    """Seconds since 1970 as HAR wants them."""
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def entry(hop: dict[str, Any]) -> dict[str, Any]:
    """One HAR entry."""
    request = hop["request"]
    response = hop.get("response", {})
    sent = {
        name: value for name, value in hop.get("sent", request["headers"]).items() if not name.startswith(":")
    }
    received = hop.get("received", response.get("headers", {}))
    protocol = response.get("protocol", "http/1.1")
    duration = max(0.0, (hop.get("ended", hop["started"]) - hop["started"]) * 1000)
    timing = response.get("timing", {})
    wait = max(0.0, timing.get("receiveHeadersEnd", 0) - timing.get("sendEnd", 0))
    send = max(0.0, timing.get("sendEnd", 0) - timing.get("sendStart", 0))
    blocked = max(0.0, timing.get("sendStart", 0))
    receive = max(0.0, duration - wait - send - blocked)
    body = hop.get("body", {"body": "", "base64Encoded": False})
    content: dict[str, Any] = {"size": len(body["body"]), "mimeType": response.get("mimeType", "")}
    if body["body"]:
        content["text"] = body["body"]
        if body["base64Encoded"]:
            content["encoding"] = "base64"
    result: dict[str, Any] = {
        "pageref": f"page_{hop['page']}",
        "startedDateTime": stamp(hop["wall"]),
        "time": round(duration, 3),
        "request": {
            "method": request["method"],
            "url": request["url"] + request.get("urlFragment", ""),
            "httpVersion": protocol,
            "headers": pairs(sent),
            "queryString": [
                {"name": name, "value": value}
                for name, value in parse_qsl(urlsplit(request["url"]).query, keep_blank_values=True)
            ],
            "cookies": [],
            "headersSize": -1,
            "bodySize": len(request.get("postData", "")),
        },
        "response": {
            "status": hop.get("code", response.get("status", 0)),
            "statusText": response.get("statusText", ""),
            "httpVersion": protocol,
            "headers": pairs(received),
            "cookies": [],
            "content": content,
            "redirectURL": received.get("Location", received.get("location", "")),
            "headersSize": -1,
            "bodySize": round(hop.get("size", -1)),
            "_transferSize": round(hop.get("size", 0)),
        },
        "cache": {},
        "timings": {
            "blocked": round(blocked, 3),
            "send": round(send, 3),
            "wait": round(wait, 3),
            "receive": round(receive, 3),
        },
        "_resourceType": hop["type"].lower(),
    }
    if "postData" in request:
        mime = next((value for name, value in sent.items() if name.lower() == "content-type"), "")
        result["request"]["postData"] = {"mimeType": mime, "text": request["postData"]}
    if "error" in hop:
        result["response"]["_error"] = hop["error"]
    return result


def walk(browser: Browser, steps: list[tuple[str, str]]) -> dict[str, Any]:
    """Take the steps in a new tab and return the HAR."""
    version = browser.call("Browser.getVersion")["product"]
    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    browser.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    browser.call("Page.enable")
    browser.call("Network.enable")
    recorder = Recorder(browser)
    for kind, text in steps:
        started = time.time()
        recorder.pages.append(
            {
                "startedDateTime": stamp(started),
                "id": f"page_{len(recorder.pages) + 1}",
                "title": "",
                "pageTimings": {},
            }
        )
        if kind == "open":
            browser.call("Page.navigate", url=text)
        else:
            browser.call("Runtime.evaluate", expression=text)
        recorder.settle()
        title = browser.call("Runtime.evaluate", expression="document.title + ' ' + location.href")
        recorder.pages[-1]["title"] = title["result"]["value"]
    return recorder.har(version)


def allow_foreign_cookies(profile: Path) -> None:
    """Let the other company's page send the shop's cookies, as browsers long did and some still do."""
    folder = profile / "Default"
    folder.mkdir()
    preferences = {"profile": {"cookie_controls_mode": 0, "block_third_party_cookies": False}}
    (folder / "Preferences").write_text(json.dumps(preferences), encoding="utf-8")


def main() -> None:
    """Start shop and browser, record, write."""
    parser = argparse.ArgumentParser(description="Record the example shop with headless Chromium.")
    parser.add_argument("output", type=Path)
    parser.add_argument("--hardened", action="store_true")
    arguments = parser.parse_args()
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        raise SystemExit("no chromium in PATH; set CHROMIUM")
    command = [sys.executable, str(Path(__file__).with_name("site.py"))]
    command += ["--hardened"] if arguments.hardened else []
    site = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert site.stdout is not None
    try:
        _, plain, _, secure = site.stdout.readline().split()
        rules = f"MAP *:80 127.0.0.1:{plain}, MAP *:443 127.0.0.1:{secure}, MAP * 127.0.0.1"
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            allow_foreign_cookies(Path(profile))
            browser = Browser(
                [chromium, *FLAGS, f"--host-resolver-rules={rules}", f"--user-data-dir={profile}"]
            )
            try:
                har = walk(browser, STEPS if arguments.hardened else STEPS + FLAWED_STEPS)
            finally:
                browser.close()
    finally:
        site.terminate()
        site.wait()
        site.stdout.close()
    arguments.output.write_text(json.dumps(har, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"{arguments.output}: {len(har['log']['entries'])} entries")


if __name__ == "__main__":
    main()
