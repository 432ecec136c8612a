"""Options whose port may be left out never take what comes next for it."""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner

from harness.cli.load import UI_PORT, load, run
from harness.cli.sandbox import sandbox


def said(command: click.Command, *words: str) -> dict[str, Any]:
    return command.make_context("harness", [*words]).params


@pytest.mark.parametrize(
    ("words", "port"),
    [
        (("--debug", "orders"), 0),
        (("orders", "--debug"), 0),
        (("--debug", "--loose", "orders"), 0),
        (("--debug", "5678", "orders"), 5678),
        (("--debug=5678", "orders"), 5678),
        (("orders",), None),
    ],
)
def test_a_service_is_no_port(words: tuple[str, ...], port: int | None) -> None:
    found = said(sandbox, *words)
    assert (found["service"], found["debug"]) == ("orders", port)


@pytest.mark.parametrize(
    ("words", "port"),
    [(("--ui", "shop"), UI_PORT), (("--ui", "0", "shop"), 0), (("shop", "--ui"), UI_PORT), (("shop",), None)],
)
def test_a_system_is_no_port(words: tuple[str, ...], port: int | None) -> None:
    found = said(run, *words)
    assert (str(found["system"]), found["ui"]) == ("shop", port)


@pytest.mark.parametrize(
    ("command", "words"),
    [(load, ("--ui", "65536")), (load, ("--ui=shop",)), (sandbox, ("--debug", "99999", "orders"))],
)
def test_what_can_be_no_port_is_refused(command: click.Command, words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(command, words)
    assert done.exit_code == 2
    assert f"Invalid value for '{words[0].partition('=')[0]}'" in done.output
