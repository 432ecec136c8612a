"""Names of others made into names of ours: lower-case words joined by hyphens, each once."""

from __future__ import annotations

import re
from collections.abc import Iterable

from harness.model.system import CUSTOMERS

MOST_LETTERS = 40
"""As `harness.model.system.Name` has it."""
_NO_LETTER = re.compile(r"[^a-z0-9]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def normal(text: str, *, otherwise: str = "service") -> str:
    """`payment_API` becomes `payment-api`; `otherwise` stands for what has no letter at all."""
    name = _NO_LETTER.sub("-", text.lower()).strip("-")
    if not name:
        return otherwise
    if not name[0].isalpha():
        name = f"{otherwise}-{name}"
    return name[:MOST_LETTERS].strip("-")


def words(text: str, *, otherwise: str = "journey") -> str:
    """As `normal`, and `placeOrder` becomes `place-order`."""
    return normal(_CAMEL.sub("-", text), otherwise=otherwise)


def distinct(
    texts: Iterable[str], *, otherwise: str = "service", taken: Iterable[str] = (CUSTOMERS,)
) -> dict[str, str]:
    """A name of ours for each name of theirs; of those that would be the same, the later ones get a number.

    A name that is right already keeps it, whatever comes before.
    """
    given = list(dict.fromkeys(texts))
    used = {*taken}
    names: dict[str, str] = {}
    for text in sorted(given, key=lambda each: normal(each, otherwise=otherwise) != each):
        wanted = normal(text, otherwise=otherwise)
        names[text] = _free(wanted, used)
        used.add(names[text])
    return {text: names[text] for text in given}


def _free(wanted: str, used: set[str]) -> str:
    name, number = wanted, 2
    while name in used:
        name = f"{wanted[: MOST_LETTERS - 4].strip('-')}-{number}"
        number += 1
    return name
