"""The errors: whose fault, where, and one base for all."""

from __future__ import annotations

import pytest

import isoscan
from isoscan import (
    CallerError,
    ConfigError,
    IsoscanError,
    PluginError,
    RuntimeFault,
    ScanError,
    ScanFailure,
)

ERRORS = [
    value
    for name in isoscan.__all__
    if isinstance(value := getattr(isoscan, name), type) and issubclass(value, Exception)
]


@pytest.mark.parametrize("error", ERRORS)
def test_one_base_and_one_fault(error: type[IsoscanError]) -> None:
    """Every error is an `IsoscanError` and belongs to exactly one of three sides."""
    assert issubclass(error, IsoscanError)
    if error is not IsoscanError:
        assert sum(issubclass(error, side) for side in (PluginError, RuntimeFault, CallerError)) == 1
    assert error.fault in ("plugin", "runtime", "caller")
    assert error("x").fault == error.fault


def test_place_comes_from_the_failure() -> None:
    """File, line, column and stack are the failure's."""
    failure = ScanFailure(
        kind="Error", message="m", fault="plugin", is_started=True, file="a.ts", line=3, column=4, stack="s"
    )
    error = ScanError("x", failure=failure, plugin_id="p", generation=2, attempt=1, is_started=True)
    assert (error.file, error.line, error.column, error.stack) == ("a.ts", 3, 4, "s")
    assert (error.plugin_id, error.generation, error.attempt, error.is_started) == ("p", 2, 1, True)


def test_no_place_without_a_failure() -> None:
    """An error without a failure has no place."""
    error = ScanError("x")
    assert (error.file, error.line, error.column, error.stack, error.result) == (None,) * 5


def test_config_error_is_a_value_error() -> None:
    """Wrong options can be caught as what Python calls them."""
    assert issubclass(ConfigError, ValueError)


def test_every_public_name_is_there() -> None:
    """`__all__` lists each name once, and every one exists."""
    assert len(set(isoscan.__all__)) == len(isoscan.__all__)
    for name in isoscan.__all__:
        assert hasattr(isoscan, name)
