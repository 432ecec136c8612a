"""The fuzzer and the hostile requests find what was planted, and nothing in the clean twin."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.clock import SystemClock
from harness.engine.fuzzing import FuzzOptions, Subject, fuzz_all
from harness.errors import ContractError, DeclarationError
from harness.model.credentials import Credentials
from harness.model.finding import Finding
from harness.model.fuzzing import Another, Example, ServiceFuzz
from harness.model.verdict import Verdict
from tests.contracts.fakes import LocalSpawner
from tests.engine.fuzzed_services import ALICE, BOB, PLANTED, served, service

pytestmark = pytest.mark.loopback
SETTINGS = ServiceFuzz(
    private=("GET /notes/{note_id}",),
    another=Another(headers={"Authorization": f"Bearer {BOB}"}),
    examples={"GET /products/{sku}": Example(path={"sku": ("sku-3",)})},
)


@pytest.fixture
def spawner() -> Iterator[LocalSpawner]:
    spawner = LocalSpawner()
    yield spawner
    assert [process.pid for process in spawner.started if process.returncode is None] == []


def subject(name: str, url: str, directory: Path, settings: ServiceFuzz = SETTINGS) -> Subject:
    return Subject(
        service=name,
        owner=f"team-{name}",
        url=url,
        document=f"{url}/openapi.json",
        directory=directory,
        credentials=Credentials(headers={"Authorization": f"Bearer {ALICE}"}),
        settings=settings,
    )


async def fuzzed(
    subjects: list[Subject], spawner: LocalSpawner, options: FuzzOptions, *, seed: int = 1
) -> list[Finding]:
    return await fuzz_all(
        subjects, spawner=spawner, seed=seed, options=options, clock=SystemClock(), say=lambda _line: None
    )


def wrong(findings: list[Finding], name: str) -> set[tuple[str, str]]:
    return {(each.check, each.subject) for each in findings if each.service == name and each.verdict is Verdict.FAIL}


@pytest.mark.parametrize("seed", range(1, 6))
async def test_every_planted_defect_is_found_and_nothing_in_the_clean_twin(
    tmp_path: Path, spawner: LocalSpawner, seed: int
) -> None:
    with served(service()) as clean, served(service(PLANTED)) as bad:
        subjects = [subject("clean", clean, tmp_path), subject("bad", bad, tmp_path)]
        findings = await fuzzed(subjects, spawner, FuzzOptions(examples=8), seed=seed)

    told = {each.verdict for each in findings if each.service == "clean"}
    assert told == {Verdict.PASS}, [each for each in findings if each.service == "clean"]
    assert not [each for each in findings if each.verdict is Verdict.UNKNOWN]
    found = wrong(findings, "bad")
    assert found >= {
        ("hostile-input", "GET /products/{sku}"),
        ("sql-tautology", "GET /products"),
        ("sql-tautology", "GET /products/{sku}"),
        ("another-customer", "GET /notes/{note_id}"),
        ("trusted-header", "GET /notes/{note_id}"),
        ("trusted-header", "POST /notes"),
        ("oversize", "POST /notes"),
    }
    assert any("Undocumented status code: answered 418" in each.reason for each in findings)
    failed = [each for each in findings if each.verdict is Verdict.FAIL]
    assert {each.owner for each in failed} == {"team-bad"}
    assert all("curl -i" in each.evidence[0] for each in failed)
    assert all(each.replay.startswith(f"harness fuzz bad --seed {seed}") for each in failed)
    everything = json.dumps([[each.reason, each.evidence] for each in findings])
    assert ALICE not in everything
    assert BOB not in everything
    causes = [(each.check, each.subject, each.reason) for each in failed]
    assert len(causes) == len(set(causes))


async def test_what_is_known_is_told_what_is_new_is_red_and_what_is_gone_is_told(
    tmp_path: Path, spawner: LocalSpawner
) -> None:
    file = tmp_path / "known.json"
    with served(service(frozenset({"oversize", "bola"}))) as url:
        written = await fuzzed(
            [subject("notes", url, tmp_path)],
            spawner,
            FuzzOptions(examples=2, baseline=file, write_baseline=True),
        )
    known = {(each["check"], each["operation"]) for each in json.loads(file.read_text())["findings"]}
    assert known == {("oversize", "POST /notes"), ("another-customer", "GET /notes/{note_id}")}
    assert {each.verdict for each in written} == {Verdict.PASS}

    with served(service(frozenset({"oversize", "tautology"}))) as url:
        findings = await fuzzed([subject("notes", url, tmp_path)], spawner, FuzzOptions(examples=2, baseline=file))
    assert wrong(findings, "notes") == {("sql-tautology", "GET /products")}
    held = {each.reason.partition(":")[0]: each for each in findings if each.verdict is Verdict.PASS}
    assert held["known by the baseline"].check == "oversize"
    gone = held["known by the baseline, and not found any more"]
    assert (gone.subject, "another-customer" in gone.reason) == ("GET /notes/{note_id}", True)


async def test_past_the_budget_everything_left_is_unknown(tmp_path: Path, spawner: LocalSpawner) -> None:
    with served(service()) as one, served(service()) as two:
        subjects = [subject("one", one, tmp_path), subject("two", two, tmp_path)]
        findings = await fuzzed(subjects, spawner, FuzzOptions(budget_s=0.2))
    assert {(each.service, each.verdict) for each in findings} == {("one", Verdict.UNKNOWN), ("two", Verdict.UNKNOWN)}


async def test_a_private_operation_without_another_customer_is_unknown(tmp_path: Path, spawner: LocalSpawner) -> None:
    settings = ServiceFuzz(private=("GET /notes/{note_id}",))
    options = FuzzOptions(examples=2, operations=("GET /notes/{note_id}",))
    with served(service()) as url:
        findings = await fuzzed([subject("notes", url, tmp_path, settings)], spawner, options)
    [unknown] = [each for each in findings if each.verdict is Verdict.UNKNOWN]
    assert "no other customer is declared" in unknown.reason


async def test_operations_and_checks_that_are_left_out_are_told_with_their_reason(
    tmp_path: Path, spawner: LocalSpawner
) -> None:
    settings = ServiceFuzz(
        leave_out={"POST /notes": "it would fill the store", "GET /notes/{note_id}": "there are none then"},
        checks_off={"sql-tautology": "known, see issue 7", "hostile-input": "known, see issue 7"},
    )
    with served(service(frozenset({"tautology"}))) as url:
        findings = await fuzzed([subject("notes", url, tmp_path, settings)], spawner, FuzzOptions(examples=2))
    assert {each.verdict for each in findings} == {Verdict.PASS}, findings
    told = [line for each in findings for line in each.evidence]
    assert "POST /notes: left out: it would fill the store" in told
    assert "not checked: sql-tautology: known, see issue 7" in told


async def test_one_operation_alone_repeats_what_was_found(tmp_path: Path, spawner: LocalSpawner) -> None:
    options = FuzzOptions(examples=2, operations=("GET /products",))
    with served(service(frozenset({"tautology"}))) as url:
        findings = await fuzzed([subject("notes", url, tmp_path)], spawner, options)
    assert wrong(findings, "notes") == {("sql-tautology", "GET /products")}
    [told] = [each for each in findings if each.check == "fuzz"]
    assert "on 1 of 1 operations" in told.reason


@pytest.mark.parametrize("operations", [("GET /nowhere",), ("GET /products", "GET /nowhere")])
async def test_an_operation_that_no_document_has_is_refused(
    tmp_path: Path, spawner: LocalSpawner, operations: tuple[str, ...]
) -> None:
    with (
        served(service()) as url,
        pytest.raises(ContractError, match=r"no operation 'GET /nowhere'.*(did you mean|known are)"),
    ):
        await fuzzed([subject("notes", url, tmp_path)], spawner, FuzzOptions(operations=operations))
    assert spawner.started == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "known.json:"),
        ('{"form": 9}', "expected a baseline of form 1, found 9"),
        ('{"findings": [{"service": "a"}]}', "'operation' is missing"),
    ],
)
async def test_a_broken_baseline_is_refused_with_its_place(
    tmp_path: Path, spawner: LocalSpawner, text: str, said: str
) -> None:
    file = tmp_path / "known.json"
    file.write_text(text)
    with pytest.raises((DeclarationError, ContractError), match=said):
        await fuzzed([], spawner, FuzzOptions(baseline=file))


def test_a_placeholder_that_cannot_be_filled_in_is_refused(tmp_path: Path) -> None:
    settings = ServiceFuzz(headers={"X-Key": "{env.NOWHERE_SET}"})
    with pytest.raises(ContractError, match="NOWHERE_SET is not in the environment"):
        subject("notes", "http://127.0.0.1:1", tmp_path, settings)
