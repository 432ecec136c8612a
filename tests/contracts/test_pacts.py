from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from harness.contracts.pacts import (
    JsonObject,
    Kind,
    providers_in,
    read_pact,
    read_pacts,
    read_sound_pacts,
    with_version,
)
from harness.errors import DeclarationError
from tests.contracts.fakes import a_message, a_pact, a_request, given, write_pact


def test_a_pact_file_becomes_interactions_with_their_places(tmp_path: Path) -> None:
    states = [given("a product exists", sku="sku-0001")]
    file = write_pact(tmp_path, a_pact(a_request("a product", providerStates=states), a_message("an order")))

    pact = read_pact(file)

    assert (pact.consumer, pact.provider, pact.specification) == ("gateway", "catalog", "4.0")
    assert pact.version == ""
    assert [each.kind for each in pact.interactions] == [Kind.HTTP, Kind.MESSAGE]
    assert pact.interactions[0].label == "a product, given a product exists"
    line = pact.interactions[0].place.line
    assert line is not None
    assert '"a product"' in file.read_text().splitlines()[line - 1]


def test_the_version_of_its_consumer_is_read_where_a_broker_told_it(tmp_path: Path) -> None:
    told = with_version(cast("JsonObject", a_pact(a_request("a product"))), "1.4")
    assert read_pact(write_pact(tmp_path, {**told})).version == "1.4"
    assert with_version({"a": 1}, "") == {"a": 1}


@pytest.mark.parametrize("links", [None, [], {"pb:consumer-version": "1.4"}, {"pb:consumer-version": {"name": 1}}])
def test_links_that_nobody_understands_are_no_trouble(tmp_path: Path, links: object) -> None:
    assert read_pact(write_pact(tmp_path, {**a_pact(a_request("a product")), "_links": links})).version == ""


def test_a_version_3_file_with_messages_is_read_too(tmp_path: Path) -> None:
    request = a_request("a product")
    del request["type"]
    message = {"description": "an order", "contents": {"order_id": "1"}, "metaData": {}}
    pact = {**a_pact(request), "messages": [message], "metadata": {"pactSpecification": {"version": "3.0.0"}}}

    read = read_pact(write_pact(tmp_path, pact))

    assert [each.kind for each in read.interactions] == [Kind.HTTP, Kind.MESSAGE]


def test_what_a_state_must_inject_is_known(tmp_path: Path) -> None:
    generators = {
        "path": {"type": "ProviderState", "expression": "/orders/${order_id}"},
        "body": {"$.key": {"type": "ProviderState", "expression": "${key}"}, "$.at": {"type": "Date"}},
    }
    request = {"method": "GET", "path": "/orders/1", "generators": generators}

    read = read_pact(write_pact(tmp_path, a_pact(a_request("an order", request=request))))

    assert read.interactions[0].injected == ("order_id", "key")


EMPTY: list[object] = [None, "", {}, {"content": None}, {"content": ""}, {"content": {}}]


@pytest.mark.parametrize("contents", EMPTY, ids=repr)
def test_a_message_without_contents_is_refused(tmp_path: Path, contents: object) -> None:
    file = write_pact(tmp_path, a_pact(a_message("an order", contents=contents)))

    with pytest.raises(
        DeclarationError, match=r"gateway-catalog\.json:\d+: expected contents in the message 'an order'"
    ):
        read_pact(file)


def test_a_message_without_the_key_contents_is_refused(tmp_path: Path) -> None:
    message = a_message("an order")
    del message["contents"]

    with pytest.raises(DeclarationError, match="expected contents"):
        read_pact(write_pact(tmp_path, a_pact(message)))


def test_a_pact_without_interactions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="expected at least one interaction"):
        read_pact(write_pact(tmp_path, a_pact()))


def test_a_duplicate_is_refused_at_the_place_of_the_second(tmp_path: Path) -> None:
    twice = [a_request("a product"), a_request("a product", providerStates=[given("x")]), a_request("a product")]
    file = write_pact(tmp_path, a_pact(*twice))

    with pytest.raises(DeclarationError) as caught:
        read_pact(file)

    [problem] = caught.value.problems
    assert "duplicate interaction 'a product'" in problem.message
    lines = [number for number, line in enumerate(file.read_text().splitlines(), 1) if '"a product"' in line]
    assert lines[2] == problem.place.line


def test_a_duplicate_message_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="duplicate interaction 'an order'"):
        read_pact(write_pact(tmp_path, a_pact(a_message("an order"), a_message("an order"))))


def test_what_is_broken_keeps_nobody_from_what_is_sound(tmp_path: Path) -> None:
    write_pact(tmp_path, a_pact(a_request("a product")), "gateway-catalog.json")
    (tmp_path / "a-b.json").write_text("{")

    pacts, problems = read_sound_pacts(tmp_path)

    assert [pact.file.name for pact in pacts] == ["gateway-catalog.json"]
    assert [Path(problem.place.file).name for problem in problems] == ["a-b.json"]


def test_one_description_under_two_states_is_no_duplicate(tmp_path: Path) -> None:
    both = [a_request("a product", providerStates=[given("stock", left=left)]) for left in (0, 1)]

    assert len(read_pact(write_pact(tmp_path, a_pact(*both))).interactions) == 2


def test_broken_json_is_told_with_line_and_column(tmp_path: Path) -> None:
    (tmp_path / "a-b.json").write_text('{\n  "consumer": }')

    with pytest.raises(DeclarationError, match=r"a-b\.json:2:15: expected JSON"):
        read_pact(tmp_path / "a-b.json")


WRONG = [
    ({"consumer": {}}, "consumer.name"),
    ({"metadata": {"pactSpecification": {"version": "2.0.0"}}}, "specification 3 or 4, found '2.0.0'"),
    ({"metadata": {"pactSpecification": {"version": "4.0"}, "plugins": [{"name": "grpc"}]}}, "without plugins"),
    ({"interactions": [a_request("x", type="Synchronous/Messages")]}, "found 'Synchronous/Messages'"),
    ({"interactions": [a_request("x", response=None)]}, "expected 'request' and 'response'"),
    ({"interactions": [a_request("")]}, "interactions.0.description"),
    ({"interactions": "many"}, "at interactions"),
]


@pytest.mark.parametrize(("change", "told"), WRONG, ids=[told for _, told in WRONG])
def test_what_is_no_pact_is_refused_with_its_place(tmp_path: Path, change: dict[str, object], told: str) -> None:
    with pytest.raises(DeclarationError, match=r"gateway-catalog\.json") as caught:
        read_pact(write_pact(tmp_path, a_pact(a_request("fine")) | change))

    assert told in str(caught.value)


def test_a_json_array_is_no_pact(tmp_path: Path) -> None:
    (tmp_path / "a-b.json").write_text("[]")

    with pytest.raises(DeclarationError, match="expected a JSON object, found list"):
        read_pact(tmp_path / "a-b.json")


def test_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    write_pact(tmp_path, a_pact(), "one.json")
    write_pact(tmp_path, a_pact(), "two.json")

    with pytest.raises(DeclarationError) as caught:
        read_pacts(tmp_path)

    assert len(caught.value.problems) == 2


def test_the_providers_are_known_by_consumer(tmp_path: Path) -> None:
    write_pact(tmp_path, a_pact(a_request("x")), "one.json")
    write_pact(tmp_path, a_pact(a_request("x"), consumer="orders", provider="payments"), "two.json")

    assert {"catalog", "payments"} == providers_in(tmp_path)
    assert {"payments"} == providers_in(tmp_path, consumer="orders")
