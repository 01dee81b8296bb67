"""Makes generations: numbered, loaded, warmed up, and one to spare if asked for.

Knows how a generation comes to be ready; not when one is needed (`_slot`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from ._dispatch import Dispatch
from ._ledger import Cause
from ._plugin import Plugin
from .errors import ConfigError, GenerationStartError, IsoscanError, PluginLoadError
from .events import EventKind
from .models import Limits, PluginMetadata, SandboxLevel
from .permissions import Permissions
from .sandbox.children import use_fork_server
from .sandbox.frames import encode_batch
from .sandbox.generation import End, Generation
from .sandbox.modules import PluginSource, together

logger = logging.getLogger("isoscan")

_RETRY_S = 0.05
_RETRY_MAX_S = 1.0
_REFILL_AFTER_S = 0.01


def retry_s(failures: int) -> float:
    """How long to wait before the next launch: doubling, a second at most."""
    return min(_RETRY_S * 2.0 ** min(failures, 16), _RETRY_MAX_S)


class Launcher:
    """All generations of one slot, from spawn to reaped.

    `keeps_standby`: after each `refill` a ready and warm generation waits for the next
    `launch`. `on_end` hears of every generation's end, `emit` of what happens here.
    """

    def __init__(
        self,
        plugins: Sequence[Plugin],
        limits: Limits,
        sandbox: SandboxLevel,
        dispatch: Dispatch,
        *,
        keeps_standby: bool,
        is_low_latency: bool = False,
        on_end: Callable[[Generation, End], None],
        emit: Callable[..., None],
    ) -> None:
        self.number = 0
        self._plugins = plugins
        self._limits = limits
        self._sandbox = sandbox
        self._dispatch = dispatch
        self._keeps_standby = keeps_standby
        self._is_low_latency = is_low_latency
        self._on_end = on_end
        self._emit = emit
        self._alive: set[Generation] = set()
        self._starting: set[asyncio.Future[None]] = set()
        self._standby: Generation | None = None
        self._refill: asyncio.Task[None] | None = None
        self._refilled: PluginSource | None = None
        self._remade_at = -_RETRY_MAX_S
        self._end_use: Callable[[], None] | None = None
        self._was_told = False

    async def granted(self, source: PluginSource, grant: Permissions) -> PluginSource:
        """The source with what is in force for it: the grant, or what it and a plugin file both name.

        Raises `ConfigError` when that is not the same for all plugins that are to share an isolate.
        """
        if not grant:
            return source
        pairs = zip(self._plugins, source.plugins, strict=True)
        first, *mates = [await self._granted(plugin, own, grant) for plugin, own in pairs]
        for plugin, mate in zip(self._plugins[1:], mates, strict=True):
            if mate.permissions != first.permissions:
                raise ConfigError(
                    f"{self._plugins[0].metadata.id} and {plugin.metadata.id} cannot share an isolate: their "
                    "permissions differ; give one of them isolate_per='executor'"
                )
        return together([first, *mates])

    async def _granted(self, plugin: Plugin, source: PluginSource, grant: Permissions) -> PluginSource:
        """One plugin's part of it.

        What a file wants is known once it ran: so it runs once without anything, or if it cannot load
        so, with what of its own folder it was granted, which leads nowhere.
        """
        source = together([source])
        asked: Permissions | None = plugin.metadata.permissions
        if plugin.path is not None:
            try:
                generation, (metadata,) = await self._try(source, (plugin,))
            except PluginLoadError:
                own = plugin.grant_own(source, grant)
                if own is None:
                    raise
                generation, (metadata,) = await self._try(own, (plugin,))
            generation.kill(Cause.RETIRED, "its permissions are known")
            await generation.wait_gone()
            asked = metadata.permissions or Permissions()
        return plugin.grant(source, grant if asked is None else asked & grant)

    async def launch(self, source: PluginSource) -> Generation:
        """A generation that is loaded, warm and ready, or an error and nothing left."""
        refill = self._refill
        if refill is not None and self._refilled is source and not self._dispatch.is_single_use:
            # One on its way is further than one that begins now, and the numbers of occupants keep rising.
            await asyncio.wait([refill])
        standby = self._standby
        if standby is not None and standby.is_alive and standby.source is source:
            self._standby = None
            return standby
        generation = await self._make_ready(source)
        if standby is not None and standby is self._standby and standby.source is not source:
            # Only now that the new version is ready: a bad one must not cost the spare of the old.
            self._standby = None
            standby.kill(Cause.RETIRED, "standby of an older version")
        return generation

    async def launch_patiently(self, source: PluginSource) -> Generation:
        """Tries again when a generation dies before it is ready: one unlucky kill condemns nobody."""
        for attempt in range(1, self._limits.max_load_failures):
            try:
                return await self.launch(source)
            except GenerationStartError:
                await asyncio.sleep(retry_s(attempt - 1))
        return await self.launch(source)

    def refill(self, source: PluginSource) -> None:
        """Sees to it that a standby will be there, if one is wanted."""
        is_refilling = self._refill is not None and not self._refill.done()
        if self._keeps_standby and self._standby is None and not is_refilling:
            self._refilled = source
            self._refill = asyncio.create_task(self._prepare_standby(source), name="isoscan-standby")

    def refill_soon(self, source: PluginSource, is_wanted: Callable[[], bool]) -> None:
        """The same a little later: its start takes the processors that the first scans of another want."""

        def refill() -> None:
            if is_wanted():
                self.refill(source)

        if self._keeps_standby:
            asyncio.get_running_loop().call_later(_REFILL_AFTER_S, refill)

    def drop_standby(self) -> None:
        """Ends the spare: there is nothing to do."""
        standby, self._standby = self._standby, None
        if standby is not None:
            standby.kill(Cause.RETIRED, "nothing to do")

    async def close(self) -> None:
        """Ends every generation there is; nothing is left."""
        self._keeps_standby = False
        if self._refill is not None:
            self._refill.cancel()
            await asyncio.wait([self._refill])
        while self._starting:
            await asyncio.wait(self._starting)
        for generation in list(self._alive):
            generation.kill(Cause.RETIRED, "shutdown")
            await generation.wait_gone()
        self.rest()

    def rest(self) -> None:
        """Nothing will be launched for now: the fork server may end."""
        if self._end_use is not None and not self._alive:
            self._end_use()
            self._end_use = None

    def _tell_missing(self, generation: Generation) -> None:
        """A weaker sandbox is said once, with what it lacks."""
        if self._sandbox != "strict" and generation.missing_layers and not self._was_told:
            self._was_told = True
            lacks = "; ".join(f"{name}: {why}" for name, why in generation.missing_layers.items())
            logger.warning(
                "%s: sandbox=%r holds it less than 'strict' would: %s",
                self._dispatch.name,
                self._sandbox,
                lacks,
            )

    async def _make_ready(self, source: PluginSource) -> Generation:
        generation = await self._load(source)
        if self._keeps_standby and self._dispatch.ledger.is_replayable:
            if self._dispatch.recent:
                await generation.warm_up(encode_batch(self._dispatch.recent))
            if generation.end is not None:
                # Whatever it was, it is no reason not to serve: the next one comes cold.
                self._dispatch.recent.clear()
                generation = await self._load(source)
        return generation

    async def _load(self, source: PluginSource) -> Generation:
        """A loaded generation that is to serve: its metadata is the plugins' from here on."""
        generation, described = await self._try(source, self._plugins)
        for account, metadata in zip(self._dispatch.accounts, described, strict=True):
            account.metadata = metadata
        is_idempotent = all(metadata.idempotent for metadata in described)
        self._dispatch.ledger.is_replayable = not source.permissions.net or is_idempotent
        return generation

    async def _try(
        self, source: PluginSource, plugins: Sequence[Plugin]
    ) -> tuple[Generation, list[PluginMetadata]]:
        """A loaded generation and what its plugins say of themselves; nothing else is changed by it."""
        self.number += 1
        if self._end_use is None:
            self._end_use = use_fork_server()
        generation = await self._start(source)
        self._tell_missing(generation)
        self._emit(EventKind.START, generation.number)
        accounts = [self._dispatch.accounts[self._plugins.index(plugin)] for plugin in plugins]
        try:
            ready = await generation.load([plugin.config for plugin in plugins], plugins[0].determinism)
        except PluginLoadError:
            failed = generation.load_failure
            if failed is not None:
                accounts[failed.plugin].counters.denials.record(failed.denials)
            raise
        for account, loaded in zip(accounts, ready.plugins, strict=True):
            account.counters.denials.record(loaded.denials)
        try:
            described = [
                plugin.metadata_of(loaded.metadata)
                for plugin, loaded in zip(plugins, ready.plugins, strict=True)
            ]
        except PluginLoadError:
            generation.kill(Cause.RETIRED, "wrong metadata")
            await generation.wait_gone()
            raise
        return generation, described

    async def _start(self, source: PluginSource) -> Generation:
        """A generation that is among the living from its first moment on."""
        starting = asyncio.get_running_loop().create_future()
        self._starting.add(starting)
        try:
            generation = await Generation.start(
                self.number,
                source,
                self._plugins[0].deno,
                self._limits,
                sandbox=self._sandbox,
                is_low_latency=self._is_low_latency,
                on_results=self._dispatch.settle,
                on_end=self._end,
            )
            self._alive.add(generation)
            return generation
        finally:
            self._starting.discard(starting)
            starting.set_result(None)

    async def _prepare_standby(self, source: PluginSource) -> None:
        try:
            self._standby = await self._make_ready(source)
        except IsoscanError as error:
            # The occupant serves; the next change of occupant tries again.
            self._emit(EventKind.RESTART_FAILED, self.number, text=f"no standby: {error}")

    def _may_remake(self) -> bool:
        """At most one spare is remade a second, in case it dies of itself."""
        now = asyncio.get_running_loop().time()
        is_due = now - self._remade_at >= _RETRY_MAX_S
        self._remade_at = now
        return is_due

    def _end(self, generation: Generation, end: End) -> None:
        self._alive.discard(generation)
        if generation is self._standby:
            self._standby = None
            if end.cause is not Cause.RETIRED and self._may_remake():
                self.refill(generation.source)
        self._on_end(generation, end)
