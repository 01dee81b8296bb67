"""Which transactions are in scope, and the reason when one is not."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoscan import ConfigError, HttpRequest, HttpResponse, HttpTransaction
from isoscan.scope import Scope
from isoscan.sources import Entry


def transaction(
    url: str = "https://shop.example.com/api/items?q=1",
    *,
    method: str = "GET",
    status: int | None = 200,
    content_type: str | None = "text/html; charset=utf-8",
    sent: bytes = b"",
    got: bytes = b"",
) -> HttpTransaction:
    """A transaction; without a status it has no response."""
    response = None if status is None else HttpResponse(status, (), got, content_type)
    return HttpTransaction(HttpRequest(method, url, (), sent), response)


NO_RESPONSE = transaction(status=None)
NO_TYPE = transaction(content_type=None)


@pytest.mark.parametrize(
    ("rules", "subject", "reason"),
    [
        ({}, transaction(), None),
        ({}, transaction("not a url", status=None), None),
        # hosts
        ({"hosts": ["shop.example.com"]}, transaction(), None),
        ({"hosts": ["SHOP.*"]}, transaction("https://Shop.Example.COM/"), None),
        ({"hosts": ["*.example.com"]}, transaction("https://example.com/"), "host"),
        ({"hosts": ["*.example.com"]}, transaction("https://example.com.evil.test/"), "host"),
        ({"hosts": ["*.example.com"]}, transaction("https://evil.test/x.example.com"), "host"),
        ({"hosts": ["*.example.com"]}, transaction("https://a.example.com@evil.test/"), "host"),
        ({"hosts": ["other", "shop.*"]}, transaction(), None),
        ({"hosts": ["!shop.*"]}, transaction(), "host"),
        ({"hosts": ["!shop.*"]}, transaction("https://www.example.com/"), None),
        ({"hosts": ["*.example.com", "!shop.*"]}, transaction(), "host"),
        ({"hosts": ["shop.example.com:443"]}, transaction(), None),
        ({"hosts": ["shop.example.com:80"]}, transaction(), "host"),
        ({"hosts": ["localhost:8080"]}, transaction("http://localhost:8080/"), None),
        ({"hosts": ["localhost"]}, transaction("http://localhost:8080/"), None),
        ({"hosts": ["!localhost:8080"]}, transaction("http://localhost:8080/"), "host"),
        ({"hosts": ["::1"]}, transaction("http://[::1]:8080/"), None),
        ({"hosts": ["*"]}, transaction("http://[bad/"), None),
        ({"hosts": ["a"]}, transaction("http://[bad/"), "host"),
        # paths
        ({"paths": ["/api/*"]}, transaction(), None),
        ({"paths": ["/API/*"]}, transaction(), "path"),
        ({"paths": ["/api"]}, transaction(), "path"),
        ({"paths": ["*.js"]}, transaction("https://a.example/x/y.js?v=1"), None),
        ({"paths": ["/"]}, transaction("https://a.example"), None),
        ({"paths": ["!/api/*"]}, transaction(), "path"),
        ({"paths": ["*q=1*"]}, transaction(), "path"),
        # methods
        ({"methods": ["get", "POST"]}, transaction(), None),
        ({"methods": ["POST"]}, transaction(), "method"),
        ({"methods": ["!options"]}, transaction(method="options"), "method"),
        # statuses
        ({"statuses": ["200"]}, transaction(), None),
        ({"statuses": ["2XX"]}, transaction(status=299), None),
        ({"statuses": ["2xx"]}, transaction(status=300), "status"),
        ({"statuses": ["200-204", "404"]}, transaction(status=204), None),
        ({"statuses": ["200-204", "404"]}, transaction(status=205), "status"),
        ({"statuses": ["!304"]}, transaction(status=304), "status"),
        ({"statuses": ["3xx", "!304"]}, transaction(status=304), "status"),
        ({"statuses": ["200"]}, NO_RESPONSE, "status"),
        ({"statuses": ["!304"]}, NO_RESPONSE, None),
        # types
        ({"types": ["text/html"]}, transaction(), None),
        ({"types": ["TEXT/*"]}, transaction(content_type="Text/Plain"), None),
        ({"types": ["text/html"]}, transaction(content_type="image/png"), "type"),
        ({"types": ["!image/*"]}, transaction(content_type="image/png"), "type"),
        ({"types": ["text/*"]}, NO_TYPE, "type"),
        ({"types": ["!image/*"]}, NO_TYPE, None),
        ({"types": ["!image/*"]}, NO_RESPONSE, None),
        # bodies
        ({"max_body_bytes": 3}, transaction(got=b"abc", sent=b"abc"), None),
        ({"max_body_bytes": 3}, transaction(got=b"abcd"), "body size"),
        ({"max_body_bytes": 3}, transaction(sent=b"abcd", status=None), "body size"),
        ({"max_body_bytes": 0}, transaction(), None),
        # the first reason counts
        ({"hosts": ["x"], "statuses": ["404"], "max_body_bytes": 0}, transaction(got=b"a"), "host"),
    ],
)
def test_judged(rules: dict[str, Any], subject: HttpTransaction, reason: str | None) -> None:
    """Each rule lets through what it names, and the reason says which did not."""
    assert Scope(**rules).judge(subject) == reason


@pytest.mark.parametrize(
    "rules",
    [
        {"hosts": [""]},
        {"hosts": ["!"]},
        {"hosts": ["https://a.example"]},
        {"paths": ["api"]},
        {"paths": ["!"]},
        {"types": ["html"]},
        {"statuses": ["ok"]},
        {"statuses": [""]},
        {"statuses": ["0xx"]},
        {"statuses": ["20"]},
        {"statuses": ["500-400"]},
    ],
)
def test_pattern_that_matches_nothing(rules: dict[str, Any]) -> None:
    """What can never match is refused, so that a typo does not leave everything out."""
    with pytest.raises(ConfigError):
        Scope(**rules)


def test_filter_counts() -> None:
    """What is left out is counted by reason; what could not be read stays."""
    subjects = [transaction(), transaction("https://other/"), transaction(status=404), transaction()]
    entries = [Entry("a.har", index, "entry", each) for index, each in enumerate(subjects)]
    entries.append(Entry("a.har", 4, "entry", problem="broken"))
    left_out: Counter[str] = Counter()
    scope = Scope(hosts=["shop.*"], statuses=["200"])
    assert [entry.index for entry in scope.filter(entries, left_out)] == [0, 3, 4]
    assert left_out == {"host": 1, "status": 1}


def test_everything() -> None:
    """A scope without rules says so."""
    assert Scope().is_everything
    assert not Scope(methods=["GET"]).is_everything
    assert not Scope(max_body_bytes=10).is_everything


@given(
    st.text(max_size=30),
    st.text(max_size=5),
    st.integers(0, 999) | st.none(),
    st.text(max_size=10) | st.none(),
)
def test_any_transaction(url: str, method: str, status: int | None, content_type: str | None) -> None:
    """Whatever a capture holds, a rule and its opposite never both let it through."""
    subject = transaction(url, method=method, status=status, content_type=content_type)
    for rules, opposite in (
        ({"hosts": ["*a*"]}, {"hosts": ["!*a*"]}),
        ({"paths": ["*a*"]}, {"paths": ["!*a*"]}),
        ({"methods": ["*a*"]}, {"methods": ["!*a*"]}),
        ({"types": ["*a*"]}, {"types": ["!*a*"]}),
        ({"statuses": ["2xx"]}, {"statuses": ["!2xx"]}),
    ):
        verdicts = [Scope(**each).judge(subject) for each in (rules, opposite)]  # type: ignore[arg-type]
        assert verdicts.count(None) == 1
