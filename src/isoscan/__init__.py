"""isoscan runs untrusted JavaScript and TypeScript scan plugins over HTTP traffic.

The whole public API is here; see the README for a first example.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .alerts import DEFAULT_RULES, Alert, AlertRule
    from .coverage import Coverage, PluginCoverage
    from .errors import (
        CallerError,
        ConfigError,
        DenoNotFound,
        ExecutorStateError,
        GenerationStartError,
        InputError,
        InvalidFindings,
        IsoscanError,
        PermissionsWidened,
        PluginError,
        PluginLoadError,
        PluginLoadTimeout,
        PluginQuarantined,
        RestartFailed,
        RuntimeFault,
        SandboxUnavailable,
        ScanCrashed,
        ScanError,
        ScanInterrupted,
        ScanOutOfMemory,
        ScanSkipped,
        ScanTimeout,
    )
    from .events import Event, EventKind
    from .executor import PluginExecutor
    from .models import (
        Confidence,
        ConsoleLine,
        Determinism,
        ExecutorStats,
        Finding,
        HttpRequest,
        HttpResponse,
        HttpTransaction,
        Limits,
        Percentiles,
        PluginMetadata,
        RestartReason,
        RestartReport,
        ScanFailure,
        ScanResult,
        Severity,
        Verdict,
        json_schema,
    )
    from .permissions import Denial, Permissions
    from .policies import AdaptiveInterval, AnyOf, Decision, MaxAge, MaxExecutions, MaxMemory
    from .pool import PluginExecutorPool, PoolStats
    from .scanner import Scanner
    from .scheduler import RestartScheduler, scan_with_restart

#: Where each public name is defined. Modules are loaded when a name of theirs is first asked for:
#: a command line that prints its version needs none of them.
_HOMES = {
    "DEFAULT_RULES": "alerts",
    "Alert": "alerts",
    "AlertRule": "alerts",
    "Coverage": "coverage",
    "PluginCoverage": "coverage",
    "CallerError": "errors",
    "ConfigError": "errors",
    "DenoNotFound": "errors",
    "ExecutorStateError": "errors",
    "GenerationStartError": "errors",
    "InputError": "errors",
    "InvalidFindings": "errors",
    "IsoscanError": "errors",
    "PermissionsWidened": "errors",
    "PluginError": "errors",
    "PluginLoadError": "errors",
    "PluginLoadTimeout": "errors",
    "PluginQuarantined": "errors",
    "RestartFailed": "errors",
    "RuntimeFault": "errors",
    "SandboxUnavailable": "errors",
    "ScanCrashed": "errors",
    "ScanError": "errors",
    "ScanInterrupted": "errors",
    "ScanOutOfMemory": "errors",
    "ScanSkipped": "errors",
    "ScanTimeout": "errors",
    "Event": "events",
    "EventKind": "events",
    "PluginExecutor": "executor",
    "Confidence": "models",
    "Determinism": "models",
    "ConsoleLine": "models",
    "ExecutorStats": "models",
    "Finding": "models",
    "HttpRequest": "models",
    "HttpResponse": "models",
    "HttpTransaction": "models",
    "Limits": "models",
    "Percentiles": "models",
    "PluginMetadata": "models",
    "RestartReason": "models",
    "RestartReport": "models",
    "ScanFailure": "models",
    "ScanResult": "models",
    "Severity": "models",
    "Verdict": "models",
    "json_schema": "models",
    "Denial": "permissions",
    "Permissions": "permissions",
    "AdaptiveInterval": "policies",
    "AnyOf": "policies",
    "Decision": "policies",
    "MaxAge": "policies",
    "MaxExecutions": "policies",
    "MaxMemory": "policies",
    "PluginExecutorPool": "pool",
    "PoolStats": "pool",
    "Scanner": "scanner",
    "RestartScheduler": "scheduler",
    "scan_with_restart": "scheduler",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    # running plugins
    "PluginExecutor",
    "PluginExecutorPool",
    "Scanner",
    # when to restart
    "RestartScheduler",
    "scan_with_restart",
    "AdaptiveInterval",
    "AnyOf",
    "Decision",
    "MaxAge",
    "MaxExecutions",
    "MaxMemory",
    # what to watch
    "DEFAULT_RULES",
    "Alert",
    "AlertRule",
    "Event",
    "EventKind",
    "PoolStats",
    # what goes in
    "Determinism",
    "HttpRequest",
    "HttpResponse",
    "HttpTransaction",
    "Limits",
    "Permissions",
    "PluginMetadata",
    # what comes out
    "Confidence",
    "ConsoleLine",
    "Denial",
    "Coverage",
    "PluginCoverage",
    "ExecutorStats",
    "Finding",
    "Percentiles",
    "RestartReason",
    "RestartReport",
    "ScanFailure",
    "ScanResult",
    "Severity",
    "Verdict",
    "json_schema",
    # errors, by whose fault
    "IsoscanError",
    "PluginError",
    "InvalidFindings",
    "PermissionsWidened",
    "PluginLoadError",
    "PluginLoadTimeout",
    "PluginQuarantined",
    "ScanCrashed",
    "ScanError",
    "ScanOutOfMemory",
    "ScanTimeout",
    "RuntimeFault",
    "SandboxUnavailable",
    "DenoNotFound",
    "GenerationStartError",
    "RestartFailed",
    "ScanInterrupted",
    "ScanSkipped",
    "CallerError",
    "ConfigError",
    "ExecutorStateError",
    "InputError",
]
