"""isoscan runs untrusted JavaScript and TypeScript scan plugins over HTTP traffic.

The whole public API is here; see the README for a first example.
"""

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
