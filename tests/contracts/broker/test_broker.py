"""Against a stub of a broker, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from harness.contracts.broker.access import TOKEN, BrokerError, access
from harness.contracts.broker.broker import Broker, Fetched, Wanted, open_broker
from harness.contracts.broker.matrix import Asked, answer_of
from harness.contracts.ledger.answer import Answer
from harness.contracts.ledger.content import content_digest, named_in
from harness.contracts.ledger.entries import Outcome
from harness.contracts.pacts import JsonObject
from harness.engine.asked import Known, Wish, ask_broker
from harness.model.verdict import Verdict
from tests.contracts.broker.stub import Stub
from tests.contracts.fakes import Provider, Respond, a_request
from tests.contracts.ledger.fakes import pact

AGREED = pact(a_request("a"), a_request("b"))
OTHER = pact(a_request("a"), a_request("b", response={"status": 204}))
MAIN = Wanted(selectors=({"mainBranch": True}, {"deployedOrReleased": True}), branch="main", pending=True)
SESAME = {TOKEN: "sesame"}

pytestmark = pytest.mark.loopback


def outcomes(*verdicts: Verdict) -> tuple[Outcome, ...]:
    return tuple(
        Outcome(interaction=label, label=label, verdict=verdict, reason="" if verdict is Verdict.PASS else "gone")
        for label, verdict in zip("ab", verdicts, strict=False)
    )


HELD = outcomes(Verdict.PASS, Verdict.PASS)
BROKEN = outcomes(Verdict.PASS, Verdict.FAIL)


async def publish(stub: Stub, version: str, document: JsonObject = AGREED, branch: str = "main") -> tuple[str, ...]:
    async with open_broker(access(stub.url, SESAME)) as broker:
        return await broker.publish("gateway", version, branch, [document])


async def fetch(stub: Stub, wanted: Wanted = MAIN, provider: str = "catalog") -> tuple[Fetched, ...]:
    async with open_broker(access(stub.url, SESAME)) as broker:
        return await broker.pacts_for(provider, wanted)


async def verify(
    stub: Stub, version: str, result: tuple[Outcome, ...] = HELD, *, wanted: Wanted = MAIN, branch: str = "main"
) -> list[bool | None]:
    async with open_broker(access(stub.url, SESAME)) as broker:
        await broker.put_on_branch("catalog", version, branch)
        return [
            await broker.publish_result(each, version, result) for each in await broker.pacts_for("catalog", wanted)
        ]


async def ask(stub: Stub, service: str, version: str, to: str = "production", **what_if: str) -> Answer:
    wish = Wish(service=service, version=version, environment=to, what_if=what_if)
    async with open_broker(access(stub.url, SESAME)) as broker:
        return await ask_broker(wish, broker, stub.url, Known(owners={"catalog": "merchandise"}))


async def place(stub: Stub, service: str, version: str, to: str = "production") -> None:
    async with open_broker(access(stub.url, SESAME)) as broker:
        await broker.record("deployed", service, version, to)


async def test_what_was_published_is_fetched_with_the_same_content(stub: Stub) -> None:
    said = await publish(stub, "1")

    [fetched] = await fetch(stub)

    assert said == ("Pact successfully published for gateway version 1 and provider catalog.",)
    assert content_digest(fetched.document) == content_digest(AGREED)
    assert fetched.name == "Pact between gateway (1) and catalog"
    assert "is being verified because" in fetched.notices[0]


async def test_another_content_under_the_same_version_is_refused_by_the_broker(stub: Stub) -> None:
    await publish(stub, "1")

    with pytest.raises(BrokerError, match="answers 409: Cannot change the content of the pact for gateway version 1"):
        await publish(stub, "1", OTHER)


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ({"mainBranch": True}, ["1"]),
        ({"branch": "side"}, ["2"]),
        ({"matchingBranch": True}, ["2"]),
        ({"deployedOrReleased": True}, ["3"]),
        ({"deployed": True, "environment": "test"}, []),
    ],
)
async def test_selectors_choose(stub: Stub, selector: dict[str, str | bool], found: list[str]) -> None:
    for version, branch in (("3", "old"), ("1", "main"), ("2", "side")):
        await publish(stub, version, pact(a_request(version)), branch)
    await place(stub, "gateway", "3")

    fetched = await fetch(stub, Wanted(selectors=(selector,), branch="side"))

    assert [each.name.split("(")[1].split(")")[0] for each in fetched] == found


async def test_a_pact_is_pending_until_it_held_once_on_the_branch(stub: Stub) -> None:
    await publish(stub, "1")

    assert [each.pending for each in await fetch(stub)] == [True]
    assert await verify(stub, "5", BROKEN) == [False]
    assert [each.pending for each in await fetch(stub)] == [True]
    assert await verify(stub, "6") == [True]
    assert [each.pending for each in await fetch(stub)] == [False]


async def test_work_in_progress_is_fetched_when_it_is_asked_for(stub: Stub) -> None:
    await publish(stub, "1", AGREED, "side")
    wanted = Wanted(selectors=({"mainBranch": True},), branch="main", pending=True, wip_since="2026-01-01")

    assert await fetch(stub) == ()
    assert [(each.wip, each.pending) for each in await fetch(stub, wanted)] == [(True, True)]


async def test_a_provider_that_the_broker_does_not_know_has_no_pacts(stub: Stub) -> None:
    assert await fetch(stub, provider="nobody") == ()


@pytest.mark.parametrize("result", [(), outcomes(Verdict.UNKNOWN), outcomes(Verdict.PASS, Verdict.UNKNOWN)])
async def test_what_was_not_wholly_compared_is_not_published(stub: Stub, result: tuple[Outcome, ...]) -> None:
    await publish(stub, "1")

    assert await verify(stub, "2", result) == [None]
    assert stub.results == []


async def test_the_matrix_says_yes_no_and_unknown(stub: Stub) -> None:
    await publish(stub, "1")
    await verify(stub, "2")
    await verify(stub, "3", BROKEN)
    await place(stub, "catalog", "2")
    await place(stub, "gateway", "1")

    assert (await ask(stub, "gateway", "1")).verdict is Verdict.PASS
    assert (await ask(stub, "catalog", "2")).verdict is Verdict.PASS
    failed = await ask(stub, "catalog", "3")
    assert failed.verdict is Verdict.FAIL
    assert failed.pairs[0].owner == "merchandise"
    assert [(each.label, each.reason) for each in failed.pairs[0].interactions] == [("b", "gone")]
    await publish(stub, "2", OTHER)
    changed = await ask(stub, "gateway", "2")
    assert changed.verdict is Verdict.UNKNOWN
    assert [(pair.label, pair.fillable) for pair in changed.pairs] == [("gateway 2 → catalog 2", True)]


async def test_a_provider_without_a_result_for_who_is_there_is_unknown(stub: Stub) -> None:
    await publish(stub, "1")
    await verify(stub, "2")
    await place(stub, "gateway", "1")
    async with open_broker(access(stub.url, SESAME)) as broker:
        await broker.put_on_branch("catalog", "3", "main")

    answer = await ask(stub, "catalog", "3")

    assert answer.verdict is Verdict.UNKNOWN
    assert [(pair.label, pair.fillable) for pair in answer.pairs] == [("gateway 1 → catalog 3", True)]


async def test_each_version_of_a_provider_that_is_there_needs_a_result(stub: Stub) -> None:
    await publish(stub, "1")
    await verify(stub, "2")
    await place(stub, "catalog", "2")
    async with open_broker(access(stub.url, SESAME)) as broker:
        await broker.put_on_branch("catalog", "3", "main")
        await broker.record("released", "catalog", "3", "production")

    answer = await ask(stub, "gateway", "1")

    assert answer.verdict is Verdict.UNKNOWN
    assert [(pair.provider_version, pair.verdict.value) for pair in answer.pairs] == [("2", "PASS"), ("3", "UNKNOWN")]


async def test_a_consumer_is_unknown_while_its_provider_is_not_there(stub: Stub) -> None:
    await publish(stub, "1")

    answer = await ask(stub, "gateway", "1")

    assert answer.verdict is Verdict.UNKNOWN
    assert answer.pairs[0].reason == "no version of catalog is in production, and gateway relies on it"
    assert not answer.pairs[0].fillable


async def test_a_failure_after_a_success_counts(stub: Stub) -> None:
    await publish(stub, "1")
    await place(stub, "gateway", "1")
    await verify(stub, "3")
    await verify(stub, "3", BROKEN)

    assert (await ask(stub, "catalog", "3")).verdict is Verdict.FAIL


async def test_a_success_that_tells_of_no_interaction_does_not_count(stub: Stub) -> None:
    await publish(stub, "1")
    await place(stub, "gateway", "1")
    await verify(stub, "3")
    assert (await ask(stub, "catalog", "3")).verdict is Verdict.PASS

    stub.results[0].body["testResults"] = []
    assert (await ask(stub, "catalog", "3")).verdict is Verdict.UNKNOWN

    del stub.results[0].body["testResults"]
    assert (await ask(stub, "catalog", "3")).verdict is Verdict.PASS


async def test_a_result_names_the_interactions_as_the_broker_does(stub: Stub) -> None:
    await publish(stub, "1")
    names = [each for each in named_in(AGREED) if each.label == "a"]
    await verify(stub, "2", (Outcome(interaction=names[0].key, label="a", verdict=Verdict.PASS),))

    [told] = stub.results[0].body["testResults"]
    [known] = [each for each in stub.publications[0].content["interactions"] if each["description"] == "a"]
    assert told == {"interactionDescription": "a", "interactionId": known["_id"], "success": True}


async def test_a_yes_without_rows_is_unknown_unless_the_version_was_ever_verified(stub: Stub) -> None:
    await publish(stub, "1")
    await verify(stub, "2")
    async with open_broker(access(stub.url, SESAME)) as broker:
        await broker.put_on_branch("catalog", "4", "main")
        stub.publications.clear()
        assert (await broker.matrix("catalog", "4", environment="production"))["summary"]

    answer = await ask(stub, "catalog", "4")

    assert answer.verdict is Verdict.UNKNOWN
    assert "shows nothing" in answer.doubts[0]


async def test_a_provider_whose_consumers_are_not_there_can_go_once_it_was_verified(stub: Stub) -> None:
    await publish(stub, "1")
    await verify(stub, "2")

    answer = await ask(stub, "catalog", "2")

    assert answer.verdict is Verdict.PASS
    assert answer.notes == ("nothing in production relies on it, and it relies on nobody",)


async def test_a_version_that_the_broker_does_not_know_is_unknown(stub: Stub) -> None:
    await publish(stub, "1")

    answer = await ask(stub, "gateway", "77")

    assert answer.verdict is Verdict.UNKNOWN
    assert "No such version: gateway 77" in answer.doubts[0]


async def test_what_if_is_asked_with_the_other_version(stub: Stub) -> None:
    await publish(stub, "1")
    await verify(stub, "2")
    await verify(stub, "3", BROKEN)
    await place(stub, "catalog", "2")

    assert (await ask(stub, "gateway", "1")).verdict is Verdict.PASS
    assert (await ask(stub, "gateway", "1", catalog="3")).verdict is Verdict.FAIL


async def test_a_deployment_is_recorded_replaced_and_undone(stub: Stub) -> None:
    await publish(stub, "1")
    await publish(stub, "2")
    await place(stub, "gateway", "1")
    await place(stub, "gateway", "2")
    assert [each.version for each in stub.places if each.current] == ["2"]

    async with open_broker(access(stub.url, SESAME)) as broker:
        await broker.record("undeployed", "gateway", "2", "production")
        await broker.record("released", "gateway", "1", "test")
        await broker.record("released", "gateway", "2", "test")
        assert [each.version for each in stub.places if each.current] == ["1", "2"]
        await broker.record("unreleased", "gateway", "1", "test")
        assert [each.version for each in stub.places if each.current] == ["2"]
        with pytest.raises(BrokerError, match="gateway 1 is not in test"):
            await broker.record("unreleased", "gateway", "1", "test")


async def test_an_unknown_version_or_environment_is_told_with_what_there_is(stub: Stub) -> None:
    await publish(stub, "1")

    with pytest.raises(BrokerError, match="knows no gateway 9"):
        await place(stub, "gateway", "9")
    with pytest.raises(BrokerError, match=r"no environment 'prod' \(known: production, test\)"):
        await place(stub, "gateway", "1", "prod")


async def test_a_wrong_token_is_told_with_the_variables_and_without_the_token(stub: Stub) -> None:
    with pytest.raises(BrokerError, match="refuses \\(401\\): set PACT_BROKER_TOKEN") as caught:
        async with open_broker(access(stub.url, {TOKEN: "wrong-one"})):
            pass
    assert "wrong-one" not in str(caught.value)


async def test_nobody_there_is_told() -> None:
    with pytest.raises(BrokerError, match=r"the broker at http://127\.0\.0\.1:1 can't be reached"):
        async with open_broker(access("http://127.0.0.1:1", {})):
            pass


ANSWERS: dict[str, tuple[tuple[int, dict[str, str], str], str]] = {
    "no JSON": ((200, {}, "<html>"), "is a Pact Broker there?"),
    "a list": ((200, {}, "[]"), "is a Pact Broker there?"),
    "a redirection": ((302, {"location": "http://elsewhere.example"}, ""), "answers 302"),
    "an error that repeats the token": (
        (500, {}, json.dumps({"error": {"message": "bad sesame"}})),
        "answers 500: bad \\[secret\\]",
    ),
    "an index without links": ((200, {}, "{}"), "offers no pb:publish-contracts"),
    "links to another place": (
        (200, {}, json.dumps({"_links": {"pb:publish-contracts": {"href": "http://elsewhere.example/x"}}})),
        "links to http://elsewhere.example/x, which is another place: nothing was sent there",
    ),
}


@pytest.mark.parametrize("how", ANSWERS)
async def test_what_is_no_broker_is_told(serve: Callable[[Respond], Provider], how: str) -> None:
    answer, said = ANSWERS[how]
    provider = serve(lambda _method, _path, _body: answer)

    with pytest.raises(BrokerError, match=said):
        async with open_broker(access(provider.url, SESAME)) as broker:
            await broker.publish("gateway", "1", "main", [AGREED])


@pytest.mark.parametrize(
    "document", [{}, {"summary": {}, "matrix": []}, {"summary": {"deployable": True}, "matrix": 3}]
)
def test_what_is_no_matrix_is_told(document: JsonObject) -> None:
    asked = Asked(service="a", version="1", environment="x", broker="http://broker")

    with pytest.raises(BrokerError, match="expected the matrix of a broker"):
        answer_of(document, asked)


async def test_a_broker_that_is_asked_by_one_is_closed_again(stub: Stub) -> None:
    async with open_broker(access(stub.url, SESAME)) as broker:
        assert isinstance(broker, Broker)
    assert stub.provider is not None
    assert {sent["authorization"] for sent in stub.provider.sent} == {"Bearer sesame"}
