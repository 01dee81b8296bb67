"""A new plugin's files: code, types, cases and a README, all of which check and test accept at once."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from ..errors import ConfigError
from .workshop import TYPES

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_MAX_NAME_CHARS = 64

_TYPESCRIPT = """\
/// <reference path="./isoscan.d.ts" />

export const metadata: IsoscanMetadata = {
  id: "@ID@",
  name: "@TITLE@",
  version: "0.1.0",
  description: "Finds responses that tell which version of a server sent them.",
  category: "information-disclosure",
  default_severity: "info",
  tags: ["headers"],
  config_schema: {
    type: "object",
    properties: { headers: { type: "array", items: { type: "string" } } },
  },
};

/** The options of this plugin; `init` fills them before the first scan. */
const options = { headers: ["server", "x-powered-by"] };

export function init(config: { headers?: string[] }): void {
  if (config.headers !== undefined) options.headers = config.headers;
}

export function scan_transaction({ response }: IsoscanTransaction): IsoscanReturn {
  if (response === null) return;
  const findings: IsoscanFinding[] = [];
  for (const name of options.headers) {
    const value = response.headers[name];
    if (value !== undefined && /\\d/.test(value)) {
      findings.push({
        title: "Header tells the version of the server",
        vuln_type: "version-disclosure",
        evidence: value,
        location: `response.header:${name}`,
        cwe: "CWE-200",
        remediation: `Leave the version out of the header ${name}.`,
      });
    }
  }
  return findings;
}
"""

_JAVASCRIPT = """\
/// <reference path="./isoscan.d.ts" />

/** @type {IsoscanMetadata} */
export const metadata = {
  id: "@ID@",
  name: "@TITLE@",
  version: "0.1.0",
  description: "Finds responses that tell which version of a server sent them.",
  category: "information-disclosure",
  default_severity: "info",
  tags: ["headers"],
  config_schema: {
    type: "object",
    properties: { headers: { type: "array", items: { type: "string" } } },
  },
};

/** The options of this plugin; `init` fills them before the first scan. */
const options = { headers: ["server", "x-powered-by"] };

/** @param {{ headers?: string[] }} config */
export function init(config) {
  if (config.headers !== undefined) options.headers = config.headers;
}

/** @type {IsoscanScan} */
export function scan_transaction({ response }) {
  if (response === null) return;
  /** @type {IsoscanFinding[]} */
  const findings = [];
  for (const name of options.headers) {
    const value = response.headers[name];
    if (value !== undefined && /\\d/.test(value)) {
      findings.push({
        title: "Header tells the version of the server",
        vuln_type: "version-disclosure",
        evidence: value,
        location: `response.header:${name}`,
        cwe: "CWE-200",
        remediation: `Leave the version out of the header ${name}.`,
      });
    }
  }
  return findings;
}
"""

_README = """\
# @TITLE@

What `@ID@` finds, what it leaves out on purpose, and how to repair it.

```
isoscan check .            # imports, types, contract, permissions, slow regular expressions
isoscan test .             # the cases in fixtures/
isoscan test . --coverage  # and which lines none of them ran
isoscan run capture.har --plugin .
```

## Cases

`fixtures/NAME.json` is a transaction (a `.har` or `.jsonl` file does as well), `fixtures/NAME.findings.json`
what is expected of it: the findings with the fields that matter, `[]` for none. To add one, write the
transaction and run `isoscan test . --update`, then read what it wrote.
"""

_DENO = {"compilerOptions": {"types": ["./isoscan.d.ts"]}, "lock": False}


def _transaction(server: str | None, powered_by: str | None = None) -> dict[str, object]:
    headers = {"content-type": "text/html; charset=utf-8"}
    if server is not None:
        headers["server"] = server
    if powered_by is not None:
        headers["x-powered-by"] = powered_by
    return {
        "request": {"method": "GET", "url": "https://shop.example/", "headers": {"accept": "text/html"}},
        "response": {"status": 200, "headers": headers, "body": "<!doctype html><title>Shop</title>"},
    }


_VERSION_FINDING = {
    "title": "Header tells the version of the server",
    "severity": "info",
    "vuln_type": "version-disclosure",
    "location": "response.header:server",
    "evidence": "nginx/1.27.0",
}
_POWERED_FINDING = {"location": "response.header:x-powered-by", "evidence": "PHP/8.3.1"}
_FIXTURES: dict[str, object] = {
    "version.json": _transaction("nginx/1.27.0"),
    "version.findings.json": [_VERSION_FINDING],
    "no-version.json": _transaction("nginx"),
    "no-version.findings.json": [],
    "no-response.json": {"request": {"method": "GET", "url": "https://shop.example/lost"}},
    "no-response.findings.json": [],
    "one-header.json": _transaction("nginx/1.27.0", "PHP/8.3.1"),
    "one-header.findings.json": {
        "config": {"headers": ["x-powered-by"]},
        "findings": [_POWERED_FINDING],
    },
}


def check_name(name: str) -> None:
    """Raises `ConfigError` unless the name is fit for an id and a folder."""
    if _NAME.fullmatch(name) and len(name) <= _MAX_NAME_CHARS:
        return
    near = re.sub(r"[^a-z0-9]+", "-", re.sub(r"([a-z0-9])([A-Z])", r"\1-\2", name).lower()).strip("-")
    near = near[:_MAX_NAME_CHARS].strip("-")
    advice = f"; for example {near!r}" if _NAME.fullmatch(near) else "; for example 'leaked-tokens'"
    raise ConfigError(
        f"{name!r} is no name for a plugin: lower-case letters and digits in words with dashes between, "
        f"beginning with a letter, {_MAX_NAME_CHARS} characters at most{advice}"
    )


def write_plugin(folder: Path, name: str, *, is_javascript: bool) -> list[Path]:
    """Makes the folder of a new plugin in `folder` and returns its files.

    Raises `ConfigError` for a wrong name, a folder that is not there, or anything that has the name already.
    """
    check_name(name)
    if not folder.is_dir():
        raise ConfigError(f"--folder {folder}: there is no such folder")
    target = folder / name
    if target.exists() or target.is_symlink():
        raise ConfigError(f"{target}: is there already, and nothing is written over; choose another name")
    title = name.replace("-", " ").capitalize()
    code = _JAVASCRIPT if is_javascript else _TYPESCRIPT
    texts = {
        f"plugin.{'js' if is_javascript else 'ts'}": code,
        "README.md": _README,
        "deno.json": _json(_DENO),
        "isoscan.d.ts": TYPES.read_text(encoding="utf-8"),
        **{f"fixtures/{file}": _json(value) for file, value in _FIXTURES.items()},
    }
    try:
        return _write(target, texts, {"@ID@": name, "@TITLE@": title})
    except OSError as error:
        raise ConfigError(f"{target}: cannot be written: {error.strerror}") from error


def _write(target: Path, texts: dict[str, str], values: dict[str, str]) -> list[Path]:
    """All files, or nothing is left."""
    target.mkdir()
    files = []
    try:
        for name, text in texts.items():
            path = target / name
            path.parent.mkdir(exist_ok=True)
            for mark, value in values.items():
                text = text.replace(mark, value)
            path.write_text(text, encoding="utf-8")
            files.append(path)
    except BaseException:
        shutil.rmtree(target)
        raise
    return files


def _json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"
