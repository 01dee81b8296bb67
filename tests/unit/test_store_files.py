"""Where stores lie, how they are opened, and what is refused."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from isoscan import Verdict
from isoscan.store import database, schema
from isoscan.store.codec import LETTERS
from isoscan.store.database import StoreError, open_database, open_existing
from isoscan.store.places import default_store, project_folder
from isoscan.store.schema import as_markdown, statements

DOCUMENTS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """An empty store."""
    path = tmp_path / "store.db"
    open_database(path)[0].close()
    return path


# ---- places --------------------------------------------------------------------------


@pytest.mark.parametrize("mark", ["isoscan.toml", "pyproject.toml", ".git"])
def test_project_is_the_nearest_marked_folder(tmp_path: Path, mark: str) -> None:
    """The nearest of the folders above that looks like a project's top."""
    (tmp_path / ".git").mkdir()
    inner = tmp_path / "outer/inner"
    (inner / "deep/deeper").mkdir(parents=True)
    (inner / mark).touch()
    assert project_folder(inner / "deep/deeper") == inner
    assert project_folder(tmp_path / "outer") == tmp_path


def test_stores_of_two_projects_differ(tmp_path: Path) -> None:
    """Folders of the same name have stores of their own, below the folder for user data."""
    found = set()
    for name in ("one", "two"):
        folder = tmp_path / name / "shop"
        (folder / ".git").mkdir(parents=True)
        found.add(default_store(folder, {"XDG_DATA_HOME": str(tmp_path / "data")}))
    assert len(found) == 2
    for path in found:
        assert path.parent == tmp_path / "data/isoscan"
        assert path.name.startswith("shop-")
        assert path.suffix == ".db"


@pytest.mark.parametrize("name", ["...", "a b/../ü\n*"[:3], "x" * 200])
def test_odd_names_make_fit_file_names(tmp_path: Path, name: str) -> None:
    """Whatever a folder is called, the store's name is short and plain."""
    folder = tmp_path / name
    folder.mkdir()
    (folder / "isoscan.toml").touch()
    path = default_store(folder, {"XDG_DATA_HOME": "/data"})
    assert path.parent == Path("/data/isoscan")
    assert len(path.name) < 80
    assert not set(path.name) & set(" \n*/")


def test_relative_data_folder_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative XDG_DATA_HOME is invalid by its specification."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_store(tmp_path, {"XDG_DATA_HOME": "data"}).is_relative_to(tmp_path)


# ---- opening -------------------------------------------------------------------------


def test_new_store_is_private(tmp_path: Path) -> None:
    """The file and those SQLite keeps beside it are their owner's alone."""
    path = tmp_path / "store.db"
    connection, note = open_database(path)
    connection.execute("INSERT INTO sources (name, unit) VALUES ('a', 'entry')")
    assert note == ""
    found = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert found == {"store.db": 0o600, "store.db-wal": 0o600, "store.db-shm": 0o600}
    connection.close()


def test_existing_store_is_made_private(store: Path) -> None:
    """A store that others could read is closed to them."""
    store.chmod(0o644)
    open_existing(store).close()
    assert stat.S_IMODE(store.stat().st_mode) == 0o600


def test_header_says_what_it_is(store: Path) -> None:
    """Other programs can tell the file and its version."""
    with contextlib.closing(sqlite3.connect(store)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (schema.APPLICATION_ID,)
        assert connection.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)


def _folder(path: Path) -> None:
    path.mkdir()


def _text(path: Path) -> None:
    path.write_bytes(b"not a database, but a text of some length")


def _other_program(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE places (url)")


def _newer(path: Path) -> None:
    open_database(path)[0].close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 6}")


def _damaged(path: Path) -> None:
    open_database(path)[0].close()
    data = bytearray(path.read_bytes())
    data[100:4096] = b"\xff" * 3996
    path.write_bytes(data)


def _truncated(path: Path) -> None:
    open_database(path)[0].close()
    path.write_bytes(path.read_bytes()[:5000])


def _device(path: Path) -> None:
    path.symlink_to("/dev/null")


REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "folder": (_folder, "is a folder"),
    "text": (_text, "no isoscan store"),
    "other program": (_other_program, "another program"),
    "newer": (_newer, f"newer isoscan (store version {schema.VERSION + 6}"),
    "damaged": (_damaged, "is damaged"),
    "truncated": (_truncated, "is damaged"),
    "device": (_device, "no plain file"),
}


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("opener", [open_database, open_existing], ids=["for a run", "for questions"])
def test_refused(tmp_path: Path, kind: str, opener: Callable[[Path], object]) -> None:
    """What is no store of ours is named, and not changed."""
    make, words = REFUSED[kind]
    path = tmp_path / "store.db"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StoreError, match=r"store\.db: ") as caught:
        opener(path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert before is None or path.read_bytes() == before


def test_missing_store(tmp_path: Path) -> None:
    """A question makes no store."""
    with pytest.raises(StoreError, match="no such store"):
        open_existing(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []


def test_missing_folder(tmp_path: Path) -> None:
    """The folder of a named store must be there."""
    with pytest.raises(StoreError, match="No such file or directory"):
        open_database(tmp_path / "none/store.db")


def test_empty_file_becomes_a_store(tmp_path: Path) -> None:
    """As `mktemp` leaves it."""
    path = tmp_path / "store.db"
    path.touch()
    open_database(path)[0].close()
    open_existing(path).close()


def test_locked_while_it_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store somebody holds for longer than the time-out is an error that says so."""
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.05)
    path = tmp_path / "store.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE x (y)")
        other.execute("DROP TABLE x")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="locked by another process"):
            open_database(path)


def test_a_reader_that_comes_and_goes_takes_nothing_away(tmp_path: Path) -> None:
    """Another program may look into a store that is in use: it sees what is written, before and after."""
    path = tmp_path / "store.db"

    def look() -> str:
        """How many tables another process sees."""
        query = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'written%'"
        code = (
            f"import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); print(*c.execute({query!r})); c.close()"
        )
        seen = subprocess.run(
            [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True, check=True, timeout=60
        )
        return seen.stdout.strip()

    with (
        contextlib.closing(open_database(path)[0]) as connection,
        contextlib.closing(open_database(path)[0]),  # a run has two
    ):
        for number in range(3):
            assert look() == f"({number},)"
            with database.writing(connection):
                connection.execute(f"CREATE TABLE written_{number} (x)")
        assert look() == "(3,)"


# ---- versions ------------------------------------------------------------------------


@pytest.fixture
def next_version(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A program that knows one version more."""
    old = schema.VERSION
    monkeypatch.setattr(schema, "VERSION", old + 1)
    monkeypatch.setattr(
        schema,
        "MIGRATIONS",
        {**schema.MIGRATIONS, old: ("ALTER TABLE runs ADD COLUMN host TEXT", "UPDATE runs SET host = 'a'")},
    )
    return (value for value in [old])


def test_older_store_is_brought_up_to_date(store: Path, next_version: Iterator[int]) -> None:
    """The tables change, what was in them stays, the earlier file is kept and named."""
    old = next(next_version)
    with contextlib.closing(sqlite3.connect(store)) as connection, connection:
        connection.execute(
            "INSERT INTO runs (state, started_at, isoscan_version, options) VALUES ('finished', '', '', '')"
        )
    connection, note = open_database(store)
    assert connection.execute("SELECT state, host FROM runs").fetchall() == [("finished", "a")]
    connection.close()
    backup = store.with_name(f"store.db.v{old}")
    assert str(backup) in note
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    with contextlib.closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("SELECT state FROM runs").fetchall() == [("finished",)]
        assert connection.execute("PRAGMA user_version").fetchone() == (old,)
    assert open_database(store)[1] == ""


def test_failed_migration_changes_nothing(
    store: Path, next_version: Iterator[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of a migration or nothing of it."""
    old = next(next_version)
    steps = (*schema.MIGRATIONS[old], "ALTER TABLE nowhere ADD COLUMN x")
    monkeypatch.setattr(schema, "MIGRATIONS", {old: steps})
    with pytest.raises(StoreError, match="nowhere"):
        open_database(store)
    with contextlib.closing(sqlite3.connect(store)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (old,)
        assert "host" not in [row[1] for row in connection.execute("PRAGMA table_info(runs)")]


# ---- the schema ----------------------------------------------------------------------


def test_schema_is_documented() -> None:
    """The reference has the tables as they are; how they are used is told beside it."""
    lines = (DOCUMENTS / "reference/store.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in as_markdown().splitlines() if line.startswith("| ") and line not in lines] == []
    assert f"`user_version` is {schema.VERSION}" in (DOCUMENTS / "store.md").read_text(encoding="utf-8")


def test_letters_are_documented() -> None:
    """What stands for which verdict, each one once."""
    text = (DOCUMENTS / "store.md").read_text(encoding="utf-8")
    assert len(LETTERS) == len(Verdict) + 2
    assert [letter for letter in LETTERS if f"`{letter}` " not in text] == []


def test_every_column_is_explained() -> None:
    """No column without a meaning."""
    assert [column for table in schema.TABLES for column in table.columns if not column.meaning] == []


def test_schema_makes_its_tables() -> None:
    """The documented tables are those SQLite has, with the same columns."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        for statement in statements():
            connection.execute(statement)
        for table in schema.TABLES:
            found = [row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")]
            assert found == [column.name for column in table.columns]
