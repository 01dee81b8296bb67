"""Loads plugins, then leaves out those that were not selected, before anything is scanned."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from msgspec import Struct

from .._crews import share_isolates
from .._lifecycle import State
from ..config import Effective
from ..config.plugin_options import option_problems
from ..errors import ConfigError, IsoscanError
from ..executor import PluginExecutor
from ..models import PluginMetadata
from ..plugin_files import bundled_plugins
from ..scanner import Scanner
from ..selection import did_you_mean


class _ReadyExecutor(PluginExecutor):
    """An executor that may have been started before: starting it again changes nothing."""

    async def start(self) -> None:
        """Makes the first generation ready, if there is none yet."""
        if self.state in ("new", "failed"):
            await super().start()


class _Candidate(Struct):
    """A plugin file, who it is taken for by its name, and its executor."""

    path: Path
    guess: str
    executor: _ReadyExecutor


class SelectingScanner(Scanner):
    """A scanner over those plugins that the configuration selects, each with its own settings.

    Who a plugin is, its id, tags and severity, only it can say, once it runs. So each is started as the
    one its file is named after; one that turns out to be another, with other settings, is started anew.
    `remarks` is given sentences about words of the configuration that matched nothing.
    """

    def __init__(self, paths: Sequence[Path], effective: Effective, remarks: list[str]) -> None:
        self._effective = effective
        self._selection = effective.selection
        self._remarks = remarks
        guesses = [guessed_id(path) for path in paths]
        self._candidates = [
            _Candidate(path, guess, self._executor(path, guess))
            for path, guess in zip(paths, guesses, strict=True)
        ]
        super().__init__(
            [candidate.executor for candidate in self._candidates],
            workers=effective.config.workers or _processors(),
        )

    async def __aenter__(self) -> Self:
        try:
            await self._start(self._candidates)
            known = [candidate.executor.metadata for candidate in self._candidates]
            self._check_tables(known)
            self._selection.check(known)
            await self._leave_out(
                [each for each in self._candidates if not self._selection.takes(each.executor.metadata)]
            )
            await self._correct_guesses()
            self._check_options()
        except BaseException:
            await asyncio.gather(*(each.executor.shutdown(drain=False) for each in self._candidates))
            raise
        self.executors = tuple(candidate.executor for candidate in self._candidates)
        return await super().__aenter__()

    async def _start(self, candidates: Sequence[_Candidate]) -> None:
        """Starts them side by side. One that cannot start does not matter if its name leaves it out."""
        share_isolates([each.executor for each in candidates if not self._selection.leaves_out(each.guess)])
        outcomes = await asyncio.gather(
            *(candidate.executor.start() for candidate in candidates), return_exceptions=True
        )
        failed = [
            (candidate, outcome)
            for candidate, outcome in zip(candidates, outcomes, strict=True)
            if isinstance(outcome, BaseException)
        ]
        failures = [error for candidate, error in failed if not self._selection.leaves_out(candidate.guess)]
        expected = [failure for failure in failures if isinstance(failure, IsoscanError)]
        if len(expected) < len(failures):
            raise BaseExceptionGroup("plugins could not be started", failures)
        if expected:
            raise ExceptionGroup("plugins could not be started", expected)
        await self._leave_out([candidate for candidate, _ in failed])

    async def _leave_out(self, candidates: Sequence[_Candidate]) -> None:
        self._candidates = [each for each in self._candidates if each not in candidates]
        await self._end(candidates)

    async def _correct_guesses(self) -> None:
        """Starts anew what ran with the settings of another plugin."""
        options_of = self._effective.options_of
        await self._end(
            [
                each
                for each in self._candidates
                if options_of(each.executor.metadata.id) != options_of(each.guess)
            ]
        )

    async def _end(self, candidates: Sequence[_Candidate]) -> None:
        """Ends some. Who is still a candidate begins anew, as those do that shared an isolate with them."""
        await asyncio.gather(*(each.executor.shutdown(drain=False) for each in candidates))
        ended = [each for each in self._candidates if each.executor.state == State.CLOSED]
        for each in ended:
            each.executor = self._executor(each.path, each.executor.metadata.id)
        if ended:
            await self._start(ended)

    def _executor(self, path: Path, plugin_id: str) -> _ReadyExecutor:
        return _ReadyExecutor.from_file(path, **self._effective.options_of(plugin_id))

    def _check_tables(self, plugins: Sequence[PluginMetadata]) -> None:
        """A table for a plugin that there is not is a typo, unless other plugins were asked for by hand."""
        for text in self._selection.idle(plugins):
            self._remarks.append(f"exclude {text}: no plugin matches")
        ids = [plugin.id for plugin in plugins]
        known = {*ids, *(guessed_id(path) for path in bundled_plugins())}
        for plugin_id in self._effective.config.plugins:
            if plugin_id in ids:
                continue
            place = self._effective.place("plugins", plugin_id)
            if plugin_id not in known and "plugin" not in self._effective.given:
                raise ConfigError(f"{place}: no plugin has this id{did_you_mean(plugin_id, known)}")
            self._remarks.append(f"{place}: the plugin is not part of this run")

    def _check_options(self) -> None:
        wrong: list[str] = []
        for candidate in self._candidates:
            metadata = candidate.executor.metadata
            table = self._effective.config.plugins.get(metadata.id)
            schema = metadata.config_schema
            if table is None or not table.options:
                continue
            path = ("plugins", metadata.id, "options")
            if schema is None:
                place = self._effective.place(*path)
                self._remarks.append(f"{place}: not checked, because the plugin declares no config_schema")
                continue
            try:
                problems = list(option_problems(table.options, schema, path))
            except ConfigError as error:
                raise ConfigError(f"{candidate.path}: config_schema of the plugin: {error}") from error
            wrong += [f"{self._effective.place(*each.path)} {each.text}" for each in problems]
        if wrong:
            raise ConfigError("\n".join(wrong))


def _processors() -> int:
    """Those this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def guessed_id(path: Path) -> str:
    """The id a plugin file has if it is named after it: its folder's name for a `plugin.ts`."""
    return path.resolve().parent.name if path.stem == "plugin" else path.stem
