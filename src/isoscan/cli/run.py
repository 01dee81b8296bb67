"""`isoscan run`: from options to a pipeline, and from what it did to an exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from msgspec import Struct, to_builtins

from ..baseline import Baseline, read_baseline
from ..config import Effective, load
from ..config.values import size_bytes
from ..errors import ConfigError
from ..models import Severity
from ..plugin_files import bundled_plugins, find_plugins
from ..record import RunRecord
from ..redact import Redactor
from ..reports.text import printable
from ..sources import Entry, find_inputs, open_inputs
from ..store.keeper import RunKeeper, StoreOptions
from ..triage import Triage
from .author import AuthorOptions, AuthorTools
from .exits import Exit, complain
from .output import Output, open_file
from .outputs import Outputs, output_specs
from .pipeline import Pipeline
from .summary import summarise


class RunOptions(Struct, frozen=True, kw_only=True):
    """What one run was told on its command line. `given` has the options by their keys in a configuration."""

    inputs: list[str]
    given: dict[str, Any]
    #: A configuration file; else the one that is found, if any is wanted.
    config: str | None = None
    is_config_wanted: bool = True
    write_baseline: str | None = None
    author: AuthorOptions = AuthorOptions()


def run_command(options: RunOptions) -> int:
    """Runs it all. Everything that can be wrong beforehand is said before anything is scanned."""
    with AuthorTools(options.author) as tools:
        return _run(options, tools)


def _run(options: RunOptions, tools: AuthorTools) -> int:
    effective = load(options.config, is_wanted=options.is_config_wanted, given=options.given)
    config = effective.config
    is_stored = config.store and tools.allows_store
    if config.new_only and config.baseline is None and not is_stored:
        place = effective.place("new_only")
        raise ConfigError(f"{place}: nothing tells which findings are new; give --baseline or keep a store")
    paths = find_plugins(config.plugin) if config.plugin else bundled_plugins()
    if "-" in options.inputs and sys.stdin is None:
        raise ConfigError("standard input is closed; name a file instead of '-'")
    inputs = find_inputs(options.inputs)
    names = [each.path for each in inputs]
    tools.prepare(effective, names, [*names, *map(str, paths)])
    seen = None if options.write_baseline is None else Baseline()
    triage = _triage(effective, seen)
    keeper = RunKeeper(
        StoreOptions(db=config.db, is_kept=is_stored, resumes=config.resume and tools.allows_resume),
        names,
        _settings(effective),
    )
    specs = output_specs(config.output, config.format)
    if any(spec.name == "-" for spec in specs) and sys.stdout is None:
        raise ConfigError("standard output is closed; write to a file with --output")
    outputs = Outputs(specs)
    baseline_file: Output | None = None
    is_redacted = not outputs.is_private if config.redact is None else config.redact
    redactor = Redactor() if is_redacted else None
    tools.attach(redactor)
    record = RunRecord(inputs=list(options.inputs), is_redacted=is_redacted, is_new_only=config.new_only)
    _remark_before(effective, triage, record)
    try:
        read = [*names, *map(str, paths), *map(str, keeper.files)]
        read += [] if effective.file is None else [str(effective.file.path)]
        outputs.check_are_not([*read, *filter(None, [config.baseline])])
        baseline_file = _open_baseline(options.write_baseline, read)
        scanner = tools.scanner(paths, effective, record.remarks)
        sources = _in_scope(open_inputs(inputs), effective, record)
        pipeline = Pipeline(
            scanner, sources, outputs, redactor, record, keeper, triage, observe=tools.observer
        )
        tools.run(pipeline.run())
        outputs.commit()
        if outputs.failures:
            keeper.lose_report()
        _write_baseline(baseline_file, seen, record)
        keeper.finish(record)
    except ExceptionGroup as group:
        return complain("\n".join(str(error) for error in group.exceptions))
    finally:
        keeper.close()
        left = outputs.close()
        if baseline_file is not None:
            baseline_file.close()
        for sentence in left:
            complain(sentence)
    _remark_after(triage, record)
    code = _conclude(record, config.fail_on, outputs.closed_name or "", redactor, keeper)
    for failure in outputs.failures:
        complain(failure)
    if outputs.failures and code != Exit.INTERRUPTED:
        code = Exit.USAGE
    return tools.follow(code, lambda: _in_scope(open_inputs(inputs), effective, RunRecord()))


def parse_size(text: str, option: str) -> int:
    """Bytes from `512MB`, `1.5GiB` or a plain number; units are powers of 1024."""
    try:
        return size_bytes(text)
    except ConfigError as error:
        raise ConfigError(f"{option} {error}") from error


def _triage(effective: Effective, seen: Baseline | None) -> Triage:
    config = effective.config
    known = None if config.baseline is None else read_baseline(config.baseline)
    return Triage(effective.suppressions, known, is_new_only=config.new_only, seen=seen)


def _settings(effective: Effective) -> dict[str, Any]:
    """What a run that was broken off must have in common with the one that takes it up."""
    config = effective.config
    names = (
        "timeout_s",
        "memory",
        "allow",
        "sandbox",
        "isolate_per",
        "select",
        "exclude",
        "scope",
        "plugins",
    )
    settings = {name: to_builtins(getattr(config, name)) for name in names}
    return {name: value for name, value in settings.items() if value}


def _in_scope(
    sources: list[Iterator[Entry]], effective: Effective, record: RunRecord
) -> list[Iterator[Entry]]:
    scope = effective.scope
    if scope.is_everything:
        return sources
    return [scope.filter(source, record.left_out) for source in sources]


def _open_baseline(name: str | None, read: list[str]) -> Output | None:
    if name is None:
        return None
    if name == "-":
        raise ConfigError("--write-baseline -: a baseline is a file; name one")
    return open_file(name, "--write-baseline ", read)


def _write_baseline(file: Output | None, seen: Baseline | None, record: RunRecord) -> None:
    """Not after a run that was broken off: what it did not reach would count as new for ever."""
    if file is None or seen is None:
        return
    if record.is_interrupted or record.input_error is not None:
        record.remarks.append(f"baseline: {file.shown_name} was not written, because the run was broken off")
        return
    file.begin()
    file.write(seen.encoded())
    file.commit()
    more = "" if record.is_complete else "; the run is incomplete, so there may be more"
    record.remarks.append(f"baseline: {len(seen)} findings written to {file.shown_name}{more}")


def _remark_before(effective: Effective, triage: Triage, record: RunRecord) -> None:
    """Where the configuration is from, and what of it is out of date."""
    if effective.file is not None:
        ignored = effective.file.ignored
        beside = f"; {ignored} beside it is not used" if ignored else ""
        record.remarks.append(f"config: {effective.file.name}{beside}")
    for place, suppression in triage.expired.items():
        record.remarks.append(f"suppression {place} expired on {suppression.until} and no longer holds")


def _remark_after(triage: Triage, record: RunRecord) -> None:
    """Which suppressions nothing needs any more, as far as an incomplete run could tell."""
    if record.is_complete:
        unused = [label for label in triage.labels if not record.suppressed[label]]
        record.remarks += [f"suppression {label} matched nothing" for label in unused]


def _conclude(
    record: RunRecord, fail_on: str | None, closed_name: str, redactor: Redactor | None, keeper: RunKeeper
) -> int:
    if redactor is not None and redactor.masked:
        sys.stderr.write("redacted: secrets in findings and messages are masked; --no-redact shows them\n")
    for line in keeper.summary(record.coverage.transactions):
        sys.stderr.write(printable(line) + "\n")
    for line in summarise(record, closed_name):
        sys.stderr.write(line + "\n")
    if record.is_interrupted:
        return Exit.INTERRUPTED
    if record.input_error is not None:
        return Exit.USAGE
    if fail_on is not None and any(
        count and severity.rank >= Severity(fail_on).rank for severity, count in record.alarming.items()
    ):
        return Exit.FINDINGS
    return Exit.OK if record.is_complete and not keeper.has_failed else Exit.INCOMPLETE
