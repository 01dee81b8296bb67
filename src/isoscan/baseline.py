"""Findings that are known already: read from a baseline or an earlier report, written as a baseline."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from .errors import InputError
from .models import Finding, HttpTransaction
from .redact import Redactor, shareable_fingerprint

FORMAT = "isoscan-baseline"
VERSION = 1

_FINGERPRINT = re.compile(r"[0-9a-f]{32}")
#: The part of a mask that differs from run to run.
_TAG = re.compile(r"(…\(\d{1,8} chars), [0-9a-f]{8}\)")
_MAX_BYTES = 1 << 30
_ADVICE = "it must be a file of --write-baseline, or a jsonl, json or sarif report of an earlier run"


class BaselineEntry(Struct, frozen=True):
    """One known finding. Only the fingerprint counts, the rest is for people; all of it is redacted."""

    fingerprint: str
    plugin_id: str
    severity: str
    title: str
    url: str


class Baseline:
    """Collects findings of a run, without their secrets, so that the file can be kept with the code."""

    def __init__(self) -> None:
        self._entries: dict[str, BaselineEntry] = {}
        self._redactor = Redactor()

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, finding: Finding, transaction: HttpTransaction | None) -> None:
        """One finding, as the plugin gave it."""
        finding = self._redactor.finding(finding, transaction)
        fingerprint = shareable_fingerprint(finding)
        self._entries[fingerprint] = BaselineEntry(
            fingerprint,
            finding.plugin_id,
            finding.severity.value,
            _TAG.sub(r"\1)", finding.title),
            _TAG.sub(r"\1)", finding.url),
        )

    def encoded(self) -> bytes:
        """The file's content, in an order that does not depend on the order of the findings."""
        entries = sorted(
            self._entries.values(), key=lambda entry: (entry.plugin_id, entry.url, entry.fingerprint)
        )
        document = {
            "format": FORMAT,
            "version": VERSION,
            "findings": [msgspec.to_builtins(entry) for entry in entries],
        }
        return json.dumps(document, indent=1).encode() + b"\n"


def read_baseline(path: str | os.PathLike[str]) -> frozenset[str]:
    """The fingerprints in a baseline, or in a jsonl, json or sarif report of an earlier run.

    An empty file is the jsonl report of a run without findings. Raises `InputError`.
    """
    name = os.fspath(path)
    try:
        if Path(name).stat().st_size > _MAX_BYTES:
            raise InputError(f"--baseline {name}: larger than 1 GiB; {_ADVICE}")
        data = Path(name).read_bytes()
    except OSError as error:
        raise InputError(f"--baseline {name}: cannot be read: {error.strerror}") from error
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        document = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return frozenset(_of_lines(data, name))
    if not isinstance(document, dict):
        raise InputError(f"--baseline {name}: holds no findings; {_ADVICE}")
    return frozenset(_of_document(document, name))


def _of_lines(data: bytes, name: str) -> Iterator[str]:
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        try:
            found = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InputError(f"--baseline {name}:{number}: is not JSON; {_ADVICE}") from error
        yield _fingerprint_of(found, f"{name}:{number}")


def _of_document(document: dict[str, Any], name: str) -> Iterator[str]:
    runs, findings = document.get("runs"), document.get("findings")
    if document.get("format") == FORMAT and document.get("version") != VERSION:
        raise InputError(
            f"--baseline {name}: has version {str(document.get('version'))[:20]}, "
            f"and this isoscan knows version {VERSION}; write it again with --write-baseline"
        )
    if isinstance(runs, list):
        for run in runs:
            for result in _list_in(run, "results", name):
                if not (isinstance(result, dict) and result.get("baselineState") == "absent"):
                    yield from _of_sarif(result, name)
    elif isinstance(findings, list):
        for position, found in enumerate(findings):
            yield _fingerprint_of(found, f"{name}, finding {position}")
    elif isinstance(document.get("fingerprint"), str):
        yield _fingerprint_of(document, name)
    else:
        raise InputError(f"--baseline {name}: holds no findings; {_ADVICE}")


def _of_sarif(result: Any, name: str) -> Iterator[str]:
    prints = result.get("partialFingerprints") if isinstance(result, dict) else None
    known = [
        value.lower()
        for value in (prints.values() if isinstance(prints, dict) else ())
        if isinstance(value, str) and _FINGERPRINT.fullmatch(value.lower())
    ]
    if not known:
        raise InputError(f"--baseline {name}: has a result without a fingerprint of isoscan's; {_ADVICE}")
    yield from known


def _list_in(value: Any, key: str, name: str) -> list[Any]:
    found = value.get(key, []) if isinstance(value, dict) else None
    if not isinstance(found, list):
        raise InputError(f"--baseline {name}: is no valid SARIF: {key} is missing; {_ADVICE}")
    return found


def _fingerprint_of(found: Any, place: str) -> str:
    fingerprint = found.get("fingerprint") if isinstance(found, dict) else None
    if not isinstance(fingerprint, str) or not _FINGERPRINT.fullmatch(fingerprint.lower()):
        raise InputError(f"--baseline {place}: has no fingerprint; {_ADVICE}")
    return fingerprint.lower()
