from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.declare import load_system
from harness.faults import kill
from harness.model.experiment import Expectation, Experiment, owed
from harness.model.fault import Injection, InstanceTarget
from harness.model.quantity import Duration
from tests.engine.test_roll import SYSTEM

Struck = tuple[int, float, float]
"""Which instance of back, from when, for how long."""


@pytest.mark.parametrize(
    ("struck", "owes"),
    [
        ([(1, 0, 5)], Expectation.AVAILABLE),
        ([(1, 0, 5), (2, 0, 5)], Expectation.MAY_FAIL),
        ([(1, 0, 5), (2, 4, 5)], Expectation.MAY_FAIL),
        ([(1, 0, 5), (2, 5, 5)], Expectation.AVAILABLE),
    ],
)
def test_all_instances_at_a_time_are_the_loss_of_their_service(
    struck: Sequence[Struck], owes: Expectation, tmp_path: Path
) -> None:
    (tmp_path / "system.yaml").write_text(SYSTEM, encoding="utf-8")
    injections = tuple(
        Injection(
            id=str(number),
            fault=kill(),
            target=InstanceTarget(service="back", index=index),
            after=Duration(after),
            lasts=Duration(lasts),
        )
        for number, (index, after, lasts) in enumerate(struck)
    )
    experiment = Experiment(name="x", hypothesis="", injections=injections, weights={"look": 1}, rate=5)
    assert owed(load_system(tmp_path / "system.yaml"), experiment, "look") is owes
