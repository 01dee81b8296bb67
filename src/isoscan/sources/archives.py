"""Reads captures inside ZIP and tar archives, each file of them an input named `archive.zip:inner.har`.

A WACZ file is a ZIP archive of which only the WARC files are read. Nothing is unpacked to a place
that a name in the archive could choose.
"""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import IO

from ..errors import InputError
from . import _spool
from ._attachments import is_attachment, without_attachments
from ._bodies import BODY_LIMIT_BYTES
from ._document import BufferFile, Document, unpack
from ._entry import Entry, printable
from ._readers import read_document
from ._recognise import Format, recognise
from .inputs import is_no_capture, read_member

_READ_BYTES = 1024 * 1024
_MAX_FILES = 100_000
_NAME_SHOWN_CHARS = 200
_WACZ_MARK = "datapackage.json"
_WARC_FOLDER = "archive/"
_WARC_SUFFIXES = (".warc", ".warc.gz", ".warc.zst")
# What the modules raise for hostile archives: damaged, of unknown methods, inconsistent.
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


class _Member:
    """A file of an archive: its name, its size as stored, and how to open it."""

    def __init__(self, name: str, packed_bytes: int | None, open_: Callable[[], IO[bytes] | None]) -> None:
        self.name = name
        self.packed_bytes = packed_bytes
        self.open = open_
        self.problem: str | None = None


def read_zip(document: Document) -> Iterator[Entry]:
    """The entries of all captures in a ZIP archive. Raises `InputError` at once if it is damaged."""
    try:
        archive = zipfile.ZipFile(BufferFile(document))
        members = [
            _zip_member(archive, info)
            for info in archive.infolist()
            if not info.filename.endswith("/") and not _is_hidden(info.filename)
        ]
    except _DAMAGED:
        raise document.error(
            "is a damaged or truncated ZIP archive; copy it again, or repair it (zip -FF)"
        ) from None
    names = [member.name for member in members]
    if any(name.startswith("raw/") and name.endswith("_c.txt") for name in names):
        raise document.refusal(
            "is a Fiddler archive (SAZ), which is not supported; export HTTPArchive (HAR) instead"
        )
    if _WACZ_MARK in names and any(_is_warc(name) for name in names):
        members = [member for member in members if _is_warc(member.name)]
    inputs = set(without_attachments(names))
    attachments = {str(PurePosixPath(one.name)): one for one in members if one.name not in inputs}
    members = [member for member in members if member.name in inputs]
    if not members:
        raise document.refusal("is an empty ZIP archive; there is no capture in it")
    if len(members) > _MAX_FILES:
        raise document.error(f"holds more than {_MAX_FILES} files; unpack it and name the folder")
    return _Archive(document, "ZIP", attachments).read(members)


def read_tar(document: Document) -> Iterator[Entry]:
    """The entries of all captures in a tar archive."""
    return _Archive(document, "tar", {}).read(_tar_members(document))


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Member:
    member = _Member(info.filename, info.compress_size, partial(archive.open, info))
    if info.flag_bits & 1:
        member.problem = "is encrypted; unpack it with its password and name the result"
    return member


def _tar_members(document: Document) -> Iterator[_Member]:
    # Read one by one: the list of a large archive is spread all over it.
    with tarfile.open(fileobj=BufferFile(document), mode="r:") as archive:
        for info in archive:
            if info.isreg() and not _is_hidden(info.name):
                yield _Member(info.name, info.size, partial(archive.extractfile, info))
        # At a damaged or missing header tarfile ends as at the two empty blocks that end every archive.
        if bytes(document.data[archive.offset : archive.offset + tarfile.BLOCKSIZE]) != bytes(
            tarfile.BLOCKSIZE
        ):
            raise tarfile.ReadError


def _is_hidden(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return "__MACOSX" in parts or any(part.startswith(".") and part not in (".", "..") for part in parts)


def _is_warc(name: str) -> bool:
    return name.startswith(_WARC_FOLDER) and name.lower().endswith(_WARC_SUFFIXES)


class _Archive:
    """One archive that is read, and what may still come out of it."""

    def __init__(self, document: Document, kind: str, attachments: dict[str, _Member]) -> None:
        self._document = document
        self._attachments = attachments
        self._kind = kind
        self._left_bytes = _spool.LIMIT_BYTES

    def read(self, members: Iterable[_Member]) -> Iterator[Entry]:
        """The entries of every member; one that is no capture, or damaged, is an entry of its own."""
        captures = count = 0
        first_problem = ""
        for member in self._while_sound(members):
            count += 1
            source = f"{self._document.source}:{printable(member.name, _NAME_SHOWN_CHARS)}"
            is_capture = True
            for entry in read_member(source, self._entries(source, member)):
                if is_no_capture(entry):
                    is_capture = False
                    first_problem = first_problem or f"{entry.source} {entry.problem}"
                yield entry
            captures += is_capture
        if captures == 0:
            raise self._document.error(f"none of the {count} files in it is a capture: {first_problem}")

    def _while_sound(self, members: Iterable[_Member]) -> Iterator[_Member]:
        count = 0
        try:
            for member in members:
                count += 1
                yield member
        except _DAMAGED:
            raise self._document.error(
                f"{self._kind} archive is damaged or truncated after {count} files; copy it again"
            ) from None

    def _entries(self, source: str, member: _Member) -> Iterator[Entry]:
        if member.problem is not None:
            raise InputError(f"{source}: {member.problem}")
        try:
            document = unpack(
                source, _spool.spool(source, self._chunks(source, member), packed_bytes=member.packed_bytes)
            )
        except _DAMAGED:
            raise InputError(f"{source}: is damaged in the archive; copy the archive again") from None
        if recognise(document) in (Format.ZIP, Format.TAR):
            raise InputError(f"{source}: is an archive in an archive; unpack it and name the result")
        document.attached = partial(self._attached, PurePosixPath(member.name).parent)
        yield from read_document(document)

    def _attached(self, folder: PurePosixPath, name: str) -> bytes | None:
        member = self._attachments.get(str(folder / name)) if is_attachment(name) else None
        if member is None or member.problem is not None:
            return None
        try:
            file = member.open()
            if file is None:
                return None
            with file:
                return file.read(BODY_LIMIT_BYTES + 1)
        except _DAMAGED:
            return None

    def _chunks(self, source: str, member: _Member) -> Iterator[bytes]:
        file = member.open()
        if file is None:
            return
        with file:
            while chunk := file.read(_READ_BYTES):
                self._left_bytes -= len(chunk)
                if self._left_bytes < 0:
                    raise InputError(
                        f"{source}: the archive holds more than {_spool.LIMIT_BYTES // _spool.MIB} MiB;"
                        " unpack it and name the folder"
                    )
                yield chunk
