"""Ids that nobody gave out: formed as the document wants them, and none of those that are known."""

from __future__ import annotations

import itertools
import random
import re
import string
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from harness.contracts.conformance import Conformance, PathParameter
from harness.contracts.hostile.asking import Point, candidates, with_value
from harness.contracts.hostile.operations import Operation
from harness.model.fuzzing import Example
from harness.model.hostile import Honest

IDS_EACH = 3
"""Tried for one parameter: one may happen to be there."""
PARAMETERS_EACH = 3
"""Of one operation."""
FORMS_EACH = 4
"""Known ids that others are made after."""
DRAWS_EACH = 3
CEILINGS = (2**31 - 1, 999_999, 9_999, 99, 9)
"""Below these whole numbers, unknown ones are looked for from above: ids are mostly given out from 1 on."""
BELOW = 90

_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+~-]{0,127}")
"""What an id looks like that was not made up by a fuzzer."""
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_FALLBACKS = ("00000000-0000-4000-8000-000000000000", "1", "unknown")
_HEX = "0123456789abcdef"
_DRAWN = (
    (string.digits,),
    (_HEX,),
    (string.digits, string.ascii_lowercase, string.ascii_uppercase),
)
"""Alphabets from which the characters of an id are drawn anew, the boldest last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """Requests that differ from an honest one in an id: one after the other, until one is not granted."""

    parameter: str
    requests: tuple[Honest, ...]
    """None where the document leaves no room for an id that is not known, or does not tell how one looks."""


def strangers(
    operation: Operation,
    conformance: Conformance,
    *,
    seen: Mapping[str, Sequence[Honest]],
    example: Example | None,
    seed: int,
) -> Iterator[Stranger]:
    """For each parameter in the path of an operation; the same ones by the same seed.

    Raises:
        ContractError: when the document refers to what it doesn't have.
    """
    known = list(candidates(operation, seen, example))
    honest = known[0] if known else Honest(operation=operation.name)
    parameters = conformance.path_parameters(operation.method, operation.template)
    for parameter in parameters[:PARAMETERS_EACH]:
        given = [*parameter.examples, *((example.path.get(parameter.name) or ()) if example else ())]
        given += [each.path[parameter.name] for each in known if parameter.name in each.path]
        chance = random.Random(f"{seed}:{operation.name}:{parameter.name}")  # noqa: S311 -- ids that can be drawn again
        point = Point(part="path", name=parameter.name)
        made = unknown_ids(parameter, [str(each) for each in given], chance)
        yield Stranger(parameter=parameter.name, requests=tuple(with_value(honest, point, each) for each in made))


def unknown_ids(parameter: PathParameter, known: Collection[str], chance: random.Random) -> list[str]:
    """At most `IDS_EACH` values that the document permits and that are not among the known ones."""
    ids = dict.fromkeys(
        str(value)
        for value in _values(parameter, known, chance)
        if str(value) not in known and _permits(parameter, value)
    )
    return [*itertools.islice(ids, IDS_EACH)]


def _permits(parameter: PathParameter, value: JsonValue) -> bool:
    valid: bool = parameter.validator.is_valid(value)
    return valid


def _values(parameter: PathParameter, known: Collection[str], chance: random.Random) -> Iterator[JsonValue]:
    forms = [each for each in known if _FORM.fullmatch(each)][:FORMS_EACH]
    for form in dict.fromkeys((*forms, *_FALLBACKS)):
        if form.isdecimal():
            yield from _numbers(parameter, chance)
        if _UUID.fullmatch(form):
            yield from (_drawn_uuid(form, chance) for _ in range(DRAWS_EACH))
            continue
        yield re.sub(r"\d", "9", form)
        for alphabets in _DRAWN:
            yield from (_drawn(form, alphabets, chance) for _ in range(DRAWS_EACH))


def _numbers(parameter: PathParameter, chance: random.Random) -> Iterator[int]:
    for ceiling in (*(() if parameter.highest is None else (parameter.highest,)), *CEILINGS):
        yield ceiling - chance.randrange(min(BELOW, max(ceiling, 1)))


def _drawn(form: str, alphabets: Sequence[str], chance: random.Random) -> str:
    """The same with each character drawn anew from the alphabet that it is of."""

    def another(char: str) -> str:
        return next((chance.choice(each) for each in alphabets if char in each), char)

    return "".join(map(another, form))


def _drawn_uuid(form: str, chance: random.Random) -> str:
    """Another of the same version and variant."""
    drawn = _drawn(form.lower(), (_HEX,), chance)
    return drawn[:14] + form[14].lower() + drawn[15:19] + form[19].lower() + drawn[20:]
