"""What is in a store: tables, their columns and what each means; how an older one becomes a newer one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

#: In the header of the file (`PRAGMA application_id`): "isos".
APPLICATION_ID = 0x69736F73
#: In the header of the file (`PRAGMA user_version`).
VERSION = 1


class Column(Struct, frozen=True):
    """One column: its name, its type and constraints in SQL, its meaning."""

    name: str
    sql: str
    meaning: str


class Table(Struct, frozen=True):
    """One table. `tail` is what follows the columns in SQL, `indexes` are columns looked up by."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    tail: str = ""
    indexes: tuple[str, ...] = ()
    is_rowless: bool = False


TABLES = (
    Table(
        "runs",
        "One row for each `isoscan run`, however often it was broken off and taken up again.",
        (
            Column("id", "INTEGER PRIMARY KEY AUTOINCREMENT", "counts up; never used twice"),
            Column(
                "key",
                "BLOB",
                "SHA-256 of all that decides the results: inputs, plugins, options, version; of an "
                "unfinished run with the same key the rest is scanned. NULL when an input is no plain file",
            ),
            Column(
                "state",
                "TEXT NOT NULL CHECK (state IN ('running', 'interrupted', 'finished', 'abandoned'))",
                "`running`: or killed, when nobody holds its lock; `abandoned`: a later run with the "
                "same key began from scratch",
            ),
            Column("outcome", "TEXT", "`complete`, `incomplete` or `interrupted`; NULL until it ends"),
            Column("started_at", "TEXT NOT NULL", "UTC, ISO 8601"),
            Column("ended_at", "TEXT", "UTC; of a killed run NULL"),
            Column("elapsed_s", "REAL NOT NULL DEFAULT 0", "of all its parts together, as far as they ended"),
            Column("resumptions", "INTEGER NOT NULL DEFAULT 0", "how often it was taken up again"),
            Column("isoscan_version", "TEXT NOT NULL", "of the program"),
            Column("options", "TEXT NOT NULL", "JSON: the options that change results"),
            Column("entries", "INTEGER", "entries of the inputs; these four are NULL until it ends"),
            Column("rejected", "INTEGER", "entries that could not be read"),
            Column("out_of_scope", "INTEGER", "entries that are no HTTP exchanges"),
            Column("input_error", "TEXT", "what broke an input off"),
        ),
        indexes=("key",),
    ),
    Table(
        "inputs",
        "What a run read.",
        (
            Column("run_id", "INTEGER NOT NULL REFERENCES runs", "the run"),
            Column("number", "INTEGER NOT NULL", "its place among the run's inputs, from 0"),
            Column("name", "TEXT NOT NULL", "as given on the command line"),
            Column("path", "TEXT", "absolute, links followed; this and the following NULL for a pipe"),
            Column("size_bytes", "INTEGER", "of the file"),
            Column("mtime_ns", "INTEGER", "when the file was changed last, nanoseconds since 1970"),
            Column("digest", "BLOB", "SHA-256 of its first and last 64 KiB and its length"),
        ),
        tail="PRIMARY KEY (run_id, number)",
        is_rowless=True,
    ),
    Table(
        "plugins",
        "What a run ran.",
        (
            Column("run_id", "INTEGER NOT NULL REFERENCES runs", "the run"),
            Column("number", "INTEGER NOT NULL", "its place among the run's plugins, from 0"),
            Column("plugin_id", "TEXT NOT NULL", "from its metadata"),
            Column("version", "TEXT NOT NULL", "from its metadata"),
            Column("path", "TEXT", "absolute"),
            Column("code_hash", "BLOB NOT NULL", "SHA-256 of its modules and the files it may read"),
            Column("options", "TEXT NOT NULL", "JSON: `limits`, `permissions` in force, `sandbox`, `config`"),
        ),
        tail="PRIMARY KEY (run_id, number)",
        is_rowless=True,
    ),
    Table(
        "sources",
        "Names of files, so that `scans` need not repeat them.",
        (
            Column("id", "INTEGER PRIMARY KEY", "what other tables point at"),
            Column("name", "TEXT NOT NULL", "as given, `-`, or `archive.zip:inner.har`"),
            Column("unit", "TEXT NOT NULL", "what is counted in it: `entry`, `line`, `record`, …"),
        ),
        tail="UNIQUE (name, unit)",
    ),
    Table(
        "scans",
        "One row for each transaction of a run that was scanned. It is done when all plugins have a verdict.",
        (
            Column("run_id", "INTEGER NOT NULL REFERENCES runs", "the run"),
            Column("position", "INTEGER NOT NULL", "which transaction of the run it is, from 0"),
            Column("source_id", "INTEGER NOT NULL REFERENCES sources", "the file it stands in"),
            Column("entry", "INTEGER NOT NULL", "where in the file, counted as `sources.unit` says"),
            Column("offset_bytes", "INTEGER", "where in the file, if the reader knows"),
            Column("length_bytes", "INTEGER", "how long it is there"),
            Column("transaction_id", "TEXT", "NULL when it is `<source>#<entry>`"),
            Column("verdicts", "TEXT NOT NULL", "one letter for each plugin, in the order of `plugins`"),
            Column("durations_ms", "BLOB NOT NULL", "one 32-bit little-endian float for each plugin"),
        ),
        tail="PRIMARY KEY (run_id, position)",
        is_rowless=True,
    ),
    Table(
        "incidents",
        "Scans of which there is more to say than a verdict: errors, and attempts at what was not granted.",
        (
            Column("run_id", "INTEGER NOT NULL REFERENCES runs", "the run"),
            Column("position", "INTEGER NOT NULL", "the transaction"),
            Column("plugin", "INTEGER NOT NULL", "the plugin's number"),
            Column("detail", "BLOB NOT NULL", "JSON: `error`, `denials`, `attempts`, `generation`"),
        ),
        tail="PRIMARY KEY (run_id, position, plugin)",
        is_rowless=True,
    ),
    Table(
        "findings",
        "Each finding once, by its fingerprint, whatever the number of runs and transactions it came in.",
        (
            Column("id", "INTEGER PRIMARY KEY", "what other tables point at"),
            Column("fingerprint", "TEXT NOT NULL UNIQUE", "32 hexadecimal digits"),
            Column(
                "shared_fingerprint",
                "TEXT",
                "the one in reports with masked secrets; NULL until it is asked for",
            ),
            Column("plugin_id", "TEXT NOT NULL", "who reports it"),
            Column("severity", "INTEGER NOT NULL", "0 (info) to 4 (critical)"),
            Column("finding", "BLOB NOT NULL", "JSON: the whole finding as it came first; not masked"),
            Column("first_run", "INTEGER NOT NULL", "the run it came in first"),
            Column("first_seen", "TEXT NOT NULL", "when, UTC"),
            Column("last_run", "INTEGER NOT NULL", "the run it came in last"),
            Column("last_seen", "TEXT NOT NULL", "when, UTC"),
            Column("hits", "INTEGER NOT NULL", "how often it came, in all runs"),
            Column("traffic_id", "INTEGER REFERENCES traffic", "a transaction it was found in"),
            Column(
                "traffic_run", "INTEGER", "the run and the position of that transaction, to find its place"
            ),
            Column("traffic_position", "INTEGER", "see `traffic_run`"),
            Column(
                "status",
                "TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'accepted'))",
                "what was decided",
            ),
            Column("reason", "TEXT", "why it was accepted"),
            Column("decided_by", "TEXT", "the user who did"),
            Column("decided_at", "TEXT", "when, UTC"),
            Column("accepted_until", "TEXT", "the last day (UTC) it is accepted; NULL: for good"),
        ),
        indexes=("traffic_id",),
    ),
    Table(
        "hits",
        "Each time a finding came.",
        (
            Column("run_id", "INTEGER NOT NULL REFERENCES runs", "the run"),
            Column("position", "INTEGER NOT NULL", "the transaction"),
            Column("plugin", "INTEGER NOT NULL", "the plugin's number"),
            Column("number", "INTEGER NOT NULL", "which finding of that scan it is, from 0"),
            Column("finding_id", "INTEGER NOT NULL REFERENCES findings", "the finding"),
            Column("difference", "BLOB NOT NULL", "JSON: the fields that differ from `findings.finding`"),
        ),
        tail="PRIMARY KEY (run_id, position, plugin, number)",
        indexes=("finding_id",),
        is_rowless=True,
    ),
    Table(
        "traffic",
        "Whole transactions, for those that findings point at.",
        (
            Column("id", "INTEGER PRIMARY KEY", "what other tables point at"),
            Column("digest", "BLOB NOT NULL UNIQUE", "SHA-256 of the content, cut to 128 bits"),
            Column(
                "content",
                "BLOB NOT NULL",
                "one line of JSON, then the bodies of request and response; compressed with zlib",
            ),
        ),
    ),
)

#: What holds today, in SQL: an acceptance that has run out is none.
STATUS = (
    "CASE WHEN status = 'accepted' AND (accepted_until IS NULL OR accepted_until >= date('now')) "
    "THEN 'accepted' ELSE 'open' END"
)

#: What makes a store of version `n` one of version `n + 1`, by `n`.
MIGRATIONS: Mapping[int, tuple[str, ...]] = {}


def statements() -> Iterator[str]:
    """The SQL that makes an empty store."""
    for table in TABLES:
        parts = [f"{column.name} {column.sql}" for column in table.columns]
        parts += [table.tail] if table.tail else []
        ending = " WITHOUT ROWID" if table.is_rowless else ""
        yield f"CREATE TABLE {table.name} ({', '.join(parts)}){ending}"
        for column in table.indexes:
            yield f"CREATE INDEX {table.name}_{column} ON {table.name} ({column})"


def as_markdown() -> str:
    """The tables for the documentation."""
    lines: list[str] = []
    for table in TABLES:
        lines += [f"### {table.name}", "", table.meaning, "", "| Column | Type | Meaning |", "|---|---|---|"]
        lines += [
            f"| `{column.name}` | {column.sql.split()[0]} | {column.meaning} |" for column in table.columns
        ]
        lines.append("")
    return "\n".join(lines)
