"""What was left in force, as `harness heal` tells it."""

from __future__ import annotations

from pathlib import Path

from harness.faults import ExchangeMatch, html_200, stale
from harness.faults.record import Record
from harness.model.fault import EdgeTarget, FaultSpec, Injection
from harness.model.quantity import Duration


def left(directory: Path, fault: FaultSpec) -> str:
    target = EdgeTarget(consumer="orders", provider="payments")
    record = Record(directory / "in-force.ndjson")
    record.note(1.0, "arm", Injection(id="it", fault=fault, target=target, lasts=Duration(1)))
    (found,) = record.left()
    return str(found)


def test_a_fault_in_exchanges_tells_what_it_means_on_one_line(tmp_path: Path) -> None:
    match = ExchangeMatch(method="GET", path="/charges/*")
    expected = "orders->payments under stale (match method GET, path /charges/*, share 1.0, seed 0)"
    assert left(tmp_path, stale(match=match)) == expected


def test_a_long_attribute_is_cut(tmp_path: Path) -> None:
    told = left(tmp_path, html_200(page="<h1>\n" + "x" * 1000))
    assert f"page <h1> {'x' * 55}…" in told
    assert "\n" not in told
