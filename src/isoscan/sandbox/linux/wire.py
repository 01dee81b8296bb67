"""Messages with descriptors over a stream socket: length, marshalled value.

Both ends are the same Python, and the owner and its server trust each other, so marshal
will do; unlike json and pickle it costs the server no start-up time.
"""

from __future__ import annotations

import _socket
import marshal
import os
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

_LENGTH = struct.Struct("<I")
_FD = struct.Struct("i")
_MAX_FDS = 8
_MAX_BYTES = 16 << 20


class Message(NamedTuple):
    """A value of marshal's types, and descriptors that belong to who received it."""

    value: Any
    fds: list[int]


def send(channel: _socket.socket, value: Any, fds: Sequence[int] = ()) -> None:
    """Sends one message; blocks until the kernel has all of it. Raises `OSError`."""
    body = marshal.dumps(value)
    data = _LENGTH.pack(len(body)) + body
    rights = b"".join(_FD.pack(fd) for fd in fds)
    ancillary = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)] if fds else []
    sent = channel.sendmsg([data], ancillary, _socket.MSG_NOSIGNAL)
    if sent < len(data):
        channel.sendall(data[sent:], _socket.MSG_NOSIGNAL)


def receive(channel: _socket.socket) -> Message | None:
    """The next message, or None at the end of the channel. Raises `OSError`."""
    space = _socket.CMSG_SPACE(_MAX_FDS * _FD.size)
    head, ancillary, _, _ = channel.recvmsg(_LENGTH.size, space, _socket.MSG_CMSG_CLOEXEC)
    fds = [
        fd
        for level, kind, data in ancillary
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS
        for (fd,) in _FD.iter_unpack(data[: len(data) - len(data) % _FD.size])
    ]
    try:
        head += _exactly(channel, _LENGTH.size - len(head)) if head else b""
        if len(head) < _LENGTH.size:
            _close(fds)
            return None
        (length,) = _LENGTH.unpack(head)
        body = _exactly(channel, min(length, _MAX_BYTES))
        if len(body) < length:
            _close(fds)
            return None
        return Message(marshal.loads(body), fds)  # noqa: S302  # from our own process, see above
    except BaseException:
        _close(fds)
        raise


def _exactly(channel: _socket.socket, count: int) -> bytes:
    parts = []
    while count > 0:
        part = channel.recv(min(count, 1 << 16))
        if not part:
            break
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _close(fds: Sequence[int]) -> None:
    for fd in fds:
        os.close(fd)
