"""What is asked of a load run is proved sound before anything starts."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.engine.load_plan import LEAST_POOL, MOST_POOL, LoadAsked, LoadRun, prepare_load
from harness.errors import HarnessError
from harness.model.load_profile import LoadPhase

STEPS = """\
journeys:
  look: {weight: 3, deadline: 2s, steps: [GET /]}
  buy: {steps: [POST /orders]}
"""
PROFILE = """\
load: spike
weights: {look: 1}
phases:
  - {phase: before, for: 10s, rate: 20}
  - {phase: spike, for: 10s, rate: {from: 20, to: 400}}
expect: ["look.p99 < 1s spike"]
"""
SYSTEM = """\
system: tiny
entry: front
services:
  front: {owner: web, run: {command: [python, app.py, "{port}"]}}
baseline: {rate: 7}
"""


@pytest.fixture
def host() -> Iterator[str]:
    """Somebody who takes connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def journeys(tmp_path: Path) -> Path:
    file = tmp_path / "journeys.yaml"
    file.write_text(STEPS, encoding="utf-8")
    return file


def profile(directory: Path, text: str = PROFILE) -> str:
    file = directory / "spike.yaml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_hosts_that_run_already_need_no_description(host: str, journeys: Path) -> None:
    run = prepare_load(LoadAsked(hosts=(host, host), journeys=journeys, rate=30.0, length_s=20.0))
    assert not run.described
    assert run.profile.weights == {"look": 3.0, "buy": 1.0}
    assert (LoadPhase(name="load", length_s=20.0, start_rate=30.0, end_rate=30.0),) == run.profile.phases
    assert len(run.topology.instances) == 2


def test_a_described_system_is_loaded_at_its_baselines_rate(tmp_path: Path) -> None:
    (tmp_path / "system.yaml").write_text(SYSTEM, encoding="utf-8")
    (tmp_path / "loadtests").mkdir()
    (tmp_path / "loadtests" / "journeys.yaml").write_text(STEPS, encoding="utf-8")
    run = prepare_load(LoadAsked(system=tmp_path / "system.yaml"))
    assert run.described
    assert run.profile.phases[0].start_rate == 7.0


def test_closed_users_take_the_place_of_a_rate(host: str, journeys: Path) -> None:
    run = prepare_load(LoadAsked(hosts=(host,), journeys=journeys, users=25))
    assert (run.profile.phases[0].users, run.profile.phases[0].start_rate) == (25, 0.0)


def test_a_profile_is_found_by_name_beside_what_customers_do(host: str, tmp_path: Path) -> None:
    (tmp_path / "loadtests" / "profiles").mkdir(parents=True)
    profile(tmp_path / "loadtests" / "profiles")
    file = tmp_path / "loadtests" / "journeys.yaml"
    file.write_text(STEPS, encoding="utf-8")
    run = prepare_load(LoadAsked(hosts=(host,), journeys=file, profile="spike", expect=("look.failed < 1%",)))
    assert [each.name for each in run.profile.phases] == ["before", "spike"]
    assert [each.text for each in run.thresholds] == ["look.p99 < 1s spike", "look.failed < 1%"]


def test_the_pool_is_as_large_as_all_that_may_be_under_way_within_bounds(host: str, journeys: Path) -> None:
    def pool(rate: float) -> int:
        return prepare_load(LoadAsked(hosts=(host,), journeys=journeys, rate=rate)).pool

    assert (pool(1.0), pool(100.0), pool(4000.0)) == (LEAST_POOL, 500, MOST_POOL)  # the longest deadline is 5 s


def refused(asked: LoadAsked, said: str) -> None:
    with pytest.raises(HarnessError) as caught:
        prepare_load(asked)
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("bad.py", "def look(:", "bad.py:1:10: the locustfile is not Python"),
        ("empty.py", "from locust import FastHttpUser\n", "expected tasks or steps that customers do, found none"),
        ("steps.yaml", "journeys:\n  look: {stps: []}\n", "steps.yaml:2:10: unknown key 'stps'"),
        ("words.txt", "look", "expected a locustfile (.py), journeys of steps (.yaml) or a recording (.har)"),
    ],
)
def test_what_customers_do_must_make_sense(host: str, tmp_path: Path, name: str, text: str, said: str) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    refused(LoadAsked(hosts=(host,), journeys=file), said)


def test_a_file_that_is_not_there_is_named(host: str, tmp_path: Path) -> None:
    refused(LoadAsked(hosts=(host,), journeys=tmp_path / "none.py"), "none.py: expected what customers do, and there")


def test_a_host_that_does_not_answer_is_refused(journeys: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gone = f"http://127.0.0.1:{listener.getsockname()[1]}"
    refused(LoadAsked(hosts=(gone,), journeys=journeys), f"nobody answers at {gone} (Connection refused)")


@pytest.mark.parametrize("far", ["http://10.1.2.3:8000", "http://192.168.1.1", "http://169.254.1.1:80"])
def test_a_host_beyond_this_machine_is_refused(journeys: Path, far: str) -> None:
    refused(LoadAsked(hosts=(far,), journeys=journeys), f"{far} is beyond this machine")


@pytest.mark.parametrize(
    "wrong", ["127.0.0.1:8000", "https://127.0.0.1", "http://127.0.0.1:99999", "http://", "http://127.0.0.1/shop"]
)
def test_an_address_that_cannot_be_used_is_refused(journeys: Path, wrong: str) -> None:
    refused(LoadAsked(hosts=(wrong,), journeys=journeys), f"the address {wrong!r} can't be used")


@pytest.mark.parametrize(
    ("threshold", "said"),
    [
        ("look p99", "column 9: expected a comparison"),
        ("lok.p99 < 1s", "column 1: unknown journey 'lok'; did you mean 'look'?"),
        ("look.p99 < 1s during", "unknown phase 'during'"),
    ],
)
def test_a_threshold_that_cannot_be_meant_is_refused(host: str, journeys: Path, threshold: str, said: str) -> None:
    refused(LoadAsked(hosts=(host,), journeys=journeys, expect=(threshold,)), said)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{look: 1}", "{lok: 1}", "spike.yaml:2:11: unknown journey 'lok'; did you mean 'look'?"),
        ("phases", "fases", "spike.yaml:3:1: unknown key 'fases'; did you mean 'phases'?"),
        ("look.p99", "lok.p99", "unknown journey 'lok'"),
        ("rate: 20}", "rate: -1}", "spike.yaml:4:"),
    ],
)
def test_a_profile_with_a_mistake_is_refused(host: str, journeys: Path, old: str, new: str, said: str) -> None:
    file = profile(journeys.parent, PROFILE.replace(old, new))
    refused(LoadAsked(hosts=(host,), journeys=journeys, profile=file), said)


def test_nothing_named_is_told_what_to_name() -> None:
    refused(LoadAsked(), "name a system, or --host and --locustfile")


def test_a_system_beyond_this_machine_is_loaded_only_when_it_allows_that(tmp_path: Path) -> None:
    text = SYSTEM.replace("entry", "runtime: attach\nentry").replace(
        'run: {command: [python, app.py, "{port}"]}', "attach: {addresses: ['http://10.1.2.3:80']}"
    )
    (tmp_path / "system.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "loadtests").mkdir()
    (tmp_path / "loadtests" / "journeys.yaml").write_text(STEPS, encoding="utf-8")
    refused(LoadAsked(system=tmp_path / "system.yaml"), "http://10.1.2.3:80 is beyond this machine")
    allowed = text.replace("entry:", "environment: staging\nallow: [load]\nentry:")
    (tmp_path / "system.yaml").write_text(allowed, encoding="utf-8")
    assert isinstance(prepare_load(LoadAsked(system=tmp_path / "system.yaml")), LoadRun)
    refused(LoadAsked(system=tmp_path / "system.yaml", rate=60.0), "60 journeys a second are more than 50")


def test_a_replay_has_room_for_the_fullest_second_of_its_recording(host: str, tmp_path: Path) -> None:
    (tmp_path / "journeys.yaml").write_text("journeys:\n  look: {deadline: 60s, steps: [GET /]}\n", encoding="utf-8")
    burst = [f"{5 + number / 10:.1f},look" for number in range(10)]
    (tmp_path / "day.csv").write_text("\n".join(["time,journey", "0,look", *burst, "99,look"]), encoding="utf-8")
    named = profile(tmp_path, "load: day\nreplay: day.csv\n")
    run = prepare_load(LoadAsked(hosts=(host,), journeys=tmp_path / "journeys.yaml", profile=named))
    assert run.profile.phases[0].end_rate < 1 < run.profile.peak_rate == 10
    assert run.pool == 600
