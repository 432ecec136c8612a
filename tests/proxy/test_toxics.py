"""Values that crash Toxiproxy, or that it takes in silence, are refused before they are sent."""

from __future__ import annotations

import pytest

from harness.errors import ProxyError
from harness.proxy.toxics import LatencyAttributes, ToxicSpec, toxic_spec


@pytest.mark.parametrize(
    ("kind", "attributes", "message"),
    [
        ("slicer", {}, "average_size"),
        ("slicer", {"average_size": 0}, "average_size"),
        ("slicer", {"average_size": 10, "size_variation": 10}, "size_variation below average_size"),
        ("slicer", {"average_size": 10, "size_variation": 11}, "size_variation below average_size"),
        ("bandwidth", {"rate": -1}, "rate"),
        ("bandwidth", {}, "rate"),
        ("latency", {"latency": -1}, "latency"),
        ("latency", {"latency": 1.5}, "latency"),
        ("latency", {"latency": 1, "delay": 1}, "delay"),
        ("timeout", {"timeout": -1}, "timeout"),
        ("limit_data", {"bytes": -1}, "bytes"),
        ("fog", {}, "expected a toxic of latency, bandwidth"),
    ],
)
def test_a_value_that_harms_is_refused(kind: str, attributes: dict[str, object], message: str) -> None:
    with pytest.raises(ProxyError, match=message):
        toxic_spec(name="it", kind=kind, stream="downstream", attributes=attributes)


@pytest.mark.parametrize(
    ("name", "stream", "toxicity"), [("a/b", "downstream", 1.0), ("a", "sideways", 1.0), ("a", "upstream", 1.1)]
)
def test_a_name_stream_or_toxicity_that_makes_no_sense_is_refused(name: str, stream: str, toxicity: float) -> None:
    with pytest.raises(ProxyError):
        toxic_spec(name=name, kind="latency", stream=stream, attributes={"latency": 1}, toxicity=toxicity)


def test_what_is_read_back_equals_what_was_sent_though_go_writes_figures_without_a_point() -> None:
    read = toxic_spec(name="it", kind="latency", stream="upstream", attributes={"latency": 5, "jitter": 0}, toxicity=1)

    assert read == ToxicSpec(name="it", stream="upstream", attributes=LatencyAttributes(latency=5))
    assert str(read) == "latency upstream latency=5 jitter=0"
