"""Which generations still run."""

from __future__ import annotations

import psutil


def generations() -> list[psutil.Process]:
    """Deno processes below this one."""
    return [child for child in psutil.Process().children(recursive=True) if child.name() == "deno"]
