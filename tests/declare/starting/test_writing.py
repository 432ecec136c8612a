from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from harness.declare import load_experiments, load_invariants, load_system
from harness.declare.starting import (
    Answers,
    Draft,
    already_there,
    from_answers,
    from_compose,
    from_openapi,
    from_procfile,
    write,
    written,
)
from harness.declare.starting.names import distinct, normal
from harness.declare.starting.scalars import scalar
from harness.declare.steps import read_steps
from harness.declare.yaml import parse_yaml
from harness.errors import DeclarationError
from harness.faults import fault_table
from harness.model.declared import Name
from harness.model.system import RuntimeKind
from harness.runtime.addresses import check_placeholders

COMPOSE = """\
name: Pizza "House"
services:
  Front_End:
    build: .
    ports: ["8080:80"]
    depends_on: [orders]
    environment: {ORDERS: "http://orders:3000", GREETING: "${GREETING}"}
  orders:
    image: acme/orders
    environment: {DB_HOST: db}
    pid: host
  db: {image: postgres}
"""
PROCFILE = "web: python3 web.py\napi: python3 api.py -p 5001 # {x}\n"
ENV = "API_URL=http://localhost:5001\nDATABASE_URL=postgresql://localhost/x\nODD='yes: {no} # \"'\nN=007\n"
OPENAPI = """\
openapi: 3.0.3
info: {title: Orders, version: "1"}
servers: [{url: "https://qa.example.org"}]
paths:
  /orders:
    get: {operationId: listOrders, responses: {"200": {description: them}}}
    post:
      requestBody: {content: {application/json: {example: {note: "a: b {place}"}}}}
      responses: {"201": {description: it}}
"""


def compose(tmp_path: Path) -> Draft:
    (tmp_path / "docker-compose.yml").write_text(COMPOSE, encoding="utf-8")
    return from_compose(tmp_path / "docker-compose.yml", environ={}, directory=tmp_path)


def procfile(tmp_path: Path) -> Draft:
    (tmp_path / "Procfile").write_text(PROCFILE, encoding="utf-8")
    (tmp_path / ".env").write_text(ENV, encoding="utf-8")
    return from_procfile(tmp_path / "Procfile")


def openapi(tmp_path: Path) -> Draft:
    (tmp_path / "orders.yaml").write_text(OPENAPI, encoding="utf-8")
    return from_openapi([tmp_path / "orders.yaml"], directory=tmp_path)


def answers(tmp_path: Path) -> Draft:
    del tmp_path
    return from_answers(Answers(name="my own"))


def answers_for_compose(tmp_path: Path) -> Draft:
    del tmp_path
    return from_answers(Answers(name="x", runtime=RuntimeKind.COMPOSE, services=("web", "db=Database_1")))


def answers_for_attach(tmp_path: Path) -> Draft:
    del tmp_path
    services = ("web=http://127.0.0.1:1", "db=http://127.0.0.1:2")
    return from_answers(Answers(name="x", runtime=RuntimeKind.ATTACH, services=services, entry="db"))


def answers_for_namespaces(tmp_path: Path) -> Draft:
    del tmp_path
    services = ("web:8000=node web.js", "db:8000=node db.js --url=http://x:1")
    return from_answers(Answers(name="x", runtime=RuntimeKind.NAMESPACES, services=services))


NAME: TypeAdapter[str] = TypeAdapter(Name)
SOURCES = [compose, procfile, openapi, answers, answers_for_compose, answers_for_attach, answers_for_namespaces]
Source = Callable[[Path], Draft]


@pytest.mark.parametrize("source", SOURCES)
def test_what_is_written_loads(tmp_path: Path, source: Source) -> None:
    draft = source(tmp_path)
    write(written(draft), tmp_path)

    topology = load_system(tmp_path / "system.yaml")
    check_placeholders(topology)
    content = topology.system.content
    experiments = load_experiments(tmp_path / content.chaos / "experiments", topology, faults=fault_table())
    load_invariants(tmp_path / content.chaos, topology)
    journeys, _ = read_steps(tmp_path / content.load)

    assert len(experiments) == 1
    assert journeys.keys() == topology.system.journeys.keys()
    assert {*topology.system.services} == {each.name for each in draft.services}
    assert {*topology.system.stores} == {each.name for each in draft.stores}
    for test in (tmp_path / content.contracts).rglob("*.py"):
        compile(test.read_text(encoding="utf-8"), str(test), "exec")
    assert len([*(tmp_path / content.contracts / "consumers").glob("test_*.py")]) == 1


def test_values_come_back_as_they_were(tmp_path: Path) -> None:
    write(written(procfile(tmp_path)), tmp_path)
    env = load_system(tmp_path / "system.yaml").service("web").env
    assert (env["ODD"], env["N"], env["API_URL"]) == ('yes: {{no}} # "', "007", "{edge.api.url}")


def test_what_could_not_be_taken_over_stands_at_the_top(tmp_path: Path) -> None:
    text = written(compose(tmp_path))["system.yaml"]
    assert "# - docker-compose.yml:11:5: 'pid: host' of 'orders'" in text
    assert text.index("pid: host") < text.index("system: pizza-house")


def test_what_is_not_on_this_machine_may_not_be_touched_yet(tmp_path: Path) -> None:
    write(written(openapi(tmp_path)), tmp_path)
    system = load_system(tmp_path / "system.yaml").system
    assert (system.environment, system.allow) == ("remote", ())


@pytest.mark.parametrize("taken", ["system.yaml", "chaos/invariants.yaml", "loadtests/journeys.yaml"])
def test_nothing_is_overwritten_and_nothing_is_written_beside_it(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / taken).write_text("mine", encoding="utf-8")
    files = written(answers(tmp_path))

    with pytest.raises(DeclarationError, match=f"{taken}: is there already, and is left as it is; nothing was written"):
        write(files, tmp_path)
    assert already_there(files, tmp_path) == [tmp_path / taken]
    assert (tmp_path / taken).read_text(encoding="utf-8") == "mine"


def test_when_one_file_can_not_be_written_none_is(tmp_path: Path) -> None:
    (tmp_path / "loadtests").write_text("a file where a folder should be", encoding="utf-8")
    with pytest.raises(DeclarationError, match="can't be written"):
        write(written(answers(tmp_path)), tmp_path)
    assert not (tmp_path / "system.yaml").exists()


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        (Answers(name="x", services=("web",)), "'web' has no command; expected NAME=COMMAND"),
        (
            Answers(name="x", services=("Web=a",)),
            "'Web' is not a name: lower-case words joined by hyphens; call it 'web'",
        ),
        (Answers(name="x", services=("=a",)), "'' is not a name"),
        (Answers(name="x", services=("web='a",)), "the command of 'web' can't be read: No closing quotation"),
        (Answers(name="x", services=("web=a", "web=b")), "'web' is taken"),
        (Answers(name="x", services=("customers=a",)), "'customers' is taken"),
        (Answers(name="x", entry="wep"), "'wep' is no service; did you mean 'web'?"),
        (Answers(name="x", path="index"), "expected something like /, found 'index'"),
        (Answers(name="x", runtime=RuntimeKind.ATTACH, services=("web=there",)), "'web' has no address"),
        (Answers(name="x", services=("web:8000=true",)), "'web:8000' is no service"),
        (
            Answers(name="x", runtime=RuntimeKind.NAMESPACES, services=("web:70000=true",)),
            "expected NAME:PORT=COMMAND, such as web:8000=node server.js",
        ),
    ],
)
def test_an_answer_that_makes_no_sense_is_refused(given_: Answers, said: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        from_answers(given_)
    assert said in str(refused.value)


@settings(deadline=None)  # on a busy machine any step may take long
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_is_read_back_from_its_scalar(text: str) -> None:
    assert parse_yaml(f"key: {scalar(text)}   # why", file="x").content == {"key": text}


@settings(deadline=None)  # on a busy machine any step may take long
@given(st.lists(st.text(max_size=60), max_size=8))
def test_any_names_become_different_names_of_ours(texts: list[str]) -> None:
    names = distinct(texts)
    assert len({*names.values()}) == len({*texts})
    for name in names.values():
        NAME.validate_python(name)
    assert "customers" not in names.values()


@settings(deadline=None)  # on a busy machine any step may take long
@given(st.text(max_size=60))
def test_a_name_of_ours_stays_as_it_is(text: str) -> None:
    assert normal(normal(text)) == normal(text)
