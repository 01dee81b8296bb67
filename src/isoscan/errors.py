"""Every error isoscan raises, split by whose fault it is.

`PluginError`: the plugin's. `RuntimeFault`: the machine's or isoscan's own.
`CallerError`: the calling code's or its input's. Errors of a scan say whether
the scan had started (`is_started`) and carry the plugin, generation and attempt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .models import ScanFailure, ScanResult


class IsoscanError(Exception):
    """Base of every error isoscan raises."""

    fault = "runtime"

    def __init__(
        self,
        message: str,
        *,
        plugin_id: str | None = None,
        generation: int | None = None,
        attempt: int | None = None,
        is_started: bool = False,
        failure: ScanFailure | None = None,
        result: ScanResult | None = None,
    ) -> None:
        super().__init__(message)
        self.plugin_id = plugin_id
        self.generation = generation
        self.attempt = attempt
        self.is_started = is_started
        self.failure = failure
        self.result = result

    @property
    def file(self) -> str | None:
        """The plugin's file the error points at, when known."""
        return self.failure.file if self.failure else None

    @property
    def line(self) -> int | None:
        """1-based line in `file`, of the TypeScript source."""
        return self.failure.line if self.failure else None

    @property
    def column(self) -> int | None:
        """1-based column in `file`."""
        return self.failure.column if self.failure else None

    @property
    def stack(self) -> str | None:
        """The plugin's own stack, with its file names."""
        return self.failure.stack if self.failure else None


class PluginError(IsoscanError):
    """The plugin did something wrong."""

    fault = "plugin"


class PluginLoadError(PluginError):
    """The plugin could not be loaded: syntax, throw at load, no entry function."""


class PermissionsWidened(PluginLoadError):
    """A reloaded plugin would get more than is in force, and nobody allowed that yet."""


class PluginLoadTimeout(PluginLoadError):
    """The plugin did not become ready within `Limits.load_timeout_s`."""


class PluginQuarantined(PluginError):
    """The plugin's generations keep dying; scans are refused until the back-off ends."""


class ScanError(PluginError):
    """The plugin threw, rejected, or can never settle."""


class ScanTimeout(PluginError):
    """The scan ran longer than `Limits.timeout_s`."""


class ScanOutOfMemory(PluginError):
    """The scan needed more memory than the limits allow."""


class ScanCrashed(PluginError):
    """The generation died, or broke the protocol, while it ran this scan alone."""


class InvalidFindings(PluginError):
    """The plugin returned something that is not a valid finding."""


class RuntimeFault(IsoscanError):
    """The machine, Deno or isoscan itself failed."""


class DenoNotFound(RuntimeFault):
    """No usable Deno binary was found."""


class SandboxUnavailable(RuntimeFault):
    """This system lacks a layer that the sandbox level asked for needs."""


class GenerationStartError(RuntimeFault):
    """A generation's process could not be started or did not say hello."""


class RestartFailed(RuntimeFault):
    """The replacement did not become ready; with overlap, the old one serves on."""


class ScanInterrupted(RuntimeFault):
    """The scan was aborted from outside, or cannot be replayed safely."""


class ScanSkipped(RuntimeFault):
    """The plugin has nothing to run on this transaction."""


class CallerError(IsoscanError):
    """The calling code or its input is wrong."""

    fault = "caller"


class ConfigError(CallerError, ValueError):
    """An option or limit has an impossible value."""


class ExecutorStateError(CallerError):
    """The executor is not started, or is already shut down."""


class InputError(CallerError):
    """An input file cannot be read as what it should be."""
