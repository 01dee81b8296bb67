"""A real Chromium without a window, driven over the DevTools protocol on two pipes.

Nothing is installed for it: the browser is the `chromium` or `google-chrome` of the machine.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: Bounds every wait, so that a hang fails one test and not the whole run.
DEADLINE_S = 60.0
_QUIET = (
    "--headless=new", "--remote-debugging-pipe", "--disable-gpu", "--no-first-run",
    "--no-default-browser-check", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-extensions", "--disable-dev-shm-usage", "--mute-audio", "--hide-scrollbars",
)  # fmt: skip
#: A shell cannot move descriptors above 9 everywhere.
_START = """import os, sys
_, theirs, ours, *command = sys.argv
os.dup2(int(theirs), 3)
os.dup2(int(ours), 4)
os.execv(command[0], command)
"""
#: Issues that are hints on style, such as an input without a name.
_ADVICE = "GenericIssue"
_CODES = {"Enter": 13, "Escape": 27}


def find_chromium() -> str | None:
    """The browser of this machine, if it has one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class PageError(AssertionError):
    """The page threw, or the browser refused a command."""


class Browser:
    """One browser process with a profile of its own, which is given the folder for it."""

    def __init__(self, binary: str, folder: Path) -> None:
        from_browser, to_us = os.pipe()
        from_us, to_browser = os.pipe()
        # The browser reads descriptor 3 and writes 4: ours must not be those.
        theirs = [fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 20) for number in (from_us, to_us)]
        os.close(from_us)
        os.close(to_us)
        options = [*_QUIET, f"--user-data-dir={folder}"]
        if os.geteuid() == 0:
            options.append("--no-sandbox")  # Chromium's own sandbox refuses to run as root
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _START, *map(str, theirs), binary, *options],
            pass_fds=theirs,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(folder)},
        )
        for number in theirs:
            os.close(number)
        self._in, self._out = from_browser, to_browser
        self._buffer = b""
        self._last_id = 0
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """One command and its answer; events that come meanwhile are kept in `events`."""
        self._last_id += 1
        message: dict[str, Any] = {"id": self._last_id, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        view = memoryview(json.dumps(message).encode() + b"\0")
        while view:
            view = view[os.write(self._out, view) :]
        while True:
            answer = self._receive()
            if answer.get("id") == self._last_id:
                if "error" in answer:
                    raise PageError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def wait_for(self, method: str) -> dict[str, Any]:
        """The next event of a kind, from those that came already or to come."""
        for event in self.events:
            if event.get("method") == method:
                self.events.remove(event)
                return event
        while (event := self._receive()).get("method") != method:
            self.events.append(event)
        return event

    def _receive(self) -> dict[str, Any]:
        end = time.monotonic() + DEADLINE_S
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], max(0.0, end - time.monotonic()))
            data = os.read(self._in, 1 << 20) if ready else b""
            if not data:
                raise PageError(f"the browser {'closed its pipe' if ready else 'does not answer'}")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message

    def open(self, url: str, *, width: int = 1400, height: int = 900) -> Page:
        """A new tab that shows a page, as soon as all of it is read."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, target, session)
        for domain in ("Page", "Runtime", "Network", "Log", "Audits"):
            page.call(f"{domain}.enable")
        page.resize(width, height)
        page.go(url)
        return page

    def close(self) -> None:
        """Ends the browser and waits for its end."""
        with contextlib.suppress(PageError, OSError):
            self.call("Browser.close")
        os.close(self._out)
        os.close(self._in)
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout=DEADLINE_S)


class Page:
    """One tab."""

    def __init__(self, browser: Browser, target: str, session: str) -> None:
        self._browser = browser
        self._target = target
        self._session = session

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command to this tab."""
        return self._browser.call(method, self._session, **parameters)

    def go(self, url: str) -> None:
        """Loads a page to its end."""
        failure = self.call("Page.navigate", url=url).get("errorText")
        if failure:
            raise PageError(f"{url}: {failure}")
        self._browser.wait_for("Page.loadEventFired")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, as JSON; a promise is waited for."""
        answer = self.call(
            "Runtime.evaluate",
            expression=expression,
            returnByValue=True,
            awaitPromise=True,
            allowUnsafeEvalBlockedByCSP=False,
        )
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise PageError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    def settle(self) -> None:
        """Waits until what was asked for is on the screen: two frames."""
        self.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def press(self, *keys: str) -> None:
        """Presses keys as a person does, one after the other."""
        for key in keys:
            text = "\r" if key == "Enter" else key if len(key) == 1 else ""
            code = _CODES.get(key, ord(key.upper()) if len(key) == 1 else 0)
            own = {"key": key, "windowsVirtualKeyCode": code}
            self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **own)
            self.call("Input.dispatchKeyEvent", type="keyUp", **own)
        self.settle()

    def click(self, selector: str) -> None:
        """Clicks the first element a selector names, with the mouse."""
        place = self.evaluate(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect();"
            "return [b.x + Math.min(b.width, 60) / 2, b.y + b.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call(
                "Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1
            )
        self.settle()

    def resize(self, width: int, height: int) -> None:
        """Gives the window a size in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def use_scheme(self, scheme: str) -> None:
        """`light` or `dark`."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, path: Path) -> None:
        """What the window shows, as PNG."""
        self.settle()
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def print(self) -> bytes:
        """The page as PDF."""
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])

    def complaints(self) -> list[str]:
        """Errors, log entries and policy violations since the browser began."""
        self.settle()
        found = []
        for event in self._browser.events:
            kind, parameters = event.get("method"), event.get("params", {})
            if kind == "Runtime.exceptionThrown":
                details = parameters["exceptionDetails"]
                found.append(details.get("exception", {}).get("description", details["text"]))
            elif kind == "Log.entryAdded":
                found.append(parameters["entry"]["text"])
            elif kind in ("Runtime.consoleAPICalled", "Page.javascriptDialogOpening"):
                found.append(f"{kind}: {json.dumps(parameters)[:500]}")
            elif kind == "Audits.issueAdded" and parameters["issue"]["code"] != _ADVICE:
                found.append(json.dumps(parameters["issue"])[:500])
        return found

    def requests(self) -> list[str]:
        """Addresses the browser asked for, data: included."""
        return [
            event["params"]["request"]["url"]
            for event in self._browser.events
            if event.get("method") == "Network.requestWillBeSent"
        ]

    def close(self) -> None:
        """Closes the tab."""
        self._browser.call("Target.closeTarget", targetId=self._target)


@contextlib.contextmanager
def chromium(binary: str, folder: Path) -> Iterator[Browser]:
    """A running browser."""
    browser = Browser(binary, folder)
    try:
        yield browser
    finally:
        browser.close()
