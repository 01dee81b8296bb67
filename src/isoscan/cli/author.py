"""What a plugin author asks of a run beside its findings: console, profile, debugger, watch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from .._crews import crews_of
from .._loop import new_event_loop
from ..config import Effective
from ..errors import ConfigError
from ..models import ExecutorStats, ScanResult
from ..sources import Entry
from .exits import Exit
from .loading import SelectingScanner, _ReadyExecutor

if TYPE_CHECKING:
    from ..redact import Redactor
    from .inspect import Inspection
    from .profile import Profile
    from .watch import Watch

T = TypeVar("T")
Observer = Callable[[ScanResult, Entry], None]
#: `--profile` alone: a table, no file.
TABLE_ONLY = ""


class AuthorOptions(Struct, frozen=True, kw_only=True):
    """The author's options as given. `profile` is None, `TABLE_ONLY` or the file for the JSON form."""

    watch: bool = False
    inspect: str | None = None
    profile: str | None = None
    console: bool = False


class AuthorTools:
    """The tools of one run, and the event loop they share with it. Without any option it adds nothing.

    Enter it, `prepare` it when the configuration is known, scan with `scanner` and `run`, hand each result
    to `observer`, and `follow` the run when its summary is written.
    """

    def __init__(self, options: AuthorOptions) -> None:
        self.options = options
        self._runner = asyncio.Runner(loop_factory=new_event_loop)
        self._observers: list[Observer] = []
        self._inspection: Inspection | None = None
        self._profile: Profile | None = None
        self._watch: Watch | None = None
        self._scanner: _AuthorScanner | None = None

    def __enter__(self) -> Self:
        self._runner.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        if self._profile is not None:
            self._profile.close()
        if self._scanner is not None:
            self._runner.run(self._scanner.let_go())
        self._runner.close()

    @property
    def allows_store(self) -> bool:
        """Versions under work do not belong among the project's results."""
        return not self.options.watch and self.options.inspect is None

    @property
    def allows_resume(self) -> bool:
        """What comes from the store was not measured."""
        return self.options.profile is None

    @property
    def observer(self) -> Observer | None:
        """To be called with every result and the entry it is about; None when nobody looks."""
        if not self._observers:
            return None

        def observe(result: ScanResult, entry: Entry) -> None:
            for each in self._observers:
                each(result, entry)

        return observe

    def prepare(self, effective: Effective, inputs: Sequence[str], read: Sequence[str]) -> None:
        """Says what cannot be, before anything is scanned; `read` are files that no output may replace."""
        options = self.options
        if options.watch and options.inspect is not None:
            raise ConfigError(
                "--watch and --inspect: a debugger holds one version of a plugin; give one of the two"
            )
        if options.watch:
            from .watch import check_inputs

            check_inputs(inputs)
        if options.inspect is not None:
            from .inspect import Inspection

            self._inspection = Inspection(options.inspect, effective)
        if options.profile is not None:
            from .profile import Profile

            self._profile = Profile(options.profile, effective, read)

    def attach(self, redactor: Redactor | None) -> None:
        """Makes those ready that look at results; `redactor` masks what they show, if the run masks."""
        if self.options.console:
            from .console import ConsolePrinter

            self._observers.append(ConsolePrinter(redactor).print)
        if self.options.watch:
            from .watch import Watch

            self._watch = Watch(redactor, tuple(self._observers))
            self._observers.append(self._watch.observe)
        if self._profile is not None:
            self._profile.redactor = redactor
            self._observers.append(self._profile.observe)

    def scanner(self, paths: Sequence[Path], effective: Effective, remarks: list[str]) -> SelectingScanner:
        """The scanner of the run, with executors that outlive it if they are watched."""
        options = self.options
        if not options.watch and options.inspect is None and options.profile is None:
            return SelectingScanner(paths, effective, remarks)
        # One process for each plugin: one to watch, to hold in a debugger, to weigh.
        if effective.config.workers is not None:
            remarks.append(f"{effective.place('workers')}: not used, each plugin runs in one process here")
        if effective.config.db is not None and not self.allows_store:
            option = "--watch" if options.watch else "--inspect"
            remarks.append(f"{effective.place('db')}: not used, {option} keeps nothing in a store")
        effective = replace(effective, config=replace(effective.config, workers=1))
        self._scanner = _AuthorScanner(paths, effective, remarks, self._inspection, is_kept=options.watch)
        return self._scanner

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Runs the coroutine on the tools' event loop."""
        return self._runner.run(main)

    def follow(self, code: int, sources: Callable[[], list[Iterator[Entry]]]) -> int:
        """What comes after the summary: the profile, then the watch. `sources` opens the inputs anew."""
        scanner = self._scanner
        if scanner is None or code == Exit.INTERRUPTED:
            return code
        if self._profile is not None:
            is_whole = self._runner.run(
                self._profile.conclude(scanner.executors, scanner.coverage, scanner.stats)
            )
            if not is_whole:
                return Exit.INTERRUPTED
        if self._watch is not None and code != Exit.USAGE:
            code = self._runner.run(self._watch.run(scanner.executors, sources))
        return code


class _KeptExecutor(_ReadyExecutor):
    """An executor that outlives its scanner: the end of a run does not end it, only an error or `let_go`."""

    is_kept = False

    async def shutdown(self, *, drain: bool = True) -> None:
        """As usual, unless it is kept and nothing went wrong."""
        if not (self.is_kept and drain):
            await super().shutdown(drain=drain)


class _AuthorScanner(SelectingScanner):
    """As `SelectingScanner`; keeps the last statistics, has one inspected, spares executors if told."""

    def __init__(
        self,
        paths: Sequence[Path],
        effective: Effective,
        remarks: list[str],
        inspection: Inspection | None,
        *,
        is_kept: bool,
    ) -> None:
        self._is_kept = is_kept
        self._inspection = inspection
        self.stats: dict[str, ExecutorStats] = {}
        super().__init__(paths, effective, remarks)

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        if self._inspection is not None:
            try:
                self.executors = await self._inspection.replace_one(self.executors)
                self._crews = crews_of(self.executors)
                self.coverage.sandbox = "permissions"
                self.coverage.sandbox_missing = {"operating system": "--inspect"}
            except BaseException:
                await self._shut_down(drain=False)
                raise
        return self

    def _executor(self, path: Path, plugin_id: str) -> _KeptExecutor:
        executor = _KeptExecutor.from_file(path, **self._effective.options_of(plugin_id))
        executor.is_kept = self._is_kept
        return executor

    async def _shut_down(self, *, drain: bool) -> None:
        self.stats = {executor.metadata.id: executor.get_stats() for executor in self.executors}
        await super()._shut_down(drain=drain)

    async def let_go(self) -> None:
        """Ends what was kept."""
        if self._is_kept:
            await asyncio.gather(*(executor.shutdown(drain=False) for executor in self.executors))
