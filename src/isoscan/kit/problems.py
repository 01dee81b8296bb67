"""What `isoscan check` says: one problem at one place, with a code that stays. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from msgspec import Struct


class Level(StrEnum):
    """Whether a problem fails the check."""

    ERROR = "error"
    WARNING = "warning"


#: Every code of ours and what it stands for; TypeScript's own (`TS2322`) come as they are.
CODES = {
    "IS101": "the file does not parse, cannot be read or lies outside the plugin's folder",
    "IS102": "an import of something that is not a file of the plugin's own folder",
    "IS201": "the plugin does not load in the sandbox",
    "IS202": "the plugin has no entry function",
    "IS301": "the metadata has a wrong value",
    "IS302": "the metadata has a field that isoscan does not know",
    "IS303": "the metadata is missing or has no id of its own",
    "IS304": "the copy of isoscan.d.ts beside the plugin is an old one",
    "IS401": "the code uses what the metadata does not ask for",
    "IS402": "the metadata asks for what the code never uses",
    "IS403": "the plugin tried something it may not while it was loaded",
    "IS404": "the code uses what no plugin can ever have",
    "IS501": "a regular expression whose time explodes with the length of its input",
    "IS502": "a regular expression whose time grows with the cube of its input or faster",
    "IS503": "a regular expression whose time grows with the square of its input",
    "IS901": "a check could not be done",
}


class Problem(Struct, frozen=True, order=True):
    """One thing to repair. `line` and `column` are 1-based; 0 when the whole file is meant."""

    file: str
    line: int
    column: int
    code: str
    message: str
    level: Level = Level.ERROR


_IGNORED = re.compile(r"//\s*isoscan-ignore\s+([A-Z]+\d+(?:[,\s]+[A-Z]+\d+)*)")


def without_ignored(problems: Iterable[Problem], lines_of: Mapping[str, Sequence[str]]) -> list[Problem]:
    """Leaves out warnings and errors whose line, or the one above, says `// isoscan-ignore CODE`."""
    return [problem for problem in problems if problem.code not in _ignored_codes(problem, lines_of)]


def _ignored_codes(problem: Problem, lines_of: Mapping[str, Sequence[str]]) -> set[str]:
    lines = lines_of.get(problem.file, ())
    if not 0 < problem.line <= len(lines):
        return set()
    above = lines[problem.line - 2].strip() if problem.line > 1 else ""
    texts = [lines[problem.line - 1], above if above.startswith("//") else ""]
    return {
        code for text in texts for found in _IGNORED.finditer(text) for code in re.split(r"[,\s]+", found[1])
    }


def hint(name: str, known: Iterable[str]) -> str:
    """`; did you mean …?` for the nearest known name, or the known ones if none is near."""
    names = sorted(known)
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    return f"; did you mean {str(near[0])!r}?" if near else f"; known are {', '.join(names)}"
