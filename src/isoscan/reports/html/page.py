"""The file itself: one HTML page whose policy allows its own style and script, and nothing else."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .. import ByteSink

_FOLDER = Path(__file__).parent
_WRITE_BYTES = 1024 * 1024
#: More than the elements around the parts that come after the findings, and a figure that changes.
_FRAME_BYTES = 1000
#: The page's modules, each after those it imports.
MODULES = ("dom", "model", "plots", "list", "detail", "coverage", "main")
_IMPORT = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|let|class) )", re.MULTILINE)


def encoded(data: Any) -> bytes:
    """JSON that can stand in a `<script>` element: ASCII, and no character that HTML knows."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").encode("ascii")


def page_script() -> str:
    """All modules as one script with a scope of its own."""
    parts = [(_FOLDER / "page" / f"{name}.js").read_text(encoding="utf-8") for name in MODULES]
    bodies = [_EXPORT.sub("", _IMPORT.sub("", part)) for part in parts]
    return '"use strict";\n(() => {\n' + "\n".join(bodies) + "})();\n"


def page_policy(style: str, script: str) -> str:
    """The content security policy: nothing is loaded, and text cannot become markup or code."""
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


class PageWriter:
    """Writes one page in pieces, in this order: findings, run, traffic.

    The traffic stands behind the script: the page is ready before a browser has read it.
    """

    def __init__(self, file: ByteSink) -> None:
        self._file = file
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self.size_bytes = 0
        style = (_FOLDER / "page" / "page.css").read_text(encoding="utf-8")
        script = page_script()
        self._script = f"<script>{script}</script>\n".encode()
        head = (_FOLDER / "page" / "page.html").read_text(encoding="utf-8")
        head = head.replace("{{policy}}", page_policy(style, script)).replace("{{style}}", style)
        self._write(head.encode())

    def write_findings(self, findings: Iterable[bytes]) -> None:
        """Encoded findings, the worst first."""
        self._write_data("findings", findings)

    def size_with(self, run: dict[str, Any]) -> int:
        """How many bytes the page has without its traffic, when `run` is what will be written."""
        return self.size_bytes + len(encoded(run)) + len(self._script) + _FRAME_BYTES

    def write_run(self, run: dict[str, Any]) -> None:
        """What the run was, and the script that shows it all."""
        self._write_data("run", [encoded(run)])
        self._write(self._script)

    def write_traffic(self, blocks: Iterable[Iterable[bytes]]) -> None:
        """Encoded exchanges, in the blocks in which they are read."""
        for number, block in enumerate(blocks):
            self._write_data(f"traffic-{number}", block)

    def end(self) -> None:
        """There is no more."""
        self._write(b"</body></html>\n")
        self._flush()

    def _write_data(self, name: str, items: Iterable[bytes]) -> None:
        """A block of data that no browser executes: one JSON array."""
        self._write(f'<script type="application/json" id="{name}">['.encode())
        for number, item in enumerate(items):
            self._write(b",\n" + item if number else item)
        self._write(b"]</script>\n")

    def _write(self, data: bytes) -> None:
        self.size_bytes += len(data)
        self._pending.append(data)
        self._pending_bytes += len(data)
        if self._pending_bytes >= _WRITE_BYTES:
            self._flush()

    def _flush(self) -> None:
        self._file.write(b"".join(self._pending))
        self._file.flush()
        self._pending.clear()
        self._pending_bytes = 0
