"""`harness inject`: break something by hand on a system that stands, and heal it again."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.standing import Standing, all_standing

if TYPE_CHECKING:
    from harness.cli.control_words import Answer, InjectRequest

FOR = "60s"
SLACK_S = 120.0
"""How much longer than the fault lasts an answer may take: healing has limits of its own."""
UNHEALED = 2


@click.command()
@click.argument("target")
@click.argument("fault", nargs=-1, required=True, metavar="FAULT[=VALUE] [KEY=VALUE]...")
@click.option("--for", "lasts", default=FOR, show_default=True, metavar="TIME", help="When it heals by itself.")
@click.option("--detach", "-d", is_flag=True, help="Come back as soon as it bites; it heals by itself.")
@click.option("--run", "run", metavar="RUN", help="Which system, when several are up (see `harness ps`).")
def inject(target: str, fault: tuple[str, ...], lasts: str, run: str | None, *, detach: bool) -> None:
    """Break something on a system that `harness up` keeps up.

    TARGET is an edge ('orders->payments', or between some instances only 'orders-1->payments-2') or an instance
    ('orders-1'). The fault and its attributes are those of experiments:

    \b
      harness inject 'orders->payments' latency=2s --for 30s
      harness inject 'orders->payments' latency delay=2s jitter=100ms
      harness inject 'orders->payments' black-hole=reply
      harness inject orders-1 kill

    It stays until the time is over, or until Ctrl-C, and then heals.
    """  # noqa: D301 -- \b is click's
    from harness.cli.control_words import InjectRequest

    word, attributes = _words(fault)
    seconds = _seconds(lasts)
    directory = _standing(run).directory
    request = InjectRequest(target=target, fault=word, attributes=attributes, lasts_s=seconds)
    sys.exit(_conduct(directory, request, within_s=seconds + SLACK_S, detach=detach))


def _conduct(directory: Path, request: InjectRequest, *, within_s: float, detach: bool) -> int:
    from harness.cli.asking import converse

    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell has made it ignore the first
        signal.signal(number, signal.default_int_handler)
    injection, code = "", 0
    try:
        for answer in converse(directory, request, within_s=within_s):
            injection = answer.injection
            tell(answer)
            if not answer.good:
                code = UNHEALED
            elif answer.kind == "armed" and detach:
                click.echo(f"it heals by itself in {request.lasts_s:g} s; `harness heal` does so now")
                return code
            elif answer.kind == "armed":
                click.echo(f"it heals by itself in {request.lasts_s:g} s; Ctrl-C does so now")
    except KeyboardInterrupt:
        heal_one(directory, injection)
        raise
    return code


def heal_one(directory: Path, injection: str) -> None:
    """Heal what was put on; when that is not known yet, everything: nobody may be left with a fault."""
    from harness.cli.asking import HEALED_WITHIN_S, converse
    from harness.cli.control_words import HealRequest

    for answer in converse(directory, HealRequest(injection=injection or None), within_s=HEALED_WITHIN_S):
        tell(answer)


def tell(answer: Answer) -> None:
    """One answer, and its evidence."""
    if answer.kind == "armed":
        state = "is in force" if answer.good else "does NOT bite, so it is taken back"
    else:
        state = f"is healed ({answer.by})" if answer.good else "is NOT healed"
    click.echo(f"{answer.what} {state} after {answer.took_s:.1f} s\n  {answer.evidence}")
    sys.stdout.flush()


def _words(words: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """The fault's word, and its attributes; a value right behind the word is that of its first attribute."""
    word, given, value = words[0].partition("=")
    attributes = {"": value} if given else {}
    for each in words[1:]:
        name, found, text = each.partition("=")
        if not found or not name:
            message = f"expected KEY=VALUE, found {each!r}"
            raise click.UsageError(message)
        if name in attributes:
            message = f"{name!r} stands there twice"
            raise click.UsageError(message)
        attributes[name] = text
    return word, attributes


def _seconds(text: str) -> float:
    from harness.model.quantity import Duration

    try:
        return float(Duration.parse(text))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--for") from error


def _standing(run: str | None) -> Standing:
    """The one system that is meant."""
    ready = [each for each in all_standing() if each.entry]
    if not ready:
        message = "nothing is up from this directory; start it by `harness up -d`"
        raise click.ClickException(message)
    meant = [each for each in ready if run in (None, each.run, each.system)]
    if len(meant) == 1:
        return meant[0]
    known = ", ".join(f"{each.run} ({each.system})" for each in ready)
    message = f"expected --run with one of those that are up: {known}"
    raise click.ClickException(message)
