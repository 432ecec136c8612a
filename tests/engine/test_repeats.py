from harness.engine.repeats import disagreements
from harness.model.verdict import Verdict

PASS, FAIL = Verdict.PASS, Verdict.FAIL


def test_repeats_that_agree_pass_and_those_that_disagree_are_told_as_flaky() -> None:
    same, flaky = disagreements({"a": [PASS, PASS], "b": [PASS, FAIL, PASS], "once": [FAIL]}, "harness chaos run")
    assert (same.verdict, same.subject) == (Verdict.PASS, "a")
    assert "all repeats agree, 2 PASS of 2" in same.reason
    assert (flaky.verdict, flaky.subject) == (Verdict.UNKNOWN, "b")
    assert "flaky: the repeats disagree, 2 PASS, 1 FAIL of 3 (in order: PASS FAIL PASS)" in flaky.reason
    assert flaky.replay == "harness chaos run --repeat 3 b"


def test_repeats_that_all_fail_agree() -> None:
    (found,) = disagreements({"a": [FAIL, FAIL]}, "harness")
    assert found.verdict is Verdict.PASS
