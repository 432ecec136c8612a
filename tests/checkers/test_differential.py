from __future__ import annotations

import json
from typing import Any

import pytest

from harness.checkers.differential import Due, Replay, differs, not_as_before, wrongs
from harness.checkers.traces import trace_in
from harness.model.matrix import Rule
from harness.model.replayed import Asked, Healthy, Source
from harness.model.verdict import Verdict
from harness.model.visits import Exchange, Trouble

DUE = Due(deadline_s=1.0, documented=True, declared=frozenset({200, 404, 503}))
UNDOCUMENTED = Due(deadline_s=1.0, documented=False)
JSON = "application/json"
PROBLEM = "application/problem+json"
ASKED = Asked(operation="GET /things/{id}", method="GET", path="/things/1", source=Source.PACT)
TRACE = 'Traceback (most recent call last):\n  File "/srv/app.py", line 7, in read\nOSError: no'


def answer(status: int | None = 200, body: object = None, **more: Any) -> Exchange:
    headers = {"content-type": more.pop("kind", JSON), **more.pop("headers", {})}
    raw = more.pop("raw", json.dumps(body if body is not None else {"id": "1", "name": "kettle"}).encode())
    told: dict[str, Any] = {"trouble": None, "took_s": 0.01, "degraded": False, **more}
    return Exchange(
        step=ASKED.operation,
        method="GET",
        path="/things/1",
        request_body=b"",
        status=status,
        headers=headers if status is not None else {},
        body=raw if status is not None else b"",
        **told,
    )


def problem(status: int, **more: Any) -> Exchange:
    headers = {"retry-after": "1"} if status == 503 else {}
    told: dict[str, Any] = {"kind": PROBLEM, "headers": headers, "body": {"title": "no", "status": status}, **more}
    return answer(status, **told)


FOUND = Healthy(asked=ASKED, exchanges=(answer(), answer()))
MISSING = Healthy(asked=ASKED, exchanges=(problem(404), problem(404)))


def rules(
    exchange: Exchange, *, healthy: Healthy = FOUND, due: Due = DUE, problems: tuple[str, ...] = ()
) -> tuple[Rule, ...]:
    return tuple(each.rule for each in wrongs(Replay(healthy=healthy, exchange=exchange, problems=problems), due))


@pytest.mark.parametrize(
    ("exchange", "healthy"),
    [
        (answer(), FOUND),
        (answer(body={"id": "1", "name": None}), FOUND),
        (problem(503), FOUND),
        (problem(503), MISSING),
        (problem(503, headers={"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}), FOUND),
        (problem(404), MISSING),
        (answer(raw=b"", kind=""), Healthy(asked=ASKED, exchanges=(answer(raw=b"", kind=""),))),
    ],
)
def test_what_is_as_before_or_refused_in_the_declared_way_is_right(exchange: Exchange, healthy: Healthy) -> None:
    assert rules(exchange, healthy=healthy) == ()


@pytest.mark.parametrize(
    ("exchange", "rule"),
    [
        (answer(500), Rule.ERROR),
        (problem(502), Rule.ERROR),
        (problem(404), Rule.CLASS),
        (answer(302), Rule.CLASS),
        (answer(raw=b""), Rule.BODY),
        (answer(raw=b'{"id": "1", "na'), Rule.BODY),
        (answer(raw=b"<html>", kind="text/html"), Rule.BODY),
        (answer(None, trouble=Trouble.TIMEOUT, took_s=1.1), Rule.HANG),
        (answer(took_s=1.3), Rule.HANG),
        (answer(None, trouble=Trouble.RESET), Rule.BROKEN),
        (answer(200, trouble=Trouble.TRUNCATED), Rule.BROKEN),
        (problem(503, headers={}), Rule.REFUSAL),
        (problem(503, headers={"retry-after": "soon"}), Rule.REFUSAL),
        (problem(503, kind=JSON), Rule.REFUSAL),
        (problem(503, raw=b"not now"), Rule.REFUSAL),
        (problem(503, body={"title": "no", "detail": TRACE}), Rule.TRACE),
    ],
)
def test_each_way_to_degrade_wrongly_is_refused(exchange: Exchange, rule: Rule) -> None:
    assert rules(exchange) == (rule,)


def test_found_where_nothing_is_is_wrong_too() -> None:
    assert rules(answer(), healthy=MISSING) == (Rule.CLASS,)


def test_a_503_that_nobody_declared_is_an_error() -> None:
    due = Due(deadline_s=1.0, documented=True, declared=frozenset({200}))
    assert rules(problem(503), due=due) == (Rule.ERROR,)


def test_without_a_document_a_clear_503_is_right_and_a_thinner_body_is_wrong() -> None:
    assert rules(problem(503), due=UNDOCUMENTED) == ()
    assert rules(problem(504), due=UNDOCUMENTED) == (Rule.ERROR,)
    assert rules(answer(body={"id": "1"}), due=UNDOCUMENTED) == (Rule.BODY,)
    assert rules(answer(body={"id": "1"}, degraded=True), due=UNDOCUMENTED) == ()


def test_only_what_breaks_the_document_under_the_fault_alone_counts() -> None:
    assert rules(answer(), problems=("$: 'as_of' is a required property",)) == (Rule.DOCUMENT,)
    ill = Healthy(asked=ASKED, exchanges=(answer(),), problems=frozenset({"$: old"}))
    assert rules(answer(), healthy=ill, problems=("$: old",)) == ()


def test_a_refusal_that_breaks_its_own_document_is_wrong() -> None:
    assert rules(problem(503), problems=("$: 'type' is a required property",)) == (Rule.DOCUMENT,)


def test_a_limiter_that_answers_tells_nothing() -> None:
    found = wrongs(Replay(healthy=FOUND, exchange=problem(429)), DUE)
    assert [(each.rule, each.verdict) for each in found] == [(Rule.NOT_TRIED, Verdict.UNKNOWN)]


def test_a_trace_that_is_there_without_the_fault_is_no_finding() -> None:
    log = Healthy(asked=ASKED, exchanges=(answer(body={"log": TRACE}),))
    assert rules(answer(body={"log": TRACE}), healthy=log) == ()


@pytest.mark.parametrize(
    "body",
    [
        TRACE,
        json.dumps({"detail": TRACE}),
        "java.lang.IllegalStateException\n\tat com.shop.Orders.read(Orders.java:42)",
        "TypeError: x\n    at read (/srv/app/orders.js:12:7)\n",
        "goroutine 12 [running]:\nmain.read()",
        "   at Shop.Orders.Read(String id) in /src/Orders.cs:line 12",
        "PHP Fatal error:  Uncaught Error",
        "/srv/orders.rb:12:in `read'",
        "thread 'main' panicked at src/main.rs:3:5",
    ],
)
def test_a_stack_trace_is_seen_in_every_language(body: str) -> None:
    assert trace_in(body.encode())


@pytest.mark.parametrize(
    "body", ["", "meet at noon (room 4:30:10)", '{"path": "/srv/app.py", "line": 7}', "a thread of wool, in blue", "{}"]
)
def test_ordinary_words_are_no_stack_trace(body: str) -> None:
    assert trace_in(body.encode()) == ""


def test_recovered_means_in_the_class_of_before() -> None:
    assert not_as_before(Replay(healthy=FOUND, exchange=answer()), DUE) == ""
    assert "503" in not_as_before(Replay(healthy=FOUND, exchange=problem(503)), DUE)
    assert "deadline" in not_as_before(Replay(healthy=FOUND, exchange=answer(took_s=2)), DUE)
    assert "empty" in not_as_before(Replay(healthy=FOUND, exchange=answer(raw=b"")), DUE)
    assert differs(Replay(healthy=FOUND, exchange=problem(503)), DUE)
