from __future__ import annotations

from pathlib import Path

import pytest

from harness.contracts.pacts import Pact
from harness.engine.versions import MAX_VERSION_CHARACTERS, version_in, versions_of
from harness.model.events import PactVersions

RUNNING = ("gateway", "catalog")


def a_pact(consumer: str = "gateway", provider: str = "catalog", version: str = "") -> Pact:
    return Pact(
        consumer=consumer, provider=provider, interactions=(), file=Path("x"), specification="4.0", version=version
    )


async def told(*pacts: Pact, said: str = "", beside: bool = True, documents: dict[str, str]) -> list[PactVersions]:
    async def ask(service: str) -> str:
        return documents[service]

    return list(await versions_of(pacts, said=said, running=RUNNING, beside=beside, ask=ask))


def versions(consumer: str = "", provider: str = "", *, pair: tuple[str, str] = ("gateway", "catalog")) -> PactVersions:
    return PactVersions(consumer=pair[0], provider=pair[1], consumer_version=consumer, provider_version=provider)


async def test_both_sides_have_the_versions_that_their_documents_tell() -> None:
    documents = {"gateway": "1.0.0", "catalog": "2.1.0"}
    assert await told(a_pact(), documents=documents) == [versions("1.0.0", "2.1.0")]


async def test_what_somebody_says_of_the_providers_comes_first_and_they_are_not_asked() -> None:
    assert await told(a_pact(), said="3.0", documents={"gateway": "1.0.0"}) == [versions("1.0.0", "3.0")]


async def test_what_the_pact_tells_of_its_consumer_comes_first() -> None:
    assert await told(a_pact(version="0.9"), documents={"catalog": "2.1.0"}) == [versions("0.9", "2.1.0")]


async def test_a_consumer_that_runs_here_is_not_the_one_whose_pact_came_from_elsewhere() -> None:
    documents = {"catalog": "2.1.0"}
    assert await told(a_pact(), beside=False, documents=documents) == [versions("", "2.1.0")]
    itself = a_pact("catalog", "catalog")
    assert await told(itself, beside=False, documents=documents) == [versions("", "2.1.0", pair=("catalog", "catalog"))]


async def test_who_does_not_run_or_tells_nothing_has_no_version() -> None:
    found = await told(a_pact("phone"), a_pact(), documents={"gateway": "1.0.0", "catalog": ""})
    assert found == [versions("1.0.0"), versions(pair=("phone", "catalog"))]


async def test_a_version_that_is_a_novel_is_cut() -> None:
    found = await told(a_pact(), documents={"gateway": "1" * 10_000, "catalog": "2"})
    assert len(found[0].consumer_version) == MAX_VERSION_CHARACTERS


@pytest.mark.parametrize(
    ("document", "version"),
    [
        ({"info": {"version": "1.0.0"}}, "1.0.0"),
        ({"info": {"version": 1.5}}, "1.5"),
        ({"info": {"version": True}}, ""),
        ({"info": {"version": ["1"]}}, ""),
        ({"info": "1.0"}, ""),
        ({}, ""),
        ([], ""),
        (None, ""),
    ],
    ids=repr,
)
def test_a_document_tells_a_version_or_nothing(document: object, version: str) -> None:
    assert version_in(document) == version
