from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from harness.checkers.blame import by_spans
from harness.checkers.edges_seen import edges_seen
from harness.faults import Down
from harness.model.fault import EdgeTarget, Injection
from harness.model.observation import Outcome
from harness.model.quantity import Duration
from harness.model.span import JourneyTrace
from harness.model.tracing import trace_of, traceparents
from tests.targets.partial import Up, partial, running, until

pytestmark = pytest.mark.e2e
SERVICES = (
    "gateway",
    "users",
    "catalog",
    "pricing",
    "inventory",
    "reviews",
    "recommendations",
    "monolith",
    "registry",
)
WITHIN_S = 30.0
PAGE = "/products/sku-0007"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    directory = tmp_path_factory.mktemp("gateway")
    with running(partial(*SERVICES, to=directory), directory / "run") as system:
        until(lambda: whole(page(system)), within_s=WITHIN_S, what="the page is whole")
        yield system


def page(up: Up) -> requests.Response:
    return up.ask("gateway", "GET", PAGE, headers={"Authorization": ""})


def whole(answer: requests.Response) -> bool:
    return answer.status_code == 200 and "X-Degraded" not in answer.headers


def shadow(up: Up) -> dict[str, Any]:
    found: dict[str, Any] = up.ask("gateway", "GET", "/health").json()["edges"]["shadow"]
    return found


@pytest.mark.parametrize(
    ("service", "part"), [("inventory", "stock"), ("reviews", "rating"), ("recommendations", "recommendations")]
)
def test_the_page_goes_on_without_a_soft_provider_and_is_whole_again_once_it_is_back(
    up: Up, service: str, part: str
) -> None:
    up.kill(service)
    answer = page(up)
    assert (answer.status_code, answer.headers["X-Degraded"], answer.json()["degraded"]) == (200, part, [part])
    up.start(service)
    until(lambda: whole(page(up)), within_s=WITHIN_S, what=f"the page is whole with {service}")


def test_without_pricing_there_is_a_clean_no_and_a_page_once_it_is_back(up: Up) -> None:
    for index in (1, 2):
        up.kill("pricing", index)
    answer = page(up)
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert int(answer.headers["Retry-After"]) >= 1
    for index in (1, 2):
        up.start("pricing", index)
    until(lambda: whole(page(up)), within_s=WITHIN_S, what="the page is whole with pricing")


def test_the_spans_of_a_page_say_who_should_have_coped_and_with_what(up: Up) -> None:
    pricing = EdgeTarget(consumer="gateway", provider="pricing")
    injection = Injection(id="cut", fault=Down(), target=pricing, lasts=Duration(60))
    trace = trace_of("a-run", "a-visit")
    assert up.inject(injection).in_force
    try:
        headers = {"Authorization": "", "traceparent": next(traceparents(trace))}
        assert up.ask("gateway", "GET", PAGE, headers=headers).status_code == 503
    finally:
        up.heal(injection)
    spans = up.spans_of(trace)
    visit = JourneyTrace(t=0.0, journey="browse", outcome=Outcome.FAILED, took_s=0.1, trace=trace)
    # What was broken is not told: the spans themselves say it.
    found = by_spans(up.session.topology, spans, [visit], [])
    assert found is not None
    assert (found.edge, found.service, found.owner, found.inferred) == ("gateway->pricing", "gateway", "edge", False)
    assert "gateway gave up on pricing" in found.reason
    assert found.evidence[1].split()[:3] == ["customers", "\N{RIGHTWARDS ARROW}", "gateway"]
    edges = {each.name: each for each in edges_seen(spans, up.session.topology)}
    assert (edges["gateway->pricing"].failed, edges["gateway->pricing"].declared) == (
        edges["gateway->pricing"].count,
        True,
    )
    until(lambda: whole(page(up)), within_s=WITHIN_S, what="the page is whole again")


def test_shadow_reads_match_until_the_shops_part_ways(up: Up) -> None:
    assert up.ask("registry", "PUT", "/flags/legacy-shadow", json={"value": 1.0}).ok

    def compared(outcome: str) -> bool:
        page(up)
        return bool(shadow(up)[outcome] > 0)

    until(lambda: compared("match"), within_s=WITHIN_S, what="a shadow read matches")
    assert shadow(up)["differs"] == 0
    price = {"amount_cents": 4711, "currency": "EUR"}
    assert up.ask("pricing", "PUT", "/prices/sku-0007", json=price).ok
    until(lambda: compared("differs"), within_s=WITHIN_S, what="a shadow read differs")
    assert shadow(up)["last_difference"]["fields"]["price_cents"]["new"] == "4711"
    assert 'gateway_shadow_reads_total{outcome="differs"}' in up.ask("gateway", "GET", "/metrics").text


def test_a_customer_signs_up_and_what_she_says_of_a_product_is_shown_on_its_page(up: Up) -> None:
    person = {"email": f"{uuid.uuid4().hex}@shop.example", "password": "demo-password"}
    nobody = {"Authorization": ""}
    assert up.ask("gateway", "POST", "/accounts", json={**person, "name": "Ada"}, headers=nobody).status_code == 201
    token = up.ask("gateway", "POST", "/sessions", json=person, headers=nobody).json()["access_token"]
    said = up.ask(
        "gateway",
        "POST",
        f"{PAGE}/reviews",
        json={"rating": 4, "text": "Good."},
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid.uuid4())},
    )
    assert said.status_code == 201
    until(lambda: page(up).json()["rating"]["count"] == 1, within_s=WITHIN_S, what="the review counts")
