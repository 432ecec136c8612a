"""Linearizable: each field behaves as if there were one copy, and each operation took effect at one moment.

Wing and Gong, "Testing and verifying concurrent objects", JPDC 1993, search for an order of all operations that the
object allows and that agrees with real time; Lowe, "Testing for linearizability", CCPE 2017, gives operations their
place just in time, when one ends, and remembers the configurations seen: the value, and which of the operations under
way have taken effect. Fields are judged each by itself, which loses nothing (Herlihy and Wing, TOPLAS 1990).

A write that nobody heard of stays under way for as long as its value is seen; after that it changes nothing whether it
ever takes effect. The search is given up after so many configurations: that is UNKNOWN, and no proof.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.checkers.histories.acts import ABSENT, Act
from harness.checkers.histories.proof import Proof, Trial, shown, told
from harness.checkers.histories.registers import Thing
from harness.model.guarantee import Linearizable
from harness.model.verdict import Verdict

_INVOKED, _ENDED, _FORGOTTEN = 0, 1, 2


def linearizable(guarantee: Linearizable, things: Sequence[Thing]) -> Proof:
    """Whether every field is linearizable; UNKNOWN when one could not be decided, and none is refuted."""
    trial, undecided = Trial(), list[str]()
    left = guarantee.configurations
    fields = [(thing, name, _calls(thing, name)) for thing in things for name in thing.registers]
    for thing, name, calls in sorted(fields, key=lambda each: len(each[2])):  # a crowded one starves none but itself
        trial.tested += len(calls)
        search = Search(left=left, values={None if guarantee.begins == "unknown" else ABSENT})
        refuted = search.run(calls)
        left = search.left
        if left <= 0:
            undecided.append(f"{name} of {thing.name}")
        elif refuted is not None:
            _tell(trial, thing, name, refuted, search)
    if undecided and not trial.broken:
        limit = f"{guarantee.configurations} configurations"
        reason = f"not decided within {limit}: {undecided[0]}, and {len(undecided) - 1} more"
        return Proof(verdict=Verdict.UNKNOWN, reason=reason)
    return trial.proof(
        nothing=f"no {guarantee.thing} was written and read",
        held="each field is as if there were one copy of it",
        broken="operations have no place in any order",
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Call:
    """One operation on one field: what it must find there, and what it leaves; None: anything, and what it found."""

    act: Act
    finds: str | None
    leaves: str | None
    until: float
    """When it must have taken effect; of a write that nobody heard of: when its value was seen last."""


def _calls(thing: Thing, name: str) -> list[Call]:
    """The operations on a field, without the writes that nobody heard of and whose value nobody saw after."""
    found = [(act, act.seen(name), act.writes.get(name)) for act in thing.acts]
    last_seen: dict[str, float] = {}
    for act, finds, _ in found:
        if finds is not None:
            last_seen[finds] = max(last_seen.get(finds, 0.0), act.end)
    return [
        Call(act=act, finds=finds, leaves=leaves, until=until)
        for act, finds, leaves in found
        if (finds is not None or leaves is not None)
        and (until := act.end if act.acknowledged else last_seen.get(leaves or "", -1.0)) >= act.start
    ]


class _Configuration(NamedTuple):
    value: str | None
    """None before anything is known of it."""
    done: int
    """Of the operations under way, a bit for each that has taken effect."""


@dataclass(slots=True)
class Search:
    """The configurations that are possible at a moment of a history."""

    left: int
    """How many configurations may still be looked at; none left: nothing is decided."""
    values: set[str | None]
    """What may be there: at first, and then when the search ended."""
    _under_way: dict[int, Call] = field(default_factory=dict)
    _free: list[int] = field(default_factory=list)
    _slots: int = 0

    def run(self, calls: Sequence[Call]) -> Call | None:
        """The first operation that has no place in any order; None when all have one, or the search is given up."""
        configurations = {_Configuration(value, 0) for value in self.values}
        bits: dict[Call, int] = {}
        for what, call in _events(calls):
            if what == _INVOKED:
                bits[call] = self._take(call)
                continue
            bit = bits.pop(call)
            if what == _ENDED:
                before, configurations = configurations, self._with(configurations, bit)
            else:
                configurations = {_Configuration(value, done & ~bit) for value, done in configurations}
            del self._under_way[bit]
            self._free.append(bit)
            if self.left <= 0:
                return None
            if not configurations:
                self.values = {each.value for each in before}
                return call
        return None

    def _take(self, call: Call) -> int:
        bit = self._free.pop() if self._free else 1 << self._slots
        if bit == 1 << self._slots:
            self._slots += 1
        self._under_way[bit] = call
        return bit

    def _with(self, configurations: set[_Configuration], bit: int) -> set[_Configuration]:
        """Those in which the operation has taken effect, each with as few of the others before it as it takes."""
        seen, waiting = set(configurations), list(configurations)
        found: set[_Configuration] = set()
        while waiting and self.left > 0:
            configuration = waiting.pop()
            if configuration.done & bit:
                found.add(_Configuration(configuration.value, configuration.done & ~bit))
                continue
            for following in self._following(configuration):
                if following not in seen:
                    self.left -= 1
                    seen.add(following)
                    waiting.append(following)
        return found

    def _following(self, configuration: _Configuration) -> Iterator[_Configuration]:
        """One more operation takes effect; those that only read do so wherever they can, which costs nothing."""
        value, done = configuration
        for bit, call in self._under_way.items():
            if done & bit or (call.finds is not None and value is not None and call.finds != value):
                continue
            left = call.leaves if call.leaves is not None else call.finds
            yield _Configuration(left, done | bit | self._reads_of(left))

    def _reads_of(self, value: str | None) -> int:
        bits = 0
        for bit, call in self._under_way.items():
            if call.leaves is None and call.finds == value:
                bits |= bit
        return bits


def _events(calls: Sequence[Call]) -> Iterator[tuple[int, Call]]:
    """Invocations and ends by time; at one moment invocations first, since such operations overlap."""
    events = [(call.act.start, _INVOKED, number) for number, call in enumerate(calls)]
    events += [
        (call.until, _ENDED if call.act.acknowledged else _FORGOTTEN, number) for number, call in enumerate(calls)
    ]
    return ((what, calls[number]) for _, what, number in sorted(events))


def _tell(trial: Trial, thing: Thing, name: str, refuted: Call, search: Search) -> None:
    act = refuted.act
    possible = " or ".join(sorted(shown(value or "?") for value in search.values))
    found = shown(refuted.finds or "?")
    reason = f"{told(act)}, found {found} for {name} of {thing.name}, where by then only {possible} could be"
    writes = [each for each in thing.acts if name in each.writes and each.start < act.end and each is not act]
    trial.refute(reason, (*writes[-3:], act), name)
