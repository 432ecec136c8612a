"""The command `harness`: parse, call, exit code. Nothing is imported before the command that needs it is known."""

from __future__ import annotations

import os
import sys
from importlib import import_module

import click

from harness import __version__

INTERRUPTED = 130

COMMANDS = {
    "init": ("harness.cli.init:init", "Write a first system.yaml from a compose file, Procfile, OpenAPI, or answers."),
    "learn": ("harness.cli.learn:learn", "Run the journeys, see who calls whom, and write down the edges."),
    "system": ("harness.cli.system:system", "Join the service.yaml of many repositories into one description."),
    "run": ("harness.cli.run:run", "The main job: start, verify, break under load, fuzz, judge."),
    "verify": ("harness.cli.run:verify", "Verify the consumers' pacts against the running providers."),
    "compare": (
        "harness.cli.compare:compare",
        "Hold pacts against the providers' documents, or a run against another.",
    ),
    "breaking": ("harness.cli.breaking:breaking", "Which consumers a change of a document or of an event breaks."),
    "publish": ("harness.cli.publish:publish", "Put the pacts of a version of consumers into a ledger or broker."),
    "can-i-deploy": ("harness.cli.can_i_deploy:can_i_deploy", "Tell whether a version fits what is in an environment."),
    "record-deployment": ("harness.cli.placing:record_deployment", "Record that a version is deployed, or no more."),
    "record-release": ("harness.cli.placing:record_release", "Record that a version is released beside others."),
    "fuzz": ("harness.cli.run:fuzz", "Fuzz the OpenAPI documents of the services."),
    "chaos": ("harness.cli.run:chaos", "Experiments: break the system under load and judge it."),
    "gameday": ("harness.cli.gameday:gameday", "Game days: run at allowed times only, exported to schedulers."),
    "load": ("harness.cli.load:load", "Put load on a system, or on what already runs, and judge its figures."),
    "accept": ("harness.cli.accept:accept", "Take a red cell or finding on oneself until a day."),
    "explain": ("harness.cli.explain:explain", "Tell the cause, the evidence and the likely mend of a red cell."),
    "audit": ("harness.cli.audit:audit", "Tell what makes the system one program in many processes."),
    "up": ("harness.cli.up:up", "Bring the system up, and keep it up until Ctrl-C or `harness down`."),
    "sandbox": ("harness.cli.sandbox:sandbox", "Bring up one service alone, stubs from its pacts as its providers."),
    "down": ("harness.cli.down:down", "Stop what `harness up` brought up."),
    "ps": ("harness.cli.down:ps", "List what is up."),
    "inject": ("harness.cli.inject:inject", "Break something by hand on what is up, and heal it again."),
    "heal": ("harness.cli.heal:heal", "Heal everything that is in force, whatever became of who broke it."),
    "logs": ("harness.cli.down:logs", "Show the logs of what is up."),
    "record": ("harness.cli.record:record", "Draft pacts from the traffic that journeys cause on the edges."),
    "report": ("harness.cli.report:report", "Write the reports of journals again."),
    "history": (
        "harness.cli.history:history",
        "Tell verdicts, recovery times and flakiness over the runs of a directory.",
    ),
    "annotate": ("harness.cli.annotate:annotate", "Tell a run to GitHub: annotations, and the step's summary."),
    "notify": ("harness.cli.notify:notify", "Try whether people can be told of runs and game days."),
    "doctor": ("harness.cli.doctor:doctor_command", "Tell what is here, what is missing, and what mends it."),
}


class Front(click.Group):
    """Knows its commands by name, and imports one when it is called."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, None when there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=Front, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="harness")
def cli() -> None:
    """Does a system of services keep its contracts, and degrade gracefully, while things break?

    Exit codes: 0 held, 1 refuted, 2 unknown or could not run, 3 stopped by a guard, 4 outside the allowed time,
    130 interrupted.
    """


def main() -> None:
    """Run the command line; what the harness can explain ends in a message, never in a traceback."""
    try:
        sys.exit(cli.main(standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(2)
    except Exception as error:  # noqa: BLE001 -- sorted by its tree, without importing the tree first
        sys.exit(_explained(error))


def _explained(error: Exception) -> int:
    """Print what the harness has to say about an error of its own tree; any other is a defect and is raised again."""
    from harness.errors import HarnessError

    if not isinstance(error, HarnessError):
        raise error
    for line in str(error).splitlines():
        click.echo(line if line.startswith(" ") else f"error: {line}", err=True)
    return error.exit_code
