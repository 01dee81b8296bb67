"""Where Deno is looked for, in which order, and what is refused."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from isoscan import ConfigError, DenoNotFound, Limits, Permissions, PluginExecutor, PluginMetadata
from isoscan.sandbox.deno import (
    deno_version,
    find_deno,
    generation_command,
    generation_environment,
)


def executable(path: Path, says: str = "deno 2.9.8") -> Path:
    """A program that prints something."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{says}\nEND\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """One Deno in each of the four places."""
    found = {name: executable(tmp_path / name / "deno") for name in ("option", "variable", "wheel", "path")}
    wheel = ModuleType("deno")
    wheel.find_deno_bin = lambda: str(found["wheel"])  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "deno", wheel)
    monkeypatch.setenv("ISOSCAN_DENO", str(found["variable"]))
    monkeypatch.setenv("PATH", str(found["path"].parent))
    return found


def test_order(places: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Option, variable, wheel, PATH; each counts when those before it are absent."""
    assert find_deno(places["option"]) == places["option"]
    assert find_deno() == places["variable"]
    monkeypatch.delenv("ISOSCAN_DENO")
    assert find_deno() == places["wheel"]
    monkeypatch.setitem(sys.modules, "deno", None)
    assert find_deno() == places["path"]


def test_wheel_without_its_binary(places: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel whose binary is gone is passed over."""
    monkeypatch.delenv("ISOSCAN_DENO")
    places["wheel"].unlink()
    assert find_deno() == places["path"]


def test_wheel_that_finds_nothing(places: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """So is a wheel that says it has none."""

    def missing() -> str:
        raise FileNotFoundError

    monkeypatch.delenv("ISOSCAN_DENO")
    monkeypatch.setattr(sys.modules["deno"], "find_deno_bin", missing)
    assert find_deno() == places["path"]


def test_nowhere(places: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names all four places and how to get one."""
    monkeypatch.delenv("ISOSCAN_DENO")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "deno", None)
    with pytest.raises(DenoNotFound) as caught:
        find_deno()
    for place in ("deno=", "ISOSCAN_DENO", "package", "PATH", "pip install"):
        assert place in str(caught.value)


@pytest.mark.parametrize("kind", ["missing", "folder", "not executable"])
def test_what_was_named_must_be_there(places: dict[str, Path], tmp_path: Path, kind: str) -> None:
    """A named binary that cannot be run is an error, no reason to take another one."""
    path = tmp_path / "named"
    if kind == "folder":
        path.mkdir()
    elif kind == "not executable":
        path.write_text("deno")
        path.chmod(0o644)
    with pytest.raises(DenoNotFound, match="named"):
        find_deno(path)


def test_name_without_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of the working folder is that file, not a program of the same name on PATH."""
    here = executable(tmp_path / "here/chosen", "deno 2.9.9")
    executable(tmp_path / "bin/chosen", "deno 2.9.7")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.chdir(here.parent)
    found = find_deno("chosen")
    assert found == here
    assert deno_version(found) == (2, 9, 9)


def test_named_by_the_variable(places: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says that it was the variable that named it."""
    monkeypatch.setenv("ISOSCAN_DENO", "/no/such/deno")
    with pytest.raises(DenoNotFound, match="ISOSCAN_DENO"):
        find_deno()


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ("deno 2.9.8 (stable, release, x86_64-unknown-linux-gnu)\nv8 15", (2, 9, 8)),
        ("deno 2.10.0", (2, 10, 0)),
    ],
)
def test_version(tmp_path: Path, says: str, version: tuple[int, int, int]) -> None:
    """The version is read from the first line."""
    assert deno_version(executable(tmp_path / "deno", says)) == version


@pytest.mark.parametrize("says", ["deno 2.9.7", "deno 2.8.9", "deno 1.46.3", "deno 0.1.0"])
def test_too_old(tmp_path: Path, says: str) -> None:
    """An older Deno is refused with its version and the one needed."""
    with pytest.raises(DenoNotFound) as caught:
        deno_version(executable(tmp_path / "deno", says))
    assert says.split()[1] in str(caught.value)
    assert "2.9.8" in str(caught.value)


@pytest.mark.parametrize("says", ["", "v22.1.0", "Python 3.11", "notdeno 2.9.8", "deno", "deno x.y.z"])
def test_not_deno(tmp_path: Path, says: str) -> None:
    """Another program is refused."""
    with pytest.raises(DenoNotFound, match="not Deno"):
        deno_version(executable(tmp_path / "deno", says))


def test_cannot_be_run(tmp_path: Path) -> None:
    """A file that is no program is a typed error."""
    path = tmp_path / "deno"
    path.write_bytes(b"\x7fELF but not really")
    path.chmod(0o755)
    with pytest.raises(DenoNotFound):
        deno_version(path)


def test_binary_output(tmp_path: Path) -> None:
    """A program that prints bytes that are no text is a typed error."""
    path = tmp_path / "deno"
    path.write_bytes(b"#!/bin/sh\nprintf '\\377\\376\\200'\n")
    path.chmod(0o755)
    with pytest.raises(DenoNotFound):
        deno_version(path)


async def test_start_without_deno(places: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting an executor without any Deno raises the same error and leaves it startable."""
    monkeypatch.setenv("ISOSCAN_DENO", "/no/such/deno")
    executor = PluginExecutor(PluginMetadata(id="p"), "")
    for _ in range(2):
        with pytest.raises(DenoNotFound):
            await executor.start()
    await executor.shutdown()


# ---- command line and environment ----------------------------------------------------


def test_everything_is_denied() -> None:
    """Without a grant every permission is denied by name, and nothing is allowed."""
    command = generation_command(Path("/deno"), Limits(), Permissions())
    for name in ("read", "write", "net", "env", "run", "ffi", "sys", "import"):
        assert f"--deny-{name}" in command
    assert not [word for word in command if word.startswith(("--allow", "-A", "--unstable"))]
    for name in ("--no-prompt", "--no-remote", "--no-npm", "--cached-only", "--no-config", "--no-lock"):
        assert name in command


def test_network_is_granted_as_listed() -> None:
    """A grant names its targets and nothing else is allowed."""
    command = generation_command(Path("/deno"), Limits(), Permissions(net=("a.example:443", "[::1]:80")))
    assert [word for word in command if word.startswith("--allow")] == ["--allow-net=a.example:443,[::1]:80"]
    assert "--deny-net" not in command


def test_heap_limit_is_on_the_command_line() -> None:
    """V8 is told its heap in whole megabytes."""
    limits = Limits(memory_bytes=128 << 20, heap_bytes=48 << 20)
    (flags,) = [w for w in generation_command(Path("/deno"), limits, Permissions()) if "v8-flags" in w]
    assert "--max-heap-size=48," in flags


def test_compiler_is_there_unless_it_is_switched_off() -> None:
    """V8 is told to compile nothing where that is asked for, and only there."""
    for is_jitless in (False, True):
        command = generation_command(Path("/deno"), Limits(is_jitless=is_jitless), Permissions())
        (flags,) = [word for word in command if "v8-flags" in word]
        assert flags.endswith(",--jitless") is is_jitless


def test_no_webassembly_without_compiler() -> None:
    """A grant that V8 would drop in silence is refused."""
    with pytest.raises(ConfigError):
        generation_command(Path("/deno"), Limits(is_jitless=True), Permissions(wasm=True))


def test_environment_holds_nothing_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of this process reaches a generation."""
    monkeypatch.setenv("SECRET_TOKEN", "x")
    environment = generation_environment()
    assert not {"SECRET_TOKEN", "HOME", "PATH", "USER"} & set(environment)
    assert environment["DENO_DIR"].startswith("/dev/null/")


@pytest.mark.parametrize("target", ["a.example:443", "10.0.0.1:1", "[::1]:65535", "localhost:80", "a_b:1"])
def test_good_network_target(target: str) -> None:
    """Host and port, with IPv6 in brackets."""
    assert Permissions(net=(target,)).net == (target,)


@pytest.mark.parametrize(
    "target",
    [
        "",
        "a",
        ":80",
        "a:",
        "a:0",
        "a:65536",
        "a:99999",
        "*:80",
        "*.a:80",
        "a:80,b:90",
        "a:80 ",
        " a:80",
        "http://a:80",
        "a:80/x",
        "[::1]",
        "::1:80",
        "a:80\n",
        "a:-1",
        "a:٣",
        "é:80",
        "--allow-all",
        "a:80\n--allow-run",
    ],
)
def test_bad_network_target(target: str) -> None:
    """Anything else is refused and shown: it ends up on a command line."""
    with pytest.raises(ConfigError):
        Permissions(net=("a:80", target))
