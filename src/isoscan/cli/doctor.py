"""`isoscan doctor`: which layers of the sandbox hold on this system, each tried out."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..errors import IsoscanError
from ..executor import PluginExecutor
from ..models import HttpRequest, HttpTransaction, Limits, PluginMetadata, SandboxLevel
from ..permissions import Permissions
from ..reports.text import printable
from ..sandbox.children import DESCRIPTORS
from ..sandbox.deno import (
    ENVIRONMENT_VARIABLE,
    _wheel_binary,
    deno_version,
    find_deno,
    generation_command,
    generation_environment,
)
from .canaries import CANARIES, Outcome, fly
from .exits import Exit
from .output import write_stdout

_PROBE_TIMEOUT_S = 20.0
_PIPE_WIDTH = 160
_NO_LIMIT_FROM = 1 << 60
#: What each layer of the operating system is for, and what to do when a required one is missing.
_LAYERS = {
    "limits": ("no core file, no file written, 64 descriptors", "raise the hard limits of this user"),
    "capabilities": ("no right of root is left", "let this process drop its capabilities"),
    "no_new_privs": ("no program gives rights back", "use Linux 3.5 or newer"),
    "pdeathsig": ("ends with its owner, also by SIGKILL", "run isoscan in the process that stays"),
    "landlock_files": (
        "no file but the runtime can be opened",
        "use Linux 5.13 or newer with landlock among its lsm=; in a container, a seccomp profile "
        "that allows the landlock calls (Docker 23 and newer do)",
    ),
    "seccomp": (
        "no sockets, processes, mounts, about 190 calls less",
        "use Linux on x86-64 or aarch64 with CONFIG_SECCOMP_FILTER",
    ),
    "landlock_net": ("with network: the granted ports only", "use Linux 6.7 or newer"),
    "landlock_scope": ("no signal to any other process", "use Linux 6.12 or newer"),
    "uid": ("another user than root's", ""),
    "oom_score": ("the kernel takes a generation first", ""),
}

State = Literal["active", "missing", "ok", "failed", "stopped", "NOT STOPPED", "not run", "info"]


class Check(Struct, frozen=True):
    """One line of the report."""

    part: Literal["deno", "sandbox", "system", "canary"]
    name: str
    state: State
    detail: str
    is_required: bool = False


class Report(Struct, frozen=True):
    """All that was found. `level` is the strongest `sandbox=` that holds; None when none does."""

    level: SandboxLevel | None
    exit_code: int
    conclusion: str
    fix: str
    checks: list[Check]


class _Trial(Struct, frozen=True):
    """A generation that was asked for under some level."""

    level: SandboxLevel
    problem: str = ""
    layers: tuple[str, ...] = ()


def doctor_command(form: Literal["table", "json"]) -> int:
    """Tries everything out and prints the report; the exit code says what holds."""
    logging.getLogger("isoscan").addHandler(logging.NullHandler())  # what it would say stands in the report
    report = asyncio.run(examine())
    if form == "json":
        write_stdout(msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n")
    else:
        write_stdout(_table(report))
    return report.exit_code


async def examine() -> Report:
    """The whole examination. Whatever is missing is a line of the report, never an exception."""
    checks = _system()
    try:
        deno = find_deno()
        version = ".".join(map(str, deno_version(deno)))
    except IsoscanError as error:
        checks.insert(0, Check("deno", "binary", "failed", str(error), is_required=True))
        named = os.environ.get(ENVIRONMENT_VARIABLE)
        fix = "pip install 'deno>=2.9.8,<2.10'" + (f", or unset {ENVIRONMENT_VARIABLE}" if named else "")
        return Report(None, Exit.USAGE, "nothing can run here: no usable Deno", fix, checks)
    found = [Check("deno", "binary", "ok", f"{deno} ({_origin(deno)})", is_required=True)]
    support = "supported" if version.startswith("2.9.") else "newer than what isoscan is tested with"
    found.append(Check("deno", "version", "ok", f"{version}, {support}", is_required=True))
    found.append(_v8_flags(deno))
    layers = _layers(deno)
    trials = await _try_levels(deno)
    best = trials[-1]
    for trial in trials:
        state: State = "failed" if trial.problem else "ok"
        shown = trial.problem or f"starts and answers, held by {len(trial.layers)} layers of the system"
        found.append(Check("sandbox", f"generation under {trial.level}", state, shown, is_required=True))
    found += layers
    outcomes: list[Outcome] = []
    if not best.problem:
        # One after the other: the loop's time limit is a wall clock's.
        outcomes = [await fly(canary, str(deno), best.level) for canary in CANARIES]
    found += [_canary_check(outcome) for outcome in outcomes]
    return _conclude(found + checks, trials, layers, outcomes)


def _conclude(
    checks: list[Check], trials: list[_Trial], layers: list[Check], outcomes: list[Outcome]
) -> Report:
    best = trials[-1]
    if best.problem:
        fix = "install the pinned Deno again: pip install --force-reinstall 'deno>=2.9.8,<2.10'"
        if sys.platform == "linux" and not DESCRIPTORS.is_dir():
            fix = "mount /proc"
        text = f"nothing can run here: no generation starts ({best.problem})"
        return Report(None, Exit.USAGE, text, fix, checks)
    loose = [outcome.name for outcome in outcomes if not outcome.is_stopped]
    if loose:
        return Report(
            None,
            Exit.INCOMPLETE,
            f"sandbox='{best.level}' starts here and does not hold: {', '.join(loose)} not stopped",
            "do not run plugins you do not trust on this system, and report this",
            checks,
        )
    if best.level == "strict":
        note = (
            "" if _is_active(layers, "landlock_net") else "; not for a plugin with network: no landlock_net"
        )
        return Report("strict", Exit.OK, f"sandbox='strict', the default, holds here{note}", "", checks)
    missing = [check for check in layers if check.is_required and check.state == "missing"]
    fixes = [f"{check.name}: {_LAYERS[check.name][1]}" for check in missing]
    if len(missing) > 1 and len({check.detail.partition(" (for: ")[0] for check in missing}) == 1:
        fixes = [f"see to it that this user can execute {sys.executable}, which the fork server runs in"]
    if sys.platform != "linux":
        fixes = ["the layers of the operating system exist on Linux only: run isoscan there"]
    return Report(
        best.level,
        Exit.INCOMPLETE,
        f"only sandbox='{best.level}' holds here: {trials[0].problem}",
        "; ".join(fixes) or "see the reason above",
        checks,
    )


# ---- Deno and the layers -------------------------------------------------------------


def _origin(deno: Path) -> str:
    if os.environ.get(ENVIRONMENT_VARIABLE):
        return f"named by {ENVIRONMENT_VARIABLE}"
    return "of the 'deno' package" if str(deno) == _wheel_binary() else "found on PATH"


def _v8_flags(deno: Path) -> Check:
    limits, permissions = Limits(regexp_backtracks=50_000, is_jitless=True), Permissions()
    (word,) = [
        word for word in generation_command(deno, limits, permissions) if word.startswith("--v8-flags=")
    ]
    flags = word.partition("=")[2].split(",")
    refused = [flag for flag in flags if (why := _run(deno, flag))]
    if not refused and (why := _run(deno, ",".join(flags))):
        refused = [why]
    shown = f"{len(flags)} flags accepted" if not refused else f"refused: {', '.join(refused)}"
    return Check("deno", "V8 flags", "failed" if refused else "ok", shown, is_required=True)


def _run(deno: Path, flags: str) -> str:
    """Why Deno does not start with these flags; empty when it does."""
    try:
        done = subprocess.run(
            [str(deno), "eval", "--quiet", f"--v8-flags={flags}", "0"],
            env=generation_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PROBE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if done.returncode == 0 else (done.stderr.splitlines() or ["it does not start"])[0]


def _layers(deno: Path) -> list[Check]:
    if sys.platform != "linux":
        shown = f"exist on Linux only, this is {sys.platform}"
        return [Check("sandbox", "layers of the system", "missing", shown, is_required=True)]
    from ..sandbox.linux.client import probe
    from ..sandbox.linux.lockdown import ACTIVE, REQUIRED

    try:
        found: Mapping[str, str] = probe(str(deno))
    except OSError as error:
        found = dict.fromkeys(_LAYERS, error.strerror or str(error))
    checks = []
    for name, (purpose, _) in _LAYERS.items():
        said = found.get(name, "was not tried")
        shown = purpose if said == ACTIVE else f"{said} (for: {purpose})"
        state: State = "active" if said == ACTIVE else "missing"
        checks.append(Check("sandbox", name, state, shown, is_required=name in REQUIRED))
    return checks


def _is_active(layers: list[Check], name: str) -> bool:
    return any(check.name == name and check.state == "active" for check in layers)


async def _try_levels(deno: Path) -> list[_Trial]:
    """Each level from the strongest down to the first under which a generation answers."""
    levels: tuple[SandboxLevel, ...] = ("strict", "available", "permissions")
    trials = []
    for level in levels if sys.platform == "linux" else levels[-1:]:
        trials.append(await _try_level(deno, level))
        if not trials[-1].problem:
            break
    return trials


async def _try_level(deno: Path, level: SandboxLevel) -> _Trial:
    code = "export function scan_transaction(t) { return { title: t.request.url }; }"
    transaction = HttpTransaction(HttpRequest("GET", "http://doctor.example/"))
    limits = Limits(max_load_failures=1)
    try:
        executor = PluginExecutor(
            PluginMetadata(id="doctor"), code, deno=str(deno), sandbox=level, limits=limits
        )
        async with executor:
            findings = await executor.scan_transaction(transaction)
            layers = executor.get_stats().sandbox_layers
    except (IsoscanError, OSError) as error:
        return _Trial(level, str(error))
    if [finding.title for finding in findings] != [transaction.request.url]:
        return _Trial(level, "it answers, and not what it was asked")
    if level == "available" and not layers:
        return _Trial(level, "no layer of the operating system is active")
    return _Trial(level, "", layers)


def _canary_check(outcome: Outcome) -> Check:
    states: dict[bool | None, State] = {True: "stopped", False: "NOT STOPPED", None: "not run"}
    detail = f"tries to {outcome.tries}: {outcome.detail}"
    return Check("canary", outcome.name, states[outcome.is_stopped], detail, is_required=True)


# ---- the system ----------------------------------------------------------------------


def _system() -> list[Check]:
    """What surrounds isoscan, for information."""
    facts = {"kernel": f"{platform.system()} {platform.release()} {platform.machine()}", "user": _user()}
    if sys.platform == "linux":
        facts |= {
            "Landlock": _landlock(),
            "capabilities": _capabilities(),
            "memory cgroup": _memory_cgroup(),
            "/proc": "present" if Path("/proc/self/status").exists() else "missing",
            "user namespaces": _namespaces(0x1000_0000),
            "network namespaces": _namespaces(0x5000_0000),
            "bubblewrap": shutil.which("bwrap") or "not installed (not needed)",
        }
    return [Check("system", name, "info", fact) for name, fact in facts.items()]


def _user() -> str:
    if not hasattr(os, "geteuid"):
        return "unknown"
    return "root: generations become user 65534" if os.geteuid() == 0 else f"user {os.geteuid()}, not root"


def _landlock() -> str:
    from ..sandbox.linux import landlock

    try:
        version = landlock.version(ctypes.CDLL(None, use_errno=True))
    except OSError as error:
        return str(error)
    return f"version {version}" if version else "not there, or switched off"


def _capabilities() -> str:
    for line in _read(Path("/proc/self/status")).splitlines():
        if line.startswith("CapEff:"):
            held = int(line.split()[1], 16)
            return f"{held.bit_count()} of the owner ({held:#x}); a generation has none" if held else "none"
    return "unknown: /proc cannot be read"


def _memory_cgroup() -> str:
    """The tightest limit on the way up from the own group, in version 2 or 1."""
    limits: list[tuple[int, str]] = []
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers not in ("", "memory"):
            continue
        root, name = ("/sys/fs/cgroup", "memory.max")
        if controllers == "memory":
            root, name = "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
        group = Path(path.lstrip("/"))
        for folder in (group, *group.parents):
            said = _read(Path(root) / folder / name).strip()
            if said.isdecimal() and int(said) < _NO_LIMIT_FROM:
                limits.append((int(said), "version 1" if controllers else "version 2"))
    if not limits:
        return "no limit"
    limit, which = min(limits)
    return f"{limit / 2**20:.0f} MiB ({which})"


def _read(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text("utf-8", "replace")
    return ""


def _namespaces(flags: int) -> str:
    """Whether a process may make one, tried in a process of its own."""
    code = f"import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare({flags}) != 0)"
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", code],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"unknown: {error}"
    return f"{'available' if done.returncode == 0 else 'not available'} (not used)"


# ---- what it looks like --------------------------------------------------------------

_STYLES = {"failed": "bold red", "NOT STOPPED": "bold red", "missing": "yellow", "not run": "yellow"}


def _table(report: Report) -> str:
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    table = Table(box=None, pad_edge=False, show_edge=False)
    for heading in ("part", "check", "state", "needed", "what was found"):
        table.add_column(heading, overflow="fold", no_wrap=heading != "what was found")
    for check in report.checks:
        needed = "" if check.state == "info" else "required" if check.is_required else "optional"
        table.add_row(
            check.part,
            Text(printable(check.name)),
            Text(check.state, _STYLES.get(check.state, "")),
            needed,
            Text(printable(check.detail, 600)),
        )
    console = Console(highlight=False, width=None if is_terminal else _PIPE_WIDTH)
    with console.capture() as capture:
        console.print(table)
    fix = f" Fix: {printable(report.fix)}." if report.fix else ""
    return f"{capture.get()}\n{printable(report.conclusion)}.{fix}\n"
