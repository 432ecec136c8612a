"""Thresholds as people write them, told where they are wrong to the column."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from harness.declare.validate import nearest
from harness.errors import InputError
from harness.model.bound import EVERY, RATES, SHARES, Measure, named, read_limit
from harness.model.threshold import Threshold

LIMIT_CHARACTERS = 300
"""A threshold is no longer."""

_EXAMPLE = "write it as in 'checkout.p99 < 800ms during'"
_SIGN = re.compile(r"<=|>=|=<|=>|<|>|==?|!=|≤|≥")
_SIGNS = ("<", "<=", ">", ">=")
_NUMBER = re.compile(
    r"\s*(?P<limit>\d+(?:\.\d+)?(?:\s*(?:(?:us|ms|s|min|m|h)\b|%|/\s*[a-z]+\b))?)(?P<rest>.*)", re.DOTALL
)
_PHASE = re.compile(r"\s*(?:in\s+)?(?P<phase>\S.*?)?\s*", re.DOTALL)
_NOT_OF_STEPS = (Measure.UNKNOWN,)
"""A request that was given up failed, as far as that request goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a threshold may name; what is None isn't known yet and is not checked."""

    journeys: Collection[str] | None = None
    phases: Collection[str] | None = None
    steps: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Journey → its request names; a journey that is no key is not checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A piece of the text with its column."""

    text: str
    column: int


def parse_threshold(text: str, known: Known | None = None) -> Threshold:
    """Read `checkout.p99 < 800ms during`, `checkout/POST /orders.p95 < 300ms`, `browse.rate > 40/s in spike`.

    Raises:
        InputError: with the column, if it is no threshold or names what is not known.
    """
    if len(text) > LIMIT_CHARACTERS:
        shown = f"{text[:40]}…"
        raise InputError(f"expected at most {LIMIT_CHARACTERS} characters, found {len(text)}", text=shown, column=1)
    sign = _sign(text)
    subject, figure = _name(text, sign.start())
    measure = _measure(text, subject, figure)
    value, phase = _limit(text, measure, sign.end())
    threshold = Threshold(
        text=text.strip(),
        subject=subject.text,
        figure=measure,
        comparison=sign[0],
        value=value,
        phase=phase.text,
    )
    _check_names(text, threshold, (subject, phase), known or Known())
    return threshold


def _sign(text: str) -> re.Match[str]:
    """The last one: a request's name may hold such a character, what follows may not."""
    found = list(_SIGN.finditer(text))
    if not found:
        raise InputError("expected a comparison", text=text, column=len(text.rstrip()) + 1, remedy=_EXAMPLE)
    sign = found[-1]
    if sign[0] not in _SIGNS:
        message = f"expected one of {', '.join(_SIGNS)}, found '{sign[0]}'"
        raise InputError(message, text=text, column=sign.start() + 1, remedy=_EXAMPLE)
    return sign


def _name(text: str, end: int) -> tuple[_Part, _Part]:
    name = text[:end].strip()
    column = len(text) - len(text.lstrip()) + 1
    subject, figure = named(name)
    if not subject.strip() or subject.startswith("/") or subject.endswith("/"):
        message = f"expected a journey (or '{EVERY}') and a figure, found '{name}'"
        raise InputError(message, text=text, column=column, remedy=_EXAMPLE)
    return _Part(text=subject, column=column), _Part(text=figure, column=column + len(subject) + 1)


def _measure(text: str, subject: _Part, figure: _Part) -> Measure:
    if figure.text not in set(Measure):
        remedy = nearest(figure.text, [each.value for each in Measure])
        raise InputError(f"unknown figure '{figure.text}'", text=text, column=figure.column, remedy=remedy)
    measure = Measure(figure.text)
    if "/" in subject.text and measure in _NOT_OF_STEPS:
        message = f"a step has no share '{measure.value}': an answer came or it did not"
        raise InputError(message, text=text, column=figure.column, remedy="ask the journey, or for 'failed'")
    return measure


def _limit(text: str, measure: Measure, start: int) -> tuple[float, _Part]:
    example = "1%" if measure in SHARES else "40/s" if measure in RATES else "800ms"
    remedy = f"write a limit such as '{example}'"
    column = start + len(text[start:]) - len(text[start:].lstrip()) + 1
    match = _NUMBER.fullmatch(text, start)
    if match is None:
        found = text[start:].strip()
        message = f"expected a limit, found '{found}'" if found else "expected a limit"
        raise InputError(message, text=text, column=column, remedy=remedy)
    limit = match["limit"].strip()
    if limit[-1].isdigit():
        raise InputError(f"'{limit}' has no unit", text=text, column=column, remedy=remedy)
    try:
        value = read_limit(measure, limit)
    except ValueError:
        message = f"'{limit}' is no limit of '{measure.value}'"
        raise InputError(message, text=text, column=column, remedy=remedy) from None
    rest = _PHASE.fullmatch(match["rest"])
    phase = (rest["phase"] or "") if rest else ""
    at = match.start("rest") + (rest.start("phase") if rest and phase else 0) + 1
    return value, _Part(text=phase, column=at)


def _check_names(text: str, threshold: Threshold, places: tuple[_Part, _Part], known: Known) -> None:
    subject, phase = places
    name = subject.text.partition("/")[0]
    if known.journeys is not None and name not in {*known.journeys, EVERY}:
        remedy = nearest(name, {*known.journeys, EVERY})
        raise InputError(f"unknown journey '{name}'", text=text, column=subject.column, remedy=remedy)
    steps = _steps(threshold, known)
    if threshold.step and steps is not None and threshold.step not in steps:
        remedy = nearest(threshold.step, steps)
        column = subject.column + len(name) + 1
        raise InputError(f"'{name}' has no step '{threshold.step}'", text=text, column=column, remedy=remedy)
    if threshold.phase and known.phases is not None and threshold.phase not in known.phases:
        remedy = nearest(threshold.phase, known.phases)
        raise InputError(f"unknown phase '{threshold.phase}'", text=text, column=phase.column, remedy=remedy)


def _steps(threshold: Threshold, known: Known) -> set[str] | None:
    """The names that a step may have; None when they are not all known."""
    if threshold.journey is not None:
        found = known.steps.get(threshold.journey)
        return None if found is None else {*found}
    if known.journeys is None or not {*known.journeys} <= {*known.steps}:
        return None
    return {each for several in known.steps.values() for each in several}
