from __future__ import annotations

from pathlib import Path

import pytest

from harness.contracts.ledger.ask import Question, can_i_deploy
from harness.contracts.ledger.store import read_ledger
from tests.contracts.fakes import a_request
from tests.contracts.ledger.fakes import FAIL, PASS, UNKNOWN, Writer, pact

AGREED = pact(a_request("a"), a_request("b"))
OTHER = pact(a_request("a"), a_request("b", response={"status": 204}))
ORDERS = pact(a_request("c"), provider="orders")


@pytest.fixture
def stands(ledger: Writer) -> Writer:
    """Version 1 of the gateway and 2 of the catalog are in production, and were verified."""
    ledger.publish("1", AGREED)
    ledger.verify("2", AGREED)
    ledger.place("gateway", "1")
    ledger.place("catalog", "2")
    return ledger


def test_an_empty_ledger_is_unknown(ledger: Writer) -> None:
    answer = ledger.ask("gateway", "1")

    assert answer.verdict is UNKNOWN
    assert "knows no environment 'production'" in answer.doubts[0]
    assert "knows nothing of gateway 1" in answer.doubts[1]


def test_a_consumer_whose_pact_was_verified_with_what_is_there_can_go(stands: Writer) -> None:
    stands.publish("1.1", AGREED)

    answer = stands.ask("gateway", "1.1")

    assert answer.verdict is PASS
    assert [(pair.label, pair.reason) for pair in answer.pairs] == [
        ("gateway 1.1 → catalog 2", "all 2 interactions verified")
    ]


def test_a_provider_that_was_verified_with_who_is_there_can_go(stands: Writer) -> None:
    stands.verify("3", AGREED)

    assert stands.ask("catalog", "3").verdict is PASS


def test_a_provider_that_was_not_verified_is_unknown_and_told_who_settles_it_how(stands: Writer) -> None:
    answer = stands.ask("catalog", "3")

    [pair] = answer.pairs
    assert answer.verdict is UNKNOWN
    assert pair.reason == (
        "catalog 3 was never verified against this pact (2 interactions); the same pact was verified with catalog 2"
    )
    assert pair.owner == "merchandise"
    expected = "harness verify --provider catalog --version 3 --pacts-of gateway=1 --ledger contracts/ledger"
    assert pair.settle == expected
    assert pair.fillable


def test_a_verification_of_another_content_does_not_count(stands: Writer) -> None:
    stands.verify("3", OTHER)

    answer = stands.ask("catalog", "3")

    assert answer.verdict is UNKNOWN
    assert "catalog 2" in answer.pairs[0].reason


def test_a_changed_pact_must_be_verified_anew(stands: Writer) -> None:
    stands.publish("2", OTHER)

    answer = stands.ask("gateway", "2")

    assert answer.verdict is UNKNOWN
    assert "catalog 2 was verified against other pacts only" in answer.pairs[0].reason


def test_a_result_with_no_interaction_does_not_count(stands: Writer) -> None:
    stands.verify("3", AGREED, [])

    assert stands.ask("catalog", "3").verdict is UNKNOWN


def test_a_result_that_compared_nothing_does_not_count(stands: Writer) -> None:
    stands.verify("3", AGREED, UNKNOWN)

    assert stands.ask("catalog", "3").verdict is UNKNOWN


def test_a_result_that_lacks_an_interaction_is_unknown_and_names_it(stands: Writer) -> None:
    stands.verify("3", AGREED, [PASS])

    answer = stands.ask("catalog", "3")

    assert answer.verdict is UNKNOWN
    assert answer.pairs[0].reason == "1 of 2 interactions never verified"
    assert [each.label for each in answer.pairs[0].interactions] == ["b"]


def test_results_that_together_verify_all_do(stands: Writer) -> None:
    stands.verify("3", AGREED, [PASS, UNKNOWN])
    stands.verify("3", AGREED, [UNKNOWN, PASS])

    assert stands.ask("catalog", "3").verdict is PASS


def test_a_failure_after_a_success_counts_and_names_the_interaction(stands: Writer) -> None:
    stands.verify("3", AGREED, PASS)
    stands.verify("3", AGREED, [PASS, FAIL])

    answer = stands.ask("catalog", "3")

    assert answer.verdict is FAIL
    assert answer.pairs[0].reason == "1 of 2 interactions failed"
    assert [(each.label, each.reason) for each in answer.pairs[0].interactions] == [("b", "gone")]


def test_nothing_measured_after_a_failure_leaves_it_failed(stands: Writer) -> None:
    stands.verify("3", AGREED, FAIL)
    stands.verify("3", AGREED, UNKNOWN)

    assert stands.ask("catalog", "3").verdict is FAIL


def test_a_success_after_a_failure_counts(stands: Writer) -> None:
    stands.verify("3", AGREED, FAIL)
    stands.verify("3", AGREED)

    assert stands.ask("catalog", "3").verdict is PASS


@pytest.mark.parametrize("order", [(PASS, FAIL), (FAIL, PASS)])
def test_of_two_at_one_moment_the_failure_counts(stands: Writer, order: tuple[object, object]) -> None:
    before = stands.at
    for verdict in order:
        stands.at = before
        stands.verify("3", AGREED, FAIL if verdict is FAIL else PASS)

    assert stands.ask("catalog", "3").verdict is FAIL


def test_another_version_that_failed_is_no_matter(stands: Writer) -> None:
    stands.verify("2.9", AGREED, FAIL)
    stands.verify("3", AGREED)

    assert stands.ask("catalog", "3").verdict is PASS


def test_a_consumer_is_unknown_while_its_provider_is_not_there(stands: Writer) -> None:
    stands.publish("2", AGREED, ORDERS)

    answer = stands.ask("gateway", "2")

    assert answer.verdict is UNKNOWN
    assert "no version of orders is in production, and gateway relies on it" in {pair.reason for pair in answer.pairs}


def test_a_provider_can_go_before_its_consumer(stands: Writer) -> None:
    stands.publish("1", consumer="orders")

    answer = stands.ask("orders", "1")

    assert answer.verdict is PASS
    assert answer.notes == ("nothing in production relies on it, and it relies on nobody",)


def test_who_is_unknown_cannot_go_though_nobody_relies_on_it(stands: Writer) -> None:
    answer = stands.ask("ordres", "1")

    assert answer.verdict is UNKNOWN
    assert "knows nothing of ordres 1" in answer.doubts[0]


def test_an_environment_that_nobody_named_is_unknown_and_not_empty(stands: Writer) -> None:
    answer = stands.ask("catalog", "2", to="prodution")

    assert answer.verdict is UNKNOWN
    assert "(known: production)" in answer.doubts[0]


def test_a_consumer_that_did_not_publish_is_unknown(stands: Writer) -> None:
    answer = stands.ask("gateway", "9")

    assert answer.verdict is UNKNOWN
    assert answer.pairs[0].settle == "harness publish 9 --consumer gateway --ledger contracts/ledger"
    assert answer.pairs[0].owner == "edge"


def test_a_consumer_that_is_there_with_pacts_unpublished_makes_its_provider_unknown(stands: Writer) -> None:
    stands.place("gateway", "9")
    stands.verify("3", AGREED)

    answer = stands.ask("catalog", "3")

    assert answer.verdict is UNKNOWN
    assert "gateway 9 has not published its pacts" in answer.pairs[0].reason


def test_a_pact_that_is_checked_out_is_owed_to_the_ledger(stands: Writer) -> None:
    stands.place("reviews", "1")
    stands.verify("3", AGREED)
    question = Question(
        service="catalog", version="3", environment="production", pacts=frozenset({("reviews", "catalog")})
    )

    answer = can_i_deploy(read_ledger(stands.directory), question)

    assert answer.verdict is UNKNOWN
    assert stands.ask("catalog", "3").verdict is PASS


def test_two_publications_of_one_version_must_both_hold(stands: Writer) -> None:
    stands.publish("1", OTHER)
    stands.verify("3", AGREED)

    assert stands.ask("catalog", "3").verdict is UNKNOWN


def test_every_version_that_is_released_counts(stands: Writer) -> None:
    stands.publish("0.9", OTHER)
    stands.place("gateway", "0.9", entry="released")
    stands.verify("3", AGREED)

    assert [pair.consumer_version for pair in stands.ask("catalog", "3").pairs] == ["1", "0.9"]
    assert stands.ask("catalog", "3").verdict is UNKNOWN
    stands.place("gateway", "0.9", entry="unreleased")
    assert stands.ask("catalog", "3").verdict is PASS


def test_a_deployment_replaces_the_one_before_and_can_be_undone(stands: Writer) -> None:
    stands.publish("2", OTHER)
    stands.verify("3", AGREED)
    stands.place("gateway", "2")

    assert stands.ask("catalog", "3").verdict is UNKNOWN
    stands.place("gateway", "2", entry="undeployed")
    assert stands.ask("catalog", "3").pairs == ()


def test_undoing_a_version_that_is_not_there_undoes_nothing(stands: Writer) -> None:
    stands.place("gateway", "9", entry="undeployed")

    assert len(stands.ask("catalog", "2").pairs) == 1


def test_another_environment_is_another_matter(stands: Writer) -> None:
    stands.publish("2", OTHER)
    stands.place("gateway", "2", "test")
    stands.verify("3", AGREED)

    assert stands.ask("catalog", "3").verdict is PASS
    assert stands.ask("catalog", "3", to="test").verdict is UNKNOWN


def test_what_if_thinks_of_another_version_there(stands: Writer) -> None:
    stands.publish("2", OTHER)
    stands.verify("3", OTHER)

    assert stands.ask("catalog", "3").verdict is UNKNOWN
    assert stands.ask("catalog", "3", gateway="2").verdict is PASS
    assert stands.ask("gateway", "2", catalog="3").verdict is PASS


def test_what_if_with_a_version_that_nobody_knows_is_unknown(stands: Writer) -> None:
    assert stands.ask("catalog", "2", gateway="77").verdict is UNKNOWN
    assert stands.ask("gateway", "1", catalog="77").verdict is UNKNOWN
    assert stands.ask("catalog", "2", gatewya="1").verdict is UNKNOWN


def test_who_relies_on_itself_is_judged_with_itself(ledger: Writer) -> None:
    own = pact(a_request("a"), consumer="shop", provider="shop")
    ledger.place("shop", "1")
    ledger.publish("2", own, consumer="shop")

    assert ledger.ask("shop", "2").verdict is UNKNOWN
    ledger.verify("2", own)
    assert ledger.ask("shop", "2").verdict is PASS


def test_a_broken_file_keeps_the_answer_from_being_yes_and_the_rest_is_told(stands: Writer) -> None:
    stands.verify("8", AGREED).write_text("{")

    answer = stands.ask("catalog", "2")

    assert answer.verdict is UNKNOWN
    assert answer.pairs[0].verdict is PASS
    assert ":1:2: expected JSON" in "\n".join(answer.lines())


def test_a_broken_file_does_not_hide_a_failure(stands: Writer) -> None:
    stands.verify("3", AGREED, FAIL)
    stands.verify("8", AGREED).write_text("{")

    assert stands.ask("catalog", "3").verdict is FAIL


def test_a_content_that_is_lost_is_unknown(stands: Writer) -> None:
    for file in Path(stands.directory / "contents").iterdir():
        file.unlink()

    answer = stands.ask("catalog", "2")

    assert answer.verdict is UNKNOWN
    assert "the ledger has lost what gateway 1 relies on" in answer.pairs[0].reason


def test_the_answer_tells_what_is_to_blame_first(stands: Writer) -> None:
    stands.publish("2", AGREED, ORDERS)
    stands.place("orders", "5")
    stands.verify("5", ORDERS, FAIL)

    lines = list(stands.ask("gateway", "2").lines())

    assert lines[0] == "gateway 2 to production: no"
    assert lines[1] == "  FAIL    gateway 2 → orders 5: 1 of 1 interaction failed"
    assert lines[2] == "            FAIL    c: gone"
    assert lines[3] == "            owner: merchandise"
    assert lines[4].startswith("            settle: harness verify --provider orders --version 5")
    assert lines[5] == "  PASS    gateway 2 → catalog 2: all 2 interactions verified"


def test_the_answer_as_json_says_yes_no_or_null(stands: Writer) -> None:
    stands.verify("3", AGREED, FAIL)

    assert stands.ask("catalog", "2").document()["deployable"] is True
    assert stands.ask("catalog", "3").document()["deployable"] is False
    assert stands.ask("catalog", "4").document()["deployable"] is None
