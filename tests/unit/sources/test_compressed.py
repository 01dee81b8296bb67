"""Compressed captures and archives: recognised whatever the suffix, bounded, damage named."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from isoscan.errors import InputError
from isoscan.sources import Entry, NotACapture, _compression, _pages, _spool, open_source

ENTRY: dict[str, Any] = {
    "startedDateTime": "2024-01-02T03:04:05Z",
    "request": {"method": "GET", "url": "https://a.test/", "headers": []},
    "response": {"status": 200, "headers": [], "content": {"text": "x"}},
}
HAR = json.dumps({"log": {"entries": [ENTRY, ENTRY]}}).encode()
LINE = b'{"request": {"method": "GET", "url": "https://a.test/"}}\n'


def zstd_compress(data: bytes) -> bytes:
    """Zstandard, or a skipped test where no module has it."""
    try:
        module = _compression.zstd_module()
    except _compression.ZstdMissing:
        pytest.skip("no module for Zstandard")
    return bytes(module.compress(data, options={module.CompressionParameter.checksum_flag: 1}))


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "Zstandard": zstd_compress,
}


def noisy_har(count: int) -> bytes:
    """A HAR file that does not compress well, so a cut leaves whole entries."""
    entries = [{**ENTRY, "_pad": os.urandom(4000).hex()} for _ in range(count)]
    return json.dumps({"log": {"entries": entries}}).encode()


def read(path: Path, data: bytes) -> list[Entry]:
    """The entries of a file with these bytes."""
    path.write_bytes(data)
    return list(open_source(path))


def read_to_error(path: Path, data: bytes) -> tuple[list[Entry], str]:
    """The entries before the error that ends the file, and its text."""
    path.write_bytes(data)
    entries: list[Entry] = []
    with pytest.raises(InputError) as caught:
        for entry in open_source(path):
            entries.append(entry)  # noqa: PERF402  # those before the error count
    return entries, str(caught.value)


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP archive of these files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def tarred(*names: str) -> bytes:
    """A tar archive with the same capture under each name."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(HAR)
            archive.addfile(info, io.BytesIO(HAR))
    return file.getvalue()


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize("suffix", ["x.har", "x.txt", "x.gz"])
def test_every_compression_by_its_content(tmp_path: Path, name: str, suffix: str) -> None:
    """The suffix does not matter, and offsets count in the decompressed content."""
    entries = read(tmp_path / suffix, PACKERS[name](HAR))
    assert [entry.problem for entry in entries] == [None, None]
    assert entries[0].offset_bytes == HAR.find(b"{", HAR.find(b"["))


@pytest.mark.parametrize("name", PACKERS)
def test_members_are_joined(tmp_path: Path, name: str) -> None:
    """Several members behind one another are one document; padding behind them is ignored."""
    pack = PACKERS[name]
    data = pack(HAR[:50]) + pack(HAR[50:]) + bytes(100)
    assert len(read(tmp_path / "x", data)) == 2


@pytest.mark.parametrize("name", PACKERS)
def test_truncated_content_gives_what_is_there(tmp_path: Path, name: str) -> None:
    """Entries before the cut arrive; then the error names the cause."""
    # Larger than a block of bzip2, which is whole or lost.
    packed = PACKERS[name](noisy_har(300))
    entries, problem = read_to_error(tmp_path / "x", packed[: len(packed) * 3 // 4])
    assert f"its {name} data is truncated" in problem
    assert len([entry for entry in entries if entry.transaction]) > 50


@pytest.mark.parametrize("name", PACKERS)
def test_truncated_at_the_start_is_not_called_empty(tmp_path: Path, name: str) -> None:
    """A cut before anything could be unpacked says so."""
    _, problem = read_to_error(tmp_path / "x", PACKERS[name](noisy_har(300))[:20])
    assert f"its {name} data is truncated" in problem
    assert "is empty" not in problem


def test_brotli_is_not_guessed(tmp_path: Path) -> None:
    """Brotli has no mark, so a file that is named so is refused with what to do."""
    _, problem = read_to_error(tmp_path / "x.har.br", b"\x0b\x02\x80junk\x03")
    assert "brotli -d" in problem


@pytest.mark.parametrize("name", PACKERS)
def test_damaged_content_is_reported(tmp_path: Path, name: str) -> None:
    """Bytes that were changed are an error, never silently other content."""
    packed = bytearray(PACKERS[name](noisy_har(300)))
    packed[len(packed) // 2 : len(packed) // 2 + 8] = bytes(8)
    packed[-6] ^= 0xFF
    _, problem = read_to_error(tmp_path / "x", bytes(packed))
    assert f"its {name} data is " in problem


def test_damaged_gzip_end_is_reported(tmp_path: Path) -> None:
    """A wrong checksum is an error even when every entry was read."""
    packed = bytearray(gzip.compress(HAR, mtime=0))
    packed[-8] ^= 0xFF
    path = tmp_path / "x.har.gz"
    path.write_bytes(packed)
    reader = open_source(path)
    assert [next(reader).index, next(reader).index] == [0, 1]
    with pytest.raises(InputError, match="gzip data is damaged"):
        next(reader)


@pytest.mark.parametrize("size", [_compression._PIECE_BYTES - 1, _compression._PIECE_BYTES, 3_000_000])
@pytest.mark.parametrize("name", PACKERS)
def test_pieces_of_every_size(tmp_path: Path, name: str, size: int) -> None:
    """Content that ends just where a piece ends is whole and not called truncated."""
    data = LINE + b" " * (size - len(LINE))
    assert len(read(tmp_path / "x", PACKERS[name](data))) == 1


def test_large_content_goes_to_a_file_without_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too large for memory is held in a file nobody else can open, and is read the same."""
    folder = tmp_path / "room"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(_spool, "MEMORY_BYTES", 1000)
    path = tmp_path / "x"
    path.write_bytes(gzip.compress(LINE * 1000, mtime=0))
    reader = open_source(path)
    assert next(reader).problem is None
    assert list(folder.iterdir()) == []
    assert len(list(reader)) == 999
    assert len(list(open_source("-", stdin=io.BytesIO(LINE * 1000)))) == 1000


def test_pages_of_a_temporary_file_are_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decompressed content is released on the way like a plain file, and nothing changes in what is read."""
    monkeypatch.setattr(_spool, "MEMORY_BYTES", 1000)
    monkeypatch.setattr(_pages, "RELEASE_BYTES", 4096)
    assert len(read(tmp_path / "x", gzip.compress(LINE * 2000, mtime=0))) == 2000


def test_no_room_for_the_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder for temporary files that cannot be written is named, with the way out."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    monkeypatch.setattr(_spool, "MEMORY_BYTES", 1000)
    with pytest.raises(InputError, match=r"does not fit into .*missing.*TMPDIR"):
        read(tmp_path / "x", gzip.compress(LINE * 1000, mtime=0))


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        ({"LIMIT_BYTES": 100_000}, "holds more than"),
        ({"RATIO_FROM_BYTES": 100_000}, "as a bomb does"),
        ({"_KEEP_FREE_BYTES": 1 << 62}, "too little room"),
    ],
)
@pytest.mark.parametrize("name", [*PACKERS, "zip"])
def test_bombs_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, limits: dict[str, int], problem: str
) -> None:
    """Content that grows beyond a limit is refused with the way out."""
    monkeypatch.setattr(_spool, "MEMORY_BYTES", 1000)
    for limit, value in limits.items():
        monkeypatch.setattr(_spool, limit, value)
    data = b" " * 3_000_000 + HAR
    if name == "zip":
        entry = read(tmp_path / "x", zipped({"a.har": data}))[0]
        assert entry.problem is not None
        assert not entry.is_out_of_scope
        assert problem in entry.problem
    else:
        with pytest.raises(InputError, match=problem):
            read(tmp_path / "x", PACKERS[name](data))


def test_all_files_of_an_archive_together_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many small bombs are a large one."""
    monkeypatch.setattr(_spool, "LIMIT_BYTES", 3 * len(HAR))
    entries = read(tmp_path / "x", zipped(dict.fromkeys(("a", "b", "c", "d"), HAR)))
    assert [entry.unit for entry in entries] == ["entry"] * 6 + ["file"]
    assert "holds more than" in (entries[-1].problem or "")


def test_compressed_twice(tmp_path: Path) -> None:
    """One layer of compression is taken off, no more."""
    with pytest.raises(InputError, match="compressed twice"):
        read(tmp_path / "x", gzip.compress(bz2.compress(HAR), mtime=0))


def test_zstandard_without_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a module the extra is named."""
    data = zstd_compress(HAR)

    def missing() -> None:
        raise _compression.ZstdMissing

    monkeypatch.setattr(_compression, "zstd_module", missing)
    with pytest.raises(InputError, match=r"isoscan\[zstd\]"):
        read(tmp_path / "x", data)


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_zip_archive(tmp_path: Path, method: int) -> None:
    """Each capture in a ZIP archive is read under its own name, compressed again or not."""
    data = zipped({"a.har": HAR, "b/c.har.gz": gzip.compress(HAR, mtime=0), "d.jsonl": LINE}, method)
    path = tmp_path / "x.zip"
    entries = read(path, data)
    assert [entry.source for entry in entries] == [
        *[f"{path}:a.har"] * 2,
        *[f"{path}:b/c.har.gz"] * 2,
        f"{path}:d.jsonl",
    ]
    assert entries[0].transaction is not None
    assert entries[0].transaction.id == f"{path}:a.har#0"


def test_archive_with_other_files(tmp_path: Path) -> None:
    """What is no capture is named and missed nothing; what is damaged is named and was missed."""
    data = zipped(
        {
            "readme.txt": b"hello",
            "a.har": HAR,
            "b.har": HAR[:100],
            "c.zip": zipped({"a.har": HAR}),
            "__MACOSX/a.har": b"x",
            ".DS_Store": b"x",
        }
    )
    entries = read(tmp_path / "x.zip", data)
    files = {entry.source.rpartition(":")[2]: entry for entry in entries if entry.unit == "file"}
    assert {name: entry.is_out_of_scope for name, entry in files.items()} == {
        "readme.txt": True,
        "b.har": False,
        "c.zip": False,
    }
    assert files["b.har"].place.endswith("x.zip:b.har")
    assert "truncated" in (files["b.har"].problem or "")
    assert "archive in an archive" in (files["c.zip"].problem or "")


def test_archive_without_a_capture(tmp_path: Path) -> None:
    """An archive of other files is an error, not an empty result."""
    _, problem = read_to_error(tmp_path / "x.zip", zipped({"readme.txt": b"hello"}))
    assert "none of the 1 files" in problem
    assert "readme.txt is text" in problem


def test_encrypted_member(tmp_path: Path) -> None:
    """A file that needs a password is named; the others are read."""
    data = bytearray(zipped({"a.har": HAR, "b.har": HAR}))
    for mark, flags_at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(mark) + flags_at] |= 1
    entries = read(tmp_path / "x.zip", bytes(data))
    assert [(entry.unit, entry.is_out_of_scope) for entry in entries] == [
        ("file", False),
        ("entry", False),
        ("entry", False),
    ]
    assert "is encrypted" in (entries[0].problem or "")


def test_damaged_member(tmp_path: Path) -> None:
    """A file whose bytes were changed is named; the others are read."""
    data = bytearray(zipped({"a.har": HAR, "b.har": HAR}, zipfile.ZIP_STORED))
    at = data.find(b"startedDateTime")
    data[at] ^= 1
    entries = read(tmp_path / "x.zip", bytes(data))
    assert [entry.unit for entry in entries] == ["file", "entry", "entry"]
    assert "damaged in the archive" in (entries[0].problem or "")


def test_fiddler_archive(tmp_path: Path) -> None:
    """Fiddler's own archive is refused with what to export instead."""
    with pytest.raises(NotACapture, match="HTTPArchive"):
        read(
            tmp_path / "x.saz",
            zipped({"raw/1_c.txt": b"GET / HTTP/1.1\r\n\r\n", "raw/1_s.txt": b"HTTP/1.1 200 OK\r\n\r\n"}),
        )


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress])
def test_tar_archive(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """Tar archives are read, compressed or not."""
    path = tmp_path / "x.tar"
    entries = read(path, pack(tarred("a.har", "b/c.har", ".hidden")))
    assert [entry.source for entry in entries] == [*[f"{path}:a.har"] * 2, *[f"{path}:b/c.har"] * 2]


def test_truncated_tar(tmp_path: Path) -> None:
    """A tar archive that was cut gives what is there, then the error."""
    data = tarred("a.har", "b.har")
    entries, problem = read_to_error(tmp_path / "x.tar", data[: 1024 + 512 + 100])
    assert "truncated" in problem
    assert entries


def test_names_in_archives_cannot_write_to_a_terminal(tmp_path: Path) -> None:
    """Control characters of a hostile name are not passed on."""
    entries = read(tmp_path / "x.zip", zipped({"\x1b[2J../../a.har": HAR}))
    assert all("\x1b" not in entry.source for entry in entries)
    assert len(entries) == 2


def test_member_without_a_name(tmp_path: Path) -> None:
    """A nameless file of a hostile archive is a file like any other."""
    data = bytearray(zipped({"x.har": HAR, "y.har": HAR}))
    for start in (data.find(b"x.har"), data.rfind(b"x.har")):
        data[start] = 0
    entries = read(tmp_path / "x.zip", bytes(data))
    assert len([entry for entry in entries if entry.transaction]) == 4
