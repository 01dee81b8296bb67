"""Which transactions a run looks at: by host, path, method, status, content type and size. Pure."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal
from urllib.parse import urlsplit

from .errors import ConfigError
from .models import HttpTransaction
from .sources import Entry

#: Why a transaction is out of scope. The first that holds, in this order, counts.
LeftOut = Literal["host", "path", "method", "status", "type", "body size"]

_STATUS = re.compile(r"(!?)(?:([0-9]{3})(?:-([0-9]{3}))?|([1-9])xx)", re.IGNORECASE)
_DEFAULT_PORTS: dict[str, int | str] = {"http": 80, "https": 443, "ws": 80, "wss": 443}


class Scope:
    """Rules on transactions: empty rules let everything through.

    All but `max_body_bytes` are lists of patterns with the wildcards `*`, `?` and `[…]`, or of status
    codes (`200`, `4xx`, `400-499`). One that begins with `!` excludes. What matches no excluding pattern,
    and one of the others if there are any, is in scope.

    `hosts` are compared without case, with the port if the pattern names one. `paths` are those of URLs as
    sent, without the query. `types` are the response's content types without parameters. What has no
    response, or none of that kind, has the type and status nothing but excluding patterns let through.
    `max_body_bytes` bounds both bodies. Raises `ConfigError` for a pattern that can match nothing.
    """

    def __init__(
        self,
        *,
        hosts: Sequence[str] = (),
        paths: Sequence[str] = (),
        methods: Sequence[str] = (),
        statuses: Sequence[str] = (),
        types: Sequence[str] = (),
        max_body_bytes: int | None = None,
    ) -> None:
        self._host = host_rule(hosts)
        self._path = path_rule(paths)
        self._method = method_rule(methods)
        self._status = status_rule(statuses)
        self._type = type_rule(types)
        self._max_body_bytes = max_body_bytes
        rules = (hosts, paths, methods, statuses, types)
        #: Whether nothing can be out of scope.
        self.is_everything = max_body_bytes is None and not any(rules)

    def judge(self, transaction: HttpTransaction) -> LeftOut | None:
        """Why the transaction is out of scope; None when it is in."""
        request, response = transaction.request, transaction.response
        host, host_and_port, path = _parts_of(request.url)
        if not self._host(host, host_and_port):
            return "host"
        if not self._path(path):
            return "path"
        if not self._method(request.method.upper()):
            return "method"
        if not self._status(0 if response is None else response.status):
            return "status"
        if not self._type(_essence(None if response is None else response.content_type)):
            return "type"
        largest = max(len(request.body), 0 if response is None else len(response.body))
        if self._max_body_bytes is not None and largest > self._max_body_bytes:
            return "body size"
        return None

    def filter(self, entries: Iterable[Entry], left_out: Counter[str]) -> Iterator[Entry]:
        """Entries without those out of scope, which are counted by reason in `left_out`.

        Entries that could not be read stay: nobody knows what they would have been.
        """
        for entry in entries:
            reason = None if entry.transaction is None else self.judge(entry.transaction)
            if reason is None:
                yield entry
            else:
                left_out[reason] += 1


def host_rule(patterns: Sequence[str]) -> Callable[[str, str], bool]:
    """Whether a host, alone and with its port, fits."""
    for pattern in patterns:
        if "/" in pattern:
            raise ConfigError(f"has {pattern!r}: a host has no '/'; write for example *.example.com")
    fits = _rule([pattern.lower() for pattern in patterns])
    return lambda host, host_and_port: fits(host, host_and_port)


def path_rule(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether the path of a URL fits."""
    for pattern in patterns:
        if not pattern.removeprefix("!").startswith(("/", "*", "?", "[")):
            raise ConfigError(f"has {pattern!r}: a path begins with '/'; write for example /api/*")
    return _rule(patterns)


def method_rule(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether a method, in upper case, fits."""
    return _rule([pattern.upper() for pattern in patterns])


def type_rule(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether a content type without parameters, in lower case, fits; `""` is none."""
    for pattern in patterns:
        if "/" not in pattern and "*" not in pattern:
            raise ConfigError(f"has {pattern!r}: a content type has a '/'; write for example text/html")
    return _rule([pattern.lower() for pattern in patterns])


def status_rule(patterns: Sequence[str | int]) -> Callable[[int], bool]:
    """Whether a status fits; 0 is no response."""
    wanted: list[range] = []
    unwanted: list[range] = []
    for pattern in patterns:
        match = _STATUS.fullmatch(str(pattern))
        if match is None:
            raise ConfigError(f"has {pattern!r}: write for example 200, 4xx, 400-499 or !304")
        low = int(match[4] or match[2][0]) * 100 if match[4] else int(match[2])
        high = low + 99 if match[4] else int(match[3] or low)
        if low > high:
            raise ConfigError(f"has {pattern!r}: the second status must not be below the first")
        (unwanted if match[1] else wanted).append(range(low, high + 1))
    return lambda status: (
        (not wanted or any(status in codes for codes in wanted))
        and not any(status in codes for codes in unwanted)
    )


def _rule(patterns: Sequence[str]) -> Callable[..., bool]:
    """Whether one of several texts fits, and none of them is excluded."""
    for pattern in patterns:
        if not pattern.removeprefix("!"):
            raise ConfigError(f"has {pattern!r}: a pattern must not be empty")
    wanted = _regexp([pattern for pattern in patterns if not pattern.startswith("!")])
    unwanted = _regexp([pattern[1:] for pattern in patterns if pattern.startswith("!")])

    def fits(*texts: str) -> bool:
        if wanted is not None and not any(map(wanted.match, texts)):
            return False
        return unwanted is None or not any(map(unwanted.match, texts))

    return fits


def _regexp(patterns: Sequence[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(fnmatch.translate, patterns))) if patterns else None


def _parts_of(url: str) -> tuple[str, str, str]:
    """Host, host with port, and path; empty where the URL has none."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port: int | str = parts.port or _DEFAULT_PORTS.get(parts.scheme.lower(), "")
    except ValueError:
        return "", "", ""
    return host, f"{host}:{port}", parts.path or "/"


def _essence(content_type: str | None) -> str:
    return (content_type or "").partition(";")[0].strip().lower()
