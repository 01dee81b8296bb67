"""All reports of one run, each with the place it is written to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from ..errors import ConfigError, InputError
from ..record import ReportedFinding, RunRecord
from ..reports import Report
from ..reports.formats import SHOWING_TRAFFIC, format_of, make_report, misspelt_suffix
from .output import Output, OutputClosed


class OutputSpec(Struct, frozen=True):
    """One report that was asked for: the format and the file, `-` for standard output."""

    format: str
    name: str


def output_specs(names: Sequence[str], format_: str | None) -> list[OutputSpec]:
    """What `--output` (any number) and `--format` ask for.

    A suffix that stands for a format decides, unless there is one output only and a format was named.
    Raises `ConfigError` when a place is named twice, or its suffix is one misspelt.
    """
    places = list(names) or ["-"]
    for name in places:
        if places.count(name) > 1:
            raise ConfigError(f"--output {name}: is named twice")
        if format_ is None and (near := misspelt_suffix(name)) is not None:
            raise ConfigError(f"--output {name}: did you mean {near}? --format table keeps the name")
    if len(places) == 1 and format_ is not None:
        return [OutputSpec(format_, places[0])]
    return [OutputSpec(format_of(name) or format_ or "table", name) for name in places]


class Outputs:
    """The reports of a run. Opened before anything is scanned, so that a wrong place is known early."""

    def __init__(self, specs: Sequence[OutputSpec]) -> None:
        self._outputs: list[Output] = []
        try:
            for spec in specs:
                self._outputs.append(Output(spec.name))
        except ConfigError:
            self.close()
            raise
        self._reports = [
            make_report(spec.format, output, is_terminal=output.is_stdout and output.is_terminal)
            for spec, output in zip(specs, self._outputs, strict=True)
        ]
        #: Only who runs it sees it: a file may be shared, and annotations are shown with the build.
        self.is_private = all(spec.name == "-" and spec.format != "github" for spec in specs)
        self.shows_traffic = any(spec.format in SHOWING_TRAFFIC for spec in specs)
        #: Of the output that nobody reads any more.
        self.closed_name: str | None = None
        #: What went wrong with those that could not be written. They cost the others nothing.
        self.failures: list[str] = []
        self._failed: set[Output] = set()

    @property
    def is_writing(self) -> bool:
        """Whether a write may be blocked just now; for a signal handler."""
        return any(output.is_writing for output in self._outputs)

    def check_are_not(self, paths: Iterable[str]) -> None:
        """Refuses to write over a file that the run reads."""
        paths = list(paths)
        for output in self._outputs:
            output.check_is_not(paths)

    def begin(self) -> None:
        """Empties what is written in place."""
        for output in self._outputs:
            output.begin()

    def add(self, reported: ReportedFinding) -> bool:
        """One finding for every report. False when somebody stopped reading.

        Raises `InputError` when none is left that can be written.
        """
        is_read = self._each(lambda report: report.add(reported))
        if len(self._failed) == len(self._outputs):
            raise InputError(self.failures.pop())
        return is_read

    def finish(self, run: RunRecord) -> bool:
        """There are no more findings. False when somebody stopped reading."""
        return self._each(lambda report: report.finish(run))

    def _each(self, write: Callable[[Report], None]) -> bool:
        for output, report in zip(self._outputs, self._reports, strict=True):
            if output in self._failed:
                continue
            try:
                write(report)
            except OutputClosed:
                self.closed_name = output.shown_name
            except InputError as error:
                self._fail(output, error)
        return self.closed_name is None

    def _fail(self, output: Output, error: InputError) -> None:
        self._failed.add(output)
        self.failures.append(str(error))

    def commit(self) -> None:
        """All is written: the files take their names."""
        for output in self._outputs:
            try:
                output.commit()
            except InputError as error:
                self._fail(output, error)

    def close(self) -> list[str]:
        """Closes all; for each file that was not committed, one sentence that says where it is."""
        left = ((output, output.close()) for output in self._outputs)
        return [
            f"{output.shown_name} was {'left as it was' if output.was_there else 'not written to its end'};"
            f" what was written is in {unfinished}"
            for output, unfinished in left
            if unfinished is not None
        ]
