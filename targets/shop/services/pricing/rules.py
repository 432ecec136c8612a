"""The rules that make a line of a basket cheaper: a table, and how it is applied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kit.flags import Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """So many per cent off, for lines that are as it says."""

    name: str
    percent_off: int
    from_quantity: int = 1
    category: str | None = None
    experiment: bool = False
    """Only for customers to whom the experiment of the product's category gives the new price."""
    since: tuple[int, int] = (1, 0)
    """The first version of pricing that has it."""

    def fits(self, line: PricedLine) -> bool:
        """Whether it applies to a line."""
        return (
            line.quantity >= self.from_quantity
            and (self.category is None or self.category == line.category)
            and (line.in_experiment or not self.experiment)
        )


# In the order in which they apply, each to what the ones before have left. With experiments off, as they are unless a
# flag says otherwise, all versions agree on every price: a customer may be quoted by one and charged by another.
RULES = (
    Rule(name="ten-of-a-kind", from_quantity=10, percent_off=5),
    Rule(name="three-mirrors", category="mirrors", from_quantity=3, percent_off=10),
    Rule(name="experiment", experiment=True, percent_off=3),
    Rule(name="experiment-pair", experiment=True, from_quantity=2, percent_off=2, since=(1, 1)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedLine:
    """A line of a basket with all that the rules look at."""

    unit_cents: int
    quantity: int
    category: str | None
    """None when it is not known: then no rule of a category applies."""
    in_experiment: bool


def rules_of(version: str, rules: Iterable[Rule] = RULES) -> tuple[Rule, ...]:
    """The rules that a version of pricing has, such as `1.1.0`."""
    major, minor, *_ = (*map(int, version.split(".")), 0)
    return tuple(rule for rule in rules if rule.since <= (major, minor))


def apply(rules: Sequence[Rule], line: PricedLine) -> tuple[int, list[str]]:
    """What the line costs, and the names of the rules that made it cheaper; parts of a cent stay with the shop."""
    cents = line.unit_cents * line.quantity
    used = []
    for rule in rules:
        off = cents * rule.percent_off // 100 if rule.fits(line) else 0
        if off:
            cents -= off
            used.append(rule.name)
    return cents, used


def in_experiment(flags: Flags, category: str | None, customer_id: str | None) -> bool:
    """Whether this customer gets the new price of this category."""
    flag = f"pricing-experiment-{category}"
    if category is None or customer_id is None or not flags.on(flag):
        return False
    return flags.variant(flag, customer_id, ("a", "b")) == "b"
