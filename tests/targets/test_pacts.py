from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.contracts.pacts import Kind, Pact, read_pacts
from harness.contracts.states import load_tables
from harness.declare import load_system
from harness.model.topology import Topology
from tests.targets.partial import SHOP

CONTRACTS = SHOP.parents[1] / "contracts"


@pytest.fixture(scope="module")
def topology() -> Topology:
    return load_system(SHOP / "system.yaml")


@pytest.fixture(scope="module")
def pacts() -> dict[tuple[str, str], Pact]:
    return {(pact.consumer, pact.provider): pact for pact in read_pacts(CONTRACTS / "pacts")}


def test_every_edge_between_services_has_a_pact_and_no_other_pair_calls_another(
    topology: Topology, pacts: dict[tuple[str, str], Pact]
) -> None:
    called = {pair for pair, pact in pacts.items() if any(each.kind is Kind.HTTP for each in pact.interactions)}
    services = topology.system.services.keys()
    edges = {(each.consumer, each.provider) for each in topology.edges.values()}

    assert {edge for edge in edges if set(edge) <= services} == called


def test_every_event_is_agreed_on_with_its_producer(pacts: dict[tuple[str, str], Pact]) -> None:
    producers = {json.loads(file.read_text())["x-producer"] for file in (CONTRACTS / "events").glob("*.json")}
    told = {
        (provider, each.description)
        for (_, provider), pact in pacts.items()
        for each in pact.interactions
        if each.kind is Kind.MESSAGE
    }

    assert producers == {provider for provider, _ in told}
    assert len(list((CONTRACTS / "events").glob("*.json"))) == len(told)


def test_a_file_is_named_after_its_pair(pacts: dict[tuple[str, str], Pact]) -> None:
    assert {f"{consumer}-{provider}.json" for consumer, provider in pacts} == {
        file.name for file in (CONTRACTS / "pacts").iterdir()
    }


def test_every_state_and_every_message_can_be_had_and_none_is_left_over(
    pacts: dict[tuple[str, str], Pact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(CONTRACTS / "states")
    wanted: dict[str, set[str]] = {}
    for (_, provider), pact in pacts.items():
        for each in pact.interactions:
            names = {each.description} if each.kind is Kind.MESSAGE else {state.name for state in each.states}
            wanted[provider] = wanted.get(provider, set()) | names

    had = {}
    for provider in wanted:
        tables = load_tables(_states_of(provider))
        had[provider] = {*tables.states, *tables.messages}

    assert wanted == had


def _states_of(provider: str) -> Path:
    return CONTRACTS / "states" / f"{provider}.py"
