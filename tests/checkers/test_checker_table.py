"""What installed packages add to the checkers, and what is refused."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from harness.checkers import CHECKERS, GROUP, checker_table
from harness.checkers.deadline import deadline
from harness.errors import HarnessError


def entry(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=value, group=GROUP)


def test_a_package_adds_a_checker() -> None:
    table = checker_table([entry("of-mine", "harness.checkers.deadline:deadline")])
    assert table == {**CHECKERS, "of-mine": deadline}


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("deadline", "harness.checkers.deadline:deadline", "expected a name of its own"),
        ("of-mine", "harness.checkers.deadline:CHECK", "expected a function from a history to findings"),
        ("of-mine", "nowhere.at_all:it", "can't be loaded"),
    ],
)
def test_what_is_no_checker_or_takes_a_name_is_refused(name: str, value: str, told: str) -> None:
    with pytest.raises(HarnessError, match=told):
        checker_table([entry(name, value)])
