"""A client for the inspector of V8: enough of WebSocket and of its protocol to ask and to listen."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from ..errors import RuntimeFault

HOST = "127.0.0.1"
#: Where Chrome and editors look for an inspector by themselves.
USUAL_PORT = 9229
_ANSWER_S = 10.0
_LOOK_AGAIN_S = 0.02
_MAX_MESSAGE_BYTES = 256 * 1024 * 1024
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10


class Target(Struct, rename="camel"):
    """What an inspector offers to attach to."""

    web_socket_debugger_url: str
    devtools_frontend_url: str = ""


def free_port(wanted: int | None = None) -> int:
    """The wanted port if nobody listens there, else any that is free."""
    for port in (wanted, 0):
        if port is None:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise RuntimeFault(f"no port of {HOST} is free for an inspector")


async def find_target(port: int) -> Target:
    """The inspector's target, as soon as it listens; to be cancelled by whoever waits no longer."""
    while True:
        try:
            reader, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            await asyncio.sleep(_LOOK_AGAIN_S)
            continue
        try:
            writer.write(f"GET /json/list HTTP/1.0\r\nHost: {HOST}:{port}\r\n\r\n".encode())
            _, _, body = (await reader.read()).partition(b"\r\n\r\n")
            targets = msgspec.json.decode(body, type=list[Target])
        except (OSError, msgspec.DecodeError) as error:
            raise RuntimeFault(f"port {port} of {HOST} is no inspector: {error}") from error
        finally:
            writer.close()
        if targets:
            return targets[0]
        await asyncio.sleep(_LOOK_AGAIN_S)


class DevTools:
    """One session with an inspector. Raises `RuntimeFault` when the other end goes away."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._number = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._events: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        self._task = asyncio.create_task(self._listen(), name="isoscan-devtools")

    @classmethod
    async def attach(cls, url: str) -> DevTools:
        """A session at a `ws://` address."""
        place = urlsplit(url)
        try:
            reader, writer = await asyncio.open_connection(
                place.hostname, place.port, limit=_MAX_MESSAGE_BYTES
            )
            key = base64.b64encode(os.urandom(16)).decode()
            writer.write(
                f"GET {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\nUpgrade: websocket\r\n"
                f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
                "Sec-WebSocket-Version: 13\r\n\r\n".encode()
            )
            head = await reader.readuntil(b"\r\n\r\n")
        except (OSError, asyncio.IncompleteReadError) as error:
            raise RuntimeFault(f"{url}: the inspector does not answer: {error}") from error
        if b" 101 " not in head.partition(b"\r\n")[0]:
            writer.close()
            raise RuntimeFault(f"{url}: the inspector refuses the session")
        return cls(reader, writer)

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command and its result; raises `TimeoutError` when the isolate does not come to answer it."""
        self._number += 1
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[self._number] = answer
        self._check_open()
        self._send(_TEXT, json.dumps({"id": self._number, "method": method, "params": parameters}).encode())
        return await asyncio.wait_for(answer, _ANSWER_S)

    async def event(self, method: str, within_s: float) -> dict[str, Any]:
        """The next event of that name that was not taken yet; raises `TimeoutError`."""
        self._check_open()
        queue = self._events.setdefault(method, asyncio.Queue())
        waiting = asyncio.ensure_future(queue.get())
        await asyncio.wait([waiting, self._task], timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return waiting.result()
        waiting.cancel()
        self._check_open()
        raise TimeoutError

    async def close(self) -> None:
        """Ends the session."""
        self._task.cancel()
        await asyncio.wait([self._task])
        self._writer.close()

    def _check_open(self) -> None:
        if self._task.done():
            raise RuntimeFault("the inspector has ended the session")

    def _send(self, kind: int, data: bytes) -> None:
        """One frame; what a client sends is masked, with any mask: this one changes nothing."""
        length = len(data)
        if length < 126:
            size = bytes([0x80 | length])
        elif length < 1 << 16:
            size = bytes([0x80 | 126]) + length.to_bytes(2, "big")
        else:
            size = bytes([0x80 | 127]) + length.to_bytes(8, "big")
        self._writer.write(bytes([0x80 | kind]) + size + bytes(4) + data)

    async def _listen(self) -> None:
        try:
            message = b""
            while True:
                head, size = await self._reader.readexactly(2)
                length = size & 0x7F
                if length > 125:
                    length = int.from_bytes(await self._reader.readexactly(2 if length == 126 else 8), "big")
                data = await self._reader.readexactly(length)
                kind = head & 0x0F
                if kind == _PING:
                    self._send(_PONG, data)
                elif kind == _CLOSE:
                    return
                elif kind <= _TEXT:
                    message += data
                    if head & 0x80:
                        self._take(json.loads(message))
                        message = b""
        except (OSError, asyncio.IncompleteReadError):
            return  # whoever asks next is told
        finally:
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(RuntimeFault("the inspector has ended the session"))
                    answer.exception()  # perhaps nobody waits for it any more

    def _take(self, message: dict[str, Any]) -> None:
        answer = self._answers.pop(message.get("id", 0), None)
        if answer is not None:
            if answer.done():
                return
            if "error" in message:
                answer.set_exception(
                    RuntimeFault(f"the inspector refuses: {message['error'].get('message')}")
                )
            else:
                answer.set_result(message["result"])
        elif "method" in message:
            self._events.setdefault(message["method"], asyncio.Queue()).put_nowait(message["params"])
