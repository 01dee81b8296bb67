"""What files, folders, globs and `-` on a command line stand for."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from isoscan.errors import InputError
from isoscan.sources import Entry, Input, find_inputs, inputs, open_inputs

LINE = b'{"request": {"method": "GET", "url": "https://a.test/"}}\n'
HAR = b'{"log": {"entries": [{"request": {"method": "GET", "url": "https://a.test/"}}]}}'


@pytest.fixture(autouse=True)
def captures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of captures and other things, where the tests work."""
    monkeypatch.chdir(tmp_path)
    for name, data in {
        "one.har": HAR,
        "day/b.jsonl": LINE,
        "day/a.har": HAR,
        "day/notes.txt": b"call Bob",
        "day/sub/c.har": HAR,
        "day/.hidden.har": HAR,
        "day/.git/d.har": HAR,
        "odd[1].har": HAR,
        "other/readme.md": b"# nothing",
        "other/empty.har": b"",
    }.items():
        Path(name).parent.mkdir(exist_ok=True, parents=True)
        Path(name).write_bytes(data)
    Path("nothing/below").mkdir(parents=True)
    return tmp_path


def paths(*names: str) -> list[str]:
    """The paths that these names stand for."""
    return [one.path for one in find_inputs(names)]


def read(*names: str) -> list[Entry]:
    """The entries of what these names stand for."""
    return [entry for source in open_inputs(find_inputs(names)) for entry in source]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["one.har"], ["one.har"]),
        (["-"], ["-"]),
        (["missing.har"], ["missing.har"]),
        (["day"], ["day/a.har", "day/b.jsonl", "day/notes.txt", "day/sub/c.har"]),
        (["day/"], ["day/a.har", "day/b.jsonl", "day/notes.txt", "day/sub/c.har"]),
        (["*.har"], ["odd[1].har", "one.har"]),
        (["day/*.[jh]*"], ["day/a.har", "day/b.jsonl"]),
        (["d?y/sub"], ["day/sub/c.har"]),
        (["**/c.har"], ["day/sub/c.har"]),
        (["odd[1].har"], ["odd[1].har"]),
        (["one.har", "*.har"], ["one.har", "odd[1].har"]),
        (["day/sub/c.har", "day"], ["day/sub/c.har", "day/a.har", "day/b.jsonl", "day/notes.txt"]),
        (["day/sub", "day/sub"], ["day/sub/c.har"]),
    ],
)
def test_names_stand_for_files(names: list[str], found: list[str]) -> None:
    """Files as named, folders with all below them in order, globs in order, each file once."""
    assert paths(*names) == found


def test_absolute_names(captures: Path) -> None:
    """Folders and globs may be absolute; the same file by another name is still the same."""
    assert paths(str(captures / "day" / "sub"), "day/sub") == [str(captures / "day" / "sub" / "c.har")]
    assert paths(str(captures / "*.har"))[0] == str(captures / "odd[1].har")


def test_links(captures: Path) -> None:
    """A link to a file is that file; links to folders are not followed, so none is walked for ever."""
    Path("day/sub/link.har").symlink_to("../../one.har")
    Path("day/sub/up").symlink_to("..")
    Path("day/sub/broken.har").symlink_to("missing")
    assert paths("day/sub") == ["day/sub/c.har", "day/sub/link.har"]
    assert paths("one.har", "day/sub") == ["one.har", "day/sub/c.har"]


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["nope*"], "nope*: no file matches"),
        (["nothing"], "nothing: the folder holds no files"),
        ([""], "empty"),
        (["one.har", "./one.har"], "./one.har: the same input is named twice"),
        (["-", "-"], "-: the same input is named twice"),
    ],
)
def test_names_that_find_nothing(names: list[str], problem: str) -> None:
    """A name without a file behind it, or given twice, is a mistake that is named."""
    with pytest.raises(InputError) as caught:
        find_inputs(names)
    assert problem in str(caught.value)


def test_folder_with_other_files() -> None:
    """What is no capture in a folder is named, and nothing was missed by leaving it out."""
    entries = read("day")
    assert [(entry.source, entry.unit) for entry in entries] == [
        ("day/a.har", "entry"),
        ("day/b.jsonl", "line"),
        ("day/notes.txt", "file"),
        ("day/sub/c.har", "entry"),
    ]
    notes = entries[2]
    assert (notes.place, notes.is_out_of_scope) == ("day/notes.txt", True)
    assert notes.problem is not None
    assert notes.problem.startswith("is text")


def test_damaged_file_in_a_folder() -> None:
    """A damaged capture in a folder is a rejected entry; the files behind it are read."""
    Path("day/a.har").write_bytes(HAR + HAR[:-2])
    entries = read("day")
    assert [(entry.source, entry.unit, entry.is_out_of_scope) for entry in entries[:4]] == [
        ("day/a.har", "entry", False),
        ("day/a.har", "entry", False),
        ("day/a.har", "file", False),
        ("day/b.jsonl", "line", False),
    ]
    assert "JSON is truncated at byte" in (entries[2].problem or "")
    assert not (entries[2].problem or "").startswith("day")


def test_file_that_vanished_from_a_folder() -> None:
    """A file that cannot be opened when its turn comes is a rejected entry."""
    sources = open_inputs(find_inputs(["day"]))
    Path("day/b.jsonl").unlink()
    [gone] = [entry for entry in sources[0] if entry.source == "day/b.jsonl"]
    assert (gone.problem, gone.is_out_of_scope) == ("no such file", False)


def test_folder_without_a_capture() -> None:
    """A folder in which nothing can be read is an error that gives an example."""
    with pytest.raises(
        InputError, match=r"other: none of the 2 files in it is a capture: other/empty.har is empty"
    ):
        read("other")


@pytest.mark.parametrize("name", ["day/notes.txt", "missing.har", "other/empty.har", "day/n*.txt"])
def test_named_files_must_be_captures(name: str) -> None:
    """A file that was named itself, or by a glob, is refused before anything is read."""
    found = find_inputs(["one.har", name])
    with pytest.raises(InputError):
        open_inputs(found)


def test_more_files_than_can_be_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind the first hundred, files are opened when their turn comes."""
    monkeypatch.setattr(inputs, "_OPENED_AT_ONCE", 2)
    sources = open_inputs([Input("one.har"), Input("day/a.har"), Input("missing.har")])
    assert len([*sources[0], *sources[1]]) == 2
    with pytest.raises(InputError, match="no such file"):
        list(sources[2])


def test_standard_input_beside_files() -> None:
    """`-` may stand anywhere between files."""
    sources = open_inputs(find_inputs(["one.har", "-"]), stdin=io.BytesIO(LINE))
    assert [entry.source for source in sources for entry in source] == ["one.har", "-"]


@pytest.mark.parametrize("url", ["https://a.test/", "http://ann:secret@a.test/?q=1"])
def test_a_url_is_no_input(url: str) -> None:
    """Who names a site to scan is told to record it, without its password on the terminal."""
    with pytest.raises(InputError, match=r"//a\.test/: is a URL; .* record") as caught:
        find_inputs([url])
    assert "secret" not in str(caught.value)


def test_hostile_names_in_a_folder() -> None:
    """A file name cannot write to a terminal."""
    Path("bad").mkdir()
    Path("bad/\x1b[2Jx.har").write_bytes(HAR)
    Path("bad/\x1b[2Jy.har").write_bytes(HAR[:-5])
    entries = read("bad")
    assert {entry.source for entry in entries} == {"bad/?[2Jx.har", "bad/?[2Jy.har"}
    assert all((entry.source + (entry.problem or "")).isprintable() for entry in entries)
