"""The commands and their options, and what an error looks like."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any, Literal

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console

from ..errors import IsoscanError
from .exits import STANDARD_STREAM, Exit, complain
from .output import OutputClosed, write_stdout

app = App(
    name="isoscan",
    help="Runs JavaScript and TypeScript scan plugins over captured HTTP traffic, each in its own sandbox.",
    help_format="plaintext",  # another would load a Markdown parser
    version=lambda: _version(),
    version_flags=["--version"],
    help_flags=["--help", "-h"],
)

bench = App(name="bench", help="Measure isoscan on this machine.")
bench.command("isoscan.cli.bench:soak", name="soak")
app.command(bench)

config_app = App(name="config", help="The configuration: isoscan.toml, or [tool.isoscan] of pyproject.toml.")
app.command(config_app)

findings = App(name="findings", help="What earlier runs found: list, show, export, accept, forget.")
_FINDINGS_COMMANDS = {
    "list": "List findings, worst first.",
    "show": "Show one finding with its request and response.",
    "export": "Write findings as a report, each once; coverage is that of the last run.",
    "accept": "Accept findings, so that they are not open any more.",
    "reopen": "Open accepted findings again.",
    "runs": "List the runs in the store, the newest first.",
    "prune": "Forget old runs, and open findings that were not seen since. The last run stays.",
}
for _name, _help in _FINDINGS_COMMANDS.items():
    findings.command(f"isoscan.cli.findings:{_name}_command", name=_name, help=_help)
app.command(findings)
app.command(
    "isoscan.cli.replay:replay_command",
    name="replay",
    help="Run the plugin again on the transaction a finding came from.",
)

_SUBCOMMANDS = {"bench": ("soak",), "config": ("show", "schema"), "findings": tuple(_FINDINGS_COMMANDS)}

SandboxName = Literal["strict", "available", "permissions"]
IsolateName = Literal["executor", "transaction", "group"]
SeverityName = Literal["info", "low", "medium", "high", "critical"]
FormatName = Literal["table", "jsonl", "json", "sarif", "junit", "markdown", "github", "html"]
Texts = list[str] | None
#: For options that a configuration may hold. Were None one of their types, "none" would be taken for it.
_NOT_GIVEN: Any = None


@app.command
def run(
    inputs: Annotated[list[str], Parameter(name="INPUT", consume_multiple=True, negative="")],
    /,
    *,
    plugin: Annotated[Texts, Parameter(name=["--plugin", "-p"], negative="")] = None,
    select: Annotated[Texts, Parameter(name="--select", negative="")] = None,
    exclude: Annotated[Texts, Parameter(name="--exclude", negative="")] = None,
    format: Annotated[FormatName, Parameter(name=["--format", "-f"])] = _NOT_GIVEN,
    output: Annotated[Texts, Parameter(name=["--output", "-o"], negative="")] = None,
    fail_on: Annotated[SeverityName, Parameter(name="--fail-on")] = _NOT_GIVEN,
    baseline: Annotated[str | None, Parameter(name="--baseline")] = None,
    write_baseline: Annotated[str | None, Parameter(name="--write-baseline")] = None,
    new_only: Annotated[bool, Parameter(name="--new-only", negative="--no-new-only")] = _NOT_GIVEN,
    scope_host: Annotated[Texts, Parameter(name="--scope-host", negative="")] = None,
    scope_path: Annotated[Texts, Parameter(name="--scope-path", negative="")] = None,
    scope_type: Annotated[Texts, Parameter(name="--scope-type", negative="")] = None,
    scope_status: Annotated[Texts, Parameter(name="--scope-status", negative="")] = None,
    scope_method: Annotated[Texts, Parameter(name="--scope-method", negative="")] = None,
    scope_max_body: Annotated[str | None, Parameter(name="--scope-max-body")] = None,
    timeout: float = _NOT_GIVEN,
    memory: str = _NOT_GIVEN,
    workers: int = _NOT_GIVEN,
    allow: Annotated[Texts, Parameter(name="--allow", negative="")] = None,
    sandbox: SandboxName = _NOT_GIVEN,
    isolate_per: Annotated[IsolateName, Parameter(name="--isolate-per")] = _NOT_GIVEN,
    redact: Annotated[bool, Parameter(name="--redact", negative="--no-redact")] = _NOT_GIVEN,
    db: Annotated[str | None, Parameter(name="--db")] = None,
    store: Annotated[bool, Parameter(name="--store", negative="--no-store")] = _NOT_GIVEN,
    resume: Annotated[bool, Parameter(name="--resume", negative="--no-resume")] = _NOT_GIVEN,
    config: Annotated[str | None, Parameter(name="--config")] = None,
    no_config: Annotated[bool, Parameter(name="--no-config", negative="")] = False,
    watch: Annotated[bool, Parameter(name="--watch", negative="")] = False,
    inspect: Annotated[str | None, Parameter(name="--inspect")] = None,
    profile: Annotated[str | None, Parameter(name="--profile")] = None,
    console: Annotated[bool, Parameter(name="--console", negative="")] = False,
) -> int:
    """Scan captured traffic and print the findings.

    Parameters
    ----------
    inputs
        Captures in any format isoscan reads, folders of them and globs; "-" reads standard input.
    plugin
        A plugin file, a folder of plugins or a glob; repeat for more. Default: the bundled plugins.
    select
        Run these plugins only: an id, tag:…, category:… or severity:…; repeat for more. Default: all.
    exclude
        Do not run these plugins; written as for --select.
    format
        "table" for people, "jsonl" for programs (one finding a line), or json, sarif, junit,
        markdown, github, html. Default: by the suffix of --output, else table.
    output
        Where findings go, repeat for several reports; "-" is standard output (default).
        A file is made readable for you alone; its suffix tells the format.
    fail_on
        Exit with 1 when a finding is at least this severe.
    baseline
        Findings in this file are known: they do not fail the run. Made by --write-baseline, or a
        jsonl, json or sarif report of an earlier run.
    write_baseline
        Write the findings of this run to a file for --baseline, without their secrets.
    new_only
        Report only findings that are not known from the baseline, or without one from earlier runs.
    scope_host
        Look only at these hosts, for example *.example.com; repeat for more; !HOST leaves one out.
    scope_path
        Look only at URLs with these paths, for example /api/*.
    scope_type
        Look only at responses of these content types, for example text/* or !image/*.
    scope_status
        Look only at responses with these status codes, for example 200, 4xx, 500-599 or !304.
    scope_method
        Look only at requests with these methods.
    scope_max_body
        Leave out transactions with a larger body, for example 5MB.
    timeout
        Seconds one plugin may spend on one transaction. Default: 5.
    memory
        Memory one plugin may use, for example 256MB or 1GB. Default: 512MB.
    workers
        Processes there should be work for: while there is less, the slowest plugin gets more of them.
        Default: one for each processor.
    allow
        What plugins may reach if their metadata asks for it, repeat for more: net=HOST:PORT,
        read=PATH (of the plugin's own folder), wasm. Default: nothing.
    sandbox
        "strict" refuses to run without every layer the sandbox needs (default on Linux),
        "available" makes do with those of this system, "permissions" (default elsewhere)
        relies on Deno alone. See isoscan doctor.
    isolate_per
        "executor" gives each plugin an isolate of its own (default), "transaction" each of its scans,
        "group" one to all plugins that are run alike: less memory and several times as fast with many
        small plugins, for those that trust each other.
    redact
        Mask passwords, tokens and other secrets in findings and messages.
        Default: when --output names a file.
    db
        Where results are kept. Default: the project's own file in your data folder.
    store
        Keep results, for isoscan findings and for resuming. Default: yes.
    resume
        Take up a run that was broken off with the same inputs, plugins and options. Default: yes.
    config
        A configuration file. Default: isoscan.toml, or [tool.isoscan] of pyproject.toml, in this
        folder or the nearest one above.
    no_config
        Read no configuration file.
    watch
        Stay, and scan again with a plugin whose files change; print which findings come and go.
    inspect
        Run this plugin, an id or a file, with an inspector for Chrome DevTools or VS Code, without time
        limits and in the weaker sandbox "permissions".
    profile
        Print time, memory and slowest transactions of each plugin, and where one hung.
        --profile=FILE.json writes them to a file as well.
    console
        Print what plugins write to their console to standard error.
    """
    from .author import AuthorOptions
    from .run import RunOptions, run_command

    return run_command(
        RunOptions(
            inputs=["-" if name == STANDARD_STREAM else name for name in inputs],
            given={
                "plugin": _with_dash(plugin),
                "select": select,
                "exclude": exclude,
                "format": format,
                "output": _with_dash(output),
                "fail_on": fail_on,
                "baseline": baseline,
                "new_only": new_only,
                "scope.hosts": scope_host,
                "scope.paths": scope_path,
                "scope.types": scope_type,
                "scope.statuses": scope_status,
                "scope.methods": scope_method,
                "scope.max_body": scope_max_body,
                "timeout_s": timeout,
                "memory": memory,
                "workers": workers,
                "allow": allow,
                "sandbox": sandbox,
                "isolate_per": isolate_per,
                "redact": redact,
                "db": db,
                "store": store,
                "resume": resume,
            },
            config=config,
            is_config_wanted=not no_config,
            write_baseline="-" if write_baseline == STANDARD_STREAM else write_baseline,
            author=AuthorOptions(watch=watch, inspect=inspect, profile=profile, console=console),
        )
    )


@config_app.command(name="show")
def config_show(
    *,
    config: Annotated[str | None, Parameter(name="--config")] = None,
    no_config: Annotated[bool, Parameter(name="--no-config", negative="")] = False,
    format: Annotated[Literal["table", "json"], Parameter(name=["--format", "-f"])] = "table",
) -> int:
    """Print the configuration that holds in this folder, and where each value comes from.

    Parameters
    ----------
    config
        A configuration file. Default: the one isoscan run would read.
    no_config
        Read no configuration file: print the defaults.
    format
        "table" for people, "json" for programs.
    """
    from .config import config_show_command

    return config_show_command(config, is_config_wanted=not no_config, format_=format)


@config_app.command(name="schema")
def config_schema() -> int:
    """Print the JSON schema of isoscan.toml."""
    from .config import config_schema_command

    return config_schema_command()


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
def new(
    name: str,
    /,
    *,
    folder: str = ".",
    javascript: Annotated[bool, Parameter(name="--javascript", negative="")] = False,
) -> int:
    """Make a new plugin: code, types, test cases and a README that check and test accept at once.

    Parameters
    ----------
    name
        Its id and the name of its folder: lower-case words with dashes, for example leaked-tokens.
    folder
        Where the plugin's folder is made.
    javascript
        Plain JavaScript instead of TypeScript.
    """
    from .new import new_command

    return new_command(name, folder=folder, is_javascript=javascript)


@app.command
def check(
    paths: Annotated[list[str] | None, Parameter(name="PATH", consume_multiple=True, negative="")] = None,
    /,
    *,
    ignore: Annotated[list[str] | None, Parameter(name="--ignore", negative="")] = None,
    check_js: Annotated[bool, Parameter(name="--check-js", negative="")] = False,
    strict: Annotated[bool, Parameter(name="--strict", negative="")] = False,
    format: Annotated[Literal["text", "json", "github"], Parameter(name=["--format", "-f"])] = "text",
    sandbox: SandboxName = "strict" if sys.platform == "linux" else "permissions",
) -> int:
    """Check plugins: imports, types, contract, permissions and slow regular expressions.

    Exit code 0 when all is well or there are warnings alone, 1 when something must be repaired,
    2 when the check cannot be done.

    Parameters
    ----------
    paths
        Plugin files, folders of plugins or globs. Default: this folder.
    ignore
        Leave out problems with this code, or whose code begins like this; repeat for more.
    check_js
        Check the types of JavaScript files too.
    strict
        Warnings fail the check as well.
    format
        "text" for people, "json" for programs, "github" for annotations of a workflow.
    sandbox
        What must hold the plugin while it is loaded. See isoscan doctor.
    """
    from .check import CheckArguments, check_command

    return check_command(
        CheckArguments(
            paths=paths or [],
            format=format,
            ignored=ignore or [],
            is_js_checked=check_js,
            is_strict=strict,
            sandbox=sandbox,
        )
    )


@app.command
def test(
    paths: Annotated[list[str] | None, Parameter(name="PATH", consume_multiple=True, negative="")] = None,
    /,
    *,
    update: Annotated[bool, Parameter(name="--update", negative="")] = False,
    only: Annotated[str | None, Parameter(name=["--only", "-k"])] = None,
    isolate: Annotated[bool, Parameter(name="--isolate", negative="")] = False,
    coverage: Annotated[bool, Parameter(name="--coverage", negative="")] = False,
    format: Annotated[Literal["text", "json", "junit"], Parameter(name=["--format", "-f"])] = "text",
    timeout: float = 5.0,
    allow: Annotated[list[str] | None, Parameter(name="--allow", negative="")] = None,
    sandbox: SandboxName = "strict" if sys.platform == "linux" else "permissions",
) -> int:
    """Run plugins on the cases in their fixtures folders and compare what they find.

    Exit code 0 when all cases pass, 1 when one fails, 2 when something could not be run.

    Parameters
    ----------
    paths
        Plugin files, folders of plugins or globs. Default: this folder.
    update
        Write what the plugin finds now as what is expected, and tell what changed.
    only
        Run the cases with this in their name only.
    isolate
        A fresh isolate for every case. Default: one for all, in two orders, which must agree.
    coverage
        Tell which lines of the plugin no case has run.
    format
        "text" for people, "json" for programs, "junit" for CI servers.
    timeout
        Seconds the plugin may spend on one transaction.
    allow
        What the plugin may reach beyond its own folder: net=HOST:PORT; repeat for more.
    sandbox
        What must hold the plugin. See isoscan doctor.
    """
    from .test import TestArguments, test_command

    return test_command(
        TestArguments(
            paths=paths or [],
            is_update=update,
            only=only,
            is_isolated=isolate,
            has_coverage=coverage,
            format=format,
            timeout_s=timeout,
            allow=allow or [],
            sandbox=sandbox,
        )
    )


@app.command
def schema() -> int:
    """Print the JSON schema of transactions, findings and results."""
    import json

    from ..models import json_schema
    from ..reports.json_document import RunDocument

    write_stdout(json.dumps(json_schema(RunDocument), indent=2) + "\n")
    return Exit.OK


def run_app(arguments: list[str]) -> int:
    """Runs one command and returns its exit code; every expected error is one message on stderr."""
    # A lone dash would be taken for an option; it travels as a name no file can have.
    arguments = [STANDARD_STREAM if argument == "-" else argument for argument in arguments]
    # The value of this option may be left out.
    arguments = ["--profile=" if argument == "--profile" else argument for argument in arguments]
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


def _version() -> str:
    from importlib.metadata import version

    return version("isoscan")


def _console() -> Console:
    """A console that reports a closed pipe instead of ending the process silently."""

    class _Console(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return _Console()


def _with_dash(names: Texts) -> Texts:
    return None if names is None else ["-" if name == STANDARD_STREAM else name for name in names]


def _drop_stdout() -> None:
    """What could not be written is not tried again when the interpreter exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _plain(error: CycloptsError) -> str:
    return " ".join(str(error).split())


def _help_of(arguments: list[str]) -> str:
    """The command whose help explains the arguments, as far as they name one."""
    command, name = (*arguments[:2], "", "")[:2]
    if command.startswith("-") or command not in app:
        return ""
    return f"{command} {name} " if name in _SUBCOMMANDS.get(command, ()) else f"{command} "
