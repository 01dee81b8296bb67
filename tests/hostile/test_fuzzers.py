"""The fuzzers in `fuzz` run, and find nothing in a short while."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "fuzz"


@pytest.mark.parametrize("name", ["fuzz_frames", "fuzz_har"])
def test_fuzzer(name: str, tmp_path: Path) -> None:
    """Two seconds of random mutations, the same in every run."""
    done = subprocess.run(
        [sys.executable, str(FOLDER / f"{name}.py"), "--seconds", "2", "--seed", "1", "--random"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "none failed" in done.stdout
