"""What a configuration file may hold: this module is its one definition, checks and help included.

`extra["check"]` of a field is called with a value of the right type and raises `ConfigError`, whose
text continues a sentence that begins with the key. `extra["is_path"]` marks what is relative to the
file. `extra["option"]` is the option of `isoscan run` with the same meaning.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from ..models import TIMEOUT_MAX_S, IsolatePer, Limits, SandboxLevel
from ..scope import host_rule, method_rule, path_rule, status_rule, type_rule
from ..selection import term
from ..triage import Suppression
from .values import json_value, limit, memory_bytes, permissions, size_bytes, workers

SeverityName = Literal["info", "low", "medium", "high", "critical"]
FormatName = Literal["table", "jsonl", "json", "sarif", "junit", "markdown", "github", "html"]
DEFAULT_SANDBOX: SandboxLevel = "strict" if sys.platform == "linux" else "permissions"


def _each(check: Callable[[str], Any]) -> Callable[[list[str]], None]:
    def check_all(values: list[str]) -> None:
        for value in values:
            check(value)

    return check_all


def _limit(name: str) -> Callable[[Any], Limits]:
    return lambda value: limit(**{name: value})


class ScopeTable(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which transactions are looked at. Patterns with * ? […]; one that begins with ! excludes."""

    hosts: Annotated[
        list[str],
        Meta(
            description="Hosts, for example *.example.com, !ads.example.com, localhost:8080.",
            extra={"check": host_rule, "option": "--scope-host"},
        ),
    ] = field(default_factory=list)
    paths: Annotated[
        list[str],
        Meta(
            description="Paths of URLs, for example /api/*.",
            extra={"check": path_rule, "option": "--scope-path"},
        ),
    ] = field(default_factory=list)
    types: Annotated[
        list[str],
        Meta(
            description="Content types of responses, for example text/*, !image/*.",
            extra={"check": type_rule, "option": "--scope-type"},
        ),
    ] = field(default_factory=list)
    statuses: Annotated[
        list[int | str],
        Meta(
            description="Status codes, for example 200, 4xx, 500-599, !304.",
            extra={"check": status_rule, "option": "--scope-status"},
        ),
    ] = field(default_factory=list)
    methods: Annotated[
        list[str],
        Meta(
            description="Methods, for example GET, !OPTIONS.",
            extra={"check": method_rule, "option": "--scope-method"},
        ),
    ] = field(default_factory=list)
    max_body: Annotated[
        str | None,
        Meta(
            description="Leaves out transactions with a larger body, for example 5MB.",
            extra={"check": size_bytes, "option": "--scope-max-body"},
        ),
    ] = None


class PluginTable(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What holds for one plugin. What is not given is as for all plugins."""

    enabled: Annotated[bool, Meta(description="Whether it runs.")] = True
    timeout_s: Annotated[
        float | UnsetType,
        Meta(
            description="Seconds it may spend on one transaction.",
            extra={"check": _limit("timeout_s"), "limit": True},
        ),
    ] = UNSET
    load_timeout_s: Annotated[
        float | UnsetType,
        Meta(
            description="Seconds it may take to load.",
            extra={"check": _limit("load_timeout_s"), "limit": True},
        ),
    ] = UNSET
    memory: Annotated[
        str | UnsetType,
        Meta(description="Memory it may use, for example 256MB.", extra={"check": memory_bytes}),
    ] = UNSET
    max_findings: Annotated[
        int | UnsetType,
        Meta(
            description="Findings it may report on one transaction.",
            extra={"check": _limit("max_findings"), "limit": True},
        ),
    ] = UNSET
    regexp_backtracks: Annotated[
        int | UnsetType,
        Meta(
            description="Steps back after which a regular expression goes on in linear time.",
            extra={"check": _limit("regexp_backtracks"), "limit": True},
        ),
    ] = UNSET
    is_jitless: Annotated[
        bool | UnsetType,
        Meta(
            description="Whether V8 compiles nothing to machine code: safer, and many times slower.",
            extra={"limit": True},
        ),
    ] = UNSET
    isolate_per: Annotated[
        IsolatePer | UnsetType,
        Meta(description="What shares an isolate, instead of what holds for all plugins."),
    ] = UNSET
    allow: Annotated[
        list[str] | UnsetType,
        Meta(
            description="What it may reach if it asks for it, instead of what all plugins may.",
            extra={"check": permissions},
        ),
    ] = UNSET
    options: Annotated[
        dict[str, Any],
        Meta(
            description="Handed to its init(config), checked by its config_schema.",
            extra={"check": json_value},
        ),
    ] = field(default_factory=dict)


class Config(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """isoscan.toml, or the table [tool.isoscan] of pyproject.toml."""

    plugin: Annotated[
        list[str],
        Meta(
            description="Plugin files, folders and globs; none: the bundled plugins.",
            extra={"option": "--plugin", "is_path": True},
        ),
    ] = field(default_factory=list)
    select: Annotated[
        list[str],
        Meta(
            description="Plugins that run: an id, id:…, tag:…, category:… or severity:…; none: all.",
            extra={"check": _each(term), "option": "--select"},
        ),
    ] = field(default_factory=list)
    exclude: Annotated[
        list[str],
        Meta(
            description="Plugins that do not run, written as in select.",
            extra={"check": _each(term), "option": "--exclude"},
        ),
    ] = field(default_factory=list)
    format: Annotated[
        FormatName | None,
        Meta(
            description="Format of the report; not given: by the suffix of the file.",
            extra={"option": "--format"},
        ),
    ] = None
    output: Annotated[
        list[str],
        Meta(
            description="Files to write reports to, - for standard output.",
            extra={"option": "--output", "is_path": True},
        ),
    ] = field(default_factory=list)
    fail_on: Annotated[
        SeverityName | None,
        Meta(
            description="Exit with 1 when a finding is at least this severe.", extra={"option": "--fail-on"}
        ),
    ] = None
    timeout_s: Annotated[
        float,
        Meta(
            description=f"Seconds one plugin may spend on one transaction, up to {TIMEOUT_MAX_S:.0f}.",
            extra={"check": _limit("timeout_s"), "option": "--timeout"},
        ),
    ] = 5.0
    memory: Annotated[
        str,
        Meta(
            description="Memory one plugin may use, for example 256MB or 1GB.",
            extra={"check": memory_bytes, "option": "--memory"},
        ),
    ] = "512MB"
    workers: Annotated[
        int | None,
        Meta(
            description="Processes there should be work for: while there is less, the slowest plugin gets "
            "more of them; not given: one for each processor.",
            extra={"check": workers, "option": "--workers"},
        ),
    ] = None
    allow: Annotated[
        list[str],
        Meta(
            description="What plugins may reach if they ask for it: net=HOST:PORT, read=PATH, wasm.",
            extra={"check": permissions, "option": "--allow"},
        ),
    ] = field(default_factory=list)
    sandbox: Annotated[
        SandboxLevel,
        Meta(description="What must hold a plugin; see isoscan doctor.", extra={"option": "--sandbox"}),
    ] = DEFAULT_SANDBOX
    isolate_per: Annotated[
        IsolatePer,
        Meta(
            description="What shares an isolate: the scans of one plugin (executor), nothing (transaction), "
            "or all plugins that are run alike (group).",
            extra={"option": "--isolate-per"},
        ),
    ] = "executor"
    redact: Annotated[
        bool | None,
        Meta(
            description="Whether secrets are masked; not given: when everything goes to files.",
            extra={"option": "--redact"},
        ),
    ] = None
    baseline: Annotated[
        str | None,
        Meta(
            description="A baseline, or an earlier report: its findings are known.",
            extra={"option": "--baseline", "is_path": True},
        ),
    ] = None
    new_only: Annotated[
        bool, Meta(description="Report only findings that are not known.", extra={"option": "--new-only"})
    ] = False
    db: Annotated[
        str | None,
        Meta(
            description="Where results are kept; not given: the project's own file in your data folder.",
            extra={"option": "--db", "is_path": True},
        ),
    ] = None
    store: Annotated[bool, Meta(description="Whether results are kept.", extra={"option": "--store"})] = True
    resume: Annotated[
        bool,
        Meta(description="Whether a run that was broken off is taken up.", extra={"option": "--resume"}),
    ] = True
    scope: Annotated[ScopeTable, Meta(description="Which transactions are looked at.")] = field(
        default_factory=ScopeTable
    )
    plugins: Annotated[dict[str, PluginTable], Meta(description="By plugin id.")] = field(
        default_factory=dict
    )
    suppressions: Annotated[
        list[Suppression], Meta(description="Findings that are accepted, each with a reason.")
    ] = field(default_factory=list)


def config_schema() -> dict[str, Any]:
    """JSON schema (2020-12) of the file, for editors and checkers."""
    (top,), components = msgspec.json.schema_components([Config], ref_template="#/$defs/{name}")
    definition = components.pop("Config")
    assert top == {"$ref": "#/$defs/Config"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **definition,
        "title": "isoscan configuration",
        "$defs": components,
    }
