import json
from pathlib import Path

import pytest

from harness.contracts.compare.document import ProviderDocument
from harness.contracts.compare.judge import Against, compare_interaction
from harness.contracts.compare.mismatch import ComparedInteraction
from harness.contracts.pacts import read_pact
from tests.contracts.compare.agreement import Case, cases, documented, table

CASES = cases()
ENOUGH = 60


def compared(case: Case, directory: Path) -> ComparedInteraction:
    file = directory / "pact.json"
    file.write_text(json.dumps(case.pact), encoding="utf-8")
    document = ProviderDocument(case.openapi, file="openapi.json")
    return compare_interaction(read_pact(file).interactions[0], Against(document=document))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.group}: {case.name}")
def test_the_verdict_is_the_recorded_one(case: Case, tmp_path: Path) -> None:
    found = compared(case, tmp_path)
    assert not found.unjudged
    assert case.codes == sorted({each.code for each in found.errors})
    assert case.ours == ("refuses" if found.errors else "fits")


def test_there_are_enough_cases_of_both_kinds() -> None:
    assert len(CASES) >= ENOUGH
    assert {"fits", "refuses"} == {case.ours for case in CASES}
    assert len({(case.group, case.name) for case in CASES}) == len(CASES)


def test_each_disagreement_is_explained_and_nothing_else() -> None:
    assert [case.name for case in CASES if (case.ours != case.pactflow) != bool(case.why)] == []


def test_the_table_in_the_docs_is_made_of_the_cases() -> None:
    assert documented() == table()
