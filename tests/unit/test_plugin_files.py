"""Which files are plugins, and in which order."""

from __future__ import annotations

from pathlib import Path

import pytest

from isoscan import InputError
from isoscan.plugin_files import BUNDLED, bundled_plugins, find_plugins
from isoscan.sandbox.modules import PLUGIN_SUFFIXES


def make(folder: Path, *names: str) -> None:
    """Empty files below a folder."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found(folder: Path, *specs: str) -> list[str]:
    """What is found for specs relative to a folder, relative to it."""
    return [
        path.relative_to(folder).as_posix() for path in find_plugins(f"{folder}/{spec}" for spec in specs)
    ]


@pytest.mark.parametrize("suffix", PLUGIN_SUFFIXES)
def test_file(tmp_path: Path, suffix: str) -> None:
    """A file with a plugin's suffix is a plugin, whatever the case of the suffix."""
    make(tmp_path, f"a{suffix}", f"b{suffix.upper()}")
    assert found(tmp_path, f"a{suffix}") == [f"a{suffix}"]
    assert found(tmp_path, f"b{suffix.upper()}") == [f"b{suffix.upper()}"]
    assert found(tmp_path, "") == [f"a{suffix}", f"b{suffix.upper()}"]


@pytest.mark.parametrize("name", ["_x.ts", ".x.ts", "x.test.ts", "x_test.ts", "x.spec.ts"])
def test_file_by_its_name(tmp_path: Path, name: str) -> None:
    """A file that a folder or glob leaves out is taken when it is named."""
    make(tmp_path, name, "y.ts")
    assert found(tmp_path, name) == [name]
    assert found(tmp_path, "") == ["y.ts"]
    assert found(tmp_path, "*") == ["y.ts"]


@pytest.mark.parametrize("name", ["a.py", "a.json", "a", "ts", "a.ts.txt", "a.wasm"])
def test_other_file(tmp_path: Path, name: str) -> None:
    """A file of another kind is refused by name, with the suffixes there are."""
    make(tmp_path, name)
    with pytest.raises(InputError) as caught:
        found(tmp_path, name)
    assert name in str(caught.value)
    assert ".ts" in str(caught.value)


def test_folder_of_plugins(tmp_path: Path) -> None:
    """A folder holds plugin files and plugin folders, by name; helpers, tests and types are none."""
    make(
        tmp_path,
        "b.ts",
        "a.js",
        "c/plugin.ts",
        "_h.ts",
        ".d.ts",
        "t.d.ts",
        "a.test.ts",
        "a_test.js",
        "a.spec.ts",
    )
    make(
        tmp_path,
        "README.md",
        "d/other.ts",
        "_e/plugin.ts",
        ".f/plugin.ts",
        "g/deep/plugin.ts",
        "z/plugin.mjs",
    )
    assert found(tmp_path, "") == ["a.js", "b.ts", "c/plugin.ts", "z/plugin.mjs"]


def test_folder_that_is_a_plugin(tmp_path: Path) -> None:
    """A folder with a `plugin.ts` is that plugin; the rest are its own files."""
    make(tmp_path, "plugin.ts", "helper.ts", "sub/plugin.ts")
    assert found(tmp_path, "") == ["plugin.ts"]


def test_two_main_files(tmp_path: Path) -> None:
    """TypeScript comes before JavaScript."""
    make(tmp_path, "plugin.js", "plugin.ts")
    assert found(tmp_path, "") == ["plugin.ts"]


def test_folder_called_like_a_file(tmp_path: Path) -> None:
    """A folder named `plugin.ts` or `x.ts` is a folder."""
    make(tmp_path, "plugin.ts/a.js", "x.ts/plugin.ts", "y.ts")
    assert found(tmp_path, "") == ["x.ts/plugin.ts", "y.ts"]


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ("*.ts", ["a.ts", "b.ts"]),
        ("[b]*", ["b.ts"]),
        ("?.ts", ["a.ts", "b.ts"]),
        ("**/*.ts", ["a.ts", "b.ts", "deep/down/plugin.ts", "deep/helper.ts"]),
        ("**/plugin.ts", ["deep/down/plugin.ts"]),
        ("deep/*", ["deep/helper.ts", "deep/down/plugin.ts"]),
        ("dee?", ["deep/down/plugin.ts", "deep/helper.ts"]),
    ],
)
def test_glob(tmp_path: Path, spec: str, names: list[str]) -> None:
    """A glob matches files, and folders for what is in them."""
    make(tmp_path, "a.ts", "b.ts", "_c.ts", "t.d.ts", "note.md", "deep/helper.ts", "deep/down/plugin.ts")
    assert sorted(found(tmp_path, spec)) == sorted(names)


def test_file_with_glob_characters(tmp_path: Path) -> None:
    """A file that is there is that file, even if its name could be a glob."""
    make(tmp_path, "a[1].ts", "a1.ts")
    assert found(tmp_path, "a[1].ts") == ["a[1].ts"]


def test_order_and_doubles(tmp_path: Path) -> None:
    """Plugins come as named; one that is found twice, by whatever way, comes once."""
    make(tmp_path, "a.ts", "b.ts", "sub/c.ts")
    (tmp_path / "link.ts").symlink_to("b.ts")
    (tmp_path / "loop").symlink_to("sub")
    assert found(tmp_path, "b.ts", "", "a.ts", "link.ts") == ["b.ts", "a.ts"]
    assert found(tmp_path, "loop", "sub") == ["loop/c.ts"]


def test_relative_spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Specs may be relative, and stay as they were written."""
    make(tmp_path, "lib/a.ts")
    monkeypatch.chdir(tmp_path)
    assert find_plugins(["lib"]) == [Path("lib/a.ts")]
    assert find_plugins(["./lib/*.ts", "lib/a.ts"]) == [Path("lib/a.ts")]


@pytest.mark.parametrize(
    "spec", ["missing.ts", "missing", "empty", "helpers", "*.mjs", "empty/*", "a.ts/b.ts", "n" * 300, "a\0b"]
)
def test_nothing_found(tmp_path: Path, spec: str) -> None:
    """A spec that finds no plugin is an error that names it, never an empty list or another error."""
    make(tmp_path, "a.ts", "helpers/_a.ts", "helpers/a.d.ts")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError) as caught:
        found(tmp_path, spec)
    assert spec in str(caught.value)


def test_empty_spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty spec is a mistake, such as an unset variable, and not the current folder."""
    make(tmp_path, "a.ts")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        find_plugins([""])
    assert find_plugins(["."]) == [Path("a.ts")]


def test_one_wrong_spec(tmp_path: Path) -> None:
    """A good spec does not hide a wrong one."""
    make(tmp_path, "a.ts")
    with pytest.raises(InputError, match="missing"):
        found(tmp_path, "a.ts", "missing.ts")


def test_unreadable_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that may not be read is an `InputError` too."""

    def refuse(path: Path) -> list[Path]:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(InputError, match="ermission"):
        found(tmp_path, "")


def test_broken_link(tmp_path: Path) -> None:
    """A link that leads nowhere is no plugin."""
    make(tmp_path, "a.ts")
    (tmp_path / "b.ts").symlink_to("gone.ts")
    assert found(tmp_path, "") == ["a.ts"]
    with pytest.raises(InputError):
        found(tmp_path, "b.ts")


def test_bundled_plugins() -> None:
    """The bundled plugins are folders with a main file."""
    plugins = bundled_plugins()
    assert len(plugins) >= 8
    assert {path.name for path in plugins} == {"plugin.ts"}
    assert plugins == sorted(BUNDLED.glob("*/plugin.ts"))
