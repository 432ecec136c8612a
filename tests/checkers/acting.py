"""Histories of reads and writes in a line each: `wrote("ann", 1, 2, x=1)`, `saw("ben", 3, 4, x=1)`."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from pydantic import JsonValue

from harness.checkers.histories import Book, Proof, proved
from harness.model.guarantee import (
    AddsKept,
    Guarantee,
    Linearizable,
    MonotonicReads,
    MonotonicWrites,
    NoLostUpdates,
    ReadYourWrites,
    WritesFollowReads,
)
from harness.model.observation import Operation, Outcome
from harness.model.verdict import Verdict

CART = "cart/7"
_numbers = itertools.count(1)

YOURS = ReadYourWrites(kind="read-your-writes", name="she reads her own", thing="cart", service="orders")
READS = MonotonicReads(kind="monotonic-reads", name="reads go on", thing="cart", service="orders")
WRITES = MonotonicWrites(kind="monotonic-writes", name="writes in order", thing="cart", service="orders")
FOLLOW = WritesFollowReads(kind="writes-follow-reads", name="no answer before", thing="cart", service="orders")
UPDATES = NoLostUpdates(kind="no-lost-updates", name="no update is lost", thing="cart", service="orders")
ADDS = AddsKept(kind="adds-kept", name="what was added stays", thing="cart", service="orders")
ATOMIC = Linearizable(kind="linearizable", name="as one copy", thing="cart", service="orders")
ALL: tuple[Guarantee, ...] = (YOURS, READS, WRITES, FOLLOW, UPDATES, ADDS, ATOMIC)


def act(  # noqa: PLR0913 -- what an operation is made of
    session: str,
    start: float,
    end: float | None,
    *,
    writes: dict[str, JsonValue] | None = None,
    saw: dict[str, JsonValue] | None = None,
    outcome: Outcome | None = None,
    whole: bool = True,
    thing: str = CART,
    once: str = "",
    value: dict[str, JsonValue] | None = None,
) -> Operation:
    """One operation; without an end nobody heard how it ended."""
    return Operation(
        op=f"op-{next(_numbers)}",
        name="put" if writes else "get",
        key="",
        journey="cart",
        start=start,
        end=end,
        outcome=outcome or (Outcome.UNKNOWN if end is None else Outcome.OK),
        value=value or {},
        session=session,
        thing=thing,
        writes=writes or {},
        saw=saw,
        whole=whole,
        once=once,
    )


def wrote(session: str, start: float, end: float | None, **fields: JsonValue) -> Operation:
    return act(session, start, end, writes=fields)


def saw(session: str, start: float, end: float | None, **fields: JsonValue) -> Operation:
    """She read all of it, and there was nothing else."""
    return act(session, start, end, saw=fields)


def updated(session: str, start: float, end: float | None, **fields: tuple[JsonValue, JsonValue]) -> Operation:
    """A compare-and-set: field=(found, left)."""
    found = {name: pair[0] for name, pair in fields.items()}
    return act(session, start, end, saw=found, writes={name: pair[1] for name, pair in fields.items()})


def refuted(guarantee: Guarantee, *operations: Operation) -> Proof:
    proof = proved(guarantee, Book(operations))
    assert proof.verdict is Verdict.FAIL, proof
    return proof


def held(guarantee: Guarantee, *operations: Operation) -> Proof:
    proof = proved(guarantee, Book(operations))
    assert proof.verdict is Verdict.PASS, proof
    return proof


def unknown(guarantee: Guarantee, *operations: Operation) -> Proof:
    proof = proved(guarantee, Book(operations))
    assert proof.verdict is Verdict.UNKNOWN, proof
    return proof


def verdicts(operations: Sequence[Operation], guarantees: Sequence[Guarantee] = ALL) -> dict[str, Verdict]:
    book = Book(operations)
    return {each.kind: proved(each, book).verdict for each in guarantees}
