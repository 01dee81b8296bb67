"""The models: what is derived, what is refused, and which findings are the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

import jsonschema
import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from isoscan import (
    Confidence,
    ConfigError,
    Finding,
    HttpRequest,
    HttpResponse,
    HttpTransaction,
    Limits,
    Permissions,
    PluginMetadata,
    ScanFailure,
    ScanResult,
    Severity,
    Verdict,
    json_schema,
)
from isoscan.models import header_value, new_id, normalised_url

MIB = 1024 * 1024
HOSTS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z]{2,5}){1,2}", fullmatch=True)
PATHS = st.from_regex(r"(/[A-Za-z0-9._~!$&'()*+,;=:@-]{0,8}){0,3}", fullmatch=True)


def make_finding(url: str = "http://a/", **fields: Any) -> Finding:
    """A finding with only what it needs."""
    base = {"title": "t", "plugin_id": "p", "vuln_type": "v", "method": "GET", "transaction_id": "x"}
    return Finding(url=url, **{**base, **fields})


# ---- fingerprints --------------------------------------------------------------


@given(HOSTS, HOSTS, PATHS)
def test_two_hosts_never_collapse(one: str, other: str, path: str) -> None:
    """The same finding on two hosts has two fingerprints."""
    assume(one != other)
    assert (
        make_finding(f"https://{one}{path}").fingerprint != make_finding(f"https://{other}{path}").fingerprint
    )


@given(HOSTS, st.integers(1, 65535), st.integers(1, 65535))
def test_two_ports_never_collapse(host: str, one: int, other: int) -> None:
    """Two ports of a host are two places."""
    assume(one != other)
    assert normalised_url(f"http://{host}:{one}/") != normalised_url(f"http://{host}:{other}/")


@given(HOSTS, PATHS, PATHS)
def test_two_paths_never_collapse(host: str, one: str, other: str) -> None:
    """Two pages of a host are two places; only the empty path is the root."""
    assume((one or "/") != (other or "/"))
    assert normalised_url(f"http://{host}{one}") != normalised_url(f"http://{host}{other}")


@given(st.text(max_size=8), st.text(max_size=8))
def test_two_path_segments_never_collapse(one: str, other: str) -> None:
    """Fully percent-encoded segments are told apart, whatever characters they stand for."""
    assume(one != other)
    quoted = [quote(part, safe="", errors="surrogatepass") for part in (one, other)]
    assert normalised_url(f"http://a/x{quoted[0]}") != normalised_url(f"http://a/x{quoted[1]}")


@pytest.mark.parametrize("reserved", ["/", ";"])
def test_encoded_delimiter_is_data(reserved: str) -> None:
    """A percent-encoded delimiter names another page than the delimiter itself (RFC 3986, 2.2)."""
    assert normalised_url(f"http://a/x%{ord(reserved):02X}y") != normalised_url(f"http://a/x{reserved}y")


@given(
    st.lists(st.tuples(st.text("ab&=%+ é", max_size=4), st.text("ab&=%+ é", max_size=4)), max_size=4),
    st.lists(st.tuples(st.text("ab&=%+ é", max_size=4), st.text("ab&=%+ é", max_size=4)), max_size=4),
)
def test_two_queries_never_collapse(one: list[tuple[str, str]], other: list[tuple[str, str]]) -> None:
    """Different sets of query parameters are different places."""

    def url(pairs: list[tuple[str, str]]) -> str:
        return "http://a/?" + "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in pairs)

    assume(sorted(one) != sorted(other))
    assert normalised_url(url(one)) != normalised_url(url(other))


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("http://a/", "http://a"),
        ("http://a/", "HTTP://A/"),
        ("http://a/", "http://a:80/"),
        ("https://a/", "https://a:443/"),
        ("http://a/x", "http://a/x#part"),
        ("http://a/~u", "http://a/%7Eu"),
        ("http://a/%c3%a9", "http://a/%C3%A9"),
        ("http://a/?b=2&a=1", "http://a/?a=1&b=2"),
        ("http://a/?q=x+y", "http://a/?q=x%20y"),
        ("http://[::1]/", "http://[::1]:80/"),
    ],
)
def test_same_place_in_two_spellings(url: str, same: str) -> None:
    """Default port, case of scheme and host, fragment and encoding do not make a new finding."""
    assert make_finding(url).fingerprint == make_finding(same).fingerprint


@pytest.mark.parametrize(
    ("url", "other"),
    [
        ("http://a/", "https://a/"),
        ("http://a:443/", "http://a/"),
        ("http://a/x", "http://a/X"),
        ("http://a/x", "http://a/x/"),
        ("http://a/?a=1", "http://a/?a=2"),
        ("http://a/?a=1", "http://a/?A=1"),
        ("http://a/?a=1", "http://a/?a=1&a=1"),
        ("http://a/%2541", "http://a/%41"),
        ("http://[::1]/", "http://[::2]/"),
    ],
)
def test_two_places(url: str, other: str) -> None:
    """Scheme, odd port, path case, trailing slash and query value make another place."""
    assert make_finding(url).fingerprint != make_finding(other).fingerprint


@given(st.text(max_size=40))
def test_any_text_has_a_normal_form(url: str) -> None:
    """No URL, however broken, makes normalising raise."""
    assert isinstance(normalised_url(url), str)
    assert len(make_finding(url).fingerprint) == 32


@pytest.mark.parametrize(
    "url", ["http://a:99999/", "http://[::1", "http://a:b/", "http://\ud800/\udfff?\ud800", "", "?", "//"]
)
def test_broken_url_has_a_fingerprint(url: str) -> None:
    """Broken URLs are kept as they are."""
    assert make_finding(url).fingerprint == make_finding(url).fingerprint


@pytest.mark.parametrize("name", ["plugin_id", "vuln_type", "location", "title", "method"])
def test_identity_fields_count(name: str) -> None:
    """Each field of the identity makes another finding."""
    assert make_finding(**{name: "one"}).fingerprint != make_finding(**{name: "two"}).fingerprint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("severity", Severity.HIGH),
        ("confidence", Confidence.LOW),
        ("description", "d"),
        ("evidence", "e"),
        ("transaction_id", "y"),
        ("extra", {"a": 1}),
        ("id", "z"),
        ("created_at", datetime(2001, 1, 1, tzinfo=UTC)),
    ],
)
def test_other_fields_do_not(name: str, value: Any) -> None:
    """What differs from run to run, or is judged anew, is no part of the identity."""
    assert make_finding(**{name: value}).fingerprint == make_finding().fingerprint


@given(
    st.lists(st.text(max_size=5), min_size=3, max_size=3),
    st.lists(st.text(max_size=5), min_size=3, max_size=3),
)
def test_fields_do_not_run_together(one: list[str], other: list[str]) -> None:
    """Text cannot move from one field to the next without being noticed."""
    assume(one != other)
    names = ("vuln_type", "location", "title")
    findings = [make_finding(**dict(zip(names, parts, strict=True))) for parts in (one, other)]
    assert findings[0].fingerprint != findings[1].fingerprint


# ---- requests and responses ------------------------------------------------------


def test_request_needs_only_method_and_url() -> None:
    """Everything else is derived."""
    before = datetime.now(UTC)
    request = HttpRequest(method="GET", url="https://a/x?b=1&b=2&c=&d=%C3%A9+e#f?g=1")
    assert request.id
    assert request.headers == ()
    assert request.body == b""
    assert request.content_type is None
    assert request.query_params == {"b": "2", "c": "", "d": "é e"}
    assert request.is_https
    assert request.timestamp is not None
    assert before <= request.timestamp <= datetime.now(UTC)
    assert not request.was_edited


@pytest.mark.parametrize(
    ("url", "is_https"),
    [
        ("https://a", True),
        ("HTTPS://a", True),
        ("wss://a", True),
        ("http://a", False),
        ("ws://a", False),
        ("httpsx://a", False),
        ("/relative", False),
        ("", False),
    ],
)
def test_https_follows_from_the_scheme(url: str, is_https: bool) -> None:
    """Only https and wss are encrypted."""
    assert HttpRequest(method="GET", url=url).is_https is is_https


def test_given_values_are_not_derived() -> None:
    """What the caller says stands, even against the URL."""
    moment = datetime(2020, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    request = HttpRequest(
        method="GET",
        url="http://a/?x=1",
        content_type="text/plain",
        query_params={"y": "2"},
        is_https=True,
        timestamp=moment,
        id="mine",
    )
    assert request.content_type == "text/plain"
    assert request.query_params == {"y": "2"}
    assert request.is_https
    assert request.timestamp == moment
    assert request.id == "mine"


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/html", "X": "1"},
        [("Content-Type", "text/html"), ("X", "1")],
        (("Content-Type", "text/html"), ("X", "1")),
        iter([["Content-Type", "text/html"], ["X", "1"]]),
    ],
)
def test_headers_in_every_form(headers: Any) -> None:
    """Mappings and pairs of any kind become the same tuple."""
    message = HttpRequest(method="GET", url="", headers=headers)
    assert message.headers == (("Content-Type", "text/html"), ("X", "1"))
    assert message.content_type == "text/html"


def test_duplicate_headers_are_kept() -> None:
    """Pairs keep their order and their duplicates."""
    pairs = (("Set-Cookie", "a=1"), ("set-cookie", "b=2"), ("Set-Cookie", "a=1"))
    assert HttpResponse(status=200, headers=pairs).headers == pairs
    assert header_value(pairs, "SET-COOKIE") == "a=1"
    assert header_value(pairs, "cookie") is None


@pytest.mark.parametrize("body", ["é", "é".encode(), bytearray("é".encode()), memoryview("é".encode())])
def test_bodies_become_bytes(body: Any) -> None:
    """Text is encoded as UTF-8, buffers are copied."""
    assert HttpRequest(method="POST", url="", body=body).body == "é".encode()
    assert HttpResponse(status=200, body=body).body == "é".encode()


def test_naive_time_is_utc() -> None:
    """A timestamp without a zone is taken as UTC."""
    request = HttpRequest(method="GET", url="", timestamp=datetime(2020, 1, 1))
    assert request.timestamp == datetime(2020, 1, 1, tzinfo=UTC)


def test_response_learns_its_request() -> None:
    """A response in a transaction carries the request's id unless it has one."""
    request = HttpRequest(method="GET", url="")
    transaction = HttpTransaction(request=request, response=HttpResponse(status=204))
    assert transaction.response is not None
    assert transaction.response.request_id == request.id == transaction.id
    own = HttpTransaction(request=request, response=HttpResponse(status=204, request_id="own"))
    assert own.response is not None
    assert own.response.request_id == "own"


def test_ids_are_unique() -> None:
    """No id is given twice."""
    assert len({new_id() for _ in range(10_000)}) == 10_000


@given(st.text(max_size=60))
def test_any_url_makes_a_request(url: str) -> None:
    """Traffic is what it is: no URL is refused."""
    assert HttpRequest(method="GET", url=url).url == url


def test_structs_are_frozen() -> None:
    """Nothing changes after it was made."""
    request = HttpRequest(method="GET", url="")
    with pytest.raises(AttributeError):
        request.url = "http://b"  # type: ignore[misc]


# ---- limits and permissions --------------------------------------------------------

RANGES = [
    ("timeout_s", 0.001, 86_400.0),
    ("load_timeout_s", 0.001, 86_400.0),
    ("memory_bytes", 48 * MIB, 1 << 40),
    ("queue_size", 1, 1_000_000),
    ("max_attempts", 1, 100),
    ("max_findings", 1, 1_000_000),
    ("max_findings_bytes", 1024, 64 * MIB),
    ("max_finding_field_bytes", 256, 16 * MIB),
    ("max_console_bytes", 0, 16 * MIB),
    ("max_load_failures", 1, 1000),
    ("max_consecutive_deaths", 1, 1_000_000),
    ("quarantine_s", 0.0, 86_400.0),
    ("quarantine_max_s", 0.0, 86_400.0),
]


@pytest.mark.parametrize(("name", "low", "high"), RANGES)
def test_limits_hold_their_ranges(name: str, low: Any, high: Any) -> None:
    """The ends of each range are allowed; beyond them the error names the limit."""
    for value in (low, high):
        assert getattr(Limits(**{name: value}), name) == value
    wrong: list[Any] = [low - 1, high + 1, float("nan"), float("inf"), -float("inf"), None, "5", True, [], 1j]
    for value in wrong:
        with pytest.raises(ConfigError, match=name):
            Limits(**{name: value})


@pytest.mark.parametrize("name", [n for n, low, _ in RANGES if isinstance(low, int)] + ["heap_bytes"])
def test_counts_and_sizes_are_whole_numbers(name: str) -> None:
    """A fraction of a byte or a scan is refused, not handed to V8 or the kernel."""
    value: Any = {"memory_bytes": 100.5 * MIB, "heap_bytes": 20.5 * MIB}.get(name, 2000.5)
    if name in ("max_attempts", "max_load_failures"):
        value = 2.5
    with pytest.raises(ConfigError, match=name):
        Limits(**{name: value})


@pytest.mark.parametrize("value", [None, 1, 0, "yes"])
def test_jitless_is_yes_or_no(value: Any) -> None:
    """What only looks like a truth value is refused."""
    with pytest.raises(ConfigError, match="is_jitless"):
        Limits(is_jitless=value)


def test_heap_is_half_of_memory() -> None:
    """Without a heap limit, V8 gets half."""
    assert Limits(memory_bytes=100 * MIB).heap_bytes == 50 * MIB


def test_heap_fits_into_memory() -> None:
    """A heap larger than the process may be is refused."""
    with pytest.raises(ConfigError, match="heap_bytes"):
        Limits(memory_bytes=100 * MIB, heap_bytes=101 * MIB)
    assert Limits(memory_bytes=100 * MIB, heap_bytes=100 * MIB).heap_bytes == 100 * MIB


def test_permissions_take_any_sequence() -> None:
    """A list of targets becomes a tuple."""
    assert Permissions(net=["a:1"]).net == ("a:1",)  # type: ignore[arg-type]


@pytest.mark.parametrize("plugin_id", ["", " ", "a b", "a\n", "a\0b", "\x1b[31m", "x" * 129, "a\u200eb"])
def test_bad_plugin_id_is_refused(plugin_id: str) -> None:
    """Ids appear in logs and file names: printable, without spaces, not long."""
    with pytest.raises(ConfigError):
        PluginMetadata(id=plugin_id)


def test_metadata_needs_only_an_id() -> None:
    """The name is the id, tags are a tuple."""
    metadata = PluginMetadata(id="x" * 128, tags=["a"])  # type: ignore[arg-type]
    assert metadata.name == metadata.id
    assert metadata.tags == ("a",)


# ---- severities, verdicts, failures --------------------------------------------------


def test_severities_are_ordered() -> None:
    """The rank grows from info to critical."""
    assert [severity.rank for severity in Severity] == [0, 1, 2, 3, 4]
    assert sorted(Severity, key=lambda s: s.rank)[0] is Severity.INFO


def test_complete_verdicts() -> None:
    """Only clean and findings mean that the plugin ran to its end."""
    assert {verdict for verdict in Verdict if verdict.is_complete} == {Verdict.CLEAN, Verdict.FINDINGS}


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "m"),
        ({"file": "a.ts"}, "m (a.ts)"),
        ({"file": "a.ts", "line": 3, "column": 4}, "m (a.ts:3:4)"),
    ],
)
def test_failure_shows_its_place(fields: dict[str, Any], text: str) -> None:
    """A failure reads as message and place."""
    assert str(ScanFailure(kind="k", message="m", fault="plugin", is_started=True, **fields)) == text


# ---- schema ----------------------------------------------------------------------------


def test_schema_is_valid() -> None:
    """The exported schema is itself valid JSON schema 2020-12."""
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HttpTransaction", HttpTransaction(HttpRequest("GET", "http://a/?b=1"), HttpResponse(200))),
        ("HttpTransaction", HttpTransaction(HttpRequest("GET", "http://a/", headers=(("a", "b"),)))),
        ("Finding", make_finding(extra={"a": [1, None]})),
        ("ScanResult", ScanResult(transaction_id="t", plugin_id="p", verdict=Verdict.CLEAN)),
        ("PluginMetadata", PluginMetadata(id="a")),
        ("Limits", Limits()),
        ("Permissions", Permissions(net=("a:1",))),
    ],
)
def test_models_obey_their_schema(name: str, value: object) -> None:
    """What is written as JSON is what the schema describes."""
    schema = {**json_schema(), "$ref": f"#/$defs/{name}"}
    jsonschema.Draft202012Validator(schema).validate(msgspec.json.decode(msgspec.json.encode(value)))


def test_every_reference_of_the_schema_resolves() -> None:
    """No `$ref` points nowhere."""
    schema = json_schema()

    def references(node: object) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [r for value in node.values() for r in references(value)]
        if isinstance(node, list):
            return [r for value in node for r in references(value)]
        return []

    found = references(schema)
    assert found
    assert {reference.removeprefix("#/$defs/") for reference in found} <= set(schema["$defs"])
