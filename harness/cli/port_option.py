"""`--ui [PORT]`: options whose port may be left out, whatever comes next on the line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

MAX_PORT = 65535


class PortOption(click.Option):
    """With a port, or without one, which means `otherwise`; its command is a `PortCommand`."""

    def __init__(self, declarations: Sequence[str], *, otherwise: int, **further: Any) -> None:
        super().__init__(
            declarations,
            type=click.IntRange(0, MAX_PORT),
            is_flag=False,
            flag_value=otherwise,
            metavar="[PORT]",
            **further,
        )
        self.otherwise = otherwise


class PortCommand(click.Command):
    """One of whose options the port may be left out: click alone would take an argument that comes next for it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As any command, once each port that was left out stands there."""
        ports = {name: each.otherwise for each in self.params if isinstance(each, PortOption) for name in each.opts}
        said = [
            f"{word}={ports[word]}" if word in ports and not following.isdigit() else word
            for word, following in zip(args, [*args[1:], ""], strict=True)
        ]
        return super().parse_args(ctx, said)
