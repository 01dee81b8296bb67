"""Flows and dumps of mitmproxy: the current format by its own classes, old formats by hand."""

from __future__ import annotations

import importlib
import io
from typing import Any

START_S = 1_700_000_000.0


class Mitm:
    """Makes flows and dumps with mitmproxy's own classes."""

    def __init__(self) -> None:
        self.http: Any = importlib.import_module("mitmproxy.http")
        self.flow: Any = importlib.import_module("mitmproxy.flow")
        self.connection: Any = importlib.import_module("mitmproxy.connection")
        self.websocket: Any = importlib.import_module("mitmproxy.websocket")
        self.io: Any = importlib.import_module("mitmproxy.io")
        self.tnetstring: Any = importlib.import_module("mitmproxy.io.tnetstring")
        self.version: Any = importlib.import_module("mitmproxy.version")

    def connections(self) -> tuple[Any, Any]:
        """A client and a server connection."""
        client = self.connection.Client(
            peername=("192.0.2.1", 5000), sockname=("192.0.2.2", 8080), timestamp_start=START_S
        )
        return client, self.connection.Server(address=("192.0.2.3", 443))

    def exchange(self, url: str = "https://a.test/p?q=1", **response: Any) -> Any:
        """An HTTP flow; `response=None` leaves the response out."""
        flow = self.http.HTTPFlow(*self.connections())
        flow.request = self.http.Request.make("POST", url, b"sent", {"A": "1"})
        flow.timestamp_created = flow.request.timestamp_start = flow.request.timestamp_end = START_S
        if response.get("response", True) is not None:
            flow.response = self.http.Response.make(200, b"got", {"Content-Type": "text/html"})
            flow.response.timestamp_start = flow.response.timestamp_end = START_S + 1
        return flow

    def answer(self, headers: tuple[tuple[bytes, bytes], ...], content: bytes | None) -> Any:
        """A flow whose response has these headers and this raw content."""
        flow = self.exchange()
        flow.response.headers = self.http.Headers(headers)
        flow.response.raw_content = content
        return flow

    def socket(self, *messages: tuple[int, bool, bytes]) -> Any:
        """A WebSocket flow with these messages: opcode, whether from the client, content."""
        flow = self.exchange("https://a.test/socket")
        flow.request.method = "GET"
        flow.response.status_code = 101
        flow.websocket = self.websocket.WebSocketData(
            messages=[self.websocket.WebSocketMessage(*message, timestamp=START_S) for message in messages]
        )
        return flow

    def dump(self, *flows: Any) -> bytes:
        """A dump of flows, or of states of flows."""
        file = io.BytesIO()
        for flow in flows:
            if isinstance(flow, dict):
                self.tnetstring.dump(flow, file)
            else:
                self.io.FlowWriter(file).add(flow)
        return file.getvalue()


def _old_message(body: bytes, **more: object) -> dict[bytes, object]:
    return {
        b"httpversion": [1, 1],
        b"headers": [[b"A", b"1"]],
        b"content": body,
        b"timestamp_start": START_S,
        b"timestamp_end": START_S + 1,
        **{name.encode(): value for name, value in more.items()},
    }


def python2_flow() -> dict[Any, Any]:
    """A flow of mitmproxy 0.11, which ran on Python 2: all keys and texts are bytes."""
    address = {b"address": [b"192.0.2.3", 443], b"use_ipv6": False}
    connection: dict[bytes, object] = {
        b"address": address,
        b"ssl_established": True,
        b"timestamp_start": START_S,
        b"timestamp_end": None,
        b"timestamp_ssl_setup": None,
    }
    return {
        b"version": [0, 11],
        b"type": b"http",
        b"id": b"1",
        b"error": None,
        b"intercepted": False,
        b"client_conn": {**connection, b"clientcert": None},
        b"server_conn": {
            **connection,
            b"cert": None,
            b"sni": b"a.test",
            b"source_address": address,
            b"state": [],
            b"timestamp_tcp_setup": None,
        },
        b"request": _old_message(
            b"sent",
            form_in=b"relative",
            form_out=b"relative",
            method=b"POST",
            scheme=b"https",
            host=b"a.test",
            port=443,
            path=b"/p?q=1",
            is_replay=False,
            stickyauth=False,
            stickycookie=False,
        ),
        b"response": _old_message(b"got", code=200, msg=b"OK", is_replay=False),
    }


def flow_4() -> dict[Any, Any]:
    """A flow of mitmproxy 4, the first with a format number of its own."""
    message = {
        "http_version": b"HTTP/1.1",
        "headers": [[b"A", b"1"]],
        "timestamp_start": START_S,
        "timestamp_end": START_S + 1,
        "is_replay": False,
    }
    connection = {
        "address": [b"192.0.2.3", 443],
        "alpn_proto_negotiated": b"http/1.1",
        "cipher_name": None,
        "sni": "a.test",
        "ssl_established": True,
        "timestamp_start": START_S,
        "timestamp_end": None,
        "timestamp_ssl_setup": None,
        "tls_version": "TLSv1.2",
    }
    return {
        "version": 4,
        "type": "http",
        "id": "1",
        "error": None,
        "intercepted": False,
        "marked": False,
        "mode": "regular",
        "metadata": {},
        "client_conn": {**connection, "clientcert": None, "mitmcert": None},
        "server_conn": {
            **connection,
            "cert": None,
            "ip_address": [b"192.0.2.3", 443],
            "source_address": [b"192.0.2.2", 5000],
            "timestamp_tcp_setup": None,
            "via": None,
        },
        "request": {
            **message,
            "first_line_format": "relative",
            "method": b"POST",
            "scheme": b"https",
            "host": b"a.test",
            "port": 443,
            "path": b"/p?q=1",
            "content": b"sent",
        },
        "response": {**message, "status_code": 200, "reason": b"OK", "content": b"got"},
    }


def flow_of_format(mitm: Mitm, version: int) -> dict[Any, Any]:
    """A flow of one of the last formats, which differ from the current one in small things."""
    state = mitm.exchange().get_state()
    state["version"] = version
    for name in ("client_conn", "server_conn"):
        state[name]["state"] = 0
    return dict(state)


def old_socket(*messages: list[object]) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """A handshake and its messages, which were two flows up to format 11."""
    handshake = flow_4()
    handshake["metadata"] = {"websocket": True}
    handshake["id"] = f"handshake-{len(messages)}"
    end = {
        key: handshake[key]
        for key in ("version", "error", "intercepted", "marked", "mode", "client_conn", "server_conn")
    }
    end |= {
        "type": "websocket",
        "id": "2",
        "metadata": {"websocket_handshake": handshake["id"]},
        "messages": list(messages),
        "close_sender": "client",
        "close_code": 1000,
        "close_reason": "",
        "client_key": "",
        "client_protocol": "",
        "client_extensions": "",
        "server_accept": "",
        "server_protocol": "",
        "server_extensions": "",
    }
    return handshake, end
