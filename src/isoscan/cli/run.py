"""`isoscan run`: from options to a pipeline, and from what it did to an exit code."""

from __future__ import annotations

import asyncio
import os
import re
import sys

from msgspec import Struct

from .._options import ExecutorOptions
from ..errors import ConfigError
from ..executor import PluginExecutor
from ..models import MIB, Limits, SandboxLevel, Severity
from ..permissions import Permissions
from ..plugin_files import bundled_plugins, find_plugins
from ..record import RunRecord
from ..redact import Redactor
from ..scanner import Scanner
from ..sources import open_source
from .exits import Exit, complain
from .outputs import Outputs, output_specs
from .pipeline import Pipeline
from .summary import summarise

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", re.IGNORECASE)
_FACTORS = {"": 1, "k": 1024, "m": MIB, "g": 1024 * MIB, "t": MIB * MIB}
_MAX_SIZE_BYTES = 1 << 50


class RunOptions(Struct, frozen=True):
    """The options of one run, as given."""

    inputs: list[str]
    plugins: list[str] | None
    format: str | None
    #: Files, `-` for standard output; none is standard output.
    outputs: list[str]
    fail_on: str | None
    timeout_s: float
    memory: str
    allow: list[str]
    sandbox: SandboxLevel
    #: None: only when everything goes to files.
    redact: bool | None = None


def run_command(options: RunOptions) -> int:
    """Runs it all. Everything that can be wrong beforehand is said before anything is scanned."""
    limits = _limits(options)
    permissions = parse_permissions(options.allow)
    paths = find_plugins(options.plugins) if options.plugins else bundled_plugins()
    if "-" in options.inputs and sys.stdin is None:
        raise ConfigError("standard input is closed; name a file instead of '-'")
    sources = [open_source(name) for name in _each_once(options.inputs)]
    specs = output_specs(options.outputs, options.format)
    if any(spec.name == "-" for spec in specs) and sys.stdout is None:
        raise ConfigError("standard output is closed; write to a file with --output")
    outputs = Outputs(specs)
    is_redacted = not outputs.has_stdout if options.redact is None else options.redact
    redactor = Redactor() if is_redacted else None
    record = RunRecord(inputs=list(options.inputs), is_redacted=is_redacted)
    try:
        outputs.check_are_not([*options.inputs, *map(str, paths)])
        own: ExecutorOptions = {
            "limits": limits,
            "permissions": permissions,
            "sandbox": options.sandbox,
        }
        executors = [PluginExecutor.from_file(path, **own) for path in paths]
        asyncio.run(Pipeline(Scanner(executors), sources, outputs, redactor, record).run())
        outputs.commit()
    except ExceptionGroup as group:
        return complain("\n".join(str(error) for error in group.exceptions))
    finally:
        for sentence in outputs.close():
            complain(sentence)
    return _conclude(record, options.fail_on, outputs.closed_name or "", redactor)


def _limits(options: RunOptions) -> Limits:
    memory_bytes = parse_size(options.memory, "--memory")
    try:
        return Limits(timeout_s=options.timeout_s, memory_bytes=memory_bytes)
    except ConfigError as error:
        text = str(error).replace("Limits.timeout_s", "--timeout").replace("Limits.memory_bytes", "--memory")
        raise ConfigError(text) from error


def parse_size(text: str, option: str) -> int:
    """Bytes from `512MB`, `1.5GiB` or a plain number; units are powers of 1024."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ConfigError(f"{option}: {text!r} is not a size; write for example 256MB or 1GB")
    size_bytes = float(match[1]) * _FACTORS[match[2].lower()]
    if size_bytes >= _MAX_SIZE_BYTES:
        raise ConfigError(f"{option}: {text[:40]!r} is more than any machine has")
    return int(size_bytes)


def parse_permissions(allowed: list[str]) -> Permissions:
    """Permissions from `net=host:port`, `read=path` and `wasm`, each given once for each of its values."""
    net: list[str] = []
    read: list[str] = []
    wasm = False
    for word in allowed:
        name, mark, value = word.partition("=")
        if name == "net" and mark:
            net.append(value)
        elif name == "read" and mark:
            read.append(value)
        elif word == "wasm":
            wasm = True
        else:
            raise ConfigError(f"--allow: {word!r} is no permission; write net=HOST:PORT, read=PATH or wasm")
    try:
        return Permissions(net=tuple(net), read=tuple(read), wasm=wasm)
    except ConfigError as error:
        text = (
            str(error).replace("Permissions.net", "--allow net").replace("Permissions.read", "--allow read")
        )
        raise ConfigError(text) from error


def _conclude(record: RunRecord, fail_on: str | None, closed_name: str, redactor: Redactor | None) -> int:
    if redactor is not None and redactor.masked:
        sys.stderr.write("redacted: secrets in findings and messages are masked; --no-redact shows them\n")
    for line in summarise(record, closed_name):
        sys.stderr.write(line + "\n")
    if record.is_interrupted:
        return Exit.INTERRUPTED
    if record.input_error is not None:
        return Exit.USAGE
    if fail_on is not None and any(
        count and severity.rank >= Severity(fail_on).rank for severity, count in record.findings.items()
    ):
        return Exit.FINDINGS
    return Exit.OK if record.is_complete else Exit.INCOMPLETE


def _each_once(inputs: list[str]) -> list[str]:
    seen: set[str] = set()
    for name in inputs:
        key = name if name == "-" else os.path.realpath(name)
        if key in seen:
            raise ConfigError(f"{name}: the same input is named twice")
        seen.add(key)
    return inputs
