"""Tests that run side by side have temporary folders of their own: some look what is left there."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:
    _folder = Path(tempfile.mkdtemp(prefix="worker-"))
    _folder.chmod(0o1777)  # as /tmp: some tests run programs as another user
    os.environ["TMPDIR"] = str(_folder)
    tempfile.tempdir = None
    atexit.register(shutil.rmtree, _folder, ignore_errors=True)
