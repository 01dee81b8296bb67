"""`isoscan run --inspect`: one plugin with an inspector, for Chrome DevTools and editors to attach to.

An inspector is a socket, which the strict sandbox forbids: the plugin runs in the level "permissions".
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec.structs import replace

from .._launcher import Launcher
from .._options import ExecutorOptions
from .._slot import Slot
from ..config import Effective
from ..errors import ConfigError
from ..executor import PluginExecutor
from ..models import TIMEOUT_MAX_S, Limits
from ..permissions import Permissions
from ..reports.text import printable
from ..sandbox.deno import RUNTIME_FILES, deno_version, generation_command, generation_environment
from ..sandbox.generation import Generation
from ..sandbox.modules import PluginSource
from ..sandbox.process import open_child
from ..selection import did_you_mean
from .devtools import HOST, USUAL_PORT, Target, find_target, free_port
from .source_maps import with_source_maps

Announce = Callable[[Target], None]


class Inspection:
    """The plugin of a run that gets an inspector: named by its id or its file."""

    def __init__(self, name: str, effective: Effective) -> None:
        self._name = name
        self._effective = effective
        if not name:
            raise ConfigError("--inspect: the name of the plugin is empty; give its id or its file")
        check_weaker(effective, "--inspect")

    async def replace_one(self, executors: Sequence[PluginExecutor]) -> tuple[PluginExecutor, ...]:
        """The executors, the one that was named with an inspector and a debugger attached.

        They were started, so the plugin is known to load before anybody attaches to it.
        """
        one = self._find(executors)
        plugin_id = one.metadata.id
        options = self._effective.options_of(plugin_id)
        limits = options.get("limits")
        assert limits is not None, "a run's plugins have limits"
        options["limits"] = replace(limits, timeout_s=TIMEOUT_MAX_S, load_timeout_s=TIMEOUT_MAX_S)
        inspected = inspected_executor(one, options, stops=True, announce=self._announce)
        _say(f"inspect: {plugin_id} runs without time limits and in the weaker sandbox 'permissions'")
        try:
            await inspected.start()
        except BaseException:
            await inspected.shutdown(drain=False)
            raise
        await one.shutdown(drain=False)
        _say("inspect: a debugger is attached; the run goes on")
        return tuple(inspected if each is one else each for each in executors)

    def _find(self, executors: Sequence[PluginExecutor]) -> PluginExecutor:
        by_id = [each for each in executors if each.metadata.id == self._name]
        by_path = [each for each in executors if _is_same(self._name, each._plugin.path)]
        for found in by_id or by_path:
            return found
        ids = [each.metadata.id for each in executors]
        raise ConfigError(f"--inspect {self._name}: no plugin of this run{did_you_mean(self._name, ids)}")

    def _announce(self, target: Target) -> None:
        frontend = target.devtools_frontend_url
        for line in (
            f"inspect: waiting for a debugger at {target.web_socket_debugger_url}",
            "  Chrome: chrome://inspect, or this address:",
            f"  {frontend}",
            "  it stops where the plugin begins; set breakpoints there and resume",
        ):
            _say(line)


def check_weaker(effective: Effective, option: str) -> None:
    """Refuses a tool that needs an inspector where `strict` was asked for."""
    file = effective.file
    is_written = "sandbox" in effective.given or (file is not None and ("sandbox",) in file.lines)
    if is_written and effective.config.sandbox == "strict":
        raise ConfigError(
            f"{option}: an inspector is a socket, which {effective.place('sandbox')} strict forbids; "
            "leave one of the two out"
        )


def inspected_executor(
    like: PluginExecutor, options: ExecutorOptions, *, stops: bool, announce: Announce
) -> PluginExecutor:
    """An executor of the same plugin file, whose generations wait for a debugger as they start.

    `announce` is told where, each time. With `stops` the plugin's first statement stops the debugger.
    """
    path = like._plugin.path
    assert path is not None, "plugins of a run are files"
    options = options.copy()
    options["sandbox"] = "permissions"
    options["isolate_per"] = "executor"
    executor = PluginExecutor.from_file(path, **options)
    slot = executor._slot
    slot.launcher = _InspectedLauncher(slot, executor.limits, stops=stops, announce=announce)
    return executor


class _InspectedLauncher(Launcher):
    """Makes generations with an inspector; one that is only asked for its metadata has none."""

    def __init__(self, slot: Slot, limits: Limits, *, stops: bool, announce: Announce) -> None:
        super().__init__(
            slot.plugins,
            limits,
            "permissions",
            slot.dispatch,
            keeps_standby=False,
            on_end=slot._on_end,
            emit=slot.chronicle.tell,
        )
        self._stops = stops
        self._announce = announce
        self._is_asking = False
        self._port: int | None = None
        self._finding: asyncio.Task[None] | None = None

    async def granted(self, source: PluginSource, grant: Permissions) -> PluginSource:
        """See `Launcher`."""
        self._is_asking = True
        try:
            return await super().granted(source, grant)
        finally:
            self._is_asking = False

    async def close(self) -> None:
        """See `Launcher`."""
        await self._stop_finding()
        await super().close()

    async def _start(self, source: PluginSource) -> Generation:
        if self._is_asking:
            return await super()._start(source)
        deno = self._plugins[0].deno
        deno_version(deno)
        mapped = await with_source_maps(source, deno, stops=self._stops)
        self._port = free_port(USUAL_PORT if self._stops else None)
        command = generation_command(deno, self._limits, source.permissions)
        command.insert(command.index("run") + 1, f"--inspect-wait={HOST}:{self._port}")
        opened = await open_child(
            command,
            generation_environment(),
            sandbox="permissions",
            files=RUNTIME_FILES,
            connect_ports=source.permissions.ports,
        )
        generation = Generation(
            self.number,
            mapped,
            self._limits,
            opened,
            on_results=self._dispatch.settle,
            on_end=self._end,
        )
        self._alive.add(generation)
        await self._stop_finding()
        self._finding = asyncio.create_task(self._find(self._port), name="isoscan-inspect")
        return generation

    async def _find(self, port: int) -> None:
        self._announce(await find_target(port))

    async def _stop_finding(self) -> None:
        if self._finding is not None:
            self._finding.cancel()
            await asyncio.wait([self._finding])


def _is_same(name: str, path: Path | None) -> bool:
    if path is None:
        return False
    named = Path(name)
    with contextlib.suppress(OSError):
        return named.exists() and (path.samefile(named) or (named.is_dir() and path.parent.samefile(named)))
    return False


def _say(text: str) -> None:
    sys.stderr.write(printable(text) + "\n")
    sys.stderr.flush()
