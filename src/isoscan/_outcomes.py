"""From what became of a scan to its `ScanResult`, and from that to an exception. Pure."""

from __future__ import annotations

from .coverage import NOT_APPLICABLE
from .errors import (
    InvalidFindings,
    IsoscanError,
    PluginQuarantined,
    RuntimeFault,
    ScanCrashed,
    ScanError,
    ScanInterrupted,
    ScanOutOfMemory,
    ScanSkipped,
    ScanTimeout,
)
from .models import (
    ConsoleLine,
    HttpTransaction,
    Limits,
    PluginMetadata,
    SandboxLevel,
    ScanFailure,
    ScanResult,
    Verdict,
)
from .permissions import Denial
from .sandbox.findings import build_findings
from .sandbox.frames import ScanEntry
from .sandbox.generation import Generation

_ERRORS: dict[Verdict, type[IsoscanError]] = {
    Verdict.ERROR: ScanError,
    Verdict.TIMEOUT: ScanTimeout,
    Verdict.OUT_OF_MEMORY: ScanOutOfMemory,
    Verdict.CRASHED: ScanCrashed,
    Verdict.INTERRUPTED: ScanInterrupted,
    Verdict.SKIPPED: ScanSkipped,
    Verdict.INVALID_FINDINGS: InvalidFindings,
}
_CLEAN = Verdict.CLEAN
#: V8's words when memory outside its heap is refused; the plugin can catch them, so can we.
_MEMORY_ERRORS = ("Array buffer allocation failed", "Invalid array buffer length")


def result_of_entry(
    entry: ScanEntry,
    denials: tuple[Denial, ...],
    transaction: HttpTransaction,
    metadata: PluginMetadata,
    plugin: int,
    limits: Limits,
    generation: Generation,
    attempts: int,
    sandbox: SandboxLevel,
) -> ScanResult:
    """The result of a scan that its generation answered with more than "clean".

    `plugin` is its place among the generation's plugins.
    """
    findings, invalid = build_findings(
        entry.findings, transaction, metadata.id, metadata.default_severity, limits
    )
    verdict = Verdict.FINDINGS if findings else Verdict.CLEAN
    error: ScanFailure | None = None
    if invalid or entry.invalid:
        verdict = Verdict.INVALID_FINDINGS
        error = ScanFailure(
            kind=verdict.value,
            message=invalid or entry.invalid.partition("\n")[0],
            fault="plugin",
            is_started=True,
            file=generation.source.plugins[plugin].name,
        )
    if entry.error is not None:
        shown = generation.describe(entry.error)
        is_memory = entry.error.name == "RangeError" and any(m in shown.message for m in _MEMORY_ERRORS)
        verdict = Verdict.OUT_OF_MEMORY if is_memory else Verdict.ERROR
        found, line, column = shown.place
        error = ScanFailure(
            kind=entry.error.name or verdict.value,
            message=shown.message,
            fault="plugin",
            is_started=True,
            file=found or generation.source.plugins[plugin].name,
            line=line,
            column=column,
            stack=shown.stack,
        )
    elif entry.is_skipped:
        verdict = Verdict.SKIPPED
        error = ScanFailure(
            kind=NOT_APPLICABLE,
            message="the plugin looks at responses only, and the transaction has none",
            fault="caller",
            is_started=False,
        )
    console: tuple[ConsoleLine, ...] = ()
    if entry.console:
        lines = entry.console[: limits.max_console_bytes]
        console = tuple([ConsoleLine(level, text) for level, text in lines])
    if entry.console_dropped:
        console += (ConsoleLine("warn", f"(console cut at {limits.max_console_bytes} bytes)"),)
    return ScanResult(
        transaction_id=transaction.id,
        plugin_id=metadata.id,
        verdict=verdict,
        findings=findings,
        error=error,
        duration_ms=entry.duration_us / 1000,
        generation=generation.number,
        attempts=attempts,
        console=console,
        denials=denials,
        sandbox=sandbox,
    )


def failed_result(
    verdict: Verdict,
    message: str,
    transaction: HttpTransaction,
    plugin_id: str,
    *,
    sandbox: SandboxLevel,
    is_started: bool,
    generation: int,
    attempts: int,
    duration_ms: float = 0.0,
    kind: str | None = None,
) -> ScanResult:
    """The result of a scan that no generation answered."""
    fault = "runtime" if verdict is Verdict.INTERRUPTED else "plugin"
    return ScanResult(
        transaction_id=transaction.id,
        plugin_id=plugin_id,
        verdict=verdict,
        sandbox=sandbox,
        error=ScanFailure(kind=kind or verdict.value, message=message, fault=fault, is_started=is_started),
        duration_ms=duration_ms,
        generation=generation,
        attempts=attempts,
    )


def error_of(result: ScanResult) -> IsoscanError | None:
    """The typed error of a failed scan; None for a complete one."""
    verdict = result.verdict
    if verdict is _CLEAN or verdict.is_complete:  # looked at for each scan, and most are clean
        return None
    failure = result.error
    kind: type[IsoscanError] = _ERRORS.get(verdict, RuntimeFault)
    if failure is not None and failure.kind == "quarantined":
        kind = PluginQuarantined
    return kind(
        f"{result.plugin_id}: {failure}",
        plugin_id=result.plugin_id,
        generation=result.generation,
        attempt=result.attempts,
        is_started=failure is not None and failure.is_started,
        failure=failure,
        result=result,
    )
