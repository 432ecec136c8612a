"""Journeys of HTTP steps: from `journeys.yaml` to values in which every name that is used is known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import JsonValue

from harness.declare.validate import nearest, validated
from harness.declare.yaml import Document, Path_, read_yaml
from harness.errors import DeclarationError, Problem
from harness.model.pointer import is_pointer
from harness.model.steps import ALWAYS, CUSTOMER, UNIQUE, Step, StepJourney, StepJourneys, StepsFile, Variable
from harness.model.templates import is_name, names_in

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
HEADER = "header "
"""How a capture begins that takes a header of the answer."""

_STATUS_LENGTH = 3


def read_steps(file: Path) -> tuple[StepJourneys, Document]:
    """The journeys of a file, recordings that it names included, and the file with its places.

    Raises:
        DeclarationError: with every problem found.
    """
    document = read_yaml(file)
    spec = validated(document, StepsFile, part=_spelled_out(document.content))
    problems = list(_variables(document, ("variables",), spec.variables))
    journeys: StepJourneys = {}
    for name, journey in spec.journeys.items():
        at: Path_ = ("journeys", name)
        problems += _variables(document, (*at, "variables"), journey.variables)
        variables = {**spec.variables, **journey.variables}
        whole = journey.model_copy(update={"variables": variables})
        if journey.har is not None:
            from harness.declare.har import read_recording

            journeys[name] = whole.model_copy(update={"har": None, "steps": read_recording(file.parent / journey.har)})
            continue
        problems += _steps(document, (*at, "steps") if (*at, "steps") in document.values else at, whole)
        journeys[name] = whole
    if problems:
        raise DeclarationError(problems)
    return journeys, document


def _spelled_out(content: JsonValue) -> JsonValue:
    """The same with the short forms written in full: a step that is its request only, one status, one text."""
    if not isinstance(content, dict):
        return content
    whole = {**content, "variables": _drawn(content.get("variables", {}))}
    if isinstance(journeys := content.get("journeys"), dict):
        whole["journeys"] = {name: _journey(each) for name, each in journeys.items()}
    return whole


def _journey(journey: JsonValue) -> JsonValue:
    if isinstance(journey, list):
        journey = {"steps": journey}
    if not isinstance(journey, dict):
        return journey
    whole = {**journey, "variables": _drawn(journey.get("variables", {}))}
    if isinstance(steps := journey.get("steps"), list):
        whole["steps"] = [_step(each) for each in steps]
    return whole


def _drawn(variables: JsonValue) -> JsonValue:
    if not isinstance(variables, dict):
        return variables
    return {name: each if isinstance(each, dict) else {"value": each} for name, each in variables.items()}


def _step(step: JsonValue) -> JsonValue:
    if isinstance(step, str):
        return {"request": step}
    if not isinstance(step, dict):
        return step
    if isinstance(check := step.get("check"), dict):
        check = {key: [each] if key in {"status", "has", "contains"} else each for key, each in check.items()} | {
            key: each for key, each in check.items() if isinstance(each, list)
        }
        if isinstance(status := check.get("status"), list):
            check["status"] = [str(each).lower() if isinstance(each, int | str) else each for each in status]
        step = {**step, "check": check}
    return step


def _variables(document: Document, at: Path_, variables: dict[str, Variable]) -> Iterator[Problem]:
    for name in variables:
        yield from _name(document, (*at, name), name)


def _name(document: Document, at: Path_, name: str) -> Iterator[Problem]:
    if not is_name(name):
        message = f"'{name}' can't be filled in: expected lower-case letters, digits and underscores"
        yield document.problem(at, message, "rename it", key=True)
    elif name in {UNIQUE, CUSTOMER}:
        yield document.problem(at, f"'{name}' is given by the harness", "rename it", key=True)


def _steps(document: Document, at: Path_, journey: StepJourney) -> Iterator[Problem]:
    known = {UNIQUE, CUSTOMER, *journey.variables}
    sometimes: set[str] = set()
    seen: dict[str, int] = {}
    for index, step in enumerate(journey.steps):
        here: Path_ = (*at, index)
        if step.name is not None and seen.setdefault(step.name, index) != index:
            message = f"the step '{step.name}' stands twice in this journey"
            yield document.problem((*here, "name"), message, "rename one")
        yield from _request(document, here, step)
        yield from _uses(document, here, step, known, sometimes)
        yield from _checks(document, here, step)
        for name, where in step.capture.items():
            yield from _name(document, (*here, "capture", name), name)
            yield from _where(document, (*here, "capture", name), where)
            if name in journey.variables:
                message = f"'{name}' is a variable already"
                yield document.problem((*here, "capture", name), message, "rename one", key=True)
            (known if step.chance == ALWAYS else sometimes).add(name)


def _request(document: Document, at: Path_, step: Step) -> Iterator[Problem]:
    target = step.target
    if step.method not in METHODS or not target.startswith(("/", "{")) or " " in target:
        absolute = urlsplit(target).path if "://" in target else ""
        shorter = f"write '{step.method} {absolute}': journeys begin at the entry"
        remedy = shorter if absolute else f"methods are {', '.join(METHODS)}"
        message = f"expected a method and a path, as in 'GET /products/{{sku}}', found '{step.request}'"
        yield document.problem((*at, "request"), message, remedy)


def _uses(document: Document, at: Path_, step: Step, known: set[str], sometimes: set[str]) -> Iterator[Problem]:
    for part, value in _texts(step):
        for name in names_in(value):
            if name.partition(".")[0] == UNIQUE or name in known:
                continue
            if name in sometimes:
                message = f"'{name}' is captured by a step that only some visits do ('chance')"
                yield document.problem((*at, *part), message, "give this step to none, or that one to all")
            else:
                message = f"'{{{name}}}' is neither a variable nor captured by an earlier step"
                yield document.problem((*at, *part), message, nearest(name, known))


def _texts(step: Step) -> Iterator[tuple[Path_, JsonValue]]:
    yield ("request",), step.request
    yield ("json",), step.json_body
    yield ("body",), step.body
    yield ("key",), step.key
    for name, text in step.headers.items():
        yield ("headers", name), text
    for name, each in step.query.items():
        yield ("query", name), each
    for name, each in step.form.items():
        yield ("form", name), each
    for pointer, each in step.check.equal.items():
        yield ("check", "json", pointer), each
    for index, text in enumerate(step.check.contains):
        yield ("check", "contains", index), text
    if step.touches is not None:
        yield ("touches", "thing"), step.touches.thing
        yield ("touches", "session"), step.touches.session
        for field, each in step.touches.writes.items():
            yield ("touches", "writes", field), [field, each]


def _checks(document: Document, at: Path_, step: Step) -> Iterator[Problem]:
    for index, status in enumerate(step.check.status):
        exact = status.isdecimal() or status[1:] == "xx"
        if len(status) != _STATUS_LENGTH or status[0] not in "12345" or not exact:
            message = f"expected a status such as 200 or 2xx, found '{status}'"
            yield document.problem((*at, "check", "status", index), message)
    for pointer in step.check.equal:
        yield from _pointer(document, (*at, "check", "json", pointer), pointer, key=True)
    for index, pointer in enumerate(step.check.has):
        yield from _pointer(document, (*at, "check", "has", index), pointer)
    if step.touches is not None and (sees := step.touches.sees) is not None:
        if sees.rows is not None:
            yield from _pointer(document, (*at, "touches", "sees", "rows"), sees.rows)
        for field, pointer in sees.fields.items():
            yield from _pointer(document, (*at, "touches", "sees", "fields", field), pointer)


def _where(document: Document, at: Path_, where: str) -> Iterator[Problem]:
    if where.startswith(HEADER) and where.removeprefix(HEADER).strip():
        return
    yield from _pointer(document, at, where)


def _pointer(document: Document, at: Path_, pointer: str, *, key: bool = False) -> Iterator[Problem]:
    if not is_pointer(pointer):
        guess = "/" + pointer.removeprefix("$").strip(".").replace("[", ".").replace("]", "").replace(".", "/")
        message = f"expected a JSON pointer such as /items/0/id, found '{pointer}'"
        yield document.problem(at, message, f"did you mean '{guess}'?", key=key)
