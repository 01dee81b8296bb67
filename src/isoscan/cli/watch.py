"""`isoscan run --watch`: a plugin whose files change is loaded again, and what it finds is compared."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import signal
import stat
import sys
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from itertools import chain, islice
from pathlib import Path
from typing import cast

from msgspec import Struct, field

from ..errors import ConfigError, IsoscanError, PermissionsWidened
from ..executor import PluginExecutor
from ..models import Finding, HttpTransaction, ScanResult
from ..redact import Redactor
from ..reports.text import counted, printable
from ..sandbox.modules import PLUGIN_SUFFIXES
from ..sources import Entry
from .exits import Exit

_POLL_S = 0.2
_MAX_SHOWN = 20
_LINE_CHARS = 300
#: Of a folder that is looked at because a plugin does not load.
_MAX_FILES = 2000

_SUFFIXES = (*PLUGIN_SUFFIXES, ".json")
#: The digest of a file that cannot be read.
_NOT_THERE = b""

Sources = Callable[[], list[Iterator[Entry]]]
Observer = Callable[[ScanResult, Entry], None]
#: Time of the last change, size and inode; None for a file that is not there.
_Stat = tuple[int, int, int] | None


def check_inputs(names: Sequence[str]) -> None:
    """Refuses inputs that can be read once only."""
    for name in names:
        if name == "-":
            raise ConfigError(
                "--watch scans its inputs again and again, standard input comes once; name a file"
            )
        with contextlib.suppress(OSError):  # whoever reads it says what is wrong with it
            if not stat.S_ISREG(Path(name).stat().st_mode):
                raise ConfigError(f"--watch reads its inputs again and again; {name} is no plain file")


class Version(Struct):
    """What one version of a plugin made of the inputs: findings by fingerprint with a line about each."""

    findings: dict[str, str] = field(default_factory=dict)
    scans: int = 0
    failures: int = 0
    first_failure: str = ""

    def add(self, result: ScanResult, transaction: HttpTransaction, redactor: Redactor | None) -> None:
        """Counts one result."""
        self.scans += 1
        if not result.verdict.is_complete and result.verdict.value != "skipped":
            self.failures += 1
            if not self.first_failure:
                shown = result if redactor is None else redactor.result(result, transaction)
                self.first_failure = f"{result.verdict.value} at {result.transaction_id}: {shown.error}"
        for finding in result.findings:
            fingerprint = finding.fingerprint
            if fingerprint not in self.findings:
                masked = finding if redactor is None else redactor.finding(finding, transaction)
                self.findings[fingerprint] = _line(masked)


def compare(old: Version, new: Version) -> Iterator[str]:
    """What came, what went, how many stayed; then the lines of both, and what failed."""
    came = [line for key, line in new.findings.items() if key not in old.findings]
    went = [line for key, line in old.findings.items() if key not in new.findings]
    stayed = len(new.findings) - len(came)
    yield f"+ {len(came)} new, - {len(went)} gone, {stayed} unchanged"
    for mark, lines in (("+", came), ("-", went)):
        yield from (f"  {mark} {line}" for line in lines[:_MAX_SHOWN])
        if len(lines) > _MAX_SHOWN:
            yield f"  {mark} … and {len(lines) - _MAX_SHOWN} more"
    if new.failures:
        yield f"  ! {counted(new.failures, 'scan')} failed, first: {new.first_failure}"
    elif old.failures:
        yield "  no scan fails any more"


class Watch:
    """Looks at the files of the run's plugins, and after each change at what the new version finds.

    `observe` gets the results of the first run; `observers` those of every later one.
    """

    def __init__(self, redactor: Redactor | None, observers: Sequence[Observer] = ()) -> None:
        self._redactor = redactor
        self._observers = observers
        self._versions: dict[str, Version] = {}

    def observe(self, result: ScanResult, entry: Entry) -> None:
        """One result of the first run."""
        assert entry.transaction is not None
        version = self._versions.setdefault(result.plugin_id, Version())
        version.add(result, entry.transaction, self._redactor)

    async def run(self, executors: Sequence[PluginExecutor], sources: Sources) -> int:
        """Watches until Ctrl-C or SIGTERM, which is how a watch ends: exit code 0."""
        loop = asyncio.get_running_loop()
        is_ended = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, is_ended.set)
        watching = asyncio.create_task(self._watch(executors, sources), name="isoscan-watch")
        ending = asyncio.create_task(is_ended.wait(), name="isoscan-watch-end")
        await asyncio.wait([watching, ending], return_when=asyncio.FIRST_COMPLETED)
        for task in (watching, ending):
            task.cancel()
        await asyncio.wait([watching, ending])
        if not watching.cancelled():
            watching.result()  # raises: of itself it never ends
        _say("watch: ended")
        return Exit.OK

    async def _watch(self, executors: Sequence[PluginExecutor], sources: Sources) -> None:
        watched = [_Watched(executor, self._versions.get(executor.metadata.id)) for executor in executors]
        files = sum(len(one.files) for one in watched)
        _say(f"watch: {counted(files, 'file')} of {counted(len(watched), 'plugin')}; Ctrl-C ends it")
        while True:
            for one in watched:
                if one.is_due or one.has_changed():
                    await self._take_version(one, sources)
            await asyncio.sleep(_POLL_S)

    async def _take_version(self, one: _Watched, sources: Sources) -> None:
        one.is_due = False
        plugin_id = one.executor.metadata.id
        try:
            report = await one.executor.reload()
        except IsoscanError as error:
            one.expect_repair()
            first, *more = _in_folder(error, one.path).splitlines()
            _say(f"{plugin_id}: not loaded, the version before stays: {first}")
            for line in more[:_MAX_SHOWN]:
                _say(f"  {line}")
            if isinstance(error, PermissionsWidened):
                _say("  waiting for a version that asks for less; start again with --allow to grant it")
            return
        one.look_again()
        _say(f"{plugin_id}: reloaded in {report.duration_ms:.0f} ms, scanning again")
        version = await self._scan(one, sources)
        if version is not None:
            for line in compare(one.version, version):
                _say(line)
            one.version = version

    async def _scan(self, one: _Watched, sources: Sources) -> Version | None:
        """What the version finds; None when the next one is there already, or an input is broken."""
        loop = asyncio.get_running_loop()
        version = Version()
        opened: deque[Entry] = deque()
        looked_at = loop.time()
        try:
            transactions = _read(chain.from_iterable(sources()), opened)
            scans = cast("AsyncGenerator[ScanResult, None]", one.executor.scan_many(transactions))
            async with aclosing(scans):
                async for result in scans:
                    entry = opened.popleft()
                    assert entry.transaction is not None
                    version.add(result, entry.transaction, self._redactor)
                    for observe in self._observers:
                        observe(result, entry)
                    if loop.time() - looked_at > _POLL_S:
                        looked_at = loop.time()
                        one.is_due = one.has_changed()
                        if one.is_due:
                            _say("  changed again, starting over")
                            return None
        except IsoscanError as error:
            _say(f"  not scanned to the end: {error}")
            return None
        return version


class _Watched:
    """One plugin: its executor, the files it is made of, and what its serving version found.

    A change counts when the files hold still for the time between two looks, and hold something else.
    """

    def __init__(self, executor: PluginExecutor, version: Version | None) -> None:
        self.executor = executor
        self.version = version or Version()
        #: Content, as a digest, of what was loaded or tried last.
        self.files: dict[Path, bytes] = {}
        #: A version waits to be loaded.
        self.is_due = False
        self._stats: dict[Path, _Stat] = {}
        self._is_settling = False
        self._is_folder_watched = False
        self.look_again()

    @property
    def path(self) -> Path:
        """The plugin file."""
        path = self.executor._plugin.path
        assert path is not None, "plugins of a run are files"
        return path

    def look_again(self) -> None:
        """The files are those of the version that serves now."""
        source = self.executor._source
        assert source is not None, "the executor is started"
        folder = self.path.parent
        self._look_at([folder / name for name in (*source.names, *source.assets)])

    def expect_repair(self) -> None:
        """A version does not load: what it lacks may come with any file of the folder."""
        self._is_folder_watched = True
        self._find_more(_digest)

    def has_changed(self) -> bool:
        """Whether there is a new version to load; asked again and again."""
        self._find_more(lambda path: _NOT_THERE)
        stats = {path: _stat(path) for path in self.files}
        if stats != self._stats:
            self._stats = stats
            self._is_settling = True
            return False
        if not self._is_settling:
            return False
        self._is_settling = False
        before, self.files = self.files, {path: _digest(path) for path in self.files}
        return self.files != before

    def _find_more(self, digest: Callable[[Path], bytes]) -> None:
        if not self._is_folder_watched:
            return
        folder = self.path.parent
        found = (path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES and path.is_file())
        for path in islice(found, _MAX_FILES):
            if path not in self.files:
                self.files[path] = digest(path)

    def _look_at(self, paths: Sequence[Path]) -> None:
        self._is_folder_watched = False
        # What was read before the version was loaded stays: it may have changed since.
        self.files = {path: self.files.get(path) or _digest(path) for path in paths}
        self._stats = {path: self._stats.get(path) or _stat(path) for path in paths}


def _stat(path: Path) -> _Stat:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _digest(path: Path) -> bytes:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError:
        return _NOT_THERE


def _read(entries: Iterable[Entry], opened: deque[Entry]) -> Iterator[HttpTransaction]:
    """The transactions, and in `opened` the entries they stand in; the first run told of the others."""
    for entry in entries:
        if entry.transaction is not None:
            opened.append(entry)
            yield entry.transaction


def _line(finding: Finding) -> str:
    where = f"{finding.method} {finding.url}"
    place = f" ({finding.location})" if finding.location else ""
    return f"{finding.severity.value:<8} {finding.title}{place}  {where}"


def _in_folder(error: IsoscanError, path: Path) -> str:
    """An error's text, with the plugin's file as the user named it."""
    text = str(error)
    folder = str(path.parent)
    is_place = error.file is not None and text.startswith(error.file)
    return f"{folder}/{text}" if is_place and folder != "." else text


def _say(text: str) -> None:
    sys.stderr.write(printable(text, _LINE_CHARS) + "\n")
    sys.stderr.flush()
