"""Operations as reads and writes of things: retries joined, what certainly did not happen left out."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from harness.model.figures import GOOD
from harness.model.guarantee import OfThings
from harness.model.observation import Operation, Outcome

ABSENT = "null"
"""What is seen of a field that is not there, and what is written to remove one."""

NEVER_KNOWN = math.inf


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Act:
    """One read, one write, or both: then it saw before it wrote. Values are texts, alike for equal JSON values."""

    name: str
    session: str
    thing: str
    writes: Mapping[str, str]
    saw: Mapping[str, str] | None
    """None when it read nothing, or nobody heard what."""
    whole: bool
    start: float
    end: float
    """When it was acknowledged; infinite when it never was: then it takes effect at any later time, or never."""
    outcome: Outcome
    version: Mapping[str, float]
    """The numbers among what the client learned."""

    @property
    def acknowledged(self) -> bool:
        """Whether its customer was told that it is done."""
        return self.end < NEVER_KNOWN

    def seen(self, field: str) -> str | None:
        """What it saw there; None when it did not look."""
        if self.saw is None:
            return None
        return self.saw.get(field, ABSENT if self.whole else None)


def acts_of(guarantee: OfThings, operations: Iterable[Operation]) -> list[Act]:
    """The reads and writes of things of that kind, by their start."""
    prefix = f"{guarantee.thing}/"
    judges_degraded = guarantee.degraded == "judged"
    tries: dict[tuple[str, str], list[Operation]] = {}
    for operation in operations:
        if operation.thing.startswith(prefix):
            known_by = f"once {operation.once}" if operation.once else f"op {operation.op}"
            tries.setdefault((operation.thing, known_by), []).append(operation)
    acts = (_act(each, judges_degraded=judges_degraded) for each in tries.values())
    return sorted((act for act in acts if act is not None), key=lambda act: act.start)


def _act(tries: list[Operation], *, judges_degraded: bool) -> Act | None:
    """One operation with its retries; None when it certainly never happened, or nothing is known of it."""
    first = min(tries, key=lambda each: each.start)
    heard = [each for each in tries if _is_heard(each, judges_degraded=judges_degraded)]
    told = min(heard, key=lambda each: each.end or 0.0) if heard else None
    if told is None and all(each.outcome is Outcome.FAILED for each in tries):
        return None
    saw = None if told is None else told.saw
    if saw is None and not first.writes:
        return None
    ended = NEVER_KNOWN if told is None or told.end is None else told.end
    known = {} if told is None else told.value
    return Act(
        name=first.name,
        session=first.session or f"nobody's {first.op}",
        thing=first.thing,
        writes={field: as_text(value) for field, value in first.writes.items()},
        saw=None if saw is None else {field: as_text(value) for field, value in saw.items()},
        whole=told is not None and told.whole,
        start=first.start,
        end=ended,
        outcome=Outcome.UNKNOWN if told is None else told.outcome,
        version={name: value for name, value in known.items() if _is_number(value)},  # type: ignore[misc]  # looked at
    )


def _is_heard(operation: Operation, *, judges_degraded: bool) -> bool:
    good = operation.outcome in GOOD and operation.end is not None
    return good and (judges_degraded or operation.outcome is not Outcome.DEGRADED)


def _is_number(value: JsonValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_text(value: JsonValue) -> str:
    """The same text for equal values: 1 and 1.0 are equal, 1 and true are not."""
    if type(value) is int:
        return str(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
