"""`harness doctor SYSTEM`: what will and won't be possible on it, as a table or as JSON."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import system_path

if TYPE_CHECKING:
    from harness.engine.foresight import Foreseen

WIDTH = 110
_HEADS = ("about", "what", "possible")


def examine_system(system: Path, *, as_json: bool) -> int:
    """Print what is foreseen; gives the exit code. Raises DeclarationError when the description is wrong."""
    from harness.declare import load_system
    from harness.declare.yaml import read_yaml
    from harness.engine.foresight import exit_code, foresee
    from harness.runtime.addresses import check_placeholders

    path = system_path(system)
    topology = load_system(path)
    check_placeholders(topology, place_of=read_yaml(path).place)
    found = foresee(topology)
    if as_json:
        rows = [asdict(each) for each in found]
        told = {"system": topology.name, "runtime": topology.system.runtime, "exit_code": exit_code(found)}
        click.echo(json.dumps({**told, "foreseen": rows}, indent=1, ensure_ascii=False))
    else:
        click.echo(f"{topology.name}, runtime {topology.system.runtime}, environment {topology.system.environment}\n")
        click.echo("\n".join(table(found)))
        click.echo(f"\n{summary(found)}")
    return exit_code(found)


def table(foreseen: Sequence[Foreseen]) -> list[str]:
    """Aligned lines; what is not possible is followed by what would make it so."""
    cells = [_HEADS, *((each.about, each.what, each.outlook.value) for each in foreseen)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(_HEADS))]
    indent = " " * (sum(widths) + 2 * len(widths))
    lines = [_row(_HEADS, widths) + "why"]
    for each, row in zip(foreseen, cells[1:], strict=True):
        whys = textwrap.wrap(each.why, max(40, WIDTH - len(indent)), break_on_hyphens=False) or [""]
        whys += textwrap.wrap(f"mend: {each.mend}", max(40, WIDTH - len(indent))) if each.mend else []
        lines.append((_row(row, widths) + whys[0]).rstrip())
        lines += [indent + why for why in whys[1:]]
    return lines


def summary(foreseen: Sequence[Foreseen]) -> str:
    """The last line."""
    counts = Counter(each.outlook.value for each in foreseen)
    told = ", ".join(f"{counts[word]} {word}" for word in ("yes", "partly", "no", "stops") if counts[word])
    if counts["stops"]:
        return f"{told}: mend what stops before you run it."
    return f"{told}: it can be run."


def _row(row: Sequence[str], widths: Sequence[int]) -> str:
    return "".join(f"{cell:<{width}}  " for cell, width in zip(row, widths, strict=True))
