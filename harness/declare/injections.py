"""Declared injections as plain ones: sequences, parallels and ramps become offsets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Discriminator, Field, JsonValue, Tag

from harness.declare.targets import AimSpec, aimed
from harness.declare.yaml import Document, Path_
from harness.errors import DeclarationError
from harness.model.declared import Declared
from harness.model.fault import AT_ONCE, FaultSpec, Injection
from harness.model.quantity import Duration, Share
from harness.model.topology import Topology

DEFAULT_STEPS = 4
MOST_STEPS = 20
"""Of a ramp: each is armed, read back and probed."""
MOST_NESTED = 5
"""Sequences in parallels in sequences."""

RAMP_KEYS = {"from", "to", "steps"}

_MILLISECONDS = 1000


class InjectionSpec(AimSpec):
    """An injection as it is written: an aim, from when, and for how long."""

    after: Duration = AT_ONCE
    lasts: Annotated[Duration, Field(alias="for")]


class SequenceSpec(Declared):
    """Injections one after the other; `after` is a pause before them."""

    after: Duration = AT_ONCE
    sequence: Annotated[tuple[Step, ...], Field(min_length=1)]


class ParallelSpec(Declared):
    """Injections side by side; `after` counts for all of them."""

    after: Duration = AT_ONCE
    parallel: Annotated[tuple[Step, ...], Field(min_length=1)]


def _form(value: object) -> str:
    """Which of the forms a step has: told by its key, so that a problem is told of that form only."""
    if isinstance(value, SequenceSpec) or (isinstance(value, dict) and "sequence" in value):
        return "sequence"
    if isinstance(value, ParallelSpec) or (isinstance(value, dict) and "parallel" in value):
        return "parallel"
    return "injection"


Step = Annotated[
    Annotated[InjectionSpec, Tag("injection")]
    | Annotated[SequenceSpec, Tag("sequence")]
    | Annotated[ParallelSpec, Tag("parallel")],
    Discriminator(_form),
]
"""What may stand in `injections`."""

SequenceSpec.model_rebuild()
ParallelSpec.model_rebuild()


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectionReader:
    """Reads the injections of one document."""

    document: Document
    topology: Topology
    faults: Mapping[str, type[FaultSpec]]

    def read(self, steps: tuple[Step, ...]) -> tuple[Injection, ...]:
        """All of them, in the order of the file; each declared one has its number in its id.

        Raises:
            DeclarationError: with every problem found.
        """
        found: list[Injection] = []
        problems = []
        for index, step in enumerate(steps):
            for path, spec, after in self._flat(("injections", index), step, 0.0):
                try:
                    found += self._injections(path, spec, after)
                except DeclarationError as error:
                    problems += error.problems
        if problems:
            raise DeclarationError(problems)
        return tuple(found)

    def _flat(self, at: Path_, step: Step, since: float) -> Iterator[tuple[Path_, InjectionSpec, float]]:
        """Each injection of a step with its place, and with when it begins."""
        begin = since + step.after
        if len(at) > 2 * MOST_NESTED:
            raise DeclarationError([self.document.problem(at, f"nested more than {MOST_NESTED} deep", "flatten it")])
        match step:
            case SequenceSpec(sequence=parts):
                for index, part in enumerate(parts):
                    yield from self._flat((*at, "sequence", index), part, begin)
                    begin += length_s(part)
            case ParallelSpec(parallel=parts):
                for index, part in enumerate(parts):
                    yield from self._flat((*at, "parallel", index), part, begin)
            case _:
                yield at, step, begin

    def _injections(self, at: Path_, spec: InjectionSpec, after: float) -> Iterator[Injection]:
        if spec.lasts <= 0:
            message = "a fault must last longer than 0 s"
            raise DeclarationError([self.document.problem((*at, "for"), message, "give it time")])
        number = "-".join(str(part) for part in at if isinstance(part, int))
        steps = self._ramped(at, spec)
        lasts = Duration(spec.lasts / len(steps))
        for rung, step in enumerate(steps):
            found = aimed(self.document, at, step, self.topology, self.faults)
            name = f"{number}-{found.word}" + (f"-step-{rung + 1}" if len(steps) > 1 else "")
            for count, aim in enumerate(found.aims, start=1):
                yield Injection(
                    id=name if found.single else f"{name}-{count}",
                    fault=aim.fault,
                    target=aim.target,
                    after=Duration(after + rung * lasts),
                    lasts=lasts,
                )

    def _ramped(self, at: Path_, spec: InjectionSpec) -> list[InjectionSpec]:
        """The steps of an injection one of whose attributes rises; itself when none does."""
        extra = dict(spec.model_extra or {})
        rising = [name for name, value in extra.items() if _is_ramp(value)]
        if not rising:
            return [spec]
        rungs = {name: self._rungs((*at, name), extra[name]) for name in rising}
        counts = {len(values) for values in rungs.values()}
        if len(counts) > 1:
            message = f"{' and '.join(rising)} rise in different numbers of steps"
            raise DeclarationError([self.document.problem((*at, rising[-1]), message, "give them the same 'steps'")])
        return [
            spec.model_copy(update={name: values[rung] for name, values in rungs.items()})
            for rung in range(counts.pop())
        ]

    def _rungs(self, at: Path_, value: JsonValue) -> list[JsonValue]:
        assert isinstance(value, dict)  # noqa: S101 -- told to the type checker; `_is_ramp` has looked
        try:
            return rungs_of(value)
        except ValueError as error:
            raise DeclarationError([self.document.problem(at, f"'{at[-1]}': {error}")]) from error


def length_s(step: Step) -> float:
    """How long a step takes, the pause before it included."""
    match step:
        case SequenceSpec(sequence=parts):
            return step.after + sum(length_s(part) for part in parts)
        case ParallelSpec(parallel=parts):
            return step.after + max(length_s(part) for part in parts)
        case _:
            return step.after + step.lasts


def _is_ramp(value: JsonValue) -> bool:
    return isinstance(value, dict) and "from" in value and "to" in value


def rungs_of(ramp: Mapping[str, JsonValue]) -> list[JsonValue]:
    """The values of a ramp `{from: 50ms, to: 800ms, steps: 4}`, both ends among them.

    Raises:
        ValueError: if its ends aren't of one kind, or the number of steps is beyond its limits.
    """
    if unknown := ramp.keys() - RAMP_KEYS:
        message = f"a ramp has from, to and steps, found '{min(unknown)}'"
        raise ValueError(message)
    steps = ramp.get("steps", DEFAULT_STEPS)
    if not isinstance(steps, int) or isinstance(steps, bool) or not 2 <= steps <= MOST_STEPS:  # noqa: PLR2004 -- both ends
        message = f"expected 2 to {MOST_STEPS} steps, found {steps!r}"
        raise ValueError(message)
    first, last = ramp["from"], ramp["to"]
    start, end = _amount(first), _amount(last)
    values = [start + (end - start) * rung / (steps - 1) for rung in range(steps)]
    return [_like(first, last, value) for value in values]


def _amount(value: JsonValue) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        message = f"expected a number, a duration or a share at both ends of a ramp, found {value!r}"
        raise ValueError(message)  # noqa: TRY004 -- pydantic and `_rungs` tell ValueErrors
    return Share.parse(value) if value.rstrip().endswith("%") else Duration.parse(value)


def _like(first: JsonValue, last: JsonValue, value: float) -> JsonValue:
    """A value as its ends are written."""
    ends = (first, last)
    if all(isinstance(end, int) for end in ends):
        return round(value)
    if all(isinstance(end, int | float) for end in ends):
        return float(f"{value:.4g}")
    if all(isinstance(end, str) and end.rstrip().endswith("%") for end in ends):
        return f"{value * 100:.4g}%"
    if all(isinstance(end, str) and re.search(r"[a-z]\s*$", end) for end in ends):
        return f"{value * _MILLISECONDS:.6f}ms"
    message = f"the ends of a ramp are of different kinds: {first!r} and {last!r}"
    raise ValueError(message)
