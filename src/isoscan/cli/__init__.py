"""The command line: `isoscan run`, `isoscan plugins`, `isoscan schema`, `isoscan bench`."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Entry point of the `isoscan` command; exits with its code."""
    _fill_standard_streams()
    try:
        if sys.argv[1:] == ["--version"] and _print_version():
            sys.exit(0)
        from .app import run_app

        code = run_app(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


def _print_version() -> bool:
    """Prints the version without loading anything. False: it could not be written, which others explain."""
    from importlib.metadata import version

    line = f"{version('isoscan')}\n".encode()
    try:
        return os.write(1, line) == len(line)
    except OSError:
        return False


def _fill_standard_streams() -> None:
    """A closed standard stream would give its number to the next file that is opened."""
    for descriptor, name in ((0, "stdin"), (1, "stdout"), (2, "stderr")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, None)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115  # lives as long as the process
