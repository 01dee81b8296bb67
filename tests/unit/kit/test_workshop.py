"""Which neighbouring files the type checker must be given."""

from __future__ import annotations

import pytest

from isoscan.kit.workshop import referenced


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('/// <reference path="./globals.d.ts" />', ["globals.d.ts"]),
        ('/// <reference path="../isoscan.d.ts" />', []),
        ('// @ts-types="./vendor/retire.d.ts"\nimport x from "./vendor/retire.js";', ["vendor/retire.d.ts"]),
        ("/* @ts-self-types='./own.d.ts' */", ["own.d.ts"]),
        ('// @ts-types="npm:retire"', []),
        ('// @ts-types="../../outside.d.ts"', []),
        ("const types = 1;", []),
    ],
)
def test_referenced(text: str, expected: list[str]) -> None:
    """Declaration files of the folder, however they are named, and no others."""
    assert list(referenced(text, "plugin.ts")) == expected
