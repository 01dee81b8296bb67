"""A folder with captures and plugins for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptance._command import PROBE, Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace with `probe.ts` and the capture `one.har`, on which the probe finds nothing."""
    made = Workspace(tmp_path)
    made.write("probe.ts", PROBE)
    made.capture("one.har", "clean")
    return made
