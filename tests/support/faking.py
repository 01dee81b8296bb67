"""Puts `fake_deno.py` in Deno's place."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from isoscan import PluginExecutor

from .builders import make_executor

WORKER = Path(__file__).with_name("fake_deno.py")


def install_fake_deno(folder: Path, hello_faults: Sequence[str | None] = ()) -> Path:
    """An executable for `deno=`; `hello_faults[n]` strikes the n-th process (the last: all later ones)."""
    state = folder / "lives"
    state.mkdir()
    words = [sys.executable, "-I", "-S", "-B", str(WORKER), str(state), json.dumps(list(hello_faults))]
    path = folder / "deno"
    path.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return path


def script(*lives: dict[str, Any]) -> str:
    """The plugin code that makes the fake live these lives, one after the other."""
    return json.dumps({"lives": list(lives) or [{}]})


def make_faked(
    folder: Path, *lives: dict[str, Any], hello_faults: Sequence[str | None] = (), **options: Any
) -> PluginExecutor:
    """An executor whose generations are fakes that live `lives`."""
    fake = install_fake_deno(folder, hello_faults)
    # It is a Python script: the real sandbox would not let it read its own library.
    return make_executor(script(*lives), deno=fake, sandbox="permissions", **options)


def lives_begun(folder: Path) -> int:
    """How many processes were started as generations."""
    return len(list((folder / "lives").iterdir()))
