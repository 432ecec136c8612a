"""What a fault may be told, how it is shown, and the table of faults."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest
from pydantic import ValidationError

from harness.errors import HarnessError
from harness.faults import (
    FAULTS,
    Down,
    EdgeFault,
    InstanceFault,
    Latency,
    black_hole,
    down,
    fault_table,
    latency,
    no_op,
    pause,
    reset,
    truncate,
)
from harness.faults import kill as kill_it
from harness.model.fault import FaultSpec
from harness.proxy.probe import Outcome, Question, Seen


def seen(outcome: Outcome, took_s: float = 0.01, count: int = 0) -> Seen:
    return Seen(outcome=outcome, port=1, bytes=count, took_s=took_s)


@pytest.mark.parametrize("kind", FAULTS)
def test_each_word_of_the_table_is_the_kind_of_its_fault(kind: str) -> None:
    fault = FAULTS[kind]

    assert fault.kind == kind
    assert issubclass(fault, EdgeFault if fault.acts_on == "edge" else InstanceFault)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (latency("1s"), "latency 1 s"),
        (latency("1s", jitter="100ms", direction="request"), "latency 1 s ± 100 ms on requests"),
        (down(), "down"),
        (black_hole(), "black hole"),
        (black_hole("reply"), "black hole of replies"),
        (black_hole("request"), "black hole of requests"),
        (reset(), "reset"),
        (truncate(17), "answers truncated after 17 bytes"),
        (kill_it(), "SIGKILL"),
        (pause(), "pause"),
        (no_op(), "nothing (placebo)"),
    ],
    ids=str,
)
def test_a_fault_is_shown_in_words(fault: FaultSpec, words: str) -> None:
    assert fault.describe() == words


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("latency", {}),
        ("latency", {"delay": "0ms"}),
        ("latency", {"delay": 5}),
        ("latency", {"delay": "1s", "jitter": "2s"}),
        ("latency", {"delay": "1s", "direction": "both"}),
        ("latency", {"delay": "1s", "speed": "2s"}),
        ("black-hole", {"direction": "up"}),
        ("truncate", {"after_bytes": -1}),
        ("truncate", {"after_bytes": 1_000_000}),
        ("truncate", {"after_bytes": "0"}),
        ("down", {"for": "1s"}),
    ],
)
def test_attributes_that_make_no_sense_are_refused(kind: str, attributes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FAULTS[kind].model_validate(attributes)


@pytest.mark.parametrize(
    ("fault", "what", "bites"),
    [
        (latency("100ms"), seen(Outcome.ANSWERED, 0.1), True),
        (latency("100ms"), seen(Outcome.ANSWERED, 0.01), False),
        (latency("100ms", jitter="50ms"), seen(Outcome.ANSWERED, 0.06), True),
        (latency("100ms"), seen(Outcome.SILENT, 1.2), False),
        (latency("60s"), seen(Outcome.SILENT, 3.0), True),
        (latency("100ms"), seen(Outcome.REFUSED), False),
        (black_hole(), seen(Outcome.SILENT, 0.4), True),
        (black_hole(), seen(Outcome.ANSWERED), False),
        (reset(), seen(Outcome.RESET), True),
        (reset(), seen(Outcome.CLOSED), False),
        (truncate(10), seen(Outcome.CLOSED, count=10), True),
        (truncate(10), seen(Outcome.CLOSED, count=11), False),
        (truncate(10), seen(Outcome.CLOSED, count=9), False),
        (truncate(10), seen(Outcome.ANSWERED, count=9), False),
        (down(), seen(Outcome.REFUSED), True),
        (down(), seen(Outcome.RESET), False),
        (no_op(), seen(Outcome.ANSWERED), True),
        (no_op(), seen(Outcome.SILENT), False),
    ],
    ids=str,
)
def test_a_fault_knows_its_own_bite(fault: EdgeFault, what: Seen, *, bites: bool) -> None:
    assert fault.bites(what) is bites


def test_a_long_latency_is_not_waited_for() -> None:
    assert latency("60s").question() == Question(within_s=3.0)


def test_a_delay_that_is_not_believed_is_waited_for_twice_since_a_provider_may_greet() -> None:
    assert latency("1.9s").question().within_s > 2 * 1.9
    assert not latency("1.9s").bites(seen(Outcome.SILENT, 4.8))


class Fog(Down):
    kind = "fog"


not_a_fault = Latency(delay=latency("1s").delay)


def entry(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=value, group="harness.faults")


def test_third_parties_add_a_fault_by_an_entry_point() -> None:
    table = fault_table([entry("fog", f"{__name__}:Fog")])

    assert table == {**FAULTS, "fog": Fog}
    assert fault_table([]) == dict(FAULTS)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("fog", "no.such.module:Fog", "can't be loaded"),
        ("fog", f"{__name__}:not_a_fault", "expected a subclass of EdgeFault or InstanceFault"),
        ("mist", f"{__name__}:Fog", "found kind 'fog'"),
        ("down", "harness.faults:Down", "expected a word of its own"),
    ],
)
def test_an_entry_point_that_is_no_fault_of_its_own_is_refused(name: str, value: str, message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        fault_table([entry(name, value)])
