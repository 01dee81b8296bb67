"""Inputs as they come: encodings, pipes, and files that are something else."""

from __future__ import annotations

import gzip
import io
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from isoscan.errors import InputError
from isoscan.sources import Entry, _document, _pages, open_source

ENTRY: dict[str, Any] = {
    "startedDateTime": "2024-01-02T03:04:05Z",
    "request": {"method": "GET", "url": "https://a.test/ä", "headers": []},
    "response": {"status": 200, "headers": [], "content": {"text": "ä"}},
}
HAR = json.dumps({"log": {"entries": [ENTRY, ENTRY]}}, ensure_ascii=False)
LINES = '{"request": {"method": "GET", "url": "https://a.test/ä"}}\n' * 2


def read(path: Path, data: bytes) -> list[Entry]:
    """The entries of a file with these bytes."""
    path.write_bytes(data)
    return list(open_source(path))


@pytest.mark.parametrize("text", [HAR, LINES, "\n \n" + HAR, "\r\n" + LINES])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("is_compressed", [False, True])
def test_encodings(tmp_path: Path, text: str, encoding: str, is_compressed: bool) -> None:
    """UTF-8 with or without mark, UTF-16 and UTF-32, plain or gzipped, give the same entries."""
    data = text.encode(encoding)
    entries = read(tmp_path / "x", gzip.compress(data, mtime=0) if is_compressed else data)
    urls = [entry.transaction.request.url for entry in entries if entry.transaction]
    assert urls == ["https://a.test/ä"] * 2


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_mark(tmp_path: Path, encoding: str) -> None:
    """UTF-16 is recognised by its zero bytes when the mark is missing."""
    assert len(read(tmp_path / "x", HAR.encode(encoding))) == 2


@pytest.mark.parametrize("text", [HAR, LINES])
def test_standard_input(text: str) -> None:
    """`-` reads standard input, and ids say so."""
    entries = list(open_source("-", stdin=io.BytesIO(text.encode())))
    assert [entry.source for entry in entries] == ["-", "-"]
    assert entries[0].transaction is not None
    assert entries[0].transaction.id.startswith("-#")


def test_large_file_gives_its_pages_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of a mapped file are released on the way, and nothing changes in what is read."""
    monkeypatch.setattr(_pages, "RELEASE_BYTES", 4096)
    entries = [{**ENTRY, "_pad": "x" * 3000} for _ in range(50)]
    found = read(tmp_path / "x", json.dumps({"log": {"entries": entries}}).encode())
    assert [entry.problem for entry in found] == [None] * 50


def test_named_pipe(tmp_path: Path) -> None:
    """A pipe cannot be mapped and is read all the same."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(HAR.encode(),))
    writer.start()
    entries = list(open_source(path))
    writer.join()
    assert len(entries) == 2


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \n\t", "empty"),
        (b"<!DOCTYPE html><html></html>", "HTML"),
        (b"\n<html>", "HTML"),
        (b"<?xml version='1.0'?><rss/>", "XML"),
        (b'<?xml version="1.0"?>\n<!DOCTYPE issues [\n<!ELEMENT issues (issue*)>', "Save items"),
        (b'<?xml version="1.0"?>\n<issues burpVersion="2023.1" exportTime="x">', "Save items"),
        (b"<?xml version='1.0' encoding='UTF-8' ?>\n<?charles serialisation-version='2.0' ?>", "Charles"),
        (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
        (b"PK\x05\x06" + bytes(18), "empty ZIP"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "response alone"),
        (b"* Host a.test:443 was resolved.\n", "curl -v"),
        (b"-----BEGIN PGP MESSAGE-----\n", "encrypted"),
        (b"Salted__12345678", "encrypted"),
        (b"SQLite format 3\x00", "SQLite"),
        (b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE nmaprun>\n<nmaprun args="">', "Nmap"),
        (b"7z\xbc\xaf\x27\x1c", "unpack it first"),
        (b'{"url": "https://a.test/", "status_code": 200}', "-irr"),
        (b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00", "packet capture"),
        (b"\n\r\r\n\x6c\x00\x00\x00\x4d\x3c\x2b\x1a", "packet capture"),
        (b"\x7fELF\x02\x01\x01\x00\x00", "binary"),
        (b'onInputData({"log": {"entries": []}});', "JSONP"),
        (b'/* harp */ cb.x ( [{"log": 1}])', "JSONP"),
        (b"GET the milk", "text"),
        (b'"just a string"', "text"),
        (b'{"name": "x", "version": 3}', "name, version"),
        (b"{}", "no keys"),
        (b'{"log": []}', "log"),
        (b"[1, 2]", "list"),
        (b'[{"a": 1}]', "has a"),
        (b'{"log"', "truncated"),
        (b'{"log" {}}', "damaged"),
        (b'{"creator": {"name": "x', "truncated"),
        (b'{\n "request": {"method": "GET", "url": "http://a/"}\n}\n', "several lines"),
    ],
)
def test_other_files_are_named(tmp_path: Path, data: bytes, kind: str) -> None:
    """What is no capture is refused in one line that names the file and what it is."""
    path = tmp_path / "input"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        open_source(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert kind in message
    assert "\n" not in message


def test_missing_file_directory_and_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that cannot be opened are refused at once, by name and cause."""
    with pytest.raises(InputError, match="no such file"):
        open_source(tmp_path / "missing")
    with pytest.raises(InputError, match="directory"):
        open_source(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        open_source("a\0b")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "secret").touch()
    monkeypatch.setattr(_document, "_read", refuse)
    with pytest.raises(InputError, match="permission denied"):
        open_source(tmp_path / "secret")


def test_redirection_is_mapped(tmp_path: Path) -> None:
    """Standard input that is a file is not loaded; one that was read from already gives its rest."""
    path = tmp_path / "x"
    path.write_bytes(b"skipped\n" + HAR.encode())
    with path.open("rb") as file:
        file.readline()
        assert len(list(open_source("-", stdin=file))) == 2
    path.write_text(HAR)
    with path.open("rb") as file:
        entries = list(open_source("-", stdin=file))
    for entry in entries:
        assert entry.offset_bytes is not None
        assert entry.length_bytes is not None
        raw = path.read_bytes()[entry.offset_bytes : entry.offset_bytes + entry.length_bytes]
        assert json.loads(raw) == ENTRY


def test_terminal_escapes_in_keys_are_not_shown(tmp_path: Path) -> None:
    """A key of a foreign file cannot write to the terminal."""
    with pytest.raises(InputError) as caught:
        read(tmp_path / "x", b'{"\\u001b[2Jx": 1}')
    assert "\x1b" not in str(caught.value)


def test_file_name_that_is_no_text(tmp_path: Path) -> None:
    """Names that are not UTF-8 give ids that can be written as text."""
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.har"))
    [entry, _] = read(path, HAR.encode())
    assert entry.transaction is not None
    assert entry.transaction.id.encode()


def test_first_line_of_json_lines_may_be_the_bad_one(tmp_path: Path) -> None:
    """JSON Lines are recognised by their other lines too."""
    for bad in ("{", '{"request": {"method"', "# comment", '{"other": 1}', '{"request": 5}'):
        entries = read(tmp_path / "x", f"{bad}\n{LINES}".encode())
        assert [entry.index for entry in entries] == [1, 2, 3]
        assert [entry.problem is None for entry in entries] == [False, True, True]
