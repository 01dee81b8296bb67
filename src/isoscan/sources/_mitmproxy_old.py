"""Makes flows of old formats fit for mitmproxy's migration, which takes for granted that they succeeded."""

from __future__ import annotations

from typing import Any

_FIRST_WITHOUT_RESPONSE = (0, 16)
_FIRST_WITH_PLAIN_ADDRESS = (2, 0)
_FIRST_WITHOUT_ADDRESS = (5,)
#: Has what formats before 0.16 look up in a response; it is taken out again after the migration.
_NO_RESPONSE = {
    b"httpversion": [1, 1],
    b"code": 0,
    b"content": b"",
    b"headers": [],
    b"timestamp_start": 0.0,
    b"timestamp_end": 0.0,
}


def complete_old_flow(state: dict[Any, Any], version: object) -> bool:
    """Puts stand-ins where a flow of format `version` lacks what its migration needs.

    These are the addresses of connections that were never made, of which nothing is read, and the
    response. Returns whether the response is a stand-in.
    """
    parts = tuple(version) if isinstance(version, list | tuple) else (version,)
    if not all(isinstance(part, int) for part in parts) or parts >= _FIRST_WITHOUT_ADDRESS:
        return False
    plain = ["", 0]
    address = plain if parts >= _FIRST_WITH_PLAIN_ADDRESS else {"address": plain}
    for name in ("client_conn", "server_conn"):
        connection = state.get(name, state.get(name.encode()))
        for field in ("address", "source_address", b"address", b"source_address"):
            if isinstance(connection, dict) and field in connection and connection[field] is None:
                connection[field] = address
    if parts < _FIRST_WITHOUT_RESPONSE and state.get(b"response") is None:
        state[b"response"] = dict(_NO_RESPONSE)
        return True
    return False
