"""Every test here leaves nothing behind: checked once for all of them."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.watching import belongings

if "PYTEST_XDIST_WORKER" in os.environ:
    # Tests that run side by side must not take each other's temporary files for their own.
    _folder = Path(tempfile.mkdtemp(prefix="worker-"))
    _folder.chmod(0o1777)  # as /tmp: some tests run programs as another user
    os.environ["TMPDIR"] = str(_folder)
    tempfile.tempdir = None
    atexit.register(shutil.rmtree, _folder, ignore_errors=True)


@pytest.fixture(autouse=True)
async def nothing_left() -> AsyncIterator[None]:
    """No process, descriptor, task or temporary file outlives a test."""
    before = belongings()
    yield
    after = belongings()
    assert after.children <= before.children, "processes are left"
    assert after.tasks <= before.tasks, "tasks are left"
    assert after.files <= before.files, "temporary files are left"
    assert after.descriptors <= before.descriptors, "descriptors are left"
