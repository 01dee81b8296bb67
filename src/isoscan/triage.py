"""What becomes of a finding: reported as new or known, or suppressed, and by what. Pure."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from .baseline import Baseline
from .errors import ConfigError
from .models import Finding, HttpTransaction
from .redact import Redactor, shareable_fingerprint

_FINGERPRINT = re.compile(r"[0-9A-Fa-f]{32}")
#: What a finding is compared with; all but the fingerprint may hold wildcards.
_CRITERIA = ("plugin", "fingerprint", "host", "path", "title")


class Suppression(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Findings that shall not be reported, why, and until when.

    A finding must match all that is given, and something must be given. Raises `ConfigError` when
    nothing is, or the reason is missing.
    """

    reason: Annotated[str, Meta(description="Why these findings are accepted. Required.")]
    plugin: Annotated[str | None, Meta(description="Plugin id; wildcards * ? […].")] = None
    fingerprint: Annotated[str | None, Meta(description="A finding's fingerprint, as reports show it.")] = (
        None
    )
    host: Annotated[str | None, Meta(description="Host of the finding's URL; wildcards.")] = None
    path: Annotated[str | None, Meta(description="Path of the finding's URL; wildcards.")] = None
    title: Annotated[str | None, Meta(description="Title of the finding; wildcards.")] = None
    until: Annotated[date | None, Meta(description="The last day it holds, for example 2027-01-31.")] = None

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ConfigError("has an empty reason: say why these findings are accepted")
        if self.fingerprint is not None and not _FINGERPRINT.fullmatch(self.fingerprint):
            raise ConfigError(f"has the fingerprint {self.fingerprint[:40]!r}: it must be 32 hex digits")
        if all(getattr(self, name) is None for name in _CRITERIA):
            raise ConfigError(f"matches everything: give at least one of {', '.join(_CRITERIA)}")
        for name in ("plugin", "host", "fingerprint"):
            if getattr(self, name) is not None:
                force_setattr(self, name, getattr(self, name).lower())

    def is_expired(self, today: date) -> bool:
        """Whether its last day is over."""
        return self.until is not None and self.until < today

    def matches(self, finding: Finding, is_named: Callable[[Collection[str]], bool]) -> bool:
        """Whether the finding is meant. `is_named` tells whether a fingerprint of its is among some."""
        if not _fits(finding.plugin_id.lower(), self.plugin) or not _fits(finding.title, self.title):
            return False
        if self.host is not None or self.path is not None:
            host, path = _host_and_path(finding.url)
            if not _fits(host, self.host) or not _fits(path, self.path):
                return False
        return self.fingerprint is None or is_named((self.fingerprint,))

    def __str__(self) -> str:
        until = "" if self.until is None else f", until {self.until}"
        return f"{self.reason.strip()}{until}"


class Ruling(Struct, frozen=True):
    """What becomes of one finding. `is_new` is None where nothing is known of earlier runs.

    `suppressed_by` is the suppression that keeps it from being reported: its place and its reason.
    `is_known`: it is in the baseline, or was found before and only new findings were asked for; it
    fails no run.
    """

    is_reported: bool = True
    is_new: bool | None = None
    is_known: bool = False
    suppressed_by: str | None = None


class Triage:
    """The rules for all findings of a run: what is suppressed, what is known from earlier runs.

    `suppressions` are given by the place where they are written, such as `isoscan.toml:12`. `known` are
    the fingerprints of a baseline, those of findings as they are or as redacted reports show them; None
    when there is no baseline. `seen` is given every finding that is not suppressed.
    """

    def __init__(
        self,
        suppressions: Mapping[str, Suppression] | None = None,
        known: Collection[str] | None = None,
        *,
        is_new_only: bool = False,
        seen: Baseline | None = None,
        today: date | None = None,
    ) -> None:
        day = date.today() if today is None else today
        given = suppressions or {}
        #: No longer applied.
        self.expired = {place: each for place, each in given.items() if each.is_expired(day)}
        self._applied = {
            f"{place} ({each})": each for place, each in given.items() if place not in self.expired
        }
        self.is_new_only = is_new_only
        self._known = None if known is None else frozenset(known)
        self._seen = seen
        self._redactor = Redactor()

    @property
    def labels(self) -> list[str]:
        """The suppressions that hold, as `Ruling.suppressed_by` names them; the first that matches counts."""
        return list(self._applied)

    def judge(
        self, finding: Finding, transaction: HttpTransaction | None, is_new: bool | None = None
    ) -> Ruling:
        """What becomes of a finding, given before anything in it is masked, and its transaction.

        `is_new` is what a store knows of it; a baseline, if there is one, knows better.
        """
        name = _Fingerprint(finding, transaction, self._redactor)
        for label, suppression in self._applied.items():
            if suppression.matches(finding, name.is_in):
                return Ruling(is_reported=False, suppressed_by=label)
        if self._seen is not None:
            self._seen.add(finding, transaction)
        if self._known is not None:
            is_new = not name.is_in(self._known)
        is_known = is_new is False and (self._known is not None or self.is_new_only)
        return Ruling(is_reported=not (is_known and self.is_new_only), is_new=is_new, is_known=is_known)


class _Fingerprint:
    """The names a finding goes by: its own, and the one in redacted reports, which takes a while to make."""

    def __init__(self, finding: Finding, transaction: HttpTransaction | None, redactor: Redactor) -> None:
        self._finding = finding
        self._transaction = transaction
        self._redactor = redactor
        self._own: str | None = None
        self._shareable: str | None = None

    def is_in(self, known: Collection[str]) -> bool:
        """Whether one of the names is among the known."""
        if self._own is None:
            self._own = self._finding.fingerprint
        if self._own in known:
            return True
        if self._shareable is None:
            self._shareable = shareable_fingerprint(self._redactor.finding(self._finding, self._transaction))
        return self._shareable in known


def _fits(text: str, pattern: str | None) -> bool:
    """Whether a text is or matches the pattern, if there is one: a title may hold brackets itself."""
    return pattern is None or text == pattern or fnmatch.fnmatchcase(text, pattern)


def _host_and_path(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return (parts.hostname or "").lower(), parts.path or "/"
