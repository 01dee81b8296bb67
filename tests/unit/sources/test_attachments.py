"""Bodies in files of their own, as Playwright saves them beside its HAR file or with it in a ZIP archive."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from isoscan.sources import Entry, _bodies, _har_entry, find_inputs, open_inputs, open_source

SENT = "0" * 40 + ".json"
GOT = "f" * 40 + ".html"


def har(sent: object = SENT, got: object = GOT) -> bytes:
    """A HAR file whose bodies are elsewhere."""
    entry: dict[str, Any] = {
        "startedDateTime": "2024-01-02T03:04:05Z",
        "request": {
            "method": "POST",
            "url": "https://a.test/",
            "headers": [],
            "postData": {"mimeType": "application/json", "params": [], "_file": sent},
        },
        "response": {
            "status": 200,
            "headers": [],
            "content": {"size": 3, "mimeType": "text/html", "_file": got},
        },
    }
    return json.dumps({"log": {"entries": [entry]}}).encode()


def bodies(entry: Entry) -> tuple[bytes, bytes]:
    """The bodies of the request and of the response."""
    assert entry.transaction is not None
    assert entry.transaction.response is not None
    return entry.transaction.request.body, entry.transaction.response.body


def zipped(members: dict[str, bytes]) -> bytes:
    """A ZIP archive of these files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


@pytest.mark.parametrize("folder", ["", "trace/"])
def test_in_an_archive(tmp_path: Path, folder: str) -> None:
    """Bodies beside the HAR file in its archive are its own, not inputs, even if they look like captures."""
    path = tmp_path / "x.zip"
    members = {"har.har": har(), SENT: b'{"request": {}}', GOT: b"<p>"}
    path.write_bytes(zipped({folder + name: data for name, data in members.items()}))
    [entry] = open_source(path)
    assert bodies(entry) == (b'{"request": {}}', b"<p>")
    assert entry.notes == ()


def test_beside_the_file(tmp_path: Path) -> None:
    """Bodies beside a HAR file are read, whether it or its folder is named."""
    (tmp_path / "x.har").write_bytes(har())
    (tmp_path / SENT).write_bytes(b"{}")
    (tmp_path / GOT).write_bytes(b"<p>")
    for name in (tmp_path / "x.har", tmp_path):
        [entries] = open_inputs(find_inputs([str(name)]))
        [entry] = entries
        assert bodies(entry) == (b"{}", b"<p>")


@pytest.mark.parametrize(
    "name", ["../secret", "secret", "/etc/hostname", "f" * 40 + "/x", "f" * 39, 5, "", "f" * 40]
)
def test_other_names_are_not_read(tmp_path: Path, name: object) -> None:
    """A capture names nothing but its own bodies; what is not there is noted."""
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "x.har"
    (path.parent / "secret").write_bytes(b"secret")
    path.write_bytes(har(name, name))
    [entry] = open_source(path)
    assert bodies(entry) == (b"", b"")
    assert (_har_entry.IN_OTHER_FILE in entry.notes) == (name != "")


def test_links_and_pipes_are_not_read(tmp_path: Path) -> None:
    """Only a plain file is a body: a link could lead anywhere, a pipe would hang."""
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / SENT).symlink_to("secret")
    os.mkfifo(tmp_path / GOT)
    (tmp_path / "x.har").write_bytes(har())
    [entry] = open_source(tmp_path / "x.har")
    assert bodies(entry) == (b"", b"")
    assert _har_entry.IN_OTHER_FILE in entry.notes


def test_large_attachment_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body beyond the limit is cut, noted."""
    monkeypatch.setattr(_bodies, "BODY_LIMIT_BYTES", 100)
    monkeypatch.setattr(_har_entry, "BODY_LIMIT_BYTES", 100)
    (tmp_path / GOT).write_bytes(b"x" * 1000)
    (tmp_path / "x.har").write_bytes(har())
    [entry] = open_source(tmp_path / "x.har")
    assert bodies(entry)[1] == b"x" * 100
    assert _bodies.CUT_AT_LIMIT in entry.notes


@pytest.mark.parametrize("text", ["", None])
def test_text_beside_the_name(tmp_path: Path, text: str | None) -> None:
    """Playwright writes an empty text for a request whose body is elsewhere."""
    document = json.loads(har())
    document["log"]["entries"][0]["request"] |= {
        "bodySize": 2,
        "postData": {"mimeType": "application/json", "text": text, "params": [], "_file": SENT},
    }
    (tmp_path / "x.har").write_text(json.dumps(document))
    (tmp_path / SENT).write_bytes(b"{}")
    (tmp_path / GOT).write_bytes(b"<p>")
    [entry] = open_source(tmp_path / "x.har")
    assert bodies(entry) == (b"{}", b"<p>")
    assert entry.notes == ()


@pytest.mark.parametrize(
    ("content_type", "attached", "expected"),
    [
        ("text/html; charset=iso-8859-1", "caf\xe9".encode(), b"caf\xe9"),
        ("text/html; charset=iso-8859-1", b"caf\xe9", b"caf\xe9"),
        ("text/plain; charset=utf-16", b"h\0\xe9\0", b"h\0\xe9\0"),
        ("text/html", "caf\xe9".encode(), "caf\xe9".encode()),
        ("image/png", b"\x89PNG\0\xff", b"\x89PNG\0\xff"),
    ],
)
def test_text_in_utf_8(tmp_path: Path, content_type: str, attached: bytes, expected: bytes) -> None:
    """Playwright's files hold text in UTF-8; a plugin decodes it by the charset of the response."""
    document = json.loads(har(sent=None))
    [entry] = document["log"]["entries"]
    entry["response"]["headers"] = [{"name": "Content-Type", "value": content_type}]
    (tmp_path / "x.har").write_text(json.dumps(document))
    (tmp_path / GOT).write_bytes(attached)
    [read] = open_source(tmp_path / "x.har")
    assert bodies(read)[1] == expected


def test_files_named_by_hashes_alone(tmp_path: Path) -> None:
    """Where no HAR file is beside them, such files are inputs like any other."""
    (tmp_path / ("a" * 40 + ".json")).write_bytes(har("", ""))
    [entries] = open_inputs(find_inputs([str(tmp_path)]))
    assert [entry.unit for entry in entries] == ["entry"]


@pytest.mark.parametrize("is_zipped", [True, False])
def test_messages_of_a_websocket(tmp_path: Path, is_zipped: bool) -> None:
    """The file of a WebSocket's messages is no input of its own, and is not called missing."""
    messages = "0123456789abcdef" * 2 + ".jsonl"
    document = json.loads(har())
    [entry] = document["log"]["entries"]
    entry["request"] |= {"method": "GET", "url": "ws://a.test/", "postData": None}
    entry["response"] = {"status": 101, "headers": [], "content": {"size": -1, "_file": messages}}
    files = {"har.har": json.dumps(document).encode(), messages: b'{"type": "send", "data": "hello"}\n'}
    folder = tmp_path / "capture"
    folder.mkdir()
    for name, data in {"x.zip": zipped(files)}.items() if is_zipped else files.items():
        (folder / name).write_bytes(data)
    entries = [one for source in open_inputs(find_inputs([str(folder)])) for one in source]
    assert [one.notes for one in entries] == [(_har_entry.WEBSOCKET_MESSAGES,)]
