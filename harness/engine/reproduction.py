"""A pytest that shows the smallest fault that breaks a cell: red until it is mended."""

from __future__ import annotations

import json
import re
from pathlib import Path

from harness.engine.milder import Milder
from harness.errors import HarnessError
from harness.model.fault import FaultSpec
from harness.model.quantity import Duration
from harness.model.shrunk import Shrunk

FOLDER = "repro"
MOST_LETTERS = 120
"""Of a file's name; some file systems end at 255."""
_NOT_A_WORD = re.compile(r"[^a-z0-9]+")

_TEST = '''"""{sentence}.

Found by the run {run}. Red until that is mended:

    pytest {file} --harness-system {system}

The whole cell again: {replay}
"""

from harness.testing import {imports}


def {name}(system: SystemUnderTest) -> None:
    edge = system.edge({consumer}, {provider}){only}
    held = edge.visit({journey}, under={fault}{lasts})
    assert held, held
'''


def name_of(shrunk: Shrunk) -> str:
    """`test_home_web_to_prices_latency`, the name of the file and of the test."""
    words = f"{shrunk.cell.journey} {shrunk.cell.edge.replace('->', ' to ')} {shrunk.cell.kind}".lower()
    return f"test_{_NOT_A_WORD.sub('_', words).strip('_')}"[:MOST_LETTERS]


def reproduction(shrunk: Shrunk, milder: Milder, *, run: str, system: Path, file: Path) -> str:
    """The test's text."""
    fault, maker = expression(milder.fault)
    imports = ["SystemUnderTest", maker] + (["ExchangeMatch"] if "ExchangeMatch(" in fault else [])
    return _TEST.format(
        sentence=_plain(shrunk.sentence.partition(";")[0]),
        run=run,
        file=file,
        system=system,
        replay=_plain(shrunk.replay),
        imports=", ".join(sorted(imports)),
        name=name_of(shrunk),
        consumer=_literal(shrunk.cell.consumer),
        provider=_literal(shrunk.cell.provider),
        only=f".only(provider={milder.provider_index})" if milder.provider_index is not None else "",
        journey=_literal(shrunk.cell.journey),
        fault=fault,
        lasts=f", lasts={_literal(Duration(milder.lasts_s))}" if milder.lasts_s is not None else "",
    )


def write(shrunk: Shrunk, milder: Milder, directory: Path, *, run: str, system: Path) -> str:
    """Write the test into a run's directory; gives its path there, and nothing of a cell under a first fault.

    Raises:
        HarnessError: when it can't be written.
    """
    if shrunk.cell.first is not None:
        return ""  # two faults at a time: the replay command conducts the first one's cell before
    name = f"{FOLDER}/{name_of(shrunk)}.py"
    file = directory / name
    try:
        file.parent.mkdir(exist_ok=True)
        file.write_text(reproduction(shrunk, milder, run=run, system=system, file=file), encoding="utf-8")
    except OSError as error:
        raise HarnessError(f"{file} can't be written: {error.strerror}") from error
    return name


def expression(fault: FaultSpec) -> tuple[str, str]:
    """What makes the fault in Python, as `latency(delay='410 ms')`, and the name of the maker."""
    maker = fault.kind.replace("-", "_")
    named = {"code": "status"} if fault.kind == "status" else {}
    given = {name: value for name, value in fault if value != _default(fault, name)}
    words = {field: word for word, field in named.items()}
    parts = [
        f"{words.get(name, name)}={_literal(value)}"
        for name, value in sorted(given.items(), key=lambda each: each[0] == "match")
    ]
    return f"{maker}({', '.join(parts)})", maker


def _default(fault: FaultSpec, name: str) -> object:
    found: object = type(fault).model_fields[name].get_default(call_default_factory=True)
    return found


def _literal(value: object) -> str:
    if isinstance(value, Duration | str):
        return json.dumps(str(value))
    if hasattr(value, "model_dump"):
        kept = value.model_dump(exclude_defaults=True)
        return f"{type(value).__name__}({', '.join(f'{name}={_literal(each)}' for name, each in kept.items())})"
    return repr(value)


def _plain(text: str) -> str:
    r"""Text that can stand in a docstring: no `\`, no quotes that end it."""
    return text.replace("\\", "/").replace('"', "'").removesuffix(".")
