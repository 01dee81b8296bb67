"""`isoscan doctor`: what holds here, said rightly whatever is missing."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from acceptance._command import COMMAND, DEADLINE_S, Done, Workspace
from isoscan.cli.canaries import CANARIES, PRELUDE, Canary, fly
from isoscan.sandbox.deno import find_deno

NOBODY = 65534
CAP_DAC_READ_SEARCH = 1 << 2
KEYS = {"part", "name", "state", "detail", "is_required"}


def report_of(done: Done) -> dict[str, Any]:
    """The report of `--format json`, with its checks by name."""
    report: dict[str, Any] = json.loads(done.stdout)
    assert set(report) == {"level", "exit_code", "conclusion", "fix", "checks"}
    assert all(set(check) == KEYS for check in report["checks"])
    assert report["exit_code"] == done.code
    report["checks"] = {check["name"]: check for check in report["checks"]}
    return report


linux_only = pytest.mark.skipif(sys.platform != "linux", reason="strict is Linux's")


@linux_only
def test_strict_holds(workspace: Workspace) -> None:
    """Where the other tests pass, every required layer is active and every canary is stopped."""
    done = workspace.run("doctor", "--format", "json")
    report = report_of(done)
    assert (done.code, report["level"], report["fix"]) == (0, "strict", "")
    assert done.stderr == ""
    for canary in CANARIES:
        assert report["checks"][canary.name]["state"] == "stopped", report["checks"][canary.name]
    wanted = {"ok", "active", "stopped"}
    wrong = [
        check for check in report["checks"].values() if check["is_required"] and check["state"] not in wanted
    ]
    assert wrong == []


@linux_only
def test_table(workspace: Workspace) -> None:
    """One row per check, and the last line says which level holds."""
    done = workspace.run("doctor")
    lines = done.text.splitlines()
    assert lines[0].split()[:4] == ["part", "check", "state", "needed"]
    assert "sandbox='strict'" in lines[-1]
    assert sum(line.startswith("canary ") for line in lines) == len(CANARIES)
    assert done.code == 0


def test_no_deno(workspace: Workspace) -> None:
    """Exit code 2, the place that was looked at, and what to do, in both forms."""
    nowhere = str(workspace.folder / "no-deno")
    done = workspace.run("doctor", ISOSCAN_DENO=nowhere)
    assert done.code == 2
    assert nowhere in done.text
    assert "Fix: pip install" in done.text.splitlines()[-1]
    assert "ISOSCAN_DENO" in done.text.splitlines()[-1]
    report = report_of(workspace.run("doctor", "--format", "json", ISOSCAN_DENO=nowhere))
    assert (report["level"], report["checks"]["binary"]["state"]) == (None, "failed")


@pytest.mark.parametrize("says", ["deno 1.46.3", "something else", ""])
def test_wrong_deno(workspace: Workspace, says: str) -> None:
    """A Deno that is too old, or is none, is named with what it says."""
    program = workspace.write("deno", f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)
    done = workspace.run("doctor", ISOSCAN_DENO=str(program))
    assert done.code == 2
    assert str(program) in done.text


@linux_only
def test_deno_that_cannot_serve(workspace: Workspace) -> None:
    """A program that only knows its version: nothing can run, and the reason is shown."""
    program = workspace.write("deno", "#!/bin/sh\necho 'deno 2.9.8'\nexit 3\n")
    program.chmod(0o755)
    done = workspace.run("doctor", "--format", "json", ISOSCAN_DENO=str(program))
    report = report_of(done)
    assert (done.code, report["level"]) == (2, None)
    assert report["checks"]["generation under strict"]["state"] == "failed"
    assert report["checks"]["V8 flags"]["state"] == "failed"


@linux_only
def test_unprivileged_user(tmp_path: Path) -> None:
    """Without root strict holds as well; only the change of user is missing, and is optional."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and setpriv to become somebody else")
    become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    held = re.search(r"CapEff:\s*(\w+)", Path("/proc/self/status").read_text())
    if held and int(held[1], 16) & CAP_DAC_READ_SEARCH:
        # With this one an interpreter below a closed folder is found by the other user.
        become += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    environment = {**os.environ, "TMPDIR": "/tmp", "HOME": "/"}
    reach = [*become, "env", sys.executable, "-c", "import isoscan"]
    if subprocess.run(reach, env=environment, cwd="/", capture_output=True, check=False).returncode != 0:
        pytest.skip("an unprivileged user cannot reach this Python or the package")
    done = subprocess.run(
        [*become, *COMMAND, "doctor", "--format", "json"],
        env=environment,
        cwd="/",
        capture_output=True,
        timeout=DEADLINE_S,
        check=False,
    )
    report = report_of(Done(done.returncode, done.stdout, done.stderr.decode()))
    assert (done.returncode, report["level"]) == (0, "strict"), report
    assert report["checks"]["uid"]["state"] == "missing"
    assert not report["checks"]["uid"]["is_required"]
    assert "not root" in report["checks"]["user"]["detail"]


# ---- the canaries themselves ---------------------------------------------------------

HOST = """
globalThis.isoscan = { report: (finding) => console.log(JSON.stringify(finding)) };
const plugin = await import("./plugin.js");
await plugin.scan_transaction({ request: { headers: { "x-bait": Deno.args[0] } } });
Deno.exit(0);
"""


@pytest.mark.parametrize("name", ["read", "write", "network", "environment", "process"])
def test_canary_breaks_out_of_nothing(workspace: Workspace, name: str) -> None:
    """Without a sandbox the attack gets through: it is one."""
    (canary,) = [canary for canary in CANARIES if canary.name == name]
    workspace.write("plugin.js", PRELUDE + canary.code)
    workspace.write("host.js", HOST)
    secret = workspace.write("bait/secret.json", '{"secret": "s3cr3t"}')
    connections: list[object] = []

    def hang_up(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, address = server.accept()
                connection.close()
                connections.append(address)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=hang_up, args=(server,), daemon=True).start()
        bait = {
            "file": str(secret),
            "folder": str(secret.parent),
            "port": server.getsockname()[1],
            "variable": "CANARY",
        }
        done = subprocess.run(
            [find_deno(), "run", "-A", "--no-config", "--quiet", "host.js", json.dumps(bait)],
            cwd=workspace.folder,
            env=workspace.environment(CANARY="s3cr3t", DENO_DIR=str(workspace.folder / "cache")),
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        server.shutdown(socket.SHUT_RDWR)
        if name == "network":
            assert connections
        elif name in ("write", "process"):
            assert (secret.parent / "left").exists(), done.stderr
        else:
            assert "s3cr3t" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("export function scan_transaction(t) { through(); }", "it went through"),
        ("export function scan_transaction(t) {}", "its verdict is clean"),
        (
            "let kept; export function scan_transaction(t) {"
            " if (kept) return { title: kept }; kept = t.response.text(); }",
            "its result holds bytes of another transaction",
        ),
    ],
)
async def test_success_of_a_canary_is_seen(code: str, why: str) -> None:
    """What goes through is told as not stopped, with what it did."""
    loop = next(canary for canary in CANARIES if canary.name == "loop")
    outcome = await fly(Canary("own", "try", code, loop.limits, loop.verdicts), str(find_deno()), "available")
    assert (outcome.is_stopped, outcome.detail) == (False, why)
