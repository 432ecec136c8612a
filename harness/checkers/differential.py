"""Judges an answer under a fault by what the same request was answered before it, and by the service's document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import reduce

from harness.checkers.clean_class import DEADLINE_SLACK, content_type, described, says_json
from harness.checkers.shape import PROBLEMS_LIMIT, lacks, merged, parsed, shape_of
from harness.checkers.traces import trace_in
from harness.model.matrix import Rule
from harness.model.replayed import Healthy
from harness.model.verdict import Verdict
from harness.model.visits import Exchange, Trouble

PROBLEM = "application/problem+json"
_OK, _REDIRECT, _SERVER_ERROR = 200, 300, 500
_TOO_MANY, _UNAVAILABLE = 429, 503


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A request that was asked again, and what came of it."""

    healthy: Healthy
    exchange: Exchange
    problems: tuple[str, ...] | None = ()
    """In what the answer differs from the document; None when that can't be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What the answers of a service are held to."""

    deadline_s: float
    documented: bool = True
    """Whether the service has a document at all."""
    declared: frozenset[int] = frozenset()
    """The statuses that the document names for the operation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """One thing that is wrong with an answer, or keeps it from being judged."""

    rule: Rule
    reason: str
    verdict: Verdict = Verdict.FAIL


def wrongs(replay: Replay, due: Due) -> tuple[Wrong, ...]:
    """All that is wrong with an answer under a fault; a declared 503 that is clear about itself is right."""
    return tuple(_wrongs(replay, due))


def _wrongs(replay: Replay, due: Due) -> Iterator[Wrong]:
    exchange = replay.exchange
    if late := lateness(exchange, due.deadline_s):
        yield Wrong(rule=Rule.HANG, reason=late)
    if exchange.trouble is not None:
        if exchange.trouble is not Trouble.TIMEOUT:
            yield Wrong(rule=Rule.BROKEN, reason=f"no whole answer came: {exchange.trouble}")
        return
    if (trace := trace_in(exchange.body)) and not any(trace_in(each.body) for each in replay.healthy.exchanges):
        yield Wrong(rule=Rule.TRACE, reason=f"its body shows {trace}")
    status = exchange.status or 0
    if status in replay.healthy.statuses or status < _SERVER_ERROR:
        yield from _answer(replay, due)
    else:
        yield from _refusal(replay, due)


def lateness(exchange: Exchange, deadline_s: float) -> str:
    """Why an answer is too late; empty when it is not."""
    if exchange.trouble is Trouble.TIMEOUT:
        return f"no answer by the deadline of {deadline_s:g} s"
    if exchange.took_s > deadline_s * DEADLINE_SLACK:
        return f"the answer came after {exchange.took_s:.2f} s, and the deadline is {deadline_s:g} s"
    return ""


def _refusal(replay: Replay, due: Due) -> Iterator[Wrong]:
    """Of an error of the server that was none before."""
    exchange = replay.exchange
    status = exchange.status or 0
    before = _before(replay.healthy)
    if due.documented and status not in due.declared:
        declared = ", ".join(str(each) for each in sorted(due.declared)) or "nothing"
        yield Wrong(rule=Rule.ERROR, reason=f"{status} is not declared ({before}; declared: {declared})")
    elif not due.documented and status != _UNAVAILABLE:
        yield Wrong(rule=Rule.ERROR, reason=f"{status} where 503 is meant ({before})")
    elif status == _UNAVAILABLE and (unclear := "; ".join(unclear_refusal(exchange))):
        yield Wrong(rule=Rule.REFUSAL, reason=f"503 {unclear}")
    elif new := _new_problems(replay):
        yield Wrong(rule=Rule.DOCUMENT, reason=f"{status}, {new}")


def unclear_refusal(exchange: Exchange) -> Iterator[str]:
    """What a 503 lacks to tell its caller what to do."""
    after = exchange.headers.get("retry-after", "").strip()
    if not after:
        yield "without Retry-After"
    elif not _is_time(after):
        yield f"with a Retry-After that is neither seconds nor a date: {after:.40}"
    kind = content_type(exchange)
    if kind != PROBLEM:
        yield f"as {kind or 'no content type'} instead of {PROBLEM}"
    elif not isinstance(parsed(exchange.body)[1], dict):
        yield f"whose body is no {PROBLEM}"


def _is_time(text: str) -> bool:
    if text.isascii() and text.isdecimal():
        return True
    try:
        parsedate_to_datetime(text)
    except ValueError:
        return False
    return True


def _answer(replay: Replay, due: Due) -> Iterator[Wrong]:
    """Of an answer that is no error of the server, or one that came before already."""
    exchange, healthy = replay.exchange, replay.healthy
    status = exchange.status or 0
    if status == _TOO_MANY and status not in healthy.statuses:
        reason = f"429: a limiter answered in place of the operation ({_before(healthy)})"
        yield Wrong(rule=Rule.NOT_TRIED, reason=reason, verdict=Verdict.UNKNOWN)
    elif status // 100 != healthy.hundred and status not in healthy.statuses:
        yield Wrong(rule=Rule.CLASS, reason=f"{status}, and {_before(healthy)}")
    elif bad := invalid_body(replay, due):
        yield Wrong(rule=Rule.BODY, reason=f"{status}, but {bad}")
    elif new := _new_problems(replay):
        yield Wrong(rule=Rule.DOCUMENT, reason=f"{status}, {new}")


def invalid_body(replay: Replay, due: Due) -> str:
    """What is wrong with the body of a success, whatever a document says; empty when nothing is."""
    exchange, healthy = replay.exchange, replay.healthy
    if not _OK <= (exchange.status or 0) < _REDIRECT or exchange.method == "HEAD":
        return ""
    if not exchange.body:
        return "" if healthy.may_be_empty else "its body is empty, and without the fault it never was"
    if says_json(exchange) and not parsed(exchange.body)[0]:
        return "its body says JSON and is none"
    documents = [parsed(each.body) for each in healthy.exchanges if each.body]
    structured = bool(documents) and all(ok and isinstance(value, dict | list) for ok, value in documents)
    if structured and not parsed(exchange.body)[0]:
        return "its body is no JSON, and without the fault it is"
    if due.documented or not structured or exchange.degraded:
        return ""
    shape = reduce(merged, (shape_of(value) for _, value in documents))
    return "; ".join([*lacks(shape, parsed(exchange.body)[1])][:PROBLEMS_LIMIT])


def _new_problems(replay: Replay) -> str:
    """In what the answer breaks its document, where the healthy ones do not."""
    return "; ".join(each for each in replay.problems or () if each not in replay.healthy.problems)


def _before(healthy: Healthy) -> str:
    return f"{' or '.join(str(each) for each in sorted(healthy.statuses))} without the fault"


def not_as_before(replay: Replay, due: Due) -> str:
    """Why an answer after the healing is not of the healthy class; empty when it is."""
    exchange, healthy = replay.exchange, replay.healthy
    if exchange.trouble is not None or lateness(exchange, due.deadline_s):
        return f"{described(exchange)}: {lateness(exchange, due.deadline_s) or 'no whole answer'}"
    if (exchange.status or 0) // 100 != healthy.hundred:
        return f"{described(exchange)}, and {_before(healthy)}"
    if problem := invalid_body(replay, due) or _new_problems(replay):
        return f"{described(exchange)}: {problem}"
    return ""


def differs(replay: Replay, due: Due) -> bool:
    """Whether the fault shows in an answer at all."""
    return bool(not_as_before(replay, due))
