from __future__ import annotations

from dataclasses import replace

from harness.checkers import judge
from harness.checkers.harness_parts import harness_parts
from harness.model.verdict import Verdict
from tests.checkers.histories import Each, history

DEAD = Each(ok=0, failed=10)


def test_nothing_is_said_when_nothing_went_wrong() -> None:
    assert harness_parts(history()) == ()


def test_a_proxy_that_died_leaves_neither_a_pass_nor_a_refuted_comparison() -> None:
    sick = replace(history(fault={"browse": DEAD, "checkout": DEAD}), trouble=("toxiproxy-gateway died",))
    findings = judge(sick)
    assert "toxiproxy-gateway died" in [each.reason for each in findings]
    assert not [each for each in findings if each.verdict is Verdict.PASS and each.part != "validity"]
    assert {each.verdict for each in findings if each.check == "availability"} == {Verdict.UNKNOWN}
