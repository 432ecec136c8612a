from __future__ import annotations

from pathlib import Path

import pytest

from harness.declare import load_fuzz, load_system
from harness.errors import DeclarationError
from harness.model.fuzzing import FuzzSettings, Preset
from harness.model.topology import Topology

SYSTEM = """
system: small
entry: front
services:
  front: {owner: us, run: {command: [front]}}
"""


@pytest.fixture
def topology(tmp_path: Path) -> Topology:
    (tmp_path / "system.yaml").write_text(SYSTEM)
    return load_system(tmp_path / "system.yaml")


def test_without_a_file_the_default_profile_holds(tmp_path: Path, topology: Topology) -> None:
    assert load_fuzz(tmp_path, topology) == FuzzSettings()


def test_a_service_is_fuzzed_as_it_is_declared_and_the_other_customer_is_everybodys(
    tmp_path: Path, topology: Topology
) -> None:
    (tmp_path / "fuzz.yaml").write_text("""
another: {headers: {X-Customer: two}}
services:
  front:
    headers: {X-Key: "{secret.key}", X-Tenant: "{env.TENANT}"}
    words: [kettle]
    examples: {"GET /things/{id}": {path: {id: [1, 2]}, query: {q: [a]}}}
    leave_out: {POST /password: it would lock the fuzzer out}
    checks_off: {unsupported_method: known, sql-tautology: known}
    preset: fastapi
    private: ["GET /things/{id}"]
""")
    front = load_fuzz(tmp_path, topology).of("front")
    assert front.another is not None
    assert front.another.headers == {"X-Customer": "two"}
    assert front.examples["GET /things/{id}"].path == {"id": (1, 2)}
    assert front.preset is Preset.FASTAPI


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("services: {frond: {}}", "fuzz.yaml:1:12: 'frond' is no service; did you mean 'front'?"),
        ("services: {front: {wards: [a]}}", "unknown key 'wards'; did you mean 'words'?"),
        ("services: {front: {checks_off: {sql: no need}}}", "no check is called 'sql'"),
        ("services: {front: {checks_off: {script: ''}}}", "at least 3 characters"),
        ("services: {front: {leave_out: {things: no need}}}", "expected a method and a path"),
        ("services: {front: {private: [things]}}", "expected a method and a path"),
        ("services: {front: {examples: {GET /x/{id}: {path: {id: [1]}}}}}", "is not YAML"),
        ("services: {front: {examples: {'GET /x/{id}': {path: {sku: [1]}}}}}", "has no '{sku}' in its path"),
        ("services: {front: {headers: {X-Key: '{secrets.key}'}}}", "{secrets.key} can't stand here"),
        ("another: {headers: {X-Key: '{port}'}}", "fuzz.yaml:1:28: {port} can't stand here"),
        ("another: {headers: {}}", "at least 1 item"),
        (
            "services: {front: {private: [GET /x], leave_out: {GET /x: no need}}}",
            "'GET /x' is left out, so nobody would see whether it is private",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, topology: Topology, text: str, said: str) -> None:
    (tmp_path / "fuzz.yaml").write_text(text)
    with pytest.raises(DeclarationError) as refused:
        load_fuzz(tmp_path, topology)
    assert said in str(refused.value)
    assert str(tmp_path / "fuzz.yaml") in str(refused.value)
