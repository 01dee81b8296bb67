"""The process a contender runs in: `python -m benchmarks.worker NAME WORKLOAD-FILE`.

One JSON command a line on standard input, one JSON answer a line on what was standard output.
Whatever an engine prints goes to standard error, so that it cannot spoil an answer.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from .contender import Session
from .contenders import CONTENDERS
from .workloads import Workload


class Command(Struct):
    """`outcomes` takes a count, the others seconds."""

    verb: Literal["outcomes", "run", "latencies"]
    count: int = 0
    seconds: float = 0.0


class Answer(Struct, omit_defaults=True):
    """The value asked for, or why there is none."""

    value: Any = None
    error: str = ""


def _obey(session: Session, command: Command) -> Any:
    if command.verb == "outcomes":
        return session.outcomes(command.count)
    if command.verb == "run":
        return session.run(command.seconds)
    return session.latencies_us(command.seconds)


def _said(error: Exception) -> str:
    lines = str(error).strip().splitlines() or ["no message"]
    return f"{type(error).__name__}: {lines[0][:300]}"


def main(name: str, file: str) -> int:
    """Opens the session and answers until an error occurs or standard input ends."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    encoder = msgspec.json.Encoder()

    def answer(value: Answer) -> None:
        answers.write(encoder.encode(value) + b"\n")

    try:
        workload = msgspec.json.decode(Path(file).read_bytes(), type=Workload)
        session = CONTENDERS[name].open(workload)
        answer(Answer("ready"))
        for line in sys.stdin.buffer:
            answer(Answer(_obey(session, msgspec.json.decode(line, type=Command))))
    except Exception as error:  # noqa: BLE001  # told to the benchmark, which puts it into the cell
        answer(Answer(error=_said(error)))
        return 1
    session.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
