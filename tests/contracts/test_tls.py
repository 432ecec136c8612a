"""Providers that speak TLS are verified and fuzzed when they can be trusted, and never without."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.contracts.fuzz import fuzz
from harness.contracts.verify import ProviderUnderTest, verify
from harness.model.credentials import Credentials
from harness.model.verdict import Verdict, worst
from harness.runtime.certificates import Authority
from tests.certified import NOW, shown, trusted
from tests.contracts.fakes import JSON, Answer, LocalSpawner, Provider, a_pact, a_request, given, write_pact

pytestmark = pytest.mark.loopback
STATES = """
import urllib.request

def a_product(state):
    urllib.request.urlopen(state.url + "/products/sku-0007")

STATES = {"a product exists": a_product}
"""
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "products", "version": "1"},
    "paths": {"/products": {"get": {"responses": {"200": {"description": "ok"}}}}},
}


def catalog(method: str, path: str, _body: str) -> Answer:
    if path == "/openapi.json":
        return 200, JSON, json.dumps(DOCUMENT)
    if method != "GET":
        return 405, {**JSON, "allow": "GET"}, "{}"
    return 200, JSON, json.dumps({"sku": "sku-0001", "name": "Kettle"})


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority(NOW)


@pytest.fixture
def provider(authority: Authority, tmp_path: Path) -> Iterator[Provider]:
    provider = Provider(catalog, tls=shown(authority.issue("catalog", NOW), tmp_path))
    yield provider
    provider.close()


@pytest.mark.parametrize(("known", "verdict"), [(True, Verdict.PASS), (False, Verdict.UNKNOWN)])
async def test_a_pact_is_verified_over_tls_if_the_certificate_is_trusted(  # noqa: PLR0913 -- fixtures
    authority: Authority, provider: Provider, spawner: LocalSpawner, tmp_path: Path, *, known: bool, verdict: Verdict
) -> None:
    pact = a_pact(a_request("a product", providerStates=[given("a product exists")]))
    write_pact(tmp_path / "pacts", pact, "gateway-catalog.json")
    (tmp_path / "states").mkdir()
    (tmp_path / "states" / "catalog.py").write_text(STATES)
    findings = await verify(
        pacts=tmp_path / "pacts",
        states=tmp_path / "states",
        providers=[ProviderUnderTest(name="catalog", url=provider.url, owner="team")],
        owners={"catalog": "team", "gateway": "edge"},
        spawner=spawner,
        directory=tmp_path / "run",
        credentials=Credentials(ca=trusted(authority if known else Authority(NOW), tmp_path)),
    )
    assert worst(finding.verdict for finding in findings) is verdict, findings
    assert [path for _, path, _ in provider.asked] == (["/products/sku-0007", "/products/sku-0001"] if known else [])
    assert all(finding.replay.endswith(" --tls") for finding in findings if finding.replay)


@pytest.mark.parametrize(("known", "verdict"), [(True, Verdict.PASS), (False, Verdict.UNKNOWN)])
async def test_a_service_is_fuzzed_over_tls_if_the_certificate_is_trusted(  # noqa: PLR0913 -- fixtures
    authority: Authority, provider: Provider, spawner: LocalSpawner, tmp_path: Path, *, known: bool, verdict: Verdict
) -> None:
    result = await fuzz(
        service="catalog",
        owner="team",
        url=provider.url,
        document="/openapi.json",
        directory=tmp_path / "fuzz",
        spawner=spawner,
        seed=7,
        examples=2,
        credentials=Credentials(ca=trusted(authority if known else Authority(NOW), tmp_path)),
    )
    assert worst(finding.verdict for finding in result.findings) is verdict, result.findings
    assert bool(provider.asked) is known
