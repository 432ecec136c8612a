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
    bandwidth,
    black_hole,
    down,
    fault_table,
    flapping,
    half_open,
    latency,
    limit,
    no_op,
    one_way,
    pause,
    reset,
    slice_,
    slow_close,
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
        (latency("1s", jitter="100ms", distribution="normal"), "latency 1 s ± 100 ms (normal)"),
        (
            latency("1s", jitter="2s", distribution="pareto", share=0.25),
            "latency 1 s and 2 s more on average, with a long tail on 25 % of connections",
        ),
        (black_hole("reply", share=0.5), "black hole of replies on 50 % of connections"),
        (reset(200), "reset after 200 bytes"),
        (bandwidth(64), "bandwidth 64 KB/s per connection"),
        (bandwidth(64, direction="request"), "bandwidth 64 KB/s per connection for requests"),
        (slow_close("5s"), "connections closed 5 s late"),
        (half_open(share=0.3), "half-open connections on 30 % of connections"),
        (slice_(16), "answers in pieces of 16 bytes"),
        (slice_(16, variation_bytes=4, pause="5ms"), "answers in pieces of 16 ± 4 bytes, 5 ms apart"),
        (limit(9000), "9000 bytes of answers per connection"),
        (flapping("2s", down_share=0.25), "flapping, 25 % of every 2 s down"),
        (one_way(), "one-way partition (no reply comes back)"),
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
        ("truncate", {"after_bytes": 1 << 60}),
        ("truncate", {"share": 0}),
        ("truncate", {"after_bytes": "0"}),
        ("down", {"for": "1s"}),
        ("latency", {"delay": "1s", "distribution": "normal"}),
        ("latency", {"delay": "1s", "distribution": "zipf", "jitter": "1s"}),
        ("latency", {"delay": "1s", "distribution": "pareto", "jitter": "10min"}),
        ("latency", {"delay": "1s", "share": 1.1}),
        ("latency", {"delay": "1s", "share": 0}),
        ("latency", {"delay": "1s", "seed": -1}),
        ("bandwidth", {}),
        ("bandwidth", {"kilobytes_per_s": 0}),
        ("bandwidth", {"kilobytes_per_s": -1}),
        ("bandwidth", {"kilobytes_per_s": 1.5}),
        ("slow-close", {"delay": "0s"}),
        ("slow-close", {"delay": "2h"}),
        ("half-open", {"share": "30 %"}),
        ("slice", {}),
        ("slice", {"average_bytes": 0}),
        ("slice", {"average_bytes": 10, "variation_bytes": 10}),
        ("slice", {"average_bytes": 10, "variation_bytes": -1}),
        ("slice", {"average_bytes": 10, "pause": "2min"}),
        ("limit", {}),
        ("limit", {"bytes": 0}),
        ("limit", {"bytes": 10, "direction": "both"}),
        ("flapping", {}),
        ("flapping", {"period": "1s", "down_share": 1}),
        ("flapping", {"period": "1s", "down_share": 0.05}),
        ("flapping", {"period": "150ms"}),
        ("flapping", {"period": "20min"}),
        ("one-way", {"direction": "request"}),
        ("reset", {"after_bytes": -1}),
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
        (latency("100ms", jitter="1ms", distribution="normal"), seen(Outcome.ANSWERED, 0.09), False),
        (latency("100ms", jitter="1ms", distribution="pareto"), seen(Outcome.ANSWERED, 0.1), True),
        (latency("1s", jitter="1s", distribution="pareto"), seen(Outcome.SILENT, 3.0), True),
        (bandwidth(10), seen(Outcome.ANSWERED, 0.1, 1000), True),
        (bandwidth(10), seen(Outcome.ANSWERED, 0.05, 1000), False),
        (bandwidth(10), seen(Outcome.SILENT, 3.0), False),
        (bandwidth(1), seen(Outcome.SILENT, 3.0, 2000), True),
        (bandwidth(10), seen(Outcome.RESET), False),
        (slow_close("300ms"), seen(Outcome.CLOSED, 0.3), True),
        (slow_close("300ms"), seen(Outcome.CLOSED, 0.01), False),
        (slow_close("300ms"), seen(Outcome.SILENT, 1.3), False),
        (slow_close("1min"), seen(Outcome.SILENT, 3.0), True),
        (half_open(), seen(Outcome.SILENT, 0.4), True),
        (half_open(), seen(Outcome.CLOSED), False),
        (one_way(), seen(Outcome.SILENT, 0.4), True),
        (one_way(), seen(Outcome.ANSWERED), False),
        (slice_(10, pause="50ms"), seen(Outcome.ANSWERED, 0.2, 40), True),
        (slice_(10, pause="50ms"), seen(Outcome.ANSWERED, 0.01, 40), False),
        (slice_(10), seen(Outcome.ANSWERED, 0.01, 40), True),
        (slice_(10), seen(Outcome.SILENT), False),
        (limit(10), seen(Outcome.CLOSED, count=10), True),
        (limit(10), seen(Outcome.ANSWERED, count=40), False),
        (limit(1 << 20), seen(Outcome.ANSWERED, count=40), True),
        (limit(1 << 20), seen(Outcome.SILENT), False),
        (reset(10), seen(Outcome.RESET, count=10), True),
        (reset(10), seen(Outcome.CLOSED, count=10), False),
        (reset(10), seen(Outcome.ANSWERED, count=40), False),
        (truncate(1 << 20), seen(Outcome.ANSWERED, count=40), True),
        (flapping("1s"), seen(Outcome.REFUSED), True),
        (flapping("1s"), seen(Outcome.ANSWERED), False),
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
