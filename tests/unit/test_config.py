"""The configuration file: found, read, checked, merged; every mistake named with its place."""

from __future__ import annotations

import inspect
import os
from datetime import date
from pathlib import Path
from typing import Any, get_args

import jsonschema
import msgspec
import pytest

from isoscan.cli import app as cli
from isoscan.config import Config, PluginTable, config_schema, effective, find_config, load, read_config
from isoscan.config import schema as config_module
from isoscan.errors import ConfigError
from isoscan.models import MIB, Limits, SandboxLevel
from isoscan.reports.formats import FORMATS

FULL = """\
plugin = ["mine/*.ts"]
select = ["tag:xss", "cors"]
exclude = ["severity:info"]
format = "jsonl"
output = ["out.jsonl"]
fail_on = "high"
timeout_s = 2
memory = "256MB"
allow = ["wasm"]
sandbox = "available"
redact = true
baseline = "known.json"
new_only = true
db = "results.db"
store = true
resume = false

[scope]
hosts = ["*.example.com", "!ads.example.com"]
paths = ["/api/*"]
types = ["text/*"]
statuses = [200, "3xx"]
methods = ["GET"]
max_body = "5MB"

[plugins.cors]
timeout_s = 1.5
memory = "300MB"
allow = ["net=api.example.com:443"]
options = { origins = ["https://example.com"] }

[plugins."other one"]
enabled = false

[[suppressions]]
plugin = "cors"
host = "*.example.com"
reason = "the gateway answers"
until = 2027-01-31
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, which is also where looking for files ends."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, text: str, name: str = "isoscan.toml") -> Path:
    """A file in the folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


# ---- the schema ----------------------------------------------------------------------


def test_everything_at_once(folder: Path) -> None:
    """A file that uses every key becomes the values it names, with the lines they stand in."""
    write(folder, FULL)
    found = load()
    config = found.config
    assert (config.select, config.fail_on, config.timeout_s) == (["tag:xss", "cors"], "high", 2.0)
    assert config.scope.statuses == [200, "3xx"]
    assert config.plugins["cors"].options == {"origins": ["https://example.com"]}
    assert config.suppressions[0].until == date(2027, 1, 31)
    origins = {setting.key: setting.origin for setting in found.settings()}
    assert origins["plugin"] == "isoscan.toml:1"
    assert origins["scope.max_body"] == "isoscan.toml:24"
    assert origins["plugins.cors.memory"] == "isoscan.toml:28"
    assert origins['plugins."other one".enabled'] == "isoscan.toml:33"
    assert origins["suppressions[0].reason"] == "isoscan.toml:38"


def test_schema_accepts_what_is_accepted(folder: Path) -> None:
    """The printed schema is valid, takes the full example and refuses an unknown key."""
    schema = config_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    found = read_config(write(folder, FULL)).table
    found["suppressions"][0]["until"] = "2027-01-31"
    assert list(validator.iter_errors(found)) == []
    assert not validator.is_valid({"timout_s": 3})
    assert not validator.is_valid({"suppressions": [{"plugin": "cors"}]})


def test_every_option_of_run_has_a_key() -> None:
    """What can be said on the command line can be kept in the file, but for what is done once."""
    once = {"inputs", "config", "no_config", "write_baseline", "watch", "inspect", "profile", "console"}
    options = {
        f"--{name.replace('_', '-')}" for name in inspect.signature(cli.run).parameters if name not in once
    }
    keys: dict[str, Any] = {}
    for kind in (Config, config_module.ScopeTable):
        for field in msgspec.structs.fields(kind):
            extra = get_args(field.type)[1].extra or {}
            if "option" in extra:
                keys[extra["option"]] = field
    assert set(keys) == options


def test_names_of_choices_are_the_same_everywhere() -> None:
    """The command line, the file and the code name the same formats, severities and levels."""
    assert get_args(cli.FormatName) == get_args(config_module.FormatName) == FORMATS
    assert get_args(cli.SeverityName) == get_args(config_module.SeverityName)
    assert get_args(cli.SandboxName) == get_args(SandboxLevel)


# ---- where the file is ---------------------------------------------------------------


def test_nothing_is_there(folder: Path) -> None:
    """Without a file all values are defaults."""
    found = load()
    assert found.file is None
    assert {setting.origin for setting in found.settings()} == {"default"}
    assert found.config == Config()


@pytest.mark.parametrize("below", ["", "a", "a/b/c"])
def test_nearest_above(folder: Path, monkeypatch: pytest.MonkeyPatch, below: str) -> None:
    """A file in the folder or above counts, and is named as seen from here."""
    write(folder, "timeout_s = 2")
    (folder / below).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(folder / below)
    found = load()
    assert found.config.timeout_s == 2
    assert found.file is not None
    assert found.file.name == os.path.join(*[".."] * len(Path(below).parts), "isoscan.toml")  # noqa: PTH118


def test_the_nearest_wins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file further up is not read, not even to be found broken."""
    write(folder, "= broken")
    write(folder, "timeout_s = 3", "a/isoscan.toml")
    monkeypatch.chdir(folder / "a")
    assert load().config.timeout_s == 3


def test_nothing_above_a_repository(tmp_path: Path) -> None:
    """The search ends at the folder that holds `.git`."""
    write(tmp_path, "timeout_s = 2")
    inner = tmp_path / "project"
    (inner / ".git").mkdir(parents=True)
    assert find_config(inner) is None
    (inner / ".git").rmdir()
    assert find_config(inner) is not None


def test_nothing_above_home(tmp_path: Path) -> None:
    """The search ends at the home folder."""
    write(tmp_path, "timeout_s = 2")
    (tmp_path / "home/work").mkdir(parents=True)
    assert find_config(tmp_path / "home/work", tmp_path / "home") is None


def test_pyproject(folder: Path) -> None:
    """The table of a pyproject.toml counts, with the lines of that file."""
    write(folder, "[project]\nname = 'x'\n[tool.isoscan]\ntimeout_s = 4\n", "pyproject.toml")
    found = load()
    assert found.config.timeout_s == 4
    assert found.place("timeout_s") == "pyproject.toml:4: timeout_s"


@pytest.mark.parametrize("text", ["", "[project]\nname = 'isoscan'\n", "[tool.ruff]\nx = 'isoscan'\n"])
def test_pyproject_without_the_table(folder: Path, text: str) -> None:
    """A pyproject.toml that does not configure isoscan is passed over, and the search goes on."""
    write(folder, text, "pyproject.toml")
    assert load().file is None


def test_own_file_wins_and_says_so(folder: Path) -> None:
    """Of two files in one folder isoscan.toml counts; the other is named."""
    write(folder, "timeout_s = 2")
    write(folder, "[tool.isoscan]\ntimeout_s = 4\n", "pyproject.toml")
    found = load()
    assert found.config.timeout_s == 2
    assert found.file is not None
    assert found.file.ignored == "[tool.isoscan] of pyproject.toml"


def test_named_file(folder: Path) -> None:
    """A file that is named is read instead of the one that would be found."""
    write(folder, "timeout_s = 2")
    path = write(folder, "timeout_s = 7", "other/ci.toml")
    assert load(str(path)).config.timeout_s == 7
    assert load(is_wanted=False).config.timeout_s == 5


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give a file away")
def test_file_of_somebody_else(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another user left in a folder above is refused, unless it is named."""
    path = write(folder, "timeout_s = 2")
    os.chown(path, 12345, 12345)
    (folder / "mine").mkdir()
    monkeypatch.chdir(folder / "mine")
    with pytest.raises(ConfigError, match=r"isoscan\.toml: belongs to another user.*--config"):
        load()
    assert load(str(path)).config.timeout_s == 2
    os.chown(folder / "mine", 12345, 12345)
    assert load().config.timeout_s == 2


# ---- what is wrong with it -----------------------------------------------------------

WRONG = [
    pytest.param("timout_s = 3", 1, ["timout_s", "did you mean timeout_s?"], id="typo"),
    pytest.param("frobnicate = 3", 1, ["frobnicate", "there is ", "timeout_s"], id="nothing like it"),
    pytest.param(
        "\n\n[scope]\nhost = ['a']", 4, ["scope.host ", "did you mean hosts?"], id="typo in a table"
    ),
    pytest.param("[plugins.x]\nmemry = '1GB'", 2, ["plugins.x.memry", "memory"], id="typo for a plugin"),
    pytest.param("timeout_s = '5s'", 1, ["timeout_s", "'5s'", "a number"], id="text for a number"),
    pytest.param("timeout_s = true", 1, ["timeout_s", "true", "a number"], id="boolean for a number"),
    pytest.param("timeout_s = 0", 1, ["timeout_s", "0.001"], id="too small"),
    pytest.param("timeout_s = nan", 1, ["timeout_s", "nan"], id="not a number"),
    pytest.param("timeout_s = inf", 1, ["timeout_s", "inf"], id="infinite"),
    pytest.param(f"timeout_s = {'9' * 400}", 1, ["timeout_s"], id="huge integer"),
    pytest.param("timeout_s = 1e999", 1, ["timeout_s"], id="huge float"),
    pytest.param(
        "[plugins.x]\nmax_findings = 99999999999999999999", 2, ["max_findings"], id="beyond 64 bits"
    ),
    pytest.param(f"timeout_s = {'9' * 5000}", None, ["too long"], id="thousands of digits"),
    pytest.param("memory = 512", 1, ["memory", "512", "a text"], id="number for a size"),
    pytest.param("memory = 'lots'", 1, ["memory", "'lots'", "256MB"], id="no size"),
    pytest.param("memory = '1KB'", 1, ["memory", "1024"], id="too little memory"),
    pytest.param("memory = '9999999TB'", 1, ["memory", "more than any machine"], id="too much memory"),
    pytest.param("redact = 'yes'", 1, ["redact", "true or false"], id="text for a boolean"),
    pytest.param("fail_on = 'hihg'", 1, ["fail_on", "did you mean high?"], id="typo in a choice"),
    pytest.param("fail_on = 3", 1, ["fail_on", "one of info, low"], id="number for a choice"),
    pytest.param("format = 'xml'", 1, ["format", "one of", "jsonl"], id="no format"),
    pytest.param("output = 'a.html'", 1, ["output", "a list"], id="text for a list"),
    pytest.param("output = [\n 'a',\n 3,\n]", 3, ["output[1]", "number 3"], id="wrong element"),
    pytest.param("allow = ['everything']", 1, ["allow", "everything", "net=HOST:PORT"], id="no permission"),
    pytest.param("allow = ['net=*.x:443']", 1, ["allow net", "*.x:443"], id="wildcard permission"),
    pytest.param("select = ['severity:awful']", 1, ["select", "awful", "critical"], id="no severity"),
    pytest.param("select = ['colour:red']", 1, ["select", "colour:red", "tag:"], id="no trait"),
    pytest.param("exclude = ['tag:']", 1, ["exclude", "tag:"], id="empty pattern"),
    pytest.param("scope = 3", 1, ["scope", "a table"], id="number for a table"),
    pytest.param("[scope]\nstatuses = ['ok']", 2, ["scope.statuses", "'ok'", "4xx"], id="no status"),
    pytest.param("[scope]\nstatuses = ['300-200']", 2, ["scope.statuses", "300-200"], id="backwards"),
    pytest.param("[scope]\nstatuses = [1.5]", 2, ["scope.statuses[0]", "1.5"], id="half a status"),
    pytest.param("[scope]\npaths = ['api']", 2, ["scope.paths", "'api'", "/api/*"], id="no path"),
    pytest.param("[scope]\nhosts = ['http://a']", 2, ["scope.hosts", "http://a"], id="URL for a host"),
    pytest.param("[scope]\nhosts = ['!']", 2, ["scope.hosts", "empty"], id="empty exclusion"),
    pytest.param("[scope]\ntypes = ['html']", 2, ["scope.types", "'html'", "text/html"], id="no type"),
    pytest.param("[scope]\nmax_body = 'big'", 2, ["scope.max_body", "'big'"], id="no body size"),
    pytest.param("plugins = ['x']", 1, ["plugins", "a table"], id="list of plugins"),
    pytest.param("[plugins]\ncors = false", 2, ["plugins.cors", "false", "a table"], id="no plugin table"),
    pytest.param("[plugins.x]\noptions = [1]", 2, ["plugins.x.options", "a table"], id="list of options"),
    pytest.param(
        "[plugins.x]\noptions = { day = 2027-01-31 }", 2, ["options", "a date"], id="date in options"
    ),
    pytest.param("[plugins.x]\noptions = { n = nan }", 2, ["options", "nan"], id="no number in options"),
    pytest.param(
        "[plugins.x]\noptions = { n = 9007199254740993 }", 2, ["options", "9007199254740993"], id="too exact"
    ),
    pytest.param("suppressions = 'x'", 1, ["suppressions", "a list of tables"], id="text for tables"),
    pytest.param("[[suppressions]]\nplugin = 'x'", 1, ["suppressions[0]", "reason"], id="missing reason"),
    pytest.param(
        "[[suppressions]]\nplugin='x'\nreason=' '", 1, ["suppressions[0]", "reason"], id="empty reason"
    ),
    pytest.param(
        "[[suppressions]]\nreason='x'", 1, ["suppressions[0]", "everything", "plugin"], id="no criterion"
    ),
    pytest.param(
        "[[suppressions]]\nplugin='a'\nreason='x'\n[[suppressions]]\nplugin='b'\nreason='x'\nuntil='soon'",
        7,
        ["suppressions[1].until", "'soon'", "2027-01-31"],
        id="bad date",
    ),
    pytest.param(
        "[[suppressions]]\nplugin='a'\nreason='x'\nuntil=2027-02-31", 4, ["valid TOML"], id="no such day"
    ),
    pytest.param(
        "[[suppressions]]\nplugin='a'\nreason='x'\nuntil=2027-01-31T10:00:00",
        4,
        ["until", "a time"],
        id="hour",
    ),
    pytest.param(
        "[[suppressions]]\nfingerprint='12'\nreason='x'", 1, ["32 hex digits"], id="bad fingerprint"
    ),
    pytest.param("timeout_s = \n", 1, ["not valid TOML"], id="no value"),
    pytest.param("a = 1\nb = [1,\n", 2, ["not valid TOML", "end of the file"], id="unfinished"),
    pytest.param("a = 1\na = 2\n", 2, ["not valid TOML"], id="twice"),
    pytest.param(f"a = {'[' * 5000}", None, ["nested too deeply"], id="nested"),
]


@pytest.mark.parametrize(("text", "line", "words"), WRONG)
def test_wrong_file(folder: Path, text: str, line: int | None, words: list[str]) -> None:
    """The message begins with file and line, and names key, value and what is expected."""
    write(folder, text)
    with pytest.raises(ConfigError) as caught:
        load()
    message = str(caught.value)
    assert message.startswith("isoscan.toml:" if line is None else f"isoscan.toml:{line}:")
    for word in words:
        assert word in message
    assert "\n" not in message
    assert len(message) < 600


def test_all_mistakes_at_once(folder: Path) -> None:
    """Several mistakes are named together, in the order of the file; of many only the first."""
    write(folder, "memory = 'x'\ntimout_s = 1\n[scope]\nhost = 1\n")
    with pytest.raises(ConfigError) as caught:
        load()
    assert [line.split(":")[1] for line in str(caught.value).splitlines()] == ["1", "2", "4"]
    write(folder, "".join(f"key{number} = 1\n" for number in range(50)))
    with pytest.raises(ConfigError, match="… and 40 more"):
        load()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"timeout_s = 1\n# caf\xe9\n", ["isoscan.toml:2:", "UTF-8"]),
        ("timeout_s = 1".encode("utf-16"), ["isoscan.toml:1:", "UTF-8"]),
        (b"#" * (1024 * 1024 + 1), ["isoscan.toml:", "1 MiB"]),
        (b"timeout_s = 1\0\n", ["isoscan.toml:1:", "not valid TOML"]),
    ],
)
def test_wrong_bytes(folder: Path, data: bytes, words: list[str]) -> None:
    """What is no text in UTF-8 is refused, with the line."""
    (folder / "isoscan.toml").write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        load()
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("data", [b"\xef\xbb\xbftimeout_s = 3\r\n", b"\r\ntimeout_s = 3\r\n", b"timeout_s=3"])
def test_texts_of_all_systems(folder: Path, data: bytes) -> None:
    """A byte order mark, carriage returns and a missing last line feed do not matter."""
    (folder / "isoscan.toml").write_bytes(data)
    assert load().config.timeout_s == 3


def test_unreadable(folder: Path) -> None:
    """What is named and cannot be read is an error: missing, a folder, a broken link."""
    with pytest.raises(ConfigError, match=r"nothing\.toml: cannot be read"):
        load("nothing.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(str(folder))
    (folder / "isoscan.toml").symlink_to("nowhere")
    with pytest.raises(ConfigError, match=r"isoscan\.toml: cannot be read"):
        load()
    with pytest.raises(ConfigError, match=r"\[tool\.isoscan\]"):
        load(str(write(folder, "[project]\nname='x'\n", "pyproject.toml")))
    with pytest.raises(ConfigError, match="--no-config"):
        load("isoscan.toml", is_wanted=False)


def test_wrong_pyproject(folder: Path) -> None:
    """Mistakes in the table of a pyproject.toml have that file's lines; so has a table that is none."""
    write(folder, "[project]\nname = 'x'\n\n[tool.isoscan.scope]\nhost = []\n", "pyproject.toml")
    with pytest.raises(ConfigError, match=r"^pyproject\.toml:5: scope\.host "):
        load()
    write(folder, "[tool]\nisoscan = 3\n", "pyproject.toml")
    with pytest.raises(ConfigError, match=r"^pyproject\.toml:2: tool\.isoscan must be a table"):
        load()


# ---- what holds ----------------------------------------------------------------------


def test_command_line_wins(folder: Path) -> None:
    """Defaults give way to the file, the file to the command line; None is not given."""
    write(folder, "timeout_s = 2\nmemory = '300MB'\n[scope]\nhosts = ['a']\npaths = ['/x']\n")
    found = load(given={"timeout_s": 1.0, "memory": None, "scope.hosts": ["b"], "store": False})
    assert (found.config.timeout_s, found.config.memory, found.config.store) == (1.0, "300MB", False)
    assert (found.config.scope.hosts, found.config.scope.paths) == (["b"], ["/x"])
    origins = {setting.key: setting.origin for setting in found.settings()}
    assert origins["timeout_s"] == origins["scope.hosts"] == origins["store"] == "command line"
    assert (origins["memory"], origins["sandbox"]) == ("isoscan.toml:2", "default")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"timeout_s": 0.0}, "--timeout is 0.0: must be between"),
        ({"memory": "lots"}, "--memory is 'lots'"),
        ({"allow": ["net=x"]}, "--allow net has 'x'"),
        ({"scope.statuses": ["ok"]}, "--scope-status has 'ok'"),
        ({"scope.max_body": "big"}, "--scope-max-body is 'big'"),
        ({"select": ["colour:red"]}, "--select has 'colour:red'"),
    ],
)
def test_wrong_option(given: dict[str, Any], message: str) -> None:
    """A wrong value of the command line is named by its option."""
    with pytest.raises(ConfigError) as caught:
        effective(None, given)
    assert str(caught.value).startswith(message)


def test_settings_of_plugins(folder: Path) -> None:
    """A plugin's table counts more than the rest of the file, and less than the command line."""
    write(
        folder,
        "timeout_s = 2\nallow = ['wasm']\n[plugins.a]\ntimeout_s = 9\nmemory = '1GB'\nmax_findings = 3\n"
        "regexp_backtracks = 1000\nis_jitless = true\nallow = ['net=x.example:1']\noptions = { a = 1 }\n",
    )
    own, other = load().options_of("a"), load().options_of("b")
    assert own["limits"] == Limits(
        timeout_s=9, memory_bytes=1024 * MIB, max_findings=3, regexp_backtracks=1000, is_jitless=True
    )
    assert own["config"] == {"a": 1}
    assert own["permissions"] is not None
    assert own["permissions"].net == ("x.example:1",)
    assert other["limits"] == Limits(timeout_s=2)
    assert other["permissions"] is not None
    assert other["permissions"].wasm
    given = load(given={"timeout_s": 1.0, "memory": "256MB", "allow": []}).options_of("a")
    assert given["limits"] == Limits(
        timeout_s=1, memory_bytes=256 * MIB, max_findings=3, regexp_backtracks=1000, is_jitless=True
    )
    assert not given["permissions"]


def test_paths_are_relative_to_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files and plugins are found from wherever isoscan is started; `-` and absolute paths stay."""
    text = (
        "plugin = ['p/*.ts', '/abs/x.ts']\noutput = ['-', 'out.html']\nbaseline = 'known.json'\ndb = 'r.db'\n"
    )
    write(folder, text)
    (folder / "deep[1]/er").mkdir(parents=True)
    monkeypatch.chdir(folder / "deep[1]")
    config = load().config
    assert config.plugin == ["../p/*.ts", "/abs/x.ts"]
    assert config.output == ["-", "../out.html"]
    assert (config.baseline, config.db) == ("../known.json", "../r.db")
    assert load(given={"output": ["here.html"]}).config.output == ["here.html"]
    monkeypatch.chdir(folder)
    write(folder, text, "deep[1]/isoscan.toml")
    assert load("deep[1]/isoscan.toml").config.plugin[0] == "deep[[]1]/p/*.ts"


def test_plugin_table_names_limits() -> None:
    """Every key that is marked as a limit is one."""
    for field in msgspec.structs.fields(PluginTable):
        if (get_args(field.type)[1].extra or {}).get("limit"):
            assert field.name in Limits.__struct_fields__
