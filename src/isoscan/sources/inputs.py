"""Which captures a user means by files, folders, globs and `-`, and their entries."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from ..errors import InputError
from ._attachments import without_attachments
from ._document import STDIN, NotACapture, open_document, source_name
from ._entry import Entry, is_http_url, shown_url
from ._readers import read_document

# Open files are limited; captures beyond this number are looked into when their turn comes.
_OPENED_AT_ONCE = 100


class Input(Struct, frozen=True):
    """One capture to read: a path, `-`, or a file found in a folder.

    `folder` is the folder as named. A file in a folder may be something else than a capture; one
    that was named may not.
    """

    path: str
    folder: str | None = None


def find_inputs(names: Sequence[str]) -> list[Input]:
    """The captures for files, folders and globs, in the given order, each once.

    A folder stands for all files below it, sorted, without names that begin with a dot. A name
    that is no file is a glob if it has `*`, `?` or `[`; `**` matches folders of any depth. A file
    that is named and also in a folder or glob is read at its first place. Raises `InputError`
    when a name finds nothing, or is named twice itself.
    """
    found: dict[str, Input] = {}
    named: set[str] = set()
    for name in names:
        inputs = _expand(name)
        if len(inputs) == 1 and inputs[0].path == name:
            key = _identity(name)
            if key in named:
                raise InputError(f"{source_name(name)}: the same input is named twice")
            named.add(key)
        for one in inputs:
            found.setdefault(_identity(one.path), one)
    return list(found.values())


def open_inputs(inputs: Iterable[Input], *, stdin: BinaryIO | None = None) -> list[Iterator[Entry]]:
    """The entries of all inputs: one iterator for each named one, and for each folder.

    Raises `InputError` at once if one of the first hundred that were named cannot be read; the
    others are opened when their turn comes. A folder's files that are no captures come as entries
    of the unit `file` that are out of scope, damaged ones as rejected ones. If none of a folder's
    files is a capture, its iterator ends with `InputError`.
    """
    sources: list[Iterator[Entry]] = []
    folders: dict[str, list[str]] = {}
    for one in inputs:
        if one.folder is None:
            is_at_once = len(sources) < _OPENED_AT_ONCE
            sources.append(_open(one.path, stdin) if is_at_once else _open_later(one.path, stdin))
        elif one.folder in folders:
            folders[one.folder].append(one.path)
        else:
            folders[one.folder] = [one.path]
            sources.append(_read_folder(one.folder, folders[one.folder]))
    return sources


def read_member(source: str, entries: Iterable[Entry]) -> Iterator[Entry]:
    """The entries of a file in a folder or an archive: where it ends in an error, the others go on."""
    try:
        yield from entries
    except InputError as error:
        problem = str(error).removeprefix(f"{source}: ")
        yield Entry(source, 0, "file", problem=problem, is_out_of_scope=isinstance(error, NotACapture))


def is_no_capture(entry: Entry) -> bool:
    """Whether the entry stands for a file that is something else than a capture."""
    return entry.unit == "file" and entry.is_out_of_scope


def _identity(path: str) -> str:
    return path if path == STDIN else os.path.realpath(path)


def _expand(name: str) -> list[Input]:
    if name == STDIN:
        return [Input(name)]
    shown = source_name(name)
    if not name:
        raise InputError("the name of an input is empty")
    if is_http_url(name) and not os.path.lexists(name):
        raise InputError(
            f"{shown_url(name)}: is a URL; nothing is fetched, so record its traffic and name the capture"
        )
    try:
        if Path(name).is_dir():
            return _in_folder(name)
        if glob.has_magic(name) and not os.path.lexists(name):
            matches = sorted(glob.glob(name, recursive=True))  # noqa: PTH207  # absolute globs
            inputs = [
                one
                for match in matches
                for one in (_files(match) if Path(match).is_dir() else [Input(match)])
            ]
            if not inputs:
                raise InputError(f"{shown}: no file matches")
            return list({one.path: one for one in inputs}.values())
    except (OSError, ValueError) as error:
        raise InputError(f"{shown}: cannot look there for captures: {error}") from None
    return [Input(name)]


def _in_folder(name: str) -> list[Input]:
    inputs = _files(name)
    if not inputs:
        raise InputError(f"{source_name(name)}: the folder holds no files")
    return inputs


def _files(folder: str) -> list[Input]:
    """All files below a folder, in the order of their names; links to folders are not followed."""
    found: list[str] = []
    for parent, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        for name in sorted(files):
            path = os.path.join(parent, name)  # noqa: PTH118  # keeps the folder as it was written
            if not name.startswith(".") and Path(path).is_file():
                found.append(path)
    return [Input(path, folder) for path in without_attachments(found)]


def _raise(error: OSError) -> None:
    raise error


def _open(path: str, stdin: BinaryIO | None) -> Iterator[Entry]:
    return read_document(open_document(path, stdin))


def _open_later(path: str, stdin: BinaryIO | None) -> Iterator[Entry]:
    yield from _open(path, stdin)


def _read_folder(folder: str, paths: list[str]) -> Iterator[Entry]:
    captures = 0
    first_problem = ""
    for path in paths:
        is_capture = True
        for entry in read_member(source_name(path), _open_later(path, None)):
            if is_no_capture(entry):
                is_capture = False
                first_problem = first_problem or f"{entry.source} {entry.problem}"
            yield entry
        captures += is_capture
    if captures == 0:
        raise InputError(
            f"{source_name(folder)}: none of the {len(paths)} files in it is a capture: {first_problem}"
        )
