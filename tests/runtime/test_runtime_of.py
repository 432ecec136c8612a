"""The runtimes of installed packages, and what is refused."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from harness.errors import HarnessError
from harness.model.system import Run, RuntimeKind, Service, System
from harness.runtime.attach.deployment import deploy
from harness.runtime.table import GROUP, RUNTIMES, runtime_of


def system(deployed_by: str | None) -> System:
    front = Service(owner="somebody", run=Run(command=("serve",)))
    return System(system="bakery", entry="front", services={"front": front}, deployed_by=deployed_by)


def entry(value: str) -> EntryPoint:
    return EntryPoint(name="mine", value=value, group=GROUP)


def test_a_description_that_names_none_has_one_of_ours() -> None:
    assert runtime_of(system(None)) is RUNTIMES[RuntimeKind.PROCESS]


def test_one_that_names_a_package_s_has_that() -> None:
    assert runtime_of(system("mine"), [entry("harness.runtime.attach.deployment:deploy")]) is deploy


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("other", "harness.runtime.attach.deployment:deploy", "no runtime 'other'; installed packages have mine"),
        ("mine", "harness.runtime.table:GROUP", "expected a function that deploys"),
        ("mine", "nowhere.at_all:it", "can't be loaded"),
    ],
)
def test_what_is_not_there_or_deploys_nothing_is_refused(name: str, value: str, told: str) -> None:
    with pytest.raises(HarnessError, match=told):
        runtime_of(system(name), [entry(value)])
