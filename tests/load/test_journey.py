from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest

from harness.load.journey import LISTENER, Invocation, Mark, Sight, Value, marked_degraded, newcomer, operation, wanted


class Notes:
    def __init__(self) -> None:
        self.lines: list[tuple[object, ...]] = []
        self.invocations: list[Invocation] = []
        self.sights: list[Sight | None] = []

    def invoked(self, invocation: Invocation) -> str:
        self.invocations.append(invocation)
        self.lines.append(("invoke", invocation.name, invocation.key))
        return f"op-{len(self.lines)}"

    def ended(self, op: str, mark: Mark, value: Mapping[str, Value], saw: Sight | None) -> None:
        self.sights.append(saw)
        self.lines.append((op, mark, dict(value)))

    def marked(self, response: object) -> bool:
        return response == "degraded"

    newcomer = True

    @property
    def wanted(self) -> Mapping[str, float]:
        return {"sku-1": 100.0}


@pytest.fixture
def notes() -> Iterator[Notes]:
    notes = Notes()
    token = LISTENER.set(notes)
    yield notes
    LISTENER.reset(token)


def test_an_operation_is_written_as_invoked_and_as_ended(notes: Notes) -> None:
    with operation("place-order", "k1") as op:
        op.ok(order_id="o1")
    assert notes.lines == [("invoke", "place-order", "k1"), ("op-1", "OK", {"order_id": "o1"})]


def test_what_is_written_is_told_before_anything_is_sent_and_what_was_seen_at_the_end(notes: Notes) -> None:
    with operation("put", thing="cart/c1", session="c1", writes={"sku-1": 2}, once="k", aside=True) as op:
        assert notes.invocations == [
            Invocation(name="put", thing="cart/c1", session="c1", writes={"sku-1": 2}, once="k", aside=True)
        ]
        op.saw({"sku-1": 1}, whole=False)
        op.ok()
    assert notes.sights == [Sight(fields={"sku-1": 1}, whole=False)]


def test_each_mark_has_its_outcome(notes: Notes) -> None:
    with operation("a") as op:
        op.degraded(left_out="stock")
    with operation("b") as op:
        op.failed("refused")
    with operation("c") as op:
        op.unknown("no answer")
    assert [line[1:] for line in notes.lines if line[0] != "invoke"] == [
        ("DEGRADED", {"left_out": "stock"}),
        ("FAILED", {"reason": "refused"}),
        ("UNKNOWN", {"reason": "no answer"}),
    ]


def test_leaving_without_a_mark_is_unknown(notes: Notes) -> None:
    with operation("a"):
        pass
    assert notes.lines[-1] == ("op-1", "UNKNOWN", {"reason": "it was left without a mark"})


def test_an_exception_makes_it_unknown_and_goes_on_its_way(notes: Notes) -> None:
    with pytest.raises(KeyError), operation("a"):
        raise KeyError("price")
    assert notes.lines[-1] == ("op-1", "UNKNOWN", {"reason": "KeyError: 'price'"})


def test_an_exception_after_the_mark_does_not_change_it(notes: Notes) -> None:
    def buy() -> None:
        with operation("a") as op:
            op.ok()
            raise KeyError("price")

    with pytest.raises(KeyError):
        buy()
    assert notes.lines[1:] == [("op-1", "OK", {})]


def test_a_second_mark_is_refused_and_the_first_holds(notes: Notes) -> None:
    with operation("a") as op:
        op.ok()
        with pytest.raises(RuntimeError, match="expected one mark for the operation 'a'"):
            op.failed("no")
    assert notes.lines[1:] == [("op-1", "OK", {})]


def test_without_a_listener_everything_works_and_nothing_is_degraded() -> None:
    with operation("a", "k") as op:
        op.ok(order_id="o1")
    assert not marked_degraded("degraded")


def test_the_listener_says_whether_an_answer_is_marked(notes: Notes) -> None:
    assert notes.lines == []
    assert marked_degraded("degraded")
    assert not marked_degraded("full")


def test_importing_it_costs_no_third_party_module() -> None:
    code = "import sys, harness.load.journey; print([m for m in ('pydantic', 'locust', 'gevent') if m in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=True)
    assert ended.stdout.strip() == "[]"


def test_what_everybody_wants_is_what_the_listener_says(notes: Notes) -> None:
    assert wanted() == notes.wanted == {"sku-1": 100.0}


def test_whether_a_customer_was_here_before_is_what_the_listener_says(notes: Notes) -> None:
    assert newcomer() is notes.newcomer is True
    notes.newcomer = False
    assert newcomer() is False
