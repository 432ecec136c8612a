"""A cart as a set of intents, which merges with any other copy of itself: nothing depends on the order of arrival."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Self

from kit.words import Sku, Strict
from pydantic import Field

MOST_REMOVED = 100
"""How many removed products a cart remembers, so that an older copy doesn't bring them back; the oldest go first."""
NUMBERS = 1000
"""A version is the millisecond of an event times this, plus the number of whoever it is by."""
MAJORITY = "majority"
"""By whom a change is that a majority of the store took, whichever instance asked for it.

Only what is kept without a majority is by an instance. The two are sequences of their own: an instance that got no
answer can't know whether its change was stored, and what it keeps next may lack what that one was made of.
"""


class When(Strict):
    """A moment that orders all changes: later than anything that was known of the cart then; the name breaks ties."""

    at_ms: Annotated[int, Field(ge=0)] = 0
    by: str = ""

    def __lt__(self, other: Self) -> bool:
        return (self.at_ms, self.by) < (other.at_ms, other.by)


NEVER = When()


class Intent(Strict):
    """How many of a product the customer wants, since when; none means that it was removed."""

    quantity: Annotated[int, Field(ge=0)]
    when: When


class _Stored(Strict):
    """A cart as it is stored."""

    intents: dict[Sku, Intent]
    cleared: When
    known: dict[str, Annotated[int, Field(ge=0)]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cart:
    """One copy of a customer's cart."""

    intents: Mapping[str, Intent] = field(default_factory=dict)
    cleared: When = NEVER
    """Intents up to here are void."""
    known: Mapping[str, int] = field(default_factory=dict)
    """The latest event of each sequence that this copy has merged, and with it all before: by whom → at_ms."""

    @property
    def version(self) -> int:
        """Names the latest event; grows with every change."""
        return max((at_ms * NUMBERS + _number(by) for by, at_ms in self.known.items()), default=0)

    def includes(self, version: int) -> bool:
        """Whether this copy has merged that event: a copy with a higher version may lack it, if they were apart."""
        at_ms, number = divmod(version, NUMBERS)
        return not version or any(number == _number(by) and at_ms <= known for by, known in self.known.items())

    @property
    def items(self) -> dict[str, int]:
        """What is in it, by sku."""
        return {sku: intent.quantity for sku, intent in sorted(self.intents.items()) if intent.quantity}

    def next(self, now_ms: int, by: str) -> When:
        """The moment of a change that is made now, with this copy at hand."""
        return When(at_ms=max(now_ms, max(self.known.values(), default=0) + 1), by=by)

    def put(self, sku: str, quantity: int, when: When) -> Cart:
        """So many of a product, none to remove it."""
        return merge(self, Cart(intents={sku: Intent(quantity=quantity, when=when)}, known={when.by: when.at_ms}))

    def clear(self, when: When) -> Cart:
        """Nothing, whatever was in it by now."""
        return merge(self, Cart(cleared=when, known={when.by: when.at_ms}))

    def touched(self, when: When) -> Cart:
        """The same, with an event of its own: two copies that were merged are not what either of them was."""
        return merge(self, Cart(known={when.by: when.at_ms}))

    def dump(self) -> bytes:
        """As it is stored; equal carts are equal bytes."""
        known = dict(sorted(self.known.items()))
        stored = _Stored(intents=dict(sorted(self.intents.items())), cleared=self.cleared, known=known)
        return stored.model_dump_json().encode()

    @classmethod
    def load(cls, value: bytes | None) -> Cart:
        """The cart that is stored, empty when there is none; ValueError when it can't be read."""
        if value is None:
            return cls()
        stored = _Stored.model_validate_json(value)
        return cls(intents=stored.intents, cleared=stored.cleared, known=stored.known)


def merge(one: Cart, other: Cart) -> Cart:
    """The products of both; for the same product the later intent counts, and a clearing voids what was before it."""
    cleared = max(one.cleared, other.cleared)
    intents = dict(one.intents)
    for sku, intent in other.intents.items():
        if sku not in intents or intents[sku].when < intent.when:
            intents[sku] = intent
    known = {by: max(one.known.get(by, 0), other.known.get(by, 0)) for by in one.known.keys() | other.known.keys()}
    intents = {sku: each for sku, each in intents.items() if cleared < each.when}
    return Cart(intents=_bounded(intents), cleared=cleared, known=known)


def _number(by: str) -> int:
    """The number at the end of an instance's name, from 1 to 999; 0 is the majority's alone."""
    digits = by[len(by.rstrip("0123456789")) :]
    return 0 if by == MAJORITY else (int(digits or "0") - 1) % (NUMBERS - 1) + 1


def _bounded(intents: dict[str, Intent]) -> dict[str, Intent]:
    removed = sorted((sku for sku in intents if not intents[sku].quantity), key=lambda sku: intents[sku].when)
    for sku in removed[:-MOST_REMOVED]:
        del intents[sku]
    return intents
