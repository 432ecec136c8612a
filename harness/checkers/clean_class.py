"""How a journey's answers look while nothing is broken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import islice

from harness.checkers.shape import PROBLEMS_LIMIT, Shape, lacks, merged, parsed, shape_of
from harness.model.declared import DegradedMark
from harness.model.visits import Exchange, Visit

DEADLINE_SLACK = 1.1
"""An answer is late from this part of the deadline on."""
_OK, _REDIRECT, _CLIENT_ERROR, _SERVER_ERROR = 200, 300, 400, 500


@dataclass(frozen=True, slots=True, kw_only=True)
class StepClass:
    """The class of the answers to one step of a journey."""

    statuses: frozenset[int]
    shape: Shape | None
    """Of the JSON bodies; None where one was not JSON."""
    may_be_empty: bool
    slowest_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanClass:
    """The classes of all steps of a journey, or why they can't be told."""

    journey: str
    steps: Mapping[str, StepClass] = field(default_factory=dict)
    requests: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Step → method and path of one of its requests."""
    visits: int = 0
    trouble: str = ""
    """Why the journey is not clean; then nothing can be judged by it."""


def clean_class(journey: str, visits: Sequence[Visit], *, deadline_s: float) -> CleanClass:
    """What the answers of visits without any fault have in common."""
    trouble = _trouble(visits, deadline_s)
    if trouble:
        return CleanClass(journey=journey, visits=len(visits), trouble=trouble)
    by_step: dict[str, list[Exchange]] = {}
    for visit in visits:
        for exchange in visit.exchanges:
            by_step.setdefault(exchange.step, []).append(exchange)
    steps = {step: _step(exchanges) for step, exchanges in by_step.items()}
    for step, found in steps.items():
        if len({status // 100 for status in found.statuses}) > 1:
            statuses = ", ".join(map(str, sorted(found.statuses)))
            why = f"{step} answers now so, now so, without any fault: {statuses}"
            return CleanClass(journey=journey, visits=len(visits), trouble=why)
    requests = {step: (exchanges[0].method, exchanges[0].path) for step, exchanges in by_step.items()}
    return CleanClass(journey=journey, steps=steps, requests=requests, visits=len(visits))


def widened(clean: CleanClass, visit: Visit) -> CleanClass:
    """The class with one more visit without a fault: what its answers have empty or null may be so."""
    steps = dict(clean.steps)
    for exchange in visit.exchanges:
        step = steps.get(exchange.step)
        is_json, document = parsed(exchange.body)
        if step and step.shape and is_json and is_success(exchange):
            steps[exchange.step] = replace(step, shape=merged(step.shape, shape_of(document)))
    return replace(clean, steps=steps)


def _trouble(visits: Sequence[Visit], deadline_s: float) -> str:
    if not any(visit.exchanges for visit in visits):
        return "no visit asked for anything"
    for visit in visits:
        for exchange in visit.exchanges:
            if problem := _ill(exchange, deadline_s):
                return f"{described(exchange)} without any fault: {problem}"
        if visit.failed:
            return f"it fails without any fault: {visit.failed}"
    return ""


def _ill(exchange: Exchange, deadline_s: float) -> str:
    if exchange.trouble is not None or exchange.status is None:
        return "there was no whole answer"
    if exchange.status >= _SERVER_ERROR:
        return "an error of the server"
    if exchange.took_s > deadline_s * DEADLINE_SLACK:
        return f"later than the deadline of {deadline_s:g} s"
    if exchange.degraded:
        return "already marked as degraded"
    if says_json(exchange) and exchange.body and not parsed(exchange.body)[0]:
        return "it says JSON and is none"
    return ""


def _step(exchanges: Sequence[Exchange]) -> StepClass:
    documents = [parsed(each.body) for each in exchanges]
    # A text that happens to be a number is no document, unless it says so.
    is_json = all(
        ok and (isinstance(value, dict | list) or says_json(each))
        for each, (ok, value) in zip(exchanges, documents, strict=True)
    )
    return StepClass(
        statuses=frozenset(each.status for each in exchanges if each.status is not None),
        shape=reduce(merged, (shape_of(value) for _, value in documents)) if is_json else None,
        may_be_empty=any(not each.body for each in exchanges),
        slowest_s=max(each.took_s for each in exchanges),
    )


def invalid(exchange: Exchange, step: StepClass | None) -> str:
    """What is wrong with the body of a success, in words; empty when it is as in the clean visits."""
    if not is_success(exchange) or exchange.method == "HEAD":
        return ""
    if not exchange.body:
        return "its body is empty" if step is None or not step.may_be_empty else ""
    is_json, document = parsed(exchange.body)
    owes = says_json(exchange) or (step is not None and step.shape is not None)
    if owes and not is_json:
        return "its body is no JSON" + (", and without a fault it is" if step and step.shape else "")
    if step is None or step.shape is None or exchange.degraded:
        return ""
    return "; ".join(islice(lacks(step.shape, document), PROBLEMS_LIMIT))


def marked(visit: Visit, clean: CleanClass, mark: DegradedMark) -> Visit:
    """The visit; where a difference to the clean answers is what marks degraded ones, those that differ are so."""
    return replace(visit, exchanges=tuple(_marked(each, clean.steps.get(each.step), mark) for each in visit.exchanges))


def _marked(exchange: Exchange, step: StepClass | None, mark: DegradedMark) -> Exchange:
    if step is None or step.shape is None or not mark.of(exchange.method, exchange.path).differs:
        return exchange
    is_json, document = parsed(exchange.body)
    differs = is_success(exchange) and is_json and any(lacks(step.shape, document))
    return replace(exchange, degraded=True) if differs else exchange


def is_success(exchange: Exchange) -> bool:
    """Whether a whole answer came that says yes."""
    return exchange.trouble is None and exchange.status is not None and _OK <= exchange.status < _REDIRECT


def is_refusal(exchange: Exchange) -> bool:
    """Whether a whole answer came that says no."""
    return exchange.trouble is None and exchange.status is not None and exchange.status >= _CLIENT_ERROR


def same_class(clean: CleanClass, visit: Visit, *, deadline_s: float) -> str:
    """Why a visit is not as the clean ones were; empty when it is."""
    if visit.failed:
        return visit.failed
    for exchange in visit.exchanges:
        step = clean.steps.get(exchange.step)
        if problem := _ill(exchange, deadline_s) or invalid(exchange, step):
            return f"{described(exchange)}: {problem}"
        if step and exchange.status not in step.statuses and not _same_hundred(exchange, step):
            return f"{described(exchange)}, and {', '.join(map(str, sorted(step.statuses)))} before"
    return ""


def _same_hundred(exchange: Exchange, step: StepClass) -> bool:
    return exchange.status is not None and exchange.status // 100 in {status // 100 for status in step.statuses}


def described(exchange: Exchange) -> str:
    """An exchange in a line: `GET /products → 500 in 12 ms`."""
    got = exchange.trouble.value if exchange.trouble else str(exchange.status)
    if exchange.trouble and exchange.status is not None:
        got = f"{exchange.status}, {got}"
    return f"{exchange.method} {exchange.path} → {got} in {exchange.took_s * 1000:.0f} ms"


def content_type(exchange: Exchange) -> str:
    """Without parameters, in lower case."""
    return exchange.headers.get("content-type", "").partition(";")[0].strip().lower()


def says_json(exchange: Exchange) -> bool:
    """Whether the answer claims to be JSON."""
    kind = content_type(exchange)
    return kind == "application/json" or kind.endswith("+json")
