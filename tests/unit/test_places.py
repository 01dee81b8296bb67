"""From blob URLs to the plugin's own files, lines and columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoscan.sandbox.places import Place, translate

URLS = ["blob:null/1111", "blob:null/2222"]
FILES = ["lib/util.ts", "plugin.ts"]
STACK = (
    "TypeError: no\n"
    "    at helper (blob:null/1111:3:7)\n"
    "    at scan_transaction (blob:null/2222:10:20)\n"
    "    at callPlugin (file:///opt/isoscan/runtime/host.js:5:1)\n"
    "    at ext:core/01_core.js:1:1"
)


def test_blob_urls_become_files() -> None:
    """The stack shows the plugin's names, innermost place first, without the host's frames."""
    shown = translate("TypeError", "no", STACK, URLS, FILES)
    assert shown.place == Place("lib/util.ts", 3, 7)
    assert "plugin.ts:10:20" in shown.stack
    assert "blob:" not in shown.stack
    assert "host.js" not in shown.stack
    assert "ext:" not in shown.stack
    assert shown.message == "TypeError: no"


def test_place_in_the_message() -> None:
    """A syntax error carries its place in the message only."""
    message = "SyntaxError: Unexpected token at blob:null/2222:4:9"
    shown = translate("TypeError", message, "", URLS, FILES)
    assert shown.place == Place("plugin.ts", 4, 9)
    assert shown.message.startswith("SyntaxError: Unexpected token")
    assert "blob:" not in shown.message


def test_no_place_at_all() -> None:
    """A thrown value without a stack has no place and no made-up one."""
    assert translate("", "oops", "", URLS, FILES).place == Place()


@pytest.mark.parametrize(
    ("name", "message", "text"),
    [
        ("RangeError", "too big", "RangeError: too big"),
        ("RangeError", "", "RangeError"),
        ("", "plain", "plain"),
        ("Error", "Error: twice", "Error: twice"),
        ("", "", ""),
    ],
)
def test_name_and_message(name: str, message: str, text: str) -> None:
    """The error's name is put before its message once."""
    assert translate(name, message, "", URLS, FILES).message == text


def test_longer_file_names_win() -> None:
    """`a.ts` is not found inside `lib/a.ts`."""
    shown = translate("E", "m", "at f (blob:null/1:7:8)", ["blob:null/1"], ["lib/a.ts", "a.ts"])
    assert shown.place == Place("lib/a.ts", 7, 8)


def test_fewer_urls_than_files() -> None:
    """A generation that died early may have named only some URLs."""
    assert translate("E", "m", STACK, URLS[:1], FILES).place == Place("lib/util.ts", 3, 7)


@pytest.mark.parametrize("file", ["a+b.ts", "a(1).ts", "[x].ts", "a.b$.ts", "é.ts", "with space.ts"])
def test_file_names_are_no_patterns(file: str) -> None:
    """Any file name is found as it is written."""
    assert translate("E", "m", "at blob:null/9:1:2", ["blob:null/9"], [file]).place == Place(file, 1, 2)


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=200))
def test_anything_is_translated(name: str, message: str, stack: str) -> None:
    """A plugin writes its errors' text itself; none of it raises."""
    shown = translate(name, message, stack, URLS, FILES)
    assert shown.place.line is None or shown.place.file in FILES


@pytest.mark.parametrize(
    "stack",
    ["\n at " * 4000, "plugin.ts:" * 4000, "\n    at x file:///" * 2000, "plugin.ts:" + "9" * 16_000 + ":1"],
)
def test_hostile_stack_is_cheap(stack: str) -> None:
    """A stack made to be slow to search is searched all the same."""
    translate("E", stack, stack[:16_384], URLS, FILES)
