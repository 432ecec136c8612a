"""Experiments in files that are named one by one: YAML, or Python."""

from __future__ import annotations

import runpy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.declare.experiment import load_experiment
from harness.errors import DeclarationError, HarnessError, Place, Problem
from harness.experiments.draft import Draft
from harness.model.experiment import Experiment
from harness.model.fault import FaultSpec
from harness.model.topology import Topology

SUFFIXES = (".yaml", ".yml", ".py")


def is_file(text: str) -> bool:
    """Whether what was named is a file, and not an experiment: by its ending, or by a slash."""
    return text.endswith(SUFFIXES) or "/" in text


def read_files(
    files: Sequence[Path], topology: Topology, *, faults: Mapping[str, type[FaultSpec]]
) -> tuple[Experiment, ...]:
    """The experiments of some files, in their order; raises DeclarationError with every problem of every file."""
    found: list[Experiment] = []
    problems: list[Problem] = []
    for file in files:
        try:
            python = file.suffix == ".py"
            read = _of_python(file, topology) if python else [load_experiment(file, topology, faults=faults)]
            found += [replace(each, file=str(file)) for each in read]
        except DeclarationError as error:
            problems += error.problems
    if problems:
        raise DeclarationError(problems)
    return tuple(found)


def _of_python(file: Path, topology: Topology) -> list[Experiment]:
    """All drafts that the file leaves behind in names of its own, as experiments on the system."""
    try:
        names = runpy.run_path(str(file))
    except HarnessError as error:
        raise DeclarationError([Problem(place=Place(file=str(file)), message=str(error))]) from error
    except Exception as error:
        message = f"can't be run: {type(error).__name__}: {error}"
        raise DeclarationError([Problem(place=Place(file=str(file)), message=message)]) from error
    drafts = {id(value): value for value in names.values() if isinstance(value, Draft)}
    if not drafts:
        message, remedy = "holds no experiment", "name one: it = experiment(…), from harness.experiments"
        raise DeclarationError([Problem(place=Place(file=str(file)), message=message, remedy=remedy)])
    found: list[Experiment] = []
    problems: list[Problem] = []
    for draft in drafts.values():
        try:
            found.append(draft.resolve(topology))
        except DeclarationError as error:
            problems += error.problems
    if problems:
        raise DeclarationError(problems)
    return found
