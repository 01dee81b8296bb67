"""A folder with captures and plugins for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptance._command import Workspace, make_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace with `probe.ts` and the capture `one.har`."""
    return make_workspace(tmp_path)
