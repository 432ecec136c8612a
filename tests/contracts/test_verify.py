from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.contracts.verify import ProviderUnderTest, verify
from harness.model.credentials import NONE, Credentials
from harness.model.finding import Finding, Part
from harness.model.marks import run_marks
from harness.model.verdict import Verdict, worst
from tests.contracts.fakes import (
    JSON,
    PROBLEM,
    Answer,
    LocalSpawner,
    Provider,
    Respond,
    ThreadSpawner,
    a_message,
    a_pact,
    a_request,
    given,
    write_pact,
)

pytestmark = pytest.mark.loopback
OWNERS = {"gateway": "edge", "catalog": "team-catalog", "payments": "team-payments"}
STATES = """
import asyncio
SEEN = []

def a_product(state):
    return {"sku": state.params.get("sku", "sku-0007")}

async def an_async_product(state):
    await asyncio.sleep(0)
    return {"sku": "sku-0008"}

def broken(state):
    raise ValueError("the database is away")

STATES = {"a product exists": a_product, "an async product exists": an_async_product, "broken": broken}
MESSAGES = {"an order was placed": lambda state: ({"order_id": "1"}, {})}
"""


def catalog(_method: str, path: str, _body: str) -> Answer:
    sku = path.rpartition("/")[2]
    if sku == "sku-9999":
        return 404, PROBLEM, '{"status": 404}'
    return 200, JSON, json.dumps({"sku": sku, "name": "Kettle"})


class Bench:
    def __init__(self, root: Path, spawner: LocalSpawner | ThreadSpawner) -> None:
        self.root = root
        self.spawner = spawner
        (root / "states").mkdir()
        (root / "states" / "catalog.py").write_text(STATES)

    def pact(self, *interactions: dict[str, object], consumer: str = "gateway", provider: str = "catalog") -> None:
        pact = a_pact(*interactions, consumer=consumer, provider=provider)
        write_pact(self.root / "pacts", pact, f"{consumer}-{provider}.json")

    async def verify(
        self,
        *urls: str,
        consumer: str | None = None,
        providers: tuple[str, ...] = ("catalog",),
        wall_limit_s: float = 30,
        credentials: Credentials = NONE,
    ) -> tuple[Finding, ...]:
        return await verify(
            pacts=self.root / "pacts",
            states=self.root / "states",
            providers=[
                ProviderUnderTest(name=name, url=url, stores={}, owner=OWNERS.get(name, "?"))
                for name, url in zip(providers, urls, strict=True)
            ],
            owners=OWNERS,
            spawner=self.spawner,
            directory=self.root / "run",
            consumer=consumer,
            wall_limit_s=wall_limit_s,
            credentials=credentials,
        )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, ThreadSpawner())


@pytest.fixture
def real_bench(tmp_path: Path, spawner: LocalSpawner) -> Bench:
    """Verifies in processes, as the harness does."""
    return Bench(tmp_path, spawner)


Serve = Callable[[Respond], Provider]


async def test_what_holds_is_one_pass_for_each_interaction(real_bench: Bench, serve: Serve) -> None:
    missing = {"request": {"method": "GET", "path": "/products/sku-9999"}, "response": {"status": 404}}
    real_bench.pact(a_request("a product"), a_request("no product", **missing), a_message("an order was placed"))

    findings = await real_bench.verify(serve(catalog).url)

    assert [each.verdict for each in findings] == [Verdict.PASS] * 3
    first = findings[0]
    assert (first.check, first.part, first.edge) == ("pact", Part.PACTS, "gateway->catalog")
    assert (first.service, first.owner) == ("catalog", "team-catalog")
    assert {each.subject for each in findings} == {
        "gateway → catalog: a product",
        "gateway → catalog: no product",
        "gateway → catalog: an order was placed",
    }


async def test_credentials_are_sent_along_in_place_of_the_example_and_stay_out_of_the_files(
    real_bench: Bench, serve: Serve
) -> None:
    request = {"method": "GET", "path": "/products/sku-0001", "headers": {"Authorization": ["Bearer example"]}}
    real_bench.pact(a_request("a product"), a_request("signed in", request=request))
    provider = serve(catalog)
    credentials = Credentials(
        headers={"Authorization": "Bearer s3cr3t"}, redact=lambda text: text.replace("s3cr3t", "***")
    )

    findings = await real_bench.verify(provider.url, credentials=credentials)

    assert [each.verdict for each in findings] == [Verdict.PASS] * 2
    assert {each.get("authorization") for each in provider.sent} == {"Bearer s3cr3t"}
    files = [file for file in real_bench.root.rglob("*") if file.is_file()]
    assert not any("s3cr3t" in file.read_text() for file in files)


async def test_every_request_carries_the_marks_of_the_run(real_bench: Bench, serve: Serve) -> None:
    real_bench.pact(a_request("a product"))
    provider = serve(catalog)

    findings = await real_bench.verify(provider.url, credentials=Credentials(marks=run_marks("run-7")))

    assert [each.verdict for each in findings] == [Verdict.PASS]
    assert {each.get("harness-run") for each in provider.sent} == {"run-7"}
    assert {each.get("baggage") for each in provider.sent} == {"harness.run=run-7"}


async def test_a_mismatch_is_told_with_path_expected_and_actual(bench: Bench, serve: Serve) -> None:
    bench.pact(a_request("a product"))
    provider = serve(lambda *_: (200, {"content-type": "text/plain"}, '{"sku": "sku-0002", "name": 5}'))
    status = serve(lambda *_: (500, JSON, '{"sku": "sku-0001", "name": "n"}'))
    body = serve(lambda *_: (200, JSON, '{"sku": "sku-0002", "name": 5}'))

    [by_type] = await bench.verify(provider.url)
    [by_status] = await bench.verify(status.url)
    [by_body] = await bench.verify(body.url)

    assert {Verdict.FAIL} == {each.verdict for each in (by_type, by_status, by_body)}
    assert "text/plain" in " ".join(by_type.evidence)
    assert "status: expected 200, found 500" in by_status.evidence
    assert any(line.startswith('body $.sku: expected "sku-0001", found "sku-0002"') for line in by_body.evidence)
    assert any(line.startswith('body $.name: expected "n", found 5') for line in by_body.evidence)
    assert by_body.reason.startswith("catalog breaks what gateway relies on: body $.")
    assert by_body.replay == "harness verify --provider catalog --consumer gateway"
    assert any("gateway-catalog.json:" in line for line in by_body.evidence)


async def test_values_of_plain_and_async_states_reach_the_request(bench: Bench, serve: Serve) -> None:
    path = {"type": "ProviderState", "expression": "/products/${sku}"}
    request = {"method": "GET", "path": "/products/sku-0001", "generators": {"path": path}}
    response = {"status": 200}
    states = ([given("a product exists")], [given("an async product exists")])
    requests = [a_request(f"{n}", request=request, response=response, providerStates=s) for n, s in enumerate(states)]
    bench.pact(*requests)
    provider = serve(catalog)

    findings = await bench.verify(provider.url)

    assert [each.verdict for each in findings] == [Verdict.PASS] * 2
    assert [asked[1] for asked in provider.asked] == ["/products/sku-0007", "/products/sku-0008"]


async def test_a_state_that_gives_nothing_to_inject_is_unknown(bench: Bench, serve: Serve) -> None:
    header = {"X-Order": {"type": "ProviderState", "expression": "${order_id}"}}
    request = {"method": "GET", "path": "/products/sku-0001", "headers": {"X-Order": ["1"]}}
    interaction = {
        "request": {**request, "generators": {"header": header}},
        "providerStates": [given("a product exists")],
    }
    bench.pact(a_request("a product", **interaction))

    [found] = await bench.verify(serve(catalog).url)

    assert found.verdict is Verdict.UNKNOWN
    assert "gives no value for order_id" in found.reason


@pytest.mark.parametrize(
    ("state", "told"),
    [("never heard of", "add it to STATES in"), ("broken", "raised ValueError: the database is away")],
)
async def test_a_state_that_cannot_be_had_is_unknown_at_once_and_names_the_file(
    real_bench: Bench, serve: Serve, state: str, told: str
) -> None:
    real_bench.pact(a_request("a product", providerStates=[given(state)]), a_request("another"))

    findings = await real_bench.verify(serve(catalog).url, wall_limit_s=10)

    by_subject = {each.subject: each for each in findings}
    found = by_subject[f"gateway → catalog: a product, given {state}"]
    assert found.verdict is Verdict.UNKNOWN
    assert "states/catalog.py" in found.reason
    assert told in found.reason + " ".join(found.evidence)
    assert by_subject["gateway → catalog: another"].verdict is Verdict.PASS


async def test_a_state_that_cannot_be_taken_back_is_unknown(bench: Bench, serve: Serve) -> None:
    (bench.root / "states" / "catalog.py").write_text(STATES + "TEARDOWN = {'a product exists': broken}\n")
    bench.pact(a_request("a product", providerStates=[given("a product exists", sku="sku-0001")]))

    [found] = await bench.verify(serve(catalog).url)

    assert found.verdict is Verdict.UNKNOWN
    assert "raised ValueError: the database is away" in " ".join(found.evidence)


async def test_states_that_cannot_be_imported_are_unknown(bench: Bench, serve: Serve) -> None:
    (bench.root / "states" / "catalog.py").write_text("import nowhere_to_be_found")
    bench.pact(a_request("a product"))

    [found] = await bench.verify(serve(catalog).url)

    assert found.verdict is Verdict.UNKNOWN
    assert "nowhere_to_be_found" in found.reason


async def test_a_message_that_differs_fails_and_one_that_nobody_produces_is_unknown(bench: Bench, serve: Serve) -> None:
    wanted = {"content": {"order_id": "2"}, "contentType": "application/json", "encoded": False}
    bench.pact(a_message("an order was placed", contents=wanted), a_message("an order was eaten"))

    eaten, placed = await bench.verify(serve(catalog).url)

    assert (eaten.verdict, placed.verdict) == (Verdict.UNKNOWN, Verdict.FAIL)
    assert "the message 'an order was eaten' can't be had" in eaten.reason
    assert "add it to MESSAGES in" in eaten.reason
    assert any(line.startswith('body $.order_id: expected "2", found "1"') for line in placed.evidence)


async def test_a_pending_interaction_that_differs_is_no_pass(bench: Bench, serve: Serve) -> None:
    bench.pact(a_request("a product", pending=True))

    [found] = await bench.verify(serve(lambda *_: (500, {}, "")).url)

    assert found.verdict is Verdict.FAIL


async def test_a_provider_that_is_away_is_unknown(bench: Bench) -> None:
    bench.pact(a_request("a product"))

    [found] = await bench.verify("http://127.0.0.1:1")

    assert found.verdict is Verdict.UNKNOWN
    assert "nothing was compared" in found.reason


async def test_past_the_wall_limit_everything_is_unknown(real_bench: Bench, serve: Serve) -> None:
    real_bench.pact(a_request("a product"), a_request("another"))

    findings = await real_bench.verify(serve(catalog).url, wall_limit_s=0.01)

    assert [each.verdict for each in findings] == [Verdict.UNKNOWN] * 2
    assert "not done after 0.01 s" in findings[0].reason


async def test_a_pact_with_a_provider_that_nobody_knows_is_unknown(bench: Bench, serve: Serve) -> None:
    bench.pact(a_request("a product"))
    bench.pact(a_request("a product"), provider="catalogue")
    provider = serve(catalog)

    findings = await bench.verify(provider.url)

    assert [(each.subject, each.verdict) for each in findings] == [
        ("gateway → catalogue", Verdict.UNKNOWN),
        ("gateway → catalog: a product", Verdict.PASS),
    ]
    assert (findings[0].service, findings[0].owner) == ("gateway", "edge")


async def test_a_chosen_provider_that_nobody_has_a_pact_with_is_unknown(bench: Bench, serve: Serve) -> None:
    bench.pact(a_request("a product"))
    url = serve(catalog).url

    findings = await bench.verify(url, url, providers=("catalog", "payments"))

    assert [(each.subject, each.verdict) for each in findings] == [
        ("gateway → catalog: a product", Verdict.PASS),
        ("payments", Verdict.UNKNOWN),
    ]


async def test_among_all_services_one_without_a_pact_is_no_trouble(bench: Bench, serve: Serve) -> None:
    bench.pact(a_request("a product"))
    url = serve(catalog).url

    findings = await bench.verify(url, url, url, providers=tuple(OWNERS))

    assert [each.subject for each in findings] == ["gateway → catalog: a product"]


async def test_a_pact_with_a_provider_that_was_not_chosen_is_left_alone(bench: Bench, serve: Serve) -> None:
    bench.pact(a_request("a product"))
    bench.pact(a_request("a charge"), consumer="orders", provider="payments")

    findings = await bench.verify(serve(catalog).url)

    assert [each.subject for each in findings] == ["gateway → catalog: a product"]


@pytest.mark.parametrize("make", [True, False], ids=["empty", "missing"])
async def test_no_pacts_at_all_is_unknown(bench: Bench, *, make: bool) -> None:
    if make:
        (bench.root / "pacts").mkdir()

    findings = await bench.verify("http://127.0.0.1:1")

    assert worst(each.verdict for each in findings) is Verdict.UNKNOWN
    assert "nothing was verified" in findings[0].reason


async def test_a_consumer_that_has_no_pact_is_unknown(bench: Bench, serve: Serve) -> None:
    bench.pact(a_request("a product"))
    url = serve(catalog).url

    findings = await bench.verify(url, url, url, providers=tuple(OWNERS), consumer="gatewey")

    assert [each.verdict for each in findings] == [Verdict.UNKNOWN]
    assert "no pact of consumer 'gatewey'" in findings[0].reason


async def test_only_the_chosen_consumers_interactions_are_verified(bench: Bench, serve: Serve) -> None:
    bench.pact(a_request("a product"))
    bench.pact(a_request("something else"), consumer="orders")

    findings = await bench.verify(serve(catalog).url, consumer="gateway")

    assert [each.subject for each in findings] == ["gateway → catalog: a product"]


async def test_two_consumers_with_the_same_words_are_told_apart(bench: Bench, serve: Serve) -> None:
    bench.pact(a_request("a product"))
    bench.pact(a_request("a product", response={"status": 201}), consumer="orders")

    findings = await bench.verify(serve(catalog).url)

    assert {each.edge: each.verdict for each in findings} == {
        "gateway->catalog": Verdict.PASS,
        "orders->catalog": Verdict.FAIL,
    }


async def test_a_broken_pact_is_unknown_at_its_place_and_the_rest_is_verified(bench: Bench, serve: Serve) -> None:
    bench.pact(a_request("a product"))
    bench.pact(consumer="search")
    (bench.root / "pacts" / "a-b.json").write_text('{\n  "consumer": }')

    findings = await bench.verify(serve(catalog).url)

    assert [each.verdict for each in findings] == [Verdict.UNKNOWN, Verdict.UNKNOWN, Verdict.PASS]
    assert findings[0].subject.endswith("a-b.json:2:15")
    assert "expected JSON" in findings[0].reason
    assert "expected at least one interaction, found none" in findings[1].reason


async def test_two_files_that_tell_the_same_interaction_are_unknown_and_the_first_is_verified(
    bench: Bench, serve: Serve
) -> None:
    bench.pact(a_request("a product"))
    copied = a_pact(a_request("a product", response={"status": 201}))
    write_pact(bench.root / "pacts", copied, "gateway-catalog-copied.json")
    write_pact(bench.root / "pacts", a_pact(a_request("a product")), "gateway-catalog-again.json")

    findings = await bench.verify(serve(catalog).url)

    assert [each.verdict for each in findings] == [Verdict.UNKNOWN, Verdict.UNKNOWN, Verdict.PASS]
    assert all("duplicate interaction 'a product', first at" in each.reason for each in findings[:2])


async def test_one_description_in_two_states_is_verified_in_each(bench: Bench, serve: Serve) -> None:
    states = [[given("a product exists", sku=sku)] for sku in ("sku-0001", "sku-0002")]
    path = {"type": "ProviderState", "expression": "/products/${sku}"}
    request = {"method": "GET", "path": "/products/sku-0001", "generators": {"path": path}}
    bench.pact(*(a_request("a product", request=request, providerStates=each) for each in states))

    findings = await bench.verify(serve(catalog).url)

    assert [each.verdict for each in findings] == [Verdict.PASS, Verdict.FAIL]


async def test_a_message_whose_state_cannot_be_had_is_unknown(real_bench: Bench, serve: Serve) -> None:
    placed = "an order was placed"
    real_bench.pact(
        a_message(placed, providerStates=[given("never heard of")]),
        a_message(placed, providerStates=[given("broken")]),
        a_message(placed),
    )

    findings = await real_bench.verify(serve(catalog).url, wall_limit_s=20)

    verdicts = {each.subject.partition(": ")[2]: each.verdict for each in findings}
    assert verdicts == {
        placed: Verdict.PASS,
        f"{placed}, given broken": Verdict.UNKNOWN,
        f"{placed}, given never heard of": Verdict.UNKNOWN,
    }


@pytest.mark.parametrize(
    ("produced", "told"),
    [
        ("lambda state: ({}, {})", "expected a message as (JSON body, dict of metadata)"),
        ("lambda state: None", "expected a message as (JSON body, dict of metadata)"),
        ("broken", "raised ValueError: the database is away"),
    ],
    ids=["empty", "nothing", "raises"],
)
async def test_a_message_that_its_provider_does_not_produce_is_unknown(
    bench: Bench, serve: Serve, produced: str, told: str
) -> None:
    more = f"MESSAGES = {{'an order was placed': {produced}}}\n"
    (bench.root / "states" / "catalog.py").write_text(STATES + more)
    bench.pact(a_message("an order was placed"))

    [found] = await bench.verify(serve(catalog).url)

    assert found.verdict is Verdict.UNKNOWN
    assert "the message 'an order was placed' can't be had" in found.reason
    assert told in " ".join(found.evidence)


async def test_secrets_of_the_run_reach_the_states_and_stay_out_of_the_files(real_bench: Bench, serve: Serve) -> None:
    states = "STATES = {'a secret': lambda state: {'secret': state.secrets['gateway']}}\n"
    (real_bench.root / "states" / "catalog.py").write_text(states)
    header = {"X-Secret": {"type": "ProviderState", "expression": "${secret}"}}
    request = {"method": "GET", "path": "/products/sku-0001", "headers": {"X-Secret": ["?"]}}
    request |= {"generators": {"header": header}}
    real_bench.pact(a_request("a product", request=request, providerStates=[given("a secret")]))
    provider = serve(catalog)
    credentials = Credentials(secrets={"gateway": "s3cr3t"}, redact=lambda text: text.replace("s3cr3t", "***"))

    [found] = await real_bench.verify(provider.url, credentials=credentials)

    assert found.verdict is Verdict.PASS
    assert [each["x-secret"] for each in provider.sent] == ["s3cr3t"]
    files = [file for file in real_bench.root.rglob("*") if file.is_file()]
    assert not any("s3cr3t" in file.read_text() for file in files)


async def test_a_version_3_pact_is_verified_too(bench: Bench, serve: Serve) -> None:
    request = a_request("a product", response={"status": 200})
    del request["type"]
    message = {"description": "an order was placed", "contents": {"order_id": "1"}, "metaData": {}}
    pact = {**a_pact(request), "messages": [message], "metadata": {"pactSpecification": {"version": "3.0.0"}}}
    write_pact(bench.root / "pacts", pact)

    findings = await bench.verify(serve(catalog).url)

    assert [each.verdict for each in findings] == [Verdict.PASS] * 2
