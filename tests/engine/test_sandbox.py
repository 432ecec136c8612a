"""What a sandbox is made of, before anything is started."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from harness.clock import SystemClock
from harness.engine.sandbox import Following, SandboxOptions, SandboxPlan, plan_sandbox
from harness.engine.stand_ins import choices_text
from harness.errors import DeclarationError, HarnessError
from tests.contracts.stubs.pacts import write
from tests.e2e.shops import changed
from tests.engine.lone import SERVICE_FILE, repository, system


def planned(file: Path, service: str = "orders", **more: object) -> SandboxPlan:
    return plan_sandbox(replace(SandboxOptions(system=file, service=service), **more))  # type: ignore[arg-type]  # options


def test_the_service_keeps_its_own_edges_and_nothing_else(tmp_path: Path) -> None:
    plan = planned(system(tmp_path))
    assert set(plan.topology.system.services) == {"orders", "payments", "mailer"}
    assert set(plan.topology.edges) == {"customers->orders", "orders->payments", "orders->mailer"}
    assert dict(plan.topology.system.stores) == {}
    assert (plan.topology.name, plan.topology.system.entry) == ("orders-alone", "orders")
    assert plan.topology.owner("payments") == "money"


def test_each_provider_says_what_it_is_made_from(tmp_path: Path) -> None:
    file = system(tmp_path)
    made = {each.provider: each.made_from for each in planned(file).stand_ins}
    assert made == {
        "payments": "4 interactions of orders-payments.json",
        "mailer": "no pact: made up from mailer.json",
    }
    (tmp_path / "contracts" / "openapi" / "mailer.json").unlink()
    made = {each.provider: each.made_from for each in planned(file).stand_ins}
    assert made["mailer"] == "nothing: no pact and no OpenAPI document, so it answers 501"


def test_a_service_has_its_own_part_of_a_shared_store(tmp_path: Path) -> None:
    file = system(tmp_path)
    changed(file, "keep: {kind: redis}", "keep: {kind: postgres, databases: [payments, mailer]}")
    topology = planned(file, "payments").topology
    assert {name: store.databases for name, store in topology.system.stores.items()} == {"keep": ("payments",)}
    assert set(topology.system.services) == {"payments"}


def test_one_instance_without_tls_or_scaling_is_enough(tmp_path: Path) -> None:
    file = system(tmp_path)
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    content["services"]["orders"] |= {"instances": [{"zone": "a"}, {"zone": "b"}], "tls": True}
    content["services"]["orders"]["env"] |= {"CERT": "{tls.cert}", "KEY": "{tls.key}"}
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    plan = planned(file)
    assert [each.name for each in plan.topology.instances_of("orders")] == ["orders-1"]
    assert plan.topology.service("orders").tls is False


def test_a_service_file_alone_is_enough(tmp_path: Path) -> None:
    file = repository(tmp_path / "repository")
    pacts = tmp_path / "pacts"
    write(pacts)
    plan = plan_sandbox(SandboxOptions(system=file, pacts=pacts))
    assert set(plan.topology.edges) == {"customers->orders", "orders->payments"}
    assert plan.topology.owner("payments") == "unknown"


def test_a_store_of_a_service_file_comes_along(tmp_path: Path) -> None:
    file = repository(tmp_path / "repository")
    more = "  - {to: keep, need: soft}\nstores: {keep: {kind: redis}}\naccess: {headers: {X-Who: me}}\n"
    file.write_text(SERVICE_FILE + more, encoding="utf-8")
    write(tmp_path)
    plan = plan_sandbox(SandboxOptions(system=file, pacts=tmp_path))
    assert set(plan.topology.system.stores) == {"keep"}
    assert plan.topology.system.access.headers == {"X-Who": "me"}


REFUSED = {
    "ordesr": r"system\.yaml: no service 'ordesr'; did you mean 'orders'\?",
    "keep": r"'keep' is a store, and no service",
}


@pytest.mark.parametrize(("name", "complaint"), REFUSED.items())
def test_a_service_that_is_none_is_refused(name: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=complaint):
        planned(system(tmp_path), name)


def test_a_service_that_its_own_file_does_not_describe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=r"yaml:1:10: no service 'cart' is described here, but 'orders'"):
        planned(repository(tmp_path), "cart")


def test_without_any_pact_or_document_there_is_nothing_to_try(tmp_path: Path) -> None:
    file = system(tmp_path)
    (tmp_path / "contracts" / "openapi" / "mailer.json").unlink()
    (tmp_path / "contracts" / "pacts" / "orders-payments.json").unlink()
    with pytest.raises(DeclarationError, match=r"no pact of 'orders' with any of its providers \(payments, mailer\)"):
        planned(file)


def test_its_own_broken_pact_is_told_with_its_place_and_anothers_is_left_alone(tmp_path: Path) -> None:
    file = system(tmp_path)
    pacts = tmp_path / "contracts" / "pacts"
    (pacts / "cart-payments.json").write_text("{", encoding="utf-8")
    assert len(planned(file).stand_ins) == 2
    (pacts / "orders-mailer.json").write_text('{\n "consumer": ', encoding="utf-8")
    with pytest.raises(DeclarationError, match=r"orders-mailer\.json:2:14: expected JSON"):
        planned(file)


def test_a_document_that_is_broken_is_told(tmp_path: Path) -> None:
    file = system(tmp_path)
    (tmp_path / "contracts" / "openapi" / "mailer.json").write_text("{}", encoding="utf-8")
    with pytest.raises(HarnessError, match=r"mailer\.json: expected an OpenAPI document with operations, found none"):
        planned(file)


def test_what_somebody_else_starts_can_not_be_cut_out(tmp_path: Path) -> None:
    file = system(tmp_path)
    changed(file, "entry: front\n", "entry: front\nruntime: compose\n")
    with pytest.raises(DeclarationError, match=r"system\.yaml:9:5: 'orders' runs in a system of 'runtime: compose'"):
        planned(file)


def test_a_service_file_that_does_not_say_how_it_is_started_is_refused(tmp_path: Path) -> None:
    file = repository(tmp_path)
    text = file.read_text(encoding="utf-8")
    file.write_text("".join(f"{each}\n" for each in text.splitlines() if "run:" not in each), encoding="utf-8")
    with pytest.raises(DeclarationError, match=r"service\.yaml:1:10: nothing says how 'orders' is started"):
        plan_sandbox(SandboxOptions(system=file))


def test_a_placeholder_that_can_not_be_filled_is_told_where_it_stands(tmp_path: Path) -> None:
    file = repository(tmp_path)
    changed(file, "{edge.payments.url}", "{edge.mailer.url}")
    write(tmp_path / "pacts")
    with pytest.raises(DeclarationError, match=r"service\.yaml:4:\d+: .*there is no edge orders->mailer"):
        plan_sandbox(SandboxOptions(system=file, pacts=tmp_path / "pacts"))


@pytest.mark.parametrize("state", ["payments: an order", "an order", "payments: a declined card", "a declined card"])
def test_a_state_or_an_interaction_is_chosen_for_one_stub_or_for_whoever_has_it(state: str, tmp_path: Path) -> None:
    plan = planned(system(tmp_path), states=(state,))
    text = choices_text(plan.stand_ins, plan.chosen)
    assert text.splitlines()[-1] == state
    assert "# payments: a refunded order" in text.splitlines()


@pytest.mark.parametrize(
    ("state", "complaint"),
    [
        ("payments: an ordre", "payments has no state 'an ordre'; did you mean 'an order'"),
        ("an ordre", "no stub has the state 'an ordre'; did you mean 'an order'"),
        ("cart: an order", "no stub has the state 'cart: an order'"),
    ],
)
def test_a_state_that_no_stub_has_is_refused(state: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=complaint):
        planned(system(tmp_path), states=(state,))


def test_only_python_can_be_debugged(tmp_path: Path) -> None:
    file = system(tmp_path)
    changed(file, "code/orders.py", "code/orders.js")
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(f"[{sys.executable}, code", "[node, code"), encoding="utf-8")
    with pytest.raises(HarnessError, match="expected a Python service, but 'orders' is started by 'node'"):
        planned(file, debug_port=5678)


def test_without_debugpy_it_is_said_how_to_get_it(tmp_path: Path) -> None:
    bare = tmp_path / "bin" / "python3"
    bare.parent.mkdir()
    bare.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    bare.chmod(0o755)
    file = system(tmp_path)
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(f"[{sys.executable}, code", f"[{bare}, code"), encoding="utf-8")
    with pytest.raises(HarnessError, match=f"has none; install it there: {bare} -m pip install debugpy"):
        planned(file, debug_port=5678)


def test_with_debugpy_it_waits_on_loopback_and_has_an_hour(tmp_path: Path) -> None:
    able = tmp_path / "bin" / "python3"
    able.parent.mkdir()
    able.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    able.chmod(0o755)
    file = system(tmp_path)
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(f"[{sys.executable}, code", f"[{able}, -u, code"), encoding="utf-8")
    plan = planned(file, debug_port=5678)
    assert plan.topology.run_of("orders").command == (
        str(able), "-u", "-m", "debugpy", "--listen", "127.0.0.1:5678", "--wait-for-client", "code/orders.py",
    )  # fmt: skip
    assert plan.debugger == "127.0.0.1:5678"
    assert float(plan.topology.service("orders").ready_within or 0) == 3600


class Said(list[str]):
    def __call__(self, line: str) -> None:
        self.append(line)


def test_misses_are_told_once_and_matches_are_not(tmp_path: Path) -> None:
    plan = planned(system(tmp_path), directory=tmp_path / "run")
    logs = tmp_path / "run" / "logs"
    logs.mkdir(parents=True)
    said = Said()
    following = Following(plan=plan, clock=SystemClock(), say=said)
    following.look()
    log = logs / "payments-1.log"
    log.write_text(
        "GET / → 200 by 'x'\n501 GET /y matches nothing\n501 GET /y matches nothing\n501 half", encoding="utf-8"
    )
    following.look()
    following.look()
    assert said == ["payments: 501 GET /y matches nothing"]
    with log.open("a", encoding="utf-8") as more:
        more.write(" a line\n")
    following.look()
    assert said[1:] == ["payments: 501 half a line"]


def test_what_is_chosen_in_the_file_is_told_and_what_is_wrong_there_too(tmp_path: Path) -> None:
    plan = planned(system(tmp_path), directory=tmp_path / "run")
    plan.directory.mkdir()
    plan.choices.write_text("# nothing\n", encoding="utf-8")
    said = Said()
    following = Following(plan=plan, clock=SystemClock(), say=said)
    following.look()
    plan.choices.write_text("payments: an order\npayments: an ordre\n", encoding="utf-8")
    following.look()
    plan.choices.write_text("", encoding="utf-8")
    following.look()
    assert said == [
        "from now on: payments: an order",
        "sandbox-state: payments has no state 'an ordre'; did you mean 'an order'?",
        "from now on no state is chosen",
    ]
