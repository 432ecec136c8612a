"""Lost updates: of two updates that were made of the same value, only one may be acknowledged.

The anomaly P4 of Berenson et al., "A critique of ANSI SQL isolation levels", SIGMOD 1995: both read, both write, and
one of them is gone. It is told by counting: a value that was written k times can be taken up by k updates at most.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.checkers.histories.acts import ABSENT, Act
from harness.checkers.histories.proof import Proof, Trial, shown, told
from harness.checkers.histories.registers import Thing
from harness.model.guarantee import NoLostUpdates


def lost_updates(guarantee: NoLostUpdates, things: Sequence[Thing]) -> Proof:
    """Whether no value was taken up by more acknowledged updates than there were writes of it."""
    trial = Trial()
    for thing in things:
        for field in thing.registers:
            _judge(trial, thing, field, begins_empty=guarantee.begins == "empty")
    return trial.proof(
        nothing=f"nobody was told that an update of a {guarantee.thing} is done that both saw and wrote",
        held="no two updates were made of the same value",
        broken="updates were made of a value that was gone",
    )


def _judge(trial: Trial, thing: Thing, field: str, *, begins_empty: bool) -> None:
    updates: dict[str, list[Act]] = {}
    for act in thing.acts:
        value = act.seen(field) if field in act.writes and act.acknowledged else None
        if value is not None:
            updates.setdefault(value, []).append(act)
    for value, found in updates.items():
        trial.tested += len(found)
        written = thing.registers[field].values.get(value)
        may_have_been_first = not begins_empty or value == ABSENT
        there = may_have_been_first + (0 if written is None else len(written.acts))
        if len(found) > there:
            _tell(trial, field, value, found, there)


def _tell(trial: Trial, field: str, value: str, found: list[Act], there: int) -> None:
    which = found[: there + 1]
    reason = (
        f"{len(found)} updates found {shown(value)} for {field} of {which[0].thing}, which was there "
        f"{there} times: {' and '.join(told(act) for act in which[-2:])}"
    )
    trial.refute(reason, which, field)
