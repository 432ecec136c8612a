"""What a fault in the bytes of an edge can't be is refused at its place, when the file is read."""

from pathlib import Path

import pytest

from harness.declare import load_experiment, load_system
from harness.errors import DeclarationError
from harness.faults import FAULTS, flapping, half_open, latency, slice_
from harness.model.fault import FaultSpec

SYSTEM = """\
system: tiny
entry: front
services:
  front: {owner: web, run: {command: [front]}}
  back: {owner: core, run: {command: [back]}}
edges:
  - {from: front, to: back, need: soft}
journeys:
  look: {deadline: 1s, usable_without: [back]}
"""

WRITTEN = """\
experiment: something
hypothesis: Nobody notices anything at all.
injections:
  - {edge: front->back, for: 5s, FAULT}
"""


def read(tmp_path: Path, fault: str) -> FaultSpec:
    (tmp_path / "system.yaml").write_text(SYSTEM, encoding="utf-8")
    (tmp_path / "it.yaml").write_text(WRITTEN.replace("FAULT", fault), encoding="utf-8")
    (found,) = load_experiment(tmp_path / "it.yaml", load_system(tmp_path / "system.yaml"), faults=FAULTS).injections
    return found.fault


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (
            "fault: latency, delay: 50ms, jitter: 1s, distribution: pareto, share: 0.3, seed: 7",
            latency("50ms", jitter="1s", distribution="pareto", share=0.3, seed=7),
        ),
        ("fault: half-open, share: 1", half_open()),
        ("fault: flapping, period: 2s, down_share: 0.25", flapping("2s", down_share=0.25)),
        ("fault: slice, average_bytes: 16, pause: 5ms", slice_(16, pause="5ms")),
    ],
)
def test_a_fault_is_read_as_it_is_written(tmp_path: Path, written: str, meant: FaultSpec) -> None:
    assert read(tmp_path, written) == meant


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("fault: slice, average_bytes: 4, variation_bytes: 4", "expected variation_bytes below average_bytes (4)"),
        ("fault: bandwidth, kilobytes_per_s: -1", "it.yaml:4:69: "),
        ("fault: limit, bytes: 10 KB", "it.yaml:4:55: "),
        ("fault: flapping, period: 100ms", "expected each turn to last at least 100 ms, found 50 ms"),
        ("fault: half-open, share: 2", "it.yaml:4:59: "),
        ("fault: down, share: 0.5", "it.yaml:4:47: "),
        ("fault: latency, delay: 1s, distribution: normal", "expected a jitter for the distribution 'normal'"),
    ],
)
def test_what_it_can_not_be_is_refused_at_its_place(tmp_path: Path, written: str, complaint: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        read(tmp_path, written)
    assert complaint in str(refused.value)
    assert "it.yaml:4:" in str(refused.value)
