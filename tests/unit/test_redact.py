"""Masks: what is one, what is none, that it is told apart, and that hostile text costs little time."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoscan import Finding, HttpRequest, HttpResponse, HttpTransaction, ScanFailure, ScanResult, Verdict
from isoscan.models import ConsoleLine
from isoscan.redact import KEY_BYTES, Redactor, redact_finding, shareable_fingerprint
from isoscan.redact.names import Telling, header_telling, telling

KEY = bytes(range(KEY_BYTES))
MASK = re.compile(r"…\((\d+) chars, [0-9a-f]{8}\)")
SECONDS_PER_MEGABYTE = 10.0  # all are below 2 on two old cores; quadratic ones would take hours

#: Written in halves, so that no scanner of repositories takes them for real ones.
SHAPES = {
    "aws": "AKIA" + "Q3EGRZ7XMNB2WTYL",
    "github": "ghp_" + "a8Kd93jfLs0QpZx7Vb21NmWe45RtYu67IoPa",
    "github fine-grained": "github_pat_" + "11ABCDEFG0abcdefghijkl_" + "Zx8" * 19,
    "gitlab": "glpat-" + "x7Zk2_mQ9sPd4Rt8Vb1N",
    "slack": "xoxb-" + "123456789012-abcdefGHIJKL0123456789",
    "stripe": "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "google": "AIza" + "SyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY",
    "npm": "npm_" + "8sKd73jfLs0QpZx7Vb21NmWe45RtYu67IoPa",
    "pypi": "pypi-" + "AgEIcHlwaS5vcmcCJDU3" * 3,
    "openai": "sk-" + "proj-" + "a8Kd93jfLs0QpZx7Vb21NmWe45RtYu67IoPa4412",
    "jwt": "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
    "jwt cut off": "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIi",
    "hexadecimal": "9f86d081884c7d659a2f" + "eaa0c55ad015",
    "base64": "q83vEjRWeJCrze8SNFZ4kKvN" + "7xI0VniQ",
    "base64 with slashes": "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYqT7zKwEY9d",
    "uuid": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "card": "4111111111111111",
    "card in groups": "5500 0055 5555 5559",
    "card of another issuer": "3782-822463-10005",
}

QUOTED = {
    "password=hunter2": "hunter2",
    "user[password]=hunter2&x=1": "hunter2",
    "a=1&api_key=12345": "12345",
    'the body held {"password": "hun ter2"}': "hun ter2",
    r"escaped {\"clientSecret\":\"abc123\"}": "abc123",
    "db_password: 'hunter2'": "hunter2",
    "x%26token%3Dabc123%26y": "abc123",
    "Authorization: Basic " + base64.b64encode(b"joe:pw").decode(): base64.b64encode(b"joe:pw").decode(),
    "authorization: 0pen-sesame": "0pen-sesame",
    "Cookie: sid=abc123; theme=dark": "abc123",
    "Set-Cookie: sid=abc123; Path=/": "abc123",
    "Bearer abc-123-def": "abc-123-def",
    "postgres://app:hunter2@db.internal/shop": "hunter2",
    "https://joe:p@ss@shop.example/": "p@ss",
    "GET /?code=4a7d1ed414 HTTP/1.1": "4a7d1ed414",
    "session%20token = 'abc123'": "abc123",
}

HARMLESS = (
    "Content-Security-Policy: default-src 'self'; script-src "
    "'sha256-RFWPLDbv2BY+rCkDzsE+0fr8ylGr2R2faWMhq4lfEQc='",
    "https://shop.example/products/reading-chair-with-high-back-2024/index.html?page=2&sort=price",
    "The cookie was set over https but is also sent over plain http, where it can be read.",
    'File "/srv/shop/app/server.py", line 214, in dispatch; status code: 404',
    "response.header:set-cookie:currency",
    "request.query:session_id",
    "getElementsByTagNameAndClass(documentFragmentOfTheWholePage)",
    "query:session_id = f666…e6c4 (32 characters, middle masked)",
    "token_type=bearer&expires_in=3600",
    "Basic authentication over plain http; bearer tokens are sent in the clear",
    "order 4111111111111112, phone +49 30 1234567, 2026-03-01T12:00:00.000Z",
    "mail to joe@shop.example",
    "password missing, token: null, password=***",
)


def transaction(url: str = "https://shop.example/", **parts: object) -> HttpTransaction:
    """A transaction with what a test needs."""
    request = {name: value for name, value in parts.items() if not name.startswith("response_")}
    response = {name.removeprefix("response_"): v for name, v in parts.items() if name not in request}
    return HttpTransaction(
        HttpRequest("POST", url, **request),  # type: ignore[arg-type]
        HttpResponse(200, **response),  # type: ignore[arg-type]
    )


def finding(**fields: object) -> Finding:
    """A finding with what a test needs."""
    defaults: dict[str, object] = {
        "title": "Title",
        "plugin_id": "probe",
        "vuln_type": "probe",
        "url": "https://shop.example/",
        "method": "GET",
        "transaction_id": "capture.har#1",
    }
    return Finding(**{**defaults, **fields})  # type: ignore[arg-type]


def masked(text: str, of: HttpTransaction | None = None) -> str:
    """The text as a report shows it."""
    return Redactor(KEY).text(text, of)


# ---- shapes --------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("frame", ["{}", "found {} in the body", 'key="{}"', "https://x/a/{}/b?c={}#d"])
def test_shape_is_masked(name: str, frame: str) -> None:
    """What looks like a credential goes, wherever it stands; what stands around it stays."""
    secret = SHAPES[name]
    shown = masked(frame.replace("{}", secret))
    assert secret[len(secret) // 4 + 1 :] not in shown
    assert secret[-6:] not in shown
    around = [part for part in frame.split("{}") if part]
    assert all(part in shown for part in around)
    assert len(MASK.findall(shown)) == frame.count("{}")


@pytest.mark.parametrize(("text", "secret"), QUOTED.items())
def test_named_value_is_masked(text: str, secret: str) -> None:
    """The value of a telling name goes, the name stays."""
    shown = masked(text)
    assert secret not in shown.replace(secret[: len(secret) // 4] + "…", "…")
    assert text[: text.index(secret)] in shown
    assert MASK.search(shown)


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_stays(text: str) -> None:
    """Prose, paths, identifiers, addresses and what a plugin masked itself are left alone."""
    assert masked(text) == text


@pytest.mark.parametrize("ending", ["\n-----END RSA PRIVATE KEY-----\nafter", ""])
def test_private_key(ending: str) -> None:
    """A private key goes between its two lines, and to the end of the text when it was cut off."""
    begin = "before -----BEGIN RSA PRIVATE KEY-----"
    shown = masked(f"{begin}\nMIIEow\nshort{ending}")
    assert shown.startswith(begin)
    assert "short" not in shown
    assert shown.endswith(ending.strip()) or not ending


# ---- secrets of the transaction ------------------------------------------------------


@pytest.mark.parametrize(
    ("of", "secret"),
    [
        (transaction(headers=[("Authorization", "Bearer opensesame")]), "opensesame"),
        (transaction(headers=[("Authorization", "Basic am9lOmh1bnRlcjI=")]), "hunter2"),
        (transaction(headers=[("proxy-authorization", "opensesame")]), "opensesame"),
        (transaction(headers=[("Cookie", "theme=dark; anything=opensesame")]), "opensesame"),
        (transaction(response_headers=[("Set-Cookie", "a=opensesame; Path=/")]), "opensesame"),
        (transaction(headers=[("X-Api-Key", "opensesame")]), "opensesame"),
        (transaction(headers=[("X-Auth-Token", "opensesame")]), "opensesame"),
        (transaction("https://x/?userPassword=opensesame"), "opensesame"),
        (transaction("https://x/#access_token=opensesame"), "opensesame"),
        (transaction("https://joe:opensesame@x/"), "opensesame"),
        (transaction("https://x/?code=open5sesame"), "open5sesame"),
        (transaction(headers=[("Referer", "https://y/?sid=opensesame")]), "opensesame"),
        (transaction(response_headers=[("Location", "/in?token=opensesame")]), "opensesame"),
        (
            transaction(body=b"a=1&pwd=opensesame", content_type="application/x-www-form-urlencoded"),
            "opensesame",
        ),
        (transaction(body=b'{"password":"open\\"sesame"}', content_type="application/json"), 'open"sesame'),
        (transaction(response_body=b'{"refreshToken": "opensesame"}'), "opensesame"),
        (transaction(body=b'[{"pin": 471100}]'), "471100"),
        (
            transaction(
                body=b'--b\r\nContent-Disposition: form-data; name="password"\r\n\r\nopensesame\r\n--b--',
                content_type="multipart/form-data; boundary=b",
            ),
            "opensesame",
        ),
    ],
)
def test_secret_of_the_transaction(of: HttpTransaction, secret: str) -> None:
    """What a transaction carries as a secret goes from every text, without any name beside it."""
    sentence = f"it says {secret} here"
    assert masked(sentence) == sentence
    assert secret not in masked(sentence, of)
    assert masked(sentence, of).startswith("it says ")


@pytest.mark.parametrize(
    "form", ["p&ss <wörd>", "p%26ss%20%3Cw%C3%B6rd%3E", "p%26ss+%3cw%c3%b6rd%3e", "p&amp;ss &lt;wörd&gt;",
             "p&ss <w\\u00f6rd>"]
)  # fmt: skip
def test_escaped_forms(form: str) -> None:
    """A secret is the same one, escaped for a URL, for HTML or for JSON."""
    of = transaction("https://x/?password=p%26ss%20%3Cw%C3%B6rd%3E")
    assert masked(f"({form})", of) == masked("(p&ss <wörd>)", of) != f"({form})"


def test_pieces_of_a_long_secret() -> None:
    """A piece cut out of a long secret goes too; a plugin that shows eight characters keeps them."""
    secret = "correct horse battery staple and more"
    of = transaction(headers=[("X-Auth-Token", secret)])
    for start in range(len(secret) - 15):
        assert secret[start : start + 15] not in masked(f"…{secret[start : start + 15]}…", of)
    assert masked("correct …more", of) == "correct …more"


def test_short_secret_is_a_whole_word() -> None:
    """A short secret inside a longer word or number is a coincidence."""
    of = transaction("https://x/?pin=1234")
    assert masked("pin 1234, order 812349", of).endswith("order 812349")
    assert "1234," not in masked("pin 1234, order 812349", of)


# ---- masks ---------------------------------------------------------------------------


def test_mask_shows_a_quarter_at_most() -> None:
    """At most four characters and a quarter of the secret are shown, and its length."""
    redactor = Redactor(KEY)
    for length in range(1, 40):
        secret = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP"[:length]
        shown, _, rest = redactor.mask(secret).partition("…")
        assert secret.startswith(shown)
        assert len(shown) == min(4, length // 4)
        assert rest.startswith(f"({length} chars, ")


def test_masks_tell_secrets_apart() -> None:
    """Two secrets differ, the same one is the same everywhere, and another key changes all."""
    of = transaction("https://x/?token=tok-aaaa-1", headers=[("X-Api-Key", "tok-bbbb-2")])
    one = redact_finding(
        finding(url="https://x/?token=tok-aaaa-1", evidence="tok-aaaa-1 and tok-bbbb-2"), of, KEY
    )
    first, second = (match[0] for match in MASK.finditer(one.evidence))
    assert first != second
    assert first in one.url
    assert redact_finding(finding(evidence="tok-aaaa-1"), of, KEY).evidence.endswith(first)
    assert first not in redact_finding(finding(evidence="tok-aaaa-1"), of, bytes(KEY_BYTES)).evidence


def test_key_is_of_one_run() -> None:
    """Without a key each redactor has its own, so nothing in a report can be tried out against it."""
    assert Redactor().mask("hunter2") != Redactor().mask("hunter2")


def test_redaction_counts() -> None:
    """The redactor knows whether it masked anything."""
    redactor = Redactor()
    redactor.finding(finding())
    assert redactor.masked == 0
    redactor.finding(finding(evidence="password=hunter2"))
    assert redactor.masked == 1


@given(st.text(alphabet="ab1=&:;,\"' …()%chars0f/@.-_password", max_size=200))
def test_redaction_twice_is_redaction_once(text: str) -> None:
    """A masked report can be masked again without harm, so every mask stays readable."""
    once = masked(f"token=hunter2hunter2 {text}")
    again = masked(once)
    assert MASK.findall(again)[: len(MASK.findall(once))][:1] == MASK.findall(once)[:1]


@given(st.text(max_size=300))
def test_any_text_is_taken(text: str) -> None:
    """No text breaks the redactor."""
    of = transaction(headers=[("Authorization", f"x {text}"), ("Cookie", text)], body=text.encode("utf-8"))
    assert isinstance(masked(text, of), str)


# ---- findings ------------------------------------------------------------------------


def test_no_field_is_left_out() -> None:
    """A secret goes from every text of a finding, from what is nested in `extra` and from its keys."""
    secret = "opensesame"
    of = transaction("https://x/?password=opensesame")
    names = [name for name in Finding.__struct_fields__ if isinstance(getattr(finding(), name), str)]
    names = [name for name in names if name not in ("id", "plugin_id", "severity", "confidence")]
    assert len(names) == 11
    texts = dict.fromkeys(names, f"x {secret} y")
    extra = {"a": [{"b": secret}], secret: 1, "apiToken": "short", "cvv": 123, "card": 4111111111111111}
    one = redact_finding(finding(**texts, extra=extra), of, KEY)
    dumped = json.dumps([one.extra, *(getattr(one, name) for name in texts)], ensure_ascii=False)
    for word in (secret, "short", "123", "4111111111111111"):
        assert not re.search(rf"(?<![0-9a-f]){word}(?![0-9a-f])", dumped)
    assert all(MASK.search(getattr(one, name)) for name in texts)


def test_finding_without_secrets_is_untouched() -> None:
    """Nothing to mask: the very same finding comes back, fingerprint and all."""
    one = finding(evidence="plain", extra={"n": [1, 2.5, None, True, "x"]})
    assert redact_finding(one, transaction(), KEY) is one
    assert shareable_fingerprint(one) == one.fingerprint


def test_deep_extra() -> None:
    """What is nested too deeply to be searched is not shown."""
    deep: list[object] = ["secret"]
    for _ in range(100):
        deep = [deep]
    one = redact_finding(finding(extra={"deep": deep}), None, KEY)
    assert '"secret"' not in json.dumps(one.extra)


def test_shareable_fingerprint_is_stable() -> None:
    """Two runs mask with two keys and still name the same finding alike."""
    one = finding(url="https://x/?password=hunter2", location="query: password=hunter2")
    runs = [Redactor().finding(one) for _ in range(2)]
    assert runs[0].url != runs[1].url
    assert shareable_fingerprint(runs[0]) == shareable_fingerprint(runs[1])


def test_shareable_fingerprint_tells_no_secret() -> None:
    """Of two passwords alike in what the masks show, a fingerprint cannot tell which one it was."""
    prints = {
        shareable_fingerprint(Redactor().finding(finding(url=f"https://x/?password={guess}")))
        for guess in ("hunter2", "hxxxxx3")
    }
    assert len(prints) == 1
    assert finding(url="https://x/?password=hunter2").fingerprint not in prints


def test_result() -> None:
    """The message, the stack and the console of a failed scan are masked as its findings are."""
    of = transaction("https://x/?password=opensesame")
    failure = ScanFailure(
        kind="Error", message="bad opensesame", fault="plugin", is_started=True, stack="at opensesame"
    )
    result = ScanResult(
        transaction_id="x",
        plugin_id="p",
        verdict=Verdict.ERROR,
        findings=[finding(evidence="opensesame")],
        error=failure,
        console=(ConsoleLine("log", "opensesame"),),
    )
    shown = Redactor(KEY).result(result, of)
    assert "opensesame" not in repr(shown)
    assert shown.error is not None
    assert shown.error.message.startswith("bad ")


# ---- names ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, Telling.YES) for name in ("password", "newPassword", "X-Auth-Token", "apiKey", "api-key",
          "user.password", "client_secret", "PHPSESSID", "session_id", "pin", "csrf_token", "cvv")),
        *((name, Telling.PERHAPS) for name in ("key", "code", "session", "sig")),
        *((name, Telling.NO) for name in ("keyword", "tokenizer", "token_type", "monkey", "max_tokens",
          "password_policy", "author", "pinned", "encoder", "q", "")),
    ],
)  # fmt: skip
def test_names(name: str, expected: Telling) -> None:
    """Names are read word by word, in every spelling."""
    assert telling(name) is expected


def test_header_names() -> None:
    """Headers whose names sound like secrets and hold none are known."""
    assert header_telling("Sec-WebSocket-Key") is Telling.NO
    assert header_telling("Access-Control-Allow-Credentials") is Telling.NO
    assert header_telling("SET-COOKIE") is Telling.YES


# ---- hostile text --------------------------------------------------------------------

UNITS = (
    "a", "=", "-", "/", " ", "%", "é", "token=", "token:\"", "token:'", 'token=\\"\\', "Bearer ", "://", "://a:",
    "://a:b@", "-----BEGIN PRIVATE KEY-----", "eyJ.", "eyJaaaaaaa-", "1 ", "1111 ", "4", "a/", "sk-",
    "cookie: ", "cookie: a=", "authorization: ", "authorization: x", "a1-", "token%3D", "?key=",
    "&code=12345678a", "0123456789abcdef", "a1Q~", "…(", "abcd…(12 chars, 0011aabb)", "a%3", "aB3",
    "basic AAAAAAAA ", "f00d" * 8 + " ",
)  # fmt: skip


def hostile_transaction() -> HttpTransaction:
    """One with as many secrets as count, made to match everywhere."""
    cookies = "; ".join(f"c{n}={'a' * (12 + n % 30)}" for n in range(500))
    query = "&".join(f"token{n}=ab{n:04}" for n in range(900))
    return transaction(f"https://x/?{query}", headers=[("Cookie", cookies), ("X-Api-Key", "a1-" * 5000)])


@pytest.mark.parametrize("unit", UNITS)
def test_hostile_megabyte(unit: str) -> None:
    """A megabyte made to cost time is masked in the time of a megabyte."""
    text = (unit * (1_000_000 // len(unit) + 1))[:1_000_000]
    of = hostile_transaction()
    began = time.process_time()
    masked(text, of)
    assert time.process_time() - began < SECONDS_PER_MEGABYTE


@pytest.mark.parametrize(
    "make",
    [
        lambda: transaction(body=b'{"token":"' * 100_000),
        lambda: transaction(body=b'"' * 1_000_000, content_type="application/json"),
        lambda: transaction(headers=[("Cookie", "a=1;" * 250_000)]),
        lambda: transaction("https://x/?" + "token=%25&" * 100_000),
        lambda: transaction(body=b'name="a"\r\n' * 100_000, content_type="multipart/form-data"),
        lambda: transaction(headers=[("Authorization", "Basic " + "A" * 1_000_000)]),
    ],
)
def test_hostile_transaction(make: Callable[[], HttpTransaction]) -> None:
    """A transaction made to cost time gives up its secrets in bounded time."""
    began = time.process_time()
    masked("a text", make())
    assert time.process_time() - began < SECONDS_PER_MEGABYTE


def test_transaction_is_masked_everywhere() -> None:
    """A report that shows traffic shows no secret of its URL, its headers or its bodies."""
    secret = "s3cr3t-Value-93"
    transaction = HttpTransaction(
        HttpRequest(
            method="POST",
            url=f"https://shop.example/?api_key={secret}1",
            headers=(
                ("Cookie", f"sid={secret}2; theme=dark"),
                ("Authorization", f"Bearer {secret}3"),
                ("X-Api-Key", f"{secret}4"),
                ("Accept", "text/html"),
            ),
            body=f'{{"password": "{secret}5", "user": "ann"}}\xff'.encode("latin-1"),
            content_type="application/json",
        ),
        HttpResponse(
            status=200, headers=(("Set-Cookie", f"sid={secret}6; Path=/"),), body=secret.encode() + b"2"
        ),
    )
    masked = Redactor().transaction(transaction)
    shown = repr(masked)
    assert secret not in shown
    assert "text/html" in shown
    assert "theme=dark" in shown
    assert '"user": "ann"' in shown
    assert masked.request.body.endswith(b"\xff")
    assert masked.id == transaction.id


def cookie_of(value: str) -> HttpTransaction:
    """A transaction whose secret is a cookie."""
    headers = (("Cookie", f"sid={value}"),)
    return HttpTransaction(HttpRequest("GET", "https://a.example/", headers=headers))


@pytest.mark.parametrize("secret", ["plain words", "seven-7", "a sentence of the plugin's own"])
def test_words_that_come_again_are_searched_for_each_transaction(secret: str) -> None:
    """A plugin's own words are harmless until a transaction has them as its secret."""
    redactor = Redactor(KEY)
    text = f"What the plugin says each time: {secret}, and that is all."
    for _ in range(4):
        assert redactor.text(text, cookie_of("0123456789abcdef")) == text
    for number in range(3):
        masked = redactor.text(text, cookie_of(secret))
        assert secret not in masked, number
        assert MASK.search(masked)
        assert redactor.text(text, None) == text
    assert redactor.text(text, cookie_of("0123456789abcdef")) == text


@given(st.text(alphabet="ab-1", min_size=4, max_size=30), st.text(alphabet="ab-1", max_size=60))
def test_searched_again_the_same_is_found(secret: str, text: str) -> None:
    """How often a text came before makes no difference to what is masked in it."""
    transaction = cookie_of(secret)
    fresh = Redactor(KEY).text(text, transaction)
    redactor = Redactor(KEY)
    for _ in range(3):
        redactor.text(text, cookie_of("none-of-these"))
        assert redactor.text(text, transaction) == fresh
