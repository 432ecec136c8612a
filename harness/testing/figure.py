"""Figures of a measurement, compared with what people write: `errors < "1%"`, `p99 < "800ms"`."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from harness.errors import Inconclusive
from harness.model.quantity import Duration, Share

FEWEST_SAMPLES = 30
"""With fewer, a figure says neither yes nor no."""

Quantity = type[Duration] | type[Share]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Figure:
    """A share or a duration, of `n` samples.

    It compares with text, with a `Share` or `Duration`, and with another figure of its kind;
    any comparison raises Inconclusive when there are too few samples, or when they are doubtful.
    """

    value: float | None
    """None when there was nothing to take it from."""
    quantity: Quantity
    n: int
    circumstances: str
    """When it was taken: `during, gateway → recommendations under latency 1 s`."""
    doubt: str = ""
    """Why the samples can't be trusted, however many there are."""

    @property
    def shown(self) -> str:
        """The bare figure: `18.7%`, `312 ms`."""
        return "nothing" if self.value is None else str(_rounded(self.value, self.quantity))

    @property
    def context(self) -> str:
        """What it was taken from."""
        return f"({self.circumstances}, n = {self.n})"

    def __repr__(self) -> str:
        """`18.7% (during, gateway → recommendations under latency 1 s, n = 212)`."""
        return f"{self.shown} {self.context}"

    __str__ = __repr__

    def __bool__(self) -> bool:
        """Refused: `assert not during.errors` would leave open how many are too many."""
        message = f"a figure is neither true nor false; compare it, as in: figure < {self._example!r}"
        raise TypeError(message)

    def __lt__(self, other: object) -> bool:
        """As of numbers."""
        __tracebackhide__ = True
        return self._holds(operator.lt, other)

    def __le__(self, other: object) -> bool:
        """As of numbers."""
        __tracebackhide__ = True
        return self._holds(operator.le, other)

    def __gt__(self, other: object) -> bool:
        """As of numbers."""
        __tracebackhide__ = True
        return self._holds(operator.gt, other)

    def __ge__(self, other: object) -> bool:
        """As of numbers."""
        __tracebackhide__ = True
        return self._holds(operator.ge, other)

    def __eq__(self, other: object) -> bool:
        """As of numbers, after rounding to what is shown."""
        __tracebackhide__ = True
        return self._holds(_shown_alike, other)

    def __ne__(self, other: object) -> bool:
        """The opposite of `==`."""
        return not self == other

    __hash__ = None  # type: ignore[assignment]  # a figure that equals texts can't be a key

    def explained(self, sign: str, other: object, *, other_first: bool = False) -> str:
        """A comparison in words: `18.7% < 1% (during, …, n = 212)`."""
        theirs = other.shown if isinstance(other, Figure) else str(other)
        left, right = (theirs, self.shown) if other_first else (self.shown, theirs)
        against = f" against {other.context}" if isinstance(other, Figure) else ""
        return f"{left} {sign} {right} {self.context}{against}"

    @property
    def _example(self) -> str:
        return "1%" if self.quantity is Share else "800ms"

    def _holds(self, compare: Callable[[float, float], bool], other: object) -> bool:
        __tracebackhide__ = True
        theirs = other._proved() if isinstance(other, Figure) else self._parsed(other)  # noqa: SLF001 -- its own class
        if isinstance(other, Figure) and other.quantity is not self.quantity:
            self._refuse(other)
        return compare(self._proved(), theirs)

    def _parsed(self, other: object) -> float:
        __tracebackhide__ = True
        if isinstance(other, Share | Duration) and not isinstance(other, self.quantity):
            self._refuse(other)
        if not isinstance(other, str | self.quantity):
            self._refuse(other)
        return self.quantity.parse(other)

    def _refuse(self, other: object) -> NoReturn:
        __tracebackhide__ = True
        message = f"expected something like {self._example!r} to compare {self!r} with, found {other!r}"
        raise TypeError(message)

    def _proved(self) -> float:
        __tracebackhide__ = True
        if self.doubt:
            raise Inconclusive(f"{self!r}: {self.doubt}")
        if self.n < FEWEST_SAMPLES or self.value is None:
            raise Inconclusive(
                f"{self!r}: expected at least {FEWEST_SAMPLES} samples, found {self.n}; "
                "measure longer, or drive more load"
            )
        return self.value


def _rounded(value: float, quantity: Quantity) -> Duration | Share:
    if quantity is Share:
        return Share(value)
    return Duration(float(f"{value:.3g}"))


def _shown_alike(one: float, other: float) -> bool:
    return f"{one:.3g}" == f"{other:.3g}"
