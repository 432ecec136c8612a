"""Histories of stores that keep their word are never refuted; one that drops an acknowledged write is."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from harness.model.guarantee import Guarantee
from harness.model.observation import Operation, Outcome
from harness.model.verdict import Verdict
from tests.checkers.acting import ADDS, ALL, ATOMIC, FOLLOW, READS, WRITES, YOURS, act, verdicts

FIELDS = ("x", "y", "z")
SESSIONS = ("ann", "ben", "cem")
OPERATIONS = 30
AT_REST = 10_000.0
EXAMPLES = 40

chances = st.integers(0, 2**32).map(random.Random)
"""By seed: a history is found again by its number, and there is nothing in it to make smaller."""


@dataclass
class Deed:
    """An operation that is going to be done: at `effect` the store sees it, if ever."""

    session: str
    kind: str
    name: str
    value: int | None
    start: float
    effect: float | None
    end: float | None
    once: str = ""
    saw: dict[str, JsonValue] = field(default_factory=dict)


def deeds(chance: random.Random, sessions: Sequence[str] = SESSIONS) -> list[Deed]:
    """Customers at work: some impatient, some doing two things at once, some asking again by the same key."""
    found: list[Deed] = []
    clocks = dict.fromkeys(sessions, 0.0)
    for number in range(OPERATIONS):
        session = chance.choice(sessions)
        start = clocks[session] + chance.random()
        kind = chance.choice(["read", "read", "write", "write", "update"])
        value = None if chance.random() < 0.2 else chance.randint(1, 4)
        effect = start + chance.random()
        end: float | None = effect + chance.random()
        once = f"k{number}"
        if chance.random() < 0.2:  # the reply is lost
            end = None
            late = chance.choice([None, effect, effect + 5 * chance.random()])
            found.append(Deed(session, kind, chance.choice(FIELDS), value, start, late, None, once))
            if kind == "write" and chance.random() < 0.5:
                first, again = found[-1], start + 1
                happens = first.effect if first.effect is not None and first.effect < again else again
                first.effect = happens
                found.append(replace(first, start=again, effect=None, end=again + 1))
                end = again + 1
        else:
            found.append(Deed(session, kind, chance.choice(FIELDS), value, start, effect, end, once))
        at_once = chance.random() < 0.1
        clocks[session] = start if at_once else (end or start + 1.0)
    return found


def rest(sessions: Sequence[str] = SESSIONS) -> list[Deed]:
    """Everybody looks once more when nothing is under way any longer."""
    return [Deed(each, "read", "x", None, AT_REST, AT_REST + 1, AT_REST + 2) for each in sessions]


def one_copy(work: list[Deed], dropped: Deed | None = None) -> list[Operation]:
    """What customers see of a store that is one copy; `dropped` is acknowledged, and never takes effect."""
    state: dict[str, JsonValue] = {}
    for deed in sorted((each for each in work if each.effect is not None), key=lambda each: each.effect or 0.0):
        deed.saw = dict(state)
        if deed.kind != "read" and deed is not dropped:
            state[deed.name] = deed.value
        state = {name: value for name, value in state.items() if value is not None}
    return recorded(work)


def recorded(work: list[Deed]) -> list[Operation]:
    return [
        act(
            deed.session,
            deed.start,
            deed.end,
            writes={} if deed.kind == "read" else {deed.name: deed.value},
            saw=None if deed.kind == "write" or deed.end is None else deed.saw,
            outcome=Outcome.UNKNOWN if deed.end is None else Outcome.OK,
            once=deed.once,
        )
        for deed in work
    ]


def replicas(chance: random.Random, work: list[Deed]) -> list[Operation]:
    """What customers see when each has a replica that lags behind, and never behind what she wrote or saw."""
    log: list[Deed] = []
    at = dict.fromkeys(SESSIONS, 0)
    for deed in sorted((each for each in work if each.effect is not None), key=lambda each: each.effect or 0.0):
        own = max((place + 1 for place, each in enumerate(log) if each.session == deed.session), default=0)
        at[deed.session] = chance.randint(max(at[deed.session], own), len(log))
        state: dict[str, JsonValue] = {}
        for each in log[: at[deed.session]]:
            state[each.name] = each.value
        deed.saw = {name: value for name, value in state.items() if value is not None}
        if deed.kind != "read":
            log.append(deed)
    return recorded(work)


def refuting(operations: list[Operation], guarantees: Sequence[Guarantee] = ALL) -> list[str]:
    return [kind for kind, verdict in verdicts(operations, guarantees).items() if verdict is Verdict.FAIL]


@settings(max_examples=EXAMPLES)
@given(chances)
def test_one_copy_is_never_refuted(chance: random.Random) -> None:
    assert refuting(one_copy(deeds(chance) + rest())) == []


@settings(max_examples=EXAMPLES)
@given(chances)
def test_one_copy_is_never_refuted_although_nobody_knows_what_was_there_at_first(chance: random.Random) -> None:
    lenient = [each.model_copy(update={"begins": "unknown"}) for each in ALL]
    assert refuting(one_copy(deeds(chance) + rest()), lenient) == []


@settings(max_examples=EXAMPLES)
@given(chances)
def test_replicas_that_lag_behind_in_order_break_no_session_guarantee(chance: random.Random) -> None:
    work = [replace(each, kind="write" if each.kind == "update" else each.kind) for each in deeds(chance)]
    assert refuting(replicas(chance, work), [YOURS, READS, WRITES, FOLLOW]) == []


@settings(max_examples=EXAMPLES)
@given(chances)
def test_an_acknowledged_write_that_is_dropped_is_refuted(chance: random.Random) -> None:
    """One field is written by one customer; her last acknowledged write of it never takes effect."""
    work = deeds(chance)
    for deed in work:
        deed.name = chance.choice(FIELDS[1:])
    clean = [Deed("ann", "write", "x", 1, 900, 901, 902), Deed("ann", "write", "x", None, 903, 904, 905)]
    dropped = Deed("ann", "write", "x", 77, 906, 907, 908)
    work += [*clean[: chance.randint(0, 2)], dropped, *rest()]
    assert refuting(one_copy(work)) == []
    found = refuting(one_copy(work, dropped))
    assert {YOURS.kind, ATOMIC.kind} <= set(found)
    assert (ADDS.kind in found) is (clean[0] not in work or clean[1] in work)


@settings(max_examples=EXAMPLES)
@given(chances)
def test_a_read_that_goes_back_in_time_is_refuted(chance: random.Random) -> None:
    """One customer alone sees each of her writes, until a replica that has missed the last one answers."""
    fields = {name: chance.randint(1, 4) for name in FIELDS}
    history = [act("ann", t, t + 0.5, writes={name: value}) for t, (name, value) in enumerate(fields.items())]
    seen: dict[str, JsonValue] = dict(fields)
    old = {name: value for name, value in seen.items() if name != FIELDS[-1]}
    history += [act("ben", 10, 11, saw=seen), act("ben", 12, 13, saw=old), act("ann", 12, 13, saw=old)]
    assert set(refuting(history)) == {YOURS.kind, READS.kind, ADDS.kind, ATOMIC.kind}
