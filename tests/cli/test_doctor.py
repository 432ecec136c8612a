"""`harness doctor` with parts that are there, missing, broken, or never answer."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import doctor
from harness.cli.doctor import Answer, Environ, Found, Missing, Part, ask, examine, on_path, summary, table


def program(directory: Path, name: str, text: str) -> Path:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def part(name: str, answer: Answer, *, needed: bool = True, mend: str = "apt-get install it") -> Part:
    return Part(name=name, needed=needed, look=lambda _environ: answer, mend=mend)


def test_a_program_on_the_path_is_found_with_its_version(tmp_path: Path) -> None:
    node = program(tmp_path, "node", "echo v20.1.2")

    assert on_path(("nodejs", "node"), "--version")({"PATH": str(tmp_path)}) == Found(version="20.1.2", where=str(node))


def test_a_program_that_is_nowhere_is_missing(tmp_path: Path) -> None:
    assert on_path(("nodejs", "node"), "--version")({"PATH": str(tmp_path)}) == Missing(
        why="no nodejs or node on the PATH"
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("echo 'libssl.so.3: cannot open' >&2; exit 1", "ended with 1: libssl.so.3: cannot open"),
        ("echo 'version 2.12.0'; exit 1", "ended with 1: version 2.12.0"),
        ("exit 127", "ended with 127: nothing said"),
        ("echo 'hello'", "ended with 0: hello"),
    ],
)
def test_a_program_that_fails_or_tells_no_version_is_missing(tmp_path: Path, text: str, why: str) -> None:
    broken = program(tmp_path, "server", text)

    assert ask(broken, "--version", environ={}) == Missing(why=f"{broken} {why}")


def test_a_program_that_can_not_be_started_is_missing(tmp_path: Path) -> None:
    nothing = tmp_path / "server"

    assert ask(nothing, "--version", environ={}) == Missing(
        why=f"{nothing} can't be started: No such file or directory"
    )


@pytest.mark.loopback
def test_a_program_that_never_answers_is_missing_after_the_bound_and_gone_with_its_children(tmp_path: Path) -> None:
    child = tmp_path / "child"
    hanging = program(tmp_path, "server", f"sleep 60 & echo $! >{child}; wait")

    answer = ask(hanging, "--version", environ={"PATH": "/usr/bin:/bin"}, within_s=0.5)

    assert answer == Missing(why=f"{hanging} did not answer within 0.5 s")
    assert is_gone(int(child.read_text()))


def is_gone(pid: int) -> bool:
    """Whether a process has ended, or ends within two seconds."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 2.0)[0])
    finally:
        os.close(handle)


def test_the_table_is_aligned_and_tells_what_mends_a_missing_part() -> None:
    answers: list[tuple[Part, Answer]] = [
        (part("NATS", Found(version="2.15.1", where="/opt/nats-server")), Found(version="2.15.1", where="/opt/nats")),
        (part("Toxiproxy", Missing(why="not on the PATH")), Missing(why="not on the PATH")),
        (part("Node", Missing(why="no node"), needed=False), Missing(why="no node")),
    ]

    assert table(answers).splitlines() == [
        "part       state    version  where",
        "NATS       found    2.15.1   /opt/nats",
        "Toxiproxy  missing  -        needed; not on the PATH",
        "                             mend: apt-get install it",
        "Node       missing  -        optional; no node",
        "                             mend: apt-get install it",
    ]


def test_no_line_of_the_table_is_longer_than_a_hundred_columns() -> None:
    long = "/very" * 60
    answers: list[tuple[Part, Answer]] = [
        (part("NATS", Missing(why="x")), Found(version="2.15.1.2026.11.20", where=f"{long}/nats-server")),
        (part("Valkey", Missing(why="x"), mend="words " * 40), Missing(why=f"{long} ended with 1: {'noise ' * 40}")),
    ]

    lines = table(answers).splitlines()

    assert max(map(len, lines)) <= 100
    assert lines[1].endswith("/nats-server")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([("Python", True, True)], ("All that harness run needs is here.", 0)),
        (
            [("Python", True, True), ("Node", False, False)],
            ("All that harness run needs is here (optional, missing: Node).", 0),
        ),
        (
            [("NATS", True, False), ("Node", False, False)],
            ("Missing for harness run: NATS (optional, missing: Node).", 2),
        ),
    ],
)
def test_only_a_missing_part_that_is_needed_is_red(
    answers: list[tuple[str, bool, bool]], expected: tuple[str, int]
) -> None:
    found, missing = Found(version="1.0", where="/here"), Missing(why="gone")
    given: list[tuple[Part, Answer]] = [
        (part(name, found, needed=needed), found if there else missing) for name, needed, there in answers
    ]

    assert summary(given) == expected


def test_each_part_is_asked_with_the_given_environment() -> None:
    def look(environ: Environ) -> Answer:
        return Found(version="1.0", where=environ["HERE"])

    wanted = Part(name="Thing", needed=True, look=look, mend="")

    assert examine([wanted], {"HERE": "/there"}) == [(wanted, Found(version="1.0", where="/there"))]


@pytest.mark.parametrize(("answer", "code"), [(Found(version="1.0", where="/x"), 0), (Missing(why="gone"), 2)])
def test_the_command_ends_with_the_code_of_its_summary(
    monkeypatch: pytest.MonkeyPatch, answer: Answer, code: int
) -> None:
    monkeypatch.setattr(doctor, "parts", lambda: (part("Thing", answer),))

    result = CliRunner().invoke(doctor.doctor_command)

    assert result.exit_code == code
    assert "Thing" in result.output


def test_mending_gets_toxiproxy_before_it_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(*, environ: Environ, cache: Path, say: Callable[[str], None]) -> None:
        assert environ is os.environ
        say(f"got it into {cache.name}")

    monkeypatch.setattr("harness.proxy.provision.find_toxiproxy", find)
    monkeypatch.setattr(doctor, "parts", lambda: (part("Thing", Found(version="1.0", where="/x")),))

    result = CliRunner().invoke(doctor.doctor_command, ["--mend"])

    assert result.output.startswith("got it into harness\npart ")


def test_a_store_whose_variable_leads_nowhere_is_missing(tmp_path: Path) -> None:
    (nats,) = (each for each in doctor.parts() if each.name == "NATS")

    answer = nats.look({"PATH": str(tmp_path), "HARNESS_NATS": str(tmp_path / "nowhere")})

    assert isinstance(answer, Missing)
    assert f"HARNESS_NATS={tmp_path / 'nowhere'}" in answer.why


def test_a_toxiproxy_that_is_nowhere_is_missing(tmp_path: Path) -> None:
    (toxiproxy,) = (each for each in doctor.parts() if each.name == "Toxiproxy")

    assert toxiproxy.look({"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}) == Missing(
        why="not in HARNESS_TOXIPROXY, not on the PATH, not in the cache"
    )


def test_every_part_has_a_line_that_mends_it() -> None:
    listed = {each.name: each for each in doctor.parts()}

    assert list(listed) == ["Python", "Toxiproxy", "PostgreSQL", "Valkey", "NATS", "Docker", "Chromium", "Node"]
    assert [name for name, each in listed.items() if not each.mend] == []
    assert [name for name, each in listed.items() if not each.needed] == ["Docker", "Chromium", "Node"]
