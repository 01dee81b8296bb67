"""What can be said of the sources without running them: tools, layers, sizes, names, builds."""

from __future__ import annotations

import ast
import configparser
import importlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

import pytest

import isoscan
from isoscan import Limits, Permissions
from isoscan.sandbox.deno import RUNTIME, find_deno, generation_command, generation_environment

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/isoscan"
DEADLINE_S = 300.0

pytestmark = pytest.mark.skipif(
    not (ROOT / "pyproject.toml").is_file(), reason="not in the project's own folder"
)


def check(command: list[str | Path], **environment: str) -> str:
    """Runs a tool in the project's folder; fails with all it says."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    if done.returncode != 0:
        pytest.fail(f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}", pytrace=False)
    return done.stdout


# ---- tools ---------------------------------------------------------------------------


def test_ruff_check() -> None:
    """The linter has nothing to say."""
    check([sys.executable, "-m", "ruff", "check", "."])


def test_ruff_format() -> None:
    """The formatter would change nothing."""
    check([sys.executable, "-m", "ruff", "format", "--check", "."])


def test_mypy() -> None:
    """Sources and tests are typed, strictly."""
    check([sys.executable, "-m", "mypy"])


@pytest.fixture(scope="module")
def typescript() -> list[str]:
    """All TypeScript of the project, relative to its folder."""
    folders = ("src", "tests", "examples")
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.ts"))]
    assert len(found) > 20
    return [str(path.relative_to(ROOT)) for path in found]


@pytest.mark.parametrize("arguments", ["check --no-remote --no-npm", "lint", "fmt --check"])
def test_deno(typescript: list[str], tmp_path: Path, arguments: str) -> None:
    """Deno's type checker, linter and formatter agree, without any network."""
    nowhere = "http://127.0.0.1:9"
    # The linter and the formatter take their files from `deno.json`, the type checker must be given them.
    files = typescript if arguments.startswith("check") else []
    check(
        [find_deno(), *arguments.split(), *files],
        DENO_DIR=str(tmp_path),
        DENO_NO_UPDATE_CHECK="1",
        HTTP_PROXY=nowhere,
        HTTPS_PROXY=nowhere,
    )


# ---- what is built -------------------------------------------------------------------


def build_tool() -> ModuleType:
    """`tools/build_runtime.py` as a module."""
    spec = importlib.util.spec_from_file_location("build_runtime", ROOT / "tools/build_runtime.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_runtime_is_built_from_its_sources(tmp_path: Path) -> None:
    """`host.js` is what `tools/build_runtime.py` makes of the TypeScript as it is now."""
    tool = build_tool()
    built = (RUNTIME / "host.js").read_text(encoding="utf-8")
    assert built.splitlines(keepends=True)[0] == tool.header()
    bundled = check([find_deno(), "bundle", "--quiet", RUNTIME / "host.ts"], DENO_DIR=str(tmp_path))
    assert built.endswith(bundled)


@pytest.fixture(scope="module")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Every spelling of every module of Node's that this Deno has."""
    folder = tmp_path_factory.mktemp("builtins")
    script = folder / "list.js"
    script.write_text(
        "import { builtinModules } from 'node:module';\nconsole.log(JSON.stringify(builtinModules));\n",
        encoding="utf-8",
    )
    names = json.loads(check([find_deno(), "run", "--no-config", script], DENO_DIR=str(folder / "deno")))
    assert len(names) > 40
    bare = {name.removeprefix("node:") for name in names} | {"sea", "sqlite", "test", "test/reporters"}
    return sorted(bare | {f"node:{name}" for name in bare})


def test_import_map_names_every_node_module(node_modules: list[str]) -> None:
    """No module of Node's is left out of the map that blocks them."""
    imports = json.loads((RUNTIME / "import_map.json").read_text(encoding="utf-8"))["imports"]
    only_prefixed = {"sea", "sqlite", "test", "test/reporters"}
    assert [name for name in node_modules if name not in imports and name not in only_prefixed] == []


def test_no_node_module_can_be_imported(node_modules: list[str], tmp_path: Path) -> None:
    """With a generation's command line no module of Node's can be imported; without the map many can."""
    script = tmp_path / "try.js"
    script.write_text(
        f"const found = [];\nfor (const name of {json.dumps(node_modules)}) {{\n"
        "  try { await import(name); found.push(name); } catch { /* blocked */ }\n}\n"
        "console.log(JSON.stringify(found));\n",
        encoding="utf-8",
    )
    *command, _ = generation_command(find_deno(), Limits(), Permissions())
    command = [word.replace("/dev/fd/3", str(RUNTIME / "import_map.json")) for word in command]
    unmapped = [word for word in command if not word.startswith("--import-map=")]
    assert len(unmapped) == len(command) - 1
    found = {}
    for name, words in (("blocked", command), ("open", unmapped)):
        done = subprocess.run(
            [*words, str(script)],
            env=generation_environment(),
            cwd="/",
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=True,
        )
        found[name] = json.loads(done.stdout)
    assert found["blocked"] == []
    assert {"node:fs", "node:child_process", "node:worker_threads"} <= set(found["open"])


# ---- layers --------------------------------------------------------------------------

#: Each name may import those of earlier rows only. A folder counts as one name.
LAYERS = (
    {"errors"},
    {"permissions"},
    {"models"},
    {"_ledger", "_lifecycle", "_waiting", "_breaker", "_loop", "_spread", "_balance",
     "alerts", "coverage", "events", "growth", "stats", "sources", "redact",
     "sandbox/deno", "sandbox/assets", "sandbox/frames", "sandbox/imports", "sandbox/linux",
     "sandbox/places", "sandbox/proximity", "sandbox/turns"},
    {"scope", "selection", "baseline"},
    {"record", "triage", "policies", "sandbox/modules", "sandbox/findings", "sandbox/children"},
    {"reports", "store", "plugin_files", "_plugin", "_options", "sandbox/process"},
    {"sandbox/generation", "config"},
    {"_outcomes", "_keeper", "_fan_out", "_calls"},
    {"_dispatch"},
    {"_launcher", "_chronicle"},
    {"_slot", "_stream"},
    {"_snapshot"},
    {"executor"},
    {"pool", "scheduler"},
    {"_crews"},
    {"scanner", "sync"},
    {"__init__"},
    {"bench", "integrations", "kit", "server"},
    {"cli"},
    {"__main__"},
)  # fmt: skip
RANKS = {name: rank for rank, names in enumerate(LAYERS) for name in names}
LEAVES = {"bench", "cli", "kit", "integrations", "server", "__main__"}
#: Beside their own folder, these import only what is named.
NARROW: dict[str, set[str]] = {
    "sources": {"errors", "models"},
    "reports": {"errors", "models", "coverage", "record"},
    "models": {"errors", "permissions"},
    "permissions": {"errors"},
    "errors": set(),
    "_ledger": {"errors", "models"},
    "_lifecycle": {"errors", "models"},
}


def modules() -> Iterator[tuple[str, Path]]:
    """Every module below the package: its name in `LAYERS`, its file."""
    for path in sorted(SOURCE.rglob("*.py")):
        relative = path.relative_to(SOURCE)
        parts = relative.with_suffix("").parts
        if parts[0] == "sandbox" and parts[-1] != "__init__":
            yield "/".join(parts[:2]), path
        elif parts[0] != "sandbox":
            yield parts[0], path


def imported_names(path: Path) -> set[str]:
    """The names in `LAYERS` that a file imports at run time, at its top or inside a function."""
    package = ("isoscan", *path.relative_to(SOURCE).parent.parts)
    found: set[str] = set()
    for node in _run_time_nodes(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            targets = [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = (*base, *(node.module.split(".") if node.module else ()))
            targets = [(*module, alias.name) for alias in node.names]
        else:
            continue
        found.update(_layer_name(target) for target in targets if target[0] == "isoscan")
    return found


def _run_time_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        is_for_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if not is_for_types:
            yield node
            yield from _run_time_nodes(node)


def _layer_name(target: tuple[str, ...]) -> str:
    if len(target) == 1 or (len(target) == 2 and target[1] not in {name.split("/")[0] for name in RANKS}):
        return "__init__"
    return "/".join(target[1:3]) if target[1] == "sandbox" else target[1]


def test_imports_are_read() -> None:
    """The reader of imports sees what is there."""
    assert {"errors", "models", "sandbox/frames", "_ledger"} <= imported_names(
        SOURCE / "sandbox/generation.py"
    )
    assert "cli" in imported_names(SOURCE / "__main__.py")
    assert "__init__" not in imported_names(SOURCE / "executor.py")


def test_imports_point_one_way() -> None:
    """A module imports only what lies below it, and nothing imports the command line."""
    wrong = []
    for name, path in modules():
        assert name in RANKS, f"{name}: say in LAYERS where this module belongs"
        for target in imported_names(path) - {name}:
            is_below = target in RANKS and RANKS[target] < RANKS[name]
            if not is_below or (target in LEAVES and name not in LEAVES):
                wrong.append(f"{name} imports {target}")
    assert sorted(set(wrong)) == []


def test_narrow_modules() -> None:
    """Sources, reports, models and the ledger know hardly anything of the rest."""
    wrong = [
        f"{name} imports {target}"
        for name, path in modules()
        for target in imported_names(path) - {name}
        if name in NARROW and target not in NARROW[name]
    ]
    assert wrong == []


def test_plugins_are_not_python() -> None:
    """The folder of bundled plugins holds no Python."""
    assert list((SOURCE / "plugins").rglob("*.py")) == []


def test_modules_are_small() -> None:
    """No module is longer than 600 lines."""
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in SOURCE.rglob("*")
        if path.suffix in (".py", ".ts")
    }
    assert {name: length for name, length in lengths.items() if length > 600} == {}


# ---- the public surface --------------------------------------------------------------

PUBLIC = {
    "AdaptiveInterval", "Alert", "AlertRule", "AnyOf", "CallerError", "Confidence", "ConfigError",
    "ConsoleLine", "Coverage", "DEFAULT_RULES", "Decision", "Denial", "DenoNotFound", "Determinism",
    "Event", "EventKind",
    "PermissionsWidened", "SandboxUnavailable",
    "ExecutorStateError", "ExecutorStats", "Finding", "GenerationStartError", "HttpRequest",
    "HttpResponse", "HttpTransaction", "InputError", "InvalidFindings", "IsoscanError", "Limits",
    "MaxAge", "MaxExecutions", "MaxMemory", "Percentiles", "Permissions", "PluginCoverage",
    "PluginError", "PluginExecutor", "PluginExecutorPool", "PluginLoadError", "PluginLoadTimeout",
    "PluginMetadata", "PluginQuarantined", "PoolStats", "RestartFailed", "RestartReason",
    "RestartReport", "RestartScheduler", "RuntimeFault", "ScanCrashed", "ScanError", "ScanFailure",
    "ScanInterrupted", "ScanOutOfMemory", "ScanResult", "ScanSkipped", "ScanTimeout", "Scanner",
    "Severity", "Verdict", "json_schema", "scan_with_restart",
}  # fmt: skip


def test_public_names() -> None:
    """The package offers exactly these names, each once."""
    assert set(isoscan.__all__) == PUBLIC
    assert len(isoscan.__all__) == len(set(isoscan.__all__))


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_public_name_is_there(name: str) -> None:
    """A public name can be imported and explains itself."""
    value = getattr(isoscan, name)
    assert value.__doc__
    assert value.__doc__.strip()


def test_every_module_can_be_imported() -> None:
    """No module needs anything that is not a core dependency."""
    for _, path in modules():
        parts = path.relative_to(SOURCE).with_suffix("").parts
        if parts[-1] not in ("__main__", "__init__"):
            importlib.import_module(".".join(("isoscan", *parts)))


def test_import_is_light() -> None:
    """Importing the package loads nothing of it; an executor loads no command line and nothing it needs."""
    code = "import sys, isoscan; print(*sys.modules)"
    assert not {name for name in check([sys.executable, "-c", code]).split() if name.startswith("isoscan.")}
    code = "import sys, isoscan; isoscan.PluginExecutor; print(*sys.modules)"
    loaded = set(check([sys.executable, "-c", code]).split())
    assert {"isoscan.executor", "isoscan.models"} <= loaded
    assert not loaded & {"cyclopts", "rich", "isoscan.cli", "isoscan.sources", "pytest"}


def test_package_is_typed() -> None:
    """Type checkers may use the package's annotations."""
    assert (SOURCE / "py.typed").is_file()


def test_core_dependencies() -> None:
    """What every user must install is exactly this."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [re.split(r"[^A-Za-z0-9._-]", requirement)[0] for requirement in project["dependencies"]]
    assert sorted(names) == ["cyclopts", "deno", "msgspec", "psutil", "rich"]


# ---- what is committed ---------------------------------------------------------------


@pytest.fixture(scope="module")
def committed() -> dict[str, str]:
    """Every committed text file and its content."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    found = {}
    for name in check(["git", "ls-files", "-z"]).split("\0"):
        path = ROOT / name
        if name and path.is_file():
            data = path.read_bytes()
            if b"\0" not in data[:8192]:
                found[name] = data.decode("utf-8", "replace")
    assert "pyproject.toml" in found
    return found


def private_hosts() -> set[str]:
    """The package mirrors this machine is set up with."""
    texts = [
        value
        for name, value in os.environ.items()
        if re.search(r"(?i)index_url|registry|goproxy|(?:http|https|all)_proxy$", name)
    ]
    for path in (Path("/etc/pip.conf"), Path.home() / ".config/pip/pip.conf", Path.home() / ".pip/pip.conf"):
        if path.is_file():
            parser = configparser.ConfigParser(interpolation=None)
            parser.read(path)
            texts += [value for section in parser.values() for value in section.values()]
    urls = re.findall(r"https?://[^\s,|]+", "\n".join(texts))
    hosts = {urlsplit(url).hostname or "" for url in urls}
    public = {"", "pypi.org", "registry.npmjs.org", "jsr.io", "proxy.golang.org", "127.0.0.1", "localhost"}
    return hosts - public


def test_no_machine_in_the_text(committed: dict[str, str]) -> None:
    """No committed file names a folder or a package mirror of the machine it was written on."""
    folders = [f"/{name}/" for name in ("work", "root")] + ["/".join(("", "tmp", "lab"))]
    hosts = [*sorted(private_hosts()), ".".join(("files", "pythonhosted", "org"))]
    pattern = re.compile(
        r"(?<![\w.>)\]}-])(?:" + "|".join(map(re.escape, folders)) + ")|" + "|".join(map(re.escape, hosts))
    )
    found = [
        f"{name}:{number}: {match.group()}"
        for name, text in committed.items()
        for number, line in enumerate(text.splitlines(), 1)
        if (match := pattern.search(line))
    ]
    assert found == []


def test_text_files_are_clean(committed: dict[str, str]) -> None:
    """Line feeds, one at the end, no byte order mark, no stray control character."""
    wrong = [
        name
        for name, text in committed.items()
        if text
        and not name.startswith("tests/unit/sources/data/")  # captures as their tools write them
        and (
            not text.endswith("\n") or text.startswith("\ufeff") or re.search(r"[\r\x00-\x08\x0b\x1b]", text)
        )
    ]
    assert wrong == []
