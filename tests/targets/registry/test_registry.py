"""The registry with real instances, a real bucket and fault proxies between them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from harness.clock import SystemClock
from harness.model.fault import InstanceTarget
from tests.targets.partial import OPERATOR, Up, partial, running, until

pytestmark = pytest.mark.e2e
STORES = ("cart-store-a", "cart-store-b", "cart-store-c")


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    directory = tmp_path_factory.mktemp("registry")
    description = partial("pricing", "registry", "catalog", "users", to=directory)
    with running(description, directory) as running_up:
        until(lambda: len(ups(running_up)) == 7, within_s=30, what="all seven instances are up")
        yield running_up


def instances(up: Up) -> dict[str, dict[str, Any]]:
    found = up.ask("registry", "GET", "/instances").json()["instances"]
    return {each["instance"]: each for each in found}


def ups(up: Up) -> set[str]:
    return {name for name, each in instances(up).items() if each["up"]}


def flag(up: Up, name: str) -> Any:
    answer = up.ask("registry", "GET", "/flags")
    if answer.status_code != 200:
        return None
    return next(each["value"] for each in answer.json()["flags"] if each["name"] == name)


def lines(up: Up, service: str, provider: str, index: int) -> dict[str, int]:
    edge = up.ask(service, "GET", "/health", index=index).json()["edges"][provider]
    return {line["instance"]: line["calls"] for line in edge["lines"]}


def heard(up: Up, service: str, index: int, *, up_now: int) -> bool:
    told: int = up.ask(service, "GET", "/health", index=index).json()["edges"]["directory"]["up"]
    return told == up_now


def test_one_look_tells_where_whose_and_which_version_each_instance_is(up: Up) -> None:
    found = instances(up)["pricing-2"]
    assert (found["service"], found["zone"], found["owner"], found["version"]) == ("pricing", "b", "pricing", "1.1.0")
    assert found["documents"] == ["/openapi.json"]
    assert requests.get(up.url("pricing", 2) + found["documents"][0], timeout=5).status_code == 200


def test_a_killed_instance_is_told_as_down_with_the_reason_and_up_again_when_it_is_back(up: Up) -> None:
    up.kill("catalog", 2)
    until(lambda: "catalog-2" not in ups(up), within_s=10, what="catalog-2 is told as down")
    assert instances(up)["catalog-2"]["why"]
    until(
        lambda: instances(up)["catalog-2"]["why"] == "its lease ran out", within_s=10, what="its lease has run out too"
    )
    assert {"catalog-1", "catalog-3"} <= ups(up)
    up.start("catalog", 2)
    until(lambda: "catalog-2" in ups(up), within_s=10, what="catalog-2 is up again")


def test_a_restarted_registry_knows_the_instances_and_the_flags(up: Up) -> None:
    assert up.ask("registry", "PUT", "/flags/pricing-canary", json={"value": 0.25}).json()["durable"]
    up.kill("registry")
    assert up.ask("catalog", "GET", "/products/sku-0001").status_code == 200
    up.start("registry")
    until(lambda: flag(up, "pricing-canary") == 0.25, within_s=10, what="the flag is back")
    until(lambda: len(ups(up)) == 7, within_s=10, what="all are up again")


def test_without_the_bucket_the_registry_goes_on_from_memory(up: Up) -> None:
    for store in STORES[:2]:
        up.kill(store)
    try:
        changed = up.ask("registry", "PUT", "/flags/legacy-shadow", json={"value": 0.5})
        assert (changed.status_code, changed.json()["durable"]) == (200, False)
        up.kill("catalog", 3)
        until(lambda: "catalog-3" not in ups(up), within_s=10, what="catalog-3 is told as down")
        up.start("catalog", 3)
        until(lambda: "catalog-3" in ups(up), within_s=10, what="catalog-3 is up again")
    finally:
        for store in STORES[:2]:
            up.start(store)
    until(
        lambda: up.ask("registry", "GET", "/health").json()["edges"]["memory"]["unwritten"] == [],
        within_s=20,
        what="what changed meanwhile is in the bucket",
    )


def test_a_drained_instance_leaves_the_list_first_and_answers_while_it_is_still_asked(up: Up) -> None:
    url = up.url("catalog", 2)
    pid = up.session.deployment.pid(InstanceTarget(service="catalog", index=2))
    headers = {"Authorization": f"Bearer {OPERATOR}"}
    clock = SystemClock()
    began = clock.now()
    os.kill(pid, signal.SIGTERM)
    until(lambda: "catalog-2" not in instances(up), within_s=3, what="the lease is given back")
    answers = []
    while True:
        try:
            answers.append(requests.get(url + "/products/sku-0001", headers=headers, timeout=2))
        except requests.ConnectionError:
            break
    assert clock.now() - began < 5
    assert {answer.status_code for answer in answers} == {200}
    assert answers[-1].headers["connection"] == "close"
    until(lambda: not up.session.deployment.alive(InstanceTarget(service="catalog", index=2)), within_s=5, what="gone")
    up.start("catalog", 2)
    until(lambda: "catalog-2" in ups(up), within_s=10, what="catalog-2 is up again")


def test_consumers_prefer_their_zone_and_go_elsewhere_when_it_is_down(up: Up) -> None:
    def quoted(first: int) -> dict[str, int]:
        """How many calls each instance of catalog got from the pricing of zone b for ten quotes."""
        before = lines(up, "pricing", "catalog", index=2)
        for number in range(first, first + 10):
            body = {"items": [{"sku": f"sku-{number:04d}", "quantity": 1}]}
            answer = up.ask("pricing", "POST", "/quotes", json=body, index=2)
            assert (answer.status_code, answer.json()["degraded"]) == (200, [])
        after = lines(up, "pricing", "catalog", index=2)
        return {name: after[name] - before[name] for name in after}

    until(lambda: len(ups(up)) == 7, within_s=10, what="all are up")
    until(lambda: heard(up, "pricing", 2, up_now=7), within_s=10, what="pricing has heard of it")
    assert quoted(100) == {"catalog-1": 0, "catalog-2": 10, "catalog-3": 0}
    up.kill("catalog", 2)
    until(lambda: heard(up, "pricing", 2, up_now=6), within_s=15, what="pricing has heard of the loss")
    calls = quoted(120)
    assert (calls["catalog-2"], calls["catalog-1"] + calls["catalog-3"]) == (0, 10)
    up.start("catalog", 2)


def test_flags_reach_every_instance(up: Up) -> None:
    up.ask("registry", "PUT", "/flags/pricing-canary", json={"value": 0.75})
    until(
        lambda: all(
            up.ask("pricing", "GET", "/health", index=index).json()["flags"].get("pricing-canary") == 0.75
            for index in (1, 2)
        ),
        within_s=10,
        what="both instances of pricing have heard of the flag",
    )
