from __future__ import annotations

import json
import random
from typing import cast

import pytest
from hypothesis import given as with_examples
from hypothesis import strategies

from harness.contracts.ledger.content import content_digest, interaction_key
from harness.contracts.pacts import JsonObject
from tests.contracts.fakes import a_message, a_request, given
from tests.contracts.ledger.fakes import pact


@with_examples(strategies.randoms(use_true_random=False))
def test_order_changes_nothing(chance: random.Random) -> None:
    interactions = [a_request("a"), a_request("b", providerStates=[given("s", x=1)]), a_message("c")]
    shuffled = [dict(chance.sample(list(each.items()), len(each))) for each in chance.sample(interactions, 3)]

    assert content_digest(pact(*interactions)) == content_digest(pact(*shuffled))


@pytest.mark.parametrize("extra", [{"metadata": {"client": "9"}}, {"_links": {}}, {"createdAt": "today"}])
def test_metadata_changes_nothing(extra: JsonObject) -> None:
    assert content_digest(pact(a_request("a"))) == content_digest({**pact(a_request("a")), **extra})


@pytest.mark.parametrize("extra", [{"_id": "1"}, {"key": "1"}, {"comments": {"text": []}}, {"pending": False}])
def test_what_an_interaction_carries_for_people_changes_nothing(extra: dict[str, object]) -> None:
    assert content_digest(pact(a_request("a"))) == content_digest(pact(a_request("a", **extra)))


@pytest.mark.parametrize(
    "change",
    [
        {"response": {"status": 200}},
        {"request": {"method": "GET", "path": "/p", "query": {"a": ["1"]}}},
        {"providerStates": [given("there is one")]},
        {"providerStates": [given("there is one", sku="1")]},
        {"description": "b"},
        {"pending": True},
    ],
)
def test_what_is_verified_changes_it(change: dict[str, object]) -> None:
    changed = a_request("a") | change

    assert content_digest(pact(a_request("a"))) != content_digest(pact(changed))
    assert interaction_key(cast("JsonObject", a_request("a"))) != interaction_key(cast("JsonObject", changed))


def test_a_number_is_not_the_text_of_it_nor_another_kind_of_number() -> None:
    bodies = [{"response": {"status": 200, "body": {"content": {"n": n}}}} for n in (1, 1.0, "1", True)]

    assert len({content_digest(pact(a_request("a", **body))) for body in bodies}) == len(bodies)


def test_the_other_party_is_part_of_it() -> None:
    assert content_digest(pact(a_request("a"))) != content_digest(pact(a_request("a"), consumer="orders"))


def test_the_metadata_of_a_message_is_content() -> None:
    told = a_message("m", metadata={"contentType": "application/json", "subject": "orders"})

    assert content_digest(pact(a_message("m"))) != content_digest(pact(told))


def test_what_is_read_from_a_file_is_what_was_written() -> None:
    document = pact(a_request("a", response={"status": 200, "body": "grün"}))

    assert content_digest(document) == content_digest(json.loads(json.dumps(document)))
