"""A plugin's test cases as they lie in its `fixtures` folder.

`fixtures/NAME.json`, `.jsonl` or `.har` holds the transactions of one case, `fixtures/NAME.findings.json`
what is expected of it: a list of findings, or an object with `findings`, `verdict`, `error` and `config`.
`cases.jsonl` beside the plugin holds a small case on each line: `name`, `transaction`, `expect`, `config`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from ..errors import InputError
from ..models import HttpRequest, HttpResponse, HttpTransaction, Verdict
from ..sources import open_source
from .problems import hint

FIXTURES = "fixtures"
EXPECTED_SUFFIX = ".findings.json"
CASE_LINES = "cases.jsonl"
_FIXTURE_SUFFIXES = (".json", ".jsonl", ".ndjson", ".har")
_SILENT_SUFFIXES = (".md", ".txt")
_REQUEST_KEYS = (*HttpRequest.__struct_fields__, "body_base64")
_RESPONSE_KEYS = (*HttpResponse.__struct_fields__, "body_base64")
_LINE_KEYS = ("name", "transaction", "transactions", "expect", "verdict", "error", "config")
_MAX_FILE_BYTES = 256 * 1024 * 1024


class Expectation(Struct, frozen=True, forbid_unknown_fields=True):
    """What a case expects. `findings` None: nothing is said of them.

    `verdict` is one a scan of the case must end with, `error` a part of its message, `config` what
    the plugin's `init` gets.
    """

    findings: list[dict[str, Any]] | None = None
    verdict: Verdict | None = None
    error: str | None = None
    config: dict[str, Any] = {}

    @property
    def failure(self) -> Verdict | None:
        """The verdict a scan must end with beside findings or none; an expected error means `error`."""
        return self.verdict or (Verdict.ERROR if self.error is not None else None)


class Case(Struct, frozen=True):
    """One case: its transactions, what is expected (None: nobody said yet), and where that is written.

    `line` is the 1-based line of a case in `cases.jsonl`.
    """

    name: str
    path: Path
    transactions: list[HttpTransaction]
    expectation: Expectation | None
    expected_path: Path
    line: int | None = None


class BrokenCase(Struct, frozen=True):
    """A file that is no case, and why."""

    name: str
    reason: str


def fixtures_folder(plugin: Path) -> Path:
    """Where the cases of a plugin file lie: `fixtures`, or `fixtures/NAME` if it is not called `plugin`."""
    folder = plugin.parent / FIXTURES
    return folder if plugin.stem == "plugin" else folder / plugin.stem


def read_cases(plugin: Path) -> list[Case | BrokenCase]:
    """All cases of a plugin, by name. Files that are none are told of, never passed over."""
    folder = fixtures_folder(plugin)
    found: list[Case | BrokenCase] = []
    try:
        files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {error.strerror}") from error
    fixtures = [path for path in files if _is_fixture(path)]
    for path in files:
        name = path.relative_to(folder).as_posix()
        if path in fixtures:
            found.append(_from_file(name, path))
        elif path.name.endswith(EXPECTED_SUFFIX):
            if not any(_expected_path(fixture) == path for fixture in fixtures):
                reason = f"{path}: belongs to no fixture; name it after one, or remove it"
                found.append(BrokenCase(name, reason))
        elif path.suffix not in _SILENT_SUFFIXES and not path.name.startswith("."):
            known = ", ".join(_FIXTURE_SUFFIXES)
            reason = f"{path}: is no fixture; a case ends with one of {known}"
            found.append(BrokenCase(name, reason))
    lines = plugin.parent / CASE_LINES
    if plugin.stem == "plugin" and lines.is_file():
        found += _from_lines(lines)
    return found


def _is_fixture(path: Path) -> bool:
    is_expectation = path.name.endswith(EXPECTED_SUFFIX)
    return path.suffix in _FIXTURE_SUFFIXES and not is_expectation and not path.name.startswith(".")


def _expected_path(fixture: Path) -> Path:
    return fixture.with_name(fixture.stem + EXPECTED_SUFFIX)


def _from_file(name: str, path: Path) -> Case | BrokenCase:
    short = name.removesuffix(path.suffix)
    expected_path = _expected_path(path)
    try:
        transactions = read_transactions(path)
        expectation = _read_expectation(expected_path) if expected_path.is_file() else None
    except InputError as error:
        return BrokenCase(short, str(error))
    return Case(short, path, transactions, expectation, expected_path)


def read_transactions(path: Path) -> list[HttpTransaction]:
    """The transactions of a fixture. Raises `InputError` that names file and place."""
    if path.suffix == ".json":
        value = _read_json(path)
        is_capture = isinstance(value, dict) and ("log" in value or "entries" in value)
        if not is_capture:
            items = value if isinstance(value, list) else [value]
            places = [f"{path}, element {number}" for number in range(len(items))]
            return _from_values(items, places if isinstance(value, list) else [str(path)], path)
    if path.suffix in (".jsonl", ".ndjson"):
        for number, line in enumerate(_read_bytes(path).split(b"\n"), 1):
            if line.strip():
                check_transaction_keys(_parse(line, path, number), f"{path}:{number}")
    transactions = []
    for entry in open_source(path):
        if entry.transaction is None:
            raise InputError(f"{entry.place}: is no transaction: {entry.problem}")
        transactions.append(entry.transaction)
    if not transactions:
        raise InputError(f"{path}: holds no transaction")
    return transactions


def _from_values(items: list[Any], places: list[str], path: Path) -> list[HttpTransaction]:
    if not items:
        raise InputError(f"{path}: holds no transaction")
    found = []
    for item, place in zip(items, places, strict=True):
        check_transaction_keys(item, place)
        line = json.dumps(item).encode() + b"\n"
        for entry in open_source("-", stdin=io.BytesIO(line)):
            if entry.transaction is None:
                raise InputError(f"{place}: is no transaction: {entry.problem}")
            found.append(entry.transaction)
    return found


def check_transaction_keys(value: Any, place: str) -> None:
    """Refuses what is no transaction, and keys nobody would read. Raises `InputError`."""
    if not isinstance(value, dict):
        raise InputError(f"{place}: is no transaction but a JSON {_kind(value)}")
    if "startedDateTime" in value:
        return  # an entry of a HAR file, which has keys of many tools
    _check_keys(value, ("request", "response"), place, "a transaction")
    request, response = value.get("request"), value.get("response")
    if not isinstance(request, dict):
        raise InputError(f'{place}: is no transaction: it has no request; write {{"request": {{…}}}}')
    for needed in ("method", "url"):
        if needed not in request:
            _check_keys(request, _REQUEST_KEYS, place, "a request")
            raise InputError(f"{place}: the request has no {needed}")
    _check_keys(request, _REQUEST_KEYS, place, "a request")
    if isinstance(response, dict):
        _check_keys(response, _RESPONSE_KEYS, place, "a response")


def _check_keys(value: Mapping[str, Any], known: tuple[str, ...], place: str, what: str) -> None:
    for name in value:
        if name not in known:
            raise InputError(f"{place}: {what} has no {name!r}{hint(name, known)}")


def _read_expectation(path: Path) -> Expectation:
    return _expectation(_read_json(path), str(path))


def _expectation(value: Any, place: str) -> Expectation:
    """An expectation from its JSON. Raises `InputError`."""
    if isinstance(value, list):
        value = {"findings": value}
    if not isinstance(value, dict):
        raise InputError(f"{place}: is a JSON {_kind(value)}; write a list of findings, [] for none")
    _check_keys(value, Expectation.__struct_fields__, place, "an expectation")
    if verdict := value.get("verdict"):
        known = [one.value for one in Verdict]
        if verdict not in known:
            raise InputError(f"{place}: {verdict!r} is no verdict{hint(str(verdict), known)}")
    try:
        return msgspec.convert(value, Expectation)
    except msgspec.ValidationError as error:
        text = str(error).replace("`", "'")
        raise InputError(f"{place}: {text}") from error


def _from_lines(path: Path) -> Iterator[Case | BrokenCase]:
    try:
        lines = _read_bytes(path).split(b"\n")
    except InputError as error:
        yield BrokenCase(path.name, str(error))
        return
    names: set[str] = set()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            case = _from_line(path, number, line)
        except InputError as error:
            yield BrokenCase(f"{path.name}:{number}", str(error))
            continue
        if case.name in names:
            yield BrokenCase(case.name, f"{path}:{number}: a second case is called {case.name!r}")
            continue
        names.add(case.name)
        yield case


def _from_line(path: Path, number: int, line: bytes) -> Case:
    place = f"{path}:{number}"
    value = _parse(line, path, number)
    if not isinstance(value, dict):
        raise InputError(f"{place}: is no case but a JSON {_kind(value)}")
    _check_keys(value, _LINE_KEYS, place, "a case")
    items = value.get("transactions", [value.get("transaction")])
    transactions = _from_values(items, [place] * len(items), path)
    expectation = None
    if any(name in value for name in ("expect", "verdict", "error")):
        own = {name: value[name] for name in ("verdict", "error", "config") if name in value}
        if "expect" in value:
            own["findings"] = value["expect"]
        expectation = _expectation(own, place)
    return Case(str(value.get("name", f"line {number}")), path, transactions, expectation, path, number)


def _parse(data: bytes, path: Path, first_line: int = 1) -> Any:
    try:
        return json.loads(data)
    except json.JSONDecodeError as error:
        place = f"{path}:{first_line + error.lineno - 1}:{error.colno}"
        raise InputError(f"{place}: is not JSON: {error.msg}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: is not JSON: {error}") from error


def _read_json(path: Path) -> Any:
    return _parse(_read_bytes(path), path)


def _read_bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise InputError(f"{path}: larger than {_MAX_FILE_BYTES} bytes; a case should be small")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def _kind(value: Any) -> str:
    kinds = {str: "string", list: "list", dict: "object", bool: "boolean", type(None): "null"}
    return kinds.get(type(value), "number")
