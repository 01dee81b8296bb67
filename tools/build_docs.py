"""Writes the reference and the plugin catalogue from the code, and builds the documentation site.

    python tools/build_docs.py            # write the pages, build the site into site/
    python tools/build_docs.py --pages    # write the pages alone; needs no zensical
    python tools/build_docs.py --check    # change nothing; exit code 1 when a page is not what the code says
    python tools/build_docs.py --into FOLDER

The pages are part of the repository, so that they can be read there too. Nothing is fetched, neither while
the site is built nor when it is read; warnings and broken links within it are errors.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from docs_pages import catalogue, command_line, python_api, runtime, schemas

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
GENERATED = ("reference", "plugin-catalogue")
#: Pages of the project's own folder that are part of the site.
PROJECT_PAGES = ("SECURITY.md", "SPECIFICATION.md", "CONTRIBUTING.md", "CHANGELOG.md")
_LINK = re.compile(r"(\]\()([^)\s]+)(\))")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def generated_pages() -> dict[str, str]:
    """Path below `docs/` → text, of everything that is written from the code."""
    return {
        **command_line.pages(),
        **python_api.pages(),
        **schemas.pages(),
        **runtime.pages(),
        **catalogue.pages(ROOT),
    }


def stale_pages(pages: dict[str, str]) -> list[str]:
    """Pages that are missing, differ from what the code says, or are not written any more."""
    found = []
    for name, text in pages.items():
        path = DOCS / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            found.append(name)
    there = {str(path.relative_to(DOCS)) for folder in GENERATED for path in (DOCS / folder).rglob("*.*")}
    return sorted(found) + sorted(there - set(pages))


def write_pages(pages: dict[str, str]) -> None:
    """Writes all pages, and removes those that are not written any more."""
    for name in stale_pages(pages):
        path = DOCS / name
        if name in pages:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(pages[name], encoding="utf-8")
        else:
            path.unlink()


def build_site(into: Path) -> int:
    """Builds the site from a copy of the pages; the exit code is 1 when there is a single warning."""
    if importlib.util.find_spec("zensical") is None:
        advice = "pip install -e '.[docs]' -c requirements.lock"
        print(f"build_docs: zensical is not installed: {advice}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="isoscan-docs-") as name:
        folder = Path(name)
        shutil.copy(ROOT / "zensical.toml", folder)
        shutil.copytree(DOCS, folder / "docs")
        for page in PROJECT_PAGES:
            text = (ROOT / page).read_text(encoding="utf-8")
            (folder / "docs" / page).write_text(_LINK.sub(_from_root, text), encoding="utf-8")
        for path in (folder / "docs").glob("*.md"):
            text = path.read_text(encoding="utf-8")
            path.write_text(_LINK.sub(_from_docs, text), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "zensical", "build", "--strict"],
            cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"},
        )  # fmt: skip
        output = _COLOUR.sub("", done.stdout + done.stderr)
        if done.returncode != 0 or "Warning" in output:
            print(output.partition("Traceback")[0].strip(), file=sys.stderr)
            return 1
        if into.exists():
            shutil.rmtree(into)
        shutil.copytree(folder / "site", into)
    return 0


def _from_root(match: re.Match[str]) -> str:
    """A link of a page that moved from the project's folder into `docs/`."""
    return match[1] + match[2].removeprefix("docs/") + match[3]


def _from_docs(match: re.Match[str]) -> str:
    """A link of `docs/` to a page of the project's folder."""
    target = match[2].removeprefix("../")
    return match[1] + (target if target.partition("#")[0] in PROJECT_PAGES else match[2]) + match[3]


def main() -> int:
    """The command; see the top of this file."""
    parser = argparse.ArgumentParser(description="Writes the reference and builds the documentation site.")
    parser.add_argument("--check", action="store_true", help="only say which pages are not up to date")
    parser.add_argument("--pages", action="store_true", help="write the pages, build no site")
    parser.add_argument("--into", type=Path, default=ROOT / "site", help="folder for the site")
    arguments = parser.parse_args()
    pages = generated_pages()
    if arguments.check:
        stale = stale_pages(pages)
        for name in stale:
            print(f"docs/{name}: not what the code says; run python tools/build_docs.py", file=sys.stderr)
        return 1 if stale else 0
    write_pages(pages)
    return 0 if arguments.pages else build_site(arguments.into)


if __name__ == "__main__":
    sys.exit(main())
