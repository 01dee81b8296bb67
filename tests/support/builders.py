"""Short ways to make transactions and executors."""

from __future__ import annotations

from typing import Any

from isoscan import (
    HttpRequest,
    HttpResponse,
    HttpTransaction,
    IsoscanError,
    Limits,
    PluginExecutor,
    PluginMetadata,
    ScanResult,
    Verdict,
)
from isoscan._options import ExecutorOptions

MIB = 1024 * 1024
#: Reports the transaction's own id as the title, so that a mix-up shows.
ECHO = "export function scan_transaction(t) { return { title: t.id }; }"


def make_transaction(
    path: str = "/",
    *,
    body: bytes = b"",
    request_body: bytes = b"",
    status: int = 200,
    content_type: str = "text/html",
    has_response: bool = True,
    transaction_id: str = "",
) -> HttpTransaction:
    """A transaction on `http://shop.example` whose path tells a plugin what to do."""
    return HttpTransaction(
        request=HttpRequest(
            method="GET", url=f"http://shop.example{path}", body=request_body, id=transaction_id
        ),
        response=HttpResponse(status=status, headers=(("Content-Type", content_type),), body=body)
        if has_response
        else None,
    )


def make_executor(code: str = ECHO, **options: Any) -> PluginExecutor:
    """An executor with the id `probe`; keyword arguments of `Limits` may be mixed with its own."""
    own = {
        name: options.pop(name)
        for name in (*ExecutorOptions.__annotations__, "max_executions_before_restart")
        if name in options and name != "limits"
    }
    metadata = options.pop("metadata", PluginMetadata(id="probe"))
    limits = options.pop("limits", None) or Limits(**options)
    return PluginExecutor(metadata, code, limits=limits, **own)


async def scan(executor: PluginExecutor, transaction: HttpTransaction) -> ScanResult:
    """The whole result of one scan, whatever its verdict."""
    async for result in executor.scan_many([transaction]):
        return result
    raise AssertionError("scan_many gave no result")


async def verdict_of_call(executor: PluginExecutor, transaction: HttpTransaction) -> Verdict:
    """The verdict of one scan asked for with `scan_transaction`."""
    try:
        findings = await executor.scan_transaction(transaction)
    except IsoscanError as error:
        assert error.result is not None, f"not the error of a scan: {error!r}"
        return error.result.verdict
    return Verdict.FINDINGS if findings else Verdict.CLEAN


def is_echo(result: ScanResult) -> bool:
    """Whether the result holds exactly the finding of `ECHO` on its own transaction."""
    return (
        [f.title for f in result.findings]
        == [result.transaction_id]
        == [f.transaction_id for f in result.findings]
    )
