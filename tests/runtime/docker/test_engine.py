from __future__ import annotations

import os
import subprocess
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from harness.errors import DeployError
from harness.runtime.docker import network
from harness.runtime.docker.engine import clear, connect, labels_of, remove_run, runs
from harness.runtime.docker.image import MADE_BASE

pytestmark = pytest.mark.loopback
SCRIPTS = Path(__file__).parents[3] / "scripts"


def test_without_an_engine_it_says_how_to_start_one() -> None:
    with pytest.raises(
        DeployError, match=r"expected a Docker engine, found none .*; start one \(scripts/docker-engine"
    ):
        connect({"DOCKER_HOST": "unix:///nowhere/docker.sock"})


def test_what_carries_the_label_of_a_run_is_listed_and_removed(engine: None) -> None:
    del engine
    api = connect()
    labels = labels_of("test-listed", "pair")
    network.make_network(api, "test-listed", labels)
    api.create_container(MADE_BASE, "true", name="test-listed-one", labels=labels)
    api.close()

    (found,) = [run for run in runs() if run.run == "test-listed"]

    assert (found.system, found.process, found.containers) == ("pair", os.getpid(), ("test-listed-one",))
    assert remove_run("test-listed") == 2
    assert [run for run in runs() if run.run == "test-listed"] == []
    assert remove_run("test-listed") == 0


def test_a_network_that_is_taken_is_passed_over_and_a_full_range_is_refused(
    engine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    del engine
    monkeypatch.setattr(network, "RANGE", IPv4Network("198.51.0.0/19"))
    api = connect()
    try:
        made = {network.make_network(api, f"test-room-{n}", labels_of("test-room", "pair"))[1] for n in range(2)}
        assert made == set(IPv4Network("198.51.0.0/19").subnets(new_prefix=20))
        with pytest.raises(
            DeployError, match=r"expected room for a network of a run in 198\.51\.0\.0/19, found 2 runs"
        ):
            network.make_network(api, "test-room-2", labels_of("test-room", "pair"))
    finally:
        assert clear(api, "test-room") == 2
        api.close()


def script(name: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCRIPTS / name, *arguments],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_engine_and_a_base_image_that_are_there_are_left_alone(engine: None) -> None:
    del engine
    started, made = script("docker-engine"), script("docker-base", MADE_BASE)

    assert (started.returncode, made.returncode) == (0, 0)
    assert "answers already" in started.stdout
    assert made.stdout == f"docker-base: {MADE_BASE} is there\n"


def test_the_scripts_say_what_is_lacking() -> None:
    elsewhere = script("docker-engine", DOCKER_HOST="unix:///nowhere/docker.sock")
    nameless = script("docker-base")
    without = script("docker-base", "a:b", DOCKER_HOST="unix:///nowhere/docker.sock")

    assert (elsewhere.returncode, nameless.returncode, without.returncode) == (2, 2, 2)
    assert "nothing answers at DOCKER_HOST=unix:///nowhere/docker.sock" in elsewhere.stderr
    assert "expected the name of the image" in nameless.stderr
    assert "start one: scripts/docker-engine" in without.stderr
