"""What customers do, wherever that is written: a locustfile, steps, a recording, or examples in an OpenAPI document."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from pydantic import JsonValue

from harness.declare.validate import nearest
from harness.declare.yaml import Document, read_yaml
from harness.errors import DeclarationError, Place, Problem
from harness.model.quantity import Duration
from harness.model.steps import StepJourney, StepJourneys
from harness.model.system import Journey, System
from harness.model.topology import Topology

if TYPE_CHECKING:
    from harness.declare.openapi_examples import Skipped

DEFAULT_DEADLINE = Duration(5)
"""Of a journey that nobody declares."""

DOCUMENT_LIMIT_BYTES = 16 << 20
"""Of an OpenAPI document in a file."""

KINDS = "a locustfile (.py), journeys of steps (.yaml) or a recording (.har)"
_USUAL = ("journeys.yaml", "journeys.yml", "recording.har")
"""Beside the usual locustfile, when that is not there and nothing else is named."""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_NAME_LIMIT = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """What customers do: the steps of each journey, or a locustfile that knows them; neither when nothing says so."""

    file: Path | None = None
    """Where it stands."""
    locustfile: Path | None = None
    steps: StepJourneys = field(default_factory=dict)
    journeys: dict[str, Journey] = field(default_factory=dict)
    """Those of the file, by what it says of them."""
    skipped: tuple[Skipped, ...] = ()
    """Operations of a document that have no example."""


def load_file(topology: Topology) -> Path | None:
    """The file that says what customers do; None when there is none.

    Raises:
        DeclarationError: if one is named that is not there, or of a kind that nobody knows.
    """
    content, root = topology.system.content, Path(topology.root)
    named = (root / content.load).resolve()
    if named.is_file():
        if named.suffix not in {".py", ".yaml", ".yml", ".har"}:
            raise _wrong(str(named), f"expected {KINDS}", "name another in 'content: load'")
        return named
    if "load" in content.model_fields_set:
        message = f"the description names {content.load} as what customers do, and there is no such file"
        raise _wrong(str(named), message, f"write {KINDS}, or remove 'load' from 'content'")
    return next((file for name in _USUAL if (file := named.parent / name).is_file()), None)


def read_conduct(topology: Topology) -> Conduct:
    """What customers do, as far as files say it.

    Raises:
        DeclarationError: with every problem of the file.
    """
    file = load_file(topology)
    if file is None:
        return _documented(topology)
    if file.suffix == ".py":
        return Conduct(file=file, locustfile=file, journeys=_tasks(file))
    if file.suffix == ".har":
        from harness.declare.har import read_recording

        steps = {_recorded_name(topology.system, file): StepJourney(steps=read_recording(file))}
    else:
        from harness.declare.steps import read_steps

        steps, _ = read_steps(file)
    return Conduct(file=file, steps=steps, journeys=journeys_as_declared(steps))


def with_journeys(topology: Topology, description: Document) -> Topology:
    """The topology with the journeys of the file, when the description names none; else both must name the same.

    A file that is missing is no problem yet: not every command needs customers.

    Raises:
        DeclarationError: if the file is wrong, or one of the two lacks a journey of the other.
    """
    declared = topology.system.journeys
    named = (Path(topology.root) / topology.system.content.load).resolve()
    if not named.is_file() and "load" in topology.system.content.model_fields_set:
        return topology
    file = load_file(topology)
    if declared and (file is None or file.suffix == ".py"):
        return topology  # the generator itself sees whether a locustfile has them
    conduct = read_conduct(topology)
    if not declared:
        return adopt(topology, conduct.journeys)
    problems = list(_differences(description, declared, conduct))
    if problems:
        raise DeclarationError(problems)
    return topology


def adopt(topology: Topology, journeys: dict[str, Journey]) -> Topology:
    """The topology with these journeys."""
    return replace(topology, system=topology.system.model_copy(update={"journeys": journeys}))


def journeys_as_declared(steps: StepJourneys) -> dict[str, Journey]:
    """What is held of journeys that only their steps declare."""
    return {
        name: Journey(weight=each.weight, deadline=each.deadline or DEFAULT_DEADLINE) for name, each in steps.items()
    }


def _differences(description: Document, declared: dict[str, Journey], conduct: Conduct) -> Iterator[Problem]:
    file = conduct.file
    for name in declared.keys() - conduct.steps.keys():
        remedy = f"add its steps there, or {nearest(name, conduct.steps)}"
        yield description.problem(("journeys", name), f"the journey '{name}' is not in {file}", remedy, key=True)
    strangers = sorted(conduct.steps.keys() - declared.keys())
    if strangers and file is not None:
        document = read_yaml(file) if file.suffix != ".har" else Document(file=str(file), content=None)
        for name in strangers:
            message = f"the journey '{name}' is not among those of {description.file}"
            remedy = "declare it there too, or leave 'journeys' out of there"
            yield document.problem(("journeys", name), message, remedy, key=True)


def _recorded_name(system: System, file: Path) -> str:
    """The one journey that is declared, else the file's name."""
    if len(system.journeys) == 1:
        return next(iter(system.journeys))
    words = re.sub(r"[^a-z0-9]+", "-", file.stem.lower()).strip("-")[:_NAME_LIMIT].strip("-")
    return words if _NAME.fullmatch(words) else "recording"


def _documented(topology: Topology) -> Conduct:
    """The examples in the OpenAPI document of the entry, if that is a file."""
    where = topology.service(topology.system.entry).openapi
    if where is None or where.startswith("/"):
        return Conduct()
    file = Path(topology.root) / where
    return replace(conduct_of(_openapi(file)), file=file)


def conduct_of(document: JsonValue) -> Conduct:
    """The journeys that the examples of an OpenAPI document make."""
    from harness.declare.openapi_examples import journeys_of

    found = journeys_of(document if isinstance(document, dict) else {})
    journeys = journeys_as_declared(found.journeys)
    return Conduct(steps=found.journeys, journeys=journeys, skipped=found.skipped)


def parse_openapi(text: str) -> JsonValue:
    """An OpenAPI document, which is JSON or YAML; raises ValueError."""
    try:
        parsed: JsonValue = json.loads(text)
    except ValueError:
        try:
            # What JSON has no word for, such as dates, is text.
            parsed = json.loads(json.dumps(yaml.safe_load(text), default=str))
        except (yaml.YAMLError, TypeError, RecursionError) as error:
            message = "is neither JSON nor YAML"
            raise ValueError(message) from error
    return parsed


def _openapi(file: Path) -> JsonValue:
    try:
        if file.stat().st_size > DOCUMENT_LIMIT_BYTES:
            raise _wrong(str(file), f"is larger than {DOCUMENT_LIMIT_BYTES >> 20} MiB", "mend 'openapi:'")
        return parse_openapi(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise _wrong(str(file), f"the OpenAPI document can't be read: {error.strerror}", "mend 'openapi:'") from error
    except (ValueError, RecursionError) as error:
        raise _wrong(str(file), f"the OpenAPI document can't be read: {error}", "mend 'openapi:'") from error


def _tasks(locustfile: Path) -> dict[str, Journey]:
    """The journeys of a locustfile: the tasks of its users, as they stand there; nothing of it is run."""
    try:
        tree = ast.parse(locustfile.read_bytes(), filename=str(locustfile))
    except (OSError, SyntaxError, ValueError):
        return {}  # whoever loads it says what is wrong
    journeys: dict[str, Journey] = {}
    for node in tree.body:
        if not isinstance(node, ast.ClassDef) or any(_word(each).endswith("TaskSet") for each in node.bases):
            continue
        for part in node.body:
            if isinstance(part, ast.FunctionDef) and (weight := _weight(part)):
                journeys[part.name.replace("_", "-")] = Journey(weight=weight, deadline=DEFAULT_DEADLINE)
    return {name: each for name, each in journeys.items() if _NAME.fullmatch(name)}


def _weight(function: ast.FunctionDef) -> int:
    """The weight of a task; 0 of what is none."""
    for decorator in function.decorator_list:
        if _word(decorator) == "task":
            return 1
        if isinstance(decorator, ast.Call) and _word(decorator.func) == "task":
            first = decorator.args[0] if decorator.args else None
            value = first.value if isinstance(first, ast.Constant) else 1
            return max(value, 1) if isinstance(value, int) else 1
    return 0


def _word(node: ast.expr) -> str:
    """The last part of a name: `task` of `locust.task`."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _wrong(file: str, message: str, remedy: str) -> DeclarationError:
    return DeclarationError([Problem(place=Place(file=file), message=message, remedy=remedy)])
