"""A worker that misbehaves on command, run in Deno's place (see `support.faking`).

It speaks the frame protocol on standard input and output and takes its behaviour
from the plugin's code, a JSON object (all keys optional):

    {"lives": [life, …]}     the n-th process of a test follows the n-th life, or the last one
    life = {"hello": fault, "ready": fault, "frames": {"3": fault}, "paths": {"/bad": fault},
            "plugins": {"2": {"/bad": fault}}}

Faults while it answers a frame replace that frame's answer; `paths` strike when the
URL of the next transaction holds the key, and `plugins` when in addition the plugin at that place of a
group is to scan it (the code is the first one's). The faults are the keys of `_FAULTS`, and
`exit:N`, `signal:N`. `hello` faults come before the code is known: they arrive in argv.
Runs isolated (`-I -S`): nothing but the standard library.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

HELLO, READY, LOAD_FAILED, RESULTS, MEMORY = range(5)
MEASURE = 3  # the order


class Worker:
    """One process that pretends to be a generation."""

    def __init__(self, life: int) -> None:
        self.life = life
        self.nonce = bytes(16)
        self.sequence = 0
        self.frame_count = 0
        self.frame = 0
        #: Of what is scanned, and at which places are the plugins that scan it.
        self.ids: list[str] = []
        self.places: list[int] = []

    # ---- the honest part -----------------------------------------------------

    def read(self, count: int) -> bytes:
        """Exactly `count` bytes, or the end of the process."""
        data = b""
        while len(data) < count:
            got = os.read(0, count - len(data))
            if not got:
                os._exit(0)
            data += got
        return data

    def read_order(self) -> tuple[int, int, bytes]:
        """Order, frame number and payload."""
        length = int.from_bytes(self.read(4), "little")
        body = self.read(length)
        return body[0], int.from_bytes(body[1:5], "little"), body[5:]

    def write(self, data: bytes) -> None:
        """All of it."""
        while data:
            data = data[os.write(1, data) :]

    def packed(
        self, kind: int, text: str, *, nonce: bytes | None = None, sequence: int | None = None
    ) -> bytes:
        """A reply as bytes; the right nonce and sequence unless given."""
        body = text.encode("utf-8", "surrogatepass")
        head = struct.pack(
            "<16sIB",
            self.nonce if nonce is None else nonce,
            self.sequence if sequence is None else sequence,
            kind,
        )
        self.sequence += 1
        return struct.pack("<I", len(head) + len(body)) + head + body

    def entry(self, transaction_id: str, place: int = 0) -> Any:
        """The outcome of one scan: a finding that echoes the transaction's id and the plugin's place."""
        return {"d": 5, "f": [[0, json.dumps({"title": transaction_id, "evidence": str(place)})]]}

    def text(self, entries: list[Any], *, frame: int | None = None, first: int = 0) -> str:
        """The JSON of a results reply."""
        return json.dumps([self.frame if frame is None else frame, first, entries, 0])

    def entries(self) -> list[Any]:
        """The right outcomes of the current frame."""
        return [self.entry(i, place) for i, place in zip(self.ids, self.places, strict=True)]

    def answer(self) -> None:
        """Answers the current frame as it should be."""
        self.write(self.packed(RESULTS, self.text(self.entries())))

    # ---- the run -------------------------------------------------------------

    def run(self, hello_fault: str | None) -> NoReturn:
        """Hello, load, then frame after frame."""
        self.fail(hello_fault)
        self.write(self.packed(HELLO, "{}"))
        _, _, payload = self.read_order()
        settings = json.loads(payload)
        self.nonce = bytes.fromhex(settings["nonce"])
        script = json.loads("".join(settings["plugins"][0]["modules"][-1]["parts"]))
        lives = script.get("lives", [{}])
        life = lives[min(self.life, len(lives) - 1)]
        self.fail(life.get("ready"))
        loaded = [{"metadata": "null", "console": []}] * len(settings["plugins"])
        ready = {"plugins": loaded, "urls": [], "heap": [1, 2]}
        self.write(self.packed(READY, json.dumps(ready)))
        while True:
            order, number, payload = self.read_order()
            if order == MEASURE:
                self.write(self.packed(MEMORY, "[1,2,3]"))
                continue
            self.frame = number
            self.frame_count += 1
            (count,) = struct.unpack_from("<I", payload)
            plugins = struct.unpack_from(f"<{count}I", payload, 4)
            lengths = 4 + 4 * count
            length = int.from_bytes(payload[lengths : lengths + 4], "little")
            each = json.loads(payload[lengths + 8 : lengths + 8 + length])
            rows = count * each
            self.ids = [row[0] for row in rows]
            self.places = [place for place in plugins for _ in each]
            fault = life.get("frames", {}).get(str(self.frame_count))
            for index, (row, place) in enumerate(zip(rows, self.places, strict=True)):
                faults = {**life.get("paths", {}), **life.get("plugins", {}).get(str(place), {})}
                for path, wanted in faults.items():
                    if fault is None and path in row[2]:
                        fault = wanted
                        if wanted.startswith(("exit:", "signal:", "stall")) and index:
                            # Like the real one it may have answered what came before.
                            self.write(self.packed(RESULTS, self.text(self.entries()[:index])))
            if fault is None:
                self.answer()
            else:
                self.fail(fault)

    def fail(self, fault: str | None) -> None:
        """Does what the fault says; returns only when the process lives on."""
        if fault is None:
            return
        name, _, value = fault.partition(":")
        if name == "exit":
            os._exit(int(value))
        if name == "signal":
            os.kill(os.getpid(), int(value))
            signal.pause()
        _FAULTS[name](self)


def _stall(worker: Worker) -> None:
    while True:
        time.sleep(3600)


def _load_failed(worker: Worker) -> None:
    """What the real one does when the plugin cannot be loaded."""
    error = {"name": "TypeError", "message": "no", "stack": ""}
    text = json.dumps({"kind": "throw", "error": error, "urls": [], "console": []})
    worker.write(worker.packed(LOAD_FAILED, text))
    os._exit(0)


def _half(worker: Worker) -> None:
    data = worker.packed(RESULTS, worker.text(worker.entries()))
    worker.write(data[: len(data) // 2])


def _half_exit(worker: Worker) -> None:
    _half(worker)
    os._exit(0)


def _half_stall(worker: Worker) -> None:
    _half(worker)
    _stall(worker)


def _close(worker: Worker) -> None:
    # Standard input is the same socket: both must go before the owner sees its end.
    os.close(0)
    os.close(1)
    _stall(worker)


def _flood(worker: Worker) -> None:
    while True:
        worker.write(worker.packed(RESULTS, worker.text(worker.entries())))


def _memory_flood(worker: Worker) -> None:
    while True:
        worker.write(worker.packed(MEMORY, "[1,2,3]"))


def _garbage_flood(worker: Worker) -> None:
    while True:
        worker.write(b"\xff" * 65536)


def _stderr_flood(worker: Worker) -> None:
    for _ in range(64):
        os.write(2, b"noise " * 1000)
    worker.answer()


def _sends(make: Callable[[Worker], bytes]) -> Callable[[Worker], None]:
    def send(worker: Worker) -> None:
        worker.write(make(worker))

    return send


def _results(worker: Worker, entries: list[Any], **where: int) -> bytes:
    return worker.packed(RESULTS, worker.text(entries, **where))


def _echo(worker: Worker, **fields: Any) -> list[Any]:
    return [{**worker.entry(i), **fields} for i in worker.ids]


_FAULTS: dict[str, Callable[[Worker], None]] = {
    "stall": _stall,
    "load_failed": _load_failed,
    "half_exit": _half_exit,
    "half_stall": _half_stall,
    "close": _close,
    "flood": _flood,
    "memory_flood": _memory_flood,
    "garbage_flood": _garbage_flood,
    "stderr_flood": _stderr_flood,
    "garbage": _sends(lambda w: b"\x17" * 64),
    "text_on_stdout": _sends(lambda w: b"Uncaught Error: something printed this\n"),
    "oversized_length": _sends(lambda w: b"\xff\xff\xff\x7f" + bytes(64)),
    "undersized_length": _sends(lambda w: b"\x02\0\0\0" + bytes(64)),
    "wrong_nonce": _sends(lambda w: w.packed(RESULTS, w.text(w.entries()), nonce=b"\x55" * 16)),
    "zero_nonce": _sends(lambda w: w.packed(RESULTS, w.text(w.entries()), nonce=bytes(16))),
    "wrong_sequence": _sends(lambda w: w.packed(RESULTS, w.text(w.entries()), sequence=w.sequence + 1)),
    "repeated_sequence": _sends(lambda w: w.packed(RESULTS, w.text(w.entries()), sequence=w.sequence - 1)),
    "wrong_frame": _sends(lambda w: _results(w, w.entries(), frame=w.frame + 1)),
    "frame_zero": _sends(lambda w: _results(w, w.entries(), frame=0)),
    "too_many": _sends(lambda w: _results(w, [*w.entries(), 1])),
    "no_entries": _sends(lambda w: _results(w, [])),
    "negative_first": _sends(lambda w: _results(w, w.entries(), first=-1)),
    "out_of_order": _sends(lambda w: _results(w, w.entries(), first=1)),
    "duplicate": _sends(lambda w: _results(w, w.entries()) + _results(w, w.entries())),
    "kind_hello": _sends(lambda w: w.packed(HELLO, "{}")),
    "kind_ready": _sends(
        lambda w: w.packed(READY, '{"plugins":[{"metadata":"null","console":[]}],"urls":[],"heap":[1,2]}')
    ),
    "kind_load_failed": _sends(
        lambda w: w.packed(LOAD_FAILED, '{"kind":"throw","error":{},"urls":[],"console":[]}')
    ),
    "unasked_memory": _sends(lambda w: w.packed(MEMORY, "[1,2,3]")),
    "kind_unknown": _sends(lambda w: w.packed(77, "{}")),
    "not_json": _sends(lambda w: w.packed(RESULTS, "[1,0,[1],")),
    "not_utf8": _sends(lambda w: w.packed(RESULTS, w.text(["\x00"])[:-1] + "\udcff]")),
    "wrong_shape": _sends(lambda w: w.packed(RESULTS, '{"frame":1}')),
    "wrong_entry": _sends(lambda w: _results(w, ["clean" for _ in w.ids])),
    "null_entry": _sends(lambda w: _results(w, [None for _ in w.ids])),
    "float_entry": _sends(lambda w: _results(w, [0.5 for _ in w.ids])),
    "deep_json": _sends(lambda w: w.packed(RESULTS, "[" * 200_000)),
    "deep_finding": _sends(
        lambda w: _results(w, _echo(w, f=[[0, '{"title":"t","x":' + "[" * 100_000 + "]" * 100_000 + "}"]]))
    ),
    "finding_not_json": _sends(lambda w: _results(w, _echo(w, f=[[0, "{"]]))),
    "negative_duration": _sends(lambda w: _results(w, _echo(w, d=-5))),
    "huge_duration": _sends(lambda w: _results(w, _echo(w, d=2**62))),
    "enormous_duration": _sends(lambda w: _results(w, _echo(w, d=2**80))),
    "many_findings": _sends(lambda w: _results(w, _echo(w, f=[[0, '{"title":"t"}']] * 50_000))),
    "many_lines": _sends(lambda w: _results(w, _echo(w, c=[["log", ""]] * 100_000))),
    "many_denials": _sends(lambda w: _results(w, _echo(w, n=[["net", str(n), 1] for n in range(50_000)]))),
    "long_stack": _sends(lambda w: _results(w, _echo(w, e={"stack": "at x\n" * 100_000}))),
    "odd_level": _sends(lambda w: _results(w, _echo(w, c=[["loud", "x"]]))),
    "long_reply": _sends(lambda w: _results(w, _echo(w, c=[["log", "x" * 20_000_000]]))),
    "giant_duration": _sends(lambda w: _results(w, [10**400 for _ in w.ids])),
    "extra_bytes": _sends(lambda w: _results(w, w.entries()) + b"extra"),
    "empty_write": _sends(lambda w: _results(w, w.entries())),
}


def main() -> None:
    """Answers `--version`, or follows its script. argv: state folder, hello faults, Deno's own."""
    state, hello_faults, *own = sys.argv[1:]
    if own == ["--version"]:
        print("deno 2.9.8 (stable, release, fake)")
        return
    life = 0
    while True:
        try:
            Path(state, str(life)).mkdir()
            break
        except FileExistsError:
            life += 1
    faults: list[str | None] = json.loads(hello_faults)
    Worker(life).run(faults[min(life, len(faults) - 1)] if faults else None)


if __name__ == "__main__":
    main()
