"""The command line: commands are loaded when called; a mistake of the user is one line and exit code 2."""

import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click

from fsrcheck.errors import FsrcheckError
from fsrcheck.runs.result import ExitCode

GROUP = "fsrcheck.commands"
INTERRUPTED = 130  # 128 + SIGINT, as shells report it

BUILT_IN = {
    "list": "fsrcheck.commands.listing:list_statements",
    "show": "fsrcheck.commands.listing:show",
    "check": "fsrcheck.commands.checking:check",
    "replay": "fsrcheck.commands.checking:replay",
    "calibrate": "fsrcheck.commands.calibrating:calibrate_statements",
    "gather": "fsrcheck.commands.gathering:gather",
    "sweep": "fsrcheck.commands.sweeping:sweep",
    "compare": "fsrcheck.commands.comparing:compare_with_baseline",
    "error-rates": "fsrcheck.commands.error_rates:error_rates",
    "errata": "fsrcheck.commands.listing:errata",
    "report": "fsrcheck.commands.reporting:report",
    "new": "fsrcheck.commands.scaffolding:new",
}


class CommandLine(click.Group):
    """The group ``fsrcheck``: its own commands and those that installed papers contribute."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, our own first."""
        return list(_commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command.

        Raises:
            FsrcheckError: an entry point that names something else.
        """
        entry = _commands().get(cmd_name)
        if entry is None:
            return None
        command = entry.load()
        if not isinstance(command, click.Command):
            raise FsrcheckError(f"entry point {cmd_name!r} of {GROUP} must name a click command, got {command!r}")
        return command

    def main(self, args: Sequence[str] | None = None, **extra: Any) -> Any:  # type: ignore[override]
        """Run and leave with the exit code; see ``runs.result.ExitCode``."""
        extra["standalone_mode"] = False
        try:
            code = super().main(args, **extra)
        except click.ClickException as error:
            code = _complain(error.format_message())
        except FsrcheckError as error:
            code = _complain(str(error))
        except OSError as error:
            if error.filename is None:  # not about a file that the user named
                raise
            code = _complain(f"{error.strerror}: {error.filename}")
        except click.Abort:
            code = INTERRUPTED
        sys.exit(code if isinstance(code, int) else ExitCode.EXPECTED)


def _commands() -> dict[str, EntryPoint]:
    """All commands by name; a contributed one cannot take the name of ours."""
    own = {name: EntryPoint(name, value, GROUP) for name, value in BUILT_IN.items()}
    return own | {entry.name: entry for entry in entry_points(group=GROUP) if entry.name not in own}


def _complain(message: str) -> ExitCode:
    """One line on standard error, whatever line breaks the message has."""
    click.echo(f"fsrcheck: {' '.join(message.split())}", err=True)
    return ExitCode.BAD_INPUT


@click.command(cls=CommandLine, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fsrcheck", message="%(prog)s %(version)s")
@click.pass_context
def main(context: click.Context) -> None:
    """Take a paper's statements one by one and say, with evidence, whether each holds."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
