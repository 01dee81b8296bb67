"""The commands and their options, and what an error looks like."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console

from ..errors import IsoscanError
from .exits import STANDARD_STREAM, Exit, complain
from .output import OutputClosed, write_stdout

app = App(
    name="isoscan",
    help="Runs JavaScript and TypeScript scan plugins over captured HTTP traffic, each in its own sandbox.",
    version=lambda: version("isoscan"),
    version_flags=["--version"],
    help_flags=["--help", "-h"],
)

bench = App(name="bench", help="Measure isoscan on this machine.")
bench.command("isoscan.cli.bench:soak", name="soak")
app.command(bench)

SandboxName = Literal["strict", "available", "permissions"]
SeverityName = Literal["info", "low", "medium", "high", "critical"]


@app.command
def run(
    inputs: Annotated[list[str], Parameter(name="INPUT", consume_multiple=True, negative="")],
    /,
    *,
    plugin: Annotated[list[str] | None, Parameter(name=["--plugin", "-p"], negative="")] = None,
    format: Annotated[Literal["table", "jsonl"] | None, Parameter(name=["--format", "-f"])] = None,
    output: Annotated[list[str] | None, Parameter(name=["--output", "-o"], negative="")] = None,
    fail_on: Annotated[SeverityName | None, Parameter(name="--fail-on")] = None,
    timeout: float = 5.0,
    memory: str = "512MB",
    allow: Annotated[list[str] | None, Parameter(name="--allow", negative="")] = None,
    sandbox: SandboxName = "strict" if sys.platform == "linux" else "permissions",
    redact: Annotated[bool | None, Parameter(name="--redact", negative="--no-redact")] = None,
) -> int:
    """Scan captured traffic and print the findings.

    Parameters
    ----------
    inputs
        HAR or JSON Lines files, gzipped or not; "-" reads standard input.
    plugin
        A plugin file, a folder of plugins or a glob; repeat for more. Default: the bundled plugins.
    format
        "table" for people, "jsonl" for programs (one finding a line).
        Default: by the suffix of --output, else table.
    output
        Where findings go, repeat for several reports; "-" is standard output (default).
        A file is made readable for you alone; its suffix tells the format.
    fail_on
        Exit with 1 when a finding is at least this severe.
    timeout
        Seconds one plugin may spend on one transaction.
    memory
        Memory one plugin may use, for example 256MB or 1GB.
    allow
        What plugins may reach if their metadata asks for it, repeat for more: net=HOST:PORT,
        read=PATH (of the plugin's own folder), wasm. Default: nothing.
    sandbox
        "strict" refuses to run without every layer the sandbox needs (default on Linux),
        "available" makes do with those of this system, "permissions" (default elsewhere)
        relies on Deno alone. See isoscan doctor.
    redact
        Mask passwords, tokens and other secrets in findings and messages.
        Default: when --output names a file.
    """
    from .run import RunOptions, run_command

    return run_command(
        RunOptions(
            inputs=["-" if name == STANDARD_STREAM else name for name in inputs],
            plugins=None if plugin is None else ["-" if spec == STANDARD_STREAM else spec for spec in plugin],
            format=format,
            outputs=["-" if name == STANDARD_STREAM else name for name in output or []],
            fail_on=fail_on,
            timeout_s=timeout,
            memory=memory,
            allow=allow or [],
            sandbox=sandbox,
            redact=redact,
        )
    )


@app.command
def plugins(*specs: str) -> int:
    """List plugins: the bundled ones, or those of the given files, folders and globs."""
    from .plugins import plugins_command

    return plugins_command(specs)


@app.command
def doctor(
    *, format: Annotated[Literal["table", "json"], Parameter(name=["--format", "-f"])] = "table"
) -> int:
    """Try out which layers of the sandbox hold on this system.

    Exit code 0 when sandbox="strict" holds, 3 when only a weaker level does, 2 when nothing can run.

    Parameters
    ----------
    format
        "table" for people, "json" for programs.
    """
    from .doctor import doctor_command

    return doctor_command(format)


@app.command
def schema() -> int:
    """Print the JSON schema of transactions, findings and results."""
    import json

    from ..models import json_schema

    write_stdout(json.dumps(json_schema(), indent=2) + "\n")
    return Exit.OK


def run_app(arguments: list[str]) -> int:
    """Runs one command and returns its exit code; every expected error is one message on stderr."""
    # A lone dash would be taken for an option; it travels as a name no file can have.
    arguments = [STANDARD_STREAM if argument == "-" else argument for argument in arguments]
    try:
        code = app(
            arguments,
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
            console=_console(),
        )
        if sys.stdout is not None:
            sys.stdout.flush()
    except CycloptsError as error:
        return complain(f"{_plain(error)}\nTry: isoscan {_help_of(arguments)}--help")
    except IsoscanError as error:
        return complain(str(error))
    except (BrokenPipeError, OutputClosed):
        _drop_stdout()
        return complain("standard output was closed before everything was written", Exit.INCOMPLETE)
    except OSError as error:
        _drop_stdout()
        return complain(f"standard output: cannot write: {error.strerror}")
    except KeyboardInterrupt:
        return complain("interrupted", Exit.INTERRUPTED)
    return code if isinstance(code, int) else Exit.OK


def _console() -> Console:
    """A console that reports a closed pipe instead of ending the process silently."""

    class _Console(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return _Console()


def _drop_stdout() -> None:
    """What could not be written is not tried again when the interpreter exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _plain(error: CycloptsError) -> str:
    return " ".join(str(error).split())


def _help_of(arguments: list[str]) -> str:
    if arguments[:2] == ["bench", "soak"]:
        return "bench soak "
    return (
        f"{arguments[0]} "
        if arguments and arguments[0] in ("run", "plugins", "schema", "doctor", "bench")
        else ""
    )
