"""What a machine without time answers is no proof against a provider; all else is, whatever the machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.contracts.verify import Again, ProviderUnderTest, verify
from harness.model.finding import Finding
from harness.model.verdict import Verdict
from tests.contracts.fakes import JSON, PROBLEM, Answer, Provider, Respond, ThreadSpawner, a_pact, a_request, write_pact

pytestmark = pytest.mark.loopback
STILL = "the processors stood still"
WELL: Answer = (200, JSON, '{"sku": "sku-0001", "name": "n"}')
BUSY: Answer = (503, PROBLEM, '{"status": 503}')
WRONG: Answer = (200, JSON, '{"sku": "sku-0002", "name": "n"}')
CRASHED: Answer = (500, PROBLEM, '{"status": 500}')
Serve = Callable[[Respond], Provider]


@dataclass
class Machine:
    """Gives one doubt after the other, then none."""

    doubts: list[str]
    waited: list[str] = field(default_factory=list)
    most: int = 2

    @property
    def again(self) -> Again:
        return Again(most=self.most, doubt=lambda: self.doubts.pop(0) if self.doubts else "", wait=self.wait)

    async def wait(self, why: str) -> None:
        self.waited.append(why)


def answering(*answers: Answer) -> Respond:
    """One after the other to whoever asks for sku-0001, and always well to all others."""
    left = list(answers)

    def respond(_method: str, path: str, _body: str) -> Answer:
        if not path.endswith("sku-0001"):
            return WELL
        return left.pop(0) if len(left) > 1 else left[0]

    return respond


async def verified(root: Path, provider: Provider, machine: Machine) -> dict[str, Finding]:
    other = {"request": {"method": "GET", "path": "/products/sku-0007"}}
    for consumer in ("gateway", "cart"):
        pact = a_pact(a_request("a product"), a_request("another", **other), consumer=consumer)
        write_pact(root / "pacts", pact, f"{consumer}-catalog.json")
    write_pact(root / "pacts", a_pact(a_request("another", **other), provider="search"), "gateway-search.json")
    (root / "states").mkdir()
    found = await verify(
        pacts=root / "pacts",
        states=root / "states",
        providers=[ProviderUnderTest(name=name, url=provider.url, owner=name) for name in ("catalog", "search")],
        owners={"gateway": "edge", "cart": "cart", "catalog": "catalog", "search": "search"},
        spawner=ThreadSpawner(),
        directory=root / "run",
        again=machine.again,
    )
    assert len(found) == 5
    return {each.subject: each for each in found}


def verdicts(found: dict[str, Finding], names: Iterable[str] = ("gateway", "cart")) -> list[Verdict]:
    """Of what was asked for sku-0001; all else holds."""
    subjects = [f"{name} → catalog: a product" for name in names]
    assert {each.verdict for subject, each in found.items() if subject not in subjects} == {Verdict.PASS}
    return [found[subject].verdict for subject in subjects]


async def test_a_503_while_the_machine_stood_still_is_asked_for_again_and_nothing_else_is(
    tmp_path: Path, serve: Serve
) -> None:
    provider, machine = serve(answering(BUSY, BUSY, WELL)), Machine([STILL])

    found = await verified(tmp_path, provider, machine)

    assert verdicts(found) == [Verdict.PASS, Verdict.PASS]
    assert machine.waited == [f"2 of the answers are no proof, and are asked for again: {STILL}"]
    assert [path for _, path, _ in provider.asked].count("/products/sku-0001") == 4
    assert [path for _, path, _ in provider.asked].count("/products/sku-0007") == 3


@pytest.mark.parametrize("answers", [(BUSY,), (BUSY, BUSY, WRONG)])
async def test_what_breaks_the_contract_on_a_quiet_machine_too_is_a_fail(
    tmp_path: Path, serve: Serve, answers: tuple[Answer, ...]
) -> None:
    found = await verified(tmp_path, serve(answering(*answers)), Machine([STILL]))

    assert verdicts(found) == [Verdict.FAIL, Verdict.FAIL]


async def test_a_503_on_a_quiet_machine_is_a_fail_at_once_with_the_status_first(tmp_path: Path, serve: Serve) -> None:
    machine = Machine([])

    found = await verified(tmp_path, serve(answering(BUSY, BUSY, WELL)), machine)

    assert verdicts(found) == [Verdict.FAIL, Verdict.FAIL]
    reason = found["cart → catalog: a product"].reason
    assert reason.startswith("catalog breaks what cart relies on: status: expected 200, found 503 (and ")
    assert not machine.waited


async def test_a_machine_that_never_has_time_leaves_it_open(tmp_path: Path, serve: Serve) -> None:
    machine = Machine([STILL] * 9)

    found = await verified(tmp_path, serve(answering(BUSY)), machine)

    assert verdicts(found) == [Verdict.UNKNOWN, Verdict.UNKNOWN]
    each = found["gateway → catalog: a product"]
    assert each.reason.startswith(f"{STILL}, so this may be the machine's doing; it would be FAIL: catalog breaks")
    assert each.replay == "harness verify --provider catalog --consumer gateway"
    assert len(machine.waited) == 2


@pytest.mark.parametrize("answer", [CRASHED, WRONG])
async def test_an_error_of_the_provider_s_own_is_no_matter_of_time(
    tmp_path: Path, serve: Serve, answer: Answer
) -> None:
    machine = Machine([STILL] * 9)

    found = await verified(tmp_path, serve(answering(answer)), machine)

    assert verdicts(found) == [Verdict.FAIL, Verdict.FAIL]
    assert not machine.waited
