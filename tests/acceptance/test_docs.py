"""The documentation: its pages can be followed, generated ones are current, the site builds strictly."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from acceptance._command import DEADLINE_S, Workspace
from support.chromium import chromium, find_chromium

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
BUILD = ROOT / "tools/build_docs.py"
#: Pages whose blocks are run, in their order, in one folder each.
PAGES = ("first-scan.md", *sorted(f"how-to/{path.name}" for path in (DOCS / "how-to").glob("*.md")))
#: Lines of shell that are not run here, and why.
NOT_RUN = {
    "python3 -m venv": "installs from the network; CI does it before the tests",
    ".venv/bin/pip install": "installs from the network; CI does it before the tests",
    "pip install": "installs from the network; CI does it before the tests",
    ". .venv/bin/activate": "the tests have an environment already",
    "isoscan doctor": "takes seconds; has tests of its own",
    "isoscan bench soak": "takes a minute; has tests of its own",
    "mitmdump -s": "does not end by itself; run on recorded flows in a test of its own",
}
#: Programs that need a package the tests may lack, with a test of their own.
OWN_TESTS = ("from fastapi", "from mitmproxy")
_BLOCK = re.compile(r"^(`{3,})([^\n`]*)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r'title="([^"]+)"')
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_BOX = str.maketrans(dict.fromkeys("|│┃┏┓┗┛━─┡┩└┘┴┬╇╈┼", " "))

pytestmark = pytest.mark.skipif(not BUILD.is_file(), reason="not in the project's own folder")


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    title: str
    text: str
    line: int


def blocks_of(page: str) -> Iterator[Block]:
    """The blocks of a page, in order."""
    text = (DOCS / page).read_text(encoding="utf-8")
    for match in _BLOCK.finditer(text):
        language, _, rest = match[2].partition(" ")
        title = _TITLE.search(rest)
        yield Block(language, title[1] if title else "", match[3], text.count("\n", 0, match.start()) + 1)


class Reader:
    """Somebody who follows a page to the letter, in a folder with the example capture."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        for name in ("examples/shop.har", "traffic/shop.har"):
            path = workspace.folder / name
            path.parent.mkdir()
            path.symlink_to(ROOT / "examples/shop.har")
        programs = workspace.folder.parent / "bin"
        programs.mkdir()
        for name, words in (("isoscan", "-m isoscan"), ("python", "-W error")):
            program = programs / name
            script = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {words} "$@"\n'
            program.write_text(script, encoding="utf-8")
            program.chmod(0o755)
        self._environment = workspace.environment(
            PATH=f"{programs}{os.pathsep}{os.environ['PATH']}",
            GITHUB_STEP_SUMMARY=str(workspace.temporary.parent / "summary.md"),
            PYTHONIOENCODING="utf-8",
        )

    def shell(self, line: str, codes: tuple[int, ...] = (0,)) -> str:
        """Runs a line and returns both streams."""
        done = subprocess.run(
            ["/bin/sh", "-c", line],
            cwd=self.workspace.folder, env=self._environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=DEADLINE_S, check=False,
        )  # fmt: skip
        output = done.stdout.decode()
        assert done.returncode in codes, f"{line}\nexit code {done.returncode}\n{output}"
        assert not re.search(r"^Traceback", output, re.MULTILINE), f"{line}\n{output}"
        return output

    def follow(self, block: Block) -> None:
        """Does what a block tells to do."""
        if block.title:
            self.workspace.write(block.title, block.text)
        if block.language == "console":
            self._session(block)
        elif block.language == "sh":
            for line in block.text.splitlines():
                if not line.startswith(tuple(NOT_RUN)):
                    self.shell(line)
        elif block.language == "python" and not block.title:
            self.workspace.write("block.py", block.text)
            self.shell("python block.py")
        elif block.language == "toml":
            self.shell(f"isoscan config show --config {block.title}")
        elif block.language == "yaml":
            self._pipeline(block)
        elif block.language == "":
            for line in block.text.splitlines():
                self._options_exist(line)

    def _options_exist(self, line: str) -> None:
        """An example that is not run uses a command and options that are there."""
        if not line.startswith("isoscan "):
            return
        _, command, *words = shlex.split(line, comments=True)
        described = self.shell(f"isoscan {command} --help")
        for word in words:
            assert not word.startswith("-") or word.partition("=")[0] in described, line

    def _session(self, block: Block) -> None:
        """Runs the commands, and looks for each line shown below one in what it printed."""
        output = ""
        for line in block.text.splitlines():
            if line.startswith("$ "):
                output = self.shell(line[2:])
            else:
                assert is_printed(line, output), f"line {block.line}: not printed: {line}\n{output}"

    def _pipeline(self, block: Block) -> None:
        """Runs the shell lines of a CI configuration; findings may fail them, nothing else may."""
        yaml = pytest.importorskip("yaml", reason="the CI examples need PyYAML, which zensical brings")
        lines = list(shell_lines(yaml.safe_load(block.text)))
        assert any("isoscan run" in line for line in lines)
        for line in lines:
            if not line.startswith(tuple(NOT_RUN)):
                self.shell(line, codes=(0, 1))


def shell_lines(node: Any) -> Iterator[str]:
    """The lines of `run:` and `script:` anywhere in a CI configuration."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("run", "script"):
                yield from [value] if isinstance(value, str) else value
            else:
                yield from shell_lines(value)
    elif isinstance(node, list):
        for value in node:
            yield from shell_lines(value)


def is_printed(shown: str, output: str) -> bool:
    """Whether some line of the output is the one shown: … is anything, boxes and spaces do not count."""
    parts = [" ".join(part.translate(_BOX).split()) for part in shown.split("…")]
    pattern = re.compile(".*".join(map(re.escape, parts)))
    return any(pattern.search(" ".join(line.translate(_BOX).split())) for line in output.splitlines())


@pytest.fixture(scope="module")
def generator() -> Any:
    """`tools/build_docs.py` as a module."""
    sys.path.insert(0, str(BUILD.parent))
    try:
        spec = importlib.util.spec_from_file_location("build_docs", BUILD)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(BUILD.parent))


@pytest.mark.parametrize("page", PAGES)
def test_page_can_be_followed(page: str, tmp_path: Path) -> None:
    """Every block works in a clean folder and prints what the page shows; its plugins check clean."""
    reader = Reader(Workspace(tmp_path))
    blocks = list(blocks_of(page))
    for block in blocks:
        if block.language != "python" or not any(word in block.text for word in OWN_TESTS):
            reader.follow(block)
    plugins = [block.title for block in blocks if block.language == "ts"]
    assert all(plugins), "a plugin without a title is not checked"
    if plugins:
        reader.shell(f"isoscan check {' '.join(dict.fromkeys(plugins))}")


def block_titled(page: str, title: str, word: str) -> str:
    """The text of the one block with this title that holds the word."""
    (found,) = [block.text for block in blocks_of(page) if block.title == title and word in block.text]
    return found


def test_mitmproxy_addon(tmp_path: Path) -> None:
    """The addon scans recorded flows when mitmdump replays them, and tells what it found."""
    pytest.importorskip("mitmproxy", reason="needs the extra mitmproxy")
    from mitmproxy import io
    from mitmproxy.test import tflow

    page = "how-to/embed-in-python.md"
    workspace = Workspace(tmp_path)
    workspace.write("server-header.ts", block_titled(page, "server-header.ts", "scan_transaction"))
    workspace.write("isoscan_addon.py", block_titled(page, "isoscan_addon.py", "mitmproxy"))
    with (workspace.folder / "flows.mitm").open("wb") as file:
        writer = io.FlowWriter(file)  # type: ignore[no-untyped-call]
        for number in range(3):
            flow = tflow.tflow(resp=True)
            assert flow.response is not None
            flow.response.headers["Server"] = f"nginx/1.{number}"
            writer.add(flow)
    program = "from mitmproxy.tools.main import mitmdump; mitmdump()"
    done = subprocess.run(
        [sys.executable, "-c", program, "-n", "-r", "flows.mitm", "-s", "isoscan_addon.py"],
        cwd=workspace.folder, env=workspace.environment(), capture_output=True, text=True,
        timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert output.count("Server header tells its version") == 3, output
    assert "scanned 3, missed 0" in output


def test_fastapi_service(tmp_path: Path) -> None:
    """The service answers with findings, and refuses what is no transaction."""
    for package in ("fastapi", "httpx"):
        pytest.importorskip(package, reason=f"needs {package}, which isoscan does not bring")
    page = "how-to/embed-in-python.md"
    workspace = Workspace(tmp_path)
    workspace.write("server-header.ts", block_titled(page, "server-header.ts", "scan_transaction"))
    workspace.write("service.py", block_titled(page, "service.py", "fastapi"))
    transaction = {
        "request": {"method": "GET", "url": "https://shop.example/"},
        "response": {"status": 200, "headers": [["Server", "nginx/1.27.0"]]},
    }
    workspace.write(
        "client.py",
        "from fastapi.testclient import TestClient\nimport service\n"
        "with TestClient(service.app) as client:\n"
        f"    found = client.post('/scan', content={json.dumps(json.dumps(transaction))})\n"
        "    assert found.json()[0]['title'] == 'Server header tells its version', found.text\n"
        "    assert client.post('/scan', content='{').status_code == 422\n"
        "    assert client.get('/health').json()['serving'] == 2\n",
    )
    done = subprocess.run(
        [sys.executable, "client.py"],
        cwd=workspace.folder, env=workspace.environment(), capture_output=True, text=True,
        timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="the example findings come from the sandbox of Linux")
def test_generated_pages_are_current(generator: Any) -> None:
    """Reference and catalogue are what the code says: else run python tools/build_docs.py --pages."""
    assert generator.stale_pages(generator.generated_pages()) == []


def test_every_page_is_in_the_navigation() -> None:
    """No page of docs/ can be reached by its address alone."""
    config = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))
    listed = {page for page in pages_in(config["project"]["nav"]) if not (ROOT / page).is_file()}
    there = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}
    assert there - listed == set(), "add them to nav in zensical.toml"
    assert listed - there == set(), "in nav of zensical.toml, but not there"


def pages_in(nav: Any) -> Iterator[str]:
    """Every page in a navigation."""
    if isinstance(nav, str):
        yield nav
    else:
        for value in nav.values() if isinstance(nav, dict) else nav:
            yield from pages_in(value)


def test_links_of_the_project_pages() -> None:
    """Files that README and the other pages outside docs/ point at exist."""
    missing = [
        f"{path.name}: {target}"
        for path in ROOT.glob("*.md")
        for target in _LINK.findall(path.read_text(encoding="utf-8"))
        if "://" not in target and not target.startswith("#")
        if not (ROOT / target.partition("#")[0]).exists()
    ]
    assert missing == []


def test_site_builds_and_fetches_nothing(
    generator: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The site builds without a warning; its pages load nothing from anywhere else."""
    if importlib.util.find_spec("zensical") is None:
        pytest.skip("needs the extra docs (zensical)")
    site = tmp_path / "site"
    assert generator.build_site(site) == 0, capfd.readouterr().err
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    # Diagrams of that class would make the theme's script fetch a renderer.
    fetching = re.compile(
        r"<(?:script|img|iframe|source|link)\b[^>]*?(?:src|href)=.?(?:https?:)?//|\"mermaid\""
    )
    assert [page.name for page in pages if fetching.search(page.read_text(encoding="utf-8"))] == []
    for name in ("index", "first-scan", "reference/cli", "plugin-catalogue/cors", "SECURITY"):
        assert (site / f"{name}.html").is_file(), name


def test_site_in_a_browser(generator: Any, tmp_path: Path) -> None:
    """Pages ask for nothing that is not of the site, nothing in them fails, and the search finds."""
    if importlib.util.find_spec("zensical") is None:
        pytest.skip("needs the extra docs (zensical)")
    binary = find_chromium()
    if binary is None:
        pytest.skip("needs Chromium")
    site = tmp_path / "site"
    assert generator.build_site(site) == 0
    (tmp_path / "profile").mkdir()
    with served(site) as address, chromium(binary, tmp_path / "profile") as browser:
        for name in ("concepts", "how-to/write-a-plugin", "reference/python/running-plugins", "index"):
            page = browser.open(f"{address}/{name}.html")
            assert page.evaluate("document.querySelector('h1').innerText")
            assert page.evaluate("[...document.images].every(one => one.complete && one.naturalWidth > 0)")
        assert page.evaluate(_SEARCH)
        assert page.complaints() == []
        assert [url for url in page.requests() if not url.startswith((address, "data:", "blob:"))] == []


#: Opens the search, and waits until it has found something.
_SEARCH = """
new Promise((found, failed) => {
  setTimeout(() => failed(new Error("the search finds nothing")), 30000);
  document.querySelector(".md-search__button").click();
  const look = () => {
    const field = document.activeElement.shadowRoot?.activeElement;
    if (field?.tagName === "INPUT" && field.value === "") {
      field.value = "quarantine";
      field.dispatchEvent(new InputEvent("input", { bubbles: true }));
    }
    const text = field?.getRootNode().textContent ?? "";
    if (/[1-9]\\d* results/.test(text)) found(text); else setTimeout(look, 50);
  };
  look();
})
"""


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a server for the files of a folder."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_broken_link_fails_the_build(
    generator: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that points at another one that is not there is an error, and no site is left."""
    if importlib.util.find_spec("zensical") is None:
        pytest.skip("needs the extra docs (zensical)")
    docs = tmp_path / "docs"
    shutil.copytree(DOCS, docs)
    (docs / "index.md").write_text("# Home\n\n[There](nowhere.md)\n", encoding="utf-8")
    monkeypatch.setattr(generator, "DOCS", docs)
    site = tmp_path / "site"
    assert generator.build_site(site) == 1
    assert not site.exists()
