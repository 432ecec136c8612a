import pytest

from harness.engine.concluding import conclusion
from harness.model.finding import Finding, Part
from harness.model.verdict import Verdict


def finding(verdict: Verdict, reason: str = "because") -> Finding:
    return Finding(check="c", part=Part.PACTS, verdict=verdict, reason=reason, subject="s")


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], Verdict.UNKNOWN),
        ([Verdict.PASS], Verdict.PASS),
        ([Verdict.PASS, Verdict.UNKNOWN], Verdict.UNKNOWN),
        ([Verdict.UNKNOWN, Verdict.FAIL, Verdict.PASS], Verdict.FAIL),
    ],
)
def test_a_run_is_its_worst_finding_and_nothing_measured_is_unknown(verdicts: list[Verdict], expected: Verdict) -> None:
    assert conclusion([finding(each) for each in verdicts])[0] is expected


def test_the_reason_is_the_first_of_the_worst() -> None:
    found = [finding(Verdict.UNKNOWN, "u"), finding(Verdict.FAIL, "f1"), finding(Verdict.FAIL, "f2")]
    assert conclusion(found)[1] == "s: f1 (and 1 more)"
    assert conclusion([])[1] == "nothing was measured"
