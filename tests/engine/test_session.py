"""What a run says of itself."""

from __future__ import annotations

import pytest

from harness.engine.session import repeatable


@pytest.mark.parametrize(
    "typed",
    [
        ["harness", "load", "--directory", "runs/1", "--rate", "20"],
        ["harness", "load", "--rate", "20", "--directory=runs/1"],
        ["harness", "load", "--rate", "20", "--directory", "runs/1"],
    ],
)
def test_a_command_to_repeat_makes_a_directory_of_its_own(typed: list[str]) -> None:
    assert repeatable(typed) == "harness load --rate 20"


def test_all_else_that_was_typed_is_repeated_and_can_be_pasted() -> None:
    assert repeatable(["harness", "run", "a b.yaml", "--seed", "1"]) == "harness run 'a b.yaml' --seed 1"
