"""Who wrote a report."""

from __future__ import annotations

from importlib.metadata import metadata, version


def isoscan_version() -> str:
    """The version of the installed package."""
    return version("isoscan")


def homepage() -> str | None:
    """The address the package names as its home, if it names one."""
    for line in metadata("isoscan").get_all("Project-URL") or ():
        label, _, address = line.partition(",")
        if label.strip().lower() in ("homepage", "documentation") and address.strip():
            return str(address.strip())
    return None
