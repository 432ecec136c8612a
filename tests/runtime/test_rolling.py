"""A service is rolled one instance at a time, to another version and back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from harness.declare import load_system
from harness.errors import DeclarationError, DeployError
from harness.faults.deployment_roll import Roll
from harness.model.quantity import Duration
from harness.model.system import InstanceSpec, VersionSpec
from harness.model.topology import Topology
from harness.runtime.addresses import check_placeholders
from harness.runtime.supervisor_client import Supervisor
from tests.runtime.fakes import system_of, until
from tests.runtime.test_process import BACK, COMMAND, deployed, get

pytestmark = pytest.mark.loopback

SECOND = {"SAYS": "{instance} is new"}
BROKEN = {"DIES": "yes"}


def _versioned(root: Path) -> Topology:
    topology = system_of(
        root, run=COMMAND, back=(InstanceSpec(), InstanceSpec(zone="b")), back_env={"SAYS": "{instance} is old"}
    )
    back = topology.system.services["back"].model_copy(
        update={"versions": {"2.0": VersionSpec(env=SECOND), "3.0": VersionSpec(env=BROKEN)}}
    )
    system = topology.system.model_copy(update={"services": topology.system.services | {"back": back}})
    return Topology(system=system, root=topology.root, start_order=topology.start_order)


async def test_it_is_rolled_to_another_version_and_back_and_one_that_does_not_start_is_put_back(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    topology = _versioned(tmp_path)
    async with deployed(topology, supervisor, tmp_path) as (deployment, heard):
        urls = [deployment.direct_url(each) for each in topology.instances_of("back")]
        roll = Roll(to="2.0", back=True, over=Duration(0))
        assert await roll.strike(deployment, BACK) == "all instances of back are being rolled"
        with pytest.raises(DeployError, match="is being rolled already"):
            await roll.strike(deployment, BACK)
        await roll.mend(deployment, BACK)
        assert [await get(url) for url in urls] == ["back-1 is old", "back-2 is old"]
        done = [note.removesuffix("2.0").removesuffix("it is declared") for note in heard.notes]
        assert done == [f"back-{index} was started again as " for index in (1, 2, 1, 2)]
        broken = Roll(to="3.0", over=Duration(0))
        await broken.strike(deployment, BACK)
        with pytest.raises(
            DeployError, match=r"(?s)the roll of back ended at back-1, as 3\.0: .*; it is back as it was"
        ):
            await broken.mend(deployment, BACK)
        assert [await get(url) for url in urls] == ["back-1 is old", "back-2 is old"]
        with pytest.raises(DeployError, match=r"expected a version of back, found '9'; known: 2.0, 3.0"):
            await Roll(to="9", over=Duration(0)).strike(deployment, BACK)


async def test_its_instances_are_spread_over_the_time_so_that_both_versions_are_there(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    topology = _versioned(tmp_path)
    async with deployed(topology, supervisor, tmp_path) as (deployment, heard):
        second = deployment.direct_url(topology.instances_of("back")[1])
        deployment.begin_rolling("back", to="2.0", back=False, over_s=60.0)
        await until(lambda: bool(heard.notes), within_s=20.0)
        assert await get(second) == "back-2 is old"
        assert await get(deployment.direct_url(BACK)) == "back-1 is new"
        async with asyncio.timeout(30.0):  # the end of everything waits for no roll
            await deployment.stop()


def test_what_a_version_is_told_is_proved_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "system.yaml").write_text(
        "system: tiny\nentry: front\nservices:\n"
        "  front: {owner: web, run: {command: [front]}, versions: {'2.0': {env: {IT: '{nothing}'}}}}\n",
        encoding="utf-8",
    )
    with pytest.raises(DeclarationError, match="nothing"):
        check_placeholders(load_system(tmp_path / "system.yaml"))
