"""The operating system alone: Deno's permissions are off, the realm is open, and still nothing is reached.

The corpus's plugins of level `host` once more, and direct attacks with all that Deno has. Each
attack is tried out without the operating system's layer too, where it must succeed: one that
fails for a reason of its own would show nothing.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import NamedTuple

import pytest

from isoscan import (
    GenerationStartError,
    Limits,
    Permissions,
    PluginExecutor,
    PluginLoadError,
    PluginMetadata,
)
from isoscan.models import SandboxLevel
from isoscan.sandbox.deno import find_deno
from support.builders import MIB, is_echo, make_executor, make_transaction, scan

from ._attacks import ATTACKS, SILENT, plugin
from ._corpus import load_corpus
from ._opened import open_generations, open_host
from ._watching import generations
from .test_hostile import Bait, breaches, lay_bait, make_marked

NOBODY = 65534
LANES = 3
PATHS = ("/good/before", "/bad", "/good/after")
PLUGIN_ID = "hostile"
ROOT = Path(__file__).parents[2]
HOST_CASES = {case.id: case for case in load_corpus() if case.level == "host"}
#: What these call a breach is the realm's to refuse, not the operating system's: that a name is
#: there, a permission Deno gives, an object that has not connected yet, the generation's own four
#: variables, the machine's name and load, and the hosts file where network was granted.
#: Anything seen from outside counts for them as well.
REALM_ONLY = frozenset(
    {
        "env/deno_env.js",
        "env/import_node_process.js",
        "env/process_env.js",
        "env/sneaky_process.js",
        "exit/signal_listener.js",
        "ffi/dlopen.js",
        "fingerprinting/host_name.js",
        "fingerprinting/load_average.js",
        "fingerprinting/memory_sizes.js",
        "fingerprinting/os_release.js",
        "fingerprinting/user_id.js",
        "import/node_spellings.js",
        "internals/inspector.js",
        "internals/vm_run_in_context.js",
        "network/event_source.js",
        "network/granted_other_schemes.js",
        "network/node_net.js",
        "network/websocket.js",
        "permission_request/prompt_functions.js",
        "permission_request/query_status.js",
        "permission_request/request.js",
        "permission_request/request_sync.js",
        "permission_request/revoke_and_request.js",
        "process/get_builtin_module.js",
        "process/process_binding.js",
    }
)


class Job(NamedTuple):
    """One plugin to run, and what it may use."""

    name: str
    code: str
    limits: Limits
    net: tuple[str, ...] = ()


def corpus_jobs() -> list[Job]:
    """The plugins of level `host`, with less patience: with an open realm some only wait."""
    return [
        Job(name, case.code, Limits(**{"timeout_s": 3.0, "memory_bytes": 160 * MIB, **case.limits}), case.net)
        for name, case in HOST_CASES.items()
    ]


def attack_jobs() -> list[Job]:
    """The direct attacks."""
    return [Job(name, plugin(name), Limits(timeout_s=10.0, memory_bytes=160 * MIB)) for name in ATTACKS]


async def run_job(job: Job, bait: Bait, sandbox: SandboxLevel) -> list[str]:
    """What the plugin reached; how its scans end otherwise is its own affair."""
    executor = PluginExecutor(
        PluginMetadata(id=PLUGIN_ID),
        job.code,
        limits=job.limits,
        permissions=Permissions(net=job.net),
        sandbox=sandbox,
    )
    found = []
    markers = [f"marker-{os.urandom(6).hex()}" for _ in PATHS]
    try:
        async with asyncio.timeout(60.0), executor:
            for index, path in enumerate(PATHS):
                sent = make_marked(path, markers[index], bait)
                result = await scan(executor, sent)
                found += breaches(result, sent, markers[index + 1 :], bait)
    except (PluginLoadError, GenerationStartError) as error:
        found += ["the error holds a secret from outside"] * (bait.secret in str(error))
    except Exception as error:  # noqa: BLE001  # whatever else comes out is what the test reports
        found.append(f"an exception came out: {error!r}")
    return found


async def run_lane(
    waiting: deque[Job],
    sandbox: SandboxLevel,
    bait: Callable[[], AbstractContextManager[Bait]],
    problems: dict[str, list[str]],
) -> None:
    """One plugin after the other, each followed by a good neighbour's scan."""
    async with make_executor(sandbox=sandbox) as neighbour:
        while waiting:
            job = waiting.popleft()
            with bait() as laid:
                found = await run_job(job, laid, sandbox) + laid.damage()
            if not is_echo(await scan(neighbour, make_transaction("/neighbour"))):
                found.append("a neighbour's scan went wrong")
            problems[job.name] = found


async def run_all(jobs: Sequence[Job], sandbox: SandboxLevel) -> dict[str, list[str]]:
    """What each plugin reached."""
    problems: dict[str, list[str]] = {}
    waiting = deque(jobs)
    if sandbox != "strict":
        # What spoils the bait must not be taken for the next one's doing.
        await run_lane(waiting, sandbox, lay_bait, problems)
        return problems
    with lay_bait() as bait:
        async with asyncio.TaskGroup() as group:
            for _ in range(LANES):
                group.create_task(run_lane(waiting, sandbox, lambda: nullcontext(bait), problems))
    return problems


def reached(jobs: Sequence[Job], sandbox: SandboxLevel) -> dict[str, list[str]]:
    """Runs open generations; those that reached something, and what."""
    with open_generations():
        problems = asyncio.run(run_all(jobs, sandbox))
    assert not generations()
    assert len(problems) == len(jobs)
    return {name: found for name, found in problems.items() if found}


def test_realm_is_opened_as_meant() -> None:
    """The variant differs from the host in the three places named, and a changed host is noticed."""
    with pytest.raises(ValueError, match=r"host\.js has 0 times"):
        open_host("nothing of it")


@pytest.mark.timeout(300)
def test_corpus_without_permissions() -> None:
    """No plugin of level `host` reaches anything, though Deno forbids it nothing."""
    found = reached(corpus_jobs(), "strict")
    for name in REALM_ONLY & set(found):
        found[name] = [text for text in found[name] if "/bad: BREACH" not in text]
    assert {name: texts for name, texts in found.items() if texts} == {}
    assert set(HOST_CASES) >= REALM_ONLY


@pytest.mark.timeout(300)
def test_attacks_without_permissions() -> None:
    """No direct attack with Deno's whole namespace, Node's builtins or libc reaches anything."""
    assert reached(attack_jobs(), "strict") == {}


@pytest.mark.timeout(300)
def test_attacks_are_real() -> None:
    """Without the operating system's layer each of the attacks succeeds."""
    unreal = set(ATTACKS) - SILENT - set(reached(attack_jobs(), "permissions"))
    # What only root may do anywhere, and what a container's own filter may refuse.
    if os.geteuid() != 0:
        unreal -= {"signal_init", "environ_of_parent", "memory_of_parent", "descriptors_of_parent"}
        unreal -= {"libc_open_parent", "write_error_of_owner", "write_output_of_owner"}
    assert unreal == set()


def reachable_python() -> list[str] | None:
    """The command of a Python that user `NOBODY` can run with everything these tests import."""
    base = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    if os.geteuid() != 0 or shutil.which(base[0]) is None:
        return None
    paths = [str(ROOT / "src"), *(path for path in sys.path if path.endswith("site-packages"))]
    probe = (
        "import isoscan, pytest, pytest_asyncio, pytest_timeout, hypothesis; "
        "from isoscan.sandbox import deno; deno.deno_version(deno.find_deno())"
    )
    for program in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        command = [*base, "env", f"PYTHONPATH={':'.join(paths)}", f"ISOSCAN_DENO={find_deno()}", program]
        done = subprocess.run([*command, "-B", "-c", probe], capture_output=True, check=False)
        if done.returncode == 0:
            return command
    return None


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("module", ["test_without_permissions.py", "test_hostile.py"])
def test_as_an_unprivileged_user(module: str) -> None:
    """The same holds, and so does the whole corpus, when the owner is no root."""
    command = reachable_python()
    if command is None:
        pytest.skip("not root, no setpriv, or no Python here that an unprivileged user can run")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        options = ["-q", "-p", "no:cacheprovider", "-m", "not slow", "--rootdir", str(ROOT)]
        done = subprocess.run(
            [*command, "-B", "-m", "pytest", *options, str(Path(__file__).with_name(module))],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": name, "HOME": name},
            capture_output=True,
            text=True,
            check=False,
        )
    print(done.stdout[-2000:])
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
