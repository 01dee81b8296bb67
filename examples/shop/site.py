"""A small web shop to record traffic from: `--flawed` (default) or `--hardened`.

Serves http and https on loopback ports and tells them apart by the Host header:
shop.example (the shop), api.shop.example (its JSON API), images.shop.example
(pictures) and deals.example (another company's page). Only the standard library
and the `openssl` command, for a certificate that lives as long as the process.
"""

from __future__ import annotations

import argparse
import contextlib
import html
import json
import secrets
import ssl
import struct
import subprocess
import tempfile
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

SHOP = "https://shop.example"
API = "https://api.shop.example"
DEALS = "https://deals.example"

ITEMS = [
    ("desk-lamp", "Desk lamp", 49.0, "Brass arm, linen shade, warm light."),
    ("reading-chair", "Reading chair", 329.0, "Oiled ash and wool, made to be sat in for hours."),
    ("wall-shelf", "Wall shelf", 85.0, "Three boards, no visible screws."),
    ("tea-pot", "Tea pot", 38.0, "Stoneware for four cups."),
    ("wool-rug", "Wool rug", 210.0, "Woven in one piece, 140 by 200 cm."),
]

GOOD_POLICY = (
    "default-src 'self'; img-src 'self' https://images.shop.example; "
    "connect-src 'self' https://api.shop.example; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)
GOOD_HEADERS = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "Content-Security-Policy": GOOD_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}

# Assembled, so that this file holds nothing with the form of a live key.
LEAKED_KEY_ID = "AK" + "IA" + "Q3EGZ7MXW5TLB2NV"

# What a framework in debug mode shows; the paths are the shop's, not this machine's.
TRACEBACK = """Traceback (most recent call last):
  File "/srv/shop/app/server.py", line 214, in dispatch
    response = view(request)
  File "/srv/shop/app/checkout.py", line 58, in pay
    order = orders.reserve(cart, conn)
  File "/srv/shop/app/orders.py", line 131, in reserve
    conn.execute(INSERT_ORDER, cart.as_row())
psycopg.errors.NotNullViolation: null value in column "customer_id" violates not-null constraint
"""

STYLE = """
:root { --ink: #22303c; --line: #d9dee3; --accent: #a4552a; }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: #fbfaf8; }
header, main, footer { max-width: 60rem; margin: 0 auto; padding: 1rem 1.5rem; }
header { display: flex; gap: 1.5rem; align-items: center; border-bottom: 1px solid var(--line); }
header img { height: 2rem; }
nav a { margin-right: 1rem; color: inherit; text-decoration: none; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr)); gap: 1rem; }
.card { border: 1px solid var(--line); border-radius: .5rem; padding: 1rem; background: #fff; }
.price { color: var(--accent); font-weight: 600; }
input, button { font: inherit; padding: .4rem .6rem; }
footer { border-top: 1px solid var(--line); font-size: .85rem; }
"""

SCRIPT = """
const list = document.querySelector("[data-products]");
if (list) {
  fetch("https://api.shop.example/v1/products").then((answer) => answer.json()).then((items) => {
    for (const item of items) {
      const card = document.createElement("div");
      card.className = "card";
      card.textContent = `${item.name}, ${item.price.toFixed(2)} EUR`;
      list.append(card);
    }
  });
}
const greeting = document.querySelector("[data-me]");
if (greeting) {
  const me = fetch("https://api.shop.example/v1/me", { credentials: "include" });
  me.then((answer) => answer.json()).then((data) => {
    greeting.textContent = `Good to see you, ${data.name}.`;
  });
  fetch("https://api.shop.example/v1/cart", {
    method: "POST",
    credentials: "include",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ item: "tea-pot", count: 1 }),
  }).then((answer) => answer.json());
  const events = new EventSource("/events");
  events.addEventListener("done", () => events.close());
}
"""

FLAWED_SCRIPT = f"""
// upload.js, merged in by the build
const upload = {{ region: "eu-central-1", bucket: "shop-returns", accessKeyId: "{LEAKED_KEY_ID}" }};
export const uploadUrl = `https://${{upload.bucket}}.s3.${{upload.region}}.amazonaws.com/`;
"""

LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 32">'
    '<rect width="32" height="32" rx="6" fill="#a4552a"/>'
    '<text x="42" y="23" font-family="sans-serif" font-size="20" fill="#22303c">Stube</text></svg>'
)


def picture(shade: int) -> bytes:
    """A plain 96 by 64 PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = b"\0" + bytes((200 - shade, 150, 100 + shade)) * 96
    head = struct.pack(">IIBBBBB", 96, 64, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(row * 64))
        + chunk(b"IEND", b"")
    )


@dataclass
class Request:
    """What a page needs to know."""

    method: str
    host: str
    path: str
    query: dict[str, str]
    form: dict[str, str]
    headers: dict[str, str]
    is_https: bool

    @property
    def has_session(self) -> bool:
        """Whether a session cookie of either kind was sent."""
        return "session=" in self.headers.get("cookie", "")


@dataclass
class Answer:
    """Status, body and headers; the good headers of a page are added unless it opts out."""

    body: str | bytes = ""
    status: int = 200
    type: str = "text/html; charset=utf-8"
    headers: list[tuple[str, str]] = field(default_factory=list)
    is_bare: bool = False
    without: tuple[str, ...] = ()


class Shop:
    """All pages of all four hosts, flawed or hardened."""

    def __init__(self, *, is_hardened: bool) -> None:
        self.is_hardened = is_hardened
        self.routes: dict[tuple[str, str], Callable[[Request], Answer]] = {
            ("shop.example", "/"): self.home,
            ("shop.example", "/products"): self.products,
            ("shop.example", "/search"): self.search,
            ("shop.example", "/login"): self.login,
            ("shop.example", "/account"): self.account,
            ("shop.example", "/about"): self.about,
            ("shop.example", "/checkout"): self.checkout,
            ("shop.example", "/newsletter"): self.newsletter,
            ("shop.example", "/events"): self.events,
            ("shop.example", "/catalogue.html"): lambda _: redirect("/products", 301),
            ("shop.example", "/assets/site.css"): lambda _: asset(STYLE, "text/css; charset=utf-8"),
            ("shop.example", "/assets/app.js"): self.script,
            ("shop.example", "/assets/logo.svg"): lambda _: asset(LOGO, "image/svg+xml"),
            ("api.shop.example", "/v1/products"): self.api_products,
            ("api.shop.example", "/v1/me"): self.api_me,
            ("api.shop.example", "/v1/cart"): self.api_cart,
            ("deals.example", "/"): self.deals,
            ("deals.example", "/deals.js"): self.deals_script,
        }

    def answer(self, request: Request) -> Answer:
        """The page for a request; http is sent on to https."""
        if not request.is_https:
            return redirect(f"https://{request.host}{request.path}", 301)
        if request.host == "images.shop.example":
            return asset(picture(len(request.path) * 5 % 100), "image/png")
        if request.path.startswith("/products/"):
            return self.product(request)
        view = self.routes.get((request.host, request.path))
        if view is None:
            return Answer(
                self.page("Not found", "<h1>Not found</h1><p>This page is gone, or never was.</p>"), 404
            )
        return view(request)

    def page(self, title: str, body: str) -> str:
        """The frame around every page of the shop."""
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} - Stube</title>'
            '<meta name="viewport" content="width=device-width"><link rel="icon" href="/assets/logo.svg">'
            '<link rel="stylesheet" href="/assets/site.css">'
            '<script type="module" src="/assets/app.js"></script></head>'
            '<body><header><img src="/assets/logo.svg" alt="Stube"><nav><a href="/products">Products</a>'
            '<a href="/about">About</a><a href="/account">Account</a></nav>'
            '<form action="/search"><input name="q" placeholder="Search"></form></header>'
            f"<main>{body}</main><footer>Stube, things for small rooms</footer></body></html>"
        )

    def home(self, _: Request) -> Answer:
        """Products by script, and a preference cookie."""
        body = '<h1>Things for small rooms</h1><div class="grid" data-products></div>'
        flags = "; Secure; HttpOnly; SameSite=Lax" if self.is_hardened else ""
        return Answer(self.page("Home", body), headers=[("Set-Cookie", f"currency=EUR; Path=/{flags}")])

    def products(self, _: Request) -> Answer:
        """The catalogue."""
        cards = "".join(
            f'<a class="card" href="/products/{key}"><img src="https://images.shop.example/{key}.png" alt="">'
            f'<div>{name}</div><div class="price">{price:.2f} EUR</div></a>'
            for key, name, price, _ in ITEMS
        )
        return Answer(self.page("Products", f'<h1>Products</h1><div class="grid">{cards}</div>'))

    def product(self, request: Request) -> Answer:
        """One product; flawed: a picture and the newsletter form over http on one of them."""
        key = request.path.rpartition("/")[2]
        found = next((item for item in ITEMS if item[0] == key), None)
        if found is None:
            return Answer(self.page("Not found", "<h1>No such product</h1>"), 404)
        _, name, price, text = found
        is_mixed = key == "reading-chair" and not self.is_hardened
        scheme = "http" if is_mixed else "https"
        target = "http://shop.example/newsletter" if is_mixed else "/newsletter"
        body = (
            f'<h1>{name}</h1><img src="{scheme}://images.shop.example/{key}-large.png" alt="{name}">'
            f'<p>{text}</p><p class="price">{price:.2f} EUR</p><form method="post" action="{target}">'
            '<input type="email" name="email" placeholder="News by mail"><button>Subscribe</button></form>'
        )
        return Answer(self.page(name, body))

    def search(self, request: Request) -> Answer:
        """Flawed: the term goes into the page as it came, under a policy that lets it run."""
        term = request.query.get("q", "")
        hits = [item for item in ITEMS if term.lower() in item[1].lower()]
        listing = "".join(f"<li>{name}</li>" for _, name, _, _ in hits)
        shown = html.escape(term) if self.is_hardened else term
        body = f"<h1>Search</h1><p>{len(hits)} results for <em>{shown}</em></p><ul>{listing}</ul>"
        headers = []
        if not self.is_hardened:
            policy = GOOD_POLICY.replace(
                "default-src 'self'", "default-src 'self'; script-src 'self' 'unsafe-inline'"
            )
            headers.append(("Content-Security-Policy", policy))
        return Answer(self.page("Search", body), headers=headers)

    def login(self, request: Request) -> Answer:
        """A form, and on POST a session; flawed: a readable cookie and the session id in the URL."""
        if request.method == "POST":
            session = secrets.token_hex(16)
            if self.is_hardened:
                flags = "Domain=shop.example; Path=/; Secure; HttpOnly; SameSite=Lax"
                return redirect("/account", 303, [("Set-Cookie", f"__Secure-session={session}; {flags}")])
            flags = "Domain=shop.example; Path=/; Secure; SameSite=None"
            target = f"/account?session_id={session}"
            return redirect(target, 303, [("Set-Cookie", f"shop_session={session}; {flags}")])
        body = (
            '<h1>Log in</h1><form method="post" action="/login"><label>Name <input name="user"></label> '
            '<label>Password <input type="password" name="password"></label> <button>Log in</button></form>'
        )
        return Answer(self.page("Log in", body))

    def account(self, request: Request) -> Answer:
        """Only with a session; the script greets and listens to events."""
        if not request.has_session:
            return redirect("/login", 303)
        body = '<h1>Account</h1><p data-me>Loading</p><p><a href="/checkout">Check out</a></p>'
        return Answer(self.page("Account", body), headers=[("Cache-Control", "no-store")])

    def about(self, _: Request) -> Answer:
        """Flawed: an old page that nobody gave any headers."""
        body = "<h1>About</h1><p>Two people, one workshop, things that last.</p>"
        return Answer(self.page("About", body), is_bare=not self.is_hardened)

    def checkout(self, _: Request) -> Answer:
        """Fails in both shops; the flawed one says why."""
        detail = "<p>Something went wrong. Our team has been told. Error id 5f0c-71.</p>"
        if not self.is_hardened:
            detail = f"<p>Something went wrong.</p><pre>{html.escape(TRACEBACK)}</pre>"
        return Answer(self.page("Error", f"<h1>Error</h1>{detail}"), 500)

    def newsletter(self, request: Request) -> Answer:
        """Thanks a subscriber; the flawed shop also lets the address travel in the URL."""
        address = html.escape(request.form.get("email") or request.query.get("email", ""))
        return Answer(self.page("Newsletter", f"<h1>Thank you</h1><p>We wrote to {address}.</p>"))

    def events(self, _: Request) -> Answer:
        """Two server-sent events; the page then closes the stream."""
        stock = json.dumps({"item": "tea-pot", "left": 4})
        text = f"retry: 60000\n\nevent: stock\ndata: {stock}\n\nevent: done\ndata: {{}}\n\n"
        return Answer(text, type="text/event-stream", headers=[("Cache-Control", "no-store")])

    def script(self, _: Request) -> Answer:
        """The shop's script; flawed: with a key the build merged in."""
        return asset(SCRIPT if self.is_hardened else SCRIPT + FLAWED_SCRIPT, "text/javascript; charset=utf-8")

    def api_products(self, _: Request) -> Answer:
        """Public data for everyone; flawed: without nosniff."""
        items = [{"id": key, "name": name, "price": price} for key, name, price, _ in ITEMS]
        without = () if self.is_hardened else ("X-Content-Type-Options",)
        headers = [("Access-Control-Allow-Origin", "*")]
        return Answer(json.dumps(items), type="application/json", headers=headers, without=without)

    def api_me(self, request: Request) -> Answer:
        """The visitor's own data."""
        if not request.has_session:
            return Answer('{"error": "login needed"}', 401, "application/json", self.sharing(request))
        me = {"name": "Ann", "orders": [{"id": 1007, "item": "tea-pot"}], "points": 120}
        return Answer(json.dumps(me), type="application/json", headers=self.sharing(request))

    def api_cart(self, request: Request) -> Answer:
        """Takes an item; asked first by a preflight, because it is JSON."""
        if request.method == "OPTIONS":
            allowed = [
                ("Access-Control-Allow-Methods", "POST"),
                ("Access-Control-Allow-Headers", "content-type"),
                ("Access-Control-Max-Age", "600"),
            ]
            return Answer("", 204, "", self.sharing(request) + allowed)
        return Answer('{"items": 1}', 201, "application/json", self.sharing(request))

    def sharing(self, request: Request) -> list[tuple[str, str]]:
        """Hardened: the shop's origin only. Flawed: whatever asks."""
        origin = request.headers.get("origin", "")
        headers = [("Vary", "Origin"), ("Cache-Control", "no-store")]
        if origin and (not self.is_hardened or origin == SHOP):
            headers += [("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true")]
        return headers

    def deals(self, _: Request) -> Answer:
        """Another company's page, which tries to read the visitor's data."""
        body = '<h1>Deals</h1><p id="who">Hello</p><script src="/deals.js"></script>'
        policy = GOOD_POLICY.replace("https://images.shop.example", "").replace(
            "form-action 'self'", "form-action 'none'"
        )
        page = f'<!doctype html><title>Deals</title><link rel="icon" href="data:,">{body}'
        return Answer(page, headers=[("Content-Security-Policy", policy)])

    def deals_script(self, _: Request) -> Answer:
        """Asks the shop's API with the visitor's cookies."""
        code = (
            'fetch("https://api.shop.example/v1/me", { credentials: "include" })\n'
            "  .then((answer) => answer.json())\n"
            '  .then((me) => { document.getElementById("who").textContent = me.name; })\n'
            '  .catch(() => { document.getElementById("who").textContent = "stranger"; });\n'
        )
        return asset(code, "text/javascript; charset=utf-8")


def asset(body: str | bytes, content_type: str) -> Answer:
    """A cacheable file."""
    return Answer(body, type=content_type, headers=[("Cache-Control", "public, max-age=3600")])


def redirect(target: str, status: int, headers: list[tuple[str, str]] | None = None) -> Answer:
    """A redirect without a body."""
    return Answer("", status, "", [("Location", target), *(headers or [])])


class Handler(BaseHTTPRequestHandler):
    """Between the socket and `Shop`."""

    protocol_version = "HTTP/1.1"
    server_version = "Stube"
    sys_version = ""
    shop: Shop

    def handle_any(self) -> None:
        """Read the request, ask the shop, write the answer."""
        parts = urlsplit(self.path)
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length).decode()
        form = body if "urlencoded" in self.headers.get("content-type", "") else ""
        request = Request(
            method=self.command,
            host=self.headers.get("host", "").partition(":")[0],
            path=parts.path,
            query={
                name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()
            },
            form={name: values[-1] for name, values in parse_qs(form, keep_blank_values=True).items()},
            headers={name.lower(): value for name, value in self.headers.items()},
            is_https=isinstance(self.connection, ssl.SSLSocket),
        )
        answer = self.shop.answer(request)
        if not request.is_https and parts.query:
            answer.headers = [(name, f"{value}?{parts.query}") for name, value in answer.headers]
        self.write(answer)

    do_GET = do_POST = do_OPTIONS = do_HEAD = handle_any  # noqa: N815

    def write(self, answer: Answer) -> None:
        """Send status, headers and body."""
        data = answer.body.encode() if isinstance(answer.body, str) else answer.body
        self.send_response(answer.status)
        if answer.type:
            self.send_header("Content-Type", answer.type)
        own = {name.lower() for name, _ in answer.headers}
        if not answer.is_bare:
            is_page = answer.type.startswith("text/html")
            for name, value in GOOD_HEADERS.items():
                is_wanted = is_page or name in ("X-Content-Type-Options", "Strict-Transport-Security")
                if is_wanted and name.lower() not in own and name not in answer.without:
                    self.send_header(name, value)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class TlsServer(ThreadingHTTPServer):
    """Shakes hands in the connection's own thread, so that an idle one blocks nobody."""

    context: ssl.SSLContext

    def finish_request(self, request, client_address) -> None:  # type: ignore[no-untyped-def]
        """Wrap the connection, then serve it."""
        try:
            wrapped = self.context.wrap_socket(request, server_side=True)
        except OSError:
            return
        super().finish_request(wrapped, client_address)
        wrapped.close()

    def handle_error(self, request, client_address) -> None:  # type: ignore[no-untyped-def]
        """Browsers drop spare connections; that is no error."""


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for all hosts, valid for two days."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    names = "DNS:shop.example,DNS:*.shop.example,DNS:deals.example"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-subj", "/CN=shop.example", "-addext", f"subjectAltName={names}", "-days", "2"]
    command += ["-nodes", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


def main() -> None:
    """Serve until interrupted; prints both ports in one line when ready."""
    parser = argparse.ArgumentParser(description="A small shop on loopback, to record traffic from.")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--hardened", action="store_true", help="the shop as it should be")
    kind.add_argument("--flawed", action="store_true", help="the shop with its flaws (default)")
    parser.add_argument("--port", type=int, default=0, help="http port (default: any free one)")
    parser.add_argument("--tls-port", type=int, default=0, help="https port (default: any free one)")
    arguments = parser.parse_args()
    Handler.shop = Shop(is_hardened=arguments.hardened)
    plain = ThreadingHTTPServer(("127.0.0.1", arguments.port), Handler)
    secure = TlsServer(("127.0.0.1", arguments.tls_port), Handler)
    secure.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        secure.context.load_cert_chain(*certificate(Path(folder)))
    threading.Thread(target=plain.serve_forever, daemon=True).start()
    print(f"http {plain.server_port} https {secure.server_port}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        secure.serve_forever()


if __name__ == "__main__":
    main()
