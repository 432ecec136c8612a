from dataclasses import replace

from harness.checkers.conformance import conformance
from harness.model.history import Nonconformity
from harness.model.observation import AnswerClass
from harness.model.verdict import Verdict
from tests.checkers.histories import CUSTOMERS, answer, experiment, history

UNDECLARED = "status 502 is not declared"


def broken(service: str, *problems: str) -> Nonconformity:
    return Nonconformity(
        answer=answer("browse", AnswerClass.DIRTY, status=502, body="Bad Gateway"), service=service, problems=problems
    )


def test_answers_that_keep_to_their_documents_pass() -> None:
    (found,) = conformance(history())
    assert Verdict.PASS is found.verdict
    assert found.reason == "all 4 kinds of answers seen keep to their documents"


def test_nothing_checked_is_unknown() -> None:
    (found,) = conformance(replace(history(), conformance_checked=0))
    assert Verdict.UNKNOWN is found.verdict


def test_each_cause_fails_once_and_belongs_to_the_service_that_answered() -> None:
    twice = (broken("gateway", UNDECLARED), broken("gateway", UNDECLARED, "body: 'price' is missing"))
    found = conformance(replace(history(), nonconformities=twice))
    assert [each.reason for each in found] == [UNDECLARED + " (14 answers)", "body: 'price' is missing (7 answers)"]
    assert {Verdict.FAIL} == {each.verdict for each in found}
    first = found[0]
    assert (first.subject, first.service, first.owner, first.inferred) == ("GET /browse", "gateway", "edge", False)
    assert first.evidence[0] == "7 times GET /browse/1 → 502 (dirty failure) Bad Gateway"


def test_what_the_fault_did_to_the_customers_own_connection_is_told_and_not_judged() -> None:
    (found,) = conformance(replace(history(experiment(CUSTOMERS)), nonconformities=(broken("gateway", UNDECLARED),)))
    assert Verdict.PASS is found.verdict
