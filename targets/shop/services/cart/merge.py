"""A cart as a set of intents, which merges with any other copy of itself: nothing depends on the order of arrival."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Self

from kit.words import Sku, Strict
from pydantic import Field

MOST_REMOVED = 100
"""How many removed products a cart remembers, so that an older copy doesn't bring them back; the oldest go first."""


class When(Strict):
    """A moment that orders all changes: later than anything its instance had seen of the cart; the name breaks ties."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Cart:
    """One copy of a customer's cart."""

    intents: Mapping[str, Intent] = field(default_factory=dict)
    cleared: When = NEVER
    """Intents up to here are void."""

    @property
    def version(self) -> int:
        """Grows with every change."""
        return max([self.cleared.at_ms, *(intent.when.at_ms for intent in self.intents.values())])

    @property
    def items(self) -> dict[str, int]:
        """What is in it, by sku."""
        return {sku: intent.quantity for sku, intent in sorted(self.intents.items()) if intent.quantity}

    def next(self, now_ms: int, by: str) -> When:
        """The moment of a change that is made now, with this copy at hand."""
        return When(at_ms=max(now_ms, self.version + 1), by=by)

    def put(self, sku: str, quantity: int, when: When) -> Cart:
        """So many of a product, none to remove it."""
        return merge(self, Cart(intents={sku: Intent(quantity=quantity, when=when)}))

    def clear(self, when: When) -> Cart:
        """Nothing, whatever was in it by now."""
        return merge(self, Cart(cleared=when))

    def dump(self) -> bytes:
        """As it is stored; equal carts are equal bytes."""
        stored = _Stored(intents=dict(sorted(self.intents.items())), cleared=self.cleared)
        return stored.model_dump_json().encode()

    @classmethod
    def load(cls, value: bytes | None) -> Cart:
        """The cart that is stored, empty when there is none; ValueError when it can't be read."""
        if value is None:
            return cls()
        stored = _Stored.model_validate_json(value)
        return cls(intents=stored.intents, cleared=stored.cleared)


def merge(one: Cart, other: Cart) -> Cart:
    """The products of both; for the same product the later intent counts, and a clearing voids what was before it."""
    cleared = max(one.cleared, other.cleared)
    intents = dict(one.intents)
    for sku, intent in other.intents.items():
        if sku not in intents or intents[sku].when < intent.when:
            intents[sku] = intent
    return Cart(intents=_bounded({sku: each for sku, each in intents.items() if cleared < each.when}), cleared=cleared)


def _bounded(intents: dict[str, Intent]) -> dict[str, Intent]:
    removed = sorted((sku for sku in intents if not intents[sku].quantity), key=lambda sku: intents[sku].when)
    for sku in removed[:-MOST_REMOVED]:
        del intents[sku]
    return intents
