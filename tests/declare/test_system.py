import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.declare import find_description, load_system
from harness.declare.yaml import parse_yaml
from harness.errors import DeclarationError
from harness.model.topology import InstanceId

SOUND = """\
system: tiny
entry: front
services:
  front: {owner: web, run: {command: [front]}, instances: [{zone: a}, {zone: b}]}
  back: {owner: core, run: {command: [back]}}
stores:
  db: {kind: postgres, databases: [back]}
edges:
  - {from: front, to: back, need: hard, deadline: 500ms}
  - {from: back, to: db, need: hard}
journeys:
  look: {deadline: 1s, needs: [back, db]}
"""


POSTGRES = "{kind: postgres, databases: [back]}"
CLUSTER = """{kind: nats, databases: [back], cluster: c}
  db-b: {kind: nats, databases: [back], cluster: c, zone: b}
  db-c: {kind: nats, databases: [back], cluster: c, zone: c}"""


SCALED = "{{command: [back]}}, scaling: {{signal: requests, above: 20, for: 3 s, most: {most}}}"
LONELY = f"services:\n  lonely: {{owner: nobody, run: {SCALED.format(most=3)}}}"


def described(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "system.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_sound_description_becomes_a_topology(tmp_path: Path) -> None:
    topology = load_system(described(tmp_path, SOUND))
    assert topology.start_order == (("db",), ("back",), ("front",))
    assert topology.instances_of("front") == (
        InstanceId(service="front", index=1, zone="a"),
        InstanceId(service="front", index=2, zone="b"),
    )
    assert [line.name for line in topology.lines] == [
        "customers-1->front-1",
        "customers-1->front-2",
        "front-1->back-1",
        "front-2->back-1",
        "back-1->db-1",
    ]
    assert topology.protocol(topology.edges["back->db"]) == "postgres"


def test_a_scaled_service_has_standbys_with_lines_which_do_not_count_as_its_instances(tmp_path: Path) -> None:
    text = SOUND.replace("{command: [back]}", SCALED.format(most=3) + ", instances: [{zone: x, port: 9000}, {zone: y}]")
    topology = load_system(described(tmp_path, text))
    standby = InstanceId(service="back", index=3, zone="x")
    assert [each.name for each in topology.instances_of("back")] == ["back-1", "back-2"]
    assert topology.standbys == (standby,)
    assert topology.possible_of("back") == (*topology.instances_of("back"), standby)
    assert topology.possible_of("db") == topology.instances_of("db")
    assert topology.spec("back", 3).port is None
    lines = [line.name for line in topology.lines]
    assert {"front-1->back-3", "front-2->back-3", "back-3->db-1"} <= set(lines)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("owner: web", "ownr: web", "4:11: unknown key 'ownr'; did you mean 'owner'?"),
        ("owner: core", "owner: 3", "5:17: 'owner' is of the wrong type: expected text, found 3"),
        ("to: back,", "to: bakc,", "9:23: the edge front → bakc ends at an unknown service or store 'bakc'"),
        ("from: back,", "from: bck,", "10:12: the edge bck → db starts at an unknown service 'bck'"),
        ("entry: front", "entry: fornt", "2:8: the entry 'fornt' is no service; did you mean 'front'?"),
        ("deadline: 1s", "deadline: 1", "12:20: 'deadline': expected a duration such as '250ms', '1.5s' or '2m'"),
        ("databases: [back]", "databases: [backk]", "7:36: the database 'backk' belongs to an unknown service"),
        ("databases: [back]", "databases: []", "10:5: the edge back → db leads to a store without a database"),
        ("needs: [back, db]", "needs: [bac, db]", "12:32: the journey 'look' names an unknown service or store 'bac'"),
        ("{command: [back]}", "{command: [back], fork: true}", "5:28: 'run': 'fork' goes with 'python' only"),
        ("need: hard, deadline", "need: hrad, deadline", "9:35: 'need'"),
        ("kind: postgres", "kind: oracle", "7:14: 'kind'"),
        ("  db:", "  back:", "7:3: 'back' is a service already"),
        ("system: tiny", "system: tiny\nsystem: twice", "2:1: key 'system' stands here twice"),
        ("[{zone: a}, {zone: b}]", "[{port: 9000}, {port: 9000}]", "the port 9000 is given to 2 instances"),
        ("entry: front", "entry: [front", "is not YAML"),
        ("{command: [back]}", SCALED.format(most=0), "'most': Input should be greater than or equal to 1"),
        ("{command: [back]}", SCALED.format(most=21), "'most': Input should be less than or equal to 20"),
        (
            "{command: [back]}",
            SCALED.format(most=3).replace("requests", "luck"),
            "'signal': Input should be 'requests'",
        ),
        ("{command: [front]}", SCALED.format(most=1), "'most' is 1, and 2 instances of 'front' are declared"),
        ("{command: [front]}", SCALED.format(most=3), "the entry 'front' can't be scaled: customers know its declared"),
        ("services:", LONELY, "no edge leads to 'lonely', so nobody can tell how many requests it gets"),
        ("databases: [back]", "databases: [back], cluster: c", "7:43: 'cluster' goes with nats only, 'db' is postgres"),
        (POSTGRES, "{kind: nats, cluster: c}", "7:29: the cluster 'c' has 1 node(s), and needs 3"),
        (POSTGRES, "{kind: redis, databases: [back]}", "7:21: 'databases' go with postgres and nats, 'db' is redis"),
        (POSTGRES, "{kind: nats, databases: [front]}", "10:5: the edge back → db leads to a store without a database"),
        ("entry: front", "entry: front\naccess: {headers: {A b: c}}", "3:20: 'A b' is not a name"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in SOUND
    with pytest.raises(DeclarationError) as caught:
        load_system(described(tmp_path, SOUND.replace(old, new)))
    assert f"system.yaml:{said}" in str(caught.value) or said in str(caught.value)


def test_the_nodes_of_a_cluster_know_one_another_and_their_zones(tmp_path: Path) -> None:
    topology = load_system(described(tmp_path, SOUND.replace(POSTGRES, CLUSTER)))
    assert topology.nodes_of("db-b") == ("db", "db-b", "db-c")
    assert [(each.name, each.zone) for each in topology.store_instances] == [
        ("db-1", "a"),
        ("db-b-1", "b"),
        ("db-c-1", "c"),
    ]
    assert topology.instances_of("db-c") == topology.store_instances[2:]


def test_the_nodes_of_a_cluster_must_know_the_same_users(tmp_path: Path) -> None:
    text = SOUND.replace(POSTGRES, CLUSTER.replace("[back], cluster: c, zone: c", "[front], cluster: c, zone: c"))
    with pytest.raises(DeclarationError, match=r"9:9: 'db-c' and 'db' are nodes of one cluster"):
        load_system(described(tmp_path, text))


def test_a_store_that_stands_alone_is_no_cluster(tmp_path: Path) -> None:
    assert load_system(described(tmp_path, SOUND)).nodes_of("db") == ()


def test_a_cycle_of_hard_edges_is_refused_and_walked(tmp_path: Path) -> None:
    text = SOUND.replace("  - {from: back, to: db", "  - {from: back, to: front, need: hard}\n  - {from: back, to: db")
    with pytest.raises(DeclarationError, match=r"a cycle of hard edges: (front → back → front|back → front → back)"):
        load_system(described(tmp_path, text))


def test_a_cycle_with_a_soft_edge_is_fine(tmp_path: Path) -> None:
    text = SOUND.replace("  - {from: back, to: db", "  - {from: back, to: front, need: soft}\n  - {from: back, to: db")
    assert load_system(described(tmp_path, text)).start_order[-1] == ("front",)


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    text = SOUND.replace("to: back,", "to: nowhere,").replace("entry: front", "entry: nobody")
    with pytest.raises(DeclarationError) as caught:
        load_system(described(tmp_path, text))
    assert len(caught.value.problems) == 2


def test_the_one_description_below_a_directory_is_found(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="none under targets"):
        find_description(tmp_path)
    (tmp_path / "targets" / "one").mkdir(parents=True)
    file = described(tmp_path / "targets" / "one", SOUND)
    assert find_description(tmp_path) == file
    (tmp_path / "targets" / "two").mkdir()
    described(tmp_path / "targets" / "two", SOUND)
    with pytest.raises(DeclarationError, match="several systems are described"):
        find_description(tmp_path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="can't be read: No such file"):
        load_system(tmp_path / "system.yaml")


def test_a_merged_mapping_is_told_at_its_own_keys() -> None:
    document = parse_yaml("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\n", file="merge.yaml")
    assert document.content == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}}
    assert str(document.place(("b", "y"))) == "merge.yaml:2:16"


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_but_never_crashes(text: str) -> None:
    with contextlib.suppress(DeclarationError):
        parse_yaml(text, file="any.yaml")


@pytest.mark.parametrize(
    "text",
    ["=", "&a [*a]", "? [x, y]\n: 1", "{<<: 1}", "{<<: [1]}", "!!int x", "2024-99-99", "a: !!python/none x", "\x00"],
)
def test_odd_yaml_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(DeclarationError):
        parse_yaml(text, file="odd.yaml")
