# ruff: noqa: PT012 -- a whole block is what is refused here
from __future__ import annotations

import asyncio
import json
import multiprocessing
import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from pact import match

from harness.contracts.consumer import Consumer, keep_fragment
from harness.contracts.pact_merge import merge
from harness.contracts.pacts import read_pact, read_pacts
from harness.errors import ContractError
from tests.contracts.fakes import a_pact, a_request, write_pact

UUID = "4c6e7f10-9c1f-4b5e-8d37-5df3c4f3d9b1"
pytestmark = pytest.mark.loopback


def ask(url: str, path: str) -> int:
    try:
        with urllib.request.urlopen(url + path, timeout=5) as response:  # noqa: S310 -- the mock server's own URL
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def a_consumer(fragments: Path) -> Consumer:
    return Consumer("gateway", "catalog", fragments=fragments)


def describe(consumer: Consumer, description: str = "a product", path: str = "/products/sku-0001") -> None:
    (
        consumer.upon_receiving(description)
        .with_request("GET", path)
        .will_respond_with(200)
        .with_body({"sku": match.like("sku-0001")}, content_type="application/json")
    )


def test_what_was_exercised_is_written(tmp_path: Path) -> None:
    with a_consumer(tmp_path) as consumer:
        describe(consumer)
        with consumer.serve() as url:
            assert ask(url, "/products/sku-0001") == 200

    [pact] = read_pacts(tmp_path)
    assert [each.description for each in pact.interactions] == ["a product"]


def test_an_interaction_that_was_never_called_fails_the_test_and_is_not_written(tmp_path: Path) -> None:
    with (
        pytest.raises(AssertionError, match=r"(?s)gateway does not ask as agreed.*sku-0002"),
        a_consumer(tmp_path) as it,
    ):
        describe(it)
        describe(it, "another", "/products/sku-0002")
        with it.serve() as url:
            ask(url, "/products/sku-0001")

    assert list(tmp_path.iterdir()) == []


def test_a_request_that_was_not_agreed_fails_the_test_and_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="/other"), a_consumer(tmp_path) as consumer:
        describe(consumer)
        with consumer.serve() as url:
            ask(url, "/products/sku-0001")
            ask(url, "/other")

    assert list(tmp_path.iterdir()) == []


def test_a_mismatch_is_told_even_when_the_test_raises_because_of_it(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="does not ask as agreed"), a_consumer(tmp_path) as consumer:
        describe(consumer)
        with consumer.serve() as url:
            assert ask(url, "/wrong") == 200, "a consequence"


def test_nothing_is_written_when_the_test_fails_after_serving(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="the client read it wrong"), a_consumer(tmp_path) as consumer:
        describe(consumer)
        with consumer.serve() as url:
            ask(url, "/products/sku-0001")
        raise AssertionError("the client read it wrong")

    assert list(tmp_path.iterdir()) == []


def test_an_interaction_that_was_never_served_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="never exercised: 'a product'"), a_consumer(tmp_path) as consumer:
        describe(consumer)


def test_a_test_that_agrees_on_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="found none: nothing was agreed"), a_consumer(tmp_path):
        pass


def test_serving_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="call upon_receiving first"), a_consumer(tmp_path) as it, it.serve():
        pass


def test_a_second_interaction_of_one_description_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="duplicate interaction 'a product'"), a_consumer(tmp_path) as consumer:
        describe(consumer)
        describe(consumer)


def test_an_interaction_after_serve_is_refused_since_pact_would_leave_it_out(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="'late' comes after serve"), a_consumer(tmp_path) as consumer:
        describe(consumer)
        with consumer.serve() as url:
            ask(url, "/products/sku-0001")
        describe(consumer, "late")


def test_two_tests_that_tell_different_things_are_refused(tmp_path: Path) -> None:
    pact = read_pact(write_pact(tmp_path / "a", a_pact(a_request("a product"))))
    other = read_pact(
        write_pact(tmp_path / "b", a_pact(a_request("a product", request={"method": "GET", "path": "/"})))
    )
    keep_fragment(tmp_path / "f", "gateway", "catalog", pact.interactions[0])
    keep_fragment(tmp_path / "f", "gateway", "catalog", pact.interactions[0])

    with pytest.raises(ContractError, match="two tests tell different things of 'a product'"):
        keep_fragment(tmp_path / "f", "gateway", "catalog", other.interactions[0])


@pytest.mark.parametrize(
    ("body", "path"),
    [({"id": match.uuid()}, "$.id"), ({"items": [{"id": match.uuid()}]}, "$.items[0].id"), ({"n": match.int()}, "$.n")],
)
def test_a_matcher_without_an_example_is_refused(tmp_path: Path, body: dict[str, object], path: str) -> None:
    with pytest.raises(ContractError) as caught, a_consumer(tmp_path) as consumer:
        response = consumer.upon_receiving("a charge").with_request("GET", "/charges/1").will_respond_with(200)
        response.with_body(body, content_type="application/json")
        with consumer.serve() as url:
            ask(url, "/charges/1")

    assert f"the matcher at {path} has no example" in str(caught.value)


def test_a_matcher_with_an_example_is_fine(tmp_path: Path) -> None:
    with a_consumer(tmp_path) as consumer:
        response = consumer.upon_receiving("a charge").with_request("GET", "/charges/1").will_respond_with(200)
        response.with_body({"id": match.uuid(UUID)}, content_type="application/json")
        with consumer.serve() as url:
            ask(url, "/charges/1")

    assert UUID in next(tmp_path.iterdir()).read_text()


def test_a_body_without_content_type_is_refused(tmp_path: Path) -> None:
    consumer = a_consumer(tmp_path)
    response = consumer.upon_receiving("a").with_request("GET", "/").will_respond_with(200)

    with pytest.raises(ContractError, match="expected with_body"):
        response.with_body({"a": 1})


def test_the_mock_server_is_gone_after_its_block(tmp_path: Path) -> None:
    with a_consumer(tmp_path) as consumer:
        describe(consumer)
        with consumer.serve() as url:
            ask(url, "/products/sku-0001")

    port = int(url.rsplit(":", 1)[1])
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


async def test_a_message_is_delivered_to_a_coroutine_that_really_runs(tmp_path: Path) -> None:
    taken: list[object] = []

    async def take(body: bytes, metadata: object) -> None:
        taken.append((json.loads(body), metadata))

    with Consumer("recommendations", "orders", fragments=tmp_path) as consumer:
        event = {"order_id": match.uuid(UUID)}
        consumer.upon_message("an order was placed").with_body(event, content_type="application/json")
        await consumer.deliver(take)

    assert taken == [({"order_id": UUID}, {"contentType": "application/json"})]
    assert read_pacts(tmp_path)[0].consumer == "recommendations"


async def test_a_message_that_its_consumer_cannot_take_is_not_written(tmp_path: Path) -> None:
    async def take(_body: bytes, _metadata: object) -> None:
        message = "cannot read it"
        raise ValueError(message)

    with (
        pytest.raises(ValueError, match="cannot read it"),
        Consumer("recommendations", "orders", fragments=tmp_path) as consumer,
    ):
        consumer.upon_message("an order was placed").with_body({"a": 1}, content_type="application/json")
        await consumer.deliver(take)

    assert read_pacts(tmp_path) == ()


async def test_a_message_without_contents_is_refused(tmp_path: Path) -> None:
    consumer = Consumer("recommendations", "orders", fragments=tmp_path)
    consumer.upon_message("an order was placed")

    with pytest.raises(ContractError, match="expected contents in the message 'an order was placed'"):
        await consumer.deliver(lambda _body, _metadata: None)


def test_an_empty_message_is_refused(tmp_path: Path) -> None:
    consumer = Consumer("recommendations", "orders", fragments=tmp_path)
    consumer.upon_message("an order was placed").with_body({}, content_type="application/json")

    with pytest.raises(ContractError, match="expected contents in the message 'an order was placed'"):
        asyncio.run(_delivered(consumer))

    assert read_pacts(tmp_path) == ()


async def _delivered(consumer: Consumer) -> None:
    with consumer:
        await consumer.deliver(lambda _body, _metadata: None)


def test_a_message_that_was_never_delivered_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(ContractError, match="never exercised: 'an order was placed'"),
        Consumer("recommendations", "orders", fragments=tmp_path) as consumer,
    ):
        consumer.upon_message("an order was placed").with_body({"a": 1}, content_type="application/json")


async def test_delivering_nothing_is_refused(tmp_path: Path) -> None:
    consumer = Consumer("recommendations", "orders", fragments=tmp_path)

    with pytest.raises(ContractError, match="call upon_message first"):
        await consumer.deliver(lambda _body, _metadata: None)


def test_a_second_message_of_one_description_is_refused_also_beside_a_request(tmp_path: Path) -> None:
    consumer = a_consumer(tmp_path)
    consumer.upon_message("a product")

    with pytest.raises(ContractError, match="duplicate interaction 'a product'"):
        consumer.upon_message("a product")
    with pytest.raises(ContractError, match="duplicate interaction 'a product'"):
        consumer.upon_receiving("a product")


async def test_a_message_after_deliver_is_refused_since_pact_would_leave_it_out(tmp_path: Path) -> None:
    consumer = Consumer("recommendations", "orders", fragments=tmp_path)
    consumer.upon_message("an order was placed").with_body({"a": 1}, content_type="application/json")
    await consumer.deliver(lambda _body, _metadata: None)

    with pytest.raises(ContractError, match="'late' comes after serve"):
        consumer.upon_message("late")


def test_a_message_with_a_matcher_without_an_example_is_refused(tmp_path: Path) -> None:
    consumer = Consumer("recommendations", "orders", fragments=tmp_path)
    event = {"order_id": match.uuid()}
    consumer.upon_message("an order was placed").with_body(event, content_type="application/json")

    with pytest.raises(ContractError, match=r"the matcher at \$\.order_id has no example"):
        asyncio.run(_delivered(consumer))


def _write_in_a_worker(root: str, number: int) -> None:
    with a_consumer(Path(root) / f"gw{number}") as consumer:
        for each in range(5):
            describe(consumer, f"product {number}-{each}", f"/products/{number}-{each}")
        with consumer.serve() as url:
            for each in range(5):
                ask(url, f"/products/{number}-{each}")


def test_concurrent_workers_lose_no_interaction(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_write_in_a_worker, args=(str(tmp_path), number)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)

    [file] = merge([tmp_path / f"gw{number}" for number in range(3)], tmp_path / "pacts", replace=True)

    assert len(read_pact(file).interactions) == 15
