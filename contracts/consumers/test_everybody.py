"""What the kit needs, of users and of the registry, in each service; and what the registry needs to check each."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml
from kit.choice import Place
from kit.client import Edge
from kit.directory import Directory
from kit.flags import Flags
from kit.identity import Key, KeySet, ServiceToken, Users
from kit.settings import Settings
from pact import match
from pact.match.matcher import GenericMatcher
from registry.checks import CHECKS, CUSTOMER

from contracts.consumers.agreeing import (
    JSON,
    PATIENT,
    SKU,
    Case,
    a_sku,
    agree,
    an_id,
    from_state,
    named,
)
from harness.contracts.consumer import Consumer
from harness.contracts.recording import PactRecording

pytestmark = pytest.mark.loopback
SYSTEM = yaml.safe_load((Path(__file__).parents[2] / "targets/shop/system.yaml").read_text(encoding="utf-8"))
REGISTERED_WITHIN_S = 10.0
SECRET = "secret-of-the-service"  # noqa: S105 -- of no service
KEY = Key(kid="key-1", kty="OKP", crv="Ed25519", x="A" * 43)


def consumers_of(provider: str) -> list[str]:
    return [edge["from"] for edge in SYSTEM["edges"] if edge["to"] == provider]


def credentials(service: str, secret: object) -> dict[str, object]:
    return {"service": service, "secret": secret}


def keys_and_tokens(service: str) -> list[Case]:
    return [
        Case(
            what="a request for the keys that tokens are signed with",
            ask=lambda edge: Users(edge, service, SECRET).keys(),
            request=("GET", "/keys"),
            answer={
                "keys": match.each_like(
                    {
                        "kid": match.regex("key-1", regex="^.{1,64}$"),
                        "kty": "OKP",
                        "crv": "Ed25519",
                        "x": match.regex(KEY.x, regex="^[A-Za-z0-9_-]{43}$"),
                    }
                )
            },
            told=KeySet(keys=[KEY]),
        ),
        Case(
            what="a request for a service's own token",
            given="the secret of a service",
            params={"service": service},
            ask=lambda edge: Users(edge, service, SECRET).token(),
            request=("POST", "/service-tokens"),
            body=credentials(service, from_state(SECRET, "${secret}")),
            status=201,
            answer={"access_token": match.regex("aaa.bbb.ccc", regex="^.+$"), "expires_in_s": match.int(900)},
            told=ServiceToken(access_token="aaa.bbb.ccc", expires_in_s=900),  # noqa: S106 -- an example
        ),
        Case(
            what="a request for a token with a wrong secret",
            ask=lambda edge: Users(edge, service, "no-such-secret").token(),
            request=("POST", "/service-tokens"),
            body=credentials(service, "no-such-secret"),
            status=401,
            told="there is no service with this secret",
        ),
    ]


@pytest.mark.parametrize(
    ("consumer", "case"),
    [(name, case) for name in consumers_of("users") for case in keys_and_tokens(name)],
    ids=named,
)
async def test_a_service_gets_its_token_and_the_keys_to_others(
    recording: PactRecording, consumer: str, case: Case
) -> None:
    await agree(recording, consumer, "users", case)


def describe_registry(registry: Consumer, service: str) -> None:
    """A lease is taken, all instances and flags are heard, the lease is given back."""
    instance = f"pact-{service}"
    (
        registry.upon_receiving("a request for a lease")
        .given("an instance without a lease", instance=instance)
        .with_request("POST", "/leases")
        .with_body(
            {
                "service": service,
                "instance": instance,
                "zone": "a",
                "version": "1.0.0",
                "owner": service,
                "documents": ["/openapi.json"],
                "lease_s": 6,
            },
            content_type=JSON,
        )
        .will_respond_with(201)
        .with_body({"instance": instance}, content_type=JSON)
    )
    known = {"instance": "pact-1", "service": "pact", "zone": "b", "version": "1.0.0"}
    (
        registry.upon_receiving("a request for all instances")
        .given("an instance holds a lease", service=service, instance=instance)
        .with_request("GET", "/instances")
        .will_respond_with(200)
        .with_body(
            {
                "instances": match.each_like(
                    {name: match.like(text) for name, text in known.items()} | {"up": match.bool(True)}
                )
            },
            content_type=JSON,
        )
    )
    switch_or_share: Any = GenericMatcher("regex", 0.5, regex="^(true|false|[0-9.]+)$")
    (
        registry.upon_receiving("a request for all flags")
        .with_request("GET", "/flags")
        .will_respond_with(200)
        .with_body(
            {"flags": match.each_like({"name": match.like("pact-flag"), "value": switch_or_share})}, content_type=JSON
        )
    )
    (
        registry.upon_receiving("a request to give a lease back")
        .given("an instance holds a lease", service=service, instance=instance)
        .with_request("DELETE", f"/leases/{instance}")
        .will_respond_with(200)
        .with_body({"instance": instance}, content_type=JSON)
    )


@pytest.mark.parametrize("consumer", consumers_of("registry"))
async def test_a_service_registers_and_hears_of_the_others(recording: PactRecording, consumer: str) -> None:
    flags = Flags()
    with recording.consumer(consumer, "registry") as registry:
        describe_registry(registry, consumer)
        with registry.serve() as url:
            async with Edge("registry", {"registry-1": url}, PATIENT) as edge:
                settings = Settings(service=consumer, instance=f"pact-{consumer}", owner=consumer)
                directory = Directory(settings, flags, edge, every_s=REGISTERED_WITHIN_S)
                round_after_round = asyncio.create_task(directory.run())
                async with asyncio.timeout(REGISTERED_WITHIN_S):
                    while not flags.knows("pact-flag"):  # noqa: ASYNC110 -- nothing else tells that a round is over
                        await asyncio.sleep(0.002)
                round_after_round.cancel()
                assert await directory.leave()

        assert directory.places("pact") == {"pact-1": Place(zone="b", version="1.0.0", up=True)}
        assert flags.share("pact-flag") == 0.5


PRODUCT = {"sku": SKU}
ROWS = {"items": match.like([])}
SHOWN: dict[str, dict[str, Any]] = {
    "gateway": {"given": "a product exists", "answer": {"sku": SKU, "name": match.like("Sturdy kettle")}},
    "users": {"answer": {"customer_id": CUSTOMER, "email": match.like("customer-0001@shop.example")}},
    "catalog": {
        "given": "a product exists",
        "answer": {"sku": SKU, "name": match.regex("Sturdy kettle", regex=".+")},
    },
    "pricing": {
        "given": "a price exists",
        "body": {"items": [{"sku": SKU, "quantity": 2}]},
        "answer": {"total_cents": match.int(3998)},
    },
    "inventory": {"given": "there is stock of a product", "answer": {"sku": SKU, "available": match.int(7)}},
    "reviews": {"answer": {"sku": SKU, "count": match.int(0)}},
    "recommendations": {
        "given": "recommendations were computed",
        "answer": {"sku": SKU, "items": match.each_like(a_sku("sku-0008"))},
    },
    "search": {
        "given": "products are found by a word",
        "params": {"word": "lamp"},
        "answer": {"items": match.each_like({"sku": a_sku()})},
    },
    "cart": {
        "given": "a cart with something in it",
        "path": from_state(f"/carts/{CUSTOMER}", "/carts/${customer_id}"),
        "answer": {
            "customer_id": an_id(CUSTOMER),
            "items": match.each_like({"sku": a_sku(), "quantity": match.int(2)}),
        },
    },
    "monolith": {"given": "the old shop has a product", "answer": {"sku": SKU, "price_cents": match.int(1999)}},
    **{name: {"answer": ROWS} for name in ("orders", "payments", "shipping", "notifications", "analytics", "fraud")},
}


def check_of(service: str) -> Case:
    """The registry's own check of a service, which finds nothing wrong."""
    shown, check = SHOWN[service], CHECKS[service]
    path, _, query = check.path.partition("?")
    given = shown.get("given")

    async def ask(edge: Edge) -> bool:
        return check.good(await edge.call(check.call(None), check.answer))

    return Case(
        what="a check whether it works",
        given=given,
        params=shown.get("params", PRODUCT) if given and service != "cart" else {},
        ask=ask,
        request=(check.call(None).method, shown.get("path", path)),
        query=dict(pair.split("=") for pair in query.split("&") if pair),
        body=shown.get("body"),
        answer=shown["answer"],
        told=True,
    )


@pytest.mark.parametrize("provider", [edge["to"] for edge in SYSTEM["edges"] if edge["from"] == "registry"])
async def test_the_registry_finds_nothing_wrong_with_a_service_that_works(
    recording: PactRecording, provider: str
) -> None:
    if provider in SYSTEM["services"]:
        await agree(recording, "registry", provider, check_of(provider))
