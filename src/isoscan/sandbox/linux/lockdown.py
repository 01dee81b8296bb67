"""The order in which a forked child gives everything up, and what came of each layer."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from . import landlock, privileges, seccomp

T = TypeVar("T")

ACTIVE = "active"
#: Layers whose absence `strict` refuses. The others are further safety: a child that keeps uid 0
#: has no capability left, and Landlock keeps it from root's files.
REQUIRED = ("limits", "capabilities", "no_new_privs", "pdeathsig", "landlock_files", "seccomp")
_REASON_OFF = "left out on request"


class Confinement(NamedTuple):
    """What a child may still do.

    `readable` are files and folders. `connect_ports` are the TCP ports it may connect to;
    none means no socket at all, so no DNS either. `cpus` are the processors it may run on.
    `without` names layers to leave out, for weaker levels and for tests; `strict` refuses
    when it names a required one.
    """

    readable: tuple[str, ...] = ()
    connect_ports: tuple[int, ...] = ()
    cpus: tuple[int, ...] | None = None
    without: tuple[str, ...] = ()


class Plan(NamedTuple):
    """What the server prepared before it forked."""

    confinement: Confinement
    #: All files and folders the child must be able to read as whoever it runs; None: it can.
    paths: tuple[str, ...] | None
    parent_pid: int
    grants: landlock.Grants
    landlock_version: int
    system_calls: seccomp.Filter | OSError
    #: Whether the child is there only to try its layers.
    is_probe: bool


Layers = dict[str, str]


def missing_required(layers: Layers, confinement: Confinement) -> list[str]:
    """The required layers that are not active, each with its reason."""
    required = (*REQUIRED, "landlock_net") if confinement.connect_ports else REQUIRED
    return [f"{name}: {layers[name]}" for name in required if layers[name] != ACTIVE]


def lock_down(libc: ctypes.CDLL, plan: Plan, layers: Layers) -> None:
    """Applies all layers but the filter; `layers` gets "active" or the reason for each.

    The order matters: what needs privileges comes before they are dropped, the parent's
    death after the change of user, which forgets it, and Landlock after no_new_privs.
    """

    def attempt(name: str, step: Callable[[], object]) -> None:
        if name in plan.confinement.without:
            layers[name] = _REASON_OFF
            return
        try:
            step()
        except (OSError, ValueError) as error:
            layers[name] = getattr(error, "strerror", None) or str(error)
        else:
            layers[name] = ACTIVE

    ruleset = _create_ruleset(libc, plan.grants)
    attempt("oom_score", privileges.offer_to_oom_killer)
    attempt("limits", privileges.set_limits)
    cpus = plan.confinement.cpus
    if cpus is not None:
        attempt("cpus", lambda: os.sched_setaffinity(0, cpus))
    attempt("capabilities", lambda: privileges.close_way_back(libc))
    attempt("uid", lambda: privileges.become_nobody(libc, plan.paths))
    if layers["capabilities"] == ACTIVE:
        attempt("capabilities", lambda: privileges.drop_capabilities(libc))
    attempt("no_new_privs", lambda: privileges.forbid_new_privileges(libc))
    attempt("pdeathsig", lambda: privileges.die_with(libc, plan.parent_pid))
    attempt("landlock_files", lambda: landlock.restrict(libc, _given(ruleset)))
    for name, since in (
        ("landlock_net", landlock.NET_VERSION),
        ("landlock_scope", landlock.SCOPE_VERSION),
    ):
        if name in plan.confinement.without:
            layers[name] = _REASON_OFF
        elif layers["landlock_files"] != ACTIVE:
            layers[name] = layers["landlock_files"]
        elif plan.landlock_version < since:
            layers[name] = f"needs Landlock version {since}, this kernel has {plan.landlock_version}"
        else:
            layers[name] = ACTIVE


def filter_calls(libc: ctypes.CDLL, plan: Plan, layers: Layers) -> None:
    """Puts the system call filter on. It goes last: it forbids what the steps before it do."""
    if "seccomp" in plan.confinement.without:
        layers["seccomp"] = _REASON_OFF
        return
    try:
        seccomp.install(libc, _given(plan.system_calls).for_pid(os.getpid()))
    except OSError as error:
        layers["seccomp"] = error.strerror or str(error)
    else:
        layers["seccomp"] = ACTIVE


def _create_ruleset(libc: ctypes.CDLL, grants: landlock.Grants) -> int | OSError:
    """While this process may still open all paths; what went wrong is told in its turn."""
    try:
        ruleset = landlock.create_ruleset(libc, grants)
    except OSError as error:
        return error
    landlock.pin_own_maps()
    return ruleset


def _given(prepared: T | OSError) -> T:
    if isinstance(prepared, OSError):
        raise prepared
    return prepared
