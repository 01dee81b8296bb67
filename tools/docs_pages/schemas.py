"""Pages of the configuration, the JSON schemas and the plugin API."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import isoscan
from isoscan import Severity
from isoscan.config import Config, PluginTable, ScopeTable, config_schema
from isoscan.models import json_schema
from isoscan.reports.json_document import RunDocument
from isoscan.triage import Suppression

from .inspection import MADE, fields
from .markdown import block, code, page, prose, sentence, table

TYPES = Path(isoscan.__file__).parent / "sandbox/runtime/isoscan.d.ts"
_DECLARATION = re.compile(r"(?:declare )?(?:type|interface|const|function|namespace) (\w+)")
_COMMENT = re.compile(r"/\*\*(.*?)\*/\n", re.DOTALL)


def pages() -> dict[str, str]:
    """Path below `docs/` → text."""
    return {
        "reference/config.md": _config(),
        "reference/plugin-api.md": _plugin_api(),
        "reference/schemas.md": _schemas(),
        "reference/schemas/isoscan.toml.json": _json(config_schema()),
        "reference/schemas/models.json": _json(json_schema(RunDocument)),
    }


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _config() -> str:
    schema = config_schema()
    tables = (
        ("Top level", Config, schema, "`isoscan.toml`, or the table `[tool.isoscan]` of `pyproject.toml`."),
        ("`[scope]`", ScopeTable, schema["$defs"]["ScopeTable"], ""),
        ("`[plugins.ID]`", PluginTable, schema["$defs"]["PluginTable"], ""),
        ("`[[suppressions]]`", Suppression, schema["$defs"]["Suppression"], ""),
    )
    parts = []
    for title, data, definition, where in tables:
        rows = []
        for one in fields(data):
            declared = definition["properties"][one.name]
            default = _config_default(one.name, one.default)
            rows.append((code(one.name), _kind(declared), default, _text(declared)))
        about = where or prose(data.__doc__)
        parts += [f"## {title}", about, table(("Key", "Type", "Default", "Meaning"), rows)]
    return page(
        "Configuration",
        "Every key of the configuration. [Configuration](../configuration.md) explains which file counts and "
        "what the keys do; `isoscan config show` prints what holds.",
        *parts,
        "## JSON schema",
        "`isoscan config schema` prints [the schema](schemas/isoscan.toml.json) for editors and checkers.",
    )


def _text(declared: dict[str, Any]) -> str:
    return prose(sentence(declared.get("description", ""))) if declared.get("description") else ""


def _config_default(name: str, default: str) -> str:
    if name == "sandbox":
        return "`strict` on Linux, else `permissions`"
    if default == "UNSET":
        return "as for all"
    return {"": "required", "None": "", "[]": "", "{}": "", "True": "`true`", "False": "`false`"}.get(
        default, "" if default == MADE else code(default.replace("'", '"'))
    )


def _kind(declared: dict[str, Any]) -> str:
    """The type of a value in the schema's words."""
    if "anyOf" in declared:
        kinds = [_kind(one) for one in declared["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in declared:
        return " / ".join(code(value) for value in sorted(declared["enum"], key=_rank) if value is not None)
    if "$ref" in declared:
        return "table"
    kind = declared.get("type", "any")
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind == "array":
        if "prefixItems" in declared:
            return "[" + ", ".join(_kind(one) for one in declared["prefixItems"]) + "]"
        item = _kind(declared.get("items") or {})
        return f"list of {item}" if item != "any" else "list"
    return {"object": "table"}.get(kind, str(kind)) if declared.get("format") != "date" else "date"


def _rank(value: Any) -> tuple[int, str]:
    """Severities by how bad they are, everything else by name."""
    return (list(Severity).index(Severity(value)) if value in list(Severity) else 0, str(value))


def _schemas() -> str:
    parts = []
    for name, definition in json_schema(RunDocument)["$defs"].items():
        parts += [f"## `{name}`", prose(definition.get("description", ""))]
        if "properties" in definition:
            required = set(definition.get("required", ()))
            rows = [
                (code(key), _kind(declared), "yes" if key in required else "")
                for key, declared in definition["properties"].items()
            ]
            parts.append(table(("Property", "Type", "Required"), rows))
        elif "enum" in definition:
            parts.append(" / ".join(code(value) for value in definition["enum"]))
    return page(
        "JSON schemas",
        "JSON Schema 2020-12. `isoscan schema` prints [the models](schemas/models.json), "
        "`isoscan config schema` [the configuration](schemas/isoscan.toml.json). "
        "SARIF reports follow the schema of OASIS.",
        *parts,
    )


def _plugin_api() -> str:
    """The shipped types, declaration by declaration, with their comments as text."""
    source = TYPES.read_text(encoding="utf-8")
    _, _, rest = source.partition("*/\n")
    parts = []
    for chunk in re.split(r"\n\n(?=\S)", rest.strip()):
        comment = _COMMENT.match(chunk)
        declared = chunk[comment.end() :] if comment else chunk
        name = _DECLARATION.match(declared)
        if name is None:
            raise LookupError(f"{TYPES.name}: not understood: {declared[:80]!r}")
        text = re.sub(r"^\s*\* ?", "", comment[1], flags=re.MULTILINE).strip() if comment else ""
        parts += [f"## `{name[1]}`", prose(text), block("ts", declared)]
    return page(
        "Plugin API",
        "The types every plugin is checked against, from the `isoscan.d.ts` of the package; "
        "`isoscan new` puts a copy beside a new plugin. [Plugins](../plugins.md) has the contract in words.",
        *parts,
    )
