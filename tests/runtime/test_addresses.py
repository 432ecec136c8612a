from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import DeclarationError
from harness.model.system import InstanceSpec, Run
from harness.model.topology import InstanceId, LineId, Topology
from harness.runtime.addresses import Addresses, check_placeholders, fill, known_names
from tests.runtime.fakes import NATS, POSTGRES, REDIS, system_of

COMMAND = Run(command=("serve", "--port", "{port}"))
TWO = (InstanceSpec(zone="a"), InstanceSpec(zone="b"))


def test_placeholders_are_filled_and_doubled_braces_are_literal() -> None:
    values = {"port": "20001", "edge.bus.url": "nats://127.0.0.1:20002"}
    assert (
        fill('at {port}, {{"to": "{edge.bus.url}"}} {{port}}', values)
        == 'at 20001, {"to": "nats://127.0.0.1:20002"} {port}'
    )


@given(st.text())
def test_text_with_its_braces_doubled_stays_as_it_is(text: str) -> None:
    assert text == fill(text.replace("{", "{{").replace("}", "}}"), {})


@given(st.text(alphabet="{}ab."))
def test_what_the_check_lets_through_can_be_filled(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    topology = system_of(tmp_path_factory.mktemp("root"), run=COMMAND, back_env={"X": text})
    try:
        check_placeholders(topology)
    except DeclarationError:
        return
    values = dict.fromkeys(known_names(topology, "back"), "")
    assert isinstance(fill(text, values), str)


def addresses_of(topology: Topology) -> Addresses:
    stores = [InstanceId(service=name) for name in topology.system.stores]
    return Addresses(
        topology=topology,
        direct={instance: 20_000 + i for i, instance in enumerate([*topology.instances, *stores])},
        entry={line: 30_000 + i for i, line in enumerate(topology.lines)},
        store_url=lambda store, service, port: f"{store}://{service}@127.0.0.1:{port}",
    )


def test_a_service_is_told_the_entries_of_its_own_lines(tmp_path: Path) -> None:
    topology = system_of(tmp_path, run=COMMAND, back=TWO, stores={"postgres": POSTGRES, "redis": REDIS, "bus": NATS})
    addresses = addresses_of(topology)
    back_2 = topology.instances_of("back")[1]

    def entry(store: str) -> int:
        return addresses.entry[LineId(consumer=back_2, provider=InstanceId(service=store))]

    values = addresses.values(back_2)
    assert values["zone"] == "b"
    assert values["instance"] == "back-2"
    assert values["port"] == "20002"
    assert values["edge.postgres.dsn"] == f"postgres://back@127.0.0.1:{entry('postgres')}"
    assert values["edge.redis.url"] == f"redis://back@127.0.0.1:{entry('redis')}"
    front = addresses.values(topology.instances_of("front")[0])
    assert front["edge.back.urls"] == "http://127.0.0.1:30001,http://127.0.0.1:30002"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{prot}", "unknown placeholder {prot}; expected one of {port}, {zone}, {instance}"),
        ("{edge.backk.url}", "there is no edge front->backk"),
        ("{edge.back.dsn}", "unknown placeholder {edge.back.dsn}"),
        ("{edge.back.url}", "one address, but back has 2 instances; expected {edge.back.urls}"),
        ("{edge.postgres.dsn}", "there is no edge front->postgres"),
        ("50{", "a lone '{'"),
        ("{}", "unknown placeholder {}"),
    ],
)
def test_a_placeholder_that_nothing_fills_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    topology = system_of(tmp_path, run=COMMAND, front_env={"X": text}, back=TWO, stores={"postgres": POSTGRES})
    with pytest.raises(DeclarationError) as refused:
        check_placeholders(topology)
    assert "services.front.env.X: " in str(refused.value)
    assert complaint in str(refused.value)
    assert "{{" in str(refused.value) or "use that" in str(refused.value)


def test_a_service_without_a_database_is_refused_its_dsn(tmp_path: Path) -> None:
    store = POSTGRES.model_copy(update={"databases": ("front",)})
    topology = system_of(tmp_path, run=COMMAND, back_env={"DSN": "{edge.postgres.dsn}"}, stores={"postgres": store})
    with pytest.raises(DeclarationError, match=r"expected 'back' in stores\.postgres\.databases; add it there"):
        check_placeholders(topology)


def test_all_wrong_placeholders_are_told_at_once(tmp_path: Path) -> None:
    run = Run(command=("serve", "${HOME}"))
    topology = system_of(tmp_path, run=run, front_env={"A": "{a}", "B": "{b}"})
    with pytest.raises(DeclarationError) as refused:
        check_placeholders(topology)
    assert len(refused.value.problems) == 4


def test_a_single_instance_may_be_addressed_by_either_word(tmp_path: Path) -> None:
    topology = system_of(tmp_path, run=COMMAND, front_env={"A": "{edge.back.url}", "B": "{edge.back.urls}"})
    check_placeholders(topology)
    values = addresses_of(topology).values(topology.instances_of("front")[0])
    assert values["edge.back.url"] == values["edge.back.urls"]
