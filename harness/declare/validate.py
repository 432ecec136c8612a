"""From YAML to a declared model, with every problem at its place."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from typing import TypeVar

from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from harness.declare.yaml import Document, Path_
from harness.errors import DeclarationError, Problem

Model = TypeVar("Model", bound=BaseModel)

EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dataclass_type": "a mapping",
}


def validated(document: Document, model: type[Model], *, at: Path_ = (), part: JsonValue = None) -> Model:
    """The document, or the `part` of it that stands at a path, as that model.

    Raises:
        DeclarationError: with one problem for each thing that is wrong.
    """
    try:
        return TypeAdapter(model).validate_json(json.dumps(document.content if part is None else part))
    except ValidationError as error:
        raise DeclarationError([_problem(document, model, at, each) for each in _causes(error.errors())]) from error


def _causes(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """Those that are wrong by themselves: a list is called too short also when what is in it is wrong."""
    places = [each["loc"] for each in details]
    return [
        each
        for each in details
        if each["type"] != "too_short"
        or not any(place != each["loc"] and place[: len(each["loc"])] == each["loc"] for place in places)
    ]


def nearest(name: str, known: Iterable[str]) -> str:
    """What to do about an unknown name: the nearest known one, else all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"known are {', '.join(names)}" if names else "none are declared"


def _problem(document: Document, model: type[BaseModel], at: Path_, detail: ErrorDetails) -> Problem:
    path = _path(document, at, detail["loc"])
    name = str(path[-1]) if path else ""
    match detail["type"]:
        case "extra_forbidden":
            remedy = nearest(name, _keys_at(model, detail["loc"][:-1]))
            return document.problem(path, f"unknown key '{name}'", remedy, key=True)
        case "missing":
            return document.problem(path[:-1], f"'{name}' is missing", "add it")
        case "string_pattern_mismatch" if "[key]" in detail["loc"]:
            return document.problem(path, f"'{name}' is not a name", "use lower-case words joined by hyphens", key=True)
        case "string_pattern_mismatch":
            pattern = detail.get("ctx", {}).get("pattern", "")
            return document.problem(path, f"'{name}' has a wrong form: {detail['input']!r}", f"it must match {pattern}")
        case kind if kind in EXPECTED:
            found = json.dumps(detail["input"], default=str)
            return document.problem(path, f"'{name}' is of the wrong type: expected {EXPECTED[kind]}, found {found}")
        case _:
            message = detail["msg"].removeprefix("Value error, ")
            return document.problem(path, message if not path or isinstance(path[-1], int) else f"'{name}': {message}")


def _path(document: Document, at: Path_, loc: tuple[str | int, ...]) -> Path_:
    """Pydantic's location without what isn't in the file: the tags of unions, and the mark of keys."""
    path = at
    steps = [step for step in loc if step != "[key]"]
    for index, step in enumerate(steps):
        if (*path, step) in document.values or index == len(steps) - 1:
            path = (*path, step)
    return path


def _keys_at(model: type[BaseModel], path: Iterable[str | int]) -> list[str]:
    """The keys that a model knows at a path; none where the path leads through something else."""
    current: object = model
    for step in path:
        current = _inner(current, str(step))
    if not (isinstance(current, type) and issubclass(current, BaseModel)):
        return []
    return [field.alias or name for name, field in current.model_fields.items()]


def _inner(model: object, step: str) -> object:
    if isinstance(model, type) and issubclass(model, BaseModel):
        for name, field in model.model_fields.items():
            if step in {name, field.alias}:
                return field.annotation
        return None
    arguments = getattr(model, "__args__", ())
    models = [argument for argument in arguments if isinstance(argument, type) and issubclass(argument, BaseModel)]
    return models[-1] if models else None
