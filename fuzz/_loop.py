"""Feeds a check with mutated inputs for a while: coverage-guided with `atheris`, else at random."""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

SLOW_S = 5.0
MAX_BYTES = 1 << 16


def run(check: Callable[[bytes], None], seeds: Sequence[bytes], tokens: Sequence[bytes]) -> int:
    """Runs the check until the time is over or it fails; gives the exit code.

    `tokens` are bytes that mean something in the format. A failing input is written to the
    current folder and named.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=None, help="of the random loop; printed when not given")
    parser.add_argument("--random", action="store_true", help="the random loop even where atheris is there")
    parser.add_argument("inputs", nargs="*", type=Path, help="check these files instead")
    options = parser.parse_args()
    for path in options.inputs:
        check(path.read_bytes())
    if options.inputs:
        return 0
    if importlib.util.find_spec("atheris") and not options.random:
        return _guided(check, seeds, options.seconds)
    seed = options.seed if options.seed is not None else random.randrange(2**32)  # noqa: S311
    return _random(check, seeds, tokens, options.seconds, seed)


def _guided(check: Callable[[bytes], None], seeds: Sequence[bytes], seconds: float) -> int:
    import atheris

    with tempfile.TemporaryDirectory() as folder:
        for index, seed in enumerate(seeds):
            (Path(folder) / str(index)).write_bytes(seed)
        atheris.instrument_all()
        arguments = [sys.argv[0], folder, f"-max_total_time={seconds:.0f}", f"-max_len={MAX_BYTES}"]
        atheris.Setup(arguments, check)
        atheris.Fuzz()
    return 0


def _random(
    check: Callable[[bytes], None],
    seeds: Sequence[bytes],
    tokens: Sequence[bytes],
    seconds: float,
    seed: int,
) -> int:
    print(f"random mutations, --seed {seed}")
    chance = random.Random(seed)  # noqa: S311  # it must be repeatable, not secret
    end = time.monotonic() + seconds
    count, slowest_s = 0, 0.0
    while time.monotonic() < end:
        data = mutated(chance, seeds, tokens)
        began = time.monotonic()
        try:
            check(data)
        except Exception:
            print(f"failed after {count} inputs; the input is in {_keep(data)}")
            raise
        took_s = time.monotonic() - began
        slowest_s = max(slowest_s, took_s)
        if took_s > SLOW_S:
            print(f"an input took {took_s:.1f} s; it is in {_keep(data)}")
            return 1
        count += 1
    print(f"{count} inputs in {seconds:g} s, none failed; the slowest took {slowest_s * 1000:.0f} ms")
    return 0


def _keep(data: bytes) -> Path:
    path = Path(f"crash-{hashlib.sha256(data).hexdigest()[:16]}")
    path.write_bytes(data)
    return path


def mutated(chance: random.Random, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    """One of the seeds after some mutations."""
    data = chance.choice(seeds)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 5, 8, 20))):
        at = chance.randrange(len(data) + 1)
        to = min(len(data), at + chance.choice((1, 1, 2, 4, 16, 64, 256)))
        match chance.randrange(8):
            case 0:
                data = data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
            case 1:
                data = data[:at] + chance.choice(tokens) + data[chance.choice((at, to)) :]
            case 2:
                data = data[:at] + data[to:]
            case 3:
                data = data[:to] + data[at:to] * chance.choice((1, 2, 10, 300)) + data[to:]
            case 4:
                other = chance.choice(seeds)
                data = data[:at] + other[chance.randrange(len(other) + 1) :]
            case 5:
                data = data[:at] + chance.choice(tokens) * chance.choice((2, 50, 3000)) + data[at:]
            case 6:
                data = data[:at] + chance.randbytes(chance.randrange(1, 20)) + data[to:]
            case _:
                data = data[:at] if chance.randrange(4) == 0 else data[at:to] + data[:at] + data[to:]
        data = data[:MAX_BYTES]
    return data
