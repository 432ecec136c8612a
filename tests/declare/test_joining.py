import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli.system import system
from harness.declare import load_system
from harness.declare.joining import MARK
from harness.errors import DeclarationError
from harness.model.system import Need

FRONT = """\
service: front
owner: counter
entry: true
run: {command: [python3, front.py, --port, "{port}"], files: {front.ini: front.ini.in}}
openapi: api.json
needs:
  - {to: oven, need: hard, deadline: 500 ms}
journeys:
  buy: {critical: true, deadline: 2 s}
"""
OVEN = """\
service: oven
owner: kitchen
run: {python: "oven:serve", path: [src], cwd: here}
needs: [{to: postgres, need: hard, at: ["db.internal:5432"]}, {to: shed, need: soft}]
takes_part: [{journey: buy, need: hard}]
stores: {postgres: {kind: postgres, owner: cellar, databases: [oven]}}
openapi: /openapi.json
"""
SHED = """\
service: shed
owner: garden
run: {command: [shed]}
needs: [{to: postgres, need: hard}]
takes_part: [{journey: buy, need: soft}]
stores: {postgres: {kind: postgres, owner: cellar, databases: [shed]}}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in {"front": FRONT, "oven": OVEN, "shed": SHED}.items():
        (tmp_path / "repos" / name).mkdir(parents=True)
        (tmp_path / "repos" / name / "service.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def compose(*arguments: str) -> Result:
    return CliRunner().invoke(system, ["compose", *arguments])


def refused(*arguments: str) -> str:
    done = compose(*arguments)
    assert isinstance(done.exception, DeclarationError), done.output
    assert not Path("system.yaml").exists()
    return str(done.exception)


def mend(name: str, old: str, new: str) -> None:
    file = Path("repos", name, "service.yaml")
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_the_files_of_a_folder_become_one_description(here: Path) -> None:
    done = compose("repos", "--name", "bakery", "-o", "all/system.yaml")
    assert done.exit_code == 0, str(done.exception)
    assert "wrote all/system.yaml: bakery, 3 services, 1 stores, 4 edges" in done.output
    topology = load_system(here / "all/system.yaml")
    assert (topology.name, topology.system.entry) == ("bakery", "front")
    assert [*topology.edges] == ["customers->front", "front->oven", "oven->postgres", "oven->shed", "shed->postgres"]
    assert topology.edges["front->oven"].deadline == 0.5
    assert topology.edges["oven->postgres"].at == ("db.internal:5432",)
    assert topology.edges["oven->shed"].need is Need.SOFT
    assert topology.store("postgres").databases == ("oven", "shed")
    assert topology.journey("buy").needs == ("oven",)
    assert topology.journey("buy").usable_without == ("shed",)


def test_paths_are_seen_from_where_the_description_is(here: Path) -> None:
    compose("repos", "--name", "bakery", "-o", "all/system.yaml")
    topology = load_system(here / "all/system.yaml")
    assert topology.run_of("oven").cwd == "../repos/oven/here"
    assert topology.run_of("oven").path == ("../repos/oven/src",)
    assert topology.run_of("front").cwd == "../repos/front"
    assert topology.run_of("front").files == {"front.ini": "../repos/front/front.ini.in"}
    assert topology.service("front").openapi == "../repos/front/api.json"
    assert topology.service("oven").openapi == "/openapi.json"


def test_what_belongs_to_no_service_comes_from_a_common_file(here: Path) -> None:
    common = """\
system: bakery
degraded: {header: X-Degraded}
stores: {bus: {kind: nats, owner: platform}}
journeys: {look: {deadline: 1 s}}
"""
    (here / "common.yaml").write_text(common, encoding="utf-8")
    mend("shed", "needs: [", "needs: [{to: bus, need: soft}, ")
    mend("shed", "takes_part: [", "takes_part: [{journey: look, need: hard}, ")
    done = compose("repos", "--common", "common.yaml")
    assert done.exit_code == 0, str(done.exception)
    topology = load_system(here / "system.yaml")
    assert topology.name == "bakery"
    assert topology.system.degraded.header == "X-Degraded"
    assert {*topology.system.stores} == {"bus", "postgres"}
    assert topology.journey("look").needs == ("shed",)


def test_it_is_written_anew_but_nothing_else_is_overwritten(here: Path) -> None:
    assert compose("repos", "--name", "a").exit_code == 0
    assert compose("repos", "--name", "b").exit_code == 0
    assert (here / "system.yaml").read_text(encoding="utf-8").startswith(MARK)
    (here / "system.yaml").write_text("mine", encoding="utf-8")
    done = compose("repos", "--name", "c")
    assert "system.yaml: is there already, and was not made by `harness system compose`" in str(done.exception)
    assert (here / "system.yaml").read_text(encoding="utf-8") == "mine"


def test_files_may_be_named_one_by_one(here: Path) -> None:
    done = compose("repos/shed/service.yaml", "repos/oven", "repos", "--name", "a")
    assert done.exit_code == 0, str(done.exception)
    assert [*load_system(here / "system.yaml").system.services] == ["shed", "oven", "front"]


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("oven", "service: oven", "service: shed",
         "shed/service.yaml:1:10: 'shed' has two owners: 'garden', and 'kitchen' in repos/oven/service.yaml:1:10"),
        ("shed", "service: shed\nowner: garden", "service: oven\nowner: kitchen",
         "shed/service.yaml:1:10: the service 'oven' is described in repos/oven/service.yaml:1:10 too"),
        ("front", "to: oven", "to: ovne",
         ("front/service.yaml:7:10: 'front' needs 'ovne', which is no service and no store of any file; "
          "did you mean 'oven'?")),
        ("shed", "owner: cellar", "owner: attic",
         ("shed/service.yaml:6:20: the store 'postgres' has another 'owner' in "
          "repos/oven/service.yaml:6:20; two owners")),
        ("shed", "kind: postgres", "kind: redis",
         "the store 'postgres' has another 'kind' in repos/oven/service.yaml"),
        ("shed", "stores: {postgres:", "stores: {oven: {kind: redis}, postgres:",
         "the store 'oven' is called as the service in repos/oven/service.yaml:1:10 is"),
        ("shed", "journey: buy", "journey: byu",
         "'shed' takes part in the journey 'byu', which no file declares; did you mean 'buy'?"),
        ("shed", "owner: garden", "owner: garden\njourneys: {buy: {deadline: 1 s}}",
         "the journey 'buy' is declared in repos/front/service.yaml:9:8 too"),
        ("shed", "owner: garden", "owner: garden\nentry: true",
         "'shed' is the entry, and so is 'front' in repos/front/service.yaml:1:10"),
        ("front", "entry: true\n", "", "no service is the entry: nobody says `entry: true`"),
        ("front", "owner: counter", "ownr: counter",
         "front/service.yaml:2:1: unknown key 'ownr'; did you mean 'owner'?"),
        ("front", "need: hard", "need: heart", "front/service.yaml:7:22: 'need'"),
        ("front", "need: hard, ", "", "'need' is missing"),
        ("front", "service: front", "service: Front Desk", "'service' has a wrong form"),
        ("front", "service: front", "service: {", "is not YAML"),
        ("shed", "to: postgres", "to: shed", "joins a service to itself"),
        ("oven", "databases: [oven]", "databases: [shed]", "leads to a store without a database for 'oven'"),
        ("shed", "needs: [", "needs: [{to: front, need: hard}, ", None),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_said_with_its_place(name: str, old: str, new: str, said: str | None) -> None:
    mend(name, old, new)
    if said is None:
        assert compose("repos", "--name", "bakery").exit_code == 0
    else:
        assert said in refused("repos", "--name", "bakery")


def test_all_files_problems_are_told_at_once() -> None:
    mend("front", "owner: counter", "ownr: counter")
    mend("shed", "owner: garden", "ownr: garden")
    assert refused("repos", "--name", "bakery").count("unknown key 'ownr'") == 2


def test_a_system_without_a_name_is_refused() -> None:
    assert "nothing says what the system is called; add --name" in refused("repos")


def test_a_common_file_says_nothing_of_services(here: Path) -> None:
    (here / "common.yaml").write_text("system: a\nservices: {}\n", encoding="utf-8")
    assert "common.yaml:2:1: 'services' come from the service.yaml files" in refused("repos", "--common", "common.yaml")


def test_a_folder_without_files_is_refused(here: Path) -> None:
    (here / "empty" / ".hidden").mkdir(parents=True)
    (here / "empty" / ".hidden" / "service.yaml").write_text(FRONT, encoding="utf-8")
    assert "empty: no service.yaml below it" in refused("empty", "--name", "a")


@pytest.mark.skipif(os.geteuid() != 0, reason="as another user there is nothing that only root may write")
def test_a_place_that_can_not_be_written_is_told(here: Path) -> None:
    (here / "file").write_text("", encoding="utf-8")
    done = compose("repos", "--name", "a", "-o", "file/system.yaml")
    assert isinstance(done.exception, DeclarationError | SystemExit)
