"""`isoscan findings`: what earlier runs found, and what was decided about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from ..errors import ConfigError
from ..models import Finding, Severity
from ..reports.text import printable
from .exits import STANDARD_STREAM, Exit
from .findings_text import as_json, description, fields_of, findings_table, table_text, traffic_lines
from .output import write_stdout
from .store_options import NOT_GIVEN, Database, moment_before, open_store, parse_day, user_name

if TYPE_CHECKING:
    from ..record import ReportedFinding
    from ..redact import Redactor
    from ..store.findings import FindingStore, StoredFinding

SeverityName = Literal["info", "low", "medium", "high", "critical"]
StatusName = Literal["open", "accepted", "all"]
Redact = Annotated[bool, Parameter(name="--redact", negative="--no-redact")]
Plugins = Annotated[list[str] | None, Parameter(name=["--plugin", "-p"], negative="")]
New = Annotated[bool, Parameter(name="--new", negative="")]

_SHOWN_PLACES = 10


def list_command(
    *,
    status: StatusName = "open",
    severity: SeverityName = "info",
    plugin: Plugins = None,
    new: New = False,
    format: Annotated[Literal["table", "json", "jsonl"], Parameter(name=["--format", "-f"])] = "table",
    redact: Redact = True,
    db: Database = NOT_GIVEN,
) -> int:
    """List findings, worst first.

    Parameters
    ----------
    status
        "open" (default), "accepted" or "all".
    severity
        At least this severe.
    plugin
        Of this plugin, by its id; repeat for more.
    new
        Only those the last run found for the first time.
    format
        "table" for people, "json" or "jsonl" for programs.
    redact
        Mask secrets (default).
    db
        The store. Default: the project's own.
    """
    with open_store(db) as store:
        wanted = None if status == "all" else status
        found = store.find(status=wanted, at_least=Severity(severity), plugins=plugin or (), is_new=new)
        masked = _masking(store, redact)
        if format == "table":
            write_stdout(findings_table([(one, *masked(one)) for one in found]))
        else:
            rows = (fields_of(one, *masked(one)) for one in found)
            texts = (as_json(row) for row in rows)
            write_stdout(
                "".join(f"{text}\n" for text in texts)
                if format == "jsonl"
                else "[" + ",\n".join(texts) + "]\n"
            )
    return Exit.OK


def show_command(fingerprint: str, /, *, redact: Redact = True, db: Database = NOT_GIVEN) -> int:
    """Show one finding with its request and response.

    Parameters
    ----------
    fingerprint
        The first digits of a fingerprint, at least four.
    redact
        Mask secrets (default).
    db
        The store. Default: the project's own.
    """
    with open_store(db) as store:
        stored = store.one(fingerprint)
        transaction = store.transaction(stored)
        redactor = _redactor(redact)
        finding, shown = stored.finding, stored.fingerprint
        if redactor is not None:
            from ..redact import shareable_fingerprint

            finding = redactor.finding(finding, transaction)
            shown = shareable_fingerprint(finding)
            transaction = None if transaction is None else redactor.transaction(transaction)
        places = store.places(stored, _SHOWN_PLACES)
    lines = [*description(stored, finding, shown, places)]
    if transaction is not None:
        lines += ["", *traffic_lines(transaction)]
    write_stdout("\n".join(lines) + "\n")
    return Exit.OK


def export_command(
    *,
    output: Annotated[list[str] | None, Parameter(name=["--output", "-o"], negative="")] = None,
    format: Annotated[str, Parameter(name=["--format", "-f"])] = NOT_GIVEN,
    status: StatusName = "open",
    severity: SeverityName = "info",
    plugin: Plugins = None,
    new: New = False,
    redact: Annotated[bool | None, Parameter(name="--redact", negative="--no-redact")] = None,
    db: Database = NOT_GIVEN,
) -> int:
    """Write findings as a report, each once; coverage is that of the last run.

    Parameters
    ----------
    output
        A file, repeat for several reports; "-" is standard output (default). Its suffix tells the format.
    format
        The format of outputs whose suffix tells none.
    status
        "open" (default), "accepted" or "all".
    severity
        At least this severe.
    plugin
        Of this plugin, by its id; repeat for more.
    new
        Only those the last run found for the first time.
    redact
        Mask secrets. Default: when --output names a file.
    db
        The store. Default: the project's own.
    """
    from ..reports.formats import FORMATS
    from .outputs import Outputs, output_specs

    if format is not None and format not in FORMATS:
        raise ConfigError(f"--format {format}: is not one of {', '.join(FORMATS)}")
    names = ["-" if name == STANDARD_STREAM else name for name in output or []]
    with open_store(db) as store:
        outputs = Outputs(output_specs(names, format))
        try:
            outputs.check_are_not([str(store.path)])
            redactor = _redactor(not outputs.is_private if redact is None else redact)
            record = store.last_record()
            record.is_redacted = redactor is not None
            outputs.begin()
            wanted = None if status == "all" else status
            for stored in store.find(
                status=wanted, at_least=Severity(severity), plugins=plugin or (), is_new=new
            ):
                reported = _reported(store, stored, redactor, shows_traffic=outputs.shows_traffic)
                record.findings[stored.finding.severity] += 1
                record.fingerprints.add(reported.fingerprint)
                if not outputs.add(reported):
                    return Exit.INCOMPLETE
            outputs.finish(record)
            outputs.commit()
        finally:
            outputs.close()
    return Exit.OK


def accept_command(
    fingerprints: Annotated[list[str], Parameter(name="FINGERPRINT", consume_multiple=True, negative="")],
    /,
    *,
    reason: str,
    until: str = NOT_GIVEN,
    db: Database = NOT_GIVEN,
) -> int:
    """Accept findings, so that they are not open any more.

    Parameters
    ----------
    fingerprints
        The first digits of fingerprints, at least four of each.
    reason
        Why; it is kept with your name and the day.
    until
        The last day (UTC) this holds, for example 2026-12-31. Default: for good.
    db
        The store. Default: the project's own.
    """
    if not reason.strip():
        raise ConfigError("--reason: say why")
    day = None if until is None else parse_day(until, "--until")
    with open_store(db) as store:
        found = [store.one(fingerprint) for fingerprint in fingerprints]
        store.accept(found, reason, day, user_name())
        _say("accepted", found)
    return Exit.OK


def reopen_command(
    fingerprints: Annotated[list[str], Parameter(name="FINGERPRINT", consume_multiple=True, negative="")],
    /,
    *,
    db: Database = NOT_GIVEN,
) -> int:
    """Open accepted findings again.

    Parameters
    ----------
    fingerprints
        The first digits of fingerprints, at least four of each.
    db
        The store. Default: the project's own.
    """
    with open_store(db) as store:
        found = [store.one(fingerprint) for fingerprint in fingerprints]
        store.reopen(found, user_name())
        _say("open again", found)
    return Exit.OK


def runs_command(
    *,
    format: Annotated[Literal["table", "json"], Parameter(name=["--format", "-f"])] = "table",
    db: Database = NOT_GIVEN,
) -> int:
    """List the runs in the store, the newest first.

    Parameters
    ----------
    format
        "table" for people, "json" for programs.
    db
        The store. Default: the project's own.
    """
    import msgspec

    with open_store(db) as store:
        runs = store.runs()
        path = store.path
    if format == "json":
        write_stdout("[" + ",\n".join(as_json(msgspec.to_builtins(run)) for run in runs) + "]\n")
        return Exit.OK
    rows = [
        [
            str(run.number),
            run.started_at[:19].replace("T", " "),
            run.outcome or ("going on" if run.is_alive else "broken off")
            if run.state != "abandoned"
            else "abandoned",
            str(run.transactions),
            str(run.findings),
            " ".join(run.inputs),
        ]
        for run in runs
    ]
    table = table_text(("run", "started (UTC)", "outcome", "transactions", "findings", "inputs"), rows)
    write_stdout(f"{printable(str(path))}\n{table}")
    return Exit.OK


def prune_command(
    *, older_than: Annotated[str, Parameter(name="--older-than")], db: Database = NOT_GIVEN
) -> int:
    """Forget old runs, and open findings that were not seen since. The last run stays.

    Parameters
    ----------
    older_than
        How old, for example 90d, 12h or 4w.
    db
        The store. Default: the project's own.
    """
    before = moment_before(older_than, "--older-than")
    with open_store(db) as store:
        runs, findings = store.prune(before)
    write_stdout(f"forgot {runs} runs and {findings} findings\n")
    return Exit.OK


def _say(what: str, found: list[StoredFinding]) -> None:
    for one in found:
        write_stdout(f"{what}: {one.fingerprint}\n")


def _redactor(is_wanted: bool) -> Redactor | None:
    from ..redact import Redactor

    return Redactor() if is_wanted else None


def _masking(store: FindingStore, is_wanted: bool) -> Callable[[StoredFinding], tuple[Finding, str]]:
    """What turns a stored finding into one to show and the fingerprint to show with it."""
    from ..redact import shareable_fingerprint

    redactor = _redactor(is_wanted)

    def masked(stored: StoredFinding) -> tuple[Finding, str]:
        if redactor is None:
            return stored.finding, stored.fingerprint
        finding = redactor.finding(stored.finding, store.transaction(stored))
        return finding, shareable_fingerprint(finding)

    return masked


def _reported(
    store: FindingStore, stored: StoredFinding, redactor: Redactor | None, *, shows_traffic: bool
) -> ReportedFinding:
    from ..record import ReportedFinding
    from ..redact import shareable_fingerprint

    transaction = store.transaction(stored) if shows_traffic or redactor is not None else None
    finding, fingerprint = stored.finding, stored.fingerprint
    if redactor is not None:
        finding = redactor.finding(finding, transaction)
        fingerprint = shareable_fingerprint(finding)
        if transaction is not None and shows_traffic:
            transaction = redactor.transaction(transaction)
    return ReportedFinding(
        finding=finding,
        fingerprint=fingerprint,
        traffic=transaction if shows_traffic else None,
        place=stored.place,
        is_new=store.is_new(stored),
    )
