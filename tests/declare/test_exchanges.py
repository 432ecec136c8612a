"""A fault in exchanges is refused where there are none to be read, when the file is read."""

from pathlib import Path

import pytest

from harness.declare import load_experiment, load_system, with_tls
from harness.errors import DeclarationError
from harness.faults import FAULTS, ExchangeMatch, status

SYSTEM = """\
system: tiny
entry: front
services:
  front: {owner: web, run: {command: [front]}}
  back: {owner: core, run: {command: [back]}, tls: true, instances: [{zone: b}]}
stores:
  rows: {kind: postgres, databases: [back], zone: b}
edges:
  - {from: front, to: back, need: soft}
  - {from: back, to: rows, need: hard}
journeys:
  look: {deadline: 1s, usable_without: [back]}
"""

WRITTEN = """\
experiment: something
hypothesis: Nobody notices anything at all.
injections:
  - {TARGET, for: 5s}
"""


@pytest.fixture
def system(tmp_path: Path) -> Path:
    (tmp_path / "system.yaml").write_text(SYSTEM, encoding="utf-8")
    return tmp_path / "system.yaml"


def _written(tmp_path: Path, target: str) -> Path:
    file = tmp_path / "it.yaml"
    file.write_text(WRITTEN.replace("TARGET", target), encoding="utf-8")
    return file


def test_a_fault_in_exchanges_is_read_with_what_it_means(tmp_path: Path, system: Path) -> None:
    text = "edge: front->back, fault: status, status: 502, match: {method: POST, path: /charges/*, share: 0.5}"
    (found,) = load_experiment(_written(tmp_path, text), load_system(system), faults=FAULTS).injections
    assert found.fault == status(502, match=ExchangeMatch(method="POST", path="/charges/*", share=0.5))
    assert found.describe() == "front → back under status 502 on 50 % of POST /charges/*"


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        (
            "edge: back->rows, fault: html-200",
            "it.yaml:4:12: the fault 'html-200' acts on exchanges of plain HTTP/1.1, and 'back → rows' speaks postgres",
        ),
        ("zone: b, fault: stale", "and 'back → rows' speaks postgres"),
        ("partition: {between: [[back], [rows]]}, fault: stale", "and 'back → rows' speaks postgres"),
        ("edge: front->back, fault: status, match: {path: charges}", "it.yaml:4:"),
        ("edge: front->back, fault: status, match: {verb: GET}", "it.yaml:4:"),
        ("edge: front->back, fault: status, match: {method: get}", "it.yaml:4:"),
        ("edge: front->back, fault: status, status: 200", "it.yaml:4:"),
        ("edge: front->back, fault: status, headers: {Content-Length: '3'}", "tell nothing of the body's length"),
        ('edge: front->back, fault: status, headers: {A: "b\\r\\nC: d"}', "it.yaml:4:"),
        ("edge: front->back, fault: drop-field, field: name", "it.yaml:4:"),
        ("edge: front->back, fault: drop-field, field: /items/*", "it.yaml:4:"),
        ("edge: front->back, fault: malformed, how: badly", "it.yaml:4:"),
        ("edge: front->back, fault: trickle, drop_bytes: 0", "it.yaml:4:"),
        ("edge: front->back, fault: delay", "it.yaml:4:"),
    ],
)
def test_what_can_t_be_is_refused_with_its_place(tmp_path: Path, system: Path, target: str, complaint: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        load_experiment(_written(tmp_path, target), load_system(system), faults=FAULTS)
    assert complaint in str(refused.value)


def test_over_tls_nothing_can_be_read_and_without_it_it_can(tmp_path: Path, system: Path) -> None:
    file = _written(tmp_path, "edge: front->back, fault: html-200")
    assert load_experiment(file, load_system(system), faults=FAULTS).injections
    with pytest.raises(DeclarationError, match="'front → back' speaks TLS in this run; run it without --tls"):
        load_experiment(file, with_tls(load_system(system)), faults=FAULTS)
