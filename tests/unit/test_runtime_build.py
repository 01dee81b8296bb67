"""The built in-isolate host belongs to the sources beside it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]


def build_tool() -> ModuleType:
    """`tools/build_runtime.py` as a module."""
    spec = importlib.util.spec_from_file_location("build_runtime", ROOT / "tools/build_runtime.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_host_is_up_to_date() -> None:
    """`host.js` was built from the TypeScript as it is now."""
    tool = build_tool()
    with tool.OUTPUT.open(encoding="utf-8") as built:
        assert built.readline() == tool.header()


def test_host_imports_nothing() -> None:
    """The one file a generation runs has no import of its own."""
    text = build_tool().OUTPUT.read_text(encoding="utf-8")
    assert not [line for line in text.splitlines() if line.startswith(("import ", "export "))]


def test_import_map_leads_nowhere() -> None:
    """Every entry of the import map points to a scheme Deno does not support."""
    text = (build_tool().RUNTIME / "import_map.json").read_text(encoding="utf-8")
    imports = json.loads(text)["imports"]
    assert {"node:fs", "fs", "node:child_process", "child_process", "node:worker_threads"} <= set(imports)
    schemes = {target.partition(":")[0] for target in imports.values()}
    assert not schemes & {"node", "file", "http", "https", "npm", "jsr", "data", "blob", "ext"}
