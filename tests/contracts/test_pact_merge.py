from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given as with_examples
from hypothesis import settings, strategies

from harness.contracts.pact_merge import merge
from harness.contracts.pacts import read_pact
from harness.errors import ContractError
from tests.contracts.fakes import a_message, a_pact, a_request, write_pact


def test_merging_workers_gives_one_sorted_file_a_pair(tmp_path: Path) -> None:
    write_pact(tmp_path / "gw0", a_pact(a_request("b"), a_request("a")))
    write_pact(tmp_path / "gw1", a_pact(a_request("c")))
    write_pact(tmp_path / "gw1", a_pact(a_message("x"), consumer="recommendations", provider="orders"), "y.json")

    changed = merge([tmp_path / "gw1", tmp_path / "gw0"], tmp_path / "pacts", replace=True)

    assert [file.name for file in changed] == ["gateway-catalog.json", "recommendations-orders.json"]
    assert [each.description for each in read_pact(changed[0]).interactions] == ["a", "b", "c"]


def test_merging_the_same_again_changes_nothing(tmp_path: Path) -> None:
    write_pact(tmp_path / "gw0", a_pact(a_request("a")))
    first = merge([tmp_path / "gw0"], tmp_path / "pacts", replace=True)

    assert merge([tmp_path / "gw0"], tmp_path / "pacts", replace=True) == ()
    assert len(first) == 1


def test_two_workers_that_tell_different_things_are_refused(tmp_path: Path) -> None:
    write_pact(tmp_path / "gw0", a_pact(a_request("a")))
    write_pact(tmp_path / "gw1", a_pact(a_request("a", request={"method": "GET", "path": "/other"})))

    with pytest.raises(ContractError, match="two tests tell different things of 'a'"):
        merge([tmp_path / "gw0", tmp_path / "gw1"], tmp_path / "pacts", replace=True)

    assert not (tmp_path / "pacts").exists()


@pytest.mark.parametrize(("replace", "left"), [(True, ["b"]), (False, ["a", "b"])])
def test_what_no_test_makes_any_more_is_dropped_only_when_all_ran(
    tmp_path: Path, *, replace: bool, left: list[str]
) -> None:
    write_pact(tmp_path / "pacts", a_pact(a_request("a")))
    write_pact(tmp_path / "gw0", a_pact(a_request("b")))

    [file] = merge([tmp_path / "gw0"], tmp_path / "pacts", replace=replace)

    assert left == [each.description for each in read_pact(file).interactions]


@settings(deadline=None, max_examples=30)
@with_examples(
    strategies.lists(
        strategies.text(strategies.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, unique=True
    )
)
def test_any_descriptions_survive_merging_in_one_order(descriptions: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        write_pact(root / "gw0", a_pact(*(a_request(each) for each in descriptions)))
        [file] = merge([root / "gw0"], root / "pacts", replace=True)

        assert sorted(descriptions) == [each["description"] for each in json.loads(file.read_text())["interactions"]]
        assert all(each.place.line for each in read_pact(file).interactions)


def test_a_pact_of_an_older_specification_is_not_mixed_with_newer_ones(tmp_path: Path) -> None:
    write_pact(tmp_path / "pacts", a_pact(a_request("a")) | {"metadata": {"pactSpecification": {"version": "3.0.0"}}})
    write_pact(tmp_path / "gw0", a_pact(a_request("b")))

    with pytest.raises(ContractError, match="expected specification 4 to merge, found 3"):
        merge([tmp_path / "gw0"], tmp_path / "pacts", replace=False)
