"""The rules of a SARIF log: one for each kind of finding of a plugin. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from ..models import Confidence, Finding, PluginMetadata, Severity
from .text import printable, printable_lines

LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
#: As GitHub reads them: above 9.0 critical, from 7.0 high, from 4.0 medium, above 0.0 low. None: no score.
_SCORES = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "3.0",
    Severity.INFO: None,
}
_PROBLEM_SEVERITIES = {"error": "error", "warning": "warning", "note": "recommendation"}
#: GitHub shows ten tags of a rule.
_MAX_TAGS = 10
_MAX_CWES = 5
_ID_CHARS = 200
#: GitHub takes 1,024.
_DESCRIPTION_CHARS = 1_000

_CWE = re.compile(r"CWE[-_ ]?0*([1-9][0-9]{0,4})(?![0-9])", re.ASCII | re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\{([0-9]+)\}")


class Rule(Struct):
    """One rule; `finding` is the first of it, and findings come worst first. `cwes` are numbers."""

    id: str
    index: int
    finding: Finding
    cwes: tuple[str, ...]


class Rules:
    """The rules of a run, in the order in which they are first asked for.

    The id is the plugin and the type it names, such as `secrets/aws-access-key-id`: both are written
    in the plugin, so that the id of a rule stays from run to run.
    """

    def __init__(self, plugins: Sequence[PluginMetadata]) -> None:
        self._plugins = {plugin.id: plugin for plugin in plugins}
        self._rules: dict[tuple[str, str], Rule] = {}
        self._ids: set[str] = set()

    def of(self, finding: Finding) -> Rule:
        """The rule of a finding."""
        key = finding.plugin_id, finding.vuln_type
        rule = self._rules.get(key)
        if rule is None:
            index = len(self._rules)
            id_ = printable("/".join(dict.fromkeys(key)), _ID_CHARS)
            if id_ in self._ids:  # what was cut or written out has become the same
                id_ += f"#{index}"
            self._ids.add(id_)
            cwes = tuple(dict.fromkeys(_CWE.findall(finding.cwe)))[:_MAX_CWES]
            rule = self._rules[key] = Rule(id_, index, finding, cwes)
        return rule

    def cwes(self) -> list[str]:
        """The numbers of all weaknesses that a rule names, in order."""
        return sorted({cwe for rule in self._rules.values() for cwe in rule.cwes}, key=int)

    def all(self) -> list[dict[str, Any]]:
        """The `rules` of the driver."""
        return [self._descriptor(rule) for rule in self._rules.values()]

    def _descriptor(self, rule: Rule) -> dict[str, Any]:
        finding = rule.finding
        # Cut behind, because what is written out is longer.
        title = printable(finding.title)[:_DESCRIPTION_CHARS].strip() or rule.id
        description = printable_lines(finding.description)[:_DESCRIPTION_CHARS]
        help_texts = [text for text in (description, printable_lines(finding.remediation, 2_000)) if text]
        level = LEVELS[finding.severity]
        properties: dict[str, Any] = {
            "tags": self._tags(rule),
            "precision": _precision(finding.confidence),
            "problem.severity": _PROBLEM_SEVERITIES[level],
        }
        if score := _SCORES[finding.severity]:
            properties["security-severity"] = score
        descriptor: dict[str, Any] = {
            "id": rule.id,
            "shortDescription": {"text": title},
            "fullDescription": {"text": description or title},
            "help": {"text": "\n\n".join(help_texts) or title},
            "defaultConfiguration": {"level": level},
            "properties": properties,
        }
        if rule.cwes:
            descriptor["helpUri"] = _cwe_page(rule.cwes[0])
            descriptor["relationships"] = [
                {"target": {"id": cwe, "toolComponent": {"name": "CWE"}}, "kinds": ["superset"]}
                for cwe in rule.cwes
            ]
        return descriptor

    def _tags(self, rule: Rule) -> list[str]:
        tags = ["security", *(f"external/cwe/cwe-{cwe}" for cwe in rule.cwes)]
        plugin = self._plugins.get(rule.finding.plugin_id)
        if plugin is not None:
            tags += [printable(tag, 50) for tag in (plugin.category or "", *plugin.tags) if tag.strip()]
        return list(dict.fromkeys(tags))[:_MAX_TAGS]


def taxonomy(rules: Rules) -> list[dict[str, Any]]:
    """The run's `taxonomies`: the weaknesses of CWE that its rules name; empty without any."""
    cwes = rules.cwes()
    if not cwes:
        return []
    return [
        {
            "name": "CWE",
            "organization": "MITRE",
            "informationUri": "https://cwe.mitre.org/",
            "shortDescription": {"text": "Common Weakness Enumeration"},
            "isComprehensive": False,
            "taxa": [{"id": cwe, "name": f"CWE-{cwe}", "helpUri": _cwe_page(cwe)} for cwe in cwes],
        }
    ]


def message(text: str) -> dict[str, str]:
    """A SARIF message of printable text, in which nothing is a link or a placeholder."""
    return {"text": _PLACEHOLDER.sub(r"{{\1}}", text.replace("](", "] ("))}


def _precision(confidence: Confidence) -> str:
    return confidence.value


def _cwe_page(number: str) -> str:
    return f"https://cwe.mitre.org/data/definitions/{number}.html"
