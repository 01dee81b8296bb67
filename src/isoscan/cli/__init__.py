"""The command line: `isoscan run`, `isoscan plugins`, `isoscan schema`."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the `isoscan` command; exits with its code."""
    from .app import run_app

    sys.exit(run_app(sys.argv[1:]))
