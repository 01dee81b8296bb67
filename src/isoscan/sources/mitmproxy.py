"""Reads mitmproxy dumps, flow by flow, in every format that the installed mitmproxy reads.

A flow is one entry for its HTTP exchange, with the content codings taken off and trailers behind
the headers, and one more for each WebSocket message, with the index of its flow and an id such as
`capture.mitm#3/ws7`. A message is a transaction of its own, without headers, so that what plugins
find in the handshake they find once:

    from the client   GET ws://host/path, the message as the request's body, no response
    from the server   GET ws://host/path, the message as the body of a response with status 101

TCP, UDP and DNS flows and CONNECT tunnels are out of scope. mitmproxy parses and migrates each
flow; where flows begin is found here, so that a damaged one costs itself alone, and no more than
one is in memory.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Generator, Iterator
from typing import Any

from ..errors import InputError
from ._document import Document
from ._entry import Entry, OutOfScope, Rejected, printable, transaction_id
from ._mitmproxy_flow import Read, flow_transactions
from ._mitmproxy_old import complete_old_flow

_CONVERSION = "convert it: mitmdump -n -r FILE --set hardump=OUT.har"

# A dump is tnetstrings one after another, `<length>:<data><type>`, each a dictionary of text keys.
_FLOW = re.compile(rb"(\d{1,12}):(?=\d{1,2}:[a-z_]{1,32}[;,])")
# Overlapping, for digits may stand before a length that are no part of it.
_FLOW_SOMEWHERE = re.compile(rb"(?=\d{1,12}:\d{1,2}:[a-z_]{1,32}[;,])")
_CUT_FLOW = re.compile(rb"\d{1,12}(?::(?:\d{1,2}(?::[a-z_]{0,32})?)?)?")
_REST_OF_FLOW = re.compile(rb"\d{1,2}:[a-z_]{1,32}[;,]|\}")
_SPACE = re.compile(rb"\s*+")
_VERSION_KEY = re.compile(rb"7:version[;,]")
_DICTIONARY = ord("}")
# Looking for a sound flow can read the rest of the file, so not for ever.
_MAX_RESUMPTIONS = 100


def read_mitmproxy(document: Document) -> Iterator[Entry]:
    """The entries of a mitmproxy dump. Raises `InputError` where it is damaged beyond recovery.

    Raises it before the first entry if the extra `mitmproxy` is not installed, or if the dump is
    of a newer format than the installed one reads.
    """
    return _MitmproxyReader(document).read()


class _NotAFlow(Rejected):
    """The bytes are no flow at all, so their end may be wrong too."""


class _UnknownFormat(Rejected):
    """The flow is of a format that the installed mitmproxy does not read."""


class _MitmproxyReader:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._data = document.data
        self._text = memoryview(document.data)
        self._index = 0
        self._resumptions = 0

    def read(self) -> Iterator[Entry]:
        mitmproxy = _Mitmproxy(self._document)
        start = self._behind_space(self._document.start)
        while start < len(self._data):
            end = self._flow_end(start)
            if end is None:
                following = self._next_flow(start + 1)
                if following is None:
                    raise self._error(start)
                problem = f"the dump is damaged from {self._document.byte(start)} on"
                yield self._rejected(problem, start, following)
                self._index += 1
            else:
                is_flow = yield from self._flow(mitmproxy, start, end)
                self._index += 1
                following = end if is_flow or self._may_begin(end) else self._next_flow(start + 1)
                if following is None:
                    raise self._error(start)
            self._document.release(start)
            start = self._behind_space(following)

    def _flow(self, mitmproxy: _Mitmproxy, start: int, end: int) -> Generator[Entry, None, bool]:
        """The entries of one flow; returns whether it was one."""
        id_ = transaction_id(self._document.source, self._index)
        try:
            for transaction, notes in mitmproxy.transactions(bytes(self._text[start:end]), id_):
                yield Entry(
                    source=self._document.source,
                    index=self._index,
                    unit="flow",
                    transaction=transaction,
                    notes=tuple(dict.fromkeys(notes)),
                    offset_bytes=start,
                    length_bytes=end - start,
                )
        except _NotAFlow as error:
            yield self._rejected(f"{error}; the flow begins at {self._document.byte(start)}", start, end)
            return False
        except _UnknownFormat as error:
            if self._index == 0:
                raise self._document.error(str(error)) from None
            yield self._rejected(str(error), start, end)
        except Rejected as error:
            yield self._rejected(str(error), start, end, is_out_of_scope=isinstance(error, OutOfScope))
        return True

    def _rejected(self, problem: str, start: int, end: int, *, is_out_of_scope: bool = False) -> Entry:
        return Entry(
            source=self._document.source,
            index=self._index,
            unit="flow",
            problem=problem,
            is_out_of_scope=is_out_of_scope,
            offset_bytes=start,
            length_bytes=end - start,
        )

    def _error(self, start: int) -> InputError:
        flow = _FLOW.match(self._data, start)
        is_cut = flow is not None and flow.end() + int(flow[1]) >= len(self._data)
        what = "truncated" if is_cut or self._may_begin(start) else "damaged"
        return self._document.error(
            f"the mitmproxy dump is {what} at {self._document.byte(start)}, after {self._index} flows;"
            " what follows is not read"
        )

    def _behind_space(self, position: int) -> int:
        space = _SPACE.match(self._data, position)
        return space.end() if space else position

    def _flow_end(self, start: int) -> int | None:
        """Where the flow at `start` ends; None if no whole one can begin there."""
        flow = _FLOW.match(self._data, start)
        if flow is None:
            return None
        end = flow.end() + int(flow[1])
        return end + 1 if end < len(self._data) and self._data[end] == _DICTIONARY else None

    def _may_begin(self, position: int) -> bool:
        """Whether another flow begins here, whole or cut off, or the file ends."""
        position = self._behind_space(position)
        if _FLOW.match(self._data, position) or position == len(self._data):
            return True
        cut = _CUT_FLOW.match(self._data, position)
        return cut is not None and cut.end() == len(self._data)

    def _next_flow(self, position: int) -> int | None:
        """Where the next whole flow from `position` on begins, if there is one."""
        self._resumptions += 1
        if self._resumptions > _MAX_RESUMPTIONS:
            return None
        for candidate in _FLOW_SOMEWHERE.finditer(self._data, position):
            start = candidate.start()
            end = self._flow_end(start)
            # A dictionary within a flow has no version, or the rest of the flow behind it.
            if (
                end is not None
                and not _REST_OF_FLOW.match(self._data, end)
                and _VERSION_KEY.search(self._data, start, end)
            ):
                return start
        return None


class _Mitmproxy:
    """The parts of mitmproxy that make flows of bytes."""

    def __init__(self, document: Document) -> None:
        try:
            self._tnetstring: Any = importlib.import_module("mitmproxy.io.tnetstring")
            self._compat: Any = importlib.import_module("mitmproxy.io.compat")
            self._http: Any = importlib.import_module("mitmproxy.http")
            self._version: Any = importlib.import_module("mitmproxy.version")
        except ImportError:
            raise document.error(
                "reading a mitmproxy dump needs the extra: pip install 'isoscan[mitmproxy]'; or "
                + _CONVERSION
            ) from None

    def transactions(self, raw: bytes, id_: str) -> Iterator[Read]:
        """What one flow holds. Raises `Rejected`, at the latest after the last sound transaction."""
        try:
            state = self._tnetstring.loads(raw)
        except Exception:  # noqa: BLE001 - whatever its parser meets in damaged data
            raise _NotAFlow("not a flow: its data is damaged") from None
        if not isinstance(state, dict):
            raise _NotAFlow("not a flow")
        reads = self._migrated_transactions(state, id_)
        while True:
            try:
                read = next(reads)
            except StopIteration:
                return
            except Rejected:
                raise
            except Exception as error:  # noqa: BLE001 - fields of any type may be missing or wrong
                raise Rejected(f"mitmproxy cannot read the flow ({type(error).__name__})") from None
            yield read

    def _migrated_transactions(self, state: dict[Any, Any], id_: str) -> Iterator[Read]:
        version = state.get("version", state.get(b"version"))
        kind = state.get("type", state.get(b"type"))
        kind = kind.decode("ascii", "replace") if isinstance(kind, bytes) else str(kind)
        if kind in ("tcp", "udp", "dns"):
            raise OutOfScope(f"a flow of {kind.upper()}, not an HTTP exchange")
        is_without_response = complete_old_flow(state, version)
        try:
            state = self._compat.migrate_flow(state)
        except ValueError:
            raise _UnknownFormat(self._format_problem(version)) from None
        if kind not in ("http", "websocket"):
            raise Rejected(f"a flow of the unknown type {printable(kind, 20)}")
        if is_without_response:
            state["response"] = None
        # Their ids are of no use here, and are kept for every connection of all dumps.
        for name in ("client_connections", "server_connections"):
            getattr(self._compat, name, {}).clear()
        yield from flow_transactions(state, self._http, id_)

    def _format_problem(self, version: object) -> str:
        known = self._version.FLOW_FORMAT_VERSION
        if isinstance(version, int) and version > known:
            return (
                f"flow format {version} is newer than the installed mitmproxy {self._version.VERSION} reads"
                f" ({known}); upgrade mitmproxy, or with the one that wrote the dump {_CONVERSION}"
            )
        parts = version if isinstance(version, list | tuple) else [version]
        shown = printable(".".join(str(part) for part in parts[:3]), 20)
        return f"flow format {shown} is not one that mitmproxy {self._version.VERSION} reads (0.11 and later)"
