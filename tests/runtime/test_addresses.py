from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import DeclarationError
from harness.model.system import Access, InstanceSpec, Otlp, Run
from harness.model.topology import InstanceId, LineId, Topology
from harness.runtime.addresses import Addresses, asks_for_spans, check_placeholders, fill, known_names
from harness.runtime.secret import Secrets
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
    instances = (*topology.instances, *topology.store_instances)
    return Addresses(
        topology=topology,
        direct={instance: 20_000 + i for i, instance in enumerate(instances)},
        entry={line: 30_000 + i for i, line in enumerate(topology.lines)},
        store_url=lambda store, service, port: f"{store}://{service}@127.0.0.1:{port}",
        secrets=Secrets(),
        data=Path("/run/data"),
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


def test_spans_are_asked_for_by_the_address_they_go_to_or_by_a_declaration(tmp_path: Path) -> None:
    plain = system_of(tmp_path, run=COMMAND)
    assert not asks_for_spans(plain)
    assert asks_for_spans(replace(plain, system=plain.system.model_copy(update={"otlp": Otlp(port=4318)})))
    told = system_of(tmp_path, run=COMMAND, front_env={"OTEL_EXPORTER_OTLP_ENDPOINT": "{otlp.url}"})
    assert asks_for_spans(told)
    front = told.instances_of("front")[0]
    assert addresses_of(told).values(front)["otlp.url"] == ""
    taken = replace(told, otlp_url="http://127.0.0.1:4318")
    assert addresses_of(taken).values(front)["otlp.url"] == "http://127.0.0.1:4318"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{prot}", "unknown placeholder {prot}; expected one of {port}, {zone}, {instance}"),
        ("{edge.backk.url}", "there is no edge front->backk"),
        ("{edge.back.dsn}", "unknown placeholder {edge.back.dsn}"),
        ("{edge.back.url}", "one address, but back has 2 instances; expected {edge.back.urls} or"),
        ("{edge.postgres.instances}", "there is no edge front->postgres"),
        ("{secret}", "unknown placeholder {secret}"),
        ("{secret.Not A Name}", "{tls.ca}, {otlp.url}, {edge.back.urls}, {edge.back.instances}, {secret.NAME}"),
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
    assert "{{" in str(refused.value) or "use one of those" in str(refused.value)


def test_an_address_comes_with_the_name_of_its_instance(tmp_path: Path) -> None:
    topology = system_of(tmp_path, run=COMMAND, back=TWO)
    values = addresses_of(topology).values(topology.instances_of("front")[0])
    assert values["edge.back.instances"] == "back-1=http://127.0.0.1:30001,back-2=http://127.0.0.1:30002"


def test_an_instance_knows_whose_it_is_and_where_its_files_go(tmp_path: Path) -> None:
    topology = system_of(tmp_path, run=COMMAND, back=TWO)
    values = addresses_of(topology).values(topology.instances_of("back")[1])
    assert (values["service"], values["owner"]) == ("back", "two")
    assert values["data"] == "/run/data/of_services/back-2"


def test_a_secret_is_the_same_wherever_its_name_stands_and_is_taken_out_of_texts(tmp_path: Path) -> None:
    env = {"MINE": "{secret.back}", "ALL": "{secret.operator}"}
    topology = system_of(tmp_path, run=COMMAND, front_env={"OF_BACK": "back={secret.back}"}, back_env=env)
    access = Access(headers={"Authorization": "Bearer {secret.operator}"})
    topology = replace(topology, system=topology.system.model_copy(update={"access": access}))
    check_placeholders(topology)
    addresses = addresses_of(topology)
    front, back = (addresses.values(instance) for instance in topology.instances)
    assert front["secret.back"] == back["secret.back"] != back["secret.operator"]
    assert "secret.operator" not in front
    assert addresses.access_headers() == {"Authorization": f"Bearer {back['secret.operator']}"}
    assert addresses.secrets.redact(f"sent {back['secret.operator']}!") == "sent ***!"
    assert addresses_of(topology).values(topology.instances[1])["secret.back"] != back["secret.back"]


def test_what_the_harness_sends_along_may_hold_secrets_only(tmp_path: Path) -> None:
    access = Access(headers={"Authorization": "Bearer {port}"})
    topology = system_of(tmp_path, run=COMMAND)
    topology = replace(topology, system=topology.system.model_copy(update={"access": access}))
    with pytest.raises(DeclarationError, match=r"access\.headers\.Authorization: \{port\} can't stand here"):
        check_placeholders(topology)


def test_the_environment_of_one_instance_is_checked_too(tmp_path: Path) -> None:
    topology = system_of(tmp_path, run=COMMAND, back=(InstanceSpec(env={"VERSION": "{version}"}),))
    with pytest.raises(DeclarationError, match=r"services\.back\.instances\.0\.env\.VERSION: unknown placeholder"):
        check_placeholders(topology)


def test_a_service_without_an_account_is_refused_the_address(tmp_path: Path) -> None:
    store = NATS.model_copy(update={"databases": ("front",)})
    topology = system_of(tmp_path, run=COMMAND, back_env={"URL": "{edge.bus.url}"}, stores={"bus": store})
    with pytest.raises(DeclarationError, match=r"expected 'back' in stores\.bus\.databases; add it there"):
        check_placeholders(topology)


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
