"""Templates with placeholders, which services and stores find as files below `{data}`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import DeclarationError
from harness.model.system import Run, Store, StoreKind
from harness.model.topology import Topology
from harness.runtime import config_files
from harness.runtime.addresses import check_placeholders
from harness.runtime.config_files import placeholders, rendered, write_files
from tests.runtime.fakes import REDIS, system_of

VALUES = {"port": "20001", "edge.db.host": "127.0.0.1", "edge.db.port": "30001"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"db": {"host": "{edge.db.host}", "port": {edge.db.port}}}', '{"db": {"host": "127.0.0.1", "port": 30001}}'),
        ("server { listen {port}; set $a ${remote_addr}; }", "server { listen 20001; set $a ${remote_addr}; }"),
        ("at {{port}}, {{{port}}}, {{ port }}", "at {port}, {{port}}, {{ port }}"),
        ("{} { } {PORT} {0} {unknown}", "{} { } {PORT} {0} {unknown}"),
    ],
)
def test_only_a_word_in_braces_is_a_placeholder(text: str, expected: str) -> None:
    assert rendered(text, VALUES.get) == expected


@given(st.text(alphabet='{}ab.$ \n"'))
def test_what_the_check_lets_through_has_nothing_of_ours_left(text: str) -> None:
    told = {found.name for found in placeholders(text)}
    assert rendered(text, lambda name: "x" if name in told else None).count("\n") == text.count("\n")


def test_a_placeholder_is_told_with_its_line_and_column() -> None:
    (found,) = placeholders("one\n  two: {edge.db.prot}\n${remote_addr}\n")
    assert (found.name, found.line, found.column) == ("edge.db.prot", 2, 8)


def with_files(root: Path, files: dict[str, str], *, of_store: bool = False) -> Topology:
    run = Run(command=("serve",), files=files)
    stores = {"cache": Store(kind=StoreKind.TCP, run=run)} if of_store else {"redis": REDIS}
    return system_of(root, run=Run(command=("serve",)) if of_store else run, stores=stores)


@pytest.mark.parametrize("of_store", [False, True])
def test_an_unknown_placeholder_is_told_with_file_and_line_of_the_template(tmp_path: Path, *, of_store: bool) -> None:
    (tmp_path / "app.conf").write_text("[db]\nport = {prot}\n", encoding="utf-8")
    with pytest.raises(DeclarationError) as refused:
        check_placeholders(with_files(tmp_path, {"app.conf": "app.conf"}, of_store=of_store))
    message = str(refused.value)
    assert message.startswith(f"{tmp_path}/app.conf:2:8: ")
    assert "unknown placeholder {prot}; expected one of {port}" in message


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"a.conf": "nowhere.conf"}, "nowhere.conf can't be read: No such file or directory"),
        ({"a.conf": "."}, "can't be read: Is a directory"),
        ({"a.conf": "binary"}, "binary is not UTF-8 (byte 0)"),
        ({"a.conf": "large"}, "large has more than 64 bytes"),
        ({"../a.conf": "good"}, "'../a.conf' does not lie below {data}"),
        ({"/etc/a.conf": "good"}, "'/etc/a.conf' does not lie below {data}"),
        ({"": "good"}, "'' does not lie below {data}"),
    ],
)
def test_files_that_can_not_be_made_are_refused_before_the_start(
    tmp_path: Path, files: dict[str, str], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_files, "TEMPLATE_BYTES", 64)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "large").write_text("x" * 65, encoding="utf-8")
    (tmp_path / "good").write_text("{port} {secret.any}", encoding="utf-8")
    topology = with_files(tmp_path, files)
    with pytest.raises(DeclarationError) as refused:
        check_placeholders(topology)
    assert complaint in str(refused.value)


def test_files_are_written_below_the_directory_for_their_owner_only(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("port={port}\n", encoding="utf-8")
    write_files({"etc/app/x.conf": "t"}, tmp_path, tmp_path / "data", VALUES.get)
    written = tmp_path / "data" / "etc" / "app" / "x.conf"
    assert written.read_text(encoding="utf-8") == "port=20001\n"
    assert written.stat().st_mode & 0o777 == 0o600


def test_a_store_is_started_by_a_command(tmp_path: Path) -> None:
    store = Store(kind=StoreKind.TCP, run=Run(python="a:b"))
    with pytest.raises(DeclarationError, match="a store is started by a command, and 'cache' names a function"):
        check_placeholders(system_of(tmp_path, run=Run(command=("serve",)), stores={"cache": store}))


def test_what_a_server_of_tls_needs_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("{tls.cert} {tls.key}", encoding="utf-8")
    topology = with_files(tmp_path, {"t": "t"})
    services = {name: each.model_copy(update={"tls": True}) for name, each in topology.system.services.items()}
    check_placeholders(replace(topology, system=topology.system.model_copy(update={"services": services})))
