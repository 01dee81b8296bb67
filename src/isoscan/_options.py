"""What an executor can be told beyond its plugin: listed once, checked once, handed on whole."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict, get_args

from .alerts import DEFAULT_RULES, AlertRule
from .errors import ConfigError
from .events import EventHook
from .models import Determinism, IsolatePer, Limits, SandboxLevel
from .permissions import Permissions
from .policies import RestartPolicy

DEFAULT_SANDBOX: SandboxLevel = "strict" if sys.platform == "linux" else "permissions"


class ExecutorOptions(TypedDict, total=False):
    """Keyword arguments of executors, pools and their blocking twins. All may be left out.

    `limits`, `permissions`: what the plugin may use and reach. `config` is handed to its
    `init`. `deno` names the binary instead of looking for it. `restart_policy` restarts by
    itself. `warm_standby` keeps a spare generation ready, for one more generation's memory.
    `low_latency` has the event loop's thread and the generation share a processor while short calls
    come one at a time, which halves how long each takes; under load they use all processors (Linux).
    `isolate_per` says what shares an isolate: all scans of the executor (`"executor"`); nothing,
    each transaction gets a fresh one from a standby (`"transaction"`); or all executors of a
    `Scanner` that say so and have the same options but for `config` (`"group"`), which saves
    memory where there are many plugins that trust each other.
    `lazy_start` makes no generation before the first scan, so `start()` cannot tell whether the plugin
    loads. `idle_shutdown_s` ends the generation after that long without a scan; the next one makes
    another, which is no restart.
    `determinism` stops the plugin's clock and seeds its random numbers.
    `sandbox` names what must hold a generation beside Deno: `"strict"` (the default on Linux)
    refuses to run without all layers of the operating system it needs, `"available"` uses those
    that are there, `"permissions"` (the default elsewhere) none but limits.
    `on_event` is called with every lifecycle event. `alert_rules` are looked at every
    second; one that begins to fire is an event of kind `alert`.
    """

    limits: Limits | None
    permissions: Permissions | None
    config: dict[str, Any] | None
    deno: str | os.PathLike[str] | None
    restart_policy: RestartPolicy | None
    warm_standby: bool
    low_latency: bool
    isolate_per: IsolatePer
    lazy_start: bool
    idle_shutdown_s: float | None
    determinism: Determinism | None
    sandbox: SandboxLevel
    on_event: EventHook | None
    alert_rules: Iterable[AlertRule]


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The same with every gap filled. Raises `ConfigError` for what cannot be."""

    max_executions_before_restart: int = 1000
    limits: Limits = field(default_factory=Limits)
    permissions: Permissions = field(default_factory=Permissions)
    config: dict[str, Any] = field(default_factory=dict)
    deno: str | os.PathLike[str] | None = None
    restart_policy: RestartPolicy | None = None
    warm_standby: bool = False
    low_latency: bool = False
    isolate_per: IsolatePer = "executor"
    lazy_start: bool = False
    idle_shutdown_s: float | None = None
    determinism: Determinism | None = None
    sandbox: SandboxLevel = field(default_factory=lambda: DEFAULT_SANDBOX)
    on_event: EventHook | None = None
    alert_rules: tuple[AlertRule, ...] = DEFAULT_RULES

    def __post_init__(self) -> None:
        if self.max_executions_before_restart < 1:
            raise ConfigError(
                f"max_executions_before_restart is {self.max_executions_before_restart}: must be at least 1"
            )
        if self.idle_shutdown_s is not None and not self.idle_shutdown_s > 0:
            raise ConfigError(
                f"idle_shutdown_s is {self.idle_shutdown_s}: must be above 0, or None for never"
            )
        for name, kind in (("isolate_per", IsolatePer), ("sandbox", SandboxLevel)):
            if getattr(self, name) not in get_args(kind):
                *others, last = map(repr, get_args(kind))
                known = f"{', '.join(others)} or {last}"
                raise ConfigError(f"{name} is {getattr(self, name)!r}: must be {known}")

    def may_share(self, other: Settings) -> bool:
        """Whether plugins with these settings and those may be in one isolate."""
        if self.isolate_per != "group" or other.isolate_per != "group":
            return False
        own = replace(
            other, config=self.config, max_executions_before_restart=self.max_executions_before_restart
        )
        return self == own

    @classmethod
    def of(cls, max_executions_before_restart: int, options: ExecutorOptions) -> Settings:
        """Settings of a call; None means the default, as it does in the signature."""
        given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
        if "alert_rules" in given:
            given["alert_rules"] = tuple(given["alert_rules"])
        return cls(max_executions_before_restart=max_executions_before_restart, **given)
